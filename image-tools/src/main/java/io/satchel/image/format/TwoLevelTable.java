package io.satchel.image.format;

import io.satchel.image.file.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.Map;

/** A table of 64-bit places in two levels, the second read on demand and kept up to a bound. */
public final class TwoLevelTable {
  private static final long CACHE_BYTES = 16L << 20;

  private final Storage file;
  private final ByteOrder order;
  private final long firstOffset;
  private final long[] first;
  private final int secondEntries;
  private final Map<Long, Second> seconds = new LinkedHashMap<>(16, 0.75f, true);
  private final BitSet dirtyFirst = new BitSet();

  private static final class Second {
    final long[] entries;
    boolean dirty;

    Second(long[] entries) {
      this.entries = entries;
    }
  }

  /**
   * Reads the first level, whose size has been checked.
   *
   * @param secondEntries how many entries a table of the second level has
   */
  public TwoLevelTable(
      Storage file, ByteOrder order, long firstOffset, int firstEntries, int secondEntries)
      throws IOException {
    this.file = file;
    this.order = order;
    this.firstOffset = firstOffset;
    this.secondEntries = secondEntries;
    this.first = read(firstOffset, firstEntries);
  }

  private long[] read(long offset, int entries) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(Math.multiplyExact(entries, 8)).order(order);
    file.read(offset, bytes);
    long[] table = new long[entries];
    bytes.flip().asLongBuffer().get(table);
    return table;
  }

  /** The first level's entries. */
  public long[] first() {
    return first;
  }

  /** Whether the second-level table for a block exists. */
  public boolean has(long block) {
    return first[(int) (block / secondEntries)] != 0;
  }

  /** The entry for a block; 0 when there is no table for it. */
  public long get(long block) throws IOException {
    long table = first[(int) (block / secondEntries)];
    return table == 0 ? 0 : second(table).entries[(int) (block % secondEntries)];
  }

  private Second second(long offset) throws IOException {
    Second second = seconds.get(offset);
    if (second == null) {
      if (offset < 0 || offset >= file.size()) {
        throw BlockTableDevice.truncated(file, "a table", offset);
      }
      second = new Second(read(offset, secondEntries));
      seconds.put(offset, second);
      if (seconds.size() * (secondEntries * 8L) > CACHE_BYTES) {
        var oldest = seconds.entrySet().iterator();
        while (oldest.hasNext()) {
          if (!oldest.next().getValue().dirty) {
            oldest.remove();
            break;
          }
        }
      }
    }
    return second;
  }

  /** Adds an empty second-level table at a place that the caller has found. */
  public void add(long block, long offset) {
    Second second = new Second(new long[secondEntries]);
    second.dirty = true;
    seconds.put(offset, second);
    int index = (int) (block / secondEntries);
    first[index] = offset;
    dirtyFirst.set(index);
  }

  /** Changes an entry whose table exists. */
  public void set(long block, long value) throws IOException {
    Second second = second(first[(int) (block / secondEntries)]);
    second.entries[(int) (block % secondEntries)] = value;
    second.dirty = true;
  }

  /** Writes the changed second level, flushes, writes the changed first level. */
  public void write() throws IOException {
    for (Map.Entry<Long, Second> each : seconds.entrySet()) {
      if (each.getValue().dirty) {
        ByteBuffer bytes = ByteBuffer.allocate(secondEntries * 8).order(order);
        bytes.asLongBuffer().put(each.getValue().entries);
        file.write(each.getKey(), bytes);
        each.getValue().dirty = false;
      }
    }
    if (dirtyFirst.isEmpty()) {
      return;
    }
    file.flush();
    for (int i = dirtyFirst.nextSetBit(0); i >= 0; i = dirtyFirst.nextSetBit(i + 1)) {
      ByteBuffer entry = ByteBuffer.allocate(8).order(order).putLong(0, first[i]);
      file.write(firstOffset + i * 8L, entry);
    }
    dirtyFirst.clear();
  }
}
