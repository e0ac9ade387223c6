package io.satchel.app.launch;

import io.satchel.app.common.AppSettings;
import io.satchel.app.common.FilePicker;
import io.satchel.app.library.DataFolder;
import io.satchel.app.library.Library;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.MachineFile;
import io.satchel.app.machine.MachineView;
import io.satchel.resources.Texts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import javafx.application.Platform;
import javafx.scene.control.Button;
import javafx.scene.control.ButtonBase;
import javafx.scene.control.DialogPane;
import javafx.scene.control.Labeled;
import javafx.scene.control.MenuButton;
import javafx.scene.control.MenuItem;
import javafx.scene.control.TextInputControl;
import javafx.stage.FileChooser;
import javafx.stage.Stage;
import javafx.stage.Window;
import javafx.stage.WindowEvent;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.testfx.api.FxRobot;
import org.testfx.framework.junit5.ApplicationExtension;
import org.testfx.util.WaitForAsyncUtils;

/** The window on JavaFX's headless platform, with what a test does to it. */
@ExtendWith(ApplicationExtension.class)
abstract class WindowFixture {

  private static final int PATIENCE_SECONDS = 100;
  private static final int FX_MILLIS = 20_000;

  @TempDir static Path folder;

  /** Names files where a person would be asked. */
  static final class Picker implements FilePicker {
    @Nullable Path next;

    @Override
    public @Nullable Path open(
        @Nullable Window owner, String title, List<FileChooser.ExtensionFilter> kinds) {
      return next;
    }

    @Override
    public @Nullable Path save(@Nullable Window owner, String title, String suggested) {
      return next;
    }

    @Override
    public @Nullable Path folder(@Nullable Window owner, String title) {
      return next;
    }
  }

  final AtomicBoolean closed = new AtomicBoolean();
  final Picker picker = new Picker();
  Path home = Path.of("");
  MainWindow window;
  Stage stage;
  Library library;

  /** The language of the window; {@link InBothLanguages} gives it both. */
  @Parameter AppSettings.Language language = AppSettings.Language.ENGLISH;

  /** What the window says at {@code key}. */
  final String text(String key, Object... arguments) {
    return new Texts(AppSettings.standard().withLanguage(language).locale(Locale.ROOT))
        .get(key, arguments);
  }

  /** What begins the sentence of {@code key}, up to the first thing that is put in. */
  final String beginning(String key) {
    return text(key, "\0", "\0", "\0").split("\0")[0];
  }

  /** A test class calls it from its own start method: the extension does not look up here. */
  final void begin(Stage shown) throws IOException {
    home = newHome();
    stage = shown;
    library = new Library(DataFolder.of(home));
    before();
    reopen();
  }

  /** Opens a window anew, as a second start of the program does; on JavaFX's thread. */
  final void reopen() {
    window =
        new MainWindow(
            stage,
            AppSettings.standard().withLanguage(language).withTheme(AppSettings.Choice.LIGHT),
            DataFolder.of(home),
            home,
            picker,
            () -> closed.set(true));
    window.show();
  }

  /** An empty folder for the person. */
  Path newHome() throws IOException {
    return Files.createTempDirectory(folder, "home");
  }

  /** What is there before the window opens. */
  void before() throws IOException {}

  @AfterEach
  void endTheMachine(FxRobot robot) {
    view(robot)
        .ifPresent(
            view -> {
              robot.interact(view::close);
              view.session().close();
            });
  }

  static void waitFor(String what, BooleanSupplier condition) {
    try {
      // The scene belongs to JavaFX's thread: from another one it may change while it is looked at.
      WaitForAsyncUtils.waitFor(
          PATIENCE_SECONDS,
          TimeUnit.SECONDS,
          () -> WaitForAsyncUtils.waitForAsyncFx(FX_MILLIS, condition::getAsBoolean));
    } catch (TimeoutException e) {
      throw new AssertionError("waited in vain for " + what, e);
    }
    WaitForAsyncUtils.waitForFxEvents();
  }

  static Optional<MachineView> view(FxRobot robot) {
    return robot.lookup(node -> node instanceof MachineView).tryQueryAs(MachineView.class);
  }

  static void waitForText(FxRobot robot, String text) {
    waitFor(
        "\"" + text + "\" on the machine's screen",
        () ->
            view(robot)
                .map(MachineView::screenText)
                .filter(shown -> shown.contains(text))
                .isPresent());
  }

  static boolean dialogSays(FxRobot robot, String text) {
    return robot.lookup(node -> node instanceof DialogPane).queryAllAs(DialogPane.class).stream()
        .anyMatch(
            pane ->
                String.valueOf(pane.getAccessibleText()).contains(text)
                    || String.valueOf(pane.getHeaderText()).contains(text));
  }

  static boolean shows(FxRobot robot, String query) {
    return robot.lookup(query).tryQuery().isPresent();
  }

  static void waitForNode(FxRobot robot, String query) {
    waitFor(query, () -> shows(robot, query));
  }

  /** Presses a button by its action: where a dialog stands headless is not what is tested. */
  static void press(FxRobot robot, String button) {
    waitFor(
        "the button " + button,
        () ->
            robot.lookup(button).queryAll().stream()
                .anyMatch(node -> node instanceof ButtonBase base && !base.isDisabled()));
    Platform.runLater(
        () ->
            robot.lookup(button).queryAll().stream()
                .filter(node -> node instanceof ButtonBase base && !base.isDisabled())
                .map(ButtonBase.class::cast)
                .findFirst()
                .orElseThrow()
                .fire());
    WaitForAsyncUtils.waitForFxEvents();
  }

  /** Takes the button of the newest dialog that says what is at {@code key}. */
  final void answer(FxRobot robot, String key) {
    String said = text(key);
    AtomicReference<Button> found = new AtomicReference<>();
    waitFor(
        "a dialog with the button " + said,
        () -> {
          ScreenWalk.dialogs().reversed().stream()
              .limit(1)
              .flatMap(pane -> pane.getButtonTypes().stream().map(pane::lookupButton))
              .filter(Button.class::isInstance)
              .map(Button.class::cast)
              .filter(button -> button.getText().equals(said) && !button.isDisabled())
              .forEach(found::set);
          return found.get() != null;
        });
    Platform.runLater(found.get()::fire);
    WaitForAsyncUtils.waitForFxEvents();
  }

  /** Chooses an item of a menu by its id. */
  static void choose(FxRobot robot, String menu, String item) {
    waitForNode(robot, menu);
    MenuItem found =
        robot.lookup(menu).queryAs(MenuButton.class).getItems().stream()
            .filter(each -> item.equals(each.getId()))
            .findFirst()
            .orElseThrow();
    Platform.runLater(found::fire);
    WaitForAsyncUtils.waitForFxEvents();
  }

  /** Writes into a field. */
  static void write(FxRobot robot, String field, String text) {
    waitForNode(robot, field);
    robot.interact(() -> robot.lookup(field).queryAs(TextInputControl.class).setText(text));
  }

  /** What a label says; empty when it is not there. */
  static String said(FxRobot robot, String label) {
    return robot.lookup(label).tryQueryAs(Labeled.class).map(Labeled::getText).orElse("");
  }

  /** Adds a machine that runs {@code image} to the library, which is shown then. */
  final Entry added(FxRobot robot, MachineFile draft, Path image) throws IOException {
    Entry entry = library.adopt(draft, image);
    robot.interact(window::showLibrary);
    return entry;
  }

  /** A machine as its folder has it now. */
  final Entry now(Entry entry) {
    return library.read(entry.folder());
  }

  void waitForLibrary(FxRobot robot) {
    waitFor(
        "the library",
        () -> shows(robot, "#library") && !robot.lookup("#library").query().isDisabled());
  }

  void close() {
    Platform.runLater(
        () -> stage.fireEvent(new WindowEvent(stage, WindowEvent.WINDOW_CLOSE_REQUEST)));
  }
}
