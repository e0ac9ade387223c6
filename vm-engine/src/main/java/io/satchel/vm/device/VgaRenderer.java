package io.satchel.vm.device;

import static io.satchel.vm.memory.GuestMemory.PAGE_BITS;

import io.satchel.vm.host.Screen;
import io.satchel.vm.host.TextScreen;
import io.satchel.vm.memory.AddressMap;
import io.satchel.vm.memory.GuestMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Turns the registers and memory of a {@link Vga} into pictures, drawing only what has changed.
 *
 * <p>Text is compared cell by cell with what was drawn last; graphics rows are drawn again when a 4
 * KiB page under them was written. A change of a register that shapes the picture draws everything.
 * Lines that the hardware repeats are drawn once: mode 13h comes as 320 x 200.
 */
final class VgaRenderer {

  /** Code page 437 as Unicode; NUL and the no-break space are plain blanks. */
  static final String CODE_PAGE_437 =
      " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼"
          + " !\"#$%&'()*+,-./0123456789:;<=>?"
          + "@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_"
          + "`abcdefghijklmnopqrstuvwxyz{|}~⌂"
          + "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒ"
          + "áíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐"
          + "└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀"
          + "αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ ";

  private static final int OPAQUE = 0xFF000000;
  private static final int IDLE_WIDTH = 720;
  private static final int IDLE_HEIGHT = 400;
  private static final int VGA_BYTES = 0x40000;
  private static final int FONT_PLANE = 2;
  private static final int MEMORY_MASK = Vga.MEMORY_SIZE - 1;

  /** Frames for which the cursor, and twice as many for which blinking characters, stay on. */
  private static final int CURSOR_FRAMES = 8;

  // What is in a drawn cell, beside the code in bits 7-0 and the attribute in bits 15-8.
  private static final int CELL_CURSOR = 0x10000;
  private static final int CELL_BLINKED_OFF = 0x20000;
  private static final int CELL_UNKNOWN = -1;

  /** The eight bits of a byte spread to eight bytes, the leftmost pixel in the highest byte. */
  private static final long[] SPREAD = new long[256];

  static {
    for (int bits = 0; bits < 256; bits++) {
      for (int i = 0; i < 8; i++) {
        SPREAD[bits] |= (long) (bits >>> i & 1) << 8 * i;
      }
    }
  }

  private enum Content {
    NOTHING,
    BLANK,
    TEXT,
    GRAPHICS,
    VBE
  }

  private final Vga vga;
  private final AddressMap addresses;
  private final GuestMemory memory;
  private final int memoryOffset;

  private final boolean[] dirty = new boolean[Vga.MEMORY_SIZE >>> PAGE_BITS];
  private final int[] colors = new int[256];
  private int[] pixels = new int[0];
  private int[] line = new int[0];
  private int width;
  private int height;
  private boolean square;

  private Content shown = Content.NOTHING;
  private boolean redraw = true;
  private boolean recolor = true;
  private boolean fontsWritten;
  private boolean resize = true;
  private int shownStart;
  private boolean toldOfNoText;
  private @Nullable TextScreen shownText;

  // Text: what was drawn last.
  private int[] cells = new int[0];
  private final int[] bandY = new int[4096];
  private final int[] bandScan = new int[4096];
  private final int[] bandCounter = new int[4096];
  private final int[] bandPan = new int[4096];
  private int bands;
  private int textColumns;
  private long textLayout;
  private int cursorBand;
  private int cursorColumn;

  // The rectangle that this frame has changed.
  private int left;
  private int top;
  private int right;
  private int bottom;

  VgaRenderer(Vga vga, AddressMap addresses, int memoryOffset) {
    this.vga = vga;
    this.addresses = addresses;
    this.memory = addresses.memory();
    this.memoryOffset = memoryOffset;
  }

  /** A register that shapes the picture has changed. */
  void redraw() {
    redraw = true;
  }

  /** The palette has changed. */
  void recolor() {
    recolor = true;
  }

  /** Plane 2, where fonts are, was written. */
  void fontsWritten() {
    fontsWritten = true;
  }

  /** Another screen looks: it knows nothing yet. */
  void forget() {
    shown = Content.NOTHING;
    shownText = null;
    toldOfNoText = false;
    redraw = true;
    resize = true;
  }

  /**
   * @param frame the number of the frame, for what blinks
   */
  void draw(Screen screen, long frame) {
    Content content = content();
    if (content != shown) {
      redraw = true;
      shown = content;
    }
    left = Integer.MAX_VALUE;
    top = Integer.MAX_VALUE;
    right = 0;
    bottom = 0;
    switch (content) {
      case TEXT -> drawText(screen, frame);
      case GRAPHICS -> drawGraphics(screen);
      case VBE -> drawVbe(screen);
      default -> drawBlank(screen);
    }
    redraw = false;
    recolor = false;
    if (right > left && bottom > top) {
      screen.update(pixels, width, left, top, right - left, bottom - top);
    }
  }

  private Content content() {
    if (vga.blanked()) {
      return Content.BLANK;
    }
    if (vga.vbe.enabled()) {
      return Content.VBE;
    }
    if (characters() < 2 || vga.displayLines() < 16) {
      // Not programmed yet.
      return Content.BLANK;
    }
    boolean graphics = (vga.graphics[Vga.GR_MISC] & Vga.GR6_GRAPHICS) != 0;
    return graphics ? Content.GRAPHICS : Content.TEXT;
  }

  private int characters() {
    return vga.crtc[Vga.CR_HORIZONTAL_DISPLAY_END] + 1;
  }

  private void size(Screen screen, int newWidth, int newHeight, boolean newSquare) {
    if (newWidth != width || newHeight != height || newSquare != square) {
      width = newWidth;
      height = newHeight;
      square = newSquare;
      if (pixels.length < width * height) {
        pixels = new int[width * height];
      }
      if (line.length < width + 64) {
        line = new int[width + 64];
      }
      resize = true;
    }
    if (resize) {
      resize = false;
      redraw = true;
      screen.resize(width, height, square);
    }
  }

  private void changed(int x, int y, int w, int h) {
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x + w);
    bottom = Math.max(bottom, y + h);
  }

  private void noText(Screen screen) {
    if (!toldOfNoText) {
      toldOfNoText = true;
      shownText = null;
      screen.text(null);
    }
  }

  private void drawBlank(Screen screen) {
    if (width == 0) {
      size(screen, IDLE_WIDTH, IDLE_HEIGHT, false);
    } else {
      size(screen, width, height, square);
    }
    if (redraw) {
      Arrays.fill(pixels, 0, width * height, OPAQUE);
      changed(0, 0, width, height);
    }
  }

  // ---------------------------------------------------------------- colours

  private int dac(int index) {
    int at = 3 * (index & vga.pelMask);
    int red = vga.palette[at] & 0xFF;
    int green = vga.palette[at + 1] & 0xFF;
    int blue = vga.palette[at + 2] & 0xFF;
    if (vga.vbe.dac8Bit()) {
      return OPAQUE | red << 16 | green << 8 | blue;
    }
    return OPAQUE | sixToEight(red) << 16 | sixToEight(green) << 8 | sixToEight(blue);
  }

  private static int sixToEight(int level) {
    return (level << 2 | level >>> 4) & 0xFF;
  }

  private void colors256() {
    for (int i = 0; i < 256; i++) {
      colors[i] = dac(i);
    }
  }

  /** The path of four bits: plane enable, palette, colour select, DAC. */
  private void colors16() {
    int mode = vga.attribute[Vga.AR_MODE];
    int select = vga.attribute[Vga.AR_COLOR_SELECT];
    for (int i = 0; i < 16; i++) {
      int index = vga.attribute[i & vga.attribute[Vga.AR_PLANE_ENABLE] & 0xF];
      if ((mode & 0x80) != 0) {
        index = index & 0x0F | (select & 0x03) << 4;
      }
      colors[i] = dac(index | (select & 0x0C) << 4);
    }
  }

  // ---------------------------------------------------------------- the CRTC's addresses

  /** The cell that the CRTC's address counter fetches, for a row scan within its character row. */
  private int cell(int counter, int rowScan) {
    int control = vga.crtc[Vga.CR_MODE_CONTROL];
    int cell;
    if ((vga.crtc[Vga.CR_UNDERLINE] & 0x40) != 0) {
      boolean packed = (vga.sequencer[Vga.SR_MEMORY_MODE] & Vga.SR4_CHAIN_4) != 0;
      cell = packed ? counter : counter << 2 | counter >>> 14 & 3;
    } else if ((control & 0x40) != 0) {
      cell = counter;
    } else {
      cell = counter << 1 | counter >>> ((control & 0x20) != 0 ? 15 : 13) & 1;
    }
    if ((control & 0x01) == 0) {
      cell = cell & ~0x2000 | (rowScan & 1) << 13;
    }
    if ((control & 0x02) == 0) {
      cell = cell & ~0x4000 | (rowScan & 2) << 13;
    }
    return cell & 0xFFFF;
  }

  private int start() {
    return vga.crtc[Vga.CR_START_HIGH] << 8 | vga.crtc[Vga.CR_START_LOW];
  }

  private int bytePanning() {
    return vga.crtc[Vga.CR_PRESET_ROW_SCAN] >>> 5 & 3;
  }

  /** The first scan line that shows the memory from address 0 again. */
  private int splitLine() {
    int crtc7 = vga.crtc[Vga.CR_OVERFLOW];
    int crtc9 = vga.crtc[Vga.CR_MAX_SCAN_LINE];
    int compare = vga.crtc[Vga.CR_LINE_COMPARE] | (crtc7 & 0x10) << 4 | (crtc9 & 0x40) << 3;
    boolean doubled = (vga.crtc[Vga.CR_MODE_CONTROL] & Vga.CR17_LINES_DOUBLED) != 0;
    return doubled ? (compare + 1) * 2 : compare + 1;
  }

  /** Whether the part below the split does not scroll sideways. */
  private boolean splitStands() {
    return (vga.attribute[Vga.AR_MODE] & 0x20) != 0;
  }

  private boolean anyDirty(int offset, int size) {
    int first = (offset & MEMORY_MASK) >>> PAGE_BITS;
    int last = ((offset & MEMORY_MASK) + size - 1) >>> PAGE_BITS;
    for (int page = first; page <= last && page < dirty.length; page++) {
      if (dirty[page]) {
        return true;
      }
    }
    return false;
  }

  // ---------------------------------------------------------------- text

  private void drawText(Screen screen, long frame) {
    int maxScan = vga.crtc[Vga.CR_MAX_SCAN_LINE];
    int scans = (maxScan & 0x1F) + 1;
    int columns = characters();
    int dots = (vga.sequencer[Vga.SR_CLOCKING] & Vga.SR1_EIGHT_DOTS) != 0 ? 8 : 9;
    int repeat = (maxScan & 0x80) != 0 ? 1 : 0;
    size(screen, columns * dots, vga.displayLines() >> repeat, false);
    if (redraw || recolor) {
      colors16();
      redraw = true;
    }
    addresses.takeDirty(memoryOffset, VGA_BYTES, dirty);
    boolean touched = anyDirty(0, VGA_BYTES);
    if (touched && fontsWritten) {
      redraw = true;
    }
    fontsWritten = false;

    layOut(columns, scans, dots, repeat);
    long layout = textLayout();
    if (layout != textLayout || redraw) {
      textLayout = layout;
      redraw = true;
      int needed = bands * (columns + 1);
      if (cells.length < needed) {
        cells = new int[needed];
      }
      Arrays.fill(cells, 0, needed, CELL_UNKNOWN);
    }
    boolean textChanged = drawCells(scans, dots, frame);
    if (textChanged || redraw) {
      toldOfNoText = false;
      publishText(screen);
    }
  }

  /** Cuts the picture into bands of one character row each; the split screen begins a new one. */
  private void layOut(int columns, int scans, int dots, int repeat) {
    int split = Math.min(splitLine() + repeat >> repeat, height);
    int counter = start() + bytePanning();
    int scan = Math.min(vga.crtc[Vga.CR_PRESET_ROW_SCAN] & 0x1F, scans - 1);
    int panning = vga.attribute[Vga.AR_PEL_PANNING];
    int pan = dots == 8 ? panning & 7 : panning >= 8 ? 0 : panning + 1;
    textColumns = columns;
    bands = 0;
    int y = 0;
    boolean below = false;
    while (y < height && bands < bandY.length - 1) {
      if (y == split && !below) {
        below = true;
        counter = splitStands() ? 0 : bytePanning();
        scan = 0;
        pan = splitStands() ? 0 : pan;
      }
      bandY[bands] = y;
      bandScan[bands] = scan;
      bandCounter[bands] = counter;
      bandPan[bands] = pan;
      bands++;
      int next = y + scans - scan;
      y = !below && next > split ? split : next;
      scan = 0;
      counter += vga.crtc[Vga.CR_OFFSET] * 2;
    }
    bandY[bands] = height;
  }

  /** Where characters stand, as a number: when it changes, no cell is where it was. */
  private long textLayout() {
    long layout = bands * 31L + textColumns;
    for (int band = 0; band < bands; band++) {
      layout = layout * 31 + bandY[band];
      layout = layout * 31 + bandScan[band];
      layout = layout * 31 + bandPan[band];
    }
    return layout;
  }

  private boolean drawCells(int scans, int dots, long frame) {
    int cursorStart = vga.crtc[Vga.CR_CURSOR_START];
    int cursorEnd = vga.crtc[Vga.CR_CURSOR_END];
    boolean cursorOn = (cursorStart & 0x20) == 0 && (frame / CURSOR_FRAMES & 1) == 0;
    int cursorAddress = vga.crtc[Vga.CR_CURSOR_HIGH] << 8 | vga.crtc[Vga.CR_CURSOR_LOW];
    int cursorSkew = cursorEnd >>> 5 & 3;
    int cursorShape = (cursorStart & 0x1F) << 5 | cursorEnd & 0x1F;
    boolean blinkEnabled = (vga.attribute[Vga.AR_MODE] & 0x08) != 0;
    boolean blinkOff = (frame / (2 * CURSOR_FRAMES) & 1) != 0;
    int fontA = fontBase(vga.sequencer[Vga.SR_CHARACTER_MAP], 5, 2);
    int fontB = fontBase(vga.sequencer[Vga.SR_CHARACTER_MAP], 4, 0);
    byte[] bytes = memory.bytes();
    boolean anyCell = false;
    int newCursorBand = -1;
    int newCursorColumn = -1;
    for (int band = 0; band < bands; band++) {
      int y = bandY[band];
      int h = bandY[band + 1] - y;
      int pan = bandPan[band];
      int drawn = pan == 0 ? textColumns : textColumns + 1;
      int firstChanged = Integer.MAX_VALUE;
      int lastChanged = -1;
      for (int column = 0; column < drawn; column++) {
        int counter = bandCounter[band] + column & 0xFFFF;
        int at = memoryOffset + (cell(counter, 0) << 2);
        int code = bytes[at] & 0xFF;
        int attribute = bytes[at + 1] & 0xFF;
        int state = code | attribute << 8;
        if ((counter - cursorSkew & 0xFFFF) == cursorAddress) {
          newCursorBand = band;
          newCursorColumn = column;
          if (cursorOn) {
            state |= CELL_CURSOR | cursorShape << 18;
          }
        }
        if (blinkEnabled && blinkOff && (attribute & 0x80) != 0) {
          state |= CELL_BLINKED_OFF;
        }
        int index = band * (textColumns + 1) + column;
        int before = cells[index];
        if (before == state) {
          continue;
        }
        cells[index] = state;
        anyCell |= before == CELL_UNKNOWN || ((before ^ state) & 0xFF) != 0;
        firstChanged = Math.min(firstChanged, column);
        lastChanged = column;
        int font = (attribute & 0x08) != 0 ? fontA : fontB;
        drawGlyph(state, font, column * dots - pan, y, h, bandScan[band], dots, blinkEnabled);
      }
      if (lastChanged >= 0) {
        int x = Math.max(0, firstChanged * dots - pan);
        int end = Math.min(width, (lastChanged + 1) * dots - pan);
        changed(x, y, end - x, h);
      }
    }
    boolean cursorMoved = newCursorBand != cursorBand || newCursorColumn != cursorColumn;
    cursorBand = newCursorBand;
    cursorColumn = newCursorColumn;
    return anyCell || cursorMoved;
  }

  /** Maps 0 to 7 lie at 0, 16, 32, 48, 8, 24, 40 and 56 KiB of plane 2. */
  private static int fontBase(int select, int highBit, int lowBit) {
    return (select >>> lowBit & 3) << 14 | (select >>> highBit & 1) << 13;
  }

  private void drawGlyph(
      int state, int font, int x, int y, int h, int firstScan, int dots, boolean blinkEnabled) {
    int code = state & 0xFF;
    int attribute = state >>> 8 & 0xFF;
    int foreground = colors[attribute & 0x0F];
    int background = colors[blinkEnabled ? attribute >>> 4 & 7 : attribute >>> 4];
    boolean off = (state & CELL_BLINKED_OFF) != 0;
    int underline = (attribute & 0x77) == 1 ? vga.crtc[Vga.CR_UNDERLINE] & 0x1F : -1;
    int cursorFirst = 0;
    int cursorLast = -1;
    if ((state & CELL_CURSOR) != 0) {
      cursorFirst = state >>> 23 & 0x1F;
      cursorLast = state >>> 18 & 0x1F;
    }
    // Box-drawing characters run on into the ninth dot.
    boolean runOn = dots == 9 && (code & 0xE0) == 0xC0 && (vga.attribute[Vga.AR_MODE] & 0x04) != 0;
    int glyph = memoryOffset + (font + code * 32 << 2) + FONT_PLANE;
    byte[] bytes = memory.bytes();
    boolean clipped = x < 0 || x + dots > width;
    for (int i = 0; i < h; i++) {
      int scan = firstScan + i;
      int bits = (bytes[glyph + (scan << 2)] & 0xFF) << 1;
      if (runOn) {
        bits |= bits >>> 1 & 1;
      }
      boolean cursor = scan >= cursorFirst && scan <= cursorLast;
      if (cursor || scan == underline) {
        bits = 0x1FF;
      }
      int ink = off && !cursor ? background : foreground;
      int at = (y + i) * width + x;
      if (clipped) {
        for (int dot = 0; dot < dots; dot++) {
          if (x + dot >= 0 && x + dot < width) {
            pixels[at + dot] = (bits & 0x100 >>> dot) != 0 ? ink : background;
          }
        }
      } else {
        for (int dot = 0; dot < dots; dot++) {
          pixels[at + dot] = (bits & 0x100 >>> dot) != 0 ? ink : background;
        }
      }
    }
  }

  private void publishText(Screen screen) {
    List<String> rows = new ArrayList<>(bands);
    char[] row = new char[textColumns];
    for (int band = 0; band < bands; band++) {
      for (int column = 0; column < textColumns; column++) {
        row[column] = CODE_PAGE_437.charAt(cells[band * (textColumns + 1) + column] & 0xFF);
      }
      rows.add(new String(row));
    }
    TextScreen text = new TextScreen(rows, cursorColumn, cursorBand);
    if (!text.equals(shownText)) {
      shownText = text;
      screen.text(text);
    }
  }

  // ---------------------------------------------------------------- graphics

  private void drawGraphics(Screen screen) {
    int maxScan = vga.crtc[Vga.CR_MAX_SCAN_LINE];
    int scans = (maxScan & 0x1F) + 1;
    int repeat = (maxScan & 0x80) != 0 ? 2 : 1;
    boolean linear = (vga.crtc[Vga.CR_MODE_CONTROL] & 3) == 3;
    if (linear) {
      repeat *= scans;
      scans = 1;
    }
    int shift = vga.graphics[Vga.GR_MODE];
    boolean bytesPerPixel = (shift & Vga.GR5_SHIFT_256) != 0;
    boolean pairs = !bytesPerPixel && (shift & Vga.GR5_SHIFT_INTERLEAVE) != 0;
    int characters = characters();
    size(
        screen,
        characters * (bytesPerPixel ? 4 : 8),
        Math.max(1, vga.displayLines() / repeat),
        false);
    noText(screen);
    int start = start() + bytePanning();
    if (start != shownStart) {
      shownStart = start;
      redraw = true;
    }
    if (redraw || recolor) {
      redraw = true;
      if (bytesPerPixel) {
        colors256();
      } else {
        colors16();
      }
    }
    addresses.takeDirty(memoryOffset, VGA_BYTES, dirty);
    if (!redraw && !anyDirty(0, VGA_BYTES)) {
      return;
    }
    // A row is one run of bytes only when the counter is not rearranged on its way.
    boolean runs =
        linear
            && ((vga.crtc[Vga.CR_MODE_CONTROL] & 0x40) != 0
                || (vga.crtc[Vga.CR_UNDERLINE] & 0x40) != 0);
    int split = (splitLine() + repeat - 1) / repeat;
    int panning = vga.attribute[Vga.AR_PEL_PANNING] & 7;
    int pan = bytesPerPixel ? panning >>> 1 : panning;
    int counter = start;
    int rowScan = linear ? 0 : Math.min(vga.crtc[Vga.CR_PRESET_ROW_SCAN] & 0x1F, scans - 1);
    for (int y = 0; y < height; y++) {
      if (y == split) {
        counter = splitStands() ? 0 : bytePanning();
        rowScan = 0;
        pan = splitStands() ? 0 : pan;
      }
      if (redraw || !runs || rowDirty(cell(counter & 0xFFFF, rowScan), characters + 1)) {
        fetchRow(counter, rowScan, characters + (pan == 0 ? 0 : 1), bytesPerPixel, pairs);
        System.arraycopy(line, pan, pixels, y * width, width);
        changed(0, y, width, 1);
      }
      if (++rowScan == scans) {
        rowScan = 0;
        counter += vga.crtc[Vga.CR_OFFSET] * 2;
      }
    }
  }

  private boolean rowDirty(int cell, int count) {
    if (cell + count > 0x10000) {
      return true;
    }
    return anyDirty(cell << 2, count << 2);
  }

  private void fetchRow(
      int counter, int rowScan, int characters, boolean bytesPerPixel, boolean pairs) {
    int x = 0;
    for (int i = 0; i < characters; i++) {
      int planes = memory.read32(memoryOffset + (cell(counter + i & 0xFFFF, rowScan) << 2));
      if (bytesPerPixel) {
        line[x] = colors[planes & 0xFF];
        line[x + 1] = colors[planes >>> 8 & 0xFF];
        line[x + 2] = colors[planes >>> 16 & 0xFF];
        line[x + 3] = colors[planes >>> 24];
        x += 4;
      } else if (pairs) {
        for (int dot = 0; dot < 4; dot++) {
          int at = 6 - 2 * dot;
          line[x + dot] = colors[planes >>> at & 3 | (planes >>> at + 16 & 3) << 2];
          line[x + 4 + dot] = colors[planes >>> at + 8 & 3 | (planes >>> at + 24 & 3) << 2];
        }
        x += 8;
      } else {
        planarDots(planes, x);
        x += 8;
      }
    }
  }

  /** Eight pixels of four planes. */
  private void planarDots(int planes, int x) {
    long dots =
        SPREAD[planes & 0xFF]
            | SPREAD[planes >>> 8 & 0xFF] << 1
            | SPREAD[planes >>> 16 & 0xFF] << 2
            | SPREAD[planes >>> 24] << 3;
    for (int dot = 0; dot < 8; dot++) {
      line[x + dot] = colors[(int) (dots >>> 56 - 8 * dot) & 0xF];
    }
  }

  // ---------------------------------------------------------------- VBE

  private void drawVbe(Screen screen) {
    BochsVbe vbe = vga.vbe;
    int bits = vbe.bitsPerPixel();
    size(screen, vbe.width(), vbe.height(), vbe.height() >= 480);
    noText(screen);
    int planes = bits == 4 ? 4 : 1;
    int pitch = vbe.pitch() * planes;
    int start = vbe.start() * planes;
    int rowBytes = bits == 4 ? width / 2 : width * ((bits + 7) >>> 3);
    if (recolor && bits <= 8) {
      redraw = true;
    }
    if (redraw && bits == 8) {
      colors256();
    } else if (redraw && bits == 4) {
      colors16();
    }
    int firstPage = start >>> PAGE_BITS;
    int end = Math.min(start + pitch * height, Vga.MEMORY_SIZE);
    int pages = (end + GuestMemory.PAGE_SIZE - 1 >>> PAGE_BITS) - firstPage;
    int base = firstPage << PAGE_BITS;
    addresses.takeDirty(memoryOffset + base, pages << PAGE_BITS, dirty);
    for (int y = 0; y < height; y++) {
      int row = start + y * pitch;
      if (row + rowBytes > Vga.MEMORY_SIZE) {
        break;
      }
      if (redraw || anyDirty(row - base, rowBytes)) {
        drawVbeRow(memoryOffset + row, y * width, bits);
        changed(0, y, width, 1);
      }
    }
  }

  private void drawVbeRow(int from, int to, int bits) {
    byte[] bytes = memory.bytes();
    switch (bits) {
      case 4 -> {
        for (int x = 0; x < width; x += 8) {
          planarDots(memory.read32(from + x / 2), 0);
          System.arraycopy(line, 0, pixels, to + x, 8);
        }
      }
      case 8 -> {
        for (int x = 0; x < width; x++) {
          pixels[to + x] = colors[bytes[from + x] & 0xFF];
        }
      }
      case 15 -> {
        for (int x = 0; x < width; x++) {
          int value = memory.read16(from + 2 * x);
          int red = value >>> 10 & 31;
          int green = value >>> 5 & 31;
          int blue = value & 31;
          pixels[to + x] =
              OPAQUE | fiveToEight(red) << 16 | fiveToEight(green) << 8 | fiveToEight(blue);
        }
      }
      case 16 -> {
        for (int x = 0; x < width; x++) {
          int value = memory.read16(from + 2 * x);
          int red = value >>> 11;
          int green = value >>> 5 & 63;
          int blue = value & 31;
          pixels[to + x] =
              OPAQUE | fiveToEight(red) << 16 | sixToEight(green) << 8 | fiveToEight(blue);
        }
      }
      case 24 -> {
        for (int x = 0, at = from; x < width; x++, at += 3) {
          pixels[to + x] = OPAQUE | memory.read16(at) | (bytes[at + 2] & 0xFF) << 16;
        }
      }
      default -> {
        for (int x = 0; x < width; x++) {
          pixels[to + x] = OPAQUE | memory.read32(from + 4 * x);
        }
      }
    }
  }

  private static int fiveToEight(int level) {
    return level << 3 | level >>> 2;
  }
}
