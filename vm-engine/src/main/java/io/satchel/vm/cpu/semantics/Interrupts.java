package io.satchel.vm.cpu.semantics;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;

/** Seam until delivery is merged. */
public final class Interrupts {
  private Interrupts() {}

  public static void exception(CpuState cpu, GuestFault fault) {
    cpu.shutdown = true;
    cpu.shutdownRip = cpu.rip;
    cpu.shutdownCs = cpu.selector[CpuState.CS];
  }

  public static void external(CpuState cpu, int vector) {}

  public static void nmi(CpuState cpu) {}

  public static void debug(CpuState cpu, int dr6Bits) {}
}
