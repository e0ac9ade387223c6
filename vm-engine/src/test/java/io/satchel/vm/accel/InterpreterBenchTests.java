package io.satchel.vm.accel;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.accel.BenchPrograms.Program;
import io.satchel.vm.accel.BenchPrograms.Result;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The bench programs on the interpreter alone, beside QEMU's TCG in the same run. */
@Tag("bench")
class InterpreterBenchTests {

  @TempDir Path folder;

  @Test
  void theProgramsGiveQemusResults() throws Exception {
    BenchPrograms.needTools();
    BenchPrograms programs = new BenchPrograms(folder);
    StringBuilder table =
        new StringBuilder("program     ours s   MIPS   QEMU s   ours / QEMU%n".formatted());
    for (Program program : BenchPrograms.PROGRAMS) {
      Path elf = programs.build(program, 1);
      BareMetal machine = new BareMetal(BareMetal.RAM, 0);
      machine.load(elf);
      String sum = machine.run();
      Result peer = BenchPrograms.qemu(elf);
      double seconds = (machine.endNanos - machine.startNanos) / 1e9;
      table.append(
          "%-10s %7.2f %6.0f %8.2f %8.1f%n"
              .formatted(
                  program.source(),
                  seconds,
                  machine.mips(),
                  peer.seconds(),
                  seconds / peer.seconds()));
      assertThat(sum).as(program.source()).isEqualTo(peer.sum());
    }
    System.out.print(table);
  }

  /** The same sources for both widths, one after the other, by the CPU time of this thread. */
  @Test
  void code64RunsAsFastAsCode32() throws Exception {
    BenchPrograms.needTools64();
    BenchPrograms programs = new BenchPrograms(folder);
    StringBuilder table = new StringBuilder("program      32 MIPS  64 MIPS  64 / 32%n".formatted());
    double product = 1;
    for (Program program : BenchPrograms.PROGRAMS) {
      BareMetal narrow = new BareMetal(BareMetal.RAM, 0);
      narrow.load(programs.build(program, 1));
      String sum = narrow.run();
      BareMetal wide = new BareMetal(BareMetal.RAM, 0);
      wide.load(programs.build64(program, 1));
      assertThat(wide.run()).as(program.source()).isEqualTo(sum);
      double ratio = wide.mips() / narrow.mips();
      product *= ratio;
      table.append(
          "%-10s %9.0f %8.0f %8.2f%n"
              .formatted(program.source(), narrow.mips(), wide.mips(), ratio));
    }
    System.out.print(table);
    double mean = Math.pow(product, 1.0 / BenchPrograms.PROGRAMS.size());
    assertThat(mean).as("geometric mean of 64 / 32").isGreaterThan(0.85);
  }

  @Test
  void sourcesAreThere() {
    for (Program program : BenchPrograms.PROGRAMS) {
      assertThat(Files.exists(BenchPrograms.SOURCES.resolve(program.source() + ".c"))).isTrue();
    }
  }
}
