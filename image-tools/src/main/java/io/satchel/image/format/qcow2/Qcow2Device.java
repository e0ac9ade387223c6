package io.satchel.image.format.qcow2;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import io.satchel.image.file.Storage;
import io.satchel.image.file.Zeros;
import io.satchel.image.format.LayeredDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Objects;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.jspecify.annotations.Nullable;

/**
 * A qcow2 image as a disk.
 *
 * <p>Reads, and writes to clusters that are this disk's alone, share the lock: they leave the
 * tables alone. What changes the tables holds it exclusively. A lookup loads slices into the cache,
 * so it takes the cache's monitor, unless the thread holds the lock exclusively.
 */
public final class Qcow2Device implements LayeredDevice {
  final Qcow2Image image;
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
  private final Lock shared = lock.readLock();
  private final Lock exclusive = lock.writeLock();
  private final boolean readOnly;
  private final UnpackedClusters unpacked;
  private final Mapping scratch = new Mapping();
  private @Nullable BlockDevice backing;
  private ByteBuffer clusterBuffer = ByteBuffer.allocate(0);
  private boolean autoclearDone;
  private boolean closed;

  Qcow2Device(Qcow2Image image, boolean readOnly) {
    this.image = image;
    this.readOnly = readOnly;
    unpacked = new UnpackedClusters(image);
  }

  @Override
  public @Nullable BackingReference backing() {
    String name = image.header.backingName;
    return name == null ? null : new BackingReference(name, image.header.backingFormat());
  }

  @Override
  public void attachBacking(BlockDevice below) {
    backing = below;
  }

  @Override
  public @Nullable String dataFile() {
    if (!image.header.externalData()) {
      return null;
    }
    String name = image.header.dataFileName();
    return name == null ? "" : name;
  }

  @Override
  public void attachDataFile(Storage data) {
    image.data = data;
  }

  @Override
  public long size() {
    return image.header.size;
  }

  @Override
  public boolean readOnly() {
    return readOnly;
  }

  // --- Reading ---

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    Objects.checkFromIndexSize(offset, target.remaining(), size());
    shared.lock();
    try {
      readMapped(offset, target, new Mapping());
    } finally {
      shared.unlock();
    }
  }

  /** Reads past the end of the disk too, where VM state lies. */
  private void readMapped(long offset, ByteBuffer target, Mapping map) throws IOException {
    long at = offset;
    int limit = target.limit();
    try {
      while (target.position() < limit) {
        synchronized (image) {
          image.lookup(at, limit - target.position(), map);
        }
        int n = (int) map.length;
        target.limit(target.position() + n);
        switch (map.type) {
          case NORMAL -> image.data.read(map.host, target);
          case COMPRESSED ->
              unpacked.read(map.entry, (int) (at & image.clusterSize - 1), target, n);
          case ZERO, ZERO_ALLOCATED -> Zeros.fill(target);
          case UNALLOCATED -> readBacking(at, target);
        }
        at += n;
      }
    } finally {
      target.limit(limit);
    }
  }

  /** What lies below: past its end, and without one, zeros (rule 18). */
  private void readBacking(long offset, ByteBuffer target) throws IOException {
    BlockDevice below = backing;
    if (below != null && offset < below.size()) {
      int limit = target.limit();
      long inside = Math.min(target.remaining(), below.size() - offset);
      target.limit(target.position() + (int) inside);
      below.read(offset, target);
      target.limit(limit);
    }
    Zeros.fill(target);
  }

  @Override
  public Extent extent(long offset, long length) throws IOException {
    Objects.checkFromIndexSize(offset, length, size());
    shared.lock();
    try {
      Mapping map = new Mapping();
      long run = 0;
      Kind kind = Kind.UNALLOCATED;
      while (run < length) {
        synchronized (image) {
          image.lookup(offset + run, length - run, map);
        }
        Kind here =
            switch (map.type) {
              case NORMAL, COMPRESSED -> Kind.DATA;
              case ZERO, ZERO_ALLOCATED -> Kind.ZERO;
              case UNALLOCATED -> Kind.UNALLOCATED;
            };
        if (run > 0 && here != kind) {
          break;
        }
        kind = here;
        run += map.length;
      }
      return new Extent(Math.min(run, length), kind);
    } finally {
      shared.unlock();
    }
  }

  // --- Writing ---

  @Override
  public void write(long offset, ByteBuffer source) throws IOException {
    Objects.checkFromIndexSize(offset, source.remaining(), size());
    refuseIfReadOnly();
    long at = offset;
    int limit = source.limit();
    try {
      while (source.position() < limit) {
        int n = writeInPlace(at, source, limit);
        if (n == 0) {
          n = writeAllocating(at, source, limit);
        }
        at += n;
      }
    } finally {
      source.limit(limit);
    }
  }

  void refuseIfReadOnly() throws ImageException {
    if (readOnly) {
      throw new ImageException(
          ImageException.Kind.READ_ONLY,
          image.file.name(),
          "is open for reading only",
          "open it for writing");
    }
  }

  /** Writes what lies in clusters of our own; returns how many bytes, perhaps none. */
  private int writeInPlace(long at, ByteBuffer source, int limit) throws IOException {
    shared.lock();
    try {
      if (!autoclearDone) {
        return 0;
      }
      Mapping map = new Mapping();
      synchronized (image) {
        image.lookup(at, limit - source.position(), map);
      }
      if (map.type != Mapping.Type.NORMAL || !map.copied) {
        return 0;
      }
      writeData(map.host, source, (int) map.length);
      return (int) map.length;
    } finally {
      shared.unlock();
    }
  }

  private void writeData(long host, ByteBuffer source, int length) throws IOException {
    int limit = source.limit();
    source.limit(source.position() + length);
    image.data.write(host, source);
    source.limit(limit);
    image.wrote();
  }

  private int writeAllocating(long at, ByteBuffer source, int limit) throws IOException {
    exclusive.lock();
    try {
      beforeFirstWrite();
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
      exclusive.unlock();
    }
  }

  /** A cluster that is in the file and this disk's alone. */
  private boolean isOwn(long entry) {
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
      writeData(scratch.host, source, n);
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
    boolean blank = image.data == image.file && run.offset() >= end;
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
    if (!copyHead && !copyTail) {
      writeData(host + inCluster, source, n);
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
      image.data.write(host + start, whole);
      image.wrote();
    } else {
      if (copyHead) {
        copyOld(guest + from, host + from, head);
      }
      if (copyTail) {
        copyOld(guest + inCluster + n, host + inCluster + n, tail);
        writtenTo = host + to;
      }
      writeData(host + inCluster, source, n);
    }
    if (image.data == image.file) {
      image.wroteUpTo(writtenTo);
    }
  }

  private ByteBuffer buffer(int length) {
    if (clusterBuffer.capacity() < length) {
      clusterBuffer = ByteBuffer.allocate(length);
    }
    return clusterBuffer.clear().limit(length);
  }

  private void readOld(long guest, ByteBuffer into, int length) throws IOException {
    int limit = into.limit();
    into.limit(into.position() + length);
    readMapped(guest, into, scratch);
    into.limit(limit);
  }

  private void copyOld(long guest, long host, int length) throws IOException {
    ByteBuffer old = buffer(length);
    readMapped(guest, old, scratch);
    image.data.write(host, old.flip());
    image.wrote();
  }

  /** True when a range is known to read as zeros, without looking at data. */
  private boolean isZero(long guest, long length) throws IOException {
    long at = guest;
    long end = guest + length;
    while (at < end) {
      image.lookup(at, end - at, scratch);
      boolean zero =
          switch (scratch.type) {
            case ZERO, ZERO_ALLOCATED -> true;
            case UNALLOCATED -> backing == null || at >= backing.size();
            case NORMAL, COMPRESSED -> false;
          };
      if (!zero) {
        return false;
      }
      at += scratch.length;
    }
    return true;
  }

  /**
   * Bits that promise something about the content are cleared before the first change, unless this
   * program keeps the promise (rule 10).
   */
  void beforeFirstWrite() throws IOException {
    if (autoclearDone) {
      return;
    }
    long kept = image.header.autoclear & Qcow2Header.AUTOCLEAR_DATA_FILE_RAW;
    if (image.header.version >= 3 && image.header.autoclear != kept) {
      image.header.autoclear = kept;
      ByteBuffer field = ByteBuffer.allocate(8).putLong(0, kept);
      image.put(88, field);
      image.sync();
    }
    autoclearDone = true;
  }

  // --- Zeros and discard ---

  @Override
  public void writeZeroes(long offset, long length, boolean unmap) throws IOException {
    Objects.checkFromIndexSize(offset, length, size());
    refuseIfReadOnly();
    zero(offset, length, unmap, false);
  }

  @Override
  public void discard(long offset, long length) throws IOException {
    Objects.checkFromIndexSize(offset, length, size());
    refuseIfReadOnly();
    zero(offset, length, true, true);
  }

  /** Goes through a range by cluster; the cut-off ends are written as data, or kept. */
  private void zero(long offset, long length, boolean unmap, boolean hint) throws IOException {
    if ((image.header.autoclear & Qcow2Header.AUTOCLEAR_DATA_FILE_RAW) != 0) {
      // That file is to be the disk, byte by byte, for readers that know nothing of this one.
      image.data.writeZeroes(offset, length, unmap);
      image.wrote();
    }
    long unit = 1L << image.subclusterBits;
    long end = offset + length;
    // The disk's last cluster may be cut off by its end: what lies behind it is nobody's.
    long wholeEnd = end == size() ? Math.ceilDiv(end, unit) * unit : end / unit * unit;
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
      exclusive.lock();
      try {
        // Let others in between: a whole disk may be discarded at once.
        long stop = Math.min(wholeEnd, at + (image.clusterSize << 12));
        while (at < stop) {
          at = zeroTableRun(at, stop, unmap, hint);
        }
      } finally {
        exclusive.unlock();
      }
    }
  }

  /** Writes zeros as data where the range does not read as zeros yet. */
  private void writeZeroData(long offset, long length) throws IOException {
    long at = offset;
    long end = offset + length;
    while (at < end) {
      int n = (int) Math.min(end - at, Storage.ZERO_CHUNK);
      boolean zero;
      exclusive.lock();
      try {
        zero = isZero(at, n);
      } finally {
        exclusive.unlock();
      }
      if (!zero) {
        write(at, ByteBuffer.allocate(n));
      }
      at += n;
    }
  }

  /** Zeroes clusters of one L2 table; returns the place after them. */
  private long zeroTableRun(long at, long stop, boolean unmap, boolean hint) throws IOException {
    beforeFirstWrite();
    int l1Index = image.l1Index(at);
    long tableEnd = (long) (l1Index + 1) << image.clusterBits + image.l2Bits;
    long end = Math.min(stop, tableEnd);
    boolean below = backing != null && at < backing.size();
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
    if (entry == Qcow2Image.ZERO || entry == 0 && backing == null) {
      return;
    }
    boolean own = isOwn(entry);
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
    boolean own = isOwn(entry);
    if (n == image.clusterSize && (unmap && image.data == image.file || !own)) {
      image.setL2(table, index, 0, 0xffff_ffffL << 32);
      image.releaseEntry(entry);
      return;
    }
    boolean stored = (entry & (Qcow2Image.COMPRESSED | Qcow2Image.OFFSET_MASK)) != 0;
    if (stored && !own) {
      // Shared or packed: the other subclusters stay readable because a write copies them.
      write(at, ByteBuffer.allocate((int) Math.min(n, size() - at)));
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
        writeZeroData(at, Math.min(end, size()) - at);
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

  // --- Flush, size, close ---

  @Override
  public void flush() throws IOException {
    if (readOnly) {
      return;
    }
    exclusive.lock();
    try {
      writeBackTables();
      image.sync();
    } finally {
      exclusive.unlock();
    }
  }

  private void writeBackTables() throws IOException {
    if (image.hasDirty()) {
      image.writeBack();
    }
  }

  @Override
  public void resize(long size) throws IOException {
    throw new ImageException(
        ImageException.Kind.UNSUPPORTED, image.file.name(), "cannot be resized yet", "");
  }

  @Override
  public void close() throws IOException {
    exclusive.lock();
    try {
      if (closed) {
        return;
      }
      closed = true;
      try {
        if (!readOnly) {
          // Twice: the first releases what the second then writes as free.
          writeBackTables();
          writeBackTables();
          image.sync();
        }
      } finally {
        unpacked.close();
        closeFiles();
      }
    } finally {
      exclusive.unlock();
    }
  }

  private void closeFiles() throws IOException {
    try {
      image.file.close();
    } finally {
      try {
        image.data.close();
      } finally {
        if (backing != null) {
          backing.close();
        }
      }
    }
  }
}
