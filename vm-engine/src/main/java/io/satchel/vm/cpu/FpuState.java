package io.satchel.vm.cpu;

/**
 * x87, MMX and SSE registers (Intel SDM volume 1, chapters 8 to 10).
 *
 * <p>Physical register {@code r} is {@code significand[r]} and {@code signExponent[r]} (sign in bit
 * 15, biased exponent in bits 14-0). ST(i) is physical register {@code (top + i) & 7}; MM{@code r}
 * is {@code significand[r]}.
 */
public final class FpuState {

  public final long[] significand = new long[8];
  public final int[] signExponent = new int[8];

  /** FCW. */
  public int controlWord = 0x037F;

  /** FSW without its TOP field. */
  public int statusWord;

  /** TOP, 0 to 7. */
  public int top;

  /** Bit {@code r} set: physical register {@code r} is empty. The 2-bit tags are derived. */
  public int empty = 0xFF;

  /** Last instruction and operand pointers, and the last opcode (11 bits). */
  public long instructionPointer;

  public int instructionSelector;
  public long operandPointer;
  public int operandSelector;
  public int opcode;

  /** XMM0 to XMM15: low half at {@code 2 * n}, high half at {@code 2 * n + 1}. */
  public final long[] xmm = new long[32];

  public int mxcsr = 0x1F80;

  /** The state after RESET (not INIT, which leaves x87 alone). */
  public void reset() {
    java.util.Arrays.fill(significand, 0);
    java.util.Arrays.fill(signExponent, 0);
    java.util.Arrays.fill(xmm, 0);
    controlWord = 0x0040;
    statusWord = 0;
    top = 0;
    empty = 0;
    instructionPointer = operandPointer = 0;
    instructionSelector = operandSelector = opcode = 0;
    mxcsr = 0x1F80;
  }
}
