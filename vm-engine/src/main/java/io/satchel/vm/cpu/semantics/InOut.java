package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.RAX;
import static io.satchel.vm.cpu.CpuState.RDX;

import io.satchel.vm.cpu.Breakpoints;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.PollWatch;
import io.satchel.vm.cpu.decode.Instruction;

/** IN and OUT. */
public final class InOut {

  private InOut() {}

  public static void inByte(CpuState cpu, Instruction i) {
    in(cpu, i, port(cpu, i), 1);
  }

  public static void in(CpuState cpu, Instruction i) {
    in(cpu, i, port(cpu, i), Math.min(i.operandSize, 4));
  }

  public static void outByte(CpuState cpu, Instruction i) {
    out(cpu, port(cpu, i), 1);
  }

  public static void out(CpuState cpu, Instruction i) {
    out(cpu, port(cpu, i), Math.min(i.operandSize, 4));
  }

  // E4 to E7 hold the port in an immediate, EC to EF take DX.
  private static int port(CpuState cpu, Instruction i) {
    return i.row().opcode() < 0xE8 ? (int) i.immediate & 0xFF : (int) cpu.gpr[RDX] & 0xFFFF;
  }

  private static void in(CpuState cpu, Instruction i, int port, int width) {
    IoPermission.check(cpu, port, width);
    Breakpoints.port(cpu, port, width);
    int value = cpu.ports.read(port, width);
    PollWatch polls = cpu.polls;
    if (polls != null) {
      polls.read(port, value);
    }
    Operands.setRegister(cpu, i, RAX, width, value & 0xFFFF_FFFFL);
  }

  private static void out(CpuState cpu, int port, int width) {
    IoPermission.check(cpu, port, width);
    Breakpoints.port(cpu, port, width);
    cpu.ports.write(port, width, (int) cpu.gpr[RAX]);
  }
}
