package io.satchel.vm.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.satchel.vm.Conformance;
import io.satchel.vm.api.MachineConfig;
import io.satchel.vm.api.MachineConfig.Clock;
import io.satchel.vm.api.MachineConfig.Kernel;
import io.satchel.vm.api.MachineEvents;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Runs QEMU's own tests/tcg programs for i386 and x86_64 under Linux on the whole machine, and
 * compares what each prints with what it printed on the host's processor.
 *
 * <p>Give a folder as {@code -Dsatchel.suites=FOLDER} with {@code tcg/kernel} and {@code
 * tcg/initrd.gz} in it, as {@code src/test/suites/tcg-programs.sh} makes them.
 */
@Tag("conformance")
class TcgProgramsTests {

  private static final int SECONDS = Integer.getInteger("satchel.tcgSeconds", 3600);
  private static final int MEMORY_MIB = 512;

  private static final Pattern END = Pattern.compile("TCG END (\\S+) (\\d+) (\\d+)");
  private static final Pattern DIFFERENCE = Pattern.compile("TCG DIFF (\\S+) [-+](.*)");

  /** A double shift of 16 bits, as test-i386 prints it. */
  private static final Pattern SHIFT_16 = Pattern.compile("sh[lr]dw .* C=([0-9a-f]+) .*");

  @Test
  void eachProgramPrintsWhatItPrintsOnTheHost() throws Exception {
    String suites = System.getProperty("satchel.suites", "");
    Path folder = Path.of(suites, "tcg");
    assumeTrue(
        !suites.isEmpty() && Files.exists(folder.resolve("initrd.gz")),
        "needs QEMU's tests/tcg programs: -Dsatchel.suites=FOLDER with tcg in it");
    List<String> lines = run(folder).lines().toList();
    List<String> reasons = new ArrayList<>();
    int programs = 0;
    int failed = 0;
    int undefined = 0;
    List<String> wrong = new ArrayList<>();
    for (String line : lines) {
      Matcher difference = DIFFERENCE.matcher(line);
      Matcher end = END.matcher(line);
      if (difference.lookingAt()) {
        if (undefined(difference.group(2))) {
          undefined++;
        } else {
          wrong.add(difference.group(2).strip());
        }
      } else if (end.lookingAt()) {
        programs++;
        String name = end.group(1);
        if (!end.group(2).equals(end.group(3))) {
          failed++;
          reasons.add("%s: status %s, not %s".formatted(name, end.group(2), end.group(3)));
        } else if (!wrong.isEmpty()) {
          failed++;
          reasons.add(
              "%s: %d lines differ, such as %s".formatted(name, wrong.size(), wrong.getFirst()));
        } else if (undefined != 0) {
          reasons.add(
              name
                  + ": passed; %d results of SHLD and SHRD are undefined: 16 bits by more than 16"
                      .formatted(undefined / 2));
        }
        wrong.clear();
        undefined = 0;
      }
    }
    assertThat(lines).as("the last program has run").anyMatch(line -> line.startsWith("TCG DONE"));
    Conformance.report("QEMU's tests/tcg programs", programs, programs - failed, reasons);
    assertThat(failed).as("%s", reasons).isZero();
    assertThat(programs).isPositive();
  }

  /**
   * SDM volume 2, SHLD and SHRD: "If a count is greater than the operand size, the result is
   * undefined". Processors differ.
   */
  private static boolean undefined(String line) {
    Matcher shift = SHIFT_16.matcher(line);
    return shift.lookingAt() && (Long.parseUnsignedLong(shift.group(1), 16) & 31) > 16;
  }

  private static String run(Path folder) throws Exception {
    StringBuffer text = new StringBuffer();
    CompletableFuture<MachineEvents.End> end = new CompletableFuture<>();
    MachineConfig config =
        MachineConfig.standard()
            .withMemoryMib(MEMORY_MIB)
            .withClock(Clock.INSTRUCTIONS)
            .withCpuModel("max")
            .withKernel(
                new Kernel(
                    folder.resolve("kernel"),
                    // Debian's kernel has no vsyscall page by itself, and a program asks for it.
                    "console=ttyS0 panic=-1 quiet vsyscall=emulate",
                    folder.resolve("initrd.gz")));
    MachineEvents events =
        new MachineEvents() {
          @Override
          public void ended(End how) {
            end.complete(how);
          }

          @Override
          public void serial(int value) {
            text.append((char) value);
          }
        };
    try (PcMachine machine = new PcMachine(config, events)) {
      machine.start();
      end.get(SECONDS, TimeUnit.SECONDS);
    }
    return text.toString().replace("\r", "");
  }
}
