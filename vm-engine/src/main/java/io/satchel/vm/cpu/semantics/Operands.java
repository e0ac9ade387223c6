package io.satchel.vm.cpu.semantics;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.decode.Instruction;

/**
 * How methods of the semantics reach an instruction's operands. Widths are in bytes. Registers:
 * 1-byte registers 4 to 7 are AH, CH, DH, BH unless there is a REX prefix; a 4-byte write clears
 * the upper half.
 */
public final class Operands {

  private Operands() {}

  /** The memory operand's offset in its segment, truncated to the address size. */
  public static long offset(CpuState cpu, Instruction i) {
    throw new UnsupportedOperationException();
  }

  /**
   * Checks limit and rights of {@code segment} (#GP(0), or #SS(0) for SS; canonical form in 64-bit
   * code) and gives the linear address.
   */
  public static long linear(CpuState cpu, int segment, long offset, int width, boolean write) {
    throw new UnsupportedOperationException();
  }

  /** Reads memory {@code displacement} bytes behind the memory operand. */
  public static long load(CpuState cpu, Instruction i, int displacement, int width) {
    throw new UnsupportedOperationException();
  }

  /** Writes memory {@code displacement} bytes behind the memory operand. */
  public static void store(CpuState cpu, Instruction i, int displacement, int width, long value) {
    throw new UnsupportedOperationException();
  }

  /** Throws what a store would throw; stores nothing. */
  public static void checkStore(CpuState cpu, Instruction i, int displacement, int width) {
    throw new UnsupportedOperationException();
  }

  /** Reads the ModRM.rm operand, register or memory, zero-extended. */
  public static long loadRm(CpuState cpu, Instruction i, int width) {
    throw new UnsupportedOperationException();
  }

  /** Writes the ModRM.rm operand. */
  public static void storeRm(CpuState cpu, Instruction i, int width, long value) {
    throw new UnsupportedOperationException();
  }

  /** Reads a general register, zero-extended. */
  public static long register(CpuState cpu, Instruction i, int number, int width) {
    throw new UnsupportedOperationException();
  }

  /** Writes a general register. */
  public static void setRegister(CpuState cpu, Instruction i, int number, int width, long value) {
    throw new UnsupportedOperationException();
  }

  /** Pushes on the stack as the current SS says; nothing changes when it faults. */
  public static void push(CpuState cpu, int width, long value) {
    throw new UnsupportedOperationException();
  }

  /** Pops; the stack pointer moves only when the read did not fault. */
  public static long pop(CpuState cpu, int width) {
    throw new UnsupportedOperationException();
  }
}
