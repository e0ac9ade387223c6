package io.satchel.vm.device;

import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.bus.PciFunction;
import io.satchel.vm.host.Screen;
import io.satchel.vm.memory.GuestMemory;
import io.satchel.vm.time.EventQueue;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The VGA with Bochs VBE: PCI device 1234:1111, QEMU's "standard VGA".
 *
 * <p>Data sheets: IBM "PS/2 Hardware Interface Technical Reference, Video Subsystem" (1992) for the
 * registers of the VGA, with the names used there; QEMU's docs/specs/standard-vga.rst for the PCI
 * side. This file has the ports; {@link VgaMemory} is the way to the memory, {@link VgaTiming} the
 * beam, {@link BochsVbe} the dispi registers, and {@link VgaRenderer} draws.
 *
 * <p>Video memory is 16 MiB of guest memory. Byte {@code a} of plane {@code p} lies at {@code 4 * a
 * + p}, so that all four planes of an address are one 32-bit word. Chain-4 addresses the memory as
 * bytes in that order; on IBM's board it used every fourth address of a plane instead, which only a
 * program that writes with chain-4 and shows without it can tell. BAR0 is the same memory.
 *
 * <p>Not modelled: the interrupt at retrace, the switch-sense comparator (input status 0 always
 * says that a monitor is there), the page bit of odd/even addressing, and changes in mid-frame: a
 * frame is drawn at the start of vertical retrace with the registers of that moment.
 */
public final class Vga implements Device<Vga.State> {

  /** Bytes of video memory. */
  public static final int MEMORY_SIZE = 16 << 20;

  // Ports, as offsets from 3C0h.
  private static final int ATTRIBUTE_WRITE = 0x0;
  private static final int ATTRIBUTE_READ = 0x1;
  private static final int INPUT_STATUS_0_MISC_WRITE = 0x2;
  private static final int SUBSYSTEM_ENABLE = 0x3;
  private static final int SEQUENCER_INDEX = 0x4;
  private static final int SEQUENCER_DATA = 0x5;
  private static final int PEL_MASK = 0x6;
  private static final int DAC_STATE_READ_INDEX = 0x7;
  private static final int DAC_WRITE_INDEX = 0x8;
  private static final int DAC_DATA = 0x9;
  private static final int FEATURE_CONTROL_READ = 0xA;
  private static final int MISC_READ = 0xC;
  private static final int GRAPHICS_INDEX = 0xE;
  private static final int GRAPHICS_DATA = 0xF;
  private static final int COLOR_BASE = 0x3D0;
  private static final int MONO_BASE = 0x3B0;
  private static final int CRTC_INDEX = 0x4;
  private static final int CRTC_DATA = 0x5;
  private static final int INPUT_STATUS_1_FEATURE_WRITE = 0xA;

  // Miscellaneous output.
  static final int MISC_COLOR_ADDRESS = 0x01;
  static final int MISC_RAM_ENABLE = 0x02;

  // Sequencer.
  static final int SR_CLOCKING = 1;
  static final int SR_MAP_MASK = 2;
  static final int SR_CHARACTER_MAP = 3;
  static final int SR_MEMORY_MODE = 4;
  static final int SR1_EIGHT_DOTS = 0x01;
  static final int SR1_DOT_CLOCK_HALVED = 0x08;
  static final int SR1_SCREEN_OFF = 0x20;
  static final int SR4_ODD_EVEN_OFF = 0x04;
  static final int SR4_CHAIN_4 = 0x08;

  // Graphics controller.
  static final int GR_SET_RESET = 0;
  static final int GR_ENABLE_SET_RESET = 1;
  static final int GR_COLOR_COMPARE = 2;
  static final int GR_DATA_ROTATE = 3;
  static final int GR_READ_MAP = 4;
  static final int GR_MODE = 5;
  static final int GR_MISC = 6;
  static final int GR_COLOR_DONT_CARE = 7;
  static final int GR_BIT_MASK = 8;
  static final int GR5_READ_MODE_1 = 0x08;
  static final int GR5_ODD_EVEN = 0x10;
  static final int GR5_SHIFT_INTERLEAVE = 0x20;
  static final int GR5_SHIFT_256 = 0x40;
  static final int GR6_GRAPHICS = 0x01;
  static final int GR6_CHAIN_ODD_EVEN = 0x02;

  // CRT controller.
  static final int CR_HORIZONTAL_TOTAL = 0x00;
  static final int CR_HORIZONTAL_DISPLAY_END = 0x01;
  static final int CR_VERTICAL_TOTAL = 0x06;
  static final int CR_OVERFLOW = 0x07;
  static final int CR_PRESET_ROW_SCAN = 0x08;
  static final int CR_MAX_SCAN_LINE = 0x09;
  static final int CR_CURSOR_START = 0x0A;
  static final int CR_CURSOR_END = 0x0B;
  static final int CR_START_HIGH = 0x0C;
  static final int CR_START_LOW = 0x0D;
  static final int CR_CURSOR_HIGH = 0x0E;
  static final int CR_CURSOR_LOW = 0x0F;
  static final int CR_VERTICAL_RETRACE_START = 0x10;
  static final int CR_VERTICAL_RETRACE_END = 0x11;
  static final int CR_VERTICAL_DISPLAY_END = 0x12;
  static final int CR_OFFSET = 0x13;
  static final int CR_UNDERLINE = 0x14;
  static final int CR_MODE_CONTROL = 0x17;
  static final int CR_LINE_COMPARE = 0x18;
  private static final int CR_LATCH = 0x22;
  private static final int CR11_PROTECT = 0x80;
  static final int CR17_LINES_DOUBLED = 0x04;

  // Attribute controller; 00h to 0Fh are the palette.
  static final int AR_MODE = 0x10;
  static final int AR_PLANE_ENABLE = 0x12;
  static final int AR_PEL_PANNING = 0x13;
  static final int AR_COLOR_SELECT = 0x14;

  /** Bit 5 of the attribute index, "palette address source": clear, the screen is blank. */
  private static final int PALETTE_ADDRESS_SOURCE = 0x20;

  private static final int[] SEQUENCER_BITS = {0x03, 0x3D, 0x0F, 0x3F, 0x0E};
  private static final int[] GRAPHICS_BITS = {0x0F, 0x0F, 0x0F, 0x1F, 0x03, 0x7B, 0x0F, 0x0F, 0xFF};
  private static final int[] ATTRIBUTE_BITS = {
    0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F,
    0xEF, 0xFF, 0x3F, 0x0F, 0x0F
  };
  private static final int CRTC_REGISTERS = 0x19;

  /**
   * The registers. Video memory is guest memory, and saved with it.
   *
   * @param attributeData whether the next write to 3C0h is data
   * @param dacComponent 0 red, 1 green, 2 blue: what comes next
   * @param frameStart when line 0 of some frame began, in nanoseconds of virtual time
   * @param nextRefresh when the next picture is due
   */
  public record State(
      int misc,
      int featureControl,
      int sequencerIndex,
      int[] sequencer,
      int graphicsIndex,
      int[] graphics,
      int crtcIndex,
      int[] crtc,
      int attributeIndex,
      boolean attributeData,
      int[] attribute,
      int pelMask,
      int dacReadIndex,
      int dacWriteIndex,
      int dacComponent,
      boolean dacReading,
      byte[] palette,
      int latch,
      int[] vbe,
      long frameStart,
      long nextRefresh,
      byte[] pciConfig) {}

  private final Board board;
  private final GuestMemory memory;
  private final int memoryOffset;
  private final PciFunction pci;
  private final VgaRenderer renderer;
  private final VgaMemory windows;
  private final VgaTiming timing;

  private int misc;
  private int featureControl;
  private int sequencerIndex;
  private int graphicsIndex;
  private int crtcIndex;
  private int attributeIndex;
  private boolean attributeData;
  private int dacReadIndex;
  private int dacWriteIndex;
  private int dacComponent;
  private boolean dacReading;

  // Read by the renderer.
  final int[] sequencer = new int[SEQUENCER_BITS.length];
  final int[] graphics = new int[GRAPHICS_BITS.length];
  final int[] crtc = new int[CRTC_REGISTERS];
  final int[] attribute = new int[ATTRIBUTE_BITS.length];
  final byte[] palette = new byte[768];
  final BochsVbe vbe = new BochsVbe(MEMORY_SIZE);
  int pelMask;

  private EventQueue.@Nullable Event refresh;
  private @Nullable Screen screen;
  private @Nullable VgaRenderer second;

  /**
   * @param optionRom the video BIOS to offer at the ROM BAR, or {@code null}
   */
  public Vga(Board board, byte @Nullable [] optionRom) {
    this.board = board;
    memory = board.memory().memory();
    memoryOffset = memory.allocate(MEMORY_SIZE);
    renderer = new VgaRenderer(this, board.memory(), memoryOffset);
    windows = new VgaMemory(this, board.memory(), memoryOffset, renderer);
    timing = new VgaTiming(this, board.clock());
    pci = new PciFunction(0x1234, 0x1111, 0x03000002);
    pci.preset(PciFunction.SUBSYSTEM, 4, 0x1100_1AF4);
    pci.memoryBar(0, MEMORY_SIZE, true, "vga memory", memoryOffset);
    pci.memoryBar(2, 0x1000, false, "vga registers", new MmioHandler());
    if (optionRom != null) {
      int size = romSize(optionRom);
      int offset = memory.allocate(size);
      memory.write(offset, optionRom, 0, optionRom.length);
      pci.romBar(size, offset);
    }
    VgaPorts vgaPorts = new VgaPorts();
    board.ports().map(0x3C0, 0x10, 1, "vga", vgaPorts);
    CrtcPorts color = new CrtcPorts(COLOR_BASE);
    CrtcPorts mono = new CrtcPorts(MONO_BASE);
    board.ports().map(COLOR_BASE, 0x10, 1, "vga", color);
    board.ports().map(MONO_BASE, 0xC, 1, "vga", mono);
    board.ports().map(0x1CE, 4, 2, "vga dispi", new DispiPorts());
    reset();
  }

  /** How many bytes beside RAM the adapter takes from {@link GuestMemory#allocate}. */
  public static int hostBytes(byte @Nullable [] optionRom) {
    return MEMORY_SIZE + (optionRom == null ? 0 : romSize(optionRom));
  }

  private static int romSize(byte[] optionRom) {
    int pages = Math.max(GuestMemory.PAGE_SIZE, optionRom.length);
    return Integer.highestOneBit(2 * pages - 1);
  }

  /** What is plugged into the PCI bus. */
  public PciFunction pciFunction() {
    return pci;
  }

  /** Where video memory lies in host memory, for firmware. */
  public int memoryOffset() {
    return memoryOffset;
  }

  /** Nanoseconds until input status 1 changes, but for what changes with each line. */
  public long untilDisplayChange() {
    return timing.untilChange();
  }

  /** Shows the picture there from the next retrace on; {@code null} for nowhere. */
  public void attach(@Nullable Screen newScreen) {
    screen = newScreen;
    renderer.forget();
  }

  /** Draws now what has changed since the last retrace, for a picture of a machine that stands. */
  public void refresh() {
    Screen target = screen;
    if (target != null && target.wantsFrame()) {
      renderer.draw(target, timing.frame());
    }
  }

  /** Draws the whole picture of this moment somewhere else, such as for a snapshot's list. */
  public void drawOnce(Screen target) {
    VgaRenderer once = second;
    if (once == null) {
      once = new VgaRenderer(this, board.memory(), memoryOffset);
      second = once;
    }
    once.forget();
    once.draw(target, timing.frame());
    renderer.redraw(); // the other one has taken its dirty marks
  }

  @Override
  public String name() {
    return "vga";
  }

  @Override
  public void reset() {
    misc = 0;
    featureControl = 0;
    sequencerIndex = graphicsIndex = crtcIndex = attributeIndex = 0;
    attributeData = false;
    Arrays.fill(sequencer, 0);
    Arrays.fill(graphics, 0);
    Arrays.fill(crtc, 0);
    Arrays.fill(attribute, 0);
    Arrays.fill(palette, (byte) 0);
    pelMask = 0xFF;
    dacReadIndex = dacWriteIndex = dacComponent = 0;
    dacReading = false;
    vbe.reset();
    pci.resetConfig();
    registersSet(0);
    schedule(board.clock().nanos());
  }

  private void registersSet(int latch) {
    windows.restore(latch);
    timing.changed();
    renderer.redraw();
  }

  // ---------------------------------------------------------------- ports

  /** 3C0h to 3CFh. */
  private final class VgaPorts implements IoHandler {
    @Override
    public int read(int offset, int width) {
      return readPort(offset);
    }

    @Override
    public void write(int offset, int width, int value) {
      writePort(offset, value);
    }
  }

  /**
   * 3B0h to 3BBh and 3D0h to 3DFh: the CRTC and input status 1 are at the one that bit 0 of
   * miscellaneous output chooses.
   */
  private final class CrtcPorts implements IoHandler {
    private final int base;

    CrtcPorts(int base) {
      this.base = base;
    }

    @Override
    public int read(int offset, int width) {
      return chosen() ? readCrtcPort(offset) : 0xFF;
    }

    @Override
    public void write(int offset, int width, int value) {
      if (chosen()) {
        writeCrtcPort(offset, value);
      }
    }

    private boolean chosen() {
      return base == ((misc & MISC_COLOR_ADDRESS) != 0 ? COLOR_BASE : MONO_BASE);
    }
  }

  /** 1CEh index, 1CFh and 1D0h data, all of 16 bits. */
  private final class DispiPorts implements IoHandler {
    @Override
    public int read(int offset, int width) {
      return switch (offset) {
        case 0 -> vbe.index();
        case 1, 2 -> vbe.read();
        default -> -1;
      };
    }

    @Override
    public void write(int offset, int width, int value) {
      switch (offset) {
        case 0 -> vbe.select(value);
        case 1, 2 -> writeDispi(vbe.index(), value);
        default -> {
          // 1D1h is the upper half of 1D0h.
        }
      }
    }
  }

  /** BAR2: the VGA's ports from 400h, the dispi registers from 500h, QEMU's own at 600h. */
  private final class MmioHandler implements IoHandler {
    private static final int VGA_PORTS = 0x400;
    private static final int VGA_PORTS_END = 0x420;
    private static final int DISPI = 0x500;
    private static final int DISPI_END = DISPI + 2 * BochsVbe.REGISTERS;
    private static final int EXTENDED = 0x600;
    private static final int EXTENDED_SIZE = 8;
    private static final int BYTE_ORDER = EXTENDED + 4;
    private static final int LITTLE_ENDIAN = 0x1E1E1E1E;

    @Override
    public int read(int offset, int width) {
      if (offset >= VGA_PORTS && offset < VGA_PORTS_END) {
        int value = 0;
        for (int i = 0; i < width; i++) {
          value |= readPortOrCrtc(offset + i - VGA_PORTS) << 8 * i;
        }
        return value;
      }
      if (offset >= DISPI && offset < DISPI_END) {
        return vbe.read(offset - DISPI >>> 1) >>> 8 * (offset & 1);
      }
      return switch (offset) {
        case EXTENDED -> EXTENDED_SIZE;
        case BYTE_ORDER -> LITTLE_ENDIAN;
        default -> 0;
      };
    }

    @Override
    public void write(int offset, int width, int value) {
      if (offset >= VGA_PORTS && offset < VGA_PORTS_END) {
        for (int i = 0; i < width; i++) {
          writePortOrCrtc(offset + i - VGA_PORTS, value >>> 8 * i & 0xFF);
        }
      } else if (offset >= DISPI && offset < DISPI_END && (offset & 1) == 0) {
        writeDispi(offset - DISPI >>> 1, value & 0xFFFF);
      }
    }

    private int readPortOrCrtc(int port) {
      if (port < 0x10) {
        return readPort(port);
      }
      return port < 0x20 && (misc & MISC_COLOR_ADDRESS) != 0 ? readCrtcPort(port - 0x10) : 0xFF;
    }

    private void writePortOrCrtc(int port, int value) {
      if (port < 0x10) {
        writePort(port, value);
      } else if (port < 0x20 && (misc & MISC_COLOR_ADDRESS) != 0) {
        writeCrtcPort(port - 0x10, value);
      }
    }
  }

  private int readPort(int port) {
    switch (port) {
      case ATTRIBUTE_WRITE:
        return attributeIndex;
      case ATTRIBUTE_READ:
        int index = attributeIndex & 0x1F;
        return index < attribute.length ? attribute[index] : 0;
      case INPUT_STATUS_0_MISC_WRITE:
        return 0x10;
      case SUBSYSTEM_ENABLE:
        return 1;
      case SEQUENCER_INDEX:
        return sequencerIndex;
      case SEQUENCER_DATA:
        return sequencerIndex < sequencer.length ? sequencer[sequencerIndex] : 0;
      case PEL_MASK:
        return pelMask;
      case DAC_STATE_READ_INDEX:
        return dacReading ? 3 : 0;
      case DAC_WRITE_INDEX:
        return dacWriteIndex;
      case DAC_DATA:
        return readDac();
      case FEATURE_CONTROL_READ:
        return featureControl;
      case MISC_READ:
        return misc;
      case GRAPHICS_INDEX:
        return graphicsIndex;
      case GRAPHICS_DATA:
        return graphicsIndex < graphics.length ? graphics[graphicsIndex] : 0;
      default:
        return 0xFF;
    }
  }

  private void writePort(int port, int value) {
    switch (port) {
      case ATTRIBUTE_WRITE -> writeAttribute(value);
      case INPUT_STATUS_0_MISC_WRITE -> {
        if (misc != value) {
          misc = value;
          timing.changed();
          windows.settle();
        }
      }
      case SEQUENCER_INDEX -> sequencerIndex = value & 7;
      case SEQUENCER_DATA -> writeSequencer(value);
      case PEL_MASK -> {
        pelMask = value;
        renderer.recolor();
      }
      case DAC_STATE_READ_INDEX -> {
        dacReadIndex = value;
        dacComponent = 0;
        dacReading = true;
      }
      case DAC_WRITE_INDEX -> {
        dacWriteIndex = value;
        dacComponent = 0;
        dacReading = false;
      }
      case DAC_DATA -> writeDac(value);
      case GRAPHICS_INDEX -> graphicsIndex = value & 0xF;
      case GRAPHICS_DATA -> writeGraphics(value);
      default -> {
        // Read-only ports, and 3C3h: a PCI adapter is enabled by its command register.
      }
    }
  }

  private void writeSequencer(int value) {
    int index = sequencerIndex;
    if (index >= sequencer.length) {
      return;
    }
    int written = value & SEQUENCER_BITS[index];
    if (sequencer[index] == written) {
      return;
    }
    sequencer[index] = written;
    if (index == SR_MAP_MASK) {
      windows.settleLogic();
      return;
    }
    windows.settle();
    if (index == SR_CLOCKING) {
      timing.changed();
    }
    renderer.redraw();
  }

  private void writeGraphics(int value) {
    int index = graphicsIndex;
    if (index >= graphics.length) {
      return;
    }
    int written = value & GRAPHICS_BITS[index];
    int changed = graphics[index] ^ written;
    if (changed == 0) {
      return;
    }
    graphics[index] = written;
    windows.settleLogic();
    if (index == GR_MODE || index == GR_MISC) {
      windows.settleWindow();
    }
    boolean shown =
        switch (index) {
          case GR_MODE -> (changed & (GR5_SHIFT_INTERLEAVE | GR5_SHIFT_256)) != 0;
          case GR_MISC -> (changed & GR6_GRAPHICS) != 0;
          default -> false;
        };
    if (shown) {
      renderer.redraw();
    }
  }

  private void writeAttribute(int value) {
    attributeData = !attributeData;
    if (attributeData) {
      attributeIndex = value & 0x3F;
      return;
    }
    int index = attributeIndex & 0x1F;
    if (index < attribute.length && attribute[index] != (value & ATTRIBUTE_BITS[index])) {
      attribute[index] = value & ATTRIBUTE_BITS[index];
      renderer.redraw();
    }
  }

  private int readDac() {
    int value = palette[3 * dacReadIndex + dacComponent] & 0xFF;
    if (++dacComponent == 3) {
      dacComponent = 0;
      dacReadIndex = dacReadIndex + 1 & 0xFF;
    }
    return value;
  }

  private void writeDac(int value) {
    int at = 3 * dacWriteIndex + dacComponent;
    byte written = (byte) (vbe.dac8Bit() ? value : value & 0x3F);
    if (palette[at] != written) {
      palette[at] = written;
      renderer.recolor();
    }
    if (++dacComponent == 3) {
      dacComponent = 0;
      dacWriteIndex = dacWriteIndex + 1 & 0xFF;
    }
  }

  private int readCrtcPort(int offset) {
    return switch (offset) {
      case CRTC_INDEX -> crtcIndex;
      case CRTC_DATA -> {
        if (crtcIndex == CR_LATCH) {
          yield windows.latch() >>> 8 * graphics[GR_READ_MAP] & 0xFF;
        }
        yield crtcIndex < crtc.length ? crtc[crtcIndex] : 0;
      }
      case INPUT_STATUS_1_FEATURE_WRITE -> {
        attributeData = false;
        yield timing.inputStatus1();
      }
      default -> 0xFF;
    };
  }

  private void writeCrtcPort(int offset, int value) {
    switch (offset) {
      case CRTC_INDEX -> crtcIndex = value & 0x3F;
      case CRTC_DATA -> writeCrtc(value);
      case INPUT_STATUS_1_FEATURE_WRITE -> featureControl = value & 0x0B;
      default -> {
        // Nothing is there.
      }
    }
  }

  private void writeCrtc(int value) {
    int index = crtcIndex;
    if (index >= crtc.length) {
      return;
    }
    int written = value;
    if (index <= CR_OVERFLOW && (crtc[CR_VERTICAL_RETRACE_END] & CR11_PROTECT) != 0) {
      if (index != CR_OVERFLOW) {
        return;
      }
      // Bit 4 belongs to line compare, which is not protected.
      written = crtc[CR_OVERFLOW] & ~0x10 | value & 0x10;
    }
    if (crtc[index] == written) {
      return;
    }
    crtc[index] = written;
    if (index < CR_CURSOR_START || index > CR_CURSOR_LOW) {
      // The renderer compares the cursor and the start address itself.
      timing.changed();
      renderer.redraw();
    }
  }

  private void writeDispi(int register, int value) {
    boolean was = vbe.enabled();
    int start = vbe.enabled() ? vbe.start() : 0;
    vbe.write(register, value);
    if (!was && vbe.enabled() && (value & BochsVbe.NOCLEARMEM) == 0) {
      clearPicture();
    }
    switch (register) {
      case BochsVbe.BANK -> windows.settle();
      case BochsVbe.X_OFFSET, BochsVbe.Y_OFFSET -> {
        if (vbe.enabled() && vbe.start() != start) {
          renderer.redraw();
        }
      }
      case BochsVbe.XRES, BochsVbe.YRES, BochsVbe.BPP, BochsVbe.ENABLE, BochsVbe.VIRT_WIDTH -> {
        windows.settle();
        timing.changed();
        renderer.redraw();
      }
      default -> {
        // Nothing that shows.
      }
    }
  }

  private void clearPicture() {
    int planes = vbe.bitsPerPixel() == 4 ? 4 : 1;
    int size = vbe.pitch() * vbe.height() * planes;
    for (int page = 0; page < size; page += GuestMemory.PAGE_SIZE) {
      memory.markWritten(memoryOffset + page >>> GuestMemory.PAGE_BITS);
    }
    Arrays.fill(memory.bytes(), memoryOffset, memoryOffset + size, (byte) 0);
  }

  // ---------------------------------------------------------------- the picture

  private void atRetrace() {
    refresh = null;
    refresh();
    schedule(timing.nextRetrace());
  }

  /** How many lines the CRTC displays. */
  int displayLines() {
    return timing.displayLines();
  }

  private void schedule(long time) {
    if (refresh != null) {
      board.events().cancel(refresh);
    }
    refresh = board.events().at(time, "vga retrace", this::atRetrace);
  }

  /** Hertz of the dot clock that miscellaneous output chooses; the external ones are not there. */
  int dotClock() {
    return (misc >>> 2 & 3) == 1 ? 28_322_000 : 25_175_000;
  }

  /** Whether the processor sees the memory. */
  boolean ramEnabled() {
    return (misc & MISC_RAM_ENABLE) != 0;
  }

  /** Whether nothing is shown: the screen is off or the palette is being loaded. */
  boolean blanked() {
    return (sequencer[SR_CLOCKING] & SR1_SCREEN_OFF) != 0
        || (attributeIndex & PALETTE_ADDRESS_SOURCE) == 0;
  }

  // ---------------------------------------------------------------- state

  @Override
  public State state() {
    EventQueue.Event due = refresh;
    return new State(
        misc,
        featureControl,
        sequencerIndex,
        sequencer.clone(),
        graphicsIndex,
        graphics.clone(),
        crtcIndex,
        crtc.clone(),
        attributeIndex,
        attributeData,
        attribute.clone(),
        pelMask,
        dacReadIndex,
        dacWriteIndex,
        dacComponent,
        dacReading,
        palette.clone(),
        windows.latch(),
        vbe.state(),
        timing.frameStart(),
        due == null ? board.clock().nanos() : due.time(),
        pci.configState());
  }

  @Override
  public void restore(State state) {
    misc = state.misc & 0xFF;
    featureControl = state.featureControl & 0x0B;
    sequencerIndex = state.sequencerIndex & 7;
    copyBits(state.sequencer, sequencer, SEQUENCER_BITS);
    graphicsIndex = state.graphicsIndex & 0xF;
    copyBits(state.graphics, graphics, GRAPHICS_BITS);
    crtcIndex = state.crtcIndex & 0x3F;
    for (int i = 0; i < crtc.length; i++) {
      crtc[i] = i < state.crtc.length ? state.crtc[i] & 0xFF : 0;
    }
    attributeIndex = state.attributeIndex & 0x3F;
    attributeData = state.attributeData;
    copyBits(state.attribute, attribute, ATTRIBUTE_BITS);
    pelMask = state.pelMask & 0xFF;
    dacReadIndex = state.dacReadIndex & 0xFF;
    dacWriteIndex = state.dacWriteIndex & 0xFF;
    dacComponent = Math.floorMod(state.dacComponent, 3);
    dacReading = state.dacReading;
    System.arraycopy(Arrays.copyOf(state.palette, palette.length), 0, palette, 0, palette.length);
    vbe.restore(Arrays.copyOf(state.vbe, 1 + BochsVbe.REGISTERS));
    pci.restoreConfig(state.pciConfig);
    registersSet(state.latch);
    timing.restore(state.frameStart);
    schedule(state.nextRefresh);
  }

  private static void copyBits(int[] source, int[] target, int[] bits) {
    for (int i = 0; i < target.length; i++) {
      target[i] = i < source.length ? source[i] & bits[i] : 0;
    }
  }
}
