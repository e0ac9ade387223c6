package io.satchel.image.format.qcow2;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import io.satchel.image.block.Watch;
import io.satchel.image.file.Storage;
import io.satchel.image.file.StorageEvent;
import io.satchel.image.file.Zeros;
import io.satchel.image.format.CheckReport;
import io.satchel.image.format.Checkable;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.Preallocation;
import io.satchel.image.format.luks.EncryptedImage;
import io.satchel.image.format.luks.LuksHeader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.locks.Lock;
import org.jspecify.annotations.Nullable;

/**
 * A qcow2 image as a disk.
 *
 * <p>Reads, and writes to clusters that are this disk's alone, share the lock: they leave the
 * tables alone. What changes the tables holds it exclusively. A lookup loads slices into the cache,
 * so it takes the cache's monitor, unless the thread holds the lock exclusively.
 *
 * <p>Holds the lock, and what a disk is: reading, writing in place, flushing, closing. What else
 * can be done to an image has a class for each subject, which takes the lock through {@link
 * #change}.
 */
public final class Qcow2Device implements LayeredDevice, EncryptedImage, Checkable {
  final Qcow2Image image;
  final SequenceLock exclusive = new SequenceLock();
  final Lock shared = exclusive.shared();
  private final boolean readOnly;
  private final UnpackedClusters unpacked;
  private final Amending amending;
  private final DirtyBitmaps bitmaps;
  private final InternalSnapshots snapshots;
  private final VmStateArea vmState;
  private final PackedClusters packed;
  private final AllocatingWrites writes;
  private final Zeroing zeroing;
  private final Resizing resizing;
  private @Nullable BlockDevice backing;
  private boolean autoclearDone;
  private boolean closed;

  Qcow2Device(Qcow2Image image, boolean readOnly) {
    this.image = image;
    this.readOnly = readOnly;
    unpacked = new UnpackedClusters(image);
    amending = new Amending(this);
    bitmaps = new DirtyBitmaps(this);
    snapshots = new InternalSnapshots(this);
    vmState = new VmStateArea(this);
    packed = new PackedClusters(this);
    writes = new AllocatingWrites(this);
    zeroing = new Zeroing(this, writes);
    resizing = new Resizing(this, zeroing);
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

  /** The disk that this one lies over, once it is attached. */
  @Nullable BlockDevice below() {
    return backing;
  }

  /** Whether there is a disk below, or the header names one. */
  boolean hasBacking() {
    return backing != null || backing() != null;
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
    image.useData(data);
  }

  @Override
  public long size() {
    return image.header.size;
  }

  @Override
  public int clusterSize() {
    return (int) image.clusterSize;
  }

  @Override
  public boolean readOnly() {
    return readOnly;
  }

  /** Changes of what the image is. */
  public Amending amend() {
    return amending;
  }

  /** The dirty bitmaps. */
  public DirtyBitmaps bitmaps() {
    return bitmaps;
  }

  /** The internal snapshots. */
  public InternalSnapshots snapshots() {
    return snapshots;
  }

  /** The machine's state behind the disk. */
  public VmStateArea vmState() {
    return vmState;
  }

  /** The compressed clusters as they lie in the file. */
  public PackedClusters packed() {
    return packed;
  }

  // --- Reading ---

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    Objects.checkFromIndexSize(offset, target.remaining(), size());
    if (readKnown(offset, target)) {
      return;
    }
    shared.lock();
    try {
      readMapped(image.l1, offset, target, new Mapping());
    } finally {
      shared.unlock();
    }
  }

  /**
   * Reads without a lock what lies in one piece at a known place; false when nothing was read. The
   * lock and the lookup would cost a tenth of a small read from the host's cache.
   */
  private boolean readKnown(long offset, ByteBuffer target) throws IOException {
    long noted = exclusive.sequence();
    long host = (noted & 1) == 0 ? image.knownPlace(offset) : 0;
    if (host == 0) {
      return false;
    }
    long length = target.remaining();
    for (long n = image.clusterSize - (offset & image.clusterSize - 1);
        n < length;
        n += image.clusterSize) {
      if (image.knownPlace(offset + n) != host + n) {
        return false;
      }
    }
    int start = target.position();
    image.file.about(StorageEvent.READ_AIO);
    image.file.read(host, target);
    if (exclusive.unchangedSince(noted)) {
      return true;
    }
    target.position(start);
    return false;
  }

  /**
   * Reads by the disk's L1 table or by another one, past the end of the disk too, where VM state
   * lies. The caller holds the lock.
   */
  void readMapped(long[] table, long offset, ByteBuffer target, Mapping map) throws IOException {
    long at = offset;
    int limit = target.limit();
    try {
      while (target.position() < limit) {
        synchronized (image) {
          image.lookup(table, at, limit - target.position(), map);
          if (map.type == Mapping.Type.NORMAL && table == image.l1) {
            image.learnPlaces(at);
          }
        }
        int n = (int) map.length;
        target.limit(target.position() + n);
        switch (map.type) {
          case NORMAL -> image.readContent(map.host, at, target);
          case COMPRESSED ->
              unpacked.read(map.entry, (int) (at & image.clusterSize - 1), target, n);
          case ZERO, ZERO_ALLOCATED -> Zeros.fill(target);
          case UNALLOCATED -> {
            if (table == image.l1) {
              readBacking(at, target);
            } else {
              Zeros.fill(target);
            }
          }
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
      image.file.about(StorageEvent.READ_BACKING_AIO);
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

  @Override
  public Status status(long offset, long length) throws IOException {
    Objects.checkFromIndexSize(offset, length, size());
    shared.lock();
    try {
      Mapping map = new Mapping();
      synchronized (image) {
        image.lookup(offset, length, map);
      }
      return switch (map.type) {
        case NORMAL -> new Status(map.length, true, false, true, placeOf(map), false);
        case COMPRESSED -> new Status(map.length, true, false, true, -1, true);
        case ZERO -> new Status(map.length, true, true, false, -1, false);
        case ZERO_ALLOCATED -> new Status(map.length, true, true, false, placeOf(map), false);
        case UNALLOCATED ->
            new Status(map.length, false, false, false, map.placed ? map.host : -1, false);
      };
    } finally {
      shared.unlock();
    }
  }

  /** Where the data lies as it is; what lies encrypted cannot be read there. */
  private long placeOf(Mapping map) {
    return image.encryption == null ? map.host : -1;
  }

  @Override
  public boolean encrypted() {
    return image.encryption != null;
  }

  @Override
  public @Nullable LuksHeader luks() {
    return image.encryption == null ? null : image.encryption.luks();
  }

  @Override
  public byte[] masterKey() throws ImageException {
    if (image.encryption == null) {
      throw new IllegalStateException("not encrypted");
    }
    return image.encryption.masterKey();
  }

  @Override
  public boolean dirty() {
    return image.header.dirty();
  }

  @Override
  public Map<String, Object> specifics() {
    Qcow2Header h = image.header;
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("compat", h.version == 2 ? "0.10" : "1.1");
    all.put(
        "compression-type", h.compressionType == Qcow2Header.COMPRESSION_ZSTD ? "zstd" : "zlib");
    if (h.version >= 3) {
      all.put("lazy-refcounts", (h.compatible & Qcow2Header.COMPAT_LAZY_REFCOUNTS) != 0);
      if (h.externalData()) {
        all.put("data-file", Objects.requireNonNullElse(h.dataFileName(), ""));
        all.put("data-file-raw", (h.autoclear & Qcow2Header.AUTOCLEAR_DATA_FILE_RAW) != 0);
      }
      List<Object> inFile = bitmaps.specifics();
      if (!inFile.isEmpty()) {
        all.put("bitmaps", inFile);
      }
    }
    all.put("refcount-bits", 1L << h.refcountOrder);
    if (image.encryption != null) {
      all.put("encrypt", image.encryption.specifics());
    }
    if (h.version >= 3) {
      all.put("corrupt", h.corrupt());
      all.put("extended-l2", h.extendedL2());
    }
    return all;
  }

  // --- Writing ---

  @Override
  public void write(long offset, ByteBuffer source) throws IOException {
    Objects.checkFromIndexSize(offset, source.remaining(), size());
    refuseIfReadOnly();
    int length = source.remaining();
    writeUnchecked(offset, source);
    bitmaps.mark(offset, length);
  }

  /** As {@link #write}, past the end of the disk too, where VM state lies. */
  void writeUnchecked(long offset, ByteBuffer source) throws IOException {
    long at = offset;
    int limit = source.limit();
    try {
      while (source.position() < limit) {
        int n = writeInPlace(at, source, limit);
        if (n == 0) {
          n = writes.write(at, source, limit);
        }
        at += n;
      }
    } finally {
      source.limit(limit);
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
      image.writeContent(map.host, source, (int) map.length);
      return (int) map.length;
    } finally {
      shared.unlock();
    }
  }

  // --- Zeros and discard ---

  @Override
  public void writeZeroes(long offset, long length, boolean unmap) throws IOException {
    Objects.checkFromIndexSize(offset, length, size());
    refuseIfReadOnly();
    zeroing.zero(offset, length, unmap, false);
    bitmaps.mark(offset, length);
  }

  @Override
  public void discard(long offset, long length) throws IOException {
    Objects.checkFromIndexSize(offset, length, size());
    refuseIfReadOnly();
    zeroing.zero(offset, length, true, true);
    bitmaps.mark(offset, length);
  }

  /** Forgets all that this layer holds, so that the disk reads as what lies below. */
  public void makeEmpty() throws IOException {
    reshape(
        () -> {
          writeBackTables();
          image.file.about(StorageEvent.EMPTY_IMAGE_PREPARE);
          new SnapshotTables(image).switchL1(new long[image.l1.length], size(), true);
          settleReleased();
          image.trimFile();
        });
  }

  // --- Size ---

  @Override
  public void resize(long newSize) throws IOException {
    resizing.resize(newSize);
  }

  @Override
  public void resize(long newSize, Preallocation preallocation) throws IOException {
    resize(newSize, preallocation, Watch.NONE);
  }

  @Override
  public void resize(long newSize, Preallocation preallocation, Watch watch) throws IOException {
    resizing.resize(newSize, preallocation, watch);
  }

  /** Gives every cluster of the new disk its place, which reads as zeros. */
  void preallocate(Preallocation mode) throws IOException {
    resizing.preallocate(mode);
  }

  // --- Flush ---

  @Override
  public void flush() throws IOException {
    if (readOnly) {
      return;
    }
    exclusive.lock();
    try {
      image.file.about(StorageEvent.FLUSH_TO_OS);
      settle();
      image.file.about(StorageEvent.FLUSH_TO_DISK);
    } finally {
      exclusive.unlock();
    }
  }

  // --- What changes the image as a whole ---

  /** Something done to the image while nobody else uses it. */
  @FunctionalInterface
  interface Change {
    void make() throws IOException;
  }

  /**
   * Makes a change with the lock held, after what the first one needs.
   *
   * @throws ImageException if the image is open for reading only
   */
  void change(Change change) throws IOException {
    refuseIfReadOnly();
    exclusive.lock();
    try {
      beforeFirstWrite();
      change.make();
    } finally {
      exclusive.unlock();
    }
  }

  /**
   * As {@link #change}, for what a snapshot that is being saved would not survive.
   *
   * @throws ImageException if there is one, too
   */
  void reshape(Change change) throws IOException {
    change(
        () -> {
          snapshots.refuseIfPending();
          change.make();
        });
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

  /**
   * Bits that promise something about the content are cleared before the first change, unless this
   * program keeps the promise (rule 10).
   */
  void beforeFirstWrite() throws IOException {
    if (autoclearDone) {
      return;
    }
    long kept = image.header.autoclear & Qcow2Header.AUTOCLEAR_KNOWN;
    if (image.header.version >= 3 && image.header.autoclear != kept) {
      image.header.autoclear = kept;
      ByteBuffer field = ByteBuffer.allocate(8).putLong(0, kept);
      image.put(88, field);
      image.sync();
    }
    bitmaps.load();
    autoclearDone = true;
  }

  /** Brings all that was changed so far to the medium. */
  void settle() throws IOException {
    writeBackTables();
    image.sync();
  }

  /** As {@link #settle}, with the counts of what is free by that. */
  void settleReleased() throws IOException {
    // Twice: the first releases what the second then writes as free.
    writeBackTables();
    settle();
  }

  void writeBackTables() throws IOException {
    if (image.hasDirty()) {
      image.writeBack();
    }
  }

  // --- Check, close ---

  @Override
  public boolean repairable() {
    return true;
  }

  /** Checks the image, and repairs what is asked for. */
  @Override
  public CheckReport check(boolean fixLeaks, boolean fixErrors, Watch watch) throws IOException {
    exclusive.lock();
    try {
      snapshots.refuseIfPending();
      if (fixLeaks || fixErrors) {
        refuseIfReadOnly();
      }
      if (!readOnly) {
        settleReleased();
      }
      return new Qcow2Check(image).run(fixLeaks, fixErrors, watch);
    } finally {
      exclusive.unlock();
    }
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
          snapshots.giveUpPending();
          bitmaps.store();
          settleReleased();
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
