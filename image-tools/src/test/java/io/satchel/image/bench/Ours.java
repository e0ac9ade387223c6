package io.satchel.image.bench;

import io.satchel.image.bench.Child.Took;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;

/** {@code satchel img} as its starter runs it: a fresh process, with the options of that face. */
final class Ours {
  private static final Path OPTIONS = Path.of("src/main/launch/img.options").toAbsolutePath();

  private final List<String> java = new ArrayList<>();

  /** Packs the classes and lets the JVM save what the commands load, as the first build does. */
  Ours(Path folder) throws IOException {
    Path jar = folder.resolve("image-tools.jar");
    pack(Path.of("target/classes"), jar);
    String libraries =
        Stream.of(
                System.getProperty(
                        "surefire.test.class.path", System.getProperty("java.class.path"))
                    .split(File.pathSeparator))
            .filter(each -> each.endsWith(".jar"))
            .reduce(jar.toString(), (all, each) -> all + File.pathSeparator + each);
    Path saved = folder.resolve("img.aot");
    String program = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    Files.deleteIfExists(saved);
    Child.run(
        program,
        "@" + OPTIONS,
        "-XX:AOTCacheOutput=" + saved,
        "-cp",
        libraries,
        "io.satchel.image.cli.FirstRun",
        folder);
    java.addAll(
        List.of(
            program,
            "@" + OPTIONS,
            "-XX:AOTCache=" + saved,
            "-cp",
            libraries,
            "io.satchel.image.cli.ImgCommand"));
  }

  Took run(Object... arguments) {
    return Child.run(java, List.of(arguments));
  }

  private static void pack(Path classes, Path jar) throws IOException {
    try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar));
        Stream<Path> files = Files.walk(classes)) {
      for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
        out.putNextEntry(
            new JarEntry(classes.relativize(file).toString().replace(File.separatorChar, '/')));
        Files.copy(file, out);
      }
    }
  }
}
