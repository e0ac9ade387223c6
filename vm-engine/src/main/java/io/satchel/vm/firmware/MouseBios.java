package io.satchel.vm.firmware;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.time.VirtualClock;
import org.jspecify.annotations.Nullable;

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
  private static final int ACKNOWLEDGE = 0xFA;

  private final Guest guest;
  private final VirtualClock clock;
  private final SystemRom rom;

  MouseBios(Guest guest, VirtualClock clock, SystemRom rom) {
    this.guest = guest;
    this.clock = clock;
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

  // INT 15h/C2h. The mouse takes its time to answer, so a function is a list of bytes to send, each
  // acknowledged, and then a number of bytes to receive; the stub comes back until that is done.

  /** How long a byte may take, in nanoseconds. */
  private static final long PATIENCE = 500_000_000;

  /**
   * A function on its way.
   *
   * @param function AL at the call
   * @param toSend bytes that follow the one under way
   * @param toReceive how many bytes come after the last acknowledgement
   * @param received what came of these
   * @param mode the controller's command byte as it was
   */
  record Exchange(
      int function, int[] toSend, int sent, int toReceive, int[] received, int got, int mode) {}

  private @Nullable Exchange exchange;
  private long deadline;

  /** INT 15h/C2h. */
  void call() {
    Exchange current = exchange;
    if (current == null) {
      int status = begin();
      if (status >= 0) {
        finish(status);
      } else {
        guest.stubWord(rom.spin15);
      }
      return;
    }
    int value = receive();
    if (value < 0) {
      if (clock.nanos() > deadline) {
        end(current);
        finish(INTERFACE);
      } else {
        guest.stubWord(rom.spin15);
      }
      return;
    }
    proceed(current, value);
  }

  private void finish(int status) {
    guest.ah(status);
    guest.carry(status != OK);
  }

  /** Forgets a function that was under way when the machine was reset. */
  void reset() {
    exchange = null;
  }

  /** The function under way, for a snapshot. */
  @Nullable Exchange exchange() {
    return exchange;
  }

  /** When its patience ends, in nanoseconds. */
  long deadline() {
    return deadline;
  }

  void restore(@Nullable Exchange underWay, long patienceEnds) {
    exchange = underWay;
    deadline = patienceEnds;
  }

  private void proceed(Exchange current, int value) {
    if (current.sent() <= current.toSend().length && current.got() < 0) {
      // An acknowledgement.
      if (value != ACKNOWLEDGE) {
        end(current);
        finish(INTERFACE);
        return;
      }
      if (current.sent() < current.toSend().length) {
        send(current, current.sent());
        return;
      }
      current =
          new Exchange(
              current.function(),
              current.toSend(),
              current.sent(),
              current.toReceive(),
              current.received(),
              0,
              current.mode());
    } else {
      current.received()[current.got()] = value;
      current =
          new Exchange(
              current.function(),
              current.toSend(),
              current.sent(),
              current.toReceive(),
              current.received(),
              current.got() + 1,
              current.mode());
    }
    if (current.got() < current.toReceive()) {
      exchange = current;
      deadline = clock.nanos() + PATIENCE;
      guest.stubWord(rom.spin15);
      return;
    }
    end(current);
    finish(result(current));
  }

  private int result(Exchange done) {
    int[] received = done.received();
    switch (done.function()) {
      case 0x01, 0x05 -> {
        if (received[0] != 0xAA) {
          return INTERFACE;
        }
        if (done.function() == 0x01) {
          guest.bx(received[1] << 8 | 0xAA);
        }
      }
      case 0x04 -> guest.bh(received[0]);
      case 0x06 -> {
        if (received.length == 3) {
          guest.bl(received[0]);
          guest.cl(received[1]);
          guest.dl(received[2]);
        }
      }
      default -> {}
    }
    return OK;
  }

  /** Starts a function: its status if that is known at once, else -1. */
  private int begin() {
    int function = guest.al();
    int value = guest.bh();
    return switch (function) {
      case 0x00 -> {
        if (value > 1) {
          yield BAD_VALUE;
        }
        if (value == 1 && (guest.read8(ebda(SIZE_FLAGS)) & HAS_HANDLER) == 0) {
          yield NO_HANDLER;
        }
        int flags = guest.read8(ebda(COUNT_FLAGS)) & ~7;
        guest.write8(ebda(COUNT_FLAGS), value == 1 ? flags | ENABLED : flags & ~ENABLED);
        yield start(function, 0, value == 1 ? 0xF4 : 0xF5);
      }
      case 0x01 -> start(function, 2, 0xFF);
      case 0x02 -> {
        int[] rates = {10, 20, 40, 60, 80, 100, 200};
        yield value < rates.length ? start(function, 0, 0xF3, rates[value]) : BAD_VALUE;
      }
      case 0x03 -> value < 4 ? start(function, 0, 0xE8, value) : BAD_VALUE;
      case 0x04 -> start(function, 1, 0xF2);
      case 0x05 -> {
        if (value < 1 || value > 8) {
          yield BAD_VALUE;
        }
        int flags = guest.read8(ebda(SIZE_FLAGS)) & HAS_HANDLER;
        guest.write8(ebda(SIZE_FLAGS), flags | value - 1);
        guest.write8(ebda(COUNT_FLAGS), 0);
        yield start(function, 2, 0xFF);
      }
      case 0x06 ->
          switch (value) {
            case 0 -> start(function, 3, 0xE9);
            case 1 -> start(function, 0, 0xE6);
            case 2 -> start(function, 0, 0xE7);
            default -> BAD_VALUE;
          };
      case 0x07 -> {
        int segment = guest.cpu.selector[CpuState.ES];
        guest.write16(ebda(HANDLER), guest.bx());
        guest.write16(ebda(HANDLER + 2), segment);
        int size = guest.read8(ebda(SIZE_FLAGS));
        boolean none = segment == 0 && guest.bx() == 0;
        guest.write8(ebda(SIZE_FLAGS), none ? size & ~HAS_HANDLER : size | HAS_HANDLER);
        yield OK;
      }
      default -> BAD_FUNCTION;
    };
  }

  private int start(int function, int toReceive, int... bytes) {
    guest.out8(0x64, 0x20);
    int mode = guest.in8(0x60);
    // The mouse's clock on, its interrupt off while the answers are polled.
    guest.out8(0x64, 0x60);
    guest.out8(0x60, mode & ~0x22);
    for (int i = 0; i < 4 && receive() >= 0; i++) {
      // movement that nobody waits for
    }
    send(new Exchange(function, bytes, 0, toReceive, new int[toReceive], -1, mode), 0);
    return -1;
  }

  private void send(Exchange current, int index) {
    guest.out8(0x64, 0xD4);
    guest.out8(0x60, current.toSend()[index]);
    exchange =
        new Exchange(
            current.function(),
            current.toSend(),
            index + 1,
            current.toReceive(),
            current.received(),
            -1,
            current.mode());
    deadline = clock.nanos() + PATIENCE;
    guest.stubWord(rom.spin15);
  }

  private void end(Exchange done) {
    guest.out8(0x64, 0x60);
    guest.out8(0x60, done.mode() & ~0x20 | 0x02);
    exchange = null;
  }

  /** The next byte from the mouse, or -1; the keyboard's are left to its interrupt. */
  private int receive() {
    return (guest.in8(0x64) & 0x21) == 0x21 ? guest.in8(0x60) : -1;
  }
}
