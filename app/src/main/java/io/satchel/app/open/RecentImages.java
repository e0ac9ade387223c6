package io.satchel.app.open;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;

/** The images that were opened last, the newest first; a text file with a path a line. */
public final class RecentImages {

  private static final int MOST = 6;

  private final Path file;

  public RecentImages(Path file) {
    this.file = file;
  }

  /** Those that are still there. A list that cannot be read is an empty one. */
  public synchronized List<Path> list() {
    return read().stream().filter(Files::isRegularFile).toList();
  }

  /** Puts {@code image} first. That it could not be noted is no reason not to run it. */
  public synchronized void add(Path image) {
    List<Path> images = new ArrayList<>(read());
    Path absolute = image.toAbsolutePath().normalize();
    images.remove(absolute);
    images.addFirst(absolute);
    try {
      Files.createDirectories(file.toAbsolutePath().getParent());
      Path fresh = file.resolveSibling(file.getFileName() + ".new");
      Files.write(fresh, images.stream().limit(MOST).map(Path::toString).toList());
      Files.move(fresh, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      System.getLogger(RecentImages.class.getName())
          .log(System.Logger.Level.WARNING, "noting a recent image", e);
    }
  }

  private List<Path> read() {
    if (!Files.isReadable(file)) {
      return List.of();
    }
    try {
      return Files.readAllLines(file).stream()
          .filter(line -> !line.isBlank())
          .limit(MOST)
          .map(Path::of)
          .toList();
    } catch (IOException | InvalidPathException _) {
      return List.of();
    }
  }
}
