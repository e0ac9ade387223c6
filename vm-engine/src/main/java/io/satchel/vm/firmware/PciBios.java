package io.satchel.vm.firmware;

import io.satchel.vm.bus.PciBus;
import io.satchel.vm.bus.PciFunction;
import io.satchel.vm.cpu.CpuState;

/**
 * The PCI BIOS in its 16-bit and 32-bit forms (PCI BIOS Specification 2.1) and the BIOS32 service
 * directory (Standard BIOS 32-bit Service Directory Proposal 0.4).
 */
final class PciBios {

  /** BIOS32's name for the PCI BIOS: "$PCI". */
  private static final int SERVICE_PCI = 0x49435024;

  private static final int OK = 0x00;
  private static final int NOT_SUPPORTED = 0x81;
  private static final int BAD_VENDOR = 0x83;
  private static final int NOT_FOUND = 0x86;
  private static final int BAD_REGISTER = 0x87;
  private static final int BUFFER_TOO_SMALL = 0x89;

  private final Guest guest;
  private final PciBus bus;
  private final SystemRom rom;
  private byte[] routing = {};

  PciBios(Guest guest, PciBus bus, SystemRom rom) {
    this.guest = guest;
    this.bus = bus;
    this.rom = rom;
  }

  /** The slot entries of the $PIR table, for function B10Eh. */
  void routing(byte[] slots) {
    routing = slots;
  }

  /** INT 1Ah/B1h. */
  void call() {
    int status = function(false);
    if (status >= 0) {
      guest.ah(status);
      guest.carry(status != OK);
    }
  }

  /** The 32-bit entry. */
  void callWide() {
    int status = function(true);
    if (status >= 0) {
      guest.ah(status);
      guest.wideCarry(status != OK);
    }
  }

  /** The BIOS32 service directory. */
  void directory() {
    if (guest.ebx() != 0) {
      guest.al(0x81); // no such function of the directory
    } else if (guest.eax() != SERVICE_PCI) {
      guest.al(0x80); // no such service
    } else {
      guest.al(0);
      guest.ebx(SystemRom.BASE);
      guest.ecx(0x10000);
      guest.edx(rom.entry(Trap.PCI32));
    }
  }

  private int function(boolean wide) {
    switch (guest.al()) {
      case 0x01, 0x81 -> {
        guest.edx(0x20494350); // "PCI "
        guest.al(0x01); // configuration mechanism 1
        guest.bx(0x0210);
        guest.cl(0); // the last bus
        return OK;
      }
      case 0x02 -> {
        return guest.dx() == 0xFFFF ? BAD_VENDOR : findDevice();
      }
      case 0x03 -> {
        return findClass();
      }
      case 0x06 -> {
        return NOT_SUPPORTED; // no special cycles
      }
      case 0x08, 0x09, 0x0A -> {
        return read(guest.al() - 0x08);
      }
      case 0x0B, 0x0C, 0x0D -> {
        return write(guest.al() - 0x0B);
      }
      case 0x0E -> {
        return options(wide);
      }
      default -> {
        return NOT_SUPPORTED;
      }
    }
  }

  private int findDevice() {
    int index = guest.si();
    for (PciFunction function : bus.functions()) {
      int id = function.readConfig(0, 4);
      if (id == (guest.cx() << 16 | guest.dx()) && index-- == 0) {
        guest.bx(function.number());
        return OK;
      }
    }
    return NOT_FOUND;
  }

  private int findClass() {
    int index = guest.si();
    for (PciFunction function : bus.functions()) {
      int code = function.readConfig(PciFunction.CLASS_REVISION, 4) >>> 8;
      if (code == (guest.ecx() & 0xFF_FFFF) && index-- == 0) {
        guest.bx(function.number());
        return OK;
      }
    }
    return NOT_FOUND;
  }

  private int read(int log2) {
    int register = guest.di();
    int width = 1 << log2;
    if (register > 0xFF || (register & width - 1) != 0) {
      return BAD_REGISTER;
    }
    int value = guest.bh() == 0 ? bus.readConfig(guest.bl(), register, width) : -1;
    switch (log2) {
      case 0 -> guest.cl(value);
      case 1 -> guest.cx(value);
      default -> guest.ecx(value);
    }
    return OK;
  }

  private int write(int log2) {
    int register = guest.di();
    int width = 1 << log2;
    if (register > 0xFF || (register & width - 1) != 0) {
      return BAD_REGISTER;
    }
    if (guest.bh() == 0) {
      int value = log2 == 0 ? guest.cl() : log2 == 1 ? guest.cx() : guest.ecx();
      bus.writeConfig(guest.bl(), register, width, value);
    }
    return OK;
  }

  /** B10Eh: the routing table into the buffer that ES:(E)DI describes. */
  private int options(boolean wide) {
    long descriptor =
        wide
            ? guest.cpu.base[CpuState.ES] + (guest.cpu.gpr[CpuState.RDI] & 0xFFFF_FFFFL)
            : guest.es(guest.di());
    int size = guest.read16(descriptor);
    guest.write16(descriptor, routing.length);
    if (size < routing.length) {
      return BUFFER_TOO_SMALL;
    }
    long target;
    if (wide) {
      int offset = guest.read32(descriptor + 2);
      int selector = guest.read16(descriptor + 6);
      boolean es = selector == guest.cpu.selector[CpuState.ES];
      int register = es ? CpuState.ES : CpuState.DS;
      target = guest.cpu.base[register] + (offset & 0xFFFF_FFFFL);
    } else {
      target = ((long) guest.read16(descriptor + 4) << 4) + guest.read16(descriptor + 2);
    }
    guest.write(target, routing, 0, routing.length);
    guest.bx(1 << 10 | 1 << 11); // interrupts that only PCI uses
    return OK;
  }
}
