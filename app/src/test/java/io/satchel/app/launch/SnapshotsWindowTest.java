package io.satchel.app.launch;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.app.demo.BootSectors;
import io.satchel.app.library.Library;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.MachineFile;
import io.satchel.app.library.TimelineFile;
import io.satchel.app.machine.MachineView;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenOptions.BackingPolicy;
import io.satchel.image.OpenedImage;
import io.satchel.image.format.qcow2.Qcow2Device;
import io.satchel.image.format.qcow2.SnapshotInfo;
import io.satchel.vm.host.UsKeyboard;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import javafx.application.Platform;
import javafx.scene.control.Labeled;
import javafx.scene.control.Slider;
import javafx.scene.control.ToggleButton;
import javafx.stage.Stage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.testfx.api.FxRobot;
import org.testfx.framework.junit5.Start;

/** Snapshots as a person uses them: of a machine that runs, of one that is off, of an image. */
@Timeout(180)
@InBothLanguages
class SnapshotsWindowTest extends WindowFixture {

  private Path image = Path.of("");

  @Start
  void start(Stage shown) throws IOException {
    begin(shown);
  }

  @Override
  void before() throws IOException {
    image = BootSectors.disk(home.resolve("typewriter.img"), BootSectors.TYPEWRITER);
  }

  private Entry added(FxRobot robot, String name) throws IOException {
    return added(robot, MachineFile.named(name, 16, "pentium"), image);
  }

  private static void type(FxRobot robot, String text) {
    MachineView view = view(robot).orElseThrow();
    UsKeyboard.strokes(text)
        .forEach(stroke -> view.session().machine().key(stroke.key(), stroke.down()));
  }

  private void waitToHear(FxRobot robot, String key, Object... arguments) {
    String sentence = text(key, arguments);
    waitFor("\"" + sentence + "\"", () -> said(robot, "#outcome").equals(sentence));
  }

  private void timeline(FxRobot robot) {
    robot.interact(() -> window.machine().showTimeline());
    waitForNode(robot, "#timeline-page");
    waitFor("the timeline", () -> shows(robot, "#now"));
  }

  private void take(FxRobot robot, String name) {
    press(robot, "#take");
    write(robot, "#title", name);
    answer(robot, "timeline.take.yes");
    waitToHear(robot, "timeline.take.done");
    waitFor("its card", () -> card(robot, name) != null);
  }

  private static ToggleButton card(FxRobot robot, String name) {
    return robot
        .lookup(node -> node instanceof ToggleButton)
        .queryAllAs(ToggleButton.class)
        .stream()
        .filter(each -> String.valueOf(each.getAccessibleText()).startsWith(name + ","))
        .findFirst()
        .orElse(null);
  }

  private static void choose(FxRobot robot, String name) {
    waitFor("the card of " + name, () -> card(robot, name) != null);
    robot.interact(() -> Objects.requireNonNull(card(robot, name)).fire());
  }

  private void backToTheMachine(FxRobot robot) {
    press(robot, "#back");
    waitFor("the machine", () -> view(robot).isPresent());
  }

  private static List<String> names(Path layer) throws IOException {
    try (OpenedImage opened =
        Images.open(
            layer, OpenOptions.readOnly().withBacking(BackingPolicy.NONE).withLocking(false))) {
      Qcow2Device device = Objects.requireNonNull(Images.qcow2(opened.device()));
      return device.snapshots().list().stream().map(SnapshotInfo::name).toList();
    }
  }

  private Path top(Entry entry) {
    Entry now = now(entry);
    return now.resolve(now.machine().disks().getFirst().top());
  }

  /** The machine shows what was typed first, and not the b after it. */
  private static void waitForTheScreenBeforeB(FxRobot robot) {
    waitFor(
        "the screen of then",
        () ->
            view(robot)
                .map(MachineView::screenText)
                .filter(text -> text.contains("~a") && !text.contains("~ab"))
                .isPresent());
  }

  @Test
  void threeSnapshotsABranchAndTheWayBack(FxRobot robot) throws IOException {
    final Entry entry = added(robot, "Typewriter");
    press(robot, "#start");
    waitForText(robot, "~");
    type(robot, "a");
    waitForText(robot, "~a");
    timeline(robot);
    take(robot, "first");
    backToTheMachine(robot);
    type(robot, "b");
    waitForText(robot, "~ab");
    timeline(robot);
    take(robot, "second");
    choose(robot, "first");
    press(robot, "#restore");
    answer(robot, "timeline.restore.yes");
    waitToHear(robot, "timeline.restore.done", "first");
    String before = text("timeline.restore.kept", "first");
    waitFor("the present of then", () -> card(robot, before) != null);
    backToTheMachine(robot);
    waitForTheScreenBeforeB(robot);
    type(robot, "c");
    waitForText(robot, "~ac");
    timeline(robot);
    take(robot, "third");
    TimelineFile file = TimelineFile.read(entry.folder());
    assertThat(Objects.requireNonNull(file.mark("third")).parent()).isEqualTo("first");
    choose(robot, "second");
    press(robot, "#rename");
    write(robot, "#note", "the one with b");
    answer(robot, "timeline.rename.yes");
    waitFor("the note", () -> said(robot, "#note-text").contains("the one with b"));
    choose(robot, "second");
    press(robot, "#delete");
    String deleted = text("timeline.delete.done", "second", "\0").split("\0")[0];
    answer(robot, "timeline.delete.yes");
    waitFor("its end", () -> said(robot, "#outcome").startsWith(deleted));
    assertThat(card(robot, "second")).isNull();
    backToTheMachine(robot);
    Platform.runLater(window::leave);
    answer(robot, "close.off.keep");
    waitForLibrary(robot);
    assertThat(names(top(entry))).contains("first", "third").doesNotContain("before this run");
    assertThat(entry.folder().resolve("run-0.qcow2")).doesNotExist();
    press(robot, "#start");
    waitForText(robot, "~");
    timeline(robot);
    assertThat(card(robot, "third")).isNotNull();
  }

  @Test
  void aSavedStateIsGoneOnFrom(FxRobot robot) throws IOException {
    final Entry entry = added(robot, "Sleeper");
    press(robot, "#start");
    waitForText(robot, "~");
    type(robot, "xy");
    waitForText(robot, "~xy");
    close();
    answer(robot, "close.save");
    waitFor("the window to close", closed::get);
    assertThat(TimelineFile.read(entry.folder()).resume()).startsWith("closed ");
    robot.interact(
        () -> {
          reopen();
        });
    waitForLibrary(robot);
    assertThat(robot.lookup("#start").queryAs(Labeled.class).getText())
        .isEqualTo(text("card.resume"));
    press(robot, "#start");
    waitForText(robot, "~xy");
    type(robot, "z");
    waitForText(robot, "~xyz");
    assertThat(TimelineFile.read(entry.folder()).resume()).isNull();
    Platform.runLater(window::leave);
    answer(robot, "close.off.discard");
    waitForLibrary(robot);
    assertThat(names(top(entry))).singleElement().asString().startsWith("closed ");
  }

  @Test
  void aRunThatIsThrownAwayKeepsItsSnapshots(FxRobot robot) throws IOException {
    final Entry entry = added(robot, "Thrown");
    press(robot, "#start");
    waitForText(robot, "~");
    timeline(robot);
    take(robot, "kept");
    backToTheMachine(robot);
    type(robot, "q");
    waitForText(robot, "~q");
    MachineView view = view(robot).orElseThrow();
    waitFor("the write", () -> view.session().machine().status().diskWrittenBytes() > 0);
    Platform.runLater(window::leave);
    answer(robot, "close.off.discard");
    waitForLibrary(robot);
    assertThat(names(top(entry))).containsExactly("kept");
    try (OpenedImage disk = Library.open(now(entry), now(entry).machine().disks().getFirst())) {
      var sector = ByteBuffer.allocate(512);
      disk.device().read(512, sector);
      assertThat(sector.get(0)).as("what was written").isZero();
    }
  }

  @Test
  void aMachineThatIsOffIsKeptBranchedAndExported(FxRobot robot) throws IOException {
    final Entry entry = added(robot, "Off");
    robot.interact(() -> window.desk().snapshots(now(entry)));
    waitFor("the timeline", () -> shows(robot, "#now"));
    take(robot, "clean");
    choose(robot, "clean");
    press(robot, "#branch");
    write(robot, "#name", "Second life");
    answer(robot, "timeline.branch.yes");
    waitToHear(robot, "timeline.branch.done", "Second life");
    assertThat(library.list()).extracting(Entry::name).contains("Second life");
    Path target = home.resolve("clean.img");
    picker.next = target;
    press(robot, "#export");
    answer(robot, "export.yes");
    waitFor("the file", () -> said(robot, "#outcome").contains("clean.img"));
    try (OpenedImage exported = Images.open(target, OpenOptions.readOnly())) {
      var sector = ByteBuffer.allocate(512);
      exported.device().read(0, sector);
      assertThat(sector.array()).isEqualTo(Arrays.copyOf(Files.readAllBytes(image), 512));
    }
  }

  @Test
  void aBranchOfARunningMachineGoesOnFromThere(FxRobot robot) throws IOException {
    added(robot, "Trunk");
    press(robot, "#start");
    waitForText(robot, "~");
    type(robot, "m");
    waitForText(robot, "~m");
    timeline(robot);
    take(robot, "fork");
    choose(robot, "fork");
    press(robot, "#branch");
    write(robot, "#name", "Bough");
    answer(robot, "timeline.branch.yes");
    waitToHear(robot, "timeline.branch.done", "Bough");
    Entry bough =
        library.list().stream()
            .filter(each -> each.name().equals("Bough"))
            .findFirst()
            .orElseThrow();
    robot.interact(() -> window.desk().start(bough));
    waitForText(robot, "~m");
    assertThat(view(robot).orElseThrow().session().request().memoryMib()).isEqualTo(16);
  }

  @Test
  void theSnapshotsOfAnImageAreShownAndTaken(FxRobot robot) throws IOException {
    Path disk = home.resolve("picked.qcow2");
    Images.create(disk, "qcow2", 1 << 20, java.util.Map.of());
    picker.next = disk;
    robot.interact(window.desk()::snapshotsOfDisk);
    waitFor("the timeline", () -> shows(robot, "#now"));
    take(robot, "one");
    take(robot, "two");
    assertThat(names(disk)).containsExactly("one", "two");
    choose(robot, "one");
    press(robot, "#restore");
    answer(robot, "timeline.restore.yes");
    waitToHear(robot, "timeline.restore.done", "one");
    assertThat(names(disk)).hasSize(3);
  }

  @Test
  void theLastMinutesAreGoneBackTo(FxRobot robot) throws IOException {
    Entry entry = added(robot, "Rewinder");
    library.save(entry.folder(), entry.machine().withRewind(true));
    robot.interact(window::showLibrary);
    press(robot, "#start");
    waitForText(robot, "~");
    type(robot, "a");
    waitForText(robot, "~a");
    var moments = window.machine().moments();
    moments.tick(Instant.now());
    type(robot, "b");
    waitForText(robot, "~ab");
    moments.tick(Instant.now().plusSeconds(30));
    choose(robot, "#snapshots", "rewind");
    waitForNode(robot, "#moment");
    robot.interact(() -> robot.lookup("#moment").queryAs(Slider.class).setValue(0));
    answer(robot, "rewind.yes");
    waitForTheScreenBeforeB(robot);
    timeline(robot);
    waitFor("the present of then", () -> card(robot, text("rewind.before")) != null);
    backToTheMachine(robot);
    Platform.runLater(window::leave);
    answer(robot, "close.off.keep");
    waitForLibrary(robot);
    assertThat(names(top(entry))).noneMatch(name -> name.startsWith("rewind"));
  }
}
