package io.satchel.vm.firmware;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.PollWatch;
import io.satchel.vm.time.VirtualClock;

/**
 * INT 15h, INT 1Ah, INT 14h, INT 17h and the ticks (IBM PS/2 and PC BIOS Interface Technical
 * Reference; ACPI 2.0 chapter 14; APM BIOS Interface Specification 1.2).
 */
final class SystemBios {

  private static final long TICKS_A_DAY = 0x1800B0;

  /** CPU Idle gives the processor back at the next interrupt: at a tick of the timer at latest. */
  private static final long LONGEST_IDLE = 55_000_000;

  private static final int SMAP = 0x534D4150;
  private static final int UNSUPPORTED = 0x86;

  /** A wait that is shorter than this does not sleep from one tick to the next. */
  private static final long TICK_NANOS = 54_925_400;

  private final Guest guest;
  private final VirtualClock clock;
  private final MemoryMap map;
  private final SystemRom rom;
  private final MouseBios mouse;
  private final PciBios pci;

  /** When INT 15h/86h ends, in virtual time; 0 when nobody waits. */
  private long waitUntil;

  /** APM: 0 not connected, else the interface. */
  private int apm;

  SystemBios(
      Guest guest, VirtualClock clock, MemoryMap map, SystemRom rom, MouseBios mouse, PciBios pci) {
    this.guest = guest;
    this.clock = clock;
    this.map = map;
    this.rom = rom;
    this.mouse = mouse;
    this.pci = pci;
  }

  long waitUntil() {
    return waitUntil;
  }

  int apm() {
    return apm;
  }

  void restore(long wait, int apmInterface) {
    waitUntil = wait;
    apm = apmInterface;
  }

  /** Sets the tick count from the time of day, and the serial ports' table. */
  void post() {
    waitUntil = 0;
    apm = 0;
    long seconds =
        3600L * binary(guest.cmos(4)) + 60L * binary(guest.cmos(2)) + binary(guest.cmos(0));
    guest.bda32(Bda.TICKS, (int) (seconds * 1193182 / 65536));
    guest.bda8(Bda.MIDNIGHT, 0);
    int ports = 0;
    int[] bases = {0x3F8, 0x2F8, 0x3E8, 0x2E8};
    for (int base : bases) {
      // Bits 7-4 of the interrupt enable register read as zero where there is a UART.
      guest.out8(base + 1, 0x02);
      if (guest.in8(base + 1) == 0x02 && guest.in8(base + 2) != 0xFF) {
        guest.out8(base + 1, 0);
        guest.bda16(Bda.SERIAL_PORTS + 2 * ports, base);
        guest.bda8(Bda.SERIAL_TIMEOUTS + ports, 10);
        ports++;
      }
    }
    int equipment = guest.bda16(Bda.EQUIPMENT) & ~0x0E00;
    guest.bda16(Bda.EQUIPMENT, equipment | ports << 9);
  }

  private static int binary(int bcd) {
    return (bcd >>> 4) * 10 + (bcd & 0x0F);
  }

  /** IRQ 0. */
  void tick() {
    long ticks = (guest.bda32(Bda.TICKS) & 0xFFFF_FFFFL) + 1;
    if (ticks >= TICKS_A_DAY) {
      ticks = 0;
      guest.bda8(Bda.MIDNIGHT, 1);
    }
    guest.bda32(Bda.TICKS, (int) ticks);
    int timeout = guest.bda8(Bda.FLOPPY_TIMEOUT);
    if (timeout > 0) {
      guest.bda8(Bda.FLOPPY_TIMEOUT, timeout - 1);
      if (timeout == 1) {
        guest.bda8(Bda.FLOPPY_MOTOR, guest.bda8(Bda.FLOPPY_MOTOR) & 0xF0);
        guest.out8(0x3F2, 0x0C);
      }
    }
  }

  /** IRQ 8. */
  void clockInterrupt() {
    int cause = guest.cmos(0x0C) & guest.cmos(0x0B);
    if ((cause & 0x40) != 0 && (guest.bda8(Bda.WAIT_ACTIVE) & 1) != 0) {
      int left = guest.bda32(Bda.WAIT_COUNT) - 976; // microseconds at 1024 Hz
      guest.bda32(Bda.WAIT_COUNT, left);
      if (left <= 0) {
        long flag =
            ((long) guest.bda16(Bda.WAIT_FLAG_POINTER + 2) << 4)
                + guest.bda16(Bda.WAIT_FLAG_POINTER);
        guest.write8(flag, guest.read8(flag) | 0x80);
        endWait();
      }
    }
    if ((cause & 0x20) != 0) {
      guest.stubWord(rom.rtcAlarm);
    }
  }

  private void endWait() {
    guest.bda8(Bda.WAIT_ACTIVE, 0);
    guest.cmos(0x0B, guest.cmos(0x0B) & ~0x40);
  }

  private void unsupported() {
    guest.ah(UNSUPPORTED);
    guest.carry(true);
  }

  /** INT 15h. */
  void call() {
    switch (guest.ah()) {
      case 0x24 -> a20();
      case 0x4F -> guest.carry(true); // the key is to be handled
      case 0x41 -> unsupported();
      case 0x53 -> apmCall();
      case 0x80, 0x81, 0x82, 0x85, 0x90, 0x91 -> {
        guest.ah(0);
        guest.carry(false);
      }
      case 0x83 -> eventWait();
      case 0x84 -> unsupported(); // no game port
      case 0x86 -> delay();
      case 0x87 -> moveBlock();
      case 0x88 -> {
        guest.ax(map.kibBelow16M() == 0x3C00 ? map.kibExtended() : map.kibBelow16M());
        guest.carry(false);
      }
      case 0x89 -> unsupported();
      case 0xC0 -> {
        guest.segment(CpuState.ES, SystemRom.SEGMENT);
        guest.bx(SystemRom.CONFIGURATION_TABLE);
        guest.ah(0);
        guest.carry(false);
      }
      case 0xC1 -> {
        guest.segment(CpuState.ES, guest.bda16(Bda.EBDA_SEGMENT));
        guest.carry(false);
      }
      case 0xC2 -> mouse.call();
      case 0xE8 -> {
        switch (guest.al()) {
          case 0x01 -> memoryInTwo();
          case 0x20 -> memoryMap();
          default -> unsupported();
        }
      }
      default -> unsupported();
    }
  }

  private void a20() {
    int port92 = guest.in8(0x92);
    switch (guest.al()) {
      case 0, 1 -> {
        guest.out8(0x92, guest.al() == 1 ? port92 & ~1 | 2 : port92 & ~3);
        guest.ah(0);
      }
      case 2 -> {
        guest.al(port92 >>> 1 & 1);
        guest.ah(0);
      }
      case 3 -> {
        guest.ah(0);
        guest.bx(3); // by the keyboard controller and by port 92h
      }
      default -> {
        unsupported();
        return;
      }
    }
    guest.carry(false);
  }

  private void eventWait() {
    if (guest.al() == 1) {
      endWait();
      guest.carry(false);
      return;
    }
    if (guest.al() != 0 || (guest.bda8(Bda.WAIT_ACTIVE) & 1) != 0) {
      guest.carry(true);
      return;
    }
    guest.bda8(Bda.WAIT_ACTIVE, 1);
    guest.bda16(Bda.WAIT_FLAG_POINTER, guest.bx());
    guest.bda16(Bda.WAIT_FLAG_POINTER + 2, guest.cpu.selector[CpuState.ES]);
    guest.bda32(Bda.WAIT_COUNT, guest.cx() << 16 | guest.dx());
    guest.out8(0xA1, guest.in8(0xA1) & ~1);
    guest.out8(0x21, guest.in8(0x21) & ~4);
    guest.cmos(0x0B, guest.cmos(0x0B) | 0x40);
    guest.carry(false);
  }

  /** AH=86h: CX:DX microseconds. */
  private void delay() {
    long now = clock.nanos();
    if (waitUntil == 0) {
      waitUntil = now + 1 + ((long) guest.cx() << 16 | guest.dx()) * 1000;
    }
    if (now < waitUntil) {
      boolean sleep = waitUntil - now > TICK_NANOS;
      guest.stubWord(sleep ? rom.entry(Trap.INT15) - 2 : rom.spin15);
      return;
    }
    waitUntil = 0;
    guest.ah(0);
    guest.carry(false);
  }

  /** AH=87h: CX words between the addresses of two descriptors at ES:SI. */
  private void moveBlock() {
    long table = guest.cpu.base[CpuState.ES] + guest.si();
    long source = descriptorBase(table + 0x10);
    long target = descriptorBase(table + 0x18);
    int length = guest.cx() * 2;
    byte[] block = new byte[length];
    // Physical, all 32 address lines: as the processor would in protected mode with A20 open.
    guest.memory.read(source, block, 0, length);
    guest.memory.write(target, block, 0, length);
    guest.ah(0);
    guest.carry(false);
    guest.zero(true);
  }

  private long descriptorBase(long descriptor) {
    return guest.read16(descriptor + 2)
        | (long) guest.read8(descriptor + 4) << 16
        | (long) guest.read8(descriptor + 7) << 24;
  }

  private void memoryInTwo() {
    guest.ax(map.kibBelow16M());
    guest.cx(map.kibBelow16M());
    guest.bx(map.blocksAbove16M());
    guest.dx(map.blocksAbove16M());
    guest.carry(false);
  }

  private void memoryMap() {
    int index = guest.ebx();
    if (guest.edx() != SMAP
        || index < 0
        || index >= map.ranges().size()
        || guest.ecx() >= 0 && guest.ecx() < 20) {
      unsupported();
      return;
    }
    MemoryMap.Range range = map.ranges().get(index);
    long at = guest.es(guest.di());
    guest.write64(at, range.base());
    guest.write64(at + 8, range.length());
    guest.write32(at + 16, range.type());
    guest.eax(SMAP);
    guest.ecx(20);
    guest.ebx(index + 1 < map.ranges().size() ? index + 1 : 0);
    guest.carry(false);
  }

  // APM 1.2.

  private void apmCall() {
    int function = guest.al();
    if (function == 0x00) {
      guest.ax(0x0102);
      guest.bx(0x504D); // "PM"
      guest.cx(0x0003); // 16-bit and 32-bit interfaces
      guest.carry(false);
      return;
    }
    int error = 0;
    switch (function) {
      case 0x01, 0x02, 0x03 -> {
        if (apm != 0) {
          error = function == 0x01 ? 0x02 : apm == 2 ? 0x05 : 0x07;
        } else {
          apm = function;
          connect(function);
        }
      }
      case 0x04 -> {
        error = apm == 0 ? 0x03 : 0;
        apm = 0;
      }
      default -> error = apm == 0 && function != 0x0E ? 0x03 : apmFunction(function);
    }
    if (error != 0) {
      guest.ah(error);
    }
    guest.carry(error != 0);
  }

  private void connect(int kind) {
    if (kind == 0x01) {
      return;
    }
    guest.ax(SystemRom.SEGMENT);
    if (kind == 0x02) {
      guest.bx(rom.apm16);
      guest.cx(SystemRom.SEGMENT);
      guest.si(0xFFF0);
      guest.di(0xFFF0);
    } else {
      guest.ebx(rom.apm32);
      guest.cx(SystemRom.SEGMENT);
      guest.dx(SystemRom.SEGMENT);
      guest.esi(0xFFF0_FFF0);
      guest.di(0xFFF0);
    }
  }

  /** The functions that all interfaces share; the error code or 0. */
  private int apmFunction(int function) {
    switch (function) {
      case 0x05 -> {
        PollWatch polls = guest.cpu.polls;
        if (polls != null) {
          polls.idle(LONGEST_IDLE);
        }
        return 0;
      }
      case 0x06, 0x08, 0x0D, 0x0F -> {
        return 0; // busy is the host's business
      }
      case 0x07 -> {
        if (guest.bx() == 1 && guest.cx() == 3) {
          powerOff();
        }
        return guest.bx() == 1 && guest.cx() <= 3 ? 0 : 0x60;
      }
      case 0x0A -> {
        if (guest.bx() != 1) {
          return 0x09;
        }
        guest.bx(0x01FF); // on line, battery unknown
        guest.cx(0x80FF);
        guest.dx(0xFFFF);
        return 0;
      }
      case 0x0B -> {
        return 0x80; // no event
      }
      case 0x0C -> {
        guest.cx(0);
        return 0;
      }
      case 0x0E -> {
        guest.ax(0x0102);
        return 0;
      }
      case 0x10 -> {
        guest.bl(0);
        guest.cx(0);
        return 0;
      }
      default -> {
        return 0x0C;
      }
    }
  }

  /** PM1a_CNT with SLP_EN: S5's type on this chipset is 0. */
  private void powerOff() {
    guest.out16(PciSetup.POWER_BASE + 4, 0x2000);
  }

  /** The protected-mode entries: AH is 53h, and the carry flag is the caller's own affair. */
  void apm16() {
    int error = apmFunction(guest.al());
    if (error != 0) {
      guest.ah(error);
    }
    // The frame is INT's: flags above two words.
    guest.carry(error != 0);
  }

  void apm32() {
    int error = guest.al() == 0x04 ? 0 : apmFunction(guest.al());
    if (guest.al() == 0x04) {
      apm = 0;
    }
    if (error != 0) {
      guest.ah(error);
    }
    guest.wideCarry(error != 0);
  }

  /** INT 1Ah. */
  void time() {
    switch (guest.ah()) {
      case 0x00 -> {
        int ticks = guest.bda32(Bda.TICKS);
        guest.cx(ticks >>> 16);
        guest.dx(ticks);
        guest.al(guest.bda8(Bda.MIDNIGHT));
        guest.bda8(Bda.MIDNIGHT, 0);
        guest.ah(0);
        guest.carry(false);
      }
      case 0x01 -> {
        guest.bda32(Bda.TICKS, guest.cx() << 16 | guest.dx());
        guest.bda8(Bda.MIDNIGHT, 0);
        guest.ah(0);
        guest.carry(false);
      }
      case 0x02 -> {
        guest.ch(guest.cmos(4));
        guest.cl(guest.cmos(2));
        guest.dh(guest.cmos(0));
        guest.dl(guest.cmos(0x0B) & 1);
        guest.ah(0);
        guest.carry(false);
      }
      case 0x03 -> {
        int b = guest.cmos(0x0B);
        guest.cmos(0x0B, b | 0x80);
        guest.cmos(4, guest.ch());
        guest.cmos(2, guest.cl());
        guest.cmos(0, guest.dh());
        guest.cmos(0x0B, b & 0x7E | 2 | guest.dl() & 1);
        guest.ah(0);
        guest.carry(false);
      }
      case 0x04 -> {
        guest.ch(guest.cmos(0x32));
        guest.cl(guest.cmos(9));
        guest.dh(guest.cmos(8));
        guest.dl(guest.cmos(7));
        guest.ah(0);
        guest.carry(false);
      }
      case 0x05 -> {
        int b = guest.cmos(0x0B);
        guest.cmos(0x0B, b | 0x80);
        guest.cmos(0x32, guest.ch());
        guest.cmos(9, guest.cl());
        guest.cmos(8, guest.dh());
        guest.cmos(7, guest.dl());
        guest.cmos(0x0B, b & 0x7F);
        guest.ah(0);
        guest.carry(false);
      }
      case 0x06 -> {
        int b = guest.cmos(0x0B);
        if ((b & 0x20) != 0) {
          guest.carry(true); // one is set
          return;
        }
        guest.cmos(1, guest.dh());
        guest.cmos(3, guest.cl());
        guest.cmos(5, guest.ch());
        guest.out8(0xA1, guest.in8(0xA1) & ~1);
        guest.out8(0x21, guest.in8(0x21) & ~4);
        guest.cmos(0x0B, b & 0x7F | 0x20);
        guest.carry(false);
      }
      case 0x07 -> {
        guest.cmos(0x0B, guest.cmos(0x0B) & 0x57 | 2);
        guest.carry(false);
      }
      case 0xB1 -> pci.call();
      default -> guest.carry(true);
    }
  }

  /** INT 14h: a UART by polling. A wait for its status is one try: the line is never slow here. */
  void serial() {
    int port = guest.dx() < 4 ? guest.bda16(Bda.SERIAL_PORTS + 2 * guest.dx()) : 0;
    if (port == 0) {
      return;
    }
    switch (guest.ah()) {
      case 0x00 -> {
        int[] divisors = {1047, 768, 384, 192, 96, 48, 24, 12};
        int divisor = divisors[guest.al() >>> 5];
        guest.out8(port + 3, 0x80);
        guest.out8(port, divisor);
        guest.out8(port + 1, divisor >>> 8);
        guest.out8(port + 3, guest.al() & 0x1F);
        guest.out8(port + 4, 0x03);
        guest.ax(guest.in8(port + 5) << 8 | guest.in8(port + 6));
      }
      case 0x01 -> {
        int status = guest.in8(port + 5);
        if ((status & 0x20) != 0) {
          guest.out8(port, guest.al());
          guest.ah(guest.in8(port + 5) & 0x7F);
        } else {
          guest.ah(status & 0x7F | 0x80);
        }
      }
      case 0x02 -> {
        int status = guest.in8(port + 5);
        if ((status & 1) != 0) {
          guest.al(guest.in8(port));
          guest.ah(status & 0x1E);
        } else {
          guest.ah(0x80);
        }
      }
      case 0x03 -> guest.ax(guest.in8(port + 5) << 8 | guest.in8(port + 6));
      default -> guest.ah(0x80);
    }
  }

  /** INT 17h: there is no printer. */
  void printer() {
    if (guest.ah() <= 2) {
      guest.ah(0x01); // timed out
    }
  }
}
