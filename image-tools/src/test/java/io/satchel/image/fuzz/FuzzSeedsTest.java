package io.satchel.image.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The short form of {@link FuzzTest} for every run: damaged images by a fixed seed, and the images
 * that once did more than give a typed error.
 */
class FuzzSeedsTest {
  private static final int IMAGES = Integer.getInteger("satchel.fuzz.images", 60);
  private static final Duration LONG = Duration.ofSeconds(20);
  private static final Path FOUND = Path.of("src/test/resources/fuzz");

  @ParameterizedTest
  @EnumSource(FuzzTarget.class)
  void damagedImagesGiveTypedErrors(FuzzTarget target) throws IOException {
    List<Seed> seeds = target.seeds();
    for (int i = 0; i < seeds.size(); i++) {
      byte[] sound = seeds.get(i).input(i);
      tried(target, seeds, sound, "sound image " + i);
      for (int round = 0; round < Math.ceilDiv(IMAGES, seeds.size()); round++) {
        Random random = new Random(i * 100_000L + round);
        byte[] input = sound.clone();
        for (int change = 0; change < 1 + random.nextInt(6); change++) {
          damage(random, input);
        }
        input[0] = (byte) i;
        input[1] = (byte) random.nextInt(2);
        if (random.nextInt(6) > 0) {
          input[2] = input[3] = 0;
        }
        tried(target, seeds, input, "image " + i + ", round " + round);
      }
    }
  }

  private static void damage(Random random, byte[] input) {
    int at = random.nextInt(input.length);
    switch (random.nextInt(4)) {
      case 0 -> input[at] ^= (byte) (1 << random.nextInt(8));
      case 1 -> input[at] = (byte) random.nextInt();
      case 2 -> {
        for (int i = at; i < Math.min(at + 8, input.length); i++) {
          input[i] = (byte) (random.nextInt(3) - 1);
        }
      }
      default -> {
        int from = random.nextInt(input.length);
        int n = Math.min(8, input.length - Math.max(at, from));
        System.arraycopy(input, from, input, at, n);
      }
    }
  }

  private static void tried(FuzzTarget target, List<Seed> seeds, byte[] input, String which) {
    long start = System.nanoTime();
    try {
      target.exercise(Seed.image(seeds, input));
    } catch (IOException | RuntimeException | Error e) {
      throw new AssertionError(target + ", " + which + ": " + e, e);
    }
    assertThat(Duration.ofNanos(System.nanoTime() - start)).as(which).isLessThan(LONG);
  }

  /** Each file is named after its target, and is the image as the finder made it, in gzip. */
  @TestFactory
  Stream<DynamicTest> whatWasFoundOnceStaysMended() throws IOException {
    try (Stream<Path> all = Files.list(FOUND)) {
      return all.filter(f -> f.toString().endsWith(".gz")).sorted().toList().stream()
          .map(file -> DynamicTest.dynamicTest(file.getFileName().toString(), () -> again(file)));
    }
  }

  private static void again(Path file) {
    String name = file.getFileName().toString();
    FuzzTarget target = FuzzTarget.valueOf(name.substring(0, name.indexOf('-')));
    long start = System.nanoTime();
    try (InputStream in = new GZIPInputStream(Files.newInputStream(file))) {
      target.exercise(in.readAllBytes());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(LONG);
  }

  @Test
  void aFoundImageIsThere() {
    assertThat(FOUND).isDirectoryContaining("glob:**.gz");
  }
}
