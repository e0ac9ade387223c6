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
  private final RecentImages media;
  private final BorderPane root = new BorderPane();
  private final Library library;
  private final Presets presets = Presets.load();
  private final FilePicker picker;
  private final Path home;
  private AppSettings settings;
  private Speaking speaking;

  /** What speaks the chosen language. */
  private record Speaking(
      Texts texts, Desktop desktop, Machines machines, WindowFoot foot, LibraryDesk desk) {}

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
    this.picker = picker;
    this.home = home;
    library = new Library(data);
    recent = new RecentImages(data.recent());
    media = new RecentImages(data.recentMedia());
    speaking = speak();
    root.setBottom(speaking.foot);
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
          if (event.getCode() == KeyCode.F1 && speaking.machines.shown().isEmpty()) {
            event.consume();
            speaking.desk.shortcuts();
          }
        });
    showLibrary();
  }

  private Speaking speak() {
    Texts texts = new Texts(settings.locale(Locale.getDefault()));
    Desktop desktop = new Desktop(stage, texts, library, presets, new Jobs(texts), picker, home);
    Machines machines = new Machines(desktop, media, this);
    return new Speaking(
        texts,
        desktop,
        machines,
        new WindowFoot(desktop),
        new LibraryDesk(desktop, machines, this, recent));
  }

  void show() {
    stage.show();
  }

  Desktop desktop() {
    return speaking.desktop;
  }

  LibraryDesk desk() {
    return speaking.desk;
  }

  /** The machine on the screen. */
  Machines.Running machine() {
    return speaking.machines.shown().orElseThrow();
  }

  /** Ends the machine on the screen, if there is one, without a question. */
  void endRunning() {
    speaking.machines.shown().ifPresent(running -> running.view().session().close());
  }

  AppSettings settings() {
    return settings;
  }

  DataFolder data() {
    return data;
  }

  /**
   * Keeps what the person chose. The colours change at once, and so does the language, unless
   * computers run or work is under way: their screens speak the old one until they end.
   */
  void choose(AppSettings chosen) {
    boolean another = chosen.language() != settings.language();
    settings = chosen;
    try {
      JsonFile.write(data.settings(), chosen);
    } catch (IOException e) {
      Dialogs.error(stage, speaking.texts, e);
    }
    dress();
    if (another && speaking.machines.none() && speaking.desktop.jobs().count().get() == 0) {
      speaking = speak();
      root.setBottom(speaking.foot);
      speaking.desk.preferences();
    } else if (another) {
      say(speaking.texts.get("preferences.language.later"));
    }
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
      entries = speaking.desktop.library().list();
    } catch (IOException e) {
      Dialogs.error(stage, speaking.texts, e);
      entries = List.of();
    }
    LibraryView view = new LibraryView(speaking.desktop, entries, recent.list(), speaking.desk);
    root.setCenter(view);
    speaking.foot.quiet(false);
    view.focusFirst();
  }

  /** Shows a page about one thing. */
  void show(Page page) {
    title(page.title());
    root.setCenter(page);
    speaking.foot.quiet(false);
    page.focusFirst();
  }

  @Override
  public void show(MachineView view, String name) {
    title(name);
    root.setCenter(view);
    speaking.foot.quiet(true);
  }

  @Override
  public void showTimeline(SnapshotStore store, Runnable back) {
    speaking.desk.timeline(store, back);
  }

  private void title(String name) {
    stage.setTitle((name.isEmpty() ? "" : name + " \u2013 ") + speaking.texts.get("window.title"));
  }

  @Override
  public void busy(boolean waiting) {
    Node centre = root.getCenter();
    if (centre != null) {
      centre.setDisable(waiting);
    }
    root.setCursor(waiting ? Cursor.WAIT : Cursor.DEFAULT);
    speaking.foot.waiting(waiting);
  }

  private boolean busy() {
    Node centre = root.getCenter();
    return centre != null && centre.isDisable();
  }

  @Override
  public void say(String sentence) {
    speaking.foot.say(sentence);
  }

  /**
   * Finds something out off the window's thread and goes on with it; an error is shown, and the
   * library follows.
   */
  <T> void find(Callable<T> work, Consumer<T> next) {
    root.setCenter(new BorderPane(new ProgressIndicator()));
    Lookup.start(speaking.texts, work, next, this::failed);
  }

  /**
   * As {@link #find(Callable, Consumer)}, for work that opens an image: what the image raises is
   * asked, and {@code next} gets the answers too.
   */
  <T> void find(Questions.Opening<T> work, BiConsumer<T, Answers> next) {
    root.setCenter(new BorderPane(new ProgressIndicator()));
    new Questions(speaking.desktop).open(Answers.none(), work, next, this::failed);
  }

  private void failed(IOException problem) {
    showLibrary();
    if (!(problem instanceof Cancelled)) {
      error(problem);
    }
  }

  @Override
  public void error(IOException problem) {
    Dialogs.error(stage, speaking.texts, speaking.machines.named(problem));
  }

  // --- From outside ---

  /** A dropped file is shown for what it is; the machine on the screen gets what is dropped. */
  void dropped(List<File> files) {
    if (files.isEmpty() || busy()) {
      return;
    }
    List<Path> paths = files.stream().map(File::toPath).toList();
    speaking
        .machines
        .shown()
        .ifPresentOrElse(
            running -> running.view().insert(paths), () -> speaking.desk.open(paths.getFirst()));
  }

  /** Shows what an image is. */
  void open(Path image) {
    speaking.desk.open(image);
  }

  /** Builds a machine for {@code request} and switches it on. */
  void run(RunRequest request) {
    run(request, List.of());
  }

  /** As {@link #run(RunRequest)}; {@code others} is what it could be as well. */
  void run(RunRequest request, List<Preset> others) {
    speaking.machines.start(
        answers -> {
          Changes changes = Changes.prepare(request.withAnswers(answers), speaking.desktop.home());
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
    speaking.machines.shown().ifPresentOrElse(Machines.Running::leave, this::showLibrary);
  }

  private void closeWindow() {
    if (busy()) {
      return;
    }
    speaking.machines.closeAll(
        () -> {
          speaking.desktop.jobs().cancelAll();
          stage.hide();
          closed.run();
        });
  }
}
