package io.satchel.vm.accel;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.HotCode;
import io.satchel.vm.cpu.decode.Decoder;
import io.satchel.vm.cpu.interpret.Interpreter;
import io.satchel.vm.cpu.translate.CodeCache;
import io.satchel.vm.cpu.translate.Statistics;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Runs a processor in this process, in Java: cold code by interpreting, hot code by translating.
 */
public final class Tcg implements Accelerator {

  /**
   * Entries by jumps after which code is translated. A region is slower than the interpreter until
   * HotSpot has compiled it, which takes it some 5,000 entries and C2's time: docs/performance.md,
   * "What a start costs".
   */
  private static final int PATIENCE = Integer.getInteger("satchel.patience", 20_000);

  private final CpuState cpu;
  private final Interpreter interpreter;
  private final CodeCache cache;

  /** Runs {@code cpu} by interpreting, and by translating what is hot. */
  public Tcg(CpuState cpu) {
    this(cpu, false);
  }

  /**
   * Runs {@code cpu}.
   *
   * @param repeatable translates at once instead of beside the run, so that it is the same each
   *     time
   */
  public Tcg(CpuState cpu, boolean repeatable) {
    this(cpu, PATIENCE, repeatable ? Runnable::run : translatorThread());
  }

  /**
   * With the choices that tests make.
   *
   * @param patience entries after which code is translated; 0 never
   * @param executor where translations run
   */
  Tcg(CpuState cpu, int patience, Executor executor) {
    this.cpu = cpu;
    Decoder decoder = new Decoder(Decoder.fullMap(), cpu.model.features());
    cache = new CodeCache(cpu, decoder, executor, patience);
    interpreter = new Interpreter(cpu, decoder, patience == 0 ? HotCode.NONE : cache);
  }

  /** What the translator has done. */
  public Statistics statistics() {
    return cache.statistics();
  }

  /** What the processor is executing; for one thread that looks now and then. */
  public CodeCache.Doing doing() {
    return cache.doing();
  }

  /** One thread that goes away when there is nothing to translate. */
  private static Executor translatorThread() {
    ThreadPoolExecutor pool =
        new ThreadPoolExecutor(
            1, 1, 10, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), Tcg::translatorThread);
    pool.allowCoreThreadTimeOut(true);
    return pool;
  }

  private static Thread translatorThread(Runnable work) {
    return Thread.ofPlatform().daemon().name("translator").unstarted(work);
  }

  @Override
  public Exit run(long maxInstructions) {
    long end = cpu.instructions + maxInstructions;
    while (true) {
      if (cpu.shutdown) {
        return Exit.SHUTDOWN;
      }
      if ((cpu.pending() & CpuState.PENDING_KICK) != 0) {
        cpu.clearKick();
        return Exit.KICKED;
      }
      interpreter.deliverPending();
      if (cpu.halted) {
        return Exit.HALTED;
      }
      if (cpu.instructions >= end) {
        return Exit.BUDGET;
      }
      interpreter.run(end);
    }
  }
}
