package io.satchel.image.container;

import io.satchel.image.file.Storage;
import io.satchel.image.format.ImageFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.function.Function;

/** An image packed with gzip. */
public final class GzipFormat extends Container {
  public GzipFormat(Function<ByteBuffer, ImageFormat> inner) {
    super(inner);
  }

  @Override
  public String name() {
    return "gz";
  }

  @Override
  public boolean probe(ByteBuffer head) {
    return isMember(head);
  }

  /** The magic, the method deflate, and no flag that is reserved. */
  static boolean isMember(ByteBuffer head) {
    return head.limit() >= 4
        && head.get(0) == 0x1f
        && head.get(1) == (byte) 0x8b
        && head.get(2) == 8
        && (head.get(3) & 0xe0) == 0;
  }

  @Override
  Storage unpack(Storage file) throws IOException {
    return DeflatedStorage.gzip(file);
  }
}
