package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.RBP;
import static io.satchel.vm.cpu.CpuState.RSP;
import static io.satchel.vm.cpu.CpuState.SS;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.decode.Instruction;

/** PUSH, POP and the frames built from them. */
public final class Stack {

  private Stack() {}

  public static void pushRegister(CpuState cpu, Instruction i) {
    Operands.push(cpu, i.operandSize, cpu.gpr[i.rm]);
  }

  public static void popRegister(CpuState cpu, Instruction i) {
    Operands.setRegister(cpu, i, i.rm, i.operandSize, Operands.pop(cpu, i.operandSize));
  }

  public static void pushRm(CpuState cpu, Instruction i) {
    Operands.push(cpu, i.operandSize, Operands.loadRm(cpu, i, i.operandSize));
  }

  /** An ESP in the destination's address is the one after the pop. */
  public static void popRm(CpuState cpu, Instruction i) {
    long oldTop = cpu.gpr[RSP];
    long value = Operands.pop(cpu, i.operandSize);
    if (i.memory) {
      long newTop = cpu.gpr[RSP];
      long linear;
      try {
        linear = Operands.linear(cpu, i.segment, Operands.offset(cpu, i), i.operandSize, true);
        cpu.mmu.checkWrite(linear, i.operandSize);
      } finally {
        cpu.gpr[RSP] = oldTop;
      }
      cpu.mmu.write(linear, i.operandSize, value);
      cpu.gpr[RSP] = newTop;
    } else {
      Operands.setRegister(cpu, i, i.rm, i.operandSize, value);
    }
  }

  public static void pushImmediate(CpuState cpu, Instruction i) {
    Operands.push(cpu, i.operandSize, i.immediate);
  }

  public static void pusha(CpuState cpu, Instruction i) {
    int width = i.operandSize;
    int stackWidth = cpu.stackWidth();
    long top = cpu.gpr[RSP];
    for (int register = 0; register < 8; register++) {
      long at = Operands.truncate(top - (register + 1) * width, stackWidth);
      cpu.mmu.checkWrite(Operands.linear(cpu, SS, at, width, true), width);
    }
    for (int register = 0; register < 8; register++) {
      long at = Operands.truncate(top - (register + 1) * width, stackWidth);
      cpu.mmu.write(Operands.linear(cpu, SS, at, width, true), width, cpu.gpr[register]);
    }
    Operands.setStackPointer(cpu, stackWidth, top - 8 * width);
  }

  public static void popa(CpuState cpu, Instruction i) {
    int width = i.operandSize;
    int stackWidth = cpu.stackWidth();
    long top = cpu.gpr[RSP];
    // The last operand is read first, so that a fault finds the registers unchanged.
    for (int register = 0; register < 8; register += 7) {
      stackSlot(cpu, top, register, width, stackWidth);
    }
    long[] gpr = cpu.gpr;
    for (int register = 7; register >= 0; register--) {
      if (register != RSP) {
        long value = stackSlot(cpu, top, 7 - register, width, stackWidth);
        gpr[register] = width == 2 ? gpr[register] & ~0xFFFFL | value : value;
      }
    }
    Operands.setStackPointer(cpu, stackWidth, top + 8 * width);
  }

  private static long stackSlot(CpuState cpu, long top, int slot, int width, int stackWidth) {
    long at = Operands.truncate(top + slot * width, stackWidth);
    return cpu.mmu.read(Operands.linear(cpu, SS, at, width, false), width);
  }

  public static void enter(CpuState cpu, Instruction i) {
    int width = i.operandSize;
    int stackWidth = cpu.stackWidth();
    int level = i.immediate2 & 31;
    long oldTop = cpu.gpr[RSP];
    boolean done = false;
    try {
      Operands.push(cpu, width, cpu.gpr[RBP]);
      long frame = cpu.gpr[RSP];
      if (level > 0) {
        long link = cpu.gpr[RBP];
        for (int n = 1; n < level; n++) {
          link = Operands.truncate(link - width, stackWidth);
          long linear = Operands.linear(cpu, SS, link, width, false);
          Operands.push(cpu, width, cpu.mmu.read(linear, width));
        }
        Operands.push(cpu, width, frame);
      }
      long top = Operands.truncate(cpu.gpr[RSP] - i.immediate, stackWidth);
      // The new top must be writable although nothing is stored there.
      cpu.mmu.checkWrite(Operands.linear(cpu, SS, top, 1, true), 1);
      Operands.setStackPointer(cpu, stackWidth, top);
      Operands.setRegister(cpu, i, RBP, width, frame);
      done = true;
    } finally {
      if (!done) {
        cpu.gpr[RSP] = oldTop;
      }
    }
  }

  public static void leave(CpuState cpu, Instruction i) {
    int width = i.operandSize;
    int stackWidth = cpu.stackWidth();
    long frame = Operands.truncate(cpu.gpr[RBP], stackWidth);
    long value = cpu.mmu.read(Operands.linear(cpu, SS, frame, width, false), width);
    Operands.setStackPointer(cpu, stackWidth, frame + width);
    Operands.setRegister(cpu, i, RBP, width, value);
  }
}
