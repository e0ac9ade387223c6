package io.satchel.vm.cpu.semantics;

import io.satchel.vm.cpu.CpuState;

/**
 * AES-NI (FIPS 197), carry-less multiplication, the SHA extensions (FIPS 180-4) and CRC-32C, as
 * functions of 128 bits (Intel SDM volume 1, sections 12.13 and 5.21; volume 2).
 */
public final class Crypto {

  private static final long LOW = 0xFFFF_FFFFL;

  /** x^8 + x^4 + x^3 + x + 1. */
  private static final int AES_POLYNOMIAL = 0x11B;

  private static final byte[] SBOX = new byte[256];
  private static final byte[] INVERSE_SBOX = new byte[256];

  // A column's share of one byte after SubBytes and MixColumns; the other rows' are rotations.
  private static final int[] ROUND = new int[256];
  private static final int[] INVERSE_ROUND = new int[256];

  /** CRC-32C, reflected, of each byte. */
  private static final int[] CRC = new int[256];

  private static final int CRC_POLYNOMIAL = 0x82F6_3B78;

  static {
    // Powers and logarithms by the generator 3.
    int[] power = new int[256];
    int[] logarithm = new int[256];
    int value = 1;
    for (int n = 0; n < 255; n++) {
      power[n] = value;
      logarithm[value] = n;
      value ^= doubled(value);
    }
    for (int n = 0; n < 256; n++) {
      int inverse = n == 0 ? 0 : power[(255 - logarithm[n]) % 255];
      int image = inverse ^ inverse << 1 ^ inverse << 2 ^ inverse << 3 ^ inverse << 4;
      image = (image ^ image >>> 8 ^ 0x63) & 0xFF;
      SBOX[n] = (byte) image;
      INVERSE_SBOX[image] = (byte) n;
    }
    for (int n = 0; n < 256; n++) {
      int s = SBOX[n] & 0xFF;
      int two = doubled(s);
      ROUND[n] = two | s << 8 | s << 16 | (two ^ s) << 24;
      INVERSE_ROUND[n] = inverseMixed(INVERSE_SBOX[n] & 0xFF);
      int crc = n;
      for (int bit = 0; bit < 8; bit++) {
        crc = (crc & 1) != 0 ? crc >>> 1 ^ CRC_POLYNOMIAL : crc >>> 1;
      }
      CRC[n] = crc;
    }
  }

  private Crypto() {}

  private static int doubled(int value) {
    int twice = value << 1;
    return (twice & 0x100) != 0 ? twice ^ AES_POLYNOMIAL : twice;
  }

  /** A byte times 0Eh, 09h, 0Dh and 0Bh, lowest first. */
  private static int inverseMixed(int s) {
    int two = doubled(s);
    int four = doubled(two);
    int eight = doubled(four);
    return eight ^ four ^ two
        | (eight ^ s) << 8
        | (eight ^ four ^ s) << 16
        | (eight ^ two ^ s) << 24;
  }

  // AES: the state's columns are doublewords, row 0 in the lowest byte.

  private static int octet(long low, long high, int column, int row) {
    long half = (column & 2) == 0 ? low : high;
    return (int) (half >>> 32 * (column & 1) + 8 * row) & 0xFF;
  }

  private static long round(long low, long high, int column, int direction, int[] table) {
    int result = 0;
    for (int row = 0; row < 4; row++) {
      int share = table[octet(low, high, column + direction * row & 3, row)];
      result ^= Integer.rotateLeft(share, 8 * row);
    }
    return result & LOW;
  }

  private static long lastRound(long low, long high, int column, int direction, byte[] box) {
    long result = 0;
    for (int row = 0; row < 4; row++) {
      result |= (box[octet(low, high, column + direction * row & 3, row)] & 0xFFL) << 8 * row;
    }
    return result;
  }

  public static long aesenc(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh) {
    cpu.resultHigh =
        (round(aLow, aHigh, 2, 1, ROUND) | round(aLow, aHigh, 3, 1, ROUND) << 32) ^ bHigh;
    return (round(aLow, aHigh, 0, 1, ROUND) | round(aLow, aHigh, 1, 1, ROUND) << 32) ^ bLow;
  }

  public static long aesdec(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh) {
    int[] table = INVERSE_ROUND;
    cpu.resultHigh =
        (round(aLow, aHigh, 2, -1, table) | round(aLow, aHigh, 3, -1, table) << 32) ^ bHigh;
    return (round(aLow, aHigh, 0, -1, table) | round(aLow, aHigh, 1, -1, table) << 32) ^ bLow;
  }

  public static long aesenclast(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh) {
    return last(cpu, aLow, aHigh, bLow, bHigh, 1, SBOX);
  }

  public static long aesdeclast(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh) {
    return last(cpu, aLow, aHigh, bLow, bHigh, -1, INVERSE_SBOX);
  }

  private static long last(
      CpuState cpu, long aLow, long aHigh, long bLow, long bHigh, int direction, byte[] box) {
    cpu.resultHigh =
        (lastRound(aLow, aHigh, 2, direction, box)
                | lastRound(aLow, aHigh, 3, direction, box) << 32)
            ^ bHigh;
    return (lastRound(aLow, aHigh, 0, direction, box)
            | lastRound(aLow, aHigh, 1, direction, box) << 32)
        ^ bLow;
  }

  /** AESIMC: InvMixColumns alone. */
  public static long aesimc(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh) {
    cpu.resultHigh = unmixed((int) bHigh) | unmixed((int) (bHigh >>> 32)) << 32;
    return unmixed((int) bLow) | unmixed((int) (bLow >>> 32)) << 32;
  }

  private static long unmixed(int column) {
    int result = 0;
    for (int row = 0; row < 4; row++) {
      result ^= Integer.rotateLeft(inverseMixed(column >>> 8 * row & 0xFF), 8 * row);
    }
    return result & LOW;
  }

  public static long aeskeygenassist(
      CpuState cpu, long aLow, long aHigh, long bLow, long bHigh, int constant) {
    cpu.resultHigh = assisted((int) (bHigh >>> 32), constant);
    return assisted((int) (bLow >>> 32), constant);
  }

  private static long assisted(int word, int constant) {
    int substituted = 0;
    for (int n = 0; n < 32; n += 8) {
      substituted |= (SBOX[word >>> n & 0xFF] & 0xFF) << n;
    }
    int rotated = Integer.rotateRight(substituted, 8) ^ constant;
    return substituted & LOW | (long) rotated << 32;
  }

  // Carry-less multiplication.

  public static long pclmulqdq(
      CpuState cpu, long aLow, long aHigh, long bLow, long bHigh, int immediate) {
    long a = (immediate & 1) != 0 ? aHigh : aLow;
    long b = (immediate & 0x10) != 0 ? bHigh : bLow;
    long low = 0;
    long high = 0;
    for (long rest = b; rest != 0; rest &= rest - 1) {
      int n = Long.numberOfTrailingZeros(rest);
      low ^= a << n;
      high ^= n == 0 ? 0 : a >>> 64 - n;
    }
    cpu.resultHigh = high;
    return low;
  }

  // CRC-32C.

  /** Adds {@code width} bytes to a checksum. */
  public static long crc32(long crc, long value, int width) {
    int result = (int) crc;
    for (int n = 0; n < width; n++) {
      result = result >>> 8 ^ CRC[(result ^ (int) (value >>> 8 * n)) & 0xFF];
    }
    return result & LOW;
  }

  // SHA-1: doubleword 3 holds the first word.

  public static long sha1nexte(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh) {
    int e = Integer.rotateLeft((int) (aHigh >>> 32), 30);
    cpu.resultHigh = bHigh & LOW | (long) ((int) (bHigh >>> 32) + e) << 32;
    return bLow;
  }

  public static long sha1msg1(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh) {
    // W0 ^ W2, W1 ^ W3, W2 ^ W4, W3 ^ W5.
    cpu.resultHigh = aHigh ^ aLow;
    return aLow ^ bHigh;
  }

  public static long sha1msg2(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh) {
    int w16 = Integer.rotateLeft((int) (aHigh >>> 32) ^ (int) bHigh, 1);
    int w17 = Integer.rotateLeft((int) aHigh ^ (int) (bLow >>> 32), 1);
    int w18 = Integer.rotateLeft((int) (aLow >>> 32) ^ (int) bLow, 1);
    int w19 = Integer.rotateLeft((int) aLow ^ w16, 1);
    cpu.resultHigh = w17 & LOW | (long) w16 << 32;
    return w19 & LOW | (long) w18 << 32;
  }

  public static long sha1rnds4(
      CpuState cpu, long aLow, long aHigh, long bLow, long bHigh, int immediate) {
    int a = (int) (aHigh >>> 32);
    int b = (int) aHigh;
    int c = (int) (aLow >>> 32);
    int d = (int) aLow;
    int e = 0;
    for (int n = 0; n < 4; n++) {
      int w = (int) ((n < 2 ? bHigh : bLow) >>> 32 * (~n & 1));
      int f;
      int k;
      switch (immediate & 3) {
        case 0 -> {
          f = b & c ^ ~b & d;
          k = 0x5A82_7999;
        }
        case 1 -> {
          f = b ^ c ^ d;
          k = 0x6ED9_EBA1;
        }
        case 2 -> {
          f = b & c ^ b & d ^ c & d;
          k = 0x8F1B_BCDC;
        }
        default -> {
          f = b ^ c ^ d;
          k = 0xCA62_C1D6;
        }
      }
      int next = f + Integer.rotateLeft(a, 5) + w + k + e;
      e = d;
      d = c;
      c = Integer.rotateLeft(b, 30);
      b = a;
      a = next;
    }
    cpu.resultHigh = b & LOW | (long) a << 32;
    return d & LOW | (long) c << 32;
  }

  // SHA-256: the first holds C, D, G, H from the highest doubleword, the second A, B, E, F.

  /** SHA256RNDS2, with the words plus constants in XMM0. */
  public static long sha256rnds2(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh) {
    int a = (int) (bHigh >>> 32);
    int b = (int) bHigh;
    int c = (int) (aHigh >>> 32);
    int d = (int) aHigh;
    int e = (int) (bLow >>> 32);
    int f = (int) bLow;
    int g = (int) (aLow >>> 32);
    int h = (int) aLow;
    for (int n = 0; n < 2; n++) {
      int word = (int) (cpu.xmm[0] >>> 32 * n);
      int sum1 =
          Integer.rotateRight(e, 6) ^ Integer.rotateRight(e, 11) ^ Integer.rotateRight(e, 25);
      int first = (e & f ^ ~e & g) + sum1 + word + h;
      int sum0 =
          Integer.rotateRight(a, 2) ^ Integer.rotateRight(a, 13) ^ Integer.rotateRight(a, 22);
      int second = (a & b ^ a & c ^ b & c) + sum0;
      h = g;
      g = f;
      f = e;
      e = d + first;
      d = c;
      c = b;
      b = a;
      a = first + second;
    }
    cpu.resultHigh = b & LOW | (long) a << 32;
    return f & LOW | (long) e << 32;
  }

  public static long sha256msg1(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh) {
    int w0 = (int) aLow + sigma0((int) (aLow >>> 32));
    int w1 = (int) (aLow >>> 32) + sigma0((int) aHigh);
    int w2 = (int) aHigh + sigma0((int) (aHigh >>> 32));
    int w3 = (int) (aHigh >>> 32) + sigma0((int) bLow);
    cpu.resultHigh = w2 & LOW | (long) w3 << 32;
    return w0 & LOW | (long) w1 << 32;
  }

  public static long sha256msg2(CpuState cpu, long aLow, long aHigh, long bLow, long bHigh) {
    int w16 = (int) aLow + sigma1((int) bHigh);
    int w17 = (int) (aLow >>> 32) + sigma1((int) (bHigh >>> 32));
    int w18 = (int) aHigh + sigma1(w16);
    int w19 = (int) (aHigh >>> 32) + sigma1(w17);
    cpu.resultHigh = w18 & LOW | (long) w19 << 32;
    return w16 & LOW | (long) w17 << 32;
  }

  private static int sigma0(int x) {
    return Integer.rotateRight(x, 7) ^ Integer.rotateRight(x, 18) ^ x >>> 3;
  }

  private static int sigma1(int x) {
    return Integer.rotateRight(x, 17) ^ Integer.rotateRight(x, 19) ^ x >>> 10;
  }
}
