package io.satchel.vm.firmware;

/**
 * The 32 KiB at C0000h: the video BIOS's entry, its fonts and tables. Programs recognise it by the
 * option ROM header and the letters "IBM" at offset 1Eh.
 */
final class VideoRom {

  static final int SEGMENT = 0xC000;
  static final int BASE = 0xC0000;
  static final int SIZE = 0x8000;
  static final int FONT_8X8 = 0x1000;
  static final int FONT_8X14 = 0x1800;
  static final int FONT_8X16 = 0x2600;

  /** Bytes of modes 0 to 13h, 64 each, in the order of IBM's table. */
  static final int PARAMETERS = 0x3700;

  /** INT 10h/1Bh's static functionality table. */
  static final int FUNCTIONALITY = 0x3F00;

  /** The table of tables that 40h:A8h points to. */
  static final int SAVE_POINTERS = 0x3F20;

  static final int SAVE_POINTERS_2 = 0x3F40;

  /** Display combination codes. */
  static final int COMBINATIONS = 0x3F60;

  /** Where the list of VBE modes and strings are. */
  static final int VBE = 0x4000;

  /** The protected-mode interface of VBE. */
  static final int VBE_PROTECTED = 0x4400;

  private final byte[] rom = new byte[SIZE];
  private final int int10;

  VideoRom(byte[] font8x8, byte[] font8x14, byte[] font8x16) {
    Assembler code = new Assembler(rom, 0);
    code.bytes(0x55, 0xAA, SIZE / 512);
    code.bytes(0xCB); // the initialisation entry: retf, POST does the work
    code.at(0x1E).text("IBM VGA Compatible BIOS. Satchel");
    code.at(0x60);
    int10 = code.trap(Trap.INT10);
    code.bytes(0xCF); // iret
    System.arraycopy(font8x8, 0, rom, FONT_8X8, 256 * 8);
    System.arraycopy(font8x14, 0, rom, FONT_8X14, 256 * 14);
    System.arraycopy(font8x16, 0, rom, FONT_8X16, 256 * 16);
    for (int i = 0; i < VideoModes.TABLE_ENTRIES; i++) {
      System.arraycopy(VideoModes.parameters(i), 0, rom, PARAMETERS + 64 * i, 64);
    }
    // INT 10h/1Bh static table: modes 0-13h, all scan line counts, fonts, save, all functions.
    code.at(FUNCTIONALITY).bytes(0xFF, 0xE0, 0x0F, 0, 0, 0, 0, 0x07, 0x02, 0x08, 0xE7, 0x0C, 0, 0);
    code.at(SAVE_POINTERS).word(PARAMETERS).word(SEGMENT);
    code.at(SAVE_POINTERS + 16).word(SAVE_POINTERS_2).word(SEGMENT);
    code.at(SAVE_POINTERS_2).word(26).word(COMBINATIONS).word(SEGMENT);
    code.at(COMBINATIONS).bytes(4, 1, 8, 0); // four combinations, version 1, highest code 8
    code.bytes(0, 0, 0, 7, 0, 8, 7, 8); // none; mono VGA; colour VGA; both
  }

  /** Lets another class add its tables. */
  Assembler at(int offset) {
    return new Assembler(rom, offset);
  }

  /** The offset of the INT 10h stub. */
  int int10() {
    return int10;
  }

  /** The image with its checksum made right. */
  byte[] bytes() {
    byte[] image = rom.clone();
    image[SIZE - 1] = 0;
    image[SIZE - 1] = (byte) -Checksums.sum(image, 0, SIZE);
    return image;
  }
}
