package io.satchel.image.crypt;

import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.Provider;
import java.util.Locale;
import javax.crypto.Cipher;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.bouncycastle.jce.provider.BouncyCastleProvider;

/**
 * The ciphers and hashes of disk encryption: the JDK's own where it has them, for they use the
 * processor's instructions, and Bouncy Castle's for the rest.
 */
public final class Algorithms {
  private Algorithms() {}

  /** Asked for only when something needs it: making it takes a while. */
  private static final class Castle {
    static final Provider PROVIDER = new BouncyCastleProvider();
  }

  /** A block cipher. */
  public enum BlockCipher {
    AES(16),
    SERPENT(16),
    TWOFISH(16),
    CAST5(8);

    private final int block;

    BlockCipher(int block) {
      this.block = block;
    }

    /** The bytes of a block. */
    public int blockBytes() {
      return block;
    }

    /** The name in LUKS headers. */
    public String headerName() {
      return name().toLowerCase(Locale.ROOT);
    }

    /** Whether a key may have so many bytes. */
    public boolean fits(int keyBytes) {
      return keyBytes == 16 || this != CAST5 && (keyBytes == 24 || keyBytes == 32);
    }

    /** The cipher, block by block. */
    Cipher with(int direction, byte[] key) {
      try {
        String transformation = name() + "/ECB/NoPadding";
        Cipher cipher =
            this == AES
                ? Cipher.getInstance(transformation)
                : Cipher.getInstance(transformation, Castle.PROVIDER);
        cipher.init(direction, new SecretKeySpec(key, name()));
        return cipher;
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private static boolean isRipemd(String hash) {
    return hash.equals("ripemd160");
  }

  /** A hash by its name in LUKS headers: sha1, sha224 to sha512, ripemd160. */
  public static MessageDigest digest(String hash) {
    try {
      return isRipemd(hash)
          ? MessageDigest.getInstance("RIPEMD160", Castle.PROVIDER)
          : MessageDigest.getInstance("SHA-" + hash.substring(3));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The HMAC over such a hash. */
  static Mac mac(String hash, byte[] secret) {
    try {
      Mac mac =
          isRipemd(hash)
              ? Mac.getInstance("HmacRIPEMD160", Castle.PROVIDER)
              : Mac.getInstance("HmacSHA" + hash.substring(3));
      // HMAC pads the key with zeros, so an empty one and a zero byte are the same key.
      mac.init(new SecretKeySpec(secret.length == 0 ? new byte[1] : secret, "HMAC"));
      return mac;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }
}
