package io.satchel.app.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * How long {@code ./satchel} takes to its library, with the cache that its first start makes and
 * without it. Builds nothing: {@code ./satchel --version} does.
 */
@Tag("bench")
@Timeout(300)
class StartBenchTests {

  private static final int ROUNDS = Integer.getInteger("satchel.rounds", 7);
  private static final int DISPLAY = 93;
  private static final Path STARTER = Path.of("..", "satchel").toAbsolutePath().normalize();
  private static final Path CACHE = STARTER.resolveSibling("app/target/satchel.aot");
  private static final Pattern SHOWN =
      Pattern.compile("shown after (\\d+) ms, (\\d+) ms of processor time");

  @TempDir private Path home;

  private record Start(double clock, double processor) {}

  @Test
  void theLibraryIsThereWithinOneAndAHalfSeconds() throws Exception {
    assumeTrue(Files.isExecutable(Path.of("/usr/bin/Xvfb")), "needs the Debian package xvfb");
    assumeTrue(Files.exists(CACHE), "needs " + CACHE + "; ./satchel --version makes it");
    Process display =
        new ProcessBuilder("Xvfb", ":" + DISPLAY, "-screen", "0", "1280x1024x24")
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    try {
      Thread.sleep(2000);
      start(true);
      List<Start> with = new ArrayList<>();
      List<Start> without = new ArrayList<>();
      for (int round = 0; round < ROUNDS; round++) {
        with.add(start(true));
        without.add(start(false));
      }
      print("without the cache", without);
      print("with it", with);
      assertThat(clock(with)).as("seconds").isLessThan(1.5);
    } finally {
      display.destroyForcibly().waitFor();
    }
  }

  private static double clock(List<Start> starts) {
    return starts.stream()
        .map(Start::clock)
        .sorted()
        .skip(starts.size() / 2)
        .findFirst()
        .orElseThrow();
  }

  private static void print(String what, List<Start> starts) {
    System.out.printf(
        Locale.ROOT,
        "%-18s %.2f s on the clock (%.2f to %.2f), %.2f s of processor time%n",
        what,
        clock(starts),
        starts.stream().mapToDouble(Start::clock).min().orElseThrow(),
        starts.stream().mapToDouble(Start::clock).max().orElseThrow(),
        starts.stream()
            .mapToDouble(Start::processor)
            .sorted()
            .skip(starts.size() / 2)
            .findFirst()
            .orElseThrow());
  }

  private Start start(boolean cached) throws IOException, InterruptedException {
    String options = "-Dsatchel.timing=true -Duser.home=" + home;
    ProcessBuilder builder =
        new ProcessBuilder(STARTER.toString()).directory(home.toFile()).redirectErrorStream(true);
    builder.environment().put("DISPLAY", ":" + DISPLAY);
    builder
        .environment()
        .put("SATCHEL_JAVA_OPTIONS", cached ? options : options + " -XX:AOTMode=off");
    Process window = builder.start();
    try (BufferedReader lines = window.inputReader()) {
      StringBuilder said = new StringBuilder();
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        Matcher shown = SHOWN.matcher(line);
        if (shown.find()) {
          return new Start(
              Integer.parseInt(shown.group(1)) / 1000.0, Integer.parseInt(shown.group(2)) / 1000.0);
        }
        said.append(line).append('\n');
      }
      throw new AssertionError("the library was not shown: " + said);
    } finally {
      window.destroyForcibly().waitFor();
    }
  }
}
