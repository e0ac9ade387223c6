package io.satchel.vm.firmware;

import java.util.ArrayList;
import java.util.List;

/**
 * The physical memory map as INT 15h/E820h gives it (Advanced Configuration and Power Interface
 * Specification 2.0, section 14.1).
 */
final class MemoryMap {

  static final int RAM = 1;
  static final int RESERVED = 2;
  static final int ACPI_RECLAIMABLE = 3;
  static final int ACPI_NVS = 4;

  /** The EBDA: the last KiB of base memory. */
  static final int EBDA = 0x9FC00;

  static final int EBDA_SIZE = 0x400;

  /** At the top of RAM: the ACPI tables, then the FACS. */
  static final int ACPI_SIZE = 0x10000;

  static final int NVS_SIZE = 0x1000;

  /** Less RAM than this keeps all of it: such machines run nothing that reads ACPI tables. */
  private static final int ACPI_LEAST = 8 << 20;

  /** A range and its type. */
  record Range(long base, long length, int type) {}

  private final List<Range> ranges = new ArrayList<>();
  private final long ramSize;
  private final boolean acpi;

  MemoryMap(long ramSize, boolean acpiWanted) {
    this.ramSize = ramSize;
    acpi = acpiWanted && ramSize >= ACPI_LEAST;
    ranges.add(new Range(0, EBDA, RAM));
    ranges.add(new Range(EBDA, 0xA0000 - EBDA, RESERVED));
    ranges.add(new Range(0xE0000, 0x20000, RESERVED));
    if (usableEnd() > 0x10_0000) {
      ranges.add(new Range(0x10_0000, usableEnd() - 0x10_0000, RAM));
    }
    if (acpi) {
      ranges.add(new Range(acpiBase(), ACPI_SIZE - NVS_SIZE, ACPI_RECLAIMABLE));
      ranges.add(new Range(nvsBase(), NVS_SIZE, ACPI_NVS));
    }
    ranges.add(new Range(0xFEC0_0000L, 0x1000, RESERVED)); // I/O APIC
    ranges.add(new Range(0xFEE0_0000L, 0x1000, RESERVED)); // local APIC
    ranges.add(new Range(0xFFFC_0000L, 0x4_0000, RESERVED)); // ROM
  }

  List<Range> ranges() {
    return List.copyOf(ranges);
  }

  boolean acpi() {
    return acpi;
  }

  long acpiBase() {
    return ramSize - ACPI_SIZE;
  }

  long nvsBase() {
    return ramSize - NVS_SIZE;
  }

  /** The end of the RAM that is free for use. */
  long usableEnd() {
    return acpi ? acpiBase() : ramSize;
  }

  /** KiB between 1 and 16 MiB. */
  int kibBelow16M() {
    return Math.clamp((usableEnd() - 0x10_0000) >> 10, 0, 0x3C00);
  }

  /** Blocks of 64 KiB above 16 MiB. */
  int blocksAbove16M() {
    return Math.clamp((usableEnd() - 0x100_0000) >> 16, 0, 0xFFFF);
  }

  /** KiB above 1 MiB, as much as 16 bits hold. */
  int kibExtended() {
    return Math.clamp((usableEnd() - 0x10_0000) >> 10, 0, 0xFFFF);
  }
}
