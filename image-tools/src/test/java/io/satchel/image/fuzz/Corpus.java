package io.satchel.image.fuzz;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.GZIPOutputStream;

/** The sound images of a target as files that a fuzzer begins with. */
final class Corpus {
  private Corpus() {}

  /** Writes them into a folder, and returns the length of the longest. */
  static int write(FuzzTarget target, Path folder) throws IOException {
    Files.createDirectories(folder);
    List<Seed> seeds = target.seeds();
    int longest = 0;
    for (int i = 0; i < seeds.size(); i++) {
      byte[] input = seeds.get(i).input(i);
      longest = Math.max(longest, input.length);
      Files.write(folder.resolve("seed" + i), input);
      // The same with checksums mended, where the image has any.
      input[1] = 1;
      Files.write(folder.resolve("mended" + i), input);
    }
    return longest;
  }

  /** Keeps what was found: the image that the fuzzer's bytes mean, for {@link FuzzSeedsTest}. */
  static void keep(FuzzTarget target, Path input, Path file) throws IOException {
    byte[] image = Seed.image(target.seeds(), Files.readAllBytes(input));
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
      out.write(image);
    }
  }

  /**
   * For runs by hand: a target and the folder of its corpus, or a target, the fuzzer's file and the
   * file to keep it as.
   */
  static void main(String[] arguments) throws IOException {
    FuzzTarget target = FuzzTarget.valueOf(arguments[0]);
    Path first = Path.of(arguments[1]);
    if (arguments.length > 2) {
      keep(target, first, Path.of(arguments[2]));
    } else {
      System.out.println(write(target, first));
    }
  }
}
