package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.AC;
import static io.satchel.vm.cpu.CpuState.AF;
import static io.satchel.vm.cpu.CpuState.ARITHMETIC;
import static io.satchel.vm.cpu.CpuState.CF;
import static io.satchel.vm.cpu.CpuState.CR4_PVI;
import static io.satchel.vm.cpu.CpuState.CR4_VME;
import static io.satchel.vm.cpu.CpuState.DF;
import static io.satchel.vm.cpu.CpuState.ID;
import static io.satchel.vm.cpu.CpuState.IF;
import static io.satchel.vm.cpu.CpuState.IOPL;
import static io.satchel.vm.cpu.CpuState.NT;
import static io.satchel.vm.cpu.CpuState.OF;
import static io.satchel.vm.cpu.CpuState.PF;
import static io.satchel.vm.cpu.CpuState.RAX;
import static io.satchel.vm.cpu.CpuState.RF;
import static io.satchel.vm.cpu.CpuState.SF;
import static io.satchel.vm.cpu.CpuState.TF;
import static io.satchel.vm.cpu.CpuState.VIF;
import static io.satchel.vm.cpu.CpuState.VIP;
import static io.satchel.vm.cpu.CpuState.VM;
import static io.satchel.vm.cpu.CpuState.ZF;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.decode.Instruction;

/** Instructions on RFLAGS (SDM volume 2, PUSHF, POPF, CLI, STI; volume 3, section 20.3, VME). */
public final class Flags {

  private Flags() {}

  public static void clc(CpuState cpu, Instruction i) {
    cpu.setArithmeticFlags(cpu.arithmeticFlags() & ~CF);
  }

  public static void stc(CpuState cpu, Instruction i) {
    cpu.setArithmeticFlags(cpu.arithmeticFlags() | CF);
  }

  public static void cmc(CpuState cpu, Instruction i) {
    cpu.setArithmeticFlags(cpu.arithmeticFlags() ^ CF);
  }

  public static void cld(CpuState cpu, Instruction i) {
    cpu.systemFlags &= ~DF;
  }

  public static void std(CpuState cpu, Instruction i) {
    cpu.systemFlags |= DF;
  }

  public static void lahf(CpuState cpu, Instruction i) {
    long flags = cpu.arithmeticFlags() & 0xFF | 2;
    cpu.gpr[RAX] = cpu.gpr[RAX] & ~0xFF00L | flags << 8;
  }

  public static void sahf(CpuState cpu, Instruction i) {
    int low = SF | ZF | AF | PF | CF;
    cpu.setArithmeticFlags(cpu.arithmeticFlags() & OF | (int) (cpu.gpr[RAX] >>> 8) & low);
  }

  /** SALC: AL becomes FFh or 0 by CF; undocumented on old processors, and used by DOS programs. */
  public static void salc(CpuState cpu, Instruction i) {
    cpu.gpr[RAX] = cpu.gpr[RAX] & ~0xFFL | -cpu.carry() & 0xFF;
  }

  public static void cli(CpuState cpu, Instruction i) {
    if (cpu.realMode() || cpu.iopl() >= cpu.cpl) {
      cpu.systemFlags &= ~IF;
    } else if (virtualInterrupts(cpu)) {
      cpu.systemFlags &= ~VIF;
    } else {
      throw cpu.gp(0);
    }
  }

  public static void sti(CpuState cpu, Instruction i) {
    if (cpu.realMode() || cpu.iopl() >= cpu.cpl) {
      cpu.interruptShadow = (cpu.systemFlags & IF) == 0;
      cpu.systemFlags |= IF;
    } else if (virtualInterrupts(cpu) && (cpu.systemFlags & VIP) == 0) {
      cpu.systemFlags |= VIF;
    } else {
      throw cpu.gp(0);
    }
  }

  private static boolean virtualInterrupts(CpuState cpu) {
    return cpu.virtual8086() ? (cpu.cr4 & CR4_VME) != 0 : cpu.cpl == 3 && (cpu.cr4 & CR4_PVI) != 0;
  }

  public static void pushf(CpuState cpu, Instruction i) {
    int flags = cpu.rflags() & ~(VM | RF);
    if (cpu.virtual8086() && cpu.iopl() < 3) {
      if (i.operandSize != 2 || (cpu.cr4 & CR4_VME) == 0) {
        throw cpu.gp(0);
      }
      boolean virtual = (cpu.systemFlags & VIF) != 0;
      flags = flags & ~IF | IOPL | (virtual ? IF : 0);
    }
    Operands.push(cpu, i.operandSize, flags);
  }

  public static void popf(CpuState cpu, Instruction i) {
    int width = i.operandSize;
    int mask = ARITHMETIC | TF | DF | NT | AC | ID;
    boolean virtual = false;
    if (cpu.virtual8086()) {
      if (cpu.iopl() == 3) {
        mask |= IF;
      } else if (width == 2 && (cpu.cr4 & CR4_VME) != 0) {
        virtual = true;
      } else {
        throw cpu.gp(0);
      }
    } else if (cpu.cpl == 0 || cpu.realMode()) {
      mask |= IOPL | IF;
    } else if (cpu.cpl <= cpu.iopl()) {
      mask |= IF;
    }
    if (virtual) {
      long peeked = peek(cpu, width);
      boolean wantsInterrupts = (peeked & IF) != 0;
      if ((peeked & TF) != 0 || wantsInterrupts && (cpu.systemFlags & VIP) != 0) {
        throw cpu.gp(0);
      }
      Operands.pop(cpu, width);
      cpu.setRflags((int) peeked, mask & 0xFFFF);
      cpu.systemFlags = cpu.systemFlags & ~VIF | (wantsInterrupts ? VIF : 0);
      return;
    }
    int flags = (int) Operands.pop(cpu, width);
    cpu.setRflags(flags, width == 2 ? mask & 0xFFFF : mask);
    cpu.systemFlags &= ~RF;
  }

  private static long peek(CpuState cpu, int width) {
    long top = Operands.truncate(cpu.gpr[CpuState.RSP], cpu.stackWidth());
    return cpu.mmu.read(Operands.linear(cpu, CpuState.SS, top, width, false), width);
  }
}
