package io.satchel.image.fuzz;

import java.io.IOException;
import java.util.List;

/**
 * What Jazzer calls. The system property {@code satchel.fuzz.target} names the {@link FuzzTarget}.
 */
public final class ImageFuzz {
  private static final FuzzTarget TARGET =
      FuzzTarget.valueOf(System.getProperty("satchel.fuzz.target", "QCOW2"));
  private static final List<Seed> SEEDS = seeds();

  private ImageFuzz() {}

  private static List<Seed> seeds() {
    try {
      return TARGET.seeds();
    } catch (IOException e) {
      throw new IllegalStateException("the images to start from cannot be made", e);
    }
  }

  /** One damaged image. */
  public static void fuzzerTestOneInput(byte[] input) throws IOException {
    TARGET.exercise(Seed.image(SEEDS, input));
  }
}
