package io.satchel.image.operation;

import io.satchel.image.file.Pages;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Reads of disks that go on beside the caller's work, each into a buffer of its own; one thread
 * calls it.
 */
final class ReadAhead implements AutoCloseable {
  private final ExecutorService readers;
  private final ArrayDeque<ByteBuffer> idle = new ArrayDeque<>();
  private final int chunk;
  private final int depth;

  /** How a read is done. */
  interface Read {
    void into(ByteBuffer buffer) throws IOException;
  }

  /** A read that has been begun. */
  record Begun(ByteBuffer buffer, Future<?> reading) {}

  /**
   * Readers for at most {@code chunk} bytes at a time.
   *
   * @param threads how many read at a time
   */
  ReadAhead(int threads, int chunk) {
    this.chunk = chunk;
    depth = threads + 1;
    readers = Executors.newFixedThreadPool(threads, Thread.ofPlatform().daemon().factory());
  }

  /** How many reads may usefully be under way. */
  int depth() {
    return depth;
  }

  /** Begins to fill {@code length} bytes. */
  Begun begin(int length, Read how) {
    ByteBuffer known = idle.poll();
    ByteBuffer buffer = known == null ? Pages.allocate(chunk) : known;
    buffer.clear().limit(length);
    return new Begun(
        buffer,
        readers.submit(
            () -> {
              how.into(buffer);
              return null;
            }));
  }

  /** Waits for a read, whose bytes are then between the buffer's position and limit. */
  ByteBuffer await(Begun begun) throws IOException {
    Results.of(begun.reading);
    return begun.buffer.flip();
  }

  /** Gives the buffer of a read back. */
  void done(Begun begun) {
    idle.add(begun.buffer);
  }

  /** Waits for the reads that are under way: their disks are not closed under them. */
  @Override
  public void close() {
    readers.shutdown();
    readers.close();
  }
}
