package io.satchel.image.file;

import java.nio.ByteBuffer;

/**
 * Buffers that begin on a page of memory. The kernel copies to and from them several times faster
 * than with the 16 bytes' alignment of {@link ByteBuffer#allocateDirect}, and file access past the
 * host's cache takes nothing else.
 */
public final class Pages {
  /** A page of memory, and a multiple of every disk's block. */
  static final int SIZE = 4096;

  private Pages() {}

  /** A direct buffer of so many bytes. */
  public static ByteBuffer allocate(int bytes) {
    ByteBuffer room = ByteBuffer.allocateDirect(Math.addExact(bytes, SIZE - 1));
    int skip = room.alignmentOffset(0, SIZE);
    return room.slice(skip == 0 ? 0 : SIZE - skip, bytes);
  }
}
