package io.satchel.app.launch;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.app.demo.BootSectors;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.MachineFile;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.Overlay;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import javafx.application.Platform;
import javafx.scene.control.Labeled;
import javafx.scene.control.RadioButton;
import javafx.scene.input.KeyCode;
import javafx.stage.Stage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.testfx.api.FxRobot;
import org.testfx.framework.junit5.Start;

/** Every wizard to its end, back, and to Cancel on every page. */
@Timeout(180)
@InBothLanguages
class WizardTest extends WindowFixture {

  private static final List<String> CREATE =
      List.of("create-system", "create-start", "create-hardware", "create-summary");
  private static final List<String> ADOPT =
      List.of("adopt-file", "adopt-where", "adopt-what", "adopt-summary");
  private static final List<String> NEW_DISK =
      List.of("newdisk-kind", "newdisk-where", "newdisk-summary");

  @Start
  void start(Stage shown) throws IOException {
    begin(shown);
  }

  private Path disk() throws IOException {
    Path file = home.resolve("old pc.qcow2");
    return Files.exists(file) ? file : BootSectors.demonstration(file);
  }

  private void begin(FxRobot robot, List<String> pages) throws IOException {
    LibraryDesk desk = window.desk();
    Platform.runLater(
        pages == CREATE ? desk::create : pages == ADOPT ? desk::adopt : desk::newDisk);
    waitForNode(robot, "#" + pages.getFirst());
    if (pages == ADOPT) {
      write(robot, "#adopt-file-name", disk().toString());
    }
  }

  private static void next(FxRobot robot, String page) {
    press(robot, "#wizard-next");
    waitForNode(robot, "#" + page);
  }

  private Entry only() throws IOException {
    List<Entry> all = library.list();
    assertThat(all).hasSize(1);
    return all.getFirst();
  }

  /** Everything below the person's folder. */
  private List<Path> files() throws IOException {
    try (Stream<Path> all = Files.walk(home)) {
      return all.filter(Files::isRegularFile).sorted().toList();
    }
  }

  @Test
  void fourEntersMakeAComputer(FxRobot robot) throws IOException {
    begin(robot, CREATE);
    for (String page : CREATE) {
      waitForNode(robot, "#" + page);
      waitFor(
          "the focus on " + page,
          () -> ScreenWalk.dialogs().getLast().getScene().getFocusOwner() != null);
      robot.press(KeyCode.ENTER).release(KeyCode.ENTER);
    }
    waitFor("the machine", () -> shows(robot, "#card-more"));
    MachineFile made = only().machine();
    assertThat(made.name()).isEqualTo("Windows 98");
    assertThat(made.memoryMib()).isEqualTo(128);
    assertThat(made.preset()).isEqualTo("windows-98");
    try (OpenedImage disk =
        Images.open(only().resolve(made.disks().getFirst().top()), OpenOptions.readOnly())) {
      assertThat(disk.format()).isEqualTo("qcow2");
      assertThat(disk.device().size()).isEqualTo(8L << 30);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void cancelOnAnyPageOfCreateLeavesNothing(int page, FxRobot robot) throws IOException {
    cancel(robot, CREATE, page);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void cancelOnAnyPageOfTakingOverLeavesNothing(int page, FxRobot robot) throws IOException {
    cancel(robot, ADOPT, page);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void cancelOnAnyPageOfANewDiskLeavesNothing(int page, FxRobot robot) throws IOException {
    cancel(robot, NEW_DISK, page);
  }

  private void cancel(FxRobot robot, List<String> pages, int page) throws IOException {
    disk();
    List<Path> before = files();
    begin(robot, pages);
    for (int i = 1; i <= page; i++) {
      next(robot, pages.get(i));
    }
    press(robot, "#dialog-cancel");
    waitFor("the wizard's end", () -> ScreenWalk.dialogs().isEmpty());
    assertThat(files()).isEqualTo(before);
    assertThat(library.list()).isEmpty();
  }

  @Test
  void backKeepsWhatWasChosen(FxRobot robot) throws IOException {
    begin(robot, CREATE);
    write(robot, "#name", "Mine");
    next(robot, "create-start");
    next(robot, "create-hardware");
    write(robot, "#size", "2 GB");
    press(robot, "#wizard-back");
    waitForNode(robot, "#create-start");
    press(robot, "#wizard-back");
    waitForNode(robot, "#create-system");
    next(robot, "create-start");
    next(robot, "create-hardware");
    next(robot, "create-summary");
    press(robot, "#wizard-finish");
    waitFor("the machine", () -> shows(robot, "#card-more"));
    assertThat(only().name()).isEqualTo("Mine");
    try (OpenedImage disk = Images.open(only().resolve("disk-1.qcow2"), OpenOptions.readOnly())) {
      assertThat(disk.device().size()).isEqualTo(2L << 30);
    }
  }

  @Test
  void aSizeThatCannotBeUnderstoodStopsTheWayOn(FxRobot robot) throws IOException {
    begin(robot, CREATE);
    next(robot, "create-start");
    next(robot, "create-hardware");
    write(robot, "#size", "rather large");
    assertThat(robot.lookup("#wizard-next").query().isDisabled()).isTrue();
    press(robot, "#dialog-cancel");
    waitFor("the wizard's end", () -> ScreenWalk.dialogs().isEmpty());
  }

  @Test
  void aComputerIsMadeFromAFloppyImage(FxRobot robot) throws IOException {
    Path floppy = Files.write(home.resolve("setup.img"), new byte[1_474_560]);
    begin(robot, CREATE);
    next(robot, "create-start");
    write(robot, "#start-file", floppy.toString());
    assertThat(robot.lookup("#from-file").queryAs(RadioButton.class).isSelected()).isTrue();
    next(robot, "create-hardware");
    next(robot, "create-summary");
    press(robot, "#wizard-finish");
    waitFor("the machine", () -> shows(robot, "#card-more"));
    assertThat(only().resolve(String.valueOf(only().machine().floppyA()))).isEqualTo(floppy);
    assertThat(only().machine().bootOnce()).isNotNull();
  }

  @ParameterizedTest
  @ValueSource(strings = {"apart", "into", "copy"})
  void aDiskWithABackingFileIsTakenOver(String way, FxRobot robot) throws IOException {
    Path below = disk();
    Path top = home.resolve("top.qcow2");
    Overlay.create(top, below);
    byte[] before = Files.readAllBytes(top);
    begin(robot, ADOPT);
    write(robot, "#adopt-file-name", top.toString());
    next(robot, "adopt-where");
    assertThat(robot.lookup("#chain .chain-box").queryAll())
        .extracting(node -> ((Labeled) node).getText().split(" {3}")[0])
        .containsExactly("top.qcow2", "old pc.qcow2");
    robot.interact(() -> robot.lookup("#" + way).queryAs(RadioButton.class).setSelected(true));
    next(robot, "adopt-what");
    next(robot, "adopt-summary");
    press(robot, "#wizard-finish");
    waitFor("the machine", () -> shows(robot, "#card-more"));
    Entry entry = only();
    assertThat(entry.name()).isEqualTo("top");
    assertThat(entry.problem()).isNull();
    assertThat(Files.readAllBytes(top)).isEqualTo(before);
    MachineFile.Disk disk = entry.machine().disks().getFirst();
    assertThat(disk.layers()).hasSize(way.equals("apart") ? 1 : 0);
    assertThat(entry.resolve(disk.file()).equals(top)).isEqualTo(!way.equals("copy"));
  }

  @Test
  void aCdIsNoDiskToTakeOver(FxRobot robot) throws IOException {
    begin(robot, ADOPT);
    Path floppy = Files.write(home.resolve("setup.img"), new byte[737_280]);
    write(robot, "#adopt-file-name", floppy.toString());
    waitFor("the answer", () -> said(robot, "#found").equals(text("adopt.nodisk")));
    assertThat(robot.lookup("#wizard-next").query().isDisabled()).isTrue();
    press(robot, "#dialog-cancel");
    waitFor("the wizard's end", () -> ScreenWalk.dialogs().isEmpty());
  }

  @Test
  void aNewDiskIsMadeInTheChosenFormat(FxRobot robot) throws IOException {
    begin(robot, NEW_DISK);
    write(robot, "#size", "64 MB");
    robot.interact(() -> robot.lookup("#format-vdi").queryAs(RadioButton.class).setSelected(true));
    next(robot, "newdisk-where");
    next(robot, "newdisk-summary");
    press(robot, "#wizard-finish");
    Path made = home.resolve("disk.vdi");
    waitFor("the disk", () -> Files.exists(made));
    try (OpenedImage disk = Images.open(made, OpenOptions.readOnly())) {
      assertThat(disk.format()).isEqualTo("vdi");
      assertThat(disk.device().size()).isEqualTo(64L << 20);
    }
  }
}
