package io.satchel.image.container;

import io.satchel.image.file.Storage;
import io.satchel.image.file.Zeros;
import java.io.IOException;
import java.nio.ByteBuffer;

/** A part of a file that is stored as it is. */
final class Slice extends ReadOnlyStorage {
  private final long start;
  private final long length;

  Slice(Storage file, long start, long length) {
    super(file);
    this.start = start;
    this.length = length;
  }

  @Override
  public long size() {
    return length;
  }

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    int limit = target.limit();
    long inside = Math.clamp(length - offset, 0, target.remaining());
    target.limit(target.position() + (int) inside);
    file.read(start + offset, target);
    target.limit(limit);
    Zeros.fill(target);
  }
}
