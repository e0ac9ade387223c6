package io.satchel.image.file;

import io.satchel.image.block.BlockDevice.Extent;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The bytes of an image file, before any format gives them a meaning. Methods may be called from
 * any thread. Unlike a disk, a storage grows when it is written past its end.
 */
public interface Storage extends Closeable {
  /** The most zeros that are written in one go. */
  int ZERO_CHUNK = 1 << 20;

  /** The file's name, for messages. */
  String name();

  /** The file of the host that this is, or null when it is none. */
  default @Nullable Path path() {
    return null;
  }

  /**
   * Says that another file was made that belongs to this one; whoever gives up this file deletes
   * that one too.
   */
  default void madeBeside(Path other) {
    // Who owns a finished file keeps it.
  }

  /** Says what the next request is for. Nobody listens but a tool that looks for mistakes. */
  default void about(StorageEvent event) throws IOException {}

  /** True when nothing may be written. */
  boolean readOnly();

  /** The file's length in bytes. */
  long size() throws IOException;

  /** Fills {@code target}; what lies past the file's end reads as zeros. */
  void read(long offset, ByteBuffer target) throws IOException;

  /** Writes the whole of {@code source}, growing the file where needed. */
  void write(long offset, ByteBuffer source) throws IOException;

  /** Sets the length; what is gained reads as zeros. */
  void setSize(long size) throws IOException;

  /** Returns when all that was written is on the medium. */
  void flush() throws IOException;

  /**
   * Gives the space of a range inside the file back to the host, after which it reads as zeros.
   *
   * @return false when the host cannot, and nothing has changed
   */
  boolean punchHole(long offset, long length) throws IOException;

  /** Whether the range that begins at {@code offset} is a hole (ZERO) or DATA. */
  Extent extent(long offset, long length) throws IOException;

  /** The bytes that the file takes on the host's disk, or its size where that is unknown. */
  default long allocated() throws IOException {
    return size();
  }

  /**
   * Gives the host's disk space for a range that is going to be written, where the host can; the
   * range reads as before, or as zeros past the end.
   *
   * @return false when the host cannot
   */
  default boolean reserve(long offset, long length) throws IOException {
    return false;
  }

  /** Makes a range read as zeros, with a hole where the caller and the host allow one. */
  default void writeZeroes(long offset, long length, boolean unmap) throws IOException {
    long size = size();
    if (unmap && offset < size) {
      long inside = Math.min(length, size - offset);
      if (punchHole(offset, inside)) {
        if (offset + length > size) {
          setSize(offset + length);
        }
        return;
      }
    }
    ByteBuffer zeros = ByteBuffer.allocate((int) Math.min(length, ZERO_CHUNK));
    for (long done = 0; done < length; ) {
      zeros.clear().limit((int) Math.min(zeros.capacity(), length - done));
      done += zeros.remaining();
      write(offset + done - zeros.remaining(), zeros);
    }
  }
}
