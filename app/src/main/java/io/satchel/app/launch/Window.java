package io.satchel.app.launch;

import io.satchel.app.open.RunRequest;
import io.satchel.resources.Texts;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import javafx.application.Platform;
import javafx.stage.Stage;
import org.jspecify.annotations.Nullable;

/** Starts the window and waits until it is closed. */
final class Window {

  private Window() {}

  /** Opens the window, with the first of {@code files} if there is one. */
  static int open(String[] files) {
    return show(files.length == 0 ? null : RunRequest.of(Path.of(files[0])));
  }

  /** Opens the window with a machine that starts at once. */
  static int run(RunRequest request) {
    return show(request);
  }

  private static int show(@Nullable RunRequest request) {
    CountDownLatch closed = new CountDownLatch(1);
    Platform.startup(
        () -> {
          Platform.setImplicitExit(false);
          Stage stage = new Stage();
          MainWindow window =
              new MainWindow(
                  stage,
                  new Texts(Locale.getDefault()),
                  Path.of(System.getProperty("user.home")),
                  closed::countDown);
          window.show();
          if (request != null) {
            window.run(request);
          }
        });
    try {
      closed.await();
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
    Platform.exit();
    return 0;
  }
}
