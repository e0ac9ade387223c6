package io.satchel.vm.device;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** Intel SDM volume 3, "Advanced Programmable Interrupt Controller", and the 82093AA data sheet. */
class ApicTests {

  private static final long LOCAL = 0xFEE0_0000L;
  private static final long IO = IoApic.BASE;

  private final TestBoard rig = new TestBoard();
  private final Chipset.FakeCore core = new Chipset.FakeCore();
  private final ApicBus bus = new ApicBus(rig.board);
  private int picVector = 0x48;
  private final LocalApic apic = new LocalApic(rig.board, bus, 0, core, () -> picVector);
  private final IoApic io = new IoApic(rig.board, bus);

  private int get(int register) {
    return (int) rig.map.read(LOCAL + register, 4);
  }

  private void set(int register, int value) {
    rig.map.write(LOCAL + register, 4, value & 0xFFFF_FFFFL);
  }

  private void enable() {
    set(0xF0, 0x1FF);
  }

  private void self(int vector) {
    set(0x300, 0x4_0000 | vector);
  }

  private void redirect(int pin, long entry) {
    ioSet(0x11 + 2 * pin, (int) (entry >>> 32));
    ioSet(0x10 + 2 * pin, (int) entry);
  }

  private void ioSet(int register, int value) {
    rig.map.write(IO, 4, register);
    rig.map.write(IO + 16, 4, value & 0xFFFF_FFFFL);
  }

  private int ioGet(int register) {
    rig.map.write(IO, 4, register);
    return (int) rig.map.read(IO + 16, 4);
  }

  @Nested
  class Local {

    @Test
    void registersAfterReset() {
      assertThat(get(0x30)).isEqualTo(0x0005_0014);
      assertThat(get(0x20)).isZero();
      assertThat(get(0xE0)).isEqualTo(-1);
      assertThat(get(0xF0)).isEqualTo(0xFF);
      assertThat(get(0x320)).isEqualTo(0x1_0000);
      assertThat(apic.base()).isEqualTo(0xFEE0_0900L);
    }

    @Test
    void thePicComesThroughLint0FromTheFirstInstructionOn() {
      apic.lint0().raise();
      assertThat(core.intr).isTrue();
      assertThat(apic.acknowledge()).isEqualTo(0x48);
      apic.lint0().lower();
      assertThat(core.intr).isFalse();
    }

    @Test
    void aMaskedLint0ShutsThePicOut() {
      enable();
      set(0x350, 0x1_0700);
      apic.lint0().raise();
      assertThat(core.intr).isFalse();
      set(0x350, 0x700);
      assertThat(core.intr).isTrue();
    }

    @Test
    void theHigherVectorIsServedFirst() {
      enable();
      self(0x41);
      self(0x62);
      assertThat(core.intr).isTrue();
      assertThat(apic.acknowledge()).isEqualTo(0x62);
      assertThat(core.intr).isFalse();
      assertThat(get(0xA0)).isEqualTo(0x60);
      assertThat(get(0x130)).isEqualTo(1 << 2);
      set(0xB0, 0);
      assertThat(core.intr).isTrue();
      assertThat(apic.acknowledge()).isEqualTo(0x41);
    }

    @Test
    void theTaskPriorityHoldsLowerClassesBack() {
      enable();
      set(0x80, 0x50);
      self(0x5F);
      assertThat(core.intr).isFalse();
      assertThat(get(0x220)).isEqualTo(1 << 31);
      apic.setTaskPriority(4);
      assertThat(core.intr).isTrue();
      assertThat(apic.taskPriority()).isEqualTo(4);
    }

    @Test
    void aRequestThatIsHeldBackMeanwhileIsSpurious() {
      enable();
      set(0x350, 0x1_0700);
      self(0x51);
      set(0x80, 0xFF);
      assertThat(apic.acknowledge()).isEqualTo(0xFF);
      assertThat(get(0x120)).isZero();
    }

    @Test
    void softwareDisablingMasksTheLvt() {
      enable();
      set(0x320, 0x40);
      set(0xF0, 0xFF);
      assertThat(get(0x320)).isEqualTo(0x1_0040);
      set(0x320, 0x40);
      assertThat(get(0x320)).isEqualTo(0x1_0040);
    }

    @Test
    void theOneShotTimerCountsDownOnce() {
      enable();
      set(0x3E0, 0x0B);
      set(0x320, 0x40);
      set(0x380, 1_000_000);
      rig.advance(400_000);
      assertThat(get(0x390)).isEqualTo(600_000);
      rig.advance(599_999);
      assertThat(core.intr).isFalse();
      rig.advance(1);
      assertThat(core.intr).isTrue();
      assertThat(get(0x390)).isZero();
    }

    @Test
    void aShortOneShotFiresThoughTheHostIsLate() {
      enable();
      set(0x3E0, 0x0B);
      set(0x320, 0x40);
      rig.lateness = 10_000;
      set(0x380, 1_000);
      rig.lateness = 0;
      rig.advance(1_000);
      assertThat(core.intr).isTrue();
    }

    @Test
    void theTimerDivides() {
      set(0x3E0, 0x03);
      set(0x380, 1000);
      rig.advance(1600);
      assertThat(get(0x390)).isEqualTo(900);
    }

    @Test
    void thePeriodicTimerGoesOn() {
      enable();
      set(0x3E0, 0x0B);
      set(0x320, 0x2_0040);
      set(0x380, 1_000_000);
      int count = 0;
      for (int i = 0; i < 100; i++) {
        rig.advance(100_000);
        if (core.intr) {
          assertThat(apic.acknowledge()).isEqualTo(0x40);
          set(0xB0, 0);
          count++;
        }
      }
      assertThat(count).isEqualTo(10);
      set(0x380, 0);
      rig.advance(5_000_000);
      assertThat(core.intr).isFalse();
    }

    @Test
    void aCountThatRanOutStaysAtZeroInEveryModeUntilOneIsLoaded() {
      enable();
      set(0x3E0, 0x0B);
      set(0x320, 0x40);
      set(0x380, 1_000);
      rig.advance(1_500);
      assertThat(apic.acknowledge()).isEqualTo(0x40);
      set(0xB0, 0);
      set(0x320, 0x2_0040);
      rig.advance(10_000);
      assertThat(get(0x390)).isZero();
      assertThat(core.intr).isFalse();
      set(0x380, 1_000);
      rig.advance(400);
      assertThat(get(0x390)).isEqualTo(600);
    }

    @Test
    void aOneShotGoesOnFromWhereThePeriodWas() {
      enable();
      set(0x3E0, 0x0B);
      set(0x320, 0x3_0040);
      set(0x380, 100_000);
      rig.advance(330_000);
      set(0x320, 0x40);
      assertThat(get(0x390)).isEqualTo(70_000);
      rig.advance(70_000);
      assertThat(core.intr).isTrue();
      assertThat(get(0x390)).isZero();
    }

    @Test
    void aPeriodOfOneNanosecondDoesNotStopTheHost() {
      enable();
      set(0x3E0, 0x0B);
      set(0x320, 0x2_0040);
      set(0x380, 1);
      rig.advance(10_000_000);
      assertThat(core.intr).isTrue();
    }

    @Test
    void interprocessorInterruptsReachTheOtherProcessor() {
      Chipset.FakeCore second = new Chipset.FakeCore();
      LocalApic other = new LocalApic(rig.board, bus, 1, second, () -> 0);
      set(0x310, 1 << 24);
      set(0x300, 0x4500);
      assertThat(second.inits).isEqualTo(1);
      set(0x300, 0x4699);
      assertThat(second.startPage).isEqualTo(0x99);
      set(0x300, 0xC_4400);
      assertThat(second.nmis).isEqualTo(1);
      assertThat(core.nmis).isZero();
      assertThat(other.base() & LocalApic.BASE_BSP).isZero();
    }

    @Test
    void illegalVectorsAndRegistersAreErrors() {
      enable();
      set(0x370, 0xFE);
      self(5);
      assertThat(core.intr).isTrue();
      assertThat(apic.acknowledge()).isEqualTo(0xFE);
      set(0x280, 0);
      assertThat(get(0x280)).isEqualTo(1 << 5);
      set(0x280, 0);
      assertThat(get(0x280)).isZero();
      get(0x40);
      set(0x280, 0);
      assertThat(get(0x280)).isEqualTo(1 << 7);
    }

    @Test
    void lint1IsNmiWhenProgrammed() {
      enable();
      set(0x360, 0x400);
      apic.lint1().raise();
      assertThat(core.nmis).isEqualTo(1);
    }

    @Test
    void theBaseMovesTheWindowAndGivesRamBack() {
      apic.setBase(0x20_0000L | LocalApic.BASE_ENABLE | LocalApic.BASE_BSP);
      assertThat((int) rig.map.read(0x20_0030, 4)).isEqualTo(0x0005_0014);
      assertThat(rig.map.read(LOCAL + 0x30, 4)).isEqualTo(0xFFFF_FFFFL);
      apic.setBase(LocalApic.RESET_BASE);
      rig.map.write(0x20_0030, 4, 7);
      assertThat(rig.map.read(0x20_0030, 4)).isEqualTo(7);
    }

    @Test
    void globallyDisabledThePinsAreIntrAndNmi() {
      apic.setBase(0);
      assertThat(rig.map.read(LOCAL + 0x30, 4)).isEqualTo(0xFFFF_FFFFL);
      apic.lint0().raise();
      assertThat(core.intr).isTrue();
      assertThat(apic.acknowledge()).isEqualTo(0x48);
      apic.lint1().raise();
      assertThat(core.nmis).isEqualTo(1);
    }
  }

  /** SDM volume 3, section 11.12. */
  @Nested
  class Extended {

    private static final int ICR = 0x30;

    private final Chipset.FakeCore otherCore = new Chipset.FakeCore();
    private final LocalApic other = new LocalApic(rig.board, bus, 33, otherCore, () -> 0);

    Extended() {
      long mode = LocalApic.BASE_EXTD | LocalApic.BASE_ENABLE;
      apic.setBase(LocalApic.RESET_BASE | LocalApic.BASE_BSP | mode);
      other.setBase(LocalApic.RESET_BASE | mode);
      assertThat(apic.write(0x0F, 0x1FF)).isTrue();
      assertThat(other.write(0x0F, 0x1FF)).isTrue();
    }

    @Test
    void theWindowIsGone() {
      assertThat(rig.map.read(LOCAL + 0x30, 4)).isEqualTo(0xFFFF_FFFFL);
      assertThat(apic.read(0x03)).isEqualTo(0x0005_0014);
    }

    @Test
    void theLogicalIdFollowsFromTheId() {
      assertThat(other.read(0x02)).isEqualTo(33);
      assertThat(other.read(0x0D)).isEqualTo(0x0002_0002);
      assertThat(other.write(0x0D, 0)).isFalse();
    }

    @Test
    void registersThatAreNotThereAreRefused() {
      for (int register : new int[] {0x04, 0x0B, 0x0E, 0x31, 0x3F, 0x2F}) {
        assertThat(apic.readable(register)).as("%x", register).isFalse();
      }
      assertThat(apic.write(0x0E, 0)).isFalse();
      assertThat(apic.write(0x31, 0)).isFalse();
      assertThat(apic.write(0x0B, 1)).as("EOI takes only 0").isFalse();
      assertThat(apic.write(0x28, 1)).as("ESR takes only 0").isFalse();
      assertThat(apic.write(0x08, 0x100)).as("a reserved bit").isFalse();
    }

    @Test
    void theInterruptCommandHasADestinationOfThirtyTwoBits() {
      assertThat(apic.write(ICR, 33L << 32 | 0x0051)).isTrue();
      assertThat(other.acknowledge()).isEqualTo(0x51);
      assertThat(core.intr).isFalse();
      assertThat(apic.read(ICR)).isEqualTo(33L << 32 | 0x0051);
    }

    @Test
    void clustersAreOfSixteen() {
      apic.write(ICR, 0x0002_0003L << 32 | 0x0852);
      assertThat(otherCore.intr).isTrue();
      assertThat(core.intr).isFalse();
      apic.write(ICR, 0x0000_0001L << 32 | 0x0853);
      assertThat(apic.acknowledge()).isEqualTo(0x53);
    }

    @Test
    void everyoneIsAllOnes() {
      apic.write(ICR, 0xFFFF_FFFFL << 32 | 0x0054);
      assertThat(apic.acknowledge()).isEqualTo(0x54);
      assertThat(other.acknowledge()).isEqualTo(0x54);
    }

    @Test
    void selfIpiSendsToOneself() {
      assertThat(apic.write(0x3F, 0x66)).isTrue();
      assertThat(apic.acknowledge()).isEqualTo(0x66);
      assertThat(otherCore.intr).isFalse();
    }

    @Test
    void disablingGivesTheIdBack() {
      other.setBase(0);
      other.setBase(LocalApic.RESET_BASE);
      assertThat(other.window()).isEqualTo(LOCAL);
    }
  }

  @Nested
  class Deadline {

    @Test
    void theTimerFiresAtTheTimeStampAndIsDisarmed() {
      enable();
      set(0x320, 0x4_0040);
      apic.setDeadline(rig.nanos() + 5_000);
      rig.advance(4_999);
      assertThat(core.intr).isFalse();
      rig.advance(1);
      assertThat(apic.acknowledge()).isEqualTo(0x40);
      assertThat(apic.deadline()).isZero();
    }

    @Test
    void aDeadlineThatHasPassedFiresAtOnce() {
      enable();
      rig.advance(10_000);
      set(0x320, 0x4_0040);
      apic.setDeadline(1);
      rig.advance(1);
      assertThat(core.intr).isTrue();
    }

    @Test
    void zeroAndAChangeOfModeDisarm() {
      enable();
      set(0x320, 0x4_0040);
      apic.setDeadline(rig.nanos() + 5_000);
      apic.setDeadline(0);
      rig.advance(10_000);
      assertThat(core.intr).isFalse();
      apic.setDeadline(rig.nanos() + 5_000);
      set(0x320, 0x40);
      assertThat(apic.deadline()).isZero();
      rig.advance(10_000);
      assertThat(core.intr).isFalse();
    }

    @Test
    void inOtherModesTheRegisterTakesNothingAndInThisOneTheCountDoesNot() {
      enable();
      set(0x320, 0x40);
      apic.setDeadline(5_000);
      assertThat(apic.deadline()).isZero();
      set(0x320, 0x4_0040);
      set(0x380, 100);
      assertThat(get(0x380)).isZero();
      rig.advance(10_000);
      assertThat(core.intr).isFalse();
    }
  }

  /** Several processors, each behind the same window. */
  @Nested
  class Several {

    private final Chipset.FakeCore otherCore = new Chipset.FakeCore();
    private final LocalApic other = new LocalApic(rig.board, bus, 1, otherCore, () -> 0);

    @Test
    void eachSeesItsOwn() {
      bus.running(other);
      assertThat(get(0x20)).isEqualTo(1 << 24);
      set(0x80, 0x30);
      bus.running(apic);
      assertThat(get(0x20)).isZero();
      assertThat(get(0x80)).isZero();
    }

    @Test
    void whoMovesItsWindowMovesNoOthers() {
      other.setBase(0x20_0000L | LocalApic.BASE_ENABLE);
      assertThat(get(0x30)).isEqualTo(0x0005_0014);
      assertThat(rig.map.read(0x20_0030, 4)).isEqualTo(0xFFFF_FFFFL);
      bus.running(other);
      assertThat(rig.map.read(0x20_0030, 4)).isEqualTo(0x0005_0014);
      assertThat(get(0x30)).isEqualTo(-1);
      other.setBase(LocalApic.RESET_BASE);
      rig.map.write(0x20_0030, 4, 7);
      assertThat(rig.map.read(0x20_0030, 4)).isEqualTo(7);
    }

    @Test
    void theLowestPriorityIsServedByWhoeverHasTheLowest() {
      enable();
      set(0x80, 0x50);
      bus.running(other);
      enable();
      bus.running(apic);
      redirect(4, 0xFFL << 56 | 0x0161);
      io.input(4).raise();
      assertThat(otherCore.intr).isTrue();
      assertThat(core.intr).isFalse();
    }

    @Test
    void shorthandsReachOneselfEveryoneAndTheOthers() {
      enable();
      bus.running(other);
      enable();
      bus.running(apic);
      set(0x300, 0x8_0061);
      assertThat(apic.acknowledge()).isEqualTo(0x61);
      assertThat(other.acknowledge()).isEqualTo(0x61);
      set(0x300, 0xC_0072);
      assertThat(core.intr).isFalse();
      assertThat(other.acknowledge()).isEqualTo(0x72);
    }
  }

  @Nested
  class Io {

    @Test
    void versionIdAndEntriesAfterReset() {
      assertThat(ioGet(1)).isEqualTo(0x0017_0011);
      ioSet(0, 0x0F00_0000);
      assertThat(ioGet(0)).isEqualTo(0x0F00_0000);
      assertThat(ioGet(2)).isEqualTo(0x0F00_0000);
      assertThat(ioGet(0x10)).isEqualTo(0x1_0000);
      ioSet(0x3E, -1);
      assertThat(ioGet(0x3E)).as("status and remote IRR are read only").isEqualTo(0x1_AFFF);
    }

    @Test
    void anEdgeIsDeliveredOnce() {
      enable();
      redirect(4, 0x44);
      io.input(4).raise();
      assertThat(apic.acknowledge()).isEqualTo(0x44);
      set(0xB0, 0);
      assertThat(core.intr).isFalse();
      io.input(4).lower();
      io.input(4).raise();
      assertThat(core.intr).isTrue();
    }

    @Test
    void anEdgeThatMeetsTheMaskIsLost() {
      enable();
      redirect(4, 0x1_0044);
      io.input(4).raise();
      redirect(4, 0x44);
      assertThat(core.intr).isFalse();
    }

    @Test
    void aLevelComesBackAfterItsEoiUntilItDrops() {
      enable();
      redirect(10, 0x80A1);
      io.input(10).raise();
      assertThat(ioGet(0x10 + 20) & 0x4000).isNotZero();
      assertThat(apic.acknowledge()).isEqualTo(0xA1);
      assertThat(get(0x1D0)).as("TMR").isEqualTo(1 << 1);
      set(0xB0, 0);
      assertThat(core.intr).isTrue();
      assertThat(apic.acknowledge()).isEqualTo(0xA1);
      io.input(10).lower();
      set(0xB0, 0);
      assertThat(core.intr).isFalse();
      assertThat(ioGet(0x10 + 20) & 0x4000).isZero();
    }

    @Test
    void aLevelThatWaitedBehindTheMaskIsDelivered() {
      enable();
      redirect(10, 0x1_80A1);
      io.input(10).raise();
      assertThat(core.intr).isFalse();
      redirect(10, 0x80A1);
      assertThat(core.intr).isTrue();
    }

    @Test
    void logicalDestinationsAreMasksInFlatAndClusterModel() {
      enable();
      set(0xD0, 0x0200_0000);
      redirect(5, 0x0300_0000_0000_0951L);
      io.input(5).raise();
      assertThat(apic.acknowledge()).isEqualTo(0x51);
      set(0xB0, 0);
      redirect(6, 0x0500_0000_0000_0952L);
      io.input(6).raise();
      assertThat(core.intr).isFalse();
      set(0xE0, 0x0FFF_FFFF);
      set(0xD0, 0x2100_0000);
      redirect(7, 0x2300_0000_0000_0953L);
      io.input(7).raise();
      assertThat(apic.acknowledge()).isEqualTo(0x53);
    }

    @Test
    void nmiDelivery() {
      redirect(3, 0x400);
      io.input(3).raise();
      assertThat(core.nmis).isEqualTo(1);
    }
  }
}
