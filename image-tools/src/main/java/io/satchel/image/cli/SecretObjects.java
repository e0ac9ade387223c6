package io.satchel.image.cli;

import io.satchel.image.crypt.Secrets;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/**
 * Reads {@code --object secret,id=NAME,data=TEXT} and {@code ...,file=FILE}, as qemu-img has it:
 * with {@code format=base64}, and encrypted under another secret with {@code keyid} and {@code iv}.
 */
final class SecretObjects {
  private static final long MAX_BYTES = 8 << 20;

  private SecretObjects() {}

  /** All secrets that the command line defines. */
  static Secrets read(@Nullable List<String> objects) throws IOException {
    Map<String, byte[]> all = new HashMap<>();
    for (String object : objects == null ? List.<String>of() : objects) {
      Map<String, String> parts = ImageCommand.parseOptions(List.of(object));
      boolean secret = parts.remove("secret") != null || "secret".equals(parts.remove("qom-type"));
      String id = parts.remove("id");
      if (!secret || id == null || id.isEmpty()) {
        throw new UsageException("Cannot understand the object '" + object + "'");
      }
      byte[] value = value(id, parts, all);
      if (!parts.isEmpty()) {
        throw new UsageException(
            "Property 'secret." + parts.keySet().iterator().next() + "' not found");
      }
      if (all.put(id, value) != null) {
        throw new UsageException("The secret '" + id + "' is defined twice");
      }
    }
    return new Secrets(all);
  }

  private static byte[] value(String id, Map<String, String> parts, Map<String, byte[]> before)
      throws IOException {
    String data = parts.remove("data");
    String file = parts.remove("file");
    String format = parts.getOrDefault("format", "raw");
    parts.remove("format");
    if ((data == null) == (file == null)) {
      throw new UsageException(
          data == null
              ? "Must provide 'file' or 'data'"
              : "'file' and 'data' are mutually exclusive");
    }
    byte[] bytes = data != null ? data.getBytes(StandardCharsets.UTF_8) : bytes(Path.of(file));
    byte[] decoded =
        switch (format) {
          case "raw" -> bytes;
          case "base64" -> base64(id, bytes);
          default -> throw new UsageException("Invalid parameter '" + format + "'");
        };
    String keyId = parts.remove("keyid");
    String iv = parts.remove("iv");
    if (keyId == null && iv == null) {
      return decoded;
    }
    if (keyId == null || iv == null) {
      throw new UsageException(
          "The secret '" + id + "' needs both 'keyid' and 'iv' when it is encrypted");
    }
    byte[] key = before.get(keyId);
    if (key == null) {
      throw new UsageException("No secret with id '" + keyId + "' stands before '" + id + "'");
    }
    return decrypted(id, decoded, keyId, key, base64(id, iv.getBytes(StandardCharsets.UTF_8)));
  }

  private static byte[] base64(String id, byte[] bytes) {
    try {
      return Base64.getMimeDecoder().decode(bytes);
    } catch (IllegalArgumentException e) {
      throw new UsageException("The secret '" + id + "' is not base64");
    }
  }

  /** A secret under another one: AES-256 in CBC mode, filled up as RFC 5652 has it. */
  private static byte[] decrypted(String id, byte[] data, String keyId, byte[] key, byte[] iv) {
    if (key.length != 32) {
      throw new UsageException(
          "The secret '" + keyId + "' has " + key.length + " bytes; a master key has 32");
    }
    if (iv.length != 16) {
      throw new UsageException("The iv of '" + id + "' has " + iv.length + " bytes, not 16");
    }
    try {
      Cipher cipher = Cipher.getInstance("AES/CBC/PKCS5Padding");
      cipher.init(Cipher.DECRYPT_MODE, new SecretKeySpec(key, "AES"), new IvParameterSpec(iv));
      return cipher.doFinal(data);
    } catch (GeneralSecurityException e) {
      throw new UsageException(
          "The secret '" + id + "' cannot be decrypted with '" + keyId + "' and this iv");
    }
  }

  private static byte[] bytes(Path file) throws IOException {
    if (!Files.isReadable(file) || Files.isDirectory(file)) {
      throw new UsageException("Unable to read " + file);
    }
    if (Files.size(file) > MAX_BYTES) {
      throw new UsageException(file + " is too large for a pass phrase");
    }
    return Files.readAllBytes(file);
  }
}
