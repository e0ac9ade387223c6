package io.satchel.app.machine;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.resources.Texts;
import io.satchel.vm.api.MachineConfig.Speed;
import io.satchel.vm.api.MachineState;
import io.satchel.vm.api.Meter.Exit;
import io.satchel.vm.api.Meter.Reading;
import io.satchel.vm.api.Meter.Use;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The sentence that says why a machine is as fast as it is. */
class MeterWordsTest {

  private static final long SECOND = 1_000_000_000;

  private final Texts texts = new Texts(Locale.ENGLISH);

  private static Reading reading(Map<Use, Double> shares, long invalidated) {
    return new Reading(
        SECOND,
        shares,
        50_000_000,
        40_000_000,
        SECOND / 2,
        SECOND / 10,
        300,
        2 << 20,
        invalidated,
        Map.of(Exit.MISSED, 7L));
  }

  private String said(Map<Use, Double> shares) {
    return MeterWords.sentence(texts, reading(shares, 0), Speed.FULL, MachineState.RUNNING);
  }

  @Test
  void theLargestShareDecides() {
    assertThat(said(Map.of(Use.IDLE, 0.9, Use.INTERPRETED, 0.1))).contains("nothing to do");
    assertThat(said(Map.of(Use.DISK, 0.5, Use.IDLE, 0.2, Use.WARMING, 0.3))).contains("disks");
    assertThat(said(Map.of(Use.TRANSLATED, 0.7, Use.WARMING, 0.3))).contains("50 million");
    assertThat(said(Map.of(Use.WARMING, 0.5, Use.TRANSLATED, 0.4))).contains("new to it");
    assertThat(said(Map.of(Use.INTERPRETED, 0.6, Use.TRANSLATED, 0.4))).contains("seldom");
  }

  @Test
  void aBusyHostIsMeasuredByWhatTheMachineWanted() {
    assertThat(said(Map.of(Use.IDLE, 0.5, Use.HOST_BUSY, 0.2, Use.TRANSLATED, 0.3)))
        .contains("40 %");
    assertThat(said(Map.of(Use.HOST_BUSY, 0.2, Use.TRANSLATED, 0.8))).contains("translated code");
  }

  @Test
  void codeThatIsRewrittenAllTheTimeIsNamed() {
    Reading rewriting = reading(Map.of(Use.INTERPRETED, 0.9, Use.WARMING, 0.1), 500);
    assertThat(MeterWords.sentence(texts, rewriting, Speed.FULL, MachineState.RUNNING))
        .contains("its own code");
  }

  @Test
  void aMachineThatIsHeldOrPausedSaysSo() {
    Reading held = reading(Map.of(Use.HELD, 0.5, Use.TRANSLATED, 0.5), 0);
    assertThat(MeterWords.sentence(texts, held, Speed.I386, MachineState.RUNNING))
        .contains("held", "386");
    assertThat(MeterWords.sentence(texts, held, Speed.I386, MachineState.PAUSED))
        .contains("paused");
  }

  @Test
  void allOfItHasWordsInBothLanguages() {
    Texts chinese = new Texts(Locale.SIMPLIFIED_CHINESE);
    Reading reading = reading(Map.of(Use.TRANSLATED, 1.0), 0);
    List<String> english = MeterWords.lines(texts, reading, Speed.FULL, MachineState.RUNNING);
    assertThat(english)
        .contains("In translated code: 100 %", "Of them in translated code: 80 %")
        .contains("Java compiling, of one processor: 50 %")
        .anyMatch(line -> line.contains("an address was not at hand 7"));
    Set<String> both =
        new HashSet<>(MeterWords.lines(chinese, reading, Speed.FULL, MachineState.RUNNING));
    both.retainAll(english);
    assertThat(both).isEmpty();
  }
}
