package io.satchel.app.launch;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.satchel.app.common.AppSettings;
import io.satchel.vm.host.ScreenImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Locale;
import java.util.stream.Stream;
import javafx.scene.Scene;
import javafx.scene.image.PixelFormat;
import javafx.scene.image.WritableImage;
import javafx.stage.Stage;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.testfx.api.FxRobot;
import org.testfx.framework.junit5.Start;

/**
 * Writes a picture of every screen into the folder {@code -Dscreens.folder}; docs/screens/make.sh
 * calls it.
 */
@Timeout(600)
class ScreenPictures extends ScreenWalk {

  @Start
  void start(Stage shown) throws IOException {
    begin(shown);
  }

  /** Always the same name, for it is in the pictures. */
  @Override
  Path newHome() throws IOException {
    Path home = Path.of(System.getProperty("java.io.tmpdir"), "old-computers");
    if (Files.exists(home)) {
      try (Stream<Path> all = Files.walk(home)) {
        for (Path each : all.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(each);
        }
      }
    }
    return Files.createDirectory(home);
  }

  @ParameterizedTest
  @CsvSource({"ENGLISH,LIGHT", "ENGLISH,DARK", "CHINESE,LIGHT", "CHINESE,DARK"})
  void everyScreen(AppSettings.Language language, AppSettings.Choice theme, FxRobot robot)
      throws IOException {
    String folderName = System.getProperty("screens.folder");
    assumeTrue(folderName != null, "-Dscreens.folder is not given");
    String wanted = System.getProperty("screens.only", "");
    String kind =
        (language == AppSettings.Language.CHINESE ? "zh-" : "en-")
            + theme.name().toLowerCase(Locale.ROOT);
    assumeTrue(kind.startsWith(wanted), "-Dscreens.only asks for others");
    Path target = Files.createDirectories(Path.of(folderName).resolve(kind));
    reopen(robot, language, theme);
    walk(robot, (name, scene) -> write(scene, target.resolve(name + ".png")));
  }

  private static void write(Scene scene, Path file) {
    WritableImage picture = scene.snapshot(null);
    int width = (int) picture.getWidth();
    int height = (int) picture.getHeight();
    int[] pixels = new int[width * height];
    picture
        .getPixelReader()
        .getPixels(0, 0, width, height, PixelFormat.getIntArgbInstance(), pixels, 0, width);
    ScreenImage image = new ScreenImage();
    image.resize(width, height, true);
    image.update(pixels, width, 0, 0, width, height);
    try {
      image.writePng(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
