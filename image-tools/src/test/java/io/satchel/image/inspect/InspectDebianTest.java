package io.satchel.image.inspect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.QemuImg;
import io.satchel.image.inspect.Inspector.Findings;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Debian on disks that its own tools made. A whole Debian takes minutes to fetch: {@code
 * -Dsatchel.debootstrap=FOLDER} names the folder that keeps it, which is filled by debootstrap when
 * it is not there ({@code -Dsatchel.debootstrap.mirror=URL}); without it the test of a whole one is
 * skipped, and one of its release, shell and fstab stands for it.
 */
class InspectDebianTest {
  @TempDir Path folder;

  private static void tool(String name, Object... arguments) {
    QemuImg.Outcome outcome = QemuImg.tool(name, arguments);
    assertThat(outcome.status()).as(name + ": " + outcome.out()).isZero();
  }

  private Path empty(long bytes) throws IOException {
    Path disk = folder.resolve("disk");
    try (RandomAccessFile raw = new RandomAccessFile(disk.toFile(), "rw")) {
      raw.setLength(bytes);
    }
    return disk;
  }

  private static Findings inspect(Path disk) throws IOException {
    try (OpenedImage image = Images.open(disk, OpenOptions.readOnly().withFormat("raw"))) {
      return Inspector.inspect(image);
    }
  }

  /** "3.1 of 10 GB used" by what dumpe2fs counts. */
  private static String used(Path disk) {
    String said = QemuImg.tool("dumpe2fs", "-h", disk).out();
    long block = number(said, "Block size");
    long all = number(said, "Block count") * block;
    long used = all - number(said, "Free blocks") * block;
    boolean large = all >= 1_000_000_000;
    double unit = large ? 1e9 : 1e6;
    return rounded(used / unit) + " of " + rounded(all / unit) + (large ? " GB" : " MB") + " used";
  }

  private static String rounded(double value) {
    return String.format(Locale.ROOT, "%.1f", value).replaceFirst("\\.0$", "");
  }

  private static long number(String text, String field) {
    Matcher m = Pattern.compile("(?m)^" + field + ":\\s+([0-9]+)").matcher(text);
    assertThat(m.find()).as(field).isTrue();
    return Long.parseLong(m.group(1));
  }

  @Test
  void theReleaseAndShellOfThisHostAreTold() throws IOException {
    Path release = Path.of("/usr/lib/os-release");
    Path shell = Path.of("/usr/bin/dash");
    assumeTrue(Files.exists(release) && Files.exists(shell), "this host is no Debian");
    Path root = Files.createDirectories(folder.resolve("root"));
    for (String each : List.of("etc", "usr/lib", "usr/bin", "usr/sbin")) {
      Files.createDirectories(root.resolve(each));
    }
    Files.copy(release, root.resolve("usr/lib/os-release"));
    Files.copy(shell, root.resolve("usr/bin/dash"));
    Files.createSymbolicLink(root.resolve("etc/os-release"), Path.of("../usr/lib/os-release"));
    Files.createSymbolicLink(root.resolve("usr/bin/sh"), Path.of("dash"));
    Files.createSymbolicLink(root.resolve("bin"), Path.of("usr/bin"));
    Files.createSymbolicLink(root.resolve("sbin"), Path.of("usr/sbin"));
    Files.writeString(root.resolve("etc/fstab"), "# UNCONFIGURED FSTAB FOR BASE SYSTEM\n");
    Path disk = empty(32 << 20);
    tool("mkfs.ext4", "-q", "-F", "-L", "root", "-d", root, disk);
    told(disk, release, shell);
  }

  @Test
  void aWholeDebianIsTold() throws IOException {
    String given = System.getProperty("satchel.debootstrap");
    assumeTrue(given != null, "-Dsatchel.debootstrap=FOLDER is not given");
    Path root = Path.of(given);
    if (!Files.exists(root.resolve("etc/os-release"))) {
      QemuImg.needs("debootstrap");
      QemuImg.Outcome made =
          QemuImg.tool(
              "debootstrap",
              "--variant=minbase",
              "bookworm",
              root,
              System.getProperty("satchel.debootstrap.mirror", "http://deb.debian.org/debian"));
      assumeTrue(made.status() == 0, "debootstrap could not fetch Debian");
    }
    Path disk = empty(1200L << 20);
    tool("mkfs.ext4", "-q", "-F", "-L", "root", "-d", root, disk);
    told(disk, root.resolve("usr/lib/os-release"), root.resolve("usr/bin/dash"));
  }

  private static void told(Path disk, Path release, Path shell) throws IOException {
    Matcher pretty =
        Pattern.compile("(?m)^PRETTY_NAME=\"(.*)\"$").matcher(Files.readString(release));
    assertThat(pretty.find()).isTrue();
    int machine = Files.readAllBytes(shell)[18];
    String bits = machine == 62 ? "64-bit" : machine == 3 ? "32-bit" : "ARM64";
    Findings found = inspect(disk);
    assertThat(found.sentence())
        .isEqualTo(
            pretty.group(1)
                + ", "
                + bits
                + ", on ext4 named root, "
                + used(disk)
                + ", nothing starts from it");
    assertThat(found.preset()).isEqualTo("linux");
  }
}
