package io.satchel.app.launch;

import io.satchel.app.common.AppSettings;
import io.satchel.app.common.FilePicker;
import io.satchel.app.library.DataFolder;
import io.satchel.app.library.Library;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javafx.application.Platform;
import javafx.stage.Stage;

/**
 * Does what every start does, for the JVM to note which classes that takes: {@code satchel} runs it
 * once after a build, with {@code -XX:AOTCacheOutput}, and later starts are faster for it. Needs no
 * display.
 */
final class Training {

  private static final int PATIENCE_SECONDS = 60;
  private static final int DEMONSTRATION_SECONDS = 4;

  private Training() {}

  /** Shows the library, then the demonstration for a moment, in a folder of its own. */
  public static void main(String[] arguments) {
    int status = 1;
    try {
      Path home = Files.createTempDirectory("satchel-training");
      try {
        run(home);
        status = 0;
      } finally {
        Library.deleteFolder(home);
      }
    } catch (IOException | InterruptedException | ExecutionException | TimeoutException e) {
      System.err.println("The training run failed: " + e);
    } finally {
      // The window's thread would go on by itself.
      System.exit(status);
    }
  }

  private static void run(Path home)
      throws InterruptedException, ExecutionException, TimeoutException {
    CompletableFuture<MainWindow> shown = new CompletableFuture<>();
    Platform.startup(
        () -> {
          Platform.setImplicitExit(false);
          MainWindow window =
              new MainWindow(
                  new Stage(),
                  AppSettings.standard(),
                  DataFolder.of(home),
                  home,
                  FilePicker.NATIVE,
                  () -> {});
          window.show();
          Platform.runLater(
              () -> {
                window.desk().demo();
                shown.complete(window);
              });
        });
    MainWindow window = shown.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    TimeUnit.SECONDS.sleep(DEMONSTRATION_SECONDS);
    CompletableFuture<Void> ended = new CompletableFuture<>();
    Platform.runLater(
        () -> {
          window.endRunning();
          ended.complete(null);
        });
    ended.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
  }
}
