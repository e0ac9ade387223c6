package io.satchel.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.satchel.image.block.ImageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The picked image is not written until the changes are kept. */
class OverlayTest {
  private static final int SIZE = (3 << 20) + 512;

  @TempDir Path folder;
  private final ImageModel model = new ImageModel(SIZE);

  private Path base(String format) throws IOException {
    new Random(5).nextBytes(model.bytes());
    Path raw = model.save(folder.resolve("base.raw"));
    if (format.equals("raw")) {
      return raw;
    }
    Path file = folder.resolve("base.qcow2");
    QemuImg.ok("convert", "-O", "qcow2", raw, file);
    return file;
  }

  private void run(Path overlay) throws IOException {
    Random random = new Random(6);
    try (OpenedImage image = Images.open(overlay, Overlay.openOptions())) {
      for (int i = 0; i < 80; i++) {
        model.change(random, image.device());
      }
      model.check(image.device());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"raw", "qcow2"})
  void keptChangesAreInTheImage(String format) throws IOException {
    Path base = base(format);
    Path elsewhere = Files.createDirectory(folder.resolve("data")).resolve("run.qcow2");
    Overlay.create(elsewhere, base);
    byte[] before = Files.readAllBytes(base);
    run(elsewhere);
    assertThat(Files.readAllBytes(base)).isEqualTo(before);
    QemuImg.checkClean(elsewhere);
    assertThat(Overlay.keep(elsewhere, (done, total) -> true)).isTrue();
    assertThat(elsewhere).doesNotExist();
    QemuImg.same(base, model.save(folder.resolve("model.raw")));
  }

  @Test
  void keepingThatWasStoppedIsFinishedLater() throws IOException {
    Path base = base("raw");
    Path overlay = folder.resolve("run.qcow2");
    Overlay.create(overlay, base);
    run(overlay);
    assertThat(Overlay.keep(overlay, (done, total) -> done < total / 2)).isFalse();
    assertThat(overlay).exists();
    assertThat(Overlay.keep(overlay, (done, total) -> true)).isTrue();
    QemuImg.same(base, model.save(folder.resolve("model.raw")));
  }

  @Test
  void thrownAwayChangesLeaveTheImageAsItWas() throws IOException {
    Path base = base("qcow2");
    byte[] before = Files.readAllBytes(base);
    Path overlay = folder.resolve("run.qcow2");
    Overlay.create(overlay, base);
    run(overlay);
    Overlay.discard(overlay);
    assertThat(overlay).doesNotExist();
    assertThat(Files.readAllBytes(base)).isEqualTo(before);
  }

  @Test
  void onlyAnOverlayIsThrownAway() throws IOException {
    Path base = base("qcow2");
    assertThatThrownBy(() -> Overlay.discard(base)).isInstanceOf(ImageException.class);
    assertThat(base).exists();
  }

  @Test
  void anOverlayInUseIsNotThrownAway() throws IOException {
    Path overlay = folder.resolve("run.qcow2");
    Overlay.create(overlay, base("raw"));
    try (OpenedImage image = Images.open(overlay, Overlay.openOptions())) {
      assertThatThrownBy(() -> Overlay.discard(overlay))
          .isInstanceOf(ImageException.class)
          .hasMessageContaining("in use");
      assertThat(image.chain()).hasSize(2);
    }
  }

  @Test
  void recordsTheFormatSoThatItIsNeverGuessedAgain() throws IOException {
    Path base = base("raw");
    Path overlay = folder.resolve("run.qcow2");
    Overlay.create(overlay, base);
    assertThat(QemuImg.ok("info", overlay)).contains("backing file format: raw");
    assertThat(QemuImg.ok("compare", overlay, base)).contains("identical");
  }
}
