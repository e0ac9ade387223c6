package io.satchel.image.format.luks;

import io.satchel.image.crypt.Algorithms;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.SecureRandom;

/**
 * The anti-forensic splitter (LUKS On-Disk Format 1.2.3, section 2.4): a key is blown up to many
 * stripes, all of which are needed, so that wiping any one of them wipes the key.
 */
final class KeySplitter {
  private KeySplitter() {}

  static byte[] split(byte[] key, int stripes, String hash, SecureRandom random) {
    byte[] all = new byte[key.length * stripes];
    byte[] sum = new byte[key.length];
    byte[] stripe = new byte[key.length];
    for (int i = 0; i < stripes - 1; i++) {
      random.nextBytes(stripe);
      System.arraycopy(stripe, 0, all, i * key.length, key.length);
      xor(sum, stripe);
      sum = diffuse(sum, hash);
    }
    xor(sum, key);
    System.arraycopy(sum, 0, all, (stripes - 1) * key.length, key.length);
    return all;
  }

  static byte[] merge(byte[] all, int keyLength, int stripes, String hash) {
    byte[] sum = new byte[keyLength];
    byte[] stripe = new byte[keyLength];
    for (int i = 0; i < stripes; i++) {
      System.arraycopy(all, i * keyLength, stripe, 0, keyLength);
      xor(sum, stripe);
      if (i < stripes - 1) {
        sum = diffuse(sum, hash);
      }
    }
    return sum;
  }

  private static void xor(byte[] to, byte[] with) {
    for (int i = 0; i < to.length; i++) {
      to[i] ^= with[i];
    }
  }

  /** Hashes the value piece by piece, each with its number in front. */
  private static byte[] diffuse(byte[] value, String hash) {
    MessageDigest digest = Algorithms.digest(hash);
    int size = digest.getDigestLength();
    byte[] out = new byte[value.length];
    for (int i = 0, at = 0; at < value.length; i++, at += size) {
      int n = Math.min(size, value.length - at);
      digest.update(ByteBuffer.allocate(4).putInt(0, i));
      digest.update(value, at, n);
      System.arraycopy(digest.digest(), 0, out, at, n);
    }
    return out;
  }
}
