package io.satchel.image.format.luks;

import io.satchel.image.block.ImageException;
import io.satchel.image.crypt.Algorithms.BlockCipher;
import io.satchel.image.crypt.SectorCipher;
import io.satchel.image.crypt.SectorCipher.IvGenerator;
import io.satchel.image.crypt.SectorCipher.Mode;
import io.satchel.image.format.OptionReader;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How a new LUKS header is to be made.
 *
 * @param algorithm what enciphers the blocks
 * @param keyBytes the length of the disk's key
 * @param ivHash for ESSIV, the hash of the key; otherwise null
 * @param hash of the pass phrases and of the key's splitting
 * @param iterTime milliseconds that trying a pass phrase is to take here
 */
public record LuksOptions(
    BlockCipher algorithm,
    int keyBytes,
    Mode mode,
    IvGenerator generator,
    @Nullable String ivHash,
    String hash,
    long iterTime) {
  /** The hashes by their names in LUKS headers. */
  static final List<String> HASHES =
      List.of("sha1", "sha224", "sha256", "sha384", "sha512", "ripemd160");

  private static final long MAX_ITER_TIME = 600_000;

  /** The options' names with a line of help each, behind a prefix such as "encrypt.". */
  public static Map<String, String> help(String prefix) {
    Map<String, String> all = new LinkedHashMap<>();
    all.put(
        prefix + "cipher-alg", "Cipher: aes-, serpent- or twofish-128, -192, -256, or cast5-128");
    all.put(prefix + "cipher-mode", "Name of encryption cipher mode (xts, cbc, ctr, ecb)");
    all.put(prefix + "hash-alg", "Name of encryption hash algorithm (sha1 to sha512, ripemd160)");
    all.put(prefix + "iter-time", "Time to spend in PBKDF in milliseconds");
    all.put(prefix + "ivgen-alg", "Name of IV generator algorithm (plain, plain64, essiv)");
    all.put(prefix + "ivgen-hash-alg", "Name of IV generator hash algorithm");
    all.put(prefix + "key-secret", "ID of the secret that provides the keyslot passphrase");
    return all;
  }

  /** Takes the options out of {@code reader}; the key's own is left to the caller. */
  public static LuksOptions read(String file, OptionReader reader, String prefix)
      throws ImageException {
    String algorithm = reader.text(prefix + "cipher-alg", "aes-256");
    int dash = algorithm.lastIndexOf('-');
    BlockCipher cipher = dash < 0 ? null : algorithm(algorithm.substring(0, dash));
    String bits = algorithm.substring(dash + 1);
    int length = bits.matches("128|192|256") ? Integer.parseInt(bits) / 8 : 0;
    if (cipher == null || !cipher.fits(length)) {
      throw OptionReader.impossible(
          file, "cannot be encrypted with " + algorithm + "; the help names what can be");
    }
    Mode mode = mode(reader.text(prefix + "cipher-mode", "xts"));
    String vector = reader.text(prefix + "ivgen-alg", "plain64");
    IvGenerator generator = generator(vector);
    String hash = reader.text(prefix + "hash-alg", "sha256");
    String ivHash = reader.textOrNull(prefix + "ivgen-hash-alg");
    if (generator == IvGenerator.ESSIV && ivHash == null) {
      ivHash = "sha256";
    }
    if (mode == null
        || generator == null
        || mode == Mode.XTS && cipher.blockBytes() != 16
        || !HASHES.contains(hash)
        || ivHash != null && !HASHES.contains(ivHash)) {
      throw OptionReader.impossible(file, "cannot be encrypted with that mode, IV or hash");
    }
    if (generator != IvGenerator.ESSIV) {
      ivHash = null;
    } else if (keyOf(cipher, ivHash) == 0) {
      throw OptionReader.impossible(
          file, "cannot have the IV hash " + ivHash + ", whose length is no key of it");
    }
    String time = reader.text(prefix + "iter-time", "2000");
    if (!time.matches("[0-9]{1,9}") || Long.parseLong(time) == 0) {
      throw OptionReader.impossible(file, "cannot have the iter-time " + time);
    }
    return new LuksOptions(
        cipher,
        length * (mode == Mode.XTS ? 2 : 1),
        mode,
        generator,
        ivHash,
        hash,
        Math.min(Long.parseLong(time), MAX_ITER_TIME));
  }

  static @Nullable Mode mode(String name) {
    return switch (name) {
      case "xts" -> Mode.XTS;
      case "cbc" -> Mode.CBC;
      case "ctr" -> Mode.CTR;
      case "ecb" -> Mode.ECB;
      default -> null;
    };
  }

  static @Nullable IvGenerator generator(String name) {
    return switch (name) {
      case "plain" -> IvGenerator.PLAIN;
      case "plain64" -> IvGenerator.PLAIN64;
      case "essiv" -> IvGenerator.ESSIV;
      default -> null;
    };
  }

  /** The block cipher of that name in a header, or null. */
  static @Nullable BlockCipher algorithm(String name) {
    for (BlockCipher each : BlockCipher.values()) {
      if (each.headerName().equals(name)) {
        return each;
      }
    }
    return null;
  }

  /** The cipher and the bits of its key as options have it: "aes-256". */
  String algorithmWord() {
    return algorithm.headerName() + "-" + keyBytes * 8 / (mode == Mode.XTS ? 2 : 1);
  }

  /** The bits of the key that a hash gives for ESSIV; 0 when it gives none. */
  static int keyOf(BlockCipher algorithm, @Nullable String ivHash) {
    return "sha256".equals(ivHash) && algorithm.fits(32) ? 256 : 0;
  }

  /** The header's words for mode and vector. */
  String cipherMode() {
    String words =
        mode.name().toLowerCase(Locale.ROOT) + "-" + generator.name().toLowerCase(Locale.ROOT);
    return ivHash == null ? words : words + ":" + ivHash;
  }

  SectorCipher cipher(byte[] key) {
    return new SectorCipher(algorithm, mode, generator, ivHash, key);
  }
}
