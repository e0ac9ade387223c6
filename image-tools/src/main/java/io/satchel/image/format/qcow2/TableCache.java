package io.satchel.image.format.qcow2;

import io.satchel.image.file.Storage;
import io.satchel.image.file.StorageEvent;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A bounded cache of equal pieces ("slices") of the tables in the file: eight-way associative,
 * least recently used goes first. It never writes by itself: when all the candidates for a slot are
 * dirty, the owner is asked to write everything back in the right order.
 *
 * <p>Not thread-safe: the device's monitor guards it.
 */
final class TableCache {
  private static final int WAYS = 8;

  /** Writes every dirty slice of the device's caches back, in the order that the format asks. */
  interface WriteBack {
    void run() throws IOException;
  }

  private final Storage file;
  private final WriteBack writeBack;
  private final StorageEvent loading;
  private final StorageEvent updating;
  private final int sliceBits;
  private final int sets;
  private final long[] keys;
  private final long[] used;
  private final boolean[] dirty;
  private final @Nullable ByteBuffer[] slices;
  private long clock;
  private int dirtyCount;

  /**
   * A cache of at most {@code bytes} bytes.
   *
   * @param sliceBits the logarithm of the slice size
   * @param loading what reading a slice is called
   * @param updating what writing one is called
   */
  TableCache(
      Storage file,
      int sliceBits,
      long bytes,
      WriteBack writeBack,
      StorageEvent loading,
      StorageEvent updating) {
    this.file = file;
    this.writeBack = writeBack;
    this.loading = loading;
    this.updating = updating;
    this.sliceBits = sliceBits;
    this.sets =
        Math.max(1, Integer.highestOneBit((int) Math.min(1 << 20, bytes >> sliceBits)) / WAYS);
    int count = sets * WAYS;
    keys = new long[count];
    used = new long[count];
    dirty = new boolean[count];
    slices = new ByteBuffer[count];
  }

  int sliceSize() {
    return 1 << sliceBits;
  }

  private int firstSlot(long key) {
    long mixed = (key >>> sliceBits) * 0x9E3779B97F4A7C15L;
    return (int) ((mixed >>> 32) & (sets - 1)) * WAYS;
  }

  /**
   * The slice that begins at file offset {@code key}, big-endian. It stays valid until the next
   * call. A clean slice's key is never 0, for the header lies there.
   */
  ByteBuffer get(long key) throws IOException {
    int first = firstSlot(key);
    for (int i = first; i < first + WAYS; i++) {
      ByteBuffer slice = slices[i];
      if (keys[i] == key && slice != null) {
        used[i] = ++clock;
        return slice;
      }
    }
    return load(key, first);
  }

  private ByteBuffer load(long key, int first) throws IOException {
    int victim = victim(first);
    if (victim < 0) {
      writeBack.run();
      victim = victim(first);
      if (victim < 0) {
        throw new IllegalStateException("write-back left every slice dirty");
      }
    }
    ByteBuffer slice = slices[victim];
    keys[victim] = 0;
    if (slice == null) {
      slice = ByteBuffer.allocate(sliceSize());
      slices[victim] = slice;
    }
    file.about(loading);
    file.read(key, slice.clear());
    slice.clear();
    keys[victim] = key;
    used[victim] = ++clock;
    return slice;
  }

  private int victim(int first) {
    int victim = -1;
    for (int i = first; i < first + WAYS; i++) {
      if (!dirty[i] && (victim < 0 || used[i] < used[victim])) {
        victim = i;
      }
    }
    return victim;
  }

  /** Says that the slice at {@code key}, which is in the cache, has been changed. */
  void markDirty(long key) {
    int first = firstSlot(key);
    for (int i = first; i < first + WAYS; i++) {
      if (keys[i] == key) {
        if (!dirty[i]) {
          dirty[i] = true;
          dirtyCount++;
        }
        return;
      }
    }
    throw new IllegalStateException("not in the cache");
  }

  boolean hasDirty() {
    return dirtyCount > 0;
  }

  /** Writes the dirty slices in the order of their place in the file. */
  void write() throws IOException {
    if (dirtyCount == 0) {
      return;
    }
    int[] order = new int[dirtyCount];
    int n = 0;
    for (int i = 0; i < dirty.length; i++) {
      if (dirty[i]) {
        order[n++] = i;
      }
    }
    int[] sorted =
        java.util.Arrays.stream(order)
            .boxed()
            .sorted((a, b) -> Long.compare(keys[a], keys[b]))
            .mapToInt(Integer::intValue)
            .toArray();
    for (int i : sorted) {
      ByteBuffer slice = slices[i];
      if (slice != null) {
        file.about(updating);
        file.write(keys[i], slice.clear());
        slice.clear();
      }
      dirty[i] = false;
      dirtyCount--;
    }
  }

  /** Forgets what lies in a range of the file, dirty or not. */
  void drop(long from, long length) {
    for (int i = 0; i < keys.length; i++) {
      if (keys[i] >= from && keys[i] < from + length) {
        keys[i] = 0;
        if (dirty[i]) {
          dirty[i] = false;
          dirtyCount--;
        }
      }
    }
  }

  /** Forgets everything. */
  void clear() {
    drop(0, Long.MAX_VALUE);
  }
}
