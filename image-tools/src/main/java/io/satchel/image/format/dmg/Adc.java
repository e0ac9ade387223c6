package io.satchel.image.format.dmg;

/** Apple Data Compression: literals, and matches with two or three bytes, in old disk images. */
final class Adc {
  private Adc() {}

  /** Unpacks; false when the data is broken or does not give {@code plain.length} bytes. */
  static boolean unpack(byte[] packed, byte[] plain) {
    int in = 0;
    int out = 0;
    while (in < packed.length && out < plain.length) {
      int b = packed[in] & 0xff;
      int length;
      if ((b & 0x80) != 0) {
        length = (b & 0x7f) + 1;
        if (in + 1 + length > packed.length || out + length > plain.length) {
          return false;
        }
        System.arraycopy(packed, in + 1, plain, out, length);
        in += 1 + length;
        out += length;
        continue;
      }
      boolean far = (b & 0x40) != 0;
      if (in + (far ? 3 : 2) > packed.length) {
        return false;
      }
      length = far ? (b & 0x3f) + 4 : (b >> 2) + 3;
      int distance =
          1
              + (far
                  ? (packed[in + 1] & 0xff) << 8 | packed[in + 2] & 0xff
                  : (b & 3) << 8 | packed[in + 1] & 0xff);
      if (distance > out || out + length > plain.length) {
        return false;
      }
      for (int i = 0; i < length; i++, out++) {
        plain[out] = plain[out - distance];
      }
      in += far ? 3 : 2;
    }
    return out == plain.length;
  }
}
