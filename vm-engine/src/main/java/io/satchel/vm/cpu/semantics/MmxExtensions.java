package io.satchel.vm.cpu.semantics;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.FpuState;
import io.satchel.vm.cpu.decode.Instruction;

/** The instructions on MMX registers that SSE and SSSE3 added and that are not of two operands. */
public final class MmxExtensions {

  private MmxExtensions() {}

  /** PSHUFW. */
  public static void pshufw(CpuState cpu, Instruction i) {
    long value = Packed.pshufw(Mmx.source(cpu, i), (int) i.immediate);
    Mmx.enter(cpu.fpu);
    Mmx.put(cpu.fpu, i.reg, value);
  }

  /** PALIGNR. */
  public static void palignr(CpuState cpu, Instruction i) {
    FpuState f = cpu.fpu;
    long b = Mmx.source(cpu, i);
    Mmx.enter(f);
    Mmx.put(f, i.reg, Packed.palignr(f.significand[i.reg & 7], b, (int) i.immediate & 0xFF));
  }

  /** PINSRW. */
  public static void pinsrw(CpuState cpu, Instruction i) {
    FpuState f = cpu.fpu;
    long word = i.memory ? Operands.load(cpu, i, 0, 2) : cpu.gpr[i.rm] & 0xFFFF;
    int shift = 16 * ((int) i.immediate & 3);
    Mmx.enter(f);
    Mmx.put(f, i.reg, f.significand[i.reg & 7] & ~(0xFFFFL << shift) | word << shift);
  }

  /** PEXTRW. */
  public static void pextrw(CpuState cpu, Instruction i) {
    Mmx.enter(cpu.fpu);
    cpu.gpr[i.reg] = cpu.fpu.significand[i.rm & 7] >>> 16 * ((int) i.immediate & 3) & 0xFFFF;
  }

  /** PMOVMSKB. */
  public static void pmovmskb(CpuState cpu, Instruction i) {
    Mmx.enter(cpu.fpu);
    cpu.gpr[i.reg] = Packed.pmovmskb(cpu.fpu.significand[i.rm & 7]);
  }
}
