package io.satchel.image.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.QemuImg;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Ctrl+C in a long command: a real process gets a real SIGINT. */
class InterruptTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"convert", "compact", "put"})
  void leavesNothingHalfWrittenBehind(String command) throws Exception {
    QemuImg.needs("kill");
    Path source = folder.resolve("source.raw");
    byte[] noise = new byte[64 << 20];
    // What packs, and takes its time to.
    Random random = new Random(3);
    for (int i = 0; i < noise.length; i++) {
      noise[i] = (byte) (random.nextInt(16) * (i >> 12 & 3));
    }
    Files.write(source, noise);
    Path image = folder.resolve("image");
    if (command.equals("compact")) {
      QemuImg.ok("convert", "-f", "raw", "-O", "qcow2", source, image);
    } else {
      Files.writeString(image, "what stood there before");
    }
    final byte[] before = Files.readAllBytes(image);
    Process child = start(command, source, image);
    boolean begun = false;
    for (int i = 0; i < 1000 && !begun && child.isAlive(); i++) {
      begun = parts() > 0;
      TimeUnit.MILLISECONDS.sleep(5);
    }
    assertThat(begun).as("the command never began to write").isTrue();
    QemuImg.tool("kill", "-INT", child.pid());
    assertThat(child.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(parts()).isZero();
    if (child.exitValue() != 0) {
      assertThat(Files.readAllBytes(image)).isEqualTo(before);
    } else {
      QemuImg.run("check", image);
    }
  }

  private long parts() throws IOException {
    try (var files = Files.list(folder)) {
      return files.filter(f -> f.toString().contains(".part-")).count();
    }
  }

  private static Process start(String command, Path source, Path image) throws IOException {
    List<String> words =
        new ArrayList<>(
            List.of(
                ProcessHandle.current().info().command().orElse("java"),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                "io.satchel.image.cli.ImgCommand",
                command));
    words.addAll(
        switch (command) {
          case "convert" -> List.of("-c", "-f", "raw", "-O", "qcow2", source + "", image + "");
          case "compact" -> List.of("-c", "-q", image + "");
          default -> List.of(image + "", source + "");
        });
    return new ProcessBuilder(words)
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .start();
  }
}
