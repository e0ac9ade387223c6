package io.satchel.image;

import io.satchel.image.block.BlockDevice;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * An open image. Closing it closes the whole chain.
 *
 * @param device the disk
 * @param chain the image itself, then what it lies over, down to the last backing file
 */
public record OpenedImage(BlockDevice device, List<Layer> chain) implements Closeable {
  /**
   * One file of a chain.
   *
   * @param format the format's name, as qemu-img says it
   * @param size the size in bytes of the disk that this file describes
   */
  public record Layer(Path path, String format, long size, BlockDevice device) {}

  public OpenedImage {
    chain = List.copyOf(chain);
  }

  /** The image's own file. */
  public Path path() {
    return chain.getFirst().path();
  }

  /** The format's name, as qemu-img says it. */
  public String format() {
    return chain.getFirst().format();
  }

  @Override
  public void close() throws IOException {
    device.close();
  }
}
