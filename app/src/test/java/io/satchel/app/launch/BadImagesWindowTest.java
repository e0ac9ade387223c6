package io.satchel.app.launch;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.app.common.AppSettings;
import io.satchel.app.demo.BootSectors;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import javafx.application.Platform;
import javafx.scene.control.DialogPane;
import javafx.stage.Stage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.testfx.api.FxRobot;
import org.testfx.framework.junit5.Start;

/** Whatever is wrong with an image: a dialog that names it, in the reader's language. */
@Timeout(180)
@InBothLanguages
class BadImagesWindowTest extends WindowFixture {

  /** Offsets in a qcow2 header (docs/interop/qcow2.txt of QEMU, "Header"). */
  private static final int VERSION = 4;

  private static final int SIZE = 24;
  private static final int L1_SIZE = 36;
  private static final int INCOMPATIBLE_FEATURES = 72;

  @Start
  void start(Stage shown) throws IOException {
    begin(shown);
  }

  private Path file(String name, String content) throws IOException {
    byte[] bytes = Arrays.copyOf(content.getBytes(StandardCharsets.ISO_8859_1), 4096);
    return Files.write(home.resolve(name), bytes);
  }

  private Path patched(String name, int offset, int... bytes) throws IOException {
    Path image = BootSectors.demonstration(home.resolve(name));
    byte[] content = Files.readAllBytes(image);
    for (int i = 0; i < bytes.length; i++) {
      content[offset + i] = (byte) bytes[i];
    }
    return Files.write(image, content);
  }

  /** Every file's size and content's hash. */
  private Map<Path, String> contents() throws IOException {
    Map<Path, String> contents = new TreeMap<>();
    try (Stream<Path> all = Files.list(home)) {
      for (Path file : all.filter(Files::isRegularFile).toList()) {
        byte[] bytes = Files.readAllBytes(file);
        contents.put(file, bytes.length + ":" + Arrays.hashCode(bytes));
      }
    }
    return contents;
  }

  @Test
  void whatIsNoImageIsExplained(FxRobot robot) throws IOException {
    refused(robot, home.resolve("1.img"));
    refused(robot, Files.createFile(home.resolve("2.img")));
    refused(robot, Files.createDirectory(home.resolve("3.img")));
    refused(robot, file("4.img", "%PDF-1.4"));
    refused(robot, file("5.img", "\n<!DOCTYPE html>"));
    refused(robot, file("6.img", "PK\3\4"));
    refused(robot, file("7.img", "Rar!\32\7"));
    refused(robot, Files.writeString(home.resolve("8.img"), "Dear diary,"));
  }

  @Test
  void aBrokenImageIsExplained(FxRobot robot) throws IOException {
    refused(robot, patched("1.qcow2", VERSION, 0, 0, 0, 9));
    refused(robot, patched("2.qcow2", INCOMPATIBLE_FEATURES, 1));
    refused(robot, patched("3.qcow2", SIZE, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF));
    refused(robot, patched("4.qcow2", L1_SIZE, 0x7F, 0xFF, 0xFF, 0xFF));
    Path cut = BootSectors.demonstration(home.resolve("5.qcow2"));
    Files.write(cut, Arrays.copyOf(Files.readAllBytes(cut), 60));
    refused(robot, cut);
  }

  @Test
  void anImageThatIsHeldCanBeLookedAtAndNotRun(FxRobot robot) throws IOException {
    Path image = BootSectors.demonstration(home.resolve("1.qcow2"));
    try (OpenedImage holder = Images.open(image, OpenOptions.forWriting())) {
      assertThat(holder.device().size()).isPositive();
      refused(robot, image);
    }
    Platform.runLater(() -> window.open(image));
    waitForNode(robot, "#identify");
  }

  private void refused(FxRobot robot, Path image) throws IOException {
    Map<Path, String> before = contents();
    Platform.runLater(() -> window.open(image));
    waitFor("a dialog about " + image, () -> !ScreenWalk.dialogs().isEmpty());
    DialogPane dialog = ScreenWalk.dialogs().getLast();
    String said = dialog.getAccessibleText();
    assertThat(said).startsWith(text("error.title") + ". ").contains(image.toString());
    if (language == AppSettings.Language.CHINESE) {
      // Formats and programs keep their names.
      assertThat(said.replace(image.toString(), "").replaceAll("Satchel|qcow2", ""))
          .as(image.toString())
          .doesNotContainPattern("[a-z]{4,}");
    } else {
      assertThat(said).endsWith(".");
    }
    answer(robot, "error.ok");
    waitForLibrary(robot);
    assertThat(contents()).as("nothing was changed").isEqualTo(before);
  }
}
