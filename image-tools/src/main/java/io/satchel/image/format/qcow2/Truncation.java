package io.satchel.image.format.qcow2;

import java.io.IOException;

/**
 * Finds out whether a file was cut off, which a broken download or copy does. The format has no
 * field for the file's length, but the counts tell the last cluster in use.
 */
final class Truncation {
  private Truncation() {}

  /** Throws when the disk's tables refer to what lies past the file's end. */
  static void refuse(Qcow2Image image) throws IOException {
    for (int i = 0; i < image.l1.length; i++) {
      image.l2Table(i);
    }
    if (image.header.externalData() || lastInUse(image) << image.clusterBits < image.fileEnd()) {
      return;
    }
    // Leaked clusters may lie past the end after a crash. Only a reference is a loss.
    for (int i = 0; i < image.l1.length; i++) {
      long table = image.l2Table(i);
      for (int j = 0; table != 0 && j < 1 << image.l2Bits; j++) {
        long entry = image.l2Entry(table, j);
        long offset =
            (entry & Qcow2Image.COMPRESSED) != 0
                ? image.compressedOffset(entry)
                : entry & Qcow2Image.OFFSET_MASK;
        boolean zero =
            image.header.version >= 3
                && (entry & (Qcow2Image.ZERO | Qcow2Image.COMPRESSED)) == Qcow2Image.ZERO;
        if (offset >= image.fileEnd() && !zero) {
          throw image.truncated("data of its disk", offset);
        }
      }
    }
  }

  /** The last cluster whose count is not 0. */
  private static long lastInUse(Qcow2Image image) throws IOException {
    long[] table = image.refcounts.table();
    int bits = image.refcounts.blockEntriesBits();
    for (int i = table.length - 1; i >= 0; i--) {
      long block = table[i] & Qcow2Image.OFFSET_MASK;
      if (block >= image.fileEnd()) {
        throw image.truncated("a refcount block", block);
      }
      if (block != 0) {
        for (long c = (i + 1L << bits) - 1; c >= (long) i << bits; c--) {
          if (image.refcounts.get(c) != 0) {
            return c;
          }
        }
      }
    }
    return 0;
  }
}
