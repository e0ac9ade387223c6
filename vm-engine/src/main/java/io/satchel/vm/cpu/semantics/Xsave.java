package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.CR0_TS;
import static io.satchel.vm.cpu.CpuState.CR4_OSXSAVE;
import static io.satchel.vm.cpu.CpuState.RAX;
import static io.satchel.vm.cpu.CpuState.RCX;
import static io.satchel.vm.cpu.CpuState.RDX;

import io.satchel.vm.cpu.CpuModel.Feature;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.FpuState;
import io.satchel.vm.cpu.GuestFault;
import io.satchel.vm.cpu.decode.Instruction;
import java.util.Arrays;

/**
 * XSAVE and its kin: the state by components (SDM volume 1, chapter 13). All components count as in
 * use, so that XSAVEOPT and XSAVEC save what is asked for. In the compacted form the upper halves
 * of YMM, the only component behind the header, lie where the standard form has them.
 */
public final class Xsave {

  private static final long FPU = 1;
  private static final long SSE = 1 << 1;
  private static final long AVX = 1 << 2;
  private static final long COMPACTED = 1L << 63;

  private static final int ALIGNMENT = 64;
  private static final int XSTATE_BV = 512;
  private static final int XCOMP_BV = 520;
  private static final int HEADER_END = 576;
  private static final int YMM = 576;

  private Xsave() {}

  private static void check(CpuState cpu) {
    if ((cpu.cr4 & CR4_OSXSAVE) == 0) {
      throw cpu.ud();
    }
    if ((cpu.cr0 & CR0_TS) != 0) {
      throw cpu.fault(GuestFault.NM, 0);
    }
  }

  private static long requested(CpuState cpu) {
    return (cpu.gpr[RDX] << 32 | cpu.gpr[RAX] & 0xFFFF_FFFFL) & cpu.xcr0;
  }

  private static void checkAlignment(CpuState cpu, Instruction i) {
    long linear = Operands.linear(cpu, i.segment, Operands.offset(cpu, i), 1, false);
    if ((linear & ALIGNMENT - 1) != 0) {
      throw cpu.gp(0);
    }
  }

  private static int registers(CpuState cpu) {
    return cpu.code64() ? 16 : 8;
  }

  /** XGETBV. */
  public static void xgetbv(CpuState cpu, Instruction i) {
    if ((cpu.cr4 & CR4_OSXSAVE) == 0) {
      throw cpu.ud();
    }
    int number = (int) cpu.gpr[RCX];
    if (number != 0 && !(number == 1 && cpu.model.has(Feature.XGETBV1))) {
      throw cpu.gp(0);
    }
    cpu.gpr[RAX] = cpu.xcr0 & 0xFFFF_FFFFL;
    cpu.gpr[RDX] = cpu.xcr0 >>> 32;
  }

  /** XSETBV. */
  public static void xsetbv(CpuState cpu, Instruction i) {
    if ((cpu.cr4 & CR4_OSXSAVE) == 0) {
      throw cpu.ud();
    }
    long value = cpu.gpr[RDX] << 32 | cpu.gpr[RAX] & 0xFFFF_FFFFL;
    if ((int) cpu.gpr[RCX] != 0
        || (value & ~cpu.model.xcr0Mask()) != 0
        || (value & FPU) == 0
        || (value & (SSE | AVX)) == AVX) {
      throw cpu.gp(0);
    }
    cpu.xcr0 = value;
  }

  /** XSAVE. */
  public static void xsave(CpuState cpu, Instruction i) {
    save(cpu, i, false);
  }

  /** XSAVEOPT. */
  public static void xsaveopt(CpuState cpu, Instruction i) {
    save(cpu, i, false);
  }

  /** XSAVEC. */
  public static void xsavec(CpuState cpu, Instruction i) {
    save(cpu, i, true);
  }

  private static void save(CpuState cpu, Instruction i, boolean compacted) {
    check(cpu);
    checkAlignment(cpu, i);
    long components = requested(cpu);
    int registers = registers(cpu);
    // The image spans two pages at most.
    int size = (components & AVX) != 0 ? YMM + 16 * registers : HEADER_END;
    Operands.checkStore(cpu, i, 0, 8);
    Operands.checkStore(cpu, i, size - 8, 8);
    if ((components & FPU) != 0) {
      Fxsave.storeX87(cpu, i);
    }
    if ((components & (compacted ? SSE : SSE | AVX)) != 0) {
      Fxsave.storeMxcsr(cpu, i);
    }
    if ((components & SSE) != 0) {
      Fxsave.storeXmm(cpu, i, registers);
    }
    if ((components & AVX) != 0) {
      for (int n = 0; n < 2 * registers; n++) {
        Operands.store(cpu, i, YMM + 8 * n, 8, cpu.ymmHigh[n]);
      }
    }
    if (compacted) {
      Operands.store(cpu, i, XSTATE_BV, 8, components);
      Operands.store(cpu, i, XCOMP_BV, 8, components | COMPACTED);
    } else {
      long others = Operands.load(cpu, i, XSTATE_BV, 8) & ~components;
      Operands.store(cpu, i, XSTATE_BV, 8, others | components);
    }
  }

  /** XRSTOR. */
  public static void xrstor(CpuState cpu, Instruction i) {
    check(cpu);
    checkAlignment(cpu, i);
    long present = Operands.load(cpu, i, XSTATE_BV, 8);
    long layout = Operands.load(cpu, i, XCOMP_BV, 8);
    boolean compacted = (layout & COMPACTED) != 0;
    if (compacted && !cpu.model.has(Feature.XSAVEC)
        || compacted && (layout & ~COMPACTED & ~cpu.xcr0) != 0
        || compacted && (present & ~layout) != 0
        || !compacted && (layout != 0 || (present & ~cpu.xcr0) != 0)) {
      throw cpu.gp(0);
    }
    int lastReserved = compacted ? HEADER_END : XCOMP_BV + 16;
    for (int at = XCOMP_BV + 8; at < lastReserved; at += 8) {
      if (Operands.load(cpu, i, at, 8) != 0) {
        throw cpu.gp(0);
      }
    }
    long components = requested(cpu);
    int registers = registers(cpu);
    if ((components & present & AVX) != 0) {
      Operands.load(cpu, i, YMM + 16 * registers - 8, 8);
    }
    restore(cpu, i, components, present, compacted, registers);
  }

  private static void restore(
      CpuState cpu,
      Instruction i,
      long components,
      long present,
      boolean compacted,
      int registers) {
    int mxcsr = cpu.mxcsr;
    if (compacted) {
      if ((components & SSE) != 0) {
        mxcsr = (present & SSE) != 0 ? Fxsave.mxcsr(cpu, i) : CpuState.MXCSR_RESET;
      }
    } else if ((components & (SSE | AVX)) != 0) {
      mxcsr = Fxsave.mxcsr(cpu, i);
    }
    if ((components & FPU) != 0) {
      if ((present & FPU) != 0) {
        Fxsave.loadX87(cpu, i);
      } else {
        initialize(cpu);
      }
    }
    if ((components & SSE) != 0) {
      if ((present & SSE) != 0) {
        Fxsave.loadXmm(cpu, i, registers);
      } else {
        Arrays.fill(cpu.xmm, 0, 2 * registers, 0);
      }
    }
    if ((components & AVX) != 0) {
      for (int n = 0; n < 2 * registers; n++) {
        cpu.ymmHigh[n] = (present & AVX) != 0 ? Operands.load(cpu, i, YMM + 8 * n, 8) : 0;
      }
    }
    cpu.mxcsr = mxcsr;
  }

  /** The initial configuration of x87: as after FNINIT, registers and pointers zero. */
  private static void initialize(CpuState cpu) {
    FpuState f = cpu.fpu;
    f.reset();
    X87.init(cpu);
  }
}
