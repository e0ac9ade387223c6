package io.satchel.image;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a person answered to the questions that the files of an image raised. Each answer belongs to
 * the file that raised it, wherever in a chain that is.
 *
 * @param moved where the file is now that an image lies over
 * @param outside images that may lie over a file outside of their folder
 * @param keys pass phrases
 */
public record Answers(Map<Path, Path> moved, Set<Path> outside, Map<Path, byte[]> keys) {

  public Answers {
    moved = Map.copyOf(moved);
    outside = Set.copyOf(outside);
    keys = Map.copyOf(keys);
  }

  /** Nothing was asked. */
  public static Answers none() {
    return new Answers(Map.of(), Set.of(), Map.of());
  }

  private static Path plain(Path image) {
    return image.toAbsolutePath().normalize();
  }

  /** The file below {@code image} is {@code now}, which may be read wherever it is. */
  public Answers withMoved(Path image, Path now) {
    Map<Path, Path> more = new HashMap<>(moved);
    more.put(plain(image), plain(now));
    return new Answers(more, outside, keys);
  }

  /** {@code image} may lie over a file that is not in its folder. */
  public Answers withOutside(Path image) {
    Set<Path> more = new HashSet<>(outside);
    more.add(plain(image));
    return new Answers(moved, more, keys);
  }

  /** {@code passphrase} unlocks {@code image}. */
  public Answers withKey(Path image, byte[] passphrase) {
    Map<Path, byte[]> more = new HashMap<>(keys);
    more.put(plain(image), passphrase.clone());
    return new Answers(moved, outside, more);
  }

  @Nullable Path below(Path image) {
    return moved.get(plain(image));
  }

  boolean mayLeave(Path image) {
    return outside.contains(plain(image));
  }

  byte @Nullable [] key(Path image) {
    return keys.get(plain(image));
  }
}
