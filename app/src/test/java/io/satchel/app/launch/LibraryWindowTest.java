package io.satchel.app.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.satchel.app.common.AppSettings;
import io.satchel.app.common.JsonFile;
import io.satchel.app.demo.BootSectors;
import io.satchel.app.library.Library;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.MachineFile;
import io.satchel.app.machine.MachineView;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.vm.api.MachineConfig.Speed;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.zip.ZipFile;
import javafx.application.Platform;
import javafx.scene.control.ComboBox;
import javafx.scene.control.Labeled;
import javafx.scene.control.RadioButton;
import javafx.scene.control.TextInputControl;
import javafx.stage.Stage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.testfx.api.FxRobot;
import org.testfx.framework.junit5.Start;

/** The library, the card before a run, a machine's settings and its disk, as a person uses them. */
@Timeout(180)
@InBothLanguages
class LibraryWindowTest extends WindowFixture {

  /** What a window calls the demonstration machine. */
  private static final String DEMO = "demonstration.qcow2";

  private Path image = Path.of("");

  @Start
  void start(Stage shown) throws IOException {
    begin(shown);
  }

  @Override
  void before() throws IOException {
    image = BootSectors.disk(home.resolve("writer.img"), BootSectors.WRITER);
  }

  private Entry added(FxRobot robot, String name) throws IOException {
    return added(robot, MachineFile.named(name, 32, "pentium"), image);
  }

  private static void waitForWrite(FxRobot robot) {
    MachineView view = view(robot).orElseThrow();
    waitFor("the write", () -> view.session().machine().status().diskWrittenBytes() > 0);
  }

  @Test
  void anImageIsShownAddedRunAndGoesOnWhereItWas(FxRobot robot) throws IOException {
    byte[] before = Files.readAllBytes(image);
    robot.interact(() -> window.dropped(List.of(image.toFile())));
    waitForNode(robot, "#identify");
    assertThat(view(robot)).as("nothing runs before it is asked for").isEmpty();
    press(robot, "#add");
    waitFor("the card", () -> shows(robot, "#card-more"));
    press(robot, "#start");
    waitForText(robot, "NW");
    waitForWrite(robot);
    Platform.runLater(window::leave);
    answer(robot, "close.off.keep");
    waitForLibrary(robot);
    Entry entry = library.list().getFirst();
    assertThat(entry.screen()).as("the last screen").exists();
    assertThat(entry.machine().lastUsed()).isNotNull();
    press(robot, "#start");
    waitForText(robot, "KW");
    waitForWrite(robot);
    Platform.runLater(window::leave);
    answer(robot, "close.off.discard");
    waitForLibrary(robot);
    assertThat(Files.readAllBytes(image)).as("the picked file").isEqualTo(before);
    assertThat(Library.contents(entry))
        .extracting(path -> path.getFileName().toString())
        .noneMatch(name -> name.startsWith("run"));
  }

  @Test
  void aMachineGoesOnBehindTheLibraryWhileAnotherRuns(FxRobot robot) throws IOException {
    Entry first = added(robot, "First");
    press(robot, "#start");
    waitForText(robot, "W");
    MachineView view = view(robot).orElseThrow();
    Platform.runLater(window::leave);
    answer(robot, "close.running");
    waitForLibrary(robot);
    assertThat(view.session().machine().state().name()).isEqualTo("RUNNING");
    assertThat(robot.lookup("#start").queryAs(Labeled.class).getText())
        .isEqualTo(text("card.show"));
    robot.interact(window.desk()::demo);
    waitForText(robot, "Satchel demonstration");
    Platform.runLater(window::leave);
    answer(robot, "close.running");
    waitForLibrary(robot);
    press(robot, "#start");
    waitFor("the first machine", () -> view(robot).filter(view::equals).isPresent());
    close();
    waitFor("the question about it", () -> dialogSays(robot, "First"));
    answer(robot, "close.off.discard");
    waitFor(
        "the question about the other", () -> dialogSays(robot, text("close.title.live", DEMO)));
    answer(robot, "close.off");
    waitFor("the window to close", closed::get);
    assertThat(now(first).folder().resolve("running.json")).doesNotExist();
  }

  @Test
  void searchRenameDuplicateAndRemove(FxRobot robot) throws IOException {
    added(robot, "Alpha");
    Entry beta = added(robot, "Beta");
    assertThat(robot.lookup("#card-more").queryAll()).hasSize(2);
    write(robot, "#search", "bet");
    assertThat(robot.lookup("#card-more").queryAll()).hasSize(1);
    write(robot, "#search", "nothing like it");
    assertThat(robot.lookup("#none").query().isVisible()).isTrue();
    Platform.runLater(() -> window.desk().rename(beta));
    write(robot, "#name", "Gamma");
    answer(robot, "rename.yes");
    waitFor("the name", () -> now(beta).name().equals("Gamma"));
    Platform.runLater(() -> window.desk().duplicate(now(beta)));
    waitForNode(robot, "#full");
    robot.interact(() -> robot.lookup("#full").queryAs(RadioButton.class).setSelected(true));
    answer(robot, "duplicate.yes");
    waitFor(
        "the copy",
        () ->
            said(robot, "#said")
                .equals(text("duplicate.done", text("duplicate.suggested", "Gamma"))));
    assertThat(library.list()).hasSize(3);
    Platform.runLater(() -> window.desk().remove(now(beta)));
    answer(robot, "dialog.cancel");
    assertThat(beta.folder()).exists();
    Platform.runLater(() -> window.desk().remove(now(beta)));
    answer(robot, "remove.yes");
    waitFor("the removal", () -> !Files.exists(beta.folder()));
    assertThat(image).exists();
  }

  private void export(FxRobot robot, Entry entry, String as, Path target) {
    picker.next = target;
    Platform.runLater(() -> window.desk().export(entry));
    waitForNode(robot, "#format");
    robot.interact(
        () -> {
          @SuppressWarnings("unchecked")
          ComboBox<String> format = robot.lookup("#format").queryAs(ComboBox.class);
          format.setValue(as);
        });
    answer(robot, "export.yes");
    waitFor("the file", () -> said(robot, "#said").contains(target.getFileName().toString()));
  }

  @Test
  void aDiskIsExported(FxRobot robot) throws IOException {
    Entry entry = added(robot, "Exported");
    Path target = home.resolve("out.vmdk");
    export(robot, entry, "vmdk", target);
    try (OpenedImage written = Images.open(target, OpenOptions.readOnly())) {
      assertThat(written.format()).isEqualTo("vmdk");
    }
  }

  @Test
  void aWholeComputerIsExported(FxRobot robot) throws IOException {
    Entry entry = added(robot, "Appliance");
    Path target = home.resolve("out.ova");
    export(robot, entry, "ova", target);
    robot.interact(() -> window.open(target));
    waitForNode(robot, "#identify");
  }

  @Test
  void anUnknownImageThatDoesNotStartIsTriedWithOtherHardware(FxRobot robot) throws IOException {
    Path unknown = home.resolve("unknown.img");
    Files.write(unknown, new byte[1 << 20]);
    robot.interact(() -> window.open(unknown));
    press(robot, "#run");
    waitForText(robot, "No bootable device");
    waitFor("the offer", () -> robot.lookup("#offer").query().isVisible());
    assertThat(said(robot, "#offer-message"))
        .contains(text("machine.offer.no_system"), "Windows XP");
    final MachineView first = view(robot).orElseThrow();
    press(robot, "#offer-try");
    waitFor("another machine", () -> view(robot).filter(each -> each != first).isPresent());
    MachineView second = view(robot).orElseThrow();
    assertThat(second.session().request().memoryMib()).isEqualTo(512);
    assertThat(first.session().machine().state().name()).isEqualTo("ENDED");
    waitFor("the next offer", () -> said(robot, "#offer-message").contains("Windows 98"));
    press(robot, "#offer-no");
    assertThat(robot.lookup("#offer").query().isVisible()).isFalse();
  }

  @Test
  void anImageThatIsKnownIsOfferedNothing(FxRobot robot) throws IOException {
    Path floppy = home.resolve("empty-floppy.img");
    Files.write(floppy, new byte[1_474_560]);
    robot.interact(() -> window.open(floppy));
    press(robot, "#run");
    waitForText(robot, "No bootable device");
    org.testfx.util.WaitForAsyncUtils.sleep(1200, TimeUnit.MILLISECONDS);
    assertThat(robot.lookup("#offer").query().isVisible()).isFalse();
  }

  @Test
  void theLanguageChangesAtOnceAndOnlyWhenNothingRuns(FxRobot robot) throws IOException {
    added(robot, "Speaker");
    AppSettings.Language first = language;
    AppSettings.Language other =
        first == AppSettings.Language.ENGLISH
            ? AppSettings.Language.CHINESE
            : AppSettings.Language.ENGLISH;
    choose(robot, other);
    language = other;
    waitFor("the page in the other one", () -> said(robot, "#back").equals(text("page.back")));
    press(robot, "#back");
    waitFor("the library too", () -> said(robot, "#start").equals(text("card.start")));
    press(robot, "#start");
    waitForText(robot, "NW");
    Platform.runLater(window::leave);
    answer(robot, "close.running");
    waitForLibrary(robot);
    choose(robot, first);
    waitFor("why not now", () -> said(robot, "#said").equals(text("preferences.language.later")));
    press(robot, "#back");
    press(robot, "#start");
    Platform.runLater(window::leave);
    answer(robot, "close.off.discard");
    waitForLibrary(robot);
  }

  private void choose(FxRobot robot, AppSettings.Language wanted) {
    robot.interact(window.desk()::preferences);
    robot.interact(
        () -> {
          @SuppressWarnings("unchecked")
          ComboBox<AppSettings.Language> box = robot.lookup("#language").queryAs(ComboBox.class);
          box.setValue(wanted);
        });
  }

  @Test
  void aBrokenFileIsRepairedFromThePreviousOne(FxRobot robot) throws IOException {
    Entry entry = added(robot, "Before");
    library.rename(entry, "After");
    Files.writeString(entry.json(), "{");
    robot.interact(window::showLibrary);
    press(robot, "#start");
    waitForNode(robot, "#repair");
    assertThat(said(robot, "#problem")).contains("machine.json");
    press(robot, "#previous");
    waitForLibrary(robot);
    assertThat(now(entry).name()).isEqualTo("Before");
  }

  @Test
  void aDiskThatMovedIsFoundAgain(FxRobot robot) throws IOException {
    Entry entry = added(robot, "Moved");
    Path elsewhere = Files.move(image, home.resolve("elsewhere.img"));
    robot.interact(window::showLibrary);
    press(robot, "#start");
    waitForNode(robot, "#repair");
    picker.next = elsewhere;
    press(robot, "#choose");
    waitForLibrary(robot);
    assertThat(now(entry).problem()).isNull();
  }

  @Test
  void settingsAreKeptAndShownAsAQemuCommand(FxRobot robot) throws IOException {
    Entry entry = added(robot, "Old name");
    robot.interact(() -> window.desk().settings(entry));
    write(robot, "#name", "New name");
    write(robot, "#date", "yesterday");
    assertThat(robot.lookup("#save").query().isDisabled()).isTrue();
    assertThat(said(robot, "#problem")).contains("1999-12-31");
    write(robot, "#date", "1999-12-31T23:59");
    robot.interact(() -> robot.lookup("#speed").queryComboBox().setValue(Speed.I386));
    press(robot, "#command");
    waitForNode(robot, "#line");
    assertThat(robot.lookup("#line").queryAs(TextInputControl.class).getText())
        .contains("qemu-system-i386", "-rtc base=1999-12-31T23:59", "'New name'");
    answer(robot, "settings.copy");
    press(robot, "#save");
    waitForLibrary(robot);
    assertThat(now(entry).name()).isEqualTo("New name");
    assertThat(now(entry).machine().date()).isNotNull();
    assertThat(now(entry).machine().speed()).isEqualTo(Speed.I386);
    press(robot, "#start");
    waitFor("the machine", () -> view(robot).isPresent());
    assertThat(view(robot).orElseThrow().session().machine().speed()).isEqualTo(Speed.I386);
  }

  @Test
  void aPastedQemuLineBecomesAMachineThatRuns(FxRobot robot) throws IOException {
    robot.interact(window.desk()::fromQemu);
    write(robot, "#line", "qemu-system-i386 -name Pasted -m 64 -hda '" + image + "' -vga std");
    assertThat(said(robot, "#understood")).contains("64", "-vga std");
    press(robot, "#add");
    waitFor("the card", () -> shows(robot, "#card-more"));
    press(robot, "#start");
    waitForText(robot, "NW");
  }

  @Test
  void aDiskIsCompactedAndTheOldOneComesBack(FxRobot robot) throws IOException {
    Path disk = BootSectors.demonstration(home.resolve("small.qcow2"));
    final byte[] before = Files.readAllBytes(disk);
    picker.next = disk;
    robot.interact(window.desk()::compactDisk);
    waitForNode(robot, "#compress");
    robot.interact(
        () ->
            robot
                .lookup("#compress")
                .queryAs(javafx.scene.control.CheckBox.class)
                .setSelected(true));
    press(robot, "#start");
    waitFor("the outcome", () -> said(robot, "#outcome").startsWith(beginning("compact.done")));
    assertThat(Files.readAllBytes(disk)).isNotEqualTo(before);
    press(robot, "#undo");
    waitFor("the way back", () -> said(robot, "#outcome").equals(text("compact.undone", disk)));
    assertThat(Files.readAllBytes(disk)).isEqualTo(before);
    press(robot, "#back");
    waitForLibrary(robot);
    assertThat(home.resolve("small.qcow2.before-compact")).doesNotExist();
  }

  @Test
  void aDiskIsCheckedConvertedAndMadeLarger(FxRobot robot) throws IOException {
    Path disk = BootSectors.demonstration(home.resolve("tools.qcow2"));
    picker.next = disk;
    robot.interact(window.desk()::checkDisk);
    press(robot, "#start");
    waitFor("the outcome", () -> said(robot, "#outcome").contains(text("check.good")));
    press(robot, "#back");
    robot.interact(window.desk()::convertDisk);
    write(robot, "#target", disk.toString());
    assertThat(robot.lookup("#start").query().isDisabled()).as("never overwritten").isTrue();
    write(robot, "#target", home.resolve("other.qcow2").toString());
    press(robot, "#start");
    waitFor("the outcome", () -> said(robot, "#outcome").contains("other.qcow2"));
    press(robot, "#back");
    robot.interact(window.desk()::resizeDisk);
    write(robot, "#size", "3 MB");
    press(robot, "#start");
    waitFor("the outcome", () -> said(robot, "#outcome").contains("3 MB"));
    try (OpenedImage larger = Images.open(disk, OpenOptions.readOnly())) {
      assertThat(larger.device().size()).isEqualTo(3 << 20);
    }
  }

  @Test
  void theReportOfAFaultCanBeReadAndNamesNoPersonsFolder(FxRobot robot) throws IOException {
    added(robot, "Reported");
    Path zip = home.resolve("report.zip");
    picker.next = zip;
    Platform.runLater(window.desk()::diagnostics);
    answer(robot, "diagnostics.save");
    waitFor("the zip", () -> said(robot, "#said").contains("report.zip"));
    try (ZipFile file = new ZipFile(zip.toFile())) {
      String machine =
          new String(
              file.getInputStream(file.getEntry("machines/reported.json")).readAllBytes(),
              java.nio.charset.StandardCharsets.UTF_8);
      assertThat(machine).contains("Reported").doesNotContain(home.toString());
      assertThat(file.getEntry("system.txt")).isNotNull();
    }
  }

  @Test
  void whatAKilledProgramsMachineWroteIsOffered(FxRobot robot) throws Exception {
    Entry entry = added(robot, "Killed");
    Process other =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                KilledRun.class.getName(),
                home.toString(),
                entry.folder().toString())
            .redirectErrorStream(true)
            .start();
    try (BufferedReader said = other.inputReader()) {
      String line = said.readLine();
      while (line != null && !line.equals("written")) {
        line = said.readLine();
      }
      assumeTrue(other.isAlive(), "the other program could not run here");
      other.destroyForcibly();
      assertThat(other.waitFor(20, TimeUnit.SECONDS)).isTrue();
    }
    robot.interact(this::reopen);
    waitForNode(robot, "#interrupted");
    assertThat(JsonFile.text(now(entry).machine())).contains("Killed");
    press(robot, "#keep-left");
    waitFor("the end of it", () -> !shows(robot, "#interrupted"));
    waitForLibrary(robot);
    press(robot, "#start");
    waitForText(robot, "KW");
  }
}
