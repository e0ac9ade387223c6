package io.satchel.image.format.qcow2;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Where clusters lie that are in the file as they are: groups of L2 entries that have been looked
 * up and found good, for readers that hold no lock (see {@link SequenceLock}). Whoever changes an
 * entry makes its group forgotten.
 */
final class Places {
  /** The logarithm of the entries in a group; the smallest table slice has as many. */
  static final int GROUP_BITS = 6;

  /** Bounds what is kept to some 9 MiB. */
  private static final int MOST_GROUPS = 1 << 14;

  /** Room for tables that would get into each other's way. */
  private static final int SPARE = 4;

  /** The place of the clusters of a group in the file; 0 for any that is not simply stored. */
  private record Group(long table, int number, long[] hosts) {
    boolean is(long wantedTable, int wantedNumber) {
      return table == wantedTable && number == wantedNumber;
    }
  }

  private final @Nullable Group[] groups;

  /** For a disk of so many clusters. */
  Places(long clusters) {
    long wanted = Math.clamp((clusters >> GROUP_BITS) * SPARE, 2, MOST_GROUPS);
    groups = new Group[Math.toIntExact(Long.highestOneBit(wanted * 2 - 1))];
  }

  /** A table's groups lie side by side, so that they do not displace one another. */
  private int slot(long table, int number) {
    return (int) (table * 0x9E3779B97F4A7C15L >>> 40) + number & groups.length - 1;
  }

  private int second(int slot) {
    return slot ^ groups.length >> 1;
  }

  private @Nullable Group find(long table, int number) {
    int slot = slot(table, number);
    Group group = groups[slot];
    if (group != null && group.is(table, number)) {
      return group;
    }
    group = groups[second(slot)];
    return group != null && group.is(table, number) ? group : null;
  }

  /** Where the cluster of an entry of a table lies, or 0 when that is not known here. */
  long host(long table, int index) {
    Group group = find(table, index >>> GROUP_BITS);
    return group == null ? 0 : group.hosts[index & (1 << GROUP_BITS) - 1];
  }

  /** Whether the group of an entry is known. */
  boolean knows(long table, int index) {
    return find(table, index >>> GROUP_BITS) != null;
  }

  /** Remembers the group of an entry. */
  void learn(long table, int index, long[] hosts) {
    int number = index >>> GROUP_BITS;
    int slot = slot(table, number);
    groups[second(slot)] = groups[slot];
    groups[slot] = new Group(table, number, hosts);
  }

  /** Forgets the group of an entry. */
  void forget(long table, int index) {
    int number = index >>> GROUP_BITS;
    int slot = slot(table, number);
    for (int each : new int[] {slot, second(slot)}) {
      Group group = groups[each];
      if (group != null && group.is(table, number)) {
        groups[each] = null;
      }
    }
  }

  /** Forgets everything. */
  void clear() {
    Arrays.fill(groups, null);
  }
}
