package io.satchel.vm.device;

import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.bus.IrqLine;
import java.util.Arrays;

/**
 * The I/O APIC: Intel 82093AA data sheet (290566-001).
 *
 * <pre>
 *  FEC00000h  IOREGSEL, bits 7-0
 *  FEC00010h  IOWIN: the register that IOREGSEL names
 *    00h IOAPICID  bits 27-24      01h IOAPICVER 00170011h      02h IOAPICARB bits 27-24
 *    10h + 2n, 11h + 2n  IOREDTBL n (0 to 23):
 *      bits 7-0 vector, 10-8 delivery mode, 11 logical destination, 12 delivery status (0),
 *      13 polarity (1 low), 14 remote IRR, 15 level, 16 masked, 63-56 destination
 * </pre>
 *
 * <p>Polarity is stored and does not invert: the lines of this board are logical levels, as an
 * active-low PCI interrupt and an active-high ISA one both mean "raised" here.
 */
public final class IoApic implements Device<IoApic.State>, IoHandler {

  /** Where the window is; 4 KiB. */
  public static final long BASE = 0xFEC0_0000L;

  public static final int PINS = 24;

  private static final int IOREGSEL = 0x00;
  private static final int IOWIN = 0x10;
  private static final int ID = 0;
  private static final int VERSION = 1;
  private static final int ARBITRATION = 2;
  private static final int REDIRECTION = 0x10;
  private static final int VERSION_VALUE = PINS - 1 << 16 | 0x11;

  private static final long LOGICAL = 1 << 11;
  private static final long REMOTE_IRR = 1 << 14;
  private static final long LEVEL = 1 << 15;
  private static final long MASKED = 1 << 16;
  private static final long WRITABLE_LOW = 0x1_AFFF;
  private static final long WRITABLE_HIGH = 0xFF00_0000_0000_0000L;

  /**
   * The chip.
   *
   * @param lines levels of the inputs
   */
  public record State(int select, int id, int lines, long[] redirection) {}

  private final ApicBus bus;
  private final long[] redirection = new long[PINS];
  private final IrqLine[] inputs = new IrqLine[PINS];
  private int select;
  private int id;
  private int lines;

  public IoApic(Board board, ApicBus bus) {
    this.bus = bus;
    for (int i = 0; i < PINS; i++) {
      int pin = i;
      inputs[i] = level -> input(pin, level);
    }
    bus.join(this);
    board.memory().mapDevice(BASE, 0x1000, "I/O APIC", this);
    reset();
  }

  /** Interrupt input 0 to 23. */
  public IrqLine input(int pin) {
    return inputs[pin];
  }

  private void input(int pin, boolean level) {
    int bit = 1 << pin;
    if (level == ((lines & bit) != 0)) {
      return;
    }
    lines ^= bit;
    if (level) {
      service(pin);
    }
  }

  /**
   * Input {@code pin} is high: sends its message, unless it is masked or waits for its EOI. An edge
   * that meets a mask is lost (data sheet, "Interrupt Mask").
   */
  private void service(int pin) {
    long entry = redirection[pin];
    if ((entry & (MASKED | REMOTE_IRR)) != 0) {
      return;
    }
    boolean level = (entry & LEVEL) != 0;
    if (level) {
      redirection[pin] |= REMOTE_IRR;
    }
    boolean logical = (entry & LOGICAL) != 0;
    int destination = (int) (entry >>> 56);
    bus.send(
        !logical && destination == ApicBus.BROADCAST_8 ? ApicBus.BROADCAST : destination,
        logical,
        (int) entry >>> 8 & 7,
        (int) entry & 0xFF,
        level);
  }

  /** EOI message: the inputs of this vector may ask again. */
  void endOfInterrupt(int vector) {
    for (int pin = 0; pin < PINS; pin++) {
      long entry = redirection[pin];
      if ((entry & REMOTE_IRR) != 0 && (entry & 0xFF) == vector) {
        redirection[pin] = entry & ~REMOTE_IRR;
        serviceLevel(pin);
      }
    }
  }

  @Override
  public int read(int offset, int width) {
    int value =
        switch (offset & ~3) {
          case IOREGSEL -> select;
          case IOWIN -> register();
          default -> 0;
        };
    return value >>> 8 * (offset & 3);
  }

  private int register() {
    if (select >= REDIRECTION && select < REDIRECTION + 2 * PINS) {
      long entry = redirection[select - REDIRECTION >> 1];
      return (int) ((select & 1) == 0 ? entry : entry >>> 32);
    }
    return switch (select) {
      case ID, ARBITRATION -> id << 24;
      case VERSION -> VERSION_VALUE;
      default -> 0;
    };
  }

  @Override
  public void write(int offset, int width, int value) {
    if (offset == IOREGSEL) {
      select = value & 0xFF;
    } else if (offset == IOWIN) {
      if (select == ID) {
        id = value >>> 24 & 15;
      } else if (select >= REDIRECTION && select < REDIRECTION + 2 * PINS) {
        writeEntry(select - REDIRECTION >> 1, (select & 1) != 0, value & 0xFFFF_FFFFL);
      }
    }
  }

  private void writeEntry(int pin, boolean high, long value) {
    long mask = high ? WRITABLE_HIGH : WRITABLE_LOW;
    long entry = redirection[pin] & ~mask | (high ? value << 32 : value) & mask;
    if ((entry & LEVEL) == 0) {
      entry &= ~REMOTE_IRR;
    }
    redirection[pin] = entry;
    serviceLevel(pin);
  }

  private void serviceLevel(int pin) {
    if ((lines & 1 << pin) != 0 && (redirection[pin] & LEVEL) != 0) {
      service(pin);
    }
  }

  @Override
  public String name() {
    return "ioapic";
  }

  @Override
  public void reset() {
    select = 0;
    id = 0;
    Arrays.fill(redirection, MASKED);
  }

  @Override
  public State state() {
    return new State(select, id, lines, redirection.clone());
  }

  @Override
  public void restore(State state) {
    select = state.select();
    id = state.id();
    lines = state.lines();
    System.arraycopy(
        state.redirection(), 0, redirection, 0, Math.min(PINS, state.redirection().length));
  }
}
