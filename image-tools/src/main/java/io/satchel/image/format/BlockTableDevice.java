package io.satchel.image.format;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import io.satchel.image.block.Watch;
import io.satchel.image.file.Storage;
import io.satchel.image.file.StorageEvent;
import io.satchel.image.file.Zeros;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.jspecify.annotations.Nullable;

/**
 * A disk whose file holds blocks of one size and a table that says where each is. A new block is
 * filled whole, then flushed, then published in the table: a crash in between leaks its space and
 * nothing else.
 */
public abstract class BlockTableDevice implements LayeredDevice, Checkable {
  /** Nothing is stored for the block: the backing disk shows, or zeros. */
  protected static final long ABSENT = -1;

  /** The block reads as zeros. */
  protected static final long ZERO = -2;

  /** The block is there and must be unpacked by {@link #readPacked}. */
  protected static final long PACKED = -3;

  protected final Storage file;
  protected final int blockSize;
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
  private long size;
  private @Nullable BlockDevice below;
  private volatile boolean unsynced;
  private boolean tablesDirty;
  private boolean writing;
  private boolean closed;

  /**
   * A disk.
   *
   * @param size the disk's size in bytes
   * @param blockSize a power of two
   */
  protected BlockTableDevice(Storage file, long size, int blockSize) {
    this.file = file;
    this.size = size;
    this.blockSize = blockSize;
  }

  /** Where in the file the block begins, or one of the constants above. */
  protected abstract long locate(long block) throws IOException;

  /** Finds room in the file for a block; it is published later. */
  protected abstract long allocate(long block) throws IOException;

  /** Enters a block's place, or {@link #ZERO}, in the tables; they are written later. */
  protected abstract void publish(long block, long place) throws IOException;

  /** Writes the changed tables to the file, after the blocks are on the medium. */
  protected abstract void writeTables() throws IOException;

  /** Unpacks a block that is {@link #PACKED}. */
  protected byte[] readPacked(long block) throws IOException {
    throw new IllegalStateException("this format packs nothing");
  }

  /** The bytes that the file takes on the host's disk. */
  public final long fileAllocated() throws IOException {
    return file.allocated();
  }

  // --- What a check of the format counts ---

  /** Whether a block's last byte, too, must lie in the file. */
  protected boolean blocksAreWhole() {
    return false;
  }

  /** Whether the check tells how many blocks there are. */
  protected boolean checkCounts() {
    return false;
  }

  /** Whether a new table begins with the block, at which runs are counted anew. */
  protected boolean startsTable(long block) {
    return false;
  }

  /** Whether a block that is not stored ends a run, too. */
  protected boolean holesEndRuns() {
    return false;
  }

  /**
   * Blocks of the file that nothing refers to.
   *
   * @param inUse blocks of the disk that lie in the file
   * @param highest the byte after the last of them, or 0
   */
  protected long leakedBlocks(int inUse, long highest) throws IOException {
    return 0;
  }

  /** The byte after all that is in use, or 0 when the format's check does not tell. */
  protected long checkedEnd(long highest) {
    return 0;
  }

  @Override
  public boolean repairable() {
    return false;
  }

  /** Whether a repair cuts off what leaked at the file's end, and clears the mark of being open. */
  protected boolean trimsLeaks() {
    return false;
  }

  /** Forgets that the image was not closed; closing it says so in the file. */
  protected void clearDirty() {
    throw new IllegalStateException("this format has no such mark");
  }

  @Override
  public CheckReport check(boolean leaks, boolean errors, Watch watch) throws IOException {
    lock.writeLock().lock();
    try {
      if ((leaks || errors) && repairable()) {
        prepare();
      }
      return new BlockCheck(this).run(leaks, errors, watch);
    } finally {
      lock.writeLock().unlock();
    }
  }

  /** Whether new blocks are stored packed: {@link #writePacked} is told of them, whole. */
  protected boolean packsBlocks() {
    return false;
  }

  /** Stores a block packed; it is {@link #PACKED} from now on. */
  protected void writePacked(long block, byte[] bytes) throws IOException {
    throw new IllegalStateException("this format packs nothing");
  }

  /** Whether all blocks are stored, so that only the file's holes tell where nothing is. */
  protected boolean fileTellsHoles() {
    return false;
  }

  /** Whether the tables can say that a block is zeros. */
  protected boolean hasZeroBlocks() {
    return false;
  }

  /** Whether the disk can be written at all; formats say no with a message of their own. */
  protected void beforeFirstWrite() throws IOException {}

  /** Called when the disk is closed after it was written. */
  protected void afterLastWrite() throws IOException {}

  protected final ImageException corrupt(String problem, long offset) {
    return corrupt(file, problem, offset);
  }

  /** An image that contradicts itself. */
  public static ImageException corrupt(Storage file, String problem, long offset) {
    return new ImageException(
        ImageException.Kind.CORRUPT,
        file.name(),
        problem,
        "download or copy it again",
        offset,
        null);
  }

  /** An image that ends too early. */
  public static ImageException truncated(Storage file, String what, long offset) {
    return new ImageException(
        ImageException.Kind.TRUNCATED,
        file.name(),
        "is cut short: " + what + " lies past its end",
        "download or copy it again",
        offset,
        null);
  }

  /** An image that asks for the unknown. */
  public static ImageException unsupported(Storage file, String problem) {
    return new ImageException(
        ImageException.Kind.UNSUPPORTED,
        file.name(),
        problem,
        "convert it with the program that made it");
  }

  @Override
  public void attachBacking(BlockDevice backing) throws IOException {
    below = backing;
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public boolean readOnly() {
    return file.readOnly();
  }

  @Override
  public int clusterSize() {
    return blockSize;
  }

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    Objects.checkFromIndexSize(offset, target.remaining(), size);
    lock.readLock().lock();
    try {
      readLocked(offset, target);
    } finally {
      lock.readLock().unlock();
    }
  }

  private void readLocked(long offset, ByteBuffer target) throws IOException {
    int limit = target.limit();
    long at = offset;
    while (target.position() < limit) {
      long block = at / blockSize;
      int in = (int) (at % blockSize);
      int n = Math.min(limit - target.position(), blockSize - in);
      long place = synchronizedLocate(block);
      target.limit(target.position() + n);
      if (place >= 0) {
        file.about(StorageEvent.READ_AIO);
        readStored(place + in, at, target);
      } else if (place == PACKED) {
        target.put(readPacked(block), in, n);
      } else if (place == ABSENT && below != null && at < below.size()) {
        int inside = (int) Math.min(n, below.size() - at);
        target.limit(target.position() + inside);
        below.read(at, target);
        target.limit(target.position() + n - inside);
        Zeros.fill(target);
      } else {
        Zeros.fill(target);
      }
      target.limit(limit);
      at += n;
    }
  }

  /**
   * Reads from a block that lies in the file; formats that encrypt undo it here.
   *
   * @param place the byte of the file
   * @param offset the byte of the disk
   */
  protected void readStored(long place, long offset, ByteBuffer target) throws IOException {
    file.read(place, target);
  }

  private synchronized long synchronizedLocate(long block) throws IOException {
    return locate(block);
  }

  @Override
  public void write(long offset, ByteBuffer source) throws IOException {
    Objects.checkFromIndexSize(offset, source.remaining(), size);
    prepare();
    int limit = source.limit();
    long at = offset;
    try {
      while (source.position() < limit) {
        int n = Math.min(limit - source.position(), blockSize - (int) (at % blockSize));
        source.limit(source.position() + n);
        if (!writeInPlace(at, source)) {
          writeNew(at, source);
        }
        source.limit(limit);
        at += n;
      }
    } finally {
      source.limit(limit);
    }
  }

  private boolean readsAsZeros(long place, long at) {
    return place == ZERO || place == ABSENT && (below == null || at >= below.size());
  }

  private void prepare() throws IOException {
    if (readOnly()) {
      throw new ImageException(
          ImageException.Kind.READ_ONLY,
          file.name(),
          "is open for reading only",
          "open it for writing");
    }
    lock.writeLock().lock();
    try {
      if (!writing) {
        beforeFirstWrite();
        writing = true;
      }
    } finally {
      lock.writeLock().unlock();
    }
  }

  private boolean writeInPlace(long at, ByteBuffer source) throws IOException {
    lock.readLock().lock();
    try {
      long place = synchronizedLocate(at / blockSize);
      if (place < 0) {
        return false;
      }
      file.about(StorageEvent.WRITE_AIO);
      file.write(place + at % blockSize, source);
      unsynced = true;
      return true;
    } finally {
      lock.readLock().unlock();
    }
  }

  private void writeNew(long at, ByteBuffer source) throws IOException {
    lock.writeLock().lock();
    try {
      long block = at / blockSize;
      int in = (int) (at % blockSize);
      long start = block * blockSize;
      boolean zeros = readsAsZeros(locate(block), start);
      ByteBuffer whole = null;
      if (packsBlocks()) {
        writeNewPacked(block, in, zeros, source);
        return;
      }
      if (!zeros && source.remaining() < blockSize) {
        whole = ByteBuffer.allocate(blockSize);
        whole.limit((int) Math.min(blockSize, size - start));
        readLocked(start, whole);
        whole.clear().position(in);
        whole.put(source).clear();
      }
      file.about(StorageEvent.CLUSTER_ALLOC);
      long place = allocate(block);
      file.about(StorageEvent.WRITE_AIO);
      if (whole != null) {
        file.write(place, whole);
      } else if (place >= file.size()) {
        // What a file gains reads as zeros.
        file.write(place + in, source);
        if (file.size() < place + blockSize) {
          file.setSize(place + blockSize);
        }
      } else {
        file.writeZeroes(place, blockSize, false);
        file.write(place + in, source);
      }
      unsynced = true;
      publish(block, place);
      tablesDirty = true;
    } finally {
      lock.writeLock().unlock();
    }
  }

  private void writeNewPacked(long block, int in, boolean zeros, ByteBuffer source)
      throws IOException {
    ByteBuffer whole = ByteBuffer.allocate(blockSize);
    if (!zeros && source.remaining() < blockSize) {
      whole.limit((int) Math.min(blockSize, size - block * blockSize));
      readLocked(block * blockSize, whole);
      whole.clear();
    }
    whole.position(in);
    whole.put(source);
    writePacked(block, whole.array());
    unsynced = true;
    tablesDirty = true;
  }

  @Override
  public void writeZeroes(long offset, long length, boolean unmap) throws IOException {
    Objects.checkFromIndexSize(offset, length, size);
    prepare();
    long end = offset + length;
    for (long at = offset; at < end; ) {
      long block = at / blockSize;
      long blockEnd = Math.min((block + 1) * blockSize, size);
      int n = (int) (Math.min(end, blockEnd) - at);
      lock.writeLock().lock();
      try {
        long place = locate(block);
        boolean whole = at == block * blockSize && at + n == blockEnd;
        if (readsAsZeros(place, at)) {
          at += n;
          continue;
        }
        if (whole && place < 0 && hasZeroBlocks()) {
          publish(block, ZERO);
          tablesDirty = true;
          at += n;
          continue;
        }
        if (place >= 0) {
          file.writeZeroes(place + at % blockSize, n, unmap);
          unsynced = true;
          at += n;
          continue;
        }
      } finally {
        lock.writeLock().unlock();
      }
      write(at, ByteBuffer.allocate(n));
      at += n;
    }
  }

  @Override
  public void discard(long offset, long length) throws IOException {
    Objects.checkFromIndexSize(offset, length, size);
    prepare();
    long end = offset + length;
    for (long at = offset; at < end; ) {
      int n = (int) Math.min(end - at, blockSize - at % blockSize);
      lock.readLock().lock();
      try {
        long place = synchronizedLocate(at / blockSize);
        if (place >= 0) {
          file.punchHole(place + at % blockSize, n);
          unsynced = true;
        }
      } finally {
        lock.readLock().unlock();
      }
      at += n;
    }
  }

  @Override
  public Extent extent(long offset, long length) throws IOException {
    Status first = status(offset, length);
    Kind kind = first.data() ? Kind.DATA : first.zero() ? Kind.ZERO : Kind.UNALLOCATED;
    return new Extent(first.length(), kind);
  }

  @Override
  public Status status(long offset, long length) throws IOException {
    Objects.checkFromIndexSize(offset, length, size);
    lock.readLock().lock();
    try {
      long block = offset / blockSize;
      long in = offset % blockSize;
      long place = synchronizedLocate(block);
      long run = blockSize - in;
      while (run < length) {
        long next = synchronizedLocate(++block);
        if (place >= 0 ? next != place + (run + in) : next != place || place == PACKED) {
          break;
        }
        run += blockSize;
      }
      run = Math.min(run, length);
      boolean hole = false;
      if (place >= 0 && fileTellsHoles()) {
        Extent extent = file.extent(place + in, run);
        run = extent.length();
        hole = extent.kind() == Kind.ZERO;
      }
      return new Status(
          run,
          place != ABSENT,
          place == ZERO || hole,
          place >= 0 || place == PACKED,
          place >= 0 ? place + in : -1,
          place == PACKED);
    } finally {
      lock.readLock().unlock();
    }
  }

  /** Changes the size that requests are held against; the header is the format's own. */
  protected final void setDiskSize(long newSize) {
    lock.writeLock().lock();
    try {
      size = newSize;
    } finally {
      lock.writeLock().unlock();
    }
  }

  /** The size of what lies below; 0 when nothing does. */
  protected final long belowSize() {
    return below == null ? 0 : below.size();
  }

  /** Waits until everything written is on the medium. */
  protected final void sync() throws IOException {
    if (unsynced) {
      file.flush();
      unsynced = false;
    }
  }

  /** Says that the file has been written. */
  protected final void wrote() {
    unsynced = true;
  }

  @Override
  public void flush() throws IOException {
    if (readOnly()) {
      return;
    }
    lock.writeLock().lock();
    try {
      file.about(StorageEvent.FLUSH_TO_OS);
      flushLocked();
      file.about(StorageEvent.FLUSH_TO_DISK);
    } finally {
      lock.writeLock().unlock();
    }
  }

  private void flushLocked() throws IOException {
    sync();
    if (tablesDirty) {
      writeTables();
      unsynced = true;
      tablesDirty = false;
    }
    sync();
  }

  @Override
  public void resize(long newSize) throws IOException {
    throw new ImageException(
        ImageException.Kind.UNSUPPORTED,
        file.name(),
        "is of a format whose images cannot be resized here",
        "convert it to qcow2 and resize that");
  }

  @Override
  public void close() throws IOException {
    lock.writeLock().lock();
    try {
      if (closed) {
        return;
      }
      closed = true;
      try {
        if (writing) {
          flushLocked();
          afterLastWrite();
          unsynced = true;
          sync();
        }
      } finally {
        try {
          closeFiles();
        } finally {
          if (below != null) {
            below.close();
          }
        }
      }
    } finally {
      lock.writeLock().unlock();
    }
  }

  /** Closes the file, and others that the format brought along. */
  protected void closeFiles() throws IOException {
    file.close();
  }

  /** Reads a table of 32-bit numbers whose size has been checked. */
  public static int[] readInts(Storage file, long offset, int count, ByteOrder order)
      throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(Math.multiplyExact(count, 4)).order(order);
    file.read(offset, bytes);
    int[] table = new int[count];
    bytes.flip().asIntBuffer().get(table);
    return table;
  }
}
