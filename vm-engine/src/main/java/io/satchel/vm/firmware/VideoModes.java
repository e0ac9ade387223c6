package io.satchel.vm.firmware;

import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * The VGA's modes 0 to 13h: what is in the registers (IBM VGA Technical Reference, "Video
 * Parameters") and how characters and pixels are laid out.
 */
final class VideoModes {

  /** How a mode's memory is organised. */
  enum Layout {
    /** Character and attribute. */
    TEXT,
    /** Two bits a pixel, even and odd rows apart. */
    CGA4,
    /** One bit a pixel, even and odd rows apart. */
    CGA2,
    /** Four planes. */
    PLANAR,
    /** One byte a pixel. */
    LINEAR
  }

  /**
   * A mode.
   *
   * @param columns of characters
   * @param rows of characters
   * @param charHeight scan lines of a character
   * @param segment where its memory is
   * @param pageSize bytes from one page to the next
   * @param modeSelect what the CGA's mode register would hold, at 40h:65h
   * @param palette which DAC colours: see {@link #dac}
   * @param entry index in IBM's parameter table
   */
  record Mode(
      int number,
      Layout layout,
      int columns,
      int rows,
      int charHeight,
      int segment,
      int pageSize,
      int modeSelect,
      Palette palette,
      int entry) {

    int pages() {
      return switch (number) {
        case 0, 1, 0x0D -> 8;
        case 2, 3, 7 -> 8;
        case 0x0E -> 4;
        case 0x0F, 0x10 -> 2;
        default -> 1;
      };
    }

    int width() {
      return columns * 8;
    }

    int height() {
      return rows * charHeight;
    }
  }

  /** The sets of colours that a mode begins with. */
  enum Palette {
    MONO,
    CGA,
    EGA,
    VGA
  }

  /** Entries of IBM's table: modes 0 to 13h with the 350- and 400-line variants of text. */
  static final int TABLE_ENTRIES = 29;

  // Attribute controller registers.
  private static final String EGA = "000102030405140738393A3B3C3D3E3F";
  private static final String CGA16 = "00010203040506071011121314151617";
  private static final String CRTC_320 = "2D2728902B80BF1F00C00000000000009C8E8F140096B9E3FF";
  private static final String CRTC_640 = "5F4F50825480BF1F00C00000000000009C8E8F280096B9E3FF";
  private static final String CRTC_350 = "5F4F50825480BF1F00400000000000008385 5D280F63BAE3FF";
  private static final String CRTC_480 = "5F4F508254800B3E0040000000000000EA8CDF2800E704E3FF";
  private static final String GC_TEXT = "0000000000100E00FF";
  private static final String GC_16 = "00000000000005 0FFF";

  private static final byte[][] TABLE = table();

  private VideoModes() {}

  private static byte[][] table() {
    byte[][] table = new byte[TABLE_ENTRIES][];
    String text40 = "2D27289 02BA0BF1F004F0D0E000000009C8E8F141F96B9A3FF";
    String text80 = "5F4F50825581BF1F004F0D0E000000009C8E8F281F96B9A3FF";
    String mono80 = "5F4F50825581BF1F004F0D0E000000009C8E8F280F96B9A3FF";
    // 200-line text, entries 0 to 3.
    String low40 = "2D27289 02BA0BF1F00C7060700000000" + "9C8E8F141F96B9A3FF";
    String low80 = "5F4F50825581BF1F00C7060700000000" + "9C8E8F281F96B9A3FF";
    for (int i = 0; i < 4; i++) {
      boolean wide = i >= 2;
      table[i] =
          entry(
              wide ? 80 : 40,
              25,
              8,
              wide ? 0x1000 : 0x0800,
              wide ? "01030002" : "09030002",
              "63",
              wide ? low80 : low40,
              CGA16 + "08000F00",
              GC_TEXT);
      // 350-line text, entries 13h to 16h.
      table[0x13 + i] =
          entry(
              wide ? 80 : 40,
              25,
              14,
              wide ? 0x1000 : 0x0800,
              wide ? "01030002" : "09030002",
              "A3",
              wide
                  ? "5F4F50825581BF1F004D0B0C0000000083855D281F63BAA3FF"
                  : "2D27289 02BA0BF1F004D0B0C0000000083855D141F63BAA3FF",
              EGA + "08000F00",
              GC_TEXT);
    }
    for (int i = 4; i <= 5; i++) {
      table[i] =
          entry(
              40,
              25,
              8,
              0x4000,
              "09030002",
              "63",
              "2D27289 02B80BF1F00C10000000000009C8E8F140096B9A2FF",
              "00131517020406071011121314151617" + "01000300",
              "0000000000300F00FF");
    }
    table[6] =
        entry(
            80,
            25,
            8,
            0x4000,
            "01010006",
            "63",
            "5F4F50825480BF1F00C10000000000009C8E8F280096B9C2FF",
            "00171717171717171717171717171717" + "01000100",
            "0000000000000D00FF");
    table[7] =
        entry(
            80,
            25,
            14,
            0x1000,
            "00030002",
            "A6",
            "5F4F50825581BF1F004D0B0C0000000083855D280D63BAA3FF",
            "00080808080808081018181818181818" + "0E000F08",
            "0000000000100A00FF");
    for (int i = 8; i < 0x0D; i++) {
      table[i] = new byte[64]; // the PCjr's modes
    }
    table[0x0D] = entry(40, 25, 8, 0x2000, "090F0006", "63", CRTC_320, CGA16 + "01000F00", GC_16);
    table[0x0E] = entry(80, 25, 8, 0x4000, "010F0006", "63", CRTC_640, CGA16 + "01000F00", GC_16);
    table[0x0F] =
        entry(
            80,
            25,
            14,
            0x8000,
            "010F0006",
            "A2",
            CRTC_350,
            "00080000181800000008000000180000" + "0B000500",
            "000000000000050 5FF");
    table[0x10] = entry(80, 25, 14, 0x8000, "010F0006", "A3", CRTC_350, EGA + "01000F00", GC_16);
    // The EGA's own F and 10 for boards with 64 KiB, kept as the same; then 350-line text above.
    table[0x11] = table[0x0F];
    table[0x12] = table[0x10];
    // 400-line text, entries 17h to 19h.
    table[0x17] = entry(40, 25, 16, 0x0800, "08030002", "67", text40, EGA + "0C000F08", GC_TEXT);
    table[0x18] = entry(80, 25, 16, 0x1000, "00030002", "67", text80, EGA + "0C000F08", GC_TEXT);
    table[0x19] =
        entry(
            80,
            25,
            16,
            0x1000,
            "00030002",
            "66",
            mono80,
            "00080808080808081018181818181818" + "0E000F08",
            "0000000000100A00FF");
    table[0x1A] =
        entry(
            80,
            30,
            16,
            0xA000,
            "010F0006",
            "E3",
            CRTC_480.replace("E704E3", "E704C3"),
            "003F3F3F3F3F3F3F3F3F3F3F3F3F3F3F" + "01000F00",
            "0000000000000501FF");
    table[0x1B] = entry(80, 30, 16, 0xA000, "010F0006", "E3", CRTC_480, EGA + "01000F00", GC_16);
    table[0x1C] =
        entry(
            40,
            25,
            8,
            0x2000,
            "010F000E",
            "63",
            "5F4F50825480BF1F00410000000000009C8E8F284096B9A3FF",
            "000102030405060708090A0B0C0D0E0F" + "41000F00",
            "000000000040050FFF");
    return table;
  }

  private static byte[] entry(
      int columns,
      int rows,
      int charHeight,
      int pageSize,
      String sequencer,
      String misc,
      String crtc,
      String attributes,
      String graphics) {
    String hex = sequencer + misc + crtc + attributes + graphics;
    byte[] registers = HexFormat.of().parseHex(hex.replace(" ", ""));
    byte[] entry = new byte[64];
    entry[0] = (byte) columns;
    entry[1] = (byte) (rows - 1);
    entry[2] = (byte) charHeight;
    entry[3] = (byte) pageSize;
    entry[4] = (byte) (pageSize >>> 8);
    if (registers.length != 59) {
      throw new IllegalStateException("%d registers: %s".formatted(registers.length, hex));
    }
    System.arraycopy(registers, 0, entry, 5, 59);
    return entry;
  }

  /** One entry of IBM's parameter table, 64 bytes. */
  static byte[] parameters(int entry) {
    return TABLE[entry];
  }

  /**
   * The mode with that number, or {@code null}.
   *
   * @param scanLines of text modes: 200, 350 or 400
   */
  static @Nullable Mode mode(int number, int scanLines) {
    int textHeight = scanLines == 200 ? 8 : scanLines == 350 ? 14 : 16;
    return switch (number) {
      case 0, 1 ->
          new Mode(
              number,
              Layout.TEXT,
              40,
              25,
              textHeight,
              0xB800,
              0x800,
              number == 0 ? 0x2C : 0x28,
              scanLines == 200 ? Palette.CGA : Palette.EGA,
              scanLines == 200 ? number : scanLines == 350 ? 0x13 + number : 0x17);
      case 2, 3 ->
          new Mode(
              number,
              Layout.TEXT,
              80,
              25,
              textHeight,
              0xB800,
              0x1000,
              number == 2 ? 0x2D : 0x29,
              scanLines == 200 ? Palette.CGA : Palette.EGA,
              scanLines == 200 ? number : scanLines == 350 ? 0x13 + number : 0x18);
      case 4, 5 ->
          new Mode(
              number,
              Layout.CGA4,
              40,
              25,
              8,
              0xB800,
              0x4000,
              number == 4 ? 0x2A : 0x2E,
              Palette.CGA,
              number);
      case 6 -> new Mode(6, Layout.CGA2, 80, 25, 8, 0xB800, 0x4000, 0x1E, Palette.CGA, 6);
      case 7 ->
          new Mode(
              7,
              Layout.TEXT,
              80,
              25,
              scanLines == 350 ? 14 : 16,
              0xB000,
              0x1000,
              0x29,
              Palette.MONO,
              scanLines == 350 ? 7 : 0x19);
      case 0x0D ->
          new Mode(0x0D, Layout.PLANAR, 40, 25, 8, 0xA000, 0x2000, 0x29, Palette.CGA, 0x0D);
      case 0x0E ->
          new Mode(0x0E, Layout.PLANAR, 80, 25, 8, 0xA000, 0x4000, 0x29, Palette.CGA, 0x0E);
      case 0x0F ->
          new Mode(0x0F, Layout.PLANAR, 80, 25, 14, 0xA000, 0x8000, 0x29, Palette.MONO, 0x11);
      case 0x10 ->
          new Mode(0x10, Layout.PLANAR, 80, 25, 14, 0xA000, 0x8000, 0x29, Palette.EGA, 0x12);
      case 0x11 ->
          new Mode(0x11, Layout.PLANAR, 80, 30, 16, 0xA000, 0xA000, 0x29, Palette.EGA, 0x1A);
      case 0x12 ->
          new Mode(0x12, Layout.PLANAR, 80, 30, 16, 0xA000, 0xA000, 0x29, Palette.EGA, 0x1B);
      case 0x13 ->
          new Mode(0x13, Layout.LINEAR, 40, 25, 8, 0xA000, 0x2000, 0x29, Palette.VGA, 0x1C);
      default -> null;
    };
  }

  /** The 256 colours of a palette, red, green and blue with 6 bits each. */
  static byte[] dac(Palette palette) {
    byte[] dac = new byte[768];
    switch (palette) {
      case MONO -> {
        for (int i = 0; i < 64; i++) {
          int step = i >>> 3 & 3;
          grey(dac, i, step == 1 ? 0x2A : step == 3 ? 0x3F : 0);
        }
      }
      case CGA -> {
        for (int i = 0; i < 64; i++) {
          colour16(dac, i, i & 7 | i >>> 1 & 8);
        }
      }
      case EGA -> {
        for (int i = 0; i < 64; i++) {
          set(dac, i, ega(i, 4, 32), ega(i, 2, 16), ega(i, 1, 8));
        }
      }
      case VGA -> vga(dac);
    }
    return dac;
  }

  private static int ega(int colour, int strong, int weak) {
    return ((colour & strong) != 0 ? 0x2A : 0) + ((colour & weak) != 0 ? 0x15 : 0);
  }

  private static void colour16(byte[] dac, int index, int colour) {
    int bright = (colour & 8) != 0 ? 0x15 : 0;
    int green = colour == 6 ? 0x15 : (colour & 2) != 0 ? 0x2A : 0; // 6 is brown
    set(
        dac,
        index,
        ((colour & 4) != 0 ? 0x2A : 0) + bright,
        green + bright,
        ((colour & 1) != 0 ? 0x2A : 0) + bright);
  }

  /** Mode 13h: 16 colours, 16 greys, and hues in three brightnesses of three saturations. */
  private static void vga(byte[] dac) {
    int[] greys = {0, 5, 8, 11, 14, 17, 20, 24, 28, 32, 36, 40, 45, 50, 56, 63};
    int[][] ramps = {
      {0, 16, 31, 47, 63},
      {31, 39, 47, 55, 63},
      {45, 49, 54, 58, 63},
      {0, 7, 14, 21, 28},
      {14, 17, 21, 24, 28},
      {20, 22, 24, 26, 28},
      {0, 4, 8, 12, 16},
      {8, 10, 12, 14, 16},
      {11, 12, 13, 15, 16}
    };
    for (int i = 0; i < 16; i++) {
      colour16(dac, i, i);
      grey(dac, 16 + i, greys[i]);
    }
    int index = 32;
    for (int[] ramp : ramps) {
      for (int hue = 0; hue < 24; hue++) {
        // From blue over magenta, red, yellow, green and cyan back to blue.
        set(dac, index++, ramp[level(hue)], ramp[level(hue + 16)], ramp[level(hue + 8)]);
      }
    }
  }

  /** How much of a primary there is, 0 to 4, on a wheel of 24 steps on which red begins to rise. */
  private static int level(int step) {
    int at = step % 24;
    return at < 4 ? at : at <= 12 ? 4 : at <= 16 ? 16 - at : 0;
  }

  private static void grey(byte[] dac, int index, int value) {
    set(dac, index, value, value, value);
  }

  private static void set(byte[] dac, int index, int red, int green, int blue) {
    dac[3 * index] = (byte) red;
    dac[3 * index + 1] = (byte) green;
    dac[3 * index + 2] = (byte) blue;
  }
}
