package io.satchel.app.launch;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.app.demo.BootSectors;
import io.satchel.app.library.Library.Entry;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.Overlay;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javafx.application.Platform;
import javafx.scene.control.RadioButton;
import javafx.stage.Stage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.testfx.api.FxRobot;
import org.testfx.framework.junit5.Start;

/** What is asked before an image can be opened, as a person answers it. */
@Timeout(180)
@InBothLanguages
class QuestionsWindowTest extends WindowFixture {

  private Path base = Path.of("");
  private Path top = Path.of("");

  @Start
  void start(Stage shown) throws IOException {
    begin(shown);
  }

  @Override
  void before() throws IOException {
    base = BootSectors.disk(home.resolve("base.img"), BootSectors.WRITER);
    top = home.resolve("top.qcow2");
    Overlay.create(top, base);
  }

  private Path moved() throws IOException {
    return Files.move(base, Files.createDirectory(home.resolve("elsewhere")).resolve("moved.img"));
  }

  private void open(Path image) {
    Platform.runLater(() -> window.open(image));
  }

  @Test
  void aMovedFileIsUsedThisTime(FxRobot robot) throws IOException {
    final byte[] before = Files.readAllBytes(top);
    Path now = moved();
    open(top);
    write(robot, "#below", home.resolve("nowhere.img").toString());
    answer(robot, "ask.locked.yes");
    waitFor("the question again", () -> said(robot, "#problem").equals(text("ask.missing.none")));
    picker.next = now;
    press(robot, "#below-choose");
    answer(robot, "ask.locked.yes");
    press(robot, "#run");
    waitForText(robot, "NW");
    assertThat(Files.readAllBytes(top)).isEqualTo(before);
  }

  @Test
  void aMovedFileIsFoundAgainFromThenOn(FxRobot robot) throws IOException {
    Path now = moved();
    Path beside = Files.move(now, home.resolve("renamed.img"));
    open(top);
    write(robot, "#below", beside.toString());
    robot.interact(() -> robot.lookup("#keep").queryAs(RadioButton.class).setSelected(true));
    answer(robot, "ask.locked.yes");
    waitForNode(robot, "#identify");
    try (OpenedImage image = Images.open(top, OpenOptions.readOnly())) {
      assertThat(image.chain().getLast().path()).isEqualTo(beside);
    }
  }

  @Test
  void aFileOutsideNeedsAYes(FxRobot robot) throws IOException {
    Path far = Files.createDirectory(home.resolve("far")).resolve("far.qcow2");
    Overlay.create(far, base);
    open(far);
    waitFor("the question", () -> dialogSays(robot, text("ask.outside.title", "far.qcow2")));
    answer(robot, "dialog.cancel");
    waitForLibrary(robot);
    assertThat(dialogSays(robot, "")).as("no error follows").isFalse();
    open(far);
    answer(robot, "ask.outside.yes");
    press(robot, "#add");
    waitFor("the card", () -> shows(robot, "#card-more"));
    press(robot, "#start");
    answer(robot, "ask.outside.yes");
    waitForText(robot, "NW");
  }

  @Test
  void anEncryptedDiskRunsWithItsPassPhrase(FxRobot robot) throws IOException {
    Path locked = BootSectors.encrypted(home.resolve("locked.qcow2"), "open sesame");
    open(locked);
    write(robot, "#phrase", "open");
    answer(robot, "ask.locked.yes");
    waitFor("the question again", () -> said(robot, "#problem").equals(text("ask.locked.wrong")));
    write(robot, "#phrase", "open sesame");
    answer(robot, "ask.locked.yes");
    press(robot, "#run");
    waitForText(robot, "NW");
    Platform.runLater(window::leave);
    answer(robot, "close.off.keep");
    waitForLibrary(robot);
    open(locked);
    write(robot, "#phrase", "open sesame");
    answer(robot, "ask.locked.yes");
    press(robot, "#run");
    waitForText(robot, "KW");
  }

  @Test
  void aMachinesEncryptedDiskIsAskedForWhereverItIsNeeded(FxRobot robot) throws IOException {
    Path locked = BootSectors.encrypted(home.resolve("locked.qcow2"), "sesame");
    open(locked);
    phrase(robot);
    press(robot, "#add");
    waitFor("the card", () -> shows(robot, "#card-more"));
    Entry entry = library.list().getFirst();
    Platform.runLater(() -> window.desk().compact(entry));
    phrase(robot);
    waitForNode(robot, "#compact");
    press(robot, "#back");
    Platform.runLater(() -> window.desk().lookInside(entry));
    phrase(robot);
    waitForNode(robot, "#inside-page");
    press(robot, "#back");
    picker.next = home.resolve("out.ova");
    Platform.runLater(() -> window.desk().export(entry));
    phrase(robot);
    waitForNode(robot, "#format");
    answer(robot, "export.yes");
    waitFor("the file", () -> said(robot, "#said").contains("out.ova"));
    press(robot, "#start");
    phrase(robot);
    waitForText(robot, "NW");
  }

  @Test
  void aMachineIsDuplicatedAndKeptAsASnapshotWithItsPassPhrase(FxRobot robot) throws IOException {
    Path locked = BootSectors.encrypted(home.resolve("locked.qcow2"), "sesame");
    open(locked);
    phrase(robot);
    press(robot, "#add");
    waitFor("the card", () -> shows(robot, "#card-more"));
    Entry entry = library.list().getFirst();
    for (String kind : List.of("overlay", "full")) {
      Platform.runLater(() -> window.desk().duplicate(entry));
      phrase(robot);
      waitForNode(robot, "#" + kind);
      write(robot, "#name", kind);
      robot.interact(() -> robot.lookup("#" + kind).queryAs(RadioButton.class).setSelected(true));
      answer(robot, "duplicate.yes");
      waitFor("the copy", () -> said(robot, "#said").equals(text("duplicate.done", kind)));
    }
    robot.interact(() -> window.desk().start(named("full")));
    waitForText(robot, "NW"); // its own disk is not encrypted
    Platform.runLater(window::leave);
    answer(robot, "close.off.discard");
    waitForLibrary(robot);

    Platform.runLater(() -> window.desk().snapshots(named("overlay")));
    phrase(robot);
    waitFor("the timeline", () -> shows(robot, "#now"));
    press(robot, "#take");
    write(robot, "#title", "kept");
    answer(robot, "timeline.take.yes");
    waitFor("the snapshot", () -> said(robot, "#outcome").equals(text("timeline.take.done")));
    press(robot, "#back");
    waitForLibrary(robot);
  }

  @Test
  void theSnapshotsOfAnEncryptedDiskAreShownWithItsPassPhrase(FxRobot robot) throws IOException {
    picker.next = BootSectors.encrypted(home.resolve("locked.qcow2"), "sesame");
    Platform.runLater(window.desk()::snapshotsOfDisk);
    phrase(robot);
    waitFor("the timeline", () -> shows(robot, "#now"));
    press(robot, "#take");
    write(robot, "#title", "kept");
    answer(robot, "timeline.take.yes");
    waitFor("the snapshot", () -> said(robot, "#outcome").equals(text("timeline.take.done")));
  }

  @Test
  void aLibraryIsMadeSmallerWithThePassPhrasesOfItsDisks(FxRobot robot) throws IOException {
    Path locked = BootSectors.encrypted(home.resolve("locked.qcow2"), "sesame");
    open(locked);
    phrase(robot);
    press(robot, "#add");
    waitFor("the card", () -> shows(robot, "#card-more"));
    Platform.runLater(window.desk()::compactLibrary);
    answer(robot, "dialog.cancel");
    waitForNode(robot, "#disk-0");
    String name = text("compact.all.disk", "locked", "changes-1.qcow2");
    assertThat(said(robot, "#disk-0")).as("left as it is").isEqualTo(name);
    press(robot, "#back");
    Platform.runLater(window.desk()::compactLibrary);
    phrase(robot);
    waitFor("what could be saved", () -> said(robot, "#disk-0").length() > name.length());
  }

  private Entry named(String name) {
    try {
      return library.list().stream()
          .filter(each -> each.name().equals(name))
          .findFirst()
          .orElseThrow();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void phrase(FxRobot robot) {
    write(robot, "#phrase", "sesame");
    answer(robot, "ask.locked.yes");
  }

  @Test
  void anImageThatAMachineHereHoldsSaysWhich(FxRobot robot) {
    robot.interact(window.desk()::demo);
    waitForText(robot, "Satchel demonstration");
    Path held = view(robot).orElseThrow().session().writtenFiles().getFirst();
    Platform.runLater(
        () ->
            window.error(
                new io.satchel.image.block.ImageException(
                    io.satchel.image.block.ImageException.Kind.IN_USE,
                    held,
                    "is in use by this program",
                    "close it there")));
    waitFor(
        "the name of the machine",
        () -> dialogSays(robot, text("error.held", held, "demonstration.qcow2")));
    answer(robot, "error.ok");
  }
}
