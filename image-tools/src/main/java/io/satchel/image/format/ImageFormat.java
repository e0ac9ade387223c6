package io.satchel.image.format;

import io.satchel.image.block.ImageException;
import io.satchel.image.crypt.Passphrase;
import io.satchel.image.crypt.Secrets;
import io.satchel.image.file.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;

/** A kind of image file. One implementation a format, listed in {@code Formats}. */
public interface ImageFormat {
  /** How many bytes of a file's beginning {@link #probe} wants to see. */
  int PROBE_BYTES = 2048;

  /** The name, as qemu-img says it. */
  String name();

  /**
   * Whether a file that begins so is of this format.
   *
   * @param head the first bytes, at most {@link #PROBE_BYTES}, at position 0; big-endian
   */
  boolean probe(ByteBuffer head);

  /**
   * Opens a file of this format. It belongs to the returned device, which closes it; when this
   * fails the caller closes it.
   *
   * @param purpose what the image is opened for
   */
  LayeredDevice open(Storage file, Purpose purpose) throws IOException;

  /**
   * As {@link #open(Storage, Purpose)}, for an image that may be encrypted.
   *
   * @throws ImageException of the kind ENCRYPTED when the pass phrase is missing, WRONG_PASSPHRASE
   *     when it is another
   */
  default LayeredDevice open(Storage file, Purpose purpose, Passphrase passphrase)
      throws IOException {
    return open(file, purpose);
  }

  /** The options of {@link #create}, each with a line of help; empty when it cannot create. */
  default Map<String, String> options() {
    return Map.of();
  }

  /** Whether images of this format can be created. */
  default boolean creatable() {
    return true;
  }

  /**
   * Lays out a new, empty image in an empty file.
   *
   * @param size the disk's size in bytes
   * @param options by qemu-img's names; see {@link #options()}
   * @throws IOException if an option is unknown or impossible, or the file cannot be written
   */
  default void create(Storage file, long size, Map<String, String> options) throws IOException {
    throw new ImageException(
        ImageException.Kind.UNSUPPORTED,
        file.name(),
        "is to be of the format " + name() + ", which can only be read",
        "choose qcow2");
  }

  /**
   * As {@link #create(Storage, long, Map)}, for an image that may be encrypted.
   *
   * @param secrets the pass phrases that options name
   */
  default void create(Storage file, long size, Map<String, String> options, Secrets secrets)
      throws IOException {
    create(file, size, options);
  }

  /** What an image is opened for. */
  enum Purpose {
    /** To be read and, when the file is writable, written. */
    USE,
    /** To be looked at or repaired: contradictions are tolerated where that is possible. */
    INSPECT
  }
}
