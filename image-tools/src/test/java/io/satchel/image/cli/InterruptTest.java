package io.satchel.image.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.QemuImg;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
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
    boolean untouched = Arrays.equals(Files.readAllBytes(image), before);
    // The signal may come when the work has just been finished.
    assertThat(untouched || whole(command, source, image)).isTrue();
  }

  private boolean whole(String command, Path source, Path image) throws IOException {
    if (command.equals("put")) {
      Path got = folder.resolve("got");
      PrintStream none = new PrintStream(OutputStream.nullOutputStream());
      ImgCommand.run(none, none, "get", image.toString(), "/source.raw", got.toString());
      return Files.mismatch(got, source) < 0;
    }
    return QemuImg.run("compare", "-f", "raw", "-F", "qcow2", source, image).status() == 0;
  }

  /** Commands that change an image where it lies, or only read it. */
  @ParameterizedTest
  @CsvSource({
    "dd, 600",
    "dd, 900",
    "compare, 700",
    "check, 600",
    "commit, 700",
    "commit, 1000",
    "rebase, 700",
    "rebase, 1000",
    "resize, 600",
    "measure, 600",
    "bench, 900"
  })
  void losesNothingOfAnImage(String command, int milliseconds) throws Exception {
    QemuImg.needs("kill");
    Path base = folder.resolve("base");
    Path image = folder.resolve("image");
    byte[] below = new byte[24 << 20];
    new Random(5).nextBytes(below);
    Files.write(base, below);
    QemuImg.ok("create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", image, "24M");
    QemuImg.io(image, "write -q -P 5 1M 12M", "write -q -P 6 20M 2M");
    Path whole = folder.resolve("whole");
    QemuImg.ok("convert", "-O", "raw", image, whole);
    byte[] before = Files.readAllBytes(image);
    List<String> words =
        switch (command) {
          case "dd" -> List.of("dd", "bs=4k", "if=" + image, "of=" + folder.resolve("new"));
          case "compare" -> List.of("compare", image + "", whole + "");
          case "check" -> List.of("check", "-r", "all", image + "");
          case "commit" -> List.of("commit", image + "");
          case "rebase" -> List.of("rebase", "-b", "", image + "");
          case "resize" -> List.of("resize", "--preallocation=full", image + "", "200M");
          case "measure" -> List.of("measure", "-O", "qcow2", image + "");
          default -> List.of("bench", "-c", "10000000", image + "");
        };
    Process child = start(words);
    TimeUnit.MILLISECONDS.sleep(milliseconds);
    QemuImg.tool("kill", "-INT", child.pid());
    assertThat(child.waitFor(30, TimeUnit.SECONDS)).as("it ends soon").isTrue();
    assertThat(parts()).isZero();
    if (List.of("dd", "compare", "measure", "bench").contains(command)) {
      assertThat(Files.readAllBytes(image)).isEqualTo(before);
      boolean made = Files.exists(folder.resolve("new"));
      assertThat(made).isEqualTo(command.equals("dd") && child.exitValue() == 0);
    } else {
      QemuImg.run("check", "-r", "all", image);
      QemuImg.checkClean(image);
      QemuImg.run("resize", "--shrink", image, "24M");
      QemuImg.same(image, whole);
    }
  }

  private long parts() throws IOException {
    try (var files = Files.list(folder)) {
      return files.filter(f -> f.toString().contains(".part-")).count();
    }
  }

  private static Process start(String command, Path source, Path image) throws IOException {
    return start(
        switch (command) {
          case "convert" ->
              List.of("convert", "-c", "-f", "raw", "-O", "qcow2", source + "", image + "");
          case "compact" -> List.of("compact", "-c", "-q", image + "");
          default -> List.of("put", image + "", source + "");
        });
  }

  private static Process start(List<String> command) throws IOException {
    List<String> words =
        new ArrayList<>(
            List.of(
                ProcessHandle.current().info().command().orElse("java"),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                "io.satchel.image.cli.ImgCommand"));
    words.addAll(command);
    return new ProcessBuilder(words)
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .start();
  }
}
