package io.satchel.vm.cpu.decode;

import io.satchel.vm.cpu.CpuState;

/**
 * What an instruction does to the processor when it is more than a value: may throw {@code
 * GuestFault}.
 */
@FunctionalInterface
public interface Effect {
  void execute(CpuState cpu, Instruction instruction);
}
