package io.satchel.vm.snapshot;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.FpuState;
import io.satchel.vm.cpu.LazyFlags;
import io.satchel.vm.device.Default;

/**
 * The architectural state of one processor, under the names of {@link CpuState}; a test holds the
 * two together. A component that is added takes a {@link Default}.
 *
 * @param gpr RAX to R15
 * @param intr the level of the INTR pin
 * @param nmi whether an NMI is pending
 */
public record CpuSnapshot(
    long[] gpr,
    long rip,
    int systemFlags,
    int flagRule,
    long flagA,
    long flagB,
    long flagResult,
    int[] selector,
    long[] base,
    long[] limit,
    int[] attributes,
    long gdtrBase,
    int gdtrLimit,
    long idtrBase,
    int idtrLimit,
    long cr0,
    long cr2,
    long cr3,
    long cr4,
    long efer,
    long[] dr,
    int cpl,
    boolean halted,
    boolean shutdown,
    long shutdownRip,
    int shutdownCs,
    boolean interruptShadow,
    int debugHits,
    boolean nmiBlocked,
    boolean a20,
    long instructions,
    long sysenterCs,
    long sysenterEsp,
    long sysenterEip,
    long apicBase,
    long pat,
    long tscOffset,
    @Default("0") long tscAdjust,
    long miscEnable,
    long[] mtrr,
    boolean ignne,
    boolean intr,
    boolean nmi,
    long xcr0,
    long star,
    long lstar,
    long cstar,
    long syscallMask,
    long kernelGsBase,
    long tscAux,
    long[] machineCheck,
    long[] eventSelect,
    long[] counter,
    long[] xmm,
    long[] ymmHigh,
    int mxcsr,
    Fpu fpu) {

  private static final int GENERAL_REGISTERS = 16;
  private static final int SEGMENTS = 8;

  /** The x87 and MMX registers, under the names of {@link FpuState}. */
  public record Fpu(
      long[] significand,
      int[] signExponent,
      int controlWord,
      int statusWord,
      int top,
      int empty,
      long instructionPointer,
      int instructionSelector,
      long operandPointer,
      int operandSelector,
      int opcode) {

    public Fpu {
      expect(significand.length == 8 && signExponent.length == 8, "x87 registers");
      expect(top >= 0 && top < 8, "the x87 stack's top");
    }

    static Fpu of(FpuState fpu) {
      return new Fpu(
          fpu.significand.clone(),
          fpu.signExponent.clone(),
          fpu.controlWord,
          fpu.statusWord,
          fpu.top,
          fpu.empty,
          fpu.instructionPointer,
          fpu.instructionSelector,
          fpu.operandPointer,
          fpu.operandSelector,
          fpu.opcode);
    }

    void restore(FpuState fpu) {
      copy(significand, fpu.significand);
      System.arraycopy(signExponent, 0, fpu.signExponent, 0, 8);
      fpu.controlWord = controlWord;
      fpu.statusWord = statusWord;
      fpu.top = top;
      fpu.empty = empty;
      fpu.instructionPointer = instructionPointer;
      fpu.instructionSelector = instructionSelector;
      fpu.operandPointer = operandPointer;
      fpu.operandSelector = operandSelector;
      fpu.opcode = opcode;
    }
  }

  public CpuSnapshot {
    expect(gpr.length == GENERAL_REGISTERS, "general registers");
    expect(selector.length == SEGMENTS && base.length == SEGMENTS, "segment registers");
    expect(limit.length == SEGMENTS && attributes.length == SEGMENTS, "segment registers");
    expect(dr.length == 8, "debug registers");
    expect(cpl >= 0 && cpl <= 3, "the privilege level");
    expect(flagRule >= 0 && flagRule < LazyFlags.MUL + 4, "the rule of the flags");
  }

  private static void expect(boolean holds, String what) {
    if (!holds) {
      throw new IllegalArgumentException(what);
    }
  }

  /** A processor's state now; it must not be executing. */
  public static CpuSnapshot of(CpuState cpu) {
    long[] gpr = new long[GENERAL_REGISTERS];
    System.arraycopy(cpu.gpr, 0, gpr, 0, GENERAL_REGISTERS);
    return new CpuSnapshot(
        gpr,
        cpu.rip,
        cpu.systemFlags,
        cpu.flagRule,
        cpu.flagA,
        cpu.flagB,
        cpu.flagResult,
        cpu.selector.clone(),
        cpu.base.clone(),
        cpu.limit.clone(),
        cpu.attributes.clone(),
        cpu.gdtrBase,
        cpu.gdtrLimit,
        cpu.idtrBase,
        cpu.idtrLimit,
        cpu.cr0,
        cpu.cr2,
        cpu.cr3,
        cpu.cr4,
        cpu.efer,
        cpu.dr.clone(),
        cpu.cpl,
        cpu.halted,
        cpu.shutdown,
        cpu.shutdownRip,
        cpu.shutdownCs,
        cpu.interruptShadow,
        cpu.debugHits,
        cpu.nmiBlocked,
        cpu.a20,
        cpu.instructions,
        cpu.sysenterCs,
        cpu.sysenterEsp,
        cpu.sysenterEip,
        cpu.apicBase,
        cpu.pat,
        cpu.tscOffset,
        cpu.tscAdjust,
        cpu.miscEnable,
        cpu.mtrr.clone(),
        cpu.ignne,
        (cpu.pending() & CpuState.PENDING_INTR) != 0,
        (cpu.pending() & CpuState.PENDING_NMI) != 0,
        cpu.xcr0,
        cpu.star,
        cpu.lstar,
        cpu.cstar,
        cpu.syscallMask,
        cpu.kernelGsBase,
        cpu.tscAux,
        cpu.machineCheck.clone(),
        cpu.eventSelect.clone(),
        cpu.counter.clone(),
        cpu.xmm.clone(),
        cpu.ymmHigh.clone(),
        cpu.mxcsr,
        Fpu.of(cpu.fpu));
  }

  /** Makes a processor this one; it forgets all translations of addresses. */
  public void restore(CpuState cpu) {
    copy(gpr, cpu.gpr);
    cpu.rip = rip;
    cpu.systemFlags = systemFlags;
    cpu.flagRule = flagRule;
    cpu.flagA = flagA;
    cpu.flagB = flagB;
    cpu.flagResult = flagResult;
    System.arraycopy(selector, 0, cpu.selector, 0, SEGMENTS);
    copy(base, cpu.base);
    copy(limit, cpu.limit);
    System.arraycopy(attributes, 0, cpu.attributes, 0, SEGMENTS);
    cpu.gdtrBase = gdtrBase;
    cpu.gdtrLimit = gdtrLimit;
    cpu.idtrBase = idtrBase;
    cpu.idtrLimit = idtrLimit;
    cpu.cr0 = cr0;
    cpu.cr2 = cr2;
    cpu.cr3 = cr3;
    cpu.cr4 = cr4;
    cpu.efer = efer;
    copy(dr, cpu.dr);
    cpu.cpl = cpl;
    cpu.halted = halted;
    cpu.shutdown = shutdown;
    cpu.shutdownRip = shutdownRip;
    cpu.shutdownCs = shutdownCs;
    cpu.interruptShadow = interruptShadow;
    cpu.debugHits = debugHits;
    cpu.nmiBlocked = nmiBlocked;
    cpu.a20 = a20;
    cpu.instructions = instructions;
    cpu.sysenterCs = sysenterCs;
    cpu.sysenterEsp = sysenterEsp;
    cpu.sysenterEip = sysenterEip;
    cpu.apicBase = apicBase;
    cpu.pat = pat;
    cpu.tscOffset = tscOffset;
    cpu.tscAdjust = tscAdjust;
    cpu.miscEnable = miscEnable;
    copy(mtrr, cpu.mtrr);
    cpu.ignne = ignne;
    cpu.setIntr(intr);
    if (nmi) {
      cpu.raiseNmi();
    } else {
      cpu.clearNmi();
    }
    cpu.xcr0 = xcr0;
    cpu.star = star;
    cpu.lstar = lstar;
    cpu.cstar = cstar;
    cpu.syscallMask = syscallMask;
    cpu.kernelGsBase = kernelGsBase;
    cpu.tscAux = tscAux;
    copy(machineCheck, cpu.machineCheck);
    copy(eventSelect, cpu.eventSelect);
    copy(counter, cpu.counter);
    copy(xmm, cpu.xmm);
    copy(ymmHigh, cpu.ymmHigh);
    cpu.mxcsr = mxcsr;
    fpu.restore(cpu.fpu);
    cpu.mmu.flushAll();
  }

  /** Fills {@code target}; what a shorter {@code source} lacks becomes 0. */
  private static void copy(long[] source, long[] target) {
    int length = Math.min(source.length, target.length);
    System.arraycopy(source, 0, target, 0, length);
    java.util.Arrays.fill(target, length, target.length, 0);
  }
}
