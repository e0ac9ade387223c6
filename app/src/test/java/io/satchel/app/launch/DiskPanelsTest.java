package io.satchel.app.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.satchel.app.demo.BootSectors;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.MachineFile;
import io.satchel.image.Answers;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenOptions.BackingPolicy;
import io.satchel.image.OpenedImage;
import io.satchel.image.Overlay;
import io.satchel.image.format.qcow2.Qcow2Device;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import javafx.application.Platform;
import javafx.scene.control.Button;
import javafx.scene.control.CheckBox;
import javafx.scene.control.DialogPane;
import javafx.scene.control.RadioButton;
import javafx.stage.Stage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.testfx.api.FxRobot;
import org.testfx.framework.junit5.Start;

/** Merging, laying over, encrypting and compacting everything, as a person does it. */
@Timeout(240)
@InBothLanguages
class DiskPanelsTest extends WindowFixture {

  private static final int SIZE = 1 << 20;

  private Path base = Path.of("");
  private Path top = Path.of("");

  @Start
  void start(Stage shown) throws IOException {
    begin(shown);
  }

  @Override
  void before() throws IOException {
    base = home.resolve("base.qcow2");
    top = home.resolve("top.qcow2");
    Images.create(base, "qcow2", SIZE, Map.of());
    put(base, 0, "below");
    Overlay.create(top, base);
    put(top, 65536, "above");
  }

  private static void put(Path image, long at, String text) throws IOException {
    try (OpenedImage opened = Images.open(image, OpenOptions.forWriting())) {
      opened.device().write(at, ByteBuffer.wrap(Arrays.copyOf(bytes(text), 512)));
    }
  }

  private static String at(Path image, long where, OpenOptions options) throws IOException {
    try (OpenedImage opened = Images.open(image, options)) {
      ByteBuffer sector = ByteBuffer.allocate(5);
      opened.device().read(where, sector);
      return new String(sector.array(), StandardCharsets.US_ASCII);
    }
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static void hear(FxRobot robot, String sentence) {
    waitFor(sentence, () -> said(robot, "#outcome").contains(sentence));
  }

  /** Takes one of a dialog's buttons. */
  private static void take(FxRobot robot, int index) {
    waitFor("the question", () -> !ScreenWalk.dialogs().isEmpty());
    robot.interact(
        () -> {
          DialogPane pane = ScreenWalk.dialogs().getLast();
          ((Button) pane.lookupButton(pane.getButtonTypes().get(index))).fire();
        });
    waitFor("the question's end", () -> ScreenWalk.dialogs().isEmpty());
  }

  @Test
  void anOverlayIsMerged(FxRobot robot) throws IOException {
    picker.next = top;
    robot.interact(window.desk()::commitDisk);
    press(robot, "#start");
    take(robot, 0);
    assertThat(at(base, 65536, OpenOptions.readOnly())).as("before a yes").isNotEqualTo("above");
    press(robot, "#start");
    take(robot, 1);
    hear(robot, text("commit.done"));
    OpenOptions alone = OpenOptions.readOnly().withBacking(BackingPolicy.NONE);
    assertThat(at(base, 65536, OpenOptions.readOnly())).isEqualTo("above");
    assertThat(at(top, 65536, OpenOptions.readOnly())).isEqualTo("above");
    assertThat(at(top, 65536, alone)).as("emptied").isNotEqualTo("above");
  }

  @Test
  void whatSnapshotsOrOthersNeedIsNotMerged(FxRobot robot) throws IOException {
    added(robot, MachineFile.named("Neighbour", 16, "486"), base);
    picker.next = top;
    robot.interact(window.desk()::commitDisk);
    hear(robot, "Neighbour");
    assertThat(shows(robot, "#start")).isFalse();
    press(robot, "#back");
    try (OpenedImage opened = Images.open(top, OpenOptions.forWriting())) {
      Objects.requireNonNull(Images.qcow2(opened.device()))
          .snapshots()
          .create("one", Instant.EPOCH, 0, 0);
    }
    robot.interact(window.desk()::commitDisk);
    hear(robot, text("commit.snapshots"));
    press(robot, "#back");
    robot.interact(window.desk()::rebaseDisk);
    hear(robot, text("rebase.snapshots"));
    press(robot, "#back");
    picker.next = base;
    robot.interact(window.desk()::commitDisk);
    hear(robot, text("commit.alone"));
  }

  @Test
  void aDiskIsLaidOverAnotherAndMadeToStandAlone(FxRobot robot) throws IOException {
    Path other = home.resolve("other.qcow2");
    Images.create(other, "qcow2", SIZE, Map.of());
    picker.next = top;
    robot.interact(window.desk()::rebaseDisk);
    waitForNode(robot, "#over");
    robot.interact(() -> robot.lookup("#over").queryAs(RadioButton.class).setSelected(true));
    write(robot, "#base", home.resolve("nowhere").toString());
    assertThat(said(robot, "#outcome")).isEqualTo(text("ask.missing.none"));
    assertThat(robot.lookup("#start").query().isDisabled()).isTrue();
    write(robot, "#base", other.toString());
    press(robot, "#start");
    hear(robot, text("rebase.done", other));
    press(robot, "#back");
    Files.delete(base);
    assertThat(at(top, 0, OpenOptions.readOnly())).isEqualTo("below");
    robot.interact(window.desk()::rebaseDisk);
    press(robot, "#start");
    hear(robot, text("rebase.done.alone"));
    Files.delete(other);
    assertThat(at(top, 0, OpenOptions.readOnly())).isEqualTo("below");
    assertThat(at(top, 65536, OpenOptions.readOnly())).isEqualTo("above");
  }

  @Test
  void aDiskIsEncryptedAndItsPassPhraseChanged(FxRobot robot) throws IOException {
    picker.next = top;
    Path secret = home.resolve("secret.qcow2");
    robot.interact(window.desk()::encryptDisk);
    write(robot, "#phrase", "one");
    write(robot, "#phrase-again", "two");
    assertThat(said(robot, "#outcome")).isEqualTo(text("phrase.differ"));
    assertThat(robot.lookup("#start").query().isDisabled()).isTrue();
    write(robot, "#phrase-again", "one");
    write(robot, "#target", secret.toString());
    press(robot, "#start");
    String done = text("encrypt.done", "|", "|");
    hear(robot, done.substring(done.lastIndexOf('|') + 1));
    press(robot, "#back");
    assertThat(at(secret, 0, keyed(secret, "one"))).isEqualTo("below");
    assertThat(new String(Files.readAllBytes(secret), StandardCharsets.ISO_8859_1))
        .doesNotContain("below");
    picker.next = secret;
    Platform.runLater(window.desk()::encryptDisk);
    write(robot, "#phrase", "one");
    answer(robot, "ask.locked.yes");
    waitForNode(robot, "#old-phrase");
    write(robot, "#old-phrase", "wrong");
    write(robot, "#phrase", "new");
    write(robot, "#phrase-again", "new");
    press(robot, "#change");
    waitFor("the refusal", () -> said(robot, "#outcome").contains("secret.qcow2"));
    write(robot, "#old-phrase", "one");
    press(robot, "#change");
    hear(robot, text("phrase.done"));
    assertThat(at(secret, 0, keyed(secret, "new"))).isEqualTo("below");
    assertThatThrownBy(() -> at(secret, 0, keyed(secret, "one"))).isInstanceOf(IOException.class);
  }

  @Test
  void aDiskThatHoldsSnapshotsIsKeptAsOneBeforeItsSizeChanges(FxRobot robot) throws IOException {
    picker.next = base;
    robot.interact(window.desk()::resizeDisk);
    waitForNode(robot, "#keep");
    assertThat(robot.lookup("#keep").queryAs(CheckBox.class).isSelected()).isFalse();
    robot.interact(() -> robot.lookup("#keep").queryAs(CheckBox.class).setSelected(true));
    write(robot, "#size", "2 MB");
    press(robot, "#start");
    hear(robot, "2 MB");
    press(robot, "#back");
    robot.interact(window.desk()::resizeDisk);
    waitForNode(robot, "#keep");
    assertThat(robot.lookup("#keep").queryAs(CheckBox.class).isSelected()).isTrue();
    try (OpenedImage opened = Images.open(base, OpenOptions.forWriting())) {
      Qcow2Device device = Objects.requireNonNull(Images.qcow2(opened.device()));
      assertThat(device.size()).isEqualTo(2 << 20);
      device.snapshots().apply(device.snapshots().list().getFirst().name());
      assertThat(device.size()).as("the way back").isEqualTo(SIZE);
    }
  }

  @Test
  void aMachinesDiskIsMadeOneFileAndEncrypted(FxRobot robot) throws IOException {
    Entry entry = added(robot, MachineFile.named("Whole", 16, "486"), top);
    Path own = entry.folder().resolve("changes-1.qcow2");
    robot.interact(() -> window.desk().standAlone(entry));
    press(robot, "#start");
    hear(robot, text("rebase.done.alone"));
    press(robot, "#back");
    waitForLibrary(robot);
    Path elsewhere = Files.createDirectory(home.resolve("elsewhere"));
    Files.move(base, elsewhere.resolve("base.qcow2"));
    Files.move(top, elsewhere.resolve("top.qcow2"));
    Entry alone = now(entry);
    assertThat(alone.problem()).isNull();
    assertThat(at(own, 0, OpenOptions.readOnly())).isEqualTo("below");
    assertThat(at(own, 65536, OpenOptions.readOnly())).isEqualTo("above");

    robot.interact(() -> window.desk().encrypt(alone));
    write(robot, "#phrase", "sesame");
    write(robot, "#phrase-again", "sesame");
    assertThat(shows(robot, "#target")).as("its place is the computer's folder").isFalse();
    press(robot, "#start");
    Path secret = entry.folder().resolve("encrypted-1.qcow2");
    hear(robot, secret.toString());
    assertThat(at(secret, 0, keyed(secret, "sesame"))).isEqualTo("below");
    assertThat(now(entry).machine().disks().getFirst().file()).isEqualTo("encrypted-1.qcow2");
  }

  @Test
  void aMachinesDiskWithSnapshotsIsNotEncrypted(FxRobot robot) throws IOException {
    Entry entry = added(robot, MachineFile.named("Kept", 16, "486"), base);
    Path own = entry.folder().resolve("changes-1.qcow2");
    OpenOptions alone = OpenOptions.forWriting().withBacking(BackingPolicy.NONE);
    try (OpenedImage opened = Images.open(own, alone)) {
      Objects.requireNonNull(Images.qcow2(opened.device()))
          .snapshots()
          .create("one", Instant.EPOCH, 0, 0);
    }
    robot.interact(() -> window.desk().encrypt(entry));
    hear(robot, text("encrypt.snapshots"));
    assertThat(shows(robot, "#start")).isFalse();
    press(robot, "#back");
    robot.interact(() -> window.desk().standAlone(entry));
    hear(robot, text("rebase.snapshots"));
  }

  private static OpenOptions keyed(Path image, String phrase) {
    return OpenOptions.readOnly().withAnswers(Answers.none().withKey(image, bytes(phrase)));
  }

  @Test
  void theWholeLibraryIsCompactedAndComesBack(FxRobot robot) throws IOException {
    Entry first = filled(robot, "First");
    Entry second = filled(robot, "Second");
    byte[] before = Files.readAllBytes(disk(first));
    robot.interact(window.desk()::compactLibrary);
    waitFor("both disks", () -> shows(robot, "#disk-1"));
    press(robot, "#start");
    waitForNode(robot, "#undo");
    assertThat(Files.size(disk(first))).isLessThan(before.length);
    assertThat(Files.size(disk(second))).isLessThan(before.length);
    press(robot, "#undo");
    hear(robot, text("compact.all.undone"));
    assertThat(Files.readAllBytes(disk(first))).isEqualTo(before);
    press(robot, "#start");
    waitForNode(robot, "#undo");
    press(robot, "#back");
    waitForLibrary(robot);
    assertThat(first.folder().resolve("disk-1.qcow2.before-compact")).doesNotExist();
  }

  private static Path disk(Entry entry) {
    return entry.folder().resolve("disk-1.qcow2");
  }

  /** A machine whose FAT disk holds what its file system calls free. */
  private Entry filled(FxRobot robot, String name) throws IOException {
    Path folder = library.newFolder(name);
    Path disk = folder.resolve("disk-1.qcow2");
    Images.create(disk, "qcow2", 4 << 20, Map.of());
    try (OpenedImage opened = Images.open(disk, OpenOptions.forWriting())) {
      opened.device().write(0, BootSectors.fat12(4 << 20));
      byte[] junk = new byte[1 << 20];
      new java.util.Random(7).nextBytes(junk);
      opened.device().write(2 << 20, ByteBuffer.wrap(junk));
    }
    Entry entry =
        library.save(
            folder,
            MachineFile.named(name, 16, "486")
                .withDisks(java.util.List.of(MachineFile.Disk.of("disk-1.qcow2", 0))));
    robot.interact(window::showLibrary);
    return entry;
  }
}
