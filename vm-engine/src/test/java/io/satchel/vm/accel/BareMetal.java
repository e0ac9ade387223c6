package io.satchel.vm.accel;

import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.bus.IoPorts;
import io.satchel.vm.cpu.CpuModel;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.Mmu;
import io.satchel.vm.memory.AddressMap;
import io.satchel.vm.memory.GuestMemory;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;

/**
 * A processor with RAM and two ports, and nothing else: E9h collects text, F4h ends the run. Starts
 * 32-bit ELF files as a multiboot loader does, in flat protected mode without paging.
 */
final class BareMetal {

  static final int RAM = 128 << 20;

  // Where longMode() puts its tables.
  static final int LONG_IDT = 0x9000;
  static final int LONG_GDT = 0x9800;
  static final int LONG_TSS = 0x9C00;

  final AddressMap map;
  final IoPorts ports = new IoPorts();
  final CpuState cpu;
  final Tcg tcg;
  final StringBuilder text = new StringBuilder();
  long startNanos;
  long endNanos;
  long startInstructions;
  long endInstructions;
  boolean ended;

  BareMetal() {
    this(RAM);
  }

  BareMetal(int ram) {
    this(ram, -1);
  }

  /**
   * @param patience entries after which code is translated, at once; 0 never; -1 as users have it
   */
  BareMetal(int ram, int patience) {
    map = new AddressMap(new GuestMemory(ram, 0));
    map.mapMemory(0, ram, 0);
    cpu = new CpuState(new Mmu(map), ports, CpuModel.named("max"));
    tcg = patience < 0 ? new Tcg(cpu) : new Tcg(cpu, patience, Runnable::run);
    ports.map(0xE9, 1, 1, "debugcon", port(this::character));
    ports.map(0xF4, 4, 4, "exit", port(value -> ended = true));
    cpu.reset(cpu.model.signature());
    flat();
  }

  private static IoHandler port(java.util.function.IntConsumer sink) {
    return new IoHandler() {
      @Override
      public int read(int offset, int width) {
        return -1;
      }

      @Override
      public void write(int offset, int width, int value) {
        sink.accept(value);
      }
    };
  }

  private void character(int c) {
    if (c == 'S' && startNanos == 0) {
      startNanos = cpuNanos();
      startInstructions = cpu.instructions;
    } else if (c == 'E' && endNanos == 0) {
      endNanos = cpuNanos();
      endInstructions = cpu.instructions;
    } else {
      text.append((char) c);
    }
  }

  /** CPU time of this thread: other load on the host does not count. */
  private static long cpuNanos() {
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
  }

  /** Flat 32-bit protected mode at CPL 0. */
  void flat() {
    cpu.cr0 = CpuState.CR0_PE | CpuState.CR0_ET;
    for (int n = 0; n < 6; n++) {
      cpu.selector[n] = n == CpuState.CS ? 8 : 16;
      cpu.base[n] = 0;
      cpu.limit[n] = 0xFFFF_FFFFL;
      cpu.attributes[n] = n == CpuState.CS ? 0xC09B : 0xC093;
    }
  }

  /** Real mode with all segments at 0. */
  void realMode() {
    cpu.cr0 = CpuState.CR0_ET;
    cpu.idtrBase = 0;
    cpu.idtrLimit = 0x3FF;
    for (int n = 0; n < 6; n++) {
      cpu.selector[n] = 0;
      cpu.base[n] = 0;
      cpu.limit[n] = 0xFFFF;
      cpu.attributes[n] = n == CpuState.CS ? 0x9B : 0x93;
    }
    for (int vector = 0; vector < 32; vector++) {
      map.write(4 * vector, 4, 0xA000 + 16 * vector);
    }
  }

  /** An IDT at 9000h whose gates lead to a HLT at A000h + 16 * vector. */
  void handlers() {
    cpu.idtrBase = 0x9000;
    cpu.idtrLimit = 0xFF;
    cpu.gdtrBase = 0x9800;
    cpu.gdtrLimit = 0x17;
    map.write(0x9808, 8, 0x00CF_9B00_0000_FFFFL);
    map.write(0x9810, 8, 0x00CF_9300_0000_FFFFL);
    for (int vector = 0; vector < 32; vector++) {
      long target = 0xA000 + 16 * vector;
      map.write(0x9000 + 8 * vector, 8, 0x8E00_0008_0000L | target & 0xFFFF);
      map.write(0x9004 + 8 * vector, 4, 0x8E00);
      code(target, "F4");
    }
  }

  /**
   * 64-bit code at CPL 0 on 4-level page tables. The first megabyte is the supervisor's at its own
   * address and at FFFF_8000_0000_0000h, and the user's at 40_0000_0000h; an IDT whose gates lead
   * to a HLT at A000h + 16 * vector.
   */
  void longMode() {
    // PML4, two PDPTs, two page directories, two page tables.
    map.write(0x80000, 8, 0x81007);
    map.write(0x80800, 8, 0x81007);
    map.write(0x81000, 8, 0x82003);
    map.write(0x82000, 8, 0x83003);
    map.write(0x81800, 8, 0x84007);
    map.write(0x84000, 8, 0x85007);
    for (int page = 0; page < 256; page++) {
      map.write(0x83000 + 8 * page, 8, page << 12 | 3);
      map.write(0x85000 + 8 * page, 8, page << 12 | 7);
    }
    map.write(LONG_GDT + 8, 8, 0x00AF_9B00_0000_FFFFL);
    map.write(LONG_GDT + 16, 8, 0x00CF_9300_0000_FFFFL);
    map.write(LONG_GDT + 24, 8, 0x00CF_FB00_0000_FFFFL);
    map.write(LONG_GDT + 32, 8, 0x00CF_F300_0000_FFFFL);
    map.write(LONG_GDT + 40, 8, 0x00AF_FB00_0000_FFFFL);
    cpu.gdtrBase = LONG_GDT;
    cpu.gdtrLimit = 0x2F;
    cpu.idtrBase = LONG_IDT;
    cpu.idtrLimit = 0x1FF;
    for (int vector = 0; vector < 32; vector++) {
      long target = 0xA000 + 16 * vector;
      map.write(LONG_IDT + 16 * vector, 8, 0x8E00_0008_0000L | target);
      map.write(LONG_IDT + 4 + 16 * vector, 4, 0x8E00);
      map.write(LONG_IDT + 8 + 16 * vector, 8, 0);
      code(target, "F4");
    }
    cpu.selector[CpuState.TR] = 0x30;
    cpu.base[CpuState.TR] = LONG_TSS;
    cpu.limit[CpuState.TR] = 0x67;
    cpu.attributes[CpuState.TR] = 0x8B;
    map.write(LONG_TSS + 4, 8, 0x7000);
    map.write(LONG_TSS + 0x24, 8, 0x6008);
    cpu.cr3 = 0x80000;
    cpu.cr4 = CpuState.CR4_PAE;
    cpu.cr0 |= CpuState.CR0_PG | CpuState.CR0_WP;
    cpu.efer = CpuState.EFER_LME | CpuState.EFER_LMA | CpuState.EFER_SCE | CpuState.EFER_NXE;
    cpu.attributes[CpuState.CS] = 0xA09B;
    cpu.mmu.flushAll();
  }

  /** Puts machine code, written in hexadecimal, at a physical address. */
  void code(long address, String hex) {
    byte[] bytes = HexFormat.of().parseHex(hex.replace(" ", ""));
    map.write(address, bytes, 0, bytes.length);
  }

  void load(Path elf) throws IOException {
    ByteBuffer file = ByteBuffer.wrap(Files.readAllBytes(elf)).order(ByteOrder.LITTLE_ENDIAN);
    int headers = file.getInt(28);
    int size = Short.toUnsignedInt(file.getShort(42));
    int count = Short.toUnsignedInt(file.getShort(44));
    for (int n = 0; n < count; n++) {
      int at = headers + n * size;
      if (file.getInt(at) == 1) {
        map.write(file.getInt(at + 12), file.array(), file.getInt(at + 4), file.getInt(at + 16));
      }
    }
    cpu.rip = file.getInt(24) & 0xFFFF_FFFFL;
  }

  /** Runs to the exit port; says what stopped it otherwise. */
  String run() {
    while (!ended) {
      Accelerator.Exit exit = tcg.run(1_000_000);
      if (exit != Accelerator.Exit.BUDGET && !ended) {
        return exit + " at " + Long.toHexString(cpu.rip);
      }
    }
    return text.toString().trim();
  }

  double mips() {
    return (endInstructions - startInstructions) * 1e3 / (endNanos - startNanos);
  }

  /** Runs ELF files given as arguments. */
  public static void main(String[] files) throws IOException {
    for (String file : files) {
      BareMetal machine = new BareMetal();
      machine.load(Path.of(file));
      String result = machine.run();
      System.out.printf(
          "%s %s %.2f s %.1f MIPS%n",
          file, result, (machine.endNanos - machine.startNanos) / 1e9, machine.mips());
      System.out.println(machine.tcg.statistics());
    }
  }
}
