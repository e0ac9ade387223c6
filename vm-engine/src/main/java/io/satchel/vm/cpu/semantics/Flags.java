package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.AF;
import static io.satchel.vm.cpu.CpuState.CF;
import static io.satchel.vm.cpu.CpuState.DF;
import static io.satchel.vm.cpu.CpuState.OF;
import static io.satchel.vm.cpu.CpuState.PF;
import static io.satchel.vm.cpu.CpuState.RAX;
import static io.satchel.vm.cpu.CpuState.SF;
import static io.satchel.vm.cpu.CpuState.ZF;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.decode.Instruction;

/** Instructions on the arithmetic flags and DF. */
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
}
