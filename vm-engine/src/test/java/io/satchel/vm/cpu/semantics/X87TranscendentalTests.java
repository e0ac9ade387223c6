package io.satchel.vm.cpu.semantics;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.cpu.FpuResult;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/**
 * The transcendental functions against decimal arithmetic of 70 digits: rounded to nearest, no
 * result is further from the truth than just over half a unit in the last place.
 */
class X87TranscendentalTests {

  private static final MathContext MC = new MathContext(70);
  private static final int CASES = 400;
  private static final int CONTROL = 0x037F;
  private static final int BIAS = 0x3FFF;

  /** Of a unit in the last place: the rounding itself, and what the guard bits leave. */
  private static final BigDecimal ALLOWED = new BigDecimal("0.5000001");

  private static final BigDecimal TWO = BigDecimal.valueOf(2);
  private static final BigDecimal LN2 = logarithm(TWO);

  /** Half of the 66-bit pi. */
  private static final BigDecimal HALF_PI_66 =
      new BigDecimal(new BigInteger("3243F6A8885A308D3", 16))
          .divide(new BigDecimal(BigInteger.TWO.pow(65)));

  private static final BigDecimal PI =
      new BigDecimal(
          "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803");

  private final FpuResult r = new FpuResult();
  private final SplittableRandom random = new SplittableRandom(87);
  private long significand;
  private int signExponent;

  private static BigDecimal value(long significand, int signExponent) {
    BigDecimal magnitude = new BigDecimal(new BigInteger(Long.toUnsignedString(significand)));
    int power = (signExponent & 0x7FFF) - BIAS - 63;
    BigDecimal value =
        power >= 0
            ? magnitude.multiply(TWO.pow(power))
            : magnitude.divide(new BigDecimal(BigInteger.TWO.pow(-power)), MC);
    return (signExponent & 0x8000) != 0 ? value.negate() : value;
  }

  private BigDecimal argument(int lowest, int highest, boolean positive) {
    significand = random.nextLong() | Long.MIN_VALUE;
    if (random.nextInt(8) == 0) {
      significand &= -1L << random.nextInt(64);
    }
    significand |= Long.MIN_VALUE;
    signExponent = BIAS + random.nextInt(lowest, highest + 1);
    if (!positive && random.nextBoolean()) {
      signExponent |= 0x8000;
    }
    return value(significand, signExponent);
  }

  private void close(BigDecimal truth, Object... inputs) {
    BigDecimal ours = value(r.significand, r.signExponent);
    int power = (r.signExponent & 0x7FFF) - BIAS - 63;
    BigDecimal unit =
        power >= 0
            ? TWO.pow(power)
            : BigDecimal.ONE.divide(new BigDecimal(BigInteger.TWO.pow(-power)));
    BigDecimal error = ours.subtract(truth).abs().divide(unit, MC);
    assertThat(error)
        .as("%s: ours %s, true %s", java.util.Arrays.toString(inputs), ours, truth)
        .isLessThanOrEqualTo(ALLOWED);
  }

  // The truth.

  private static BigDecimal sine(BigDecimal x) {
    BigDecimal square = x.multiply(x, MC).negate();
    BigDecimal term = x;
    BigDecimal sum = x;
    for (int n = 2; n < 200 && term.signum() != 0; n += 2) {
      term = term.multiply(square, MC).divide(BigDecimal.valueOf((long) n * (n + 1)), MC);
      sum = sum.add(term, MC);
      if (term.precision() - term.scale() < sum.precision() - sum.scale() - 70) {
        break;
      }
    }
    return sum;
  }

  private static BigDecimal cosine(BigDecimal x) {
    BigDecimal half = sine(x.divide(TWO, MC));
    return BigDecimal.ONE.subtract(TWO.multiply(half).multiply(half, MC), MC);
  }

  /** 2^x - 1 by its series, which keeps the digits of a small argument. */
  private static BigDecimal exponentialLessOne(BigDecimal x) {
    BigDecimal t = x.multiply(LN2, MC);
    BigDecimal term = t;
    BigDecimal sum = t;
    for (int n = 2; n < 100; n++) {
      term = term.multiply(t, MC).divide(BigDecimal.valueOf(n), MC);
      sum = sum.add(term, MC);
    }
    return sum;
  }

  private static BigDecimal logarithm(BigDecimal x) {
    // By square roots towards one, then 2 atanh((x - 1) / (x + 1)).
    MathContext more = new MathContext(100);
    int doublings = 0;
    BigDecimal near = x;
    while (near.subtract(BigDecimal.ONE).abs().compareTo(new BigDecimal("0.2")) > 0) {
      near = near.sqrt(more);
      doublings++;
    }
    BigDecimal s = near.subtract(BigDecimal.ONE).divide(near.add(BigDecimal.ONE), more);
    BigDecimal square = s.multiply(s, more);
    BigDecimal power = s;
    BigDecimal sum = s;
    for (int n = 3; n < 120; n += 2) {
      power = power.multiply(square, more);
      sum = sum.add(power.divide(BigDecimal.valueOf(n), more), more);
    }
    return sum.multiply(TWO.pow(doublings + 1), more);
  }

  private static BigDecimal arcTangent(BigDecimal x) {
    MathContext more = new MathContext(100);
    int doublings = 0;
    BigDecimal t = x;
    while (t.abs().compareTo(new BigDecimal("0.1")) > 0) {
      BigDecimal root = BigDecimal.ONE.add(t.multiply(t, more)).sqrt(more);
      t = t.divide(BigDecimal.ONE.add(root), more);
      doublings++;
    }
    BigDecimal square = t.multiply(t, more).negate();
    BigDecimal power = t;
    BigDecimal sum = t;
    for (int n = 3; n < 90; n += 2) {
      power = power.multiply(square, more);
      sum = sum.add(power.divide(BigDecimal.valueOf(n), more), more);
    }
    return sum.multiply(TWO.pow(doublings), more);
  }

  // The promises.

  private BigDecimal reduced;
  private int quadrant;

  private void reduce(BigDecimal x) {
    BigDecimal turns = x.divide(HALF_PI_66, 0, RoundingMode.HALF_EVEN);
    reduced = x.subtract(turns.multiply(HALF_PI_66));
    quadrant = turns.toBigInteger().and(BigInteger.valueOf(3)).intValue();
  }

  @Test
  void sineAndCosineAreThoseOfTheArgumentReducedByPiOf66Bits() {
    for (int n = 0; n < CASES; n++) {
      BigDecimal x = argument(n % 2 == 0 ? -40 : -2, n % 3 == 0 ? 62 : 4, false);
      reduce(x);
      BigDecimal sine = quadrant % 2 == 0 ? sine(reduced) : cosine(reduced);
      BigDecimal cosine = quadrant % 2 == 0 ? cosine(reduced) : sine(reduced).negate();
      boolean negative = quadrant >= 2;
      X87Transcendental.sine(r, CONTROL, significand, signExponent);
      close(negative ? sine.negate() : sine, "sin", x);
      X87Transcendental.cosine(r, CONTROL, significand, signExponent);
      close(negative ? cosine.negate() : cosine, "cos", x);
      X87Transcendental.tangent(r, CONTROL, significand, signExponent);
      close(sine.divide(cosine, MC), "tan", x);
    }
  }

  @Test
  void f2xm1IsRoundedCorrectly() {
    for (int n = 0; n < CASES; n++) {
      BigDecimal x = argument(n % 2 == 0 ? -70 : -4, -1, false);
      X87Transcendental.f2xm1(r, CONTROL, significand, signExponent);
      close(exponentialLessOne(x), "2^x-1", x);
    }
  }

  @Test
  void fyl2xIsRoundedCorrectlyNearOneToo() {
    for (int n = 0; n < CASES; n++) {
      BigDecimal y = argument(-20, 20, false);
      long ySignificand = significand;
      int yExponent = signExponent;
      BigDecimal x = argument(n % 2 == 0 ? -2000 : -1, n % 2 == 0 ? 2000 : 1, true);
      if (n % 4 == 1) {
        // Next to one.
        significand = Long.MIN_VALUE | random.nextLong() >>> random.nextInt(2, 64);
        signExponent = BIAS;
        if (random.nextBoolean()) {
          significand = -(significand & Long.MAX_VALUE);
          significand |= Long.MIN_VALUE;
          signExponent--;
        }
        x = value(significand, signExponent);
      }
      if (x.compareTo(BigDecimal.ONE) == 0) {
        continue;
      }
      X87Transcendental.fyl2x(r, CONTROL, significand, signExponent, ySignificand, yExponent);
      close(y.multiply(logarithm(x)).divide(LN2, MC), "y log2(x)", y, x);
    }
  }

  @Test
  void fyl2xp1IsRoundedCorrectly() {
    for (int n = 0; n < CASES; n++) {
      BigDecimal y = argument(-20, 20, false);
      long ySignificand = significand;
      int yExponent = signExponent;
      BigDecimal x = argument(n % 2 == 0 ? -60 : -4, n % 4 == 1 ? 60 : -3, n % 4 == 1);
      if (n % 8 == 3) {
        signExponent = 0x8000 | BIAS - random.nextInt(1, 3);
        x = value(significand, signExponent);
      }
      X87Transcendental.fyl2xp1(r, CONTROL, significand, signExponent, ySignificand, yExponent);
      close(y.multiply(logarithm(x.add(BigDecimal.ONE))).divide(LN2, MC), "y log2(x+1)", y, x);
    }
  }

  @Test
  void fpatanIsRoundedCorrectlyInAllQuadrants() {
    for (int n = 0; n < CASES; n++) {
      BigDecimal y = argument(n % 2 == 0 ? -40 : -2, n % 2 == 0 ? 40 : 2, false);
      long ySignificand = significand;
      int yExponent = signExponent;
      BigDecimal x = argument(-2, 2, false);
      if (n % 16 == 0) {
        x = y;
        significand = ySignificand;
        signExponent = yExponent;
      }
      X87Transcendental.fpatan(r, CONTROL, significand, signExponent, ySignificand, yExponent);
      BigDecimal angle = arcTangent(y.divide(x, new MathContext(100)));
      if (x.signum() < 0) {
        angle = y.signum() < 0 ? angle.subtract(PI) : angle.add(PI);
      }
      close(angle, "atan", y, x);
    }
  }
}
