package io.satchel.vm.machine;

import io.satchel.vm.accel.Accelerator;
import io.satchel.vm.api.MachineConfig.Speed;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.host.Inbox;
import io.satchel.vm.time.EventQueue;
import io.satchel.vm.time.VirtualClock;
import java.util.List;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The machine's one thread: it runs the processors, each in its turn, until the next event is due,
 * fires events, and does what was posted. Whoever runs on it holds the machine ({@code
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

  /**
   * The turn of one of several processors. One that spins on a lock which another holds spins for
   * so long.
   */
  private static final long TURN_NANOS = 50_000;

  private static final long MIN_BUDGET = 500;

  /**
   * A machine that is held sleeps when it is ahead of the host by this much: often enough that a
   * person sees and hears nothing of it, seldom enough that sleeping costs next to nothing.
   */
  private static final long LONGEST_LEAD = 2_000_000;

  /** How long an idle machine sleeps at most, lest a lost wake-up stop it for ever. */
  private static final long LONGEST_SLEEP = 50_000_000;

  /** Why the machine's thread sleeps. */
  enum Rest {
    PAUSED,
    /** The processors wait for an interrupt. */
    IDLE,
    /** The same while a drive is at work. */
    DISK,
    /** The machine is held to a speed and has done its share. */
    HELD
  }

  /** What the loop asks its machine. */
  interface Control {
    /** Whether the loop is to end. */
    boolean ended();

    boolean paused();

    /** Whether a drive is at work. */
    boolean diskAtWork();

    /** Lets a processor rest until an interrupt comes, or for so many nanoseconds. */
    void doze(CpuState cpu, long nanos);

    /** A processor has shut down. */
    void tripleFault(CpuState cpu);

    /** Accesses to devices come from this processor from now on. */
    void running(Processor processor);
  }

  private final List<Processor> processors;
  private final VirtualClock clock;
  private final EventQueue events;
  private final Inbox inbox;
  private final InstructionClock counting;
  private final Control control;
  private final HostTime host;

  /** What the processors are held to; read by other threads. */
  private volatile Speed held = Speed.FULL;

  /**
   * Instructions in a nanosecond, as last measured; starts low so that the first slice is short.
   */
  private double speed = 0.02;

  /** Finds loops that wait for nothing but an interrupt; null where all must be executed. */
  private final @Nullable SpinProbe probe;

  /** Whose turn was last. */
  private int turn;

  /** Nanoseconds slept, by reason. */
  private final AtomicLongArray slept = new AtomicLongArray(Rest.values().length);

  private volatile @Nullable Rest resting;
  private volatile long restingSince;

  private volatile Thread thread = Thread.currentThread();

  /** Virtual time as of the last look, for other threads. */
  private volatile long lastNow;

  MachineLoop(
      List<Processor> processors,
      VirtualClock clock,
      EventQueue events,
      Inbox inbox,
      InstructionClock counting,
      Control control,
      HostTime host,
      @Nullable SpinProbe probe) {
    this.processors = processors;
    this.clock = clock;
    this.events = events;
    this.inbox = inbox;
    this.counting = counting;
    this.control = control;
    this.host = host;
    this.probe = probe;
    events.onSooner(this::kick);
    inbox.onPost(
        () -> {
          kick();
          LockSupport.unpark(thread);
        });
  }

  /** Ends the turn of whoever runs; from any thread. */
  void kick() {
    for (int i = 0; i < processors.size(); i++) {
      processors.get(i).cpu.kick();
    }
  }

  /**
   * Virtual time as a count of instructions, with the time added that all processors slept through.
   * Several processors share the time: an instruction of any of them takes as long.
   */
  static final class InstructionClock {
    private final List<Processor> processors;
    private final boolean used;

    /** Virtual time that is no multiple of instructions: slept through, or at another speed. */
    private long other;

    private Speed held = Speed.FULL;

    InstructionClock(List<Processor> processors, boolean used) {
      this.processors = processors;
      this.used = used;
    }

    long nanos() {
      return held == Speed.FULL
          ? instructions(processors) * NANOS_PER_INSTRUCTION + other
          : work(processors) * held.nanosPerInstruction() + other;
    }

    private void hold(Speed speed) {
      long before = nanos();
      held = speed;
      other += before - nanos();
    }
  }

  /** Instructions that all of them have retired. */
  static long instructions(List<Processor> processors) {
    long sum = 0;
    for (int i = 0; i < processors.size(); i++) {
      sum += processors.get(i).cpu.instructions;
    }
    return sum;
  }

  /** The same and the turns of repeated string instructions, which take their time as well. */
  static long work(List<Processor> processors) {
    long sum = 0;
    for (int i = 0; i < processors.size(); i++) {
      CpuState cpu = processors.get(i).cpu;
      sum += cpu.instructions + cpu.iterations;
    }
    return sum;
  }

  /** Holds the processors to a speed from now on; on the machine's thread, or before it runs. */
  void hold(Speed speed) {
    held = speed;
    if (counting.used) {
      counting.hold(speed);
    } else {
      clock.hold(speed.nanosPerInstruction());
    }
    for (int i = 0; i < processors.size(); i++) {
      processors.get(i).cpu.lastIteration = Long.MAX_VALUE;
    }
  }

  /** What the processors are held to; from any thread. */
  Speed held() {
    return held;
  }

  /** Virtual time as of the last look at it; from any thread. */
  long now() {
    return lastNow;
  }

  /** The number of the processor whose turn was last; on the machine's thread. */
  int turn() {
    return turn;
  }

  /** Goes on as if that processor's turn had been the last. */
  void turn(int last) {
    turn = last;
  }

  @Override
  public void run() {
    thread = Thread.currentThread();
    while (!control.ended()) {
      for (int i = 0; i < processors.size(); i++) {
        processors.get(i).cpu.clearKick();
      }
      inbox.drain();
      if (control.ended()) {
        return;
      }
      if (control.paused()) {
        if (inbox.isEmpty()) {
          park(Rest.PAUSED, LONGEST_SLEEP);
        }
        continue;
      }
      long now = next() == null ? clock.idleNanos(events.next()) : clock.nanos();
      lastNow = now;
      events.runDue(now);
      Processor next = next();
      if (next == null) {
        sleep(now);
      } else if (clock.ahead() >= LONGEST_LEAD) {
        rest();
      } else if (next.begin()) {
        run(next, now);
      }
    }
  }

  /** Whose turn it is: the next that is not idle; null when all are. */
  private @Nullable Processor next() {
    for (int i = 1; i <= processors.size(); i++) {
      Processor processor = processors.get((turn + i) % processors.size());
      if (!processor.idle()) {
        return processor;
      }
    }
    return null;
  }

  private void run(Processor processor, long now) {
    turn = processors.indexOf(processor);
    control.running(processor);
    CpuState cpu = processor.cpu;
    cpu.dozing = false;
    runUntilEvent(cpu, processor.accelerator, now);
    if (cpu.shutdown) {
      control.tripleFault(cpu);
    }
  }

  private void runUntilEvent(CpuState cpu, Accelerator accelerator, long now) {
    boolean early = processors.size() > 1 || probe != null && probe.expects();
    long longest = early ? TURN_NANOS : SLICE_NANOS;
    long stretch = Math.clamp(events.next() - now, 0, longest);
    long budget;
    if (held != Speed.FULL) {
      budget = Math.max(1, stretch / held.nanosPerInstruction());
      cpu.lastIteration = cpu.iterations + budget;
      probe(cpu, accelerator, accelerator.run(budget));
      return;
    }
    if (counting.used) {
      budget = Math.max(1, stretch / NANOS_PER_INSTRUCTION);
      accelerator.run(budget);
      return;
    }
    budget = Math.max(MIN_BUDGET, (long) (stretch * speed));
    long before = cpu.instructions;
    Accelerator.Exit exit = accelerator.run(budget);
    long nanos = clock.nanos() - now;
    long done = cpu.instructions - before;
    if (nanos > 0 && done >= MIN_BUDGET) {
      speed = Math.clamp(speed * 0.75 + 0.25 * done / nanos, 0.002, 10);
    }
    probe(cpu, accelerator, exit);
  }

  private void probe(CpuState cpu, Accelerator accelerator, Accelerator.Exit exit) {
    if (exit == Accelerator.Exit.BUDGET && probe != null && probe.spins(cpu, accelerator)) {
      control.doze(cpu, LONGEST_SLEEP);
    }
  }

  private void sleep(long now) {
    long until = events.next();
    if (counting.used) {
      if (until == EventQueue.NEVER) {
        park(Rest.IDLE, LONGEST_SLEEP);
      } else if (inbox.isEmpty()) {
        counting.other += Math.max(0, until - now);
      }
      return;
    }
    if (inbox.isEmpty()) {
      park(
          control.diskAtWork() ? Rest.DISK : Rest.IDLE,
          Math.min(LONGEST_SLEEP, until - now) + clock.ahead());
    }
  }

  /** Sleeps for as long as the machine is ahead of the host. */
  private void rest() {
    if (inbox.isEmpty()) {
      park(Rest.HELD, clock.ahead());
    }
  }

  private void park(Rest why, long nanos) {
    long before = host.nanos();
    restingSince = before;
    resting = why;
    host.park(this, nanos);
    resting = null;
    slept.addAndGet(why.ordinal(), host.nanos() - before);
  }

  /** Nanoseconds that the machine's thread has slept for a reason; from any thread. */
  long slept(Rest why) {
    long sum = slept.get(why.ordinal());
    return resting == why ? sum + Math.max(0, host.nanos() - restingSince) : sum;
  }

  /** Whether the machine's thread sleeps; from any thread. */
  boolean resting() {
    return resting != null;
  }

  /** The machine's thread, once it runs. */
  Thread thread() {
    return thread;
  }
}
