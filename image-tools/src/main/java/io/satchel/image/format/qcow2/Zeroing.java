package io.satchel.image.format.qcow2;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.file.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Makes ranges of the disk read as zeros without storing these, or forgets what a guest discards.
 * Takes the device's lock piece by piece. Holds nothing of its own.
 */
final class Zeroing {
  private final Qcow2Device device;
  private final Qcow2Image image;
  private final AllocatingWrites writes;

  Zeroing(Qcow2Device device, AllocatingWrites writes) {
    this.device = device;
    this.image = device.image;
    this.writes = writes;
  }

  /**
   * Goes through a range by cluster; the cut-off ends are written as data, or kept.
   *
   * @param unmap places in the file may be given up
   * @param hint the content does not matter any more
   */
  void zero(long offset, long length, boolean unmap, boolean hint) throws IOException {
    if ((image.header.autoclear & Qcow2Header.AUTOCLEAR_DATA_FILE_RAW) != 0) {
      // That file is to be the disk, byte by byte, for readers that know nothing of this one.
      image.data.writeZeroes(offset, length, unmap);
      image.wrote();
    }
    long unit = 1L << image.subclusterBits;
    long end = offset + length;
    // The disk's last cluster may be cut off by its end: what lies behind it is nobody's.
    long wholeEnd = end == device.size() ? Math.ceilDiv(end, unit) * unit : end / unit * unit;
    long wholeStart = Math.ceilDiv(offset, unit) * unit;
    if (wholeStart >= wholeEnd) {
      if (!hint) {
        writeZeroData(offset, length);
      }
      return;
    }
    if (!hint) {
      writeZeroData(offset, wholeStart - offset);
      writeZeroData(Math.min(wholeEnd, end), end - Math.min(wholeEnd, end));
    }
    long at = wholeStart;
    while (at < wholeEnd) {
      device.exclusive.lock();
      try {
        // Let others in between: a whole disk may be discarded at once.
        long stop = Math.min(wholeEnd, at + (image.clusterSize << 12));
        while (at < stop) {
          at = zeroTableRun(at, stop, unmap, hint);
        }
      } finally {
        device.exclusive.unlock();
      }
    }
  }

  /** Writes zeros as data where the range does not read as zeros yet. */
  void writeZeroData(long offset, long length) throws IOException {
    long at = offset;
    long end = offset + length;
    while (at < end) {
      int n = (int) Math.min(end - at, Storage.ZERO_CHUNK);
      boolean zero;
      device.exclusive.lock();
      try {
        zero = writes.isZero(at, n);
      } finally {
        device.exclusive.unlock();
      }
      if (!zero) {
        device.write(at, ByteBuffer.allocate(n));
      }
      at += n;
    }
  }

  /** Zeroes clusters of one L2 table; returns the place after them. */
  private long zeroTableRun(long at, long stop, boolean unmap, boolean hint) throws IOException {
    device.beforeFirstWrite();
    int l1Index = image.l1Index(at);
    long tableEnd = (long) (l1Index + 1) << image.clusterBits + image.l2Bits;
    long end = Math.min(stop, tableEnd);
    BlockDevice under = device.below();
    boolean below = under != null && at < under.size();
    if (image.l2Table(l1Index) == 0 && !below) {
      return end;
    }
    if (image.header.version < 3) {
      return zeroVersion2(at, end, below, hint);
    }
    long table = image.writableL2Table(l1Index);
    while (at < end) {
      long inCluster = at & image.clusterSize - 1;
      long n = Math.min(end - at, image.clusterSize - inCluster);
      if (image.header.extendedL2()) {
        zeroSubclusters(at, table, (int) n, unmap);
      } else {
        zeroCluster(table, image.l2Index(at), unmap);
      }
      at += n;
    }
    return end;
  }

  private void zeroCluster(long table, int index, boolean unmap) throws IOException {
    long entry = image.l2Entry(table, index);
    if (entry == Qcow2Image.ZERO || entry == 0 && device.below() == null) {
      return;
    }
    boolean own = writes.isOwn(entry);
    if (own && (!unmap || image.data != image.file)) {
      // Keep the place: the guest means to write here again, or it is fixed.
      if (unmap && image.data != image.file) {
        image.data.punchHole(entry & Qcow2Image.OFFSET_MASK, image.clusterSize);
      }
      if ((entry & Qcow2Image.ZERO) == 0) {
        image.setL2(table, index, entry | Qcow2Image.ZERO, 0);
      }
      return;
    }
    image.setL2(table, index, Qcow2Image.ZERO, 0);
    image.releaseEntry(entry);
  }

  private void zeroSubclusters(long at, long table, int n, boolean unmap) throws IOException {
    int index = image.l2Index(at);
    int from = (int) (at & image.clusterSize - 1);
    long entry = image.l2Entry(table, index);
    boolean own = writes.isOwn(entry);
    if (n == image.clusterSize && (unmap && image.data == image.file || !own)) {
      image.setL2(table, index, 0, 0xffff_ffffL << 32);
      image.releaseEntry(entry);
      return;
    }
    boolean stored = (entry & (Qcow2Image.COMPRESSED | Qcow2Image.OFFSET_MASK)) != 0;
    if (stored && !own) {
      // Shared or packed: the other subclusters stay readable because a write copies them.
      device.write(at, ByteBuffer.allocate((int) Math.min(n, device.size() - at)));
      return;
    }
    int first = from >>> image.subclusterBits;
    int count = n >>> image.subclusterBits;
    long bits = (1L << count) - 1 << first;
    image.setL2(table, index, entry, (image.l2Bitmap(table, index) | bits << 32) & ~bits);
  }

  /** Version 2 has no zero flag: over a backing file, zeros are data (rule 18). */
  private long zeroVersion2(long at, long end, boolean below, boolean hint) throws IOException {
    if (below) {
      if (!hint) {
        writeZeroData(at, Math.min(end, device.size()) - at);
      }
      return end;
    }
    long table = image.writableL2Table(image.l1Index(at));
    for (; at < end; at += image.clusterSize) {
      long entry = image.l2Entry(table, image.l2Index(at));
      if (entry != 0) {
        image.setL2(table, image.l2Index(at), 0, 0);
        image.releaseEntry(entry);
      }
    }
    return end;
  }
}
