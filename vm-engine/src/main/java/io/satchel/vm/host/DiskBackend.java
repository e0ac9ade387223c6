package io.satchel.vm.host;

import java.io.IOException;

/**
 * The medium in a drive, in sectors of 512 bytes (2048 for a CD), as a device model uses it.
 * Requests are served off the machine's thread, in order of submission; {@code done} is called
 * under the machine's lock, never from within {@code submit}.
 */
public interface DiskBackend {

  /** Bytes on the medium. */
  long size();

  boolean readOnly();

  /** Reads {@code length} bytes at byte {@code offset} of the medium. */
  void read(long offset, byte[] target, int from, int length, Completion done);

  /** Writes; {@code source} belongs to the backend until {@code done}. */
  void write(long offset, byte[] source, int from, int length, Completion done);

  /** Calls {@code done} when all earlier writes are on the medium. */
  void flush(Completion done);

  /**
   * Says that a range of bytes is no longer needed; a hint, which a backend may leave at
   * completing.
   */
  default void discard(long offset, long length, Completion done) {
    flush(done);
  }

  /**
   * Reads at once, waiting for the host: for firmware services. Earlier submitted writes are seen.
   */
  void readNow(long offset, byte[] target, int from, int length) throws IOException;

  /** Writes at once, waiting for the host: for firmware services. */
  void writeNow(long offset, byte[] source, int from, int length) throws IOException;

  /** How a request ended. */
  @FunctionalInterface
  interface Completion {
    void done(boolean ok);
  }
}
