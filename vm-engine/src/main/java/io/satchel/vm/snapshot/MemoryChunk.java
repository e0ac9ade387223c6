package io.satchel.vm.snapshot;

import io.satchel.vm.memory.GuestMemory;

/**
 * The form of a {@link Section#MEMORY}: the number of stored pages and of duplicates (each 4
 * bytes), the pages' numbers, then for each duplicate its number and that of a page which some
 * section stores, then the content of the stored pages, packed as one zstd frame of {@value #PAGES}
 * pages (the last ones zeros where there are fewer), or as it is when its length says so. Pages
 * that no section names hold zeros.
 */
final class MemoryChunk {
  static final int PAGES = 64;
  static final int BYTES = PAGES * GuestMemory.PAGE_SIZE;

  /** Duplicates in one section. */
  static final int MOST_DUPLICATES = 16_384;

  /** What costs least while it still takes out most of what repeats. */
  static final int LEVEL = 1;

  private MemoryChunk() {}
}
