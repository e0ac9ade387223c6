package io.satchel.app.machine;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.app.machine.StartWatch.Trouble;
import org.junit.jupiter.api.Test;

class StartWatchTest {

  private static final long SECOND = 1_000_000_000L;
  private static final String NOTHING_FOUND = "  No bootable device  ";

  private final StartWatch watch = new StartWatch();

  @Test
  void nothingToStartIsToldOnce() {
    assertThat(watch.look(SECOND, false, "Satchel", () -> false)).isNull();
    assertThat(watch.look(2 * SECOND, false, NOTHING_FOUND, () -> false))
        .isEqualTo(Trouble.NO_SYSTEM);
    assertThat(watch.look(3 * SECOND, false, NOTHING_FOUND, () -> false)).isNull();
  }

  @Test
  void aFaultWhileItStartsIsTroubleAndALaterOneIsNot() {
    assertThat(watch.look(400 * SECOND, true, null, () -> false)).isNull();
    assertThat(watch.look(10 * SECOND, true, null, () -> false)).isEqualTo(Trouble.FAULT);
  }

  @Test
  void aBlankScreenIsTroubleOnlyAfterAWhile() {
    assertThat(watch.look(40 * SECOND, false, null, () -> true)).isNull();
    assertThat(watch.look(46 * SECOND, false, null, () -> true)).isEqualTo(Trouble.NOTHING_SHOWN);
    StartWatch text = new StartWatch();
    assertThat(text.look(46 * SECOND, false, " \n ", () -> false)).isEqualTo(Trouble.NOTHING_SHOWN);
  }

  @Test
  void whatHasShownSomethingMayGoBlank() {
    assertThat(watch.look(46 * SECOND, false, null, () -> false)).isNull();
    assertThat(watch.look(50 * SECOND, false, null, () -> true)).isNull();
  }
}
