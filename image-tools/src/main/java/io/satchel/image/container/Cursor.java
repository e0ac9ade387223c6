package io.satchel.image.container;

import java.io.IOException;

/** A place in an unpacked stream, from which it can only be read on. */
abstract class Cursor implements AutoCloseable {
  /** Bytes of the unpacked stream before this place. */
  long position;

  /** Unpacks up to {@code length} bytes, at least one; -1 at the stream's end. */
  abstract int read(byte[] to, int offset, int length) throws IOException;

  /** Goes on to a later place; false when the stream ends before it. */
  final boolean skipTo(long target, byte[] scratch) throws IOException {
    while (position < target) {
      if (read(scratch, 0, (int) Math.min(scratch.length, target - position)) < 0) {
        return false;
      }
    }
    return true;
  }

  @Override
  public void close() {
    // Most hold nothing outside the heap.
  }
}
