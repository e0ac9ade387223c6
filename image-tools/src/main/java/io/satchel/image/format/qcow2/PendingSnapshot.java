package io.satchel.image.format.qcow2;

import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import io.satchel.image.file.Pages;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Arrays;

/**
 * An internal snapshot while it is being taken: the disk of the moment when it was begun, and a
 * machine's state that follows at leisure, while the disk is written on.
 *
 * <p>The state lies behind the virtual disk's end in L2 tables of the snapshot's own, which no
 * other table shares. The snapshot table names it only when all of it is on the medium; before that
 * a crash leaves clusters that are counted and not used, which a check gives back.
 *
 * <p>Any thread may write; closing it before it is finished gives it up.
 */
public final class PendingSnapshot implements AutoCloseable {
  private static final int CHUNK = 1 << 20;

  private final Qcow2Device device;
  private final Qcow2Image image;
  private final SequenceLock exclusive;
  private final long[] diskTable;
  private final Snapshot description;
  private final ByteBuffer chunk;

  /** The clusters that hold the state, in order. */
  private long[] clusters = new long[64];

  private int clusterCount;

  /** The clusters that hold the snapshot's own tables. */
  private long[] tables = {};

  private long written;
  private boolean ended;

  /** Begins it. The caller holds the lock. */
  PendingSnapshot(Qcow2Device device, String name, Instant time, long clockNanos)
      throws IOException {
    this.device = device;
    this.image = device.image;
    this.exclusive = device.exclusive;
    chunk = Pages.allocate((int) Math.max(CHUNK, image.clusterSize));
    long size = image.header.size;
    int entries = (int) Math.ceilDiv(size, image.header.bytesPerL1Entry());
    description =
        new Snapshot(
            0,
            0,
            "",
            name,
            (int) time.getEpochSecond(),
            time.getNano(),
            clockNanos,
            0,
            size,
            -1,
            new byte[0],
            16);
    diskTable = new SnapshotTables(image).begin(entries);
  }

  /** Appends to the machine's state. */
  public void write(ByteBuffer source) throws IOException {
    while (source.hasRemaining()) {
      int n = Math.min(source.remaining(), chunk.remaining());
      chunk.put(chunk.position(), source, source.position(), n);
      chunk.position(chunk.position() + n);
      source.position(source.position() + n);
      written += n;
      if (!chunk.hasRemaining()) {
        store();
      }
    }
  }

  /** Bytes of state so far. */
  public long written() {
    return written;
  }

  private void store() throws IOException {
    while (chunk.position() % image.clusterSize != 0) {
      chunk.put((byte) 0);
    }
    chunk.flip();
    exclusive.lock();
    try {
      refuseIfEnded();
      while (chunk.hasRemaining()) {
        int wanted = chunk.remaining() >> image.clusterBits;
        Refcounts.Run run = image.refcounts.allocate(wanted);
        for (int i = 0; i < run.clusters(); i++) {
          add(run.offset() + i * image.clusterSize);
        }
        int limit = chunk.limit();
        chunk.limit(chunk.position() + (run.clusters() << image.clusterBits));
        image.put(run.offset(), chunk);
        chunk.limit(limit);
      }
    } finally {
      exclusive.unlock();
    }
    chunk.clear();
  }

  private void add(long offset) {
    if (clusterCount == clusters.length) {
      clusters = Arrays.copyOf(clusters, 2 * clusterCount);
    }
    clusters[clusterCount++] = offset;
  }

  private void refuseIfEnded() throws ImageException {
    if (ended) {
      throw new ImageException(
          Kind.IN_USE,
          image.file.name(),
          "was closed while a snapshot was saved into it",
          "save it again");
    }
  }

  /** Makes the snapshot true; returns when it is on the medium. */
  public SnapshotInfo finish() throws IOException {
    if (chunk.position() > 0) {
      store();
    }
    // Without the lock, so that the disk goes on meanwhile; little is left for the waits below.
    image.file.flush();
    exclusive.lock();
    try {
      refuseIfEnded();
      SnapshotTables snapshots = new SnapshotTables(image);
      final long[] table = writeTables();
      long l1Offset = snapshots.writeL1(table);
      own(l1Offset, Math.ceilDiv(table.length * 8L, image.clusterSize));
      image.writeBack();
      image.sync();
      // From here on the file may name it, whatever fails: giving it up is no longer possible.
      ended = true;
      device.snapshots().pendingEnded();
      Snapshot made = snapshots.finish(table, l1Offset, description.withVmState(written));
      image.writeBack();
      image.sync();
      return SnapshotInfo.of(made);
    } finally {
      exclusive.unlock();
    }
  }

  /** Writes L2 tables for the state; gives the whole L1 table. */
  private long[] writeTables() throws IOException {
    int perTable = 1 << image.l2Bits;
    int count = Math.ceilDiv(clusterCount, perTable);
    if ((diskTable.length + (long) count) * 8 > Qcow2Header.MAX_L1_BYTES) {
      throw new ImageException(
          Kind.INVALID_REQUEST,
          image.file.name(),
          "cannot hold so much machine state with its clusters",
          "convert it to an image with larger clusters");
    }
    long[] table = Arrays.copyOf(diskTable, diskTable.length + count);
    for (int i = 0; i < count; i++) {
      ByteBuffer content = ByteBuffer.allocate((int) image.clusterSize);
      int end = Math.min(clusterCount, (i + 1) * perTable);
      for (int n = i * perTable; n < end; n++) {
        content.putLong(clusters[n]);
        if (image.header.extendedL2()) {
          content.putLong(0xFFFF_FFFFL); // every subcluster is stored
        }
      }
      long offset = image.refcounts.allocateAdjacent(1);
      own(offset, 1);
      image.dropTables(offset, image.clusterSize);
      image.put(offset, content.clear());
      table[diskTable.length + i] = offset;
    }
    return table;
  }

  private void own(long offset, long count) {
    int old = tables.length;
    tables = Arrays.copyOf(tables, old + (int) count);
    for (int i = 0; i < count; i++) {
      tables[old + i] = offset + i * image.clusterSize;
    }
  }

  /** Gives it up, unless it is finished: the disk stays as it is. */
  @Override
  public void close() throws IOException {
    exclusive.lock();
    try {
      if (ended) {
        return;
      }
      ended = true;
      device.snapshots().pendingEnded();
      SnapshotTables snapshots = new SnapshotTables(image);
      for (int i = 0; i < clusterCount; i++) {
        snapshots.drop(clusters[i] >> image.clusterBits);
      }
      for (long table : tables) {
        snapshots.drop(table >> image.clusterBits);
      }
      snapshots.abandon(diskTable);
    } finally {
      exclusive.unlock();
    }
  }
}
