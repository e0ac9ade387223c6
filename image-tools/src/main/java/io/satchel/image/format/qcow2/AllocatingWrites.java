package io.satchel.image.format.qcow2;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.file.Pages;
import io.satchel.image.file.StorageEvent;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Writes that change the tables: to clusters that get a place in the file with that, or have one
 * and are read as something else so far. What the disk held around the data is copied.
 *
 * <p>Holds a buffer for that, and a mapping. Everything here happens with the device's lock.
 */
final class AllocatingWrites {
  private static final int RESERVE_FROM = 1 << 20;

  private final Qcow2Device device;
  private final Qcow2Image image;
  private final Mapping scratch = new Mapping();
  private ByteBuffer clusterBuffer = ByteBuffer.allocate(0);

  AllocatingWrites(Qcow2Device device) {
    this.device = device;
    this.image = device.image;
  }

  /** Writes up to {@code limit}, or less; returns how many bytes. */
  int write(long at, ByteBuffer source, int limit) throws IOException {
    device.exclusive.lock();
    try {
      device.beforeFirstWrite();
      int l1Index = image.l1Index(at);
      long table = image.writableL2Table(l1Index);
      int index = image.l2Index(at);
      long entry = image.l2Entry(table, index);
      if (isOwn(entry)) {
        return writeOwnCluster(at, source, limit, table, index);
      }
      int inCluster = (int) (at & image.clusterSize - 1);
      long wanted = Math.min((long) inCluster + limit - source.position(), image.clusterSize << 10);
      int clusters = (int) Math.ceilDiv(wanted, image.clusterSize);
      clusters = Math.min(clusters, image.leftInSlice(index));
      int fresh = 1;
      while (fresh < clusters && !isOwn(image.l2Entry(table, index + fresh))) {
        fresh++;
      }
      return writeNewClusters(at, source, limit, table, index, fresh);
    } finally {
      device.exclusive.unlock();
    }
  }

  /** A cluster that is in the file and this disk's alone. */
  boolean isOwn(long entry) {
    return (entry & Qcow2Image.COMPRESSED) == 0
        && (entry & Qcow2Image.COPIED) != 0
        && (image.data != image.file || (entry & Qcow2Image.OFFSET_MASK) != 0);
  }

  /** Fills clusters that are allocated but read as something else (zeros, subclusters). */
  private int writeOwnCluster(long at, ByteBuffer source, int limit, long table, int index)
      throws IOException {
    long entry = image.l2Entry(table, index);
    int inCluster = (int) (at & image.clusterSize - 1);
    int n = (int) Math.min(limit - source.position(), image.clusterSize - inCluster);
    image.lookup(at, n, scratch);
    if (scratch.type == Mapping.Type.NORMAL && scratch.length == n) {
      image.writeContent(scratch.host, source, n);
      return n;
    }
    long host = entry & Qcow2Image.OFFSET_MASK;
    if (!image.header.extendedL2()) {
      fill(at - inCluster, host, inCluster, source, n, 0, (int) image.clusterSize, false);
      image.setL2(table, index, host | Qcow2Image.COPIED, 0);
      return n;
    }
    int from = inCluster >>> image.subclusterBits << image.subclusterBits;
    int to = Math.ceilDiv(inCluster + n, 1 << image.subclusterBits) << image.subclusterBits;
    fill(at - inCluster, host, inCluster, source, n, from, to, false);
    long bitmap = stored(image.l2Bitmap(table, index), from, to);
    image.setL2(table, index, entry, bitmap);
    return n;
  }

  /** A subcluster bitmap with the range marked as stored. */
  private long stored(long bitmap, int from, int to) {
    int first = from >>> image.subclusterBits;
    int count = (to >>> image.subclusterBits) - first;
    long bits = (1L << count) - 1 << first;
    return (bitmap | bits) & ~(bits << 32);
  }

  /** Writes to clusters that get a new place in the file. */
  private int writeNewClusters(
      long at, ByteBuffer source, int limit, long table, int index, int wanted) throws IOException {
    long cluster = image.clusterSize;
    int inCluster = (int) (at & cluster - 1);
    long end = image.fileEnd();
    Refcounts.Run run =
        image.data != image.file
            ? new Refcounts.Run(at - inCluster, wanted)
            : image.refcounts.allocate(wanted);
    int count = run.clusters();
    long room = count * cluster - inCluster;
    int n = (int) Math.min(limit - source.position(), room);
    int from = 0;
    int to = (int) (count * cluster);
    boolean subclusters = image.header.extendedL2() && count == 1 && keepsSubclusters(table, index);
    if (subclusters) {
      from = inCluster >>> image.subclusterBits << image.subclusterBits;
      to = Math.ceilDiv(inCluster + n, 1 << image.subclusterBits) << image.subclusterBits;
    }
    boolean blank = image.data == image.file && image.encryption == null && run.offset() >= end;
    try {
      fill(at - inCluster, run.offset(), inCluster, source, n, from, to, blank);
    } catch (IOException e) {
      if (image.data == image.file) {
        for (int i = 0; i < count; i++) {
          image.refcounts.decrement((run.offset() >> image.clusterBits) + i);
        }
      }
      throw e;
    }
    for (int i = 0; i < count; i++) {
      long old = image.l2Entry(table, index + i);
      long bitmap = image.header.extendedL2() ? 0xffff_ffffL : 0;
      if (subclusters) {
        bitmap = stored(image.l2Bitmap(table, index), from, to);
      }
      image.setL2(table, index + i, run.offset() + i * cluster | Qcow2Image.COPIED, bitmap);
      image.releaseEntry(old);
    }
    return n;
  }

  /** Nothing of the old cluster is stored, so that only the touched subclusters need filling. */
  private boolean keepsSubclusters(long table, int index) throws IOException {
    long entry = image.l2Entry(table, index);
    return (entry & (Qcow2Image.COMPRESSED | Qcow2Image.OFFSET_MASK)) == 0;
  }

  /**
   * Writes {@code n} bytes of the source into new clusters at {@code host}, with what the disk held
   * before around them, from byte {@code from} to {@code to} of the clusters.
   *
   * @param guest where the clusters begin on the disk
   * @param blank the new place reads as zeros already
   */
  private void fill(
      long guest,
      long host,
      int inCluster,
      ByteBuffer source,
      int n,
      int from,
      int to,
      boolean blank)
      throws IOException {
    int head = inCluster - from;
    int tail = to - inCluster - n;
    boolean copyHead = head > 0 && !(blank && isZero(guest + from, head));
    boolean copyTail = tail > 0 && !(blank && isZero(guest + inCluster + n, tail));
    long writtenTo = host + inCluster + n;
    if (blank && n >= RESERVE_FROM) {
      // Measured on ext4: filling reserved space costs a fraction of growing the file by writing.
      image.file.reserve(host + inCluster, n);
    }
    if (!copyHead && !copyTail) {
      image.writeContent(host + inCluster, source, n);
    } else if ((long) head + n + tail <= 2 * image.clusterSize) {
      // One write is cheaper than three.
      int start = copyHead ? from : inCluster;
      int stop = copyTail ? to : inCluster + n;
      ByteBuffer whole = buffer(stop - start);
      if (copyHead) {
        readOld(guest + from, whole, head);
      }
      whole.put(whole.position(), source, source.position(), n);
      whole.position(whole.position() + n);
      source.position(source.position() + n);
      if (copyTail) {
        readOld(guest + inCluster + n, whole, tail);
      }
      whole.flip();
      writtenTo = host + stop;
      image.writeContent(host + start, whole);
    } else {
      if (copyHead) {
        copyOld(guest + from, host + from, head);
      }
      if (copyTail) {
        copyOld(guest + inCluster + n, host + inCluster + n, tail);
        writtenTo = host + to;
      }
      image.writeContent(host + inCluster, source, n);
    }
    if (image.data == image.file) {
      image.wroteUpTo(writtenTo);
    }
  }

  private ByteBuffer buffer(int length) {
    if (clusterBuffer.capacity() < length) {
      clusterBuffer = Pages.allocate(length);
    }
    return clusterBuffer.clear().limit(length);
  }

  private void readOld(long guest, ByteBuffer into, int length) throws IOException {
    int limit = into.limit();
    into.limit(into.position() + length);
    image.file.about(StorageEvent.COW_READ);
    device.readMapped(image.l1, guest, into, scratch);
    into.limit(limit);
  }

  private void copyOld(long guest, long host, int length) throws IOException {
    ByteBuffer old = buffer(length);
    image.file.about(StorageEvent.COW_READ);
    device.readMapped(image.l1, guest, old, scratch);
    image.writeContent(StorageEvent.COW_WRITE, host, old.flip());
  }

  /** True when a range is known to read as zeros, without looking at data. */
  boolean isZero(long guest, long length) throws IOException {
    BlockDevice below = device.below();
    long at = guest;
    long end = guest + length;
    while (at < end) {
      image.lookup(at, end - at, scratch);
      boolean zero =
          switch (scratch.type) {
            case ZERO, ZERO_ALLOCATED -> true;
            case UNALLOCATED -> below == null || at >= below.size();
            case NORMAL, COMPRESSED -> false;
          };
      if (!zero) {
        return false;
      }
      at += scratch.length;
    }
    return true;
  }
}
