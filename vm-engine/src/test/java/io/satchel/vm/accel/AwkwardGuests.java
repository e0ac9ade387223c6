package io.satchel.vm.accel;

import static io.satchel.vm.cpu.CpuState.RAX;
import static io.satchel.vm.cpu.CpuState.RSP;

import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.cpu.CpuState;
import java.lang.management.ManagementFactory;
import java.util.function.Consumer;

/**
 * Programs that do to a translator what it likes least. Each says how often it does that and how
 * much work lies in between, so that a translator's gain and loss can be set against each other.
 */
final class AwkwardGuests {

  static final int START = 0x1000;
  private static final int TABLES = 0x10000;
  private static final int OTHER_TABLES = 0x14000;
  private static final int DATA = 0x8000;
  private static final int OTHER_DATA = 0x9000;
  private static final int DEVICE = 0x40_0000;

  /** A program, and the machine around it. */
  record Guest(String name, Consumer<BareMetal> setUp) {
    /** Runs it to its end: HLT. */
    Run run(int patience) {
      BareMetal machine = new BareMetal(4 << 20, patience);
      setUp.accept(machine);
      CpuState cpu = machine.cpu;
      cpu.gpr[RSP] = 0x7000;
      cpu.rip = START;
      long before = threadNanos();
      while (!cpu.halted) {
        machine.tcg.run(1_000_000);
      }
      return new Run(machine, cpu.gpr[RAX], threadNanos() - before);
    }
  }

  /**
   * How it went.
   *
   * @param result what was computed
   * @param nanos processor time of this thread
   */
  record Run(BareMetal machine, long result, long nanos) {}

  private AwkwardGuests() {}

  private static long threadNanos() {
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
  }

  private static String little(int value) {
    return "%08x".formatted(Integer.reverseBytes(value));
  }

  /**
   * Changes an instruction of its loop, then goes through the loop.
   *
   * <pre>
   *       xor eax,eax; mov esi,times
   *    o: mov edx,esi; mov [imm+2],dl; mov edx,rounds
   *    imm: add eax,1; dec edx; jnz imm; dec esi; jnz o; hlt
   * </pre>
   */
  static Guest rewriting(int times, int rounds) {
    return new Guest(
        "rewriting, %d rounds".formatted(rounds),
        machine ->
            machine.code(
                START,
                "31C0 BE %s 89F2 8815 16100000 BA %s 83C001 4A 75FA 4E 75EA F4"
                    .formatted(little(times), little(rounds))));
  }

  /**
   * Loads CR3 with one of two page directories that differ in where they map the data.
   *
   * <pre>
   *       xor eax,eax; mov esi,times; mov ebx,10000h; mov ebp,4000h
   *    o: mov ecx,rounds
   *    m: add [8000h],ecx; mov edx,[8000h]; add eax,edx; call f; dec ecx; jnz m
   *       xor ebx,ebp; mov cr3,ebx; dec esi; jnz o; hlt
   *    f: ror eax,3; ret
   * </pre>
   */
  static Guest switching(int times, int rounds) {
    return new Guest(
        "switching page tables, %d rounds".formatted(rounds),
        machine -> {
          machine.code(
              START,
              ("31C0 BE %s BB 00000100 BD 00400000 B9 %s 010D 00800000 8B15 00800000 01D0"
                      + "E8 0C000000 49 75EA 31EB 0F22DB 4E 75DD F4 C1C803 C3")
                  .formatted(little(times), little(rounds)));
          tables(machine, TABLES, DATA);
          tables(machine, OTHER_TABLES, OTHER_DATA);
          machine.cpu.cr3 = OTHER_TABLES;
          machine.cpu.cr0 |= CpuState.CR0_PG;
        });
  }

  /** A page directory and a table behind it: 4 MiB one to one, but for one page. */
  private static void tables(BareMetal machine, int directory, int data) {
    for (int page = 0; page < 1024; page++) {
      machine.map.write(directory + 0x1000 + 4L * page, 4, page << 12 | 3);
    }
    machine.map.write(directory + 0x1000 + 4L * (DATA >> 12), 4, data | 3);
    machine.map.write(directory, 4, directory + 0x1000 | 3);
  }

  /**
   * Runs a function that lies in a device's memory, such as a display adapter's window or flash
   * memory that is being programmed.
   *
   * <pre>
   *       xor eax,eax; mov esi,times
   *    o: mov ecx,rounds
   *    m: add eax,ecx; dec ecx; jnz m
   *       call 400000h; dec esi; jnz o; hlt
   *    400000h: mov edx,rounds; l: ror eax,1; dec edx; jnz l; ret
   * </pre>
   */
  static Guest fromDevice(int times, int rounds) {
    return new Guest(
        "executing from a device, %d rounds".formatted(rounds),
        machine -> {
          machine.code(
              START,
              "31C0 BE %s B9 %s 01C8 49 75FB E8 %s 4E 75EE F4"
                  .formatted(little(times), little(rounds), little(DEVICE - START - 0x16)));
          byte[] code =
              java.util.HexFormat.of()
                  .parseHex("BA" + little(rounds) + "D1C8" + "4A" + "75FB" + "C3");
          machine.map.mapDevice(
              DEVICE,
              0x1000,
              "window",
              new IoHandler() {
                @Override
                public int read(int offset, int width) {
                  int value = 0;
                  for (int n = width - 1; n >= 0; n--) {
                    value = value << 8 | (offset + n < code.length ? code[offset + n] & 0xFF : 0);
                  }
                  return value;
                }

                @Override
                public void write(int offset, int width, int value) {}
              });
        });
  }
}
