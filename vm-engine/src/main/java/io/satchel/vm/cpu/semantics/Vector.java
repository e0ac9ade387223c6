package io.satchel.vm.cpu.semantics;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;
import io.satchel.vm.cpu.decode.Instruction;
import java.util.function.LongBinaryOperator;
import java.util.function.LongUnaryOperator;

/**
 * How the SSE and AVX instructions reach their operands, and the shapes that most of them have
 * (Intel SDM volume 1, chapters 10 to 14).
 *
 * <p>A register is four longs: bits 63-0 and 127-64 in {@link CpuState#xmm}, the same of the upper
 * half in {@link CpuState#ymmHigh}. The first source is {@link Instruction#vvvv}, which without a
 * VEX prefix is the destination; without it the upper half of the destination stays, with it the
 * bits above the vector's length are cleared. So one method serves an SSE instruction and the AVX
 * instruction of the same name.
 *
 * <p>Nothing is written before everything is read and computed: a fault leaves all as it was.
 */
public final class Vector {

  /** A function of two vectors of 128 bits: gives bits 63-0, leaves 127-64 in resultHigh. */
  @FunctionalInterface
  public interface Lane {
    long apply(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh);

    /** Ignores the immediate byte. */
    default LaneImmediate ignoringImmediate() {
      return (cpu, aLow, aHigh, bLow, bHigh, immediate) -> apply(cpu, aLow, aHigh, bLow, bHigh);
    }
  }

  /** As {@link Lane}, with the immediate byte. */
  @FunctionalInterface
  public interface LaneImmediate {
    long apply(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh, int immediate);
  }

  /** A function of an element of each source, 32 bits zero-extended or 64; may meet exceptions. */
  @FunctionalInterface
  public interface Element {
    long apply(CpuState cpu, long a, long b);
  }

  private static final int PAGE_MASK = 0xFFF;
  private static final long LOW = 0xFFFF_FFFFL;

  private Vector() {}

  // Memory.

  /** The linear address of a vector in memory; one that has to be aligned is #GP(0) if not. */
  static long address(CpuState cpu, Instruction i, int width, boolean aligned) {
    return address(cpu, i, width, aligned, false);
  }

  static long address(CpuState cpu, Instruction i, int width, boolean aligned, boolean write) {
    long offset = Operands.offset(cpu, i);
    if (!aligned) {
      return Operands.linear(cpu, i.segment, offset, width, write);
    }
    // Not #AC: the last byte is checked apart, as a byte.
    long linear = Operands.linear(cpu, i.segment, offset, 1, write);
    Operands.linear(cpu, i.segment, Operands.truncate(offset + width - 1, i.addressSize), 1, write);
    if ((linear & width - 1) != 0) {
      throw cpu.fault(GuestFault.GP, 0);
    }
    return linear;
  }

  /** The linear address of the rm operand, aligned to 16 bytes unless there is a VEX prefix. */
  static long address128(CpuState cpu, Instruction i) {
    return address(cpu, i, i.vectorLength, !i.vex);
  }

  /** Reads 8 bytes {@code displacement} bytes behind a linear address. */
  static long read(CpuState cpu, long linear, int displacement) {
    long at = linear + displacement;
    return cpu.mmu.read(cpu.longMode() ? at : at & 0xFFFF_FFFFL, 8);
  }

  /**
   * Bits 63-0 of the rm operand of 128 bits; the rest is then in resultHigh. In memory it has to be
   * aligned, unless there is a VEX prefix.
   */
  static long load(CpuState cpu, Instruction i) {
    return load(cpu, i, !i.vex);
  }

  static long load(CpuState cpu, Instruction i, boolean aligned) {
    if (i.memory) {
      long linear = address(cpu, i, 16, aligned);
      cpu.resultHigh = read(cpu, linear, 8);
      return read(cpu, linear, 0);
    }
    cpu.resultHigh = cpu.xmm[2 * i.rm + 1];
    return cpu.xmm[2 * i.rm];
  }

  /** The low 8 bytes of the rm operand, of which memory holds no more. */
  static long load64(CpuState cpu, Instruction i) {
    return i.memory ? Operands.load(cpu, i, 0, 8) : cpu.xmm[2 * i.rm];
  }

  /** The low 4 bytes of the rm operand, zero-extended. */
  static long load32(CpuState cpu, Instruction i) {
    return i.memory ? Operands.load(cpu, i, 0, 4) : cpu.xmm[2 * i.rm] & 0xFFFF_FFFFL;
  }

  /** Writes 16 bytes, all or nothing. */
  static void store128(CpuState cpu, long linear, long low, long high) {
    if ((linear & PAGE_MASK) > 0xFF0) {
      cpu.mmu.checkWrite(linear, 8);
      cpu.mmu.checkWrite(next(cpu, linear, 8), 8);
    }
    cpu.mmu.write(linear, 8, low);
    cpu.mmu.write(next(cpu, linear, 8), 8, high);
  }

  /** Writes 32 bytes, all or nothing. */
  static void store256(
      CpuState cpu, long linear, long low, long high, long upperLow, long upperHigh) {
    if ((linear & PAGE_MASK) > 0xFE0) {
      cpu.mmu.checkWrite(linear, 8);
      cpu.mmu.checkWrite(next(cpu, linear, 24), 8);
    }
    cpu.mmu.write(linear, 8, low);
    cpu.mmu.write(next(cpu, linear, 8), 8, high);
    cpu.mmu.write(next(cpu, linear, 16), 8, upperLow);
    cpu.mmu.write(next(cpu, linear, 24), 8, upperHigh);
  }

  static long next(CpuState cpu, long linear, int distance) {
    long at = linear + distance;
    return cpu.longMode() ? at : at & 0xFFFF_FFFFL;
  }

  // Registers.

  /** Writes a vector of 128 bits. */
  static void set(CpuState cpu, Instruction i, int register, long low, long high) {
    cpu.xmm[2 * register] = low;
    cpu.xmm[2 * register + 1] = high;
    if (i.vex) {
      cpu.ymmHigh[2 * register] = 0;
      cpu.ymmHigh[2 * register + 1] = 0;
    }
  }

  static void set256(CpuState cpu, int register, long low, long high, long low2, long high2) {
    cpu.xmm[2 * register] = low;
    cpu.xmm[2 * register + 1] = high;
    cpu.ymmHigh[2 * register] = low2;
    cpu.ymmHigh[2 * register + 1] = high2;
  }

  /** Bits {@code 64 * n} and up of a register, {@code n} from 0 to 3. */
  static long quad(CpuState cpu, int register, int n) {
    return (n < 2 ? cpu.xmm : cpu.ymmHigh)[2 * register + (n & 1)];
  }

  /** The rm operand, of the vector's length, to scratch space. */
  static void loadScratch(CpuState cpu, Instruction i) {
    long[] scratch = cpu.vectorScratch;
    long at = i.memory ? address128(cpu, i) : 0;
    for (int n = 0; n < i.vectorLength / 8; n++) {
      scratch[n] = i.memory ? read(cpu, at, 8 * n) : quad(cpu, i.rm, n);
    }
  }

  /** The destination from scratch space. */
  static void setScratch(CpuState cpu, Instruction i) {
    long[] scratch = cpu.vectorScratch;
    if (i.vectorLength == 32) {
      set256(cpu, i.reg, scratch[0], scratch[1], scratch[2], scratch[3]);
    } else {
      set(cpu, i, i.reg, scratch[0], scratch[1]);
    }
  }

  /** Moves what the element functions met to MXCSR; raises #XM for what is not masked. */
  static void finish(CpuState cpu) {
    if (cpu.simdExceptions != 0) {
      Simd.finish(cpu);
    }
  }

  // Shapes, as functions of 128 bits.

  /** Every 64 bits are a function of the second source only. */
  public static LongBinaryOperator second(LongUnaryOperator operator) {
    return (a, b) -> operator.applyAsLong(b);
  }

  /** Bits 63-0 are f(low, high) of the first source, bits 127-64 of the second. */
  public static Lane pairs(LongBinaryOperator operator) {
    return (c, al, ah, bl, bh) -> {
      c.resultHigh = operator.applyAsLong(bl, bh);
      return operator.applyAsLong(al, ah);
    };
  }

  /** Interleaves the low halves of the sources. */
  public static Lane unpackLow(LongBinaryOperator low, LongBinaryOperator high) {
    return (c, al, ah, bl, bh) -> {
      c.resultHigh = high.applyAsLong(al, bl);
      return low.applyAsLong(al, bl);
    };
  }

  /** Interleaves the high halves of the sources. */
  public static Lane unpackHigh(LongBinaryOperator low, LongBinaryOperator high) {
    return (c, al, ah, bl, bh) -> {
      c.resultHigh = high.applyAsLong(ah, bh);
      return low.applyAsLong(ah, bh);
    };
  }

  /** Four elements of 32 bits. */
  public static Lane packedSingle(Element element) {
    return (c, al, ah, bl, bh) -> {
      long high =
          element.apply(c, ah & LOW, bh & LOW) | element.apply(c, ah >>> 32, bh >>> 32) << 32;
      long low =
          element.apply(c, al & LOW, bl & LOW) | element.apply(c, al >>> 32, bl >>> 32) << 32;
      c.resultHigh = high;
      return low;
    };
  }

  /** Two elements of 64 bits. */
  public static Lane packedDouble(Element element) {
    return (c, al, ah, bl, bh) -> {
      long high = element.apply(c, ah, bh);
      long low = element.apply(c, al, bl);
      c.resultHigh = high;
      return low;
    };
  }

  // Drivers.

  /** Every 64 bits of the destination are a function of the same 64 bits of the sources. */
  public static void vertical(CpuState cpu, Instruction i, LongBinaryOperator operator) {
    long[] x = cpu.xmm;
    int a = 2 * i.vvvv;
    if (i.vectorLength == 32) {
      long b0;
      long b1;
      long b2;
      long b3;
      if (i.memory) {
        long at = address128(cpu, i);
        b3 = read(cpu, at, 24);
        b0 = read(cpu, at, 0);
        b1 = read(cpu, at, 8);
        b2 = read(cpu, at, 16);
      } else {
        b0 = x[2 * i.rm];
        b1 = x[2 * i.rm + 1];
        b2 = cpu.ymmHigh[2 * i.rm];
        b3 = cpu.ymmHigh[2 * i.rm + 1];
      }
      long low = operator.applyAsLong(x[a], b0);
      long high = operator.applyAsLong(x[a + 1], b1);
      long low2 = operator.applyAsLong(cpu.ymmHigh[a], b2);
      set256(cpu, i.reg, low, high, low2, operator.applyAsLong(cpu.ymmHigh[a + 1], b3));
    } else {
      long low = load(cpu, i);
      long high = operator.applyAsLong(x[a + 1], cpu.resultHigh);
      set(cpu, i, i.reg, operator.applyAsLong(x[a], low), high);
    }
  }

  /** Every 128 bits of the destination are a function of the same 128 bits of the sources. */
  public static void lanes(CpuState cpu, Instruction i, LaneImmediate lane) {
    long[] x = cpu.xmm;
    long[] y = cpu.ymmHigh;
    int immediate = (int) i.immediate & 0xFF;
    int a = 2 * i.vvvv;
    if (i.vectorLength == 32) {
      long b0;
      long b1;
      long b2;
      long b3;
      if (i.memory) {
        long at = address128(cpu, i);
        b3 = read(cpu, at, 24);
        b0 = read(cpu, at, 0);
        b1 = read(cpu, at, 8);
        b2 = read(cpu, at, 16);
      } else {
        b0 = x[2 * i.rm];
        b1 = x[2 * i.rm + 1];
        b2 = y[2 * i.rm];
        b3 = y[2 * i.rm + 1];
      }
      long low = lane.apply(cpu, x[a], x[a + 1], b0, b1, immediate);
      long high = cpu.resultHigh;
      long low2 = lane.apply(cpu, y[a], y[a + 1], b2, b3, immediate);
      long high2 = cpu.resultHigh;
      finish(cpu);
      set256(cpu, i.reg, low, high, low2, high2);
    } else {
      long b = load(cpu, i);
      long low = lane.apply(cpu, x[a], x[a + 1], b, cpu.resultHigh, immediate);
      long high = cpu.resultHigh;
      finish(cpu);
      set(cpu, i, i.reg, low, high);
    }
  }

  /** SHUFPD: each lane has two bits of the immediate byte of its own. */
  public static void shufpd(CpuState cpu, Instruction i) {
    if (i.vectorLength == 32) {
      lanesApart(cpu, i, Packed::shufpd, (int) i.immediate & 3, (int) i.immediate >>> 2 & 3);
    } else {
      lanes(cpu, i, Packed::shufpd);
    }
  }

  /** MPSADBW: the upper lane takes bits 5-3 of the immediate byte. */
  public static void mpsadbw(CpuState cpu, Instruction i) {
    if (i.vectorLength == 32) {
      lanesApart(cpu, i, Packed::mpsadbw, (int) i.immediate, (int) i.immediate >>> 3);
    } else {
      lanes(cpu, i, Packed::mpsadbw);
    }
  }

  /** BLENDPS and VPBLENDD: four bits of the immediate byte for each lane. */
  public static void blendps(CpuState cpu, Instruction i) {
    if (i.vectorLength == 32) {
      lanesApart(cpu, i, Packed::blendps, (int) i.immediate, (int) i.immediate >>> 4);
    } else {
      lanes(cpu, i, Packed::blendps);
    }
  }

  /** BLENDPD: two bits for each lane. */
  public static void blendpd(CpuState cpu, Instruction i) {
    if (i.vectorLength == 32) {
      lanesApart(cpu, i, Packed::blendpd, (int) i.immediate, (int) i.immediate >>> 2);
    } else {
      lanes(cpu, i, Packed::blendpd);
    }
  }

  /** 256 bits whose lanes have immediates of their own. */
  static void lanesApart(CpuState cpu, Instruction i, LaneImmediate lane, int lower, int upper) {
    long[] x = cpu.xmm;
    long[] y = cpu.ymmHigh;
    int a = 2 * i.vvvv;
    long b2;
    long b3;
    if (i.memory) {
      long at = address128(cpu, i);
      b3 = read(cpu, at, 24);
      b2 = read(cpu, at, 16);
    } else {
      b2 = y[2 * i.rm];
      b3 = y[2 * i.rm + 1];
    }
    long b0 = load(cpu, i);
    long low = lane.apply(cpu, x[a], x[a + 1], b0, cpu.resultHigh, lower);
    long high = cpu.resultHigh;
    long low2 = lane.apply(cpu, y[a], y[a + 1], b2, b3, upper);
    set256(cpu, i.reg, low, high, low2, cpu.resultHigh);
  }

  /** The low 32 bits are a function of those of the sources; the others are the first's. */
  public static void scalarSingle(CpuState cpu, Instruction i, Element element) {
    long b = load32(cpu, i);
    long a = cpu.xmm[2 * i.vvvv];
    long low = element.apply(cpu, a & LOW, b);
    finish(cpu);
    set(cpu, i, i.reg, a & ~LOW | low, cpu.xmm[2 * i.vvvv + 1]);
  }

  /** The low 64 bits are a function of those of the sources; the others are the first's. */
  public static void scalarDouble(CpuState cpu, Instruction i, Element element) {
    long b = load64(cpu, i);
    long low = element.apply(cpu, cpu.xmm[2 * i.vvvv], b);
    finish(cpu);
    set(cpu, i, i.reg, low, cpu.xmm[2 * i.vvvv + 1]);
  }

  /** Every 64 bits by one count, the low 64 bits of the second source. */
  public static void shift(CpuState cpu, Instruction i, LongBinaryOperator operator) {
    shift(cpu, i, i.vvvv, i.reg, load(cpu, i), operator);
  }

  /** Every 64 bits by the immediate byte; the destination is VEX.vvvv, or rm. */
  public static void shiftImmediate(CpuState cpu, Instruction i, LongBinaryOperator operator) {
    shift(cpu, i, i.rm, i.vex ? i.vvvv : i.rm, i.immediate & 0xFF, operator);
  }

  private static void shift(
      CpuState cpu,
      Instruction i,
      int source,
      int destination,
      long count,
      LongBinaryOperator operator) {
    long low = operator.applyAsLong(cpu.xmm[2 * source], count);
    long high = operator.applyAsLong(cpu.xmm[2 * source + 1], count);
    if (i.vectorLength == 32) {
      long low2 = operator.applyAsLong(cpu.ymmHigh[2 * source], count);
      long high2 = operator.applyAsLong(cpu.ymmHigh[2 * source + 1], count);
      set256(cpu, destination, low, high, low2, high2);
    } else {
      set(cpu, i, destination, low, high);
    }
  }

  /** PSLLDQ and PSRLDQ: each lane as a whole, by bytes. */
  public static void shiftBytes(CpuState cpu, Instruction i, boolean left) {
    int bytes = Math.min((int) i.immediate & 0xFF, 16);
    int destination = i.vex ? i.vvvv : i.rm;
    long low = cpu.xmm[2 * i.rm];
    long high = cpu.xmm[2 * i.rm + 1];
    long resultLow = left ? left(low, bytes) : right(low, high, bytes);
    long resultHigh = left ? left(high, low, bytes) : right(high, bytes);
    if (i.vectorLength == 32) {
      low = cpu.ymmHigh[2 * i.rm];
      high = cpu.ymmHigh[2 * i.rm + 1];
      long resultLow2 = left ? left(low, bytes) : right(low, high, bytes);
      long resultHigh2 = left ? left(high, low, bytes) : right(high, bytes);
      set256(cpu, destination, resultLow, resultHigh, resultLow2, resultHigh2);
    } else {
      set(cpu, i, destination, resultLow, resultHigh);
    }
  }

  /** {@code value} shifted by 0 to 16 bytes. */
  private static long left(long value, int bytes) {
    return bytes >= 8 ? 0 : value << 8 * bytes;
  }

  static long right(long value, int bytes) {
    return bytes >= 8 ? 0 : value >>> 8 * bytes;
  }

  /** The high half of 128 bits shifted left by 0 to 16 bytes. */
  private static long left(long high, long low, int bytes) {
    return bytes == 0
        ? high
        : bytes >= 8 ? left(low, bytes - 8) : high << 8 * bytes | low >>> 64 - 8 * bytes;
  }

  /** The low half of 128 bits shifted right by 0 to 16 bytes. */
  static long right(long low, long high, int bytes) {
    return bytes == 0
        ? low
        : bytes >= 8 ? right(high, bytes - 8) : low >>> 8 * bytes | high << 64 - 8 * bytes;
  }
}
