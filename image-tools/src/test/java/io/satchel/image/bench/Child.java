package io.satchel.image.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.jna.Library;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Platform;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** A child process, and what it took of the clock and of the processors. */
final class Child {
  private static final int RUSAGE_CHILDREN = -1;
  private static final int BYTES_OF_RUSAGE = 144;

  /** The C library's function; see getrusage(2). */
  interface Usage extends Library {
    int getrusage(int who, Memory usage);
  }

  /**
   * What one or several processes took, in seconds.
   *
   * @param cpu of all processors, in the programs and in the kernel for them
   */
  record Took(double wall, double cpu) {
    Took plus(Took more) {
      return new Took(wall + more.wall, cpu + more.cpu);
    }
  }

  private Child() {}

  /** Skips the test where processor time cannot be told. */
  static void needsLinux() {
    assumeTrue(Platform.isLinux() && Native.POINTER_SIZE == 8, "this is not 64-bit Linux");
  }

  /** Runs a command to its end and expects that it succeeds. */
  static Took run(Object... command) {
    return runAllowing(List.of(), command);
  }

  /** As {@link #run}, with other statuses than 0 that mean success. */
  static Took runAllowing(List<Integer> alsoGood, Object... command) {
    try {
      double before = childrenSeconds();
      long start = System.nanoTime();
      Process process =
          new ProcessBuilder(words(command))
              .redirectErrorStream(true)
              .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
              .start();
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      int status = process.waitFor();
      double wall = (System.nanoTime() - start) / 1e9;
      if (!alsoGood.contains(status)) {
        assertThat(status).as(Arrays.toString(command) + "\n" + said).isZero();
      }
      return new Took(wall, childrenSeconds() - before);
    } catch (IOException e) {
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  /** Puts what is still to be written on the medium first, so that nobody pays for others. */
  static void settle() {
    run("sync");
  }

  static Took flush(Path file) {
    return run("sync", file);
  }

  private static List<String> words(Object... command) {
    return Stream.of(command)
        .flatMap(
            each ->
                each instanceof List<?> several
                    ? words(several.toArray()).stream()
                    : Stream.of(each.toString()))
        .toList();
  }

  /** The processor time of all children that have ended. */
  private static double childrenSeconds() {
    Usage usage = Native.load("c", Usage.class);
    try (Memory buffer = new Memory(BYTES_OF_RUSAGE)) {
      buffer.clear();
      usage.getrusage(RUSAGE_CHILDREN, buffer);
      return buffer.getLong(0)
          + buffer.getLong(16)
          + (buffer.getLong(8) + buffer.getLong(24)) / 1e6;
    }
  }
}
