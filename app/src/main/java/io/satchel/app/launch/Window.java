package io.satchel.app.launch;

import io.satchel.app.common.AppSettings;
import io.satchel.app.common.FilePicker;
import io.satchel.app.library.DataFolder;
import io.satchel.app.open.RunRequest;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import javafx.application.Platform;
import javafx.stage.Stage;

/** Starts the window and waits until it is closed. */
final class Window {

  /** Set by what starts the program: the folder that it lies in. */
  private static final String PROGRAM_FOLDER = "satchel.folder";

  /** Asks for a line on the standard error when the library is shown, for measurements. */
  private static final String TIMING = "satchel.timing";

  private Window() {}

  private static void tellTime() {
    ProcessHandle.Info process = ProcessHandle.current().info();
    process
        .startInstant()
        .ifPresent(
            start ->
                System.err.println(
                    "shown after "
                        + Duration.between(start, Instant.now()).toMillis()
                        + " ms, "
                        + process.totalCpuDuration().orElse(Duration.ZERO).toMillis()
                        + " ms of processor time"));
  }

  /** Opens the window, and says what the first of {@code files} is if there is one. */
  static int open(String[] files) {
    return show(
        window -> {
          if (files.length > 0) {
            window.open(Path.of(files[0]));
          }
        });
  }

  /** Opens the window with a machine that starts at once. */
  static int run(RunRequest request) {
    return show(window -> window.run(request));
  }

  private static int show(Consumer<MainWindow> begin) {
    CountDownLatch closed = new CountDownLatch(1);
    Path home = Path.of(System.getProperty("user.home"));
    String program = System.getProperty(PROGRAM_FOLDER);
    DataFolder data = DataFolder.locate(program == null ? null : Path.of(program), home);
    Logs.begin(data.logs());
    Platform.startup(
        () -> {
          Platform.setImplicitExit(false);
          Stage stage = new Stage();
          MainWindow window =
              new MainWindow(
                  stage,
                  AppSettings.read(data.settings()),
                  data,
                  home,
                  FilePicker.NATIVE,
                  closed::countDown);
          window.show();
          if (Boolean.getBoolean(TIMING)) {
            // The next pulse has laid the library out and drawn it.
            Platform.runLater(Window::tellTime);
          }
          begin.accept(window);
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
