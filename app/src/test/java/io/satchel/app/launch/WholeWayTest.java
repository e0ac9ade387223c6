package io.satchel.app.launch;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.app.demo.BootSectors;
import io.satchel.app.library.Library;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.MachineFile;
import io.satchel.app.machine.MachineView;
import io.satchel.guests.Guests;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenOptions.BackingPolicy;
import io.satchel.image.OpenedImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import javafx.application.Platform;
import javafx.scene.control.ComboBox;
import javafx.scene.control.TableView;
import javafx.scene.control.ToggleButton;
import javafx.scene.input.Clipboard;
import javafx.scene.input.DataFormat;
import javafx.scene.input.KeyCode;
import javafx.stage.Stage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.testfx.api.FxRobot;
import org.testfx.framework.junit5.Start;

/**
 * A guest that others wrote, from the wizard on: typed into, kept, branched, gone back, compared,
 * made smaller and converted, all in the window.
 */
@Timeout(300)
@InBothLanguages
class WholeWayTest extends WindowFixture {

  /** Where the root directory of {@link BootSectors#fat12} begins. */
  private static final long ROOT = 33 * 512;

  private static final int ENTRY_BYTES = 32;

  @Start
  void start(Stage shown) throws IOException {
    begin(shown);
  }

  @Test
  void aRealGuestFromTheWizardToAnotherFormat(FxRobot robot) throws IOException {
    Entry grub = made(robot, Guests.installed(Guests.GRUB_CD, "grub-rescue-pc"));
    write(grub, 0, BootSectors.fat12(4 << 20));

    press(robot, "#start");
    waitForText(robot, "GNU/Linux");
    robot.press(KeyCode.C).release(KeyCode.C);
    waitForText(robot, "grub>");
    type(robot, "echo o${x}ne\n", "\none");
    take(robot, "first");
    type(robot, "echo t${x}wo\n", "\ntwo");
    take(robot, "second");
    timeline(robot);
    choose(robot, "first");
    press(robot, "#restore");
    answer(robot, "timeline.restore.yes");
    hear(robot, text("timeline.restore.done", "first"));
    press(robot, "#back");
    waitFor("the screen of then", () -> screen(robot).contains("one") && !two(robot));
    type(robot, "echo t${x}hree\n", "\nthree");
    take(robot, "third");
    timeline(robot);
    branch(robot);
    press(robot, "#back");
    Platform.runLater(window::leave);
    // What GRUB did wrote nothing, and yet the snapshots are kept.
    answer(robot, "close.off");
    waitForLibrary(robot);

    Entry kept = now(grub);
    differs(robot, kept);
    convert(robot, kept);
    smaller(robot, kept);

    Entry bough =
        library.list().stream()
            .filter(each -> each.name().equals("Bough"))
            .findFirst()
            .orElseThrow();
    robot.interact(() -> window.desk().start(bough));
    waitFor("the screen of the branch", () -> two(robot) && !screen(robot).contains("three"));
    type(robot, "echo f${x}our\n", "\nfour");
  }

  /** A computer that starts from {@code cd} and has an empty disk. */
  private Entry made(FxRobot robot, Path cd) throws IOException {
    Platform.runLater(window.desk()::create);
    write(robot, "#name", "Grub");
    press(robot, "#wizard-next");
    write(robot, "#start-file", cd.toString());
    press(robot, "#wizard-next");
    write(robot, "#size", "4 MB");
    press(robot, "#wizard-next");
    press(robot, "#wizard-finish");
    waitFor("the machine", () -> shows(robot, "#card-more"));
    return library.list().getFirst();
  }

  /** Writes to a computer's disk as it is now. */
  private static void write(Entry entry, long at, ByteBuffer bytes) throws IOException {
    MachineFile.Disk disk = entry.machine().disks().getFirst();
    BackingPolicy below =
        disk.layers().isEmpty() ? BackingPolicy.SAME_FOLDER : Library.trusted(entry, disk);
    OpenOptions options = OpenOptions.forWriting().withBacking(below);
    try (OpenedImage opened = Images.open(entry.resolve(disk.top()), options)) {
      opened.device().write(at, bytes);
    }
  }

  private static String screen(FxRobot robot) {
    return view(robot).map(MachineView::screenText).orElse("");
  }

  private static boolean two(FxRobot robot) {
    return screen(robot).contains("\ntwo");
  }

  /** Has a text typed from the clipboard, as a person does, and waits for the answer. */
  private static void type(FxRobot robot, String text, String answered) {
    robot.interact(
        () -> Clipboard.getSystemClipboard().setContent(Map.of(DataFormat.PLAIN_TEXT, text)));
    choose(robot, "#text", "text-paste");
    waitForText(robot, answered);
  }

  private void hear(FxRobot robot, String sentence) {
    waitFor(sentence, () -> said(robot, "#outcome").equals(sentence));
  }

  private void timeline(FxRobot robot) {
    robot.interact(() -> window.machine().showTimeline());
    waitFor("the timeline", () -> shows(robot, "#now"));
  }

  private void take(FxRobot robot, String name) {
    timeline(robot);
    press(robot, "#take");
    write(robot, "#title", name);
    answer(robot, "timeline.take.yes");
    hear(robot, text("timeline.take.done"));
    press(robot, "#back");
    waitFor("the machine", () -> view(robot).isPresent());
  }

  private static ToggleButton card(FxRobot robot, String name) {
    return robot.lookup("#timeline .toggle-button").queryAllAs(ToggleButton.class).stream()
        .filter(each -> String.valueOf(each.getAccessibleText()).startsWith(name + ","))
        .findFirst()
        .orElse(null);
  }

  private static void choose(FxRobot robot, String name) {
    waitFor("the card of " + name, () -> card(robot, name) != null);
    robot.interact(() -> Objects.requireNonNull(card(robot, name)).fire());
  }

  private void branch(FxRobot robot) {
    choose(robot, "second");
    press(robot, "#branch");
    write(robot, "#name", "Bough");
    answer(robot, "timeline.branch.yes");
    hear(robot, text("timeline.branch.done", "Bough"));
  }

  /** A file is put on the disk; the page says that it was added since. */
  private void differs(FxRobot robot, Entry entry) throws IOException {
    ByteBuffer file = ByteBuffer.allocate(ENTRY_BYTES);
    file.put(0, "LETTER  TXT".getBytes(StandardCharsets.US_ASCII)).put(11, (byte) 0x20);
    write(entry, ROOT, file);
    robot.interact(() -> window.desk().snapshots(entry));
    choose(robot, "third");
    press(robot, "#compare");
    waitForNode(robot, "#other");
    robot.interact(
        () -> {
          ComboBox<?> other = robot.lookup("#other").queryAs(ComboBox.class);
          other.getSelectionModel().selectLast();
        });
    answer(robot, "timeline.compare.yes");
    waitFor(
        "the difference",
        () ->
            robot
                .lookup("#differences")
                .tryQueryAs(TableView.class)
                .filter(table -> table.getItems().size() == 1)
                .isPresent());
    press(robot, "#back");
    waitForNode(robot, "#timeline-page");
    press(robot, "#back");
    waitForLibrary(robot);
  }

  private void convert(FxRobot robot, Entry entry) throws IOException {
    Path target = home.resolve("grub.vdi");
    picker.next = target;
    Platform.runLater(() -> window.desk().export(entry));
    waitForNode(robot, "#format");
    robot.interact(
        () -> {
          @SuppressWarnings("unchecked")
          ComboBox<String> format = robot.lookup("#format").queryAs(ComboBox.class);
          format.setValue("vdi");
        });
    answer(robot, "export.yes");
    waitFor("the file", () -> said(robot, "#said").contains("grub.vdi"));
    try (OpenedImage written = Images.open(target, OpenOptions.readOnly());
        OpenedImage machines = Library.open(entry, entry.machine().disks().getFirst())) {
      ByteBuffer one = ByteBuffer.allocate(64 << 10);
      ByteBuffer other = ByteBuffer.allocate(64 << 10);
      written.device().read(0, one);
      machines.device().read(0, other);
      assertThat(one.array()).isEqualTo(other.array());
    }
  }

  private void smaller(FxRobot robot, Entry entry) {
    Platform.runLater(() -> window.desk().compact(entry));
    press(robot, "#start");
    waitFor("the outcome", () -> said(robot, "#outcome").startsWith(beginning("compact.done")));
    press(robot, "#back");
    waitForLibrary(robot);
  }
}
