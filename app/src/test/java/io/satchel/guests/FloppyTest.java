package io.satchel.guests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** FAT floppies of every size, made by mkfs.fat and mtools, read by GRUB through INT 13h. */
class FloppyTest {

  @ParameterizedTest(name = "{0} KB")
  @ValueSource(ints = {160, 360, 720, 1440})
  void guestReadsAFileFromAFatFloppy(int kilobytes, @TempDir Path folder) throws Exception {
    Path cd = Guests.installed(Guests.GRUB_CD, "grub-rescue-pc");
    assumeTrue(
        Files.exists(Path.of("/usr/sbin/mkfs.fat")),
        "needs mkfs.fat of the Debian package dosfstools");
    assumeTrue(Files.exists(Path.of("/usr/bin/mcopy")), "needs mcopy of the Debian package mtools");
    Path floppy = folder.resolve("floppy.img");
    Path file = folder.resolve("hello.txt");
    Files.writeString(file, "sector by sector from %d KB\n".formatted(kilobytes));
    command("/usr/sbin/mkfs.fat", "-C", floppy.toString(), Integer.toString(kilobytes));
    // Fills most of the disk first, so that the file lies on the last tracks.
    Path filler = folder.resolve("filler.bin");
    Files.write(filler, new byte[kilobytes * 1024 * 3 / 4]);
    command("/usr/bin/mcopy", "-i", floppy.toString(), filler.toString(), "::FILLER.BIN");
    command("/usr/bin/mcopy", "-i", floppy.toString(), file.toString(), "::HELLO.TXT");
    Guests.run(
        List.of(),
        cd,
        "--floppy",
        floppy,
        "--expect",
        "GNU/Linux",
        "--wait",
        "1",
        "--type",
        "c",
        "--expect",
        "grub>",
        "--type",
        "cat (fd0)/hello.txt\n",
        "--expect",
        "sector by sector from " + kilobytes + " KB",
        "--timeout",
        "240");
  }

  private static void command(String... line) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(line).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes());
    assertThat(process.waitFor()).as(String.join(" ", line) + ": " + said).isZero();
  }
}
