package io.satchel.image.format.qcow2;

/** A set of cluster numbers: open addressing over longs, so that asking costs no allocation. */
final class ClusterSet {
  private static final long EMPTY = -1;
  private static final long REMOVED = -2;
  private long[] table = newTable(64);
  private int size;
  private int filled;

  private static long[] newTable(int length) {
    long[] table = new long[length];
    java.util.Arrays.fill(table, EMPTY);
    return table;
  }

  private static int slot(long cluster, int length) {
    return (int) (cluster * 0x9E3779B97F4A7C15L >>> 32) & (length - 1);
  }

  boolean contains(long cluster) {
    long[] t = table;
    for (int i = slot(cluster, t.length); t[i] != EMPTY; i = (i + 1) & (t.length - 1)) {
      if (t[i] == cluster) {
        return true;
      }
    }
    return false;
  }

  /** Adds a cluster; false when it was there. */
  boolean add(long cluster) {
    if (contains(cluster)) {
      return false;
    }
    if (filled * 2 >= table.length) {
      long[] old = table;
      table = newTable(Math.max(64, Integer.highestOneBit(size) * 8));
      filled = 0;
      size = 0;
      for (long c : old) {
        if (c >= 0) {
          insert(c);
        }
      }
    }
    insert(cluster);
    return true;
  }

  private void insert(long cluster) {
    int i = slot(cluster, table.length);
    while (table[i] != EMPTY) {
      i = (i + 1) & (table.length - 1);
    }
    table[i] = cluster;
    size++;
    filled++;
  }

  void addRange(long first, long count) {
    for (long c = first; c < first + count; c++) {
      add(c);
    }
  }

  void removeRange(long first, long count) {
    for (long c = first; c < first + count; c++) {
      for (int i = slot(c, table.length); table[i] != EMPTY; i = (i + 1) & (table.length - 1)) {
        if (table[i] == c) {
          table[i] = REMOVED;
          size--;
          break;
        }
      }
    }
  }

  int size() {
    return size;
  }
}
