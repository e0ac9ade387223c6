package io.satchel.app.common;

import io.satchel.image.operation.Cancelled;
import java.io.IOException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/** Waits for what a machine promised, off the window's thread. */
public final class Waiting {

  private Waiting() {}

  /**
   * What came of it.
   *
   * @throws Cancelled if it was given up
   * @throws IOException what went wrong, in a sentence
   */
  public static <T extends @Nullable Object> T on(CompletableFuture<T> promised)
      throws IOException {
    try {
      return promised.get();
    } catch (CancellationException _) {
      throw new Cancelled();
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      throw new Cancelled();
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case CancellationException _ -> throw new Cancelled();
        case IOException problem -> throw problem;
        case RuntimeException defect -> throw defect;
        default -> throw new IllegalStateException(e.getCause());
      }
    }
  }
}
