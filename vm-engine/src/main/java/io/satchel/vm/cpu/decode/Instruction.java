package io.satchel.vm.cpu.decode;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A decoded instruction. Filled by the decoder, then only read. */
public final class Instruction {

  /** {@link #repeat}: no prefix, F2h or F3h. */
  public static final int NO_REPEAT = 0;

  public static final int REPNE = 0xF2;
  public static final int REP = 0xF3;

  /** What the opcode map says of it. */
  public OpcodeMap.@Nullable Row row;

  /** Bytes, 1 to 15. */
  public int length;

  /** Width of a "v" operand in bytes: 2, 4 or 8. */
  public int operandSize;

  /** Width of an address in bytes: 2, 4 or 8. */
  public int addressSize;

  public boolean lock;
  public int repeat;

  /** The ModRM byte, or -1. */
  public int modrm = -1;

  /** Whether ModRM names memory. */
  public boolean memory;

  /** ModRM.reg, REX.R included. */
  public int reg;

  /**
   * ModRM.rm as a register, REX.B included; for opcodes that hold a register in their low bits,
   * that one.
   */
  public int rm;

  public int rex;

  /** Whether it has a VEX prefix. REX holds that prefix's W, R, X and B then. */
  public boolean vex;

  /**
   * The first source register: VEX.vvvv, and without a VEX prefix ModRM.reg, where the destination
   * is the first source.
   */
  public int vvvv;

  /** Bytes of a vector: 16, or 32 by VEX.L. */
  public int vectorLength = 16;

  /** The vector register that is the index of a memory operand, with VSIB addressing. */
  public int vectorIndex;

  // The memory operand: segment:[gpr[base] + (gpr[index] << scale) + displacement], truncated to
  // addressSize. A part that is absent is
  // CpuState.ZERO. RIP-relative: the displacement has the next instruction's offset added by the
  // engine, see ripRelative.
  public int segment;
  public int base;
  public int index;
  public int scale;
  public long displacement;
  public boolean ripRelative;

  /** Sign-extended as the operand's notation says; for Ap the offset. */
  public long immediate;

  /** The selector of Ap; ENTER's level. */
  public int immediate2;

  /** What the opcode map says of it. */
  public OpcodeMap.Row row() {
    return Objects.requireNonNull(row);
  }
}
