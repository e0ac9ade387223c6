package io.satchel.vm.firmware;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class RomFontsTests {

  private static final List<byte[]> FONTS =
      List.of(RomFonts.font8x8(), RomFonts.font8x14(), RomFonts.font8x16());

  private static byte[] glyph(byte[] font, int code) {
    int rows = font.length / 256;
    return Arrays.copyOfRange(font, code * rows, (code + 1) * rows);
  }

  @Test
  void fontsHave256CharactersOf8And14And16Rows() {
    assertThat(FONTS).extracting(font -> font.length).containsExactly(2048, 3584, 4096);
  }

  @Test
  void noTwoCharactersLookTheSameButTheBlanks() {
    for (byte[] font : FONTS) {
      Map<String, Integer> seen = new HashMap<>();
      for (int code = 1; code < 255; code++) {
        Integer other = seen.put(Arrays.toString(glyph(font, code)), code);
        assertThat(other).as("%x of %d", code, font.length).isNull();
      }
      for (int blank : new int[] {0, ' ', 255}) {
        assertThat(glyph(font, blank)).containsOnly(0);
      }
    }
  }

  @Test
  void boxDrawingMeetsAtTheEdges() {
    for (byte[] font : FONTS) {
      int rows = font.length / 256;
      byte vertical = glyph(font, 0xB3)[0];
      byte[] horizontal = glyph(font, 0xC4);
      assertThat(glyph(font, 0xB3)).containsOnly(vertical);
      for (int code : new int[] {0xBF, 0xC2, 0xC5, 0xDA, 0xB4, 0xC3}) {
        assertThat(glyph(font, code)[rows - 1]).as("down of %x", code).isEqualTo(vertical);
      }
      for (int code : new int[] {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xDA}) {
        for (int row = 0; row < rows; row++) {
          assertThat(glyph(font, code)[row] & 1)
              .as("right of %x, row %d", code, row)
              .isEqualTo(horizontal[row] & 1);
        }
      }
      assertThat(glyph(font, 0xDB)).containsOnly(0xFF);
    }
  }
}
