package io.satchel.vm.cpu.semantics;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.FpuState;
import io.satchel.vm.cpu.decode.Instruction;

/**
 * Conversions between single, double, half precision and integers, and rounding to integral values
 * (Intel SDM volume 1, sections 10.4.4, 11.4.1.5 and 14.4). Element functions first, as in {@link
 * Simd}; then the instructions.
 */
public final class SimdConvert {

  /** A conversion of one element. */
  @FunctionalInterface
  public interface Conversion {
    long apply(CpuState cpu, long value);
  }

  private static final long LOW = 0xFFFF_FFFFL;

  private SimdConvert() {}

  private static int mode(CpuState cpu) {
    return (cpu.mxcsr & Simd.RC) >>> Simd.RC_SHIFT;
  }

  // Elements.

  public static long singleToDouble(CpuState cpu, long value) {
    if (SimdSoft.isNan(value, SimdSoft.SINGLE)) {
      if (SimdSoft.isSignaling(value, SimdSoft.SINGLE)) {
        cpu.simdExceptions |= Simd.IE;
      }
      return (value & Simd.SIGN32) << 32
          | Simd.INFINITY64
          | 1L << 51
          | (value & 0x7F_FFFF) << SimdSoft.DOUBLE - SimdSoft.SINGLE;
    }
    long operand = SimdSoft.flush(cpu, value, SimdSoft.SINGLE);
    SimdSoft.denormals(cpu, operand, operand, SimdSoft.SINGLE);
    return Double.doubleToRawLongBits(Float.intBitsToFloat((int) operand));
  }

  public static long doubleToSingle(CpuState cpu, long value) {
    if (SimdSoft.isNan(value, SimdSoft.DOUBLE)) {
      if (SimdSoft.isSignaling(value, SimdSoft.DOUBLE)) {
        cpu.simdExceptions |= Simd.IE;
      }
      return value >>> 32 & Simd.SIGN32
          | Simd.INFINITY32
          | 1L << 22
          | value >>> SimdSoft.DOUBLE - SimdSoft.SINGLE & 0x7F_FFFF;
    }
    long operand = SimdSoft.flush(cpu, value, SimdSoft.DOUBLE);
    SimdSoft.denormals(cpu, operand, operand, SimdSoft.DOUBLE);
    long magnitude = operand & ~Simd.SIGN64;
    boolean negative = operand < 0;
    if (magnitude == 0 || magnitude == Simd.INFINITY64) {
      return (negative ? Simd.SIGN32 : 0) | (magnitude == 0 ? 0 : Simd.INFINITY32);
    }
    return SimdSoft.round(
        cpu,
        negative,
        SimdSoft.exponent(operand, SimdSoft.DOUBLE),
        SimdSoft.significand(operand, SimdSoft.DOUBLE),
        SimdSoft.SINGLE);
  }

  private static long fromInteger(CpuState cpu, long value, int format) {
    if (value == 0) {
      return 0;
    }
    boolean negative = value < 0;
    long magnitude = negative ? -value : value;
    int zeros = Long.numberOfLeadingZeros(magnitude);
    long significand = zeros == 0 ? magnitude >>> 1 | magnitude & 1 : magnitude << zeros - 1;
    return SimdSoft.round(cpu, negative, 63 - zeros, significand, format);
  }

  /** A signed doubleword; exact. */
  public static long int32ToDouble(CpuState cpu, long value) {
    return Double.doubleToRawLongBits((int) value);
  }

  public static long int32ToSingle(CpuState cpu, long value) {
    return fromInteger(cpu, (int) value, SimdSoft.SINGLE);
  }

  public static long int64ToDouble(CpuState cpu, long value) {
    return fromInteger(cpu, value, SimdSoft.DOUBLE);
  }

  public static long int64ToSingle(CpuState cpu, long value) {
    return fromInteger(cpu, value, SimdSoft.SINGLE);
  }

  /** An integral value by a rounding mode, the sign of zero kept. */
  static double integral(double value, int mode) {
    return switch (mode) {
      case Simd.NEAREST -> Math.rint(value);
      case Simd.DOWN -> Math.floor(value);
      case Simd.UP -> Math.ceil(value);
      default -> value < 0 ? Math.ceil(value) : Math.floor(value);
    };
  }

  private static long toInt32(CpuState cpu, double value, int mode) {
    double integral = integral(value, mode);
    if (!(integral >= Integer.MIN_VALUE && integral <= Integer.MAX_VALUE)) {
      cpu.simdExceptions |= Simd.IE;
      return 0x8000_0000L;
    }
    if (integral != value) {
      cpu.simdExceptions |= Simd.PE;
    }
    return (int) integral & LOW;
  }

  private static long toInt64(CpuState cpu, double value, int mode) {
    double integral = integral(value, mode);
    if (!(integral >= -0x1p63 && integral < 0x1p63)) {
      cpu.simdExceptions |= Simd.IE;
      return Long.MIN_VALUE;
    }
    if (integral != value) {
      cpu.simdExceptions |= Simd.PE;
    }
    return (long) integral;
  }

  private static double single(CpuState cpu, long value) {
    return Float.intBitsToFloat((int) SimdSoft.flush(cpu, value, SimdSoft.SINGLE));
  }

  private static double real(CpuState cpu, long value) {
    return Double.longBitsToDouble(SimdSoft.flush(cpu, value, SimdSoft.DOUBLE));
  }

  public static long singleToInt32(CpuState cpu, long value) {
    return toInt32(cpu, single(cpu, value), mode(cpu));
  }

  public static long singleToInt32Truncated(CpuState cpu, long value) {
    return toInt32(cpu, single(cpu, value), Simd.TRUNCATE);
  }

  public static long doubleToInt32(CpuState cpu, long value) {
    return toInt32(cpu, real(cpu, value), mode(cpu));
  }

  public static long doubleToInt32Truncated(CpuState cpu, long value) {
    return toInt32(cpu, real(cpu, value), Simd.TRUNCATE);
  }

  public static long singleToInt64(CpuState cpu, long value) {
    return toInt64(cpu, single(cpu, value), mode(cpu));
  }

  public static long singleToInt64Truncated(CpuState cpu, long value) {
    return toInt64(cpu, single(cpu, value), Simd.TRUNCATE);
  }

  public static long doubleToInt64(CpuState cpu, long value) {
    return toInt64(cpu, real(cpu, value), mode(cpu));
  }

  public static long doubleToInt64Truncated(CpuState cpu, long value) {
    return toInt64(cpu, real(cpu, value), Simd.TRUNCATE);
  }

  // ROUNDSS and its kin: bit 2 of the immediate takes the mode of MXCSR, bit 3 hides PE.

  public static long roundss(CpuState cpu, long value, int immediate) {
    if (SimdSoft.isNan(value, SimdSoft.SINGLE)) {
      return SimdSoft.nan(cpu, value, value, SimdSoft.SINGLE);
    }
    float operand = (float) single(cpu, value);
    float result = (float) integral(operand, (immediate & 4) != 0 ? mode(cpu) : immediate & 3);
    if (result != operand && (immediate & 8) == 0) {
      cpu.simdExceptions |= Simd.PE;
    }
    return Float.floatToRawIntBits(result) & LOW;
  }

  public static long roundsd(CpuState cpu, long value, int immediate) {
    if (SimdSoft.isNan(value, SimdSoft.DOUBLE)) {
      return SimdSoft.nan(cpu, value, value, SimdSoft.DOUBLE);
    }
    double operand = real(cpu, value);
    double result = integral(operand, (immediate & 4) != 0 ? mode(cpu) : immediate & 3);
    if (result != operand && (immediate & 8) == 0) {
      cpu.simdExceptions |= Simd.PE;
    }
    return Double.doubleToRawLongBits(result);
  }

  // Half precision (F16C), which ignores FTZ, and DAZ where halves are read.

  public static long halfToSingle(CpuState cpu, long value) {
    if (SimdSoft.isSignaling(value, SimdSoft.HALF)) {
      cpu.simdExceptions |= Simd.IE;
    }
    if (SimdSoft.isNan(value, SimdSoft.HALF)) {
      return (value & 0x8000) << 16 | Simd.INFINITY32 | 1L << 22 | (value & 0x3FF) << 13;
    }
    return Float.floatToRawIntBits(Float.float16ToFloat((short) value)) & LOW;
  }

  /** The rounding mode is that of MXCSR when bit 2 of the immediate byte is set, else its own. */
  public static long singleToHalf(CpuState cpu, long value, int immediate) {
    if (SimdSoft.isNan(value, SimdSoft.SINGLE)) {
      if (SimdSoft.isSignaling(value, SimdSoft.SINGLE)) {
        cpu.simdExceptions |= Simd.IE;
      }
      return value >>> 16 & 0x8000 | 0x7E00 | value >>> 13 & 0x3FF;
    }
    long operand = SimdSoft.flush(cpu, value, SimdSoft.SINGLE);
    SimdSoft.denormals(cpu, operand, operand, SimdSoft.SINGLE);
    long sign = operand >>> 16 & 0x8000;
    long magnitude = operand & ~Simd.SIGN32;
    if (magnitude == 0 || magnitude == Simd.INFINITY32) {
      return sign | (magnitude == 0 ? 0 : 0x7C00);
    }
    int mxcsr = cpu.mxcsr;
    int mode = (immediate & 4) != 0 ? mxcsr & Simd.RC : (immediate & 3) << Simd.RC_SHIFT;
    return SimdSoft.round(
        cpu,
        mxcsr & ~(Simd.RC | Simd.FTZ) | mode,
        sign != 0,
        SimdSoft.exponent(operand, SimdSoft.SINGLE),
        SimdSoft.significand(operand, SimdSoft.SINGLE),
        SimdSoft.HALF);
  }

  /** VCVTPH2PS. */
  public static void vcvtph2ps(CpuState cpu, Instruction i) {
    boolean whole = i.vectorLength == 32;
    long low = whole ? Vector.load(cpu, i, false) : Vector.load64(cpu, i);
    long high = cpu.resultHigh;
    long r0 = halves(cpu, low);
    long r1 = halves(cpu, low >>> 32);
    long r2 = whole ? halves(cpu, high) : 0;
    long r3 = whole ? halves(cpu, high >>> 32) : 0;
    Vector.finish(cpu);
    Vector.set256(cpu, i.reg, r0, r1, r2, r3);
  }

  private static long halves(CpuState cpu, long value) {
    return halfToSingle(cpu, value & 0xFFFF) | halfToSingle(cpu, value >>> 16 & 0xFFFF) << 32;
  }

  /** VCVTPS2PH. */
  public static void vcvtps2ph(CpuState cpu, Instruction i) {
    boolean whole = i.vectorLength == 32;
    int r = 2 * i.reg;
    int immediate = (int) i.immediate;
    long low =
        toHalves(cpu, cpu.xmm[r], immediate) | toHalves(cpu, cpu.xmm[r + 1], immediate) << 32;
    long high = 0;
    if (whole) {
      high = toHalves(cpu, cpu.ymmHigh[r], immediate);
      high |= toHalves(cpu, cpu.ymmHigh[r + 1], immediate) << 32;
    }
    int before = cpu.mxcsr;
    Vector.finish(cpu);
    if (!i.memory) {
      Vector.set(cpu, i, i.rm, low, high);
      return;
    }
    int after = cpu.mxcsr;
    // A page fault leaves MXCSR alone.
    cpu.mxcsr = before;
    if (whole) {
      Vector.store128(cpu, Vector.address(cpu, i, 16, false, true), low, high);
    } else {
      Operands.store(cpu, i, 0, 8, low);
    }
    cpu.mxcsr = after;
  }

  private static long toHalves(CpuState cpu, long value, int immediate) {
    return singleToHalf(cpu, value & LOW, immediate)
        | singleToHalf(cpu, value >>> 32, immediate) << 16;
  }

  // Between vectors of different elements. The destination's second half is in resultHigh.

  /** CVTPS2PD and CVTDQ2PD: elements of 32 bits become twice as wide. */
  public static void widen(CpuState cpu, Instruction i, Conversion conversion) {
    if (i.vectorLength == 32) {
      long low = Vector.load(cpu, i, false);
      long high = cpu.resultHigh;
      long r0 = conversion.apply(cpu, low & LOW);
      long r1 = conversion.apply(cpu, low >>> 32);
      long r2 = conversion.apply(cpu, high & LOW);
      long r3 = conversion.apply(cpu, high >>> 32);
      Vector.finish(cpu);
      Vector.set256(cpu, i.reg, r0, r1, r2, r3);
    } else {
      long low = Vector.load64(cpu, i);
      long r0 = conversion.apply(cpu, low & LOW);
      long r1 = conversion.apply(cpu, low >>> 32);
      Vector.finish(cpu);
      Vector.set(cpu, i, i.reg, r0, r1);
    }
  }

  /** CVTPD2PS, CVTPD2DQ and CVTTPD2DQ: elements of 64 bits become half as wide. */
  public static void narrow(CpuState cpu, Instruction i, Conversion conversion) {
    long b2 = 0;
    long b3 = 0;
    long b0;
    if (i.vectorLength == 32 && i.memory) {
      long at = Vector.address128(cpu, i);
      b3 = Vector.read(cpu, at, 24);
      b2 = Vector.read(cpu, at, 16);
      b0 = Vector.read(cpu, at, 0);
      cpu.resultHigh = Vector.read(cpu, at, 8);
    } else {
      b0 = Vector.load(cpu, i);
      b2 = cpu.ymmHigh[2 * i.rm];
      b3 = cpu.ymmHigh[2 * i.rm + 1];
    }
    long low = conversion.apply(cpu, b0) | conversion.apply(cpu, cpu.resultHigh) << 32;
    long high = 0;
    if (i.vectorLength == 32) {
      high = conversion.apply(cpu, b2) | conversion.apply(cpu, b3) << 32;
    }
    Vector.finish(cpu);
    Vector.set(cpu, i, i.reg, low, high);
  }

  // Scalars.

  /** CVTSS2SD. */
  public static void cvtss2sd(CpuState cpu, Instruction i) {
    long result = singleToDouble(cpu, Vector.load32(cpu, i));
    Vector.finish(cpu);
    Vector.set(cpu, i, i.reg, result, cpu.xmm[2 * i.vvvv + 1]);
  }

  /** CVTSD2SS. */
  public static void cvtsd2ss(CpuState cpu, Instruction i) {
    long result = doubleToSingle(cpu, Vector.load64(cpu, i));
    Vector.finish(cpu);
    long a = cpu.xmm[2 * i.vvvv];
    Vector.set(cpu, i, i.reg, a & ~LOW | result, cpu.xmm[2 * i.vvvv + 1]);
  }

  /** CVTSI2SD, from 32 or 64 bits. */
  public static void cvtsi2sd(CpuState cpu, Instruction i) {
    long result =
        i.operandSize == 8
            ? int64ToDouble(cpu, Operands.loadRm(cpu, i, 8))
            : int32ToDouble(cpu, Operands.loadRm(cpu, i, 4));
    Vector.finish(cpu);
    Vector.set(cpu, i, i.reg, result, cpu.xmm[2 * i.vvvv + 1]);
  }

  /** CVTSI2SS, from 32 or 64 bits. */
  public static void cvtsi2ss(CpuState cpu, Instruction i) {
    long result =
        i.operandSize == 8
            ? int64ToSingle(cpu, Operands.loadRm(cpu, i, 8))
            : int32ToSingle(cpu, Operands.loadRm(cpu, i, 4));
    Vector.finish(cpu);
    long a = cpu.xmm[2 * i.vvvv];
    Vector.set(cpu, i, i.reg, a & ~LOW | result, cpu.xmm[2 * i.vvvv + 1]);
  }

  /** CVTSD2SI. */
  public static void cvtsd2si(CpuState cpu, Instruction i) {
    long value = Vector.load64(cpu, i);
    toGeneral(cpu, i, i.operandSize == 8 ? doubleToInt64(cpu, value) : doubleToInt32(cpu, value));
  }

  /** CVTTSD2SI. */
  public static void cvttsd2si(CpuState cpu, Instruction i) {
    long value = Vector.load64(cpu, i);
    toGeneral(
        cpu,
        i,
        i.operandSize == 8
            ? doubleToInt64Truncated(cpu, value)
            : doubleToInt32Truncated(cpu, value));
  }

  /** CVTSS2SI. */
  public static void cvtss2si(CpuState cpu, Instruction i) {
    long value = Vector.load32(cpu, i);
    toGeneral(cpu, i, i.operandSize == 8 ? singleToInt64(cpu, value) : singleToInt32(cpu, value));
  }

  /** CVTTSS2SI. */
  public static void cvttss2si(CpuState cpu, Instruction i) {
    long value = Vector.load32(cpu, i);
    toGeneral(
        cpu,
        i,
        i.operandSize == 8
            ? singleToInt64Truncated(cpu, value)
            : singleToInt32Truncated(cpu, value));
  }

  private static void toGeneral(CpuState cpu, Instruction i, long value) {
    Vector.finish(cpu);
    cpu.gpr[i.reg] = value;
  }

  // With MMX registers.

  /** CVTPI2PS. */
  public static void cvtpi2ps(CpuState cpu, Instruction i) {
    long b = Mmx.source(cpu, i);
    long low = int32ToSingle(cpu, b & LOW) | int32ToSingle(cpu, b >>> 32) << 32;
    // Before the exceptions: processors do so too.
    if (!i.memory) {
      Mmx.enter(cpu.fpu);
    }
    Vector.finish(cpu);
    cpu.xmm[2 * i.reg] = low;
  }

  /** CVTPI2PD: from memory, it does not touch the x87 state. */
  public static void cvtpi2pd(CpuState cpu, Instruction i) {
    long b = Mmx.source(cpu, i);
    if (!i.memory) {
      Mmx.enter(cpu.fpu);
    }
    cpu.xmm[2 * i.reg] = int32ToDouble(cpu, b & LOW);
    cpu.xmm[2 * i.reg + 1] = int32ToDouble(cpu, b >>> 32);
  }

  /** CVTPS2PI and CVTTPS2PI. */
  public static void singlesToMmx(CpuState cpu, Instruction i, Conversion conversion) {
    long b = Vector.load64(cpu, i);
    toMmx(cpu, i, conversion.apply(cpu, b & LOW), conversion.apply(cpu, b >>> 32));
  }

  /** CVTPD2PI and CVTTPD2PI. */
  public static void doublesToMmx(CpuState cpu, Instruction i, Conversion conversion) {
    long b = Vector.load(cpu, i);
    toMmx(cpu, i, conversion.apply(cpu, b), conversion.apply(cpu, cpu.resultHigh));
  }

  private static void toMmx(CpuState cpu, Instruction i, long low, long high) {
    FpuState f = cpu.fpu;
    Mmx.enter(f);
    Vector.finish(cpu);
    Mmx.put(f, i.reg, low | high << 32);
  }
}
