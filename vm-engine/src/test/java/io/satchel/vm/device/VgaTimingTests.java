package io.satchel.vm.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

/** Input status 1 follows the programmed timing. */
final class VgaTimingTests {

  private static final int STEP = 1_000;

  private final VgaBench bench = new VgaBench();

  private boolean retrace() {
    return (bench.in(0x3DA) & 8) != 0;
  }

  private long nanosToNextRetrace() {
    long start = bench.now();
    while (retrace()) {
      bench.pass(STEP);
    }
    while (!retrace()) {
      bench.pass(STEP);
    }
    return bench.now() - start;
  }

  @Test
  void mode13hRunsAt70Hertz() {
    bench.set(VgaBench.Mode.VGA_320X200X256);
    nanosToNextRetrace();
    // 449 lines of 800 dots at 25.175 MHz.
    assertThat(nanosToNextRetrace()).isCloseTo(14_268_000L, within(5_000L));
  }

  @Test
  void mode12hRunsAt60Hertz() {
    bench.set(VgaBench.Mode.VGA_640X480);
    nanosToNextRetrace();
    assertThat(nanosToNextRetrace()).isCloseTo(16_683_000L, within(5_000L));
  }

  @Test
  void retraceLastsTwoLines() {
    bench.set(VgaBench.Mode.VGA_640X480);
    nanosToNextRetrace();
    long start = bench.now();
    while (retrace()) {
      bench.pass(STEP);
    }
    assertThat(bench.now() - start).isCloseTo(2 * 31_778L, within(2_000L));
  }

  @Test
  void displayEnableFallsOncePerLineAndForAllOfTheVerticalBlank() {
    bench.set(VgaBench.Mode.VGA_640X480);
    nanosToNextRetrace();
    int lines = 0;
    boolean before = true;
    for (long time = 0; time < 16_683_000; time += STEP) {
      boolean shown = (bench.in(0x3DA) & 1) == 0;
      if (shown && !before) {
        lines++;
      }
      before = shown;
      assertThat(shown && retrace()).isFalse();
      bench.pass(STEP);
    }
    assertThat(lines).isEqualTo(480);
  }

  @Test
  void thePictureIsDrawnWhenRetraceBegins() {
    bench.textMode();
    bench.pass(50_000_000);
    nanosToNextRetrace();
    bench.pass(1_000_000);
    long drawn = bench.screen.updates();
    bench.print(0, 0, 7, "x");
    while (!retrace()) {
      assertThat(bench.screen.updates()).isEqualTo(drawn);
      bench.pass(STEP);
    }
    assertThat(bench.screen.updates()).isGreaterThan(drawn);
  }

  @Test
  void panningInRetraceDoesNotMoveTheFrame() {
    bench.set(VgaBench.Mode.VGA_640X480);
    nanosToNextRetrace();
    bench.crtc(0x08, 0x20);
    bench.crtc(0x18, 0x80);
    assertThat(nanosToNextRetrace()).isCloseTo(16_683_000L, within(5_000L));
  }

  @Test
  void anUnprogrammedAdapterStillHasRetraces() {
    bench.out(0x3C2, 1);
    nanosToNextRetrace();
    assertThat(nanosToNextRetrace()).isBetween(14_000_000L, 18_000_000L);
  }
}
