package io.satchel.vm.device;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** The dispi interface, through the ports and on the screen. */
final class BochsVbeTests {

  private final VgaBench bench = new VgaBench();

  private int pixel(int x, int y) {
    return bench.screen.pixel(x, y);
  }

  @Test
  void identifiesItselfAndAcceptsOlderVersions() {
    assertThat(bench.dispi(BochsVbe.ID)).isEqualTo(0xB0C5);
    bench.dispi(BochsVbe.ID, 0xB0C0);
    assertThat(bench.dispi(BochsVbe.ID)).isEqualTo(0xB0C0);
    bench.dispi(BochsVbe.ID, 0xB0C6);
    assertThat(bench.dispi(BochsVbe.ID)).isEqualTo(0xB0C0);
    assertThat(bench.dispi(BochsVbe.VIDEO_MEMORY_64K)).isEqualTo(256);
  }

  @Test
  void dataIsAlsoAtPort1D0() {
    bench.ports.write(0x1CE, 2, BochsVbe.XRES);
    bench.ports.write(0x1D0, 2, 1024);
    assertThat(bench.ports.read(0x1D0, 2)).isEqualTo(1024);
    assertThat(bench.ports.read(0x1CF, 2)).isEqualTo(1024);
  }

  @Test
  void getcapsTellsTheLargestPicture() {
    bench.dispi(BochsVbe.ENABLE, BochsVbe.GETCAPS);
    assertThat(bench.dispi(BochsVbe.XRES)).isEqualTo(2560);
    assertThat(bench.dispi(BochsVbe.YRES)).isEqualTo(1600);
    assertThat(bench.dispi(BochsVbe.BPP)).isEqualTo(32);
    bench.dispi(BochsVbe.ENABLE, 0);
    assertThat(bench.dispi(BochsVbe.XRES)).isZero();
  }

  @Test
  void depthsAreDrawn() {
    bench.vbe(640, 480, 32);
    bench.poke(VgaBench.LFB + 4 * (479 * 640 + 639), 4, 0x00123456);
    bench.show();
    assertThat(bench.screen.width()).isEqualTo(640);
    assertThat(bench.screen.squarePixels()).isTrue();
    assertThat(pixel(639, 479)).isEqualTo(0xFF123456);

    bench.vbe(640, 480, 24);
    bench.poke(VgaBench.LFB + 3, 4, 0x77332211);
    bench.show();
    assertThat(pixel(1, 0)).isEqualTo(0xFF332211);

    bench.vbe(640, 480, 16);
    bench.poke(VgaBench.LFB, 4, 0x07E0_F81F);
    bench.show();
    assertThat(pixel(0, 0)).isEqualTo(0xFFFF00FF);
    assertThat(pixel(1, 0)).isEqualTo(0xFF00FF00);

    bench.vbe(640, 480, 15);
    bench.poke(VgaBench.LFB, 4, 0x03E0_7C1F);
    bench.show();
    assertThat(pixel(0, 0)).isEqualTo(0xFFFF00FF);
    assertThat(pixel(1, 0)).isEqualTo(0xFF00FF00);

    bench.vbe(640, 480, 8);
    bench.out(0x3C8, 9);
    bench.out(0x3C9, 63);
    bench.out(0x3C9, 0);
    bench.out(0x3C9, 63);
    bench.poke(VgaBench.LFB + 2, 1, 9);
    bench.show();
    assertThat(pixel(2, 0)).isEqualTo(0xFFFF00FF);
  }

  @Test
  void fourBitModesArePlanarAndBanked() {
    bench.set(VgaBench.Mode.VGA_640X480);
    bench.vbe(1024, 768, 4);
    int last = 767 * 128 + 127;
    bench.dispi(BochsVbe.BANK, last >>> 16);
    bench.sequencer(2, 0b1111);
    bench.poke(0xA0000 + (last & 0xFFFF), 1, 0x01);
    bench.show();
    assertThat(pixel(1023, 767)).isEqualTo(0xFFFFFFFF);
    assertThat(pixel(1022, 767)).isEqualTo(0xFF000000);
  }

  @Test
  void banksShowTheFrameBufferAtA0000() {
    bench.vbe(800, 600, 32);
    bench.dispi(BochsVbe.BANK, 5);
    bench.poke(0xA0000 + 12, 4, 0x11223344);
    assertThat(bench.peek(VgaBench.LFB + 5 * 0x10000 + 12, 4)).isEqualTo(0x11223344);
    bench.dispi(BochsVbe.BANK, 6);
    assertThat(bench.peek(0xA0000 + 12, 4)).isZero();
  }

  @Test
  void enablingClearsUnlessToldNotTo() {
    bench.poke(VgaBench.LFB, 4, -1);
    bench.dispi(BochsVbe.XRES, 640);
    bench.dispi(BochsVbe.YRES, 480);
    bench.dispi(BochsVbe.BPP, 32);
    bench.dispi(BochsVbe.ENABLE, BochsVbe.ENABLED | BochsVbe.NOCLEARMEM);
    assertThat(bench.peek(VgaBench.LFB, 4)).isEqualTo(-1);
    bench.dispi(BochsVbe.ENABLE, 0);
    bench.dispi(BochsVbe.ENABLE, BochsVbe.ENABLED);
    assertThat(bench.peek(VgaBench.LFB, 4)).isZero();
  }

  @Test
  void theVirtualScreenIsWiderAndThePictureMovesInIt() {
    bench.vbe(640, 480, 32);
    bench.dispi(BochsVbe.VIRT_WIDTH, 1024);
    assertThat(bench.dispi(BochsVbe.VIRT_WIDTH)).isEqualTo(1024);
    assertThat(bench.dispi(BochsVbe.VIRT_HEIGHT)).isEqualTo(4096);
    bench.poke(VgaBench.LFB + 4 * (500 * 1024 + 300), 4, 0xABCDEF);
    bench.dispi(BochsVbe.X_OFFSET, 300);
    bench.dispi(BochsVbe.Y_OFFSET, 500);
    bench.show();
    assertThat(pixel(0, 0)).isEqualTo(0xFFABCDEF);
    bench.dispi(BochsVbe.X_OFFSET, 1000);
    assertThat(bench.dispi(BochsVbe.X_OFFSET)).as("stays inside").isEqualTo(384);
    bench.dispi(BochsVbe.Y_OFFSET, 0xFFFF);
    bench.show();
    assertThat(bench.dispi(BochsVbe.Y_OFFSET)).isEqualTo(4096 - 480);
  }

  @Test
  void impossibleValuesAreIgnored() {
    bench.vbe(640, 480, 32);
    bench.dispi(BochsVbe.XRES, 2568);
    bench.dispi(BochsVbe.YRES, 0);
    bench.dispi(BochsVbe.BPP, 17);
    bench.dispi(BochsVbe.VIRT_WIDTH, 320);
    assertThat(bench.dispi(BochsVbe.XRES)).isEqualTo(640);
    assertThat(bench.dispi(BochsVbe.YRES)).isEqualTo(480);
    assertThat(bench.dispi(BochsVbe.BPP)).isEqualTo(32);
    assertThat(bench.dispi(BochsVbe.VIRT_WIDTH)).isEqualTo(640);
  }

  @Test
  void onlyWrittenRowsAreSent() {
    bench.vbe(1024, 768, 32);
    bench.show();
    long before = bench.screen.updates();
    bench.show();
    assertThat(bench.screen.updates()).isEqualTo(before);
    bench.poke(VgaBench.LFB + 4096 * 7, 4, 0xFFFFFF);
    bench.show();
    assertThat(bench.screen.updates()).isEqualTo(before + 1);
    assertThat(pixel(0, 7)).isEqualTo(0xFFFFFFFF);
  }

  @Test
  void turningItOffGivesTheTextScreenBack() {
    bench.textMode();
    bench.vbe(800, 600, 8);
    bench.show();
    assertThat(bench.screen.text()).isNull();
    bench.dispi(BochsVbe.ENABLE, 0);
    bench.show();
    assertThat(bench.screen.width()).isEqualTo(720);
    assertThat(bench.screen.text()).isNotNull();
  }

  @Test
  void everyRegisterValueDrawsWithoutAnException() {
    java.util.Random random = new java.util.Random(5);
    for (int round = 0; round < 3_000; round++) {
      bench.dispi(random.nextInt(12), random.nextInt(3) == 0 ? random.nextInt(65536) : 0x41);
      bench.dispi(BochsVbe.XRES, random.nextInt(400));
      bench.dispi(BochsVbe.YRES, random.nextInt(300));
      bench.dispi(BochsVbe.BPP, new int[] {4, 8, 15, 16, 24, 32}[random.nextInt(6)]);
      bench.out(0x3C0, 0x20);
      bench.poke(0xA0000 + random.nextInt(0xFFF8), 8, random.nextLong());
      bench.show();
    }
    assertThat(bench.screen.updates()).isGreaterThan(500);
  }
}
