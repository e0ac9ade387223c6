package io.satchel.image.fs;

import java.nio.ByteBuffer;

/** A file so small that it lies in the file system's own tables. */
record MemoryContent(byte[] bytes) implements FileSystem.Content {
  @Override
  public long size() {
    return bytes.length;
  }

  @Override
  public void read(long offset, ByteBuffer target) {
    target.put(bytes, Math.toIntExact(offset), target.remaining());
  }
}
