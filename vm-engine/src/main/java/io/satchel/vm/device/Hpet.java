package io.satchel.vm.device;

import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.bus.IrqLine;
import io.satchel.vm.time.EventQueue;
import io.satchel.vm.time.VirtualClock;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The high precision event timers: Intel, "IA-PC HPET Specification", revision 1.0a.
 *
 * <pre>
 *  FED00000h  000h GCAP_ID: revision 01h, three timers, 64 bits, legacy routes, vendor 8086h;
 *             period in femtoseconds in the upper half
 *  010h GEN_CONF   bit 0 ENABLE_CNF, bit 1 LEG_RT_CNF
 *  020h GINTR_STA  bit n: timer n's level-triggered interrupt is active; 1 clears it
 *  0F0h MAIN_CNT
 *  100h + 20h n    Tn configuration: 1 INT_TYPE (level), 2 INT_ENB, 3 TYPE (periodic),
 *                  4 PER_INT_CAP, 5 SIZE_CAP, 6 VAL_SET, 8 32MODE, 13-9 INT_ROUTE, 14 FSB_EN,
 *                  15 FSB_CAP; bits 63-32 INT_ROUTE_CAP
 *  108h + 20h n    Tn comparator
 * </pre>
 *
 * <p>With LEG_RT_CNF timer 0 is IRQ 0 in place of the 8254 and timer 1 is IRQ 8 in place of the
 * RTC, whose lines therefore pass through here. Without it a timer drives one of the I/O APIC's
 * inputs 20 to 23, where nothing else is. There is no delivery by the front side bus.
 *
 * <p>The counter is computed from virtual time; nothing ticks. VAL_SET is for one write, whose two
 * halves arrive one after the other.
 */
public final class Hpet implements Device<Hpet.State>, IoHandler {

  /** Where the window is; 1 KiB. */
  public static final long BASE = 0xFED0_0000L;

  /** Nanoseconds a tick. */
  public static final int TICK = 10;

  public static final int TIMERS = 3;

  /** Bit n: a timer can drive input n of the I/O APIC. */
  public static final int ROUTES = 0x00F0_0000;

  private static final int CAPABILITIES = 0x8086_A001 | TIMERS - 1 << 8;
  private static final int FEMTOSECONDS = TICK * 1_000_000;

  private static final int GCAP_ID = 0x000;
  private static final int GEN_CONF = 0x010;
  private static final int GINTR_STA = 0x020;
  private static final int MAIN_CNT = 0x0F0;
  private static final int TIMER0 = 0x100;
  private static final int COMPARATOR = 0x08;

  private static final int ENABLE = 1;
  private static final int LEGACY = 1 << 1;

  private static final int LEVEL = 1 << 1;
  private static final int INTERRUPT_ENABLE = 1 << 2;
  private static final int PERIODIC = 1 << 3;
  private static final int CAPABLE = 1 << 4 | 1 << 5;
  private static final int VAL_SET = 1 << 6;
  private static final int MODE_32 = 1 << 8;
  private static final int ROUTE = 0x1F << 9;

  /** In a timer's control word here: VAL_SET was for the lower half, the upper one may follow. */
  private static final int VAL_SET_LOW = 1 << 16;

  private static final int WRITABLE = LEVEL | INTERRUPT_ENABLE | PERIODIC | VAL_SET | MODE_32;
  private static final long LOW = 0xFFFF_FFFFL;

  private static final long NEVER = Long.MAX_VALUE;

  /** A timer does not fire sooner again than this, in nanoseconds, lest the host stand still. */
  private static final long SHORTEST_PERIOD = 10_000;

  /**
   * The block.
   *
   * @param counter the main counter when it was last started, set or stopped
   * @param since virtual time of that, in nanoseconds
   * @param lines bits 0 and 1: the 8254's and the RTC's lines; bits 8 to 10: the timers' own
   * @param due when each timer's comparator matches next, in nanoseconds, or {@link Long#MAX_VALUE}
   */
  public record State(
      int configuration,
      int status,
      long counter,
      long since,
      int lines,
      int[] timerConfiguration,
      long[] comparator,
      long[] period,
      long[] due) {}

  private final EventQueue events;
  private final VirtualClock clock;
  private final IrqLine irq0;
  private final IrqLine irq8;
  private final IoApic ioApic;
  private final Timer[] timers = new Timer[TIMERS];
  private final boolean[] boardLines = new boolean[2];
  private int configuration;
  private int status;
  private long counter;
  private long since;

  /**
   * @param irq0 interrupt 0 of the board, which {@link #timerLine} or timer 0 drives
   * @param irq8 interrupt 8, which {@link #clockLine} or timer 1 drives
   */
  public Hpet(Board board, IrqLine irq0, IrqLine irq8, IoApic ioApic) {
    this.events = board.events();
    this.clock = board.clock();
    this.irq0 = irq0;
    this.irq8 = irq8;
    this.ioApic = ioApic;
    for (int n = 0; n < TIMERS; n++) {
      timers[n] = new Timer(n);
    }
    board.memory().mapDevice(BASE, 0x1000, "HPET", this);
    reset();
  }

  /** The 8254's OUT0. */
  public IrqLine timerLine() {
    return level -> boardLine(0, irq0, level);
  }

  /** The RTC's IRQ#. */
  public IrqLine clockLine() {
    return level -> boardLine(1, irq8, level);
  }

  private void boardLine(int number, IrqLine line, boolean level) {
    boardLines[number] = level;
    if (!legacy()) {
      line.set(level);
    }
  }

  private boolean enabled() {
    return (configuration & ENABLE) != 0;
  }

  private boolean legacy() {
    return (configuration & LEGACY) != 0;
  }

  private long counter(long now) {
    return enabled() ? counter + (now - since) / TICK : counter;
  }

  @Override
  public int read(int offset, int width) {
    return half(offset & ~3) >>> 8 * (offset & 3);
  }

  private int half(int offset) {
    long value =
        switch (offset & ~7) {
          case GCAP_ID -> (long) FEMTOSECONDS << 32 | CAPABILITIES & LOW;
          case GEN_CONF -> configuration;
          case GINTR_STA -> status;
          case MAIN_CNT -> counter(clock.nanos());
          default -> {
            Timer timer = timer(offset);
            yield timer == null ? 0 : timer.read(offset & 0x18);
          }
        };
    return (int) ((offset & 4) == 0 ? value : value >>> 32);
  }

  private @Nullable Timer timer(int offset) {
    int number = offset - TIMER0 >> 5;
    return number >= 0 && number < TIMERS ? timers[number] : null;
  }

  @Override
  public void write(int offset, int width, int value) {
    if (width != 4 || (offset & 3) != 0) {
      return;
    }
    boolean high = (offset & 4) != 0;
    long now = clock.nanos();
    switch (offset & ~7) {
      case GEN_CONF -> {
        if (!high) {
          configure(value & (ENABLE | LEGACY), now);
        }
      }
      case GINTR_STA -> {
        if (!high) {
          clear(value);
        }
      }
      case MAIN_CNT -> {
        counter = merge(counter(now), high, value);
        since = now;
        scheduleAll(now);
      }
      default -> {
        Timer timer = timer(offset);
        if (timer != null) {
          timer.write(offset & 0x18, high, value, now);
        }
      }
    }
  }

  private static long merge(long old, boolean high, int value) {
    return high ? old & LOW | (long) value << 32 : old & ~LOW | value & LOW;
  }

  private void configure(int value, long now) {
    boolean wasLegacy = legacy();
    counter = counter(now);
    since = now;
    configuration = value;
    if (legacy() != wasLegacy) {
      for (Timer timer : timers) {
        timer.drop(wasLegacy);
      }
      irq0.set(!legacy() && boardLines[0]);
      irq8.set(!legacy() && boardLines[1]);
      for (Timer timer : timers) {
        timer.drive();
      }
    }
    scheduleAll(now);
  }

  private void clear(int bits) {
    status &= ~bits;
    for (Timer timer : timers) {
      timer.drive();
    }
  }

  private void scheduleAll(long now) {
    for (Timer timer : timers) {
      timer.schedule(now);
    }
  }

  @Override
  public String name() {
    return "hpet";
  }

  @Override
  public void reset() {
    configure(0, clock.nanos());
    clear(-1);
    counter = 0;
    for (Timer timer : timers) {
      timer.reset();
    }
  }

  @Override
  public State state() {
    int lines = (boardLines[0] ? 1 : 0) | (boardLines[1] ? 2 : 0);
    for (Timer timer : timers) {
      lines |= timer.level ? 1 << 8 + timer.number : 0;
    }
    return new State(
        configuration,
        status,
        counter,
        since,
        lines,
        Arrays.stream(timers).mapToInt(timer -> timer.control).toArray(),
        Arrays.stream(timers).mapToLong(timer -> timer.comparator).toArray(),
        Arrays.stream(timers).mapToLong(timer -> timer.period).toArray(),
        Arrays.stream(timers).mapToLong(timer -> timer.due).toArray());
  }

  @Override
  public void restore(State state) {
    for (Timer timer : timers) {
      timer.drop(legacy());
    }
    configuration = state.configuration() & (ENABLE | LEGACY);
    status = state.status() & (1 << TIMERS) - 1;
    counter = state.counter();
    since = state.since();
    boardLines[0] = (state.lines() & 1) != 0;
    boardLines[1] = (state.lines() & 2) != 0;
    irq0.set(!legacy() && boardLines[0]);
    irq8.set(!legacy() && boardLines[1]);
    int[] controls = Arrays.copyOf(state.timerConfiguration(), TIMERS);
    long[] comparators = Arrays.copyOf(state.comparator(), TIMERS);
    long[] periods = Arrays.copyOf(state.period(), TIMERS);
    long[] dues = Arrays.copyOf(state.due(), TIMERS);
    for (Timer timer : timers) {
      timer.control = controls[timer.number] & (WRITABLE | VAL_SET_LOW | ROUTE);
      timer.comparator = comparators[timer.number];
      timer.period = periods[timer.number];
      timer.set((state.lines() & 1 << 8 + timer.number) != 0);
      timer.enter(dues[timer.number]);
    }
  }

  /** One of the comparators. */
  private final class Timer {
    private final int number;
    private final Runnable match = this::matched;
    private int control;
    private long comparator;

    /** What a periodic timer adds: the last value written to the comparator. */
    private long period;

    private long due = NEVER;
    private boolean level;
    private EventQueue.@Nullable Event pending;

    Timer(int number) {
      this.number = number;
    }

    void reset() {
      control = 0;
      comparator = -1;
      period = 0;
      enter(NEVER);
    }

    long read(int register) {
      return switch (register) {
        case 0 -> (long) ROUTES << 32 | control & 0xFFFF & ~VAL_SET | CAPABLE;
        case COMPARATOR -> narrow() ? comparator & LOW : comparator;
        default -> 0;
      };
    }

    void write(int register, boolean high, int value, long now) {
      if (register == COMPARATOR) {
        compare(high, value);
      } else if (register == 0 && !high) {
        drop(legacy());
        int route = value >>> 9 & 0x1F;
        control = value & WRITABLE | ((ROUTES & 1 << route) != 0 ? route << 9 : control & ROUTE);
        if ((control & LEVEL) == 0) {
          status &= ~(1 << number);
        }
        drive();
      } else {
        return;
      }
      schedule(now);
    }

    private void compare(boolean high, int value) {
      if (narrow() && high) {
        return;
      }
      if (periodic()) {
        period = merge(period, high, value);
      }
      boolean sets = (control & (high ? VAL_SET | VAL_SET_LOW : VAL_SET)) != 0;
      if (!periodic() || sets) {
        comparator = merge(comparator, high, value);
      }
      control &= ~(VAL_SET | VAL_SET_LOW);
      if (sets && !high) {
        control |= VAL_SET_LOW;
      }
    }

    private boolean narrow() {
      return (control & MODE_32) != 0;
    }

    private boolean periodic() {
      return (control & PERIODIC) != 0;
    }

    private long step() {
      return narrow() ? period & LOW : period;
    }

    /** Enters the next moment at which the counter equals the comparator. */
    void schedule(long now) {
      enter(enabled() ? matchAfter(now) : NEVER);
    }

    private long matchAfter(long now) {
      long ticks = comparator - counter(now);
      if (narrow()) {
        ticks &= LOW;
      }
      long limit = (NEVER - since) / TICK - (now - since) / TICK - 1;
      if (ticks < 0 || ticks > limit) {
        return NEVER; // in more than 2,900 years
      }
      // Ticks begin where the counter was started.
      return since + ((now - since) / TICK + ticks) * TICK;
    }

    void enter(long time) {
      if (pending != null) {
        events.cancel(pending);
        pending = null;
      }
      due = time;
      if (due != NEVER) {
        pending = events.at(due, "hpet " + number, match);
      }
    }

    private void matched() {
      pending = null;
      long fired = due;
      long now = Math.max(clock.nanos(), fired);
      if ((control & LEVEL) != 0) {
        status |= 1 << number;
        drive();
      } else if ((control & INTERRUPT_ENABLE) != 0) {
        set(true);
        set(false);
      }
      if (periodic() && step() != 0) {
        // Periods that a slow host has missed are one.
        long earliest = Math.max(now + 1, fired + SHORTEST_PERIOD);
        long ticks = (earliest - fired + TICK - 1) / TICK;
        long steps = Math.max(1, Long.divideUnsigned(ticks + step() - 1, step()));
        comparator += steps * step();
        if (narrow()) {
          comparator &= LOW;
        }
        enter(matchAfter(fired));
      } else if (narrow()) {
        // The counter's lower half comes around.
        enter(fired + (1L << 32) * TICK);
      } else {
        enter(NEVER);
      }
    }

    /** Brings the line to what status and configuration say. */
    void drive() {
      set(
          (control & (LEVEL | INTERRUPT_ENABLE)) == (LEVEL | INTERRUPT_ENABLE)
              && (status & 1 << number) != 0);
    }

    /** Lets go of the line before its route changes. */
    void drop(boolean wasLegacy) {
      if (level) {
        level = false;
        line(wasLegacy).lower();
      }
    }

    private void set(boolean high) {
      if (high != level) {
        level = high;
        line(legacy()).set(high);
      }
    }

    private IrqLine line(boolean byLegacy) {
      if (byLegacy && number < 2) {
        return number == 0 ? irq0 : irq8;
      }
      int route = control >>> 9 & 0x1F;
      return (ROUTES & 1 << route) != 0 ? ioApic.input(route) : IrqLine.UNCONNECTED;
    }
  }
}
