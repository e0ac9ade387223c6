package io.satchel.app.launch;

import io.satchel.app.common.AppSettings;
import io.satchel.app.compare.ComparePage;
import io.satchel.app.demo.BootSectors;
import io.satchel.app.library.DiskLook;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.MachineFile;
import io.satchel.app.library.MachineRun;
import io.satchel.app.snapshots.Timeline;
import io.satchel.app.snapshots.TimelineModel;
import io.satchel.image.Overlay;
import io.satchel.image.Progress;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.fs.IsoBuilder;
import io.satchel.vm.api.Machine;
import io.satchel.vm.host.ScreenImage;
import io.satchel.vm.host.UsKeyboard;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.function.BiConsumer;
import javafx.application.Platform;
import javafx.scene.Node;
import javafx.scene.Scene;
import javafx.scene.control.Button;
import javafx.scene.control.ButtonType;
import javafx.scene.control.DialogPane;
import javafx.scene.control.ProgressBar;
import javafx.scene.control.TableView;
import javafx.scene.control.TextInputControl;
import javafx.scene.control.ToggleButton;
import javafx.scene.image.ImageView;
import javafx.stage.Window;
import org.testfx.api.FxRobot;
import org.testfx.util.WaitForAsyncUtils;

/** Comes to every screen of the window, one after the other, and shows each to a visitor. */
abstract class ScreenWalk extends WindowFixture {

  private static final int STRIPES = 40;
  private static final int FX_MILLIS = 20_000;

  /** Opens a window in that language and those colours. */
  void reopen(FxRobot robot, AppSettings.Language language, AppSettings.Choice theme) {
    robot.interact(
        () -> {
          window =
              new MainWindow(
                  stage,
                  AppSettings.standard().withLanguage(language).withTheme(theme),
                  io.satchel.app.library.DataFolder.of(home),
                  home,
                  picker,
                  () -> closed.set(true));
          window.show();
        });
  }

  /** Shows every screen, its name first. */
  void walk(FxRobot robot, BiConsumer<String, Scene> visitor) throws IOException {
    visit(robot, "first", visitor);
    Path image = home.resolve("windows-98.qcow2");
    if (!Files.exists(image)) {
      BootSectors.demonstration(image);
    }
    furnish(image);
    robot.interact(window::showLibrary);
    visit(robot, "library", visitor);
    robot.interact(() -> window.open(image));
    waitForNode(robot, "#identify");
    visit(robot, "identify", visitor);
    robot.interact(window::showLibrary);
    pages(robot, visitor, image);
    wizards(robot, visitor, image);
    dialogs(robot, visitor);
    files(robot, visitor);
    timeline(robot, visitor);
    running(robot, visitor);
  }

  /** What is on a disc, and how two of them differ. */
  private void files(FxRobot robot, BiConsumer<String, Scene> visitor) throws IOException {
    Path tree = Files.createDirectories(home.resolve("tree"));
    Files.createDirectories(tree.resolve("Letters"));
    Files.writeString(tree.resolve("Letters").resolve("to-anna.txt"), "Dear Anna");
    Files.writeString(tree.resolve("readme.txt"), "one");
    Path older = disc(tree, "older.iso");
    Files.writeString(tree.resolve("readme.txt"), "another text");
    Files.delete(tree.resolve("Letters").resolve("to-anna.txt"));
    Files.writeString(tree.resolve("Letters").resolve("to-bert.txt"), "Dear Bert");
    Path newer = disc(tree, "newer.iso");
    picker.next = newer;
    robot.interact(desk()::lookInsideDisk);
    waitFor("the files", () -> rows(robot, "#files") > 0);
    visit(robot, "inside", visitor);
    press(robot, "#back");
    waitForLibrary(robot);
    robot.interact(
        () ->
            window.show(
                new ComparePage(
                    window.desktop(),
                    List.of(DiskLook.of(older)),
                    List.of(DiskLook.of(newer)),
                    "older.iso",
                    "newer.iso",
                    window::showLibrary)));
    waitFor("the differences", () -> rows(robot, "#differences") > 2);
    visit(robot, "compare", visitor);
    press(robot, "#back");
    waitForLibrary(robot);
  }

  private static int rows(FxRobot robot, String table) {
    return robot
        .lookup(table)
        .tryQueryAs(TableView.class)
        .map(found -> found.getItems().size())
        .orElse(0);
  }

  private Path disc(Path tree, String name) throws IOException {
    Path file = home.resolve(name);
    try (BlockDevice built =
        IsoBuilder.of("LETTERS", List.of(tree), Instant.ofEpochSecond(946684740))) {
      ByteBuffer bytes = ByteBuffer.allocate((int) built.size());
      built.read(0, bytes);
      return Files.write(file, bytes.array());
    }
  }

  /** The snapshots of a machine that runs, with a branch, and of the same one when it is off. */
  private void timeline(FxRobot robot, BiConsumer<String, Scene> visitor) throws IOException {
    Entry good = entry("Windows 98");
    library.save(good.folder(), good.machine().withRewind(true));
    robot.interact(() -> desk().start(good));
    waitForText(robot, "Satchel demonstration");
    window.machine().moments().tick(Instant.now());
    window.machine().moments().tick(Instant.now().plusSeconds(30));
    choose(robot, "#snapshots", "rewind");
    waitForNode(robot, "#moment");
    WaitForAsyncUtils.sleep(500, java.util.concurrent.TimeUnit.MILLISECONDS);
    visit(robot, "rewind", visitor);
    dismiss();
    Timeline timeline = new Timeline(window.machine().snapshots());
    timeline.take("Freshly installed", Progress.NONE);
    Machine machine = view(robot).orElseThrow().session().machine();
    UsKeyboard.strokes("a").forEach(stroke -> machine.key(stroke.key(), stroke.down()));
    WaitForAsyncUtils.sleep(600, java.util.concurrent.TimeUnit.MILLISECONDS);
    timeline.take("With the new driver", Progress.NONE);
    TimelineModel.Node first = timeline.look().nodes().getFirst();
    timeline.goBack(first.snapshot(), "Before going back", Progress.NONE);
    timeline.take("Without it", Progress.NONE);
    timeline.name(first, first.title(), "Drivers and updates follow.");
    robot.interact(() -> window.machine().showTimeline());
    waitForNode(robot, "#now");
    pictures(robot);
    choose(robot, "Freshly installed");
    visit(robot, "timeline", visitor);
    dialogOf(robot, visitor, "timeline-take", "#take");
    dialogOf(robot, visitor, "timeline-restore", "#restore");
    dialogOf(robot, visitor, "timeline-name", "#rename");
    dialogOf(robot, visitor, "timeline-branch", "#branch");
    dialogOf(robot, visitor, "timeline-compare", "#compare");
    dialogOf(robot, visitor, "timeline-delete", "#delete");
    press(robot, "#back");
    waitFor("the machine", () -> view(robot).isPresent());
    Platform.runLater(window::leave);
    waitFor("the question", () -> !dialogs().isEmpty());
    visit(robot, "leaving-library", visitor);
    press(robot, dialogs().getLast().getButtonTypes().get(1).getText());
    waitForLibrary(robot);
    visit(robot, "library-saved", visitor);
    robot.interact(() -> desk().snapshots(unchecked("Windows 98")));
    waitForNode(robot, "#now");
    pictures(robot);
    visit(robot, "timeline-off", visitor);
    press(robot, "#back");
    waitForLibrary(robot);
  }

  private static void pictures(FxRobot robot) {
    waitFor(
        "the pictures",
        () ->
            robot.lookup("#timeline .image-view").queryAllAs(ImageView.class).stream()
                    .filter(each -> each.getImage() != null)
                    .count()
                > 3);
  }

  private static void choose(FxRobot robot, String snapshot) {
    robot.interact(
        () ->
            robot.lookup("#timeline .toggle-button").queryAllAs(ToggleButton.class).stream()
                .filter(each -> each.getAccessibleText().startsWith(snapshot))
                .findFirst()
                .orElseThrow()
                .fire());
  }

  private void dialogOf(
      FxRobot robot, BiConsumer<String, Scene> visitor, String name, String button) {
    press(robot, button);
    waitFor("the dialog " + name, () -> !dialogs().isEmpty());
    visit(robot, name, visitor);
    dismiss();
  }

  /** Machines of every kind: one that ran, one that was interrupted, two that are broken. */
  private void furnish(Path image) throws IOException {
    Entry good =
        library.adopt(
            MachineFile.named("Windows 98", 128, "pentium2").withPreset("windows-98"), image);
    library.save(
        good.folder(), good.machine().withTimes(Instant.EPOCH, Instant.ofEpochSecond(946684740)));
    ScreenImage screen = new ScreenImage();
    int[] pixels = new int[640 * 480];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = 0xFF000000 | (i / 640 / STRIPES * 20) << 8 | 0x80;
    }
    screen.resize(640, 480, true);
    screen.update(pixels, 640, 0, 0, 640, 480);
    screen.writePng(good.screen());
    Entry stopped =
        library.adopt(MachineFile.named("MS-DOS", 16, "486").withPreset("ms-dos"), image);
    MachineRun.prepare(library, stopped);
    Entry broken = library.adopt(MachineFile.named("Broken", 64, "486"), image);
    Files.writeString(broken.json(), "{ \"version\": 1, \"name\": ");
    Entry lost = library.adopt(MachineFile.named("Lost disk", 64, "486"), image);
    Files.delete(lost.folder().resolve("changes-1.qcow2"));
  }

  private Entry entry(String name) throws IOException {
    return library.list().stream()
        .filter(each -> each.name().equalsIgnoreCase(name))
        .findFirst()
        .orElseThrow();
  }

  private LibraryDesk desk() {
    return window.desk();
  }

  private void pages(FxRobot robot, BiConsumer<String, Scene> visitor, Path image)
      throws IOException {
    Entry good = entry("Windows 98");
    page(robot, visitor, "settings", "#settings-page", () -> desk().settings(good));
    page(robot, visitor, "qemu", "#qemu", desk()::fromQemu);
    page(robot, visitor, "shortcuts", "#shortcuts-page", desk()::shortcuts);
    page(robot, visitor, "preferences", "#preferences-page", desk()::preferences);
    picker.next = image;
    page(robot, visitor, "compact", "#start", desk()::compactDisk);
    page(robot, visitor, "check", "#start", desk()::checkDisk);
    page(robot, visitor, "convert", "#convert", desk()::convertDisk);
    page(robot, visitor, "resize", "#size", desk()::resizeDisk);
    page(robot, visitor, "compact-library", "#disk-0", desk()::compactLibrary);
    page(robot, visitor, "encrypt", "#phrase", desk()::encryptDisk);
    Path over = home.resolve("over.qcow2");
    if (!Files.exists(over)) {
      Overlay.create(over, BootSectors.demonstration(home.resolve("under.qcow2")));
    }
    picker.next = over;
    page(robot, visitor, "commit", "#start", desk()::commitDisk);
    page(robot, visitor, "rebase", "#base", desk()::rebaseDisk);
    page(robot, visitor, "alone-machine", "#start", () -> desk().standAlone(good));
    page(robot, visitor, "encrypt-machine", "#phrase", () -> desk().encrypt(good));
    page(robot, visitor, "repair-file", "#repair", () -> desk().repair(unchecked("Broken")));
    page(robot, visitor, "repair-disk", "#repair", () -> desk().repair(unchecked("Lost disk")));
  }

  private Entry unchecked(String name) {
    try {
      return entry(name);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private void page(
      FxRobot robot, BiConsumer<String, Scene> visitor, String name, String sign, Runnable open) {
    robot.interact(open);
    waitForNode(robot, sign);
    visit(robot, name, visitor);
    press(robot, "#back");
    waitForLibrary(robot);
  }

  private void wizards(FxRobot robot, BiConsumer<String, Scene> visitor, Path image)
      throws IOException {
    steps(
        robot,
        visitor,
        desk()::create,
        "create-system",
        "create-start",
        "create-hardware",
        "create-summary");
    Path overlay = home.resolve("later.qcow2");
    if (!Files.exists(overlay)) {
      Overlay.create(overlay, image);
    }
    Platform.runLater(desk()::adopt);
    waitForNode(robot, "#adopt-file");
    robot.interact(
        () ->
            robot
                .lookup("#adopt-file-name")
                .queryAs(TextInputControl.class)
                .setText(overlay.toString()));
    visitSteps(robot, visitor, "adopt-file", "adopt-where", "adopt-what", "adopt-summary");
    steps(robot, visitor, desk()::newDisk, "newdisk-kind", "newdisk-where", "newdisk-summary");
  }

  private void steps(
      FxRobot robot, BiConsumer<String, Scene> visitor, Runnable open, String... names) {
    Platform.runLater(open);
    visitSteps(robot, visitor, names);
  }

  private void visitSteps(FxRobot robot, BiConsumer<String, Scene> visitor, String... names) {
    for (int i = 0; i < names.length; i++) {
      waitForNode(robot, "#" + names[i]);
      visit(robot, names[i], visitor);
      press(robot, i + 1 < names.length ? "#wizard-next" : "#dialog-cancel");
    }
    waitFor("the wizard's end", () -> dialogs().isEmpty());
  }

  private void dialogs(FxRobot robot, BiConsumer<String, Scene> visitor) throws IOException {
    Entry good = entry("Windows 98");
    dialog(robot, visitor, "rename", () -> desk().rename(good));
    dialog(robot, visitor, "duplicate", () -> desk().duplicate(good));
    dialog(robot, visitor, "export", () -> desk().export(good));
    dialog(robot, visitor, "remove", () -> desk().remove(good));
    dialog(robot, visitor, "diagnostics", desk()::diagnostics);
    Path zip = Files.write(home.resolve("download.zip"), new byte[] {'P', 'K', 3, 4, 0, 0, 0, 0});
    dialog(robot, visitor, "error", () -> window.open(zip));
    waitForLibrary(robot);
    questions(robot, visitor);
  }

  /** What is asked before an image can be opened. */
  private void questions(FxRobot robot, BiConsumer<String, Scene> visitor) throws IOException {
    Path elsewhere = Files.createDirectories(home.resolve("elsewhere"));
    Path base = elsewhere.resolve("base.qcow2");
    Path inside = home.resolve("changes.qcow2");
    Path outside = Files.createDirectories(home.resolve("downloads")).resolve("from-the-net.qcow2");
    Path locked = home.resolve("locked.qcow2");
    if (!Files.exists(base)) {
      BootSectors.demonstration(home.resolve("base.qcow2"));
      Overlay.create(inside, home.resolve("base.qcow2"));
      Files.move(home.resolve("base.qcow2"), base);
      Overlay.create(outside, base);
      BootSectors.encrypted(locked, "open");
    }
    dialog(robot, visitor, "ask-missing", () -> window.open(inside));
    waitForLibrary(robot);
    dialog(robot, visitor, "ask-outside", () -> window.open(outside));
    waitForLibrary(robot);
    Platform.runLater(() -> window.open(locked));
    waitForNode(robot, "#phrase");
    write(robot, "#phrase", "close");
    press(robot, dialogs().getLast().getButtonTypes().getFirst().getText());
    waitFor("the question again", () -> shows(robot, "#problem"));
    visit(robot, "ask-locked", visitor);
    write(robot, "#phrase", "open");
    press(robot, dialogs().getLast().getButtonTypes().getFirst().getText());
    waitForNode(robot, "#identify");
    press(robot, "#back");
    waitForLibrary(robot);
    picker.next = locked;
    Platform.runLater(desk()::encryptDisk);
    write(robot, "#phrase", "open");
    press(robot, dialogs().getLast().getButtonTypes().getFirst().getText());
    waitForNode(robot, "#old-phrase");
    visit(robot, "encrypt-change", visitor);
    press(robot, "#back");
    waitForLibrary(robot);
  }

  private void dialog(
      FxRobot robot, BiConsumer<String, Scene> visitor, String name, Runnable open) {
    Platform.runLater(open);
    waitFor("the dialog " + name, () -> !dialogs().isEmpty());
    visit(robot, name, visitor);
    dismiss();
  }

  /** Takes the last of a dialog's buttons, the one that changes nothing. */
  private static void dismiss() {
    Platform.runLater(
        () -> {
          DialogPane pane = dialogs().getLast();
          ButtonType last = pane.getButtonTypes().getLast();
          if (pane.lookupButton(last) instanceof Button button) {
            button.fire();
          }
        });
    waitFor("the dialog's end", () -> dialogs().isEmpty());
  }

  private void running(FxRobot robot, BiConsumer<String, Scene> visitor) throws IOException {
    Path unknown = home.resolve("unknown.img");
    Files.write(unknown, new byte[1 << 20]);
    robot.interact(() -> window.open(unknown));
    press(robot, "#run");
    waitFor(
        "the offer", () -> robot.lookup("#offer").tryQuery().filter(Node::isVisible).isPresent());
    visit(robot, "running-offer", visitor);
    Platform.runLater(window::leave);
    waitFor("the question", () -> !dialogs().isEmpty());
    press(robot, dialogs().getLast().getButtonTypes().get(1).getText());
    waitForLibrary(robot);
    robot.interact(desk()::demo);
    waitForText(robot, "Satchel demonstration");
    WaitForAsyncUtils.sleep(700, java.util.concurrent.TimeUnit.MILLISECONDS);
    visit(robot, "running", visitor);
    choose(robot, "#text", "text-select");
    waitForNode(robot, "#screen-text");
    visit(robot, "running-text", visitor);
    dismiss();
    press(robot, "#why");
    waitFor("the figures", () -> shares(robot).stream().anyMatch(each -> each > 0));
    visit(robot, "running-speed", visitor);
    press(robot, "#meter-close");
    Platform.runLater(window::leave);
    waitFor("the question", () -> !dialogs().isEmpty());
    visit(robot, "leaving", visitor);
    press(robot, dialogs().getLast().getButtonTypes().get(1).getText());
    waitForLibrary(robot);
  }

  /** The shares that the page of a machine's speed shows. */
  static List<Double> shares(FxRobot robot) {
    return robot.lookup("#meter .progress-bar").queryAllAs(ProgressBar.class).stream()
        .map(ProgressBar::getProgress)
        .toList();
  }

  /** The dialogs that are shown, the newest last. */
  static List<DialogPane> dialogs() {
    // The list of windows belongs to JavaFX's thread.
    return Platform.isFxApplicationThread()
        ? dialogsNow()
        : WaitForAsyncUtils.waitForAsyncFx(FX_MILLIS, ScreenWalk::dialogsNow);
  }

  private static List<DialogPane> dialogsNow() {
    return List.copyOf(Window.getWindows()).stream()
        .filter(Window::isShowing)
        .map(shown -> shown.getScene() == null ? null : shown.getScene().getRoot())
        .filter(root -> root instanceof DialogPane)
        .map(DialogPane.class::cast)
        .toList();
  }

  private void visit(FxRobot robot, String name, BiConsumer<String, Scene> visitor) {
    WaitForAsyncUtils.waitForFxEvents();
    robot.interact(
        () -> {
          List<DialogPane> open = dialogs();
          Scene scene = open.isEmpty() ? stage.getScene() : open.getLast().getScene();
          Node root = scene.getRoot();
          root.applyCss();
          scene.getRoot().layout();
        });
    WaitForAsyncUtils.waitForFxEvents();
    robot.interact(
        () -> {
          List<DialogPane> open = dialogs();
          visitor.accept(name, open.isEmpty() ? stage.getScene() : open.getLast().getScene());
        });
  }
}
