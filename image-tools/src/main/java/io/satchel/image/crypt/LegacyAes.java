package io.satchel.image.crypt;

import io.satchel.image.crypt.Algorithms.BlockCipher;
import io.satchel.image.crypt.SectorCipher.IvGenerator;
import io.satchel.image.crypt.SectorCipher.Mode;
import io.satchel.image.file.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * The old encryption of qcow and qcow2 (docs/interop/qcow2.txt, "crypt_method", 1): AES-128 in CBC
 * mode, sectors numbered by their place on the disk. It is only read, as QEMU's machines do it.
 */
public final class LegacyAes {
  private static final int KEY = 16;

  private final byte[] key;
  private final SectorCipher cipher;

  /**
   * The pass phrase is the key, cut off or filled up; nothing tells whether it is the right one.
   */
  public LegacyAes(byte[] passphrase) {
    key = Arrays.copyOf(passphrase, KEY);
    cipher = new SectorCipher(BlockCipher.AES, Mode.CBC, IvGenerator.PLAIN64, null, key);
  }

  /** The 16 bytes that AES is run with. */
  public byte[] key() {
    return key.clone();
  }

  /**
   * Reads plain text.
   *
   * @param host where it lies in the file, in bytes
   * @param guest where it lies on the disk, in bytes; as far into a sector as {@code host}
   */
  public void read(Storage file, long host, long guest, ByteBuffer target) throws IOException {
    int in = (int) (guest % SectorCipher.SECTOR);
    int length = Math.ceilDiv(in + target.remaining(), SectorCipher.SECTOR) * SectorCipher.SECTOR;
    byte[] bytes = new byte[length];
    file.read(host - in, ByteBuffer.wrap(bytes));
    cipher.decrypt(guest / SectorCipher.SECTOR, bytes, 0, length);
    target.put(bytes, in, target.remaining());
  }
}
