package io.satchel.vm.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Intel 8254 data sheet, section by section. */
class Pit8254Tests {

  private static final int OUT = 0x80;
  private static final int NULL_COUNT = 0x40;

  private final TestBoard rig = new TestBoard();
  private final TestBoard.Probe irq0 = new TestBoard.Probe();
  private final List<Double> tones = new ArrayList<>();
  private final Pit8254 pit = new Pit8254(rig.board, irq0, tones::add);
  private long clocks;

  /** Goes to the middle of clock {@code count} from now. */
  private void clocks(long count) {
    clocks += count;
    long nanos = (clocks * 1_000_000_000L + 500_000_000L) / Pit8254.FREQUENCY;
    rig.advance(nanos - rig.nanos());
  }

  private void program(int counter, int mode, int count) {
    rig.out(0x43, counter << 6 | 0x30 | mode << 1);
    rig.out(0x40 + counter, count & 0xFF);
    rig.out(0x40 + counter, count >>> 8);
  }

  private int count(int counter) {
    rig.out(0x43, counter << 6);
    return rig.in(0x40 + counter) | rig.in(0x40 + counter) << 8;
  }

  private int status(int counter) {
    rig.out(0x43, 0xE0 | 2 << counter);
    return rig.in(0x40 + counter);
  }

  private boolean out(int counter) {
    return (status(counter) & OUT) != 0;
  }

  private void gate2(boolean level) {
    rig.out(0x61, level ? 1 : 0);
  }

  @Test
  void mode0RaisesOutAtTerminalCountAndKeepsIt() {
    clocks(0);
    program(0, 0, 10);
    assertThat(out(0)).isFalse();
    clocks(1);
    assertThat(count(0)).isEqualTo(10);
    clocks(9);
    assertThat(out(0)).isFalse();
    assertThat(irq0.level).isFalse();
    clocks(1);
    assertThat(out(0)).isTrue();
    assertThat(irq0.level).isTrue();
    assertThat(count(0)).isZero();
    clocks(1);
    assertThat(count(0)).isEqualTo(0xFFFF);
    assertThat(irq0.rises).isEqualTo(2);
  }

  @Test
  void mode0TheFirstByteStopsTheCount() {
    clocks(0);
    program(0, 0, 1000);
    clocks(11);
    rig.out(0x40, 5);
    clocks(2000);
    assertThat(out(0)).isFalse();
    rig.out(0x40, 0);
    clocks(6);
    assertThat(out(0)).isTrue();
  }

  @Test
  void mode0ALowGateHoldsTheCount() {
    clocks(0);
    gate2(true);
    program(2, 0, 100);
    clocks(11);
    assertThat(count(2)).isEqualTo(90);
    gate2(false);
    clocks(500);
    assertThat(count(2)).isEqualTo(90);
    gate2(true);
    clocks(90);
    assertThat(out(2)).isTrue();
  }

  @Test
  void mode1IsAOneShotThatTheGateTriggersAgain() {
    clocks(0);
    program(2, 1, 20);
    clocks(100);
    assertThat(out(2)).isTrue();
    gate2(true);
    clocks(1);
    assertThat(out(2)).isFalse();
    clocks(10);
    gate2(false);
    gate2(true);
    clocks(15);
    assertThat(out(2)).isFalse();
    clocks(6);
    assertThat(out(2)).isTrue();
  }

  @Test
  void mode2IsLowForOneClockOfEachPeriod() {
    clocks(0);
    program(0, 2, 5);
    clocks(1);
    StringBuilder wave = new StringBuilder();
    StringBuilder counts = new StringBuilder();
    for (int i = 0; i < 10; i++) {
      wave.append(out(0) ? '1' : '0');
      counts.append(count(0));
      clocks(1);
    }
    assertThat(wave).hasToString("1111011110");
    assertThat(counts).hasToString("5432154321");
  }

  @Test
  void mode2ALowGateRaisesOutAndItsRiseReloads() {
    clocks(0);
    gate2(true);
    program(2, 2, 100);
    clocks(60);
    gate2(false);
    assertThat(out(2)).isTrue();
    int held = count(2);
    clocks(30);
    assertThat(count(2)).isEqualTo(held);
    gate2(true);
    clocks(1);
    assertThat(count(2)).isEqualTo(100);
  }

  @Test
  void mode2TakesANewCountAtTheEndOfThePeriod() {
    clocks(0);
    program(0, 2, 10);
    clocks(4);
    rig.out(0x40, 20);
    rig.out(0x40, 0);
    assertThat(status(0) & NULL_COUNT).isNotZero();
    assertThat(count(0)).isEqualTo(7);
    clocks(7);
    assertThat(status(0) & NULL_COUNT).isZero();
    assertThat(count(0)).isEqualTo(20);
  }

  @ParameterizedTest
  @CsvSource({"4, 11001100, 42424242", "5, 1110011100, 4204242042"})
  void mode3IsASquareWaveThatCountsByTwo(int divisor, String expected, String counted) {
    clocks(0);
    program(0, 3, divisor);
    clocks(1);
    StringBuilder wave = new StringBuilder();
    StringBuilder counts = new StringBuilder();
    for (int i = 0; i < expected.length(); i++) {
      wave.append(out(0) ? '1' : '0');
      counts.append(count(0));
      clocks(1);
    }
    assertThat(wave).hasToString(expected);
    assertThat(counts).hasToString(counted);
  }

  @Test
  void mode3TakesANewCountAtTheEndOfTheHalfWave() {
    clocks(0);
    gate2(true);
    program(2, 3, 100);
    clocks(11);
    rig.out(0x42, 20);
    rig.out(0x42, 0);
    clocks(39);
    assertThat(out(2)).isTrue();
    clocks(1);
    assertThat(out(2)).isFalse();
    clocks(9);
    assertThat(out(2)).isFalse();
    clocks(1);
    assertThat(out(2)).isTrue();
  }

  @Test
  void mode4StrobesOnce() {
    clocks(0);
    program(0, 4, 10);
    clocks(10);
    assertThat(out(0)).isTrue();
    clocks(1);
    assertThat(out(0)).isFalse();
    clocks(1);
    assertThat(out(0)).isTrue();
    clocks(100_000);
    assertThat(out(0)).isTrue();
  }

  @Test
  void mode5StrobesAfterTheGateRises() {
    clocks(0);
    program(2, 5, 10);
    clocks(50);
    assertThat(out(2)).isTrue();
    gate2(true);
    clocks(11);
    assertThat(out(2)).isFalse();
    clocks(1);
    assertThat(out(2)).isTrue();
  }

  @Test
  void aCountOfZeroIs65536AndInBcd10000() {
    clocks(0);
    program(0, 2, 0);
    clocks(2);
    assertThat(count(0)).isEqualTo(0xFFFF);
    rig.out(0x43, 0x35);
    rig.out(0x40, 0);
    rig.out(0x40, 0);
    clocks(2);
    assertThat(count(0)).isEqualTo(0x9999);
  }

  @Test
  void bcdCountsInDecimal() {
    clocks(0);
    rig.out(0x43, 0x35);
    rig.out(0x40, 0x00);
    rig.out(0x40, 0x10);
    clocks(2);
    assertThat(count(0)).isEqualTo(0x0999);
  }

  @Test
  void aLatchedCountStaysUntilItIsRead() {
    clocks(0);
    program(0, 2, 1000);
    clocks(101);
    rig.out(0x43, 0x00);
    clocks(300);
    rig.out(0x43, 0x00);
    assertThat(rig.in(0x40) | rig.in(0x40) << 8).isEqualTo(900);
  }

  @Test
  void readBackLatchesStatusBeforeCountOfSeveralCounters() {
    clocks(0);
    gate2(true);
    program(0, 2, 1000);
    program(2, 3, 500);
    clocks(1);
    rig.out(0x43, 0xC0 | 0x0A);
    clocks(50);
    assertThat(rig.in(0x40)).isEqualTo(OUT | 0x34);
    assertThat(rig.in(0x40) | rig.in(0x40) << 8).isEqualTo(1000);
    assertThat(rig.in(0x42)).isEqualTo(OUT | 0x36);
    assertThat(rig.in(0x42) | rig.in(0x42) << 8).isEqualTo(500);
  }

  @Test
  void oneByteAccessUsesTheOtherByteAsZero() {
    clocks(0);
    rig.out(0x43, 0x24);
    rig.out(0x40, 0x12);
    clocks(1);
    assertThat(rig.in(0x40)).isEqualTo(0x12);
    rig.out(0x43, 0x14);
    rig.out(0x40, 0x34);
    clocks(1);
    assertThat(rig.in(0x40)).isEqualTo(0x34);
  }

  @ParameterizedTest
  @CsvSource({"2, 11932, 100", "3, 11932, 100", "3, 0, 18", "2, 1193, 1000"})
  void irq0RisesAtTheProgrammedRate(int mode, int divisor, int hertz) {
    program(0, mode, divisor);
    int before = irq0.rises;
    rig.advance(1_000_000_000L);
    assertThat(irq0.rises - before).isBetween(hertz - 1, hertz + 1);
  }

  @Test
  void irq0NeitherDriftsNorSkips() {
    program(0, 2, 1193);
    int before = irq0.rises;
    for (int i = 0; i < 1000; i++) {
      rig.advance(10_000_000);
    }
    assertThat(irq0.rises - before).isEqualTo((int) (10L * Pit8254.FREQUENCY / 1193));
  }

  @Test
  void ticksThatAStalledHostMissedAreOne() {
    program(0, 2, 1193);
    rig.advance(5_000_000);
    int before = irq0.rises;
    rig.stall(1_000_000_000);
    assertThat(irq0.rises - before).isEqualTo(1);
    rig.advance(10_000_000);
    assertThat(irq0.rises - before).isBetween(10, 12);
  }

  @Test
  void aCountOfTwoDoesNotStopTheHost() {
    program(0, 2, 2);
    int before = irq0.rises;
    rig.advance(1_000_000);
    assertThat(irq0.rises - before).isBetween(50, 200);
  }

  @Test
  void port61ShowsOut2AndTheRefreshToggles() {
    gate2(true);
    program(2, 3, 1000);
    int highs = 0;
    int toggles = 0;
    int last = rig.in(0x61) & 0x10;
    for (int i = 0; i < 1000; i++) {
      rig.advance(5_000);
      int value = rig.in(0x61);
      highs += value >>> 5 & 1;
      toggles += (value & 0x10) == last ? 0 : 1;
      last = value & 0x10;
    }
    assertThat(highs).isBetween(450, 550);
    assertThat(toggles).as("every 15.085 us").isBetween(329, 333);
    assertThat(rig.in(0x61) & 0x0F).isEqualTo(1);
  }

  @Test
  void theSpeakerSoundsWhileGateAndDataAreOn() {
    program(2, 3, 1193);
    assertThat(tones).isEmpty();
    rig.out(0x61, 3);
    assertThat(tones).hasSize(1);
    assertThat(tones.getFirst()).isBetween(1000.0, 1000.5);
    rig.out(0x61, 0);
    assertThat(tones).endsWith(0.0);
  }

  @Test
  void aSavedTimerGoesOnWithItsNextTick() {
    program(0, 2, 11932);
    rig.advance(25_000_000);
    TestBoard other = new TestBoard();
    other.clock.set(rig.nanos());
    TestBoard.Probe otherIrq = new TestBoard.Probe();
    new Pit8254(other.board, otherIrq, hertz -> {}).restore(pit.state());
    int before = otherIrq.rises;
    other.advance(4_000_000);
    assertThat(otherIrq.rises).isEqualTo(before);
    other.advance(2_000_000);
    assertThat(otherIrq.rises).isEqualTo(before + 1);
  }
}
