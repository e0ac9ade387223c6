package io.satchel.vm.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.bus.PciFunction;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Ports: IBM's reference, "Video Subsystem", and QEMU's standard-vga for the PCI side. */
final class VgaRegisterTests {

  private final VgaBench bench = new VgaBench();

  @Test
  void miscellaneousOutputMovesTheCrtcBetween3BxAnd3Dx() {
    bench.out(0x3C2, 1);
    bench.out(0x3D4, 0x0F);
    bench.out(0x3D5, 0x5A);
    assertThat(bench.in(0x3D5)).isEqualTo(0x5A);
    assertThat(bench.in(0x3B5)).isEqualTo(0xFF);
    bench.out(0x3C2, 0);
    assertThat(bench.in(0x3CC)).isZero();
    assertThat(bench.in(0x3B5)).isEqualTo(0x5A);
    assertThat(bench.in(0x3D5)).isEqualTo(0xFF);
  }

  @Test
  void verticalRetraceEndProtectsCrtc0To7ButNotLineCompare() {
    bench.out(0x3C2, 1);
    bench.crtc(0x11, 0x80);
    bench.crtc(0x00, 0x5F);
    bench.crtc(0x07, 0xFF);
    assertThat(bench.cr(0x00)).isZero();
    assertThat(bench.cr(0x07)).isEqualTo(0x10);
    bench.crtc(0x11, 0x00);
    bench.crtc(0x00, 0x5F);
    assertThat(bench.cr(0x00)).isEqualTo(0x5F);
  }

  @Test
  void readingInputStatus1MakesTheNextAttributeWriteAnIndex() {
    bench.out(0x3C2, 1);
    bench.in(0x3DA);
    bench.out(0x3C0, 0x05);
    bench.in(0x3DA);
    bench.out(0x3C0, 0x06);
    bench.out(0x3C0, 0x2A);
    assertThat(bench.in(0x3C0)).isEqualTo(0x06);
    assertThat(bench.in(0x3C1)).isEqualTo(0x2A);
  }

  @Test
  void reservedBitsReadAsZero() {
    bench.sequencer(1, 0xFF);
    bench.graphics(5, 0xFF);
    assertThat(bench.seq(1)).isEqualTo(0x3D);
    assertThat(bench.gr(5)).isEqualTo(0x7B);
  }

  @Test
  void dacTakesThreeWritesAColorAndGoesOnToTheNext() {
    bench.out(0x3C8, 10);
    for (int value = 1; value <= 6; value++) {
      bench.out(0x3C9, value);
    }
    assertThat(bench.in(0x3C8)).isEqualTo(12);
    assertThat(bench.in(0x3C7)).as("state: writing").isZero();
    bench.out(0x3C7, 10);
    assertThat(bench.in(0x3C7)).as("state: reading").isEqualTo(3);
    for (int value = 1; value <= 6; value++) {
      assertThat(bench.in(0x3C9)).isEqualTo(value);
    }
  }

  @Test
  void dacHoldsSixBitsUnlessSetToEight() {
    bench.out(0x3C8, 0);
    bench.out(0x3C9, 0xFF);
    bench.out(0x3C7, 0);
    assertThat(bench.in(0x3C9)).isEqualTo(0x3F);
    bench.dispi(BochsVbe.XRES, 640);
    bench.dispi(BochsVbe.YRES, 480);
    bench.dispi(BochsVbe.ENABLE, BochsVbe.ENABLED | BochsVbe.DAC_8BIT);
    bench.out(0x3C8, 0);
    bench.out(0x3C9, 0xFE);
    bench.out(0x3C7, 0);
    assertThat(bench.in(0x3C9)).isEqualTo(0xFE);
  }

  @Test
  void featureControlIsWrittenAt3DaAndReadAt3Ca() {
    bench.out(0x3C2, 1);
    bench.out(0x3DA, 0xFF);
    assertThat(bench.in(0x3CA)).isEqualTo(0x0B);
  }

  @Test
  void pciFunctionIsTheStandardVga() {
    assertThat(bench.pci.readConfig(0x10, 0, 4)).isEqualTo(0x1111_1234);
    assertThat(bench.pci.readConfig(0x10, PciFunction.CLASS_REVISION + 1, 2)).isZero();
    assertThat(bench.pci.readConfig(0x10, PciFunction.CLASS_REVISION + 3, 1)).isEqualTo(3);
    bench.pci.writeConfig(0x10, PciFunction.BAR0, 4, -1);
    assertThat(bench.pci.readConfig(0x10, PciFunction.BAR0, 4)).isEqualTo(0xFF00_0008);
    bench.pci.writeConfig(0x10, PciFunction.ROM_BAR, 4, -1);
    assertThat(bench.pci.readConfig(0x10, PciFunction.ROM_BAR, 4)).as("no ROM").isZero();
  }

  @Test
  void optionRomIsReadThroughItsBarAndIgnoresWrites() {
    byte[] rom = new byte[38_912];
    rom[0] = 0x55;
    rom[1] = (byte) 0xAA;
    VgaBench with = new VgaBench(rom);
    with.pci.writeConfig(0x10, PciFunction.ROM_BAR, 4, -1);
    assertThat(with.pci.readConfig(0x10, PciFunction.ROM_BAR, 4)).isEqualTo(0xFFFF_0001);
    with.pci.writeConfig(0x10, PciFunction.ROM_BAR, 4, 0xF1000001);
    assertThat(with.peek(0xF1000000, 2)).isEqualTo(0xAA55);
    with.poke(0xF1000000, 2, 0);
    assertThat(with.peek(0xF1000000, 2)).isEqualTo(0xAA55);
    with.pci.writeConfig(0x10, PciFunction.ROM_BAR, 4, 0xF1000000);
    assertThat(with.peek(0xF1000000, 2)).isEqualTo(0xFFFF);
  }

  @Test
  void bar2MirrorsPortsAndDispiAndTellsTheByteOrder() {
    bench.poke(VgaBench.MMIO + 0x402, 1, 0x01);
    bench.poke(VgaBench.MMIO + 0x414, 2, 0x5A0F);
    assertThat(bench.cr(0x0F)).isEqualTo(0x5A);
    assertThat(bench.peek(VgaBench.MMIO + 0x415, 1)).isEqualTo(0x5A);
    assertThat(bench.peek(VgaBench.MMIO + 0x500, 2)).isEqualTo(0xB0C5);
    bench.poke(VgaBench.MMIO + 0x502, 2, 800);
    assertThat(bench.dispi(BochsVbe.XRES)).isEqualTo(800);
    assertThat(bench.peek(VgaBench.MMIO + 0x600, 4)).isEqualTo(8);
    assertThat(bench.peek(VgaBench.MMIO + 0x604, 4)).isEqualTo(0x1E1E1E1E);
  }

  @Test
  void restoredAdapterShowsTheSamePicture() {
    bench.textMode();
    bench.print(3, 4, 0x1E, "restored");
    bench.pass(100_000_000);
    VgaBench other = new VgaBench();
    other.pass(bench.now());
    // A snapshot saves video memory with all other memory, not with the adapter's state.
    byte[] pages = bench.memory.bytes();
    System.arraycopy(pages, 0, other.memory.bytes(), 0, pages.length);
    other.vga.restore(bench.vga.state());
    other.show();
    assertThat(Arrays.equals(other.screen.pixels(), bench.screen.pixels())).isTrue();
    assertThat(other.screen.text()).isEqualTo(bench.screen.text());
    assertThat(other.in(0x3DA)).isEqualTo(bench.in(0x3DA));
    assertThat(other.events.next()).isEqualTo(bench.events.next());
  }
}
