package io.satchel.vm.memory;

import java.util.Arrays;

/**
 * The translations of one kind of access (read, write or fetch, as user or as supervisor),
 * direct-mapped by linear page.
 *
 * <p>A hit for {@code width} bytes at {@code linear} is {@code tags[index(linear)] == ((linear +
 * width - 1) & PAGE)}: an access that crosses into the next page misses by itself, and so does an
 * entry that carries a flag. Engines test that inline and then use host offset {@code (int) linear
 * + addends[index]}.
 */
public final class SoftTlb {

  /** Entries. */
  public static final int SIZE = 1024;

  /** The bits of a linear address that name its page. */
  public static final long PAGE = -4096L;

  /** In a tag: the page is no host memory; the addend is its physical page number. */
  public static final int DEVICE = 1;

  /** In a tag: host memory that holds decoded code; a write must be announced. */
  public static final int CODE = 2;

  /** In a tag: a data breakpoint lies in the page. */
  public static final int WATCH = 4;

  /** Matches no page, with or without flags. */
  private static final long EMPTY = 8;

  public final long[] tags = new long[SIZE];
  public final int[] addends = new int[SIZE];
  private final boolean[] global = new boolean[SIZE];
  private boolean anyGlobal;

  public SoftTlb() {
    Arrays.fill(tags, EMPTY);
  }

  /** The entry that serves a linear address. */
  public static int index(long linear) {
    return (int) (linear >>> 12) & (SIZE - 1);
  }

  /** Whether entry {@code index} is that of the page, with any flags. */
  public boolean holds(int index, long page) {
    return (tags[index] ^ page) < EMPTY && (tags[index] ^ page) >= 0;
  }

  /**
   * Enters a page.
   *
   * @param hostPage host page, or the physical page number when {@code flags} has {@link #DEVICE}
   */
  public void enter(long page, int hostPage, int flags, boolean isGlobal) {
    int index = index(page);
    tags[index] = page | flags;
    addends[index] = (flags & DEVICE) != 0 ? hostPage : (hostPage << 12) - (int) page;
    global[index] = isGlobal;
    anyGlobal |= isGlobal;
  }

  /** How many pages it knows. */
  public int entries() {
    int count = 0;
    for (long tag : tags) {
      if (tag != EMPTY) {
        count++;
      }
    }
    return count;
  }

  /** Forgets everything. */
  public void flushAll() {
    Arrays.fill(tags, EMPTY);
    anyGlobal = false;
  }

  /** Forgets what is not global. */
  public void flushNonGlobal() {
    if (!anyGlobal) {
      Arrays.fill(tags, EMPTY);
      return;
    }
    for (int i = 0; i < SIZE; i++) {
      if (!global[i]) {
        tags[i] = EMPTY;
      }
    }
  }

  /** Forgets one page. */
  public void flushPage(long linear) {
    int index = index(linear);
    if (holds(index, linear & PAGE)) {
      tags[index] = EMPTY;
    }
  }

  /**
   * Forgets the pages of a range.
   *
   * @param size bytes, a power of two; {@code start} is a multiple of it
   */
  public void flushRange(long start, long size) {
    for (int i = 0; i < SIZE; i++) {
      if ((tags[i] & -size) == start) {
        tags[i] = EMPTY;
      }
    }
  }

  /** Sets the flag {@link #CODE} on every translation to a host page. */
  public void protect(int hostPage) {
    for (int i = 0; i < SIZE; i++) {
      long tag = tags[i];
      if ((tag & ~PAGE) == 0 && (int) tag + addends[i] >>> 12 == hostPage) {
        tags[i] = tag | CODE;
      }
    }
  }

  /** Takes the flag {@link #CODE} off an entry. */
  public void unprotect(int index) {
    tags[index] &= ~CODE;
  }
}
