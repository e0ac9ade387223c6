package io.satchel.vm.cpu.semantics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.satchel.vm.bus.IoPorts;
import io.satchel.vm.cpu.CpuModel;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;
import io.satchel.vm.cpu.Mmu;
import io.satchel.vm.cpu.decode.Instruction;
import io.satchel.vm.memory.AddressMap;
import io.satchel.vm.memory.GuestMemory;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/**
 * A processor with 1 MiB of RAM in 32-bit protected mode at CPL 0, with a GDT, an IDT and two tasks
 * of which the first is current.
 */
final class Bench {

  static final int GDT = 0x1000;
  static final int IDT = 0x2000;
  static final int LDT = 0x3000;
  static final int TASK_A = 0x4000;
  static final int TASK_B = 0x5000;
  static final int TASK_16 = 0x6000;

  static final int CODE0 = 0x08;
  static final int DATA0 = 0x10;
  static final int CODE3 = 0x18 | 3;
  static final int DATA3 = 0x20 | 3;
  static final int TSS_A = 0x28;
  static final int TSS_B = 0x30;
  static final int CODE16 = 0x38;
  static final int DATA16 = 0x40;
  static final int CONFORMING = 0x48;
  static final int ABSENT = 0x50;
  static final int LDT_SELECTOR = 0x58;
  static final int GATE = 0x60;
  static final int READ_ONLY = 0x68;
  static final int TSS_16 = 0x70;
  static final int CODE1 = 0x78 | 1;
  static final int DATA1 = 0x80 | 1;
  static final int EXECUTE_ONLY = 0x88;
  static final int FREE = 0x90;

  /** The last selector of the GDT's space. */
  static final int BEYOND = 0x100;

  final AddressMap map = new AddressMap(new GuestMemory(1 << 20, 0));
  final CpuState cpu;

  Bench() {
    this("max");
  }

  Bench(String model) {
    map.mapMemory(0, 1 << 20, 0);
    cpu = new CpuState(new Mmu(map), new IoPorts(), CpuModel.named(model));
    descriptor(CODE0, 0, 0xFFFFF, 0x9B, 0xC);
    descriptor(DATA0, 0, 0xFFFFF, 0x93, 0xC);
    descriptor(CODE3, 0, 0xFFFFF, 0xFB, 0xC);
    descriptor(DATA3, 0, 0xFFFFF, 0xF3, 0xC);
    descriptor(TSS_A, TASK_A, 0x2FF, 0x8B, 0);
    descriptor(TSS_B, TASK_B, 0x67, 0x89, 0);
    descriptor(CODE16, 0, 0xFFFF, 0x9B, 0);
    descriptor(DATA16, 0x10000, 0xFFFF, 0x93, 0);
    descriptor(CONFORMING, 0, 0xFFFFF, 0x9F, 0xC);
    descriptor(ABSENT, 0, 0xFFFFF, 0x13, 0xC);
    descriptor(LDT_SELECTOR, LDT, 0x1F, 0x82, 0);
    descriptor(READ_ONLY, 0, 0xFFFFF, 0x91, 0xC);
    descriptor(TSS_16, TASK_16, 0x2B, 0x81, 0);
    descriptor(CODE1, 0, 0xFFFFF, 0xBB, 0xC);
    descriptor(DATA1, 0, 0xFFFFF, 0xB3, 0xC);
    descriptor(EXECUTE_ONLY, 0, 0xFFFFF, 0x99, 0xC);
    cpu.gdtrBase = GDT;
    cpu.gdtrLimit = BEYOND - 1;
    cpu.idtrBase = IDT;
    cpu.idtrLimit = 0x7FF;
    // SS0:ESP0 and SS1:ESP1.
    put(TASK_A + 4, 4, 0x9000);
    put(TASK_A + 8, 4, DATA0);
    put(TASK_A + 12, 4, 0xA000);
    put(TASK_A + 16, 4, DATA1);
    put(TASK_A + 0x66, 2, 0x88);
    real();
    cpu.cr0 |= CpuState.CR0_PE;
    cpu.selector[CpuState.TR] = TSS_A;
    cpu.base[CpuState.TR] = TASK_A;
    cpu.limit[CpuState.TR] = 0x2FF;
    cpu.attributes[CpuState.TR] = 0x8B;
    level(0);
    cpu.gpr[CpuState.RSP] = 0x8000;
    cpu.rip = 0x7C00;
  }

  /** Real-address mode, segments as after RESET but based at 0. */
  Bench real() {
    cpu.cr0 &= ~CpuState.CR0_PE;
    for (int segment = 0; segment < 6; segment++) {
      Segments.set(cpu, segment, 0, 0, 0xFFFF, 0x93);
    }
    Segments.setNull(cpu, CpuState.LDTR, 0);
    cpu.cpl = 0;
    return this;
  }

  /** Flat 32-bit code at a privilege level: 0, 1 or 3. */
  Bench level(int privilege) {
    int code = privilege == 0 ? CODE0 : privilege == 1 ? CODE1 : CODE3;
    int data = privilege == 0 ? DATA0 : privilege == 1 ? DATA1 : DATA3;
    Segments.set(cpu, CpuState.CS, code, at(code));
    for (int segment :
        new int[] {CpuState.SS, CpuState.DS, CpuState.ES, CpuState.FS, CpuState.GS}) {
      Segments.set(cpu, segment, data, at(data));
    }
    cpu.cpl = privilege;
    return this;
  }

  /** Virtual-8086 mode in segment 2000h, IOPL {@code iopl}. */
  Bench virtual8086(int iopl) {
    cpu.setRflags(CpuState.VM | iopl << 12, CpuState.VM | CpuState.IOPL);
    for (int segment = 0; segment < 6; segment++) {
      Segments.setVirtual8086(cpu, segment, 0x2000 + 0x100 * segment);
    }
    cpu.cpl = 3;
    cpu.gpr[CpuState.RSP] = 0x800;
    cpu.rip = 0x123;
    return this;
  }

  void put(long address, int width, long value) {
    map.write(address, width, value);
  }

  long get(long address, int width) {
    return map.read(address, width);
  }

  long at(int selector) {
    return get(GDT + (selector & ~7), 8);
  }

  /** The byte with type, S, DPL and P. */
  int typeByte(int selector) {
    return (int) get(GDT + (selector & ~7) + 5, 1);
  }

  static long segment(long base, long limit, int type, int flags) {
    return limit & 0xFFFF
        | (base & 0xFF_FFFF) << 16
        | (long) type << 40
        | (limit >>> 16 & 0xF) << 48
        | (long) flags << 52
        | (base >>> 24 & 0xFF) << 56;
  }

  void descriptor(int selector, long base, long limit, int type, int flags) {
    put(GDT + (selector & ~7), 8, segment(base, limit, type, flags));
  }

  static long gate(int selector, long offset, int type, int parameters) {
    return offset & 0xFFFF
        | (long) selector << 16
        | (long) parameters << 32
        | (long) type << 40
        | (offset >>> 16 & 0xFFFF) << 48;
  }

  void gate(int selector, int target, long offset, int type, int parameters) {
    put(GDT + (selector & ~7), 8, gate(target, offset, type, parameters));
  }

  void vector(int number, int selector, long offset, int type) {
    put(IDT + 8 * number, 8, gate(selector, offset, type, 0));
  }

  /** Puts a complete 32-bit task into {@link #TASK_B}. */
  void taskB(int code, int data, int flags) {
    put(TASK_B + 0x1C, 4, 0x7000);
    put(TASK_B + 0x20, 4, 0x1234);
    put(TASK_B + 0x24, 4, flags);
    for (int register = 0; register < 8; register++) {
      put(TASK_B + 0x28 + 4 * register, 4, 0xB000 + register);
    }
    for (int segment = 0; segment < 6; segment++) {
      put(TASK_B + 0x48 + 4 * segment, 4, segment == CpuState.CS ? code : data);
    }
  }

  /** Pushes 32-bit values as a frame: the last one is on top. */
  void push(long... values) {
    for (long value : values) {
      cpu.gpr[CpuState.RSP] -= 4;
      put(cpu.base[CpuState.SS] + cpu.gpr[CpuState.RSP], 4, value);
    }
  }

  void push16(long... values) {
    for (long value : values) {
      cpu.gpr[CpuState.RSP] -= 2;
      put(cpu.base[CpuState.SS] + cpu.gpr[CpuState.RSP], 2, value);
    }
  }

  /** The 32-bit value {@code slot} places above the top of the stack. */
  long stack(int slot) {
    return get(cpu.base[CpuState.SS] + cpu.gpr[CpuState.RSP] + 4L * slot, 4);
  }

  long stack16(int slot) {
    return get(cpu.base[CpuState.SS] + (cpu.gpr[CpuState.RSP] + 2L * slot & 0xFFFF), 2);
  }

  static Instruction instruction(int operandSize) {
    Instruction i = new Instruction();
    i.operandSize = operandSize;
    i.addressSize = 4;
    i.base = CpuState.ZERO;
    i.index = CpuState.ZERO;
    i.segment = CpuState.DS;
    return i;
  }

  /** With ModRM naming two registers. */
  static Instruction registers(int operandSize, int reg, int rm) {
    Instruction i = instruction(operandSize);
    i.modrm = 0xC0 | reg << 3 | rm;
    i.reg = reg;
    i.rm = rm;
    return i;
  }

  /** With ModRM naming a register and DS:[address]. */
  static Instruction memory(int operandSize, int reg, long address) {
    Instruction i = instruction(operandSize);
    i.modrm = reg << 3 | 5;
    i.reg = reg;
    i.rm = 5;
    i.memory = true;
    i.displacement = address;
    return i;
  }

  static Instruction far(int operandSize, int selector, long offset) {
    Instruction i = instruction(operandSize);
    i.immediate = offset;
    i.immediate2 = selector;
    return i;
  }

  static Instruction immediate(int operandSize, int value) {
    Instruction i = instruction(operandSize);
    i.immediate = value;
    return i;
  }

  static void assertFault(ThrowingCallable call, int vector, int errorCode) {
    GuestFault fault = catchThrowableOfType(GuestFault.class, call);
    assertThat(fault).as("a fault").isNotNull();
    assertThat(fault.vector()).as("vector").isEqualTo(vector);
    if (fault.hasErrorCode()) {
      assertThat(fault.errorCode()).as("error code").isEqualTo(errorCode);
    }
  }

  /** As {@link #assertFault}, and nothing of the processor or its stack has changed. */
  void assertFaultChangesNothing(ThrowingCallable call, int vector, int errorCode) {
    String before = state();
    byte[] memory = map.memory().bytes().clone();
    assertFault(call, vector, errorCode);
    assertThat(state()).isEqualTo(before);
    byte[] after = map.memory().bytes();
    for (int n = 0; n < after.length; n++) {
      // Accessed bits may be set.
      if (after[n] != memory[n] && (n < GDT || n >= GDT + 0x100 || (after[n] ^ memory[n]) != 1)) {
        throw new AssertionError("byte %Xh has changed".formatted(n));
      }
    }
  }

  String state() {
    StringBuilder text = new StringBuilder();
    for (long register : cpu.gpr) {
      text.append(Long.toHexString(register)).append(' ');
    }
    for (int n = 0; n < 8; n++) {
      text.append(
          "%X:%X+%X/%X ".formatted(cpu.selector[n], cpu.base[n], cpu.limit[n], cpu.attributes[n]));
    }
    return text
        + "%X %X cpl%d cr0=%X %X %X %b"
            .formatted(
                cpu.rip, cpu.rflags(), cpu.cpl, cpu.cr0, cpu.cr3, cpu.cr4, cpu.interruptShadow);
  }
}
