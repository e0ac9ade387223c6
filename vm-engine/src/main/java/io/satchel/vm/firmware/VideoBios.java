package io.satchel.vm.firmware;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.firmware.VideoModes.Layout;
import io.satchel.vm.firmware.VideoModes.Mode;
import io.satchel.vm.firmware.VideoModes.Palette;
import org.jspecify.annotations.Nullable;

/**
 * INT 10h: the video services of the IBM VGA (IBM PS/2 and PC BIOS Interface Technical Reference,
 * "Interrupt 10h"). What a mode is doing is kept in the BIOS data area only, where programs look.
 */
final class VideoBios {

  // VGA ports.
  private static final int ATTRIBUTE = 0x3C0;
  private static final int MISC_WRITE = 0x3C2;
  private static final int SEQUENCER = 0x3C4;
  private static final int PEL_MASK = 0x3C6;
  private static final int DAC_READ_INDEX = 0x3C7;
  private static final int DAC_WRITE_INDEX = 0x3C8;
  private static final int DAC_DATA = 0x3C9;
  private static final int MISC_READ = 0x3CC;
  private static final int GRAPHICS = 0x3CE;

  /** The cursor of 16 scan lines, as the CGA would be told. */
  private static final int CURSOR = 0x0607;

  private final Guest guest;
  private final VbeBios vbe;

  VideoBios(Guest guest, VbeBios vbe) {
    this.guest = guest;
    this.vbe = vbe;
  }

  /** Sets up the data area and mode 3. */
  void post() {
    guest.bda16(Bda.EQUIPMENT, guest.bda16(Bda.EQUIPMENT) & ~0x30 | 0x20); // 80 columns, colour
    guest.bda8(Bda.VIDEO_CONTROL, 0x60); // 256 KiB or more
    guest.bda8(Bda.VIDEO_SWITCHES, 0xF9);
    guest.bda8(Bda.VIDEO_FLAGS, 0x11); // VGA, 400 scan lines
    guest.bda8(Bda.VIDEO_COMBINATION, 2); // the entry for a colour VGA
    guest.bda16(Bda.VIDEO_SAVE_POINTERS, VideoRom.SAVE_POINTERS);
    guest.bda16(Bda.VIDEO_SAVE_POINTERS + 2, VideoRom.SEGMENT);
    setMode(3, true);
  }

  /** The service. */
  void call() {
    switch (guest.ah()) {
      case 0x00 -> modeSet();
      case 0x01 -> cursorShape(guest.cx());
      case 0x02 -> cursorTo(guest.bh(), guest.dl(), guest.dh());
      case 0x03 -> {
        guest.dx(guest.bda16(Bda.CURSOR_POSITION + 2 * (guest.bh() & 7)));
        guest.cx(guest.bda16(Bda.CURSOR_SHAPE));
        guest.ax(0);
      }
      case 0x04 -> guest.ah(0); // no light pen
      case 0x05 -> selectPage(guest.al());
      case 0x06, 0x07 -> scrollCall(guest.ah() == 0x06);
      case 0x08 -> guest.ax(readCharacter(guest.bh() & 7));
      case 0x09, 0x0A -> writeCharacters(guest.ah() == 0x09);
      case 0x0B -> cgaPalette();
      case 0x0C -> {
        Mode mode = current();
        if (mode != null) {
          setPixel(mode, guest.bh() & 7, guest.cx(), guest.dx(), guest.al());
        }
      }
      case 0x0D -> {
        Mode mode = current();
        guest.al(mode == null ? 0 : pixel(mode, guest.bh() & 7, guest.cx(), guest.dx()));
      }
      case 0x0E -> teletype(guest.al(), guest.bl(), activePage());
      case 0x0F -> {
        guest.al(guest.bda8(Bda.VIDEO_MODE) | guest.bda8(Bda.VIDEO_CONTROL) & 0x80);
        guest.ah(guest.bda8(Bda.COLUMNS));
        guest.bh(activePage());
      }
      case 0x10 -> palette();
      case 0x11 -> fonts();
      case 0x12 -> alternate();
      case 0x13 -> writeString();
      case 0x1A -> combination();
      case 0x1B -> functionality();
      case 0x1C -> saveState();
      case 0x4F -> vbe.call(this);
      default -> {
        // Unknown functions change nothing: that is how callers tell what is not there.
      }
    }
  }

  private void modeSet() {
    int number = guest.al() & 0x7F;
    boolean clear = (guest.al() & 0x80) == 0;
    setMode(number, clear);
    // AL as the Phoenix BIOS leaves it: 20h above mode 7, 3Fh for mode 6, else 30h.
    guest.al(number > 7 ? 0x20 : number == 6 ? 0x3F : 0x30);
  }

  private int scanLines() {
    int flags = guest.bda8(Bda.VIDEO_FLAGS);
    return (flags & 0x80) != 0 ? 200 : (flags & 0x10) != 0 ? 400 : 350;
  }

  @Nullable Mode current() {
    return VideoModes.mode(guest.bda8(Bda.VIDEO_MODE), scanLines());
  }

  private int crtc() {
    return guest.bda16(Bda.CRTC_PORT);
  }

  /** Goes to a mode; an unknown one changes nothing. */
  void setMode(int number, boolean clear) {
    Mode mode = VideoModes.mode(number, scanLines());
    if (mode == null) {
      return;
    }
    vbe.leave();
    byte[] entry = VideoModes.parameters(mode.entry());
    int crtc = (entry[9] & 1) != 0 ? 0x3D4 : 0x3B4;
    guest.bda16(Bda.CRTC_PORT, crtc);

    registers(entry, crtc);
    if ((guest.bda8(Bda.VIDEO_FLAGS) & 0x08) == 0) {
      loadDac(VideoModes.dac(mode.palette()));
    }

    guest.bda8(Bda.VIDEO_MODE, mode.number());
    guest.bda16(Bda.COLUMNS, mode.columns());
    guest.bda16(Bda.PAGE_SIZE, mode.pageSize());
    guest.bda8(Bda.ROWS, mode.rows() - 1);
    guest.bda16(Bda.CHARACTER_HEIGHT, mode.charHeight());
    guest.bda8(Bda.MODE_SELECT, mode.modeSelect());
    guest.bda8(Bda.PALETTE, mode.number() == 6 ? 0x3F : 0x30);
    guest.bda8(Bda.VIDEO_CONTROL, clear ? 0x60 : 0xE0);
    int equipment = guest.bda16(Bda.EQUIPMENT) & ~0x30;
    guest.bda16(Bda.EQUIPMENT, equipment | (mode.palette() == Palette.MONO ? 0x30 : 0x20));
    for (int page = 0; page < 8; page++) {
      guest.bda16(Bda.CURSOR_POSITION + 2 * page, 0);
    }
    guest.bda16(Bda.PAGE_START, 0);
    guest.bda8(Bda.ACTIVE_PAGE, 0);

    vector(0x1F, VideoRom.FONT_8X8 + 1024, VideoRom.SEGMENT);
    vector(0x43, fontOffset(mode.charHeight()), VideoRom.SEGMENT);
    if (mode.layout() == Layout.TEXT) {
      loadRomFont(mode.charHeight(), 0);
      cursorShape(CURSOR);
    }
    if (clear) {
      clearMemory(mode);
    }
    guest.in8(crtc + 6);
    guest.out8(ATTRIBUTE, 0x20); // display on
  }

  private void vector(int number, int offset, int segment) {
    guest.write16(4L * number, offset);
    guest.write16(4L * number + 2, segment);
  }

  private static int fontOffset(int height) {
    return height == 8 ? VideoRom.FONT_8X8 : height == 14 ? VideoRom.FONT_8X14 : VideoRom.FONT_8X16;
  }

  /** Loads all register groups from an entry of the parameter table. */
  private void registers(byte[] entry, int crtc) {
    guest.in8(crtc + 6);
    guest.out8(ATTRIBUTE, 0x00); // display off while changing
    guest.indexed(SEQUENCER, 0, 1);
    for (int i = 0; i < 4; i++) {
      guest.indexed(SEQUENCER, 1 + i, entry[5 + i]);
    }
    guest.out8(MISC_WRITE, entry[9]);
    guest.indexed(SEQUENCER, 0, 3);
    guest.indexed(crtc, 0x11, 0); // unlock registers 0 to 7
    for (int i = 0; i < 25; i++) {
      guest.indexed(crtc, i, entry[10 + i]);
    }
    for (int i = 0; i < 9; i++) {
      guest.indexed(GRAPHICS, i, entry[55 + i]);
    }
    boolean keepPalette = (guest.bda8(Bda.VIDEO_FLAGS) & 0x08) != 0;
    guest.in8(crtc + 6);
    for (int i = 0; i < 20; i++) {
      if (i < 16 && keepPalette) {
        continue;
      }
      guest.out8(ATTRIBUTE, i);
      guest.out8(ATTRIBUTE, entry[35 + i]);
    }
    guest.out8(ATTRIBUTE, 0x14);
    guest.out8(ATTRIBUTE, 0);
  }

  private void loadDac(byte[] colours) {
    guest.out8(PEL_MASK, 0xFF);
    guest.out8(DAC_WRITE_INDEX, 0);
    for (byte component : colours) {
      guest.out8(DAC_DATA, component);
    }
  }

  private void clearMemory(Mode mode) {
    long base = (long) mode.segment() << 4;
    switch (mode.layout()) {
      case TEXT -> fill32(base, mode.number() == 7 ? 0x8000 : 0x8000, 0x0720_0720);
      case CGA4, CGA2 -> fill32(base, 0x8000, 0);
      default -> {
        guest.indexed(SEQUENCER, 2, 0x0F);
        fill32(base, 0x10000, 0);
      }
    }
  }

  private void fill32(long base, int length, int value) {
    for (int i = 0; i < length; i += 4) {
      guest.write32(base + i, value);
    }
  }

  // Cursor and pages.

  private int activePage() {
    return guest.bda8(Bda.ACTIVE_PAGE) & 7;
  }

  private void cursorShape(int shape) {
    guest.bda16(Bda.CURSOR_SHAPE, shape);
    int start = shape >>> 8;
    int end = shape & 0xFF;
    int height = guest.bda8(Bda.CHARACTER_HEIGHT);
    // Programs think of eight scan lines: scaled to the font, as the VGA's cursor emulation does.
    boolean emulate = (guest.bda8(Bda.VIDEO_CONTROL) & 1) == 0;
    if (emulate && height > 8 && end < 8 && (start & 0x60) == 0 && start < 0x20) {
      if (end == start + 1) {
        end = (end + 1) * height / 8 - 1 - (height > 14 ? 1 : 0);
        start = end - 1;
        if (shape == CURSOR) {
          start = height > 14 ? 13 : 11;
          end = start + 1;
        }
      } else {
        start = (start + 1) * height / 8 - 1;
        end = (end + 1) * height / 8 - 1;
      }
    }
    guest.indexed(crtc(), 0x0A, start);
    guest.indexed(crtc(), 0x0B, end);
  }

  /** Moves a page's cursor. */
  void cursorTo(int page, int column, int row) {
    page &= 7;
    guest.bda16(Bda.CURSOR_POSITION + 2 * page, row << 8 | column);
    if (page == activePage()) {
      showCursor(page, column, row);
    }
  }

  private void showCursor(int page, int column, int row) {
    Mode mode = current();
    if (mode != null && mode.layout() != Layout.TEXT) {
      return;
    }
    int start = page * guest.bda16(Bda.PAGE_SIZE) / 2;
    int at = start + row * guest.bda16(Bda.COLUMNS) + column;
    guest.indexed(crtc(), 0x0E, at >>> 8);
    guest.indexed(crtc(), 0x0F, at);
  }

  private void selectPage(int page) {
    Mode mode = current();
    if (mode == null || page >= mode.pages()) {
      return;
    }
    int start = page * guest.bda16(Bda.PAGE_SIZE);
    guest.bda16(Bda.PAGE_START, start);
    guest.bda8(Bda.ACTIVE_PAGE, page);
    int address = mode.layout() == Layout.TEXT ? start / 2 : start;
    guest.indexed(crtc(), 0x0C, address >>> 8);
    guest.indexed(crtc(), 0x0D, address);
    int position = guest.bda16(Bda.CURSOR_POSITION + 2 * page);
    showCursor(page, position & 0xFF, position >>> 8);
  }

  // Text.

  private int columns() {
    return guest.bda16(Bda.COLUMNS);
  }

  private int rows() {
    return guest.bda8(Bda.ROWS) + 1;
  }

  private long cell(Mode mode, int page, int column, int row) {
    int offset = page * guest.bda16(Bda.PAGE_SIZE) + 2 * (row * columns() + column);
    return ((long) mode.segment() << 4) + (offset & 0x7FFF);
  }

  private void scrollCall(boolean up) {
    Mode mode = current();
    if (mode == null) {
      return;
    }
    int bottom = Math.min(guest.dh(), rows() - 1);
    int right = Math.min(guest.dl(), columns() - 1);
    int top = guest.ch();
    int left = guest.cl();
    if (top <= bottom && left <= right) {
      scroll(mode, activePage(), guest.al(), guest.bh(), left, top, right, bottom, up);
    }
  }

  private void scroll(
      Mode mode,
      int page,
      int lines,
      int attribute,
      int left,
      int top,
      int right,
      int bottom,
      boolean up) {
    int height = bottom - top + 1;
    int by = lines == 0 || lines >= height ? height : lines;
    for (int i = 0; i < height; i++) {
      int to = up ? top + i : bottom - i;
      int from = up ? to + by : to - by;
      boolean blank = from < top || from > bottom;
      if (mode.layout() == Layout.TEXT) {
        for (int column = left; column <= right; column++) {
          int value = blank ? attribute << 8 | 0x20 : guest.read16(cell(mode, page, column, from));
          guest.write16(cell(mode, page, column, to), value);
        }
      } else {
        moveGraphicsRow(mode, page, left, right, from, to, blank, attribute);
      }
    }
  }

  /** Moves or blanks one row of characters in a graphics mode. */
  private void moveGraphicsRow(
      Mode mode, int page, int left, int right, int from, int to, boolean blank, int colour) {
    int height = guest.bda8(Bda.CHARACTER_HEIGHT);
    if (mode.layout() == Layout.PLANAR) {
      planarWhole();
      if (!blank) {
        guest.indexed(GRAPHICS, 5, 1); // write mode 1: the latches, all planes at once
      } else {
        guest.indexed(GRAPHICS, 0, colour);
        guest.indexed(GRAPHICS, 1, 0x0F);
      }
      for (int line = 0; line < height; line++) {
        long target = planarAddress(page, left, to * height + line);
        long source = planarAddress(page, left, from * height + line);
        for (int column = left; column <= right; column++) {
          int value = blank ? 0xFF : guest.read8(source++);
          guest.write8(target++, value);
        }
      }
      planarRestore();
      return;
    }
    for (int line = 0; line < height; line++) {
      int y = to * height + line;
      for (int x = left * 8; x < right * 8 + 8; x++) {
        int value = blank ? colour & 0x7F : pixel(mode, page, x, from * height + line);
        setPixel(mode, page, x, y, mode.layout() == Layout.LINEAR && blank ? colour : value);
      }
    }
  }

  private int readCharacter(int page) {
    Mode mode = current();
    if (mode == null) {
      return 0;
    }
    int position = guest.bda16(Bda.CURSOR_POSITION + 2 * page);
    int column = position & 0xFF;
    int row = position >>> 8;
    if (mode.layout() == Layout.TEXT) {
      return guest.read16(cell(mode, page, column, row));
    }
    int height = guest.bda8(Bda.CHARACTER_HEIGHT);
    int[] lines = new int[height];
    for (int line = 0; line < height; line++) {
      for (int x = 0; x < 8; x++) {
        int colour = pixel(mode, page, column * 8 + x, row * height + line);
        lines[line] = lines[line] << 1 | (colour != 0 ? 1 : 0);
      }
    }
    for (int character = 0; character < 256; character++) {
      long glyph = glyph(mode, character, height);
      int line = 0;
      while (line < height && guest.read8(glyph + line) == lines[line]) {
        line++;
      }
      if (line == height) {
        return character;
      }
    }
    return 0;
  }

  private void writeCharacters(boolean withAttribute) {
    Mode mode = current();
    if (mode == null) {
      return;
    }
    int page = guest.bh() & 7;
    int position = guest.bda16(Bda.CURSOR_POSITION + 2 * page);
    int column = position & 0xFF;
    int row = position >>> 8;
    for (int left = guest.cx(); left > 0 && row < rows(); left--) {
      put(mode, page, column, row, guest.al(), guest.bl(), withAttribute);
      if (++column == columns()) {
        column = 0;
        row++;
      }
    }
  }

  private void put(
      Mode mode, int page, int column, int row, int character, int attribute, boolean colour) {
    if (mode.layout() != Layout.TEXT) {
      draw(mode, page, column, row, character, attribute);
      return;
    }
    long cell = cell(mode, page, column, row);
    if (colour) {
      guest.write16(cell, attribute << 8 | character);
    } else {
      guest.write8(cell, character);
    }
  }

  /** Writes a character as a terminal does: carriage return, line feed, backspace, bell, scroll. */
  void teletype(int character, int colour, int page) {
    write(character, colour, page, false);
  }

  private void write(int character, int colour, int page, boolean withAttribute) {
    Mode mode = current();
    if (mode == null) {
      return;
    }
    int position = guest.bda16(Bda.CURSOR_POSITION + 2 * page);
    int column = position & 0xFF;
    int row = position >>> 8;
    switch (character) {
      case 7 -> {
        return; // the bell: a beep would hold up the caller
      }
      case 8 -> column = Math.max(0, column - 1);
      case '\n' -> row++;
      case '\r' -> column = 0;
      default -> {
        put(mode, page, column, row, character, colour, withAttribute);
        column++;
      }
    }
    if (column >= columns()) {
      column = 0;
      row++;
    }
    if (row >= rows()) {
      row = rows() - 1;
      int attribute = 0;
      if (mode.layout() == Layout.TEXT) {
        attribute =
            withAttribute ? colour : guest.read8(cell(mode, page, columns() - 1, rows() - 1) + 1);
      }
      scroll(mode, page, 1, attribute, 0, 0, columns() - 1, rows() - 1, true);
    }
    cursorTo(page, column, row);
  }

  private void writeString() {
    int page = guest.bh() & 7;
    int saved = guest.bda16(Bda.CURSOR_POSITION + 2 * page);
    int mode = guest.al();
    int at = guest.bp();
    cursorTo(page, guest.dl(), guest.dh());
    for (int left = guest.cx(); left > 0; left--) {
      int character = guest.read8(guest.es(at++));
      int attribute = guest.bl();
      if ((mode & 2) != 0) {
        attribute = guest.read8(guest.es(at++));
      }
      write(character, attribute, page, true);
    }
    if ((mode & 1) == 0) {
      cursorTo(page, saved & 0xFF, saved >>> 8);
    }
  }

  /** Text for the boot screen, in an attribute, at the cursor of page 0. */
  void print(String text, int attribute) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '\n') {
        write('\r', attribute, 0, true);
      }
      write(c < 0x80 ? c : '?', attribute, 0, true);
    }
  }

  // Graphics.

  private long glyph(Mode mode, int character, int height) {
    if (height == 8 && mode.layout() != Layout.PLANAR && mode.layout() != Layout.LINEAR) {
      // CGA modes: the first half at INT 43h, the second at INT 1Fh, which programs set.
      int vector = character < 128 ? 0x43 : 0x1F;
      return pointer(vector) + 8L * (character & 0x7F);
    }
    return pointer(0x43) + (long) height * character;
  }

  private long pointer(int vector) {
    return ((long) guest.read16(4L * vector + 2) << 4) + guest.read16(4L * vector);
  }

  private void draw(Mode mode, int page, int column, int row, int character, int colour) {
    int height = guest.bda8(Bda.CHARACTER_HEIGHT);
    long glyph = glyph(mode, character, height);
    boolean xor = (colour & 0x80) != 0 && mode.layout() != Layout.LINEAR;
    if (mode.layout() == Layout.PLANAR) {
      planarWhole();
      for (int line = 0; line < height; line++) {
        long address = planarAddress(page, column, row * height + line);
        int bits = guest.read8(glyph + line);
        if (xor) {
          guest.indexed(GRAPHICS, 3, 0x18); // XOR with the latches
          guest.indexed(GRAPHICS, 0, colour);
          guest.indexed(GRAPHICS, 1, 0x0F);
          guest.indexed(GRAPHICS, 8, bits);
          guest.read8(address);
          guest.write8(address, 0xFF);
        } else {
          // Write mode 2 takes the colour; the bit mask chooses foreground, then background.
          guest.indexed(GRAPHICS, 5, 2);
          guest.indexed(GRAPHICS, 8, bits);
          guest.read8(address);
          guest.write8(address, colour & 0x0F);
          guest.indexed(GRAPHICS, 8, ~bits);
          guest.read8(address);
          guest.write8(address, 0);
        }
      }
      planarRestore();
      return;
    }
    for (int line = 0; line < height; line++) {
      int bits = guest.read8(glyph + line);
      for (int x = 0; x < 8; x++) {
        boolean set = (bits & 0x80 >>> x) != 0;
        if (set || !xor) {
          int value = set ? colour : 0;
          setPixel(mode, page, column * 8 + x, row * height + line, value);
        }
      }
    }
  }

  private long planarAddress(int page, int column, int y) {
    int offset = page * guest.bda16(Bda.PAGE_SIZE) + y * columns() + column;
    return 0xA0000L + (offset & 0xFFFF);
  }

  private void planarWhole() {
    guest.indexed(SEQUENCER, 2, 0x0F);
    guest.indexed(GRAPHICS, 3, 0);
    guest.indexed(GRAPHICS, 5, 0);
    guest.indexed(GRAPHICS, 8, 0xFF);
  }

  private void planarRestore() {
    guest.indexed(GRAPHICS, 0, 0);
    guest.indexed(GRAPHICS, 1, 0);
    guest.indexed(GRAPHICS, 3, 0);
    guest.indexed(GRAPHICS, 5, 0);
    guest.indexed(GRAPHICS, 8, 0xFF);
  }

  private void setPixel(Mode mode, int page, int x, int y, int colour) {
    if (x >= mode.width() || y >= mode.height()) {
      return;
    }
    boolean xor = (colour & 0x80) != 0;
    switch (mode.layout()) {
      case PLANAR -> {
        long address = planarAddress(page, x / 8, y);
        guest.indexed(SEQUENCER, 2, 0x0F);
        guest.indexed(GRAPHICS, 8, 0x80 >>> (x & 7));
        guest.indexed(GRAPHICS, 3, xor ? 0x18 : 0);
        guest.indexed(GRAPHICS, 5, 2);
        guest.read8(address);
        guest.write8(address, colour & 0x0F);
        planarRestore();
      }
      case LINEAR -> guest.write8(0xA0000L + x + 320L * y, colour);
      case CGA4 ->
          cgaPixel(
              0xB8000L + (y & 1) * 0x2000 + 80L * (y / 2) + x / 4, 6 - 2 * (x & 3), 3, colour, xor);
      case CGA2 ->
          cgaPixel(
              0xB8000L + (y & 1) * 0x2000 + 80L * (y / 2) + x / 8, 7 - (x & 7), 1, colour, xor);
      case TEXT -> {}
    }
  }

  private void cgaPixel(long address, int shift, int mask, int colour, boolean xor) {
    int value = guest.read8(address);
    int bits = (colour & mask) << shift;
    guest.write8(address, xor ? value ^ bits : value & ~(mask << shift) | bits);
  }

  private int pixel(Mode mode, int page, int x, int y) {
    if (x >= mode.width() || y >= mode.height()) {
      return 0;
    }
    return switch (mode.layout()) {
      case PLANAR -> {
        long address = planarAddress(page, x / 8, y);
        int colour = 0;
        guest.indexed(GRAPHICS, 5, 0);
        for (int plane = 0; plane < 4; plane++) {
          guest.indexed(GRAPHICS, 4, plane);
          colour |= (guest.read8(address) >>> (7 - (x & 7)) & 1) << plane;
        }
        guest.indexed(GRAPHICS, 4, 0);
        yield colour;
      }
      case LINEAR -> guest.read8(0xA0000L + x + 320L * y);
      case CGA4 ->
          guest.read8(0xB8000L + (y & 1) * 0x2000 + 80L * (y / 2) + x / 4) >>> (6 - 2 * (x & 3))
              & 3;
      case CGA2 ->
          guest.read8(0xB8000L + (y & 1) * 0x2000 + 80L * (y / 2) + x / 8) >>> (7 - (x & 7)) & 1;
      case TEXT -> 0;
    };
  }

  // Colours.

  private void attribute(int index, int value) {
    guest.in8(crtc() + 6);
    guest.out8(ATTRIBUTE, index);
    guest.out8(ATTRIBUTE, value);
    guest.out8(ATTRIBUTE, 0x20);
  }

  private int attribute(int index) {
    guest.in8(crtc() + 6);
    guest.out8(ATTRIBUTE, index);
    int value = guest.in8(ATTRIBUTE + 1);
    guest.in8(crtc() + 6);
    guest.out8(ATTRIBUTE, 0x20);
    return value;
  }

  /** AH=0Bh: the CGA's background and palette. */
  private void cgaPalette() {
    int palette = guest.bda8(Bda.PALETTE);
    if (guest.bh() == 0) {
      int colour = guest.bl() & 0x1F;
      guest.bda8(Bda.PALETTE, palette & ~0x1F | colour);
      int value = colour & 7 | (colour & 8) << 1;
      if (guest.bda8(Bda.VIDEO_MODE) > 3) {
        attribute(0, value);
      }
      attribute(0x11, value);
      for (int i = 1; i < 4 && guest.bda8(Bda.VIDEO_MODE) > 3; i++) {
        attribute(i, attribute(i) & ~0x10 | colour & 0x10);
      }
    } else {
      int second = guest.bl() & 1;
      guest.bda8(Bda.PALETTE, palette & ~0x20 | second << 5);
      for (int i = 1; i < 4; i++) {
        attribute(i, attribute(i) & ~1 | second);
      }
    }
  }

  private void palette() {
    switch (guest.al()) {
      case 0x00 -> attribute(guest.bl() & 0x1F, guest.bh());
      case 0x01 -> attribute(0x11, guest.bh());
      case 0x02 -> {
        for (int i = 0; i < 16; i++) {
          attribute(i, guest.read8(guest.es(guest.dx() + i)));
        }
        attribute(0x11, guest.read8(guest.es(guest.dx() + 16)));
      }
      case 0x03 -> {
        int mode = attribute(0x10);
        attribute(0x10, (guest.bl() & 1) != 0 ? mode | 8 : mode & ~8);
      }
      case 0x07 -> guest.bh(attribute(guest.bl() & 0x1F));
      case 0x08 -> guest.bh(attribute(0x11));
      case 0x09 -> {
        for (int i = 0; i < 16; i++) {
          guest.write8(guest.es(guest.dx() + i), attribute(i));
        }
        guest.write8(guest.es(guest.dx() + 16), attribute(0x11));
      }
      case 0x10 -> {
        guest.out8(DAC_WRITE_INDEX, guest.bl());
        guest.out8(DAC_DATA, guest.dh());
        guest.out8(DAC_DATA, guest.ch());
        guest.out8(DAC_DATA, guest.cl());
      }
      case 0x12 -> {
        guest.out8(DAC_WRITE_INDEX, guest.bl());
        for (int i = 0; i < 3 * guest.cx(); i++) {
          guest.out8(DAC_DATA, guest.read8(guest.es(guest.dx() + i)));
        }
      }
      case 0x13 -> {
        int mode = attribute(0x10);
        if (guest.bl() == 0) {
          attribute(0x10, mode & 0x7F | (guest.bh() & 1) << 7);
        } else {
          attribute(0x14, (mode & 0x80) != 0 ? guest.bh() : guest.bh() << 2);
        }
      }
      case 0x15 -> {
        guest.out8(DAC_READ_INDEX, guest.bl());
        guest.dh(guest.in8(DAC_DATA));
        guest.ch(guest.in8(DAC_DATA));
        guest.cl(guest.in8(DAC_DATA));
      }
      case 0x17 -> {
        guest.out8(DAC_READ_INDEX, guest.bl());
        for (int i = 0; i < 3 * guest.cx(); i++) {
          guest.write8(guest.es(guest.dx() + i), guest.in8(DAC_DATA));
        }
      }
      case 0x18 -> guest.out8(PEL_MASK, guest.bl());
      case 0x19 -> guest.bl(guest.in8(PEL_MASK));
      case 0x1A -> {
        int paged = attribute(0x10) >>> 7;
        guest.bl(paged);
        guest.bh(paged != 0 ? attribute(0x14) : attribute(0x14) >>> 2);
      }
      case 0x1B -> {
        for (int i = 0; i < guest.cx(); i++) {
          greyScale(guest.bx() + i & 0xFF);
        }
      }
      default -> {}
    }
  }

  private void greyScale(int index) {
    guest.out8(DAC_READ_INDEX, index);
    int red = guest.in8(DAC_DATA);
    int green = guest.in8(DAC_DATA);
    int blue = guest.in8(DAC_DATA);
    int grey = Math.min(0x3F, (77 * red + 151 * green + 28 * blue + 0x80) >>> 8);
    guest.out8(DAC_WRITE_INDEX, index);
    for (int i = 0; i < 3; i++) {
      guest.out8(DAC_DATA, grey);
    }
  }

  // Fonts.

  /** Copies glyphs to plane 2, where the character generator reads. */
  private void loadFont(long source, int height, int first, int count, int block) {
    // Eight tables of 8 KiB; the blocks are numbered first the even ones, then the odd ones.
    long table = 0xA0000L + ((block & 3) << 14) + ((block & 4) << 11);
    guest.indexed(SEQUENCER, 0, 1);
    guest.indexed(SEQUENCER, 2, 4);
    guest.indexed(SEQUENCER, 4, 7);
    guest.indexed(SEQUENCER, 0, 3);
    guest.indexed(GRAPHICS, 4, 2);
    guest.indexed(GRAPHICS, 5, 0);
    guest.indexed(GRAPHICS, 6, 4);
    byte[] glyphs = new byte[Math.min(count, 256) * height];
    guest.read(source, glyphs, 0, glyphs.length);
    for (int i = 0; i < glyphs.length; i++) {
      int character = first + i / height & 0xFF;
      guest.write8(table + 32L * character + i % height, glyphs[i]);
    }
    guest.indexed(SEQUENCER, 0, 1);
    guest.indexed(SEQUENCER, 2, 3);
    guest.indexed(SEQUENCER, 4, 3);
    guest.indexed(SEQUENCER, 0, 3);
    guest.indexed(GRAPHICS, 4, 0);
    guest.indexed(GRAPHICS, 5, 0x10);
    guest.indexed(GRAPHICS, 6, (guest.in8(MISC_READ) & 1) != 0 ? 0x0E : 0x0A);
  }

  private void loadRomFont(int height, int block) {
    loadFont(VideoRom.BASE + fontOffset(height), height, 0, 256, block);
  }

  private void fonts() {
    int block = guest.bl() & 7;
    switch (guest.al()) {
      case 0x00, 0x10 -> {
        int height = guest.bh();
        if (height == 0 || height > 32) {
          return;
        }
        loadFont(guest.es(guest.bp()), height, guest.dx() & 0xFF, guest.cx(), block);
        if (guest.al() == 0x10) {
          characterHeight(height);
        }
      }
      case 0x01, 0x11 -> romFont(14, block);
      case 0x02, 0x12 -> romFont(8, block);
      case 0x04, 0x14 -> romFont(16, block);
      case 0x03 -> guest.indexed(SEQUENCER, 3, guest.bl());
      case 0x20 -> vector(0x1F, guest.bp(), guest.cpu.selector[CpuState.ES]);
      case 0x21 -> {
        vector(0x43, guest.bp(), guest.cpu.selector[CpuState.ES]);
        graphicsRows(guest.cx());
      }
      case 0x22 -> romGraphicsFont(14);
      case 0x23 -> romGraphicsFont(8);
      case 0x24 -> romGraphicsFont(16);
      case 0x30 -> fontInformation();
      default -> {}
    }
  }

  private void romFont(int height, int block) {
    loadRomFont(height, block);
    if (guest.al() >= 0x10) {
      characterHeight(height);
    }
  }

  /** Programs the CRT controller for another character height, with as many rows as fit. */
  private void characterHeight(int height) {
    int crtc = crtc();
    guest.indexed(crtc, 9, guest.indexed(crtc, 9) & 0xE0 | height - 1);
    int overflow = guest.indexed(crtc, 7);
    int lines = (guest.indexed(crtc, 0x12) | (overflow & 2) << 7 | (overflow & 0x40) << 3) + 1;
    if ((guest.indexed(crtc, 9) & 0x80) != 0) {
      lines /= 2; // every line is shown twice
    }
    int rows = lines / height;
    int shown = rows * height - 1;
    if ((guest.indexed(crtc, 9) & 0x80) != 0) {
      shown = 2 * rows * height - 1;
    }
    guest.indexed(crtc, 0x12, shown);
    guest.bda8(Bda.ROWS, rows - 1);
    guest.bda16(Bda.CHARACTER_HEIGHT, height);
    guest.bda16(Bda.PAGE_SIZE, rows * columns() * 2 + 0xFF & ~0xFF);
    if (height == 8 && rows > 25) {
      guest.bda8(Bda.VIDEO_CONTROL, guest.bda8(Bda.VIDEO_CONTROL));
    }
    cursorShape(guest.bda16(Bda.CURSOR_SHAPE));
  }

  private void romGraphicsFont(int height) {
    vector(0x43, fontOffset(height), VideoRom.SEGMENT);
    graphicsRows(height);
  }

  private void graphicsRows(int height) {
    guest.bda16(Bda.CHARACTER_HEIGHT, height);
    int rows =
        switch (guest.bl()) {
          case 0 -> guest.dl();
          case 1 -> 14;
          case 3 -> 43;
          default -> 25;
        };
    guest.bda8(Bda.ROWS, rows - 1);
  }

  private void fontInformation() {
    int offset;
    int segment = VideoRom.SEGMENT;
    switch (guest.bh()) {
      case 0 -> {
        offset = guest.read16(4 * 0x1F);
        segment = guest.read16(4 * 0x1F + 2);
      }
      case 1 -> {
        offset = guest.read16(4 * 0x43);
        segment = guest.read16(4 * 0x43 + 2);
      }
      case 2, 5 -> offset = VideoRom.FONT_8X14;
      case 3 -> offset = VideoRom.FONT_8X8;
      case 4 -> offset = VideoRom.FONT_8X8 + 1024;
      case 6, 7 -> offset = VideoRom.FONT_8X16;
      default -> {
        return;
      }
    }
    guest.segment(CpuState.ES, segment);
    guest.bp(offset);
    guest.cx(guest.bda16(Bda.CHARACTER_HEIGHT));
    guest.dl(guest.bda8(Bda.ROWS));
  }

  // The rest.

  private void alternate() {
    int flags = guest.bda8(Bda.VIDEO_FLAGS);
    switch (guest.bl()) {
      case 0x10 -> {
        guest.bx((crtc() == 0x3B4 ? 0x0100 : 0) | 3); // colour or mono; 256 KiB
        guest.cx(guest.bda8(Bda.VIDEO_SWITCHES) & 0x0F);
      }
      case 0x30 -> {
        int lines = guest.al();
        if (lines > 2) {
          return;
        }
        flags &= ~0x90;
        flags |= lines == 0 ? 0x80 : lines == 2 ? 0x10 : 0;
        guest.bda8(Bda.VIDEO_FLAGS, flags);
        guest.al(0x12);
      }
      case 0x31 -> flag(Bda.VIDEO_FLAGS, 0x08, guest.al() != 0);
      case 0x32 -> {
        int misc = guest.in8(MISC_READ);
        guest.out8(MISC_WRITE, guest.al() == 0 ? misc | 2 : misc & ~2);
        guest.al(0x12);
      }
      case 0x33 -> flag(Bda.VIDEO_FLAGS, 0x02, guest.al() == 0);
      case 0x34 -> flag(Bda.VIDEO_CONTROL, 0x01, guest.al() != 0);
      case 0x35 -> guest.al(0x12);
      case 0x36 -> {
        int clocking = guest.indexed(SEQUENCER, 1);
        guest.indexed(SEQUENCER, 1, guest.al() == 0 ? clocking & ~0x20 : clocking | 0x20);
        guest.al(0x12);
      }
      default -> {}
    }
  }

  private void flag(int offset, int bit, boolean set) {
    int value = guest.bda8(offset);
    guest.bda8(offset, set ? value | bit : value & ~bit);
    guest.al(0x12);
  }

  private void combination() {
    if (guest.al() == 0) {
      guest.bx(crtc() == 0x3B4 ? 0x0007 : 0x0008);
      guest.al(0x1A);
    } else if (guest.al() == 1) {
      guest.al(0x1A);
    }
  }

  /** AH=1Bh: what the adapter is doing, 64 bytes at ES:DI. */
  private void functionality() {
    if (guest.bx() != 0) {
      return;
    }
    Mode mode = current();
    int di = guest.di();
    for (int i = 0; i < 64; i++) {
      guest.write8(guest.es(di + i), 0);
    }
    guest.write16(guest.es(di), VideoRom.FUNCTIONALITY);
    guest.write16(guest.es(di + 2), VideoRom.SEGMENT);
    for (int i = 0; i < 30; i++) {
      guest.write8(guest.es(di + 4 + i), guest.bda8(Bda.VIDEO_MODE + i));
    }
    for (int i = 0; i < 3; i++) {
      guest.write8(guest.es(di + 0x22 + i), guest.bda8(Bda.ROWS + i));
    }
    guest.write8(guest.es(di + 0x22), guest.bda8(Bda.ROWS) + 1);
    guest.write8(guest.es(di + 0x25), 8);
    int colours =
        mode == null || mode.layout() == Layout.TEXT || mode.layout() == Layout.PLANAR
            ? 16
            : mode.layout() == Layout.CGA4 ? 4 : mode.layout() == Layout.CGA2 ? 2 : 256;
    guest.write16(guest.es(di + 0x27), colours);
    guest.write8(guest.es(di + 0x29), mode == null ? 1 : mode.pages());
    guest.write8(guest.es(di + 0x2A), scanLines() == 200 ? 0 : scanLines() == 350 ? 1 : 2);
    guest.write8(guest.es(di + 0x2D), 0x21);
    guest.write8(guest.es(di + 0x31), 3);
    guest.al(0x1B);
  }

  /** Bytes of a state for AH=1Ch, in blocks of 64, by the bits of CX. */
  int stateBlocks(int what) {
    int bytes = 0x20;
    bytes += (what & 1) != 0 ? 0x46 : 0;
    bytes += (what & 2) != 0 ? 0x3A : 0;
    bytes += (what & 4) != 0 ? 0x303 : 0;
    return (bytes + 63) / 64;
  }

  private void saveState() {
    int what = guest.cx() & 7;
    switch (guest.al()) {
      case 0 -> {
        guest.bx(stateBlocks(what));
        guest.al(0x1C);
      }
      case 1 -> {
        save(what, guest.es(guest.bx()));
        guest.al(0x1C);
      }
      case 2 -> {
        restore(what, guest.es(guest.bx()));
        guest.al(0x1C);
      }
      default -> {}
    }
  }

  /** Saves hardware (bit 0), data area (bit 1) and DAC (bit 2) at a linear address. */
  void save(int what, long at) {
    int crtc = crtc();
    at += 0x20;
    if ((what & 1) != 0) {
      guest.write16(at, crtc);
      for (int i = 0; i < 5; i++) {
        guest.write8(at + 2 + i, guest.indexed(SEQUENCER, i));
      }
      for (int i = 0; i < 25; i++) {
        guest.write8(at + 7 + i, guest.indexed(crtc, i));
      }
      for (int i = 0; i < 21; i++) {
        guest.write8(at + 32 + i, attribute(i));
      }
      for (int i = 0; i < 9; i++) {
        guest.write8(at + 53 + i, guest.indexed(GRAPHICS, i));
      }
      guest.write8(at + 62, guest.in8(MISC_READ));
      at += 0x46;
    }
    if ((what & 2) != 0) {
      for (int i = 0; i < 30; i++) {
        guest.write8(at + i, guest.bda8(Bda.VIDEO_MODE + i));
      }
      for (int i = 0; i < 7; i++) {
        guest.write8(at + 30 + i, guest.bda8(Bda.ROWS + i));
      }
      guest.write32(at + 37, guest.bda32(Bda.VIDEO_SAVE_POINTERS));
      guest.write32(at + 41, guest.read32(4 * 0x1F));
      guest.write32(at + 45, guest.read32(4 * 0x43));
      at += 0x3A;
    }
    if ((what & 4) != 0) {
      guest.write8(at, guest.in8(PEL_MASK));
      guest.out8(DAC_READ_INDEX, 0);
      for (int i = 0; i < 768; i++) {
        guest.write8(at + 3 + i, guest.in8(DAC_DATA));
      }
    }
  }

  /** Becomes what {@link #save} wrote. */
  void restore(int what, long at) {
    at += 0x20;
    if ((what & 1) != 0) {
      int crtc = guest.read16(at);
      guest.indexed(SEQUENCER, 0, 1);
      for (int i = 1; i < 5; i++) {
        guest.indexed(SEQUENCER, i, guest.read8(at + 2 + i));
      }
      guest.out8(MISC_WRITE, guest.read8(at + 62));
      guest.indexed(SEQUENCER, 0, 3);
      guest.indexed(crtc, 0x11, 0);
      for (int i = 0; i < 25; i++) {
        guest.indexed(crtc, i, guest.read8(at + 7 + i));
      }
      guest.bda16(Bda.CRTC_PORT, crtc);
      for (int i = 0; i < 21; i++) {
        attribute(i, guest.read8(at + 32 + i));
      }
      for (int i = 0; i < 9; i++) {
        guest.indexed(GRAPHICS, i, guest.read8(at + 53 + i));
      }
      at += 0x46;
    }
    if ((what & 2) != 0) {
      for (int i = 0; i < 30; i++) {
        guest.bda8(Bda.VIDEO_MODE + i, guest.read8(at + i));
      }
      for (int i = 0; i < 7; i++) {
        guest.bda8(Bda.ROWS + i, guest.read8(at + 30 + i));
      }
      guest.bda32(Bda.VIDEO_SAVE_POINTERS, guest.read32(at + 37));
      guest.write32(4 * 0x1F, guest.read32(at + 41));
      guest.write32(4 * 0x43, guest.read32(at + 45));
      at += 0x3A;
    }
    if ((what & 4) != 0) {
      guest.out8(PEL_MASK, guest.read8(at));
      guest.out8(DAC_WRITE_INDEX, 0);
      for (int i = 0; i < 768; i++) {
        guest.out8(DAC_DATA, guest.read8(at + 3 + i));
      }
    }
  }
}
