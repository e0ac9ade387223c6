package io.satchel.vm.firmware;

import io.satchel.vm.cpu.CpuState;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * INT 10h/4Fh: VESA BIOS Extension Core Functions 3.0, with DDC (VBE/DDC 1.1), on the registers of
 * Bochs's display interface, which the adapter has.
 */
final class VbeBios {

  // Bochs VBE: index at 1CEh, data at 1CFh.
  private static final int INDEX = 0x1CE;
  private static final int DATA = 0x1CF;
  private static final int X_RESOLUTION = 1;
  private static final int Y_RESOLUTION = 2;
  private static final int DEPTH = 3;
  private static final int ENABLE = 4;
  private static final int BANK = 5;
  private static final int VIRTUAL_WIDTH = 6;
  private static final int X_OFFSET = 8;
  private static final int Y_OFFSET = 9;
  private static final int MEMORY_64K = 0xA;

  private static final int ENABLED = 0x01;
  private static final int EIGHT_BIT_DAC = 0x20;
  private static final int LINEAR = 0x40;
  private static final int KEEP = 0x80;

  private static final int SUPPORTED = 0x004F;
  private static final int FAILED = 0x014F;
  private static final int NOT_IN_THIS_MODE = 0x034F;
  private static final int UNSUPPORTED = 0x0100;

  /** The number of the current VBE mode in the EBDA; 0 for a VGA mode. */
  private static final int CURRENT = 0xF0;

  /** The VGA's slot and function. */
  private static final int VGA_CLASS = 0x030000;

  private static final int OEM_STRING = VideoRom.VBE + 0x180;
  private static final int MODE_LIST = VideoRom.VBE;

  /** A VBE mode. Depth 15 has five bits of each colour, 24 three bytes, 32 four. */
  private record Mode(int number, int width, int height, int depth) {

    int bytes() {
      return (depth + 7) / 8;
    }

    int pitch() {
      return width * bytes();
    }
  }

  private static final List<Mode> MODES = modes();

  private final Guest guest;

  VbeBios(Guest guest, VideoRom rom) {
    this.guest = guest;
    Assembler list = rom.at(MODE_LIST);
    for (Mode mode : MODES) {
      list.word(mode.number());
    }
    list.word(0xFFFF);
    if (list.here() > OEM_STRING) {
      throw new IllegalStateException("too many VBE modes");
    }
    rom.at(OEM_STRING).text("Satchel VBE").bytes(0).text("Satchel").bytes(0);
    protectedInterface(rom.at(VideoRom.VBE_PROTECTED));
  }

  /** VESA's numbers where there are some, from 140h on where there are none. */
  private static List<Mode> modes() {
    List<Mode> modes = new ArrayList<>();
    int[][] standard = {
      {0x100, 640, 400, 8},
      {0x101, 640, 480, 8},
      {0x103, 800, 600, 8},
      {0x105, 1024, 768, 8},
      {0x107, 1280, 1024, 8},
      {0x10D, 320, 200, 15},
      {0x10E, 320, 200, 16},
      {0x10F, 320, 200, 24},
      {0x110, 640, 480, 15},
      {0x111, 640, 480, 16},
      {0x112, 640, 480, 24},
      {0x113, 800, 600, 15},
      {0x114, 800, 600, 16},
      {0x115, 800, 600, 24},
      {0x116, 1024, 768, 15},
      {0x117, 1024, 768, 16},
      {0x118, 1024, 768, 24},
      {0x119, 1280, 1024, 15},
      {0x11A, 1280, 1024, 16},
      {0x11B, 1280, 1024, 24},
      {0x11C, 1600, 1200, 8},
      {0x11D, 1600, 1200, 15},
      {0x11E, 1600, 1200, 16},
      {0x11F, 1600, 1200, 24},
      {0x140, 320, 200, 32},
      {0x141, 640, 400, 32},
      {0x142, 640, 480, 32},
      {0x143, 800, 600, 32},
      {0x144, 1024, 768, 32},
      {0x145, 1280, 1024, 32},
      {0x146, 320, 200, 8},
      {0x147, 1600, 1200, 32}
    };
    for (int[] row : standard) {
      modes.add(new Mode(row[0], row[1], row[2], row[3]));
    }
    int[][] sizes = {
      {640, 400},
      {1152, 864},
      {1280, 720},
      {1280, 768},
      {1280, 800},
      {1280, 960},
      {1360, 768},
      {1440, 900},
      {1400, 1050},
      {1680, 1050},
      {1920, 1080}
    };
    int number = 0x150;
    for (int[] size : sizes) {
      for (int depth : new int[] {8, 16, 24, 32}) {
        if (size[0] == 640 && (depth == 8 || depth == 32)) {
          continue;
        }
        modes.add(new Mode(number++, size[0], size[1], depth));
      }
    }
    return List.copyOf(modes);
  }

  private int register(int index) {
    guest.out16(INDEX, index);
    return guest.in16(DATA);
  }

  private void register(int index, int value) {
    guest.out16(INDEX, index);
    guest.out16(DATA, value);
  }

  private long memorySize() {
    return (long) register(MEMORY_64K) << 16;
  }

  private long ebda() {
    return ((long) guest.bda16(Bda.EBDA_SEGMENT) << 4) + CURRENT;
  }

  private @Nullable Mode find(int number) {
    for (Mode mode : MODES) {
      if (mode.number() == number && (long) mode.pitch() * mode.height() <= memorySize()) {
        return mode;
      }
    }
    return null;
  }

  private @Nullable Mode current() {
    int number = guest.read16(ebda());
    return number == 0 ? null : find(number & 0x3FFF);
  }

  /** Goes back to VGA. */
  void leave() {
    register(ENABLE, 0);
    guest.write16(ebda(), 0);
  }

  /** Whether a VBE mode is on. */
  boolean active() {
    return guest.read16(ebda()) != 0;
  }

  /** The service. */
  void call(VideoBios video) {
    int result =
        switch (guest.al()) {
          case 0x00 -> information();
          case 0x01 -> modeInformation();
          case 0x02 -> setMode(video);
          case 0x03 -> {
            int number = guest.read16(ebda());
            guest.bx(number == 0 ? guest.bda8(Bda.VIDEO_MODE) : number);
            yield SUPPORTED;
          }
          case 0x04 -> state(video);
          case 0x05 -> bank();
          case 0x06 -> scanLine();
          case 0x07 -> displayStart();
          case 0x08 -> dacWidth();
          case 0x09 -> palette();
          case 0x0A -> {
            if (guest.bl() != 0) {
              yield FAILED;
            }
            guest.segment(CpuState.ES, VideoRom.SEGMENT);
            guest.di(VideoRom.VBE_PROTECTED);
            guest.cx(protectedLength);
            yield SUPPORTED;
          }
          case 0x15 -> ddc();
          default -> UNSUPPORTED | guest.al();
        };
    guest.ax(result);
  }

  private int information() {
    long at = guest.es(guest.di());
    boolean two = guest.read32(at) == 0x32454256; // "VBE2"
    guest.write32(at, 0x41534556); // "VESA"
    guest.write16(at + 4, 0x0300);
    pointer(at + 6, OEM_STRING);
    guest.write32(at + 10, 0x01); // the DAC can be switched to eight bits
    pointer(at + 14, MODE_LIST);
    guest.write16(at + 18, register(MEMORY_64K));
    if (two) {
      guest.write16(at + 20, 0x0100);
      pointer(at + 22, OEM_STRING + 12);
      pointer(at + 26, OEM_STRING);
      pointer(at + 30, OEM_STRING + 12);
      guest.fill(at + 34, 0, 512 - 34);
    }
    return SUPPORTED;
  }

  private void pointer(long at, int offset) {
    guest.write16(at, offset);
    guest.write16(at + 2, VideoRom.SEGMENT);
  }

  /** The physical address of the frame buffer: the adapter's first memory BAR. */
  private int frameBuffer() {
    for (int number = 0; number < 256; number++) {
      guest.ports.write(0xCF8, 4, 0x8000_0000 | number << 8 | 0x08);
      if (guest.ports.read(0xCFC, 4) >>> 8 == VGA_CLASS) {
        guest.ports.write(0xCF8, 4, 0x8000_0000 | number << 8 | 0x10);
        return guest.ports.read(0xCFC, 4) & ~15;
      }
    }
    return 0;
  }

  private int modeInformation() {
    Mode mode = find(guest.cx() & 0x3FFF);
    if (mode == null) {
      return FAILED;
    }
    long at = guest.es(guest.di());
    guest.fill(at, 0, 256);
    // Supported, extended information, colour, graphics, linear; not VGA compatible registers.
    guest.write16(at, 0x9B);
    guest.write8(at + 2, 7); // window A: there, readable, writable
    guest.write16(at + 4, 64); // granularity and size, KiB
    guest.write16(at + 6, 64);
    guest.write16(at + 8, 0xA000);
    guest.write32(at + 12, 0); // no direct call: INT 10h/4F05h
    guest.write16(at + 16, mode.pitch());
    guest.write16(at + 18, mode.width());
    guest.write16(at + 20, mode.height());
    guest.write8(at + 22, 8);
    guest.write8(at + 23, 16);
    guest.write8(at + 24, 1);
    guest.write8(at + 25, mode.depth());
    guest.write8(at + 26, 1);
    guest.write8(at + 27, mode.depth() == 8 ? 4 : 6); // packed pixels or direct colour
    int pages = (int) Math.min(255, memorySize() / ((long) mode.pitch() * mode.height()) - 1);
    guest.write8(at + 29, pages);
    guest.write8(at + 30, 1);
    int[] masks =
        switch (mode.depth()) {
          case 15 -> new int[] {5, 10, 5, 5, 5, 0, 1, 15};
          case 16 -> new int[] {5, 11, 6, 5, 5, 0, 0, 0};
          case 24 -> new int[] {8, 16, 8, 8, 8, 0, 0, 0};
          case 32 -> new int[] {8, 16, 8, 8, 8, 0, 8, 24};
          default -> new int[8];
        };
    for (int i = 0; i < 8; i++) {
      guest.write8(at + 31 + i, masks[i]);
      guest.write8(at + 54 + i, masks[i]);
    }
    guest.write8(at + 39, mode.depth() == 32 ? 2 : 0); // the fourth byte is free
    guest.write32(at + 40, frameBuffer());
    guest.write16(at + 50, mode.pitch());
    guest.write8(at + 52, pages);
    guest.write8(at + 53, pages);
    guest.write32(at + 62, 230_000_000);
    return SUPPORTED;
  }

  private int setMode(VideoBios video) {
    int wanted = guest.bx();
    int number = wanted & 0x1FF;
    boolean clear = (wanted & 0x8000) == 0;
    if (number < 0x100) {
      if (VideoModes.mode(number & 0x7F, 400) == null) {
        return FAILED;
      }
      video.setMode(number & 0x7F, clear);
      return SUPPORTED;
    }
    Mode mode = find(number);
    if (mode == null) {
      return FAILED;
    }
    video.setMode(0x13, false); // the VGA part in a state without text
    register(ENABLE, 0);
    register(X_RESOLUTION, mode.width());
    register(Y_RESOLUTION, mode.height());
    register(DEPTH, mode.depth());
    register(BANK, 0);
    boolean linear = (wanted & 0x4000) != 0;
    register(ENABLE, ENABLED | (linear ? LINEAR : 0) | (clear ? 0 : KEEP));
    register(VIRTUAL_WIDTH, mode.width());
    register(X_OFFSET, 0);
    register(Y_OFFSET, 0);
    guest.write16(ebda(), number | wanted & 0xC000);
    guest.bda8(Bda.VIDEO_MODE, 0x7F); // no mode of IBM's
    guest.bda16(Bda.COLUMNS, mode.width() / 8);
    guest.bda8(Bda.ROWS, mode.height() / 16 - 1);
    guest.bda16(Bda.CHARACTER_HEIGHT, 16);
    return SUPPORTED;
  }

  private int state(VideoBios video) {
    int what = guest.cx() & 0x0F;
    int vga = video.stateBlocks(what & 7);
    long own = guest.es(guest.bx()) + 64L * vga;
    switch (guest.dl()) {
      case 0 -> guest.bx(vga + 1);
      case 1 -> {
        video.save(what & 7, guest.es(guest.bx()));
        guest.write16(own, guest.read16(ebda()));
        for (int i = 1; i <= Y_OFFSET; i++) {
          guest.write16(own + 2L * i, register(i));
        }
      }
      case 2 -> {
        int number = guest.read16(own);
        register(ENABLE, 0);
        video.restore(what & 7, guest.es(guest.bx()));
        for (int i = 1; i <= Y_OFFSET; i++) {
          if (i != ENABLE && number != 0) {
            register(i, guest.read16(own + 2L * i));
          }
        }
        register(ENABLE, number == 0 ? 0 : guest.read16(own + 2L * ENABLE) | KEEP);
        for (int i = BANK; i <= Y_OFFSET && number != 0; i++) {
          register(i, guest.read16(own + 2L * i));
        }
        guest.write16(ebda(), number);
      }
      default -> {
        return FAILED;
      }
    }
    return SUPPORTED;
  }

  private int bank() {
    if (!active() || guest.bl() != 0) {
      return guest.bl() != 0 ? FAILED : NOT_IN_THIS_MODE;
    }
    if (guest.bh() == 0) {
      if (guest.dx() >= register(MEMORY_64K)) {
        return FAILED;
      }
      register(BANK, guest.dx());
    } else {
      guest.dx(register(BANK) & 0x1FF);
    }
    return SUPPORTED;
  }

  private int scanLine() {
    Mode mode = current();
    if (mode == null) {
      return NOT_IN_THIS_MODE;
    }
    int bytes = mode.bytes();
    int most = (int) Math.min(0xFFF8, memorySize() / mode.height() / bytes);
    switch (guest.bl()) {
      case 0, 2 -> {
        int width = guest.bl() == 0 ? guest.cx() : (guest.cx() + bytes - 1) / bytes;
        width = width + 7 & ~7;
        if (width < mode.width() || width > most) {
          return 0x024F;
        }
        register(VIRTUAL_WIDTH, width);
      }
      case 1 -> {}
      case 3 -> {
        guest.cx(most);
        guest.bx(most * bytes);
        guest.dx(mode.height());
        return SUPPORTED;
      }
      default -> {
        return FAILED;
      }
    }
    int width = register(VIRTUAL_WIDTH);
    guest.bx(width * bytes);
    guest.cx(width);
    guest.dx((int) Math.min(0xFFFF, memorySize() / ((long) width * bytes)));
    return SUPPORTED;
  }

  private int displayStart() {
    if (!active()) {
      return NOT_IN_THIS_MODE;
    }
    switch (guest.bl()) {
      case 0x00, 0x80 -> {
        register(X_OFFSET, guest.cx());
        register(Y_OFFSET, guest.dx());
      }
      case 0x01 -> {
        guest.bh(0);
        guest.cx(register(X_OFFSET));
        guest.dx(register(Y_OFFSET));
      }
      default -> {
        return FAILED;
      }
    }
    return SUPPORTED;
  }

  private int dacWidth() {
    Mode mode = current();
    if (mode == null || mode.depth() != 8) {
      return NOT_IN_THIS_MODE;
    }
    int enable = register(ENABLE) | KEEP;
    switch (guest.bl()) {
      case 0 ->
          register(ENABLE, guest.bh() >= 8 ? enable | EIGHT_BIT_DAC : enable & ~EIGHT_BIT_DAC);
      case 1 -> {}
      default -> {
        return FAILED;
      }
    }
    guest.bh((register(ENABLE) & EIGHT_BIT_DAC) != 0 ? 8 : 6);
    return SUPPORTED;
  }

  private int palette() {
    long at = guest.es(guest.di());
    int count = Math.min(guest.cx(), 256);
    switch (guest.bl()) {
      case 0x00, 0x80 -> {
        guest.out8(0x3C8, guest.dl());
        for (int i = 0; i < count; i++) {
          for (int component = 2; component >= 0; component--) {
            guest.out8(0x3C9, guest.read8(at + 4L * i + component));
          }
        }
      }
      case 0x01 -> {
        guest.out8(0x3C7, guest.dl());
        for (int i = 0; i < count; i++) {
          for (int component = 2; component >= 0; component--) {
            guest.write8(at + 4L * i + component, guest.in8(0x3C9));
          }
          guest.write8(at + 4L * i + 3, 0);
        }
      }
      default -> {
        return 0x024F;
      }
    }
    return SUPPORTED;
  }

  private int ddc() {
    switch (guest.bl()) {
      case 0 -> {
        guest.bx(0x0102); // DDC2 is supported, EDID takes a second at most
        return SUPPORTED;
      }
      case 1 -> {
        if (guest.dx() != 0) {
          return FAILED;
        }
        byte[] edid = Edid.bytes();
        guest.write(guest.es(guest.di()), edid, 0, edid.length);
        return SUPPORTED;
      }
      default -> {
        return UNSUPPORTED | 0x15;
      }
    }
  }

  // The protected-mode interface: code that a program copies where it likes and calls near.

  private int protectedLength;

  private void protectedInterface(Assembler code) {
    int start = code.here();
    code.at(start + 8); // the table of four offsets
    int setWindow = code.here();
    // The bank in DX.
    code.bytes(0x66, 0x50, 0x66, 0x51, 0x66, 0x52); // push ax; push cx; push dx
    code.bytes(0x66, 0x89, 0xD1); // mov cx, dx
    out(code, BANK);
    code.bytes(0x66, 0x89, 0xC8, 0x66, 0xEF); // mov ax, cx; out dx, ax
    code.bytes(0x66, 0x5A, 0x66, 0x59, 0x66, 0x58); // pop dx; pop cx; pop ax
    code.bytes(0x66, 0xB8, 0x4F, 0x00, 0xC3); // mov ax, 004Fh; ret

    int setStart = code.here();
    // DX:CX: the start address in units of four bytes. y = address / pitch, x = rest / bytes.
    code.bytes(0x50, 0x53, 0x51, 0x52, 0x56); // push eax, ebx, ecx, edx, esi
    code.bytes(0xC1, 0xE2, 0x10, 0x66, 0x89, 0xCA); // shl edx, 16; mov dx, cx
    code.bytes(0xC1, 0xE2, 0x02, 0x89, 0xD6); // shl edx, 2; mov esi, edx
    out(code, DEPTH);
    code.bytes(0x66, 0xED, 0x0F, 0xB7, 0xC8); // in ax, dx; movzx ecx, ax
    code.bytes(0x83, 0xC1, 0x07, 0xC1, 0xE9, 0x03); // add ecx, 7; shr ecx, 3: bytes a pixel
    out(code, VIRTUAL_WIDTH);
    code.bytes(0x66, 0xED, 0x0F, 0xB7, 0xD8); // in ax, dx; movzx ebx, ax
    code.bytes(0x0F, 0xAF, 0xD9); // imul ebx, ecx: the pitch
    code.bytes(0x89, 0xF0, 0x31, 0xD2, 0xF7, 0xF3); // mov eax, esi; xor edx, edx; div ebx
    code.bytes(0x89, 0xC6, 0x89, 0xD0, 0x31, 0xD2); // mov esi, eax; mov eax, edx; xor edx, edx
    code.bytes(0xF7, 0xF1, 0x89, 0xC3); // div ecx; mov ebx, eax
    out(code, X_OFFSET);
    code.bytes(0x66, 0x89, 0xD8, 0x66, 0xEF); // mov ax, bx; out dx, ax
    out(code, Y_OFFSET);
    code.bytes(0x66, 0x89, 0xF0, 0x66, 0xEF); // mov ax, si; out dx, ax
    code.bytes(0x5E, 0x5A, 0x59, 0x5B, 0x58); // pop esi, edx, ecx, ebx, eax
    code.bytes(0x66, 0xB8, 0x4F, 0x00, 0xC3); // mov ax, 004Fh; ret

    int setPalette = code.here();
    // CX colours from DL on, blue, green, red and a free byte each at ES:EDI.
    code.bytes(0x51, 0x52, 0x57); // push ecx, edx, edi
    code.bytes(
        0x88, 0xD0, 0x66, 0xBA, 0xC8, 0x03, 0xEE, 0x42); // mov al, dl; mov dx, 3C8h; out; inc
    code.bytes(0x0F, 0xB7, 0xC9, 0xE3, 0x14); // movzx ecx, cx; jecxz to the pops
    code.bytes(0x26, 0x8A, 0x47, 0x02, 0xEE); // mov al, [es:edi+2]; out dx, al
    code.bytes(0x26, 0x8A, 0x47, 0x01, 0xEE); // mov al, [es:edi+1]; out dx, al
    code.bytes(0x26, 0x8A, 0x07, 0xEE); // mov al, [es:edi]; out dx, al
    code.bytes(0x83, 0xC7, 0x04, 0x49, 0x75, 0xEC); // add edi, 4; dec ecx; jnz
    code.bytes(0x5F, 0x5A, 0x59); // pop edi, edx, ecx
    code.bytes(0x66, 0xB8, 0x4F, 0x00, 0xC3); // mov ax, 004Fh; ret

    int ports = code.here();
    code.word(INDEX).word(DATA).word(0x3C8).word(0x3C9).word(0xFFFF); // and no memory
    code.word(0xFFFF);
    protectedLength = code.here() - start;
    code.at(start).word(setWindow - start).word(setStart - start);
    code.word(setPalette - start).word(ports - start);
  }

  /** Chooses a register and leaves DX at the data port. */
  private static void out(Assembler code, int register) {
    code.bytes(0x66, 0xBA).word(INDEX); // mov dx, INDEX
    code.bytes(0x66, 0xB8).word(register); // mov ax, register
    code.bytes(0x66, 0xEF, 0x66, 0x42); // out dx, ax; inc dx
  }
}
