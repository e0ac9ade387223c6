package io.satchel.vm.firmware;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.host.DiskBackend;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * INT 13h: diskettes, hard disks and CDs (IBM PS/2 and PC BIOS Interface Technical Reference;
 * Enhanced Disk Drive Specification 3.0; El Torito 1.0). It reads and writes the media directly, so
 * a sector costs no device access and no time of the guest.
 */
final class DiskBios {

  /** The first CD's drive number. */
  static final int CD = 0xE0;

  // Status codes.
  private static final int OK = 0x00;
  private static final int BAD_COMMAND = 0x01;
  private static final int WRITE_PROTECTED = 0x03;
  private static final int NOT_FOUND = 0x04;
  private static final int CHANGED = 0x06;
  private static final int BAD_DATA = 0x10;
  private static final int MEDIA_NOT_PRESENT = 0x31;
  private static final int NOT_READY = 0x80;
  private static final int NOT_LOCKED = 0xB0;

  private static final int SECTOR = 512;

  /** Most sectors moved at a time. */
  private static final int CHUNK = 128;

  // Tables in the EBDA.
  static final int FIXED_DISK_0 = 0x3D;
  static final int FIXED_DISK_1 = 0x4D;
  private static final int PARAMETER_EXTENSION = 0x60;

  private final Guest guest;
  private final DriveBay bay;
  private final byte[] buffer = new byte[CHUNK * SECTOR];
  private final @Nullable DiskBackend[] lastFloppy = new @Nullable DiskBackend[2];

  /** The CD image that stands for drive 00h or 80h. */
  private @Nullable ElTorito emulated;

  /** IDE unit of the emulated image's CD. */
  private int emulatedUnit;

  DiskBios(Guest guest, DriveBay bay) {
    this.guest = guest;
    this.bay = bay;
  }

  /** A medium under a drive number. */
  private record Disk(
      DriveBay.Unit unit, int number, DriveBay.Kind kind, long base, @Nullable ElTorito image) {

    @Nullable DiskBackend medium() {
      return unit.medium();
    }

    int sectorSize() {
      return kind == DriveBay.Kind.CD ? ElTorito.SECTOR : SECTOR;
    }
  }

  List<DriveBay.Unit> units(DriveBay.Kind kind) {
    List<DriveBay.Unit> found = new ArrayList<>();
    for (DriveBay.Unit unit : bay.units()) {
      if (unit.kind() == kind) {
        found.add(unit);
      }
    }
    return found;
  }

  @Nullable ElTorito emulated() {
    return emulated;
  }

  int emulatedUnit() {
    return emulatedUnit;
  }

  /** A CD's image becomes drive 00h or 80h; {@code null} ends that. */
  void emulate(@Nullable ElTorito image, int unit) {
    emulated = image != null && image.mediaType() != 0 ? image : null;
    emulatedUnit = unit;
  }

  /** Whether each drive's medium is the one that was there at the last access. */
  boolean[] floppiesKnown() {
    boolean[] known = new boolean[lastFloppy.length];
    for (DriveBay.Unit unit : units(DriveBay.Kind.FLOPPY)) {
      if (unit.number() < known.length) {
        known[unit.number()] = lastFloppy[unit.number()] == unit.medium();
      }
    }
    return known;
  }

  /** Takes the media that are in their drives now for those of the last access, or for others. */
  void floppiesKnown(boolean[] known) {
    for (DriveBay.Unit unit : units(DriveBay.Kind.FLOPPY)) {
      int number = unit.number();
      if (number < lastFloppy.length) {
        lastFloppy[number] = number < known.length && known[number] ? unit.medium() : null;
      }
    }
  }

  /** Hard disk count, tables of the first two, and what is in the diskette drives. */
  void post() {
    emulated = null;
    List<DriveBay.Unit> floppies = units(DriveBay.Kind.FLOPPY);
    for (DriveBay.Unit unit : floppies) {
      if (unit.number() < 2) {
        lastFloppy[unit.number()] = unit.medium();
        guest.bda8(Bda.FLOPPY_STATE + unit.number(), 0x07);
      }
    }
    guest.bda8(Bda.FLOPPY_RECALIBRATE, 0);
    guest.bda8(Bda.FLOPPY_DRIVES, 0x77);
    List<DriveBay.Unit> disks = units(DriveBay.Kind.HARD_DISK);
    guest.bda8(Bda.DISK_COUNT, disks.size());
    long ebda = (long) guest.bda16(Bda.EBDA_SEGMENT) << 4;
    for (int i = 0; i < 2; i++) {
      int offset = i == 0 ? FIXED_DISK_0 : FIXED_DISK_1;
      if (i < disks.size()) {
        Disk disk = new Disk(disks.get(i), 0x80 + i, DriveBay.Kind.HARD_DISK, 0, null);
        Geometry geometry = geometry(disk);
        guest.write16(ebda + offset, geometry.cylinders());
        guest.write8(ebda + offset + 2, geometry.heads());
        guest.write16(ebda + offset + 5, 0xFFFF); // no write precompensation
        guest.write8(ebda + offset + 8, geometry.heads() > 8 ? 0xC8 : 0xC0);
        guest.write16(ebda + offset + 12, geometry.cylinders());
        guest.write8(ebda + offset + 14, geometry.sectors());
      }
      long vector = i == 0 ? 4 * 0x41 : 4 * 0x46;
      guest.write16(vector, offset);
      guest.write16(vector + 2, guest.bda16(Bda.EBDA_SEGMENT));
    }
  }

  private @Nullable Disk find(int number) {
    ElTorito image = emulated;
    int index = number;
    if (number >= CD) {
      return nth(DriveBay.Kind.CD, number - CD, number);
    }
    if (image != null) {
      boolean hard = image.mediaType() == 4;
      if (number == (hard ? 0x80 : 0x00)) {
        for (DriveBay.Unit unit : bay.units()) {
          if (unit.kind() == DriveBay.Kind.CD && unit.number() == emulatedUnit) {
            DriveBay.Kind kind = hard ? DriveBay.Kind.HARD_DISK : DriveBay.Kind.FLOPPY;
            return new Disk(unit, number, kind, image.block() * ElTorito.SECTOR, image);
          }
        }
        return null;
      }
      // The real drives of that kind follow the image.
      index -= hard == number >= 0x80 ? 1 : 0;
    }
    return number >= 0x80
        ? nth(DriveBay.Kind.HARD_DISK, index - 0x80, number)
        : nth(DriveBay.Kind.FLOPPY, index, number);
  }

  private @Nullable Disk nth(DriveBay.Kind kind, int index, int number) {
    List<DriveBay.Unit> units = units(kind);
    return index >= 0 && index < units.size()
        ? new Disk(units.get(index), number, kind, 0, null)
        : null;
  }

  private Geometry geometry(Disk disk) {
    DiskBackend medium = disk.medium();
    ElTorito image = disk.image();
    if (image != null && image.mediaType() < 4) {
      return Geometry.floppy(
          1024L * (image.mediaType() == 1 ? 1200 : image.mediaType() == 2 ? 1440 : 2880));
    }
    if (medium == null) {
      return Geometry.floppy(1440 * 1024);
    }
    if (disk.kind() == DriveBay.Kind.FLOPPY) {
      return Geometry.floppy(medium.size());
    }
    byte[] mbr = new byte[SECTOR];
    try {
      medium.readNow(disk.base(), mbr, 0, SECTOR);
    } catch (IOException _) {
      mbr[510] = 0; // not readable: as if there were no partition table
    }
    if (image != null) {
      // An emulated hard disk has one partition; its end says the geometry and the size.
      int heads = (mbr[446 + 5] & 0xFF) + 1;
      int sectors = Math.max(1, mbr[446 + 6] & 0x3F);
      int cylinders = (mbr[446 + 7] & 0xFF | (mbr[446 + 6] & 0xC0) << 2) + 1;
      return new Geometry(cylinders, heads, sectors);
    }
    return Geometry.hardDisk(medium.size() / SECTOR, mbr);
  }

  private long sectors(Disk disk) {
    DiskBackend medium = disk.medium();
    if (medium == null) {
      return 0;
    }
    if (disk.image() != null) {
      return Math.min(geometry(disk).total(), (medium.size() - disk.base()) / SECTOR);
    }
    return medium.size() / disk.sectorSize();
  }

  /**
   * Reads sectors of a drive to a physical address, for booting.
   *
   * @return whether it could be done
   */
  boolean load(int drive, long block, int count, long address) {
    Disk disk = find(drive);
    return disk != null && transfer(disk, block, count, address, Direction.READ) == OK;
  }

  private enum Direction {
    READ,
    WRITE,
    VERIFY
  }

  private int done;

  private int transfer(Disk disk, long block, int count, long address, Direction direction) {
    done = 0;
    DiskBackend medium = disk.medium();
    if (medium == null) {
      return disk.kind() == DriveBay.Kind.CD ? MEDIA_NOT_PRESENT : NOT_READY;
    }
    if (direction == Direction.WRITE
        && (medium.readOnly() || disk.image() != null || disk.kind() == DriveBay.Kind.CD)) {
      return WRITE_PROTECTED;
    }
    int size = disk.sectorSize();
    if (block < 0 || block + count > Math.max(sectors(disk), shortImage(disk))) {
      return NOT_FOUND;
    }
    while (done < count) {
      int now = Math.min(count - done, buffer.length / size);
      long offset = disk.base() + (block + done) * size;
      int length = (int) Math.clamp(medium.size() - offset, 0, (long) now * size);
      try {
        if (direction == Direction.WRITE) {
          guest.read(address, buffer, 0, length);
          medium.writeNow(offset, buffer, 0, length);
        } else {
          if (length > 0) {
            medium.readNow(offset, buffer, 0, length);
          }
          java.util.Arrays.fill(buffer, length, now * size, (byte) 0);
          if (direction == Direction.READ) {
            guest.write(address, buffer, 0, now * size);
          }
        }
      } catch (IOException _) {
        return BAD_DATA; // the host could not: to the guest a sector that cannot be read
      }
      address += (long) now * size;
      done += now;
    }
    return OK;
  }

  /** A floppy image that is shorter than its format reads as zeros behind its end. */
  private long shortImage(Disk disk) {
    return disk.kind() == DriveBay.Kind.FLOPPY && disk.image() == null ? geometry(disk).total() : 0;
  }

  /** The service. */
  void call() {
    int function = guest.ah();
    int drive = guest.dl();
    if (function >= 0x4A && function <= 0x4D) {
      finish(drive, cdBoot(function));
      return;
    }
    Disk disk = find(drive);
    if (disk == null) {
      if (function == 0x08 && drive < 0x80) {
        noFloppyParameters();
        return;
      }
      if (function == 0x15) {
        guest.ah(0); // no such drive
        guest.carry(false);
        return;
      }
      finish(drive, function == 0x00 && drive < 0x80 ? OK : BAD_COMMAND);
      return;
    }
    switch (function) {
      case 0x00, 0x0D -> finish(drive, OK);
      case 0x01 -> {
        int status = guest.bda8(drive < 0x80 ? Bda.FLOPPY_STATUS : Bda.DISK_STATUS);
        guest.ah(status);
        guest.carry(status != 0);
      }
      case 0x02 -> chs(disk, Direction.READ);
      case 0x03 -> chs(disk, Direction.WRITE);
      case 0x04 -> chs(disk, Direction.VERIFY);
      case 0x05 -> format(disk);
      case 0x08 -> parameters(disk);
      case 0x09, 0x0C, 0x11, 0x14, 0x47 -> finish(drive, drive < 0x80 ? BAD_COMMAND : OK);
      case 0x10 -> finish(drive, disk.medium() == null ? NOT_READY : OK);
      case 0x15 -> type(disk);
      case 0x16 -> finish(drive, drive >= 0x80 ? BAD_COMMAND : changeLine(disk));
      case 0x17 -> finish(drive, drive >= 0x80 ? BAD_COMMAND : OK);
      case 0x18 -> mediaType(disk);
      case 0x41 -> extensions(disk);
      case 0x42 -> extended(disk, Direction.READ);
      case 0x43 -> extended(disk, Direction.WRITE);
      case 0x44 -> extended(disk, Direction.VERIFY);
      case 0x45 -> lock(disk);
      case 0x46 -> finish(drive, BAD_COMMAND); // media are changed in the window
      case 0x48 -> extendedParameters(disk);
      case 0x49 -> finish(drive, changeLine(disk));
      case 0x4E -> {
        // DMA and PIO modes: the services do not use them.
        guest.al(0);
        finish(drive, drive < 0x80 ? BAD_COMMAND : OK);
      }
      default -> finish(drive, BAD_COMMAND);
    }
  }

  private void finish(int drive, int status) {
    guest.ah(status);
    guest.bda8(drive < 0x80 ? Bda.FLOPPY_STATUS : Bda.DISK_STATUS, status);
    guest.carry(status != OK);
  }

  /** {@link #CHANGED} once after a floppy was changed. */
  private int changeLine(Disk disk) {
    if (disk.kind() != DriveBay.Kind.FLOPPY || disk.image() != null) {
      return OK;
    }
    int number = disk.unit().number() & 1;
    DiskBackend medium = disk.medium();
    if (medium == null) {
      return NOT_READY;
    }
    if (lastFloppy[number] != medium) {
      lastFloppy[number] = medium;
      return CHANGED;
    }
    return OK;
  }

  private void chs(Disk disk, Direction direction) {
    int drive = guest.dl();
    int count = guest.al();
    if (disk.kind() == DriveBay.Kind.CD || count == 0) {
      guest.al(0);
      finish(drive, BAD_COMMAND);
      return;
    }
    int changed = changeLine(disk);
    if (changed != OK) {
      guest.al(0);
      finish(drive, changed);
      return;
    }
    Geometry geometry = geometry(disk);
    int cylinder = guest.ch() | (guest.cl() & 0xC0) << 2;
    int sector = guest.cl() & 0x3F;
    int head = guest.dh();
    if (!geometry.contains(cylinder, head, sector)) {
      guest.al(0);
      finish(drive, NOT_FOUND);
      return;
    }
    long block = geometry.block(cylinder, head, sector);
    int status = transfer(disk, block, count, guest.es(guest.bx()), direction);
    guest.al(done);
    finish(drive, status);
  }

  /** Formats a track of a floppy: all its sectors become F6h. */
  private void format(Disk disk) {
    int drive = guest.dl();
    DiskBackend medium = disk.medium();
    if (disk.kind() != DriveBay.Kind.FLOPPY) {
      finish(drive, BAD_COMMAND);
      return;
    }
    int changed = changeLine(disk);
    Geometry geometry = geometry(disk);
    if (changed != OK || medium == null) {
      finish(drive, changed == OK ? NOT_READY : changed);
    } else if (medium.readOnly() || disk.image() != null) {
      finish(drive, WRITE_PROTECTED);
    } else if (!geometry.contains(guest.ch(), guest.dh(), 1)) {
      finish(drive, NOT_FOUND);
    } else {
      byte[] track = new byte[geometry.sectors() * SECTOR];
      java.util.Arrays.fill(track, (byte) 0xF6);
      long offset = geometry.block(guest.ch(), guest.dh(), 1) * SECTOR;
      try {
        int length = Math.clamp(medium.size() - offset, 0, track.length);
        medium.writeNow(offset, track, 0, length);
        finish(drive, OK);
      } catch (IOException _) {
        finish(drive, BAD_DATA); // the host could not write
      }
    }
  }

  private int countOf(boolean hard) {
    ElTorito image = emulated;
    int count = units(hard ? DriveBay.Kind.HARD_DISK : DriveBay.Kind.FLOPPY).size();
    return count + (image != null && hard == (image.mediaType() == 4) ? 1 : 0);
  }

  private void noFloppyParameters() {
    guest.ax(0);
    guest.bx(0);
    guest.cx(0);
    guest.dx(countOf(false));
    guest.carry(false);
  }

  private void parameters(Disk disk) {
    int drive = guest.dl();
    if (disk.kind() == DriveBay.Kind.CD) {
      finish(drive, BAD_COMMAND);
      return;
    }
    Geometry geometry = geometry(disk);
    boolean floppy = disk.kind() == DriveBay.Kind.FLOPPY;
    if (floppy) {
      int type =
          disk.image() != null ? Geometry.floppyType(geometry.bytes()) : disk.unit().floppyType();
      guest.bx(type == 5 ? 6 : type);
      // With a disk in the drive it is the disk's: boot loaders without a BPB, such as GRUB, take
      // CHS
      // addresses from here, and a 160 KB disk has one side of eight sectors.
      if (disk.image() == null && disk.medium() == null) {
        geometry = driveGeometry(type);
      }
      guest.segment(CpuState.ES, SystemRom.SEGMENT);
      guest.di(SystemRom.DISKETTE_TABLE);
    }
    int lastCylinder = geometry.cylinders() - 1;
    guest.ch(lastCylinder);
    guest.cl(lastCylinder >>> 2 & 0xC0 | geometry.sectors());
    guest.dh(geometry.heads() - 1);
    guest.al(0);
    finish(drive, OK);
    guest.dl(countOf(!floppy));
  }

  /** The most that a type of diskette drive can hold. */
  private static Geometry driveGeometry(int type) {
    return switch (type) {
      case 1 -> new Geometry(40, 2, 9);
      case 2 -> new Geometry(80, 2, 15);
      case 3 -> new Geometry(80, 2, 9);
      case 5 -> new Geometry(80, 2, 36);
      default -> new Geometry(80, 2, 18);
    };
  }

  private void type(Disk disk) {
    switch (disk.kind()) {
      case FLOPPY -> guest.ah(2); // with a change line
      case HARD_DISK -> {
        long total = sectors(disk);
        guest.ah(3);
        guest.cx((int) (total >>> 16));
        guest.dx((int) total);
      }
      case CD -> {
        finish(guest.dl(), BAD_COMMAND);
        return;
      }
    }
    guest.carry(false);
  }

  private void mediaType(Disk disk) {
    if (disk.kind() != DriveBay.Kind.FLOPPY) {
      finish(guest.dl(), BAD_COMMAND);
      return;
    }
    if (disk.medium() == null) {
      finish(guest.dl(), NOT_READY);
      return;
    }
    Geometry geometry = geometry(disk);
    int cylinder = guest.ch() | (guest.cl() & 0xC0) << 2;
    if (cylinder != geometry.cylinders() - 1 || (guest.cl() & 0x3F) != geometry.sectors()) {
      finish(guest.dl(), 0x0C); // the medium cannot be that
      return;
    }
    guest.segment(CpuState.ES, SystemRom.SEGMENT);
    guest.di(SystemRom.DISKETTE_TABLE);
    finish(guest.dl(), OK);
  }

  // Enhanced Disk Drive.

  private void extensions(Disk disk) {
    if (guest.bx() != 0x55AA || disk.kind() == DriveBay.Kind.FLOPPY) {
      finish(guest.dl(), BAD_COMMAND);
      return;
    }
    guest.bx(0xAA55);
    // Access with packets; for CDs locking too; the device parameter table.
    guest.cx(disk.kind() == DriveBay.Kind.CD ? 0x07 : 0x05);
    guest.carry(false);
    guest.ah(0x30); // EDD 3.0
  }

  private void extended(Disk disk, Direction direction) {
    long packet = guest.ds(guest.si());
    int size = guest.read8(packet);
    int count = guest.read16(packet + 2);
    if (size < 0x10 || disk.kind() == DriveBay.Kind.FLOPPY && disk.image() == null) {
      finish(guest.dl(), BAD_COMMAND);
      return;
    }
    long address = ((long) guest.read16(packet + 6) << 4) + guest.read16(packet + 4);
    if (size >= 0x18 && guest.read32(packet + 4) == -1) {
      address = guest.read64(packet + 0x10);
    }
    if (direction == Direction.WRITE && guest.al() > 2) {
      finish(guest.dl(), BAD_COMMAND);
      return;
    }
    int status = transfer(disk, guest.read64(packet + 8), count, address, direction);
    guest.write16(packet + 2, done);
    finish(guest.dl(), status);
  }

  private void lock(Disk disk) {
    switch (guest.al()) {
      case 0, 2 -> {
        guest.al(0);
        finish(guest.dl(), OK);
      }
      case 1 -> finish(guest.dl(), disk.kind() == DriveBay.Kind.CD ? NOT_LOCKED : OK);
      default -> finish(guest.dl(), BAD_COMMAND);
    }
  }

  private void extendedParameters(Disk disk) {
    long result = guest.ds(guest.si());
    int size = guest.read16(result);
    if (size < 0x1A || disk.kind() == DriveBay.Kind.FLOPPY) {
      finish(guest.dl(), BAD_COMMAND);
      return;
    }
    boolean cd = disk.kind() == DriveBay.Kind.CD;
    Geometry geometry = geometry(disk);
    long total = sectors(disk);
    // DMA boundaries are handled; then for disks a valid geometry, for CDs removable and lockable.
    guest.write16(result + 2, cd ? 0x75 : 0x03);
    guest.write32(result + 4, cd ? -1 : cylinders(disk, geometry, total));
    guest.write32(result + 8, cd ? -1 : geometry.heads());
    guest.write32(result + 12, cd ? -1 : geometry.sectors());
    guest.write64(result + 16, cd && disk.medium() == null ? -1L : total);
    guest.write16(result + 24, disk.sectorSize());
    int written = 0x1A;
    if (size >= 0x1E) {
      written = 0x1E;
      if (disk.image() != null) {
        guest.write32(result + 0x1A, -1);
      } else {
        guest.write16(result + 0x1A, PARAMETER_EXTENSION);
        guest.write16(result + 0x1C, guest.bda16(Bda.EBDA_SEGMENT));
        parameterExtension(disk);
      }
    }
    if (size >= 0x42) {
      written = 0x42;
      devicePath(disk, result);
    }
    guest.write16(result, written);
    finish(guest.dl(), OK);
  }

  private static int cylinders(Disk disk, Geometry geometry, long total) {
    if (disk.image() != null) {
      return geometry.cylinders();
    }
    return (int) Math.min(16383, total / ((long) geometry.heads() * geometry.sectors()));
  }

  /** The device parameter table extension (EDD 3.0, section 8.2), in the EBDA. */
  private void parameterExtension(Disk disk) {
    int unit = disk.unit().number();
    boolean cd = disk.kind() == DriveBay.Kind.CD;
    byte[] table = new byte[16];
    int base = unit < 2 ? 0x1F0 : 0x170;
    int control = base + 0x206;
    table[0] = (byte) base;
    table[1] = (byte) (base >>> 8);
    table[2] = (byte) control;
    table[3] = (byte) (control >>> 8);
    table[4] = (byte) (0xE0 | (unit & 1) << 4);
    table[6] = (byte) (unit < 2 ? 14 : 15);
    table[7] = 1; // sectors a block
    // LBA; for CDs removable and ATAPI.
    table[10] = (byte) (cd ? 0x70 : 0x18);
    table[14] = 0x11;
    Checksums.fix(table, 0, 16, 15);
    long ebda = (long) guest.bda16(Bda.EBDA_SEGMENT) << 4;
    guest.write(ebda + PARAMETER_EXTENSION, table, 0, 16);
  }

  private void devicePath(Disk disk, long result) {
    byte[] path = new byte[36];
    path[0] = (byte) 0xDD;
    path[1] = (byte) 0xBE;
    path[2] = 36;
    put(path, 6, "PCI ");
    put(path, 10, disk.kind() == DriveBay.Kind.CD ? "ATAPI   " : "ATA     ");
    path[18] = 0; // bus
    path[19] = 1; // device
    path[20] = 1; // function
    path[21] = (byte) (disk.unit().number() >>> 1); // channel
    path[26] = (byte) (disk.unit().number() & 1);
    Checksums.fix(path, 0, 36, 35);
    guest.write(result + 0x1E, path, 0, 36);
  }

  private static void put(byte[] bytes, int at, String text) {
    for (int i = 0; i < text.length(); i++) {
      bytes[at + i] = (byte) text.charAt(i);
    }
  }

  // El Torito.

  private int cdBoot(int function) {
    int drive = guest.dl();
    ElTorito image = emulated;
    switch (function) {
      case 0x4B -> {
        if (image != null && (drive == 0x7F || drive == image.drive(CD))) {
          specification(image, drive == 0x7F ? image.drive(CD) : drive, emulatedUnit);
          if (guest.al() == 0) {
            emulated = null;
          }
          return OK;
        }
        if (drive < CD || guest.al() != 1 && guest.al() != 0) {
          return BAD_COMMAND;
        }
        Disk disk = find(drive);
        ElTorito entry = disk == null ? null : entry(disk);
        if (disk == null || entry == null) {
          return BAD_COMMAND;
        }
        specification(entry, drive, disk.unit().number());
        return OK;
      }
      case 0x4D -> {
        Disk disk = image != null ? nth(DriveBay.Kind.CD, 0, CD) : find(drive);
        ElTorito entry = image != null ? image : disk == null ? null : entry(disk);
        if (disk == null || entry == null) {
          return BAD_COMMAND;
        }
        long packet = guest.ds(guest.si());
        int count = guest.read8(packet + 1);
        long address = guest.read32(packet + 2) & 0xFFFF_FFFFL;
        long block = entry.catalog() + guest.read16(packet + 6);
        return transfer(disk, block, count, address, Direction.READ);
      }
      case 0x4A -> {
        Disk disk = nth(DriveBay.Kind.CD, 0, CD);
        if (disk == null) {
          return BAD_COMMAND;
        }
        long packet = guest.ds(guest.si());
        int type = guest.read8(packet + 1) & 0x0F;
        if (type > 4) {
          return BAD_COMMAND;
        }
        int segment = guest.read16(packet + 0x0C);
        emulate(
            new ElTorito(
                type,
                segment == 0 ? 0x07C0 : segment,
                guest.read16(packet + 0x0E),
                guest.read32(packet + 4) & 0xFFFF_FFFFL,
                0),
            disk.unit().number());
        return OK;
      }
      default -> {
        return BAD_COMMAND;
      }
    }
  }

  private static @Nullable ElTorito entry(Disk disk) {
    DiskBackend medium = disk.medium();
    try {
      return medium == null ? null : ElTorito.find(medium);
    } catch (IOException _) {
      return null; // not readable: not bootable
    }
  }

  /** Writes the specification packet (El Torito 1.0, figure 7). */
  private void specification(ElTorito entry, int drive, int unit) {
    long packet = guest.ds(guest.si());
    guest.write8(packet, 0x13);
    guest.write8(packet + 1, entry.mediaType());
    guest.write8(packet + 2, drive);
    guest.write8(packet + 3, unit >>> 1);
    guest.write32(packet + 4, (int) entry.block());
    guest.write16(packet + 8, unit & 1);
    guest.write16(packet + 10, 0);
    guest.write16(packet + 12, entry.loadSegment());
    guest.write16(packet + 14, entry.sectors());
    Disk disk = find(drive);
    if (entry.mediaType() != 0 && disk != null) {
      Geometry geometry = geometry(disk);
      guest.write8(packet + 16, geometry.cylinders() - 1);
      guest.write8(packet + 17, geometry.cylinders() - 1 >>> 2 & 0xC0 | geometry.sectors());
      guest.write8(packet + 18, geometry.heads() - 1);
    } else {
      guest.write8(packet + 16, 0);
      guest.write8(packet + 17, 0);
      guest.write8(packet + 18, 0);
    }
  }
}
