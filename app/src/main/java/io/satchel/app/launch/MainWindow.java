package io.satchel.app.launch;

import io.satchel.app.common.Dialogs;
import io.satchel.app.demo.DemoImage;
import io.satchel.app.machine.MachineView;
import io.satchel.app.open.Changes;
import io.satchel.app.open.FirstScreen;
import io.satchel.app.open.RecentImages;
import io.satchel.app.open.RunRequest;
import io.satchel.app.open.Session;
import io.satchel.image.Progress;
import io.satchel.resources.Texts;
import io.satchel.vm.api.MachineEvents;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import javafx.application.Platform;
import javafx.scene.Cursor;
import javafx.scene.Scene;
import javafx.scene.control.ButtonBar.ButtonData;
import javafx.scene.control.ButtonType;
import javafx.scene.input.TransferMode;
import javafx.scene.layout.BorderPane;
import javafx.stage.Stage;
import org.jspecify.annotations.Nullable;

/** The program's window: the first screen, or a running machine. */
final class MainWindow implements MachineView.Owner {

  /** A machine on the screen, and where its changes go. */
  private record Running(Changes changes, Session session, MachineView view) {}

  /** What a person wants done with a run's changes. */
  private enum Fate {
    KEEP,
    DISCARD,
    /** Nothing was written. */
    TIDY
  }

  private final Stage stage;
  private final Texts texts;
  private final Path home;
  private final Runnable closed;
  private final RecentImages recent;
  private final BorderPane root = new BorderPane();
  private @Nullable Running running;

  /**
   * @param home the person's own folder, for pictures and the list of recent images
   * @param closed told when the person has closed the window
   */
  MainWindow(Stage stage, Texts texts, Path home, Runnable closed) {
    this.stage = stage;
    this.texts = texts;
    this.home = home;
    this.closed = closed;
    recent = new RecentImages(home.resolve(".satchel").resolve("recent.txt"));
    root.setOnDragOver(
        event -> {
          if (event.getDragboard().hasFiles()) {
            event.acceptTransferModes(TransferMode.COPY);
          }
          event.consume();
        });
    root.setOnDragDropped(
        event -> {
          List<File> files = event.getDragboard().getFiles();
          event.setDropCompleted(!files.isEmpty());
          event.consume();
          // The dialog that may follow must not hold up the program that the file came from.
          Platform.runLater(() -> dropped(files));
        });
    stage.setScene(new Scene(root, 880, 720));
    stage.setOnCloseRequest(
        event -> {
          event.consume();
          closeWindow();
        });
    showFirstScreen();
  }

  void show() {
    stage.show();
  }

  @Override
  public Stage stage() {
    return stage;
  }

  @Override
  public Path home() {
    return home;
  }

  private void showFirstScreen() {
    stage.setTitle(texts.get("window.title"));
    FirstScreen first =
        new FirstScreen(stage, texts, recent.list(), file -> run(RunRequest.of(file)), this::demo);
    root.setCenter(first);
    first.focusFirst();
  }

  /** The demonstration is made anew each time; nothing of it is worth keeping. */
  private void demo() {
    open(() -> Changes.none(RunRequest.of(DemoImage.unpack())));
  }

  /** A dropped file starts a machine, or goes into a drive of the one that runs. */
  void dropped(List<File> files) {
    if (files.isEmpty() || root.isDisabled()) {
      return;
    }
    Path file = files.getFirst().toPath();
    if (running != null) {
      running.view.insert(file);
    } else {
      run(RunRequest.of(file));
    }
  }

  /**
   * Builds a machine for {@code request} and switches it on; an error is shown, and the window
   * stays as it was.
   */
  void run(RunRequest request) {
    open(
        () -> {
          Changes changes = Changes.prepare(request, home);
          Path image = request.image();
          if (image != null) {
            recent.add(image);
          }
          return changes;
        });
  }

  private void open(Callable<Changes> prepare) {
    inBackground(
        () -> {
          Changes changes = prepare.call();
          try {
            return new Opened(changes, Session.open(changes.request(), new MachineEvents() {}));
          } catch (IOException e) {
            changes.tidy();
            throw e;
          }
        },
        opened -> start(opened.changes, opened.session),
        this::showFirstScreen);
  }

  private record Opened(Changes changes, Session session) {}

  private void start(Changes changes, Session session) {
    MachineView view = new MachineView(texts, session, this);
    running = new Running(changes, session, view);
    Path image = changes.request().image();
    stage.setTitle(
        (image == null ? "" : image.getFileName() + " \u2013 ") + texts.get("window.title"));
    root.setCenter(view);
    view.start();
  }

  @Override
  public void leave() {
    end(this::showFirstScreen);
  }

  @Override
  public void restart() {
    Running ending = running;
    if (ending == null) {
      return;
    }
    running = null;
    ending.view.close();
    inBackground(
        () -> {
          ending.session.close();
          return Session.open(ending.changes.request(), new MachineEvents() {});
        },
        session -> start(ending.changes, session),
        this::showFirstScreen);
  }

  private void closeWindow() {
    if (root.isDisabled()) {
      return;
    }
    end(
        () -> {
          stage.hide();
          closed.run();
        });
  }

  /**
   * Asks what becomes of what was written, ends the machine, and then goes on with {@code next}.
   */
  private void end(Runnable next) {
    Running ending = running;
    if (ending == null) {
      next.run();
      return;
    }
    Optional<Fate> fate = ask(ending);
    if (fate.isEmpty()) {
      return;
    }
    running = null;
    ending.view.close();
    inBackground(
        () -> {
          ending.session.close();
          switch (fate.get()) {
            case KEEP -> ending.changes.keep(Progress.NONE);
            case DISCARD -> ending.changes.discard();
            case TIDY -> ending.changes.tidy();
          }
          return fate.get();
        },
        _ -> next.run(),
        next);
  }

  /** Empty when the person wants to go on. */
  private Optional<Fate> ask(Running ending) {
    Path file = ending.changes.file();
    if (ending.session.machine().status().diskWrittenBytes() == 0) {
      return Optional.of(Fate.TIDY);
    }
    if (file == null) {
      return Optional.of(Fate.KEEP);
    }
    ButtonType keep = new ButtonType(texts.get("close.keep"), ButtonData.YES);
    ButtonType discard = new ButtonType(texts.get("close.discard"), ButtonData.NO);
    ButtonType back = new ButtonType(texts.get("dialog.back"), ButtonData.CANCEL_CLOSE);
    Optional<ButtonType> answer =
        Dialogs.choose(
            stage,
            texts.get("close.title"),
            texts.get(
                ending.changes.layered() ? "close.text.again" : "close.text", file.getFileName()),
            keep,
            discard,
            back);
    return answer
        .filter(button -> button != back)
        .map(button -> button == keep ? Fate.KEEP : Fate.DISCARD);
  }

  /**
   * Does what may wait for a disk off the window's thread; the window takes no input meanwhile.
   *
   * @param failed follows after the error was shown
   */
  private <T> void inBackground(Callable<T> work, Consumer<T> done, Runnable failed) {
    root.setDisable(true);
    root.setCursor(Cursor.WAIT);
    Thread.ofVirtual()
        .name("satchel-open")
        .start(
            () -> {
              try {
                T result = work.call();
                ready(() -> done.accept(result));
              } catch (Exception | OutOfMemoryError e) {
                ready(
                    () -> {
                      Dialogs.error(stage, texts, asIoException(e));
                      failed.run();
                    });
              }
            });
  }

  private void ready(Runnable next) {
    Platform.runLater(
        () -> {
          root.setDisable(false);
          root.setCursor(Cursor.DEFAULT);
          next.run();
        });
  }

  private IOException asIoException(Throwable problem) {
    if (problem instanceof IOException io) {
      return io;
    }
    System.getLogger(MainWindow.class.getName())
        .log(System.Logger.Level.ERROR, "opening or closing a machine", problem);
    return new IOException(
        texts.get(
            problem instanceof OutOfMemoryError ? "error.memory" : "error.defect",
            String.valueOf(problem)),
        problem);
  }
}
