package io.satchel.vm.cpu.semantics;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.decode.Instruction;

/** SSE and AVX floating-point instructions that are more than one element at a time. */
public final class VectorFloat {

  private static final long LOW = 0xFFFF_FFFFL;

  private VectorFloat() {}

  // Comparisons.

  /** CMPPS; without a VEX prefix there are 8 predicates, with it 32. */
  public static void cmpps(CpuState cpu, Instruction i) {
    Vector.lanes(cpu, i, i.vex ? VectorFloat::cmppsVex : VectorFloat::cmpps);
  }

  /** CMPPD. */
  public static void cmppd(CpuState cpu, Instruction i) {
    Vector.lanes(cpu, i, i.vex ? VectorFloat::cmppdVex : VectorFloat::cmppd);
  }

  /** CMPPS of 128 bits, by predicates 0 to 7. */
  public static long cmpps(
      CpuState cpu, long aLow, long aHigh, long bLow, long bHigh, int predicate) {
    return cmppsVex(cpu, aLow, aHigh, bLow, bHigh, predicate & 7);
  }

  /** VCMPPS of 128 bits, by predicates 0 to 31. */
  public static long cmppsVex(
      CpuState cpu, long aLow, long aHigh, long bLow, long bHigh, int predicate) {
    int p = predicate & 31;
    cpu.resultHigh =
        Simd.cmpss(cpu, aHigh & LOW, bHigh & LOW, p)
            | Simd.cmpss(cpu, aHigh >>> 32, bHigh >>> 32, p) << 32;
    return Simd.cmpss(cpu, aLow & LOW, bLow & LOW, p)
        | Simd.cmpss(cpu, aLow >>> 32, bLow >>> 32, p) << 32;
  }

  /** CMPPD of 128 bits, by predicates 0 to 7. */
  public static long cmppd(
      CpuState cpu, long aLow, long aHigh, long bLow, long bHigh, int predicate) {
    return cmppdVex(cpu, aLow, aHigh, bLow, bHigh, predicate & 7);
  }

  /** VCMPPD of 128 bits, by predicates 0 to 31. */
  public static long cmppdVex(
      CpuState cpu, long aLow, long aHigh, long bLow, long bHigh, int predicate) {
    int p = predicate & 31;
    cpu.resultHigh = Simd.cmpsd(cpu, aHigh, bHigh, p);
    return Simd.cmpsd(cpu, aLow, bLow, p);
  }

  private static int predicate(Instruction i) {
    return (int) i.immediate & (i.vex ? 31 : 7);
  }

  /** CMPSS. */
  public static void cmpss(CpuState cpu, Instruction i) {
    long b = Vector.load32(cpu, i);
    long a = cpu.xmm[2 * i.vvvv];
    long low = Simd.cmpss(cpu, a & LOW, b, predicate(i));
    Vector.finish(cpu);
    Vector.set(cpu, i, i.reg, a & ~LOW | low, cpu.xmm[2 * i.vvvv + 1]);
  }

  /** CMPSD. */
  public static void cmpsd(CpuState cpu, Instruction i) {
    long low = Simd.cmpsd(cpu, cpu.xmm[2 * i.vvvv], Vector.load64(cpu, i), predicate(i));
    Vector.finish(cpu);
    Vector.set(cpu, i, i.reg, low, cpu.xmm[2 * i.vvvv + 1]);
  }

  /** COMISS and UCOMISS, which differ in what quiet NaNs do. */
  public static void comiss(CpuState cpu, Instruction i, boolean signaling) {
    long b = Vector.load32(cpu, i);
    int order = Simd.order32(cpu, cpu.xmm[2 * i.reg] & LOW, b, signaling);
    Vector.finish(cpu);
    cpu.setArithmeticFlags(Simd.flags(order));
  }

  /** COMISD and UCOMISD. */
  public static void comisd(CpuState cpu, Instruction i, boolean signaling) {
    long b = Vector.load64(cpu, i);
    int order = Simd.order64(cpu, cpu.xmm[2 * i.reg], b, signaling);
    Vector.finish(cpu);
    cpu.setArithmeticFlags(Simd.flags(order));
  }

  // Approximations. The manual bounds their relative error by 1.5 * 2^-12; these round the exact
  // value to 12 bits of fraction. They raise nothing, and denormals are zeros to them.

  private static final int KEPT = 11;

  private static long approximate(double value) {
    long bits = Float.floatToRawIntBits((float) value) & LOW;
    if ((bits & Simd.INFINITY32) == 0) {
      return bits & Simd.SIGN32;
    }
    return (bits & Simd.INFINITY32) == Simd.INFINITY32
        ? bits
        : bits + (1L << KEPT - 1) & -1L << KEPT;
  }

  public static long rcpss(CpuState cpu, long a, long b) {
    if (SimdSoft.isNan(b, SimdSoft.SINGLE)) {
      return b | 1L << 22;
    }
    if (SimdSoft.isDenormal(b, SimdSoft.SINGLE)) {
      b &= Simd.SIGN32;
    }
    return approximate(1 / (double) Float.intBitsToFloat((int) b));
  }

  public static long rsqrtss(CpuState cpu, long a, long b) {
    if (SimdSoft.isNan(b, SimdSoft.SINGLE)) {
      return b | 1L << 22;
    }
    if ((b & ~Simd.SIGN32) == 0 || SimdSoft.isDenormal(b, SimdSoft.SINGLE)) {
      return b & Simd.SIGN32 | Simd.INFINITY32;
    }
    if ((b & Simd.SIGN32) != 0) {
      return SimdSoft.indefinite(SimdSoft.SINGLE);
    }
    return approximate(1 / Math.sqrt(Float.intBitsToFloat((int) b)));
  }

  // SSE3.

  public static long addsubps(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh) {
    long high =
        Simd.subss(cpu, aHigh & LOW, bHigh & LOW)
            | Simd.addss(cpu, aHigh >>> 32, bHigh >>> 32) << 32;
    long low =
        Simd.subss(cpu, aLow & LOW, bLow & LOW) | Simd.addss(cpu, aLow >>> 32, bLow >>> 32) << 32;
    cpu.resultHigh = high;
    return low;
  }

  public static long addsubpd(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh) {
    cpu.resultHigh = Simd.addsd(cpu, aHigh, bHigh);
    return Simd.subsd(cpu, aLow, bLow);
  }

  public static long haddps(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh) {
    cpu.resultHigh =
        Simd.addss(cpu, bLow & LOW, bLow >>> 32) | Simd.addss(cpu, bHigh & LOW, bHigh >>> 32) << 32;
    return Simd.addss(cpu, aLow & LOW, aLow >>> 32)
        | Simd.addss(cpu, aHigh & LOW, aHigh >>> 32) << 32;
  }

  public static long hsubps(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh) {
    cpu.resultHigh =
        Simd.subss(cpu, bLow & LOW, bLow >>> 32) | Simd.subss(cpu, bHigh & LOW, bHigh >>> 32) << 32;
    return Simd.subss(cpu, aLow & LOW, aLow >>> 32)
        | Simd.subss(cpu, aHigh & LOW, aHigh >>> 32) << 32;
  }

  public static long haddpd(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh) {
    cpu.resultHigh = Simd.addsd(cpu, bLow, bHigh);
    return Simd.addsd(cpu, aLow, aHigh);
  }

  public static long hsubpd(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh) {
    cpu.resultHigh = Simd.subsd(cpu, bLow, bHigh);
    return Simd.subsd(cpu, aLow, aHigh);
  }

  // SSE4.1.

  /**
   * DPPS: products where the high four bits say, their sum where the low four bits say. Each of its
   * three steps raises what it met in all lanes before the next begins.
   */
  public static void dpps(CpuState cpu, Instruction i) {
    int immediate = (int) i.immediate;
    int quads = i.vectorLength / 8;
    long[] r = cpu.vectorScratch;
    Vector.loadScratch(cpu, i);
    for (int n = 0; n < quads; n++) {
      long a = Vector.quad(cpu, i.vvvv, n);
      int chosen = immediate >>> 4 + 2 * (n & 1);
      long low = (chosen & 1) == 0 ? 0 : Simd.mulss(cpu, a & LOW, r[n] & LOW);
      r[n] = low | ((chosen & 2) == 0 ? 0 : Simd.mulss(cpu, a >>> 32, r[n] >>> 32) << 32);
    }
    Vector.finish(cpu);
    for (int n = 0; n < quads; n++) {
      r[n] = Simd.addss(cpu, r[n] & LOW, r[n] >>> 32);
    }
    Vector.finish(cpu);
    for (int n = 0; n < quads; n += 2) {
      long sum = Simd.addss(cpu, r[n], r[n + 1]) * 0x1_0000_0001L;
      r[n] = sum & Packed.dwords(immediate);
      r[n + 1] = sum & Packed.dwords(immediate >>> 2);
    }
    Vector.finish(cpu);
    Vector.setScratch(cpu, i);
  }

  /** DPPD. */
  public static long dppd(
      CpuState cpu, long aLow, long aHigh, long bLow, long bHigh, int immediate) {
    long p0 = (immediate & 0x10) == 0 ? 0 : Simd.mulsd(cpu, aLow, bLow);
    long p1 = (immediate & 0x20) == 0 ? 0 : Simd.mulsd(cpu, aHigh, bHigh);
    Vector.finish(cpu);
    long sum = Simd.addsd(cpu, p0, p1);
    cpu.resultHigh = (immediate & 2) != 0 ? sum : 0;
    return (immediate & 1) != 0 ? sum : 0;
  }

  /** ROUNDPS of 128 bits. */
  public static long roundps(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh, int mode) {
    cpu.resultHigh =
        SimdConvert.roundss(cpu, bHigh & LOW, mode)
            | SimdConvert.roundss(cpu, bHigh >>> 32, mode) << 32;
    return SimdConvert.roundss(cpu, bLow & LOW, mode)
        | SimdConvert.roundss(cpu, bLow >>> 32, mode) << 32;
  }

  /** ROUNDPD of 128 bits. */
  public static long roundpd(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh, int mode) {
    cpu.resultHigh = SimdConvert.roundsd(cpu, bHigh, mode);
    return SimdConvert.roundsd(cpu, bLow, mode);
  }

  /** ROUNDSS. */
  public static void roundss(CpuState cpu, Instruction i) {
    long low = SimdConvert.roundss(cpu, Vector.load32(cpu, i), (int) i.immediate);
    Vector.finish(cpu);
    long a = cpu.xmm[2 * i.vvvv];
    Vector.set(cpu, i, i.reg, a & ~LOW | low, cpu.xmm[2 * i.vvvv + 1]);
  }

  /** ROUNDSD. */
  public static void roundsd(CpuState cpu, Instruction i) {
    long low = SimdConvert.roundsd(cpu, Vector.load64(cpu, i), (int) i.immediate);
    Vector.finish(cpu);
    Vector.set(cpu, i, i.reg, low, cpu.xmm[2 * i.vvvv + 1]);
  }

  // Tests and blends.

  /** PTEST: ZF when no bit of the second is in the first, CF when all of them are. */
  public static void ptest(CpuState cpu, Instruction i) {
    test(cpu, i, -1L);
  }

  /** VTESTPS: the sign bits of doublewords only. */
  public static void vtestps(CpuState cpu, Instruction i) {
    test(cpu, i, 0x8000_0000_8000_0000L);
  }

  /** VTESTPD. */
  public static void vtestpd(CpuState cpu, Instruction i) {
    test(cpu, i, Long.MIN_VALUE);
  }

  private static void test(CpuState cpu, Instruction i, long bits) {
    long[] x = cpu.xmm;
    int a = 2 * i.reg;
    long and;
    long andNot;
    if (i.vectorLength == 32) {
      long b0;
      long b1;
      long b2;
      long b3;
      if (i.memory) {
        long at = Vector.address128(cpu, i);
        b0 = Vector.read(cpu, at, 0);
        b1 = Vector.read(cpu, at, 8);
        b2 = Vector.read(cpu, at, 16);
        b3 = Vector.read(cpu, at, 24);
      } else {
        b0 = x[2 * i.rm];
        b1 = x[2 * i.rm + 1];
        b2 = cpu.ymmHigh[2 * i.rm];
        b3 = cpu.ymmHigh[2 * i.rm + 1];
      }
      long[] y = cpu.ymmHigh;
      and = x[a] & b0 | x[a + 1] & b1 | y[a] & b2 | y[a + 1] & b3;
      andNot = ~x[a] & b0 | ~x[a + 1] & b1 | ~y[a] & b2 | ~y[a + 1] & b3;
    } else {
      long low = Vector.load(cpu, i);
      and = x[a] & low | x[a + 1] & cpu.resultHigh;
      andNot = ~x[a] & low | ~x[a + 1] & cpu.resultHigh;
    }
    int zero = (and & bits) == 0 ? CpuState.ZF : 0;
    cpu.setArithmeticFlags(zero | ((andNot & bits) == 0 ? CpuState.CF : 0));
  }

  /** A choice between two values by a mask. */
  @FunctionalInterface
  public interface Blend {
    long apply(long a, long b, long mask);
  }

  /** PBLENDVB, BLENDVPS and BLENDVPD: the mask is XMM0, with a VEX prefix a register of its own. */
  public static void blend(CpuState cpu, Instruction i, Blend blend) {
    int mask = i.vex ? 2 * ((int) i.immediate >>> 4 & 15) : 0;
    int a = 2 * i.vvvv;
    long[] x = cpu.xmm;
    long[] y = cpu.ymmHigh;
    if (i.vectorLength == 32) {
      long b2;
      long b3;
      if (i.memory) {
        long at = Vector.address128(cpu, i);
        b2 = Vector.read(cpu, at, 16);
        b3 = Vector.read(cpu, at, 24);
      } else {
        b2 = y[2 * i.rm];
        b3 = y[2 * i.rm + 1];
      }
      long b = Vector.load(cpu, i);
      Vector.set256(
          cpu,
          i.reg,
          blend.apply(x[a], b, x[mask]),
          blend.apply(x[a + 1], cpu.resultHigh, x[mask + 1]),
          blend.apply(y[a], b2, y[mask]),
          blend.apply(y[a + 1], b3, y[mask + 1]));
    } else {
      long b = Vector.load(cpu, i);
      long low = blend.apply(x[a], b, x[mask]);
      long high = blend.apply(x[a + 1], cpu.resultHigh, x[mask + 1]);
      Vector.set(cpu, i, i.reg, low, high);
    }
  }
}
