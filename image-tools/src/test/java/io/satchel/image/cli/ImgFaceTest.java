package io.satchel.image.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.Images;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** What does not depend on a single command. */
class ImgFaceTest {
  @TempDir Path folder;

  @Test
  void everyCommandThatTheHelpListsAnswersToItsName() {
    Matcher listed = Pattern.compile("(?m)^  ([a-z]+) +[A-Z]").matcher(ImgOracleTest.ok("--help"));
    int commands = 0;
    for (; listed.find(); commands++) {
      assertThat(ImgOracleTest.ok(listed.group(1), "--help"))
          .contains("satchel img " + listed.group(1));
    }
    assertThat(commands).isGreaterThan(20);
  }

  @Test
  void theFirstRunAfterABuildLeavesNothingBehind() throws IOException {
    FirstRun.main(new String[] {folder.toString()});
    try (var left = Files.list(folder)) {
      assertThat(left).isEmpty();
    }
  }

  @Test
  void optionsMayStandBetweenTheNamesOfConvert() throws IOException {
    Path raw = folder.resolve("a.raw");
    Files.write(raw, new byte[65536]);
    Path target = folder.resolve("b.qcow2");
    ImgOracleTest.ok("convert", raw, "-O", "qcow2", "-r", "100M", target);
    assertThat(Images.probe(target)).isEqualTo("qcow2");
    assertThat(ImgOracleTest.img("convert", raw).status()).isEqualTo(1);
  }

  @Test
  void createAsksTheAdviserAboutAUse() throws IOException {
    Path disk = folder.resolve("d");
    assertThat(ImgOracleTest.ok("create", "--for", "snapshots", disk, "1G"))
        .contains("extended_l2=on")
        .contains("Only qcow2 keeps snapshots inside");
    assertThat(Images.probe(disk)).isEqualTo("qcow2");
    assertThat(ImgOracleTest.img("create", "--for", "cooking", disk, "1G").err())
        .contains("choose desktop, database, snapshots or exchange");
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void aDeviceIsNotReplacedByAFile() {
    assertThat(ImgOracleTest.img("create", "-f", "qcow2", "/dev/full", "1M").err())
        .contains("/dev/full is a device");
    assertThat(Files.isRegularFile(Path.of("/dev/full"))).isFalse();
  }
}
