package io.satchel.vm.device;

import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.bus.IrqLine;
import io.satchel.vm.time.EventQueue;
import io.satchel.vm.time.VirtualClock;
import java.util.Arrays;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A serial port: National Semiconductor PC16550D data sheet (TL/C/8652).
 *
 * <pre>
 *  +0  RBR read, THR write; with DLAB: DLL
 *  +1  IER: bit 0 received data, 1 THR empty, 2 line status, 3 modem status; with DLAB: DLM
 *  +2  IIR read: bit 0 none pending, bits 3-1 which, bits 7-6 FIFOs on
 *      FCR write: bit 0 FIFOs on, 1 clear receiver, 2 clear transmitter, bits 7-6 trigger 1 4 8 14
 *  +3  LCR: bits 1-0 word length, 2 stop bits, 5-3 parity, 6 break, 7 DLAB
 *  +4  MCR: bit 0 DTR, 1 RTS, 2 OUT1, 3 OUT2 (lets the interrupt through), 4 loopback
 *  +5  LSR: bit 0 DR, 1 OE, 2 PE, 3 FE, 4 BI, 5 THRE, 6 TEMT, 7 error in FIFO
 *  +6  MSR: bits 3-0 changes of CTS DSR RI DCD, bits 7-4 their levels
 *  +7  SCR
 * </pre>
 *
 * <p>A character takes its time by the divisor, but at most {@value #LONGEST_CHARACTER} ns: no
 * guest depends on a slow line, and a boot log should not wait for one. The far end is always ready
 * (CTS, DSR, DCD), and its bytes come only when there is room: nothing overruns except in loopback.
 */
public final class Uart16550 implements Device<Uart16550.State>, IoHandler {

  private static final int IER_RECEIVED = 1;
  private static final int IER_THR_EMPTY = 1 << 1;
  private static final int IER_LINE = 1 << 2;
  private static final int IER_MODEM = 1 << 3;

  private static final int IIR_NONE = 1;
  private static final int IIR_MODEM = 0;
  private static final int IIR_THR_EMPTY = 2;
  private static final int IIR_RECEIVED = 4;
  private static final int IIR_LINE = 6;
  private static final int IIR_TIMEOUT = 12;
  private static final int IIR_FIFOS = 0xC0;

  private static final int FCR_ENABLE = 1;
  private static final int FCR_CLEAR_RECEIVER = 1 << 1;
  private static final int FCR_CLEAR_TRANSMITTER = 1 << 2;

  private static final int LCR_DLAB = 0x80;

  private static final int MCR_DTR = 1;
  private static final int MCR_RTS = 1 << 1;
  private static final int MCR_OUT1 = 1 << 2;
  private static final int MCR_OUT2 = 1 << 3;
  private static final int MCR_LOOP = 1 << 4;

  private static final int LSR_DR = 1;
  private static final int LSR_OE = 1 << 1;
  private static final int LSR_ERRORS = 0x1E;
  private static final int LSR_THRE = 1 << 5;
  private static final int LSR_TEMT = 1 << 6;

  private static final int MSR_CTS = 1 << 4;
  private static final int MSR_DSR = 1 << 5;
  private static final int MSR_RI = 1 << 6;
  private static final int MSR_DCD = 1 << 7;

  private static final int FIFO = 16;
  private static final int[] TRIGGERS = {1, 4, 8, 14};

  /** Hertz: the divisor's input over 16. */
  private static final int BAUD_BASE = 115_200;

  private static final long LONGEST_CHARACTER = 10_000;
  private static final long NEVER = Long.MAX_VALUE;

  /**
   * The registers.
   *
   * @param buffer the byte last read from RBR, which an empty receiver repeats
   * @param receiver bytes that the guest has not read, oldest first; at most 16
   * @param transmitter bytes that wait behind the shift register; at most 16
   * @param shifting the byte in the shift register, or -1
   * @param shiftDue when it has left, in nanoseconds
   * @param receiveDue when the next byte from outside may come
   * @param timeoutDue when the character time-out is due
   * @param input bytes from outside that have not come yet
   */
  public record State(
      int ier,
      int fcr,
      int lcr,
      int mcr,
      int lsr,
      int msr,
      int scratch,
      int divisor,
      boolean thrInterrupt,
      boolean timeout,
      int buffer,
      byte[] receiver,
      byte[] transmitter,
      int shifting,
      long shiftDue,
      long receiveDue,
      long timeoutDue,
      byte[] input) {}

  private final String name;
  private final VirtualClock clock;
  private final EventQueue events;
  private final IrqLine irq;
  private final IntConsumer line;
  private final Timer shift;
  private final Timer receive;
  private final Timer timeoutTimer;

  private int ier;
  private int fcr;
  private int lcr;
  private int mcr;
  private int lsr;
  private int msr;
  private int scratch;
  private int divisor;
  private boolean thrInterrupt;
  private boolean timeout;
  private final byte[] receiver = new byte[FIFO];
  private int receiverHead;
  private int buffer;
  private int received;
  private final byte[] transmitter = new byte[FIFO];
  private int transmitterHead;
  private int waiting;
  private int shifting = -1;
  private byte[] input = new byte[256];
  private int inputHead;
  private int inputCount;

  /**
   * @param name such as {@code uart0}
   * @param base the first of eight ports, such as 3F8h
   * @param line where sent bytes go
   */
  public Uart16550(Board board, String name, int base, IrqLine irq, IntConsumer line) {
    this.name = name;
    this.clock = board.clock();
    this.events = board.events();
    this.irq = irq;
    this.line = line;
    shift = new Timer(name + " transmit", this::shifted);
    receive = new Timer(name + " receive", this::feedReceiver);
    timeoutTimer = new Timer(name + " timeout", this::timedOut);
    board.ports().map(base, 8, 1, name, this);
    reset();
  }

  /** A byte comes from outside; it waits until the guest has room for it. */
  public void receive(int value) {
    if (inputCount == input.length) {
      byte[] larger = new byte[2 * input.length];
      for (int i = 0; i < inputCount; i++) {
        larger[i] = input[(inputHead + i) % input.length];
      }
      input = larger;
      inputHead = 0;
    }
    input[(inputHead + inputCount++) % input.length] = (byte) value;
    feedReceiver();
  }

  /** One event of this port. */
  private final class Timer {
    private final String eventName;
    private final Runnable action;
    private long due = NEVER;
    private EventQueue.@Nullable Event event;

    Timer(String eventName, Runnable action) {
      this.eventName = eventName;
      this.action =
          () -> {
            this.event = null;
            this.due = NEVER;
            action.run();
          };
    }

    boolean running() {
      return event != null;
    }

    void start(long at) {
      stop();
      if (at != NEVER) {
        due = at;
        event = events.at(at, eventName, action);
      }
    }

    void stop() {
      due = NEVER;
      if (event != null) {
        events.cancel(event);
        event = null;
      }
    }
  }

  private boolean fifos() {
    return (fcr & FCR_ENABLE) != 0;
  }

  private boolean loopback() {
    return (mcr & MCR_LOOP) != 0;
  }

  private long characterNanos() {
    int bits = 7 + (lcr & 3) + (lcr >>> 2 & 1) + (lcr >>> 3 & 1);
    long rate = divisor == 0 ? 0x10000 : divisor;
    return Math.clamp(bits * rate * 1_000_000_000L / BAUD_BASE, 1, LONGEST_CHARACTER);
  }

  private void feedReceiver() {
    if (inputCount == 0 || receive.running() || loopback()) {
      return;
    }
    if (received < (fifos() ? FIFO : 1)) {
      int value = input[inputHead] & 0xFF;
      inputHead = (inputHead + 1) % input.length;
      inputCount--;
      take(value);
      if (inputCount > 0) {
        receive.start(clock.nanos() + characterNanos());
      }
    }
  }

  /** A character has been shifted in. */
  private void take(int value) {
    if (received == (fifos() ? FIFO : 1)) {
      lsr |= LSR_OE;
      if (!fifos()) {
        // Without FIFOs the new character takes the old one's place.
        receiver[receiverHead] = (byte) value;
      }
    } else {
      receiver[(receiverHead + received++) % FIFO] = (byte) value;
      lsr |= LSR_DR;
    }
    timeout = false;
    if (fifos()) {
      timeoutTimer.start(clock.nanos() + 4 * characterNanos());
    }
    update();
  }

  private void timedOut() {
    if (fifos() && received > 0) {
      timeout = true;
      update();
    }
  }

  private void shifted() {
    int value = shifting;
    shifting = -1;
    if (loopback()) {
      take(value);
    } else {
      line.accept(value);
    }
    if (waiting > 0) {
      startShift();
    } else {
      lsr |= LSR_TEMT;
    }
    update();
  }

  /**
   * The machine ends: what the guest has handed over still reaches the host. On a line it would be
   * cut off with the power, but a run's last words are what its log is read for.
   */
  public void drain() {
    while (shifting >= 0) {
      shift.stop();
      shifted();
    }
  }

  private void startShift() {
    shifting = transmitter[transmitterHead] & 0xFF;
    transmitterHead = (transmitterHead + 1) % FIFO;
    waiting--;
    if (waiting == 0) {
      lsr |= LSR_THRE;
      thrInterrupt = true;
    }
    shift.start(clock.nanos() + characterNanos());
  }

  private void transmit(int value) {
    thrInterrupt = false;
    if (waiting < (fifos() ? FIFO : 1)) {
      transmitter[(transmitterHead + waiting++) % FIFO] = (byte) value;
    } else if (!fifos()) {
      transmitter[transmitterHead] = (byte) value;
    }
    lsr &= ~(LSR_THRE | LSR_TEMT);
    if (shifting < 0) {
      startShift();
    }
  }

  private int interrupt() {
    if ((ier & IER_LINE) != 0 && (lsr & LSR_ERRORS) != 0) {
      return IIR_LINE;
    }
    if ((ier & IER_RECEIVED) != 0) {
      if (received >= (fifos() ? TRIGGERS[fcr >>> 6] : 1)) {
        return IIR_RECEIVED;
      }
      if (timeout) {
        return IIR_TIMEOUT;
      }
    }
    if ((ier & IER_THR_EMPTY) != 0 && thrInterrupt) {
      return IIR_THR_EMPTY;
    }
    if ((ier & IER_MODEM) != 0 && (msr & 15) != 0) {
      return IIR_MODEM;
    }
    return IIR_NONE;
  }

  private void update() {
    // In loopback the OUT2 pin is inactive, but the interrupt goes on to work on PCs.
    irq.set(interrupt() != IIR_NONE && (mcr & (MCR_OUT2 | MCR_LOOP)) != 0);
  }

  private void updateModem() {
    int levels = MSR_CTS | MSR_DSR | MSR_DCD;
    if (loopback()) {
      levels =
          ((mcr & MCR_RTS) != 0 ? MSR_CTS : 0)
              | ((mcr & MCR_DTR) != 0 ? MSR_DSR : 0)
              | ((mcr & MCR_OUT1) != 0 ? MSR_RI : 0)
              | ((mcr & MCR_OUT2) != 0 ? MSR_DCD : 0);
    }
    int changed = (msr ^ levels) & 0xF0;
    // RI counts only when it goes away.
    int reported = changed & ~MSR_RI | changed & MSR_RI & msr;
    msr = levels | msr & 15 | reported >>> 4;
  }

  @Override
  public int read(int offset, int width) {
    switch (offset) {
      case 0 -> {
        return (lcr & LCR_DLAB) != 0 ? divisor & 0xFF : readReceiver();
      }
      case 1 -> {
        return (lcr & LCR_DLAB) != 0 ? divisor >>> 8 : ier;
      }
      case 2 -> {
        int id = interrupt();
        if (id == IIR_THR_EMPTY) {
          thrInterrupt = false;
          update();
        }
        return id | (fifos() ? IIR_FIFOS : 0);
      }
      case 3 -> {
        return lcr;
      }
      case 4 -> {
        return mcr;
      }
      case 5 -> {
        int value = lsr;
        lsr &= ~LSR_ERRORS;
        if (value != lsr) {
          update();
        }
        return value;
      }
      case 6 -> {
        int value = msr;
        msr &= 0xF0;
        if (value != msr) {
          update();
        }
        return value;
      }
      default -> {
        return scratch;
      }
    }
  }

  private int readReceiver() {
    if (received > 0) {
      buffer = receiver[receiverHead] & 0xFF;
      receiverHead = (receiverHead + 1) % FIFO;
      received--;
      timeout = false;
      if (received == 0) {
        lsr &= ~LSR_DR;
        timeoutTimer.stop();
      } else if (fifos()) {
        timeoutTimer.start(clock.nanos() + 4 * characterNanos());
      }
      feedReceiver();
      update();
    }
    return buffer;
  }

  @Override
  public void write(int offset, int width, int value) {
    switch (offset) {
      case 0 -> {
        if ((lcr & LCR_DLAB) != 0) {
          divisor = divisor & 0xFF00 | value;
        } else {
          transmit(value);
        }
      }
      case 1 -> {
        if ((lcr & LCR_DLAB) != 0) {
          divisor = divisor & 0xFF | value << 8;
        } else {
          if ((value & ~ier & IER_THR_EMPTY) != 0 && (lsr & LSR_THRE) != 0) {
            thrInterrupt = true;
          }
          ier = value & 15;
        }
      }
      case 2 -> writeFcr(value);
      case 3 -> lcr = value;
      case 4 -> {
        mcr = value & 0x1F;
        updateModem();
        feedReceiver();
      }
      case 7 -> scratch = value;
      default -> {
        // LSR and MSR are read only.
      }
    }
    update();
  }

  private void writeFcr(int value) {
    boolean toggled = ((fcr ^ value) & FCR_ENABLE) != 0;
    if (toggled || (value & FCR_CLEAR_RECEIVER) != 0 && (value & FCR_ENABLE) != 0) {
      received = 0;
      lsr &= ~LSR_DR;
      timeout = false;
      timeoutTimer.stop();
    }
    if (toggled || (value & FCR_CLEAR_TRANSMITTER) != 0 && (value & FCR_ENABLE) != 0) {
      if (waiting > 0) {
        thrInterrupt = true;
      }
      waiting = 0;
      lsr |= LSR_THRE;
    }
    fcr = (value & FCR_ENABLE) != 0 ? value & 0xC9 : 0;
    feedReceiver();
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public void reset() {
    ier = fcr = lcr = mcr = scratch = 0;
    lsr = LSR_THRE | LSR_TEMT;
    msr = MSR_CTS | MSR_DSR | MSR_DCD;
    // The data sheet leaves it open; firmware and kernels find 9600 baud.
    divisor = 12;
    thrInterrupt = timeout = false;
    received = waiting = buffer = 0;
    shifting = -1;
    shift.stop();
    receive.stop();
    timeoutTimer.stop();
    if (inputCount > 0) {
      receive.start(clock.nanos() + characterNanos());
    }
    update();
  }

  private static byte[] copy(byte[] ring, int head, int count) {
    byte[] copy = new byte[count];
    for (int i = 0; i < count; i++) {
      copy[i] = ring[(head + i) % ring.length];
    }
    return copy;
  }

  @Override
  public State state() {
    return new State(
        ier,
        fcr,
        lcr,
        mcr,
        lsr,
        msr,
        scratch,
        divisor,
        thrInterrupt,
        timeout,
        buffer,
        copy(receiver, receiverHead, received),
        copy(transmitter, transmitterHead, waiting),
        shifting,
        shift.due,
        receive.due,
        timeoutTimer.due,
        copy(input, inputHead, inputCount));
  }

  @Override
  public void restore(State state) {
    ier = state.ier();
    fcr = state.fcr();
    lcr = state.lcr();
    mcr = state.mcr();
    lsr = state.lsr();
    msr = state.msr();
    scratch = state.scratch();
    divisor = state.divisor();
    thrInterrupt = state.thrInterrupt();
    timeout = state.timeout();
    buffer = state.buffer();
    receiverHead = transmitterHead = inputHead = 0;
    received = Math.min(FIFO, state.receiver().length);
    System.arraycopy(state.receiver(), 0, receiver, 0, received);
    waiting = Math.min(FIFO, state.transmitter().length);
    System.arraycopy(state.transmitter(), 0, transmitter, 0, waiting);
    shifting = state.shifting();
    inputCount = state.input().length;
    input = Arrays.copyOf(state.input(), Math.max(256, inputCount));
    shift.start(state.shiftDue());
    receive.start(state.receiveDue());
    timeoutTimer.start(state.timeoutDue());
    update();
  }
}
