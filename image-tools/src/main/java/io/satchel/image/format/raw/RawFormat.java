package io.satchel.image.format.raw;

import io.satchel.image.file.Storage;
import io.satchel.image.format.ImageFormat;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.Preallocation;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.function.Predicate;

/** The format of a file that has none: every file is one. */
public final class RawFormat implements ImageFormat {
  @Override
  public String name() {
    return "raw";
  }

  @Override
  public boolean probe(ByteBuffer head) {
    return true;
  }

  @Override
  public LayeredDevice open(Storage file, Purpose purpose) throws IOException {
    return new RawDevice(file, head -> false);
  }

  /**
   * Opens a file that was only guessed to be raw.
   *
   * @param foreign tells whether a first sector would be taken for another format
   */
  public LayeredDevice openGuessed(Storage file, Predicate<ByteBuffer> foreign) throws IOException {
    return new RawDevice(file, foreign);
  }

  @Override
  public Map<String, String> options() {
    return Map.of("preallocation", "Preallocation mode (allowed values: off, falloc, full)");
  }

  @Override
  public void create(Storage file, long size, Map<String, String> options) throws IOException {
    file.setSize(size);
    Preallocation.of(file, options).apply(file, 0, size);
  }
}
