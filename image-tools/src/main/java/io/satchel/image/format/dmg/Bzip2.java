package io.satchel.image.format.dmg;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Unpacks bzip2 (the format of bzip2 1.0.8) of a known length: blocks of up to 900,000 bytes, each
 * run-length coded, sorted (Burrows-Wheeler), moved to front and Huffman coded.
 */
final class Bzip2 {
  private static final long BLOCK = 0x314159265359L;
  private static final int MAX_BITS = 20;
  private static final int GROUP = 50;
  private static final int MAX_ALPHABET = 258;

  private final byte[] packed;
  private final byte[] plain;
  private int at;
  private int bits;
  private int bitCount;
  private int out;
  private boolean broken;

  private Bzip2(byte[] packed, byte[] plain) {
    this.packed = packed;
    this.plain = plain;
  }

  /** Unpacks; false when the data is broken or does not give {@code plain.length} bytes. */
  static boolean unpack(byte[] packed, byte[] plain) {
    return new Bzip2(packed, plain).run();
  }

  private int take(int n) {
    while (bitCount < n) {
      if (at >= packed.length) {
        broken = true;
        return 0;
      }
      bits = bits << 8 | packed[at++] & 0xff;
      bitCount += 8;
    }
    bitCount -= n;
    return bits >>> bitCount & (1 << n) - 1;
  }

  private boolean run() {
    if (take(8) != 'B' || take(8) != 'Z' || take(8) != 'h') {
      return false;
    }
    int level = take(8) - '0';
    if (level < 1 || level > 9) {
      return false;
    }
    int[] block = new int[level * 100_000];
    while (out < plain.length) {
      long magic = (long) take(24) << 24 | take(24);
      if (broken || magic != BLOCK || !block(block)) {
        return false;
      }
    }
    return true;
  }

  private boolean block(int[] block) {
    // The checksum; the file system inside has its own opinion of broken data.
    take(16);
    take(16);
    final int randomised = take(1);
    final int origin = take(24);
    byte[] symbols = new byte[256];
    int used = symbols(symbols);
    int tables = take(3);
    int selectorCount = take(15);
    if (broken || randomised != 0 || used == 0 || tables < 2 || tables > 6 || selectorCount == 0) {
      return false;
    }
    byte[] selectors = new byte[selectorCount];
    int[] order = {0, 1, 2, 3, 4, 5};
    for (int i = 0; i < selectorCount; i++) {
      int j = 0;
      while (take(1) == 1) {
        if (++j >= tables) {
          return false;
        }
      }
      int value = order[j];
      System.arraycopy(order, 0, order, 1, j);
      order[0] = value;
      selectors[i] = (byte) value;
    }
    Code[] codes = new Code[tables];
    for (int t = 0; t < tables; t++) {
      Code code = code(used + 2);
      if (code == null) {
        return false;
      }
      codes[t] = code;
    }
    int length = moveToFront(block, symbols, used, selectors, codes);
    return length > 0 && origin < length && unsort(block, length, origin);
  }

  private int symbols(byte[] symbols) {
    int groups = take(16);
    int used = 0;
    for (int i = 0; i < 16; i++) {
      if ((groups >> 15 - i & 1) != 0) {
        int members = take(16);
        for (int j = 0; j < 16; j++) {
          if ((members >> 15 - j & 1) != 0) {
            symbols[used++] = (byte) (i * 16 + j);
          }
        }
      }
    }
    return used;
  }

  /** A canonical Huffman code by counting. */
  private record Code(int[] count, int[] sorted) {}

  private @Nullable Code code(int alphabet) {
    int[] lengths = new int[MAX_ALPHABET];
    int length = take(5);
    for (int i = 0; i < alphabet; i++) {
      while (take(1) == 1) {
        length += take(1) == 0 ? 1 : -1;
        if (broken || length < 1 || length > MAX_BITS) {
          return null;
        }
      }
      if (length < 1 || length > MAX_BITS) {
        return null;
      }
      lengths[i] = length;
    }
    int[] count = new int[MAX_BITS + 1];
    int[] sorted = new int[alphabet];
    int n = 0;
    for (int l = 1; l <= MAX_BITS; l++) {
      for (int i = 0; i < alphabet; i++) {
        if (lengths[i] == l) {
          count[l]++;
          sorted[n++] = i;
        }
      }
    }
    return new Code(count, sorted);
  }

  private int symbol(Code code) {
    int value = 0;
    int first = 0;
    int index = 0;
    for (int l = 1; l <= MAX_BITS; l++) {
      value |= take(1);
      int n = code.count()[l];
      if (value - first < n) {
        return code.sorted()[index + value - first];
      }
      index += n;
      first = first + n << 1;
      value <<= 1;
    }
    broken = true;
    return 0;
  }

  /** Decodes the block's symbols into the sorted bytes; how many, or -1. */
  private int moveToFront(int[] block, byte[] symbols, int used, byte[] selectors, Code[] codes) {
    int length = 0;
    int group = -1;
    int left = 0;
    int run = 0;
    int weight = 1;
    while (true) {
      if (left == 0) {
        if (++group >= selectors.length) {
          return -1;
        }
        left = GROUP;
      }
      left--;
      int symbol = symbol(codes[selectors[group]]);
      if (broken) {
        return -1;
      }
      if (symbol <= 1) {
        // Runs of the front byte, in a number system of the digits 1 and 2.
        run += weight << symbol;
        weight <<= 1;
        if (run > block.length) {
          return -1;
        }
        continue;
      }
      if (run > 0) {
        if (run > block.length - length) {
          return -1;
        }
        Arrays.fill(block, length, length + run, symbols[0] & 0xff);
        length += run;
        run = 0;
        weight = 1;
      }
      if (symbol == used + 1) {
        return length;
      }
      if (length == block.length) {
        return -1;
      }
      int place = symbol - 1;
      byte value = symbols[place];
      System.arraycopy(symbols, 0, symbols, 1, place);
      symbols[0] = value;
      block[length++] = value & 0xff;
    }
  }

  /** Undoes the sorting, and the run-length code that was there before it. */
  private boolean unsort(int[] block, int length, int origin) {
    int[] start = new int[257];
    for (int i = 0; i < length; i++) {
      start[(block[i] & 0xff) + 1]++;
    }
    for (int i = 0; i < 256; i++) {
      start[i + 1] += start[i];
    }
    // The byte below, and above it where the next one is.
    for (int i = 0; i < length; i++) {
      block[start[block[i] & 0xff]++] |= i << 8;
    }
    int next = block[origin] >>> 8;
    int same = 0;
    int last = -1;
    for (int i = 0; i < length; i++) {
      int value = block[next] & 0xff;
      next = block[next] >>> 8;
      if (same == 4) {
        // After four equal bytes comes how many more there are.
        if (value > plain.length - out) {
          return false;
        }
        Arrays.fill(plain, out, out + value, (byte) last);
        out += value;
        same = 0;
        last = -1;
        continue;
      }
      same = value == last ? same + 1 : 1;
      last = value;
      if (out == plain.length) {
        return false;
      }
      plain[out++] = (byte) value;
    }
    return true;
  }
}
