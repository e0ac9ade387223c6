package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.AF;
import static io.satchel.vm.cpu.CpuState.CF;
import static io.satchel.vm.cpu.CpuState.RAX;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;
import io.satchel.vm.cpu.LazyFlags;
import io.satchel.vm.cpu.decode.Instruction;

/** Decimal adjustments (SDM volume 2, DAA, DAS, AAA, AAS, AAM, AAD). */
public final class Decimal {

  private Decimal() {}

  public static void daa(CpuState cpu, Instruction i) {
    adjustPacked(cpu, 1);
  }

  public static void das(CpuState cpu, Instruction i) {
    adjustPacked(cpu, -1);
  }

  private static void adjustPacked(CpuState cpu, int direction) {
    int old = (int) cpu.gpr[RAX] & 0xFF;
    int flags = cpu.arithmeticFlags();
    int al = old;
    int result = 0;
    if ((old & 0xF) > 9 || (flags & AF) != 0) {
      al += 6 * direction;
      result |= AF;
      if (direction < 0 && al < 0) {
        result |= CF;
      }
    }
    if (old > 0x99 || (flags & CF) != 0) {
      al += 0x60 * direction;
      result |= CF;
    }
    setAl(cpu, al, result);
  }

  public static void aaa(CpuState cpu, Instruction i) {
    adjustUnpacked(cpu, 1);
  }

  public static void aas(CpuState cpu, Instruction i) {
    adjustUnpacked(cpu, -1);
  }

  private static void adjustUnpacked(CpuState cpu, int direction) {
    int ax = (int) cpu.gpr[RAX] & 0xFFFF;
    int result = 0;
    if ((ax & 0xF) > 9 || (cpu.arithmeticFlags() & AF) != 0) {
      ax += direction * 0x106;
      result = AF | CF;
    }
    cpu.gpr[RAX] = cpu.gpr[RAX] & ~0xFFFFL | ax & 0xFF0F;
    cpu.setArithmeticFlags(resultFlags(ax & 0xF) | result);
  }

  public static void aam(CpuState cpu, Instruction i) {
    int radix = (int) i.immediate & 0xFF;
    if (radix == 0) {
      throw cpu.fault(GuestFault.DE, 0);
    }
    int al = (int) cpu.gpr[RAX] & 0xFF;
    cpu.gpr[RAX] = cpu.gpr[RAX] & ~0xFFFFL | al / radix << 8 | al % radix;
    cpu.setArithmeticFlags(resultFlags(al % radix));
  }

  public static void aad(CpuState cpu, Instruction i) {
    int ax = (int) cpu.gpr[RAX];
    int al = (ax & 0xFF) + (ax >>> 8 & 0xFF) * ((int) i.immediate & 0xFF) & 0xFF;
    cpu.gpr[RAX] = cpu.gpr[RAX] & ~0xFFFFL | al;
    cpu.setArithmeticFlags(resultFlags(al));
  }

  private static void setAl(CpuState cpu, int al, int flags) {
    cpu.gpr[RAX] = cpu.gpr[RAX] & ~0xFFL | al & 0xFF;
    cpu.setArithmeticFlags(resultFlags(al & 0xFF) | flags);
  }

  /** SF, ZF and PF of a byte. */
  private static int resultFlags(int al) {
    return LazyFlags.all(LazyFlags.LOGIC, 0, 0, al);
  }
}
