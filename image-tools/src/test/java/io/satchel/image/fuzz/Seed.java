package io.satchel.image.fuzz;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A sound image that damaged ones are made of. Only the places that hold something, and the one
 * behind each, are handed to the fuzzer: it then changes tables, not empty space.
 *
 * @param checksums mends the checksums of a changed image, which else hide what lies behind them
 */
record Seed(String name, byte[] image, Checksums checksums) {
  /** The fuzzer's bytes before the pieces: which seed, what to do with it, where it is cut off. */
  static final int HEAD = 4;

  private static final int PIECE = 64;
  private static final int MEND = 1;

  /** More than this only slows the fuzzer down: it is data, not tables. */
  private static final int MAX_PIECES = 512;

  /** Mends the checksums of an image. */
  @FunctionalInterface
  interface Checksums {
    void mend(byte[] image);
  }

  Seed(String name, byte[] image) {
    this(name, image, bytes -> {});
  }

  private List<Integer> places() {
    List<Integer> places = new ArrayList<>();
    byte[] nothing = new byte[PIECE];
    boolean before = false;
    for (int at = 0; at < image.length && places.size() < MAX_PIECES; at += PIECE) {
      int n = Math.min(PIECE, image.length - at);
      boolean used = !Arrays.equals(image, at, at + n, nothing, 0, n);
      if (used || before) {
        places.add(at);
      }
      before = used;
    }
    return places;
  }

  /** The unchanged image as the fuzzer is given it. */
  byte[] input(int index) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(new byte[] {(byte) index, 0, 0, 0});
    for (int at : places()) {
      out.write(image, at, Math.min(PIECE, image.length - at));
    }
    return out.toByteArray();
  }

  /** The image that the fuzzer's bytes mean. */
  static byte[] image(List<Seed> seeds, byte[] input) {
    if (input.length < HEAD) {
      return new byte[512];
    }
    Seed seed = seeds.get((input[0] & 0xff) % seeds.size());
    byte[] bytes = seed.image.clone();
    int from = HEAD;
    for (int at : seed.places()) {
      int n = Math.min(Math.min(PIECE, bytes.length - at), input.length - from);
      if (n <= 0) {
        break;
      }
      System.arraycopy(input, from, bytes, at, n);
      from += n;
    }
    if ((input[1] & MEND) != 0) {
      seed.checksums.mend(bytes);
    }
    int cut = (input[2] & 0xff) << 8 | input[3] & 0xff;
    return cut == 0 ? bytes : Arrays.copyOf(bytes, (int) ((long) bytes.length * cut >>> 16));
  }
}
