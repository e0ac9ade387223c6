package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.CR0_EM;
import static io.satchel.vm.cpu.CpuState.CR0_TS;
import static io.satchel.vm.cpu.CpuState.CR4_OSFXSR;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;
import io.satchel.vm.cpu.decode.OpcodeMap.Row;
import io.satchel.vm.cpu.decode.OpcodeMap.Trait;

/** What a row's traits demand before its method runs. */
public final class Checks {

  private Checks() {}

  /** Whether a row demands anything: engines may then skip the checks. */
  public static boolean needed(Row row) {
    return row.has(Trait.CPL0)
        || row.has(Trait.CPL0_UD)
        || row.has(Trait.PROTECTED)
        || row.has(Trait.X87)
        || row.has(Trait.X87_NO_WAIT)
        || row.has(Trait.MMX)
        || row.has(Trait.SSE)
        || row.has(Trait.AVX);
  }

  /** Throws the fault that the processor's state calls for. */
  public static void before(CpuState cpu, Row row) {
    if (row.has(Trait.SSE)) {
      if ((cpu.cr0 & CR0_EM) != 0 || (cpu.cr4 & CR4_OSFXSR) == 0) {
        throw cpu.ud();
      }
      X87.checkNoWait(cpu);
      if (!row.has(Trait.MMX)) {
        return;
      }
    }
    if (row.has(Trait.AVX)) {
      if (!cpu.protectedMode() || !cpu.avxEnabled()) {
        throw cpu.ud();
      }
      if ((cpu.cr0 & CR0_TS) != 0) {
        throw cpu.fault(GuestFault.NM, 0);
      }
      return;
    }
    if (row.has(Trait.PROTECTED) && !cpu.protectedMode()
        || row.has(Trait.CPL0_UD) && cpu.cpl != 0) {
      throw cpu.ud();
    }
    if (row.has(Trait.CPL0) && cpu.cpl != 0) {
      throw cpu.gp(0);
    }
    if (row.has(Trait.X87)) {
      X87.check(cpu);
    } else if (row.has(Trait.X87_NO_WAIT)) {
      X87.checkNoWait(cpu);
    } else if (row.has(Trait.MMX)) {
      Mmx.check(cpu);
    }
  }
}
