package io.satchel.guests;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
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
}
