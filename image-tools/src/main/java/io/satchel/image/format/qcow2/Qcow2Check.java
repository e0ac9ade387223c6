package io.satchel.image.format.qcow2;

import io.satchel.image.block.ImageException;
import io.satchel.image.block.Watch;
import io.satchel.image.format.CheckReport;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Holds the reference counts and flags against what the tables really refer to, and repairs them.
 * The image is not used by anyone else meanwhile.
 */
final class Qcow2Check {
  private static final int MAX_MESSAGES = 10_000;

  private final Qcow2Image image;
  private final List<String> messages = new ArrayList<>();
  private ReferenceMap references;
  private int corruptions;
  private int leaks;
  private int corruptionsFixed;
  private int leaksFixed;
  private int checkErrors;
  private long allocated;
  private long fragmented;
  private long compressed;
  private long nextContiguous;
  private boolean rebuild;
  private Watch watch = Watch.NONE;
  private long described;

  Qcow2Check(Qcow2Image image) throws IOException {
    this.image = image;
    references = new ReferenceMap(clusters(image.file.size()));
  }

  private long clusters(long bytes) {
    return Math.ceilDiv(bytes, image.clusterSize);
  }

  /** Rebuilds the counts of an image that was not closed (its dirty bit is set, rule 11). */
  void repairDirty() throws IOException {
    CheckReport report = run(true, true);
    if (report.corruptions() > 0 || report.checkErrors() > 0) {
      throw image.corrupt("was not closed properly and cannot be repaired by itself", -1);
    }
  }

  /** Checks, and repairs what is asked for. */
  CheckReport run(boolean fixLeaks, boolean fixErrors) throws IOException {
    return run(fixLeaks, fixErrors, Watch.NONE);
  }

  /** The same; the watch hears of the tables, and may stop it before anything is repaired. */
  CheckReport run(boolean fixLeaks, boolean fixErrors, Watch heardBy) throws IOException {
    watch = heardBy;
    count();
    watch.at(allDescribed(), allDescribed());
    watch = Watch.NONE;
    compare(fixLeaks, fixErrors);
    if (rebuild && fixErrors) {
      rebuild();
    }
    if (fixErrors || fixLeaks) {
      image.writeBack();
      image.sync();
    }
    checkCopied(fixErrors);
    if (fixErrors) {
      image.writeBack();
      image.sync();
      clearMarks();
    }
    return new CheckReport(
        corruptions,
        leaks,
        corruptionsFixed,
        leaksFixed,
        checkErrors,
        references.end() << image.clusterBits,
        clusters(image.header.size),
        allocated,
        fragmented,
        compressed,
        messages);
  }

  /** The bytes of all the disks that the L1 tables describe. */
  private long allDescribed() {
    long entries = image.l1.length;
    for (Snapshot snapshot : image.snapshots) {
      entries += snapshot.l1Size();
    }
    return entries * image.header.bytesPerL1Entry();
  }

  private void clearMarks() throws IOException {
    long marks = Qcow2Header.INCOMPAT_DIRTY | Qcow2Header.INCOMPAT_CORRUPT;
    if (image.header.version >= 3
        && (image.header.incompatible & marks) != 0
        && corruptions == 0
        && checkErrors == 0) {
      image.header.incompatible &= ~marks;
      image.put(72, ByteBuffer.allocate(8).putLong(0, image.header.incompatible));
      image.sync();
    }
  }

  private void say(String message) {
    if (messages.size() < MAX_MESSAGES) {
      messages.add(message);
    }
  }

  private void error(String message) {
    corruptions++;
    say("ERROR " + message);
  }

  // --- Counting ---

  private void count() throws IOException {
    Qcow2Header h = image.header;
    references.add(0);
    range(h.refcountTableOffset, (long) h.refcountTableClusters << image.clusterBits);
    long[] table = image.refcounts.table();
    for (int i = 0; i < table.length; i++) {
      long block = table[i] & Qcow2Image.OFFSET_MASK;
      if (block == 0) {
        continue;
      }
      if ((block & image.clusterSize - 1) != 0) {
        error("refcount block " + i + " is not cluster aligned; refcount table entry corrupted");
        rebuild = true;
      } else if (block >= image.file.size()) {
        error("refcount block " + i + " is outside image");
        rebuild = true;
      } else {
        references.add(block >> image.clusterBits);
        if (references.get(block >> image.clusterBits) != 1) {
          error("refcount block " + i + " refcount=" + references.get(block >> image.clusterBits));
          rebuild = true;
        }
      }
    }
    range(h.l1Offset, h.l1Size * 8L);
    countL1(image.l1, h.l1Offset, true);
    if (h.snapshotCount > 0) {
      range(h.snapshotsOffset, Snapshot.encode(image.snapshots).remaining());
    }
    for (Snapshot snapshot : image.snapshots) {
      range(snapshot.l1Offset(), snapshot.l1Size() * 8L);
      try {
        countL1(
            image.readTable(snapshot.l1Offset(), snapshot.l1Size(), "a snapshot's L1 table"),
            snapshot.l1Offset(),
            false);
      } catch (ImageException e) {
        error(e.problem());
      }
    }
    byte[] crypto = h.extension(Qcow2Header.EXT_CRYPTO);
    if (crypto != null && crypto.length >= 16) {
      ByteBuffer b = ByteBuffer.wrap(crypto);
      range(b.getLong(0), b.getLong(8));
    }
    if ((h.autoclear & Qcow2Header.AUTOCLEAR_BITMAPS) != 0) {
      countBitmaps();
    }
  }

  private void range(long offset, long length) {
    if (offset > 0 && length > 0 && offset < Qcow2Header.MAX_OFFSET) {
      long bounded = Math.min(length, 1L << 32);
      references.addRange(offset >> image.clusterBits, offset + bounded - 1 >> image.clusterBits);
    }
  }

  private void countBitmaps() throws IOException {
    byte[] extension = image.header.extension(Qcow2Header.EXT_BITMAPS);
    if (extension == null || extension.length < 24) {
      return;
    }
    for (BitmapDirectory.Entry entry : BitmapDirectory.read(image)) {
      range(entry.tableOffset(), entry.tableSize() * 8L);
      for (long cell : image.readTable(entry.tableOffset(), entry.tableSize(), "a bitmap")) {
        long offset = cell & Qcow2Image.OFFSET_MASK;
        if (offset != 0) {
          references.add(offset >> image.clusterBits);
        }
      }
    }
    ByteBuffer b = ByteBuffer.wrap(extension);
    range(b.getLong(16), b.getLong(8));
  }

  private void countL1(long[] table, long where, boolean active) throws IOException {
    for (int i = 0; i < table.length; i++, described += image.header.bytesPerL1Entry()) {
      long entry = table[i];
      if ((entry & Qcow2Image.OFFSET_MASK) == 0) {
        continue;
      }
      watch.at(described, allDescribed());
      long offset;
      try {
        offset = image.checkedL2Table(entry, where + i * 8L);
      } catch (ImageException e) {
        error("L1 entry " + i + ": " + e.problem());
        continue;
      }
      references.add(offset >> image.clusterBits);
      countL2(offset, active);
    }
  }

  private void countL2(long table, boolean active) throws IOException {
    boolean external = image.header.externalData();
    nextContiguous = 0;
    for (int j = 0; j < 1 << image.l2Bits; j++) {
      long entry = image.l2Entry(table, j);
      long bitmap = image.l2Bitmap(table, j);
      if ((entry & Qcow2Image.COMPRESSED) != 0) {
        countCompressed(entry, bitmap, active);
        continue;
      }
      long offset = entry & Qcow2Image.OFFSET_MASK;
      if (offset == 0 && !(external && (entry & Qcow2Image.COPIED) != 0)) {
        continue;
      }
      if (active) {
        allocated += image.header.extendedL2() || (entry & Qcow2Image.ZERO) == 0 ? 1 : 0;
        if (nextContiguous != 0 && offset != nextContiguous) {
          fragmented++;
        }
        nextContiguous = offset + image.clusterSize;
      }
      if ((offset & image.clusterSize - 1) != 0) {
        error(
            String.format(
                Locale.ROOT,
                "offset=%x: Cluster is not properly aligned; L2 entry corrupted.",
                offset));
      } else if (!external) {
        references.add(offset >> image.clusterBits);
      }
      int both = (int) bitmap & (int) (bitmap >>> 32);
      if (both != 0) {
        error(
            String.format(Locale.ROOT, "offset=%x: subcluster is both allocated and zero", offset));
      }
    }
  }

  private void countCompressed(long entry, long bitmap, boolean active) {
    if ((entry & Qcow2Image.COPIED) != 0) {
      error(
          String.format(
              Locale.ROOT,
              "coffset=0x%x: copied flag must never be set for compressed clusters",
              image.compressedOffset(entry)));
    }
    if (image.header.externalData()) {
      error("compressed cluster although the data is in another file");
      return;
    }
    if (bitmap != 0) {
      error("compressed cluster with subclusters");
    }
    if (active) {
      allocated++;
      compressed++;
      fragmented++;
    }
    long first = image.compressedOffset(entry);
    references.addRange(
        first >> image.clusterBits, first + image.compressedLength(entry) - 1 >> image.clusterBits);
  }

  // --- Comparing ---

  private void compare(boolean fixLeaks, boolean fixErrors) throws IOException {
    if (rebuild) {
      return;
    }
    // What is counted past the file's end wastes nothing; what is referred to there is lost.
    for (long c = 0; c < references.insideClusters() && !rebuild; c++) {
      compare(c, fixLeaks, fixErrors);
    }
    outside();
  }

  private void outside() {
    for (long c : references.outsideClusters()) {
      error("cluster " + c + " lies past the end of the file");
    }
  }

  private void compare(long c, boolean fixLeaks, boolean fixErrors) throws IOException {
    long expected = references.get(c);
    long actual = image.refcounts.get(c);
    if (actual == expected) {
      return;
    }
    if (actual > expected) {
      say("Leaked cluster " + c + " refcount=" + actual + " reference=" + expected);
      if (fixLeaks) {
        image.refcounts.repair(c, expected);
        leaksFixed++;
      } else {
        leaks++;
      }
    } else {
      say("ERROR cluster " + c + " refcount=" + actual + " reference=" + expected);
      if (!fixErrors) {
        corruptions++;
      } else if (expected > image.refcounts.maximum()) {
        corruptions++;
        checkErrors++;
      } else if (image.refcounts.counted(c)) {
        image.refcounts.repair(c, expected);
        corruptionsFixed++;
      } else {
        rebuild = true;
        corruptions++;
      }
    }
  }

  /** Writes all counts anew behind everything that is in use, then switches the header. */
  private void rebuild() throws IOException {
    Qcow2Header h = image.header;
    references.clear();
    final long[] none = new long[0];
    final int before = corruptions;
    corruptions = 0;
    image.refcounts.forget(none);
    countWithoutRefcounts();
    long start = clusters(image.file.size());
    int bits = image.refcounts.blockEntriesBits();
    int perTable = (int) (image.clusterSize >> 3);
    long tableClusters = 1;
    long blocks = 1;
    while (true) {
      long end = start + tableClusters + blocks;
      long needBlocks = Math.ceilDiv(end, 1L << bits);
      long needTable = Math.ceilDiv(needBlocks, perTable);
      if (needBlocks <= blocks && needTable <= tableClusters) {
        break;
      }
      blocks = Math.max(blocks, needBlocks);
      tableClusters = Math.max(tableClusters, needTable);
    }
    long end = start + tableClusters + blocks;
    long[] table = new long[Math.toIntExact(tableClusters * perTable)];
    for (int i = 0; i < blocks; i++) {
      ByteBuffer block = ByteBuffer.allocate((int) image.clusterSize);
      for (int j = 0; j < 1 << bits; j++) {
        long cluster = ((long) i << bits) + j;
        long value = cluster >= start && cluster < end ? 1 : references.get(cluster);
        Refcounts.put(block, j, h.refcountOrder, Math.min(value, image.refcounts.maximum()));
      }
      long at = start + tableClusters + i << image.clusterBits;
      image.put(at, block);
      table[i] = at;
    }
    image.put(start << image.clusterBits, Qcow2Image.encode(table, 0, table.length));
    image.sync();
    h.refcountTableOffset = start << image.clusterBits;
    h.refcountTableClusters = (int) tableClusters;
    ByteBuffer fields = ByteBuffer.allocate(12);
    fields.putLong(h.refcountTableOffset).putInt(h.refcountTableClusters).flip();
    image.put(48, fields);
    image.sync();
    image.refcounts.reload();
    image.metadata.addRange(start, tableClusters + blocks);
    references = new ReferenceMap(clusters(image.file.size()));
    countAgain();
    outside();
    // New counts help against wrong counts only; what else is wrong still is.
    corruptionsFixed += Math.max(0, before - corruptions);
  }

  private void countWithoutRefcounts() throws IOException {
    final int wereCorruptions = corruptions;
    final int clusters = image.header.refcountTableClusters;
    resetStatistics();
    image.header.refcountTableClusters = 0;
    count();
    image.header.refcountTableClusters = clusters;
    corruptions = wereCorruptions;
  }

  private void countAgain() throws IOException {
    resetStatistics();
    count();
  }

  private void resetStatistics() {
    allocated = 0;
    fragmented = 0;
    compressed = 0;
    nextContiguous = 0;
    rebuild = false;
  }

  // --- COPIED (rule 4) ---

  private void checkCopied(boolean fix) throws IOException {
    for (int i = 0; i < image.l1.length; i++) {
      long entry = image.l1[i];
      long offset = entry & Qcow2Image.OFFSET_MASK;
      if (offset == 0 || (offset & image.clusterSize - 1) != 0 || offset >= image.file.size()) {
        continue;
      }
      boolean alone = image.refcounts.get(offset >> image.clusterBits) == 1;
      if (alone != ((entry & Qcow2Image.COPIED) != 0)) {
        found(
            fix,
            String.format(
                Locale.ROOT,
                "OFLAG_COPIED L2 cluster: l1_index=%d l1_entry=%x refcount=%d",
                i,
                entry,
                image.refcounts.get(offset >> image.clusterBits)));
        if (fix) {
          image.setL1(i, entry ^ Qcow2Image.COPIED);
        }
      }
      checkCopiedL2(offset, fix);
    }
  }

  private void checkCopiedL2(long table, boolean fix) throws IOException {
    for (int j = 0; j < 1 << image.l2Bits; j++) {
      long entry = image.l2Entry(table, j);
      long offset = entry & Qcow2Image.OFFSET_MASK;
      if ((entry & Qcow2Image.COMPRESSED) != 0) {
        if ((entry & Qcow2Image.COPIED) != 0 && fix) {
          image.setL2(table, j, entry & ~Qcow2Image.COPIED, 0);
          corruptions--;
          corruptionsFixed++;
        }
        continue;
      }
      if (offset == 0 || image.header.externalData()) {
        continue;
      }
      long count = image.refcounts.get(offset >> image.clusterBits);
      if (count == 1 != ((entry & Qcow2Image.COPIED) != 0)) {
        found(
            fix,
            String.format(
                Locale.ROOT, "OFLAG_COPIED data cluster: l2_entry=%x refcount=%d", entry, count));
        if (fix) {
          image.setL2(table, j, entry ^ Qcow2Image.COPIED, image.l2Bitmap(table, j));
        }
      }
    }
  }

  private void found(boolean fix, String message) {
    say((fix ? "Repairing " : "ERROR ") + message);
    if (fix) {
      corruptionsFixed++;
    } else {
      corruptions++;
    }
  }
}
