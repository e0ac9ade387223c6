package io.satchel.image.cli;

import io.satchel.image.crypt.Secrets;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads {@code --object secret,id=NAME,data=TEXT} and {@code ...,file=FILE}, as qemu-img has it.
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
      byte[] value = value(id, parts);
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

  private static byte[] value(String id, Map<String, String> parts) throws IOException {
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
    return switch (format) {
      case "raw" -> bytes;
      case "base64" -> {
        try {
          yield Base64.getMimeDecoder().decode(bytes);
        } catch (IllegalArgumentException e) {
          throw new UsageException("The secret '" + id + "' is not base64");
        }
      }
      default -> throw new UsageException("Invalid parameter '" + format + "'");
    };
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
