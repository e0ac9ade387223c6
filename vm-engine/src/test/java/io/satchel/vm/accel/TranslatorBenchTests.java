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

  @Test
  void theProgramsGiveQemusResults() throws Exception {
    BenchPrograms.needTools();
    BenchPrograms programs = new BenchPrograms(folder);
    System.out.printf(
        "%-10s %8s %8s %8s %8s %8s | %8s %8s %8s%n",
        "program", "first s", "process", "QEMU s", "ratio", "process", "warm s", "QEMU s", "ratio");
    double product = 1;
    for (Program program : BenchPrograms.PROGRAMS) {
      Path once = programs.build(program, 1);
      Path often = programs.build(program, FACTOR);
      long before = processNanos();
      BareMetal machine = run(once, program);
      double process = (processNanos() - before) / 1e9;
      Result peer = BenchPrograms.qemu(once);
      BareMetal longer = run(often, program);
      Result longerPeer = BenchPrograms.qemu(often);
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

  private static BareMetal run(Path elf, Program program) throws Exception {
    BareMetal machine = new BareMetal();
    machine.load(elf);
    machine.run();
    assertThat(machine.ended).as(program.source()).isTrue();
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
