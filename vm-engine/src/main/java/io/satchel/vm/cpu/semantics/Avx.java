package io.satchel.vm.cpu.semantics;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.decode.Instruction;

/**
 * The AVX and AVX2 instructions that have no SSE instruction of the same name: broadcasts,
 * permutations across lanes, masked moves, gathers and variable shifts (Intel SDM volume 2).
 */
public final class Avx {

  private static final long LOW = 0xFFFF_FFFFL;

  private Avx() {}

  /** VZEROUPPER: 8 registers, in 64-bit code 16. */
  public static void vzeroupper(CpuState cpu, Instruction i) {
    java.util.Arrays.fill(cpu.ymmHigh, 0, cpu.code64() ? 32 : 16, 0);
  }

  /** VZEROALL. */
  public static void vzeroall(CpuState cpu, Instruction i) {
    vzeroupper(cpu, i);
    java.util.Arrays.fill(cpu.xmm, 0, cpu.code64() ? 32 : 16, 0);
  }

  // Broadcasts.

  /** An element of 1, 2, 4 or 8 bytes to all places. */
  public static void broadcast(CpuState cpu, Instruction i, int width) {
    long value =
        i.memory ? Operands.load(cpu, i, 0, width) : Operands.truncate(cpu.xmm[2 * i.rm], width);
    for (int n = 8 * width; n < 64; n *= 2) {
      value |= value << n;
    }
    if (i.vectorLength == 32) {
      Vector.set256(cpu, i.reg, value, value, value, value);
    } else {
      Vector.set(cpu, i, i.reg, value, value);
    }
  }

  /** VBROADCASTF128 and VBROADCASTI128. */
  public static void broadcast128(CpuState cpu, Instruction i) {
    long low = Vector.load(cpu, i, false);
    Vector.set256(cpu, i.reg, low, cpu.resultHigh, low, cpu.resultHigh);
  }

  // Within lanes.

  /** VPERMILPS by a vector of choices. */
  public static long vpermilps(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh) {
    cpu.resultHigh =
        Packed.dword(aLow, aHigh, (int) bHigh)
            | Packed.dword(aLow, aHigh, (int) (bHigh >>> 32)) << 32;
    return Packed.dword(aLow, aHigh, (int) bLow)
        | Packed.dword(aLow, aHigh, (int) (bLow >>> 32)) << 32;
  }

  /** VPERMILPD by a vector of choices. */
  public static long vpermilpd(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh) {
    cpu.resultHigh = (bHigh & 2) != 0 ? aHigh : aLow;
    return (bLow & 2) != 0 ? aHigh : aLow;
  }

  private static long chosen(
      CpuState cpu, long aLow, long aHigh, long bLow, long bHigh, int order) {
    cpu.resultHigh = (order & 2) != 0 ? bHigh : bLow;
    return (order & 1) != 0 ? bHigh : bLow;
  }

  /** VPERMILPD by the immediate byte, two bits for each lane. */
  public static void vpermilpdImmediate(CpuState cpu, Instruction i) {
    if (i.vectorLength == 32) {
      Vector.lanesApart(cpu, i, Avx::chosen, (int) i.immediate, (int) i.immediate >>> 2);
    } else {
      Vector.lanes(cpu, i, Avx::chosen);
    }
  }

  // Shifts by a count for each element, of 64 bits.

  public static long vpsllvd(long a, long b) {
    long low = (b & LOW) > 31 ? 0 : a << (int) b & LOW;
    return b >>> 32 > 31 ? low : low | (a >>> 32) << (int) (b >>> 32) + 32;
  }

  public static long vpsrlvd(long a, long b) {
    long low = (b & LOW) > 31 ? 0 : (a & LOW) >>> (int) b;
    return b >>> 32 > 31 ? low : low | a >>> 32 >>> (int) (b >>> 32) << 32;
  }

  public static long vpsravd(long a, long b) {
    int low = (int) a >> (int) Math.min(b & LOW, 31);
    int high = (int) (a >>> 32) >> (int) Math.min(b >>> 32, 31);
    return low & LOW | (long) high << 32;
  }

  // Across lanes.

  /** Bits {@code 64 * n} and up of the rm operand. */
  private static long quadOfRm(CpuState cpu, Instruction i, long address, int n) {
    return i.memory ? Vector.read(cpu, address, 8 * n) : Vector.quad(cpu, i.rm, n);
  }

  private static long address(CpuState cpu, Instruction i) {
    return i.memory ? Vector.address128(cpu, i) : 0;
  }

  /** VPERM2F128 and VPERM2I128: each half is one of the four halves, or zero. */
  public static void vperm2f128(CpuState cpu, Instruction i) {
    long at = address(cpu, i);
    long b0 = quadOfRm(cpu, i, at, 0);
    long b1 = quadOfRm(cpu, i, at, 1);
    long b2 = quadOfRm(cpu, i, at, 2);
    long b3 = quadOfRm(cpu, i, at, 3);
    int order = (int) i.immediate;
    long r0 = half(cpu, i, order, 0, b0, b2);
    long r1 = half(cpu, i, order, 1, b1, b3);
    long r2 = half(cpu, i, order >>> 4, 0, b0, b2);
    Vector.set256(cpu, i.reg, r0, r1, r2, half(cpu, i, order >>> 4, 1, b1, b3));
  }

  private static long half(
      CpuState cpu, Instruction i, int order, int n, long ofLower, long ofUpper) {
    if ((order & 8) != 0) {
      return 0;
    }
    return switch (order & 3) {
      case 0 -> Vector.quad(cpu, i.vvvv, n);
      case 1 -> Vector.quad(cpu, i.vvvv, n + 2);
      case 2 -> ofLower;
      default -> ofUpper;
    };
  }

  /** VINSERTF128 and VINSERTI128. */
  public static void vinsertf128(CpuState cpu, Instruction i) {
    long low = Vector.load(cpu, i, false);
    long high = cpu.resultHigh;
    int a = i.vvvv;
    if ((i.immediate & 1) != 0) {
      Vector.set256(cpu, i.reg, Vector.quad(cpu, a, 0), Vector.quad(cpu, a, 1), low, high);
    } else {
      Vector.set256(cpu, i.reg, low, high, Vector.quad(cpu, a, 2), Vector.quad(cpu, a, 3));
    }
  }

  /** VEXTRACTF128 and VEXTRACTI128. */
  public static void vextractf128(CpuState cpu, Instruction i) {
    int first = (int) i.immediate << 1 & 2;
    long low = Vector.quad(cpu, i.reg, first);
    long high = Vector.quad(cpu, i.reg, first + 1);
    if (i.memory) {
      Vector.store128(cpu, Vector.address(cpu, i, 16, false, true), low, high);
    } else {
      Vector.set(cpu, i, i.rm, low, high);
    }
  }

  /** VPERMQ and VPERMPD. */
  public static void vpermq(CpuState cpu, Instruction i) {
    long at = address(cpu, i);
    int order = (int) i.immediate;
    long r0 = quadOfRm(cpu, i, at, order & 3);
    long r1 = quadOfRm(cpu, i, at, order >>> 2 & 3);
    long r2 = quadOfRm(cpu, i, at, order >>> 4 & 3);
    Vector.set256(cpu, i.reg, r0, r1, r2, quadOfRm(cpu, i, at, order >>> 6 & 3));
  }

  /** VPERMD and VPERMPS: the first source has the choices. */
  public static void vpermd(CpuState cpu, Instruction i) {
    long at = address(cpu, i);
    long r0 = chosenPair(cpu, i, at, Vector.quad(cpu, i.vvvv, 0));
    long r1 = chosenPair(cpu, i, at, Vector.quad(cpu, i.vvvv, 1));
    long r2 = chosenPair(cpu, i, at, Vector.quad(cpu, i.vvvv, 2));
    Vector.set256(cpu, i.reg, r0, r1, r2, chosenPair(cpu, i, at, Vector.quad(cpu, i.vvvv, 3)));
  }

  private static long chosenPair(CpuState cpu, Instruction i, long at, long choices) {
    return chosenDword(cpu, i, at, (int) choices & 7)
        | chosenDword(cpu, i, at, (int) (choices >>> 32) & 7) << 32;
  }

  private static long chosenDword(CpuState cpu, Instruction i, long at, int n) {
    return quadOfRm(cpu, i, at, n >>> 1) >>> 32 * (n & 1) & LOW;
  }

  // Masked moves: elements whose mask has its sign bit set; the others are not accessed.

  private static boolean masked(CpuState cpu, int register, int n, int width) {
    long mask = Vector.quad(cpu, register, width * n >>> 3);
    return (mask >>> 8 * (width * n & 7) + 8 * width - 1 & 1) != 0;
  }

  private static long elementAddress(
      CpuState cpu, Instruction i, int displacement, int width, boolean write) {
    long offset = Operands.truncate(Operands.offset(cpu, i) + displacement, i.addressSize);
    return Operands.linear(cpu, i.segment, offset, width, write);
  }

  /** VMASKMOVPS, VMASKMOVPD and VPMASKMOV to a register. */
  public static void maskedLoad(CpuState cpu, Instruction i, int width) {
    int count = i.vectorLength / width;
    long r0 = 0;
    long r1 = 0;
    long r2 = 0;
    long r3 = 0;
    for (int n = 0; n < count; n++) {
      if (masked(cpu, i.vvvv, n, width)) {
        long value = cpu.mmu.read(elementAddress(cpu, i, width * n, width, false), width);
        long placed = value << 8 * (width * n & 7);
        switch (width * n >>> 3) {
          case 0 -> r0 |= placed;
          case 1 -> r1 |= placed;
          case 2 -> r2 |= placed;
          default -> r3 |= placed;
        }
      }
    }
    Vector.set256(cpu, i.reg, r0, r1, r2, r3);
  }

  /** VMASKMOVPS, VMASKMOVPD and VPMASKMOV to memory, all or nothing. */
  public static void maskedStore(CpuState cpu, Instruction i, int width) {
    int count = i.vectorLength / width;
    for (int n = 0; n < count; n++) {
      if (masked(cpu, i.vvvv, n, width)) {
        cpu.mmu.checkWrite(elementAddress(cpu, i, width * n, width, true), width);
      }
    }
    for (int n = 0; n < count; n++) {
      if (masked(cpu, i.vvvv, n, width)) {
        long value = Vector.quad(cpu, i.reg, width * n >>> 3) >>> 8 * (width * n & 7);
        cpu.mmu.write(elementAddress(cpu, i, width * n, width, true), width, value);
      }
    }
  }

  // Gathers.

  private static void setElement(CpuState cpu, int register, int n, int width, long value) {
    int at = width * n;
    long[] half = at < 16 ? cpu.xmm : cpu.ymmHigh;
    int place = 2 * register + (at >>> 3 & 1);
    long mask = Operands.truncate(-1L, width) << 8 * (at & 7);
    half[place] = half[place] & ~mask | value << 8 * (at & 7) & mask;
  }

  /**
   * VPGATHER and VGATHER: an element counts as done when it is loaded, so that after a fault the
   * instruction goes on where it was.
   *
   * @param indexWidth of the indices in bytes
   * @param width of the elements
   */
  public static void gather(CpuState cpu, Instruction i, int indexWidth, int width) {
    if (i.reg == i.vvvv || i.reg == i.vectorIndex || i.vvvv == i.vectorIndex) {
      throw cpu.ud();
    }
    int count = i.vectorLength / Math.max(indexWidth, width);
    for (int n = 0; n < count; n++) {
      if (masked(cpu, i.vvvv, n, width)) {
        long quad = Vector.quad(cpu, i.vectorIndex, indexWidth * n >>> 3);
        long index = Operands.signExtend(quad >>> 8 * (indexWidth * n & 7), indexWidth);
        long offset = cpu.gpr[i.base] + (index << i.scale) + i.displacement;
        offset = Operands.truncate(offset, i.addressSize);
        long linear = Operands.linear(cpu, i.segment, offset, width, false);
        setElement(cpu, i.reg, n, width, cpu.mmu.read(linear, width));
        setElement(cpu, i.vvvv, n, width, 0);
      }
    }
    Vector.set256(cpu, i.vvvv, 0, 0, 0, 0);
    int size = count * width;
    if (size < 32) {
      cpu.ymmHigh[2 * i.reg] = 0;
      cpu.ymmHigh[2 * i.reg + 1] = 0;
    }
    if (size < 16) {
      cpu.xmm[2 * i.reg + 1] = 0;
    }
  }
}
