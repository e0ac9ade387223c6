package io.satchel.image.crypt;

import io.satchel.image.block.ImageException;
import java.util.Map;

/**
 * Pass phrases by the names that options use for them, so that no option holds one itself.
 *
 * @param byId each secret under its name
 */
public record Secrets(Map<String, byte[]> byId) {
  public Secrets {
    byId = Map.copyOf(byId);
  }

  /** No secret at all. */
  public static Secrets none() {
    return new Secrets(Map.of());
  }

  /**
   * The secret of that name.
   *
   * @throws ImageException if there is none
   */
  public byte[] get(String file, String id) throws ImageException {
    byte[] secret = byId.get(id);
    if (secret == null) {
      throw new ImageException(
          ImageException.Kind.INVALID_REQUEST,
          file,
          "is to use the secret '" + id + "', which is not defined",
          "define it with --object secret,id=" + id + ",file=FILE");
    }
    return secret.clone();
  }
}
