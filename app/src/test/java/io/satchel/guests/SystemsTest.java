package io.satchel.guests;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Whole operating systems to a text on their screen, under both firmwares: {@code mvn verify
 * -Pguests}.
 */
@Tag("guests")
class SystemsTest {

  private static List<String> firmware(boolean own) {
    return own ? List.of() : Guests.seaBios();
  }

  @ParameterizedTest(name = "own firmware: {0}")
  @ValueSource(booleans = {true, false})
  void memtestShowsItsFirstTestsProgress(boolean own) {
    Path iso = Guests.installed(Path.of("/usr/lib/memtest86+/memtest86+ia32.iso"), "memtest86+");
    Guests.run(
        firmware(own),
        iso,
        "--memory",
        64,
        "--expect",
        "Memtest86+",
        "--expect",
        "[Moving inversions",
        "--timeout",
        600);
  }

  @Test
  void memtestIn64BitsShowsItsFirstTestsProgress() {
    Path iso = Guests.installed(Path.of("/usr/lib/memtest86+/memtest86+x64.iso"), "memtest86+");
    Guests.run(
        List.of(),
        iso,
        "--memory",
        64,
        "--cpu",
        "max",
        "--expect",
        "Memtest86+",
        "--expect",
        "[Moving inversions",
        "--timeout",
        600);
  }

  @ParameterizedTest(name = "own firmware: {0}")
  @ValueSource(booleans = {true, false})
  void busyboxShellAnswersWhatIsTypedOnTheKeyboard(boolean own) throws Exception {
    Guests.run(
        firmware(own),
        Guests.made("busybox-686.iso"),
        "--expect",
        "BUSYBOX-UP",
        "--wait",
        2,
        "--type",
        "uname -a\n",
        "--expect",
        "GNU/Linux",
        "--type",
        "clear; cat /proc/cpuinfo\n",
        "--expect",
        "bogomips",
        "--timeout",
        900);
  }

  @ParameterizedTest(name = "own firmware: {0}")
  @ValueSource(booleans = {true, false})
  void aKernelForSeveralProcessorsBringsUpBoth(boolean own) throws Exception {
    Guests.run(
        firmware(own),
        Guests.made("busybox-686.iso"),
        "--cpus",
        2,
        "--expect",
        "BUSYBOX-UP",
        "--wait",
        2,
        "--type",
        "clear; echo processors: $(nproc)\n",
        "--expect",
        "processors: 2",
        "--type",
        "poweroff -f\n",
        "--expect",
        "Power down",
        "--timeout",
        900);
  }

  @Test
  void ovmfReachesItsShell() {
    Path code = Guests.installed(Path.of("/usr/share/OVMF/OVMF_CODE_4M.fd"), "ovmf");
    Path variables = Guests.installed(Path.of("/usr/share/OVMF/OVMF_VARS_4M.fd"), "ovmf");
    Guests.run(
        List.of("--pflash", code.toString(), "--pflash", variables.toString()),
        "--cpu",
        "max",
        "--serial",
        "stdio",
        "--expect",
        "Shell> ",
        "--timeout",
        1200);
  }

  @ParameterizedTest(name = "own firmware: {0}")
  @ValueSource(booleans = {true, false})
  void debianInstallerAsksForALanguageInTextMode(boolean own) throws Exception {
    Guests.run(
        firmware(own),
        Guests.made("di-i386-text.iso"),
        "--memory",
        512,
        "--expect",
        "Select a language",
        "--timeout",
        1200);
  }

  /** At 512 MB the installer would ask about low memory first. */
  @Test
  void debianInstallerFor64BitsAsksForALanguageInTextMode() throws Exception {
    Guests.run(
        List.of(),
        Guests.made("di-amd64-text.iso"),
        "--memory",
        1024,
        "--cpu",
        "max",
        "--expect",
        "Select a language",
        "--timeout",
        2400);
  }

  /**
   * Time counts instructions, so that the picture is of the same moment on a slow host; once the
   * dialog waits, time flies.
   */
  @ParameterizedTest(name = "own firmware: {0}")
  @ValueSource(booleans = {true, false})
  void debianInstallerShowsItsGraphicalDialog(boolean own, @TempDir Path folder) throws Exception {
    Path picture = folder.resolve("installer.png");
    Guests.run(
        firmware(own),
        Guests.made("di-i386-gtk.iso"),
        "--memory",
        1024,
        "--clock",
        "instructions",
        "--screenshot",
        picture,
        "--at",
        400,
        "--timeout",
        1800);
    assertShowsTheDialog(picture);
  }

  @Test
  void debianInstallerFor64BitsShowsItsGraphicalDialog(@TempDir Path folder) throws Exception {
    Path picture = folder.resolve("installer.png");
    Guests.run(
        List.of(),
        Guests.made("di-amd64-gtk.iso"),
        "--memory",
        1024,
        "--cpu",
        "max",
        "--clock",
        "instructions",
        "--screenshot",
        picture,
        "--at",
        500,
        "--timeout",
        3600);
    assertShowsTheDialog(picture);
  }

  private static void assertShowsTheDialog(Path picture) throws IOException {
    BufferedImage image = ImageIO.read(picture.toFile());
    assertThat(image.getWidth()).isGreaterThanOrEqualTo(640);
    int light = 0;
    Set<Integer> colours = new HashSet<>();
    for (int y = 0; y < image.getHeight(); y++) {
      for (int x = 0; x < image.getWidth(); x++) {
        int rgb = image.getRGB(x, y) & 0xFFFFFF;
        colours.add(rgb);
        light += (rgb >> 16) > 0xC0 && (rgb & 0xFF) > 0xC0 ? 1 : 0;
      }
    }
    // The dialog is white and grey under a banner of many colours; a console has neither.
    assertThat(light).isGreaterThan(image.getWidth() * image.getHeight() / 2);
    assertThat(colours).hasSizeGreaterThan(100);
  }

  @ParameterizedTest(name = "own firmware: {0}")
  @ValueSource(booleans = {true, false})
  void installedDebianKeepsAFileOverAPowerOff(boolean own, @TempDir Path folder) throws Exception {
    Path image = Guests.made("debian-i386.qcow2");
    Path overlay = folder.resolve("changes.qcow2");
    Guests.run(
        firmware(own),
        image,
        "--memory",
        512,
        "--overlay",
        overlay,
        "--expect",
        "pc-i386 login:",
        "--send",
        "root\n",
        "--expect",
        "Password:",
        "--send",
        "root\n",
        "--expect",
        "root@pc-i386:",
        "--send",
        "echo kept-over-power-off > /root/kept; sync; poweroff\n",
        "--expect",
        "reboot: Power down",
        "--timeout",
        1800);
    assertThat(Files.size(overlay)).isPositive();
    Guests.run(
        firmware(own),
        image,
        "--memory",
        512,
        "--overlay",
        overlay,
        "--expect",
        "pc-i386 login:",
        "--send",
        "root\n",
        "--expect",
        "Password:",
        "--send",
        "root\n",
        "--expect",
        "root@pc-i386:",
        "--send",
        "cat /root/kept\n",
        "--expect",
        "kept-over-power-off",
        "--timeout",
        1800);
    Process check =
        new ProcessBuilder("qemu-img", "check", overlay.toString())
            .redirectErrorStream(true)
            .start();
    String said = new String(check.getInputStream().readAllBytes());
    assertThat(check.waitFor()).as(said).isZero();
  }

  /**
   * What the guest computes is compared with what this host computes: a hash over a file of the
   * guest, and floating point of the processor's and of the library's.
   */
  @ParameterizedTest(name = "processors: {0}")
  @ValueSource(ints = {1, 2})
  void installedDebianFor64BitsLogsInAndComputesWhatTheHostComputes(int processors)
      throws Exception {
    String floating =
        "awk 'BEGIN{for(i=1;i<99;i++) printf \"%.12g %.12g %.12g %.12g\\n\","
            + " sin(i), exp(i/7), log(i), sqrt(i)}' | sha256sum";
    String expected = shell(floating);
    String hash = shell("seq 1 200000 | sha256sum");
    String printed =
        Guests.run(
            List.of(),
            Guests.made("debian-amd64.qcow2"),
            "--memory",
            512,
            "--cpu",
            "max",
            "--cpus",
            processors,
            "--serial",
            "stdio",
            "--expect",
            "pc-amd64 login:",
            "--send",
            "root\n",
            "--expect",
            "Password:",
            "--send",
            "root\n",
            "--expect",
            "root@pc-amd64:",
            "--send",
            "dmesg; echo processors: $(nproc)\n",
            "--expect",
            "processors: " + processors,
            "--send",
            "seq 1 200000 | sha256sum\n",
            "--expect",
            hash,
            "--send",
            floating.replace("\\", "\\\\") + "\n",
            "--expect",
            expected,
            "--timeout",
            2400);
    // QEMU's Linux says none of this.
    assertThat(printed)
        .doesNotContain("Marking TSC unstable")
        .doesNotContain("Fast TSC calibration failed")
        .doesNotContain("hrtimer: interrupt took")
        .doesNotContain("ACPI Error")
        .doesNotContain("ACPI BIOS");
  }

  private static String shell(String command) throws Exception {
    Process process = new ProcessBuilder("sh", "-c", command).start();
    String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).isZero();
    return printed.strip().split(" ")[0];
  }

  /**
   * The desktop's menu opens where the mouse is: it was not there before. Between the terminal's
   * text and the last window lie some 5,000 million instructions: time counts them, so that a slow
   * host shows the same moment.
   */
  @Test
  void theDesktopShowsItsWindowsAndFollowsTheMouse(@TempDir Path folder) throws Exception {
    Path before = folder.resolve("before.png");
    Path moved = folder.resolve("moved.png");
    Path menu = folder.resolve("menu.png");
    Guests.run(
        List.of(),
        Guests.made("debian-i386-x11.qcow2"),
        "--memory",
        512,
        "--clock",
        "instructions",
        "--expect",
        "DESKTOP-UP",
        "--wait",
        60,
        "--screenshot",
        before,
        "--mouse",
        "200,150",
        "--wait",
        3,
        "--screenshot",
        moved,
        "--mouse",
        "0,0,right",
        "--wait",
        5,
        "--screenshot",
        menu,
        "--timeout",
        2400);
    BufferedImage first = ImageIO.read(before.toFile());
    assertThat(colours(first)).as("windows on a desktop").isGreaterThan(20);
    assertThat(differing(first, ImageIO.read(moved.toFile()))).as("the pointer").isPositive();
    assertThat(differing(ImageIO.read(moved.toFile()), ImageIO.read(menu.toFile())))
        .as("the menu")
        .isGreaterThan(1_000);
  }

  private static int colours(BufferedImage image) {
    Set<Integer> colours = new HashSet<>();
    for (int y = 0; y < image.getHeight(); y++) {
      for (int x = 0; x < image.getWidth(); x++) {
        colours.add(image.getRGB(x, y));
      }
    }
    return colours.size();
  }

  private static int differing(BufferedImage a, BufferedImage b) {
    assertThat(b.getWidth()).isEqualTo(a.getWidth());
    int count = 0;
    for (int y = 0; y < a.getHeight(); y++) {
      for (int x = 0; x < a.getWidth(); x++) {
        count += a.getRGB(x, y) == b.getRGB(x, y) ? 0 : 1;
      }
    }
    return count;
  }
}
