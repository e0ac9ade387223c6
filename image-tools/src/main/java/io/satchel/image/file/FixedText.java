package io.satchel.image.file;

import java.nio.ByteBuffer;
import java.nio.charset.Charset;

/**
 * Text in a field of fixed width. It ends at the first NUL or with the field; behind the NUL
 * anything may lie, such as the rest of a longer text that stood there before.
 */
public final class FixedText {
  private FixedText() {}

  /**
   * Reads one.
   *
   * @param length the field's width in bytes
   */
  public static String get(ByteBuffer b, int at, int length, Charset charset) {
    byte[] field = new byte[length];
    b.get(at, field);
    return upToNul(new String(field, charset));
  }

  /** What stands before the first NUL. */
  public static String upToNul(String text) {
    int end = text.indexOf('\0');
    return end < 0 ? text : text.substring(0, end);
  }
}
