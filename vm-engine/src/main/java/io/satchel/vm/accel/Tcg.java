package io.satchel.vm.accel;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.decode.Decoder;
import io.satchel.vm.cpu.interpret.Interpreter;

/** Runs a processor in this process, in Java, by interpreting. */
public final class Tcg implements Accelerator {

  private final CpuState cpu;
  private final Interpreter interpreter;

  public Tcg(CpuState cpu) {
    this.cpu = cpu;
    interpreter = new Interpreter(cpu, new Decoder(Decoder.fullMap(), cpu.model.features()));
  }

  @Override
  public Exit run(long maxInstructions) {
    long end = cpu.instructions + maxInstructions;
    while (true) {
      if (cpu.shutdown) {
        return Exit.SHUTDOWN;
      }
      if ((cpu.pending() & CpuState.PENDING_KICK) != 0) {
        cpu.clearKick();
        return Exit.KICKED;
      }
      interpreter.deliverPending();
      if (cpu.halted) {
        return Exit.HALTED;
      }
      if (cpu.instructions >= end) {
        return Exit.BUDGET;
      }
      interpreter.run(end);
    }
  }
}
