package io.satchel.vm.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.bus.PciFunction;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The 82441FX, 82371SB and 82371AB data sheets: host bridge, ISA bridge, power management. */
class PciBoardTests {

  private final TestBoard rig = new TestBoard();
  private final Pic8259 pic = new Pic8259(rig.board, level -> {});
  private final IoApic io = new IoApic(rig.board, new ApicBus(rig.board));
  private int inits;
  private int resets;
  private final List<Integer> sleeps = new ArrayList<>();
  private final Piix3 piix3 = new Piix3(rig.board, pic, io, () -> inits++, () -> resets++);
  private final int rom = rig.memory.allocate(I440fx.ROM_SIZE);
  private final I440fx bridge = new I440fx(rig.board, rom, piix3.resetControl());
  private final PiixPm pm = new PiixPm(rig.board, piix3.isa(9), sleeps::add);

  private void select(int device, int function, int register) {
    rig.ports.write(0xCF8, 4, 0x8000_0000 | device << 11 | function << 8 | register & 0xFC);
  }

  private int config(int device, int function, int register, int width) {
    select(device, function, register);
    return rig.ports.read(0xCFC + (register & 3), width);
  }

  private void config(int device, int function, int register, int width, int value) {
    select(device, function, register);
    rig.ports.write(0xCFC + (register & 3), width, value);
  }

  private int irr() {
    rig.out(0x20, 0x0A);
    rig.out(0xA0, 0x0A);
    return rig.in(0x20) & ~4 | rig.in(0xA0) << 8;
  }

  @Nested
  class HostBridge {

    @Test
    void configurationMechanism1ReadsByAnyWidth() {
      assertThat(config(0, 0, 0, 4)).isEqualTo(0x1237_8086);
      assertThat(config(0, 0, 2, 2)).isEqualTo(0x1237);
      assertThat(config(0, 0, 1, 1)).isEqualTo(0x80);
      assertThat(config(0, 0, 8, 4)).isEqualTo(0x0600_0002);
      assertThat(config(5, 0, 0, 4)).isEqualTo(-1);
      rig.ports.write(0xCF8, 4, 0x8001_0000);
      assertThat(rig.ports.read(0xCFC, 4)).as("bus 1").isEqualTo(-1);
      rig.ports.write(0xCF8, 4, 0);
      assertThat(rig.ports.read(0xCFC, 4)).as("not enabled").isEqualTo(-1);
    }

    @Test
    void confaddTakesDoublewordsOnly() {
      rig.ports.write(0xCF8, 4, 0x8000_0808);
      rig.out(0xCF8, 0x55);
      rig.ports.write(0xCF8, 2, 0x5555);
      assertThat(rig.ports.read(0xCF8, 4)).isEqualTo(0x8000_0808);
    }

    @ParameterizedTest
    @CsvSource({
      "0x59, 4, 0xF0000",
      "0x5A, 0, 0xC0000",
      "0x5A, 4, 0xC4000",
      "0x5D, 0, 0xD8000",
      "0x5E, 4, 0xE4000",
      "0x5F, 4, 0xEC000"
    })
    void eachPamNibbleShadowsItsBlock(String register, int shift, String base) {
      int pam = Integer.decode(register);
      int address = Integer.decode(base);
      rig.memory.put8(rom + address - 0xC0000, 0x11);
      rig.memory.put8(address, 0x22);
      assertThat(rig.map.read(address, 1)).isEqualTo(0x11);
      rig.map.write(address, 1, 0x33);
      assertThat(rig.memory.read8(address)).as("writes go to the ROM").isEqualTo(0x22);
      config(0, 0, pam, 1, 2 << shift);
      rig.map.write(address, 1, 0x33);
      assertThat(rig.map.read(address, 1)).as("reads still from the ROM").isEqualTo(0x11);
      assertThat(rig.memory.read8(address)).isEqualTo(0x33);
      config(0, 0, pam, 1, 1 << shift);
      assertThat(rig.map.read(address, 1)).isEqualTo(0x33);
      rig.map.write(address, 1, 0x44);
      assertThat(rig.map.read(address, 1)).as("write protected").isEqualTo(0x33);
      config(0, 0, pam, 1, 3 << shift);
      rig.map.write(address, 1, 0x44);
      assertThat(rig.map.read(address, 1)).isEqualTo(0x44);
      bridge.reset();
      assertThat(rig.map.read(address, 1)).isEqualTo(0x11);
    }

    @Test
    void theDramRowBoundariesTellTheMemory() {
      assertThat(config(0, 0, 0x67, 1)).isEqualTo(TestBoard.RAM >>> 23);
    }
  }

  @Nested
  class IsaBridge {

    @Test
    void identifiesItself() {
      assertThat(config(1, 0, 0, 4)).isEqualTo(0x7000_8086);
      assertThat(config(1, 0, 0x0E, 1)).as("multifunction").isEqualTo(0x80);
      assertThat(config(1, 0, 0x60, 4)).isEqualTo(0x8080_8080);
    }

    @ParameterizedTest
    @CsvSource({"3, 0, 2", "3, 1, 3", "4, 0, 3", "1, 0, 0", "2, 3, 0"})
    void pinsAreSwizzledByDevice(int device, int pin, int pirq) {
      PciFunction card = new PciFunction(0x1234, 0x5678, 0x0200_0000);
      card.preset(PciFunction.INTERRUPT_PIN, 1, pin + 1);
      rig.pci.plug(device, 4, card);
      config(1, 0, 0x60 + pirq, 1, 11);
      rig.out(0x4D1, 0x08);
      card.setIntx(true);
      assertThat(irr()).isEqualTo(1 << 11);
      card.setIntx(false);
      assertThat(irr()).isZero();
    }

    @Test
    void sharedLinesStayUpUntilAllHaveLetGo() {
      PciFunction[] cards = new PciFunction[2];
      for (int i = 0; i < 2; i++) {
        cards[i] = new PciFunction(1, 1, 0);
        cards[i].preset(PciFunction.INTERRUPT_PIN, 1, 1);
        rig.pci.plug(3 + 4 * i, 0, cards[i]);
      }
      config(1, 0, 0x62, 1, 10);
      rig.out(0x4D1, 0x04);
      cards[0].setIntx(true);
      cards[1].setIntx(true);
      cards[0].setIntx(false);
      assertThat(irr()).isEqualTo(1 << 10);
      cards[1].setIntx(false);
      assertThat(irr()).isZero();
    }

    @Test
    void aNewRouteMovesTheLine() {
      PciFunction card = new PciFunction(1, 1, 0);
      card.preset(PciFunction.INTERRUPT_PIN, 1, 1);
      rig.pci.plug(3, 0, card);
      rig.out(0x4D1, 0x0C);
      card.setIntx(true);
      assertThat(irr()).as("not routed").isZero();
      config(1, 0, 0x62, 1, 10);
      assertThat(irr()).isEqualTo(1 << 10);
      config(1, 0, 0x62, 1, 11);
      assertThat(irr()).isEqualTo(1 << 11);
    }

    @Test
    void theTimerIsInput2OfTheIoApic() {
      piix3.isa(0).raise();
      assertThat(io.state().lines()).isEqualTo(1 << 2);
      piix3.isa(5).raise();
      assertThat(io.state().lines()).isEqualTo(1 << 2 | 1 << 5);
    }

    @Test
    void cf9ResetsOnARiseOfBit2() {
      rig.out(0xCF9, 0x02);
      assertThat(resets).isZero();
      rig.out(0xCF9, 0x06);
      rig.out(0xCF9, 0x06);
      assertThat(resets).isEqualTo(1);
      assertThat(rig.in(0xCF9)).isEqualTo(6);
      assertThat(inits).isZero();
    }

    @Test
    void cf9WithoutBit1ResetsTheProcessorOnly() {
      rig.out(0xCF9, 0x00);
      rig.out(0xCF9, 0x04);
      assertThat(inits).isEqualTo(1);
      assertThat(resets).isZero();
    }
  }

  @Nested
  class PowerManagement {

    private static final int BASE = 0x600;

    private void open() {
      config(1, 3, 0x40, 4, BASE | 1);
      config(1, 3, 0x80, 1, 1);
    }

    private int get(int offset, int width) {
      return rig.ports.read(BASE + offset, width);
    }

    private void set(int offset, int width, int value) {
      rig.ports.write(BASE + offset, width, value);
    }

    @Test
    void thePortsAreWhereTheBaseSays() {
      assertThat(config(1, 3, 0, 4)).isEqualTo(0x7113_8086);
      assertThat(get(0, 2)).isEqualTo(0xFFFF);
      open();
      assertThat(config(1, 3, 0x40, 4)).isEqualTo(BASE | 1);
      assertThat(get(0, 2)).isZero();
      config(1, 3, 0x80, 1, 0);
      assertThat(get(0, 2)).isEqualTo(0xFFFF);
    }

    @Test
    void theTimerCountsAt3579545HertzIn24Bits() {
      open();
      int start = get(8, 4);
      rig.advance(1_000_000_000L);
      assertThat(get(8, 4) - start).isEqualTo(3_579_545);
      rig.advance(4_000_000_000L);
      assertThat(get(8, 4)).isEqualTo((int) (5L * 3_579_545 & 0xFF_FFFF));
    }

    @Test
    void acpiIsTurnedOnAndOffThroughTheCommandPort() {
      open();
      rig.out(0xB2, 0xF1);
      assertThat(get(4, 2) & 1).isEqualTo(1);
      assertThat(pm.acpiEnabled()).isTrue();
      rig.out(0xB2, 0xF0);
      assertThat(get(4, 2) & 1).isZero();
    }

    @Test
    void thePowerButtonIsAnSciUntilItsStatusIsCleared() {
      open();
      rig.out(0x4D1, 0x02);
      rig.out(0xB2, 0xF1);
      set(2, 2, 0x100);
      pm.powerButton();
      assertThat(get(0, 2)).isEqualTo(0x100);
      assertThat(irr()).isEqualTo(1 << 9);
      set(0, 2, 0x100);
      assertThat(irr()).isZero();
    }

    @Test
    void theTimerOverflowIsAnSci() {
      open();
      rig.out(0x4D1, 0x02);
      rig.out(0xB2, 0xF1);
      set(2, 2, 1);
      rig.advance(2_343_000_000L);
      assertThat(irr()).isZero();
      rig.advance(1_000_000L);
      assertThat(irr()).isEqualTo(1 << 9);
      set(0, 2, 1);
      assertThat(irr()).isZero();
    }

    @Test
    void softOffTellsTheMachine() {
      open();
      set(4, 2, 0x2001);
      assertThat(sleeps).containsExactly(PiixPm.SLEEP_OFF);
      set(4, 2, 0x2401);
      assertThat(sleeps).as("suspend to RAM wakes at once").hasSize(1);
      assertThat(get(0, 2) & 0x8000).isNotZero();
    }

    @Test
    void gpe0IsAtItsOwnPortsToo() {
      rig.ports.write(0xAFE2, 2, 0x0006);
      assertThat(rig.ports.read(0xAFE0, 4)).isEqualTo(0x0006_0000);
    }

    @Test
    void theSmbusIsEmpty() {
      config(1, 3, 0x90, 4, 0x701);
      config(1, 3, 0xD2, 1, 9);
      rig.out(0x704, 0xA1);
      rig.out(0x702, 0x48);
      assertThat(rig.in(0x700) & 0x04).as("device error").isNotZero();
      assertThat(rig.in(0x700) & 0x01).as("not busy").isZero();
      rig.out(0x700, 0x1E);
      assertThat(rig.in(0x700)).isZero();
    }
  }
}
