package io.satchel.image.fs;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The log of an XFS (XFS Algorithms and Data Structures, "Journaling Log"): a ring of records in
 * sectors of 512 bytes, each of which begins with the number of the round that wrote it. It is
 * clean when the last record says that the file system was unmounted.
 */
final class XfsLog {
  private static final int SECTOR = 512;
  private static final int RECORD_MAGIC = 0xfeedbabe;
  private static final int HEADER_COVERS = 32 << 10;
  private static final int UNMOUNT = 0x20;

  /** A record holds at most 256 KiB, and then some headers. */
  private static final int LOOK_BACK = 1024;

  private final Region region;
  private final long at;
  private final long sectors;

  XfsLog(Region region, long at, long bytes) {
    this.region = region;
    this.at = at;
    this.sectors = bytes / SECTOR;
  }

  private ByteBuffer sector(long number) throws IOException {
    return region.read(at + number * SECTOR, SECTOR).order(ByteOrder.BIG_ENDIAN);
  }

  private int round(long number) throws IOException {
    ByteBuffer b = sector(number);
    return b.getInt(0) == RECORD_MAGIC ? b.getInt(4) : b.getInt(0);
  }

  /** Whether nothing in it waits to be written to its place. */
  boolean clean() throws IOException {
    if (sectors < 4) {
      throw region.broken("has a log that is too short", at);
    }
    int first = round(0);
    if (first == 0) {
      // Never written at all.
      return true;
    }
    long head = round(sectors - 1) == first ? 0 : endOfRound(first);
    for (int i = 1; i <= Math.min(LOOK_BACK, sectors); i++) {
      long number = Math.floorMod(head - i, sectors);
      ByteBuffer b = sector(number);
      if (b.getInt(0) == RECORD_MAGIC) {
        return unmounted(number, b, head);
      }
    }
    throw region.broken("has a log without a record where it ends", at);
  }

  /** The first sector that the newest round has not reached: rounds only fall once. */
  private long endOfRound(int first) throws IOException {
    long low = 0;
    long high = sectors - 1;
    while (high - low > 1) {
      long middle = (low + high) >>> 1;
      if (round(middle) == first) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return high;
  }

  private boolean unmounted(long number, ByteBuffer record, long head) throws IOException {
    int version = record.getInt(8);
    int length = record.getInt(12);
    int size = record.getInt(320);
    boolean further = (version & 2) != 0 && size > HEADER_COVERS;
    long headers = further ? Math.ceilDiv(size, HEADER_COVERS) : 1;
    if (length <= 0 || headers > LOOK_BACK || record.getInt(40) != 1) {
      return false;
    }
    long end = (number + headers + Math.ceilDiv((long) length, SECTOR)) % sectors;
    ByteBuffer operation = sector((number + headers) % sectors);
    return end == head && (operation.get(9) & UNMOUNT) != 0;
  }
}
