package io.satchel.vm.device;

import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.bus.IrqLine;
import io.satchel.vm.cpu.InterruptAcknowledge;

/**
 * The two cascaded interrupt controllers of the AT: Intel 8259A data sheet (231468-003), with the
 * edge/level control registers of the PIIX3 (Intel 82371SB data sheet 290550, section 2.5.4).
 *
 * <pre>
 *  20h / A0h  write: ICW1 (bit 4 set), OCW2 (bits 4-3 = 00), OCW3 (bits 4-3 = 01)
 *             read:  IRR or ISR, as OCW3 chose; after a poll command the poll word
 *  21h / A1h  write: ICW2, ICW3, ICW4 after an ICW1, else OCW1 (the mask); read: the mask
 *  4D0h/4D1h  ELCR1, ELCR2: a set bit makes the input level triggered; 0, 1, 2, 8 and 13 stay edge
 * </pre>
 *
 * <p>In both trigger modes an input must stay high until it is acknowledged: one that drops before
 * takes its request away, and if the processor already answers, it gets the default IR7.
 */
public final class Pic8259 implements Device<Pic8259.State>, InterruptAcknowledge {

  private static final int ICW1_IC4 = 1;
  private static final int ICW1_SNGL = 1 << 1;
  private static final int ICW1_LTIM = 1 << 3;
  private static final int ICW1_SELECT = 1 << 4;
  private static final int ICW4_AEOI = 1 << 1;
  private static final int ICW4_SFNM = 1 << 4;
  private static final int OCW3_SELECT = 1 << 3;
  private static final int OCW3_RIS = 1;
  private static final int OCW3_RR = 1 << 1;
  private static final int OCW3_POLL = 1 << 2;
  private static final int OCW3_SMM = 1 << 5;
  private static final int OCW3_ESMM = 1 << 6;
  private static final int POLL_REQUEST = 0x80;

  private static final int CASCADE = 2;
  private static final int SPURIOUS = 7;
  private static final int NONE = -1;

  /** Inputs that ELCR can make level triggered. */
  private static final int ELCR1_MASK = 0xF8;

  private static final int ELCR2_MASK = 0xDE;

  /**
   * One 8259A.
   *
   * @param lines levels of the inputs
   * @param icw the initialization word that the next write to the odd port is: 2, 3 or 4; 0 for
   *     none
   * @param lowest the input of lowest priority
   */
  public record ChipState(
      int irr,
      int isr,
      int imr,
      int lines,
      int elcr,
      int icw,
      int icw1,
      int vectorBase,
      int icw3,
      int icw4,
      int lowest,
      boolean rotateOnAeoi,
      boolean specialMask,
      boolean poll,
      boolean readIsr) {}

  /** Both controllers. */
  public record State(ChipState master, ChipState slave) {}

  private final IrqLine output;
  private final Chip master = new Chip(true);
  private final Chip slave = new Chip(false);
  private final IrqLine[] inputs = new IrqLine[16];
  private boolean intr;

  /**
   * @param output the INT pin of the first controller
   */
  public Pic8259(Board board, IrqLine output) {
    this.output = output;
    for (int irq = 0; irq < 16; irq++) {
      Chip chip = irq < 8 ? master : slave;
      int pin = irq & 7;
      inputs[irq] = irq == CASCADE ? IrqLine.UNCONNECTED : level -> input(chip, pin, level);
    }
    board.ports().map(0x20, 2, 1, "PIC 1", master);
    board.ports().map(0xA0, 2, 1, "PIC 2", slave);
    board.ports().map(0x4D0, 1, 1, "ELCR 1", new Elcr(master, ELCR1_MASK));
    board.ports().map(0x4D1, 1, 1, "ELCR 2", new Elcr(slave, ELCR2_MASK));
    reset();
  }

  /** Interrupt input 0 to 15; 2 is taken by the cascade and ends nowhere. */
  public IrqLine input(int irq) {
    return inputs[irq];
  }

  /** Whether ELCR makes input 0 to 15 level triggered. */
  public boolean levelTriggered(int irq) {
    return ((irq < 8 ? master : slave).elcr & 1 << (irq & 7)) != 0;
  }

  @Override
  public String name() {
    return "pic";
  }

  @Override
  public int acknowledge() {
    int pin = master.request();
    if (pin == NONE) {
      return master.vectorBase | SPURIOUS;
    }
    int vector = master.vectorBase | pin;
    if (pin == CASCADE) {
      int second = slave.request();
      vector = slave.vectorBase | (second == NONE ? SPURIOUS : second);
      if (second != NONE) {
        slave.accept(second);
      }
    }
    master.accept(pin);
    update();
    return vector;
  }

  private void input(Chip chip, int pin, boolean level) {
    if (chip.input(1 << pin, level)) {
      update();
    }
  }

  /** Carries the slave's request to the master and the master's to the processor. */
  private void update() {
    int bit = 1 << CASCADE;
    master.irr = slave.request() == NONE ? master.irr & ~bit : master.irr | bit;
    boolean level = master.request() != NONE;
    if (level != intr) {
      intr = level;
      output.set(level);
    }
  }

  @Override
  public void reset() {
    master.powerOn();
    slave.powerOn();
    update();
  }

  @Override
  public State state() {
    return new State(master.state(), slave.state());
  }

  @Override
  public void restore(State state) {
    master.restore(state.master());
    slave.restore(state.slave());
    intr = master.request() != NONE;
    output.set(intr);
  }

  /** One controller, at its two ports. */
  private final class Chip implements IoHandler {
    private final boolean first;
    private int irr;
    private int isr;
    private int imr;
    private int lines;
    private int elcr;
    private int icw;
    private int icw1;
    private int vectorBase;
    private int icw3;
    private int icw4;
    private int lowest = 7;
    private boolean rotateOnAeoi;
    private boolean specialMask;
    private boolean poll;
    private boolean readIsr;

    Chip(boolean first) {
      this.first = first;
    }

    void powerOn() {
      elcr = 0;
      vectorBase = 0;
      icw = icw1 = icw3 = icw4 = 0;
      initialize();
      imr = 0xFF;
    }

    /** What ICW1 does (data sheet, "Initialization command words"). */
    private void initialize() {
      imr = isr = 0;
      irr = lines & levelInputs();
      lowest = 7;
      rotateOnAeoi = specialMask = poll = readIsr = false;
    }

    private int levelInputs() {
      return (icw1 & ICW1_LTIM) != 0 ? 0xFF : elcr;
    }

    boolean input(int bit, boolean level) {
      if (level == ((lines & bit) != 0)) {
        return false;
      }
      lines ^= bit;
      irr = level ? irr | bit : irr & ~bit;
      return true;
    }

    /** The input that is to be served next, or {@link #NONE}. */
    int request() {
      int requests = irr & ~imr;
      if (requests == 0 || icw != 0) {
        return NONE;
      }
      int serving = isr;
      if (specialMask) {
        serving &= ~imr;
      }
      if (first && (icw4 & ICW4_SFNM) != 0) {
        serving &= ~(1 << CASCADE);
      }
      int pin = highest(requests | serving);
      return (serving & 1 << pin) != 0 ? NONE : pin;
    }

    private int highest(int bits) {
      int shift = lowest + 1 & 7;
      int rotated = (bits | bits << 8) >>> shift;
      return Integer.numberOfTrailingZeros(rotated) + shift & 7;
    }

    void accept(int pin) {
      int bit = 1 << pin;
      if ((icw4 & ICW4_AEOI) == 0) {
        isr |= bit;
      } else if (rotateOnAeoi) {
        lowest = pin;
      }
      if ((levelInputs() & bit) == 0) {
        irr &= ~bit;
      }
    }

    @Override
    public int read(int offset, int width) {
      if (poll) {
        poll = false;
        int pin = request();
        if (pin == NONE) {
          return SPURIOUS;
        }
        accept(pin);
        update();
        return POLL_REQUEST | pin;
      }
      return offset == 1 ? imr : readIsr ? isr : irr;
    }

    @Override
    public void write(int offset, int width, int value) {
      if (offset == 1) {
        writeOdd(value);
      } else if ((value & ICW1_SELECT) != 0) {
        icw1 = value;
        icw = 2;
        if ((value & ICW1_IC4) == 0) {
          icw4 = 0;
        }
        initialize();
      } else if ((value & OCW3_SELECT) != 0) {
        ocw3(value);
      } else {
        ocw2(value >>> 5, value & 7);
      }
      update();
    }

    private void writeOdd(int value) {
      switch (icw) {
        case 2 -> {
          vectorBase = value & 0xF8;
          icw = (icw1 & ICW1_SNGL) == 0 ? 3 : afterIcw3();
        }
        case 3 -> {
          icw3 = value;
          icw = afterIcw3();
        }
        case 4 -> {
          icw4 = value;
          icw = 0;
        }
        default -> imr = value;
      }
    }

    private int afterIcw3() {
      return (icw1 & ICW1_IC4) != 0 ? 4 : 0;
    }

    /** {@code command} is R, SL, EOI (data sheet, "Operation command word 2"). */
    private void ocw2(int command, int pin) {
      switch (command) {
        case 0 -> rotateOnAeoi = false;
        case 4 -> rotateOnAeoi = true;
        case 1, 5 -> {
          // In special mask mode a masked level is not the one that a non-specific EOI means.
          int candidates = specialMask ? isr & ~imr : isr;
          if (candidates != 0) {
            int served = highest(candidates);
            isr &= ~(1 << served);
            if (command == 5) {
              lowest = served;
            }
          }
        }
        case 3 -> isr &= ~(1 << pin);
        case 7 -> {
          isr &= ~(1 << pin);
          lowest = pin;
        }
        case 6 -> lowest = pin;
        default -> {
          // 2: no operation
        }
      }
    }

    private void ocw3(int value) {
      if ((value & OCW3_ESMM) != 0) {
        specialMask = (value & OCW3_SMM) != 0;
      }
      if ((value & OCW3_POLL) != 0) {
        poll = true;
      } else if ((value & OCW3_RR) != 0) {
        readIsr = (value & OCW3_RIS) != 0;
      }
    }

    void setElcr(int value) {
      int toLevel = value & ~elcr;
      elcr = value;
      irr = irr & ~toLevel | lines & toLevel;
      update();
    }

    ChipState state() {
      return new ChipState(
          irr,
          isr,
          imr,
          lines,
          elcr,
          icw,
          icw1,
          vectorBase,
          icw3,
          icw4,
          lowest,
          rotateOnAeoi,
          specialMask,
          poll,
          readIsr);
    }

    void restore(ChipState state) {
      irr = state.irr();
      isr = state.isr();
      imr = state.imr();
      lines = state.lines();
      elcr = state.elcr();
      icw = state.icw();
      icw1 = state.icw1();
      vectorBase = state.vectorBase();
      icw3 = state.icw3();
      icw4 = state.icw4();
      lowest = state.lowest() & 7;
      rotateOnAeoi = state.rotateOnAeoi();
      specialMask = state.specialMask();
      poll = state.poll();
      readIsr = state.readIsr();
    }
  }

  private record Elcr(Chip chip, int writable) implements IoHandler {
    @Override
    public int read(int offset, int width) {
      return chip.elcr;
    }

    @Override
    public void write(int offset, int width, int value) {
      chip.setElcr(value & writable);
    }
  }
}
