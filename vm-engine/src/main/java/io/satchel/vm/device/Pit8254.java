package io.satchel.vm.device;

import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.bus.IrqLine;
import io.satchel.vm.host.AudioSink;
import io.satchel.vm.time.EventQueue;
import io.satchel.vm.time.VirtualClock;
import org.jspecify.annotations.Nullable;

/**
 * The programmable interval timer and the speaker gate of port 61h: Intel 8254 data sheet
 * (231164-005); Intel 82371SB (PIIX3) data sheet 290550, sections 2.5.3 and 2.5.6.
 *
 * <pre>
 *  40h-42h  counters 0 to 2, each in the byte order that its control word chose
 *  43h      control word, write only: SC bits 7-6, RW bits 5-4, M bits 3-1, BCD bit 0;
 *           SC = 3 is the read-back command, RW = 0 the counter latch command
 *  61h      bit 0 gate of counter 2, bit 1 speaker data, bits 3-2 kept,
 *           bit 4 refresh (toggles), bit 5 OUT of counter 2; bits 7-6 (SERR#, IOCHK#) read 0
 * </pre>
 *
 * <p>Counter 0's OUT is IRQ 0, counter 2's is the speaker. Counters are computed from virtual time
 * at {@value #FREQUENCY} Hz; nothing ticks. A count is loaded on the clock after it was written, as
 * the data sheet says; until then a read gives the new count.
 */
public final class Pit8254 implements Device<Pit8254.State> {

  /** Hertz of the CLK inputs: 14.31818 MHz / 12. */
  public static final int FREQUENCY = 1_193_182;

  private static final long NANOS_PER_SECOND = 1_000_000_000;

  private static final int READ_BACK = 3;
  private static final int READ_BACK_NO_COUNT = 1 << 5;
  private static final int READ_BACK_NO_STATUS = 1 << 4;
  private static final int RW_LATCH = 0;
  private static final int RW_LSB = 1;
  private static final int RW_MSB = 2;
  private static final int STATUS_OUT = 0x80;
  private static final int STATUS_NULL_COUNT = 0x40;

  private static final int GATE2 = 1;
  private static final int SPEAKER_DATA = 1 << 1;
  private static final int PORT61_KEPT = 0x0F;
  private static final int PORT61_REFRESH = 1 << 4;
  private static final int PORT61_OUT2 = 1 << 5;

  /** Clocks of counter 1 between two refreshes, as every BIOS programs it. */
  private static final int REFRESH_CLOCKS = 18;

  private static final long NEVER = Long.MAX_VALUE;

  /**
   * The soonest that counter 0 interrupts again: what keeps a count of 2 from stopping the host.
   */
  private static final long SHORTEST_NANOS = 10_000;

  /**
   * A counter. Moments are in clocks since virtual time 0.
   *
   * @param control bits 5-0 of its control word
   * @param count the count in use, 1 to 65536, or 0 before one was written
   * @param start when the count was, or will be, loaded; when stopped by the gate, clocks counted
   * @param stopped counting stands still, at {@code start} clocks
   * @param nextCount a count that waits for the end of the cycle or for the gate, or 0
   * @param nextStart when it takes effect, or {@link Long#MAX_VALUE} for at the gate
   * @param nextIsLowHalf it takes effect in the middle of a square wave
   * @param latch the latched count and how many of its bytes are left to read
   */
  public record CounterState(
      int control,
      int count,
      long start,
      boolean stopped,
      int nextCount,
      long nextStart,
      boolean nextIsLowHalf,
      boolean gate,
      int writeLow,
      boolean writeHighNext,
      boolean readHighNext,
      int latch,
      int latchBytes,
      int status,
      boolean statusLatched) {}

  /**
   * The chip.
   *
   * @param port61 bits 3-0 of port 61h
   * @param irq level of IRQ 0
   * @param due when IRQ 0 rises next, in nanoseconds, or {@link Long#MAX_VALUE}
   */
  public record State(
      CounterState counter0,
      CounterState counter1,
      CounterState counter2,
      int port61,
      boolean irq,
      long due) {}

  private final VirtualClock clock;
  private final EventQueue events;
  private final IrqLine irq0;
  private final AudioSink speaker;
  private final Runnable rise = this::counter0Rises;
  private final Counter[] counters = {new Counter(0), new Counter(1), new Counter(2)};
  private int port61;
  private boolean irq;
  private long due = NEVER;
  private EventQueue.@Nullable Event pending;
  private int sounding;

  public Pit8254(Board board, IrqLine irq0, AudioSink speaker) {
    this.clock = board.clock();
    this.events = board.events();
    this.irq0 = irq0;
    this.speaker = speaker;
    board.ports().map(0x40, 4, 1, "PIT", new Registers());
    board.ports().map(0x61, 1, 1, "port 61h", new Port61());
    reset();
  }

  /** Clocks since virtual time 0. */
  private long now() {
    return toClocks(clock.nanos());
  }

  private static long toClocks(long nanos) {
    long seconds = nanos / NANOS_PER_SECOND;
    long rest = nanos % NANOS_PER_SECOND;
    return seconds * FREQUENCY + rest * FREQUENCY / NANOS_PER_SECOND;
  }

  /** The first nanosecond of a clock. */
  private static long toNanos(long clocks) {
    long seconds = clocks / FREQUENCY;
    long rest = clocks % FREQUENCY;
    return seconds * NANOS_PER_SECOND + (rest * NANOS_PER_SECOND + FREQUENCY - 1) / FREQUENCY;
  }

  /**
   * Sets IRQ 0 to OUT and enters the next rising edge. In the periodic modes the fall is left to
   * just before the next rise: inputs that look at edges see the same, there are half the events,
   * and a host that comes late loses no tick.
   */
  private void scheduleCounter0(long tick) {
    Counter counter = counters[0];
    boolean high = counter.out(tick) || counter.periodic();
    if (high != irq) {
      irq = high;
      irq0.set(high);
    }
    enter(counter.nextRise(tick));
  }

  private void enter(long riseClock) {
    due = riseClock == NEVER ? NEVER : toNanos(riseClock);
    reschedule();
  }

  private void reschedule() {
    if (pending != null) {
      events.cancel(pending);
      pending = null;
    }
    if (due != NEVER) {
      pending = events.at(due, "pit", rise);
    }
  }

  private void counter0Rises() {
    pending = null;
    irq0.lower();
    irq0.raise();
    irq = true;
    long earliest = toClocks(Math.max(clock.nanos(), due) + SHORTEST_NANOS);
    long at = toClocks(due);
    long next = counters[0].nextRise(at);
    // Rises that a slow host has missed are one.
    enter(next < earliest && next != NEVER ? counters[0].nextRise(earliest) : next);
  }

  private void updateSpeaker() {
    Counter counter = counters[2];
    boolean sounds =
        (port61 & SPEAKER_DATA) != 0
            && counter.gate
            && counter.count > 1
            && (counter.mode() == 3 || counter.mode() == 2);
    int divisor = !sounds ? 0 : counter.nextCount != 0 ? counter.nextCount : counter.count;
    if (divisor != sounding) {
      sounding = divisor;
      speaker.speaker(divisor == 0 ? 0 : (double) FREQUENCY / divisor);
    }
  }

  @Override
  public String name() {
    return "pit";
  }

  @Override
  public void reset() {
    for (Counter counter : counters) {
      counter.reset();
    }
    port61 = 0;
    counters[2].gate = false;
    scheduleCounter0(now());
    updateSpeaker();
  }

  @Override
  public State state() {
    return new State(
        counters[0].state(), counters[1].state(), counters[2].state(), port61, irq, due);
  }

  @Override
  public void restore(State state) {
    counters[0].restore(state.counter0());
    counters[1].restore(state.counter1());
    counters[2].restore(state.counter2());
    port61 = state.port61();
    irq = state.irq();
    irq0.set(irq);
    due = state.due();
    reschedule();
    updateSpeaker();
  }

  private final class Registers implements IoHandler {
    @Override
    public int read(int offset, int width) {
      return offset == 3 ? 0 : counters[offset].read(now());
    }

    @Override
    public void write(int offset, int width, int value) {
      // One moment for all: a host that looks away in between must not let a short count run out
      // before its end is entered.
      long tick = now();
      if (offset < 3) {
        counters[offset].write(value, tick);
      } else if (value >>> 6 == READ_BACK) {
        for (Counter counter : counters) {
          if ((value & 2 << counter.index) != 0) {
            counter.readBack(value, tick);
          }
        }
        return;
      } else {
        offset = value >>> 6;
        if ((value >>> 4 & 3) == RW_LATCH) {
          counters[offset].latch(tick);
          return;
        }
        counters[offset].control(value & 0x3F);
      }
      if (offset == 0) {
        scheduleCounter0(tick);
      } else if (offset == 2) {
        updateSpeaker();
      }
    }
  }

  private final class Port61 implements IoHandler {
    @Override
    public int read(int offset, int width) {
      long tick = now();
      int value = port61;
      if ((tick / REFRESH_CLOCKS & 1) != 0) {
        value |= PORT61_REFRESH;
      }
      return counters[2].out(tick) ? value | PORT61_OUT2 : value;
    }

    @Override
    public void write(int offset, int width, int value) {
      port61 = value & PORT61_KEPT;
      counters[2].setGate((value & GATE2) != 0, now());
      updateSpeaker();
    }
  }

  /** One of the three counters. */
  private static final class Counter {
    private final int index;
    private int control;
    private int count;
    private long start;
    private boolean stopped;
    private int nextCount;
    private long nextStart;
    private boolean nextIsLowHalf;
    private boolean gate = true;
    private int writeLow;
    private boolean writeHighNext;
    private boolean readHighNext;
    private int latch;
    private int latchBytes;
    private int status;
    private boolean statusLatched;

    Counter(int index) {
      this.index = index;
    }

    void reset() {
      control(0x36 & 0x3F);
      gate = true;
    }

    int mode() {
      int mode = control >>> 1 & 7;
      return mode > 5 ? mode - 4 : mode;
    }

    private int access() {
      return control >>> 4 & 3;
    }

    private boolean bcd() {
      return (control & 1) != 0;
    }

    boolean periodic() {
      return mode() == 2 || mode() == 3;
    }

    /** Modes that start at a rising gate and not when a count is written. */
    private boolean triggered() {
      return mode() == 1 || mode() == 5;
    }

    void control(int word) {
      control = word;
      count = nextCount = 0;
      start = 0;
      stopped = false;
      writeHighNext = readHighNext = statusLatched = false;
      latchBytes = 0;
    }

    /** Lets a waiting count take effect if its moment has come. */
    private void settle(long tick) {
      if (nextCount != 0 && tick >= nextStart) {
        count = nextCount;
        start = nextStart;
        nextCount = 0;
        if (nextIsLowHalf) {
          // Taken over in the middle of the wave: OUT goes on with its low half.
          start = nextStart - highClocks();
        }
      }
    }

    private int highClocks() {
      return count + 1 >>> 1;
    }

    /** Clocks since the count was loaded; 0 while it waits for its clock. */
    private long elapsed(long tick) {
      return stopped ? start : Math.max(0, tick - start);
    }

    private boolean idle() {
      return count == 0 || triggered() && start == NEVER;
    }

    boolean out(long tick) {
      settle(tick);
      if (idle()) {
        return mode() != 0;
      }
      long elapsed = elapsed(tick);
      return switch (mode()) {
        case 0 -> elapsed >= count;
        case 1 -> elapsed >= count || !stopped && tick < start;
        case 2 -> !gate || elapsed % count != count - 1;
        case 3 -> !gate || elapsed % count < highClocks();
        default -> elapsed != count;
      };
    }

    /** The first clock after {@code tick} at which OUT rises. */
    long nextRise(long tick) {
      settle(tick);
      if (idle() || stopped) {
        return NEVER;
      }
      return switch (mode()) {
        case 0, 1 -> tick < start + count ? start + count : NEVER;
        case 2, 3 -> nextPeriod(tick);
        default -> tick < start + count + 1 ? start + count + 1 : NEVER;
      };
    }

    private long nextPeriod(long tick) {
      long end = start + (Math.max(0, tick - start) / count + 1) * count;
      if (nextCount == 0 || nextStart >= end) {
        return end;
      }
      // A count that takes over at half a wave: its low half comes first.
      return nextStart + (nextCount >>> 1);
    }

    private int value(long tick) {
      settle(tick);
      if (count == 0) {
        return 0;
      }
      long elapsed = idle() ? 0 : elapsed(tick);
      int modulus = bcd() ? 10_000 : 0x10000;
      int value;
      if (mode() == 2) {
        value = count - (int) (elapsed % count);
      } else if (mode() == 3) {
        int position = (int) (elapsed % count);
        int high = highClocks();
        value = (count & ~1) - 2 * (position < high ? position : position - high);
      } else {
        value = Math.floorMod(count - elapsed, modulus);
      }
      value %= modulus;
      return bcd() ? toBcd(value) : value;
    }

    private static int toBcd(int value) {
      return value / 1000 << 12 | value / 100 % 10 << 8 | value / 10 % 10 << 4 | value % 10;
    }

    private static int fromBcd(int value) {
      return (value >>> 12) * 1000
          + (value >>> 8 & 15) * 100
          + (value >>> 4 & 15) * 10
          + (value & 15);
    }

    void latch(long tick) {
      if (latchBytes == 0) {
        latch = value(tick);
        latchBytes = access() == 3 ? 2 : 1;
      }
    }

    void readBack(int command, long tick) {
      if ((command & READ_BACK_NO_COUNT) == 0) {
        latch(tick);
      }
      if ((command & READ_BACK_NO_STATUS) == 0 && !statusLatched) {
        statusLatched = true;
        boolean out = out(tick);
        boolean nullCount = count == 0 || nextCount != 0 || !stopped && tick < start;
        status = control | (out ? STATUS_OUT : 0) | (nullCount ? STATUS_NULL_COUNT : 0);
      }
    }

    int read(long tick) {
      if (statusLatched) {
        statusLatched = false;
        return status;
      }
      if (latchBytes != 0) {
        boolean high = access() == RW_MSB || access() == 3 && latchBytes == 1;
        latchBytes--;
        return high ? latch >>> 8 : latch & 0xFF;
      }
      int value = value(tick);
      boolean high = access() == RW_MSB;
      if (access() == 3) {
        high = readHighNext;
        readHighNext = !readHighNext;
      }
      return high ? value >>> 8 : value & 0xFF;
    }

    void write(int value, long tick) {
      switch (access()) {
        case RW_LSB -> load(value, tick);
        case RW_MSB -> load(value << 8, tick);
        default -> {
          if (writeHighNext) {
            writeHighNext = false;
            load(writeLow | value << 8, tick);
          } else {
            writeHighNext = true;
            writeLow = value;
            if (mode() == 0) {
              // The first byte stops the count and OUT goes low at once.
              count = 0;
            }
          }
        }
      }
    }

    private void load(int written, long tick) {
      settle(tick);
      int divisor = bcd() ? fromBcd(written) : written;
      if (divisor == 0) {
        divisor = bcd() ? 10_000 : 0x10000;
      }
      if (triggered()) {
        if (count == 0) {
          count = divisor;
          start = NEVER;
        } else {
          nextCount = divisor;
          nextStart = NEVER;
        }
      } else if (periodic() && count != 0 && !stopped && tick >= start) {
        nextCount = divisor;
        long into = (tick - start) % count;
        long cycle = tick - into;
        nextIsLowHalf = mode() == 3 && into < highClocks();
        nextStart = cycle + (nextIsLowHalf ? highClocks() : count);
      } else {
        count = divisor;
        nextCount = 0;
        stopped = !gate;
        start = stopped ? 0 : tick + 1;
      }
    }

    void setGate(boolean level, long tick) {
      if (level == gate) {
        return;
      }
      settle(tick);
      gate = level;
      if (count == 0) {
        return;
      }
      switch (mode()) {
        case 0, 4 -> {
          if (level) {
            start = tick - start;
            stopped = false;
          } else {
            start = elapsed(tick);
            stopped = true;
          }
        }
        case 2, 3 -> {
          if (level) {
            trigger(tick);
          } else {
            start = elapsed(tick);
            stopped = true;
          }
        }
        default -> {
          if (level) {
            trigger(tick);
          }
        }
      }
    }

    private void trigger(long tick) {
      if (nextCount != 0) {
        count = nextCount;
        nextCount = 0;
      }
      stopped = false;
      start = tick + 1;
    }

    CounterState state() {
      return new CounterState(
          control,
          count,
          start,
          stopped,
          nextCount,
          nextStart,
          nextIsLowHalf,
          gate,
          writeLow,
          writeHighNext,
          readHighNext,
          latch,
          latchBytes,
          status,
          statusLatched);
    }

    void restore(CounterState state) {
      control = state.control();
      count = Math.clamp(state.count(), 0, 0x10000);
      start = state.start();
      stopped = state.stopped();
      nextCount = Math.clamp(state.nextCount(), 0, 0x10000);
      nextStart = state.nextStart();
      nextIsLowHalf = state.nextIsLowHalf();
      gate = state.gate();
      writeLow = state.writeLow();
      writeHighNext = state.writeHighNext();
      readHighNext = state.readHighNext();
      latch = state.latch();
      latchBytes = state.latchBytes();
      status = state.status();
      statusLatched = state.statusLatched();
    }
  }
}
