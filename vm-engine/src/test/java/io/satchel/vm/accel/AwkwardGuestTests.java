package io.satchel.vm.accel;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.accel.AwkwardGuests.Guest;
import io.satchel.vm.accel.AwkwardGuests.Run;
import io.satchel.vm.cpu.translate.Statistics;
import org.junit.jupiter.api.Test;

/**
 * What a translator likes least, by counts: work that it does in vain stays a small part of what
 * the guest does. What that means in time AwkwardGuestBenchTests tells.
 */
class AwkwardGuestTests {

  /** Entries after which code is translated: as soon as can be, so that most can be in vain. */
  private static final int PATIENCE = 4;

  /** As it is with the interpreter alone, to the same end. */
  private static Run run(Guest guest) {
    Run interpreted = guest.run(0);
    Run run = guest.run(PATIENCE);
    assertThat(run.result()).as(guest.name()).isEqualTo(interpreted.result());
    assertThat(run.machine().cpu.instructions)
        .as(guest.name())
        .isEqualTo(interpreted.machine().cpu.instructions);
    return run;
  }

  @Test
  void codeThatIsRewrittenAllTheTimeIsTranslatedOnlyNowAndThen() {
    for (int rounds : new int[] {1, 10, 100, 3_000}) {
      Run run = run(AwkwardGuests.rewriting(4_000, rounds));
      Statistics statistics = run.machine().tcg.statistics();
      assertThat(statistics.scanned).as("%d rounds", rounds).isLessThan(60);
      assertThat(statistics.invalidated).as("%d rounds", rounds).isLessThan(60);
    }
  }

  @Test
  void codeThatIsRewrittenNoLongerIsTranslatedAgain() {
    Run run = run(AwkwardGuests.rewriting(6, 1_000_000));
    // Twice it is translated at once, then it waits for twice as many instructions each time.
    assertThat(run.machine().tcg.statistics().instructions)
        .isGreaterThan(run.machine().cpu.instructions * 9 / 10);
  }

  @Test
  void regionsOutliveAChangeOfPageTables() {
    Run run = run(AwkwardGuests.switching(2_000, 100));
    Statistics statistics = run.machine().tcg.statistics();
    assertThat(statistics.scanned).isLessThan(10);
    assertThat(statistics.invalidated).isZero();
    assertThat(statistics.moved).isZero();
    assertThat(statistics.instructions).isGreaterThan(run.machine().cpu.instructions * 9 / 10);
    // The stack and the data after each change, no more.
    assertThat(statistics.missed).isLessThan(3 * 2_000);
  }

  @Test
  void codeInADevicesMemoryIsInterpretedAndTheRestOfTheProgramIsNot() {
    Run run = run(AwkwardGuests.fromDevice(200, 500));
    Statistics statistics = run.machine().tcg.statistics();
    assertThat(statistics.scanned).isLessThan(5);
    assertThat(statistics.rejected).isLessThan(5);
    // Its own half of the loop.
    assertThat(statistics.instructions)
        .isBetween(
            run.machine().cpu.instructions * 4 / 10, run.machine().cpu.instructions * 6 / 10);
  }
}
