package io.satchel.image.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.ImageModel;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The bar that long commands show to a person at a terminal. */
class ProgressTest {
  private static final int SIZE = 64 << 20;

  @TempDir Path folder;
  private Path image;

  @BeforeEach
  void content() throws IOException {
    image = folder.resolve("image");
    Images.create(image, "qcow2", SIZE, Map.of());
    try (OpenedImage opened = Images.open(image, OpenOptions.forWriting())) {
      opened.device().write(1 << 20, ByteBuffer.wrap("x".repeat(3 << 20).getBytes()));
    }
  }

  private record Said(int status, String out, String err) {}

  private Said run(String line, boolean interactive, boolean stopped) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    Terminal terminal =
        new Terminal(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            interactive);
    if (stopped) {
      terminal.stop();
    }
    int status = ImgCommand.run(terminal, line.replace("@", folder + "/").split(" "));
    return new Said(
        status, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "convert -O raw @image @new",
        "compare @image @image",
        "check -r all @image",
        "resize --preallocation=full @image 66M",
        "resize --preallocation=metadata @image 66M",
        "measure -O qcow2 @image",
        "bench -c 5000 @image",
        "dd bs=1M if=@image of=@new"
      })
  void aPersonSeesABarWithRateAndTimeLeft(String line) {
    Said said = run(line, true, false);
    assertThat(said.status()).as(said.err()).isZero();
    assertThat(said.err())
        .containsPattern("\\r\\[#*\\.*]\\s+\\d+%  [0-9.]+ ?[KMGT]?i?B?/s  ")
        .containsPattern("\\r\\[#{30}] 100%  .*done");
    assertThat(said.out()).doesNotContain("\r");
    assertThat(run(line, false, false).err()).as("a program does not").doesNotContain("\r");
    String quiet = line.replaceFirst(" ", " -q ");
    assertThat(run(quiet, true, false).err()).as("nor with -q").doesNotContain("\r");
  }

  /** As after Ctrl+C, which InterruptTest sends to real processes. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "check -r all @image",
        "resize --preallocation=full @image 66M",
        "resize --preallocation=metadata @image 66M",
        "measure -O qcow2 @image",
        "bench -c 5000 @image"
      })
  void whoStopsItFindsAllAsItWas(String line) throws IOException {
    Said said = run(line, false, true);
    assertThat(said.status()).isEqualTo(1);
    assertThat(said.err()).contains("Stopped; nothing has been changed.");
    try (OpenedImage opened = Images.open(image, OpenOptions.readOnly())) {
      assertThat(opened.device().size()).isEqualTo(SIZE);
      assertThat(ImageModel.read(opened.device(), (4 << 20) - 1, 2)).containsExactly('x', 0);
    }
    Said check = run("check @image", false, false);
    assertThat(check.status()).as(check.out() + check.err()).isZero();
  }

  @Test
  void aRawFileThatWasToGrowIsAsLongAsBefore() throws IOException {
    Path raw = Files.write(folder.resolve("raw"), new byte[1 << 20]);
    Said said = run("resize -f raw --preallocation=full @raw 64M", false, true);
    assertThat(said.err()).contains("nothing has been changed");
    assertThat(raw).hasSize(1 << 20);
  }
}
