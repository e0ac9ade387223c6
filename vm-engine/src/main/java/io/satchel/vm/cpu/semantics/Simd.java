package io.satchel.vm.cpu.semantics;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;

/**
 * SIMD floating-point arithmetic on one element: single precision in the low 32 bits of a long,
 * double precision in 64 (Intel SDM volume 1, sections 4.8, 4.9, 11.5 and appendix E).
 *
 * <p>A method adds the exceptions it meets to {@link CpuState#simdExceptions}, whether masked or
 * not, and gives the result of the masked case; {@link #finish} follows when all elements are done,
 * and before anything is written.
 *
 * <p><b>The short way.</b> Java computes what the host's processor computes: IEEE 754, rounded to
 * nearest. That is the guest's result too when it rounds to nearest, no operand is denormal, an
 * infinity or a NaN, and the result is well inside the normal range. The only exception left is
 * inexact, and it is sticky: once MXCSR.PE stands nothing is to be found out. Until then integer
 * arithmetic on the significands tells whether the result was exact:
 *
 * <ul>
 *   <li>a sum by the error term of Knuth's two-sum, itself exact
 *   <li>a product by the trailing zeros of its factors, which add up
 *   <li>a quotient or root by multiplying back: the remainder is so small that the low 64 bits of
 *       it are all of it
 *   <li>single precision by computing in double, where products are exact; rounding twice does no
 *       harm there, since 53 is at least twice 24 plus 2
 * </ul>
 *
 * All else goes the long way, through {@link SimdSoft}.
 */
public final class Simd {

  // MXCSR (SDM volume 1, section 10.2.3).
  public static final int IE = 1;
  public static final int DE = 1 << 1;
  public static final int ZE = 1 << 2;
  public static final int OE = 1 << 3;
  public static final int UE = 1 << 4;
  public static final int PE = 1 << 5;
  public static final int DAZ = 1 << 6;
  public static final int OM = 1 << 10;
  public static final int UM = 1 << 11;
  public static final int PM = 1 << 12;
  public static final int RC = 3 << 13;
  public static final int FTZ = 1 << 15;

  static final int RC_SHIFT = 13;
  static final int NEAREST = 0;
  static final int DOWN = 1;
  static final int UP = 2;
  static final int TRUNCATE = 3;

  private static final int EXCEPTIONS = 0x3F;
  private static final int MASK_SHIFT = 7;

  /** Exceptions that are found before the result is computed. */
  private static final int BEFORE = IE | DE | ZE;

  static final long SIGN32 = 0x8000_0000L;
  static final long INFINITY32 = 0x7F80_0000L;
  static final long SIGN64 = Long.MIN_VALUE;
  static final long INFINITY64 = 0x7FF0_0000_0000_0000L;
  private static final long FRACTION64 = 0x000F_FFFF_FFFF_FFFFL;
  private static final long HIDDEN64 = 0x0010_0000_0000_0000L;

  private Simd() {}

  /**
   * Moves the exceptions that were met to MXCSR. An unmasked one is #XM, or #UD without
   * CR4.OSXMMEXCPT; one that is found before computing hides those found afterwards.
   */
  public static void finish(CpuState cpu) {
    int met = cpu.simdExceptions;
    cpu.simdExceptions = 0;
    int unmasked = met & ~(cpu.mxcsr >>> MASK_SHIFT) & EXCEPTIONS;
    if ((unmasked & BEFORE) != 0) {
      met &= BEFORE;
    }
    cpu.mxcsr |= met;
    if (unmasked != 0) {
      boolean vector = (cpu.cr4 & CpuState.CR4_OSXMMEXCPT) != 0;
      throw cpu.fault(vector ? GuestFault.XM : GuestFault.UD, 0);
    }
  }

  // The short way.

  /** Rounding to nearest, inexact masked. */
  private static boolean nearest(CpuState cpu) {
    return (cpu.mxcsr & (RC | PM)) == PM;
  }

  private static float single(long bits) {
    return Float.intBitsToFloat((int) bits);
  }

  private static long bits(float value) {
    return Float.floatToRawIntBits(value) & 0xFFFF_FFFFL;
  }

  /** Zero, or normal. */
  static boolean plain32(long bits) {
    int exponent = (int) bits >>> 23 & 0xFF;
    return exponent - 1 >>> 1 < 0x7F || (int) bits << 1 == 0;
  }

  /** Neither near overflow nor near the denormals. */
  static boolean inside32(long bits) {
    int exponent = (int) bits >>> 23 & 0xFF;
    return exponent > 1 && exponent < 0xFE;
  }

  static boolean plain64(long bits) {
    int exponent = (int) (bits >>> 52) & 0x7FF;
    return exponent - 1 >>> 1 < 0x3FF || bits << 1 == 0;
  }

  static boolean inside64(long bits) {
    int exponent = (int) (bits >>> 52) & 0x7FF;
    return exponent > 1 && exponent < 0x7FE;
  }

  private static void inexact(CpuState cpu, boolean inexact) {
    if (inexact) {
      cpu.simdExceptions |= PE;
    }
  }

  /** Rounding to nearest, inexact masked and already met. */
  static boolean inexactIsKnown(CpuState cpu) {
    return (cpu.mxcsr & (RC | PM | PE)) == (PM | PE);
  }

  private static boolean unknown(CpuState cpu) {
    return (cpu.mxcsr & PE) == 0;
  }

  public static long addss(CpuState cpu, long a, long b) {
    float x = single(a);
    float y = single(b);
    long result = bits(x + y);
    if (nearest(cpu) && plain32(a) && plain32(b) && (inside32(result) || x == -y && x != 0)) {
      if (unknown(cpu)) {
        double sum = (double) x + y;
        double back = sum - x;
        inexact(cpu, sum != single(result) || x - (sum - back) + (y - back) != 0);
      }
      return result;
    }
    return SimdSoft.add(cpu, a, b, false, SimdSoft.SINGLE);
  }

  public static long subss(CpuState cpu, long a, long b) {
    float x = single(a);
    float y = -single(b);
    long result = bits(x + y);
    if (nearest(cpu) && plain32(a) && plain32(b) && (inside32(result) || x == -y && x != 0)) {
      if (unknown(cpu)) {
        double sum = (double) x + y;
        double back = sum - x;
        inexact(cpu, sum != single(result) || x - (sum - back) + (y - back) != 0);
      }
      return result;
    }
    return SimdSoft.add(cpu, a, b, true, SimdSoft.SINGLE);
  }

  public static long mulss(CpuState cpu, long a, long b) {
    float x = single(a);
    float y = single(b);
    float product = x * y;
    long result = bits(product);
    if (nearest(cpu) && plain32(a) && plain32(b) && (inside32(result) || x == 0 || y == 0)) {
      if (unknown(cpu)) {
        inexact(cpu, (double) x * y != product);
      }
      return result;
    }
    return SimdSoft.multiply(cpu, a, b, SimdSoft.SINGLE);
  }

  public static long divss(CpuState cpu, long a, long b) {
    float x = single(a);
    float y = single(b);
    float quotient = x / y;
    long result = bits(quotient);
    if (nearest(cpu) && plain32(a) && plain32(b) && (inside32(result) || x == 0 && y != 0)) {
      if (unknown(cpu)) {
        inexact(cpu, (double) quotient * y != x);
      }
      return result;
    }
    return SimdSoft.divide(cpu, a, b, SimdSoft.SINGLE);
  }

  public static long sqrtss(CpuState cpu, long a, long b) {
    float y = single(b);
    float root = (float) Math.sqrt(y);
    if (nearest(cpu) && plain32(b) && (y > 0 || y == 0)) {
      if (unknown(cpu)) {
        inexact(cpu, (double) root * root != y);
      }
      return bits(root);
    }
    return SimdSoft.squareRoot(cpu, b, SimdSoft.SINGLE);
  }

  public static long addsd(CpuState cpu, long a, long b) {
    return sum(cpu, a, b, Double.longBitsToDouble(a), Double.longBitsToDouble(b), false);
  }

  public static long subsd(CpuState cpu, long a, long b) {
    return sum(cpu, a, b, Double.longBitsToDouble(a), -Double.longBitsToDouble(b), true);
  }

  private static long sum(CpuState cpu, long a, long b, double x, double y, boolean subtract) {
    double sum = x + y;
    long result = Double.doubleToRawLongBits(sum);
    if (nearest(cpu) && plain64(a) && plain64(b) && (inside64(result) || x == -y && x != 0)) {
      if (unknown(cpu)) {
        double back = sum - x;
        inexact(cpu, x - (sum - back) + (y - back) != 0);
      }
      return result;
    }
    return SimdSoft.add(cpu, a, b, subtract, SimdSoft.DOUBLE);
  }

  public static long mulsd(CpuState cpu, long a, long b) {
    double x = Double.longBitsToDouble(a);
    double y = Double.longBitsToDouble(b);
    long result = Double.doubleToRawLongBits(x * y);
    if (nearest(cpu) && plain64(a) && plain64(b) && (inside64(result) || x == 0 || y == 0)) {
      if (unknown(cpu) && x != 0 && y != 0) {
        // The product of the significands has 105 or 106 bits, of which 53 fit.
        int zeros = Long.numberOfTrailingZeros(a | HIDDEN64);
        zeros += Long.numberOfTrailingZeros(b | HIDDEN64);
        int exponents = (int) ((a >>> 52 & 0x7FF) + (b >>> 52 & 0x7FF)) - 1023;
        boolean longer = (result >>> 52 & 0x7FF) != exponents;
        inexact(cpu, zeros < (longer ? 53 : 52));
      }
      return result;
    }
    return SimdSoft.multiply(cpu, a, b, SimdSoft.DOUBLE);
  }

  public static long divsd(CpuState cpu, long a, long b) {
    double x = Double.longBitsToDouble(a);
    double y = Double.longBitsToDouble(b);
    long result = Double.doubleToRawLongBits(x / y);
    if (nearest(cpu) && plain64(a) && plain64(b) && (inside64(result) || x == 0 && y != 0)) {
      if (unknown(cpu) && x != 0) {
        int exponents = (int) ((a >>> 52 & 0x7FF) - (b >>> 52 & 0x7FF)) + 1023;
        int shift = (result >>> 52 & 0x7FF) == exponents ? 52 : 53;
        long back = significand(result) * significand(b);
        inexact(cpu, significand(a) << shift != back);
      }
      return result;
    }
    return SimdSoft.divide(cpu, a, b, SimdSoft.DOUBLE);
  }

  public static long sqrtsd(CpuState cpu, long a, long b) {
    double y = Double.longBitsToDouble(b);
    if (nearest(cpu) && plain64(b) && (y > 0 || y == 0)) {
      long result = Double.doubleToRawLongBits(Math.sqrt(y));
      if (unknown(cpu) && y != 0) {
        int shift = (b >>> 52 & 1) != 0 ? 52 : 53;
        long root = significand(result);
        inexact(cpu, significand(b) << shift != root * root);
      }
      return result;
    }
    return SimdSoft.squareRoot(cpu, b, SimdSoft.DOUBLE);
  }

  private static long significand(long bits) {
    return bits & FRACTION64 | HIDDEN64;
  }

  // MIN and MAX: the second source when either is a NaN, and when both are zero.

  public static long minss(CpuState cpu, long a, long b) {
    if (plain32(a) && plain32(b)) {
      return single(a) < single(b) ? a : b;
    }
    return SimdSoft.extreme(cpu, a, b, false, SimdSoft.SINGLE);
  }

  public static long maxss(CpuState cpu, long a, long b) {
    if (plain32(a) && plain32(b)) {
      return single(a) > single(b) ? a : b;
    }
    return SimdSoft.extreme(cpu, a, b, true, SimdSoft.SINGLE);
  }

  public static long minsd(CpuState cpu, long a, long b) {
    if (plain64(a) && plain64(b)) {
      return Double.longBitsToDouble(a) < Double.longBitsToDouble(b) ? a : b;
    }
    return SimdSoft.extreme(cpu, a, b, false, SimdSoft.DOUBLE);
  }

  public static long maxsd(CpuState cpu, long a, long b) {
    if (plain64(a) && plain64(b)) {
      return Double.longBitsToDouble(a) > Double.longBitsToDouble(b) ? a : b;
    }
    return SimdSoft.extreme(cpu, a, b, true, SimdSoft.DOUBLE);
  }

  // Comparison.

  static final int LESS = 0;
  static final int EQUAL = 1;
  static final int GREATER = 2;
  static final int UNORDERED = 3;

  /** LESS, EQUAL, GREATER or UNORDERED; a quiet NaN is invalid when {@code signaling}. */
  static int order32(CpuState cpu, long a, long b, boolean signaling) {
    if (!plain32(a) || !plain32(b)) {
      SimdSoft.checkComparison(cpu, a, b, signaling, SimdSoft.SINGLE);
      a = SimdSoft.flush(cpu, a, SimdSoft.SINGLE);
      b = SimdSoft.flush(cpu, b, SimdSoft.SINGLE);
    }
    return order(single(a), single(b));
  }

  static int order64(CpuState cpu, long a, long b, boolean signaling) {
    if (!plain64(a) || !plain64(b)) {
      SimdSoft.checkComparison(cpu, a, b, signaling, SimdSoft.DOUBLE);
      a = SimdSoft.flush(cpu, a, SimdSoft.DOUBLE);
      b = SimdSoft.flush(cpu, b, SimdSoft.DOUBLE);
    }
    return order(Double.longBitsToDouble(a), Double.longBitsToDouble(b));
  }

  private static int order(double x, double y) {
    return x < y ? LESS : x == y ? EQUAL : x > y ? GREATER : UNORDERED;
  }

  // Predicates 0 to 31 of CMPPS and its kin (SDM volume 2, CMPPD, table 3-1): for each, the
  // outcomes that satisfy it, and whether quiet NaNs are invalid.
  private static final int EQ = 1 << EQUAL;
  private static final int LT = 1 << LESS;
  private static final int GT = 1 << GREATER;
  private static final int UNORD = 1 << UNORDERED;
  private static final int[] OUTCOMES = {
    EQ,
    LT,
    LT | EQ,
    UNORD,
    LT | GT | UNORD,
    EQ | GT | UNORD,
    GT | UNORD,
    LT | EQ | GT,
    EQ | UNORD,
    LT | UNORD,
    LT | EQ | UNORD,
    0,
    LT | GT,
    EQ | GT,
    GT,
    LT | EQ | GT | UNORD
  };
  private static final int SIGNALING = 0b0110_0110_0110_0110;

  private static boolean signaling(int predicate) {
    return (SIGNALING >>> (predicate & 15) & 1) != predicate >>> 4;
  }

  /** All ones when the predicate, 0 to 31, holds. */
  public static long cmpss(CpuState cpu, long a, long b, int predicate) {
    int outcome = order32(cpu, a, b, signaling(predicate));
    return (OUTCOMES[predicate & 15] >>> outcome & 1) != 0 ? 0xFFFF_FFFFL : 0;
  }

  /** All ones when the predicate, 0 to 31, holds. */
  public static long cmpsd(CpuState cpu, long a, long b, int predicate) {
    int outcome = order64(cpu, a, b, signaling(predicate));
    return (OUTCOMES[predicate & 15] >>> outcome & 1) != 0 ? -1L : 0;
  }

  /** The flags that COMISS and its kin set. */
  static int flags(int order) {
    return switch (order) {
      case LESS -> CpuState.CF;
      case EQUAL -> CpuState.ZF;
      case GREATER -> 0;
      default -> CpuState.ZF | CpuState.PF | CpuState.CF;
    };
  }
}
