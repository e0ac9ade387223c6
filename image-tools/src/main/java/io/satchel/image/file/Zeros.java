package io.satchel.image.file;

import java.nio.ByteBuffer;
import java.util.Arrays;

/** Zeros: filling a buffer with them, and seeing whether there is anything else in one. */
public final class Zeros {
  private static final byte[] ZEROS = new byte[1 << 16];

  private Zeros() {}

  /** Fills from the position to the limit. */
  public static void fill(ByteBuffer target) {
    if (target.hasArray()) {
      int from = target.arrayOffset() + target.position();
      Arrays.fill(target.array(), from, from + target.remaining(), (byte) 0);
      target.position(target.limit());
      return;
    }
    while (target.hasRemaining()) {
      target.put(ZEROS, 0, Math.min(ZEROS.length, target.remaining()));
    }
  }

  /** True when all of a range is zero. */
  public static boolean all(byte[] bytes, int from, int length) {
    for (int done = 0; done < length; ) {
      int n = Math.min(ZEROS.length, length - done);
      if (Arrays.mismatch(bytes, from + done, from + done + n, ZEROS, 0, n) >= 0) {
        return false;
      }
      done += n;
    }
    return true;
  }

  /** True when all from the position to the limit is zero. The buffer does not move. */
  public static boolean all(ByteBuffer bytes) {
    if (bytes.hasArray()) {
      return all(bytes.array(), bytes.arrayOffset() + bytes.position(), bytes.remaining());
    }
    return first(bytes) < 0;
  }

  /** How far from the position the first byte is that is not zero, or -1. */
  public static int first(ByteBuffer bytes) {
    ByteBuffer zeros = ByteBuffer.wrap(ZEROS);
    for (int at = bytes.position(); at < bytes.limit(); ) {
      int n = Math.min(ZEROS.length, bytes.limit() - at);
      int other = bytes.slice(at, n).mismatch(zeros.clear().limit(n));
      if (other >= 0) {
        return at - bytes.position() + other;
      }
      at += n;
    }
    return -1;
  }
}
