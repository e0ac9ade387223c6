package io.satchel.image.format;

import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/** Unpacks deflate data whose plain length is known. */
public final class Unzip {
  private Unzip() {}

  /** Fills {@code plain} from a zlib stream; false when it is broken or gives less. */
  public static boolean zlib(byte[] packed, byte[] plain) {
    return once(false, packed, plain);
  }

  /** Fills {@code plain} from a raw deflate stream; false when it is broken or gives less. */
  public static boolean raw(byte[] packed, byte[] plain) {
    return once(true, packed, plain);
  }

  private static boolean once(boolean raw, byte[] packed, byte[] plain) {
    Inflater inflater = new Inflater(raw);
    try {
      return fill(inflater, packed, packed.length, plain, plain.length);
    } finally {
      inflater.end();
    }
  }

  /**
   * Fills the first {@code wanted} bytes of {@code plain} from the first {@code length} of {@code
   * packed} with a fresh or reset inflater; what follows in the stream is not looked at. False when
   * the stream is broken or gives less.
   */
  public static boolean fill(
      Inflater inflater, byte[] packed, int length, byte[] plain, int wanted) {
    inflater.setInput(packed, 0, length);
    try {
      int done = 0;
      while (done < wanted) {
        int n = inflater.inflate(plain, done, wanted - done);
        if (n == 0) {
          return false;
        }
        done += n;
      }
      return true;
    } catch (DataFormatException e) {
      return false;
    }
  }
}
