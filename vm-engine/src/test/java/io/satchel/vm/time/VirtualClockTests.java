package io.satchel.vm.time;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class VirtualClockTests {

  private static final long STEP = 2_000;

  private long host = 77;
  private long executed;

  /** Enough of them that they do not hold the clock back. */
  private int speed = 1_000;

  private final VirtualClock clock = VirtualClock.steady(() -> host, STEP, () -> executed += speed);

  @BeforeEach
  void start() {
    clock.resume();
  }

  private long after(long nanos) {
    host += nanos;
    return clock.nanos();
  }

  @Test
  void beginsAtZeroAndFollowsTheHost() {
    assertThat(clock.nanos()).isZero();
    assertThat(after(1_000)).isEqualTo(1_000);
    assertThat(after(2_000)).isEqualTo(3_000);
  }

  @Test
  void aHostThatWasBusyElsewhereDoesNotMakeItJump() {
    assertThat(after(50_000)).isEqualTo(STEP);
  }

  @Test
  void whatIsMissingIsMadeUpForAtFourTimesTheSpeed() {
    after(5_000);
    assertThat(after(400)).isEqualTo(STEP + 1_600);
    assertThat(after(400)).isEqualTo(STEP + 3_200);
    assertThat(after(400)).as("3000 were missing").isEqualTo(6_200);
    assertThat(after(400)).isEqualTo(6_600);
  }

  @Test
  void whatIsMissingIsMadeUpForAtOnceWhenTheProcessorHaltsButNotBeyondAnEvent() {
    after(50_000);
    assertThat(clock.idleNanos(10_000)).isEqualTo(10_000);
    assertThat(clock.idleNanos(10_000)).isEqualTo(10_000);
    assertThat(clock.idleNanos(Long.MAX_VALUE)).isEqualTo(50_000);
  }

  @Test
  void twoLooksWithFewInstructionsBetweenThemAreNotFarApart() {
    after(100);
    speed = 4;
    assertThat(after(50_000)).as("the host did something else").isEqualTo(100 + 4 * 250);
    speed = 1_000;
    assertThat(after(100)).as("made up for later").isEqualTo(100 + 4 * 250 + 400);
  }

  @Test
  void standsStillWhilePausedAndDoesNotMakeUpForIt() {
    after(500);
    clock.pause();
    assertThat(after(1_000_000)).isEqualTo(500);
    clock.resume();
    assertThat(after(1_000)).isEqualTo(1_500);
    assertThat(after(1_000)).isEqualTo(2_500);
  }

  @Test
  void goesOnFromTheTimeOfARestoredMachine() {
    clock.set(123_456);
    assertThat(after(10)).isEqualTo(123_466);
  }

  @Test
  void neverGoesBack() {
    after(1_000);
    assertThat(after(-500)).isEqualTo(1_000);
  }

  @Test
  void aClockThatFollowsExactlyMayJump() {
    VirtualClock exact = VirtualClock.following(() -> host);
    exact.resume();
    host += 1_000_000_000_000L;
    assertThat(exact.nanos()).isEqualTo(1_000_000_000_000L);
  }

  @Test
  void aHeldClockGoesByWhatWasExecutedAndSaysHowFarItIsAhead() {
    clock.hold(125);
    clock.nanos();
    host += 100;
    assertThat(clock.nanos()).isEqualTo(1_000 * 125 * 2);
    assertThat(clock.ahead()).isEqualTo(250_000 - 100);
    speed = 0;
    host += 200_000;
    assertThat(clock.nanos()).isEqualTo(250_000);
    assertThat(clock.ahead()).isEqualTo(50_000 - 100);
  }

  @Test
  void aHeldClockThatHaltsStaysWhereItIsUntilTheHostHasCaughtUp() {
    clock.hold(125);
    long ahead = clock.nanos();
    speed = 0;
    assertThat(clock.idleNanos(ahead + 50)).isEqualTo(ahead);
    host += ahead + 20;
    assertThat(clock.idleNanos(ahead + 50)).isEqualTo(ahead + 20);
    host += 100;
    assertThat(clock.idleNanos(ahead + 50)).isEqualTo(ahead + 50);
  }

  @Test
  void aHeldClockWhoseHostCannotKeepUpGoesByTheHostAgain() {
    clock.hold(10);
    speed = 10;
    clock.nanos();
    long before = clock.nanos();
    assertThat(after(90_000_000) - before).as("made up for by and by").isEqualTo(100);
    assertThat(after(90_000_000)).as("no more than for one look").isEqualTo(before + 100 + STEP);
  }

  @Test
  void aClockThatIsNoLongerHeldDoesNotGoBack() {
    clock.hold(125);
    long ahead = clock.nanos();
    clock.hold(0);
    assertThat(clock.nanos()).isEqualTo(ahead + 125_000);
    assertThat(clock.ahead()).isZero();
    assertThat(after(500)).isGreaterThan(ahead);
  }
}
