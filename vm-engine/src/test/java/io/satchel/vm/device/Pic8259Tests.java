package io.satchel.vm.device;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Intel 8259A data sheet, section by section. */
class Pic8259Tests {

  private final TestBoard rig = new TestBoard();
  private final TestBoard.Probe intr = new TestBoard.Probe();
  private final Pic8259 pic = new Pic8259(rig.board, intr);

  @BeforeEach
  void initialize() {
    initialize(0x20, 0x08, 4, 0x01);
    initialize(0xA0, 0x70, 2, 0x01);
  }

  private void initialize(int port, int base, int icw3, int icw4) {
    rig.out(port, 0x11);
    rig.out(port + 1, base);
    rig.out(port + 1, icw3);
    rig.out(port + 1, icw4);
    rig.out(port + 1, 0);
  }

  private void pulse(int irq) {
    pic.input(irq).lower();
    pic.input(irq).raise();
  }

  private int isr(int port) {
    rig.out(port, 0x0B);
    return rig.in(port);
  }

  private int irr(int port) {
    rig.out(port, 0x0A);
    return rig.in(port);
  }

  @Test
  void icw1ClearsMaskServiceAndEdges() {
    pulse(3);
    pic.acknowledge();
    pulse(5);
    rig.out(0x21, 0x55);
    rig.out(0x20, 0x11);
    rig.out(0x21, 0x08);
    rig.out(0x21, 4);
    rig.out(0x21, 1);
    assertThat(rig.in(0x21)).isZero();
    assertThat(isr(0x20)).isZero();
    assertThat(irr(0x20)).isZero();
    assertThat(intr.level).isFalse();
  }

  @Test
  void icw2GivesTheUpperFiveBitsOfTheVector() {
    initialize(0x20, 0x33, 4, 1);
    pulse(1);
    assertThat(pic.acknowledge()).isEqualTo(0x31);
  }

  @Test
  void withoutIcw4InSingleModeTwoWordsAreEnough() {
    rig.out(0x20, 0x12);
    rig.out(0x21, 0x40);
    rig.out(0x21, 0xFE);
    assertThat(rig.in(0x21)).isEqualTo(0xFE);
  }

  @Test
  void lowerInputsHaveHigherPriority() {
    pulse(5);
    pulse(1);
    assertThat(pic.acknowledge()).isEqualTo(0x09);
    assertThat(intr.level).isFalse();
    rig.out(0x20, 0x20);
    assertThat(pic.acknowledge()).isEqualTo(0x0D);
  }

  @Test
  void aHigherRequestInterruptsAServiceAndALowerOneWaits() {
    pulse(4);
    pic.acknowledge();
    pulse(6);
    assertThat(intr.level).isFalse();
    pulse(0);
    assertThat(intr.level).isTrue();
    assertThat(pic.acknowledge()).isEqualTo(0x08);
  }

  @Test
  void ocw1MasksAndAPendingRequestStays() {
    rig.out(0x21, 0x08);
    pulse(3);
    assertThat(intr.level).isFalse();
    assertThat(irr(0x20)).isEqualTo(8);
    rig.out(0x21, 0);
    assertThat(intr.level).isTrue();
  }

  @Test
  void anEdgeAsksOnce() {
    pulse(3);
    pic.acknowledge();
    rig.out(0x20, 0x20);
    assertThat(intr.level).isFalse();
    pulse(3);
    assertThat(intr.level).isTrue();
  }

  @Test
  void anInputThatDropsTakesItsRequestBack() {
    pic.input(3).raise();
    pic.input(3).lower();
    assertThat(intr.level).isFalse();
    assertThat(irr(0x20)).isZero();
  }

  @Test
  void aRequestThatDroppedBeforeTheAcknowledgeIsSpuriousIrq7() {
    pic.input(3).raise();
    pic.input(3).lower();
    assertThat(pic.acknowledge()).isEqualTo(0x0F);
    assertThat(isr(0x20)).isZero();
  }

  @Test
  void aLevelAsksAgainUntilItDrops() {
    rig.out(0x4D1, 0x0C);
    pic.input(10).raise();
    assertThat(pic.acknowledge()).isEqualTo(0x72);
    rig.out(0xA0, 0x20);
    rig.out(0x20, 0x20);
    assertThat(intr.level).isTrue();
    pic.input(10).lower();
    assertThat(intr.level).isFalse();
  }

  @Test
  void elcrKeepsTimerKeyboardCascadeClockAndCoprocessorEdgeTriggered() {
    rig.out(0x4D0, 0xFF);
    rig.out(0x4D1, 0xFF);
    assertThat(rig.in(0x4D0)).isEqualTo(0xF8);
    assertThat(rig.in(0x4D1)).isEqualTo(0xDE);
    assertThat(pic.levelTriggered(13)).isFalse();
    assertThat(pic.levelTriggered(11)).isTrue();
  }

  @Test
  void theSlaveComesThroughInput2() {
    pulse(14);
    assertThat(intr.level).isTrue();
    assertThat(pic.acknowledge()).isEqualTo(0x76);
    assertThat(isr(0x20)).isEqualTo(4);
    assertThat(isr(0xA0)).isEqualTo(0x40);
  }

  @Test
  void aSecondSlaveRequestWaitsForBothEois() {
    pulse(14);
    pulse(8);
    assertThat(pic.acknowledge()).isEqualTo(0x70);
    rig.out(0xA0, 0x20);
    assertThat(intr.level).isFalse();
    rig.out(0x20, 0x20);
    assertThat(intr.level).isTrue();
    assertThat(pic.acknowledge()).isEqualTo(0x76);
  }

  @Test
  void aMaskedSlaveInputDoesNotReachTheMaster() {
    rig.out(0xA1, 0x40);
    pulse(14);
    assertThat(irr(0x20)).isZero();
    rig.out(0xA1, 0);
    assertThat(irr(0x20)).isEqualTo(4);
  }

  @Test
  void specificEoiClearsTheLevelItNames() {
    pulse(5);
    pic.acknowledge();
    pulse(2 + 1);
    pic.acknowledge();
    rig.out(0x20, 0x60 | 5);
    assertThat(isr(0x20)).isEqualTo(8);
  }

  @Test
  void rotateOnNonSpecificEoiMakesTheServedLevelLowest() {
    pulse(4);
    pic.acknowledge();
    rig.out(0x20, 0xA0);
    pulse(4);
    pulse(5);
    assertThat(pic.acknowledge()).isEqualTo(0x0D);
  }

  @Test
  void rotateOnSpecificEoiAndSetPriorityNameTheLowestLevel() {
    rig.out(0x20, 0xC0 | 3);
    pulse(3);
    pulse(4);
    assertThat(pic.acknowledge()).isEqualTo(0x0C);
    rig.out(0x20, 0xE0 | 4);
    assertThat(isr(0x20)).isZero();
    pulse(4);
    assertThat(pic.acknowledge()).isEqualTo(0x0B);
  }

  @Test
  void automaticEoiLeavesNoLevelInService() {
    initialize(0x20, 0x08, 4, 0x03);
    pulse(1);
    assertThat(pic.acknowledge()).isEqualTo(0x09);
    assertThat(isr(0x20)).isZero();
  }

  @Test
  void automaticEoiCanRotate() {
    initialize(0x20, 0x08, 4, 0x03);
    rig.out(0x20, 0x80);
    pulse(1);
    pic.acknowledge();
    pulse(1);
    pulse(6);
    assertThat(pic.acknowledge()).isEqualTo(0x0E);
  }

  @Test
  void specialMaskModeLetsLowerLevelsThrough() {
    pulse(1);
    pic.acknowledge();
    rig.out(0x21, 0x02);
    pulse(6);
    assertThat(intr.level).isFalse();
    rig.out(0x20, 0x68);
    assertThat(intr.level).isTrue();
    assertThat(pic.acknowledge()).isEqualTo(0x0E);
    rig.out(0x20, 0x20);
    assertThat(isr(0x20)).as("a masked level is not what an EOI means").isEqualTo(2);
    rig.out(0x20, 0x48);
    rig.out(0x20, 0x20);
    assertThat(isr(0x20)).isZero();
  }

  @Test
  void specialFullyNestedModeLetsTheSlaveInterruptItself() {
    initialize(0x20, 0x08, 4, 0x11);
    pulse(14);
    pic.acknowledge();
    pulse(8);
    assertThat(intr.level).isTrue();
    assertThat(pic.acknowledge()).isEqualTo(0x70);
  }

  @Test
  void pollCommandAcknowledgesByARead() {
    pulse(3);
    rig.out(0x20, 0x0C);
    assertThat(rig.in(0x20)).isEqualTo(0x83);
    assertThat(isr(0x20)).isEqualTo(8);
    rig.out(0x20, 0x0C);
    assertThat(rig.in(0x20) & 0x80).isZero();
  }
}
