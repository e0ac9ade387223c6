package io.satchel.image.format.qcow2;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * How often each host cluster is referred to, counted by walking the tables. Clusters past the
 * file's end are kept apart, so that a crafted entry cannot ask for memory.
 */
final class ReferenceMap {
  private static final int MAX_OUTSIDE = 1 << 20;

  private final int[] inside;
  private final Map<Long, Integer> outside = new TreeMap<>();

  ReferenceMap(long clusters) {
    inside = new int[Math.toIntExact(clusters)];
  }

  void add(long cluster) {
    if (cluster < inside.length) {
      inside[(int) cluster]++;
    } else if (outside.size() < MAX_OUTSIDE) {
      outside.merge(cluster, 1, Integer::sum);
    }
  }

  void addRange(long first, long last) {
    for (long c = first; c <= last; c++) {
      add(c);
    }
  }

  int get(long cluster) {
    return cluster < inside.length ? inside[(int) cluster] : outside.getOrDefault(cluster, 0);
  }

  /** The first cluster that lies after everything referred to inside the file. */
  long end() {
    long end = inside.length;
    while (end > 0 && inside[(int) end - 1] == 0) {
      end--;
    }
    for (long cluster : outside.keySet()) {
      end = Math.max(end, cluster + 1);
    }
    return end;
  }

  /** The clusters of the file. */
  long insideClusters() {
    return inside.length;
  }

  /** The clusters past the file's end that are referred to. */
  List<Long> outsideClusters() {
    return new ArrayList<>(outside.keySet());
  }

  void clear() {
    Arrays.fill(inside, 0);
    outside.clear();
  }
}
