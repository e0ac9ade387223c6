package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.CR4_FSGSBASE;
import static io.satchel.vm.cpu.CpuState.GS;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.decode.Effect;
import io.satchel.vm.cpu.decode.Instruction;

/** The bases of FS and GS in 64-bit code: SWAPGS, RDFSBASE and its kin (SDM volume 2). */
public final class SegmentBases {

  private SegmentBases() {}

  /** SWAPGS. */
  public static void swapgs(CpuState cpu, Instruction i) {
    long base = cpu.base[GS];
    cpu.base[GS] = cpu.kernelGsBase;
    cpu.kernelGsBase = base;
  }

  /** RDFSBASE, RDGSBASE. */
  public static Effect read(int segment) {
    return (cpu, i) -> {
      check(cpu);
      Operands.setRegister(cpu, i, i.rm, width(i), cpu.base[segment]);
    };
  }

  /** WRFSBASE, WRGSBASE. */
  public static Effect write(int segment) {
    return (cpu, i) -> {
      check(cpu);
      long base = Operands.register(cpu, i, i.rm, width(i));
      if (!Descriptors.isCanonical(base)) {
        throw cpu.gp(0);
      }
      cpu.base[segment] = base;
    };
  }

  /** 4 or 8: a prefix 66 does not count. */
  private static int width(Instruction i) {
    return Math.max(4, i.operandSize);
  }

  private static void check(CpuState cpu) {
    if ((cpu.cr4 & CR4_FSGSBASE) == 0) {
      throw cpu.ud();
    }
  }
}
