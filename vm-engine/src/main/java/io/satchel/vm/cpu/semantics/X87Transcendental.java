package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.FpuState.C1;
import static io.satchel.vm.cpu.FpuState.C2;
import static io.satchel.vm.cpu.FpuState.DE;
import static io.satchel.vm.cpu.FpuState.PE;
import static io.satchel.vm.cpu.FpuState.UE;
import static io.satchel.vm.cpu.FpuState.ZE;
import static io.satchel.vm.cpu.semantics.Float80.BIAS;
import static io.satchel.vm.cpu.semantics.Float80.MAX;
import static io.satchel.vm.cpu.semantics.Float80.ONE;
import static io.satchel.vm.cpu.semantics.Float80.SIGN;

import io.satchel.vm.cpu.FpuResult;

/**
 * The transcendental instructions (Intel SDM volume 1, section 8.3.6; special operands by the
 * tables of volume 2), with some 50 guard bits: results are rounded as rounding control says and
 * are within one unit in the last place, nearly always correctly rounded. Precision control does
 * not matter.
 *
 * <p>Trigonometric arguments are reduced, exactly, by the 66-bit value of pi that Intel's
 * processors use.
 *
 * <p>Numbers inside are fractions of 128 bits, {@code high:low / 2^128}, or such a fraction in
 * [1/2, 1) and a power of two. The accumulator that the helpers work on is {@code significand}
 * (high) and {@code significand2} (low) of the {@link FpuResult}.
 */
final class X87Transcendental {

  private static final int FULL_PRECISION = 0x300;

  // pi/2 in units of 2^-65, 66 bits of it.
  private static final long HALF_PI_66_HIGH = 3;
  private static final long HALF_PI_66_LOW = 0x243F_6A88_85A3_08D3L;

  // pi / 4, ln 2 and 1 / (2 ln 2) as 128-bit fractions.
  private static final long QUARTER_PI_HIGH = 0xC90F_DAA2_2168_C234L;
  private static final long QUARTER_PI_LOW = 0xC4C6_628B_80DC_1CD1L;
  private static final long LN2_HIGH = 0xB172_17F7_D1CF_79ABL;
  private static final long LN2_LOW = 0xC9E3_B398_03F2_F6AFL;
  private static final long HALF_LOG2E_HIGH = 0xB8AA_3B29_5C17_F0BBL;
  private static final long HALF_LOG2E_LOW = 0xBE87_FED0_691D_3E88L;

  /** The square root of two as a significand. */
  private static final long SQRT2 = 0xB504_F333_F9DE_6484L;

  /** A table of 128-bit fractions: the entry's high word, then its low word. */
  private static final long[] SINE = factorials(2, 13);

  private static final long[] COSINE = factorials(1, 14);
  private static final long[] EXPONENTIAL = halfFactorials(29);
  private static final long[] ARC_TANGENT = oddReciprocals(3, 1, 11);
  private static final long[] LOGARITHM = oddReciprocals(1, 2, 24);

  /** atan(n / 32), n from 0 to 32. */
  private static final long[] ARC_TANGENTS = arcTangents();

  private X87Transcendental() {}

  // Tables, made once by dividing 128-bit fractions by small integers.

  private static long[] factorials(int first, int count) {
    // 1/3!, 1/5! ... (first = 2) or 1/2!, 1/4! ... (first = 1).
    long[] table = new long[2 * count];
    FpuResult r = new FpuResult();
    r.significand = ONE;
    r.significand2 = 0;
    if (first == 2) {
      divideSmall(r, 3);
    }
    int n = first + 1;
    for (int k = 0; k < count; k++) {
      table[2 * k] = r.significand;
      table[2 * k + 1] = r.significand2;
      divideSmall(r, (long) (n + 1) * (n + 2));
      n += 2;
    }
    return table;
  }

  /** 1 / (2 (k + 1)!). */
  private static long[] halfFactorials(int count) {
    long[] table = new long[2 * count];
    FpuResult r = new FpuResult();
    r.significand = ONE;
    for (int k = 0; k < count; k++) {
      table[2 * k] = r.significand;
      table[2 * k + 1] = r.significand2;
      divideSmall(r, k + 2);
    }
    return table;
  }

  /** 1 / (divisor first), 1 / (divisor (first + 2)) ... */
  private static long[] oddReciprocals(int first, int divisor, int count) {
    long[] table = new long[2 * count];
    FpuResult r = new FpuResult();
    for (int k = 0; k < count; k++) {
      r.significand = -1;
      r.significand2 = -1;
      divideSmall(r, (long) divisor * (first + 2 * k));
      table[2 * k] = r.significand;
      table[2 * k + 1] = r.significand2;
    }
    return table;
  }

  /** Euler's series: the sum of 2^2n n!^2 / (2n+1)! * x^(2n+1) / (1 + x^2)^(n+1). */
  private static long[] arcTangents() {
    long[] table = new long[2 * 33];
    FpuResult r = new FpuResult();
    for (int i = 1; i <= 32; i++) {
      // The first term: x / (1 + x^2) = 32 i / (1024 + i^2), at most 1/2.
      int below = 1024 + i * i;
      r.significand = -1;
      r.significand2 = -1;
      divideSmall(r, below);
      multiplySmall(r, 32L * i);
      long high = 0;
      long low = 0;
      for (int n = 0; (r.significand | r.significand2) != 0; n++) {
        low += r.significand2;
        high += r.significand + (Long.compareUnsigned(low, r.significand2) < 0 ? 1 : 0);
        divideSmall(r, (2L * n + 3) * below);
        multiplySmall(r, (2L * n + 2) * i * i);
      }
      table[2 * i] = high;
      table[2 * i + 1] = low;
    }
    return table;
  }

  private static void divideSmall(FpuResult r, long divisor) {
    long rest = 0;
    long high = 0;
    long low = 0;
    for (int shift = 96; shift >= 0; shift -= 32) {
      long word = shift >= 64 ? r.significand >>> shift - 64 : r.significand2 >>> shift;
      rest = rest << 32 | word & 0xFFFF_FFFFL;
      long digit = rest / divisor;
      rest -= digit * divisor;
      if (shift >= 64) {
        high |= digit << shift - 64;
      } else {
        low |= digit << shift;
      }
    }
    r.significand = high;
    r.significand2 = low;
  }

  private static void multiplySmall(FpuResult r, long factor) {
    r.significand = r.significand * factor + Math.unsignedMultiplyHigh(r.significand2, factor);
    r.significand2 *= factor;
  }

  // Arithmetic of 128-bit fractions.

  /** accumulator *= high:low. */
  private static void multiply(FpuResult r, long high, long low) {
    long a = r.significand;
    long cross = Math.unsignedMultiplyHigh(a, low);
    long other = Math.unsignedMultiplyHigh(r.significand2, high);
    long top = Math.unsignedMultiplyHigh(a, high);
    long bottom = a * high;
    bottom += cross;
    if (Long.compareUnsigned(bottom, cross) < 0) {
      top++;
    }
    bottom += other;
    if (Long.compareUnsigned(bottom, other) < 0) {
      top++;
    }
    r.significand = top;
    r.significand2 = bottom;
  }

  /** accumulator = high:low - accumulator. */
  private static void subtractFrom(FpuResult r, long high, long low) {
    long borrow = Long.compareUnsigned(low, r.significand2) < 0 ? 1 : 0;
    r.significand = high - r.significand - borrow;
    r.significand2 = low - r.significand2;
  }

  /** accumulator += high:low. */
  private static void add(FpuResult r, long high, long low) {
    r.significand2 += low;
    r.significand += high + (Long.compareUnsigned(r.significand2, low) < 0 ? 1 : 0);
  }

  /** accumulator = high:low >>> n. */
  private static void shiftRight(FpuResult r, long high, long low, int n) {
    if (n == 0) {
      r.significand = high;
      r.significand2 = low;
    } else if (n < 64) {
      r.significand = high >>> n;
      r.significand2 = low >>> n | high << 64 - n;
    } else {
      r.significand = 0;
      r.significand2 = n < 128 ? high >>> n - 64 : 0;
    }
  }

  /** Shifts the accumulator so that its highest bit is set; gives the number of places. */
  private static int normalize(FpuResult r) {
    int n = 0;
    if (r.significand == 0) {
      r.significand = r.significand2;
      r.significand2 = 0;
      n = 64;
    }
    int shift = Long.numberOfLeadingZeros(r.significand);
    if (shift != 0) {
      r.significand = r.significand << shift | r.significand2 >>> 64 - shift;
      r.significand2 <<= shift;
    }
    return n + shift;
  }

  /**
   * accumulator = table[0] + z * (table[1] + z * ...), z being {@code high:low}; with {@code
   * alternating} the signs alternate. Every partial sum is a fraction.
   */
  private static void series(FpuResult r, long[] table, long high, long low, boolean alternating) {
    int k = table.length - 2;
    r.significand = table[k];
    r.significand2 = table[k + 1];
    for (k -= 2; k >= 0; k -= 2) {
      multiply(r, high, low);
      if (alternating) {
        subtractFrom(r, table[k], table[k + 1]);
      } else {
        add(r, table[k], table[k + 1]);
      }
    }
  }

  /** accumulator = 1 - z * (table[0] - z * (table[1] - ...)), below one. */
  private static void oneMinusSeries(FpuResult r, long[] table, long high, long low) {
    series(r, table, high, low, true);
    multiply(r, high, low);
    if ((r.significand | r.significand2) == 0) {
      r.significand2 = 1;
    }
    subtractFrom(r, 0, 0);
  }

  /**
   * accumulator = (nHigh:nLow) / (dHigh:dLow), both with their highest bit set, as a fraction with
   * its highest bit set; gives the exponent: 1 when the quotient is one or more, else 0.
   */
  private static int quotient(FpuResult r, long nHigh, long nLow, long dHigh, long dLow) {
    int exponent = 0;
    int order = Long.compareUnsigned(nHigh, dHigh);
    if (order > 0 || order == 0 && Long.compareUnsigned(nLow, dLow) >= 0) {
      nLow = nLow >>> 1 | nHigh << 63;
      nHigh >>>= 1;
      exponent = 1;
    }
    long q1 = nHigh == dHigh ? -1L : Float80.divide(nHigh, nLow, dHigh);
    // n * 2^64 - q1 * d, of which the highest word vanishes once q1 is right.
    long productLow = q1 * dLow;
    long cross = Math.unsignedMultiplyHigh(q1, dLow);
    long productMiddle = q1 * dHigh + cross;
    long productHigh =
        Math.unsignedMultiplyHigh(q1, dHigh)
            + (Long.compareUnsigned(productMiddle, cross) < 0 ? 1 : 0);
    long restLow = -productLow;
    long borrow = productLow != 0 ? 1 : 0;
    long restMiddle = nLow - productMiddle - borrow;
    borrow =
        Long.compareUnsigned(nLow, productMiddle) < 0 || borrow != 0 && nLow == productMiddle
            ? 1
            : 0;
    long restHigh = nHigh - productHigh - borrow;
    while (restHigh < 0) {
      q1--;
      restLow += dLow;
      long carry = Long.compareUnsigned(restLow, dLow) < 0 ? 1 : 0;
      long sum = restMiddle + dHigh;
      long carry2 = Long.compareUnsigned(sum, dHigh) < 0 ? 1 : 0;
      restMiddle = sum + carry;
      restHigh += carry2 + (carry != 0 && restMiddle == 0 ? 1 : 0);
    }
    long q0 =
        Long.compareUnsigned(restMiddle, dHigh) >= 0
            ? -1L
            : Float80.divide(restMiddle, restLow, dHigh);
    r.significand = q1;
    r.significand2 = q0;
    return exponent - normalize(r);
  }

  /** Rounds accumulator * 2^x, which is never exact. */
  private static void round(FpuResult r, int control, int sign, int x) {
    int shift = normalize(r);
    Float80.round(
        r, control | FULL_PRECISION, sign, x - shift + BIAS - 1, r.significand, r.significand2 | 1);
  }

  // Sine, cosine, tangent.

  /** FSIN. */
  static void sine(FpuResult r, int control, long a, int ae) {
    if (trigonometricSpecial(r, control, a, ae)) {
      return;
    }
    if (a == 0) {
      r.set(0, ae);
      return;
    }
    int denormal = (ae & MAX) == 0 ? DE : 0;
    int quadrant = reduce(r, a, ae & MAX);
    sineOrCosine(r, control, ae & SIGN, quadrant);
    r.exceptions |= denormal;
  }

  /** FCOS. */
  static void cosine(FpuResult r, int control, long a, int ae) {
    if (trigonometricSpecial(r, control, a, ae)) {
      return;
    }
    if (a == 0) {
      r.set(ONE, BIAS);
      return;
    }
    int denormal = (ae & MAX) == 0 ? DE : 0;
    int quadrant = reduce(r, a, ae & MAX);
    sineOrCosine(r, control, 0, quadrant + 1);
    r.exceptions |= denormal;
  }

  /** FSINCOS: the sine in the first result, the cosine in the second. */
  static void sineCosine(FpuResult r, int control, long a, int ae) {
    cosine(r, control, a, ae);
    long cosine = r.significand;
    int cosineExponent = r.signExponent;
    int exceptions = r.exceptions;
    sine(r, control, a, ae);
    r.significand2 = cosine;
    r.signExponent2 = cosineExponent;
    r.exceptions |= exceptions & ~C1;
  }

  /** FPTAN: the tangent in the first result, 1.0 in the second. */
  static void tangent(FpuResult r, int control, long a, int ae) {
    if (trigonometricSpecial(r, control, a, ae)) {
      r.significand2 = r.significand;
      r.signExponent2 = r.signExponent;
      return;
    }
    if (a == 0) {
      r.set(0, ae);
    } else {
      int denormal = (ae & MAX) == 0 ? DE : 0;
      tangentOf(r, control, a, ae);
      r.exceptions |= denormal;
    }
    r.significand2 = ONE;
    r.signExponent2 = BIAS;
  }

  private static void tangentOf(FpuResult r, int control, long a, int ae) {
    int quadrant = reduce(r, a, ae & MAX);
    int sign = ae & SIGN ^ r.exceptions;
    long high = r.significand;
    long low = r.significand2;
    int x = r.signExponent2;
    if (x < -40 && (quadrant & 1) == 0) {
      // Just above the argument.
      round(r, control, sign, x);
      return;
    }
    shiftRight(r, high, low, -x);
    multiply(r, r.significand, r.significand2);
    long squareHigh = r.significand;
    long squareLow = r.significand2;
    oneMinusSeries(r, COSINE, squareHigh, squareLow);
    long cosineHigh = r.significand;
    long cosineLow = r.significand2;
    oneMinusSeries(r, SINE, squareHigh, squareLow);
    multiply(r, high, low);
    x -= normalize(r);
    if ((quadrant & 1) == 0) {
      x += quotient(r, r.significand, r.significand2, cosineHigh, cosineLow);
    } else {
      sign ^= SIGN;
      x = -x + quotient(r, cosineHigh, cosineLow, r.significand, r.significand2);
    }
    round(r, control, sign, x);
  }

  /** NaNs, infinities, arguments out of range, and unmasked denormals. */
  private static boolean trigonometricSpecial(FpuResult r, int control, long a, int ae) {
    if (Float80.propagate(r, a, ae)) {
      return true;
    }
    int x = ae & MAX;
    if (x == MAX) {
      Float80.invalid(r);
      return true;
    }
    if (x >= BIAS + 63) {
      r.set(a, ae);
      r.exceptions = C2;
      return true;
    }
    if (Float80.denormal(a, x) && (control & DE) == 0) {
      r.exceptions = DE;
      return true;
    }
    return false;
  }

  /**
   * Reduces a positive argument to the nearest multiple of pi/2: gives which, and leaves the
   * magnitude of the rest, at most pi/4, in the accumulator with its power of two in {@code
   * signExponent2} and its sign in {@code exceptions}.
   */
  private static int reduce(FpuResult r, long a, int exponent) {
    int shift = Long.numberOfLeadingZeros(a);
    a <<= shift;
    int x = Math.max(exponent, 1) - shift - BIAS + 1;
    r.exceptions = 0;
    if (x < 0 || x == 0 && Long.compareUnsigned(a, QUARTER_PI_HIGH) <= 0) {
      r.significand = a;
      r.significand2 = 0;
      r.signExponent2 = x;
      return 0;
    }
    // a * 2^(x - 64) in units of 2^-65: a, shifted left by x + 1 with a remainder taken each time.
    long high = 0;
    long low = a;
    int quotient = 0;
    for (int n = 0; n <= x; n++) {
      high = high << 1 | low >>> 63;
      low <<= 1;
      quotient <<= 1;
      if (high > HALF_PI_66_HIGH
          || high == HALF_PI_66_HIGH && Long.compareUnsigned(low, HALF_PI_66_LOW) >= 0) {
        high -= HALF_PI_66_HIGH + (Long.compareUnsigned(low, HALF_PI_66_LOW) < 0 ? 1 : 0);
        low -= HALF_PI_66_LOW;
        quotient |= 1;
      }
    }
    long otherLow = HALF_PI_66_LOW - low;
    long otherHigh =
        HALF_PI_66_HIGH - high - (Long.compareUnsigned(HALF_PI_66_LOW, low) < 0 ? 1 : 0);
    if (high > otherHigh || high == otherHigh && Long.compareUnsigned(low, otherLow) > 0) {
      high = otherHigh;
      low = otherLow;
      quotient++;
      r.exceptions = SIGN;
    }
    r.significand = high;
    r.significand2 = low;
    r.signExponent2 = 128 - 65 - normalize(r);
    return quotient;
  }

  private static void sineOrCosine(FpuResult r, int control, int sign, int quadrant) {
    long high = r.significand;
    long low = r.significand2;
    int x = r.signExponent2;
    boolean cosine = (quadrant & 1) != 0;
    if ((quadrant & 2) != 0) {
      sign ^= SIGN;
    }
    if (!cosine) {
      sign ^= r.exceptions;
    }
    shiftRight(r, high, low, -x);
    multiply(r, r.significand, r.significand2);
    if (cosine) {
      oneMinusSeries(r, COSINE, r.significand, r.significand2);
      x = 0;
    } else {
      oneMinusSeries(r, SINE, r.significand, r.significand2);
      multiply(r, high, low);
    }
    round(r, control, sign, x);
  }

  // 2^x - 1.

  /** F2XM1. Outside of -1 to 1, where the manual leaves it open, the argument itself. */
  static void f2xm1(FpuResult r, int control, long a, int ae) {
    if (Float80.propagate(r, a, ae)) {
      return;
    }
    int exponent = ae & MAX;
    boolean negative = (ae & SIGN) != 0;
    r.set(a, ae);
    if (exponent == MAX) {
      if (negative) {
        r.set(ONE, SIGN | BIAS);
      }
      return;
    }
    if (a == 0) {
      return;
    }
    int denormal = exponent == 0 ? DE : 0;
    if (denormal != 0 && (control & DE) == 0) {
      r.exceptions = DE;
      return;
    }
    if (exponent >= BIAS) {
      if (negative && exponent == BIAS && a == ONE) {
        r.set(ONE, SIGN | BIAS - 1);
      }
      r.exceptions = PE;
      return;
    }
    int shift = Long.numberOfLeadingZeros(a);
    r.significand = a << shift;
    r.significand2 = 0;
    multiply(r, LN2_HIGH, LN2_LOW);
    int x = Math.max(exponent, 1) - shift - BIAS + 1 - normalize(r);
    long high = r.significand;
    long low = r.significand2;
    shiftRight(r, high, low, -x);
    series(r, EXPONENTIAL, r.significand, r.significand2, negative);
    multiply(r, high, low);
    round(r, control, ae & SIGN, x + 1);
    r.exceptions |= denormal;
  }

  // y * log2(x).

  /** FYL2X: y * log2(x). */
  static void fyl2x(FpuResult r, int control, long x, int xe, long y, int ye) {
    if (Float80.propagate(r, x, xe, y, ye)) {
      return;
    }
    int exponent = xe & MAX;
    int sign = ye & SIGN;
    boolean yInfinite = (ye & MAX) == MAX;
    if ((xe & SIGN) != 0 && x != 0) {
      Float80.invalid(r);
      return;
    }
    int denormal = Float80.denormal(x, exponent) || Float80.denormal(y, ye & MAX) ? DE : 0;
    if (x == 0) {
      if (y == 0) {
        Float80.invalid(r);
        return;
      }
      r.set(ONE, (sign ^ SIGN) | MAX);
      r.exceptions = yInfinite ? 0 : ZE;
      return;
    }
    boolean one = exponent == BIAS && x == ONE;
    if (exponent == MAX && y == 0 || one && yInfinite) {
      Float80.invalid(r);
      return;
    }
    if (denormal != 0 && (control & DE) == 0) {
      r.exceptions = DE;
      return;
    }
    int below = exponent < BIAS ? SIGN : 0;
    if (exponent == MAX || yInfinite) {
      r.set(ONE, (sign ^ below) | MAX);
    } else if (one || y == 0) {
      r.set(0, sign ^ below);
    } else {
      int shift = Long.numberOfLeadingZeros(x);
      x <<= shift;
      int e = Math.max(exponent, 1) - shift - BIAS;
      boolean exact = logarithm(r, x, 0, e);
      multiplied(r, control, sign, y, ye & MAX, exact);
    }
    r.exceptions |= denormal;
  }

  /** FYL2XP1: y * log2(x + 1). From -1 down, where the manual leaves it open, x itself. */
  static void fyl2xp1(FpuResult r, int control, long x, int xe, long y, int ye) {
    if (Float80.propagate(r, x, xe, y, ye)) {
      return;
    }
    int exponent = xe & MAX;
    boolean negative = (xe & SIGN) != 0;
    int sign = ye & SIGN;
    boolean yInfinite = (ye & MAX) == MAX;
    boolean infinite = exponent == MAX;
    if (infinite && (negative || y == 0) || x == 0 && yInfinite) {
      Float80.invalid(r);
      return;
    }
    int denormal = Float80.denormal(x, exponent) || Float80.denormal(y, ye & MAX) ? DE : 0;
    if (denormal != 0 && (control & DE) == 0) {
      r.exceptions = DE;
      return;
    }
    if (infinite || yInfinite) {
      r.set(ONE, sign ^ xe & SIGN | MAX);
    } else if (x == 0 || y == 0) {
      r.set(0, sign ^ xe & SIGN);
    } else if (negative && exponent >= BIAS) {
      r.set(x, xe);
      r.exceptions = PE;
    } else {
      int shift = Long.numberOfLeadingZeros(x);
      x <<= shift;
      int e = Math.max(exponent, 1) - shift - BIAS + 1;
      if (e < -1) {
        // Below a quarter: as it is, for the bits of a small argument.
        shiftRight(r, x, 0, Math.min(2 - e, 128));
        if (negative) {
          subtractFrom(r, ONE, 0);
        } else {
          add(r, ONE, 0);
        }
        int down = normalize(r);
        e += quotient(r, x, 0, r.significand, r.significand2) - 2 + down;
        logarithmOfRatio(r, e);
        multiplied(r, control, sign ^ xe & SIGN, y, ye & MAX, false);
      } else {
        boolean exact = logarithmOfSum(r, x, e, negative);
        multiplied(r, control, sign, y, ye & MAX, exact);
      }
    }
    r.exceptions |= denormal;
  }

  /** The logarithm of 1 + x, x being at least a quarter in magnitude. */
  private static boolean logarithmOfSum(FpuResult r, long x, int e, boolean negative) {
    if (negative) {
      shiftRight(r, x, 0, -e);
      subtractFrom(r, 0, 0);
      int shift = normalize(r);
      return logarithm(r, r.significand, r.significand2, -1 - shift);
    }
    if (e <= 0) {
      // 1 + x below two: x's fraction beside the integer bit.
      shiftRight(r, x, 0, 1 - e);
      add(r, ONE, 0);
      return logarithm(r, r.significand, r.significand2, 0);
    }
    shiftRight(r, ONE, 0, Math.min(e - 1, 128));
    r.significand2 |= e > 128 ? 1 : 0;
    long one = r.significand;
    long rest = r.significand2;
    long sum = x + one;
    boolean carry = Long.compareUnsigned(sum, x) < 0;
    if (carry) {
      shiftRight(r, sum, rest, 1);
      r.significand |= ONE;
      return logarithm(r, r.significand, r.significand2, e);
    }
    return logarithm(r, sum, rest, e - 1);
  }

  /**
   * log2(m * 2^e), m being {@code high:low / 2^127} in [1, 2), not 1 with e 0: the accumulator with
   * its power of two in {@code signExponent2}, the sign in {@code signExponent}. True when exact.
   */
  private static boolean logarithm(FpuResult r, long high, long low, int e) {
    if (high == ONE && low == 0) {
      r.significand = Math.abs((long) e);
      r.significand2 = 0;
      r.signExponent = e < 0 ? SIGN : 0;
      r.signExponent2 = 64 - normalize(r);
      return true;
    }
    int sign = 0;
    int numerator;
    int denominator;
    if (Long.compareUnsigned(high, SQRT2) >= 0) {
      // m / 2: (1 - m / 2) / (1 + m / 2), in units of 2^-128.
      e++;
      sign = SIGN;
      r.significand = high;
      r.significand2 = low;
      subtractFrom(r, 0, 0);
      numerator = -normalize(r);
      long nHigh = r.significand;
      long nLow = r.significand2;
      shiftRight(r, high, low, 1);
      r.significand |= ONE;
      denominator = 1;
      numerator += quotient(r, nHigh, nLow, r.significand, r.significand2) - denominator;
    } else {
      // (m - 1) / (m + 1).
      r.significand = high & Long.MAX_VALUE;
      r.significand2 = low;
      numerator = 1 - normalize(r);
      long nHigh = r.significand;
      long nLow = r.significand2;
      shiftRight(r, high, low, 1);
      add(r, 1L << 62, 0);
      int shift = normalize(r);
      denominator = 2 - shift;
      numerator += quotient(r, nHigh, nLow, r.significand, r.significand2) - denominator;
    }
    logarithmOfRatio(r, numerator);
    r.signExponent = sign;
    if (e == 0) {
      return false;
    }
    // The integer e with 16 bits before the point, and the fraction added or subtracted.
    shiftRight(r, r.significand, r.significand2, Math.min(16 - r.signExponent2, 128));
    long whole = (long) Math.abs(e) << 48;
    if (e < 0 == (sign != 0)) {
      add(r, whole, 0);
    } else {
      subtractFrom(r, whole, 0);
    }
    r.signExponent = e < 0 ? SIGN : 0;
    r.signExponent2 = 16 - normalize(r);
    return false;
  }

  /**
   * log2((1 + s) / (1 - s)) = 2 / ln 2 * (s + s^3/3 + s^5/5 ...), s being the accumulator times
   * {@code 2^x}, at most 0.172.
   */
  private static void logarithmOfRatio(FpuResult r, int x) {
    long high = r.significand;
    long low = r.significand2;
    shiftRight(r, high, low, Math.min(-x, 128));
    multiply(r, r.significand, r.significand2);
    series(r, LOGARITHM, r.significand, r.significand2, false);
    multiply(r, high, low);
    multiply(r, HALF_LOG2E_HIGH, HALF_LOG2E_LOW);
    // Half the sum, times half of log2(e), times 2 is 1/8 of the value.
    r.signExponent2 = x + 3 - normalize(r);
    r.signExponent = 0;
  }

  private static void multiplied(
      FpuResult r, int control, int sign, long y, int exponent, boolean exact) {
    int shift = Long.numberOfLeadingZeros(y);
    y <<= shift;
    int x = r.signExponent2 + Math.max(exponent, 1) - shift - BIAS + 1;
    int resultSign = sign ^ r.signExponent;
    if (exact) {
      long high = Math.unsignedMultiplyHigh(r.significand, y);
      long low = r.significand * y;
      r.significand = high;
      r.significand2 = low;
      int n = normalize(r);
      Float80.round(
          r, control | FULL_PRECISION, resultSign, x - n + BIAS - 1, r.significand, r.significand2);
      // Hardware does not notice that it is.
      r.exceptions |= (r.signExponent & MAX) == 0 ? PE | UE : PE;
      return;
    }
    multiply(r, y, 0);
    round(r, control, resultSign, x);
  }

  // Arc tangent.

  /** FPATAN: the angle of the point (x, y). */
  static void fpatan(FpuResult r, int control, long x, int xe, long y, int ye) {
    if (Float80.propagate(r, x, xe, y, ye)) {
      return;
    }
    int sign = ye & SIGN;
    boolean left = (xe & SIGN) != 0;
    boolean xInfinite = (xe & MAX) == MAX;
    boolean yInfinite = (ye & MAX) == MAX;
    int denormal = Float80.denormal(x, xe & MAX) || Float80.denormal(y, ye & MAX) ? DE : 0;
    if (denormal != 0 && (control & DE) == 0) {
      r.exceptions = DE;
      return;
    }
    if (yInfinite) {
      quarters(r, control, sign, xInfinite ? left ? 3 : 1 : 2);
    } else if (xInfinite || y == 0) {
      if (left) {
        quarters(r, control, sign, 4);
      } else {
        r.set(0, sign);
      }
    } else if (x == 0) {
      quarters(r, control, sign, 2);
    } else {
      angle(r, control, sign, left, x, xe & MAX, y, ye & MAX);
    }
    r.exceptions |= denormal;
  }

  /** A multiple of pi / 4. */
  private static void quarters(FpuResult r, int control, int sign, int n) {
    if (n == 3) {
      // 3/4 of pi, over four: 0.589.
      shiftRight(r, QUARTER_PI_HIGH, QUARTER_PI_LOW, 2);
      subtractFrom(r, QUARTER_PI_HIGH, QUARTER_PI_LOW);
      round(r, control, sign, 2);
      return;
    }
    r.significand = QUARTER_PI_HIGH;
    r.significand2 = QUARTER_PI_LOW;
    round(r, control, sign, n >> 1);
  }

  private static void angle(
      FpuResult r, int control, int sign, boolean left, long x, int xe, long y, int ye) {
    int shift = Long.numberOfLeadingZeros(x);
    x <<= shift;
    xe = Math.max(xe, 1) - shift;
    shift = Long.numberOfLeadingZeros(y);
    y <<= shift;
    ye = Math.max(ye, 1) - shift;
    boolean steep = ye > xe || ye == xe && Long.compareUnsigned(y, x) > 0;
    int exponent;
    if (steep) {
      exponent = xe - ye + quotient(r, x, 0, y, 0);
    } else {
      exponent = ye - xe + quotient(r, y, 0, x, 0);
    }
    if (exponent > 0) {
      // Equal: an eighth of a turn.
      quarters(r, control, sign, left ? 3 : 1);
      return;
    }
    int nearest = exponent <= -6 ? 0 : (int) ((r.significand >>> 58 - exponent) + 1 >>> 1);
    if (nearest == 0) {
      exponent = arcTangentSeries(r, exponent);
      if (!steep && !left) {
        round(r, control, sign, exponent);
        return;
      }
      shiftRight(r, r.significand, r.significand2, Math.min(2 - exponent, 128));
    } else {
      // (t - c) / (1 + t c), c = nearest / 32; then the sum with c's own angle.
      shiftRight(r, r.significand, r.significand2, -exponent);
      long tHigh = r.significand;
      long tLow = r.significand2;
      long cHigh = nearest == 32 ? 0 : (long) nearest << 59;
      boolean above = nearest != 32 && Long.compareUnsigned(tHigh, cHigh) >= 0;
      if (above) {
        r.significand -= cHigh;
      } else {
        subtractFrom(r, cHigh, 0);
      }
      boolean equal = (r.significand | r.significand2) == 0;
      if (!equal) {
        int n = -normalize(r);
        long nHigh = r.significand;
        long nLow = r.significand2;
        // t c / 2 + 1 / 2.
        r.significand = tHigh;
        r.significand2 = tLow;
        multiply(r, (long) nearest << 57, 0);
        shiftLeft(r, 1);
        r.significand |= ONE;
        n += quotient(r, nHigh, nLow, r.significand, r.significand2) - 1;
        n = arcTangentSeries(r, n);
        shiftRight(r, r.significand, r.significand2, Math.min(2 - n, 128));
      }
      long high = ARC_TANGENTS[2 * nearest];
      long low = ARC_TANGENTS[2 * nearest + 1];
      low = low >>> 2 | high << 62;
      high >>>= 2;
      if (above) {
        add(r, high, low);
      } else {
        subtractFrom(r, high, low);
      }
    }
    // The accumulator is a quarter of the angle in the first eighth.
    if (steep) {
      subtractFrom(r, QUARTER_PI_HIGH >>> 1, QUARTER_PI_LOW >>> 1 | QUARTER_PI_HIGH << 63);
    }
    if (left) {
      subtractFrom(r, QUARTER_PI_HIGH, QUARTER_PI_LOW);
    }
    round(r, control, sign, 2);
  }

  private static void shiftLeft(FpuResult r, int n) {
    r.significand = r.significand << n | r.significand2 >>> 64 - n;
    r.significand2 <<= n;
  }

  /** atan of accumulator * 2^x, at most 1/63, normalized; gives the new power of two. */
  private static int arcTangentSeries(FpuResult r, int x) {
    long high = r.significand;
    long low = r.significand2;
    shiftRight(r, high, low, Math.min(-x, 128));
    multiply(r, r.significand, r.significand2);
    oneMinusSeries(r, ARC_TANGENT, r.significand, r.significand2);
    multiply(r, high, low);
    return x - normalize(r);
  }
}
