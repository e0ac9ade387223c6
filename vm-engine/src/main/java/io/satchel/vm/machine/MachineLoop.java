package io.satchel.vm.machine;

import io.satchel.vm.accel.Accelerator;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.host.Inbox;
import io.satchel.vm.time.EventQueue;
import io.satchel.vm.time.VirtualClock;
import java.util.concurrent.locks.LockSupport;

/**
 * The machine's one thread: it runs the processor until the next event is due, fires events, and
 * does what was posted. Whoever runs on it holds the machine ({@code
 * docs/decisions/0004-the-machine-lock-and-virtual-time.md}).
 */
final class MachineLoop implements Runnable {

  /**
   * Virtual nanoseconds an instruction takes when the clock counts instructions: 125 million a
   * second, about what the interpreter does, so that virtual seconds are close to real ones.
   */
  static final long NANOS_PER_INSTRUCTION = 8;

  /**
   * The longest the processor runs between two looks at the clock: keys and completions wait no
   * longer than that.
   */
  private static final long SLICE_NANOS = 1_000_000;

  /** A stretch that took longer than this was one in which the host ran something else. */
  static final long LONGEST_STEP = 2 * SLICE_NANOS;

  private static final long MIN_BUDGET = 500;

  /** How long an idle machine sleeps at most, lest a lost wake-up stop it for ever. */
  private static final long LONGEST_SLEEP = 50_000_000;

  /** What the loop asks its machine. */
  interface Control {
    /** Whether the loop is to end. */
    boolean ended();

    boolean paused();

    /** The processor has shut down. */
    void tripleFault();
  }

  private final CpuState cpu;
  private final Accelerator accelerator;
  private final VirtualClock clock;
  private final EventQueue events;
  private final Inbox inbox;
  private final InstructionClock counting;
  private final Control control;

  /**
   * Instructions in a nanosecond, as last measured; starts low so that the first slice is short.
   */
  private double speed = 0.02;

  private volatile Thread thread = Thread.currentThread();

  /** Virtual time as of the last look, for other threads. */
  private volatile long lastNow;

  MachineLoop(
      CpuState cpu,
      Accelerator accelerator,
      VirtualClock clock,
      EventQueue events,
      Inbox inbox,
      InstructionClock counting,
      Control control) {
    this.cpu = cpu;
    this.accelerator = accelerator;
    this.clock = clock;
    this.events = events;
    this.inbox = inbox;
    this.counting = counting;
    this.control = control;
    events.onSooner(cpu::kick);
    inbox.onPost(
        () -> {
          cpu.kick();
          LockSupport.unpark(thread);
        });
  }

  /**
   * Virtual time as a count of instructions, with the time added that the processor slept through.
   */
  static final class InstructionClock {
    private final CpuState cpu;
    private long slept;
    private final boolean used;

    InstructionClock(CpuState cpu, boolean used) {
      this.cpu = cpu;
      this.used = used;
    }

    long nanos() {
      return cpu.instructions * NANOS_PER_INSTRUCTION + slept;
    }
  }

  /** Virtual time as of the last look at it; from any thread. */
  long now() {
    return lastNow;
  }

  @Override
  public void run() {
    thread = Thread.currentThread();
    while (!control.ended()) {
      cpu.clearKick();
      inbox.drain();
      if (control.ended()) {
        return;
      }
      if (control.paused()) {
        if (inbox.isEmpty()) {
          LockSupport.parkNanos(this, LONGEST_SLEEP);
        }
        continue;
      }
      long now = cpu.halted ? clock.idleNanos(events.next()) : clock.nanos();
      lastNow = now;
      events.runDue(now);
      if (cpu.shutdown) {
        control.tripleFault();
      } else if (cpu.halted && (cpu.pending() & ~CpuState.PENDING_KICK) == 0) {
        sleep(now);
      } else {
        runProcessor(now);
      }
    }
  }

  private void runProcessor(long now) {
    long untilEvent = Math.max(0, events.next() - now);
    long budget;
    if (counting.used) {
      budget = Math.max(1, Math.min(untilEvent, SLICE_NANOS) / NANOS_PER_INSTRUCTION);
      accelerator.run(budget);
      return;
    }
    budget = Math.max(MIN_BUDGET, (long) (Math.min(untilEvent, SLICE_NANOS) * speed));
    long before = cpu.instructions;
    accelerator.run(budget);
    long nanos = clock.nanos() - now;
    long done = cpu.instructions - before;
    if (nanos > 0 && done >= MIN_BUDGET) {
      speed = Math.clamp(speed * 0.75 + 0.25 * done / nanos, 0.002, 10);
    }
  }

  private void sleep(long now) {
    long until = events.next();
    if (counting.used) {
      if (until == EventQueue.NEVER) {
        LockSupport.parkNanos(this, LONGEST_SLEEP);
      } else if (inbox.isEmpty()) {
        counting.slept += Math.max(0, until - now);
      }
      return;
    }
    if (inbox.isEmpty()) {
      LockSupport.parkNanos(this, Math.min(LONGEST_SLEEP, until - now));
    }
  }
}
