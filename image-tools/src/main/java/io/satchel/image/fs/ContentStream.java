package io.satchel.image.fs;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;

/** A file's bytes one after the other. */
final class ContentStream extends InputStream {
  private final FileSystem.Content content;
  private long position;

  ContentStream(FileSystem.Content content) {
    this.content = content;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] target, int offset, int length) throws IOException {
    int n = (int) Math.min(length, content.size() - position);
    if (n <= 0) {
      return length == 0 ? 0 : -1;
    }
    content.read(position, ByteBuffer.wrap(target, offset, n));
    position += n;
    return n;
  }
}
