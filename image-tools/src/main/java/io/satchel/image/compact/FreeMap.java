package io.satchel.image.compact;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Which bytes of a disk nobody needs. */
public final class FreeMap {
  private final TreeMap<Long, Long> ranges = new TreeMap<>();

  /** A piece of the disk that is wholly free or wholly in use. */
  record Span(long length, boolean free) {}

  /** Adds a range that overlaps no other. */
  void add(long start, long length) {
    ranges.put(start, length);
  }

  Span at(long offset, long length) {
    Map.Entry<Long, Long> before = ranges.floorEntry(offset);
    if (before != null && offset < before.getKey() + before.getValue()) {
      return new Span(Math.min(length, before.getKey() + before.getValue() - offset), true);
    }
    Long next = ranges.higherKey(offset);
    return new Span(next == null ? length : Math.min(length, next - offset), false);
  }

  /** All ranges in order, each a start and a length. */
  public List<long[]> ranges() {
    List<long[]> all = new ArrayList<>();
    ranges.forEach((start, length) -> all.add(new long[] {start, length}));
    return all;
  }
}
