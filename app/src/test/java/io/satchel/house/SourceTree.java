package io.satchel.house;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The project's own source files, found from the directory that a test runs in. */
final class SourceTree {

  static final List<String> MODULES = List.of("resources", "image-tools", "vm-engine", "app");

  private SourceTree() {}

  static Path root() {
    Path at = Path.of("").toAbsolutePath();
    while (!Files.exists(at.resolve(".editorconfig"))) {
      Path parent = at.getParent();
      if (parent == null) {
        throw new IllegalStateException("not run inside the project");
      }
      at = parent;
    }
    return at;
  }

  /** Every Java file of every module, main and test. */
  static List<Path> javaFiles() throws IOException {
    List<Path> files = new ArrayList<>();
    for (String module : MODULES) {
      Path source = root().resolve(module).resolve("src");
      if (Files.isDirectory(source)) {
        try (Stream<Path> walk = Files.walk(source)) {
          walk.filter(file -> file.toString().endsWith(".java")).forEach(files::add);
        }
      }
    }
    return files;
  }
}
