package io.satchel.vm.firmware;

/**
 * The BIOS data area: offsets in segment 40h (IBM PC AT and PS/2 BIOS Interface Technical
 * References).
 */
final class Bda {

  static final int BASE = 0x400;
  static final int SERIAL_PORTS = 0x00;
  static final int PRINTER_PORTS = 0x08;
  static final int EBDA_SEGMENT = 0x0E;
  static final int EQUIPMENT = 0x10;
  static final int MEMORY_KIB = 0x13;
  static final int SHIFT_FLAGS = 0x17;
  static final int SHIFT_FLAGS_2 = 0x18;
  static final int ALT_NUMBER = 0x19;
  static final int KEY_HEAD = 0x1A;
  static final int KEY_TAIL = 0x1C;
  static final int KEY_BUFFER = 0x1E;
  static final int FLOPPY_RECALIBRATE = 0x3E;
  static final int FLOPPY_MOTOR = 0x3F;
  static final int FLOPPY_TIMEOUT = 0x40;
  static final int FLOPPY_STATUS = 0x41;
  static final int VIDEO_MODE = 0x49;
  static final int COLUMNS = 0x4A;
  static final int PAGE_SIZE = 0x4C;
  static final int PAGE_START = 0x4E;
  static final int CURSOR_POSITION = 0x50;
  static final int CURSOR_SHAPE = 0x60;
  static final int ACTIVE_PAGE = 0x62;
  static final int CRTC_PORT = 0x63;
  static final int MODE_SELECT = 0x65;
  static final int PALETTE = 0x66;
  static final int TICKS = 0x6C;
  static final int MIDNIGHT = 0x70;
  static final int BREAK = 0x71;
  static final int SOFT_RESET = 0x72;
  static final int DISK_STATUS = 0x74;
  static final int DISK_COUNT = 0x75;
  static final int PRINTER_TIMEOUTS = 0x78;
  static final int SERIAL_TIMEOUTS = 0x7C;
  static final int KEY_BUFFER_START = 0x80;
  static final int KEY_BUFFER_END = 0x82;
  static final int ROWS = 0x84;
  static final int CHARACTER_HEIGHT = 0x85;
  static final int VIDEO_CONTROL = 0x87;
  static final int VIDEO_SWITCHES = 0x88;
  static final int VIDEO_FLAGS = 0x89;
  static final int VIDEO_COMBINATION = 0x8A;
  static final int FLOPPY_DATA_RATE = 0x8B;
  static final int FLOPPY_DRIVES = 0x8F;
  static final int FLOPPY_STATE = 0x90;
  static final int FLOPPY_CYLINDER = 0x94;
  static final int KEY_FLAGS_3 = 0x96;
  static final int KEY_LEDS = 0x97;
  static final int WAIT_FLAG_POINTER = 0x98;
  static final int WAIT_COUNT = 0x9C;
  static final int WAIT_ACTIVE = 0xA0;
  static final int VIDEO_SAVE_POINTERS = 0xA8;

  private Bda() {}
}
