package io.satchel.image.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Jazzer, one process a target: {@code mvn verify -pl image-tools -am -Pfuzz -Dtest=FuzzTest
 * -Dsurefire.failIfNoSpecifiedTests=false -Dsatchel.fuzz.seconds=600}. What it finds stays in
 * target/fuzz; a finding that is mended becomes a file of {@link FuzzSeedsTest}.
 */
@Tag("fuzz")
class FuzzTest {
  private static final int HEAP_MIB = 400;

  @ParameterizedTest
  @EnumSource(FuzzTarget.class)
  void nothingButTypedErrorsIsFound(FuzzTarget target) throws Exception {
    long seconds = Long.getLong("satchel.fuzz.seconds", 600);
    Path folder = Path.of("target", "fuzz", target.name()).toAbsolutePath();
    int longest = Corpus.write(target, folder.resolve("corpus"));
    List<String> command = command(target, seconds, longest);
    Path log = folder.resolve("log");
    Process process =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    try {
      assertThat(process.waitFor(seconds + 300, TimeUnit.SECONDS)).isTrue();
    } finally {
      process.destroyForcibly();
    }
    String last = last(log);
    System.out.println(target + ": " + last);
    assertThat(process.exitValue())
        .as("%s: see %s; run again:%n  cd %s && %s", last, log, folder, String.join(" ", command))
        .isZero();
  }

  private static List<String> command(FuzzTarget target, long seconds, int longest) {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx" + HEAP_MIB + "m",
                "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED",
                "-Dsatchel.fuzz.target=" + target,
                "-cp",
                absolute(System.getProperty("java.class.path")),
                "com.code_intelligence.jazzer.Jazzer",
                "--target_class=" + ImageFuzz.class.getName(),
                "--instrumentation_includes=io.satchel.image.**:org.tukaani.**",
                // It takes the memory that zstd is handed for an attack.
                "--disabled_hooks=com.code_intelligence.jazzer.sanitizers.UnsafeSanitizer",
                "-max_total_time=" + seconds,
                "-timeout=20",
                "-len_control=0",
                "-max_len=" + (longest + 1024)));
    command.add("corpus");
    return command;
  }

  private static String absolute(String classPath) {
    return String.join(
        File.pathSeparator,
        Arrays.stream(classPath.split(File.pathSeparator))
            .map(p -> Path.of(p).toAbsolutePath().toString())
            .toList());
  }

  /** How many images it tried and how much of the program they reached. */
  private static String last(Path log) throws IOException {
    return Files.readAllLines(log).stream()
        .filter(line -> line.startsWith("#") || line.startsWith("Done") || line.startsWith("=="))
        .reduce("", (before, line) -> before.startsWith("==") ? before : line);
  }
}
