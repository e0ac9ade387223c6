package io.satchel.vm.cpu.semantics;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.decode.Instruction;

/** The fused multiply-add instructions (Intel SDM volume 1, section 14.5). */
public final class Fma {

  private static final long LOW = 0xFFFF_FFFFL;

  /** Which operands are multiplied: 1 the destination, 2 the first source, 3 the second. */
  public enum Order {
    /** 1 * 3 + 2. */
    O132,
    /** 2 * 1 + 3. */
    O213,
    /** 2 * 3 + 1. */
    O231
  }

  /** Signs of the product and of the addend; those that alternate begin with the even element. */
  public enum Variant {
    MADDSUB(false, true, false),
    MSUBADD(false, false, true),
    MADD(false, false, false),
    MSUB(false, true, true),
    NMADD(true, false, false),
    NMSUB(true, true, true);

    final boolean negativeProduct;
    final boolean negativeEven;
    final boolean negativeOdd;

    Variant(boolean negativeProduct, boolean negativeEven, boolean negativeOdd) {
      this.negativeProduct = negativeProduct;
      this.negativeEven = negativeEven;
      this.negativeOdd = negativeOdd;
    }
  }

  private Fma() {}

  /** An element of 32 or 64 bits by the operands' order: {@code d} is the destination's. */
  private static long element(
      CpuState cpu, Order order, Variant variant, boolean odd, long d, long a, long b, int format) {
    long x = order == Order.O132 ? d : a;
    long y = order == Order.O213 ? d : b;
    long z =
        switch (order) {
          case O132 -> a;
          case O213 -> b;
          case O231 -> d;
        };
    boolean negative = odd ? variant.negativeOdd : variant.negativeEven;
    return fused(cpu, x, y, z, variant.negativeProduct, negative, format);
  }

  private static long pair(CpuState cpu, Order order, Variant variant, long d, long a, long b) {
    return element(cpu, order, variant, false, d & LOW, a & LOW, b & LOW, SimdSoft.SINGLE)
        | element(cpu, order, variant, true, d >>> 32, a >>> 32, b >>> 32, SimdSoft.SINGLE) << 32;
  }

  /** The packed single-precision forms. */
  public static void single(CpuState cpu, Instruction i, Order order, Variant variant) {
    Vector.loadScratch(cpu, i);
    long[] r = cpu.vectorScratch;
    for (int n = 0; n < i.vectorLength / 8; n++) {
      long d = Vector.quad(cpu, i.reg, n);
      r[n] = pair(cpu, order, variant, d, Vector.quad(cpu, i.vvvv, n), r[n]);
    }
    Vector.finish(cpu);
    Vector.setScratch(cpu, i);
  }

  /** The packed double-precision forms. */
  public static void real(CpuState cpu, Instruction i, Order order, Variant variant) {
    Vector.loadScratch(cpu, i);
    long[] r = cpu.vectorScratch;
    for (int n = 0; n < i.vectorLength / 8; n++) {
      long d = Vector.quad(cpu, i.reg, n);
      long a = Vector.quad(cpu, i.vvvv, n);
      r[n] = element(cpu, order, variant, (n & 1) != 0, d, a, r[n], SimdSoft.DOUBLE);
    }
    Vector.finish(cpu);
    Vector.setScratch(cpu, i);
  }

  /** The scalar single-precision forms: the rest is the destination's. */
  public static void scalarSingle(CpuState cpu, Instruction i, Order order, Variant variant) {
    long b = Vector.load32(cpu, i);
    long d = cpu.xmm[2 * i.reg];
    long a = cpu.xmm[2 * i.vvvv] & LOW;
    long low = element(cpu, order, variant, false, d & LOW, a, b, SimdSoft.SINGLE);
    Vector.finish(cpu);
    Vector.set(cpu, i, i.reg, d & ~LOW | low, cpu.xmm[2 * i.reg + 1]);
  }

  /** The scalar double-precision forms. */
  public static void scalarReal(CpuState cpu, Instruction i, Order order, Variant variant) {
    long b = Vector.load64(cpu, i);
    long d = cpu.xmm[2 * i.reg];
    long a = cpu.xmm[2 * i.vvvv];
    long low = element(cpu, order, variant, false, d, a, b, SimdSoft.DOUBLE);
    Vector.finish(cpu);
    Vector.set(cpu, i, i.reg, low, cpu.xmm[2 * i.reg + 1]);
  }

  /** (+ or -) x * y (+ or -) z, rounded once. */
  public static long fused(
      CpuState cpu,
      long x,
      long y,
      long z,
      boolean negativeProduct,
      boolean negativeAddend,
      int format) {
    long sign = SimdSoft.sign(format);
    long px = negativeProduct ? x ^ sign : x;
    long pz = negativeAddend ? z ^ sign : z;
    // The short way, once inexact is sticky: see Simd.
    if (Simd.inexactIsKnown(cpu)) {
      if (format == SimdSoft.DOUBLE) {
        double result =
            Math.fma(
                Double.longBitsToDouble(px),
                Double.longBitsToDouble(y),
                Double.longBitsToDouble(pz));
        long bits = Double.doubleToRawLongBits(result);
        if (Simd.plain64(x) && Simd.plain64(y) && Simd.plain64(z) && Simd.inside64(bits)) {
          return bits;
        }
      } else {
        float result =
            Math.fma(
                Float.intBitsToFloat((int) px),
                Float.intBitsToFloat((int) y),
                Float.intBitsToFloat((int) pz));
        long bits = Float.floatToRawIntBits(result) & LOW;
        if (Simd.plain32(x) && Simd.plain32(y) && Simd.plain32(z) && Simd.inside32(bits)) {
          return bits;
        }
      }
    }
    return SimdSoft.fused(cpu, x, y, z, negativeProduct, negativeAddend, format);
  }
}
