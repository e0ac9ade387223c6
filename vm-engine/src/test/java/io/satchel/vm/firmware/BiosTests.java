package io.satchel.vm.firmware;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.accel.Tcg;
import io.satchel.vm.api.MachineConfig;
import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.bus.IoPorts;
import io.satchel.vm.bus.PciBus;
import io.satchel.vm.cpu.CpuModel;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.Mmu;
import io.satchel.vm.device.Board;
import io.satchel.vm.device.Vga;
import io.satchel.vm.host.DiskBackend;
import io.satchel.vm.memory.AddressMap;
import io.satchel.vm.memory.GuestMemory;
import io.satchel.vm.time.EventQueue;
import io.satchel.vm.time.VirtualClock;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Boot sectors, written as bytes, on a processor with RAM, ROM and video memory. */
class BiosTests {

  private static final int RAM = 16 << 20;
  private static final int RESULT = 0x500;

  private final long[] now = new long[1];

  /** A medium in memory. */
  private static final class Medium implements DiskBackend {
    final byte[] bytes;
    final boolean readOnly;

    Medium(int size, boolean readOnly) {
      bytes = new byte[size];
      this.readOnly = readOnly;
    }

    @Override
    public long size() {
      return bytes.length;
    }

    @Override
    public boolean readOnly() {
      return readOnly;
    }

    @Override
    public void read(long offset, byte[] target, int from, int length, Completion done) {
      throw new UnsupportedOperationException("firmware reads at once");
    }

    @Override
    public void write(long offset, byte[] source, int from, int length, Completion done) {
      throw new UnsupportedOperationException("firmware writes at once");
    }

    @Override
    public void flush(Completion done) {
      throw new UnsupportedOperationException("firmware does not flush");
    }

    @Override
    public void readNow(long offset, byte[] target, int from, int length) {
      System.arraycopy(bytes, (int) offset, target, from, length);
    }

    @Override
    public void writeNow(long offset, byte[] source, int from, int length) {
      System.arraycopy(source, from, bytes, (int) offset, length);
    }
  }

  private record Drive(DriveBay.Kind kind, int number, @Nullable DiskBackend medium)
      implements DriveBay.Unit {}

  /**
   * The machine after its boot sector has executed HLT with interrupts off, or after a while if it
   * has not.
   */
  private final class Run {
    final AddressMap map;
    final CpuState cpu;
    final boolean ended;

    Run(List<Drive> drives) throws IOException {
      GuestMemory memory = new GuestMemory(RAM, Bios.ROM_SIZE + Vga.hostBytes(null));
      map = new AddressMap(memory);
      IoPorts ports = new IoPorts();
      cpu = new CpuState(new Mmu(map), ports, CpuModel.named("pentium3"));
      VirtualClock clock = VirtualClock.following(() -> now[0] += 1_000_000);
      clock.resume();
      Board board = new Board(ports, map, new PciBus(ports, map), clock, new EventQueue());
      map.mapMemory(0, 0xA0000, 0);
      map.mapMemory(0x10_0000, RAM - 0x10_0000, 0x10_0000);
      int rom = memory.allocate(Bios.ROM_SIZE);
      map.mapRead(0xC0000, Bios.ROM_SIZE, rom);
      new Vga(board, null);
      // A 8042 with nothing to say, so that POST does not wait for one.
      ports.map(0x64, 1, 1, "8042", quiet());
      Bios bios = new Bios(board, cpu, () -> List.copyOf(drives), MachineConfig.standard(), rom);
      bios.reset();
      cpu.reset(cpu.model.signature());
      Tcg tcg = new Tcg(cpu);
      // HLT without interrupts would wait for ever: the boot screen's are skipped over.
      boolean stopped = false;
      for (int i = 0; i < 20_000 && !stopped; i++) {
        tcg.run(100);
        stopped = cpu.halted && (cpu.systemFlags & CpuState.IF) == 0;
        cpu.halted = false;
      }
      ended = stopped;
    }

    private static IoHandler quiet() {
      return new IoHandler() {
        @Override
        public int read(int offset, int width) {
          return 0;
        }

        @Override
        public void write(int offset, int width, int value) {}
      };
    }

    int word(long address) {
      return (int) map.read(address, 2);
    }

    String row(int row) {
      StringBuilder text = new StringBuilder();
      for (int column = 0; column < 80; column++) {
        text.append((char) map.read(0xB8000 + 2L * (80 * row + column), 1));
      }
      return text.toString().stripTrailing();
    }
  }

  private static Medium floppy(int size, int... code) {
    Medium medium = new Medium(size, false);
    for (int i = 0; i < code.length; i++) {
      medium.bytes[i] = (byte) code[i];
    }
    medium.bytes[510] = 0x55;
    medium.bytes[511] = (byte) 0xAA;
    return medium;
  }

  private Run boot(Medium floppy) throws IOException {
    Run run = new Run(List.of(new Drive(DriveBay.Kind.FLOPPY, 0, floppy)));
    assertThat(run.ended).as("stopped at %x:%x", run.cpu.selector[1], run.cpu.rip).isTrue();
    return run;
  }

  @Test
  void bootSectorStartsAt7C00WithItsDriveInDl() throws IOException {
    Run run = boot(floppy(1440 * 1024, 0xFA, 0xF4)); // cli; hlt
    assertThat(run.cpu.selector[CpuState.CS]).isZero();
    assertThat(run.cpu.rip).isEqualTo(0x7C02);
    assertThat(run.cpu.gpr[CpuState.RDX] & 0xFF).isZero();
    assertThat(run.cpu.gpr[CpuState.RSP] & 0xFFFF).isEqualTo(0x7C00);
  }

  @Test
  void teletypeWritesWhereTheBootScreenEnded() throws IOException {
    Run run =
        boot(
            floppy(
                1440 * 1024,
                0xB8,
                0x03,
                0x00,
                0xCD,
                0x10, // mov ax, 3; int 10h
                0xB8,
                'H',
                0x0E,
                0xCD,
                0x10, // mov ax, 0E00h + 'H'; int 10h
                0xB0,
                'i',
                0xCD,
                0x10, // mov al, 'i'; int 10h
                0xFA,
                0xF4));
    assertThat(run.row(0)).isEqualTo("Hi");
    assertThat(run.word(0x450)).isEqualTo(0x0002);
  }

  @Test
  void floppyOfEverySizeReadsItsLastSector() throws IOException {
    int[][] formats = {
      {160, 39, 0, 8},
      {180, 39, 0, 9},
      {320, 39, 1, 8},
      {360, 39, 1, 9},
      {720, 79, 1, 9},
      {1200, 79, 1, 15},
      {1440, 79, 1, 18},
      {2880, 79, 1, 36}
    };
    for (int[] format : formats) {
      Medium medium =
          floppy(
              format[0] * 1024,
              0xB8,
              0x01,
              0x02, // mov ax, 0201h
              0xBB,
              0x00,
              0x06, // mov bx, 600h
              0xB9,
              format[3],
              format[1], // mov cx, cylinder and sector
              0xBA,
              0x00,
              format[2], // mov dx, head and drive
              0xCD,
              0x13, // int 13h
              0x9C,
              0x8F,
              0x06,
              0x00,
              0x05, // pushf; pop [500h]
              0xFA,
              0xF4);
      medium.bytes[medium.bytes.length - 512] = 0x42;
      Run run = boot(medium);
      assertThat(run.word(RESULT) & CpuState.CF).as("%d KiB", format[0]).isZero();
      assertThat(run.map.read(0x600, 1)).as("%d KiB", format[0]).isEqualTo(0x42);
    }
  }

  @Test
  void sectorThatIsNotThereSetsCarryAndStatus04() throws IOException {
    Run run =
        boot(
            floppy(
                1440 * 1024,
                0xB8,
                0x01,
                0x02,
                0xBB,
                0x00,
                0x06, // mov ax, 0201h; mov bx, 600h
                0xB9,
                19,
                0,
                0x31,
                0xD2, // mov cx, 19; xor dx, dx
                0xCD,
                0x13,
                0x9C,
                0x8F,
                0x06,
                0x00,
                0x05, // int 13h; pushf; pop [500h]
                0xFA,
                0xF4));
    assertThat(run.word(RESULT) & CpuState.CF).isEqualTo(1);
    assertThat(run.cpu.gpr[CpuState.RAX] >>> 8 & 0xFF).isEqualTo(4);
  }

  @Test
  void memoryMapBeginsWithBaseMemory() throws IOException {
    Run run =
        boot(
            floppy(
                1440 * 1024,
                0x66,
                0xB8,
                0x20,
                0xE8,
                0,
                0, // mov eax, E820h
                0x66,
                0xBA,
                'P',
                'A',
                'M',
                'S', // mov edx, "SMAP"
                0x66,
                0x31,
                0xDB, // xor ebx, ebx
                0x66,
                0xB9,
                20,
                0,
                0,
                0, // mov ecx, 20
                0xBF,
                0x00,
                0x06, // mov di, 600h
                0xCD,
                0x15,
                0xFA,
                0xF4));
    assertThat(run.map.read(0x600, 8)).isZero();
    assertThat(run.map.read(0x608, 8)).isEqualTo(0x9FC00);
    assertThat(run.map.read(0x610, 4)).isEqualTo(1);
    assertThat(run.cpu.gpr[CpuState.RAX]).isEqualTo(0x534D4150);
    assertThat(run.cpu.gpr[CpuState.RBX]).isEqualTo(1);
  }

  @Test
  void serviceLeavesTheFlagsAndRegistersThatAServiceDoesNotNameAlone() throws IOException {
    Run run =
        boot(
            floppy(
                1440 * 1024,
                0xBE,
                0x34,
                0x12,
                0xBD,
                0x78,
                0x56, // mov si, 1234h; mov bp, 5678h
                0xFD,
                0xB4,
                0x0F,
                0xCD,
                0x10, // std; mov ah, 0Fh; int 10h
                0x9C,
                0x8F,
                0x06,
                0x00,
                0x05, // pushf; pop [500h]
                0xFA,
                0xF4));
    assertThat(run.cpu.gpr[CpuState.RSI] & 0xFFFF).isEqualTo(0x1234);
    assertThat(run.cpu.gpr[CpuState.RBP] & 0xFFFF).isEqualTo(0x5678);
    assertThat(run.word(RESULT) & CpuState.DF).isNotZero();
    assertThat(run.word(RESULT) & CpuState.IF).isNotZero();
    assertThat(run.cpu.gpr[CpuState.RAX] & 0xFFFF).isEqualTo(0x5003);
  }

  @Test
  void machineWithoutABootSectorSaysWhatItTried() throws IOException {
    List<Drive> drives =
        List.of(
            new Drive(DriveBay.Kind.FLOPPY, 0, new Medium(1440 * 1024, false)),
            new Drive(DriveBay.Kind.CD, 2, null));
    Run run = new Run(drives);
    assertThat(run.ended).isFalse();
    assertThat(run.row(0)).contains("No bootable device");
    assertThat(run.row(4)).contains("Floppy A", "no boot sector");
    assertThat(run.row(5)).contains("CD IDE 2", "nothing in the drive");
  }

  @Test
  void programsOwnWriteToTheServicePortDoesNothing() throws IOException {
    Run run =
        boot(
            floppy(
                1440 * 1024,
                0x6A,
                0x00, // push 0: what POST's stub pushes
                0xE6,
                SystemRom.PORT,
                0x58, // out PORT, al; pop ax
                0xFA,
                0xF4));
    assertThat(run.cpu.gpr[CpuState.RAX] & 0xFFFF).isZero();
    assertThat(run.cpu.rip).isEqualTo(0x7C07);
  }

  @Test
  void dateAndModelAreWhereProgramsLookForThem() {
    byte[] rom = new SystemRom(RomFonts.font8x8()).bytes();
    assertThat(new String(rom, SystemRom.DATE, 8, StandardCharsets.US_ASCII))
        .matches("[0-9]{2}/[0-9]{2}/[0-9]{2}");
    assertThat(rom[SystemRom.MODEL] & 0xFF).isEqualTo(0xFC);
  }
}
