package io.satchel.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Runs the real qemu-img and qemu-io, which the tests hold this program against. */
public final class QemuImg {
  /** What a run gave. */
  public record Outcome(int status, String out) {}

  /**
   * What qemu-img 7.2 says when it could not time its key derivation: with a small {@code
   * iter-time} on a busy host getrusage() gives it no processor time at all. Nothing is wrong with
   * the image then.
   */
  private static final String NO_CALIBRATION = "Unable to get accurate CPU usage";

  private QemuImg() {}

  /** Skips the test when a tool is not installed. */
  public static void needs(String tool) {
    boolean there =
        Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
            .anyMatch(folder -> Files.isExecutable(Path.of(folder, tool)));
    assumeTrue(there, tool + " is not installed");
  }

  /** Runs qemu-img and returns what it printed, standard error included. */
  public static Outcome run(Object... arguments) {
    Outcome outcome = tool("qemu-img", arguments);
    for (int again = 0; again < 5 && outcome.out().contains(NO_CALIBRATION); again++) {
      outcome = tool("qemu-img", arguments);
    }
    return outcome;
  }

  /** Runs any tool of the host. */
  public static Outcome tool(String name, Object... arguments) {
    needs(name);
    List<String> command = new ArrayList<>(List.of(name));
    Arrays.stream(arguments).map(Object::toString).forEach(command::add);
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      process.getOutputStream().close();
      String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return new Outcome(process.waitFor(), out);
    } catch (IOException e) {
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  /** Runs qemu-img and expects that it succeeds. */
  public static String ok(Object... arguments) {
    Outcome outcome = run(arguments);
    assertThat(outcome.status()).as(Arrays.toString(arguments) + "\n" + outcome.out()).isZero();
    return outcome.out();
  }

  /** Runs qemu-io commands on a file. */
  public static String io(Path file, String... commands) {
    List<Object> arguments = new ArrayList<>();
    for (String command : commands) {
      arguments.add("-c");
      arguments.add(command);
    }
    arguments.add(file);
    Outcome outcome = tool("qemu-io", arguments.toArray());
    assertThat(outcome.status()).as(outcome.out()).isZero();
    assertThat(outcome.out()).doesNotContain("failed");
    return outcome.out();
  }

  /** Expects that the image has no error and no leak, as qemu-img sees it. */
  public static void checkClean(Path image) {
    ok("check", image);
  }

  /** Expects equal content. */
  public static void same(Path a, Path b) {
    ok("compare", a, b);
  }
}
