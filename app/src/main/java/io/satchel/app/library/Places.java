package io.satchel.app.library;

import io.satchel.app.common.JsonFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The machines that are kept elsewhere than in the library's own folder; {@code places.json}.
 *
 * @param version of this form
 * @param folders their folders, absolute, or relative to the data folder where they move with it
 */
record Places(int version, List<String> folders) {

  private static final int VERSION = 1;

  Places {
    folders = List.copyOf(folders);
  }

  static Places read(Path file) throws IOException {
    return Files.exists(file)
        ? JsonFile.read(file, Places.class, VERSION)
        : new Places(VERSION, List.of());
  }

  /** The folders; {@code together} is the data folder. */
  List<Path> folders(Path together) {
    Path base = together.toAbsolutePath().normalize();
    return folders.stream().map(name -> base.resolve(name).normalize()).toList();
  }

  Places with(Path folder, Path together) {
    Path base = together.toAbsolutePath().normalize();
    List<String> more = new ArrayList<>(folders);
    more.add((folder.startsWith(base) ? base.relativize(folder) : folder).toString());
    return new Places(VERSION, more);
  }

  Places without(Path folder, Path together) {
    Path base = together.toAbsolutePath().normalize();
    List<String> fewer = new ArrayList<>(folders);
    fewer.removeIf(name -> base.resolve(name).normalize().equals(folder));
    return new Places(VERSION, fewer);
  }
}
