package io.satchel.vm.accel;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.accel.AwkwardGuests.Guest;
import io.satchel.vm.accel.AwkwardGuests.Run;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * What a translator likes least, with it and without it, in turns in one run: a guest that defeats
 * it has to be no slower than the interpreter alone. Processor time of the machine's thread.
 */
@Tag("bench")
class AwkwardGuestBenchTests {

  private static final int TURNS = 5;

  @Test
  void noGuestIsSlowerForTheTranslator() {
    System.out.printf("%-40s %8s %8s %6s%n", "guest", "inter s", "trans s", "ratio");
    List<Guest> guests =
        List.of(
            AwkwardGuests.rewriting(200_000, 1),
            AwkwardGuests.rewriting(50_000, 100),
            AwkwardGuests.rewriting(5_000, 3_000),
            AwkwardGuests.rewriting(500, 40_000),
            AwkwardGuests.switching(100_000, 10),
            AwkwardGuests.switching(20_000, 100),
            AwkwardGuests.switching(300, 15_000),
            AwkwardGuests.fromDevice(500, 1_000));
    for (Guest guest : guests) {
      double[] interpreted = new double[TURNS];
      double[] translated = new double[TURNS];
      Run last = guest.run(0);
      for (int turn = 0; turn < TURNS; turn++) {
        interpreted[turn] = guest.run(0).nanos() / 1e9;
        Run run = guest.run(-1);
        assertThat(run.result()).isEqualTo(last.result());
        translated[turn] = run.nanos() / 1e9;
        last = run;
      }
      System.out.printf(
          "%-40s %8.3f %8.3f %6.2f%n",
          guest.name(),
          median(interpreted),
          median(translated),
          median(translated) / median(interpreted));
      System.out.println(last.machine().tcg.statistics().toString().indent(4).stripTrailing());
    }
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
