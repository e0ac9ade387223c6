package io.satchel.vm.firmware;

import io.satchel.vm.memory.AddressMap;
import io.satchel.vm.memory.GuestMemory;

/**
 * Puts another firmware's file where a PC's ROM is: at the top of 4 GiB, and its last 128 KiB below
 * 1 MiB.
 */
public final class RomImage {

  /** What the chipset shows from C0000h on; the file's part begins at E0000h. */
  private static final int LOW_WINDOW = 256 << 10;

  private static final int LOW_PART = 128 << 10;

  private RomImage() {}

  /** How many bytes beside RAM {@code file} takes: whole pages. */
  public static int hostBytes(byte[] file) {
    return (file.length + GuestMemory.PAGE_SIZE - 1) & -GuestMemory.PAGE_SIZE;
  }

  /**
   * @param file whose last byte comes right below 4 GiB
   * @param highOffset host offset of room for the file, rounded up to whole pages
   * @param lowOffset host offset of the 256 KiB that the chipset shows from C0000h
   */
  public static void map(AddressMap map, byte[] file, int highOffset, int lowOffset) {
    GuestMemory memory = map.memory();
    int pages = hostBytes(file);
    memory.write(highOffset + pages - file.length, file, 0, file.length);
    map.mapRead((1L << 32) - pages, pages, highOffset);
    int low = Math.min(LOW_PART, file.length);
    memory.write(lowOffset + LOW_WINDOW - low, file, file.length - low, low);
  }
}
