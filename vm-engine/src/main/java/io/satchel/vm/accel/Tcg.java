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

  /** Entries by jumps after which code is translated. */
  private static final int DEFAULT_PATIENCE = Integer.getInteger("satchel.patience", 1000);

  private final CpuState cpu;
  private final Interpreter interpreter;
  private final Statistics statistics;

  /** Runs {@code cpu} by interpreting, and by translating what is hot. */
  public Tcg(CpuState cpu) {
    this(cpu, DEFAULT_PATIENCE, translatorThread());
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
    CodeCache cache = new CodeCache(cpu, decoder, executor, patience);
    statistics = cache.statistics;
    if (Boolean.getBoolean("satchel.stats"))
      Runtime.getRuntime()
          .addShutdownHook(
              new Thread(
                  () -> {
                    System.out.println(statistics);
                    var b = java.lang.management.ManagementFactory.getThreadMXBean();
                    for (long id : b.getAllThreadIds()) {
                      var t = b.getThreadInfo(id);
                      if (t != null && b.getThreadCpuTime(id) > 300_000_000L)
                        System.out.println(
                            "cpu " + b.getThreadCpuTime(id) / 1000000 + " ms " + t.getThreadName());
                    }
                    System.out.println(
                        "process cpu "
                            + java.lang.ProcessHandle.current()
                                .info()
                                .totalCpuDuration()
                                .get()
                                .toMillis()
                            + " compile wall "
                            + java.lang.management.ManagementFactory.getCompilationMXBean()
                                .getTotalCompilationTime());
                  }));
    Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println(statistics)));
    interpreter = new Interpreter(cpu, decoder, patience == 0 ? HotCode.NONE : cache);
  }

  /** What the translator has done. */
  public Statistics statistics() {
    return statistics;
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
