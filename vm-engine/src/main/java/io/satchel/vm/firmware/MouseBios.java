package io.satchel.vm.firmware;

import io.satchel.vm.cpu.CpuState;

/**
 * INT 15h/C2h and IRQ 12: the PS/2 pointing device (IBM PS/2 and PC BIOS Interface Technical
 * Reference, "Pointing Device BIOS Interface"). The packet and the caller's handler are in the EBDA
 * where IBM has them.
 */
final class MouseBios {

  private static final int HANDLER = 0x22;
  private static final int COUNT_FLAGS = 0x26;
  private static final int SIZE_FLAGS = 0x27;
  private static final int PACKET = 0x28;

  private static final int HAS_HANDLER = 0x80;
  private static final int ENABLED = 0x40;

  private static final int OK = 0;
  private static final int BAD_FUNCTION = 1;
  private static final int BAD_VALUE = 2;
  private static final int INTERFACE = 3;
  private static final int NO_HANDLER = 5;

  private final Guest guest;
  private final SystemRom rom;

  MouseBios(Guest guest, SystemRom rom) {
    this.guest = guest;
    this.rom = rom;
  }

  private long ebda(int offset) {
    return ((long) guest.bda16(Bda.EBDA_SEGMENT) << 4) + offset;
  }

  /** IRQ 12: takes a byte; a complete packet goes to the handler by a far call. */
  void interrupt() {
    if ((guest.in8(0x64) & 0x21) != 0x21) {
      return;
    }
    int value = guest.in8(0x60);
    int size = guest.read8(ebda(SIZE_FLAGS));
    if ((size & HAS_HANDLER) == 0) {
      return;
    }
    int count = guest.read8(ebda(COUNT_FLAGS)) & 7;
    if (count == 0 && (value & 0x08) == 0) {
      return; // not a first byte: finds back into step
    }
    guest.write8(ebda(PACKET + count), value);
    int last = size & 7;
    if (++count <= last) {
      guest.write8(ebda(COUNT_FLAGS), guest.read8(ebda(COUNT_FLAGS)) & ~7 | count);
      return;
    }
    guest.write8(ebda(COUNT_FLAGS), guest.read8(ebda(COUNT_FLAGS)) & ~7);
    guest.push(
        guest.read8(ebda(PACKET)),
        guest.read8(ebda(PACKET + 1)),
        guest.read8(ebda(PACKET + 2)),
        last >= 3 ? guest.read8(ebda(PACKET + 3)) : 0);
    guest.stubWord(rom.mouseHandler);
  }

  /** INT 15h/C2h. */
  void call() {
    int status =
        switch (guest.al()) {
          case 0x00 -> enable(guest.bh());
          case 0x01 -> {
            int reset = reset();
            if (reset == OK) {
              guest.bx(0x00AA); // passed, a mouse
            }
            yield reset;
          }
          case 0x02 -> value(0xF3, guest.bh(), new int[] {10, 20, 40, 60, 80, 100, 200});
          case 0x03 -> value(0xE8, guest.bh(), new int[] {0, 1, 2, 3});
          case 0x04 -> {
            int answer = command(0xF2) ? receive() : -1;
            guest.bh(Math.max(0, answer));
            yield answer < 0 ? INTERFACE : OK;
          }
          case 0x05 -> {
            if (guest.bh() < 1 || guest.bh() > 8) {
              yield BAD_VALUE;
            }
            int flags = guest.read8(ebda(SIZE_FLAGS)) & HAS_HANDLER;
            guest.write8(ebda(SIZE_FLAGS), flags | guest.bh() - 1);
            guest.write8(ebda(COUNT_FLAGS), 0);
            yield reset();
          }
          case 0x06 -> extended();
          case 0x07 -> handler();
          default -> BAD_FUNCTION;
        };
    guest.ah(status);
    guest.carry(status != OK);
  }

  private int enable(int on) {
    if (on > 1) {
      return BAD_VALUE;
    }
    if (on == 1 && (guest.read8(ebda(SIZE_FLAGS)) & HAS_HANDLER) == 0) {
      return NO_HANDLER;
    }
    int flags = guest.read8(ebda(COUNT_FLAGS)) & ~7;
    guest.write8(ebda(COUNT_FLAGS), on == 1 ? flags | ENABLED : flags & ~ENABLED);
    return command(on == 1 ? 0xF4 : 0xF5) ? OK : INTERFACE;
  }

  private int reset() {
    if (!command(0xFF)) {
      return INTERFACE;
    }
    return receive() == 0xAA && receive() >= 0 ? OK : INTERFACE;
  }

  private int value(int command, int index, int[] values) {
    if (index >= values.length) {
      return BAD_VALUE;
    }
    return command(command) && command(values[index]) ? OK : INTERFACE;
  }

  private int extended() {
    switch (guest.bh()) {
      case 0 -> {
        if (!command(0xE9)) {
          return INTERFACE;
        }
        guest.bl(Math.max(0, receive()));
        guest.cx(Math.max(0, receive()));
        guest.dx(Math.max(0, receive()));
        return OK;
      }
      case 1 -> {
        return command(0xE6) ? OK : INTERFACE;
      }
      case 2 -> {
        return command(0xE7) ? OK : INTERFACE;
      }
      default -> {
        return BAD_VALUE;
      }
    }
  }

  private int handler() {
    int segment = guest.cpu.selector[CpuState.ES];
    guest.write16(ebda(HANDLER), guest.bx());
    guest.write16(ebda(HANDLER + 2), segment);
    int size = guest.read8(ebda(SIZE_FLAGS));
    boolean none = segment == 0 && guest.bx() == 0;
    guest.write8(ebda(SIZE_FLAGS), none ? size & ~HAS_HANDLER : size | HAS_HANDLER);
    return OK;
  }

  /** Sends a byte to the mouse, with its interrupt off; whether it acknowledged. */
  private boolean command(int value) {
    guest.out8(0x64, 0x20);
    int mode = receiveController();
    // The mouse's clock on, its interrupt off while the answer is read by polling.
    guest.out8(0x64, 0x60);
    guest.out8(0x60, mode & ~0x22);
    guest.out8(0x64, 0xD4);
    guest.out8(0x60, value);
    boolean acknowledged = receive() == 0xFA;
    guest.out8(0x64, 0x60);
    guest.out8(0x60, mode & ~0x20 | 0x02);
    return acknowledged;
  }

  private int receiveController() {
    for (int i = 0; i < 32 && (guest.in8(0x64) & 1) != 0; i++) {
      if ((guest.in8(0x64) & 0x20) == 0) {
        return guest.in8(0x60);
      }
      guest.in8(0x60); // movement that nobody waits for
    }
    return 0x47;
  }

  /** The next byte from the mouse, or -1. */
  private int receive() {
    for (int i = 0; i < 32 && (guest.in8(0x64) & 1) != 0; i++) {
      boolean mouse = (guest.in8(0x64) & 0x20) != 0;
      int value = guest.in8(0x60);
      if (mouse) {
        return value;
      }
    }
    return -1;
  }
}
