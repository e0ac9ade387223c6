package io.satchel.app.machine;

import io.satchel.app.common.Controls;
import io.satchel.app.common.Dialogs;
import io.satchel.app.open.ImageKinds;
import io.satchel.app.open.RecentImages;
import io.satchel.app.open.Session;
import io.satchel.image.Images;
import io.satchel.resources.Texts;
import io.satchel.vm.api.Machine;
import io.satchel.vm.api.MachineConfig.DriveKind;
import io.satchel.vm.api.MachineEvents;
import io.satchel.vm.api.MachineState;
import io.satchel.vm.host.Key;
import io.satchel.vm.host.ScreenImage;
import io.satchel.vm.host.TextScreen;
import io.satchel.vm.host.UsKeyboard;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import javafx.animation.KeyFrame;
import javafx.animation.Timeline;
import javafx.animation.TranslateTransition;
import javafx.application.Platform;
import javafx.beans.value.ChangeListener;
import javafx.geometry.Insets;
import javafx.geometry.Pos;
import javafx.scene.control.Button;
import javafx.scene.control.CheckMenuItem;
import javafx.scene.control.Control;
import javafx.scene.control.Label;
import javafx.scene.control.MenuButton;
import javafx.scene.control.MenuItem;
import javafx.scene.control.SeparatorMenuItem;
import javafx.scene.control.TextArea;
import javafx.scene.control.ToolBar;
import javafx.scene.control.Tooltip;
import javafx.scene.image.PixelFormat;
import javafx.scene.image.WritableImage;
import javafx.scene.input.Clipboard;
import javafx.scene.input.ClipboardContent;
import javafx.scene.input.KeyCombination;
import javafx.scene.input.MouseEvent;
import javafx.scene.layout.BorderPane;
import javafx.scene.layout.HBox;
import javafx.scene.layout.Priority;
import javafx.scene.layout.Region;
import javafx.scene.layout.StackPane;
import javafx.scene.layout.VBox;
import javafx.stage.Stage;
import javafx.util.Duration;
import org.jspecify.annotations.Nullable;

/** A running machine: its picture, the buttons of its case, and a line that says how it does. */
public final class MachineView extends BorderPane implements AutoCloseable {

  /** What a machine is called, and what ends it. */
  public interface Owner {
    /** The person wants to leave the machine's screen, whether it has ended or not. */
    void leave();

    /** The person has agreed to switch the machine off. */
    void switchOff();

    /** The person wants the machine, which has ended, to start again. */
    void restart();

    /**
     * What else the machine could be, for a start that got nowhere: what to call it; null when
     * there is nothing else to try.
     */
    @Nullable String otherHardware();

    /** The person wants the machine to start again as that. */
    void tryOtherHardware();

    /** The person wants a snapshot of the machine now. */
    void takeSnapshot();

    /** Whether the machine's last minutes are kept. */
    boolean rewinds();

    /** The person wants to go back some minutes. */
    void rewind();

    /** The person wants to see the machine's snapshots. */
    void showTimeline();

    /** Asks for a CD or floppy image; null when the person gave up. */
    @Nullable Path pickImage(String title);

    /** The CDs and floppies that were put into a drive, here or in another machine. */
    RecentImages media();

    /** The person's own folder. */
    Path home();

    Stage stage();
  }

  private static final Duration NOTICE_TIME = Duration.seconds(6);

  /** The bar of the full screen comes when the pointer is so near to the edge, in pixels. */
  private static final double TOP_EDGE = 2;

  /** It goes when the pointer is so far below it. */
  private static final double BAR_MARGIN = 24;

  /** The size of a text screen. */
  private static final int TEXT_COLUMNS = 80;

  private static final int TEXT_ROWS = 25;

  /** Ticks between two readings of the meter: with fewer, its figures are not to be read. */
  private static final int METER_TICKS = 2;

  /** The name of a CD of dropped files. */
  private static final String DROPPED = "FILES";

  /** How disks without a format of their own are called; other files are just files. */
  private static final List<String> RAW_NAMES =
      List.of(".img", ".raw", ".dd", ".bin", ".hdd", ".iso", ".ima", ".flp", ".vfd");

  private static final String PANEL_STYLE =
      "-fx-background-color: #303030; -fx-text-fill: white; -fx-padding: 16;"
          + " -fx-background-radius: 6;";

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
  private final Label endMessage = new Label();
  private final VBox endPanel;
  private final Label offerMessage = new Label();
  private final Button offerTry = new Button();
  private final VBox offerPanel;
  private final StartWatch watch = new StartWatch();
  private final TranslateTransition slide = new TranslateTransition(Duration.millis(160));
  private boolean faulted;
  private final Typist typist;
  private final ToolBar toolBar;
  private final Button pauseButton;
  private final Timeline ticker;
  private final ChangeListener<Boolean> fullScreenChanged = (_, _, full) -> bars(!full);
  private final MenuItem recordItem = new MenuItem();
  private final StackPane centre;
  private @Nullable MeterPanel meter;
  private int ticks;
  private @Nullable Recorder recorder;
  private @Nullable Timeline noticeEnd;

  public MachineView(Texts texts, Session session, Owner owner) {
    this.texts = texts;
    this.owner = owner;
    this.session = session;
    this.machine = session.machine();
    canvas.setAccessibleText(texts.get("machine.screen"));
    canvas.setId("screen");
    keyboard = new PhysicalKeyboard(canvas, this::key, this::outOfTheGuest);
    typist = new Typist(machine);
    pointer = new PointerGrab(canvas, machine::pointer);
    status = new StatusLine(texts, machine, this::toggleMeter);
    pauseButton = button("pause", "machine.pause", this::togglePause);
    toolBar = toolBar();
    setTop(toolBar);
    notice.setId("notice");
    notice.setVisible(false);
    notice.setWrapText(true);
    notice.setStyle(PANEL_STYLE);
    endPanel = endPanel();
    offerPanel = offerPanel();
    centre = new StackPane(canvas, notice, endPanel, offerPanel);
    StackPane.setAlignment(offerPanel, Pos.BOTTOM_CENTER);
    StackPane.setMargin(offerPanel, new Insets(16, 16, 72, 16));
    StackPane.setAlignment(notice, Pos.BOTTOM_CENTER);
    StackPane.setMargin(notice, new Insets(16));
    setCenter(centre);
    centre.addEventFilter(MouseEvent.MOUSE_MOVED, event -> mouseAt(event.getY()));
    toolBar.focusWithinProperty().addListener((_, _, within) -> slideBar(within));
    slide.setNode(toolBar);
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
    machine.start();
    appear();
  }

  /** Takes the window again, after {@link #disappear}. */
  public void appear() {
    owner.stage().fullScreenProperty().addListener(fullScreenChanged);
    canvas.start();
    ticker.play();
    canvas.requestFocus();
  }

  /** Leaves the window to something else; the machine goes on. */
  public void disappear() {
    owner.stage().fullScreenProperty().removeListener(fullScreenChanged);
    owner.stage().setFullScreen(false);
    bars(true);
    ticker.stop();
    closeMeter();
    canvas.stop();
    pointer.release();
    screen.setWanted(false);
  }

  /** Writes the machine's screen, as it was shown last, to a PNG file. */
  public void writeScreen(Path file) throws IOException {
    if (still.width() > 0) {
      Path fresh = file.resolveSibling(file.getFileName() + ".new");
      still.writePng(fresh);
      Files.move(fresh, file, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    }
  }

  public Session session() {
    return session;
  }

  /** The characters on the machine's screen; {@code null} when it shows a picture. */
  public @Nullable String screenText() {
    TextScreen shown = still.text();
    return shown == null ? null : shown.asText();
  }

  @Override
  public void close() {
    disappear();
    Recorder under = recorder;
    if (under != null) {
      under.stop();
    }
    typist.stop();
    keyboard.close();
  }

  private ToolBar toolBar() {
    MenuButton power = menu("power", "machine.power");
    power
        .getItems()
        .addAll(
            item("machine.power.button", machine::powerButton),
            item("machine.reset", this::reset),
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
    List<MenuItem> always = List.copyOf(media.getItems());
    history(media, always);
    media.setOnShowing(_ -> history(media, always));
    MenuButton text = menu("text", "machine.text");
    text.getItems()
        .addAll(
            item("machine.text.select", this::selectText),
            item("machine.text.copy", this::copyText),
            item("machine.text.paste", this::typeClipboard));
    MenuButton snapshots = menu("snapshots", "machine.snapshots");
    snapshots
        .getItems()
        .addAll(
            item("machine.snapshots.take", owner::takeSnapshot),
            item("machine.snapshots.show", owner::showTimeline));
    if (owner.rewinds()) {
      snapshots.getItems().add(item("machine.rewind", owner::rewind));
    }
    recordItem.setId("record");
    recordItem.setText(texts.get("machine.record"));
    recordItem.setOnAction(_ -> toggleRecording());
    MenuButton shot = menu("screenshot", "machine.screenshot");
    shot.getItems()
        .addAll(
            item("machine.screenshot.save", this::screenshot),
            item("machine.screenshot.copy", this::copyPicture),
            recordItem);
    MenuButton view = menu("view", "machine.view");
    CheckMenuItem whole = new CheckMenuItem(texts.get("machine.view.whole"));
    whole.selectedProperty().addListener((_, _, on) -> canvas.setWholeNumber(on));
    CheckMenuItem smooth = new CheckMenuItem(texts.get("machine.view.smooth"));
    smooth.selectedProperty().addListener((_, _, on) -> canvas.setSmooth(on));
    view.getItems().addAll(whole, smooth, item("machine.view.full", this::fullScreen));
    Region space = new Region();
    HBox.setHgrow(space, Priority.ALWAYS);
    Button library = button("library-button", "machine.library", owner::leave);
    return new ToolBar(
        library, power, pauseButton, ctrlAltDel, keys, text, media, snapshots, space, shot, view);
  }

  /** Below what is always in the menu: what was put in before. */
  private void history(MenuButton menu, List<MenuItem> always) {
    menu.getItems().setAll(always);
    List<Path> before = owner.media().list();
    if (!before.isEmpty()) {
      menu.getItems().add(new SeparatorMenuItem());
    }
    for (Path image : before) {
      // Else an underscore in a file's name would be taken for a mark of its menu key.
      MenuItem again = new MenuItem(texts.get("machine.media.again", image.getFileName()));
      again.setMnemonicParsing(false);
      again.setId("again-" + image.getFileName());
      again.setOnAction(_ -> insert(List.of(image)));
      menu.getItems().add(again);
    }
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
    item.setId(key.substring(key.indexOf('.') + 1).replace('.', '-'));
    item.setOnAction(_ -> action.run());
    return item;
  }

  private MenuItem keyItem(String name, Key... keys) {
    MenuItem item = new MenuItem(name);
    item.setOnAction(_ -> chord(List.of(keys)));
    return item;
  }

  private void key(Key key, boolean down) {
    if (down) {
      Runnable own = keyboard.controlAndAltHeld() ? ownShortcut(key) : null;
      if (own != null) {
        keyboard.releaseAll();
        own.run();
        return;
      }
      typist.stop();
    }
    machine.key(key, down);
  }

  /** What Ctrl+Alt and a key do here; null for what is the guest's. */
  private @Nullable Runnable ownShortcut(Key key) {
    return switch (key) {
      case ENTER -> this::fullScreen;
      case KEY_S -> owner::takeSnapshot;
      case KEY_T -> owner::showTimeline;
      case KEY_P -> this::copyPicture;
      default -> null;
    };
  }

  /** Gives the pointer back to the desktop, or, when it is there already, the keyboard. */
  private void outOfTheGuest() {
    if (pointer.grabbedProperty().get()) {
      pointer.release();
    } else {
      slideBar(true);
      toolBar.getItems().getFirst().requestFocus();
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

  private void reset() {
    if (machine.state() == MachineState.ENDED) {
      owner.restart();
    } else {
      machine.reset();
    }
  }

  private void copyText() {
    String shown = screenText();
    if (shown == null) {
      notice(texts.get("machine.text.none"));
      return;
    }
    ClipboardContent content = new ClipboardContent();
    content.putString(shown);
    Clipboard.getSystemClipboard().setContent(content);
    notice(texts.get("machine.text.copied"));
  }

  /** Shows the screen's text as it is now, so that a part of it can be taken. */
  private void selectText() {
    String shown = screenText();
    if (shown == null) {
      notice(texts.get("machine.text.none"));
      return;
    }
    TextArea area = new TextArea(shown.stripTrailing());
    area.setEditable(false);
    area.setId("screen-text");
    area.getStyleClass().add("mono");
    area.setPrefColumnCount(TEXT_COLUMNS);
    area.setPrefRowCount(TEXT_ROWS);
    Controls controls = new Controls(texts);
    pointer.release();
    if (Dialogs.form(
        owner.stage(),
        texts,
        texts.get("machine.text.select.title"),
        new VBox(
            8,
            controls.field("machine.text.select.field", area),
            controls.help("machine.text.select.about")),
        texts.get("settings.copy"))) {
      String part = area.getSelectedText();
      ClipboardContent content = new ClipboardContent();
      content.putString(part.isEmpty() ? area.getText() : part);
      Clipboard.getSystemClipboard().setContent(content);
      notice(texts.get(part.isEmpty() ? "machine.text.copied" : "machine.text.copied.part"));
    }
  }

  private void typeClipboard() {
    String text = Clipboard.getSystemClipboard().getString();
    if (text == null || text.isEmpty()) {
      notice(texts.get("machine.text.empty"));
    } else {
      type(text);
    }
  }

  /** Types {@code text} on the machine's keyboard; any key that the person presses stops it. */
  void type(String text) {
    int missing = typist.type(text);
    notice(
        missing == 0
            ? texts.get("machine.text.typing")
            : texts.get("machine.text.missing", missing));
  }

  private void powerOff() {
    if (Dialogs.confirm(
        owner.stage(), texts, "machine.off.title", "machine.off.text", "machine.off.yes")) {
      owner.switchOff();
    }
  }

  private void insert(DriveKind kind, int unit) {
    Path file =
        owner.pickImage(
            texts.get(kind == DriveKind.CD ? "machine.cd.insert" : "machine.floppy.insert"));
    if (file != null) {
      insert(kind, unit, file);
    }
  }

  /**
   * Gives the machine what was dropped on it: an image goes into the drive that takes it, anything
   * else becomes a CD.
   */
  public void insert(List<Path> files) {
    Path only = files.size() == 1 ? files.getFirst() : null;
    try {
      DriveKind kind = only == null || Files.isDirectory(only) ? null : imageKind(only);
      if (only == null || kind == null) {
        session.insertFiles(DROPPED, files);
        notice(texts.get("machine.drop.files", files.size()));
      } else if (kind == DriveKind.HARD_DISK) {
        notice(texts.get("machine.drop.disk", only.getFileName()));
      } else {
        insert(kind, kind == DriveKind.CD ? session.cdUnit() : 0, only);
      }
    } catch (IOException e) {
      Dialogs.error(owner.stage(), texts, e);
    }
  }

  /** The drive that takes an image; null for a file that is none. */
  private static @Nullable DriveKind imageKind(Path file) throws IOException {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    boolean plain =
        RAW_NAMES.stream().noneMatch(name::endsWith) && Images.probe(file).equals("raw");
    return plain ? null : ImageKinds.of(file);
  }

  private void insert(DriveKind kind, int unit, Path file) {
    try {
      session.insert(kind, unit, file);
      owner.media().add(file);
      notice(
          texts.get(
              kind == DriveKind.CD ? "machine.cd.in" : "machine.floppy.in", file.getFileName()));
    } catch (IOException e) {
      Dialogs.error(owner.stage(), texts, e);
    }
  }

  /** A file that is not there yet, where the person looks for pictures. */
  private Path pictureFile(String ending) {
    Path pictures = owner.home().resolve("Pictures");
    Path folder = Files.isDirectory(pictures) ? pictures : owner.home();
    String time = LocalDateTime.now().format(DateTimeFormatter.ofPattern("yyyy-MM-dd HH.mm.ss"));
    return folder.resolve("Satchel " + time + ending);
  }

  /** Begins to record the screen, or ends it. */
  private void toggleRecording() {
    Recorder under = recorder;
    if (under != null) {
      under.stop();
      return;
    }
    Recorder fresh =
        new Recorder(
            still,
            pictureFile(".gif"),
            file -> Platform.runLater(() -> recorded(texts.get("machine.record.done", file))),
            problem ->
                Platform.runLater(
                    () -> {
                      recorded("");
                      Dialogs.error(owner.stage(), texts, problem);
                    }));
    recorder = fresh;
    recordItem.setText(texts.get("machine.record.stop"));
    notice(texts.get("machine.record.begun"));
    fresh.start();
  }

  private void recorded(String sentence) {
    recorder = null;
    recordItem.setText(texts.get("machine.record"));
    if (!sentence.isEmpty()) {
      notice(sentence);
    }
  }

  private void screenshot() {
    Path file = pictureFile(".png");
    try {
      still.writePng(file);
      notice(texts.get("machine.screenshot.done", file));
    } catch (IOException e) {
      Dialogs.error(owner.stage(), texts, e);
    }
  }

  private void copyPicture() {
    int width = still.width();
    int height = still.height();
    int[] pixels = still.pixels();
    if (width == 0 || pixels.length < width * height) {
      return;
    }
    WritableImage picture = new WritableImage(width, height);
    picture
        .getPixelWriter()
        .setPixels(0, 0, width, height, PixelFormat.getIntArgbInstance(), pixels, 0, width);
    ClipboardContent content = new ClipboardContent();
    content.putImage(picture);
    Clipboard.getSystemClipboard().setContent(content);
    notice(texts.get("machine.screenshot.copied"));
  }

  private void fullScreen() {
    Stage stage = owner.stage();
    stage.setFullScreenExitHint(texts.get("machine.full.hint"));
    // Esc is the guest's; key() leaves the full screen.
    stage.setFullScreenExitKeyCombination(KeyCombination.NO_MATCH);
    stage.setFullScreen(!stage.isFullScreen());
  }

  /**
   * Shows both bars, or hides them as in full screen, where the upper one slides in over the
   * picture at the top edge.
   */
  public void bars(boolean shown) {
    slide.stop();
    centre.getChildren().remove(toolBar);
    toolBar.setTranslateY(0);
    toolBar.setVisible(true);
    if (shown) {
      setTop(toolBar);
    } else {
      setTop(null);
      toolBar.setMaxHeight(Region.USE_PREF_SIZE);
      StackPane.setAlignment(toolBar, Pos.TOP_CENTER);
      centre.getChildren().add(toolBar);
      toolBar.setVisible(false);
    }
    if (!shown) {
      closeMeter();
    }
    status.setVisible(shown);
    status.setManaged(shown);
  }

  /** In full screen: shows the bar at the top edge, or hides it again. */
  private void slideBar(boolean in) {
    if (getTop() != null || toolBar.isVisible() == in) {
      return;
    }
    double hidden = -Math.max(1, toolBar.prefHeight(-1));
    toolBar.setVisible(true);
    slide.stop();
    slide.setFromY(in ? hidden : 0);
    slide.setToY(in ? 0 : hidden);
    slide.setOnFinished(_ -> toolBar.setVisible(in || getTop() != null));
    slide.play();
  }

  private void mouseAt(double y) {
    if (y <= TOP_EDGE) {
      slideBar(true);
    } else if (y > toolBar.getHeight() + BAR_MARGIN && !toolBar.isFocusWithin()) {
      slideBar(false);
    }
  }

  /** Says something over the machine's screen for a while. */
  public void notice(String text) {
    notice.setText(text);
    notice.setVisible(true);
    if (noticeEnd != null) {
      noticeEnd.stop();
    }
    noticeEnd = new Timeline(new KeyFrame(NOTICE_TIME, _ -> notice.setVisible(false)));
    noticeEnd.play();
  }

  /** What an ended machine shows, so that there is always a way on. */
  private VBox endPanel() {
    endMessage.setId("end-message");
    endMessage.setWrapText(true);
    endMessage.setMaxWidth(420);
    endMessage.setStyle("-fx-text-fill: white; -fx-font-size: 15px;");
    Button again = new Button(texts.get("machine.again"));
    again.setId("again");
    again.setAccessibleText(again.getText());
    again.setOnAction(_ -> owner.restart());
    Button back = new Button(texts.get("machine.leave"));
    back.setId("leave");
    back.setAccessibleText(back.getText());
    back.setOnAction(_ -> owner.leave());
    HBox buttons = new HBox(12, again, back);
    buttons.setAlignment(Pos.CENTER_RIGHT);
    VBox panel = new VBox(18, endMessage, buttons);
    panel.setId("end");
    panel.setMaxSize(Region.USE_PREF_SIZE, Region.USE_PREF_SIZE);
    panel.setStyle(PANEL_STYLE);
    panel.setVisible(false);
    return panel;
  }

  /** What else the machine could be, when it does not start as it is. */
  private VBox offerPanel() {
    offerMessage.setId("offer-message");
    offerMessage.setWrapText(true);
    offerMessage.setMaxWidth(420);
    offerMessage.setStyle("-fx-text-fill: white; -fx-font-size: 15px;");
    offerTry.setId("offer-try");
    String other = owner.otherHardware();
    offerTry.setText(texts.get("machine.offer.try", other == null ? "" : other));
    offerTry.setAccessibleText(offerTry.getText());
    offerTry.setOnAction(_ -> owner.tryOtherHardware());
    VBox panel = new VBox(12);
    Button no = new Button(texts.get("machine.offer.no"));
    no.setId("offer-no");
    no.setAccessibleText(no.getText());
    no.setOnAction(
        _ -> {
          panel.setVisible(false);
          canvas.requestFocus();
        });
    HBox buttons = new HBox(12, offerTry, no);
    buttons.setAlignment(Pos.CENTER_RIGHT);
    panel.getChildren().addAll(offerMessage, buttons);
    panel.setId("offer");
    panel.setMaxSize(Region.USE_PREF_SIZE, Region.USE_PREF_SIZE);
    panel.setStyle(PANEL_STYLE);
    panel.setVisible(false);
    return panel;
  }

  /** Offers other hardware when the start gets nowhere. */
  private void watchStart() {
    String other = owner.otherHardware();
    if (other == null) {
      return;
    }
    StartWatch.Trouble trouble =
        watch.look(machine.status().virtualNanos(), faulted, screenText(), this::blank);
    if (trouble != null) {
      offerMessage.setText(
          texts.get("machine.offer." + trouble.name().toLowerCase(Locale.ROOT))
              + "\n"
              + texts.get("machine.offer.text", other));
      pointer.release();
      offerPanel.setVisible(true);
      offerTry.requestFocus();
    }
  }

  /** Whether the picture has one colour. */
  private boolean blank() {
    int[] pixels = still.pixels();
    return Arrays.stream(pixels).allMatch(each -> each == pixels[0]);
  }

  /** Shows beside the picture why the machine is as fast as it is, or no longer. */
  void toggleMeter() {
    if (closeMeter()) {
      canvas.requestFocus();
      return;
    }
    MeterPanel shown = new MeterPanel(texts, machine, this::toggleMeter);
    meter = shown;
    setRight(shown);
  }

  private boolean closeMeter() {
    MeterPanel shown = meter;
    if (shown == null) {
      return false;
    }
    meter = null;
    setRight(null);
    shown.close();
    return true;
  }

  private void tick() {
    MeterPanel shown = meter;
    if (shown != null && ++ticks % METER_TICKS == 0) {
      shown.refresh();
    }
    Stage stage = owner.stage();
    screen.setWanted(stage.isShowing() && !stage.isIconified());
    status.refresh();
    watchStart();
  }

  private void stateIs(MachineState state) {
    boolean paused = state == MachineState.PAUSED;
    pauseButton.setText(texts.get(paused ? "machine.resume" : "machine.pause"));
    pauseButton.setAccessibleText(pauseButton.getText());
    status.refresh();
  }

  private void machineEnded(MachineEvents.End end) {
    status.refresh();
    if (end.cause() == MachineEvents.Cause.CLOSED) {
      return;
    }
    pointer.release();
    pauseButton.setDisable(true);
    String key = "machine.ended." + end.cause().name().toLowerCase(Locale.ROOT);
    endMessage.setText(texts.get(key, end.message()));
    endPanel.setVisible(true);
    endPanel.lookup("#again").requestFocus();
    faulted = end.cause() == MachineEvents.Cause.TRIPLE_FAULT;
    watchStart();
  }
}
