package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.CR0_EM;
import static io.satchel.vm.cpu.CpuState.CR0_NE;
import static io.satchel.vm.cpu.CpuState.CR0_TS;
import static io.satchel.vm.cpu.CpuState.CR4_OSFXSR;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;
import io.satchel.vm.cpu.decode.OpcodeMap.Row;
import io.satchel.vm.cpu.decode.OpcodeMap.Trait;

/** What a row's traits demand before its method runs. */
public final class Checks {

  private static final int ERROR_SUMMARY = 1 << 7;

  private Checks() {}

  /** Whether a row demands anything: engines may then skip the checks. */
  public static boolean needed(Row row) {
    return row.has(Trait.CPL0)
        || row.has(Trait.PROTECTED)
        || row.has(Trait.X87)
        || row.has(Trait.X87_NO_WAIT)
        || row.has(Trait.MMX)
        || row.has(Trait.SSE);
  }

  /** Throws the fault that the processor's state calls for. */
  public static void before(CpuState cpu, Row row) {
    if (row.has(Trait.PROTECTED) && !cpu.protectedMode()) {
      throw cpu.ud();
    }
    if (row.has(Trait.CPL0) && cpu.cpl != 0) {
      throw cpu.gp(0);
    }
    if (row.has(Trait.X87) || row.has(Trait.X87_NO_WAIT)) {
      if ((cpu.cr0 & (CR0_EM | CR0_TS)) != 0) {
        throw cpu.fault(GuestFault.NM, 0);
      }
      if (row.has(Trait.X87)) {
        pendingError(cpu);
      }
    } else if (row.has(Trait.MMX) || row.has(Trait.SSE)) {
      boolean sse = row.has(Trait.SSE);
      if ((cpu.cr0 & CR0_EM) != 0 || sse && (cpu.cr4 & CR4_OSFXSR) == 0) {
        throw cpu.ud();
      }
      if ((cpu.cr0 & CR0_TS) != 0) {
        throw cpu.fault(GuestFault.NM, 0);
      }
      if (!sse) {
        pendingError(cpu);
      }
    }
  }

  /** An unmasked x87 error is #MF, or an interrupt by way of FERR# (SDM volume 1, section 8.7). */
  private static void pendingError(CpuState cpu) {
    if ((cpu.fpu.statusWord & ERROR_SUMMARY) == 0) {
      return;
    }
    if ((cpu.cr0 & CR0_NE) != 0) {
      throw cpu.fault(GuestFault.MF, 0);
    }
    cpu.ferr.raise();
  }
}
