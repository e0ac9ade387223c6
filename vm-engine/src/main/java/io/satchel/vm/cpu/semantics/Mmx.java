package io.satchel.vm.cpu.semantics;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.FpuState;
import io.satchel.vm.cpu.GuestFault;
import io.satchel.vm.cpu.decode.Instruction;
import java.util.function.LongBinaryOperator;

/**
 * The MMX instructions (Intel SDM volume 1, chapter 9): pure functions of 64-bit values, the first
 * operand being the destination, and the moves between MM registers, memory and general registers.
 */
public final class Mmx {

  // Where the sign bits and the other bits of packed elements are.
  private static final long SIGNS_B = 0x8080_8080_8080_8080L;
  private static final long SIGNS_W = 0x8000_8000_8000_8000L;
  private static final long SIGNS_D = 0x8000_0000_8000_0000L;

  private Mmx() {}

  /** The trait MMX: #UD by CR0.EM, #NM by CR0.TS, then a pending x87 error. */
  public static void check(CpuState cpu) {
    if ((cpu.cr0 & CpuState.CR0_EM) != 0) {
      throw cpu.fault(GuestFault.UD, 0);
    }
    X87.check(cpu);
  }

  // Moves and the shape of the others.

  /** What every MMX instruction but EMMS does to the x87 state: TOP 0, all registers valid. */
  static void enter(FpuState f) {
    f.top = 0;
    f.empty = 0;
  }

  static void put(FpuState f, int register, long value) {
    f.significand[register & 7] = value;
    f.signExponent[register & 7] = 0xFFFF;
  }

  /** Qq. */
  static long source(CpuState cpu, Instruction i) {
    return i.memory ? Operands.load(cpu, i, 0, 8) : cpu.fpu.significand[i.rm & 7];
  }

  /** Pq = operator(Pq, Qq). */
  public static void binary(CpuState cpu, Instruction i, LongBinaryOperator operator) {
    FpuState f = cpu.fpu;
    long source = i.memory ? Operands.load(cpu, i, 0, 8) : f.significand[i.rm & 7];
    enter(f);
    put(f, i.reg, operator.applyAsLong(f.significand[i.reg & 7], source));
  }

  /** Pq = operator(Pq, Qd): the unpacks of low halves read 32 bits of memory. */
  public static void binaryLow(CpuState cpu, Instruction i, LongBinaryOperator operator) {
    FpuState f = cpu.fpu;
    long source = i.memory ? Operands.load(cpu, i, 0, 4) : f.significand[i.rm & 7];
    enter(f);
    put(f, i.reg, operator.applyAsLong(f.significand[i.reg & 7], source));
  }

  /** Nq = operator(Nq, Ib): the shifts by a constant. */
  public static void shiftImmediate(CpuState cpu, Instruction i, LongBinaryOperator operator) {
    FpuState f = cpu.fpu;
    enter(f);
    int register = i.rm & 7;
    put(f, register, operator.applyAsLong(f.significand[register], i.immediate & 0xFF));
  }

  /** MOVD and MOVQ Pq,Ey. */
  public static void movFromGeneral(CpuState cpu, Instruction i) {
    long value = Operands.loadRm(cpu, i, i.operandSize == 8 ? 8 : 4);
    enter(cpu.fpu);
    put(cpu.fpu, i.reg, value);
  }

  /** MOVD and MOVQ Ey,Pq. */
  public static void movToGeneral(CpuState cpu, Instruction i) {
    Operands.storeRm(cpu, i, i.operandSize == 8 ? 8 : 4, low(cpu, i));
    enter(cpu.fpu);
  }

  private static long low(CpuState cpu, Instruction i) {
    long value = cpu.fpu.significand[i.reg & 7];
    return i.operandSize == 8 ? value : value & 0xFFFF_FFFFL;
  }

  /** MOVQ Qq,Pq. */
  public static void movqStore(CpuState cpu, Instruction i) {
    FpuState f = cpu.fpu;
    long value = f.significand[i.reg & 7];
    if (i.memory) {
      Operands.store(cpu, i, 0, 8, value);
      enter(f);
    } else {
      enter(f);
      put(f, i.rm, value);
    }
  }

  /** EMMS. */
  public static void emms(CpuState cpu, Instruction i) {
    cpu.fpu.top = 0;
    cpu.fpu.empty = 0xFF;
  }

  /** MOVQ Pq,Qq. */
  public static long movq(long a, long b) {
    return b;
  }

  // Wrapping arithmetic: the sign bits are kept from carrying into the next element.

  public static long paddb(long a, long b) {
    return (a & ~SIGNS_B) + (b & ~SIGNS_B) ^ (a ^ b) & SIGNS_B;
  }

  public static long paddw(long a, long b) {
    return (a & ~SIGNS_W) + (b & ~SIGNS_W) ^ (a ^ b) & SIGNS_W;
  }

  public static long paddd(long a, long b) {
    return (a & ~SIGNS_D) + (b & ~SIGNS_D) ^ (a ^ b) & SIGNS_D;
  }

  public static long psubb(long a, long b) {
    return (a | SIGNS_B) - (b & ~SIGNS_B) ^ (a ^ ~b) & SIGNS_B;
  }

  public static long psubw(long a, long b) {
    return (a | SIGNS_W) - (b & ~SIGNS_W) ^ (a ^ ~b) & SIGNS_W;
  }

  public static long psubd(long a, long b) {
    return (a | SIGNS_D) - (b & ~SIGNS_D) ^ (a ^ ~b) & SIGNS_D;
  }

  // Saturating arithmetic.

  public static long paddsb(long a, long b) {
    long result = 0;
    for (int n = 0; n < 64; n += 8) {
      result |= (signedByte((byte) (a >>> n) + (byte) (b >>> n)) & 0xFFL) << n;
    }
    return result;
  }

  public static long paddsw(long a, long b) {
    long result = 0;
    for (int n = 0; n < 64; n += 16) {
      result |= (signedWord((short) (a >>> n) + (short) (b >>> n)) & 0xFFFFL) << n;
    }
    return result;
  }

  public static long psubsb(long a, long b) {
    long result = 0;
    for (int n = 0; n < 64; n += 8) {
      result |= (signedByte((byte) (a >>> n) - (byte) (b >>> n)) & 0xFFL) << n;
    }
    return result;
  }

  public static long psubsw(long a, long b) {
    long result = 0;
    for (int n = 0; n < 64; n += 16) {
      result |= (signedWord((short) (a >>> n) - (short) (b >>> n)) & 0xFFFFL) << n;
    }
    return result;
  }

  public static long paddusb(long a, long b) {
    long result = 0;
    for (int n = 0; n < 64; n += 8) {
      result |= Math.min((a >>> n & 0xFF) + (b >>> n & 0xFF), 0xFF) << n;
    }
    return result;
  }

  public static long paddusw(long a, long b) {
    long result = 0;
    for (int n = 0; n < 64; n += 16) {
      result |= Math.min((a >>> n & 0xFFFF) + (b >>> n & 0xFFFF), 0xFFFF) << n;
    }
    return result;
  }

  public static long psubusb(long a, long b) {
    long result = 0;
    for (int n = 0; n < 64; n += 8) {
      result |= Math.max((a >>> n & 0xFF) - (b >>> n & 0xFF), 0) << n;
    }
    return result;
  }

  public static long psubusw(long a, long b) {
    long result = 0;
    for (int n = 0; n < 64; n += 16) {
      result |= Math.max((a >>> n & 0xFFFF) - (b >>> n & 0xFFFF), 0) << n;
    }
    return result;
  }

  private static int signedByte(int value) {
    return Math.clamp(value, -0x80, 0x7F);
  }

  private static int signedWord(int value) {
    return Math.clamp(value, -0x8000, 0x7FFF);
  }

  // Multiplication.

  public static long pmullw(long a, long b) {
    long result = 0;
    for (int n = 0; n < 64; n += 16) {
      result |= ((short) (a >>> n) * (short) (b >>> n) & 0xFFFFL) << n;
    }
    return result;
  }

  public static long pmulhw(long a, long b) {
    long result = 0;
    for (int n = 0; n < 64; n += 16) {
      result |= ((short) (a >>> n) * (short) (b >>> n) >>> 16 & 0xFFFFL) << n;
    }
    return result;
  }

  public static long pmaddwd(long a, long b) {
    long result = 0;
    for (int n = 0; n < 64; n += 32) {
      int low = (short) (a >>> n) * (short) (b >>> n);
      int high = (short) (a >>> n + 16) * (short) (b >>> n + 16);
      result |= (low + high & 0xFFFF_FFFFL) << n;
    }
    return result;
  }

  // Comparison: all ones where it holds.

  public static long pcmpeqb(long a, long b) {
    long result = 0;
    for (int n = 0; n < 64; n += 8) {
      result |= (byte) (a >>> n) == (byte) (b >>> n) ? 0xFFL << n : 0;
    }
    return result;
  }

  public static long pcmpeqw(long a, long b) {
    long result = 0;
    for (int n = 0; n < 64; n += 16) {
      result |= (short) (a >>> n) == (short) (b >>> n) ? 0xFFFFL << n : 0;
    }
    return result;
  }

  public static long pcmpeqd(long a, long b) {
    long low = (int) a == (int) b ? 0xFFFF_FFFFL : 0;
    return a >>> 32 == b >>> 32 ? low | 0xFFFF_FFFF_0000_0000L : low;
  }

  public static long pcmpgtb(long a, long b) {
    long result = 0;
    for (int n = 0; n < 64; n += 8) {
      result |= (byte) (a >>> n) > (byte) (b >>> n) ? 0xFFL << n : 0;
    }
    return result;
  }

  public static long pcmpgtw(long a, long b) {
    long result = 0;
    for (int n = 0; n < 64; n += 16) {
      result |= (short) (a >>> n) > (short) (b >>> n) ? 0xFFFFL << n : 0;
    }
    return result;
  }

  public static long pcmpgtd(long a, long b) {
    long low = (int) a > (int) b ? 0xFFFF_FFFFL : 0;
    return a >> 32 > b >> 32 ? low | 0xFFFF_FFFF_0000_0000L : low;
  }

  // Logic.

  public static long pand(long a, long b) {
    return a & b;
  }

  public static long pandn(long a, long b) {
    return ~a & b;
  }

  public static long por(long a, long b) {
    return a | b;
  }

  public static long pxor(long a, long b) {
    return a ^ b;
  }

  // Shifts: the count is all 64 bits of the second operand.

  public static long psllw(long a, long b) {
    if (Long.compareUnsigned(b, 15) > 0) {
      return 0;
    }
    int count = (int) b;
    return a << count & (0xFFFFL << count & 0xFFFF) * 0x0001_0001_0001_0001L;
  }

  public static long pslld(long a, long b) {
    if (Long.compareUnsigned(b, 31) > 0) {
      return 0;
    }
    int count = (int) b;
    return a << count & (0xFFFF_FFFFL << count & 0xFFFF_FFFFL) * 0x1_0000_0001L;
  }

  public static long psllq(long a, long b) {
    return Long.compareUnsigned(b, 63) > 0 ? 0 : a << (int) b;
  }

  public static long psrlw(long a, long b) {
    if (Long.compareUnsigned(b, 15) > 0) {
      return 0;
    }
    int count = (int) b;
    return a >>> count & (0xFFFFL >>> count) * 0x0001_0001_0001_0001L;
  }

  public static long psrld(long a, long b) {
    if (Long.compareUnsigned(b, 31) > 0) {
      return 0;
    }
    int count = (int) b;
    return a >>> count & (0xFFFF_FFFFL >>> count) * 0x1_0000_0001L;
  }

  public static long psrlq(long a, long b) {
    return Long.compareUnsigned(b, 63) > 0 ? 0 : a >>> (int) b;
  }

  public static long psraw(long a, long b) {
    int count = Long.compareUnsigned(b, 15) > 0 ? 15 : (int) b;
    long result = 0;
    for (int n = 0; n < 64; n += 16) {
      result |= ((short) (a >>> n) >> count & 0xFFFFL) << n;
    }
    return result;
  }

  public static long psrad(long a, long b) {
    int count = Long.compareUnsigned(b, 31) > 0 ? 31 : (int) b;
    return (int) a >> count & 0xFFFF_FFFFL | (long) ((int) (a >>> 32) >> count) << 32;
  }

  // Pack and unpack.

  public static long packsswb(long a, long b) {
    long result = 0;
    for (int n = 0; n < 4; n++) {
      result |= (signedByte((short) (a >>> 16 * n)) & 0xFFL) << 8 * n;
      result |= (signedByte((short) (b >>> 16 * n)) & 0xFFL) << 8 * n + 32;
    }
    return result;
  }

  public static long packuswb(long a, long b) {
    long result = 0;
    for (int n = 0; n < 4; n++) {
      result |= (long) Math.clamp((short) (a >>> 16 * n), 0, 0xFF) << 8 * n;
      result |= (long) Math.clamp((short) (b >>> 16 * n), 0, 0xFF) << 8 * n + 32;
    }
    return result;
  }

  public static long packssdw(long a, long b) {
    return signedWord((int) a) & 0xFFFFL
        | (signedWord((int) (a >>> 32)) & 0xFFFFL) << 16
        | (signedWord((int) b) & 0xFFFFL) << 32
        | (signedWord((int) (b >>> 32)) & 0xFFFFL) << 48;
  }

  public static long punpcklbw(long a, long b) {
    return spreadBytes(a) | spreadBytes(b) << 8;
  }

  public static long punpckhbw(long a, long b) {
    return spreadBytes(a >>> 32) | spreadBytes(b >>> 32) << 8;
  }

  public static long punpcklwd(long a, long b) {
    return spreadWords(a) | spreadWords(b) << 16;
  }

  public static long punpckhwd(long a, long b) {
    return spreadWords(a >>> 32) | spreadWords(b >>> 32) << 16;
  }

  public static long punpckldq(long a, long b) {
    return a & 0xFFFF_FFFFL | b << 32;
  }

  public static long punpckhdq(long a, long b) {
    return a >>> 32 | b & 0xFFFF_FFFF_0000_0000L;
  }

  /** The low four bytes, each in a word of its own. */
  private static long spreadBytes(long value) {
    long words = spreadWords(value);
    return (words | words << 8) & 0x00FF_00FF_00FF_00FFL;
  }

  /** Bytes 0 and 1, and bytes 2 and 3, each in a doubleword of its own. */
  private static long spreadWords(long value) {
    long low = value & 0xFFFF_FFFFL;
    return (low | low << 16) & 0x0000_FFFF_0000_FFFFL;
  }
}
