package io.satchel.image.block;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * A disk that is as slow as one wants it: requests wait until the bytes and the requests of a
 * second allow them. A tenth of a second's worth may come in one burst.
 */
public final class Throttle extends FilterDevice {
  private static final long SECOND = 1_000_000_000L;
  private static final long BURST = SECOND / 10;

  private final long bytesPerSecond;
  private final long requestsPerSecond;
  private final Clock clock;
  private long bytesFreeAt;
  private long requestsFreeAt;

  /** Time, which a test makes up. */
  public interface Clock {
    /** Nanoseconds of no particular beginning. */
    long now();

    /** Returns after so many nanoseconds. */
    void sleep(long nanos) throws InterruptedException;

    /** The host's. */
    Clock SYSTEM =
        new Clock() {
          @Override
          public long now() {
            return System.nanoTime();
          }

          @Override
          public void sleep(long nanos) throws InterruptedException {
            Thread.sleep(nanos / 1_000_000, (int) (nanos % 1_000_000));
          }
        };
  }

  /**
   * Slows a disk down.
   *
   * @param bytesPerSecond 0 for any number
   * @param requestsPerSecond 0 for any number
   */
  public Throttle(BlockDevice disk, long bytesPerSecond, long requestsPerSecond, Clock clock) {
    super(disk);
    if (bytesPerSecond < 0 || requestsPerSecond < 0) {
      throw new IllegalArgumentException("a negative rate");
    }
    this.bytesPerSecond = bytesPerSecond;
    this.requestsPerSecond = requestsPerSecond;
    this.clock = clock;
    bytesFreeAt = clock.now();
    requestsFreeAt = bytesFreeAt;
  }

  private void await(long bytes) {
    long wait;
    synchronized (this) {
      long now = clock.now();
      bytesFreeAt = Math.max(bytesFreeAt, now - BURST);
      requestsFreeAt = Math.max(requestsFreeAt, now - BURST);
      wait =
          Math.max(
              bytesPerSecond == 0 ? 0 : bytesFreeAt - now,
              requestsPerSecond == 0 ? 0 : requestsFreeAt - now);
      if (bytesPerSecond > 0) {
        bytesFreeAt += (long) ((double) bytes / bytesPerSecond * SECOND);
      }
      if (requestsPerSecond > 0) {
        requestsFreeAt += SECOND / requestsPerSecond;
      }
    }
    if (wait > 0) {
      try {
        clock.sleep(wait);
      } catch (InterruptedException e) {
        // Who is being stopped need not be slow.
        Thread.currentThread().interrupt();
      }
    }
  }

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    await(target.remaining());
    disk.read(offset, target);
  }

  @Override
  public void write(long offset, ByteBuffer source) throws IOException {
    await(source.remaining());
    disk.write(offset, source);
  }

  @Override
  public void writeZeroes(long offset, long length, boolean unmap) throws IOException {
    await(unmap ? 0 : length);
    disk.writeZeroes(offset, length, unmap);
  }

  @Override
  public void discard(long offset, long length) throws IOException {
    await(0);
    disk.discard(offset, length);
  }
}
