package io.satchel.app.common;

import io.satchel.resources.Texts;
import java.io.IOException;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import javafx.application.Platform;

/** Looks something up off the window's thread; what follows runs on the window's thread again. */
public final class Lookup {

  private Lookup() {}

  /**
   * Begins.
   *
   * @param found gets what the work gave
   * @param failed gets the error, in one sentence
   */
  public static <T> void start(
      Texts texts, Callable<T> work, Consumer<T> found, Consumer<IOException> failed) {
    Thread.ofVirtual()
        .name("satchel-look")
        .start(
            () -> {
              try {
                T result = work.call();
                Platform.runLater(() -> found.accept(result));
              } catch (Exception | OutOfMemoryError e) {
                IOException problem = Defects.asIoException(e);
                Platform.runLater(() -> failed.accept(problem));
              }
            });
  }
}
