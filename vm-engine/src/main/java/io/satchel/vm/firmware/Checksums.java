package io.satchel.vm.firmware;

/** The checksum of PC firmware tables: all bytes add up to zero. */
final class Checksums {

  private Checksums() {}

  /** The sum of {@code length} bytes, modulo 256. */
  static int sum(byte[] bytes, int from, int length) {
    int sum = 0;
    for (int i = from; i < from + length; i++) {
      sum += bytes[i];
    }
    return sum & 0xFF;
  }

  /** Sets the byte at {@code at} so that the {@code length} bytes from {@code from} add up to 0. */
  static void fix(byte[] bytes, int from, int length, int at) {
    bytes[at] = 0;
    bytes[at] = (byte) -sum(bytes, from, length);
  }
}
