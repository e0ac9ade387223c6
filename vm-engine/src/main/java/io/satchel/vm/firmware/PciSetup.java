package io.satchel.vm.firmware;

import io.satchel.vm.bus.PciBus;
import io.satchel.vm.bus.PciFunction;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * What firmware does to the PCI bus at power-on: sizes the base address registers by writing all
 * ones (PCI Local Bus Specification 2.1, section 6.2.5.1), places them, routes interrupts and turns
 * the functions on.
 */
final class PciSetup {

  /** Where memory windows are placed: above any RAM, below the APICs. */
  static final long MEMORY_BASE = 0xE000_0000L;

  static final long MEMORY_END = 0xFEC0_0000L;
  private static final int IO_BASE = 0xC000;

  /** ISA interrupts behind PIRQA# to PIRQD#. */
  static final int[] PIRQ = {10, 10, 11, 11};

  /** The PIIX4's power management function: 1.3. */
  static final int POWER = 1 << 3 | 3;

  static final int SOUTH_BRIDGE = 1 << 3;
  static final int POWER_BASE = 0x600;

  private static final int POWER_CLASS = 0x0680;

  private record Window(PciFunction function, int bar, long size, boolean io) {}

  private final PciBus bus;

  PciSetup(PciBus bus) {
    this.bus = bus;
  }

  void run() {
    List<Window> windows = new ArrayList<>();
    for (PciFunction function : bus.functions()) {
      int command = function.readConfig(PciFunction.COMMAND, 2);
      function.writeConfig(PciFunction.COMMAND, 2, command & ~3);
      for (int bar = 0; bar < 6; bar++) {
        int register = PciFunction.BAR0 + 4 * bar;
        int before = function.readConfig(register, 4);
        function.writeConfig(register, 4, -1);
        int mask = function.readConfig(register, 4);
        function.writeConfig(register, 4, before);
        if (mask == 0 || mask == -1) {
          continue;
        }
        boolean io = (mask & 1) != 0;
        int bits = io ? mask & ~3 | 0xFFFF_0000 : mask & ~15;
        windows.add(new Window(function, bar, -(long) bits & 0xFFFF_FFFFL, io));
      }
    }
    // Largest first leaves no gaps.
    windows.sort(Comparator.comparingLong(Window::size).reversed());
    long io = IO_BASE;
    long memory = MEMORY_BASE;
    for (Window window : windows) {
      long size = window.io() ? window.size() : Math.max(4096, window.size());
      long at = (window.io() ? io : memory) + size - 1 & -size;
      if (at + size > (window.io() ? 0x10000 : MEMORY_END)) {
        continue; // stays off
      }
      window.function().writeConfig(PciFunction.BAR0 + 4 * window.bar(), 4, (int) at);
      if (window.io()) {
        io = at + size;
      } else {
        memory = at + size;
      }
    }
    for (PciFunction function : bus.functions()) {
      int command = function.readConfig(PciFunction.COMMAND, 2);
      function.writeConfig(PciFunction.COMMAND, 2, command | 7);
      int pin = function.readConfig(PciFunction.INTERRUPT_PIN, 1) & 0xFF;
      if (pin >= 1 && pin <= 4) {
        int line = PIRQ[link(function.number() >>> 3, pin)];
        function.writeConfig(PciFunction.INTERRUPT_LINE, 1, line);
      }
    }
    southBridge();
  }

  /** Which of PIRQA# to PIRQD# (0 to 3) a slot's pin (1 to 4) is wired to on this board. */
  static int link(int device, int pin) {
    return device + pin - 2 & 3;
  }

  private void southBridge() {
    for (int i = 0; i < 4; i++) {
      bus.writeConfig(SOUTH_BRIDGE, 0x60 + i, 1, PIRQ[i]);
    }
    PciFunction ide = bus.at(1 << 3 | 1);
    if (ide != null) {
      // IDETIM: both channels are decoded.
      ide.writeConfig(0x40, 2, 0x8000);
      ide.writeConfig(0x42, 2, 0x8000);
    }
    PciFunction power = bus.at(POWER);
    if (power != null && (power.readConfig(0x0A, 2) & 0xFFFF) == POWER_CLASS) {
      // PMBA, then PMREGMISC.PMIOSE: the ACPI registers answer. The interrupt is ISA 9.
      power.writeConfig(0x40, 4, POWER_BASE | 1);
      power.writeConfig(0x80, 1, 1);
      power.writeConfig(PciFunction.INTERRUPT_LINE, 1, 9);
    }
  }

  /** Whether the board has the ACPI registers. */
  boolean hasPowerManagement() {
    return (bus.readConfig(POWER, 0x0A, 2) & 0xFFFF) == POWER_CLASS;
  }
}
