package io.satchel.vm.firmware;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/**
 * The fonts of the video ROM: code page 437, our own drawings, kept as readable text beside this
 * class.
 *
 * <p>A font is 256 characters in order, each as many bytes as it has rows, the leftmost dot in bit
 * 7: the form in which INT 10h, function 1130h hands them out. Characters C0h to DFh reach column 7
 * where they are to run on into the ninth dot of a 9-dot cell.
 */
public final class RomFonts {

  private static final int CHARACTERS = 256;
  private static final int DOTS = 8;

  private RomFonts() {}

  /** 2,048 bytes: for 200-line graphics, and 50 lines of text. */
  public static byte[] font8x8() {
    return load("font8x8.txt", 8);
  }

  /** 3,584 bytes: for the 350-line modes. */
  public static byte[] font8x14() {
    return load("font8x14.txt", 14);
  }

  /** 4,096 bytes: for the 400-line text modes and 480-line graphics. */
  public static byte[] font8x16() {
    return load("font8x16.txt", 16);
  }

  private static byte[] load(String resource, int rows) {
    try (InputStream in = RomFonts.class.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalStateException("the program's file " + resource + " is missing");
      }
      return parse(
          new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8)), resource, rows);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Comment lines and blank lines separate; a block is a line with the code, then the rows. */
  private static byte[] parse(BufferedReader reader, String resource, int rows) throws IOException {
    byte[] font = new byte[CHARACTERS * rows];
    int character = -1;
    int row = rows;
    int number = 0;
    for (String line = reader.readLine(); line != null; line = reader.readLine()) {
      number++;
      if (line.isBlank() || row == rows && line.startsWith("# ")) {
        continue;
      }
      if (row == rows) {
        character++;
        check(line.startsWith("%02X  ".formatted(character)), resource, number);
        row = 0;
      } else {
        check(character >= 0 && line.length() == DOTS, resource, number);
        font[character * rows + row++] = (byte) dots(line, resource, number);
      }
    }
    check(character == CHARACTERS - 1 && row == rows, resource, number);
    return font;
  }

  private static int dots(String line, String resource, int number) {
    int bits = 0;
    for (int dot = 0; dot < DOTS; dot++) {
      char mark = line.charAt(dot);
      check(mark == '#' || mark == '.', resource, number);
      bits = bits << 1 | (mark == '#' ? 1 : 0);
    }
    return bits;
  }

  private static void check(boolean right, String resource, int number) {
    if (!right) {
      throw new IllegalStateException("%s, line %d, is not a font".formatted(resource, number));
    }
  }
}
