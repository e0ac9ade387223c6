package io.satchel.image.format.qcow2;

import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import io.satchel.image.crypt.LegacyAes;
import io.satchel.image.crypt.Passphrase;
import io.satchel.image.crypt.Secrets;
import io.satchel.image.crypt.SectorCipher;
import io.satchel.image.file.Storage;
import io.satchel.image.format.OptionReader;
import io.satchel.image.format.luks.LuksFormat;
import io.satchel.image.format.luks.LuksHeader;
import io.satchel.image.format.luks.LuksOptions;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The encryption of guest data (docs/interop/qcow2.txt, "Full disk encryption header pointer" and
 * "Data encryption"). LUKS numbers sectors by their place in the file, the legacy way by their
 * place on the disk. Tables are not encrypted.
 */
final class Qcow2Encryption {
  private static final long MAX_HEADER = 64 << 20;

  private final Storage file;
  private final @Nullable LuksHeader luks;
  private final byte @Nullable [] key;
  private final @Nullable SectorCipher cipher;
  private final @Nullable LegacyAes legacy;
  private final long headerOffset;
  private final long headerBytes;

  private Qcow2Encryption(
      Storage file,
      @Nullable LuksHeader luks,
      byte @Nullable [] key,
      @Nullable SectorCipher cipher,
      @Nullable LegacyAes legacy,
      long headerOffset,
      long headerBytes) {
    this.file = file;
    this.luks = luks;
    this.key = key;
    this.cipher = cipher;
    this.legacy = legacy;
    this.headerOffset = headerOffset;
    this.headerBytes = headerBytes;
  }

  /** Reads what the header says of encryption; null when the image is not encrypted. */
  static @Nullable Qcow2Encryption open(Storage file, Qcow2Header h, Passphrase passphrase)
      throws IOException {
    byte[] secret = passphrase.bytes();
    if (h.cryptMethod == Qcow2Header.CRYPT_NONE) {
      return null;
    }
    if (secret == null && passphrase.needed()) {
      throw LuksFormat.locked(file);
    }
    if (h.cryptMethod == Qcow2Header.CRYPT_AES) {
      LegacyAes legacy = secret == null ? null : new LegacyAes(secret);
      byte[] key = legacy == null ? null : legacy.key();
      return new Qcow2Encryption(file, null, key, null, legacy, 0, 0);
    }
    byte[] pointer = h.extension(Qcow2Header.EXT_CRYPTO);
    if (pointer == null || pointer.length < 16) {
      throw corrupt(file, "is encrypted and does not say where its key is");
    }
    ByteBuffer b = ByteBuffer.wrap(pointer);
    long offset = b.getLong(0);
    long length = b.getLong(8);
    if (offset <= 0
        || offset % h.clusterSize() != 0
        || length <= 0
        || length > MAX_HEADER
        || offset > file.size() - length) {
      throw corrupt(file, "has its key at an impossible place");
    }
    LuksHeader luks = LuksHeader.read(file, offset, length);
    byte[] key = secret == null ? null : luks.unlock(secret);
    SectorCipher cipher = key == null ? null : luks.cipher(key);
    return new Qcow2Encryption(file, luks, key, cipher, null, offset, length);
  }

  private static ImageException corrupt(Storage file, String problem) {
    return new ImageException(
        Kind.CORRUPT, file.name(), problem, "restore its header from a copy", 32, null);
  }

  /** The cipher of images whose sectors are numbered by place in the file; null for others. */
  @Nullable SectorCipher byHostOffset() {
    return cipher;
  }

  /** Reads data of an image whose sectors are numbered by their place on the disk. */
  void readByGuestOffset(Storage data, long host, long guest, ByteBuffer target)
      throws IOException {
    LegacyAes aes = legacy;
    if (aes == null) {
      throw LuksFormat.locked(file);
    }
    aes.read(data, host, guest, target);
  }

  /** Legacy images are only read, as QEMU's machines do it, and locked ones are only described. */
  boolean writable() {
    return luks != null && key != null;
  }

  @Nullable LuksHeader luks() {
    return luks;
  }

  byte[] masterKey() throws ImageException {
    byte[] unlocked = key;
    if (unlocked == null) {
      throw LuksFormat.locked(file);
    }
    return unlocked;
  }

  long headerOffset() {
    return headerOffset;
  }

  long headerBytes() {
    return headerBytes;
  }

  Map<String, Object> specifics() {
    Map<String, Object> all = new LinkedHashMap<>();
    LuksHeader header = luks;
    if (header == null) {
      all.put("format", "aes");
      return all;
    }
    header
        .specifics()
        .forEach(
            (name, value) -> {
              if (name.equals("cipher-mode")) {
                all.put("format", "luks");
              }
              all.put(name, value);
            });
    return all;
  }

  /**
   * What a new image asks for.
   *
   * @param how the LUKS header is to be made
   */
  record Request(LuksOptions how, byte[] passphrase) {
    private static final String PREFIX = "encrypt.";

    /** The encryption that the options ask for, or null. */
    static @Nullable Request read(String file, Map<String, String> options, Secrets secrets)
        throws ImageException {
      String format = options.get(PREFIX + "format");
      if (format == null) {
        boolean other = options.keySet().stream().anyMatch(o -> o.startsWith(PREFIX));
        if (other) {
          throw OptionReader.impossible(file, "is to be encrypted without an encrypt.format");
        }
        return null;
      }
      if (!format.equals("luks")) {
        throw OptionReader.impossible(
            file, "cannot be encrypted in the way '" + format + "', only as luks");
      }
      OptionReader reader = new OptionReader(file, options);
      String id = reader.textOrNull(PREFIX + "key-secret");
      if (id == null) {
        throw OptionReader.impossible(file, "needs a pass phrase: encrypt.key-secret=NAME");
      }
      return new Request(LuksOptions.read(file, reader, PREFIX), secrets.get(file, id));
    }

    /** Takes those options that {@link #read} has read. */
    static void accept(OptionReader reader) {
      LuksOptions.help(PREFIX).keySet().forEach(reader::accept);
      reader.accept(PREFIX + "format");
    }

    long headerBytes() {
      return LuksHeader.bytesFor(how);
    }

    /** Writes the LUKS header and points to it. */
    void write(Storage file, Qcow2Header h, long offset) throws IOException {
      LuksHeader.create(file, offset, how, passphrase);
      h.cryptMethod = Qcow2Header.CRYPT_LUKS;
      ByteBuffer pointer = ByteBuffer.allocate(16).putLong(offset).putLong(headerBytes());
      h.setExtension(Qcow2Header.EXT_CRYPTO, pointer.array());
    }
  }
}
