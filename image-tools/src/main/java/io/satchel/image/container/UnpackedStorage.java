package io.satchel.image.container;

import io.satchel.image.file.Storage;
import io.satchel.image.file.Zeros;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A packed stream as storage: unpacked piece by piece from the nearest place where that can begin.
 * What was unpacked last is kept up to a bound, and so are the cursors, for reads that go on.
 */
abstract class UnpackedStorage extends ReadOnlyStorage {
  private static final int CHUNK = 128 << 10;
  private static final int KEPT_CHUNKS = 128;
  private static final int KEPT_CURSORS = 3;

  private final long size;
  private final ArrayDeque<Cursor> cursors = new ArrayDeque<>();
  private final byte[] scratch = new byte[CHUNK];
  private final Map<Long, byte[]> chunks =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, byte[]> eldest) {
          return size() > KEPT_CHUNKS;
        }
      };

  UnpackedStorage(Storage file, long size) {
    super(file);
    this.size = size;
  }

  /** The last place at or before {@code offset} where unpacking can begin. */
  abstract long startBefore(long offset);

  /** A cursor at {@link #startBefore}. */
  abstract Cursor open(long offset) throws IOException;

  @Override
  public final long size() {
    return size;
  }

  @Override
  public final synchronized void read(long offset, ByteBuffer target) throws IOException {
    long at = offset;
    while (target.hasRemaining() && at < size) {
      byte[] chunk = chunk(at / CHUNK);
      int in = (int) (at % CHUNK);
      int n = Math.min(target.remaining(), chunk.length - in);
      target.put(chunk, in, n);
      at += n;
    }
    Zeros.fill(target);
  }

  private byte[] chunk(long index) throws IOException {
    byte[] known = chunks.get(index);
    if (known != null) {
      return known;
    }
    long start = index * CHUNK;
    byte[] chunk = new byte[(int) Math.min(CHUNK, size - start)];
    Cursor cursor = cursor(start);
    boolean done = false;
    try {
      if (!cursor.skipTo(start, scratch)) {
        throw corrupt("ends before the place that its index tells", -1);
      }
      for (int at = 0; at < chunk.length; ) {
        int n = cursor.read(chunk, at, chunk.length - at);
        if (n < 0) {
          throw corrupt("ends before the place that its index tells", -1);
        }
        at += n;
      }
      done = true;
    } finally {
      if (done) {
        cursors.addFirst(cursor);
        if (cursors.size() > KEPT_CURSORS) {
          cursors.removeLast().close();
        }
      } else {
        cursor.close();
      }
    }
    chunks.put(index, chunk);
    return chunk;
  }

  private Cursor cursor(long start) throws IOException {
    long from = startBefore(start);
    Cursor best = null;
    for (Cursor cursor : cursors) {
      if (cursor.position <= start
          && cursor.position >= from
          && (best == null || cursor.position > best.position)) {
        best = cursor;
      }
    }
    if (best != null) {
      cursors.remove(best);
      return best;
    }
    return open(start);
  }

  @Override
  public synchronized void close() throws IOException {
    cursors.forEach(Cursor::close);
    cursors.clear();
    chunks.clear();
    super.close();
  }
}
