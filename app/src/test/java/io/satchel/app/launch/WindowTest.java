package io.satchel.app.launch;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.app.demo.BootSectors;
import io.satchel.app.machine.MachineView;
import io.satchel.app.open.RunRequest;
import io.satchel.vm.api.MachineConfig.Speed;
import io.satchel.vm.api.MachineEvents;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import javafx.application.Platform;
import javafx.scene.Node;
import javafx.scene.control.Button;
import javafx.scene.control.ButtonBase;
import javafx.scene.control.Labeled;
import javafx.scene.control.MenuButton;
import javafx.scene.control.TextArea;
import javafx.scene.image.PixelReader;
import javafx.scene.input.Clipboard;
import javafx.scene.input.DataFormat;
import javafx.scene.input.KeyCode;
import javafx.scene.input.MouseButton;
import javafx.scene.input.MouseEvent;
import javafx.scene.layout.Region;
import javafx.stage.Stage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.testfx.api.FxRobot;
import org.testfx.framework.junit5.Start;
import org.testfx.util.WaitForAsyncUtils;

/** The window as a person uses it, on JavaFX's headless platform. */
@Timeout(180)
@InBothLanguages
class WindowTest extends WindowFixture {

  @Start
  void start(Stage shown) throws IOException {
    begin(shown);
  }

  private void run(FxRobot robot, Path image) {
    robot.interact(() -> window.run(RunRequest.of(image)));
  }

  /** How many different colours the machine's screen shows. */
  private static long colours(FxRobot robot) {
    var count = new AtomicLong();
    Region screen = robot.lookup("#screen").queryAs(Region.class);
    robot.interact(
        () -> {
          var image = screen.snapshot(null, null);
          PixelReader pixels = image.getPixelReader();
          var seen = new HashSet<Integer>();
          for (int y = 0; y < image.getHeight(); y += 5) {
            for (int x = 0; x < image.getWidth(); x += 5) {
              seen.add(pixels.getArgb(x, y));
            }
          }
          count.set(seen.size());
        });
    return count.get();
  }

  @Test
  void theEmptyLibraryOffersAnImageANewComputerAndTheDemonstration(FxRobot robot) {
    assertThat(robot.lookup("#create").queryAs(ButtonBase.class).getText())
        .isEqualTo(text("library.create"));
    assertThat(robot.lookup("#open").queryAs(ButtonBase.class).getText())
        .isEqualTo(text("library.open"));
    assertThat(robot.lookup("#demo").queryAs(ButtonBase.class).getText())
        .isEqualTo(text("first.demo"));
    assertThat(robot.lookup("#open").queryAs(Node.class).isFocused()).isTrue();
    assertThat(robot.lookup("#recent").tryQuery()).isEmpty();
  }

  @Test
  void theDemonstrationStartsAndItsPictureAnswersAKey(FxRobot robot) {
    robot.clickOn("#demo");
    waitForText(robot, "Satchel demonstration machine");
    waitFor("the text in the window", () -> colours(robot) > 10);
    long before = colours(robot);
    robot.press(KeyCode.G).release(KeyCode.G);
    waitFor("the picture", () -> colours(robot) > before + 50);
    assertThat(view(robot).orElseThrow().screenText()).isNull();
  }

  @Test
  void everyControlHasANameForAScreenReader(FxRobot robot) {
    robot.clickOn("#demo");
    waitForText(robot, "Satchel");
    List<Node> controls =
        robot.lookup(node -> node instanceof ButtonBase).queryAll().stream().toList();
    assertThat(controls).hasSizeGreaterThan(7);
    for (Node control : controls) {
      assertThat(control.getAccessibleText()).as(((Labeled) control).getText()).isNotBlank();
    }
    assertThat(robot.lookup("#screen").queryAs(Node.class).getAccessibleText()).isNotBlank();
  }

  @Test
  void theSpeedsPageSaysWhyAndHoldsTheMachine(FxRobot robot) {
    robot.clickOn("#demo");
    waitForText(robot, "Satchel");
    var machine = view(robot).orElseThrow().session().machine();
    press(robot, "#why");
    waitFor(
        "the shares",
        () ->
            Math.abs(ScreenWalk.shares(robot).stream().mapToDouble(each -> each).sum() - 1) < 0.01);
    assertThat(robot.lookup("#meter-sentence").queryAs(Labeled.class).getText()).isNotBlank();
    robot.interact(() -> robot.lookup("#held").queryComboBox().setValue(Speed.I486));
    waitFor("the machine to be held", () -> machine.speed() == Speed.I486);
    press(robot, "#meter-close");
    assertThat(robot.lookup("#meter").tryQuery()).isEmpty();
    assertThat(robot.lookup("#screen").queryAs(Node.class).isFocused()).isTrue();
    press(robot, "#why");
    robot.clickOn("#pause");
    waitFor(
        "the pause",
        () ->
            text("meter.say.paused")
                .equals(robot.lookup("#meter-sentence").queryAs(Labeled.class).getText()));
  }

  @Test
  void pauseStopsTheClockAndGoOnLetsItRun(FxRobot robot) {
    robot.clickOn("#demo");
    waitForText(robot, "Satchel");
    robot.clickOn("#pause");
    waitFor(
        "the pause",
        () ->
            text("status.paused").equals(robot.lookup("#state").queryAs(Labeled.class).getText()));
    var machine = view(robot).orElseThrow().session().machine();
    long time = machine.status().virtualNanos();
    WaitForAsyncUtils.sleep(200, TimeUnit.MILLISECONDS);
    assertThat(machine.status().virtualNanos()).isEqualTo(time);
    assertThat(robot.lookup("#pause").queryAs(Labeled.class).getText())
        .isEqualTo(text("machine.resume"));
    robot.clickOn("#pause");
    waitFor("time to go on", () -> machine.status().virtualNanos() > time);
  }

  @Test
  void aBadImageIsExplainedAndTheFirstScreenStays(FxRobot robot) throws IOException {
    Path zip = Files.write(home.resolve("download.zip"), new byte[] {'P', 'K', 3, 4, 0, 0, 0, 0});
    Platform.runLater(() -> window.open(zip));
    waitFor("the dialog", () -> dialogSays(robot, "download.zip"));
    answer(robot, "error.ok");
    waitFor("the first screen", () -> robot.lookup("#open").tryQuery().isPresent());
    assertThat(Files.list(home).map(Path::getFileName).map(Path::toString))
        .noneMatch(name -> name.startsWith("download.zip."));
  }

  @Test
  void aMissingImageIsExplained(FxRobot robot) {
    Path missing = home.resolve("gone.qcow2");
    Platform.runLater(() -> window.dropped(List.of(missing.toFile())));
    waitFor("the dialog", () -> dialogSays(robot, "gone.qcow2"));
    answer(robot, "error.ok");
    waitFor("the first screen", () -> robot.lookup("#open").tryQuery().isPresent());
  }

  @Test
  void whatWasWrittenIsThrownAwayOrKeptAsAsked(FxRobot robot) throws IOException {
    Path image = BootSectors.disk(home.resolve("writer.img"), BootSectors.WRITER);
    byte[] before = Files.readAllBytes(image);
    Path kept = home.resolve("writer.img.changes.qcow2");
    Path layer = home.resolve("writer.img.run.qcow2");

    runAndLeave(robot, image, "NW", "close.off.discard");
    assertThat(kept).doesNotExist();
    runAndLeave(robot, image, "NW", "close.off.keep");
    assertThat(kept).exists();
    runAndLeave(robot, image, "KW", "close.off.discard");
    assertThat(kept).as("what an earlier run kept").exists();
    assertThat(layer).doesNotExist();
    runAndLeave(robot, image, "KW", "close.off.keep");
    assertThat(kept).exists();
    assertThat(layer).doesNotExist();
    assertThat(Files.readAllBytes(image)).as("the picked file").isEqualTo(before);
    assertThat(robot.lookup("writer.img").tryQuery()).as("the recent list").isPresent();
  }

  private void runAndLeave(FxRobot robot, Path image, String text, String answer) {
    run(robot, image);
    waitForText(robot, text);
    MachineView view = view(robot).orElseThrow();
    waitFor("the write", () -> view.session().machine().status().diskWrittenBytes() > 0);
    String question = text("close.title.live", image.getFileName());
    Platform.runLater(window::leave);
    waitFor("the question", () -> dialogSays(robot, question));
    answer(robot, answer);
    waitForLibrary(robot);
  }

  @Test
  void goingBackFromTheQuestionLeavesTheMachineRunning(FxRobot robot) throws IOException {
    Path image = BootSectors.disk(home.resolve("back.img"), BootSectors.WRITER);
    run(robot, image);
    waitForText(robot, "NW");
    MachineView view = view(robot).orElseThrow();
    waitFor("the write", () -> view.session().machine().status().diskWrittenBytes() > 0);
    close();
    waitFor("the question", () -> dialogSays(robot, text("close.title.live", "back.img")));
    answer(robot, "dialog.back");
    assertThat(view(robot)).contains(view);
    assertThat(closed).isFalse();
  }

  @Test
  void aRunningMachineIsNotSwitchedOffWithoutAQuestion(FxRobot robot) throws IOException {
    Path image = BootSectors.demonstration(home.resolve("quiet.qcow2"));
    run(robot, image);
    waitForText(robot, "Satchel");
    close();
    waitFor("the question", () -> dialogSays(robot, text("close.title.live", "quiet.qcow2")));
    assertThat(robot.lookup(text("dialog.back")).queryAs(Button.class).isDefaultButton())
        .as("Enter loses nothing")
        .isTrue();
    answer(robot, "close.off");
    waitFor("the window to close", closed::get);
    assertThat(stage.isShowing()).isFalse();
    assertThat(home.resolve("quiet.qcow2.changes.qcow2")).doesNotExist();
  }

  @Test
  void aCrashedMachineSaysSoAndStartsAgain(FxRobot robot) throws IOException {
    run(robot, BootSectors.disk(home.resolve("crash.img"), BootSectors.CRASH));
    waitFor("the end", () -> robot.lookup("#end").tryQuery().filter(Node::isVisible).isPresent());
    assertThat(robot.lookup("#end-message").queryAs(Labeled.class).getText())
        .contains("0000:00007c");
    MachineView first = view(robot).orElseThrow();
    robot.clickOn("#again");
    waitFor(
        "the second end",
        () ->
            view(robot).filter(view -> view != first).isPresent()
                && robot.lookup("#end").tryQuery().filter(Node::isVisible).isPresent());
    robot.clickOn("#leave");
    waitFor("the first screen", () -> robot.lookup("#open").tryQuery().isPresent());
  }

  @Test
  void textIsTypedFromTheClipboardAndCopiedFromTheScreen(FxRobot robot) throws IOException {
    run(robot, BootSectors.disk(home.resolve("typed.img"), BootSectors.ECHO));
    waitForText(robot, "~");
    StringBuffer serial = new StringBuffer();
    view(robot)
        .orElseThrow()
        .session()
        .listen(
            new MachineEvents() {
              @Override
              public void serial(int value) {
                serial.append((char) value);
              }
            });
    robot.interact(
        () ->
            Clipboard.getSystemClipboard()
                .setContent(Map.of(DataFormat.PLAIN_TEXT, "Dir C:/*.* {ü}")));
    choose(robot, "#text", "text-paste");
    waitFor("the text at the guest", () -> serial.toString().equals("Dir C:/*.* {}"));
    assertThat(robot.lookup("#notice").queryAs(Labeled.class).getText())
        .contains(text("machine.text.missing", 1));
    choose(robot, "#text", "text-copy");
    robot.interact(
        () -> assertThat(Clipboard.getSystemClipboard().getString()).contains("~").endsWith("\n"));
  }

  @Test
  void aFloppyThatIsDroppedOnARunningMachineGoesIntoItsDrive(FxRobot robot) throws IOException {
    Path floppy = Files.write(home.resolve("setup.img"), new byte[737_280]);
    robot.clickOn("#demo");
    waitForText(robot, "Satchel");
    robot.interact(() -> window.dropped(List.of(floppy.toFile())));
    assertThat(robot.lookup("#notice").queryAs(Labeled.class).getText())
        .contains(text("machine.floppy.in", "setup.img"));
    choose(robot, "#media", "floppy-eject");
    Path disk = BootSectors.disk(home.resolve("second.img"), BootSectors.ECHO);
    robot.interact(() -> window.dropped(List.of(disk.toFile())));
    assertThat(robot.lookup("#notice").queryAs(Labeled.class).getText())
        .contains(text("machine.drop.disk", "second.img"));
  }

  @Test
  void whatWasInADriveIsPutInAgain(FxRobot robot) throws IOException {
    Path floppy = Files.write(home.resolve("disk_1.img"), new byte[737_280]);
    robot.clickOn("#demo");
    waitForText(robot, "Satchel");
    picker.next = floppy;
    choose(robot, "#media", "floppy-insert");
    String inserted = text("machine.floppy.in", "disk_1.img");
    waitFor("the floppy", () -> notice(robot).equals(inserted));
    choose(robot, "#media", "floppy-eject");
    MenuButton media = robot.lookup("#media").queryAs(MenuButton.class);
    robot.interact(media::show);
    robot.interact(media::hide);
    assertThat(media.getItems().getLast().getText())
        .isEqualTo(text("machine.media.again", "disk_1.img"));
    robot.interact(() -> robot.lookup("#notice").queryAs(Labeled.class).setText(""));
    choose(robot, "#media", "again-disk_1.img");
    waitFor("the floppy again", () -> notice(robot).equals(inserted));
  }

  @Test
  void aPartOfTheScreensTextIsCopied(FxRobot robot) {
    robot.clickOn("#demo");
    waitForText(robot, "Satchel demonstration");
    choose(robot, "#text", "text-select");
    waitForNode(robot, "#screen-text");
    robot.interact(
        () -> {
          TextArea shown = robot.lookup("#screen-text").queryAs(TextArea.class);
          int at = shown.getText().indexOf("demonstration");
          shown.selectRange(at, at + "demonstration".length());
        });
    answer(robot, "settings.copy");
    waitFor("the notice", () -> notice(robot).equals(text("machine.text.copied.part")));
    robot.interact(
        () -> assertThat(Clipboard.getSystemClipboard().getString()).isEqualTo("demonstration"));
  }

  @Test
  void aPictureOfTheScreenIsSaved(FxRobot robot) throws IOException {
    robot.clickOn("#demo");
    waitForText(robot, "Satchel");
    choose(robot, "#screenshot", "screenshot-save");
    try (var files = Files.list(home)) {
      assertThat(files.filter(file -> file.toString().endsWith(".png"))).hasSize(1);
    }
  }

  @Test
  void resetStartsTheMachineAnew(FxRobot robot) {
    robot.clickOn("#demo");
    waitForText(robot, "Satchel demonstration");
    robot.press(KeyCode.G).release(KeyCode.G);
    waitFor("the picture", () -> view(robot).orElseThrow().screenText() == null);
    choose(robot, "#power", "reset");
    waitForText(robot, "Satchel demonstration");
  }

  @Test
  void filesThatAreDroppedOnTheMachineAreOnItsCd(FxRobot robot) throws IOException {
    Path echo = BootSectors.disk(home.resolve("echo.img"), BootSectors.ECHO);
    run(robot, echo);
    waitForText(robot, "~");
    Path letter = Files.writeString(home.resolve("letter.txt"), "Dear Anna");
    Path folder = Files.createDirectory(home.resolve("Letters"));
    robot.interact(() -> window.dropped(List.of(letter.toFile(), folder.toFile())));
    waitFor("the notice", () -> notice(robot).equals(text("machine.drop.files", 2)));
    robot.interact(() -> window.dropped(List.of(letter.toFile())));
    waitFor("the notice", () -> notice(robot).equals(text("machine.drop.files", 1)));
    Path disk = BootSectors.disk(home.resolve("other.img"), BootSectors.ECHO);
    robot.interact(() -> window.dropped(List.of(disk.toFile())));
    waitFor("the refusal", () -> notice(robot).equals(text("machine.drop.disk", "other.img")));
  }

  private static String notice(FxRobot robot) {
    return robot.lookup("#notice").queryAs(Labeled.class).getText();
  }

  @Test
  void theScreenIsRecorded(FxRobot robot) throws IOException {
    robot.interact(window.desk()::demo);
    waitForText(robot, "Satchel demonstration");
    choose(robot, "#screenshot", "record");
    waitFor("the notice", () -> said(robot, "#notice").equals(text("machine.record.begun")));
    WaitForAsyncUtils.sleep(600, TimeUnit.MILLISECONDS);
    choose(robot, "#screenshot", "record");
    waitFor("the end of it", () -> said(robot, "#notice").contains(".gif"));
    try (var files = Files.list(home)) {
      Path gif = files.filter(file -> file.toString().endsWith(".gif")).findFirst().orElseThrow();
      assertThat(Files.size(gif)).isGreaterThan(500);
    }
  }

  @Test
  void inFullScreenTheBarSlidesInAtTheTopEdge(FxRobot robot) {
    robot.interact(window.desk()::demo);
    waitForText(robot, "Satchel demonstration");
    MachineView view = view(robot).orElseThrow();
    Node bar = robot.lookup("#library-button").query().getParent().getParent();
    assertThat(bar.isVisible()).isTrue();
    robot.interact(() -> view.bars(false));
    waitFor("the bar to go", () -> !bar.isVisible());
    moveTo(robot, view, 1);
    waitFor("the bar", bar::isVisible);
    moveTo(robot, view, 300);
    waitFor("the bar to go again", () -> !bar.isVisible());
    robot.interact(() -> view.bars(true));
    waitFor("the bar at its place", () -> bar.isVisible() && view.getTop() == bar);
  }

  private static void moveTo(FxRobot robot, MachineView view, double y) {
    robot.interact(
        () ->
            view.getCenter()
                .fireEvent(
                    new MouseEvent(
                        MouseEvent.MOUSE_MOVED,
                        100,
                        y,
                        100,
                        y,
                        MouseButton.NONE,
                        0,
                        false,
                        false,
                        false,
                        false,
                        false,
                        false,
                        false,
                        false,
                        false,
                        true,
                        null)));
  }
}
