package io.satchel.image.crypt;

import java.security.GeneralSecurityException;
import java.util.Arrays;
import javax.crypto.Mac;

/**
 * PBKDF2 (RFC 8018, section 5.2) over the JDK's HMAC. The JDK's own takes characters and not bytes,
 * and a key file need not be text.
 */
public final class Pbkdf2 {
  private static final int PROBE_ITERATIONS = 1 << 14;
  private static final long PROBE_NANOS = 20_000_000;

  private Pbkdf2() {}

  /**
   * Derives a key.
   *
   * @param hash the hash's name in LUKS headers (sha256)
   * @param iterations how often each block is hashed; the caller has bounded it
   * @param length of the key in bytes
   */
  public static byte[] derive(String hash, byte[] secret, byte[] salt, int iterations, int length) {
    Mac mac = Algorithms.mac(hash, secret);
    int block = mac.getMacLength();
    byte[] key = new byte[length];
    byte[] u = new byte[block];
    byte[] sum = new byte[block];
    try {
      for (int i = 1, done = 0; done < length; i++, done += block) {
        mac.update(salt);
        mac.update(new byte[] {(byte) (i >>> 24), (byte) (i >>> 16), (byte) (i >>> 8), (byte) i});
        mac.doFinal(u, 0);
        System.arraycopy(u, 0, sum, 0, block);
        for (int n = 1; n < iterations; n++) {
          mac.update(u, 0, block);
          mac.doFinal(u, 0);
          for (int j = 0; j < block; j++) {
            sum[j] ^= u[j];
          }
        }
        System.arraycopy(sum, 0, key, done, Math.min(block, length - done));
      }
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
    Arrays.fill(sum, (byte) 0);
    return key;
  }

  /** How many iterations of that length this computer does in a second. */
  public static long iterationsPerSecond(String hash, int length) {
    byte[] secret = new byte[16];
    byte[] salt = new byte[32];
    derive(hash, secret, salt, PROBE_ITERATIONS, length);
    long iterations = PROBE_ITERATIONS;
    while (true) {
      long start = System.nanoTime();
      derive(hash, secret, salt, (int) iterations, length);
      long took = System.nanoTime() - start;
      if (took > PROBE_NANOS || iterations > 1 << 24) {
        return Math.max(1, (long) (iterations * 1e9 / Math.max(1, took)));
      }
      iterations *= 2;
    }
  }
}
