package io.satchel.image.format;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.file.Storage;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** What a format makes of a file: a disk, perhaps one that lies over another. */
public interface LayeredDevice extends BlockDevice {
  /** What the file says it lies over, or null when it stands alone. */
  default @Nullable BackingReference backing() {
    return null;
  }

  /**
   * Puts the opened backing disk below this one, which closes it. Called once, before the first
   * request, when {@link #backing()} is not null.
   */
  default void attachBacking(BlockDevice backing) {
    throw new IllegalStateException("this format has no backing file");
  }

  /** The name of the file that holds the data, or null when this file does. */
  default @Nullable String dataFile() {
    return null;
  }

  /** Hands over the opened data file, before the first request. This device closes it. */
  default void attachDataFile(Storage data) {
    throw new IllegalStateException("this format has no data file");
  }

  /**
   * Changes the disk's size. What is gained reads as zeros.
   *
   * @throws IOException if the format or the image cannot
   */
  void resize(long size) throws IOException;

  /**
   * The backing file that an image names.
   *
   * @param name as written in the image
   * @param format the recorded format, or null when none is recorded
   */
  record BackingReference(String name, @Nullable String format) {}
}
