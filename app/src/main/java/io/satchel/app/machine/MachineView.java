package io.satchel.app.machine;

import io.satchel.app.common.Dialogs;
import io.satchel.app.open.ImageKinds;
import io.satchel.app.open.Session;
import io.satchel.resources.Texts;
import io.satchel.vm.api.Machine;
import io.satchel.vm.api.MachineConfig.DriveKind;
import io.satchel.vm.api.MachineEvents;
import io.satchel.vm.api.MachineState;
import io.satchel.vm.host.Key;
import io.satchel.vm.host.ScreenImage;
import io.satchel.vm.host.UsKeyboard;
import java.io.IOException;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import javafx.animation.KeyFrame;
import javafx.animation.Timeline;
import javafx.application.Platform;
import javafx.geometry.Insets;
import javafx.geometry.Pos;
import javafx.scene.control.Button;
import javafx.scene.control.CheckMenuItem;
import javafx.scene.control.Control;
import javafx.scene.control.Label;
import javafx.scene.control.MenuButton;
import javafx.scene.control.MenuItem;
import javafx.scene.control.ToolBar;
import javafx.scene.control.Tooltip;
import javafx.scene.layout.BorderPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;
import javafx.stage.FileChooser;
import javafx.stage.Stage;
import javafx.util.Duration;
import org.jspecify.annotations.Nullable;

/** A running machine: its picture, the buttons of its case, and a line that says how it does. */
public final class MachineView extends BorderPane implements AutoCloseable {

  /** What a machine is called, and what ends it. */
  public interface Owner {
    /** The machine has ended and the person wants to leave its screen. */
    void leave();

    Stage stage();
  }

  private final Texts texts;
  private final Owner owner;
  private final Session session;
  private final Machine machine;
  private final GuestScreen screen = new GuestScreen();
  private final ScreenImage still = new ScreenImage();
  private final ScreenCanvas canvas = new ScreenCanvas(screen);
  private final PhysicalKeyboard keyboard;
  private final PointerGrab pointer;
  private final StatusLine status;
  private final Label notice = new Label();
  private final Button pauseButton;
  private final Timeline ticker;

  public MachineView(Texts texts, Session session, Owner owner) {
    this.texts = texts;
    this.owner = owner;
    this.session = session;
    this.machine = session.machine();
    canvas.setAccessibleText(texts.get("machine.screen"));
    canvas.setId("screen");
    keyboard = new PhysicalKeyboard(canvas, this::key);
    pointer = new PointerGrab(canvas, machine::pointer);
    status = new StatusLine(texts, machine);
    pauseButton = button("pause", "machine.pause", this::togglePause);
    setTop(toolBar());
    notice.setId("notice");
    notice.setVisible(false);
    notice.setWrapText(true);
    notice.setStyle(
        "-fx-background-color: #303030; -fx-text-fill: white; -fx-padding: 12;"
            + " -fx-background-radius: 6;");
    StackPane centre = new StackPane(canvas, notice);
    StackPane.setAlignment(notice, Pos.BOTTOM_CENTER);
    StackPane.setMargin(notice, new Insets(16));
    setCenter(centre);
    setBottom(status);
    status.pointer(false);
    pointer.grabbedProperty().addListener((_, _, grabbed) -> status.pointer(grabbed));
    ticker = new Timeline(new KeyFrame(Duration.millis(500), _ -> tick()));
    ticker.setCycleCount(Timeline.INDEFINITE);
    session.listen(
        new MachineEvents() {
          @Override
          public void stateChanged(MachineState state) {
            Platform.runLater(() -> stateIs(state));
          }

          @Override
          public void ended(End end) {
            Platform.runLater(() -> machineEnded(end));
          }
        });
  }

  /** Switches the machine on. */
  public void start() {
    machine.attach(new Both(screen, still));
    canvas.start();
    ticker.play();
    machine.start();
    canvas.requestFocus();
  }

  public Session session() {
    return session;
  }

  @Override
  public void close() {
    ticker.stop();
    canvas.stop();
    keyboard.close();
    pointer.release();
  }

  private ToolBar toolBar() {
    MenuButton power = menu("power", "machine.power");
    power
        .getItems()
        .addAll(
            item("machine.power.button", machine::powerButton),
            item("machine.reset", machine::reset),
            item("machine.power.off", this::powerOff));
    Button ctrlAltDel =
        button(
            "ctrl-alt-del",
            "machine.ctrlAltDel",
            () -> chord(List.of(Key.CONTROL_LEFT, Key.ALT_LEFT, Key.DELETE)));
    MenuButton keys = menu("keys", "machine.keys");
    keys.getItems()
        .addAll(
            keyItem("Ctrl+Alt+F1", Key.CONTROL_LEFT, Key.ALT_LEFT, Key.F1),
            keyItem("Ctrl+Alt+F2", Key.CONTROL_LEFT, Key.ALT_LEFT, Key.F2),
            keyItem("Ctrl+Alt+F7", Key.CONTROL_LEFT, Key.ALT_LEFT, Key.F7),
            keyItem("Ctrl+Esc", Key.CONTROL_LEFT, Key.ESCAPE),
            keyItem("Alt+Tab", Key.ALT_LEFT, Key.TAB),
            keyItem("Alt+F4", Key.ALT_LEFT, Key.F4),
            keyItem("Print Screen", Key.PRINT_SCREEN),
            keyItem("Pause", Key.PAUSE));
    MenuButton media = menu("media", "machine.media");
    media
        .getItems()
        .addAll(
            item("machine.cd.insert", () -> insert(DriveKind.CD, session.cdUnit())),
            item(
                "machine.cd.eject",
                () -> machine.changeMedia(DriveKind.CD, session.cdUnit(), null)),
            item("machine.floppy.insert", () -> insert(DriveKind.FLOPPY, 0)),
            item("machine.floppy.eject", () -> machine.changeMedia(DriveKind.FLOPPY, 0, null)));
    Button shot = button("screenshot", "machine.screenshot", this::screenshot);
    MenuButton view = menu("view", "machine.view");
    CheckMenuItem whole = new CheckMenuItem(texts.get("machine.view.whole"));
    whole.selectedProperty().addListener((_, _, on) -> canvas.setWholeNumber(on));
    CheckMenuItem smooth = new CheckMenuItem(texts.get("machine.view.smooth"));
    smooth.selectedProperty().addListener((_, _, on) -> canvas.setSmooth(on));
    view.getItems().addAll(whole, smooth, item("machine.view.full", this::fullScreen));
    Region space = new Region();
    HBox.setHgrow(space, Priority.ALWAYS);
    return new ToolBar(power, pauseButton, ctrlAltDel, keys, media, space, shot, view);
  }

  private Button button(String id, String key, Runnable action) {
    Button button = new Button(texts.get(key));
    button.setId(id);
    button.setFocusTraversable(true);
    button.setOnAction(
        _ -> {
          action.run();
          canvas.requestFocus();
        });
    describe(button, key);
    return button;
  }

  private MenuButton menu(String id, String key) {
    MenuButton menu = new MenuButton(texts.get(key));
    menu.setId(id);
    menu.setOnHidden(_ -> canvas.requestFocus());
    describe(menu, key);
    return menu;
  }

  private void describe(Control control, String key) {
    String help = texts.get(key + ".help");
    control.setTooltip(new Tooltip(help));
    control.setAccessibleText(texts.get(key));
    control.setAccessibleHelp(help);
  }

  private MenuItem item(String key, Runnable action) {
    MenuItem item = new MenuItem(texts.get(key));
    item.setOnAction(_ -> action.run());
    return item;
  }

  private MenuItem keyItem(String name, Key... keys) {
    MenuItem item = new MenuItem(name);
    item.setOnAction(_ -> chord(List.of(keys)));
    return item;
  }

  private void key(Key key, boolean down) {
    machine.key(key, down);
    if (keyboard.releaseChord()) {
      pointer.release();
    }
  }

  private void chord(List<Key> keys) {
    UsKeyboard.chord(keys).forEach(stroke -> machine.key(stroke.key(), stroke.down()));
  }

  private void togglePause() {
    if (machine.state() == MachineState.PAUSED) {
      machine.resume();
    } else {
      machine.pause();
    }
  }

  private void powerOff() {
    if (Dialogs.confirm(
        owner.stage(), texts, "machine.off.title", "machine.off.text", "machine.off.yes")) {
      owner.leave();
    }
  }

  private void insert(DriveKind kind, int unit) {
    FileChooser chooser = new FileChooser();
    chooser.setTitle(
        texts.get(kind == DriveKind.CD ? "machine.cd.insert" : "machine.floppy.insert"));
    java.io.File file = chooser.showOpenDialog(owner.stage());
    if (file != null) {
      insert(kind, unit, file.toPath());
    }
  }

  /** Puts a dropped file into the drive that takes it. */
  public void insert(Path file) {
    try {
      DriveKind kind = ImageKinds.of(file);
      if (kind == DriveKind.HARD_DISK) {
        notice(texts.get("machine.drop.disk", file.getFileName()));
      } else {
        insert(kind, kind == DriveKind.CD ? session.cdUnit() : 0, file);
      }
    } catch (IOException e) {
      Dialogs.error(owner.stage(), texts, e);
    }
  }

  private void insert(DriveKind kind, int unit, Path file) {
    try {
      session.insert(kind, unit, file);
    } catch (IOException e) {
      Dialogs.error(owner.stage(), texts, e);
    }
  }

  private void screenshot() {
    Path pictures = Path.of(System.getProperty("user.home"), "Pictures");
    Path folder =
        java.nio.file.Files.isDirectory(pictures)
            ? pictures
            : Path.of(System.getProperty("user.home"));
    String time = LocalDateTime.now().format(DateTimeFormatter.ofPattern("yyyy-MM-dd HH.mm.ss"));
    Path file = folder.resolve("Satchel " + time + ".png");
    try {
      still.writePng(file);
      notice(texts.get("machine.screenshot.done", file));
    } catch (IOException e) {
      Dialogs.error(owner.stage(), texts, e);
    }
  }

  private void fullScreen() {
    Stage stage = owner.stage();
    boolean full = !stage.isFullScreen();
    stage.setFullScreenExitHint(texts.get("machine.full.hint"));
    stage.setFullScreenExitKeyCombination(
        javafx.scene.input.KeyCombination.valueOf("Ctrl+Alt+ENTER"));
    stage.setFullScreen(full);
    ToolBar bar = (ToolBar) getTop();
    bar.setVisible(!full);
    bar.setManaged(!full);
    stage
        .fullScreenProperty()
        .addListener(
            (_, _, now) -> {
              bar.setVisible(!now);
              bar.setManaged(!now);
            });
  }

  private void notice(String text) {
    notice.setText(text);
    notice.setVisible(true);
    new Timeline(new KeyFrame(Duration.seconds(6), _ -> notice.setVisible(false))).play();
  }

  private void tick() {
    Stage stage = owner.stage();
    screen.setWanted(stage.isShowing() && !stage.isIconified());
    status.refresh();
  }

  private void stateIs(MachineState state) {
    boolean paused = state == MachineState.PAUSED;
    pauseButton.setText(texts.get(paused ? "machine.resume" : "machine.pause"));
    pauseButton.setAccessibleText(pauseButton.getText());
    status.refresh();
  }

  private void machineEnded(MachineEvents.@Nullable End end) {
    status.refresh();
    if (end == null || end.cause() == MachineEvents.Cause.CLOSED) {
      return;
    }
    pointer.release();
    if (end.cause() == MachineEvents.Cause.POWERED_OFF) {
      owner.leave();
      return;
    }
    notice.setText(end.message());
    notice.setVisible(true);
  }
}
