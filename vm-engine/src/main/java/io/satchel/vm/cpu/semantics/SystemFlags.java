package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.AC;
import static io.satchel.vm.cpu.CpuState.ARITHMETIC;
import static io.satchel.vm.cpu.CpuState.CR4_PVI;
import static io.satchel.vm.cpu.CpuState.CR4_VME;
import static io.satchel.vm.cpu.CpuState.DF;
import static io.satchel.vm.cpu.CpuState.ID;
import static io.satchel.vm.cpu.CpuState.IF;
import static io.satchel.vm.cpu.CpuState.IOPL;
import static io.satchel.vm.cpu.CpuState.NT;
import static io.satchel.vm.cpu.CpuState.RF;
import static io.satchel.vm.cpu.CpuState.TF;
import static io.satchel.vm.cpu.CpuState.VIF;
import static io.satchel.vm.cpu.CpuState.VIP;
import static io.satchel.vm.cpu.CpuState.VM;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.decode.Instruction;

/**
 * Instructions on IF and on the whole of EFLAGS, under the rules of IOPL, of the virtual-8086 mode
 * extensions (VME) and of protected-mode virtual interrupts (PVI) (SDM volume 3, sections 20.3 and
 * 20.4).
 */
public final class SystemFlags {

  /** What there is in FLAGS. */
  static final int LOW = ARITHMETIC | TF | IF | DF | IOPL | NT;

  /** What there is in EFLAGS. */
  static final int ALL = LOW | RF | VM | AC | VIF | VIP | ID;

  private SystemFlags() {}

  private static boolean mayChangeIf(CpuState cpu) {
    return cpu.realMode() || cpu.cpl <= cpu.iopl();
  }

  /** Whether CLI and STI work on VIF: VME in virtual-8086 mode, PVI in protected mode at CPL 3. */
  private static boolean virtualIf(CpuState cpu) {
    long enable = cpu.virtual8086() ? CR4_VME : CR4_PVI;
    return cpu.cpl == 3 && (cpu.cr4 & enable) != 0;
  }

  /** CLI. */
  public static void cli(CpuState cpu, Instruction i) {
    if (mayChangeIf(cpu)) {
      cpu.systemFlags &= ~IF;
    } else if (virtualIf(cpu)) {
      cpu.systemFlags &= ~VIF;
    } else {
      throw cpu.gp(0);
    }
  }

  /** STI: interrupts stay off for one instruction more when they were off. */
  public static void sti(CpuState cpu, Instruction i) {
    if (mayChangeIf(cpu)) {
      if ((cpu.systemFlags & IF) == 0) {
        cpu.interruptShadow = true;
      }
      cpu.systemFlags |= IF;
    } else if (virtualIf(cpu) && (cpu.systemFlags & VIP) == 0) {
      cpu.systemFlags |= VIF;
    } else {
      throw cpu.gp(0);
    }
  }

  /** CLAC: the supervisor keeps to its own pages. */
  public static void clac(CpuState cpu, Instruction i) {
    cpu.systemFlags &= ~AC;
  }

  /** STAC: the supervisor may use the pages of the user. */
  public static void stac(CpuState cpu, Instruction i) {
    cpu.systemFlags |= AC;
  }

  /** PUSHF, PUSHFD, PUSHFQ. */
  public static void pushf(CpuState cpu, Instruction i) {
    int flags = cpu.rflags() & ~(VM | RF);
    if (cpu.virtual8086() && cpu.iopl() < 3) {
      if ((cpu.cr4 & CR4_VME) == 0 || i.operandSize != 2) {
        throw cpu.gp(0);
      }
      flags = virtualImage(cpu);
    }
    Operands.push(cpu, i.operandSize, flags);
  }

  /** POPF, POPFD, POPFQ. */
  public static void popf(CpuState cpu, Instruction i) {
    boolean wide = i.operandSize != 2;
    boolean virtual = cpu.virtual8086() && cpu.iopl() < 3;
    if (virtual && ((cpu.cr4 & CR4_VME) == 0 || wide)) {
      throw cpu.gp(0);
    }
    int flags = (int) TargetStack.peek(cpu, 0, i.operandSize);
    if (virtual) {
      checkVirtual(cpu, flags);
      TargetStack.release(cpu, i.operandSize);
      setVirtual(cpu, flags);
      return;
    }
    TargetStack.release(cpu, i.operandSize);
    int mask = LOW & ~IF & ~IOPL | (wide ? AC | ID : 0);
    if (mayChangeIf(cpu)) {
      mask |= IF;
    }
    if (cpu.cpl == 0) {
      mask |= IOPL;
    }
    cpu.setRflags(flags & ~RF, wide ? mask | RF : mask);
  }

  /** FLAGS as virtual-8086 code under VME sees it: VIF in the place of IF, IOPL 3. */
  static int virtualImage(CpuState cpu) {
    int flags = cpu.rflags();
    return flags & ~IF | IOPL | ((flags & VIF) != 0 ? IF : 0);
  }

  /** #GP when virtual-8086 code under VME sets TF, or IF while an interrupt is pending in VIP. */
  static void checkVirtual(CpuState cpu, int flags) {
    if ((flags & TF) != 0 || (flags & IF) != 0 && (cpu.systemFlags & VIP) != 0) {
      throw cpu.gp(0);
    }
  }

  /** Takes over FLAGS as virtual-8086 code under VME means it: IF goes to VIF, IOPL stays. */
  static void setVirtual(CpuState cpu, int flags) {
    cpu.setRflags(flags, LOW & ~IF & ~IOPL);
    cpu.setRflags((flags & IF) != 0 ? VIF : 0, VIF);
  }

  /** HLT. */
  public static void hlt(CpuState cpu, Instruction i) {
    cpu.halted = true;
  }
}
