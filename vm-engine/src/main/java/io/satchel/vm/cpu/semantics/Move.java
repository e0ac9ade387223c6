package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.RAX;
import static io.satchel.vm.cpu.CpuState.RBX;
import static io.satchel.vm.cpu.CpuState.RDX;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.decode.Instruction;

/** Moves and conversions. */
public final class Move {

  /** MOV, and MOVZX, whose source comes zero-extended. */
  public static final Value MOV = Value.copy(Move.class, "mov", Move::mov);

  public static final Value MOVSX = Value.extend(Move.class, "movsx", Operands::signExtend);

  private Move() {}

  public static long mov(long a) {
    return a;
  }

  public static long movsx(long a, int width) {
    return Operands.signExtend(a, width);
  }

  public static void lea(CpuState cpu, Instruction i) {
    Operands.setRegister(cpu, i, i.reg, i.operandSize, Operands.offset(cpu, i));
  }

  /** CBW, CWDE, CDQE. */
  public static void cbw(CpuState cpu, Instruction i) {
    int width = i.operandSize;
    Operands.setRegister(cpu, i, RAX, width, Operands.signExtend(cpu.gpr[RAX], width / 2));
  }

  /** CWD, CDQ, CQO. */
  public static void cwd(CpuState cpu, Instruction i) {
    int width = i.operandSize;
    Operands.setRegister(cpu, i, RDX, width, Operands.signExtend(cpu.gpr[RAX], width) >> 63);
  }

  public static void xlat(CpuState cpu, Instruction i) {
    long offset = Operands.truncate(cpu.gpr[RBX] + (cpu.gpr[RAX] & 0xFF), i.addressSize);
    long linear = Operands.linear(cpu, i.segment, offset, 1, false);
    cpu.gpr[RAX] = cpu.gpr[RAX] & ~0xFFL | cpu.mmu.read(linear, 1);
  }

  /** CMOVcc: the source is read whatever the condition. */
  public static void cmov(CpuState cpu, Instruction i) {
    int width = i.operandSize;
    long value = Operands.loadRm(cpu, i, width);
    if (!Conditions.test(cpu, i.row().opcode() & 15)) {
      // A 32-bit destination's upper half is cleared even so.
      value = cpu.gpr[i.reg];
    }
    Operands.setRegister(cpu, i, i.reg, width, value);
  }

  public static void setcc(CpuState cpu, Instruction i) {
    Operands.storeRm(cpu, i, 1, Conditions.test(cpu, i.row().opcode() & 15) ? 1 : 0);
  }
}
