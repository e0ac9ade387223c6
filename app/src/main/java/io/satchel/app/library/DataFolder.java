package io.satchel.app.library;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Where the program keeps what is a person's: one folder, beside the program where that is
 * possible, so that both can be carried on a stick.
 *
 * @param path the folder
 * @param portable whether it lies beside the program
 */
public record DataFolder(Path path, boolean portable) {

  private static final String NAME = "data";

  /**
   * The folder {@code data} beside the program when it is there and can be written, or can be made
   * there; else {@code .satchel} in the person's own folder.
   *
   * @param program the program's folder, or null when that is not known
   */
  public static DataFolder locate(@Nullable Path program, Path home) {
    if (program != null) {
      Path beside = program.toAbsolutePath().normalize().resolve(NAME);
      if (writable(beside)) {
        return new DataFolder(beside, true);
      }
    }
    return of(home);
  }

  /** The one in the person's own folder. */
  public static DataFolder of(Path home) {
    return new DataFolder(home.toAbsolutePath().normalize().resolve(".satchel"), false);
  }

  private static boolean writable(Path folder) {
    try {
      Files.createDirectories(folder);
      // Only writing tells: a read-only medium shows the same permission bits as another.
      Files.delete(Files.createTempFile(folder, "probe", ""));
      return true;
    } catch (IOException _) {
      return false;
    }
  }

  public Path machines() {
    return path.resolve("machines");
  }

  /** Which machines are kept elsewhere. */
  public Path places() {
    return path.resolve("places.json");
  }

  public Path settings() {
    return path.resolve("settings.json");
  }

  public Path recent() {
    return path.resolve("recent.txt");
  }

  /** CDs and floppies that were put into a drive. */
  public Path recentMedia() {
    return path.resolve("recent-media.txt");
  }

  public Path logs() {
    return path.resolve("logs");
  }
}
