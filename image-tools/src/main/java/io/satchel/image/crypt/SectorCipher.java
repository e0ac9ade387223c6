package io.satchel.image.crypt;

import io.satchel.image.crypt.Algorithms.BlockCipher;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import java.util.concurrent.ConcurrentLinkedQueue;
import javax.crypto.Cipher;
import org.jspecify.annotations.Nullable;

/**
 * A block cipher over sectors of 512 bytes, each with an initialisation vector made of its number,
 * as dm-crypt does it. Everything is built on the cipher over a whole array of blocks at once: a
 * call a sector would cost more than AES itself. Thread-safe.
 */
public final class SectorCipher {
  /** Bytes that share an initialisation vector. */
  public static final int SECTOR = 512;

  /** The most that is ciphered in one go; the scratch space is of that size. */
  public static final int CHUNK = 64 << 10;

  /** The longest block. */
  private static final int MAX_BLOCK = 16;

  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  /** How blocks are joined (IEEE 1619 for XTS, SP 800-38A for the others). */
  public enum Mode {
    XTS,
    CBC,
    CTR,
    ECB
  }

  /** How a sector's number becomes its initialisation vector. */
  public enum IvGenerator {
    /** The lower 32 bits of the number. */
    PLAIN,
    /** The number. */
    PLAIN64,
    /** The number, encrypted with a hash of the key. */
    ESSIV
  }

  private final BlockCipher algorithm;
  private final int block;
  private final Mode mode;
  private final IvGenerator generator;
  private final byte[] key;
  private final byte @Nullable [] essivKey;
  private final ConcurrentLinkedQueue<Worker> idle = new ConcurrentLinkedQueue<>();

  /**
   * A cipher.
   *
   * @param key as long as the cipher takes them; twice that for XTS
   * @param essivHash for ESSIV, the hash's name in LUKS headers (sha256)
   */
  public SectorCipher(
      BlockCipher algorithm,
      Mode mode,
      IvGenerator generator,
      @Nullable String essivHash,
      byte[] key) {
    this.algorithm = algorithm;
    block = algorithm.blockBytes();
    this.mode = mode;
    this.generator = generator;
    this.key = key.clone();
    boolean essiv = generator == IvGenerator.ESSIV && essivHash != null;
    essivKey = essiv ? Algorithms.digest(essivHash).digest(key) : null;
  }

  /** Whether keys of that many bytes fit. */
  public static boolean fits(BlockCipher algorithm, Mode mode, int keyBytes) {
    return mode == Mode.XTS
        ? keyBytes % 2 == 0 && algorithm.blockBytes() == 16 && algorithm.fits(keyBytes / 2)
        : algorithm.fits(keyBytes);
  }

  /** Encrypts whole sectors in place; the first is number {@code sector}. */
  public void encrypt(long sector, byte[] data, int offset, int length) {
    run(true, sector, data, offset, length);
  }

  /** Decrypts whole sectors in place; the first is number {@code sector}. */
  public void decrypt(long sector, byte[] data, int offset, int length) {
    run(false, sector, data, offset, length);
  }

  private void run(boolean encrypt, long sector, byte[] data, int offset, int length) {
    if (length % SECTOR != 0) {
      throw new IllegalArgumentException("not whole sectors: " + length);
    }
    Worker worker = idle.poll();
    if (worker == null) {
      worker = new Worker();
    }
    try {
      for (int done = 0; done < length; done += CHUNK) {
        int n = Math.min(CHUNK, length - done);
        worker.run(encrypt, sector + done / SECTOR, data, offset + done, n);
      }
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
    idle.add(worker);
  }

  /** The ciphers and scratch space of one thread at a time. */
  private final class Worker {
    private final Cipher encryptor;
    private final Cipher decryptor;
    private final @Nullable Cipher vectors;
    private final @Nullable Cipher tweaker;
    private final byte[] iv = new byte[CHUNK / SECTOR * MAX_BLOCK];
    private final byte[] scratch = new byte[CHUNK];
    private final byte[] result = new byte[CHUNK];
    private final byte[] tweaks = new byte[mode == Mode.XTS ? CHUNK : 0];

    Worker() {
      boolean xts = mode == Mode.XTS;
      byte[] first = xts ? Arrays.copyOf(key, key.length / 2) : key;
      encryptor = algorithm.with(Cipher.ENCRYPT_MODE, first);
      decryptor = algorithm.with(Cipher.DECRYPT_MODE, first);
      byte[] essiv = essivKey;
      vectors = essiv == null ? null : algorithm.with(Cipher.ENCRYPT_MODE, essiv);
      tweaker =
          xts
              ? algorithm.with(
                  Cipher.ENCRYPT_MODE, Arrays.copyOfRange(key, key.length / 2, key.length))
              : null;
    }

    void run(boolean encrypt, long sector, byte[] data, int offset, int length)
        throws GeneralSecurityException {
      if (mode != Mode.ECB) {
        makeVectors(sector, length / SECTOR);
      }
      switch (mode) {
        case XTS -> xts(encrypt ? encryptor : decryptor, data, offset, length);
        case CBC -> {
          if (encrypt) {
            cbcEncrypt(data, offset, length / SECTOR);
          } else {
            cbcDecrypt(data, offset, length);
          }
        }
        case CTR -> ctr(data, offset, length / SECTOR);
        case ECB -> {
          (encrypt ? encryptor : decryptor).doFinal(data, offset, length, scratch, 0);
          System.arraycopy(scratch, 0, data, offset, length);
        }
      }
    }

    private void makeVectors(long sector, int count) throws GeneralSecurityException {
      for (int i = 0; i < count; i++) {
        long number = sector + i;
        LONGS.set(iv, i * block, generator == IvGenerator.PLAIN ? number & 0xffffffffL : number);
        LONGS.set(iv, i * block + 8, 0L);
      }
      encryptVectors(vectors, count);
    }

    private void encryptVectors(@Nullable Cipher cipher, int count)
        throws GeneralSecurityException {
      if (cipher != null) {
        cipher.doFinal(iv, 0, count * block, scratch, 0);
        System.arraycopy(scratch, 0, iv, 0, count * block);
      }
    }

    /** Each block is masked before and after with the sector's tweak times a power of alpha. */
    private void xts(Cipher cipher, byte[] data, int offset, int length)
        throws GeneralSecurityException {
      encryptVectors(tweaker, length / SECTOR);
      for (int s = 0, at = 0; at < length; s++) {
        long low = (long) LONGS.get(iv, s * MAX_BLOCK);
        long high = (long) LONGS.get(iv, s * MAX_BLOCK + 8);
        for (int end = at + SECTOR; at < end; at += MAX_BLOCK) {
          LONGS.set(tweaks, at, low);
          LONGS.set(tweaks, at + 8, high);
          long carry = high >> 63 & 0x87;
          high = high << 1 | low >>> 63;
          low = low << 1 ^ carry;
        }
      }
      for (int i = 0; i < length; i += 8) {
        LONGS.set(scratch, i, (long) LONGS.get(data, offset + i) ^ (long) LONGS.get(tweaks, i));
      }
      cipher.doFinal(scratch, 0, length, result, 0);
      for (int i = 0; i < length; i += 8) {
        LONGS.set(data, offset + i, (long) LONGS.get(result, i) ^ (long) LONGS.get(tweaks, i));
      }
    }

    /** A block depends on the one before it, but not on other sectors: a column at a time. */
    private void cbcEncrypt(byte[] data, int offset, int sectors) throws GeneralSecurityException {
      System.arraycopy(iv, 0, result, 0, sectors * block);
      for (int at = 0; at < SECTOR; at += block) {
        for (int s = 0; s < sectors; s++) {
          xor(data, offset + s * SECTOR + at, result, s * block, scratch, s * block);
        }
        encryptor.doFinal(scratch, 0, sectors * block, result, 0);
        for (int s = 0; s < sectors; s++) {
          System.arraycopy(result, s * block, data, offset + s * SECTOR + at, block);
        }
      }
    }

    private void cbcDecrypt(byte[] data, int offset, int length) throws GeneralSecurityException {
      decryptor.doFinal(data, offset, length, result, 0);
      // From the end: each block still needs the cipher text before it.
      for (int at = length - block; at >= 0; at -= block) {
        if (at % SECTOR == 0) {
          xor(result, at, iv, at / SECTOR * block, data, offset + at);
        } else {
          xor(result, at, data, offset + at - block, data, offset + at);
        }
      }
    }

    /** The vector counts up as a big-endian number. */
    private void ctr(byte[] data, int offset, int sectors) throws GeneralSecurityException {
      for (int s = 0; s < sectors; s++) {
        for (int at = 0; at < SECTOR; at += block) {
          System.arraycopy(iv, s * block, scratch, s * SECTOR + at, block);
          for (int i = block - 1; i >= 0 && ++iv[s * block + i] == 0; i--) {
            // The carry goes on.
          }
        }
      }
      encryptor.doFinal(scratch, 0, sectors * SECTOR, result, 0);
      for (int at = 0; at < sectors * SECTOR; at += block) {
        xor(data, offset + at, result, at, data, offset + at);
      }
    }

    private void xor(byte[] a, int atA, byte[] b, int atB, byte[] to, int at) {
      long low = (long) LONGS.get(a, atA) ^ (long) LONGS.get(b, atB);
      if (block == MAX_BLOCK) {
        long high = (long) LONGS.get(a, atA + 8) ^ (long) LONGS.get(b, atB + 8);
        LONGS.set(to, at + 8, high);
      }
      LONGS.set(to, at, low);
    }
  }
}
