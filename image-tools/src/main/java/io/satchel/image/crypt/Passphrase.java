package io.satchel.image.crypt;

import org.jspecify.annotations.Nullable;

/**
 * What unlocks an encrypted image.
 *
 * @param bytes the pass phrase, or null when none was given
 * @param needed whether an encrypted image without it is refused; otherwise it opens locked, to be
 *     described but not read
 */
public record Passphrase(byte @Nullable [] bytes, boolean needed) {
  /** None was given: what is encrypted cannot be opened. */
  public static Passphrase none() {
    return new Passphrase(null, true);
  }

  /** None was given, and none is needed to look at the headers. */
  public static Passphrase unneeded() {
    return new Passphrase(null, false);
  }

  /** A pass phrase. */
  public static Passphrase of(byte[] bytes) {
    return new Passphrase(bytes.clone(), true);
  }
}
