package io.satchel.vm.cpu.semantics;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;
import io.satchel.vm.cpu.decode.Instruction;
import java.lang.invoke.VarHandle;

/**
 * The moves of SSE and AVX between vector registers, memory, general and MMX registers, and MXCSR
 * (Intel SDM volume 2). Non-temporal moves are moves: there is no cache to keep clean.
 */
public final class VectorMoves {

  private static final long LOW = 0xFFFF_FFFFL;

  private VectorMoves() {}

  // Whole vectors.

  /** MOVAPS, MOVAPD, MOVDQA and MOVNTDQA to a register. */
  public static void loadAligned(CpuState cpu, Instruction i) {
    load(cpu, i, true);
  }

  /** MOVUPS, MOVUPD, MOVDQU and LDDQU to a register. */
  public static void loadUnaligned(CpuState cpu, Instruction i) {
    load(cpu, i, false);
  }

  private static void load(CpuState cpu, Instruction i, boolean aligned) {
    if (i.vectorLength == 32) {
      if (i.memory) {
        long at = Vector.address(cpu, i, 32, aligned);
        long b3 = Vector.read(cpu, at, 24);
        long b0 = Vector.read(cpu, at, 0);
        long b1 = Vector.read(cpu, at, 8);
        Vector.set256(cpu, i.reg, b0, b1, Vector.read(cpu, at, 16), b3);
      } else {
        copy256(cpu, i.reg, i.rm);
      }
      return;
    }
    long low = Vector.load(cpu, i, aligned);
    Vector.set(cpu, i, i.reg, low, cpu.resultHigh);
  }

  private static void copy256(CpuState cpu, int to, int from) {
    long[] x = cpu.xmm;
    long[] y = cpu.ymmHigh;
    Vector.set256(cpu, to, x[2 * from], x[2 * from + 1], y[2 * from], y[2 * from + 1]);
  }

  /** MOVAPS, MOVAPD, MOVDQA, MOVNTPS, MOVNTPD and MOVNTDQ from a register. */
  public static void storeAligned(CpuState cpu, Instruction i) {
    store(cpu, i, true);
  }

  /** MOVUPS, MOVUPD and MOVDQU from a register. */
  public static void storeUnaligned(CpuState cpu, Instruction i) {
    store(cpu, i, false);
  }

  private static void store(CpuState cpu, Instruction i, boolean aligned) {
    int r = 2 * i.reg;
    long[] x = cpu.xmm;
    long[] y = cpu.ymmHigh;
    if (!i.memory) {
      if (i.vectorLength == 32) {
        copy256(cpu, i.rm, i.reg);
      } else {
        Vector.set(cpu, i, i.rm, x[r], x[r + 1]);
      }
      return;
    }
    long at = Vector.address(cpu, i, i.vectorLength, aligned, true);
    if (i.vectorLength == 32) {
      Vector.store256(cpu, at, x[r], x[r + 1], y[r], y[r + 1]);
    } else {
      Vector.store128(cpu, at, x[r], x[r + 1]);
    }
  }

  // Scalars.

  /** MOVSS from memory: the rest becomes 0. */
  public static void movssLoad(CpuState cpu, Instruction i) {
    Vector.set(cpu, i, i.reg, Operands.load(cpu, i, 0, 4), 0);
  }

  /** MOVSS between registers, the source being rm: the rest is the first source's. */
  public static void movssMerge(CpuState cpu, Instruction i) {
    long a = cpu.xmm[2 * i.vvvv];
    long low = a & ~LOW | cpu.xmm[2 * i.rm] & LOW;
    Vector.set(cpu, i, i.reg, low, cpu.xmm[2 * i.vvvv + 1]);
  }

  /** MOVSS to memory. */
  public static void movssStore(CpuState cpu, Instruction i) {
    Operands.store(cpu, i, 0, 4, cpu.xmm[2 * i.reg]);
  }

  /** MOVSS between registers, the destination being rm. */
  public static void movssMergeReversed(CpuState cpu, Instruction i) {
    int first = i.vex ? i.vvvv : i.rm;
    long low = cpu.xmm[2 * first] & ~LOW | cpu.xmm[2 * i.reg] & LOW;
    Vector.set(cpu, i, i.rm, low, cpu.xmm[2 * first + 1]);
  }

  /** MOVSD from memory, and MOVQ Vq,Wq: the rest becomes 0. */
  public static void movqLoad(CpuState cpu, Instruction i) {
    Vector.set(cpu, i, i.reg, Vector.load64(cpu, i), 0);
  }

  /** MOVSD between registers, the source being rm. */
  public static void movsdMerge(CpuState cpu, Instruction i) {
    Vector.set(cpu, i, i.reg, cpu.xmm[2 * i.rm], cpu.xmm[2 * i.vvvv + 1]);
  }

  /** MOVSD between registers, the destination being rm. */
  public static void movsdMergeReversed(CpuState cpu, Instruction i) {
    int first = i.vex ? i.vvvv : i.rm;
    Vector.set(cpu, i, i.rm, cpu.xmm[2 * i.reg], cpu.xmm[2 * first + 1]);
  }

  /** MOVSD, MOVLPS and MOVLPD to memory. */
  public static void storeLow(CpuState cpu, Instruction i) {
    Operands.store(cpu, i, 0, 8, cpu.xmm[2 * i.reg]);
  }

  /** MOVHPS and MOVHPD to memory. */
  public static void storeHigh(CpuState cpu, Instruction i) {
    Operands.store(cpu, i, 0, 8, cpu.xmm[2 * i.reg + 1]);
  }

  /** MOVQ Wq,Vq. */
  public static void movqStore(CpuState cpu, Instruction i) {
    if (i.memory) {
      storeLow(cpu, i);
    } else {
      Vector.set(cpu, i, i.rm, cpu.xmm[2 * i.reg], 0);
    }
  }

  /** MOVLPS and MOVLPD from memory: the low half, the first source's high half. */
  public static void loadLow(CpuState cpu, Instruction i) {
    long low = Operands.load(cpu, i, 0, 8);
    Vector.set(cpu, i, i.reg, low, cpu.xmm[2 * i.vvvv + 1]);
  }

  /** MOVHPS and MOVHPD from memory. */
  public static void loadHigh(CpuState cpu, Instruction i) {
    long high = Operands.load(cpu, i, 0, 8);
    Vector.set(cpu, i, i.reg, cpu.xmm[2 * i.vvvv], high);
  }

  /** MOVHLPS. */
  public static void movhlps(CpuState cpu, Instruction i) {
    Vector.set(cpu, i, i.reg, cpu.xmm[2 * i.rm + 1], cpu.xmm[2 * i.vvvv + 1]);
  }

  /** MOVLHPS. */
  public static void movlhps(CpuState cpu, Instruction i) {
    Vector.set(cpu, i, i.reg, cpu.xmm[2 * i.vvvv], cpu.xmm[2 * i.rm]);
  }

  /** MOVDDUP of 128 bits, whose operand in memory has 64. */
  public static void movddup(CpuState cpu, Instruction i) {
    if (i.vectorLength == 32) {
      Vector.lanes(cpu, i, VectorMoves::movddup);
    } else {
      long low = Vector.load64(cpu, i);
      Vector.set(cpu, i, i.reg, low, low);
    }
  }

  private static long movddup(
      CpuState cpu, long aLow, long aHigh, long bLow, long bHigh, int immediate) {
    cpu.resultHigh = bLow;
    return bLow;
  }

  /** MOVSLDUP, of 64 bits. */
  public static long movsldup(long b) {
    return (b & LOW) * 0x1_0000_0001L;
  }

  /** MOVSHDUP, of 64 bits. */
  public static long movshdup(long b) {
    return (b >>> 32) * 0x1_0000_0001L;
  }

  // General registers.

  /** MOVD and MOVQ Vy,Ey. */
  public static void movFromGeneral(CpuState cpu, Instruction i) {
    long value = Operands.loadRm(cpu, i, i.operandSize == 8 ? 8 : 4);
    Vector.set(cpu, i, i.reg, value, 0);
  }

  /** MOVD and MOVQ Ey,Vy. */
  public static void movToGeneral(CpuState cpu, Instruction i) {
    Operands.storeRm(cpu, i, i.operandSize == 8 ? 8 : 4, cpu.xmm[2 * i.reg]);
  }

  /** MOVNTI. */
  public static void movnti(CpuState cpu, Instruction i) {
    Operands.store(cpu, i, 0, i.operandSize == 8 ? 8 : 4, cpu.gpr[i.reg]);
  }

  /** PMOVMSKB Gd,Ux. */
  public static void pmovmskb(CpuState cpu, Instruction i) {
    long mask = Packed.pmovmskb(cpu.xmm[2 * i.rm]) | Packed.pmovmskb(cpu.xmm[2 * i.rm + 1]) << 8;
    if (i.vectorLength == 32) {
      mask |= Packed.pmovmskb(cpu.ymmHigh[2 * i.rm]) << 16;
      mask |= Packed.pmovmskb(cpu.ymmHigh[2 * i.rm + 1]) << 24;
    }
    cpu.gpr[i.reg] = mask;
  }

  /** MOVMSKPS. */
  public static void movmskps(CpuState cpu, Instruction i) {
    long mask = signs(cpu.xmm[2 * i.rm]) | signs(cpu.xmm[2 * i.rm + 1]) << 2;
    if (i.vectorLength == 32) {
      mask |= signs(cpu.ymmHigh[2 * i.rm]) << 4 | signs(cpu.ymmHigh[2 * i.rm + 1]) << 6;
    }
    cpu.gpr[i.reg] = mask;
  }

  private static long signs(long value) {
    return value >>> 31 & 1 | value >>> 62 & 2;
  }

  /** MOVMSKPD. */
  public static void movmskpd(CpuState cpu, Instruction i) {
    long mask = cpu.xmm[2 * i.rm] >>> 63 | cpu.xmm[2 * i.rm + 1] >>> 62 & 2;
    if (i.vectorLength == 32) {
      mask |= cpu.ymmHigh[2 * i.rm] >>> 61 & 4 | cpu.ymmHigh[2 * i.rm + 1] >>> 60 & 8;
    }
    cpu.gpr[i.reg] = mask;
  }

  // Elements.

  /** The element of {@code width} bytes that an immediate byte selects. */
  private static long element(CpuState cpu, int register, int index, int width) {
    int at = width * index & 15;
    return Operands.truncate(cpu.xmm[2 * register + (at >>> 3)] >>> 8 * (at & 7), width);
  }

  /** PEXTRW Gd,Ux,Ib. */
  public static void pextrw(CpuState cpu, Instruction i) {
    cpu.gpr[i.reg] = element(cpu, i.rm, (int) i.immediate, 2);
  }

  /** PEXTRB, PEXTRW, PEXTRD, PEXTRQ and EXTRACTPS to a general register or memory. */
  public static void extract(CpuState cpu, Instruction i, int width) {
    long value = element(cpu, i.reg, (int) i.immediate, width);
    if (i.memory) {
      Operands.store(cpu, i, 0, width, value);
    } else {
      cpu.gpr[i.rm] = value;
    }
  }

  /** PEXTRD and PEXTRQ. */
  public static void pextrd(CpuState cpu, Instruction i) {
    extract(cpu, i, i.operandSize == 8 ? 8 : 4);
  }

  /** PINSRB, PINSRW, PINSRD and PINSRQ. */
  public static void insert(CpuState cpu, Instruction i, int width) {
    long value =
        i.memory ? Operands.load(cpu, i, 0, width) : Operands.truncate(cpu.gpr[i.rm], width);
    int at = width * (int) i.immediate & 15;
    int shift = 8 * (at & 7);
    long mask = Operands.truncate(-1L, width) << shift;
    long low = cpu.xmm[2 * i.vvvv];
    long high = cpu.xmm[2 * i.vvvv + 1];
    if (at < 8) {
      low = low & ~mask | value << shift;
    } else {
      high = high & ~mask | value << shift;
    }
    Vector.set(cpu, i, i.reg, low, high);
  }

  /** PINSRD and PINSRQ. */
  public static void pinsrd(CpuState cpu, Instruction i) {
    insert(cpu, i, i.operandSize == 8 ? 8 : 4);
  }

  /** INSERTPS: a doubleword of the source to a place of the destination, others to zero. */
  public static void insertps(CpuState cpu, Instruction i) {
    int immediate = (int) i.immediate;
    long value =
        i.memory
            ? Operands.load(cpu, i, 0, 4)
            : Packed.dword(cpu.xmm[2 * i.rm], cpu.xmm[2 * i.rm + 1], immediate >>> 6);
    long low = cpu.xmm[2 * i.vvvv];
    long high = cpu.xmm[2 * i.vvvv + 1];
    int shift = (immediate >>> 4 & 1) * 32;
    if ((immediate & 0x20) == 0) {
      low = low & ~(LOW << shift) | value << shift;
    } else {
      high = high & ~(LOW << shift) | value << shift;
    }
    low &= ~Packed.dwords(immediate);
    high &= ~Packed.dwords(immediate >>> 2);
    Vector.set(cpu, i, i.reg, low, high);
  }

  /** PMOVSX and PMOVZX: elements of {@code from} bytes become elements of {@code to} bytes. */
  public static void extend(CpuState cpu, Instruction i, int from, int to, boolean signed) {
    int size = i.vectorLength / (to / from);
    long low;
    long high;
    if (i.memory) {
      int first = Math.min(size, 8);
      if (size == 16) {
        long at = Vector.address(cpu, i, 16, false);
        high = Vector.read(cpu, at, 8);
        low = Vector.read(cpu, at, 0);
      } else {
        low = Operands.load(cpu, i, 0, first);
        high = 0;
      }
    } else {
      low = cpu.xmm[2 * i.rm];
      high = cpu.xmm[2 * i.rm + 1];
    }
    long r0 = extended(low, high, 0, from, to, signed);
    long r1 = extended(low, high, 1, from, to, signed);
    if (i.vectorLength == 32) {
      long r2 = extended(low, high, 2, from, to, signed);
      Vector.set256(cpu, i.reg, r0, r1, r2, extended(low, high, 3, from, to, signed));
    } else {
      Vector.set(cpu, i, i.reg, r0, r1);
    }
  }

  /** Eight bytes of the extended vector. */
  private static long extended(long low, long high, int number, int from, int to, boolean signed) {
    long result = 0;
    int elements = 8 / to;
    for (int n = 0; n < elements; n++) {
      int at = (number * elements + n) * from;
      long source = (at < 8 ? low : high) >>> 8 * (at & 7);
      long value = signed ? Operands.signExtend(source, from) : Operands.truncate(source, from);
      result |= Operands.truncate(value, to) << 8 * to * n;
    }
    return result;
  }

  // MMX.

  /** MOVQ2DQ. */
  public static void movq2dq(CpuState cpu, Instruction i) {
    Mmx.enter(cpu.fpu);
    cpu.xmm[2 * i.reg] = cpu.fpu.significand[i.rm & 7];
    cpu.xmm[2 * i.reg + 1] = 0;
  }

  /** MOVDQ2Q. */
  public static void movdq2q(CpuState cpu, Instruction i) {
    Mmx.enter(cpu.fpu);
    Mmx.put(cpu.fpu, i.reg, cpu.xmm[2 * i.rm]);
  }

  /** MASKMOVDQU: the bytes whose mask has its sign bit, to DS:rDI. */
  public static void maskmovdqu(CpuState cpu, Instruction i) {
    int r = 2 * i.reg;
    int m = 2 * i.rm;
    long low = Packed.pmovmskb(cpu.xmm[m]);
    int mask = (int) (low | Packed.pmovmskb(cpu.xmm[m + 1]) << 8);
    storeMasked(cpu, i, cpu.xmm[r], cpu.xmm[r + 1], mask, 16);
  }

  /** MASKMOVQ: the bytes of an MMX register. */
  public static void maskmovq(CpuState cpu, Instruction i) {
    long value = cpu.fpu.significand[i.reg & 7];
    int mask = (int) Packed.pmovmskb(cpu.fpu.significand[i.rm & 7]);
    storeMasked(cpu, i, value, 0, mask, 8);
    Mmx.enter(cpu.fpu);
  }

  private static void storeMasked(
      CpuState cpu, Instruction i, long low, long high, int mask, int size) {
    long start = Operands.truncate(cpu.gpr[CpuState.RDI], i.addressSize);
    for (int pass = 0; pass < 2; pass++) {
      for (int n = 0; n < size; n++) {
        if ((mask >>> n & 1) != 0) {
          long offset = Operands.truncate(start + n, i.addressSize);
          long at = Operands.linear(cpu, i.segment, offset, 1, true);
          if (pass == 0) {
            cpu.mmu.checkWrite(at, 1);
          } else {
            cpu.mmu.write(at, 1, (n < 8 ? low : high) >>> 8 * (n & 7));
          }
        }
      }
    }
  }

  // MXCSR.

  /** LDMXCSR: #GP(0) for a bit that does not exist. */
  public static void ldmxcsr(CpuState cpu, Instruction i) {
    int value = (int) Operands.load(cpu, i, 0, 4);
    if ((value & ~Fxsave.MXCSR_BITS) != 0) {
      throw cpu.fault(GuestFault.GP, 0);
    }
    cpu.mxcsr = value;
  }

  /** STMXCSR. */
  public static void stmxcsr(CpuState cpu, Instruction i) {
    Operands.store(cpu, i, 0, 4, cpu.mxcsr);
  }

  /** MFENCE: earlier stores are seen by other processors before later loads are done. */
  public static void mfence(CpuState cpu, Instruction i) {
    VarHandle.fullFence();
  }
}
