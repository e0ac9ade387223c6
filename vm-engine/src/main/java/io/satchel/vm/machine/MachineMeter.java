package io.satchel.vm.machine;

import io.satchel.vm.api.Meter;
import io.satchel.vm.cpu.translate.CodeCache.Doing;
import io.satchel.vm.cpu.translate.Statistics;
import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;

/**
 * Tells what the machine's thread does with its time. How long it sleeps, and why, the loop notes
 * itself; how much of the rest the host gave it is the thread's processor time; and what it does
 * then is looked at some hundred times a second from a thread of the meter's own, so that a machine
 * nobody measures pays nothing for it.
 */
final class MachineMeter implements Meter {

  /** Between two looks: 200 a second cost under a hundredth of a core. */
  private static final long INTERVAL = 5_000_000;

  /** What a meter reads. */
  interface Source {
    /** Nanoseconds of the host's time. */
    long now();

    /** Nanoseconds that the machine's thread has slept for one reason. */
    long slept(MachineLoop.Rest why);

    /** Whether it sleeps now. */
    boolean resting();

    /** Nanoseconds of processor time that it has had; below zero when nobody knows. */
    long processorNanos();

    /** What it is executing. */
    Doing doing();

    /** Instructions that all processors have executed. */
    long instructions();

    /** What each processor's translator has done. */
    List<Statistics> statistics();
  }

  private final Source source;
  private final LongSupplier compiling;
  private final AtomicLongArray looks = new AtomicLongArray(Doing.values().length);
  private final long[] seen = new long[Doing.values().length];
  private Figures last;
  private volatile boolean closed;

  /** Everything that only grows. */
  private record Figures(
      long now,
      long[] slept,
      long processor,
      long instructions,
      long translated,
      long compiling,
      long translating,
      long invalidated,
      long[] exits) {}

  /**
   * One whose {@link #look} somebody else calls.
   *
   * @param compiling nanoseconds that HotSpot has compiled for
   */
  MachineMeter(Source source, LongSupplier compiling) {
    this.source = source;
    this.compiling = compiling;
    last = figures();
  }

  /** One that looks at a machine by itself. */
  static MachineMeter of(HostTime host, MachineLoop loop, List<Processor> processors) {
    MachineMeter meter =
        new MachineMeter(new Running(host, loop, processors), MachineMeter::compilingNanos);
    Thread.ofPlatform().daemon().name("satchel-meter").start(meter::watch);
    return meter;
  }

  private static long compilingNanos() {
    CompilationMXBean compilers = ManagementFactory.getCompilationMXBean();
    return compilers == null ? 0 : compilers.getTotalCompilationTime() * 1_000_000;
  }

  /** A machine, as another thread sees it. */
  private record Running(HostTime host, MachineLoop loop, List<Processor> processors)
      implements Source {
    @Override
    public long now() {
      return host.nanos();
    }

    @Override
    public long slept(MachineLoop.Rest why) {
      return loop.slept(why);
    }

    @Override
    public boolean resting() {
      return loop.resting();
    }

    @Override
    public long processorNanos() {
      return ManagementFactory.getThreadMXBean().getThreadCpuTime(loop.thread().threadId());
    }

    @Override
    public Doing doing() {
      for (Processor processor : processors) {
        Doing doing = processor.accelerator.doing();
        if (doing != Doing.INTERPRETING) {
          return doing;
        }
      }
      return Doing.INTERPRETING;
    }

    @Override
    public long instructions() {
      return MachineLoop.instructions(processors);
    }

    @Override
    public List<Statistics> statistics() {
      return processors.stream().map(processor -> processor.accelerator.statistics()).toList();
    }
  }

  private void watch() {
    while (!closed) {
      LockSupport.parkNanos(this, INTERVAL);
      look();
    }
  }

  /** Looks at what the machine's thread is doing. */
  void look() {
    if (!source.resting()) {
      looks.incrementAndGet(source.doing().ordinal());
    }
  }

  private Figures figures() {
    long[] slept = new long[MachineLoop.Rest.values().length];
    for (MachineLoop.Rest why : MachineLoop.Rest.values()) {
      slept[why.ordinal()] = source.slept(why);
    }
    List<Statistics> all = source.statistics();
    long[] exits = new long[Exit.values().length];
    for (Exit cause : Exit.values()) {
      exits[cause.ordinal()] = all.stream().mapToLong(each -> count(each, cause)).sum();
    }
    return new Figures(
        source.now(),
        slept,
        source.processorNanos(),
        source.instructions(),
        all.stream().mapToLong(each -> each.instructions).sum(),
        compiling.getAsLong(),
        all.stream().mapToLong(each -> each.translatingNanos).sum(),
        all.stream().mapToLong(each -> each.invalidated).sum(),
        exits);
  }

  private static long count(Statistics statistics, Exit cause) {
    return switch (cause) {
      case NO_REGION -> statistics.noRegion;
      case STOPPED -> statistics.stopped;
      case MISSED -> statistics.missed;
      case DIVERTED -> statistics.diverted;
      case ATTENTION -> statistics.attention;
      case MOVED -> statistics.moved;
    };
  }

  @Override
  public Reading read() {
    Figures before = last;
    Figures now = figures();
    last = now;
    long paused = slept(before, now, MachineLoop.Rest.PAUSED);
    long nanos = Math.max(0, now.now - before.now - paused);
    Map<Exit, Long> exits = new EnumMap<>(Exit.class);
    for (Exit cause : Exit.values()) {
      exits.put(cause, now.exits[cause.ordinal()] - before.exits[cause.ordinal()]);
    }
    List<Statistics> all = source.statistics();
    return new Reading(
        nanos,
        shares(before, now, nanos),
        now.instructions - before.instructions,
        now.translated - before.translated,
        now.compiling - before.compiling,
        now.translating - before.translating,
        all.stream().mapToLong(each -> each.regions).sum(),
        all.stream().mapToLong(each -> each.bytes).sum(),
        now.invalidated - before.invalidated,
        exits);
  }

  private Map<Use, Double> shares(Figures before, Figures now, long nanos) {
    Map<Use, Double> shares = new EnumMap<>(Use.class);
    Arrays.stream(Use.values()).forEach(use -> shares.put(use, 0.0));
    if (nanos == 0) {
      return shares;
    }
    long idle = slept(before, now, MachineLoop.Rest.IDLE);
    long disk = slept(before, now, MachineLoop.Rest.DISK);
    long held = slept(before, now, MachineLoop.Rest.HELD);
    long running = Math.max(0, nanos - idle - disk - held);
    long given = now.processor < 0 ? running : now.processor - before.processor;
    long executing = Math.clamp(given, 0, running);
    double whole = Math.max(nanos, idle + disk + held);
    shares.put(Use.IDLE, idle / whole);
    shares.put(Use.DISK, disk / whole);
    shares.put(Use.HELD, held / whole);
    shares.put(Use.HOST_BUSY, (running - executing) / whole);
    long[] found = new long[seen.length];
    for (int n = 0; n < seen.length; n++) {
      long sum = looks.get(n);
      found[n] = sum - seen[n];
      seen[n] = sum;
    }
    long sum = Math.max(1, Arrays.stream(found).sum());
    double translated = executing / whole * found[Doing.TRANSLATED.ordinal()] / sum;
    double warming = executing / whole * found[Doing.WARMING.ordinal()] / sum;
    shares.put(Use.TRANSLATED, translated);
    shares.put(Use.WARMING, warming);
    shares.put(Use.INTERPRETED, executing / whole - translated - warming);
    return shares;
  }

  private static long slept(Figures before, Figures now, MachineLoop.Rest why) {
    return Math.max(0, now.slept[why.ordinal()] - before.slept[why.ordinal()]);
  }

  @Override
  public void close() {
    closed = true;
  }
}
