package io.satchel.app.launch;

import io.satchel.app.common.AppSettings;
import io.satchel.app.common.Dialogs;
import io.satchel.app.common.FilePicker;
import io.satchel.app.common.Jobs;
import io.satchel.app.common.JsonFile;
import io.satchel.app.common.Lookup;
import io.satchel.app.common.Page;
import io.satchel.app.common.Theme;
import io.satchel.app.library.DataFolder;
import io.satchel.app.library.Desktop;
import io.satchel.app.library.Library;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.LibraryView;
import io.satchel.app.library.Questions;
import io.satchel.app.machine.MachineView;
import io.satchel.app.open.Changes;
import io.satchel.app.open.RecentImages;
import io.satchel.app.open.RunRequest;
import io.satchel.app.preset.Preset;
import io.satchel.app.preset.Presets;
import io.satchel.app.snapshots.SnapshotStore;
import io.satchel.image.Answers;
import io.satchel.image.operation.Cancelled;
import io.satchel.resources.Texts;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import javafx.application.Platform;
import javafx.scene.Cursor;
import javafx.scene.Node;
import javafx.scene.Scene;
import javafx.scene.control.ProgressIndicator;
import javafx.scene.input.KeyCode;
import javafx.scene.input.KeyEvent;
import javafx.scene.input.TransferMode;
import javafx.scene.layout.BorderPane;
import javafx.stage.Stage;

/** The program's window: the library, a page about one thing, or a running machine. */
final class MainWindow implements Machines.Screen {

  private final Stage stage;
  private final DataFolder data;
  private final Runnable closed;
  private final RecentImages recent;
  private final BorderPane root = new BorderPane();
  private final Desktop desktop;
  private final Texts texts;
  private final Machines machines;
  private final WindowFoot foot;
  private final LibraryDesk desk;
  private AppSettings settings;

  /**
   * @param settings what the person chose for the whole program
   * @param home the person's own folder, for pictures and files to be saved
   * @param closed told when the person has closed the window
   */
  MainWindow(
      Stage stage,
      AppSettings settings,
      DataFolder data,
      Path home,
      FilePicker picker,
      Runnable closed) {
    this.stage = stage;
    this.settings = settings;
    this.data = data;
    this.closed = closed;
    texts = new Texts(settings.locale(Locale.getDefault()));
    desktop =
        new Desktop(stage, texts, new Library(data), Presets.load(), new Jobs(texts), picker, home);
    recent = new RecentImages(data.recent());
    machines = new Machines(desktop, this);
    foot = new WindowFoot(desktop);
    desk = new LibraryDesk(desktop, machines, this, recent);
    root.setBottom(foot);
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
    Scene scene = new Scene(root, 900, 720);
    stage.setScene(scene);
    dress();
    stage.setOnCloseRequest(
        event -> {
          event.consume();
          closeWindow();
        });
    scene.addEventHandler(
        KeyEvent.KEY_PRESSED,
        event -> {
          if (event.getCode() == KeyCode.F1 && machines.shown().isEmpty()) {
            event.consume();
            desk.shortcuts();
          }
        });
    showLibrary();
  }

  void show() {
    stage.show();
  }

  Desktop desktop() {
    return desktop;
  }

  LibraryDesk desk() {
    return desk;
  }

  /** The machine on the screen. */
  Machines.Running machine() {
    return machines.shown().orElseThrow();
  }

  /** Ends the machine on the screen, if there is one, without a question. */
  void endRunning() {
    machines.shown().ifPresent(running -> running.view().session().close());
  }

  AppSettings settings() {
    return settings;
  }

  DataFolder data() {
    return data;
  }

  /** Keeps what the person chose; the colours change at once, the language with the next start. */
  void choose(AppSettings chosen) {
    settings = chosen;
    try {
      JsonFile.write(data.settings(), chosen);
    } catch (IOException e) {
      Dialogs.error(stage, texts, e);
    }
    dress();
  }

  private void dress() {
    Theme.apply(stage.getScene(), Theme.dark(settings.theme()));
  }

  // --- What is in the middle ---

  @Override
  public void showLibrary() {
    title("");
    List<Entry> entries;
    try {
      entries = desktop.library().list();
    } catch (IOException e) {
      Dialogs.error(stage, texts, e);
      entries = List.of();
    }
    LibraryView view = new LibraryView(desktop, entries, recent.list(), desk);
    root.setCenter(view);
    foot.quiet(false);
    view.focusFirst();
  }

  /** Shows a page about one thing. */
  void show(Page page) {
    title(page.title());
    root.setCenter(page);
    foot.quiet(false);
    page.focusFirst();
  }

  @Override
  public void show(MachineView view, String name) {
    title(name);
    root.setCenter(view);
    foot.quiet(true);
  }

  @Override
  public void showTimeline(SnapshotStore store, Runnable back) {
    desk.timeline(store, back);
  }

  private void title(String name) {
    stage.setTitle((name.isEmpty() ? "" : name + " \u2013 ") + texts.get("window.title"));
  }

  @Override
  public void busy(boolean waiting) {
    Node centre = root.getCenter();
    if (centre != null) {
      centre.setDisable(waiting);
    }
    root.setCursor(waiting ? Cursor.WAIT : Cursor.DEFAULT);
    foot.waiting(waiting);
  }

  private boolean busy() {
    Node centre = root.getCenter();
    return centre != null && centre.isDisable();
  }

  @Override
  public void say(String sentence) {
    foot.say(sentence);
  }

  /**
   * Finds something out off the window's thread and goes on with it; an error is shown, and the
   * library follows.
   */
  <T> void find(Callable<T> work, Consumer<T> next) {
    root.setCenter(new BorderPane(new ProgressIndicator()));
    Lookup.start(texts, work, next, this::failed);
  }

  /**
   * As {@link #find(Callable, Consumer)}, for work that opens an image: what the image raises is
   * asked, and {@code next} gets the answers too.
   */
  <T> void find(Questions.Opening<T> work, BiConsumer<T, Answers> next) {
    root.setCenter(new BorderPane(new ProgressIndicator()));
    new Questions(desktop).open(Answers.none(), work, next, this::failed);
  }

  private void failed(IOException problem) {
    showLibrary();
    if (!(problem instanceof Cancelled)) {
      error(problem);
    }
  }

  @Override
  public void error(IOException problem) {
    Dialogs.error(stage, texts, machines.named(problem));
  }

  // --- From outside ---

  /** A dropped file is shown for what it is; the machine on the screen gets what is dropped. */
  void dropped(List<File> files) {
    if (files.isEmpty() || busy()) {
      return;
    }
    List<Path> paths = files.stream().map(File::toPath).toList();
    machines
        .shown()
        .ifPresentOrElse(
            running -> running.view().insert(paths), () -> desk.open(paths.getFirst()));
  }

  /** Shows what an image is. */
  void open(Path image) {
    desk.open(image);
  }

  /** Builds a machine for {@code request} and switches it on. */
  void run(RunRequest request) {
    run(request, List.of());
  }

  /** As {@link #run(RunRequest)}; {@code others} is what it could be as well. */
  void run(RunRequest request, List<Preset> others) {
    machines.start(
        answers -> {
          Changes changes = Changes.prepare(request.withAnswers(answers), desktop.home());
          Path image = request.image();
          if (image != null) {
            recent.add(image);
          }
          return changes;
        },
        request.answers(),
        others);
  }

  void leave() {
    machines.shown().ifPresentOrElse(Machines.Running::leave, this::showLibrary);
  }

  private void closeWindow() {
    if (busy()) {
      return;
    }
    machines.closeAll(
        () -> {
          desktop.jobs().cancelAll();
          stage.hide();
          closed.run();
        });
  }
}
