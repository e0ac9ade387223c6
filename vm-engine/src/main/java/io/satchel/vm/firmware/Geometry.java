package io.satchel.vm.firmware;

/**
 * Cylinders, heads and sectors, as INT 13h counts them.
 *
 * @param cylinders 1 to 1024
 * @param heads 1 to 255
 * @param sectors a track, 1 to 63
 */
record Geometry(int cylinders, int heads, int sectors) {

  private static final int SECTOR = 512;

  /** The usual formats: KiB, cylinders, heads, sectors, drive type as in CMOS byte 10h. */
  private static final int[][] FLOPPIES = {
    {160, 40, 1, 8, 1},
    {180, 40, 1, 9, 1},
    {320, 40, 2, 8, 1},
    {360, 40, 2, 9, 1},
    {640, 80, 2, 8, 3},
    {720, 80, 2, 9, 3},
    {1200, 80, 2, 15, 2},
    {1440, 80, 2, 18, 4},
    {1680, 80, 2, 21, 4},
    {1722, 82, 2, 21, 4},
    {2880, 80, 2, 36, 5}
  };

  /** Of a floppy image: the smallest format that holds it. */
  static Geometry floppy(long size) {
    int[] row = floppyRow(size);
    return new Geometry(row[1], row[2], row[3]);
  }

  /** The type of the drive that takes it. */
  static int floppyType(long size) {
    return floppyRow(size)[4];
  }

  private static int[] floppyRow(long size) {
    for (int[] row : FLOPPIES) {
      if (size <= row[0] * 1024L) {
        return row;
      }
    }
    return FLOPPIES[FLOPPIES.length - 1];
  }

  /**
   * Of a hard disk: what its partition table was made with, if that can be told; else the
   * translation that BIOSes agree on (LBA-assisted, "Enhanced Disk Drive Specification").
   *
   * @param sectors on the disk
   * @param mbr its first sector
   */
  static Geometry hardDisk(long sectors, byte[] mbr) {
    int heads = 0;
    int perTrack = 63;
    if ((mbr[510] & 0xFF) == 0x55 && (mbr[511] & 0xFF) == 0xAA) {
      for (int entry = 446; entry < 510 && heads == 0; entry += 16) {
        int endHead = mbr[entry + 5] & 0xFF;
        int endSector = mbr[entry + 6] & 0x3F;
        if (mbr[entry + 4] != 0 && endSector > 0 && endHead < 255) {
          Geometry candidate = new Geometry(1024, endHead + 1, endSector);
          if (candidate.agrees(mbr, entry + 1, little32(mbr, entry + 8))
              && candidate.agrees(
                  mbr, entry + 5, little32(mbr, entry + 8) + little32(mbr, entry + 12) - 1)) {
            heads = endHead + 1;
            perTrack = endSector;
          }
        }
      }
    }
    if (heads == 0) {
      heads = 16;
      while (heads < 255 && sectors > 1024L * heads * 63) {
        heads = Math.min(255, heads * 2);
      }
    }
    long cylinders = sectors / ((long) heads * perTrack);
    return new Geometry(Math.clamp(cylinders, 1, 1024), heads, perTrack);
  }

  /** Whether the CHS address at {@code at} of a partition entry is that of the block. */
  private boolean agrees(byte[] mbr, int at, long block) {
    long cylinder = block / ((long) heads * sectors);
    int head = mbr[at] & 0xFF;
    int sector = mbr[at + 1] & 0x3F;
    int stated = mbr[at + 2] & 0xFF | (mbr[at + 1] & 0xC0) << 2;
    if (cylinder > 1023) {
      return stated == 1023 || stated == 1022;
    }
    return stated == cylinder && head == block / sectors % heads && sector == block % sectors + 1;
  }

  private static long little32(byte[] bytes, int at) {
    return bytes[at] & 0xFFL
        | (bytes[at + 1] & 0xFFL) << 8
        | (bytes[at + 2] & 0xFFL) << 16
        | (bytes[at + 3] & 0xFFL) << 24;
  }

  /** Whether there is such a sector; they count from 1. */
  boolean contains(int cylinder, int head, int sector) {
    return cylinder < cylinders && head < heads && sector >= 1 && sector <= sectors;
  }

  /** The number of the sector from the disk's start. */
  long block(int cylinder, int head, int sector) {
    return ((long) cylinder * heads + head) * sectors + sector - 1;
  }

  /** Sectors that can be reached. */
  long total() {
    return (long) cylinders * heads * sectors;
  }

  /** Bytes that can be reached. */
  long bytes() {
    return total() * SECTOR;
  }
}
