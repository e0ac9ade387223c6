package io.satchel.vm.device;

import java.util.Arrays;

/**
 * The display interface ("dispi") registers of the Bochs VBE adapter, as QEMU's standard VGA has
 * them. Documents: "VBE Display API" of the Bochs project, and QEMU's docs/specs/standard-vga.rst.
 *
 * <p>It keeps numbers only; {@link Vga} owns the memory and the ports. While {@link #enabled()} the
 * picture is {@link #width()} by {@link #height()} pixels of {@link #bitsPerPixel()} bits, and the
 * CRTC is not looked at.
 */
final class BochsVbe {

  static final int ID = 0x0;
  static final int XRES = 0x1;
  static final int YRES = 0x2;
  static final int BPP = 0x3;
  static final int ENABLE = 0x4;
  static final int BANK = 0x5;
  static final int VIRT_WIDTH = 0x6;
  static final int VIRT_HEIGHT = 0x7;
  static final int X_OFFSET = 0x8;
  static final int Y_OFFSET = 0x9;
  static final int VIDEO_MEMORY_64K = 0xA;
  static final int REGISTERS = 0xB;

  static final int ENABLED = 0x01;
  static final int GETCAPS = 0x02;
  static final int DAC_8BIT = 0x20;
  static final int LFB_ENABLED = 0x40;
  static final int NOCLEARMEM = 0x80;

  /** The newest interface version answered, B0C5h; the oldest is B0C0h. */
  static final int ID5 = 0xB0C5;

  private static final int ID0 = 0xB0C0;

  /** The largest picture; 2560 x 1600 x 32 still fits 16 MiB. */
  static final int MAX_XRES = 2560;

  static final int MAX_YRES = 1600;
  private static final int MAX_BPP = 32;

  private final int memorySize;
  private final int[] registers = new int[REGISTERS];
  private int index;

  BochsVbe(int memorySize) {
    this.memorySize = memorySize;
    reset();
  }

  void reset() {
    Arrays.fill(registers, 0);
    registers[ID] = ID5;
    registers[BPP] = 8;
    registers[VIDEO_MEMORY_64K] = memorySize >>> 16;
    index = 0;
  }

  int index() {
    return index;
  }

  void select(int newIndex) {
    index = newIndex & 0xFFFF;
  }

  boolean enabled() {
    return (registers[ENABLE] & ENABLED) != 0;
  }

  boolean dac8Bit() {
    return (registers[ENABLE] & DAC_8BIT) != 0;
  }

  int width() {
    return registers[XRES];
  }

  int height() {
    return registers[YRES];
  }

  /** 4, 8, 15, 16, 24 or 32. */
  int bitsPerPixel() {
    return registers[BPP];
  }

  /** The number of the 64 KiB bank that A0000h shows. */
  int bank() {
    return registers[BANK];
  }

  /** Bytes from one line to the next; in 4-bit modes, bytes of each plane. */
  int pitch() {
    return pitch(registers[VIRT_WIDTH]);
  }

  private int pitch(int pixels) {
    int bits = registers[BPP];
    return bits == 4 ? pixels >>> 3 : pixels * ((bits + 7) >>> 3);
  }

  /** Where the picture begins in video memory; in 4-bit modes, in each plane. */
  int start() {
    return registers[Y_OFFSET] * pitch() + pitch(registers[X_OFFSET]);
  }

  /** Bytes that a pitch may divide: a plane, or all memory. */
  private int space() {
    return registers[BPP] == 4 ? memorySize >>> 2 : memorySize;
  }

  int read() {
    return read(index);
  }

  /** What register {@code register} reads as; one that does not exist reads as 0. */
  int read(int register) {
    if (register >= REGISTERS) {
      return 0;
    }
    if ((registers[ENABLE] & GETCAPS) != 0) {
      switch (register) {
        case XRES:
          return MAX_XRES;
        case YRES:
          return MAX_YRES;
        case BPP:
          return MAX_BPP;
        default:
          break;
      }
    }
    return registers[register];
  }

  void write(int value) {
    write(index, value);
  }

  /**
   * Writes a register. A value that the adapter cannot do is ignored, as the original does, so that
   * a driver reads back what it got.
   */
  void write(int register, int value) {
    switch (register) {
      case ID -> {
        if (value >= ID0 && value <= ID5) {
          registers[ID] = value;
        }
      }
      case XRES -> {
        if (value >= 8 && value <= MAX_XRES) {
          registers[XRES] = value & ~7;
          settle();
        }
      }
      case YRES -> {
        if (value >= 1 && value <= MAX_YRES) {
          registers[YRES] = value;
          settle();
        }
      }
      case BPP -> {
        int bits = value == 0 ? 8 : value;
        if (knownDepth(bits)) {
          registers[BPP] = bits;
          settle();
        }
      }
      case ENABLE -> enable(value);
      case BANK -> registers[BANK] = value & (memorySize >>> 16) - 1;
      case VIRT_WIDTH -> {
        if (enabled() && value >= registers[XRES] && pitch(value) <= space() / registers[YRES]) {
          registers[VIRT_WIDTH] = value & ~7;
          settle();
        }
      }
      case X_OFFSET -> {
        registers[X_OFFSET] = value;
        settle();
      }
      case Y_OFFSET -> {
        registers[Y_OFFSET] = value;
        settle();
      }
      default -> {
        // VIRT_HEIGHT follows from VIRT_WIDTH; the memory size cannot be written.
      }
    }
  }

  private static boolean knownDepth(int bits) {
    return switch (bits) {
      case 4, 8, 15, 16, 24, 32 -> true;
      default -> false;
    };
  }

  private void enable(int value) {
    boolean was = enabled();
    int wanted = value & (ENABLED | GETCAPS | DAC_8BIT | LFB_ENABLED | NOCLEARMEM);
    registers[BANK] = 0;
    if ((value & ENABLED) == 0) {
      registers[ENABLE] = wanted & ~DAC_8BIT;
      return;
    }
    if (registers[XRES] == 0 || registers[YRES] == 0) {
      return;
    }
    registers[ENABLE] = wanted;
    if (!was) {
      registers[VIRT_WIDTH] = registers[XRES];
      registers[X_OFFSET] = 0;
      registers[Y_OFFSET] = 0;
    }
    settle();
  }

  /** Keeps the picture inside the virtual screen and that inside the memory. */
  private void settle() {
    if (!enabled()) {
      return;
    }
    registers[VIRT_WIDTH] = Math.max(registers[VIRT_WIDTH], registers[XRES]);
    int lines = space() / pitch();
    registers[YRES] = Math.min(registers[YRES], lines);
    registers[VIRT_HEIGHT] = Math.min(lines, 0xFFFF);
    registers[X_OFFSET] = Math.min(registers[X_OFFSET], registers[VIRT_WIDTH] - registers[XRES]);
    registers[Y_OFFSET] = Math.min(registers[Y_OFFSET], lines - registers[YRES]);
  }

  /** The registers, for a snapshot: index first. */
  int[] state() {
    int[] state = new int[1 + REGISTERS];
    state[0] = index;
    System.arraycopy(registers, 0, state, 1, REGISTERS);
    return state;
  }

  void restore(int[] state) {
    reset();
    index = state[0] & 0xFFFF;
    for (int i = 0; i < VIDEO_MEMORY_64K; i++) {
      registers[i] = state[1 + i] & 0xFFFF;
    }
    registers[XRES] = Math.min(registers[XRES], MAX_XRES) & ~7;
    registers[YRES] = Math.min(registers[YRES], MAX_YRES);
    registers[BPP] = knownDepth(registers[BPP]) ? registers[BPP] : 8;
    registers[BANK] &= (memorySize >>> 16) - 1;
    if (registers[XRES] == 0 || registers[YRES] == 0) {
      registers[ENABLE] &= ~ENABLED;
    }
    settle();
  }
}
