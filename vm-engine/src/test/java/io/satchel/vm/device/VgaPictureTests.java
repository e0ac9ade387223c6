package io.satchel.vm.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.firmware.RomFonts;
import io.satchel.vm.host.ScreenImage;
import java.util.Arrays;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What each mode looks like, pixel by pixel. {@code -Dsatchel.pictures=FOLDER} keeps the PNGs. */
final class VgaPictureTests {

  private static final int BLACK = 0xFF000000;
  private static final int BLUE = 0xFF0000AA;
  private static final int GREEN = 0xFF00AA00;
  private static final int GREY = 0xFFAAAAAA;
  private static final int YELLOW = 0xFFFFFF55;
  private static final int WHITE = 0xFFFFFFFF;

  private final VgaBench bench = new VgaBench();

  private int pixel(int x, int y) {
    return bench.screen.pixel(x, y);
  }

  private void assertSize(int width, int height) {
    assertThat(bench.screen.width()).isEqualTo(width);
    assertThat(bench.screen.height()).isEqualTo(height);
  }

  private void assertGlyph(int column, int row, int code, int ink, int paper) {
    byte[] font = RomFonts.font8x16();
    for (int y = 0; y < 16; y++) {
      for (int x = 0; x < 8; x++) {
        boolean lit = (font[code * 16 + y] & 0x80 >>> x) != 0;
        assertThat(pixel(column * 9 + x, row * 16 + y))
            .as("dot %d, %d", x, y)
            .isEqualTo(lit ? ink : paper);
      }
    }
  }

  private String row(int row) {
    return Objects.requireNonNull(bench.screen.text()).rows().get(row);
  }

  @Test
  void textShowsTheFontInTheAttributesColors() {
    bench.textMode();
    for (int attribute = 0; attribute < 16; attribute++) {
      bench.print(2, attribute, attribute, "Attribute " + attribute + " on black");
      bench.print(40, attribute, (attribute & 7) << 4 | 0xF, "White on " + attribute);
    }
    bench.print(2, 18, 0x1E, "\u00C9\u00CD\u00CD\u00CD\u00BB");
    bench.crtc(0x0A, 0x0D);
    bench.crtc(0x0E, 0);
    bench.crtc(0x0F, 5);
    bench.show();
    bench.keepPicture("text");
    assertSize(720, 400);
    assertThat(bench.screen.squarePixels()).isFalse();
    assertGlyph(2, 10, 'A', 0xFF55FF55, BLACK);
    assertGlyph(40, 1, 'W', WHITE, BLUE);
    assertThat(pixel(3 * 9 + 8, 18 * 16 + 6)).as("C9h to DFh run on").isEqualTo(YELLOW);
    assertThat(pixel(6 * 9 + 8, 18 * 16 + 6)).as("BBh does not").isEqualTo(BLUE);
    assertThat(row(0)).hasSize(80).startsWith("  Attribute 0 on black  ");
    assertThat(row(18)).startsWith("  ╔═══╗ ");
    assertThat(Objects.requireNonNull(bench.screen.text()).cursorColumn()).isEqualTo(5);
  }

  @Test
  void onlyChangedCellsAreDrawnAgain() {
    bench.textMode();
    bench.show();
    long before = bench.screen.updates();
    bench.show();
    assertThat(bench.screen.updates()).isEqualTo(before);
    bench.poke(0xB8000, 2, 0x0720);
    bench.show();
    assertThat(bench.screen.updates()).as("written, yet the same").isEqualTo(before);
    bench.print(0, 0, 7, "A");
    bench.show();
    assertThat(bench.screen.updates()).isEqualTo(before + 1);
    assertGlyph(0, 0, 'A', GREY, BLACK);
  }

  @Test
  void eightDotTextIs640Wide() {
    bench.textMode();
    bench.sequencer(1, 1);
    bench.attribute(0x13, 0);
    bench.print(79, 24, 7, "\u00DB");
    bench.show();
    assertSize(640, 400);
    assertThat(pixel(639, 399)).isEqualTo(GREY);
    assertThat(pixel(631, 399)).isEqualTo(BLACK);
  }

  @Test
  void attributeBit3ChoosesBetweenTwoFonts() {
    bench.textMode();
    byte[] bars = new byte[4096];
    for (int i = 0; i < bars.length; i++) {
      bars[i] = (byte) 0xF0;
    }
    bench.loadFont(0x4000, bars);
    bench.print(0, 0, 0x07, "A");
    bench.print(1, 0, 0x0F, "A");
    bench.sequencer(3, 0x04);
    bench.show();
    assertGlyph(0, 0, 'A', GREY, BLACK);
    for (int y = 0; y < 16; y++) {
      assertThat(pixel(9, y)).isEqualTo(WHITE);
      assertThat(pixel(13, y)).isEqualTo(BLACK);
    }
  }

  @Test
  void aNewGlyphShowsAtOnce() {
    bench.textMode();
    bench.print(0, 0, 0x07, "A");
    bench.show();
    byte[] solid = new byte[4096];
    Arrays.fill(solid, (byte) 0xFF);
    bench.loadFont(0, solid);
    bench.show();
    assertThat(pixel(0, 0)).isEqualTo(GREY);
  }

  @Test
  void cursorHasItsShapeAndBlinks() {
    bench.textMode();
    bench.crtc(0x0A, 13);
    bench.crtc(0x0B, 14);
    bench.crtc(0x0E, 0);
    bench.crtc(0x0F, 81);
    bench.show();
    for (int y = 0; y < 16; y++) {
      assertThat(pixel(9, 16 + y)).isEqualTo(y == 13 || y == 14 ? GREY : BLACK);
    }
    assertThat(pixel(17, 29)).as("the ninth dot too").isEqualTo(GREY);
    bench.pass(8 * 14_270_000L);
    bench.show();
    assertThat(pixel(9, 29)).as("eight frames later").isEqualTo(BLACK);
    bench.pass(8 * 14_270_000L);
    bench.show();
    assertThat(pixel(9, 29)).as("sixteen frames later").isEqualTo(GREY);
    bench.crtc(0x0B, 0x20 | 14);
    bench.show();
    assertThat(pixel(9, 29)).as("skewed").isEqualTo(BLACK);
    assertThat(pixel(18, 29)).as("skewed").isEqualTo(GREY);
    bench.crtc(0x0A, 0x20 | 13);
    bench.show();
    assertThat(pixel(18, 29)).as("off").isEqualTo(BLACK);
  }

  @Test
  void attributeBit7BlinksOrBrightensTheBackground() {
    bench.textMode();
    bench.print(0, 0, 0x9F, "\u00DB");
    bench.show();
    assertThat(pixel(0, 0)).isEqualTo(WHITE);
    bench.pass(16 * 14_270_000L);
    bench.show();
    assertThat(pixel(0, 0)).as("off for sixteen frames").isEqualTo(BLUE);
    bench.attribute(0x10, 0x04);
    bench.print(0, 0, 0x9F, " ");
    bench.show();
    assertThat(pixel(0, 0)).as("bright background").isEqualTo(0xFF5555FF);
  }

  @Test
  void monochromeTextUnderlines() {
    bench.set(VgaBench.Mode.TEXT_MONO);
    bench.crtc(0x0A, 0x20);
    bench.loadFont(0, RomFonts.font8x16());
    bench.poke(0xB0000, 4, 0x07200120);
    bench.show();
    assertThat(pixel(0, 13)).isNotEqualTo(BLACK);
    assertThat(pixel(0, 12)).isEqualTo(BLACK);
    assertThat(pixel(9, 13)).isEqualTo(BLACK);
  }

  @Test
  void startAddressPresetRowScanAndPanningScrollText() {
    bench.textMode();
    bench.print(1, 1, 0x17, "B");
    bench.crtc(0x0C, 0);
    bench.crtc(0x0D, 80);
    bench.show();
    assertGlyph(1, 0, 'B', GREY, BLUE);
    bench.crtc(0x08, 3);
    bench.attribute(0x13, 1);
    bench.show();
    byte[] font = RomFonts.font8x16();
    for (int x = 0; x < 8; x++) {
      boolean lit = (font['B' * 16 + 7] & 0x80 >>> x) != 0;
      assertThat(pixel(9 + x - 2, 7 - 3)).isEqualTo(lit ? GREY : BLUE);
    }
    bench.attribute(0x13, 8);
    bench.crtc(0x08, 0x20);
    bench.show();
    assertThat(pixel(0, 5)).as("byte panning").isEqualTo(BLUE);
  }

  @Test
  void splitScreenShowsTheMemoryFromItsStartAgain() {
    bench.textMode();
    bench.print(0, 0, 0x10, " ");
    bench.print(0, 10, 0x20, " ");
    bench.crtc(0x0D, 10 * 80 & 0xFF);
    bench.crtc(0x0C, 10 * 80 >> 8);
    bench.crtc(0x07, 0x0F);
    bench.crtc(0x09, 0x0F);
    bench.crtc(0x18, 199);
    bench.show();
    assertThat(pixel(0, 0)).isEqualTo(GREEN);
    assertThat(pixel(0, 199)).isEqualTo(BLACK);
    assertThat(pixel(0, 200)).isEqualTo(BLUE);
  }

  @Test
  void cgaFourColorsInterleavesLinesAndPairsBits() {
    bench.set(VgaBench.Mode.CGA_320X200);
    bench.poke(0xB8000, 1, 0b00_01_10_11);
    bench.poke(0xBA000, 1, 0b11_10_01_00);
    bench.poke(0xB8000 + 80 + 79, 1, 0b11);
    bench.show();
    bench.keepPicture("cga4");
    assertSize(320, 200);
    int cyan = 0xFF55FFFF;
    int magenta = 0xFFFF55FF;
    assertThat(new int[] {pixel(0, 0), pixel(1, 0), pixel(2, 0), pixel(3, 0)})
        .containsExactly(BLACK, cyan, magenta, WHITE);
    assertThat(new int[] {pixel(0, 1), pixel(1, 1), pixel(2, 1), pixel(3, 1)})
        .containsExactly(WHITE, magenta, cyan, BLACK);
    assertThat(pixel(319, 2)).isEqualTo(WHITE);
    assertThat(bench.screen.text()).isNull();
  }

  @Test
  void cga640HasOneBitAPixel() {
    bench.set(VgaBench.Mode.CGA_640X200);
    bench.poke(0xB8000 + 79, 1, 0x01);
    bench.poke(0xBA000, 1, 0x80);
    bench.show();
    assertSize(640, 200);
    assertThat(pixel(639, 0)).isEqualTo(WHITE);
    assertThat(pixel(638, 0)).isEqualTo(BLACK);
    assertThat(pixel(0, 1)).isEqualTo(WHITE);
  }

  @Test
  void egaModesShowFourPlanes() {
    bench.set(VgaBench.Mode.EGA_320X200);
    bench.sequencer(2, 0b1010);
    bench.poke(0xA0000 + 40, 1, 0x80);
    bench.show();
    assertSize(320, 200);
    assertThat(pixel(0, 1)).isEqualTo(0xFF55FF55);
    bench.set(VgaBench.Mode.EGA_640X350);
    bench.sequencer(2, 0b0001);
    bench.poke(0xA0000 + 349 * 80 + 79, 1, 0x01);
    bench.show();
    assertSize(640, 350);
    assertThat(pixel(639, 349)).isEqualTo(BLUE);
  }

  @Test
  void mode12hDrawsOnlyWrittenRowsAgain() {
    bench.set(VgaBench.Mode.VGA_640X480);
    for (int y = 0; y < 480; y++) {
      bench.graphics(0, y >>> 5);
      bench.graphics(1, 0xF);
      for (int x = 0; x < 80; x++) {
        bench.poke(0xA0000 + y * 80 + x, 1, 0);
      }
    }
    bench.show();
    bench.keepPicture("mode12");
    assertSize(640, 480);
    assertThat(pixel(5, 33)).isEqualTo(BLUE);
    assertThat(pixel(639, 479)).isEqualTo(YELLOW);
    long before = bench.screen.updates();
    bench.show();
    assertThat(bench.screen.updates()).isEqualTo(before);
    bench.graphics(0, 0xF);
    bench.poke(0xA0000 + 100 * 80, 1, 0);
    bench.show();
    assertThat(bench.screen.updates()).isEqualTo(before + 1);
    assertThat(pixel(0, 100)).isEqualTo(WHITE);
  }

  @Test
  void pelPanningAndStartAddressMoveGraphics() {
    bench.set(VgaBench.Mode.VGA_640X480);
    bench.poke(0xA0000 + 80, 2, 0x0180);
    bench.crtc(0x0D, 80);
    bench.attribute(0x13, 3);
    bench.show();
    assertThat(pixel(15 - 3, 0)).isEqualTo(WHITE);
    bench.attribute(0x13, 0);
    bench.show();
    assertThat(pixel(0, 0)).isEqualTo(WHITE);
    assertThat(pixel(15, 0)).isEqualTo(WHITE);
  }

  @Test
  void mode13hHas256ColorsAndFollowsTheDac() {
    bench.set(VgaBench.Mode.VGA_320X200X256);
    bench.out(0x3C8, 0);
    for (int i = 0; i < 256; i++) {
      bench.out(0x3C9, i >> 2);
      bench.out(0x3C9, 63 - (i >> 2));
      bench.out(0x3C9, i & 63);
    }
    for (int y = 0; y < 200; y++) {
      for (int x = 0; x < 320; x++) {
        bench.poke(0xA0000 + y * 320 + x, 1, x + y);
      }
    }
    bench.show();
    bench.keepPicture("mode13");
    assertSize(320, 200);
    assertThat(pixel(319, 199)).isEqualTo(color((319 + 199) & 0xFF));
    assertThat(pixel(0, 0)).isEqualTo(0xFF00FF00);
    bench.out(0x3C8, 0);
    bench.out(0x3C9, 63);
    bench.out(0x3C9, 0);
    bench.out(0x3C9, 0);
    bench.show();
    assertThat(pixel(0, 0)).isEqualTo(0xFFFF0000);
    bench.out(0x3C6, 0x0F);
    bench.show();
    assertThat(pixel(100, 100)).as("pixel mask").isEqualTo(color(200 & 0x0F));
  }

  private static int color(int i) {
    return 0xFF000000 | six(i >> 2) << 16 | six(63 - (i >> 2)) << 8 | six(i & 63);
  }

  private static int six(int level) {
    return level << 2 | level >> 4;
  }

  @Test
  void modeXShowsFourPixelsAnAddress() {
    bench.set(VgaBench.Mode.MODE_X_320X240);
    for (int plane = 0; plane < 4; plane++) {
      bench.sequencer(2, 1 << plane);
      bench.poke(0xA0000 + 239 * 80 + 79, 1, plane + 1);
    }
    bench.show();
    assertSize(320, 240);
    assertThat(pixel(316, 239)).isEqualTo(BLUE);
    assertThat(pixel(317, 239)).isEqualTo(GREEN);
    bench.crtc(0x0D, 1);
    bench.attribute(0x13, 2);
    bench.show();
    assertThat(pixel(311, 239)).as("one address and one pixel to the left").isEqualTo(BLUE);
  }

  @Test
  void colorSelectMovesThePaletteThroughTheDac() {
    bench.set(VgaBench.Mode.VGA_640X480);
    bench.poke(0xA0000, 1, 0x80);
    bench.attribute(0x0F, 0x01);
    bench.attribute(0x14, 0x02);
    bench.attribute(0x10, 0x81);
    bench.show();
    assertThat(pixel(0, 0)).as("DAC 21h").isEqualTo(0xFF5500AA);
    bench.out(0x3C8, 0x81);
    bench.out(0x3C9, 63);
    bench.out(0x3C9, 0);
    bench.out(0x3C9, 0);
    bench.attribute(0x14, 0x08);
    bench.show();
    assertThat(pixel(0, 0)).as("DAC 81h").isEqualTo(0xFFFF0000);
  }

  @Test
  void screenOffAndAClearPaletteAddressSourceAreBlack() {
    bench.textMode();
    bench.print(0, 0, 7, "\u00DB");
    bench.show();
    assertThat(pixel(0, 0)).isEqualTo(GREY);
    bench.sequencer(1, 0x20);
    bench.show();
    assertThat(pixel(0, 0)).isEqualTo(BLACK);
    bench.sequencer(1, 0x00);
    bench.show();
    assertThat(pixel(0, 0)).isEqualTo(GREY);
    bench.in(0x3DA);
    bench.out(0x3C0, 0x00);
    bench.show();
    assertThat(pixel(0, 0)).isEqualTo(BLACK);
    assertSize(720, 400);
  }

  @Test
  void anotherScreenGetsAWholeFrame() {
    bench.textMode();
    bench.print(0, 0, 7, "\u00DB");
    bench.show();
    ScreenImage second = new ScreenImage();
    bench.vga.attach(second);
    bench.show();
    assertThat(second.pixels()).isEqualTo(bench.screen.pixels());
    assertThat(second.text()).isEqualTo(bench.screen.text());
  }

  @Test
  void everyRegisterSetDrawsWithoutAnException() {
    Random random = new Random(3);
    for (int round = 0; round < 1_000; round++) {
      bench.out(0x3C2, random.nextInt(256));
      bench.crtc(0x11, 0);
      for (int i = 0; i < 25; i++) {
        bench.crtc(i, random.nextInt(256));
      }
      for (int i = 1; i < 5; i++) {
        bench.sequencer(i, random.nextInt(256) & ~(i == 1 ? 0x20 : 0));
      }
      for (int i = 0; i < 9; i++) {
        bench.graphics(i, random.nextInt(256));
      }
      for (int i = 0; i < 21; i++) {
        bench.attribute(i, random.nextInt(256));
      }
      bench.poke(0xA0000 + random.nextInt(0x1FFF8), 8, random.nextLong());
      bench.peek(0xA0000 + random.nextInt(0x1FFF8), 8);
      bench.show();
      bench.in(0x3DA);
      bench.pass(20_000_000);
    }
    assertThat(bench.screen.updates()).isGreaterThan(500);
  }
}
