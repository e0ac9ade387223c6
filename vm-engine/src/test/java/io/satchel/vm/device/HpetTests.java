package io.satchel.vm.device;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** IA-PC HPET Specification 1.0a. */
class HpetTests {

  private static final int CONFIGURATION = 0x10;
  private static final int STATUS = 0x20;
  private static final int COUNTER = 0xF0;

  private static final int LEVEL = 1 << 1;
  private static final int ENABLE = 1 << 2;
  private static final int PERIODIC = 1 << 3;
  private static final int VAL_SET = 1 << 6;
  private static final int MODE_32 = 1 << 8;
  private static final int ROUTE_20 = 20 << 9;

  private final TestBoard rig = new TestBoard();
  private final TestBoard.Probe irq0 = new TestBoard.Probe();
  private final TestBoard.Probe irq8 = new TestBoard.Probe();
  private final ApicBus bus = new ApicBus(rig.board);
  private final Chipset.FakeCore core = new Chipset.FakeCore();
  private final LocalApic apic = new LocalApic(rig.board, bus, 0, core, () -> 0);
  private final IoApic io = new IoApic(rig.board, bus);
  private final Hpet hpet = new Hpet(rig.board, irq0, irq8, io);

  private int get(int register) {
    return (int) rig.map.read(Hpet.BASE + register, 4);
  }

  private long wide(int register) {
    return rig.map.read(Hpet.BASE + register, 8);
  }

  private void set(int register, int value) {
    rig.map.write(Hpet.BASE + register, 4, value);
  }

  private void configure(int timer, int value) {
    set(0x100 + 0x20 * timer, value);
  }

  private void compare(int timer, long value) {
    rig.map.write(Hpet.BASE + 0x108 + 0x20 * timer, 8, value);
  }

  @Test
  void theCapabilitiesNameThreeWideTimersOfTenNanoseconds() {
    assertThat(get(0)).isEqualTo(0x8086_A201);
    assertThat(get(4)).isEqualTo(10_000_000);
    assertThat(wide(0x120)).isEqualTo(0x00F0_0000_0000_0030L);
    assertThat(wide(0x160)).as("a fourth timer").isZero();
  }

  @Test
  void theCounterStandsUntilItIsEnabled() {
    rig.advance(1_000);
    assertThat(wide(COUNTER)).isZero();
    set(CONFIGURATION, 1);
    rig.advance(1_000);
    assertThat(wide(COUNTER)).isEqualTo(100);
    set(CONFIGURATION, 0);
    rig.advance(1_000);
    assertThat(wide(COUNTER)).isEqualTo(100);
    rig.map.write(Hpet.BASE + COUNTER, 8, 0x1_FFFF_FFFFL);
    set(CONFIGURATION, 1);
    rig.advance(10);
    assertThat(wide(COUNTER)).isEqualTo(0x2_0000_0000L);
  }

  @Test
  void aOneShotFiresOnceAtItsComparator() {
    configure(0, ENABLE);
    compare(0, 500);
    set(CONFIGURATION, 3);
    rig.advance(4_999);
    assertThat(irq0.rises).isZero();
    rig.advance(1);
    assertThat(irq0.rises).isEqualTo(1);
    rig.advance(60_000_000_000L);
    assertThat(irq0.rises).isEqualTo(1);
    assertThat(get(STATUS)).as("of an edge").isZero();
  }

  @Test
  void aNarrowOneShotFiresWheneverTheLowerHalfComesAround() {
    configure(1, ENABLE | MODE_32);
    compare(1, 500);
    set(CONFIGURATION, 3);
    rig.advance(5_000);
    assertThat(irq8.rises).isEqualTo(1);
    rig.advance((1L << 32) * Hpet.TICK - 1);
    assertThat(irq8.rises).isEqualTo(1);
    rig.advance(1);
    assertThat(irq8.rises).isEqualTo(2);
  }

  @Test
  void aPeriodicTimerBeginsAtTheValueSetAndGoesOnByTheValueWrittenLast() {
    set(CONFIGURATION, 3);
    configure(0, ENABLE | PERIODIC | VAL_SET | MODE_32);
    set(0x108, 10_000);
    set(0x108, 2_000);
    rig.advance(99_999);
    assertThat(irq0.rises).isZero();
    rig.advance(1);
    assertThat(irq0.rises).isEqualTo(1);
    assertThat(get(0x108)).isEqualTo(12_000);
    rig.advance(200_000);
    assertThat(irq0.rises).isEqualTo(11);
  }

  @Test
  void periodsThatASlowHostMissedAreOne() {
    set(CONFIGURATION, 3);
    configure(0, ENABLE | PERIODIC | VAL_SET | MODE_32);
    set(0x108, 10_000);
    rig.stall(1_050_000);
    assertThat(irq0.rises).isEqualTo(1);
    assertThat(get(0x108)).isEqualTo(110_000);
  }

  @Test
  void aPeriodOfOneTickDoesNotStopTheHost() {
    set(CONFIGURATION, 3);
    configure(0, ENABLE | PERIODIC | VAL_SET);
    compare(0, 1);
    rig.advance(10_000_000);
    assertThat(irq0.rises).isBetween(100, 1_001);
  }

  @Test
  void aLevelStaysUntilItsStatusIsCleared() {
    set(0x310, 0);
    rig.map.write(0xFEE0_00F0L, 4, 0x1FF);
    rig.map.write(IoApic.BASE, 4, 0x10 + 40);
    rig.map.write(IoApic.BASE + 16, 4, 0x8061);
    configure(2, ENABLE | LEVEL | ROUTE_20);
    compare(2, 100);
    set(CONFIGURATION, 1);
    rig.advance(1_000);
    assertThat(get(STATUS)).isEqualTo(1 << 2);
    assertThat(apic.acknowledge()).isEqualTo(0x61);
    rig.map.write(0xFEE0_00B0L, 4, 0);
    assertThat(core.intr).as("comes back").isTrue();
    assertThat(apic.acknowledge()).isEqualTo(0x61);
    set(STATUS, 1 << 2);
    rig.map.write(0xFEE0_00B0L, 4, 0);
    assertThat(core.intr).isFalse();
  }

  @Test
  void legacyReplacementTakesTheLinesOfTheTimerAndTheClock() {
    hpet.timerLine().raise();
    assertThat(irq0.level).isTrue();
    set(CONFIGURATION, 2);
    assertThat(irq0.level).isFalse();
    hpet.clockLine().raise();
    assertThat(irq8.level).isFalse();
    set(CONFIGURATION, 0);
    assertThat(irq0.level).isTrue();
    assertThat(irq8.level).isTrue();
  }

  @Test
  void aRouteThatATimerDoesNotHaveIsNotTaken() {
    configure(2, ROUTE_20);
    configure(2, 5 << 9);
    assertThat(get(0x140) >>> 9 & 0x1F).isEqualTo(20);
  }

  @Test
  void aTimerThatIsNotEnabledIsSilentButKeepsItsStatus() {
    configure(0, LEVEL);
    compare(0, 100);
    set(CONFIGURATION, 3);
    rig.advance(1_000);
    assertThat(irq0.rises).isZero();
    assertThat(get(STATUS)).isEqualTo(1);
    configure(0, LEVEL | ENABLE);
    assertThat(irq0.level).isTrue();
  }
}
