package io.satchel.image.fs;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The part of a disk that a file system fills. Every place that the file system names is checked
 * against it.
 *
 * @param what the file system's name, for messages
 */
record Region(BlockDevice disk, long start, long length, String what) {
  /** The largest piece of a file system's own tables that is read in one go. */
  static final int MAX_PIECE = 64 << 20;

  /** A piece, little-endian. */
  ByteBuffer read(long offset, long bytes) throws IOException {
    if (bytes < 0 || bytes > MAX_PIECE) {
      throw broken("has a table of " + bytes + " bytes", offset);
    }
    check(offset, bytes);
    ByteBuffer b = ByteBuffer.allocate((int) bytes).order(ByteOrder.LITTLE_ENDIAN);
    disk.read(start + offset, b);
    return b.clear();
  }

  void read(long offset, ByteBuffer target) throws IOException {
    check(offset, target.remaining());
    disk.read(start + offset, target);
  }

  private void check(long offset, long bytes) throws ImageException {
    if (offset < 0 || bytes > length || offset > length - bytes) {
      throw broken("names a place outside itself", offset);
    }
  }

  /** The error for a file system that cannot be. */
  ImageException broken(String problem) {
    return broken(problem, -1);
  }

  /** The same, at a byte of the file system. */
  ImageException broken(String problem, long offset) {
    return new ImageException(
        ImageException.Kind.CORRUPT,
        "The " + what + " file system",
        problem + (offset < 0 ? "" : " (byte " + offset + " of it)"),
        "start the guest and let it check its disk");
  }
}
