package io.satchel.image.format.luks;

import io.satchel.image.block.ImageException;
import org.jspecify.annotations.Nullable;

/** An image whose pass phrases can be changed. */
public interface EncryptedImage {
  /** The LUKS header, or null when the image has none. */
  @Nullable LuksHeader luks();

  /**
   * The key that the disk is encrypted with.
   *
   * @throws ImageException if the image is locked
   */
  byte[] masterKey() throws ImageException;
}
