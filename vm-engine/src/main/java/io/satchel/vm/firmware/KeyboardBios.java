package io.satchel.vm.firmware;

import io.satchel.vm.cpu.PollWatch;

/**
 * INT 09h and INT 16h: from scan codes of set 1 to characters in the buffer at 40h:1Eh (IBM PS/2
 * and PC BIOS Interface Technical Reference, "Interrupt 09h" and "16h").
 */
final class KeyboardBios {

  private static final int RIGHT_SHIFT = 1;
  private static final int LEFT_SHIFT = 2;
  private static final int CONTROL = 4;
  private static final int ALT = 8;
  private static final int SCROLL_LOCK = 0x10;
  private static final int NUM_LOCK = 0x20;
  private static final int CAPS_LOCK = 0x40;
  private static final int INSERT = 0x80;

  // 40h:18h
  private static final int PAUSED = 0x08;

  // 40h:96h
  private static final int E1_SEEN = 0x01;
  private static final int E0_SEEN = 0x02;
  private static final int ENHANCED = 0x10;

  /** Scan code 1 to 58h: unshifted, shifted, with Ctrl, with Alt; 0 for nothing. */
  private static final int[][] CODES = codes();

  private final Guest guest;
  private final SystemRom rom;

  KeyboardBios(Guest guest, SystemRom rom) {
    this.guest = guest;
    this.rom = rom;
  }

  void post() {
    guest.bda16(Bda.KEY_HEAD, Bda.KEY_BUFFER);
    guest.bda16(Bda.KEY_TAIL, Bda.KEY_BUFFER);
    guest.bda16(Bda.KEY_BUFFER_START, Bda.KEY_BUFFER);
    guest.bda16(Bda.KEY_BUFFER_END, Bda.KEY_BUFFER + 32);
    guest.bda16(Bda.SHIFT_FLAGS, NUM_LOCK);
    guest.bda8(Bda.KEY_FLAGS_3, ENHANCED);
    guest.bda8(Bda.KEY_LEDS, 0x02);
  }

  private static int[][] codes() {
    int[][] codes = new int[0x59][];
    String row = "1234567890-=";
    String shifted = "!@#$%^&*()_+";
    for (int i = 0; i < 12; i++) {
      int scan = 2 + i;
      int control = row.charAt(i) == '2' ? 0x0300 : row.charAt(i) == '6' ? 0x071E : 0;
      control = row.charAt(i) == '-' ? 0x0C1F : control;
      put(codes, scan, row.charAt(i), shifted.charAt(i), control, 0x78 + i << 8);
    }
    letters(codes, 0x10, "qwertyuiop", 0x10);
    letters(codes, 0x1E, "asdfghjkl", 0x1E);
    letters(codes, 0x2C, "zxcvbnm", 0x2C);
    put(codes, 0x01, 27, 27, 0x011B, 0x0100);
    put(codes, 0x0E, 8, 8, 0x0E7F, 0x0E00);
    codes[0x0F] = new int[] {0x0F09, 0x0F00, 0x9400, 0xA500};
    put(codes, 0x1A, '[', '{', 0x1A1B, 0x1A00);
    put(codes, 0x1B, ']', '}', 0x1B1D, 0x1B00);
    put(codes, 0x1C, 13, 13, 0x1C0A, 0x1C00);
    put(codes, 0x27, ';', ':', 0, 0x2700);
    put(codes, 0x28, '\'', '"', 0, 0x2800);
    put(codes, 0x29, '`', '~', 0, 0x2900);
    put(codes, 0x2B, '\\', '|', 0x2B1C, 0x2B00);
    put(codes, 0x33, ',', '<', 0, 0x3300);
    put(codes, 0x34, '.', '>', 0, 0x3400);
    put(codes, 0x35, '/', '?', 0, 0x3500);
    put(codes, 0x37, '*', '*', 0x9600, 0x3700);
    put(codes, 0x39, ' ', ' ', 0x3920, 0x3920);
    for (int i = 0; i < 10; i++) {
      int scan = 0x3B + i;
      codes[scan] = new int[] {scan << 8, 0x54 + i << 8, 0x5E + i << 8, 0x68 + i << 8};
    }
    codes[0x57] = new int[] {0x8500, 0x8700, 0x8900, 0x8B00};
    codes[0x58] = new int[] {0x8600, 0x8800, 0x8A00, 0x8C00};
    put(codes, 0x56, '\\', '|', 0, 0);
    // The numeric pad: as cursor keys; "shifted" is with Num Lock.
    String digits = "789-456+1230.";
    int[] controls = {
      0x7700, 0x8D00, 0x8400, 0x8E00, 0x7300, 0x8F00, 0x7400, 0x9000, 0x7500, 0x9100, 0x7600,
      0x9200, 0x9300
    };
    for (int i = 0; i < digits.length(); i++) {
      int scan = 0x47 + i;
      char digit = digits.charAt(i);
      boolean sign = digit == '-' || digit == '+';
      int plain = sign ? scan << 8 | digit : scan << 8;
      codes[scan] = new int[] {plain, scan << 8 | digit, controls[i], sign ? scan << 8 : 0};
    }
    return codes;
  }

  private static void letters(int[][] codes, int first, String letters, int alt) {
    for (int i = 0; i < letters.length(); i++) {
      char letter = letters.charAt(i);
      int scan = first + i;
      put(codes, scan, letter, letter - 32, scan << 8 | letter & 0x1F, alt + i << 8);
    }
  }

  private static void put(int[][] codes, int scan, int plain, int shifted, int control, int alt) {
    codes[scan] = new int[] {scan << 8 | plain, scan << 8 | shifted, control, alt};
  }

  private void flag(int offset, int bit, boolean set) {
    int value = guest.bda8(offset);
    guest.bda8(offset, set ? value | bit : value & ~bit);
  }

  /** INT 09h, the scan code in AL. */
  void key() {
    int code = guest.al();
    int flags3 = guest.bda8(Bda.KEY_FLAGS_3);
    if (code == 0xE0 || code == 0xE1) {
      guest.bda8(Bda.KEY_FLAGS_3, flags3 | (code == 0xE0 ? E0_SEEN : E1_SEEN));
      return;
    }
    if (code == 0xFA || code == 0xFE || code == 0xEE || code == 0xFC || code == 0x00) {
      return; // the keyboard's answers
    }
    boolean e0 = (flags3 & E0_SEEN) != 0;
    boolean e1 = (flags3 & E1_SEEN) != 0;
    boolean down = code < 0x80;
    int scan = code & 0x7F;
    if (e1) {
      // Pause sends E1 1D 45 E1 9D C5: the prefix holds until the 45h.
      if (scan == 0x45) {
        flag(Bda.KEY_FLAGS_3, E1_SEEN, false);
        if (down && (guest.bda8(Bda.SHIFT_FLAGS_2) & PAUSED) == 0) {
          flag(Bda.SHIFT_FLAGS_2, PAUSED, true);
          guest.stubWord(rom.keyPause);
        }
      }
      return;
    }
    flag(Bda.KEY_FLAGS_3, E0_SEEN, false);
    if (!shiftKey(scan, down, e0) && down) {
      ordinary(scan, e0);
    } else if (!down && scan == 0x54) {
      guest.stubWord(rom.keySystemReleased);
    } else if (!down && scan == 0x38 && guest.bda8(Bda.ALT_NUMBER) != 0) {
      store(guest.bda8(Bda.ALT_NUMBER));
      guest.bda8(Bda.ALT_NUMBER, 0);
    }
  }

  /** Whether it was a key that only changes flags. */
  private boolean shiftKey(int scan, boolean down, boolean e0) {
    switch (scan) {
      case 0x2A, 0x36 -> {
        if (!e0) { // E0 2A and E0 36 are the keyboard's fake shifts
          flag(Bda.SHIFT_FLAGS, scan == 0x2A ? LEFT_SHIFT : RIGHT_SHIFT, down);
        }
      }
      case 0x1D, 0x38 -> {
        boolean control = scan == 0x1D;
        if (e0) {
          flag(Bda.KEY_FLAGS_3, control ? 4 : 8, down);
        } else {
          flag(Bda.SHIFT_FLAGS_2, control ? 1 : 2, down);
        }
        boolean held =
            (guest.bda8(Bda.KEY_FLAGS_3) & (control ? 4 : 8)) != 0
                || (guest.bda8(Bda.SHIFT_FLAGS_2) & (control ? 1 : 2)) != 0;
        flag(Bda.SHIFT_FLAGS, control ? CONTROL : ALT, held);
        return control || down;
      }
      case 0x3A -> lock(CAPS_LOCK, down);
      case 0x45 -> {
        if (down && (guest.bda8(Bda.SHIFT_FLAGS) & CONTROL) != 0) {
          return false;
        }
        lock(NUM_LOCK, down);
      }
      case 0x46 -> {
        if (down && (e0 || (guest.bda8(Bda.SHIFT_FLAGS) & CONTROL) != 0)) {
          return false;
        }
        lock(SCROLL_LOCK, down);
      }
      default -> {
        return false;
      }
    }
    return true;
  }

  private void lock(int bit, boolean down) {
    int held = guest.bda8(Bda.SHIFT_FLAGS_2);
    if (down && (held & bit) == 0) {
      int flags = guest.bda8(Bda.SHIFT_FLAGS) ^ bit;
      guest.bda8(Bda.SHIFT_FLAGS, flags);
      lights(flags);
    }
    flag(Bda.SHIFT_FLAGS_2, bit, down);
  }

  private void lights(int flags) {
    // The lamps are the keyboard's own affair here: sending EDh from within the interrupt would
    // take the answer bytes away from a program that owns the controller.
    guest.bda8(Bda.KEY_LEDS, guest.bda8(Bda.KEY_LEDS) & ~7 | flags >>> 4 & 7);
  }

  private void ordinary(int scan, boolean e0) {
    int flags = guest.bda8(Bda.SHIFT_FLAGS);
    boolean control = (flags & CONTROL) != 0;
    boolean alt = (flags & ALT) != 0;
    boolean shift = (flags & (LEFT_SHIFT | RIGHT_SHIFT)) != 0;
    if (control && alt && scan == 0x53) {
      guest.bda16(Bda.SOFT_RESET, 0x1234);
      guest.stubWord(rom.reset);
      return;
    }
    if ((guest.bda8(Bda.SHIFT_FLAGS_2) & PAUSED) != 0) {
      flag(Bda.SHIFT_FLAGS_2, PAUSED, false); // any key ends a pause and is lost
      return;
    }
    if (scan == 0x46) { // Ctrl+Break
      guest.bda8(Bda.BREAK, 0x80);
      guest.bda16(Bda.KEY_HEAD, guest.bda16(Bda.KEY_BUFFER_START));
      guest.bda16(Bda.KEY_TAIL, guest.bda16(Bda.KEY_BUFFER_START));
      store(0);
      guest.stubWord(rom.keyBreak);
      return;
    }
    if (scan == 0x45) { // Ctrl+Num Lock
      flag(Bda.SHIFT_FLAGS_2, PAUSED, true);
      guest.stubWord(rom.keyPause);
      return;
    }
    if (scan == 0x54) {
      guest.stubWord(rom.keySystemPressed);
      return;
    }
    if (scan == 0x37 && e0 && !control) {
      guest.stubWord(rom.keyPrint);
      return;
    }
    if (scan == 0x52 && !alt && !control && (e0 || shift || (flags & NUM_LOCK) == 0)) {
      guest.bda8(Bda.SHIFT_FLAGS, flags ^ INSERT);
    }
    if (e0) {
      extended(scan, control, alt);
      return;
    }
    if (scan >= CODES.length || CODES[scan] == null) {
      return;
    }
    int[] codes = CODES[scan];
    boolean pad = scan >= 0x47 && scan <= 0x53;
    if (alt && pad && scan != 0x4A && scan != 0x4E && scan != 0x53) {
      int digit = codes[1] & 0x0F;
      guest.bda8(Bda.ALT_NUMBER, guest.bda8(Bda.ALT_NUMBER) * 10 + digit);
      return;
    }
    int value;
    if (alt) {
      value = codes[3];
    } else if (control) {
      value = codes[2];
    } else if (pad) {
      value = codes[shift != ((flags & NUM_LOCK) != 0) ? 1 : 0];
      if (scan == 0x4C && value == 0x4C00) {
        value = 0x4CF0; // the 5 without Num Lock: INT 16h's old functions do not show it
      }
    } else {
      int plain = codes[0] & 0xFF;
      boolean caps = (flags & CAPS_LOCK) != 0 && plain >= 'a' && plain <= 'z';
      value = codes[shift != caps ? 1 : 0];
    }
    if (value != 0) {
      store(value);
    }
  }

  /** Keys with the prefix E0h: the low byte E0h tells INT 16h/10h that they are the grey ones. */
  private void extended(int scan, boolean control, boolean alt) {
    switch (scan) {
      case 0x1C -> store(alt ? 0xA600 : control ? 0xE00A : 0xE00D);
      case 0x35 -> store(alt ? 0xA400 : control ? 0x9500 : 0xE02F);
      case 0x37 -> store(0x7200);
      case 0x47, 0x48, 0x49, 0x4B, 0x4D, 0x4F, 0x50, 0x51, 0x52, 0x53 -> {
        if (alt) {
          store(scan + 0x50 << 8);
        } else if (control) {
          store(CODES[scan][2] | 0xE0);
        } else {
          store(scan << 8 | 0xE0);
        }
      }
      default -> {}
    }
  }

  /** Puts a key into the buffer; a full one loses it. */
  private boolean store(int key) {
    int tail = guest.bda16(Bda.KEY_TAIL);
    int next = after(tail);
    if (next == guest.bda16(Bda.KEY_HEAD)) {
      return false;
    }
    guest.bda16(tail, key);
    guest.bda16(Bda.KEY_TAIL, next);
    return true;
  }

  private int after(int position) {
    int next = position + 2;
    return next >= guest.bda16(Bda.KEY_BUFFER_END) ? guest.bda16(Bda.KEY_BUFFER_START) : next;
  }

  /** The oldest key, or -1. */
  int peek() {
    int head = guest.bda16(Bda.KEY_HEAD);
    return head == guest.bda16(Bda.KEY_TAIL) ? -1 : guest.bda16(head);
  }

  /** Takes the oldest key, or -1. */
  int take() {
    int key = peek();
    if (key >= 0) {
      guest.bda16(Bda.KEY_HEAD, after(guest.bda16(Bda.KEY_HEAD)));
    }
    return key;
  }

  /** A key as the functions for the 83-key keyboard show it, or -1 if they do not. */
  private static int old(int key) {
    int low = key & 0xFF;
    int scan = key >>> 8;
    if (scan == 0xE0) {
      return low == 0x2F ? 0x352F : 0x1C00 | low; // grey slash, grey Enter
    }
    if (low == 0xF0 && scan != 0) {
      return -1;
    }
    if (low == 0xE0 && scan != 0) {
      return key & 0xFF00;
    }
    return scan > 0x84 && low == 0 ? -1 : key;
  }

  private static int enhanced(int key) {
    return (key & 0xFF) == 0xF0 && key >>> 8 != 0 ? key & 0xFF00 : key;
  }

  /** INT 16h. */
  void call() {
    switch (guest.ah()) {
      case 0x00, 0x10 -> {
        boolean old = guest.ah() == 0;
        int key = take();
        if (key >= 0 && old) {
          key = old(key);
        } else if (key >= 0) {
          key = enhanced(key);
        }
        if (key < 0) {
          guest.stubWord(rom.entry(Trap.INT16) - 2); // waits for an interrupt
        } else {
          guest.ax(key);
        }
      }
      case 0x01, 0x11 -> {
        boolean old = guest.ah() == 1;
        int key = peek();
        while (old && key >= 0 && old(key) < 0) {
          take();
          key = peek();
        }
        if (key >= 0) {
          guest.ax(old ? old(key) : enhanced(key));
        }
        guest.zero(key < 0);
        PollWatch polls = guest.cpu.polls;
        if (key < 0 && polls != null) {
          polls.noKey();
        }
      }
      case 0x02 -> guest.al(guest.bda8(Bda.SHIFT_FLAGS));
      case 0x03 -> {
        // The typematic rate is the host's.
      }
      case 0x05 -> guest.al(store(guest.cx()) ? 0 : 1);
      case 0x09 -> guest.al(0x30); // functions 10h-12h and 0Ah
      case 0x0A -> guest.bx(0x83AB); // an MF2 keyboard
      case 0x12 -> {
        guest.al(guest.bda8(Bda.SHIFT_FLAGS));
        int second = guest.bda8(Bda.SHIFT_FLAGS_2);
        int third = guest.bda8(Bda.KEY_FLAGS_3);
        guest.ah(second & 0x73 | (second & 4) << 5 | third & 0x0C);
      }
      default -> {}
    }
  }
}
