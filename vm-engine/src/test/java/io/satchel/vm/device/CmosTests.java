package io.satchel.vm.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.LocalDateTime;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Motorola MC146818A data sheet, section by section. */
class CmosTests {

  private static final long SECOND = 1_000_000_000L;

  private final TestBoard rig = new TestBoard();
  private final TestBoard.Probe irq8 = new TestBoard.Probe();
  private final Cmos cmos = new Cmos(rig.board, irq8, LocalDateTime.of(1999, 12, 31, 23, 59, 58));

  private int get(int register) {
    rig.out(0x70, register);
    return rig.in(0x71);
  }

  private void set(int register, int value) {
    rig.out(0x70, register);
    rig.out(0x71, value);
  }

  private String time() {
    return "%02x%02x-%02x-%02x %02x:%02x:%02x (%d)"
        .formatted(
            get(Cmos.CENTURY),
            get(Cmos.YEAR),
            get(Cmos.MONTH),
            get(Cmos.DAY),
            get(Cmos.HOURS),
            get(Cmos.MINUTES),
            get(Cmos.SECONDS),
            get(Cmos.DAY_OF_WEEK));
  }

  @Test
  void timeGoesOnOverTheTurnOfTheCentury() {
    assertThat(time()).isEqualTo("1999-12-31 23:59:58 (6)");
    rig.advance(2 * SECOND);
    assertThat(time()).isEqualTo("2000-01-01 00:00:00 (7)");
  }

  @Test
  void binaryModeAndTwelveHours() {
    set(Cmos.REGISTER_B, 0x04);
    assertThat(get(Cmos.HOURS)).isEqualTo(0x80 | 11);
    assertThat(get(Cmos.YEAR)).isEqualTo(99);
    rig.advance(2 * SECOND);
    assertThat(get(Cmos.HOURS)).as("midnight is 12 AM").isEqualTo(12);
  }

  @Test
  void setHoldsTheRegistersUntilTheyAreWritten() {
    set(Cmos.REGISTER_B, 0x82);
    set(Cmos.HOURS, 0x12);
    set(Cmos.MINUTES, 0x34);
    set(Cmos.SECONDS, 0x56);
    set(Cmos.DAY, 0x29);
    set(Cmos.MONTH, 0x02);
    set(Cmos.YEAR, 0x04);
    set(Cmos.CENTURY, 0x20);
    rig.advance(10 * SECOND);
    assertThat(get(Cmos.SECONDS)).isEqualTo(0x56);
    set(Cmos.REGISTER_B, 0x02);
    rig.advance(SECOND);
    assertThat(time()).isEqualTo("2004-02-29 12:34:57 (1)");
  }

  @Test
  void aSingleRegisterCanBeWrittenWhileItRuns() {
    set(Cmos.MINUTES, 0x10);
    rig.advance(SECOND);
    assertThat(time()).startsWith("1999-12-31 23:10:59");
  }

  @Test
  void uipAnnouncesTheUpdate() {
    assertThat(get(Cmos.REGISTER_A) & 0x80).isZero();
    rig.advance(SECOND - 2_300_000);
    assertThat(get(Cmos.REGISTER_A) & 0x80).isZero();
    rig.advance(100_000);
    assertThat(get(Cmos.REGISTER_A) & 0x80).isNotZero();
    assertThat(get(Cmos.SECONDS)).isEqualTo(0x58);
    rig.advance(2_200_000);
    assertThat(get(Cmos.REGISTER_A) & 0x80).isZero();
    assertThat(get(Cmos.SECONDS)).isEqualTo(0x59);
  }

  @Test
  void aHeldDividerStopsTheClockAndTheFirstUpdateComesHalfASecondAfter() {
    set(Cmos.REGISTER_A, 0x66);
    rig.advance(10 * SECOND);
    assertThat(get(Cmos.SECONDS)).isEqualTo(0x58);
    set(Cmos.REGISTER_A, 0x26);
    rig.advance(SECOND / 2 - 1000);
    assertThat(get(Cmos.SECONDS)).isEqualTo(0x58);
    rig.advance(2000);
    assertThat(get(Cmos.SECONDS)).isEqualTo(0x59);
  }

  @ParameterizedTest
  @CsvSource({"3, 8192", "6, 1024", "15, 2", "1, 256", "2, 128"})
  void thePeriodicInterruptComesAtTheChosenRate(int rate, int hertz) {
    set(Cmos.REGISTER_A, 0x20 | rate);
    set(Cmos.REGISTER_B, 0x42);
    for (int i = 0; i < 20_000; i++) {
      rig.advance(SECOND / 20_000);
      if (irq8.level) {
        assertThat(get(Cmos.REGISTER_C) & 0xC0).isEqualTo(0xC0);
      }
    }
    assertThat(irq8.rises).isBetween(hertz - 1, hertz + 1);
  }

  @Test
  void anInterruptThatIsNotReadIsNotRepeated() {
    set(Cmos.REGISTER_B, 0x42);
    rig.advance(SECOND);
    assertThat(irq8.rises).isEqualTo(1);
    assertThat(irq8.level).isTrue();
    assertThat(get(Cmos.REGISTER_C)).isEqualTo(0x80 | 0x40 | 0x10);
    assertThat(irq8.level).isFalse();
  }

  @Test
  void flagsAreSetWithoutTheirInterruptToo() {
    rig.advance(SECOND);
    assertThat(get(Cmos.REGISTER_C)).isEqualTo(0x50);
    assertThat(get(Cmos.REGISTER_C)).isZero();
    assertThat(irq8.rises).isZero();
  }

  @Test
  void theUpdateEndedInterruptComesEachSecond() {
    set(Cmos.REGISTER_B, 0x12);
    for (int i = 0; i < 5; i++) {
      rig.advance(SECOND);
      assertThat(get(Cmos.REGISTER_C) & 0x90).isEqualTo(0x90);
    }
    assertThat(irq8.rises).isEqualTo(5);
  }

  @Test
  void setClearsTheUpdateInterruptEnable() {
    set(Cmos.REGISTER_B, 0x92);
    assertThat(get(Cmos.REGISTER_B)).isEqualTo(0x82);
  }

  @Test
  void theAlarmComesAtItsTimeAndWithAnyHourEachHour() {
    set(Cmos.SECONDS_ALARM, 0x03);
    set(Cmos.MINUTES_ALARM, 0x00);
    set(Cmos.HOURS_ALARM, 0xC0);
    set(Cmos.REGISTER_B, 0x22);
    rig.advance(4 * SECOND);
    assertThat(irq8.rises).isZero();
    rig.advance(SECOND);
    assertThat(irq8.rises).isEqualTo(1);
    assertThat(get(Cmos.REGISTER_C) & 0xA0).isEqualTo(0xA0);
    rig.advance(3600 * SECOND);
    assertThat(irq8.rises).isEqualTo(2);
  }

  @Test
  void registerDSaysThatTheBatteryIsGood() {
    assertThat(get(Cmos.REGISTER_D)).isEqualTo(0x80);
    assertThat(rig.in(0x70)).as("the index cannot be read").isEqualTo(0xFF);
  }

  @Test
  void bit7OfTheIndexMasksNmi() {
    rig.out(0x70, 0x8D);
    assertThat(cmos.nmiMasked()).isTrue();
    assertThat(rig.in(0x71)).isEqualTo(0x80);
  }

  @Test
  void resetKeepsTimeAndRamAndStopsInterrupts() {
    set(0x40, 0x5A);
    set(Cmos.REGISTER_B, 0x72);
    rig.advance(SECOND);
    cmos.reset();
    assertThat(irq8.level).isFalse();
    assertThat(get(0x40)).isEqualTo(0x5A);
    assertThat(get(Cmos.REGISTER_B)).isEqualTo(0x02);
    assertThat(get(Cmos.SECONDS)).isEqualTo(0x59);
  }

  @Test
  void setUpWritesMemorySizesDrivesAndTheChecksum() {
    cmos.setUp(512L << 20, 4, 0);
    assertThat(get(0x10)).isEqualTo(0x40);
    assertThat(get(0x14)).isEqualTo(0x07);
    assertThat(get(0x15) | get(0x16) << 8).isEqualTo(640);
    assertThat(get(0x17) | get(0x18) << 8).isEqualTo(0xFFFF);
    assertThat(get(0x34) | get(0x35) << 8).isEqualTo((512 - 16) * 16);
    assertThat(cmos.checksumValid()).isTrue();
    set(0x20, 1);
    assertThat(cmos.checksumValid()).isFalse();
  }

  @Test
  void nonsenseInTheRegistersIsATimeOfSomeKind() {
    for (int register = 0; register < 128; register++) {
      set(register, 0xFF);
    }
    set(Cmos.REGISTER_A, 0x26);
    set(Cmos.REGISTER_B, 0x02);
    rig.advance(3 * SECOND);
    assertThat(get(Cmos.SECONDS)).isLessThan(0x60);
  }
}
