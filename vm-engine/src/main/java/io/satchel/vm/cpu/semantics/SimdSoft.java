package io.satchel.vm.cpu.semantics;

import io.satchel.vm.cpu.CpuState;

/**
 * SIMD floating-point arithmetic the long way: every rounding mode, denormals, NaNs and all
 * exceptions (Intel SDM volume 1, sections 4.8, 4.9 and 11.5). The formats share the code; {@link
 * #SINGLE}, {@link #DOUBLE} and {@link #HALF} are the bits of their fractions.
 *
 * <p>Between unpacking and rounding a significand has its leading one in bit 62, and bit 0 stands
 * for all the bits that were lost below it.
 */
final class SimdSoft {

  static final int HALF = 10;
  static final int SINGLE = 23;
  static final int DOUBLE = 52;

  private static final int TOP = 62;

  private SimdSoft() {}

  private static int bias(int format) {
    return format == DOUBLE ? 1023 : format == SINGLE ? 127 : 15;
  }

  static long sign(int format) {
    return format == DOUBLE ? Simd.SIGN64 : format == SINGLE ? Simd.SIGN32 : 0x8000;
  }

  static long infinity(int format) {
    return format == DOUBLE ? Simd.INFINITY64 : format == SINGLE ? Simd.INFINITY32 : 0x7C00;
  }

  private static long quietBit(int format) {
    return 1L << format - 1;
  }

  /** The default NaN: negative, quiet, no payload. */
  static long indefinite(int format) {
    return sign(format) | infinity(format) | quietBit(format);
  }

  static boolean isNan(long bits, int format) {
    return (bits & ~sign(format)) > infinity(format);
  }

  static boolean isSignaling(long bits, int format) {
    return isNan(bits, format) && (bits & quietBit(format)) == 0;
  }

  private static boolean isInfinite(long bits, int format) {
    return (bits & ~sign(format)) == infinity(format);
  }

  private static boolean isZero(long bits, int format) {
    return (bits & ~sign(format)) == 0;
  }

  static boolean isDenormal(long bits, int format) {
    return (bits & infinity(format)) == 0 && !isZero(bits, format);
  }

  private static boolean negative(long bits, int format) {
    return (bits & sign(format)) != 0;
  }

  /** Zero for a denormal when denormals are zeros. */
  static long flush(CpuState cpu, long bits, int format) {
    boolean zero = (cpu.mxcsr & Simd.DAZ) != 0 && isDenormal(bits, format);
    return zero ? bits & sign(format) : bits;
  }

  /** The result of an operation on a NaN: the first that is one, made quiet. */
  static long nan(CpuState cpu, long a, long b, int format) {
    if (isSignaling(a, format) || isSignaling(b, format)) {
      cpu.simdExceptions |= Simd.IE;
    }
    return (isNan(a, format) ? a : b) | quietBit(format);
  }

  static long invalid(CpuState cpu, int format) {
    cpu.simdExceptions |= Simd.IE;
    return indefinite(format);
  }

  static void denormals(CpuState cpu, long a, long b, int format) {
    if (isDenormal(a, format) || isDenormal(b, format)) {
      cpu.simdExceptions |= Simd.DE;
    }
  }

  /** The unbiased exponent of a number that is not zero, as if it were normal. */
  static int exponent(long bits, int format) {
    int biased = (int) ((bits & infinity(format)) >>> format);
    if (biased != 0) {
      return biased - bias(format);
    }
    long fraction = bits & (1L << format) - 1;
    return 1 - bias(format) - (Long.numberOfLeadingZeros(fraction) - (63 - format));
  }

  /** The significand of a number that is not zero, its leading one in bit 62. */
  static long significand(long bits, int format) {
    long fraction = bits & (1L << format) - 1;
    if ((bits & infinity(format)) != 0) {
      fraction |= 1L << format;
    }
    return fraction << Long.numberOfLeadingZeros(fraction) - 1;
  }

  // Rounding.

  /** Whether the magnitude is to be rounded up, given the kept bits' lowest and those dropped. */
  private static boolean up(int mode, boolean negative, boolean odd, long dropped, long half) {
    return switch (mode) {
      case Simd.NEAREST -> dropped > half || dropped == half && odd;
      case Simd.DOWN -> negative && dropped != 0;
      case Simd.UP -> !negative && dropped != 0;
      default -> false;
    };
  }

  /**
   * Rounds to a format as MXCSR says, with overflow, underflow and precision exceptions.
   *
   * @param exponent of bit 62, which is set
   */
  static long round(CpuState cpu, boolean negative, int exponent, long significand, int format) {
    return round(cpu, cpu.mxcsr, negative, exponent, significand, format);
  }

  /** As the other, with a rounding mode, FTZ and masks that are not MXCSR's. */
  static long round(
      CpuState cpu, int mxcsr, boolean negative, int exponent, long significand, int format) {
    int mode = (mxcsr & Simd.RC) >>> Simd.RC_SHIFT;
    long signBit = negative ? sign(format) : 0;
    int spare = TOP - format;
    long half = 1L << spare - 1;
    long mask = (1L << spare) - 1;
    int least = 1 - bias(format);
    boolean tiny = false;
    if (exponent < least) {
      // Tiny unless rounding with an exponent without limit would reach the smallest normal number.
      long kept = significand >>> spare;
      boolean reaches =
          exponent == least - 1
              && kept == (1L << format + 1) - 1
              && up(mode, negative, (kept & 1) != 0, significand & mask, half);
      tiny = !reaches;
      if (tiny && (mxcsr & (Simd.FTZ | Simd.UM)) == (Simd.FTZ | Simd.UM)) {
        cpu.simdExceptions |= Simd.UE | Simd.PE;
        return signBit;
      }
      if (tiny && (mxcsr & Simd.UM) == 0) {
        // Unmasked, it needs no loss of accuracy; precision is judged without the denormals' limit.
        cpu.simdExceptions |= Simd.UE | ((significand & mask) != 0 ? Simd.PE : 0);
        return signBit;
      }
      significand = shiftRight(significand, least - exponent);
      exponent = least;
    }
    long dropped = significand & mask;
    long kept = significand >>> spare;
    if (up(mode, negative, (kept & 1) != 0, dropped, half)) {
      kept++;
    }
    boolean inexact = dropped != 0;
    if (kept >>> format > 1) {
      kept >>>= 1;
      exponent++;
    }
    if (exponent > bias(format)) {
      boolean precise = (mxcsr & Simd.OM) == 0 && !inexact;
      cpu.simdExceptions |= precise ? Simd.OE : Simd.OE | Simd.PE;
      boolean toInfinity = mode == Simd.NEAREST || mode == (negative ? Simd.DOWN : Simd.UP);
      return signBit | (toInfinity ? infinity(format) : infinity(format) - 1);
    }
    if (inexact) {
      cpu.simdExceptions |= Simd.PE;
    }
    if (tiny && inexact) {
      cpu.simdExceptions |= Simd.UE;
    }
    long biased = kept >>> format == 0 ? 0 : exponent + bias(format);
    return signBit | biased << format | kept & (1L << format) - 1;
  }

  /** Shifts right; bit 0 keeps what falls out. */
  static long shiftRight(long value, int count) {
    if (count > TOP) {
      return value != 0 ? 1 : 0;
    }
    return value >>> count | ((value & (1L << count) - 1) != 0 ? 1 : 0);
  }

  // Arithmetic.

  static long add(CpuState cpu, long a, long b, boolean subtract, int format) {
    if (isNan(a, format) || isNan(b, format)) {
      return nan(cpu, a, b, format);
    }
    a = flush(cpu, a, format);
    b = flush(cpu, b, format);
    if (subtract) {
      b ^= sign(format);
    }
    boolean opposite = (a & sign(format)) != (b & sign(format));
    if (isInfinite(a, format) && isInfinite(b, format) && opposite) {
      return invalid(cpu, format);
    }
    denormals(cpu, a, b, format);
    if (isInfinite(a, format) || isInfinite(b, format)) {
      return isInfinite(a, format) ? a : b;
    }
    if (isZero(a, format) && isZero(b, format)) {
      return opposite ? exactZero(cpu, format) : a;
    }
    if (isZero(a, format) || isZero(b, format)) {
      long other = isZero(a, format) ? b : a;
      return round(
          cpu,
          negative(other, format),
          exponent(other, format),
          significand(other, format),
          format);
    }
    boolean swap = (a & ~sign(format)) < (b & ~sign(format));
    long large = swap ? b : a;
    long small = swap ? a : b;
    int exponent = exponent(large, format);
    // One bit of room for the carry.
    long x = significand(large, format) >>> 1;
    long y = shiftRight(significand(small, format) >>> 1, exponent - exponent(small, format));
    long sum = opposite ? x - y : x + y;
    if (sum == 0) {
      return exactZero(cpu, format);
    }
    int shift = Long.numberOfLeadingZeros(sum) - 1;
    return round(cpu, negative(large, format), exponent + 1 - shift, sum << shift, format);
  }

  /** The sum of opposites. */
  static long exactZero(CpuState cpu, int format) {
    boolean down = (cpu.mxcsr & Simd.RC) >>> Simd.RC_SHIFT == Simd.DOWN;
    return down ? sign(format) : 0;
  }

  static long multiply(CpuState cpu, long a, long b, int format) {
    if (isNan(a, format) || isNan(b, format)) {
      return nan(cpu, a, b, format);
    }
    a = flush(cpu, a, format);
    b = flush(cpu, b, format);
    boolean zero = isZero(a, format) || isZero(b, format);
    boolean infinite = isInfinite(a, format) || isInfinite(b, format);
    if (zero && infinite) {
      return invalid(cpu, format);
    }
    denormals(cpu, a, b, format);
    long signBit = (a ^ b) & sign(format);
    if (zero || infinite) {
      return signBit | (infinite ? infinity(format) : 0);
    }
    int exponent = exponent(a, format) + exponent(b, format);
    long x = significand(a, format) << 1;
    long y = significand(b, format) << 1;
    long high = Math.unsignedMultiplyHigh(x, y);
    long sticky = x * y != 0 ? 1 : 0;
    if (high < 0) {
      return round(cpu, signBit != 0, exponent + 1, high >>> 1 | high & 1 | sticky, format);
    }
    return round(cpu, signBit != 0, exponent, high | sticky, format);
  }

  static long divide(CpuState cpu, long a, long b, int format) {
    if (isNan(a, format) || isNan(b, format)) {
      return nan(cpu, a, b, format);
    }
    a = flush(cpu, a, format);
    b = flush(cpu, b, format);
    boolean bothInfinite = isInfinite(a, format) && isInfinite(b, format);
    if (bothInfinite || isZero(a, format) && isZero(b, format)) {
      return invalid(cpu, format);
    }
    long signBit = (a ^ b) & sign(format);
    if (isZero(b, format)) {
      if (!isInfinite(a, format)) {
        cpu.simdExceptions |= Simd.ZE;
      }
      return signBit | infinity(format);
    }
    denormals(cpu, a, b, format);
    if (isInfinite(a, format)) {
      return signBit | infinity(format);
    }
    if (isZero(a, format) || isInfinite(b, format)) {
      return signBit;
    }
    int exponent = exponent(a, format) - exponent(b, format);
    long x = significand(a, format) >>> TOP - DOUBLE;
    long y = significand(b, format) >>> TOP - DOUBLE;
    // The quotient rounded to 53 bits, and by the sign of the remainder which side of it is true.
    boolean below = x < y;
    double quotient = (double) x / y;
    long q = (long) Math.scalb(quotient, below ? DOUBLE + 1 : DOUBLE);
    long remainder = (x << (below ? DOUBLE + 1 : DOUBLE)) - q * y;
    return round(
        cpu,
        signBit != 0,
        below ? exponent - 1 : exponent,
        (q << TOP - DOUBLE) + Long.signum(remainder),
        format);
  }

  static long squareRoot(CpuState cpu, long b, int format) {
    if (isNan(b, format)) {
      return nan(cpu, b, b, format);
    }
    b = flush(cpu, b, format);
    if (isZero(b, format)) {
      return b;
    }
    if (negative(b, format)) {
      return invalid(cpu, format);
    }
    denormals(cpu, b, b, format);
    if (isInfinite(b, format)) {
      return b;
    }
    int exponent = exponent(b, format);
    int odd = exponent & 1;
    long y = significand(b, format) >>> TOP - DOUBLE;
    // As in division: the rounded root, and by the remainder the side.
    long root = (long) Math.scalb(Math.sqrt((double) (y << odd)), DOUBLE / 2);
    long remainder = (y << DOUBLE + odd) - root * root;
    return round(
        cpu, false, exponent - odd >> 1, (root << TOP - DOUBLE) + Long.signum(remainder), format);
  }

  /** (+ or -) x * y (+ or -) z, rounded once. */
  static long fused(
      CpuState cpu,
      long x,
      long y,
      long z,
      boolean negativeProduct,
      boolean negativeAddend,
      int format) {
    x = flush(cpu, x, format);
    y = flush(cpu, y, format);
    z = flush(cpu, z, format);
    boolean zero = isZero(x, format) || isZero(y, format);
    boolean infinite = isInfinite(x, format) || isInfinite(y, format);
    if (isNan(x, format) || isNan(y, format) || isNan(z, format)) {
      if (isSignaling(z, format)) {
        cpu.simdExceptions |= Simd.IE;
      }
      if (isNan(x, format) || isNan(y, format)) {
        return nan(cpu, x, y, format);
      }
      return z | quietBit(format);
    }
    if (zero && infinite) {
      return invalid(cpu, format);
    }
    boolean negative = negative(x ^ y, format) != negativeProduct;
    boolean addendNegative = negative(z, format) != negativeAddend;
    if (infinite && isInfinite(z, format) && negative != addendNegative) {
      return invalid(cpu, format);
    }
    denormals(cpu, x, y, format);
    denormals(cpu, z, z, format);
    if (infinite || isInfinite(z, format)) {
      return infinity(format) | ((infinite ? negative : addendNegative) ? sign(format) : 0);
    }
    if (zero) {
      if (isZero(z, format)) {
        return negative == addendNegative ? negative ? sign(format) : 0 : exactZero(cpu, format);
      }
      return round(cpu, addendNegative, exponent(z, format), significand(z, format), format);
    }
    // 128 bits, with bit 124 of the product standing for 2 to this exponent.
    int exponent = exponent(x, format) + exponent(y, format);
    long sx = significand(x, format);
    long sy = significand(y, format);
    long high = Math.multiplyHigh(sx, sy);
    long low = sx * sy;
    if (!isZero(z, format)) {
      long addendHigh = significand(z, format) >>> 2;
      long addendLow = significand(z, format) << 62;
      int distance = exponent - exponent(z, format);
      // The smaller one gives way; bit 0 keeps what it loses.
      if (distance >= 0) {
        long shiftedLow = shiftRightLow(addendHigh, addendLow, distance);
        addendHigh = distance > 63 ? 0 : addendHigh >>> distance;
        addendLow = shiftedLow;
      } else {
        long shiftedLow = shiftRightLow(high, low, -distance);
        high = -distance > 63 ? 0 : high >>> -distance;
        low = shiftedLow;
        exponent -= distance;
      }
      if (negative == addendNegative) {
        low += addendLow;
        high += addendHigh + (Long.compareUnsigned(low, addendLow) < 0 ? 1 : 0);
      } else {
        boolean borrow = Long.compareUnsigned(low, addendLow) < 0;
        low -= addendLow;
        high -= addendHigh + (borrow ? 1 : 0);
        if (high < 0) {
          high = ~high + (low == 0 ? 1 : 0);
          low = -low;
          negative = addendNegative;
        }
        if ((high | low) == 0) {
          return exactZero(cpu, format);
        }
      }
    }
    int shift =
        high != 0 ? Long.numberOfLeadingZeros(high) - 1 : Long.numberOfLeadingZeros(low) + 63;
    long significand;
    long rest;
    if (shift >= 64) {
      significand = low << shift - 64;
      rest = 0;
    } else if (shift <= 0) {
      // The leading one may be in the sign's place already, or in its own.
      significand = shift == 0 ? high : high >>> 1 | high & 1;
      rest = low;
    } else {
      significand = high << shift | low >>> 64 - shift;
      rest = low << shift;
    }
    if (shift == 63) {
      significand = low >>> 1;
      rest = low & 1;
    }
    return round(cpu, negative, exponent + 2 - shift, significand | (rest != 0 ? 1 : 0), format);
  }

  /** The low half of 128 bits shifted right; bit 0 keeps what falls out. */
  private static long shiftRightLow(long high, long low, int count) {
    if (count == 0) {
      return low;
    }
    if (count >= 128) {
      return (high | low) != 0 ? 1 : 0;
    }
    if (count >= 64) {
      int rest = count - 64;
      boolean lost = low != 0 || rest != 0 && high << 64 - rest != 0;
      return high >>> rest | (lost ? 1 : 0);
    }
    boolean lost = low << 64 - count != 0;
    return high << 64 - count | low >>> count | (lost ? 1 : 0);
  }

  /** MIN or MAX of operands that may be anything. */
  static long extreme(CpuState cpu, long a, long b, boolean greatest, int format) {
    a = flush(cpu, a, format);
    b = flush(cpu, b, format);
    if (isNan(a, format) || isNan(b, format)) {
      cpu.simdExceptions |= Simd.IE;
      return b;
    }
    denormals(cpu, a, b, format);
    double x = format == DOUBLE ? Double.longBitsToDouble(a) : Float.intBitsToFloat((int) a);
    double y = format == DOUBLE ? Double.longBitsToDouble(b) : Float.intBitsToFloat((int) b);
    return (greatest ? x > y : x < y) ? a : b;
  }

  /** The exceptions of a comparison. */
  static void checkComparison(CpuState cpu, long a, long b, boolean signaling, int format) {
    if (isNan(a, format) || isNan(b, format)) {
      if (signaling || isSignaling(a, format) || isSignaling(b, format)) {
        cpu.simdExceptions |= Simd.IE;
      }
    } else if ((cpu.mxcsr & Simd.DAZ) == 0) {
      denormals(cpu, a, b, format);
    }
  }
}
