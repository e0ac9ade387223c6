package io.satchel.vm.firmware;

/**
 * What the monitor says of itself: 128 bytes of Extended Display Identification Data 1.3 (VESA
 * Enhanced EDID Standard), with 1024x768 at 60 Hz as the preferred timing.
 */
final class Edid {

  private Edid() {}

  static byte[] bytes() {
    byte[] edid = new byte[128];
    put(edid, 0, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00);
    // Manufacturer "STC" as three letters of five bits, high byte first.
    int maker = ('S' - 64) << 10 | ('T' - 64) << 5 | 'C' - 64;
    put(edid, 8, maker >>> 8, maker, 0x01, 0x00, 0, 0, 0, 0, 1, 36, 1, 3);
    put(edid, 20, 0x0E, 32, 24, 0x78, 0x0A); // analog, 32 x 24 cm, gamma 2.2, RGB, preferred timing
    put(edid, 25, 0xEE, 0x91, 0xA3, 0x54, 0x4C, 0x99, 0x26, 0x0F, 0x50, 0x54); // sRGB
    // Established: 720x400, 640x480, 800x600 and 1024x768 at 60 or 70 Hz.
    put(edid, 35, 0xA1, 0x08, 0x00);
    // Standard timings at 60 Hz: width / 8 - 31; aspect 0 16:10, 1 4:3, 2 5:4, 3 16:9.
    int[][] standard = {
      {1280, 2}, {1280, 3}, {1280, 0}, {1600, 1}, {1440, 0}, {1680, 0}, {1920, 3}, {1152, 1}
    };
    for (int i = 0; i < 8; i++) {
      put(edid, 38 + 2 * i, standard[i][0] / 8 - 31, standard[i][1] << 6);
    }
    // Detailed timing of 1024x768 at 60 Hz (VESA DMT): 65 MHz, blanking 320 and 38.
    put(edid, 54, 0x64, 0x19, 0x00, 0x40, 0x41, 0x00, 0x26, 0x30);
    put(edid, 62, 0x18, 0x88, 0x36, 0x00, 0x40, 0xF0, 0x10, 0x00, 0x00, 0x18);
    descriptor(edid, 72, 0xFC, "Satchel");
    put(edid, 90, 0, 0, 0, 0xFD, 0, 50, 75, 30, 85, 17, 0, 0x0A); // range limits
    for (int i = 102; i < 108; i++) {
      edid[i] = 0x20;
    }
    descriptor(edid, 108, 0xFE, "Screen");
    Checksums.fix(edid, 0, 128, 127);
    return edid;
  }

  private static void put(byte[] edid, int at, int... values) {
    for (int value : values) {
      edid[at++] = (byte) value;
    }
  }

  private static void descriptor(byte[] edid, int at, int tag, String text) {
    put(edid, at, 0, 0, 0, tag, 0);
    for (int i = 0; i < 13; i++) {
      int value = i < text.length() ? text.charAt(i) : i == text.length() ? '\n' : ' ';
      edid[at + 5 + i] = (byte) value;
    }
  }
}
