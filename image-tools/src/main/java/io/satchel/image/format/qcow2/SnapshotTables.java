package io.satchel.image.format.qcow2;

import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import io.satchel.image.file.StorageEvent;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Internal snapshots: another L1 table over clusters that are counted once more. Each change is
 * prepared beside what is there and becomes true with one write into the header's first sector, so
 * a crash leaves either state, and leaked clusters at worst. The device holds the lock.
 */
final class SnapshotTables {
  /** From the disk's size to the L1 table's offset: one sector's worth of header. */
  private static final int SIZE_TO_L1_OFFSET = 24;

  private final Qcow2Image image;

  SnapshotTables(Qcow2Image image) {
    this.image = image;
  }

  /** The snapshot with that name or id; ids win, as in qemu-img. */
  @Nullable Snapshot find(String nameOrId) {
    for (Snapshot snapshot : image.snapshots) {
      if (snapshot.id().equals(nameOrId)) {
        return snapshot;
      }
    }
    for (Snapshot snapshot : image.snapshots) {
      if (snapshot.name().equals(nameOrId)) {
        return snapshot;
      }
    }
    return null;
  }

  /** Takes a snapshot of the disk as it is now. */
  Snapshot create(String name, int seconds, int nanos, long clockNanos, long vmStateSize)
      throws IOException {
    long[] table = begin(image.l1.length);
    return finish(
        table,
        writeL1(table),
        new Snapshot(
            0,
            0,
            "",
            name,
            seconds,
            nanos,
            clockNanos,
            vmStateSize,
            image.header.size,
            -1,
            new byte[0],
            16));
  }

  /**
   * Counts everything that the disk's tables reach once more, so that each write from now on goes
   * to a new place. Nothing is waited for: until {@link #finish} has made the file name the
   * snapshot, a crash leaves the disk as it is, and counts that are too high.
   *
   * @param entries of the L1 table that belong to it
   * @return the L1 table of the snapshot
   */
  long[] begin(int entries) throws IOException {
    if (image.header.externalData()) {
      throw refused("keeps its data in another file, so it cannot have snapshots");
    }
    if (image.snapshots.size() >= Qcow2Header.MAX_SNAPSHOTS) {
      throw refused("has as many snapshots as it can have");
    }
    long[] table = Arrays.copyOf(image.l1, entries);
    for (int i = 0; i < table.length; i++) {
      table[i] &= ~Qcow2Image.COPIED;
    }
    countUp(table);
    updateCopied();
    return table;
  }

  /** Makes a snapshot that was begun true; it gets its id here. */
  Snapshot finish(long[] table, long l1Offset, Snapshot unnumbered) throws IOException {
    long id = 1;
    for (Snapshot snapshot : image.snapshots) {
      if (snapshot.id().matches("[0-9]{1,18}")) {
        id = Math.max(id, Long.parseLong(snapshot.id()) + 1);
      }
    }
    image.writeBack();
    image.sync();
    Snapshot snapshot = unnumbered.withId(Long.toString(id)).withL1(l1Offset, table.length);
    List<Snapshot> all = new ArrayList<>(image.snapshots);
    all.add(snapshot);
    switchTable(all);
    return snapshot;
  }

  /** Takes back what {@link #begin} did. */
  void abandon(long[] table) throws IOException {
    countDown(table);
    updateCopied();
    image.writeBack();
  }

  long writeL1(long[] table) throws IOException {
    if (table.length == 0) {
      return 0;
    }
    long bytes = table.length * 8L;
    ByteBuffer content =
        ByteBuffer.allocate((int) (Math.ceilDiv(bytes, image.clusterSize) * image.clusterSize));
    content.put(Qcow2Image.encode(table, 0, table.length)).clear();
    long offset = image.putNew(StorageEvent.L1_GROW_WRITE_TABLE, content);
    image.addMetadata(offset, bytes);
    return offset;
  }

  /** Counts each cluster that a table reaches once more, or not at all when one cannot be. */
  private void countUp(long[] table) throws IOException {
    List<Long> done = new ArrayList<>();
    try {
      visit(
          table,
          cluster -> {
            image.refcounts.increment(cluster);
            done.add(cluster);
          });
    } catch (IOException e) {
      for (long cluster : done) {
        image.refcounts.decrement(cluster);
      }
      throw e;
    }
  }

  /** Something to be done with a host cluster. */
  private interface ClusterAction {
    void on(long cluster) throws IOException;
  }

  /** Goes through the L2 tables of an L1 table and everything they point to. */
  private void visit(long[] table, ClusterAction action) throws IOException {
    for (int i = 0; i < table.length; i++) {
      long l2 = image.checkedL2Table(table[i], -1);
      if (l2 == 0) {
        continue;
      }
      for (int j = 0; j < 1 << image.l2Bits; j++) {
        long entry = image.l2Entry(l2, j);
        if ((entry & Qcow2Image.COMPRESSED) != 0) {
          long first = image.compressedOffset(entry);
          long last = first + image.compressedLength(entry) - 1;
          for (long c = first >> image.clusterBits; c <= last >> image.clusterBits; c++) {
            action.on(c);
          }
        } else if ((entry & Qcow2Image.OFFSET_MASK) != 0) {
          action.on((entry & Qcow2Image.OFFSET_MASK) >> image.clusterBits);
        }
      }
      action.on(l2 >> image.clusterBits);
    }
  }

  /** Uncounts everything that a table reaches, which nothing in the file refers to any more. */
  private void countDown(long[] table) throws IOException {
    // One hole for clusters side by side: a thousand of them would take seconds.
    long[] run = new long[2];
    visit(
        table,
        cluster -> {
          if (uncount(cluster)) {
            if (cluster != run[0] + run[1]) {
              punch(run[0], run[1]);
              run[0] = cluster;
              run[1] = 0;
            }
            run[1]++;
          }
        });
    punch(run[0], run[1]);
  }

  void drop(long cluster) throws IOException {
    if (uncount(cluster)) {
      punch(cluster, 1);
    }
  }

  /** Uncounts a reference; true when nothing uses the cluster any more. */
  private boolean uncount(long cluster) throws IOException {
    image.refcounts.decrement(cluster);
    return image.refcounts.get(cluster) == 0;
  }

  /** Gives free clusters back to the host. */
  private void punch(long first, long count) throws IOException {
    if (count > 0) {
      long offset = first << image.clusterBits;
      long length = count << image.clusterBits;
      image.dropTables(offset, length);
      image.metadata.removeRange(first, count);
      image.punched(offset, length);
      image.freed();
    }
  }

  private void dropL1(long offset, int entries) throws IOException {
    long clusters = Math.ceilDiv(entries * 8L, image.clusterSize);
    image.removeMetadata(offset, entries * 8L);
    for (long i = 0; i < clusters; i++) {
      drop((offset >> image.clusterBits) + i);
    }
  }

  /** Sets COPIED exactly where a cluster is counted once (rule 5). */
  void updateCopied() throws IOException {
    for (int i = 0; i < image.l1.length; i++) {
      long l2 = image.l2Table(i);
      if (l2 == 0) {
        continue;
      }
      for (int j = 0; j < 1 << image.l2Bits; j++) {
        long entry = image.l2Entry(l2, j);
        long offset = entry & Qcow2Image.OFFSET_MASK;
        if ((entry & Qcow2Image.COMPRESSED) != 0 || offset == 0) {
          continue;
        }
        boolean alone = image.refcounts.get(offset >> image.clusterBits) == 1;
        if (alone != ((entry & Qcow2Image.COPIED) != 0)) {
          image.setL2(l2, j, entry ^ Qcow2Image.COPIED, image.l2Bitmap(l2, j));
        }
      }
      boolean alone = image.refcounts.get(l2 >> image.clusterBits) == 1;
      if (alone != ((image.l1[i] & Qcow2Image.COPIED) != 0)) {
        image.setL1(i, image.l1[i] ^ Qcow2Image.COPIED);
      }
    }
  }

  /** Makes another snapshot table true with one write. */
  private void switchTable(List<Snapshot> all) throws IOException {
    final long oldOffset = image.header.snapshotsOffset;
    final long oldLength =
        image.snapshots.isEmpty() ? 0 : Snapshot.encode(image.snapshots).remaining();
    long offset = 0;
    if (!all.isEmpty()) {
      ByteBuffer table = Snapshot.encode(all);
      long length = table.remaining();
      offset = image.refcounts.allocateAdjacent(Math.ceilDiv(length, image.clusterSize));
      image.put(offset, table);
      image.addMetadata(offset, length);
    }
    image.writeBack();
    image.sync();
    ByteBuffer fields = ByteBuffer.allocate(12);
    fields.putInt(all.size()).putLong(offset).flip();
    image.put(60, fields);
    image.sync();
    image.header.snapshotCount = all.size();
    image.header.snapshotsOffset = offset;
    image.snapshots = all;
    if (oldLength > 0) {
      image.removeMetadata(oldOffset, oldLength);
      long clusters = Math.ceilDiv(oldLength, image.clusterSize);
      for (long i = 0; i < clusters; i++) {
        drop((oldOffset >> image.clusterBits) + i);
      }
    }
  }

  /** Deletes a snapshot; the disk stays as it is. */
  void delete(Snapshot snapshot) throws IOException {
    image.writeBack();
    long[] table = image.readTable(snapshot.l1Offset(), snapshot.l1Size(), "a snapshot's L1 table");
    List<Snapshot> all = new ArrayList<>(image.snapshots);
    all.remove(snapshot);
    switchTable(all);
    countDown(table);
    dropL1(snapshot.l1Offset(), snapshot.l1Size());
    updateCopied();
    image.writeBack();
    image.sync();
  }

  /** Makes the disk what it was, its size included. */
  void apply(Snapshot snapshot) throws IOException {
    image.writeBack();
    long[] table = image.readTable(snapshot.l1Offset(), snapshot.l1Size(), "a snapshot's L1 table");
    long needed = Math.ceilDiv(snapshot.diskSize(), image.header.bytesPerL1Entry());
    if (needed > table.length || snapshot.diskSize() < 0) {
      throw image.corrupt(
          "has a snapshot whose L1 table is too small for its disk", snapshot.l1Offset());
    }
    for (int i = 0; i < table.length; i++) {
      table[i] &= ~Qcow2Image.COPIED;
    }
    countUp(table);
    switchL1(table, snapshot.diskSize(), true);
    updateCopied();
    image.writeBack();
    image.sync();
  }

  /**
   * Makes another L1 table, and with it a disk size, true with one write.
   *
   * @param release whether what the old table reaches is to be uncounted
   */
  void switchL1(long[] table, long size, boolean release) throws IOException {
    if (table.length * 8L > Qcow2Header.MAX_L1_BYTES) {
      throw new ImageException(
          Kind.INVALID_REQUEST,
          image.file.name(),
          "cannot hold a disk of " + size + " bytes with its clusters",
          "convert it to an image with larger clusters");
    }
    image.writeBack();
    final long[] oldTable = image.l1;
    final long oldOffset = image.header.l1Offset;
    image.file.about(StorageEvent.L1_GROW_ALLOC_TABLE);
    long offset = writeL1(table);
    if (offset == 0) {
      offset = oldOffset;
    }
    image.writeBack();
    image.sync();
    ByteBuffer fields = ByteBuffer.allocate(SIZE_TO_L1_OFFSET);
    fields.putLong(size).putInt(image.header.cryptMethod).putInt(table.length).putLong(offset);
    image.file.about(StorageEvent.L1_GROW_ACTIVATE_TABLE);
    image.put(24, fields.flip());
    image.sync();
    image.header.size = size;
    image.header.l1Size = table.length;
    image.header.l1Offset = offset;
    image.replaceL1(table);
    if (release) {
      countDown(oldTable);
    }
    if (offset != oldOffset) {
      dropL1(oldOffset, oldTable.length);
    }
  }

  private ImageException refused(String problem) {
    return new ImageException(
        Kind.INVALID_REQUEST, image.file.name(), problem, "convert it to a plain qcow2 first");
  }
}
