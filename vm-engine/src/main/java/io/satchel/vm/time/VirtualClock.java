package io.satchel.vm.time;

import java.util.function.LongSupplier;

/**
 * Virtual time, in nanoseconds since power-on; the only time that devices see. It never goes back.
 * Only the machine's thread uses it.
 *
 * <p>It counts instructions, which makes a run repeatable, or follows the host's monotonic clock
 * and stands still while paused. A host that is busy elsewhere stops the machine's thread for
 * milliseconds at a time. If virtual time went on meanwhile, a guest would find that it has missed
 * timer interrupts and that no two of its clocks agree. So a {@link #steady} clock never jumps
 * while the processor runs: what is missing is made up for at no more than four times the speed, or
 * at once when the processor halts. Between two looks at it no more time passes than a slow
 * processor would have needed for what was executed: a guest that reads a clock twice in a row, to
 * calibrate another, finds a believable distance even when the host stopped it in between.
 *
 * <p>{@link #hold} gives every instruction its time. Such a clock runs ahead of the host's, and
 * {@link #ahead} says for how long the machine's thread is to sleep.
 */
public final class VirtualClock {

  /** Enough for a machine that gets a quarter of a host's core to keep the host's time. */
  private static final int CATCH_UP = 4;

  /** The longest that an instruction may seem to take: 4 MIPS. */
  private static final long MOST_NANOS_PER_INSTRUCTION = 250;

  /** More lag than this is forgotten, as if the machine had been paused. */
  private static final long MOST_LAG = 1_000_000_000;

  /**
   * A held clock this far behind the host's has a host that cannot keep up, and goes by the host's
   * time again as far as it may.
   */
  private static final long HELD_LAG = 100_000_000;

  private final LongSupplier source;
  private final long longestStep;
  private final LongSupplier executed;
  private long lastExecuted;
  private long last;
  private long nanos;

  /** How far it is behind its source; below zero when it is ahead. */
  private long lag;

  /** Nanoseconds that an instruction takes; 0 when it takes what the host takes. */
  private long held;

  private boolean paused = true;

  private VirtualClock(LongSupplier source, long longestStep, LongSupplier executed) {
    this.source = source;
    this.longestStep = longestStep;
    this.executed = executed;
  }

  /** A clock that follows {@code nanos} exactly. It begins at 0, paused. */
  public static VirtualClock following(LongSupplier nanos) {
    return new VirtualClock(nanos, Long.MAX_VALUE, () -> 0);
  }

  /**
   * A clock that follows {@code nanos}, such as {@code System::nanoTime}, without jumps while the
   * processor runs. It begins at 0, paused.
   *
   * @param longestStep nanoseconds that may pass between two looks at it; longer than what the
   *     processor runs at a stretch
   * @param executed how many instructions have been executed
   */
  public static VirtualClock steady(LongSupplier nanos, long longestStep, LongSupplier executed) {
    return new VirtualClock(nanos, longestStep, executed);
  }

  /** Nanoseconds of virtual time. */
  public long nanos() {
    if (!paused) {
      long now = source.getAsLong();
      long passed = Math.max(0, now - last);
      last = now;
      long step = held == 0 ? step(passed) : heldStep(passed);
      lag = Math.min(lag + passed - step, MOST_LAG);
      nanos += step;
    }
    return nanos;
  }

  private long step(long passed) {
    long step = passed + Math.min(lag, passed * (CATCH_UP - 1));
    return longestStep == Long.MAX_VALUE ? step : Math.min(step, longestStep(retired()));
  }

  private long heldStep(long passed) {
    long instructions = retired();
    long late = lag + passed - HELD_LAG;
    return Math.max(instructions * held, Math.min(late, longestStep(instructions)));
  }

  private long retired() {
    long now = executed.getAsLong();
    long instructions = Math.max(0, now - lastExecuted);
    lastExecuted = now;
    return instructions;
  }

  private long longestStep(long instructions) {
    return Math.min(longestStep, instructions * MOST_NANOS_PER_INSTRUCTION);
  }

  /**
   * Lets an instruction take {@code nanosPerInstruction} from now on, or, with 0, what the host
   * takes for it. Only for a {@link #steady} clock.
   */
  public void hold(long nanosPerInstruction) {
    nanos();
    held = nanosPerInstruction;
    lag = Math.max(0, lag);
  }

  /** Nanoseconds by which it is ahead of its source, which only a held clock is. */
  public long ahead() {
    return Math.max(0, -lag);
  }

  /**
   * The same while the processor halts: nothing but an event can tell that time jumps, so all that
   * is missing is made up for, as far as {@code next}, when the next event is due.
   */
  public long idleNanos(long next) {
    long now = nanos();
    long step = Math.clamp(next - now, 0, Math.max(0, lag));
    lag -= step;
    nanos += step;
    return nanos;
  }

  /** Lets time stand still. */
  public void pause() {
    nanos();
    paused = true;
  }

  /** Lets time go on from where it stood. */
  public void resume() {
    if (paused) {
      last = source.getAsLong();
      lag = 0;
      paused = false;
    }
  }

  /** Sets the time to that of a restored machine. */
  public void set(long newNanos) {
    nanos = newNanos;
    last = source.getAsLong();
    lag = 0;
  }
}
