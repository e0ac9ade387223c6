package io.satchel.vm.device;

import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.memory.AddressMap;
import io.satchel.vm.memory.GuestMemory;

/**
 * The way from A0000h to BFFFFh to the memory of a {@link Vga}: IBM's reference, "Sequencer" and
 * "Graphics Controller".
 *
 * <p>The four planes of an address are one 32-bit word, so that a write to all of them is one
 * operation. Where a byte goes through unchanged (plain chain-4, and the banks of VBE), the memory
 * itself is mapped and costs what RAM costs.
 */
final class VgaMemory {

  /** A four-bit plane mask as four bytes of all zeros or all ones. */
  private static final int[] PLANES = new int[16];

  static {
    for (int mask = 0; mask < 16; mask++) {
      for (int plane = 0; plane < 4; plane++) {
        PLANES[mask] |= (mask >>> plane & 1) * 0xFF << 8 * plane;
      }
    }
  }

  private static final int REPEAT = 0x01010101;
  private static final int PLANE_CELLS = 0x10000;
  private static final int BANK = 0x10000;

  private static final long WINDOW_A0000 = 0xA0000;
  private static final long WINDOW_B0000 = 0xB0000;
  private static final long WINDOW_B8000 = 0xB8000;
  private static final int WINDOW_ALL = 0x20000;

  // What is mapped at A0000h to BFFFFh: nothing, the handler, or a bank of memory itself.
  private static final int MAPPED_NOTHING = -1;
  private static final int MAPPED_HANDLER = 0;
  private static final int MAPPED_MEMORY = 0x100;
  private static final int MAPPED_MEMORY_128K = 0x200;
  private static final int MAPPING_UNKNOWN = -2;

  private final Vga vga;
  private final AddressMap addresses;
  private final GuestMemory memory;
  private final int memoryOffset;
  private final VgaRenderer renderer;
  private final IoHandler window = new WindowHandler();
  private int latch;

  // Worked out of the registers when they change.
  private int mapped = MAPPING_UNKNOWN;
  private boolean chain4;
  private boolean oddEvenWrite;
  private boolean oddEvenRead;
  private boolean oddEvenAddress;
  private int cellMask;
  private int cellBase;
  private int planeMask;
  private int setReset;
  private int enableSetReset;
  private int colorCompare;
  private int colorDontCare;
  private int bitMask;
  private int rotate;
  private int function;
  private int writeMode;

  VgaMemory(Vga vga, AddressMap addresses, int memoryOffset, VgaRenderer renderer) {
    this.vga = vga;
    this.addresses = addresses;
    this.memory = addresses.memory();
    this.memoryOffset = memoryOffset;
    this.renderer = renderer;
  }

  /** What the last read brought, plane 0 in the low byte. */
  int latch() {
    return latch;
  }

  /** After reset or restore: everything anew. */
  void restore(int newLatch) {
    latch = newLatch;
    mapped = MAPPING_UNKNOWN;
    settle();
  }

  /** Works out, after a register change, where A0000h leads and what happens on the way. */
  void settle() {
    settleLogic();
    settleWindow();
  }

  /** What happens to a byte on its way; programs change it between any two writes. */
  void settleLogic() {
    planeMask = PLANES[vga.sequencer[Vga.SR_MAP_MASK]];
    setReset = PLANES[vga.graphics[Vga.GR_SET_RESET]];
    enableSetReset = PLANES[vga.graphics[Vga.GR_ENABLE_SET_RESET]];
    colorCompare = PLANES[vga.graphics[Vga.GR_COLOR_COMPARE]];
    colorDontCare = PLANES[vga.graphics[Vga.GR_COLOR_DONT_CARE]];
    bitMask = vga.graphics[Vga.GR_BIT_MASK] * REPEAT;
    rotate = vga.graphics[Vga.GR_DATA_ROTATE] & 7;
    function = vga.graphics[Vga.GR_DATA_ROTATE] >>> 3 & 3;
    writeMode = vga.graphics[Vga.GR_MODE] & 3;
    if (chain4) {
      // Plain memory is mapped as such, anything else is not.
      settleWindow();
    }
  }

  void settleWindow() {
    boolean planarVbe = vga.vbe.enabled() && vga.vbe.bitsPerPixel() == 4;
    boolean linearVbe = vga.vbe.enabled() && !planarVbe;
    int memoryMode = vga.sequencer[Vga.SR_MEMORY_MODE];
    int mode = vga.graphics[Vga.GR_MODE];
    chain4 = !planarVbe && (memoryMode & Vga.SR4_CHAIN_4) != 0;
    oddEvenWrite = !planarVbe && (memoryMode & Vga.SR4_ODD_EVEN_OFF) == 0;
    oddEvenRead = !planarVbe && (mode & Vga.GR5_ODD_EVEN) != 0;
    oddEvenAddress = !planarVbe && (vga.graphics[Vga.GR_MISC] & Vga.GR6_CHAIN_ODD_EVEN) != 0;
    cellMask = planarVbe ? (Vga.MEMORY_SIZE >>> 2) - 1 : PLANE_CELLS - 1;
    cellBase = planarVbe ? vga.vbe.bank() * BANK : 0;

    int range = vga.graphics[Vga.GR_MISC] >>> 2 & 3;
    int wanted;
    if (!vga.ramEnabled() && !vga.vbe.enabled()) {
      wanted = MAPPED_NOTHING;
    } else if (linearVbe) {
      wanted = MAPPED_MEMORY + vga.vbe.bank();
    } else if (planarVbe) {
      wanted = MAPPED_HANDLER + 1;
    } else if (chain4 && range < 2 && pipelineIsPlain()) {
      wanted = range == 0 ? MAPPED_MEMORY_128K : MAPPED_MEMORY;
    } else {
      wanted = MAPPED_HANDLER + range;
    }
    if (wanted != mapped) {
      mapped = wanted;
      map(wanted);
    }
  }

  /** Whether a byte written is the byte stored and the byte read back. */
  private boolean pipelineIsPlain() {
    return planeMask == -1
        && bitMask == -1
        && enableSetReset == 0
        && (vga.graphics[Vga.GR_DATA_ROTATE] & 0x1F) == 0
        && (vga.graphics[Vga.GR_MODE] & (Vga.GR5_READ_MODE_1 | 3)) == 0;
  }

  private void map(int wanted) {
    addresses.unmap(WINDOW_A0000, WINDOW_ALL);
    if (wanted >= MAPPED_MEMORY_128K) {
      addresses.mapMemory(WINDOW_A0000, WINDOW_ALL, memoryOffset);
    } else if (wanted >= MAPPED_MEMORY) {
      addresses.mapMemory(WINDOW_A0000, BANK, memoryOffset + (wanted - MAPPED_MEMORY) * BANK);
    } else {
      switch (wanted) {
        case 0 -> addresses.mapDevice(WINDOW_A0000, WINDOW_ALL, "vga memory", window);
        case 1 -> addresses.mapDevice(WINDOW_A0000, BANK, "vga memory", window);
        case 2 -> addresses.mapDevice(WINDOW_B0000, 0x8000, "vga memory", window);
        case 3 -> addresses.mapDevice(WINDOW_B8000, 0x8000, "vga memory", window);
        default -> {
          // The memory is off the bus.
        }
      }
    }
  }

  /** The window at A0000h, B0000h or B8000h, when it is more than plain memory. */
  private final class WindowHandler implements IoHandler {
    @Override
    public int read(int offset, int width) {
      int value = readByte(offset);
      for (int i = 1; i < width; i++) {
        value |= readByte(offset + i) << 8 * i;
      }
      return value;
    }

    @Override
    public void write(int offset, int width, int value) {
      writeByte(offset, value & 0xFF);
      for (int i = 1; i < width; i++) {
        writeByte(offset + i, value >>> 8 * i & 0xFF);
      }
    }
  }

  private int readByte(int offset) {
    int plane = vga.graphics[Vga.GR_READ_MAP];
    int cell;
    if (chain4) {
      plane = offset & 3;
      cell = offset >>> 2;
    } else if (oddEvenRead) {
      plane = plane & 2 | offset & 1;
      cell = oddEvenAddress ? offset & ~1 : offset;
    } else {
      cell = offset;
    }
    latch = memory.read32(host(cell));
    if ((vga.graphics[Vga.GR_MODE] & Vga.GR5_READ_MODE_1) == 0) {
      return latch >>> 8 * plane & 0xFF;
    }
    int differs = (latch ^ colorCompare) & colorDontCare;
    differs |= differs >>> 16;
    return ~(differs | differs >>> 8) & 0xFF;
  }

  private void writeByte(int offset, int data) {
    int planes = planeMask;
    int cell;
    if (chain4) {
      planes &= 0xFF << 8 * (offset & 3);
      cell = offset >>> 2;
    } else if (oddEvenWrite) {
      planes &= (offset & 1) != 0 ? 0xFF00FF00 : 0x00FF00FF;
      cell = oddEvenAddress ? offset & ~1 : offset;
    } else {
      cell = offset;
    }
    int select = bitMask;
    int bits;
    switch (writeMode) {
      case 0 -> {
        bits = rotated(data) * REPEAT & ~enableSetReset | setReset & enableSetReset;
        bits = combined(bits);
      }
      case 1 -> {
        bits = latch;
        select = -1;
      }
      case 2 -> bits = combined(PLANES[data & 0xF]);
      default -> {
        select &= rotated(data) * REPEAT;
        bits = combined(setReset);
      }
    }
    bits = bits & select | latch & ~select;
    int host = host(cell);
    memory.markWritten(host >>> GuestMemory.PAGE_BITS);
    memory.put32(host, planes == -1 ? bits : memory.read32(host) & ~planes | bits & planes);
    if ((planes & 0x00FF0000) != 0) {
      renderer.fontsWritten();
    }
  }

  /** Where the four planes of an address lie. */
  private int host(int cell) {
    return memoryOffset + ((cell + cellBase & cellMask) << 2);
  }

  private int rotated(int data) {
    return rotate == 0 ? data : (data >>> rotate | data << 8 - rotate) & 0xFF;
  }

  private int combined(int bits) {
    return switch (function) {
      case 0 -> bits;
      case 1 -> bits & latch;
      case 2 -> bits | latch;
      default -> bits ^ latch;
    };
  }
}
