package io.satchel.vm.firmware;

import io.satchel.vm.host.DiskBackend;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * The boot entry of a CD ("El Torito" Bootable CD-ROM Format Specification 1.0).
 *
 * @param mediaType 0 no emulation, 1 1.2 MB, 2 1.44 MB, 3 2.88 MB floppy, 4 hard disk
 * @param loadSegment where the boot program goes
 * @param sectors of 512 bytes to load
 * @param block of 2048 bytes at which the image begins
 * @param catalog the boot catalog's block
 */
record ElTorito(int mediaType, int loadSegment, int sectors, long block, long catalog) {

  static final int SECTOR = 2048;
  private static final int BOOT_RECORD = 17;

  /** Finds the entry; {@code null} when the CD has none. */
  static @Nullable ElTorito find(DiskBackend cd) throws IOException {
    if (cd.size() < (BOOT_RECORD + 1L) * SECTOR) {
      return null;
    }
    byte[] sector = new byte[SECTOR];
    cd.readNow((long) BOOT_RECORD * SECTOR, sector, 0, SECTOR);
    if (sector[0] != 0
        || !text(sector, 1, 5).equals("CD001")
        || !text(sector, 7, 23).equals("EL TORITO SPECIFICATION")) {
      return null;
    }
    long catalog = word(sector, 0x47) | (long) word(sector, 0x49) << 16;
    if ((catalog + 1) * SECTOR > cd.size()) {
      return null;
    }
    cd.readNow(catalog * SECTOR, sector, 0, SECTOR);
    // The validation entry, then the initial entry.
    if (sector[0] != 1
        || word(sector, 0x1E) != 0xAA55
        || (sector[0x20] & 0xFF) != 0x88
        || (sector[0x21] & 0x0F) > 4) {
      return null;
    }
    int segment = word(sector, 0x22);
    return new ElTorito(
        sector[0x21] & 0x0F,
        segment == 0 ? 0x07C0 : segment,
        Math.max(1, word(sector, 0x26)),
        word(sector, 0x28) | (long) word(sector, 0x2A) << 16,
        catalog);
  }

  /** The drive number that the image becomes; a CD's own without emulation. */
  int drive(int cdDrive) {
    return switch (mediaType) {
      case 0 -> cdDrive;
      case 4 -> 0x80;
      default -> 0x00;
    };
  }

  private static String text(byte[] bytes, int from, int length) {
    return new String(bytes, from, length, StandardCharsets.US_ASCII);
  }

  private static int word(byte[] bytes, int at) {
    return bytes[at] & 0xFF | (bytes[at + 1] & 0xFF) << 8;
  }
}
