package io.satchel.vm.cpu;

/**
 * x87 and MMX registers (Intel SDM volume 1, chapters 8 and 9).
 *
 * <p>Physical register {@code r} is {@code significand[r]} and {@code signExponent[r]} (sign in bit
 * 15, biased exponent in bits 14-0). ST(i) is physical register {@code (top + i) & 7}; MM{@code r}
 * is {@code significand[r]}.
 */
public final class FpuState {

  // FSW (SDM volume 1, section 8.1.3). FCW has the masks in the bits of the exceptions.
  public static final int IE = 1;
  public static final int DE = 1 << 1;
  public static final int ZE = 1 << 2;
  public static final int OE = 1 << 3;
  public static final int UE = 1 << 4;
  public static final int PE = 1 << 5;

  /** Stack fault. */
  public static final int SF = 1 << 6;

  /** An unmasked exception is pending. */
  public static final int ES = 1 << 7;

  public static final int C0 = 1 << 8;
  public static final int C1 = 1 << 9;
  public static final int C2 = 1 << 10;
  public static final int C3 = 1 << 14;
  public static final int B = 1 << 15;

  /** IE to PE. */
  public static final int EXCEPTIONS = 0x3F;

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

  /** Scratch space of the operation in hand; not state. */
  public final FpuResult result = new FpuResult();

  /** The state after RESET (not INIT, which leaves x87 alone). */
  public void reset() {
    java.util.Arrays.fill(significand, 0);
    java.util.Arrays.fill(signExponent, 0);
    controlWord = 0x0040;
    statusWord = 0;
    top = 0;
    empty = 0;
    instructionPointer = operandPointer = 0;
    instructionSelector = operandSelector = opcode = 0;
  }
}
