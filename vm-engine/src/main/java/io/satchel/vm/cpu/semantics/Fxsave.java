package io.satchel.vm.cpu.semantics;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.FpuState;
import io.satchel.vm.cpu.GuestFault;
import io.satchel.vm.cpu.decode.Instruction;

/** FXSAVE and FXRSTOR: the 512-byte image (Intel SDM volume 1, section 10.5, table 10-2). */
public final class Fxsave {

  private static final int ALIGNMENT = 16;
  private static final int FCW = 0;
  private static final int FSW = 2;
  private static final int FTW = 4;
  private static final int FOP = 6;
  private static final int FIP = 8;
  private static final int FCS = 12;
  private static final int FDP = 16;
  private static final int FDS = 20;
  private static final int MXCSR = 24;
  private static final int MXCSR_MASK = 28;
  private static final int ST = 32;
  private static final int XMM = 160;

  /** MXCSR_MASK: the bits that MXCSR has, denormals-are-zeros included. */
  public static final int MXCSR_BITS = 0xFFFF;

  private Fxsave() {}

  /** #NM by CR0.EM or CR0.TS, #GP(0) when not on a 16-byte boundary. */
  private static void check(CpuState cpu, Instruction i) {
    X87.checkNoWait(cpu);
    long linear = Operands.linear(cpu, i.segment, Operands.offset(cpu, i), 1, false);
    if ((linear & ALIGNMENT - 1) != 0) {
      throw cpu.fault(GuestFault.GP, 0);
    }
  }

  private static boolean wide(CpuState cpu, Instruction i) {
    return cpu.code64() && i.operandSize == 8;
  }

  /** XMM0 to XMM7, in 64-bit code to XMM15; none without CR4.OSFXSR. */
  private static int xmmRegisters(CpuState cpu) {
    return (cpu.cr4 & CpuState.CR4_OSFXSR) == 0 ? 0 : cpu.code64() ? 16 : 8;
  }

  /** FXSAVE: no pending error stops it. */
  public static void fxsave(CpuState cpu, Instruction i) {
    check(cpu, i);
    int registers = xmmRegisters(cpu);
    // The image spans two pages at most.
    Operands.checkStore(cpu, i, 0, 8);
    Operands.checkStore(cpu, i, XMM + 16 * registers - 8, 8);
    storeX87(cpu, i);
    storeMxcsr(cpu, i);
    storeXmm(cpu, i, registers);
  }

  /** The x87 part of the image, in the format for 64 bits with REX.W. */
  static void storeX87(CpuState cpu, Instruction i) {
    FpuState f = cpu.fpu;
    Operands.store(cpu, i, FCW, 2, f.controlWord);
    Operands.store(cpu, i, FSW, 2, X87.statusWord(f));
    Operands.store(cpu, i, FTW, 2, ~f.empty & 0xFF);
    Operands.store(cpu, i, FOP, 2, f.opcode);
    if (wide(cpu, i)) {
      Operands.store(cpu, i, FIP, 8, f.instructionPointer);
      Operands.store(cpu, i, FDP, 8, f.operandPointer);
    } else {
      Operands.store(cpu, i, FIP, 4, f.instructionPointer);
      Operands.store(cpu, i, FCS, 4, f.instructionSelector);
      Operands.store(cpu, i, FDP, 4, f.operandPointer);
      Operands.store(cpu, i, FDS, 4, f.operandSelector);
    }
    for (int n = 0; n < 8; n++) {
      int p = f.top + n & 7;
      Operands.store(cpu, i, ST + 16 * n, 8, f.significand[p]);
      Operands.store(cpu, i, ST + 16 * n + 8, 8, f.signExponent[p]);
    }
  }

  static void storeMxcsr(CpuState cpu, Instruction i) {
    Operands.store(cpu, i, MXCSR, 4, cpu.mxcsr);
    Operands.store(cpu, i, MXCSR_MASK, 4, MXCSR_BITS);
  }

  static void storeXmm(CpuState cpu, Instruction i, int registers) {
    for (int n = 0; n < 2 * registers; n++) {
      Operands.store(cpu, i, XMM + 8 * n, 8, cpu.xmm[n]);
    }
  }

  /** FXRSTOR: #GP(0) for a reserved bit of MXCSR. */
  public static void fxrstor(CpuState cpu, Instruction i) {
    check(cpu, i);
    int registers = xmmRegisters(cpu);
    int mxcsr = (int) Operands.load(cpu, i, MXCSR, 4);
    Operands.load(cpu, i, XMM + 16 * registers - 8, 8);
    if (registers != 0 && (mxcsr & ~MXCSR_BITS) != 0) {
      throw cpu.fault(GuestFault.GP, 0);
    }
    loadX87(cpu, i);
    if (registers != 0) {
      cpu.mxcsr = mxcsr;
      loadXmm(cpu, i, registers);
    }
  }

  static void loadX87(CpuState cpu, Instruction i) {
    FpuState f = cpu.fpu;
    int control = (int) Operands.load(cpu, i, FCW, 2);
    int status = (int) Operands.load(cpu, i, FSW, 2);
    f.empty = ~(int) Operands.load(cpu, i, FTW, 1) & 0xFF;
    f.opcode = (int) Operands.load(cpu, i, FOP, 2) & 0x7FF;
    if (wide(cpu, i)) {
      f.instructionPointer = Operands.load(cpu, i, FIP, 8);
      f.instructionSelector = 0;
      f.operandPointer = Operands.load(cpu, i, FDP, 8);
      f.operandSelector = 0;
    } else {
      f.instructionPointer = Operands.load(cpu, i, FIP, 4);
      f.instructionSelector = (int) Operands.load(cpu, i, FCS, 2);
      f.operandPointer = Operands.load(cpu, i, FDP, 4);
      f.operandSelector = (int) Operands.load(cpu, i, FDS, 2);
    }
    X87.setControl(cpu, control);
    X87.setStatus(cpu, status);
    for (int n = 0; n < 8; n++) {
      int p = f.top + n & 7;
      f.significand[p] = Operands.load(cpu, i, ST + 16 * n, 8);
      f.signExponent[p] = (int) Operands.load(cpu, i, ST + 16 * n + 8, 2);
    }
  }

  /** MXCSR of the image; #GP(0) for a reserved bit. */
  static int mxcsr(CpuState cpu, Instruction i) {
    int mxcsr = (int) Operands.load(cpu, i, MXCSR, 4);
    if ((mxcsr & ~MXCSR_BITS) != 0) {
      throw cpu.fault(GuestFault.GP, 0);
    }
    return mxcsr;
  }

  static void loadXmm(CpuState cpu, Instruction i, int registers) {
    for (int n = 0; n < 2 * registers; n++) {
      cpu.xmm[n] = Operands.load(cpu, i, XMM + 8 * n, 8);
    }
  }
}
