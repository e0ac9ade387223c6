package io.satchel.image.container;

import io.satchel.image.file.Storage;
import io.satchel.image.format.ImageFormat;
import io.satchel.image.format.LayeredDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.function.Function;

/**
 * A file that holds an image packed. What is inside is recognised by its content again, but it is
 * no container: nothing is unpacked twice.
 */
public abstract class Container implements ImageFormat {
  private final Function<ByteBuffer, ImageFormat> inner;

  /**
   * A kind of container.
   *
   * @param inner the format that the first bytes of an image tell; raw when no other fits
   */
  Container(Function<ByteBuffer, ImageFormat> inner) {
    this.inner = inner;
  }

  /** The image's bytes; they own the file when this succeeds. */
  abstract Storage unpack(Storage file) throws IOException;

  @Override
  public boolean creatable() {
    return false;
  }

  @Override
  public LayeredDevice open(Storage file, Purpose purpose) throws IOException {
    Storage image = unpack(file);
    boolean done = false;
    try {
      ByteBuffer head = ByteBuffer.allocate((int) Math.min(PROBE_BYTES, image.size()));
      image.read(0, head);
      LayeredDevice device = inner.apply(head.flip()).open(image, purpose);
      done = true;
      return device;
    } finally {
      if (!done) {
        image.close();
      }
    }
  }
}
