package io.satchel.app.common;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What a person chose for the whole program; {@code settings.json}.
 *
 * @param version of this form
 * @param theme light, dark, or as the desktop has it
 * @param language of the window, or as the desktop has it
 */
public record AppSettings(int version, Choice theme, Language language) {

  static final int VERSION = 1;

  /** The window's colours. */
  public enum Choice {
    SYSTEM,
    LIGHT,
    DARK
  }

  /** The window's languages. */
  public enum Language {
    SYSTEM,
    ENGLISH,
    CHINESE
  }

  @SuppressWarnings("NullAway") // a file may leave a field out
  public AppSettings {
    theme = orElse(theme, Choice.SYSTEM);
    language = orElse(language, Language.SYSTEM);
  }

  private static <T> T orElse(@Nullable T given, T otherwise) {
    return given == null ? otherwise : given;
  }

  /** As everybody begins. */
  public static AppSettings standard() {
    return new AppSettings(VERSION, Choice.SYSTEM, Language.SYSTEM);
  }

  public AppSettings withTheme(Choice other) {
    return new AppSettings(version, other, language);
  }

  public AppSettings withLanguage(Language other) {
    return new AppSettings(version, theme, other);
  }

  /** The chosen language, where {@code system} is the desktop's. */
  public Locale locale(Locale system) {
    return switch (language) {
      case SYSTEM -> system;
      case ENGLISH -> Locale.ENGLISH;
      case CHINESE -> Locale.SIMPLIFIED_CHINESE;
    };
  }

  /** Reads them; what cannot be read is as everybody begins, for no choice is worth a dead end. */
  public static AppSettings read(Path file) {
    if (!Files.exists(file)) {
      return standard();
    }
    try {
      return JsonFile.read(file, AppSettings.class, VERSION);
    } catch (IOException e) {
      System.getLogger(AppSettings.class.getName())
          .log(System.Logger.Level.WARNING, "reading the settings", e);
      return standard();
    }
  }
}
