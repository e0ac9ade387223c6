package io.satchel.app.preset;

import io.satchel.app.common.JsonFile;
import io.satchel.resources.Texts;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** All presets, oldest system first. */
public final class Presets {

  private static final String FOLDER = "/io/satchel/resources/presets/";

  /** What an image that is not recognised runs with. */
  public static final String UNKNOWN = "unknown";

  private final List<Preset> all;

  private Presets(List<Preset> all) {
    this.all = all;
  }

  /** Reads those that {@code index.txt} lists, an id a line. */
  public static Presets load() {
    return new Presets(
        text("index.txt")
            .lines()
            .map(String::strip)
            .filter(line -> !line.isEmpty())
            .map(Presets::one)
            .toList());
  }

  private static Preset one(String id) {
    try {
      return JsonFile.parse(text(id + ".json"), id + ".json", Preset.class, Preset.VERSION);
    } catch (IOException e) {
      throw new UncheckedIOException("The program's own preset " + id + " is broken", e);
    }
  }

  private static String text(String name) {
    try (InputStream in = Texts.class.getResourceAsStream(FOLDER + name)) {
      if (in == null) {
        throw new IllegalStateException("the program's own preset file " + name + " is missing");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public List<Preset> all() {
    return all;
  }

  /**
   * What else an image that is not recognised may start with, the likeliest first: {@code
   * likely.txt} has the order. Each has other hardware than those before it and than {@code tried}.
   */
  public List<Preset> others(Preset tried) {
    List<Preset> others = new ArrayList<>();
    for (String id : text("likely.txt").lines().toList()) {
      find(id)
          .filter(each -> !sameHardware(each, tried))
          .filter(each -> others.stream().noneMatch(other -> sameHardware(each, other)))
          .ifPresent(others::add);
    }
    return others;
  }

  private static boolean sameHardware(Preset one, Preset other) {
    return one.memoryMib() == other.memoryMib() && one.processor().equals(other.processor());
  }

  /** The one of that id. */
  public Optional<Preset> find(@Nullable String id) {
    return all.stream().filter(preset -> preset.id().equals(id)).findFirst();
  }

  /** The one of that id, or the one for what is not recognised. */
  public Preset orUnknown(@Nullable String id) {
    return find(id).or(() -> find(UNKNOWN)).orElseThrow();
  }
}
