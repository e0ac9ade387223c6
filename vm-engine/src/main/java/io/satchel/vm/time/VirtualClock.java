package io.satchel.vm.time;

import java.util.function.LongSupplier;

/**
 * Virtual time, in nanoseconds since power-on; the only time that devices see.
 *
 * <p>It either follows the host's monotonic clock and stands still while paused, or counts
 * instructions, which makes a run repeatable. It never goes back.
 */
public final class VirtualClock {

  private final LongSupplier source;
  private long offset;
  private long pausedAt;
  private boolean paused = true;

  private VirtualClock(LongSupplier source) {
    this.source = source;
  }

  /**
   * A clock that follows {@code nanos}, such as {@code System::nanoTime}. It begins at 0, paused.
   */
  public static VirtualClock following(LongSupplier nanos) {
    VirtualClock clock = new VirtualClock(nanos);
    clock.offset = 0;
    return clock;
  }

  /** Nanoseconds of virtual time. */
  public long nanos() {
    return paused ? pausedAt : source.getAsLong() - offset;
  }

  /** Lets time stand still. */
  public void pause() {
    if (!paused) {
      pausedAt = nanos();
      paused = true;
    }
  }

  /** Lets time go on from where it stood. */
  public void resume() {
    if (paused) {
      offset = source.getAsLong() - pausedAt;
      paused = false;
    }
  }

  /** Sets the time to that of a restored machine. */
  public void set(long nanos) {
    if (paused) {
      pausedAt = nanos;
    } else {
      offset = source.getAsLong() - nanos;
    }
  }
}
