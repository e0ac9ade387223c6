package io.satchel.vm.firmware;

import io.satchel.vm.api.MachineConfig;
import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.cpu.CpuModel.Feature;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.device.Board;
import io.satchel.vm.device.Device;
import io.satchel.vm.memory.GuestMemory;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Satchel's BIOS: its ROM, what it does at power-on, and the services behind the stubs.
 *
 * <p>A stub pushes a service's number and writes to port {@value SystemRom#PORT}; the service works
 * on the caller's registers and memory, and replaces the number by where the stub goes on. See
 * {@link Assembler#trap}.
 */
public final class Bios implements Device<Bios.State>, IoHandler {

  /** Bytes of ROM at C0000h to FFFFFh. */
  public static final int ROM_SIZE = 0x40000;

  private static final int ROM_BASE = 0xC0000;
  private static final long CACHES = CpuState.CR0_CD | CpuState.CR0_NW;
  private static final Trap[] TRAPS = Trap.values();

  /**
   * What a service remembers beside guest memory.
   *
   * @param waitUntil end of a delay of INT 15h/86h, nanoseconds; 0 for none
   * @param apm the connected APM interface or 0
   * @param stage of the boot
   * @param keyUntil end of the boot screen, nanoseconds
   * @param told whether "No bootable device" is on the screen
   * @param image the CD image that is a drive
   * @param imageUnit the IDE unit of that CD
   * @param floppiesKnown whether a drive still has the floppy of the last access
   * @param mouse the exchange of INT 15h/C2h with the mouse that is under way
   * @param mouseUntil when that is given up, nanoseconds
   */
  public record State(
      long waitUntil,
      int apm,
      int stage,
      long keyUntil,
      boolean told,
      boolean image,
      int imageType,
      int imageSegment,
      int imageSectors,
      long imageBlock,
      long imageCatalog,
      int imageUnit,
      boolean[] floppiesKnown,
      MouseBios.@Nullable Exchange mouse,
      long mouseUntil) {}

  private final Board board;
  private final MachineConfig config;
  private final Guest guest;
  private final SystemRom rom;
  private final VideoRom videoRom;
  private final MemoryMap map;
  private final DriveBay bay;
  private final VideoBios video;
  private final KeyboardBios keyboard;
  private final MouseBios mouse;
  private final DiskBios disks;
  private final SystemBios system;
  private final PciBios pci;
  private final BootManager boot;
  private final int romOffset;
  private List<CpuState> others = List.of();

  /**
   * Makes the ROM and maps the service port.
   *
   * @param romOffset host offset of {@value #ROM_SIZE} bytes that answer at C0000h to FFFFFh; the
   *     image is written there
   * @throws IOException if the kernel of {@code config} cannot be read or is none; names the file
   */
  public Bios(Board board, CpuState cpu, DriveBay bay, MachineConfig config, int romOffset)
      throws IOException {
    this.board = board;
    this.config = config;
    this.bay = bay;
    this.romOffset = romOffset;
    guest = new Guest(cpu, board);
    byte[] font8x8 = RomFonts.font8x8();
    rom = new SystemRom(font8x8);
    videoRom = new VideoRom(font8x8, RomFonts.font8x14(), RomFonts.font8x16());
    map = new MemoryMap(board.memory().memory().ramSize(), true);
    VbeBios vbe = new VbeBios(guest, videoRom);
    video = new VideoBios(guest, vbe);
    keyboard = new KeyboardBios(guest, rom);
    mouse = new MouseBios(guest, board.clock(), rom);
    disks = new DiskBios(guest, bay);
    pci = new PciBios(guest, board.pci(), rom);
    system = new SystemBios(guest, board.clock(), map, rom, mouse, pci);
    MachineConfig.Kernel direct = config.kernel();
    KernelLoader kernel = direct == null ? null : new KernelLoader(guest, map, rom, direct);
    boot =
        new BootManager(
            guest,
            board.clock(),
            rom,
            video,
            keyboard,
            disks,
            config.bootOrder(),
            config.bootMenu(),
            kernel);
    board.ports().map(SystemRom.PORT, 1, 1, "BIOS services", this);
    writeRom();
  }

  /** Services are called by this processor's program from now on. */
  public void running(CpuState cpu) {
    guest.cpu = cpu;
  }

  /** Names the processors beside the first, which wait for a start-up message. */
  public void others(List<CpuState> processors) {
    others = List.copyOf(processors);
  }

  private void writeRom() {
    byte[] image = new byte[ROM_SIZE];
    java.util.Arrays.fill(image, (byte) 0xFF);
    byte[] videoBytes = videoRom.bytes();
    System.arraycopy(videoBytes, 0, image, VideoRom.BASE - ROM_BASE, videoBytes.length);
    System.arraycopy(rom.bytes(), 0, image, SystemRom.BASE - ROM_BASE, 0x10000);
    board.memory().memory().write(romOffset, image, 0, ROM_SIZE);
    // The processor starts 16 bytes below 4 GiB.
    board.memory().mapRead(0xFFFF_0000L, 0x10000, romOffset + SystemRom.BASE - ROM_BASE);
  }

  @Override
  public String name() {
    return "bios";
  }

  @Override
  public void reset() {
    boot.restore(BootManager.Stage.START, 0);
    boot.told(false);
    system.restore(0, 0);
    disks.emulate(null, 0);
    mouse.reset();
  }

  @Override
  public State state() {
    ElTorito image = disks.emulated();
    return new State(
        system.waitUntil(),
        system.apm(),
        boot.stage().ordinal(),
        boot.keyUntil(),
        boot.told(),
        image != null,
        image == null ? 0 : image.mediaType(),
        image == null ? 0 : image.loadSegment(),
        image == null ? 0 : image.sectors(),
        image == null ? 0 : image.block(),
        image == null ? 0 : image.catalog(),
        disks.emulatedUnit(),
        disks.floppiesKnown(),
        mouse.exchange(),
        mouse.deadline());
  }

  @Override
  public void restore(State state) {
    system.restore(state.waitUntil(), state.apm());
    boot.restore(BootManager.Stage.values()[state.stage()], state.keyUntil());
    boot.told(state.told());
    disks.emulate(
        state.image()
            ? new ElTorito(
                state.imageType(),
                state.imageSegment(),
                state.imageSectors(),
                state.imageBlock(),
                state.imageCatalog())
            : null,
        state.imageUnit());
    disks.floppiesKnown(state.floppiesKnown());
    mouse.restore(state.mouse(), state.mouseUntil());
    pci.routing(OtherTables.routing());
  }

  @Override
  public int read(int offset, int width) {
    return 0xFF;
  }

  @Override
  public void write(int offset, int width, int value) {
    boolean wide = guest.cpu.protectedMode();
    Trap trap = wide ? trap(guest.wideStubWord()) : null;
    if (trap == null || !trap.wide()) {
      trap = trap(guest.stubWord());
    }
    if (trap == null || !fromStub(trap)) {
      return; // some program's own write to the port
    }
    if (!trap.wide()) {
      guest.stubWord(entry(trap) + Assembler.TRAP_LENGTH);
    }
    serve(trap);
  }

  private static @Nullable Trap trap(int number) {
    return number >= 0 && number < TRAPS.length ? TRAPS[number] : null;
  }

  private int entry(Trap trap) {
    boolean fromVideoRom = guest.cpu.selector[CpuState.CS] == VideoRom.SEGMENT;
    return trap == Trap.INT10 && fromVideoRom ? videoRom.int10() : rom.entry(trap);
  }

  /**
   * Whether the processor is at the OUT of the service's stub. An accelerator may show the OUT
   * itself or what follows. A 32-bit caller maps the ROM where it likes, by whole pages.
   */
  private boolean fromStub(Trap trap) {
    long out = entry(trap) + (trap.wide() ? Assembler.WIDE_OUT : Assembler.OUT);
    long rip = guest.cpu.rip;
    if (trap.wide() || trap == Trap.APM16) {
      long mask = GuestMemory.PAGE_SIZE - 1L;
      long at = guest.cpu.base[CpuState.CS] + rip & mask;
      return at == (out & mask) || at == (out + 2 & mask);
    }
    int segment = guest.cpu.selector[CpuState.CS];
    return (segment == SystemRom.SEGMENT || segment == VideoRom.SEGMENT)
        && (rip == out || rip == out + 2);
  }

  private void serve(Trap trap) {
    switch (trap) {
      case POST -> powerOnSelfTest();
      case BOOT -> {
        setUpOthers();
        boot.call();
      }
      case NO_BOOT -> boot.noBoot();
      case TICK -> system.tick();
      case KEY -> keyboard.key();
      case INT10 -> video.call();
      case INT13 -> disks.call();
      case INT40 -> disks.call();
      case INT14 -> system.serial();
      case INT15 -> system.call();
      case INT16 -> keyboard.call();
      case INT17 -> system.printer();
      case INT1A -> system.time();
      case RTC -> system.clockInterrupt();
      case MOUSE -> mouse.interrupt();
      case BIOS32 -> pci.directory();
      case PCI32 -> pci.callWide();
      case APM16 -> system.apm16();
      case APM32 -> system.apm32();
    }
  }

  /**
   * Gives the other processors the caches and memory types of the first, which its stub has set by
   * now: an operating system expects them to be the same.
   */
  private void setUpOthers() {
    for (CpuState other : others) {
      System.arraycopy(guest.cpu.mtrr, 0, other.mtrr, 0, other.mtrr.length);
      other.cr0 = guest.cpu.cr0 & CACHES | other.cr0 & ~CACHES;
    }
  }

  // Power-on.

  private void powerOnSelfTest() {
    guest.out8(0x92, guest.in8(0x92) & ~1 | 2); // A20 open
    new PciSetup(board.pci()).run();
    shadow(true);
    dataAreas();
    vectors();
    devices();
    interruptControllers(); // last: ICW1 forgets the requests that the tests have caused
    tables();
    shadow(false);
    video.post();
    keyboard.post();
    disks.post();
    system.post();
    memorySizes();
    boot.screen(board.memory().memory().ramSize());
    guest.stubWord(guest.cpu.model.has(Feature.MTRR) ? rom.memoryTypes : rom.cachesOn);
  }

  /** Opens the shadow RAM for writing and fills it from ROM, or closes it. */
  private void shadow(boolean open) {
    if (open) {
      byte[] image = new byte[ROM_SIZE];
      board.memory().memory().read(romOffset, image, 0, ROM_SIZE);
      pam(0x33);
      board.memory().write(ROM_BASE, image, 0, ROM_SIZE);
    } else {
      pam(0x11);
    }
  }

  /** PAM0 to PAM6 of the host bridge: 1 reads, 2 writes go to RAM; a nibble for 16 KiB. */
  private void pam(int attributes) {
    board.pci().writeConfig(0, 0x59, 1, attributes & 0xF0);
    for (int register = 0x5A; register <= 0x5F; register++) {
      board.pci().writeConfig(0, register, 1, attributes);
    }
  }

  private void dataAreas() {
    boolean warm = guest.bda16(Bda.SOFT_RESET) == 0x1234;
    guest.fill(0, 0, 0x500);
    guest.bda16(Bda.SOFT_RESET, warm ? 0x1234 : 0);
    guest.fill(MemoryMap.EBDA, 0, MemoryMap.EBDA_SIZE);
    guest.write8(MemoryMap.EBDA, MemoryMap.EBDA_SIZE >> 10);
    guest.bda16(Bda.EBDA_SEGMENT, MemoryMap.EBDA >> 4);
    guest.bda16(Bda.MEMORY_KIB, MemoryMap.EBDA >> 10);
    for (int i = 0; i < 4; i++) {
      guest.bda8(Bda.PRINTER_TIMEOUTS + i, 0x14);
      guest.bda8(Bda.SERIAL_TIMEOUTS + i, 0x01);
    }
    long floppies = bay.units().stream().filter(u -> u.kind() == DriveBay.Kind.FLOPPY).count();
    int equipment = 0x0002 | 0x0004; // x87, PS/2 mouse
    if (floppies > 0) {
      equipment |= 1 | (int) Math.min(floppies - 1, 3) << 6;
    }
    guest.bda16(Bda.EQUIPMENT, equipment);
  }

  private void vector(int number, int offset) {
    vector(number, SystemRom.SEGMENT, offset);
  }

  private void vector(int number, int segment, int offset) {
    guest.write16(4L * number, offset);
    guest.write16(4L * number + 2, segment);
  }

  private void vectors() {
    for (int i = 0; i < 0x78; i++) {
      vector(i, SystemRom.DUMMY);
    }
    for (int i = 0x60; i < 0x68; i++) {
      vector(i, 0, 0); // free for programs, which look for zero
    }
    vector(0x02, SystemRom.NMI);
    vector(0x05, SystemRom.INT05);
    vector(0x08, SystemRom.INT08);
    vector(0x09, SystemRom.INT09);
    for (int i = 0x0A; i < 0x10; i++) {
      vector(i, rom.irqMaster);
    }
    vector(0x0E, SystemRom.INT0E);
    vector(0x10, VideoRom.SEGMENT, videoRom.int10());
    vector(0x11, SystemRom.INT11);
    vector(0x12, SystemRom.INT12);
    vector(0x13, SystemRom.INT13);
    vector(0x14, SystemRom.INT14);
    vector(0x15, SystemRom.INT15);
    vector(0x16, SystemRom.INT16);
    vector(0x17, SystemRom.INT17);
    vector(0x18, rom.int18);
    vector(0x19, SystemRom.INT19);
    vector(0x1A, SystemRom.INT1A);
    vector(0x1D, SystemRom.VIDEO_TABLE);
    vector(0x1E, SystemRom.DISKETTE_TABLE);
    vector(0x1F, VideoRom.SEGMENT, VideoRom.FONT_8X8 + 1024);
    vector(0x40, SystemRom.INT40);
    vector(0x42, SystemRom.INT10);
    vector(0x43, VideoRom.SEGMENT, VideoRom.FONT_8X16);
    vector(0x6D, VideoRom.SEGMENT, videoRom.int10());
    for (int i = 0x70; i < 0x78; i++) {
      vector(i, rom.irqSlave);
    }
    vector(0x70, rom.int70);
    vector(0x71, rom.irq9);
    vector(0x74, rom.int74);
    vector(0x75, rom.irq13);
    vector(0x76, rom.int76);
    vector(0x77, rom.int77);
  }

  /** The 8259s as the PC AT has them, with the timer, keyboard, diskette, mouse and disks on. */
  private void interruptControllers() {
    int[][] words = {{0x20, 0x21, 0x08, 0x04}, {0xA0, 0xA1, 0x70, 0x02}};
    for (int[] chip : words) {
      guest.out8(chip[0], 0x11); // ICW1: edges, cascade, ICW4
      guest.out8(chip[1], chip[2]); // ICW2: first vector
      guest.out8(chip[1], chip[3]); // ICW3
      guest.out8(chip[1], 0x01); // ICW4: 8086
    }
    guest.out8(0x21, 0xB8); // on: 0, 1, 2, 6
    guest.out8(0xA1, 0x8F); // on: 12, 13, 14
    guest.out8(0x4D1, 0x0E); // ELCR: 9, 10 and 11 by level
  }

  private void devices() {
    guest.out8(0x43, 0x34); // PIT counter 0: 18.2 Hz
    guest.out8(0x40, 0);
    guest.out8(0x40, 0);
    guest.out8(0x43, 0x54); // counter 1: refresh
    guest.out8(0x41, 0x12);
    // DMA: the second controller's channel 0 is the cascade.
    guest.out8(0x0D, 0);
    guest.out8(0xDA, 0);
    guest.out8(0xD6, 0xC0);
    guest.out8(0xD4, 0x00);
    // RTC: 24 hours, BCD; its interrupts off and acknowledged.
    guest.cmos(0x0A, 0x26);
    guest.cmos(0x0B, 0x02);
    guest.cmos(0x0C);
    guest.cmos(0x0D);
    // 8042: self test, then keyboard on with translation and interrupt, mouse port off until asked.
    while ((guest.in8(0x64) & 1) != 0) {
      guest.in8(0x60);
    }
    guest.out8(0x64, 0xAA);
    guest.in8(0x60);
    guest.out8(0x64, 0x60);
    guest.out8(0x60, 0x65);
    guest.out8(0x64, 0xA7);
    guest.out8(0x64, 0xAE);
    guest.out8(0x3F2, 0x0C); // diskette controller out of reset, with DMA and interrupt
  }

  /** CMOS bytes that operating systems read. */
  private void memorySizes() {
    int extended = map.kibExtended();
    int above = map.blocksAbove16M();
    guest.cmos(0x15, 640);
    guest.cmos(0x16, 640 >> 8);
    for (int base : new int[] {0x17, 0x30}) {
      guest.cmos(base, extended);
      guest.cmos(base + 1, extended >> 8);
    }
    guest.cmos(0x34, above);
    guest.cmos(0x35, above >> 8);
    int floppyTypes = 0;
    int hardDisks = 0;
    for (DriveBay.Unit unit : bay.units()) {
      if (unit.kind() == DriveBay.Kind.FLOPPY && unit.number() < 2) {
        floppyTypes |= unit.floppyType() << (unit.number() == 0 ? 4 : 0);
      } else if (unit.kind() == DriveBay.Kind.HARD_DISK && unit.number() < 2) {
        hardDisks |= 0x0F << (unit.number() == 0 ? 4 : 0);
      }
    }
    guest.cmos(0x10, floppyTypes);
    guest.cmos(0x12, hardDisks);
    guest.cmos(0x14, guest.bda8(Bda.EQUIPMENT));
    guest.cmos(0x32, centuryOf(guest.cmos(0x32)));
    int sum = 0;
    for (int i = 0x10; i < 0x2E; i++) {
      sum += guest.cmos(i);
    }
    guest.cmos(0x2E, sum >> 8);
    guest.cmos(0x2F, sum);
  }

  private static int centuryOf(int stored) {
    return stored == 0x19 || stored == 0x20 ? stored : 0x20;
  }

  /** Puts the tables into the shadow RAM and the top of RAM, while both can be written. */
  private void tables() {
    int at = 0;
    int signature = guest.cpu.model.signature();
    int features = guest.cpu.model.cpuid(1, 0).edx();
    long ram = board.memory().memory().ramSize();
    if (map.acpi()) {
      AcpiTables acpi = new AcpiTables(map.acpiBase(), map.nvsBase(), config.processors());
      board.memory().write(map.acpiBase(), acpi.tables, 0, acpi.tables.length);
      board.memory().write(map.nvsBase(), acpi.facs, 0, acpi.facs.length);
      at = place(at, acpi.rsdp);
    }
    at = place(at, OtherTables.bios32(SystemRom.BASE + rom.entry(Trap.BIOS32)));
    at = place(at, OtherTables.pir());
    byte[] smbios =
        OtherTables.smbios(
            SystemRom.BASE + at, ram, config.cpuModel(), config.processors(), signature, features);
    at = place(at, smbios);
    place(
        at,
        OtherTables.mp(
            SystemRom.BASE + at,
            config.processors(),
            signature,
            features,
            board.pci().functions()));
    pci.routing(OtherTables.routing());
  }

  /** Copies a table to the BIOS area; the offset of the next, on a 16-byte boundary. */
  private int place(int offset, byte[] table) {
    if (offset + table.length > SystemRom.TABLES_END) {
      throw new IllegalStateException("the tables do not fit");
    }
    board.memory().write(SystemRom.BASE + offset, table, 0, table.length);
    return offset + table.length + 15 & -16;
  }
}
