package io.satchel.vm.cpu.interpret;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.decode.Decoder;
import io.satchel.vm.cpu.semantics.Interrupts;

/** Runs a processor by interpreting. */
public final class Interpreter {

  private final CpuState cpu;
  private final SingleStep single;

  public Interpreter(CpuState cpu, Decoder decoder) {
    this.cpu = cpu;
    single = new SingleStep(cpu, decoder);
  }

  /** Delivers an NMI or an interrupt that is pending and allowed; it ends a HLT. */
  public void deliverPending() {
    int pending = cpu.pending();
    if ((pending & (CpuState.PENDING_NMI | CpuState.PENDING_INTR)) == 0 || cpu.interruptShadow) {
      return;
    }
    if ((pending & CpuState.PENDING_NMI) != 0 && !cpu.nmiBlocked) {
      cpu.halted = false;
      Interrupts.nmi(cpu);
    } else if ((pending & CpuState.PENDING_INTR) != 0 && (cpu.systemFlags & CpuState.IF) != 0) {
      cpu.halted = false;
      Interrupts.external(cpu, cpu.interruptController.acknowledge());
    }
  }

  /** Executes until {@code end} instructions have retired, or something wants attention. */
  public void run(long end) {
    while (cpu.instructions < end && !cpu.halted && !cpu.shutdown) {
      single.run();
      if (cpu.pending() != 0 && !cpu.interruptShadow) {
        return;
      }
    }
  }
}
