package io.satchel.vm.accel;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.accel.BenchPrograms.Program;
import io.satchel.vm.accel.BenchPrograms.Result;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The bench programs on the translator, beside QEMU's TCG in the same run.
 *
 * <p>The first run is that of a machine that has just been made: in the processor time of its own
 * thread, and of the whole process with the translator's and HotSpot's threads. Warm is what more
 * rounds add: a run of five times the rounds less one of the rounds, for us and for QEMU.
 */
@Tag("bench")
class TranslatorBenchTests {

  private static final int FACTOR = 5;

  @TempDir Path folder;

  /** Builds a program, a number of times longer. */
  @FunctionalInterface
  private interface Build {
    Path of(Program program, int factor) throws Exception;
  }

  /** The peer. */
  @FunctionalInterface
  private interface Peer {
    Result of(Path elf) throws Exception;
  }

  @Test
  void theProgramsGiveQemusResults() throws Exception {
    BenchPrograms.needTools();
    compare(new BenchPrograms(folder)::build, BenchPrograms::qemu);
  }

  @Test
  void theProgramsAs64BitCodeGiveQemusResults() throws Exception {
    BenchPrograms.needTools64();
    compare(new BenchPrograms(folder)::build64, BenchPrograms::qemu64);
  }

  private static void compare(Build build, Peer qemu) throws Exception {
    System.out.printf(
        "%-10s %8s %8s %8s %8s %8s | %8s %8s %8s%n",
        "program", "first s", "process", "QEMU s", "ratio", "process", "warm s", "QEMU s", "ratio");
    double product = 1;
    for (Program program : BenchPrograms.PROGRAMS) {
      Path once = build.of(program, 1);
      Path often = build.of(program, FACTOR);
      long before = processNanos();
      BareMetal machine = run(once, program.source());
      double process = (processNanos() - before) / 1e9;
      Result peer = qemu.of(once);
      BareMetal longer = run(often, program.source());
      Result longerPeer = qemu.of(often);
      assertThat(machine.text.toString().trim()).as(program.source()).isEqualTo(peer.sum());
      assertThat(longer.text.toString().trim()).as(program.source()).isEqualTo(longerPeer.sum());
      double first = seconds(machine);
      double warm = (seconds(longer) - first) / (FACTOR - 1);
      double peerWarm = (longerPeer.seconds() - peer.seconds()) / (FACTOR - 1);
      product *= warm / peerWarm;
      System.out.printf(
          "%-10s %8.2f %8.2f %8.2f %8.2f %8.2f | %8.2f %8.2f %8.2f%n",
          program.source(),
          first,
          process,
          peer.seconds(),
          first / peer.seconds(),
          process / peer.seconds(),
          warm,
          peerWarm,
          warm / peerWarm);
    }
    System.out.printf(
        "geometric mean, warm: %.2f%n", Math.pow(product, 1.0 / BenchPrograms.PROGRAMS.size()));
  }

  /** 60,000 snippets of which each is run so often: what a start of a system is made of. */
  @Test
  void coldCodeGivesQemusResults() throws Exception {
    BenchPrograms.needTools();
    BenchPrograms programs = new BenchPrograms(folder);
    // HotSpot is to know the interpreter, as it does when a system has started.
    run(programs.buildCold(20), "warming up");
    System.out.printf(
        "%-6s %8s %8s %8s %8s %8s%n", "times", "ours s", "process", "QEMU s", "ratio", "process");
    for (int times : new int[] {1, 10, 30, 300}) {
      Path elf = programs.buildCold(times);
      long before = processNanos();
      BareMetal machine = run(elf, "cold code");
      double process = (processNanos() - before) / 1e9;
      Result peer = BenchPrograms.qemu(elf);
      assertThat(machine.text.toString().trim()).isEqualTo(peer.sum());
      System.out.printf(
          "%-6d %8.2f %8.2f %8.2f %8.2f %8.2f%n",
          times,
          seconds(machine),
          process,
          peer.seconds(),
          seconds(machine) / peer.seconds(),
          process / peer.seconds());
    }
  }

  private static BareMetal run(Path elf, String name) throws Exception {
    BareMetal machine = new BareMetal();
    machine.load(elf);
    machine.run();
    assertThat(machine.ended).as(name).isTrue();
    return machine;
  }

  private static double seconds(BareMetal machine) {
    return (machine.endNanos - machine.startNanos) / 1e9;
  }

  private static long processNanos() {
    return ManagementFactory.getPlatformMXBean(com.sun.management.OperatingSystemMXBean.class)
        .getProcessCpuTime();
  }
}
