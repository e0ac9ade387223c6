package io.satchel.image.operation;

import java.io.IOException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;

/** Waits for what another thread does for an operation. */
final class Results {
  private Results() {}

  /**
   * What came of it.
   *
   * @throws Cancelled if this thread is interrupted
   * @throws IOException what the other thread failed with
   */
  static <T> T of(Future<T> work) throws IOException {
    try {
      return work.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof IOException io) {
        throw io;
      }
      throw new IOException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Cancelled();
    }
  }
}
