package io.satchel.guests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.satchel.app.launch.Main;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Where the tests' guests are, and how one is run: by the same command line as a person would. */
public final class Guests {

  static final Path SEABIOS = Path.of("/usr/share/seabios/bios-256k.bin");
  static final Path SEABIOS_VGA = Path.of("/usr/share/seabios/vgabios-stdvga.bin");
  static final Path GRUB_FLOPPY = Path.of("/usr/lib/grub-rescue/grub-rescue-floppy.img");
  public static final Path GRUB_CD = Path.of("/usr/lib/grub-rescue/grub-rescue-cdrom.iso");

  private static final Path MADE = Path.of(System.getProperty("satchel.guests", "target/guests"));

  private Guests() {}

  /** A file of a Debian package; the test is skipped by the package's name without it. */
  public static Path installed(Path file, String debianPackage) {
    assumeTrue(Files.exists(file), "needs " + file + " of the Debian package " + debianPackage);
    return file;
  }

  /** A guest that {@code make-guests.sh} makes. */
  static Path made(String name) throws Exception {
    Path file = MADE.resolve(name);
    if (!Files.exists(file)) {
      assumeTrue(
          Files.exists(Path.of("/usr/sbin/debootstrap")), "needs debootstrap to make " + name);
      Process make =
          new ProcessBuilder("bash", "src/test/guests/make-guests.sh", MADE.toString())
              .redirectErrorStream(true)
              .redirectOutput(Path.of("target", "make-guests.log").toFile())
              .start();
      assertThat(make.waitFor()).as("make-guests.sh, see target/make-guests.log").isZero();
    }
    return file;
  }

  /** The options for SeaBIOS; skipped by name without it. */
  static List<String> seaBios() {
    installed(SEABIOS, "seabios");
    return List.of("--bios", SEABIOS.toString(), "--vga-bios", SEABIOS_VGA.toString());
  }

  /**
   * Runs {@code satchel run ARGUMENTS --headless}; the exit status has to be 0. Gives what was
   * printed.
   */
  static String run(List<String> firmware, Object... arguments) {
    List<String> line = new ArrayList<>(List.of("run", "--headless"));
    line.addAll(firmware);
    for (Object argument : arguments) {
      line.add(argument.toString());
    }
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    PrintStream stream = new PrintStream(printed, true, StandardCharsets.UTF_8);
    int status = Main.run(stream, stream, line.toArray(String[]::new));
    String text = printed.toString(StandardCharsets.UTF_8);
    assertThat(status).as(String.join(" ", line) + "\n" + text).isZero();
    return text;
  }

  /** As {@link #run} without other firmware, in a process of its own. */
  static void runApart(Object... arguments) throws IOException, InterruptedException {
    List<String> line =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                "run",
                "--headless"));
    for (Object argument : arguments) {
      line.add(argument.toString());
    }
    Process process = new ProcessBuilder(line).redirectErrorStream(true).start();
    String printed;
    try (InputStream output = process.getInputStream()) {
      printed = new String(output.readAllBytes(), StandardCharsets.UTF_8);
    }
    assertThat(process.waitFor()).as(String.join(" ", line) + "\n" + printed).isZero();
  }
}
