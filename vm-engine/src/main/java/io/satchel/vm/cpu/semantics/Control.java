package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.CS;
import static io.satchel.vm.cpu.CpuState.RCX;
import static io.satchel.vm.cpu.CpuState.RSP;
import static io.satchel.vm.cpu.CpuState.SS;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.decode.Instruction;

/** Near transfers and NOP. */
public final class Control {

  private Control() {}

  /** PAUSE: what the code waits for is another processor's to do. */
  public static void pause(CpuState cpu, Instruction i) {
    if (cpu.yields) {
      cpu.kick();
    }
  }

  public static void nop(CpuState cpu, Instruction i) {}

  public static void undefined(CpuState cpu, Instruction i) {
    throw cpu.ud();
  }

  /** More than 15 bytes. */
  public static void tooLong(CpuState cpu, Instruction i) {
    throw cpu.gp(0);
  }

  /** Checks a near target against CS's limit, or its canonical form. */
  public static long target(CpuState cpu, Instruction i, long offset) {
    long target = Operands.truncate(offset, i.operandSize);
    if (cpu.code64() ? target << 16 >> 16 != target : target > cpu.limit[CS]) {
      throw cpu.gp(0);
    }
    return target;
  }

  public static void jmp(CpuState cpu, Instruction i) {
    cpu.rip = target(cpu, i, cpu.rip + i.immediate);
  }

  public static void jmpRm(CpuState cpu, Instruction i) {
    cpu.rip = target(cpu, i, Operands.loadRm(cpu, i, i.operandSize));
  }

  public static void jcc(CpuState cpu, Instruction i) {
    if (Conditions.test(cpu, i.row().opcode() & 15)) {
      jmp(cpu, i);
    }
  }

  public static void call(CpuState cpu, Instruction i) {
    call(cpu, i, target(cpu, i, cpu.rip + i.immediate));
  }

  public static void callRm(CpuState cpu, Instruction i) {
    call(cpu, i, target(cpu, i, Operands.loadRm(cpu, i, i.operandSize)));
  }

  private static void call(CpuState cpu, Instruction i, long target) {
    Operands.push(cpu, i.operandSize, cpu.rip);
    cpu.rip = target;
  }

  /** RET and RET Iw. */
  public static void ret(CpuState cpu, Instruction i) {
    int width = i.operandSize;
    int stackWidth = cpu.stackWidth();
    long top = Operands.truncate(cpu.gpr[RSP], stackWidth);
    long offset = cpu.mmu.read(Operands.linear(cpu, SS, top, width, false), width);
    cpu.rip = target(cpu, i, offset);
    Operands.setStackPointer(cpu, stackWidth, top + width + (i.immediate & 0xFFFF));
  }

  public static void jcxz(CpuState cpu, Instruction i) {
    if (Operands.truncate(cpu.gpr[RCX], i.addressSize) == 0) {
      jmp(cpu, i);
    }
  }

  public static void loop(CpuState cpu, Instruction i) {
    loop(cpu, i, true);
  }

  public static void loope(CpuState cpu, Instruction i) {
    loop(cpu, i, (cpu.arithmeticFlags() & CpuState.ZF) != 0);
  }

  public static void loopne(CpuState cpu, Instruction i) {
    loop(cpu, i, (cpu.arithmeticFlags() & CpuState.ZF) == 0);
  }

  private static void loop(CpuState cpu, Instruction i, boolean condition) {
    long count = Operands.truncate(cpu.gpr[RCX] - 1, i.addressSize);
    if (count != 0 && condition) {
      jmp(cpu, i);
    }
    Operands.setRegister(cpu, i, RCX, i.addressSize, count);
  }
}
