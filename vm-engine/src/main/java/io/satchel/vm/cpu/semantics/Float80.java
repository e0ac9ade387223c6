package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.FpuState.C0;
import static io.satchel.vm.cpu.FpuState.C1;
import static io.satchel.vm.cpu.FpuState.C2;
import static io.satchel.vm.cpu.FpuState.C3;
import static io.satchel.vm.cpu.FpuState.DE;
import static io.satchel.vm.cpu.FpuState.IE;
import static io.satchel.vm.cpu.FpuState.OE;
import static io.satchel.vm.cpu.FpuState.PE;
import static io.satchel.vm.cpu.FpuState.UE;
import static io.satchel.vm.cpu.FpuState.ZE;

import io.satchel.vm.cpu.FpuResult;

/**
 * Double extended-precision arithmetic as the x87 does it (Intel SDM volume 1, sections 4.8, 4.9
 * and 8.5), bit for bit.
 *
 * <p>A number is a pair: a {@code long} significand with an explicit integer bit, and an {@code
 * int} with the sign in bit 15 and the exponent, biased by 16383, in bits 14-0. Methods are pure:
 * they read their arguments and fill the {@link FpuResult} they are handed. {@code control} is FCW:
 * rounding control, precision control where the manual says so, and the exception masks, which
 * decide the value (an unmasked overflow or underflow gives a result with its exponent adjusted by
 * 24576). An exception before the operation (IE, ZE, DE) that is unmasked leaves the result's value
 * meaningless, because hardware then stores nothing; with DE unmasked no later exception is found.
 *
 * <p>Inside, a value on its way to {@link #round} is 128 bits: a significand with bit 63 set, and a
 * second word of lower bits, whose bit 0 also stands for everything below.
 */
public final class Float80 {

  /** Bias of the exponent. */
  static final int BIAS = 0x3FFF;

  /** The exponent of infinities and NaNs. */
  static final int MAX = 0x7FFF;

  static final int SIGN = 0x8000;

  /** The integer bit: the significand of 1.0 and of infinity. */
  static final long ONE = Long.MIN_VALUE;

  static final long QUIET = 1L << 62;

  /** Real indefinite, the quiet NaN that masked invalid operations give. */
  static final long INDEFINITE = ONE | QUIET;

  static final int INDEFINITE_SIGN_EXPONENT = 0xFFFF;

  /** What an unmasked overflow subtracts from the exponent and an unmasked underflow adds. */
  private static final int BIAS_ADJUST = 24576;

  /** In the exceptions of {@link #remainder}: there was a division. */
  static final int DIVIDED = 1 << 16;

  private static final int PRECISION = 0x300;

  /** Round to nearest, precision control 64 bits: the common case. */
  private static final int NEAREST_64 = 0x300;

  private static final int ROUND_AND_PRECISION = 0xF00;

  /** Rounding control, bits 11-10 of FCW. */
  static final int RC = 0xC00;

  static final int RC_DOWN = 0x400;
  static final int RC_UP = 0x800;
  static final int RC_ZERO = 0xC00;

  private static final long LOW_32 = 0xFFFF_FFFFL;

  private Float80() {}

  // Classification. Exponents come without the sign.

  /** Unnormals, pseudo-infinities and pseudo-NaNs: formats the 387 and its successors refuse. */
  static boolean unsupported(long significand, int exponent) {
    return significand >= 0 && exponent != 0;
  }

  static boolean nan(long significand, int exponent) {
    return exponent == MAX && significand < 0 && significand << 1 != 0;
  }

  static boolean signaling(long significand, int exponent) {
    return exponent == MAX && significand < 0 && significand << 1 > 0;
  }

  /** Denormals and pseudo-denormals. */
  static boolean denormal(long significand, int exponent) {
    return exponent == 0 && significand != 0;
  }

  private static boolean normal(long significand, int exponent) {
    return significand < 0 && exponent != 0 && exponent != MAX;
  }

  /** The masked response to an invalid operation. */
  static void invalid(FpuResult r) {
    r.significand = INDEFINITE;
    r.signExponent = INDEFINITE_SIGN_EXPONENT;
    r.exceptions = IE;
  }

  /**
   * Answers for operands that are unsupported or NaNs (SDM volume 1, table 4-7); false when neither
   * is.
   */
  static boolean propagate(FpuResult r, long a, int ae, long b, int be) {
    int x = ae & MAX;
    int y = be & MAX;
    if (unsupported(a, x) || unsupported(b, y)) {
      invalid(r);
      return true;
    }
    boolean aNan = nan(a, x);
    boolean bNan = nan(b, y);
    if (!aNan && !bNan) {
      return false;
    }
    boolean aSignaling = signaling(a, x);
    boolean bSignaling = signaling(b, y);
    boolean first;
    if (!bNan) {
      first = true;
    } else if (!aNan) {
      first = false;
    } else if (aSignaling != bSignaling) {
      first = bSignaling;
    } else {
      int order = Long.compareUnsigned(a, b);
      first = order > 0 || order == 0 && ae < be;
    }
    r.significand = (first ? a : b) | QUIET;
    r.signExponent = first ? ae : be;
    r.exceptions = aSignaling || bSignaling ? IE : 0;
    return true;
  }

  /** As {@link #propagate} for one operand. */
  static boolean propagate(FpuResult r, long a, int ae) {
    int x = ae & MAX;
    if (unsupported(a, x)) {
      invalid(r);
      return true;
    }
    if (!nan(a, x)) {
      return false;
    }
    r.significand = a | QUIET;
    r.signExponent = ae;
    r.exceptions = signaling(a, x) ? IE : 0;
    return true;
  }

  // Rounding.

  /** How many low bits of the significand precision control leaves out. */
  private static int dropped(int control) {
    return switch (control & PRECISION) {
      case 0x000 -> 40;
      case 0x200 -> 11;
      default -> 0;
    };
  }

  /**
   * Whether rounding {@code significand:low} to its upper {@code 64 - drop} bits goes up in
   * magnitude.
   */
  private static boolean roundsUp(int control, int sign, int drop, long significand, long low) {
    long rest = rest(drop, significand, low);
    return switch (control & RC) {
      case RC_DOWN -> sign != 0 && rest != 0;
      case RC_UP -> sign == 0 && rest != 0;
      case RC_ZERO -> false;
      default -> rest < 0 && (rest != Long.MIN_VALUE || (significand >>> drop & 1) != 0);
    };
  }

  /** The bits below the rounding position, at the top of a word. */
  private static long rest(int drop, long significand, long low) {
    return drop == 0 ? low : significand << 64 - drop | (low != 0 ? 1 : 0);
  }

  /**
   * Rounds and packs: the value is {@code significand:low * 2^(exponent - 16383 - 63)}, bit 63 set.
   *
   * @param sign 0 or 8000h
   * @param exponent biased, but unbounded
   */
  static void round(FpuResult r, int control, int sign, int exponent, long significand, long low) {
    if ((control & ROUND_AND_PRECISION) == NEAREST_64 && exponent > 0 && exponent < MAX - 1) {
      if (low >= 0) {
        r.significand = significand;
        r.signExponent = sign | exponent;
        r.exceptions = low == 0 ? 0 : PE;
      } else if (low == Long.MIN_VALUE && (significand & 1) == 0) {
        r.significand = significand;
        r.signExponent = sign | exponent;
        r.exceptions = PE;
      } else if (significand == -1) {
        r.significand = ONE;
        r.signExponent = sign | exponent + 1;
        r.exceptions = PE | C1;
      } else {
        r.significand = significand + 1;
        r.signExponent = sign | exponent;
        r.exceptions = PE | C1;
      }
      return;
    }
    roundAnywhere(r, control, sign, exponent, significand, low);
  }

  private static void roundAnywhere(
      FpuResult r, int control, int sign, int exponent, long significand, long low) {
    int drop = dropped(control);
    if (exponent <= 0) {
      // Tiny means: below the smallest normal number after rounding as if the exponent had no
      // bounds.
      boolean tiny =
          exponent < 0
              || significand >> drop != -1
              || !roundsUp(control, sign, drop, significand, low);
      if (!tiny || (control & UE) != 0) {
        roundDenormal(r, control, sign, exponent, drop, significand, low);
        if (tiny && (r.exceptions & PE) != 0) {
          r.exceptions |= UE;
        }
        return;
      }
      roundNormal(r, control, sign, exponent + BIAS_ADJUST, drop, significand, low);
      r.exceptions |= UE;
      return;
    }
    roundNormal(r, control, sign, exponent, drop, significand, low);
  }

  private static void roundDenormal(
      FpuResult r, int control, int sign, int exponent, int drop, long significand, long low) {
    int n = 1 - exponent;
    long shifted;
    long rest;
    if (n < 64) {
      shifted = significand >>> n;
      rest = significand << 64 - n | (low != 0 ? 1 : 0);
    } else if (n < 128) {
      shifted = 0;
      rest = shiftRightSticky(significand, n - 64) | (low != 0 ? 1 : 0);
    } else {
      shifted = 0;
      rest = 1;
    }
    long unit = 1L << drop;
    boolean up = roundsUp(control, sign, drop, shifted, rest);
    long kept = (shifted & -unit) + (up ? unit : 0);
    r.significand = kept;
    r.signExponent = sign | (kept < 0 ? 1 : 0);
    r.exceptions = (rest(drop, shifted, rest) != 0 ? PE : 0) | (up ? C1 : 0);
  }

  private static void roundNormal(
      FpuResult r, int control, int sign, int exponent, int drop, long significand, long low) {
    long unit = 1L << drop;
    boolean up = roundsUp(control, sign, drop, significand, low);
    boolean inexact = rest(drop, significand, low) != 0;
    long kept = (significand & -unit) + (up ? unit : 0);
    int x = exponent;
    if (kept == 0) {
      kept = ONE;
      x++;
    }
    int exceptions = (inexact ? PE : 0) | (up ? C1 : 0);
    if (x >= MAX) {
      if ((control & OE) != 0) {
        overflow(r, control, sign, drop);
        return;
      }
      x -= BIAS_ADJUST;
      exceptions |= OE;
    }
    r.significand = kept;
    r.signExponent = sign | x;
    r.exceptions = exceptions;
  }

  /** The masked response to an overflow (SDM volume 1, table 4-10). */
  private static void overflow(FpuResult r, int control, int sign, int drop) {
    boolean largest =
        switch (control & RC) {
          case RC_DOWN -> sign == 0;
          case RC_UP -> sign != 0;
          case RC_ZERO -> true;
          default -> false;
        };
    if (largest) {
      r.significand = -1L << drop;
      r.signExponent = sign | MAX - 1;
      r.exceptions = OE | PE;
    } else {
      r.significand = ONE;
      r.signExponent = sign | MAX;
      r.exceptions = OE | PE | C1;
    }
  }

  /** {@code value >>> n} for n from 0 to 63, bit 0 set when a one was shifted out. */
  private static long shiftRightSticky(long value, int n) {
    long shifted = value >>> n;
    return shifted << n == value ? shifted : shifted | 1;
  }

  // Add and subtract.

  /** a + b. */
  public static void add(FpuResult r, int control, long a, int ae, long b, int be) {
    addOrSubtract(r, control, a, ae, b, be, 0);
  }

  /** a - b. */
  public static void subtract(FpuResult r, int control, long a, int ae, long b, int be) {
    addOrSubtract(r, control, a, ae, b, be, SIGN);
  }

  private static void addOrSubtract(
      FpuResult r, int control, long a, int ae, long b, int be, int negate) {
    int x = ae & MAX;
    int y = be & MAX;
    if (normal(a, x) && normal(b, y)) {
      sum(r, control, ae & SIGN, x, a, (be ^ negate) & SIGN, y, b);
      return;
    }
    if (propagate(r, a, ae, b, be)) {
      return;
    }
    int denormal = denormal(a, x) || denormal(b, y) ? DE : 0;
    int signA = ae & SIGN;
    int signB = (be ^ negate) & SIGN;
    if (x == MAX) {
      if (y == MAX && signA != signB) {
        invalid(r);
        return;
      }
      r.set(a, ae);
    } else if (y == MAX) {
      r.set(b, signB | MAX);
    } else if (denormal != 0 && (control & DE) == 0) {
      r.set(0, 0);
    } else if (a == 0 && b == 0) {
      r.set(0, signA == signB ? signA : zeroSign(control));
    } else if (a == 0) {
      normalizeAndRound(r, control, signB, y, b);
    } else if (b == 0) {
      normalizeAndRound(r, control, signA, x, a);
    } else {
      int shiftA = Long.numberOfLeadingZeros(a);
      int shiftB = Long.numberOfLeadingZeros(b);
      sum(
          r,
          control,
          signA,
          Math.max(x, 1) - shiftA,
          a << shiftA,
          signB,
          Math.max(y, 1) - shiftB,
          b << shiftB);
    }
    r.exceptions |= denormal;
  }

  /** The sign of a zero that is the sum of operands that cancel out. */
  private static int zeroSign(int control) {
    return (control & RC) == RC_DOWN ? SIGN : 0;
  }

  private static void normalizeAndRound(FpuResult r, int control, int sign, int exponent, long a) {
    int shift = Long.numberOfLeadingZeros(a);
    round(r, control, sign, Math.max(exponent, 1) - shift, a << shift, 0);
  }

  /** Adds numbers with bit 63 of the significand set. */
  private static void sum(
      FpuResult r, int control, int signA, int x, long a, int signB, int y, long b) {
    if (x < y || x == y && Long.compareUnsigned(a, b) < 0) {
      sumOrdered(r, control, signB, y, b, signA, x, a);
    } else {
      sumOrdered(r, control, signA, x, a, signB, y, b);
    }
  }

  private static void sumOrdered(
      FpuResult r, int control, int signA, int x, long a, int signB, int y, long b) {
    int distance = x - y;
    long high;
    long low;
    if (distance == 0) {
      high = b;
      low = 0;
    } else if (distance < 64) {
      high = b >>> distance;
      low = b << 64 - distance;
    } else {
      high = 0;
      low = distance < 128 ? shiftRightSticky(b, distance - 64) : 1;
    }
    if (signA == signB) {
      long sum = a + high;
      if (Long.compareUnsigned(sum, a) < 0) {
        low = sum << 63 | low >>> 1 | low & 1;
        sum = sum >>> 1 | ONE;
        x++;
      }
      round(r, control, signA, x, sum, low);
      return;
    }
    long difference = a - high - (low != 0 ? 1 : 0);
    low = -low;
    if (difference >= 0) {
      if (difference == 0) {
        if (low == 0) {
          r.set(0, zeroSign(control));
          return;
        }
        difference = low;
        low = 0;
        x -= 64;
      }
      int shift = Long.numberOfLeadingZeros(difference);
      if (shift > 0) {
        difference = difference << shift | low >>> 64 - shift;
        low <<= shift;
        x -= shift;
      }
    }
    round(r, control, signA, x, difference, low);
  }

  // Multiply.

  /** a * b. */
  public static void multiply(FpuResult r, int control, long a, int ae, long b, int be) {
    int x = ae & MAX;
    int y = be & MAX;
    int sign = (ae ^ be) & SIGN;
    if (normal(a, x) && normal(b, y)) {
      product(r, control, sign, x, a, y, b);
      return;
    }
    if (propagate(r, a, ae, b, be)) {
      return;
    }
    int denormal = denormal(a, x) || denormal(b, y) ? DE : 0;
    if (x == MAX || y == MAX) {
      if (a == 0 || b == 0) {
        invalid(r);
        return;
      }
      r.set(ONE, sign | MAX);
    } else if (denormal != 0 && (control & DE) == 0 || a == 0 || b == 0) {
      r.set(0, sign);
    } else {
      int shiftA = Long.numberOfLeadingZeros(a);
      int shiftB = Long.numberOfLeadingZeros(b);
      product(
          r,
          control,
          sign,
          Math.max(x, 1) - shiftA,
          a << shiftA,
          Math.max(y, 1) - shiftB,
          b << shiftB);
    }
    r.exceptions |= denormal;
  }

  private static void product(FpuResult r, int control, int sign, int x, long a, int y, long b) {
    long high = Math.unsignedMultiplyHigh(a, b);
    long low = a * b;
    int exponent = x + y - BIAS + 1;
    if (high >= 0) {
      high = high << 1 | low >>> 63;
      low <<= 1;
      exponent--;
    }
    round(r, control, sign, exponent, high, low);
  }

  // Divide, square root.

  /** a / b. */
  public static void divide(FpuResult r, int control, long a, int ae, long b, int be) {
    int x = ae & MAX;
    int y = be & MAX;
    int sign = (ae ^ be) & SIGN;
    if (normal(a, x) && normal(b, y)) {
      quotient(r, control, sign, x, a, y, b);
      return;
    }
    if (propagate(r, a, ae, b, be)) {
      return;
    }
    int denormal = denormal(a, x) || denormal(b, y) ? DE : 0;
    if (x == MAX) {
      if (y == MAX) {
        invalid(r);
        return;
      }
      r.set(ONE, sign | MAX);
    } else if (y == MAX) {
      r.set(0, sign);
    } else if (b == 0 && a == 0) {
      invalid(r);
      return;
    } else if (b == 0) {
      // Found before a denormal dividend is.
      r.set(ONE, sign | MAX);
      r.exceptions = ZE;
      return;
    } else if (denormal != 0 && (control & DE) == 0 || a == 0) {
      r.set(0, sign);
    } else {
      int shiftA = Long.numberOfLeadingZeros(a);
      int shiftB = Long.numberOfLeadingZeros(b);
      quotient(
          r,
          control,
          sign,
          Math.max(x, 1) - shiftA,
          a << shiftA,
          Math.max(y, 1) - shiftB,
          b << shiftB);
    }
    r.exceptions |= denormal;
  }

  private static void quotient(FpuResult r, int control, int sign, int x, long a, int y, long b) {
    int exponent = x - y + BIAS;
    long high = a;
    long low = 0;
    if (Long.compareUnsigned(a, b) >= 0) {
      high = a >>> 1;
      low = a << 63;
    } else {
      exponent--;
    }
    long quotient = divide(high, low, b);
    long remainder = low - quotient * b;
    round(r, control, sign, exponent, quotient, fraction(remainder, b));
  }

  /** The first bit of {@code remainder / divisor}, and a sticky bit for the rest. */
  private static long fraction(long remainder, long divisor) {
    if (remainder == 0) {
      return 0;
    }
    int half = Long.compareUnsigned(remainder, divisor - remainder);
    return half < 0 ? 1 : half == 0 ? Long.MIN_VALUE : Long.MIN_VALUE | 1;
  }

  /**
   * The unsigned quotient of {@code high:low} and {@code divisor}, which has bit 63 set and is
   * above {@code high} (Knuth, The Art of Computer Programming, volume 2, algorithm D with two
   * digits).
   */
  static long divide(long high, long low, long divisor) {
    long top = divisor >>> 32;
    long bottom = divisor & LOW_32;
    long q1 = digit(high, low >>> 32, top, bottom);
    long rest = (high << 32 | low >>> 32) - q1 * divisor;
    long q0 = digit(rest, low & LOW_32, top, bottom);
    return q1 << 32 | q0;
  }

  private static long digit(long high, long next, long top, long bottom) {
    long q = Long.divideUnsigned(high, top);
    long r = high - q * top;
    while (q > LOW_32 || Long.compareUnsigned(q * bottom, r << 32 | next) > 0) {
      q--;
      r += top;
      if (r > LOW_32) {
        break;
      }
    }
    return q;
  }

  /** The square root. */
  public static void squareRoot(FpuResult r, int control, long a, int ae) {
    int x = ae & MAX;
    if (propagate(r, a, ae)) {
      return;
    }
    if (a == 0) {
      r.set(0, ae);
      return;
    }
    if ((ae & SIGN) != 0) {
      invalid(r);
      return;
    }
    if (x == MAX) {
      r.set(a, ae);
      return;
    }
    int denormal = 0;
    if (x == 0) {
      denormal = DE;
      if ((control & DE) == 0) {
        r.exceptions = DE;
        return;
      }
      int shift = Long.numberOfLeadingZeros(a);
      a <<= shift;
      x = 1 - shift;
    }
    // The radicand as 128 bits with an even exponent: its root then has bit 63 set.
    boolean odd = (x - BIAS & 1) != 0;
    long high = odd ? a : a >>> 1;
    long low = odd ? 0 : a << 63;
    long root = root(high, low);
    long squareHigh = Math.unsignedMultiplyHigh(root, root);
    long squareLow = root * root;
    long restLow = low - squareLow;
    long restHigh = high - squareHigh - (Long.compareUnsigned(low, squareLow) < 0 ? 1 : 0);
    // (root + 1/2)^2 = root^2 + root + 1/4: never met exactly.
    long tail = 0;
    if ((restHigh | restLow) != 0) {
      boolean aboveHalf = restHigh != 0 || Long.compareUnsigned(restLow, root) > 0;
      tail = aboveHalf ? Long.MIN_VALUE | 1 : 1;
    }
    round(r, control, 0, (x - BIAS >> 1) + BIAS, root, tail);
    r.exceptions |= denormal;
  }

  /** The integer square root of {@code high:low}, of which one of the two highest bits is set. */
  private static long root(long high, long low) {
    double estimate = Math.sqrt((high >>> 1) * 0x1p65);
    // A double just below 2^64 may round up to it.
    long root = estimate >= 0x1p64 ? -1L : fromDouble(estimate);
    // One Newton step takes the 52 good bits to 64, give or take one.
    long squareHigh = Math.unsignedMultiplyHigh(root, root);
    long squareLow = root * root;
    long restLow = low - squareLow;
    long restHigh = high - squareHigh - (Long.compareUnsigned(low, squareLow) < 0 ? 1 : 0);
    double rest = restHigh * 0x1p64 + (restLow >>> 1) * 2.0;
    long step = (long) Math.rint(rest / (2 * estimate));
    long next = root + step;
    if (step > 0 && Long.compareUnsigned(next, root) < 0) {
      next = -1L;
    }
    while (above(next, high, low)) {
      next--;
    }
    while (next != -1L && !above(next + 1, high, low)) {
      next++;
    }
    return next;
  }

  private static long fromDouble(double value) {
    return value >= 0x1p63 ? (long) (value - 0x1p63) | ONE : (long) value;
  }

  private static boolean above(long root, long high, long low) {
    int order = Long.compareUnsigned(Math.unsignedMultiplyHigh(root, root), high);
    return order > 0 || order == 0 && Long.compareUnsigned(root * root, low) > 0;
  }

  // Remainder.

  /**
   * FPREM ({@code nearest} false) and FPREM1: the remainder, with C2 set when the reduction is
   * incomplete, otherwise the quotient's low three bits in C0, C3 and C1. {@link #DIVIDED} says
   * that these are meant; otherwise C0 and C3 stay as they were.
   */
  public static void remainder(
      FpuResult r, int control, long a, int ae, long b, int be, boolean nearest) {
    int x = ae & MAX;
    int y = be & MAX;
    if (propagate(r, a, ae, b, be)) {
      return;
    }
    if (x == MAX || b == 0) {
      invalid(r);
      return;
    }
    int denormal = denormal(a, x) || denormal(b, y) ? DE : 0;
    if (denormal != 0 && (control & DE) == 0) {
      r.exceptions = DE;
      return;
    }
    if (a == 0 || y == MAX) {
      if (a == 0) {
        r.set(0, ae);
      } else {
        normalizeAndRound(r, control | PRECISION, ae & SIGN, x, a);
      }
      r.exceptions |= denormal | DIVIDED;
      return;
    }
    int shiftA = Long.numberOfLeadingZeros(a);
    int shiftB = Long.numberOfLeadingZeros(b);
    a <<= shiftA;
    b <<= shiftB;
    x = Math.max(x, 1) - shiftA;
    y = Math.max(y, 1) - shiftB;
    int sign = ae & SIGN;
    int distance = x - y;
    if (distance >= 64) {
      // The manual lets one step reduce the exponent by 32 to 63: this is what processors do.
      int step = distance & 0x1F | 0x20;
      long rest = a;
      long quotient = divide(rest >>> 64 - step, rest << step, b);
      rest = (rest << step) - quotient * b;
      finishRemainder(r, control, sign, x - step, rest);
      r.exceptions |= denormal | C2 | DIVIDED;
      return;
    }
    long quotient = 0;
    long rest = a;
    int exponent = x;
    if (distance >= 0) {
      exponent = y;
      if (distance == 0) {
        if (Long.compareUnsigned(a, b) >= 0) {
          quotient = 1;
          rest = a - b;
        }
      } else {
        quotient = divide(a >>> 64 - distance, a << distance, b);
        rest = (a << distance) - quotient * b;
      }
    }
    if (nearest && distance >= -1) {
      // Compare twice the remainder with the divisor.
      int half;
      if (distance == -1) {
        half = Long.compareUnsigned(a, b);
      } else if (rest < 0) {
        half = 1;
      } else {
        half = Long.compareUnsigned(rest << 1, b);
      }
      if (half > 0 || half == 0 && (quotient & 1) != 0) {
        quotient++;
        sign ^= SIGN;
        if (distance == -1) {
          // b - a / 2 in units of half a bit: below b, because a is above b.
          rest = (b << 1) - a;
          exponent = x;
        } else {
          rest = b - rest;
        }
      }
    }
    finishRemainder(r, control, sign, exponent, rest);
    r.exceptions |=
        denormal
            | DIVIDED
            | ((quotient & 1) != 0 ? C1 : 0)
            | ((quotient & 2) != 0 ? C3 : 0)
            | ((quotient & 4) != 0 ? C0 : 0);
  }

  /** Whether {@link #remainder} gave condition codes. */
  static boolean divided(FpuResult r) {
    return (r.exceptions & DIVIDED) != 0;
  }

  private static void finishRemainder(FpuResult r, int control, int sign, int exponent, long rest) {
    if (rest == 0) {
      r.set(0, sign);
      return;
    }
    int shift = Long.numberOfLeadingZeros(rest);
    round(r, control | PRECISION, sign, exponent - shift, rest << shift, 0);
  }

  // Round, scale, extract.

  /** FRNDINT: to an integer, as rounding control says. */
  public static void roundToInteger(FpuResult r, int control, long a, int ae) {
    int x = ae & MAX;
    if (propagate(r, a, ae)) {
      return;
    }
    r.set(a, ae);
    if (x >= BIAS + 63 || a == 0) {
      return;
    }
    int sign = ae & SIGN;
    int denormal = 0;
    if (x == 0) {
      denormal = DE;
      if ((control & DE) == 0) {
        r.exceptions = DE;
        return;
      }
    }
    if (x < BIAS) {
      // Magnitude below one: the rounding position is above the significand.
      long rest = x == BIAS - 1 ? a : 1;
      if (roundsUp(control, sign, 0, 0, rest)) {
        r.set(ONE, sign | BIAS);
        r.exceptions = PE | C1;
      } else {
        r.set(0, sign);
        r.exceptions = PE;
      }
      r.exceptions |= denormal;
      return;
    }
    int drop = BIAS + 63 - x;
    if (rest(drop, a, 0) == 0) {
      return;
    }
    boolean up = roundsUp(control, sign, drop, a, 0);
    long unit = 1L << drop;
    long kept = (a & -unit) + (up ? unit : 0);
    if (kept == 0) {
      kept = ONE;
      x++;
    }
    r.significand = kept;
    r.signExponent = sign | x;
    r.exceptions = PE | (up ? C1 : 0);
  }

  /** FSCALE: a * 2^trunc(b). */
  public static void scale(FpuResult r, int control, long a, int ae, long b, int be) {
    int x = ae & MAX;
    int y = be & MAX;
    if (propagate(r, a, ae, b, be)) {
      return;
    }
    int sign = ae & SIGN;
    int denormal = denormal(a, x) || denormal(b, y) ? DE : 0;
    if (y == MAX) {
      boolean up = (be & SIGN) == 0;
      if (up ? a == 0 : x == MAX) {
        invalid(r);
        return;
      }
      r.set(up ? ONE : 0, up ? sign | MAX : sign);
      r.exceptions = denormal;
      return;
    }
    if (x == MAX || a == 0) {
      r.set(a, ae);
      r.exceptions = denormal;
      return;
    }
    if (denormal != 0 && (control & DE) == 0) {
      r.exceptions = DE;
      return;
    }
    int steps = 0;
    if (y >= BIAS) {
      steps = y > BIAS + 16 ? 0x2_0000 : (int) (b >>> BIAS + 63 - y);
      if ((be & SIGN) != 0) {
        steps = -steps;
      }
    }
    int shift = Long.numberOfLeadingZeros(a);
    int exponent = Math.max(x, 1) - shift + steps;
    scaled(r, control | PRECISION, sign, exponent, a << shift);
    r.exceptions |= denormal;
  }

  private static void scaled(FpuResult r, int control, int sign, int exponent, long significand) {
    if ((control & OE) == 0 && exponent - BIAS_ADJUST >= MAX) {
      // Even the adjusted exponent does not hold it.
      r.set(ONE, sign | MAX);
      r.exceptions = OE | PE | C1;
    } else if ((control & UE) == 0 && exponent + BIAS_ADJUST <= 0) {
      r.set(0, sign);
      r.exceptions = UE | PE;
    } else {
      round(r, control, sign, exponent, significand, 0);
    }
  }

  /** FXTRACT: the significand in the first result, the unbiased exponent in the second. */
  public static void extract(FpuResult r, int control, long a, int ae) {
    int x = ae & MAX;
    if (propagate(r, a, ae)) {
      r.significand2 = r.significand;
      r.signExponent2 = r.signExponent;
      return;
    }
    r.set(a, ae);
    if (x == MAX) {
      r.significand2 = ONE;
      r.signExponent2 = MAX;
      return;
    }
    if (a == 0) {
      r.significand2 = ONE;
      r.signExponent2 = SIGN | MAX;
      r.exceptions = ZE;
      return;
    }
    int shift = Long.numberOfLeadingZeros(a);
    int exponent = Math.max(x, 1) - shift - BIAS;
    r.significand2 = exponent == 0 ? 0 : significandOf(Math.abs(exponent));
    r.signExponent2 =
        exponent == 0 ? 0 : exponentOf(Math.abs(exponent)) | (exponent < 0 ? SIGN : 0);
    r.set(a << shift, ae & SIGN | BIAS);
    r.exceptions = x == 0 ? DE : 0;
  }

  private static long significandOf(long magnitude) {
    return magnitude << Long.numberOfLeadingZeros(magnitude);
  }

  private static int exponentOf(long magnitude) {
    return BIAS + 63 - Long.numberOfLeadingZeros(magnitude);
  }

  // Compare.

  /**
   * C3, C2 and C0 of a comparison, and IE or DE.
   *
   * @param quiet FUCOM: quiet NaNs are not invalid
   */
  public static int compare(long a, int ae, long b, int be, boolean quiet) {
    int x = ae & MAX;
    int y = be & MAX;
    if (!normal(a, x) || !normal(b, y)) {
      if (unsupported(a, x) || unsupported(b, y)) {
        return C3 | C2 | C0 | IE;
      }
      if (nan(a, x) || nan(b, y)) {
        boolean valid = quiet && !signaling(a, x) && !signaling(b, y);
        return C3 | C2 | C0 | (valid ? 0 : IE);
      }
      int denormal = denormal(a, x) || denormal(b, y) ? DE : 0;
      if (a == 0 && b == 0) {
        return C3;
      }
      return denormal | order(a, ae & SIGN, x, b, be & SIGN, y);
    }
    return order(a, ae & SIGN, x, b, be & SIGN, y);
  }

  private static int order(long a, int signA, int x, long b, int signB, int y) {
    if (signA != signB) {
      return signA != 0 ? C0 : 0;
    }
    // A pseudo-denormal's exponent counts as one.
    int exponentA = x == 0 && a < 0 ? 1 : x;
    int exponentB = y == 0 && b < 0 ? 1 : y;
    int order =
        exponentA != exponentB ? Integer.compare(exponentA, exponentB) : Long.compareUnsigned(a, b);
    if (order == 0) {
      return C3;
    }
    return order < 0 == (signA == 0) ? C0 : 0;
  }

  // Conversions to 80 bits: exact. DE says that the source was denormal; a signaling NaN stays one.

  /** From single precision. */
  public static void fromSingle(FpuResult r, int bits) {
    int sign = bits >>> 16 & SIGN;
    int x = bits >>> 23 & 0xFF;
    long fraction = (long) (bits & 0x7F_FFFF) << 40;
    if (x != 0 && x != 0xFF) {
      r.set(ONE | fraction, sign | x + BIAS - 127);
    } else {
      fromSpecial(r, sign, x, fraction, 127);
    }
  }

  /** From double precision. */
  public static void fromDouble(FpuResult r, long bits) {
    int sign = (int) (bits >>> 48) & SIGN;
    int x = (int) (bits >>> 52) & 0x7FF;
    long fraction = bits << 11 & Long.MAX_VALUE;
    if (x != 0 && x != 0x7FF) {
      r.set(ONE | fraction, sign | x + BIAS - 1023);
    } else {
      fromSpecial(r, sign, x, fraction, 1023);
    }
  }

  private static void fromSpecial(FpuResult r, int sign, int x, long fraction, int bias) {
    if (x != 0) {
      r.set(ONE | fraction, sign | MAX);
    } else if (fraction == 0) {
      r.set(0, sign);
    } else {
      int shift = Long.numberOfLeadingZeros(fraction);
      r.set(fraction << shift, sign | BIAS - bias + 1 - shift);
      r.exceptions = DE;
    }
  }

  /** From a signed integer. */
  public static void fromInteger(FpuResult r, long value) {
    if (value == 0) {
      r.set(0, 0);
      return;
    }
    long magnitude = Math.abs(value);
    r.set(significandOf(magnitude), exponentOf(magnitude) | (value < 0 ? SIGN : 0));
  }

  /** From packed BCD: 18 digits, two a byte, and a sign byte. */
  public static void fromBcd(FpuResult r, long low, int high) {
    long value = (high >>> 4 & 0xF) * 10L + (high & 0xF);
    for (int shift = 60; shift >= 0; shift -= 4) {
      value = value * 10 + (low >>> shift & 0xF);
    }
    int sign = high & SIGN;
    if (value == 0) {
      r.set(0, sign);
    } else {
      r.set(significandOf(value), exponentOf(value) | sign);
    }
  }

  // Conversions from 80 bits. The result is in FpuResult.significand.

  /** To single precision. */
  public static void toSingle(FpuResult r, int control, long a, int ae) {
    toNarrow(r, control, a, ae, 24, 8);
  }

  /** To double precision. */
  public static void toDouble(FpuResult r, int control, long a, int ae) {
    toNarrow(r, control, a, ae, 53, 11);
  }

  private static void toNarrow(
      FpuResult r, int control, long a, int ae, int precision, int exponentBits) {
    int x = ae & MAX;
    int sign = ae & SIGN;
    int drop = 64 - precision;
    int max = (1 << exponentBits) - 1;
    long signBit = sign == 0 ? 0 : 1L << precision + exponentBits - 1;
    if (x == MAX || x == 0 || a >= 0) {
      if (unsupported(a, x)) {
        r.significand =
            (1L << exponentBits + 1) - 1 << precision - 2 | 1L << precision + exponentBits - 1;
        r.exceptions = IE;
        return;
      }
      if (x == MAX) {
        boolean nan = a << 1 != 0;
        long fraction = (nan ? a | QUIET : a) << 1 >>> drop + 1;
        r.significand = signBit | (long) max << precision - 1 | fraction;
        r.exceptions = signaling(a, x) ? IE : 0;
        return;
      }
      if (a == 0) {
        r.significand = signBit;
        r.exceptions = 0;
        return;
      }
    }
    int shift = Long.numberOfLeadingZeros(a);
    long significand = a << shift;
    int exponent = Math.max(x, 1) - shift - BIAS + (max >> 1);
    if (exponent <= 0) {
      boolean tiny =
          exponent < 0
              || significand >> drop != -1
              || !roundsUp(control, sign, drop, significand, 0);
      int n = Math.min(1 - exponent, 127);
      long shifted = n < 64 ? significand >>> n : 0;
      long low = n < 64 ? significand << 64 - n : shiftRightSticky(significand, n - 64);
      boolean up = roundsUp(control, sign, drop, shifted, low);
      boolean inexact = rest(drop, shifted, low) != 0;
      // A carry into the exponent field makes the smallest normal number.
      r.significand = signBit | (shifted >>> drop) + (up ? 1 : 0);
      r.exceptions =
          (inexact ? PE : 0) | (up ? C1 : 0) | (tiny && (inexact || (control & UE) == 0) ? UE : 0);
      return;
    }
    boolean up = roundsUp(control, sign, drop, significand, 0);
    long kept = (significand >>> drop) + (up ? 1 : 0);
    if (kept >>> precision != 0) {
      kept >>>= 1;
      exponent++;
    }
    if (exponent >= max) {
      overflow(r, control, sign, drop);
      boolean infinite = (r.exceptions & C1) != 0;
      r.significand = signBit | ((long) max << precision - 1) - (infinite ? 0 : 1);
      return;
    }
    r.significand = signBit | (long) (exponent - 1) << precision - 1;
    r.significand += kept;
    r.exceptions = (rest(drop, significand, 0) != 0 ? PE : 0) | (up ? C1 : 0);
  }

  /**
   * To a signed integer of {@code width} bytes, sign-extended; integer indefinite and IE when it
   * does not fit.
   *
   * @param control rounding control
   */
  public static void toInteger(FpuResult r, int control, long a, int ae, int width) {
    magnitude(r, control, a, ae);
    long value = r.significand;
    boolean negative = (ae & SIGN) != 0;
    long limit = 1L << 8 * width - 1;
    if ((r.exceptions & IE) == 0) {
      boolean fits =
          negative
              ? Long.compareUnsigned(value, limit) <= 0
              : Long.compareUnsigned(value, limit) < 0;
      if (fits) {
        r.significand = negative ? -value : value;
        return;
      }
    }
    r.significand = -limit;
    r.exceptions = IE;
  }

  /** To packed BCD: digits in {@code significand}, the upper two bytes in {@code signExponent}. */
  public static void toBcd(FpuResult r, int control, long a, int ae) {
    magnitude(r, control, a, ae);
    long value = r.significand;
    if ((r.exceptions & IE) != 0 || Long.compareUnsigned(value, 999_999_999_999_999_999L) > 0) {
      r.significand = 0xC000_0000_0000_0000L;
      r.signExponent = 0xFFFF;
      r.exceptions = IE;
      return;
    }
    long digits = 0;
    for (int shift = 0; shift < 64; shift += 4) {
      digits |= value % 10 << shift;
      value /= 10;
    }
    r.significand = digits;
    r.signExponent = (int) (value / 10 << 4 | value % 10) | ae & SIGN;
  }

  /** The rounded magnitude as an unsigned 64-bit integer, or IE. */
  private static void magnitude(FpuResult r, int control, long a, int ae) {
    int x = ae & MAX;
    if (unsupported(a, x) || x > BIAS + 63) {
      r.exceptions = IE;
      return;
    }
    int n = BIAS + 63 - x;
    long value = n < 64 ? a >>> n : 0;
    long rest = n == 0 ? 0 : n < 64 ? a << 64 - n : n == 64 ? a : a != 0 ? 1 : 0;
    boolean up = roundsUp(control, ae & SIGN, 0, value, rest);
    if (up && value == -1L) {
      r.exceptions = IE;
      return;
    }
    r.significand = up ? value + 1 : value;
    r.exceptions = (rest != 0 ? PE : 0) | (up ? C1 : 0);
  }
}
