package io.satchel.vm.device;

import io.satchel.vm.bus.IoPorts;
import io.satchel.vm.bus.PciBus;
import io.satchel.vm.bus.PciFunction;
import io.satchel.vm.firmware.RomFonts;
import io.satchel.vm.host.ScreenImage;
import io.satchel.vm.memory.AddressMap;
import io.satchel.vm.memory.GuestMemory;
import io.satchel.vm.time.EventQueue;
import io.satchel.vm.time.VirtualClock;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** A VGA on a bench: a board without a processor, a clock that the test turns, a screen. */
final class VgaBench {

  /** Register values of a mode, in the order of IBM's video parameter table. */
  enum Mode {
    TEXT_80X25(
        "67",
        "03 00 03 00 02",
        "5F 4F 50 82 55 81 BF 1F 00 4F 0D 0E 00 00 00 00 9C 8E 8F 28 1F 96 B9 A3 FF",
        "00 00 00 00 00 10 0E 00 FF",
        "00 01 02 03 04 05 14 07 38 39 3A 3B 3C 3D 3E 3F 0C 00 0F 08 00"),
    TEXT_MONO(
        "66",
        "03 00 03 00 02",
        "5F 4F 50 82 55 81 BF 1F 00 4F 0B 0C 00 00 00 00 9C 8E 8F 28 0D 96 B9 A3 FF",
        "00 00 00 00 00 10 0A 00 FF",
        "00 08 08 08 08 08 08 08 10 18 18 18 18 18 18 18 0E 00 0F 08 00"),
    CGA_320X200(
        "63",
        "03 09 03 00 02",
        "2D 27 28 90 2B 80 BF 1F 00 C1 00 00 00 00 00 00 9C 8E 8F 14 00 96 B9 A2 FF",
        "00 00 00 00 00 30 0F 0F FF",
        "00 13 15 17 02 04 06 07 10 11 12 13 14 15 16 17 01 00 03 00 00"),
    CGA_640X200(
        "63",
        "03 01 01 00 06",
        "5F 4F 50 82 54 80 BF 1F 00 C1 00 00 00 00 00 00 9C 8E 8F 28 00 96 B9 C2 FF",
        "00 00 00 00 00 00 0D 0F FF",
        "00 17 17 17 17 17 17 17 17 17 17 17 17 17 17 17 01 00 01 00 00"),
    EGA_320X200(
        "63",
        "03 09 0F 00 06",
        "2D 27 28 90 2B 80 BF 1F 00 C0 00 00 00 00 00 00 9C 8E 8F 14 00 96 B9 E3 FF",
        "00 00 00 00 00 00 05 0F FF",
        "00 01 02 03 04 05 06 07 10 11 12 13 14 15 16 17 01 00 0F 00 00"),
    EGA_640X350(
        "A3",
        "03 01 0F 00 06",
        "5F 4F 50 82 54 80 BF 1F 00 40 00 00 00 00 00 00 83 85 5D 28 0F 63 BA E3 FF",
        "00 00 00 00 00 00 05 0F FF",
        "00 01 02 03 04 05 14 07 38 39 3A 3B 3C 3D 3E 3F 01 00 0F 00 00"),
    VGA_640X480(
        "E3",
        "03 01 0F 00 06",
        "5F 4F 50 82 54 80 0B 3E 00 40 00 00 00 00 00 00 EA 8C DF 28 00 E7 04 E3 FF",
        "00 00 00 00 00 00 05 0F FF",
        "00 01 02 03 04 05 14 07 38 39 3A 3B 3C 3D 3E 3F 01 00 0F 00 00"),
    VGA_320X200X256(
        "63",
        "03 01 0F 00 0E",
        "5F 4F 50 82 54 80 BF 1F 00 41 00 00 00 00 00 00 9C 8E 8F 28 40 96 B9 A3 FF",
        "00 00 00 00 00 40 05 0F FF",
        "00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F 41 00 0F 00 00"),
    MODE_X_320X240(
        "E3",
        "03 01 0F 00 06",
        "5F 4F 50 82 54 80 0D 3E 00 41 00 00 00 00 00 00 EA AC DF 28 00 E7 06 E3 FF",
        "00 00 00 00 00 40 05 0F FF",
        "00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F 41 00 0F 00 00");

    final int misc;
    final int[] sequencer;
    final int[] crtc;
    final int[] graphics;
    final int[] attribute;

    Mode(String misc, String sequencer, String crtc, String graphics, String attribute) {
      this.misc = hex(misc)[0];
      this.sequencer = hex(sequencer);
      this.crtc = hex(crtc);
      this.graphics = hex(graphics);
      this.attribute = hex(attribute);
    }

    private static int[] hex(String bytes) {
      return java.util.Arrays.stream(bytes.split(" "))
          .mapToInt(digits -> Integer.parseInt(digits, 16))
          .toArray();
    }
  }

  static final int LFB = 0xE0000000;
  static final int MMIO = 0xF0000000;
  private static final int SLOT = 2 << 3;

  final GuestMemory memory;
  final AddressMap addresses;
  final IoPorts ports = new IoPorts();
  final PciBus pci;
  final EventQueue events = new EventQueue();
  final ScreenImage screen = new ScreenImage();
  final Vga vga;
  private long now;

  VgaBench() {
    this(null);
  }

  VgaBench(byte @Nullable [] optionRom) {
    memory = new GuestMemory(1 << 20, Vga.hostBytes(optionRom));
    addresses = new AddressMap(memory);
    pci = new PciBus(ports, addresses);
    VirtualClock clock = VirtualClock.following(() -> now);
    clock.resume();
    vga = new Vga(new Board(ports, addresses, pci, clock, events), optionRom);
    pci.plug(2, 0, vga.pciFunction());
    pci.writeConfig(SLOT, PciFunction.BAR0, 4, LFB);
    pci.writeConfig(SLOT, PciFunction.BAR0 + 8, 4, MMIO);
    pci.writeConfig(SLOT, PciFunction.COMMAND, 2, 3);
    vga.attach(screen);
  }

  /** Lets time pass; what is due happens. */
  void pass(long nanos) {
    long end = now + nanos;
    while (events.next() <= end) {
      now = Math.max(now, events.next());
      events.runDue(now);
    }
    now = end;
  }

  long now() {
    return now;
  }

  /** Draws what has changed so far. */
  void show() {
    vga.refresh();
  }

  void set(Mode mode) {
    out(0x3C2, mode.misc);
    for (int i = 0; i < mode.sequencer.length; i++) {
      sequencer(i, mode.sequencer[i]);
    }
    crtc(0x11, 0);
    for (int i = 0; i < mode.crtc.length; i++) {
      crtc(i, mode.crtc[i]);
    }
    for (int i = 0; i < mode.graphics.length; i++) {
      graphics(i, mode.graphics[i]);
    }
    for (int i = 0; i < mode.attribute.length; i++) {
      attribute(i, mode.attribute[i]);
    }
    out(0x3C6, 0xFF);
    out(0x3C8, 0);
    // Of an EGA monitor's lines rgbRGB, the 200-line modes use g for the intensity of all.
    boolean cga = (mode.attribute[8] & 0x30) == 0x10 && mode != Mode.TEXT_MONO;
    for (int i = 0; i < 256; i++) {
      out(0x3C9, 42 * (i >>> 2 & 1) + 21 * (i >>> (cga ? 4 : 5) & 1));
      out(0x3C9, 42 * (i >>> 1 & 1) + 21 * (i >>> 4 & 1));
      out(0x3C9, 42 * (i & 1) + 21 * (i >>> (cga ? 4 : 3) & 1));
    }
  }

  /** Loads a ROM font at an offset of plane 2 and puts the text mode back. */
  void loadFont(int offset, byte[] font) {
    int height = font.length / 256;
    int[] before = {seq(2), seq(4), gr(4), gr(5), gr(6)};
    sequencer(2, 4);
    sequencer(4, 7);
    graphics(4, 2);
    graphics(5, 0);
    graphics(6, 4);
    for (int i = 0; i < font.length; i++) {
      poke(0xA0000 + offset + i / height * 32 + i % height, 1, font[i]);
    }
    sequencer(2, before[0]);
    sequencer(4, before[1]);
    graphics(4, before[2]);
    graphics(5, before[3]);
    graphics(6, before[4]);
  }

  /** An 80 x 25 text screen with a font, cleared to light grey on black, without a cursor. */
  void textMode() {
    set(Mode.TEXT_80X25);
    crtc(0x0A, 0x20);
    loadFont(0, RomFonts.font8x16());
    for (int cell = 0; cell < 2000; cell++) {
      poke(0xB8000 + 2 * cell, 2, 0x0720);
    }
  }

  void print(int column, int row, int attribute, String text) {
    for (int i = 0; i < text.length(); i++) {
      poke(0xB8000 + 2 * (row * 80 + column + i), 2, attribute << 8 | text.charAt(i));
    }
  }

  void out(int port, int value) {
    ports.write(port, 1, value);
  }

  int in(int port) {
    return ports.read(port, 1);
  }

  void sequencer(int index, int value) {
    ports.write(0x3C4, 2, value << 8 | index);
  }

  int seq(int index) {
    out(0x3C4, index);
    return in(0x3C5);
  }

  void graphics(int index, int value) {
    ports.write(0x3CE, 2, value << 8 | index);
  }

  int gr(int index) {
    out(0x3CE, index);
    return in(0x3CF);
  }

  void crtc(int index, int value) {
    ports.write(crtcBase(), 2, value << 8 | index);
  }

  int cr(int index) {
    out(crtcBase(), index);
    return in(crtcBase() + 1);
  }

  private int crtcBase() {
    return (in(0x3CC) & 1) != 0 ? 0x3D4 : 0x3B4;
  }

  void attribute(int index, int value) {
    in(crtcBase() + 6);
    out(0x3C0, index);
    out(0x3C0, value);
    out(0x3C0, 0x20);
  }

  void dispi(int index, int value) {
    ports.write(0x1CE, 2, index);
    ports.write(0x1CF, 2, value);
  }

  int dispi(int index) {
    ports.write(0x1CE, 2, index);
    return ports.read(0x1CF, 2);
  }

  void vbe(int width, int height, int bits) {
    dispi(BochsVbe.ENABLE, 0);
    dispi(BochsVbe.XRES, width);
    dispi(BochsVbe.YRES, height);
    dispi(BochsVbe.BPP, bits);
    dispi(BochsVbe.ENABLE, BochsVbe.ENABLED | BochsVbe.LFB_ENABLED);
    in(crtcBase() + 6);
    out(0x3C0, 0x20);
  }

  void poke(int address, int width, long value) {
    addresses.write(Integer.toUnsignedLong(address), width, value);
  }

  int peek(int address, int width) {
    return (int) addresses.read(Integer.toUnsignedLong(address), width);
  }

  /** Writes the picture to the folder of {@code -Dsatchel.pictures}, to be looked at. */
  void keepPicture(String name) {
    String folder = System.getProperty("satchel.pictures");
    if (folder == null) {
      return;
    }
    try (var out = Files.newOutputStream(Path.of(folder, name + ".png"))) {
      screen.writePng(out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
