package io.satchel.vm.machine;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.api.MachineConfig;
import io.satchel.vm.api.MachineConfig.Clock;
import org.junit.jupiter.api.Test;

/** What a clock of instructions promises: two runs are one. */
class RepeatableRunTests {

  /** Boot sector: RDRAND EAX, and its four bytes to port E9h as letters; then the end. */
  private static final String RANDOM =
      """
      660FC7F0 B90800
      6650 240F 0441 E6E9 6658 66C1E804 E2F0
      E6F4 EBFE
      """;

  private static String numbers(Clock clock) throws Exception {
    BootRig rig = new BootRig();
    MachineConfig config = BootRig.config().withClock(clock).withCpuModel("max");
    rig.run(rig.machine(BootRig.withFloppy(config, BootRig.floppy(RANDOM))));
    return rig.text.toString();
  }

  @Test
  void rdrandSaysTheSameInEveryRunThatCountsInstructions() throws Exception {
    String first = numbers(Clock.INSTRUCTIONS);
    assertThat(first).hasSize(8);
    assertThat(numbers(Clock.INSTRUCTIONS)).isEqualTo(first);
  }

  @Test
  void rdrandNeverRepeatsItselfOtherwise() throws Exception {
    assertThat(numbers(Clock.HOST) + numbers(Clock.HOST))
        .isNotEqualTo(numbers(Clock.HOST) + numbers(Clock.HOST));
  }
}
