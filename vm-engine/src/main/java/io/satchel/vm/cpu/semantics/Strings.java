package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.DF;
import static io.satchel.vm.cpu.CpuState.ES;
import static io.satchel.vm.cpu.CpuState.RAX;
import static io.satchel.vm.cpu.CpuState.RCX;
import static io.satchel.vm.cpu.CpuState.RDI;
import static io.satchel.vm.cpu.CpuState.RDX;
import static io.satchel.vm.cpu.CpuState.RSI;

import io.satchel.vm.cpu.Breakpoints;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.decode.Instruction;
import java.util.Arrays;

/**
 * String instructions. A repeated one is interruptible between iterations: it then puts rip back to
 * its first byte and returns; the registers tell how far it came.
 *
 * <p>MOVS and STOS go through host memory a page at a time where they can.
 */
public final class Strings {

  /** One iteration, without the count. */
  @FunctionalInterface
  private interface Step {
    void run(CpuState cpu, Instruction i, int width);
  }

  private static final int PAGE_SIZE = 4096;

  private Strings() {}

  public static void movsByte(CpuState cpu, Instruction i) {
    movs(cpu, i, 1);
  }

  public static void movs(CpuState cpu, Instruction i) {
    movs(cpu, i, i.operandSize);
  }

  public static void stosByte(CpuState cpu, Instruction i) {
    stos(cpu, i, 1);
  }

  public static void stos(CpuState cpu, Instruction i) {
    stos(cpu, i, i.operandSize);
  }

  public static void lodsByte(CpuState cpu, Instruction i) {
    repeat(cpu, i, 1, Strings::lodsStep);
  }

  public static void lods(CpuState cpu, Instruction i) {
    repeat(cpu, i, i.operandSize, Strings::lodsStep);
  }

  public static void cmpsByte(CpuState cpu, Instruction i) {
    repeatWhile(cpu, i, 1, Strings::cmpsStep);
  }

  public static void cmps(CpuState cpu, Instruction i) {
    repeatWhile(cpu, i, i.operandSize, Strings::cmpsStep);
  }

  public static void scasByte(CpuState cpu, Instruction i) {
    repeatWhile(cpu, i, 1, Strings::scasStep);
  }

  public static void scas(CpuState cpu, Instruction i) {
    repeatWhile(cpu, i, i.operandSize, Strings::scasStep);
  }

  public static void insByte(CpuState cpu, Instruction i) {
    repeat(cpu, i, 1, Strings::insStep);
  }

  public static void ins(CpuState cpu, Instruction i) {
    repeat(cpu, i, Math.min(i.operandSize, 4), Strings::insStep);
  }

  public static void outsByte(CpuState cpu, Instruction i) {
    repeat(cpu, i, 1, Strings::outsStep);
  }

  public static void outs(CpuState cpu, Instruction i) {
    repeat(cpu, i, Math.min(i.operandSize, 4), Strings::outsStep);
  }

  private static void movs(CpuState cpu, Instruction i, int width) {
    if (i.repeat == Instruction.NO_REPEAT) {
      movsStep(cpu, i, width);
      return;
    }
    long count = count(cpu, i);
    while (count != 0) {
      int chunk = movsChunk(cpu, i, width, count);
      if (chunk == 0) {
        movsStep(cpu, i, width);
        chunk = 1;
      }
      count -= chunk;
      setCount(cpu, i, count);
      cpu.iterated(chunk);
      if (count != 0 && stopped(cpu, i)) {
        return;
      }
    }
  }

  private static void stos(CpuState cpu, Instruction i, int width) {
    if (i.repeat == Instruction.NO_REPEAT) {
      stosStep(cpu, i, width);
      return;
    }
    long count = count(cpu, i);
    while (count != 0) {
      int chunk = stosChunk(cpu, i, width, count);
      if (chunk == 0) {
        stosStep(cpu, i, width);
        chunk = 1;
      }
      count -= chunk;
      setCount(cpu, i, count);
      cpu.iterated(chunk);
      if (count != 0 && stopped(cpu, i)) {
        return;
      }
    }
  }

  private static void repeat(CpuState cpu, Instruction i, int width, Step step) {
    if (i.repeat == Instruction.NO_REPEAT) {
      step.run(cpu, i, width);
      return;
    }
    long count = count(cpu, i);
    while (count != 0) {
      step.run(cpu, i, width);
      count--;
      setCount(cpu, i, count);
      cpu.iterated(1);
      if (count != 0 && stopped(cpu, i)) {
        return;
      }
    }
  }

  private static void repeatWhile(CpuState cpu, Instruction i, int width, Step step) {
    if (i.repeat == Instruction.NO_REPEAT) {
      step.run(cpu, i, width);
      return;
    }
    boolean whileEqual = i.repeat == Instruction.REP;
    long count = count(cpu, i);
    while (count != 0) {
      step.run(cpu, i, width);
      count--;
      setCount(cpu, i, count);
      cpu.iterated(1);
      if (cpu.flagResult == 0 != whileEqual) {
        return;
      }
      if (count != 0 && stopped(cpu, i)) {
        return;
      }
    }
  }

  /** Whether to leave between iterations; rip then points at the instruction again. */
  private static boolean stopped(CpuState cpu, Instruction i) {
    if (!cpu.wantsAttention()) {
      return false;
    }
    cpu.rip -= i.length;
    return true;
  }

  private static long count(CpuState cpu, Instruction i) {
    return Operands.truncate(cpu.gpr[RCX], i.addressSize);
  }

  private static void setCount(CpuState cpu, Instruction i, long count) {
    Operands.setRegister(cpu, i, RCX, i.addressSize, count);
  }

  private static void advance(CpuState cpu, Instruction i, int register, long by) {
    long step = (cpu.systemFlags & DF) != 0 ? -by : by;
    Operands.setRegister(cpu, i, register, i.addressSize, cpu.gpr[register] + step);
  }

  private static long source(CpuState cpu, Instruction i, int width) {
    long offset = Operands.truncate(cpu.gpr[RSI], i.addressSize);
    return Operands.linear(cpu, i.segment, offset, width, false);
  }

  private static long destination(CpuState cpu, Instruction i, int width, boolean write) {
    long offset = Operands.truncate(cpu.gpr[RDI], i.addressSize);
    return Operands.linear(cpu, ES, offset, width, write);
  }

  private static void movsStep(CpuState cpu, Instruction i, int width) {
    long value = cpu.mmu.read(source(cpu, i, width), width);
    cpu.mmu.write(destination(cpu, i, width, true), width, value);
    advance(cpu, i, RSI, width);
    advance(cpu, i, RDI, width);
  }

  private static void stosStep(CpuState cpu, Instruction i, int width) {
    cpu.mmu.write(destination(cpu, i, width, true), width, cpu.gpr[RAX]);
    advance(cpu, i, RDI, width);
  }

  private static void lodsStep(CpuState cpu, Instruction i, int width) {
    Operands.setRegister(cpu, i, RAX, width, cpu.mmu.read(source(cpu, i, width), width));
    advance(cpu, i, RSI, width);
  }

  private static void cmpsStep(CpuState cpu, Instruction i, int width) {
    long a = cpu.mmu.read(source(cpu, i, width), width);
    long b = cpu.mmu.read(destination(cpu, i, width, false), width);
    advance(cpu, i, RSI, width);
    advance(cpu, i, RDI, width);
    FlagRule.SUB.apply(cpu, width, a, b, Operands.truncate(Alu.sub(a, b), width));
  }

  private static void scasStep(CpuState cpu, Instruction i, int width) {
    long a = Operands.truncate(cpu.gpr[RAX], width);
    long b = cpu.mmu.read(destination(cpu, i, width, false), width);
    advance(cpu, i, RDI, width);
    FlagRule.SUB.apply(cpu, width, a, b, Operands.truncate(Alu.sub(a, b), width));
  }

  private static void insStep(CpuState cpu, Instruction i, int width) {
    int port = (int) cpu.gpr[RDX] & 0xFFFF;
    IoPermission.check(cpu, port, width);
    Breakpoints.port(cpu, port, width);
    long linear = destination(cpu, i, width, true);
    // The port must not be read when the store would fault.
    cpu.mmu.checkWrite(linear, width);
    cpu.mmu.write(linear, width, cpu.ports.read(port, width));
    advance(cpu, i, RDI, width);
  }

  private static void outsStep(CpuState cpu, Instruction i, int width) {
    int port = (int) cpu.gpr[RDX] & 0xFFFF;
    IoPermission.check(cpu, port, width);
    Breakpoints.port(cpu, port, width);
    cpu.ports.write(port, width, (int) cpu.mmu.read(source(cpu, i, width), width));
    advance(cpu, i, RSI, width);
  }

  /**
   * Iterations that fit before an operand leaves its page or its offset wraps; 0 when the string
   * goes down, single step wants each iteration, or an operand lies across pages.
   */
  private static long room(
      CpuState cpu, Instruction i, int register, long linear, int width, long count) {
    if ((cpu.systemFlags & (DF | CpuState.TF)) != 0) {
      return 0;
    }
    long inPage = PAGE_SIZE - (linear & PAGE_SIZE - 1);
    long room = Math.min(count, inPage / width);
    if (i.addressSize == 2) {
      room = Math.min(room, (0x10000 - (cpu.gpr[register] & 0xFFFF)) / width);
    }
    return room;
  }

  private static int movsChunk(CpuState cpu, Instruction i, int width, long count) {
    if (count < 4) {
      return 0;
    }
    long from = source(cpu, i, width);
    long to = destination(cpu, i, width, true);
    long chunk = room(cpu, i, RSI, from, width, count);
    chunk = room(cpu, i, RDI, to, width, chunk);
    if (chunk < 2) {
      return 0;
    }
    int bytes = (int) chunk * width;
    if (!wholeInSegment(cpu, i.segment, cpu.gpr[RSI], i, bytes)
        || !wholeInSegment(cpu, ES, cpu.gpr[RDI], i, bytes)) {
      return 0;
    }
    int hostFrom = cpu.mmu.hostForRead(from);
    int hostTo = cpu.mmu.hostForWrite(to);
    if (hostFrom < 0 || hostTo < 0 || hostTo > hostFrom && hostTo < hostFrom + bytes) {
      // Device memory, or a forward copy that reads what it has just written.
      return 0;
    }
    byte[] memory = cpu.mmu.map().memory().bytes();
    System.arraycopy(memory, hostFrom, memory, hostTo, bytes);
    advance(cpu, i, RSI, bytes);
    advance(cpu, i, RDI, bytes);
    return (int) chunk;
  }

  private static int stosChunk(CpuState cpu, Instruction i, int width, long count) {
    if (count < 4) {
      return 0;
    }
    long to = destination(cpu, i, width, true);
    long chunk = room(cpu, i, RDI, to, width, count);
    int bytes = (int) chunk * width;
    if (chunk < 2 || !wholeInSegment(cpu, ES, cpu.gpr[RDI], i, bytes)) {
      return 0;
    }
    int host = cpu.mmu.hostForWrite(to);
    if (host < 0) {
      return 0;
    }
    byte[] memory = cpu.mmu.map().memory().bytes();
    long value = cpu.gpr[RAX];
    if (width == 1) {
      Arrays.fill(memory, host, host + bytes, (byte) value);
    } else {
      for (int n = 0; n < bytes; n++) {
        memory[host + n] = (byte) (value >>> 8 * (n & width - 1));
      }
    }
    advance(cpu, i, RDI, bytes);
    return (int) chunk;
  }

  /** Whether the range lies below the segment's limit: else iterations go one by one. */
  private static boolean wholeInSegment(
      CpuState cpu, int segment, long register, Instruction i, int bytes) {
    if (cpu.code64()) {
      return true;
    }
    long offset = Operands.truncate(register, i.addressSize);
    boolean expandDown = (cpu.attributes[segment] & 0xC) == 4;
    return !expandDown && offset + bytes - 1 <= cpu.limit[segment];
  }
}
