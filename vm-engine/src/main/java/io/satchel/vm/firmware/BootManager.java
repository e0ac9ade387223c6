package io.satchel.vm.firmware;

import io.satchel.vm.api.MachineConfig.BootDevice;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.host.DiskBackend;
import io.satchel.vm.time.VirtualClock;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * From the boot screen to the boot sector: the moment in which a key may be pressed, the menu, and
 * the drives in turn (BIOS Boot Specification 1.01; El Torito 1.0).
 */
final class BootManager {

  /**
   * How long the boot screen waits for a key: what was pressed at power-on comes over the
   * keyboard's line in that time.
   */
  private static final long KEY_WAIT_NANOS = 3_000_000;

  /** How long it waits for F12 once someone has touched the keyboard. */
  private static final long F12_WAIT_NANOS = 1_000_000_000;

  private static final int F12 = 0x8600;
  private static final int ESCAPE = 0x011B;

  // Attributes.
  private static final int NORMAL = 0x07;
  private static final int BRIGHT = 0x0F;
  private static final int TITLE = 0x1F;

  /** Where a boot sector goes. */
  private static final int BOOT_SECTOR = 0x7C00;

  /** What a BOOT trap finds. */
  enum Stage {
    /** The boot screen waits for a key. */
    SCREEN,
    /** The menu waits for a choice. */
    MENU,
    /** The next trap starts a drive at once. */
    START
  }

  private final Guest guest;
  private final VirtualClock clock;
  private final SystemRom rom;
  private final VideoBios video;
  private final KeyboardBios keyboard;
  private final DiskBios disks;
  private final List<BootDevice> order;
  private final boolean menuWanted;
  private final @Nullable KernelLoader kernel;
  private final List<String> tried = new ArrayList<>();
  private Stage stage = Stage.START;
  private long keyUntil;

  BootManager(
      Guest guest,
      VirtualClock clock,
      SystemRom rom,
      VideoBios video,
      KeyboardBios keyboard,
      DiskBios disks,
      List<BootDevice> order,
      boolean menuWanted,
      @Nullable KernelLoader kernel) {
    this.guest = guest;
    this.clock = clock;
    this.rom = rom;
    this.video = video;
    this.keyboard = keyboard;
    this.disks = disks;
    this.order = order;
    this.menuWanted = menuWanted;
    this.kernel = kernel;
  }

  Stage stage() {
    return stage;
  }

  long keyUntil() {
    return keyUntil;
  }

  void restore(Stage newStage, long until) {
    stage = newStage;
    keyUntil = until;
  }

  /** Draws the boot screen. */
  void screen(long ramSize) {
    video.print("Satchel BIOS\n", BRIGHT);
    video.print("Memory " + (ramSize >> 10) + " KiB\n", NORMAL);
    for (DriveBay.Kind kind : DriveBay.Kind.values()) {
      for (DriveBay.Unit unit : disks.units(kind)) {
        video.print(name(unit) + "  " + describe(unit) + "\n", NORMAL);
      }
    }
    video.print("\nHold F12 at power-on for the boot menu\n", NORMAL);
    stage = Stage.SCREEN;
    keyUntil = clock.nanos() + KEY_WAIT_NANOS;
  }

  private static String name(DriveBay.Unit unit) {
    return switch (unit.kind()) {
      case FLOPPY -> "Floppy " + (char) ('A' + unit.number());
      case HARD_DISK -> "Hard disk IDE " + unit.number();
      case CD -> "CD IDE " + unit.number();
    };
  }

  private static String describe(DriveBay.Unit unit) {
    DiskBackend medium = unit.medium();
    if (medium == null) {
      return "empty";
    }
    long kib = medium.size() >> 10;
    return kib < 10 * 1024 ? kib + " KiB" : (kib >> 10) + " MiB";
  }

  /** INT 19h and the boot screen. */
  void call() {
    switch (stage) {
      case SCREEN -> waitForKey();
      case MENU -> menuKey();
      case START -> start(null);
    }
  }

  private void again() {
    guest.stubWord(rom.entry(Trap.BOOT) - 2); // after the next interrupt
  }

  private void waitForKey() {
    int key = keyboard.take();
    if (key == F12 || menuWanted) {
      menu();
    } else if (key == ESCAPE || clock.nanos() >= keyUntil) {
      stage = Stage.START;
      start(null);
    } else {
      if (key >= 0) {
        keyUntil = Math.max(keyUntil, clock.nanos() + F12_WAIT_NANOS);
      }
      guest.stubWord(rom.spinBoot);
    }
  }

  private void menu() {
    video.setMode(3, true);
    video.print(" Satchel: start from \n\n", TITLE);
    List<DriveBay.Unit> units = choices();
    for (int i = 0; i < units.size(); i++) {
      String line = "  " + (i + 1) + "  " + name(units.get(i)) + "  " + describe(units.get(i));
      video.print(line + "\n", BRIGHT);
    }
    video.print("\nPress a number, or Esc to start in the usual order.\n", NORMAL);
    stage = Stage.MENU;
    again();
  }

  private List<DriveBay.Unit> choices() {
    List<DriveBay.Unit> units = new ArrayList<>();
    for (DriveBay.Kind kind : DriveBay.Kind.values()) {
      units.addAll(disks.units(kind));
    }
    return units;
  }

  private void menuKey() {
    int key = keyboard.take();
    List<DriveBay.Unit> units = choices();
    int number = key < 0 ? -1 : (key & 0xFF) - '1';
    if (key == ESCAPE) {
      stage = Stage.START;
      start(null);
    } else if (number >= 0 && number < units.size()) {
      stage = Stage.START;
      start(units.get(number));
    } else {
      again();
    }
  }

  /** Tries one drive, or all in order. */
  private void start(DriveBay.@Nullable Unit only) {
    tried.clear();
    disks.emulate(null, 0);
    if (only == null && kernel != null) {
      String problem = kernel.start();
      if (problem == null) {
        return;
      }
      tried.add(problem);
      guest.stubWord(rom.noBoot);
      return;
    }
    if (only != null) {
      if (!start(only, indexOf(only))) {
        guest.stubWord(rom.noBoot);
      }
      return;
    }
    for (BootDevice device : order) {
      DriveBay.Kind kind =
          switch (device) {
            case FLOPPY -> DriveBay.Kind.FLOPPY;
            case CD -> DriveBay.Kind.CD;
            case HARD_DISK -> DriveBay.Kind.HARD_DISK;
          };
      List<DriveBay.Unit> units = disks.units(kind);
      for (int i = 0; i < units.size(); i++) {
        if (start(units.get(i), i)) {
          return;
        }
      }
    }
    guest.stubWord(rom.noBoot);
  }

  private int indexOf(DriveBay.Unit unit) {
    return disks.units(unit.kind()).indexOf(unit);
  }

  private boolean start(DriveBay.Unit unit, int index) {
    DiskBackend medium = unit.medium();
    if (medium == null) {
      tried.add(name(unit) + ": there is nothing in the drive");
      return false;
    }
    return switch (unit.kind()) {
      case FLOPPY -> startSector(unit, index);
      case HARD_DISK -> startSector(unit, 0x80 + index);
      case CD -> startCd(unit, medium, DiskBios.CD + index);
    };
  }

  private boolean startSector(DriveBay.Unit unit, int drive) {
    if (!disks.load(drive, 0, 1, BOOT_SECTOR)) {
      tried.add(name(unit) + ": its first sector cannot be read");
      return false;
    }
    boolean floppy = drive < 0x80;
    boolean signed = guest.read16(BOOT_SECTOR + 510) == 0xAA55;
    // Old diskettes have no signature: they start when the sector begins with code.
    int first = guest.read16(BOOT_SECTOR);
    boolean code = first != 0 && first != 0xF6F6 && first != 0xFFFF;
    if (!signed && !(floppy && code)) {
      tried.add(name(unit) + ": no boot sector; it was not made to start a computer");
      return false;
    }
    go(drive, 0, BOOT_SECTOR);
    return true;
  }

  private boolean startCd(DriveBay.Unit unit, DiskBackend medium, int drive) {
    ElTorito entry;
    try {
      entry = ElTorito.find(medium);
    } catch (IOException e) {
      tried.add(name(unit) + ": it cannot be read: " + e.getMessage());
      return false;
    }
    if (entry == null) {
      tried.add(name(unit) + ": no boot record; the disc was not made to start a computer");
      return false;
    }
    disks.emulate(entry, unit.number());
    int bootDrive = entry.drive(drive);
    long address = (long) entry.loadSegment() << 4;
    boolean loaded =
        entry.mediaType() == 0
            ? disks.load(drive, entry.block(), (entry.sectors() + 3) / 4, address)
            : disks.load(bootDrive, 0, entry.sectors(), address);
    if (!loaded) {
      disks.emulate(null, 0);
      tried.add(name(unit) + ": its boot image cannot be read");
      return false;
    }
    if (entry.loadSegment() == 0x07C0) {
      go(bootDrive, 0, BOOT_SECTOR);
    } else {
      go(bootDrive, entry.loadSegment(), 0);
    }
    return true;
  }

  private void go(int drive, int segment, int offset) {
    guest.bda16(Bda.SOFT_RESET, 0);
    guest.eax(0xAA55);
    guest.ebx(0);
    guest.ecx(0);
    guest.edx(drive);
    guest.esi(0);
    guest.edi(0);
    guest.cpu.gpr[CpuState.RBP] = 0;
    guest.stackTop(BOOT_SECTOR);
    guest.push(segment, offset);
    guest.stubWord(rom.bootSector);
  }

  private boolean told;

  /** INT 18h: says what was tried, then waits for a key to start again. */
  void noBoot() {
    if (told) {
      if (keyboard.take() >= 0) {
        told = false;
        guest.stubWord(rom.reset);
      } else {
        guest.stubWord(rom.entry(Trap.NO_BOOT) - 2);
      }
      return;
    }
    told = true;
    while (keyboard.take() >= 0) {
      // keys from before do not count
    }
    video.setMode(3, true);
    video.print(" No bootable device \n\n", TITLE);
    if (choices().isEmpty()) {
      video.print("This computer has no drives.\n", NORMAL);
    } else if (tried.isEmpty()) {
      video.print("The program that was started has given up.\n", NORMAL);
    } else {
      video.print("Satchel looked for an operating system here:\n\n", NORMAL);
      for (String line : tried) {
        video.print("  " + line + "\n", BRIGHT);
      }
    }
    video.print(
        "\nWhat to do:\n"
            + "  - Open a disk image that has an operating system on it, or\n"
            + "  - put in an installation CD or a boot floppy.\n"
            + "\nThen press any key to start again. F12 at the start chooses a drive.\n",
        NORMAL);
    guest.stubWord(rom.entry(Trap.NO_BOOT) - 2);
  }

  boolean told() {
    return told;
  }

  void told(boolean value) {
    told = value;
  }
}
