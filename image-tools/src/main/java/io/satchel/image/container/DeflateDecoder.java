package io.satchel.image.container;

import io.satchel.image.block.ImageException;
import io.satchel.image.file.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Deflate (RFC 1951), decoded so that it can go on later from a place in the middle. The JDK's
 * inflater tells neither at which bit it stands nor takes up its work at one, and without that a
 * gigabyte would be unpacked again to read its last sector.
 */
final class DeflateDecoder {
  static final int WINDOW = 32 << 10;

  /** The most that one call of {@link #decode} may give. */
  static final int STEP = 16 << 10;

  private static final int RING = 64 << 10;
  private static final int MASK = RING - 1;
  private static final int INPUT = 32 << 10;
  private static final int FAST = 10;
  private static final int MAX_BITS = 15;
  private static final int END_OF_BLOCK = 256;
  private static final int[] LENGTH_BASE = {
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
    163, 195, 227, 258
  };
  private static final int[] LENGTH_EXTRA = {
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0
  };
  private static final int[] DISTANCE_BASE = {
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049,
    3073, 4097, 6145, 8193, 12289, 16385, 24577
  };
  private static final int[] DISTANCE_EXTRA = {
    0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13
  };
  private static final int[] CODE_ORDER = {
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15
  };

  /** A canonical Huffman code: short codes by a table, long ones by counting. */
  private static final class Code {
    private final short[] fast = new short[1 << FAST];
    private final int[] count = new int[MAX_BITS + 1];
    private final short[] symbols = new short[320];

    /** False when the lengths give more codes than there are. */
    boolean build(byte[] lengths, int from, int n) {
      Arrays.fill(count, 0);
      Arrays.fill(fast, (short) 0);
      for (int i = 0; i < n; i++) {
        count[lengths[from + i]]++;
      }
      count[0] = 0;
      int left = 1;
      int[] next = new int[MAX_BITS + 2];
      int[] start = new int[MAX_BITS + 2];
      for (int bits = 1; bits <= MAX_BITS; bits++) {
        left = (left << 1) - count[bits];
        if (left < 0) {
          return false;
        }
        next[bits + 1] = next[bits] + count[bits] << 1;
        start[bits + 1] = start[bits] + count[bits];
      }
      for (int i = 0; i < n; i++) {
        int bits = lengths[from + i];
        if (bits == 0) {
          continue;
        }
        symbols[start[bits]++] = (short) i;
        int code = next[bits]++;
        if (bits <= FAST) {
          int reversed = Integer.reverse(code) >>> 32 - bits;
          for (int at = reversed; at < 1 << FAST; at += 1 << bits) {
            fast[at] = (short) (i << 4 | bits);
          }
        }
      }
      return true;
    }
  }

  /**
   * A place where decoding can go on.
   *
   * @param bit where in the file, in bits
   * @param blockBit where the block begins that this place is in; -1 between blocks
   * @param stored what is left of a block that is not packed; -1 in one that is
   * @param last whether that block is the last one
   * @param window what was decoded before, oldest first; null when it is all zeros
   */
  record State(long bit, long blockBit, int stored, boolean last, byte @Nullable [] window) {}

  private enum Block {
    NONE,
    STORED,
    PACKED
  }

  private final Storage file;
  private final long end;
  private final byte[] input = new byte[INPUT];
  private long inputAt;
  private int inputPos;
  private int inputLength;
  private long bits;
  private int bitCount;
  private final byte[] ring = new byte[RING];
  private long produced;
  private Block block = Block.NONE;
  private long blockBit;
  private int stored;
  private boolean last;
  private boolean finished;
  private final Code literals = new Code();
  private final Code distances = new Code();

  /** Decodes from byte {@code start} of the file; the data ends before byte {@code end}. */
  DeflateDecoder(Storage file, long start, long end) {
    this.file = file;
    this.end = end;
    seek(start * 8);
  }

  /** Goes on from a state. */
  DeflateDecoder(Storage file, long end, State state) throws IOException {
    this.file = file;
    this.end = end;
    byte[] window = state.window();
    if (window != null) {
      System.arraycopy(window, 0, ring, RING - WINDOW, WINDOW);
    }
    // Distances are not checked against the beginning any more: the first pass has done that.
    produced = RING;
    if (state.blockBit() >= 0) {
      seek(state.blockBit());
      readBlockHeader();
      stored = state.stored();
      last = state.last();
    }
    seek(state.bit());
  }

  private void seek(long bit) {
    inputAt = bit / 8;
    inputPos = 0;
    inputLength = 0;
    bits = 0;
    bitCount = 0;
    pendingSkip = (int) (bit % 8);
  }

  /** Bits of the first byte that lie before the place sought. */
  private int pendingSkip;

  /** Where in the file the next bit is. */
  long bit() {
    return (inputAt + inputPos) * 8 - bitCount + (bitCount == 0 ? pendingSkip : 0);
  }

  /** The place as it is now, which is between two calls of {@link #decode}. */
  State state() {
    byte[] window = new byte[WINDOW];
    boolean zero = true;
    for (int i = 0; i < WINDOW; i++) {
      window[i] = ring[(int) (produced - WINDOW + i) & MASK];
      zero &= window[i] == 0;
    }
    return new State(
        bit(),
        block == Block.NONE ? -1 : blockBit,
        block == Block.STORED ? stored : -1,
        last,
        zero ? null : window);
  }

  private ImageException corrupt(String problem) {
    return ReadOnlyStorage.corrupt(file, problem, Math.max(0, bit() / 8));
  }

  private void need(int n) throws IOException {
    while (bitCount < n) {
      if (inputPos == inputLength) {
        inputAt += inputLength;
        inputPos = 0;
        inputLength = (int) Math.min(INPUT, end - inputAt);
        if (inputLength <= 0) {
          inputLength = 0;
          throw new ImageException(
              ImageException.Kind.TRUNCATED,
              file.name(),
              "is cut short: its packed data goes on past its end",
              "download or copy it again",
              end,
              null);
        }
        file.read(inputAt, ByteBuffer.wrap(input, 0, inputLength));
      }
      bits |= (input[inputPos++] & 0xffL) << bitCount;
      bitCount += 8;
      if (pendingSkip > 0) {
        bits >>>= pendingSkip;
        bitCount -= pendingSkip;
        pendingSkip = 0;
      }
    }
  }

  /** As many bits as there are up to {@code n}; near the end there may be fewer. */
  private void fill(int n) throws IOException {
    if (pendingSkip == 0) {
      while (bitCount <= 48 && inputPos < inputLength) {
        bits |= (input[inputPos++] & 0xffL) << bitCount;
        bitCount += 8;
      }
    }
    while (bitCount < n && (inputPos < inputLength || inputAt + inputLength < end)) {
      need(Math.min(n, bitCount + 1));
    }
  }

  private int take(int n) throws IOException {
    if (n == 0) {
      return 0;
    }
    need(n);
    int value = (int) (bits & (1L << n) - 1);
    bits >>>= n;
    bitCount -= n;
    return value;
  }

  private int symbol(Code code) throws IOException {
    if (bitCount < MAX_BITS) {
      fill(MAX_BITS);
    }
    int entry = code.fast[(int) bits & (1 << FAST) - 1];
    if (entry != 0) {
      int n = entry & 15;
      if (n > bitCount) {
        need(n);
      }
      bits >>>= n;
      bitCount -= n;
      return (entry & 0xffff) >> 4;
    }
    int value = 0;
    int first = 0;
    int index = 0;
    for (int n = 1; n <= MAX_BITS; n++) {
      value |= take(1);
      int count = code.count[n];
      if (value - first < count) {
        return code.symbols[index + value - first];
      }
      index += count;
      first = first + count << 1;
      value <<= 1;
    }
    throw corrupt("has packed data with an impossible code");
  }

  private void readBlockHeader() throws IOException {
    blockBit = bit();
    last = take(1) == 1;
    switch (take(2)) {
      case 0 -> {
        take(bitCount % 8);
        int length = take(16);
        if (take(16) != (~length & 0xffff)) {
          throw corrupt("has packed data with a block whose length is wrong");
        }
        stored = length;
        block = Block.STORED;
      }
      case 1 -> {
        byte[] lengths = new byte[320];
        Arrays.fill(lengths, 0, 144, (byte) 8);
        Arrays.fill(lengths, 144, 256, (byte) 9);
        Arrays.fill(lengths, 256, 280, (byte) 7);
        Arrays.fill(lengths, 280, 288, (byte) 8);
        Arrays.fill(lengths, 288, 320, (byte) 5);
        literals.build(lengths, 0, 288);
        distances.build(lengths, 288, 30);
        block = Block.PACKED;
      }
      case 2 -> {
        readCodes();
        block = Block.PACKED;
      }
      default -> throw corrupt("has packed data with a block of an unknown type");
    }
  }

  private void readCodes() throws IOException {
    int literalCount = take(5) + 257;
    int distanceCount = take(5) + 1;
    int codeCount = take(4) + 4;
    byte[] lengths = new byte[320];
    for (int i = 0; i < codeCount; i++) {
      lengths[CODE_ORDER[i]] = (byte) take(3);
    }
    if (literalCount > 286 || !literals.build(lengths, 0, 19)) {
      throw corrupt("has packed data with impossible codes");
    }
    byte[] all = new byte[640];
    int total = literalCount + distanceCount;
    for (int i = 0; i < total; ) {
      int symbol = symbol(literals);
      if (symbol < 16) {
        all[i++] = (byte) symbol;
        continue;
      }
      if (symbol == 16 && i == 0) {
        throw corrupt("has packed data with impossible codes");
      }
      byte value = symbol == 16 ? all[i - 1] : 0;
      int n = symbol == 16 ? 3 + take(2) : symbol == 17 ? 3 + take(3) : 11 + take(7);
      if (i + n > total) {
        throw corrupt("has packed data with impossible codes");
      }
      Arrays.fill(all, i, i + n, value);
      i += n;
    }
    if (!literals.build(all, 0, literalCount)
        || !distances.build(all, literalCount, distanceCount)) {
      throw corrupt("has packed data with impossible codes");
    }
  }

  /**
   * Decodes at least one byte and at most {@link #STEP}.
   *
   * @return how many; -1 at the end of the stream
   */
  int decode(byte[] to, int offset, int length) throws IOException {
    int wanted = Math.min(length, STEP);
    long start = produced;
    if (extra > 0) {
      return copy(to, offset, Math.min(extra, length));
    }
    while (produced == start && !finished || produced - start < wanted && !finished) {
      switch (block) {
        case NONE -> {
          if (last) {
            finished = true;
          } else {
            readBlockHeader();
          }
        }
        case STORED -> copyStored(wanted - (int) (produced - start));
        case PACKED -> unpack(start + wanted);
      }
    }
    int n = (int) (produced - start);
    if (n == 0) {
      return -1;
    }
    extra = n;
    return copy(to, offset, Math.min(n, length));
  }

  /** Bytes at the ring's end that have been decoded and not handed out: a match may be long. */
  private int extra;

  private int copy(byte[] to, int offset, int n) {
    long from = produced - extra;
    for (int i = 0; i < n; ) {
      int at = (int) (from + i) & MASK;
      int run = Math.min(n - i, RING - at);
      System.arraycopy(ring, at, to, offset + i, run);
      i += run;
    }
    extra -= n;
    return n;
  }

  /** Whether {@link #state} is exactly behind what was handed out. */
  boolean atState() {
    return extra == 0;
  }

  private void copyStored(int room) throws IOException {
    int n = Math.min(stored, room);
    for (int i = 0; i < n; i++) {
      ring[(int) produced++ & MASK] = (byte) take(8);
    }
    stored -= n;
    if (stored == 0) {
      block = Block.NONE;
    }
  }

  private void unpack(long until) throws IOException {
    while (produced < until) {
      int symbol = symbol(literals);
      if (symbol < END_OF_BLOCK) {
        ring[(int) produced++ & MASK] = (byte) symbol;
        continue;
      }
      if (symbol == END_OF_BLOCK) {
        block = Block.NONE;
        return;
      }
      if (symbol > 285) {
        throw corrupt("has packed data with an impossible length");
      }
      int length = LENGTH_BASE[symbol - 257] + take(LENGTH_EXTRA[symbol - 257]);
      int code = symbol(distances);
      if (code > 29) {
        throw corrupt("has packed data with an impossible distance");
      }
      int distance = DISTANCE_BASE[code] + take(DISTANCE_EXTRA[code]);
      if (distance > produced) {
        throw corrupt("has packed data that refers to what is before its beginning");
      }
      int from = (int) (produced - distance) & MASK;
      int at = (int) produced & MASK;
      if (distance >= length && from + length <= RING && at + length <= RING) {
        System.arraycopy(ring, from, ring, at, length);
      } else {
        for (int i = 0; i < length; i++) {
          ring[at + i & MASK] = ring[from + i & MASK];
        }
      }
      produced += length;
    }
  }

  /** The first byte after the stream, once it has ended. */
  long byteAfter() {
    return (bit() + 7) / 8;
  }
}
