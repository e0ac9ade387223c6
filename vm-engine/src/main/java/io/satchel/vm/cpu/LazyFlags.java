package io.satchel.vm.cpu;

import static io.satchel.vm.cpu.CpuState.AF;
import static io.satchel.vm.cpu.CpuState.CF;
import static io.satchel.vm.cpu.CpuState.OF;
import static io.satchel.vm.cpu.CpuState.PF;
import static io.satchel.vm.cpu.CpuState.SF;
import static io.satchel.vm.cpu.CpuState.ZF;

/**
 * The six arithmetic flags, derived from a rule and the operands {@code a}, {@code b} and the
 * result that it left (SDM volume 1, section 3.4.3.1).
 *
 * <p>A rule is a kind plus the log2 of the operand's width in bytes. Bits of the operands and the
 * result above the width do not matter.
 */
public final class LazyFlags {

  /** {@code result} holds the flags themselves. */
  public static final int EXPLICIT = 0;

  /** {@code a + b}, with or without a carry in. */
  public static final int ADD = 4;

  /** {@code a - b}, with or without a borrow in. */
  public static final int SUB = 8;

  /** AND, OR, XOR, TEST: CF, OF and AF are clear. */
  public static final int LOGIC = 12;

  /** INC; {@code a} is the old CF. */
  public static final int INC = 16;

  /** DEC; {@code a} is the old CF. */
  public static final int DEC = 20;

  /** {@code a << b}; b is at least 1 and masked. */
  public static final int SHL = 24;

  /** {@code a >>> b}. */
  public static final int SHR = 28;

  /** {@code a >> b}. */
  public static final int SAR = 32;

  /** IMUL to a register of the operands' width: CF and OF tell that the product did not fit. */
  public static final int MUL = 36;

  private LazyFlags() {}

  private static int bits(int rule) {
    return 8 << (rule & 3);
  }

  /** All six. */
  public static int all(int rule, long left, long right, long whole) {
    if (rule < ADD) {
      return (int) whole;
    }
    long mask = -1L >>> 64 - bits(rule);
    long a = left & mask;
    long b = right & mask;
    long result = whole & mask;
    return result(rule, result)
        | (carry(rule, a, b, result) != 0 ? CF : 0)
        | auxiliary(rule, a, b, result)
        | (overflow(rule, a, b, result) ? OF : 0);
  }

  private static int result(int rule, long result) {
    int flags = result == 0 ? ZF : 0;
    if ((result >>> bits(rule) - 1 & 1) != 0) {
      flags |= SF;
    }
    return (Integer.bitCount((int) result & 0xFF) & 1) == 0 ? flags | PF : flags;
  }

  /** CF as 0 or 1. */
  public static int carry(int rule, long left, long b, long difference) {
    int kind = rule & ~3;
    if (kind == INC || kind == DEC) {
      return (int) left;
    }
    int top = bits(rule) - 1;
    long a = left & -1L >>> 63 - top;
    long result = difference & -1L >>> 63 - top;
    if (kind == SUB) {
      return (int) ((~a & b | (~a | b) & result) >>> top) & 1;
    }
    return switch (kind) {
      case ADD -> (int) ((a & b | (a | b) & ~result) >>> top) & 1;
      case LOGIC -> 0;
      // Counts above the width, possible for bytes and words, shift zeros out.
      case SHL -> b > top + 1 ? 0 : (int) (a >>> top + 1 - b) & 1;
      case SHR -> b > top + 1 ? 0 : (int) (a >>> b - 1) & 1;
      case SAR -> (int) (signExtend(a, rule) >> Math.min(b - 1, 63)) & 1;
      case MUL -> productLost(rule, a, b) ? 1 : 0;
      default -> (int) result & CF;
    };
  }

  private static int auxiliary(int rule, long a, long b, long result) {
    return switch (rule & ~3) {
      case ADD, SUB -> (int) (a ^ b ^ result) & AF;
      case INC -> (result & 0xF) == 0 ? AF : 0;
      case DEC -> (result & 0xF) == 0xF ? AF : 0;
      default -> 0;
    };
  }

  /** OF. */
  private static boolean overflow(int rule, long a, long b, long result) {
    int top = bits(rule) - 1;
    return switch (rule & ~3) {
      case ADD -> ((a ^ result) & (b ^ result)) >>> top != 0;
      case SUB -> ((a ^ b) & (a ^ result)) >>> top != 0;
      case INC -> result == 1L << top;
      case DEC -> result == (1L << top) - 1;
      case SHL -> (result >>> top & 1) != carry(rule, a, b, result);
      case SHR -> b == 1 && a >>> top != 0;
      case MUL -> productLost(rule, a, b);
      case LOGIC, SAR -> false;
      default -> (result & OF) != 0;
    };
  }

  private static boolean productLost(int rule, long a, long b) {
    long x = signExtend(a, rule);
    long y = signExtend(b, rule);
    long product = x * y;
    return bits(rule) == 64
        ? Math.multiplyHigh(x, y) != product >> 63
        : product != signExtend(product, rule);
  }

  private static long signExtend(long value, int rule) {
    int unused = 64 - bits(rule);
    return value << unused >> unused;
  }
}
