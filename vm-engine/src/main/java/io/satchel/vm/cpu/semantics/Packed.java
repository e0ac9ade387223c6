package io.satchel.vm.cpu.semantics;

import io.satchel.vm.cpu.CpuState;

/**
 * The packed integer operations that SSE and its successors added to those of {@link Mmx} (Intel
 * SDM volume 2). Functions of 64 bits serve MMX registers and each half of an XMM register;
 * functions of 128 bits are lanes as {@link Vector.Lane} says. Each is named like its instruction.
 */
public final class Packed {

  private static final long LOW = 0xFFFF_FFFFL;
  private static final long ONES_B = 0x0101_0101_0101_0101L;
  private static final long ONES_W = 0x0001_0001_0001_0001L;
  private static final long SIGNS_B = 0x8080_8080_8080_8080L;
  private static final long SIGNS_W = 0x8000_8000_8000_8000L;

  private Packed() {}

  private static int signedByte(long value, int at) {
    return (byte) (value >>> at);
  }

  private static int signedWord(long value, int at) {
    return (short) (value >>> at);
  }

  private static long join(int low, int high) {
    return low & LOW | (long) high << 32;
  }

  // SSE.

  // Average, rounded up, without a carry between elements: (a | b) - ((a ^ b) >> 1).

  public static long pavgb(long a, long b) {
    return (a | b) - ((a ^ b) >>> 1 & ~SIGNS_B);
  }

  public static long pavgw(long a, long b) {
    return (a | b) - ((a ^ b) >>> 1 & ~SIGNS_W);
  }

  public static long pmulhuw(long a, long b) {
    long result = 0;
    for (int n = 0; n < 64; n += 16) {
      result |= (a >>> n & 0xFFFF) * (b >>> n & 0xFFFF) >>> 16 << n;
    }
    return result;
  }

  public static long pminub(long a, long b) {
    return a - Mmx.psubusb(a, b);
  }

  public static long pmaxub(long a, long b) {
    return b + Mmx.psubusb(a, b);
  }

  public static long pminsw(long a, long b) {
    long mask = Mmx.pcmpgtw(a, b);
    return b & mask | a & ~mask;
  }

  public static long pmaxsw(long a, long b) {
    long mask = Mmx.pcmpgtw(a, b);
    return a & mask | b & ~mask;
  }

  public static long psadbw(long a, long b) {
    long difference = Mmx.psubusb(a, b) | Mmx.psubusb(b, a);
    long pairs =
        (difference & 0x00FF_00FF_00FF_00FFL) + (difference >>> 8 & 0x00FF_00FF_00FF_00FFL);
    return pairs * ONES_W >>> 48;
  }

  /** The sign bits of eight bytes. */
  public static long pmovmskb(long a) {
    // The product gathers the bits in its top byte: bit n of byte n has one way there.
    return (a >>> 7 & ONES_B) * 0x0102_0408_1020_4080L >>> 56;
  }

  // SSE2.

  public static long paddq(long a, long b) {
    return a + b;
  }

  public static long psubq(long a, long b) {
    return a - b;
  }

  public static long pmuludq(long a, long b) {
    return (a & LOW) * (b & LOW);
  }

  // SSSE3.

  public static long pabsb(long a) {
    return Mmx.psubb(a ^ Mmx.pcmpgtb(0, a), Mmx.pcmpgtb(0, a));
  }

  public static long pabsw(long a) {
    return Mmx.psubw(a ^ Mmx.pcmpgtw(0, a), Mmx.pcmpgtw(0, a));
  }

  public static long pabsd(long a) {
    return join(Math.abs((int) a), Math.abs((int) (a >>> 32)));
  }

  public static long psignb(long a, long b) {
    long negative = Mmx.pcmpgtb(0, b);
    return Mmx.psubb(a ^ negative, negative) & ~Mmx.pcmpeqb(b, 0);
  }

  public static long psignw(long a, long b) {
    long negative = Mmx.pcmpgtw(0, b);
    return Mmx.psubw(a ^ negative, negative) & ~Mmx.pcmpeqw(b, 0);
  }

  public static long psignd(long a, long b) {
    return join(
        (int) a * Integer.signum((int) b), (int) (a >>> 32) * Integer.signum((int) (b >>> 32)));
  }

  public static long pmulhrsw(long a, long b) {
    long result = 0;
    for (int n = 0; n < 64; n += 16) {
      int product = signedWord(a, n) * signedWord(b, n);
      result |= ((product >> 14) + 1 >> 1 & 0xFFFFL) << n;
    }
    return result;
  }

  public static long pmaddubsw(long a, long b) {
    long result = 0;
    for (int n = 0; n < 64; n += 16) {
      int low = (int) (a >>> n & 0xFF) * signedByte(b, n);
      int high = (int) (a >>> n + 8 & 0xFF) * signedByte(b, n + 8);
      result |= (Math.clamp(low + high, -0x8000, 0x7FFF) & 0xFFFFL) << n;
    }
    return result;
  }

  // Sums and differences of neighbours: those of a below those of b.

  public static long phaddw(long a, long b) {
    return Mmx.paddw(evenWords(a, b), oddWords(a, b));
  }

  public static long phsubw(long a, long b) {
    return Mmx.psubw(evenWords(a, b), oddWords(a, b));
  }

  public static long phaddsw(long a, long b) {
    return Mmx.paddsw(evenWords(a, b), oddWords(a, b));
  }

  public static long phsubsw(long a, long b) {
    return Mmx.psubsw(evenWords(a, b), oddWords(a, b));
  }

  public static long phaddd(long a, long b) {
    return join((int) a + (int) (a >>> 32), (int) b + (int) (b >>> 32));
  }

  public static long phsubd(long a, long b) {
    return join((int) a - (int) (a >>> 32), (int) b - (int) (b >>> 32));
  }

  private static long evenWords(long a, long b) {
    return a & 0xFFFF | a >>> 16 & 0xFFFF_0000L | (b & 0xFFFF) << 32 | (b >>> 32 & 0xFFFF) << 48;
  }

  private static long oddWords(long a, long b) {
    return evenWords(a >>> 16, b >>> 16);
  }

  /** PSHUFB of an MMX register. */
  public static long pshufb(long a, long b) {
    long result = 0;
    for (int n = 0; n < 64; n += 8) {
      int index = (int) (b >>> n);
      result |= (index & 0x80) != 0 ? 0 : (a >>> 8 * (index & 7) & 0xFF) << n;
    }
    return result;
  }

  public static long pshufb(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh) {
    cpu.resultHigh = select(aLow, aHigh, bHigh);
    return select(aLow, aHigh, bLow);
  }

  private static long select(long low, long high, long indices) {
    long result = 0;
    for (int n = 0; n < 64; n += 8) {
      int index = (int) (indices >>> n);
      long from = (index & 8) != 0 ? high : low;
      result |= (index & 0x80) != 0 ? 0 : (from >>> 8 * (index & 7) & 0xFF) << n;
    }
    return result;
  }

  /** PALIGNR of MMX registers. */
  public static long palignr(long a, long b, int bytes) {
    return bytes >= 16 ? 0 : Vector.right(b, a, bytes);
  }

  public static long palignr(
      CpuState cpu, long aLow, long aHigh, long bLow, long bHigh, int bytes) {
    if (bytes >= 16) {
      int rest = Math.min(bytes - 16, 16);
      cpu.resultHigh = Vector.right(aHigh, rest);
      return Vector.right(aLow, aHigh, rest);
    }
    if (bytes >= 8) {
      cpu.resultHigh = Vector.right(aLow, aHigh, bytes - 8);
      return Vector.right(bHigh, aLow, bytes - 8);
    }
    cpu.resultHigh = Vector.right(bHigh, aLow, bytes);
    return Vector.right(bLow, bHigh, bytes);
  }

  // SSE4.1 and 4.2.

  public static long pmuldq(long a, long b) {
    return (long) (int) a * (int) b;
  }

  public static long pmulld(long a, long b) {
    return join((int) a * (int) b, (int) (a >>> 32) * (int) (b >>> 32));
  }

  public static long pcmpeqq(long a, long b) {
    return a == b ? -1 : 0;
  }

  public static long pcmpgtq(long a, long b) {
    return a > b ? -1 : 0;
  }

  public static long pminsb(long a, long b) {
    long mask = Mmx.pcmpgtb(a, b);
    return b & mask | a & ~mask;
  }

  public static long pmaxsb(long a, long b) {
    long mask = Mmx.pcmpgtb(a, b);
    return a & mask | b & ~mask;
  }

  public static long pminuw(long a, long b) {
    return pminsw(a ^ SIGNS_W, b ^ SIGNS_W) ^ SIGNS_W;
  }

  public static long pmaxuw(long a, long b) {
    return pmaxsw(a ^ SIGNS_W, b ^ SIGNS_W) ^ SIGNS_W;
  }

  public static long pminsd(long a, long b) {
    return join(Math.min((int) a, (int) b), Math.min((int) (a >>> 32), (int) (b >>> 32)));
  }

  public static long pmaxsd(long a, long b) {
    return join(Math.max((int) a, (int) b), Math.max((int) (a >>> 32), (int) (b >>> 32)));
  }

  public static long pminud(long a, long b) {
    return Math.min(a & LOW, b & LOW) | Math.min(a >>> 32, b >>> 32) << 32;
  }

  public static long pmaxud(long a, long b) {
    return Math.max(a & LOW, b & LOW) | Math.max(a >>> 32, b >>> 32) << 32;
  }

  public static long packusdw(long a, long b) {
    return unsignedWord((int) a)
        | unsignedWord((int) (a >>> 32)) << 16
        | unsignedWord((int) b) << 32
        | unsignedWord((int) (b >>> 32)) << 48;
  }

  private static long unsignedWord(int value) {
    return Math.clamp(value, 0, 0xFFFF);
  }

  public static long phminposuw(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh) {
    long best = bLow & 0xFFFF;
    long index = 0;
    for (int n = 1; n < 8; n++) {
      long word = (n < 4 ? bLow : bHigh) >>> 16 * (n & 3) & 0xFFFF;
      if (word < best) {
        best = word;
        index = n;
      }
    }
    cpu.resultHigh = 0;
    return best | index << 16;
  }

  /** Eight sums of absolute differences of four bytes; AVX2's upper lane has its own three bits. */
  public static long mpsadbw(
      CpuState cpu, long aLow, long aHigh, long bLow, long bHigh, int immediate) {
    int block = 4 * (immediate & 3);
    long needle = (block < 8 ? bLow >>> 8 * block : bHigh >>> 8 * (block - 8)) & LOW;
    int offset = immediate & 4;
    long low = 0;
    long high = 0;
    for (int n = 0; n < 8; n++) {
      long window = Vector.right(aLow, aHigh, offset + n);
      int sum = 0;
      for (int k = 0; k < 32; k += 8) {
        sum += Math.abs((int) (window >>> k & 0xFF) - (int) (needle >>> k & 0xFF));
      }
      if (n < 4) {
        low |= (long) sum << 16 * n;
      } else {
        high |= (long) sum << 16 * (n - 4);
      }
    }
    cpu.resultHigh = high;
    return low;
  }

  // Shuffles.

  public static long pshufw(long b, int order) {
    return b >>> 16 * (order & 3) & 0xFFFF
        | (b >>> 16 * (order >>> 2 & 3) & 0xFFFF) << 16
        | (b >>> 16 * (order >>> 4 & 3) & 0xFFFF) << 32
        | b >>> 16 * (order >>> 6 & 3) << 48;
  }

  public static long pshufd(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh, int order) {
    cpu.resultHigh = dword(bLow, bHigh, order >>> 4) | dword(bLow, bHigh, order >>> 6) << 32;
    return dword(bLow, bHigh, order) | dword(bLow, bHigh, order >>> 2) << 32;
  }

  public static long pshuflw(
      CpuState cpu, long aLow, long aHigh, long bLow, long bHigh, int order) {
    cpu.resultHigh = bHigh;
    return pshufw(bLow, order);
  }

  public static long pshufhw(
      CpuState cpu, long aLow, long aHigh, long bLow, long bHigh, int order) {
    cpu.resultHigh = pshufw(bHigh, order);
    return bLow;
  }

  public static long shufps(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh, int order) {
    cpu.resultHigh = dword(bLow, bHigh, order >>> 4) | dword(bLow, bHigh, order >>> 6) << 32;
    return dword(aLow, aHigh, order) | dword(aLow, aHigh, order >>> 2) << 32;
  }

  /** Two bits of the order for each lane, so that a vector of 256 bits uses four. */
  public static long shufpd(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh, int order) {
    cpu.resultHigh = (order & 2) != 0 ? bHigh : bLow;
    return (order & 1) != 0 ? aHigh : aLow;
  }

  /** Doubleword {@code index & 3} of 128 bits. */
  static long dword(long low, long high, int index) {
    return ((index & 2) != 0 ? high : low) >>> 32 * (index & 1) & LOW;
  }

  // Blends.

  public static long pblendw(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh, int mask) {
    long low = words(mask);
    long high = words(mask >>> 4);
    cpu.resultHigh = bHigh & high | aHigh & ~high;
    return bLow & low | aLow & ~low;
  }

  /** All ones in each of four words whose bit is set. */
  private static long words(int mask) {
    return ((mask & 1) | (mask & 2L) << 15 | (mask & 4L) << 30 | (mask & 8L) << 45) * 0xFFFF;
  }

  /** All ones in each of two doublewords whose bit is set. */
  static long dwords(int mask) {
    return ((mask & 1) | (mask & 2L) << 31) * LOW;
  }

  public static long blendps(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh, int mask) {
    long low = dwords(mask);
    long high = dwords(mask >>> 2);
    cpu.resultHigh = bHigh & high | aHigh & ~high;
    return bLow & low | aLow & ~low;
  }

  public static long blendpd(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh, int mask) {
    cpu.resultHigh = (mask & 2) != 0 ? bHigh : aHigh;
    return (mask & 1) != 0 ? bLow : aLow;
  }

  /** {@code b} where the sign bit of the mask's byte is set. */
  public static long pblendvb(long a, long b, long mask) {
    long all = (mask >>> 7 & ONES_B) * 0xFF;
    return b & all | a & ~all;
  }

  public static long blendvps(long a, long b, long mask) {
    long all = (mask >>> 31 & 0x0000_0001_0000_0001L) * LOW;
    return b & all | a & ~all;
  }

  public static long blendvpd(long a, long b, long mask) {
    return mask < 0 ? b : a;
  }
}
