package io.satchel.image.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.QemuImg;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code img io} says what qemu-io says, apart from the times. */
class IoOracleTest {
  @TempDir Path folder;

  /** Commands as one writes them, separated by semicolons; each is run on an image of its own. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "write -P 0xab 0 64k;read -P 0xab 0 64k;read -P 1 0 64k;read -v 0 40;read 1 1",
        "write 1k 200000;read -C 0 512;write -z 1M 64k;write -zu 2M 64k;discard 3M 64k;flush",
        "alloc 0;alloc 0 128k;write 64k 64k;alloc 0 128k;alloc 100M;length;info",
        "write -c -P 7 8M 64k;read -P 7 8M 64k;writev 0 512 1k 1k;readv -P 0xcd 0 512 1k",
        "bogus;read;read 0;read x 1;read 0 x;read 64M 512;write -P 300 0 1;read -s 10 0 512",
        "write -n 0 1k;write -u 0 1k;write -z -P 1 0 64k;read 0 -1;length x;flush x;sleep x;sleep",
        "read -P 0xcd -s 100 -l 100 0 512;write -f 0 1k;read -P 1 -s 400 -l 200 0 512;read -l 1 0"
            + " 9",
        "aio_write -P 3 4M 64k;aio_flush;aio_read -P 3 4M 64k;aio_flush;aio_read -P 4 4M 64k;"
            + "aio_flush;aio_write -q 0 1k 1k;aio_flush;aio_write -z 1M 64k;aio_flush",
        "close;read 0 512;length",
        "quit;length",
        "write 0 3G;discard 100M 1k;truncate",
        "truncate 128M;length;truncate 32M;length;read 40M 512",
        "write -b -P 9 0 512;read -b -P 9 0 512;write -s nothing 0 512",
        "reopen -r;write 0 512;read -q 0 512;reopen -w;write -q 0 512;read -P 0xcd 0 512",
        "write -P 1 0 3M;write -P 2 1M 1M;map;read -P 2 -s 1M -l 1M 0 3M;remove_break x;resume x",
      })
  void saysWhatQemuIoSays(String commands) throws IOException {
    List<String> words = new ArrayList<>();
    for (String each : commands.split(";")) {
      words.add("-c");
      words.add(each);
    }
    compare("qcow2", List.of(), words, "disk");
  }

  @Test
  void rawVdiAndReadOnlyToo() throws IOException {
    List<String> words =
        List.of("-c", "write -P 5 1M 1M", "-c", "read -P 5 1M 1M", "-c", "length", "-c", "map");
    compare("raw", List.of("-f", "raw"), words, "disk");
    compare("vdi", List.of("-f", "vdi"), words, "disk");
    compare("qcow2", List.of("-r"), words, "disk");
    compare("qcow2", List.of("-t", "writethrough", "-d", "unmap"), words, "disk");
    compare("qcow2", List.of("-n", "-r", "-U"), List.of("-c", "read 0 512"), "disk");
    compare("qcow2", List.of(), List.of("-c", "length"), "missing");
  }

  @Test
  void imageOptionsAndBlkdebug() throws IOException {
    String base = "driver=qcow2,file.driver=blkdebug,file.image.filename=disk";
    List<String> options = List.of("--image-opts");
    compare("qcow2", options, List.of("-c", "length"), "driver=qcow2,file.filename=disk");
    compare(
        "qcow2",
        options,
        List.of("-c", "write -q 0 64k", "-c", "read 0 512", "-c", "read 0 512"),
        base
            + ",file.inject-error.0.event=read_aio,file.inject-error.0.errno=5"
            + ",file.inject-error.0.once=on");
    compare(
        "qcow2",
        options,
        List.of("-c", "write 0 512", "-c", "write 0 512"),
        base
            + ",file.inject-error.0.event=write_aio,file.inject-error.0.errno=28"
            + ",file.inject-error.0.once=on");
    compare(
        "qcow2",
        options,
        List.of(
            "-c",
            "write -q 0 64k",
            "-c",
            "break write_aio A",
            "-c",
            "aio_write 0 512",
            "-c",
            "wait_break A",
            "-c",
            "resume A",
            "-c",
            "aio_flush",
            "-c",
            "resume A",
            "-c",
            "remove_break B"),
        base);
    compare(
        "qcow2",
        options,
        List.of("-c", "write -q 0 64k", "-c", "read 0 512", "-c", "read 0 512", "-c", "read 0 512"),
        base
            + ",file.inject-error.0.event=read_aio,file.inject-error.0.errno=5"
            + ",file.inject-error.0.state=2,file.set-state.0.event=read_aio"
            + ",file.set-state.0.new_state=2,file.set-state.0.state=1");
  }

  @Test
  void theOptionsOfAStartAreKnown() throws IOException {
    List<String> write = List.of("-c", "write -P 9 0 64k", "-c", "read -P 9 0 64k", "-c", "info");
    compare("qcow2", List.of("-s"), write, "disk");
    compare("raw", List.of("-s", "-f", "raw"), List.of("-c", "write 0 64k", "-c", "map"), "disk");
    compare("qcow2", List.of("-s", "-r"), List.of("-c", "write 0 64k"), "disk");
    compare("qcow2", List.of("-m"), write, "disk");
    compare("qcow2", List.of("-n", "-k"), List.of("-c", "length"), "disk");
    compare("qcow2", List.of("-k"), List.of("-c", "length"), "disk");
    compare("qcow2", List.of("-i", "threads"), List.of("-c", "length"), "disk");
    compare("qcow2", List.of("-i", "bogus"), List.of("-c", "length"), "disk");
    compare("qcow2", List.of("-T", "no_such_event"), List.of("-c", "length"), "disk");
    compare("qcow2", List.of("-C", "-r"), List.of("-c", "length"), "disk");
    compare("qcow2", List.of(), List.of("-c", "sigraise", "-c", "sigraise x"), "disk");
    compare("qcow2", List.of(), List.of("-c", "sigraise 0", "-c", "length"), "disk");
  }

  @Test
  void whatASnapshotTookIsThrownAway() throws IOException {
    Path disk = folder.resolve("disk");
    QemuImg.ok("create", "-q", "-f", "qcow2", disk, "1M");
    byte[] before = Files.readAllBytes(disk);
    assertThat(run(List.of("-s", "-c", "write 0 64k", disk.toString()))).endsWith("|0");
    assertThat(Files.readAllBytes(disk)).isEqualTo(before);
  }

  @Test
  void whatIsReadFromBelowIsKept() throws IOException {
    QemuImg.needs("qemu-io");
    Path below = Files.write(folder.resolve("below"), "text".repeat(100_000).getBytes());
    String[] maps = new String[2];
    for (int ours = 0; ours < 2; ours++) {
      Path over = folder.resolve("over" + ours);
      QemuImg.ok("create", "-q", "-f", "qcow2", "-b", below, "-F", "raw", over, "1M");
      List<String> words =
          List.of("-C", "-c", "read 100k 1k", "-c", "read 600k 1k", "-c", "map", over.toString());
      maps[ours] = masked(ours == 0 ? reference(words) : run(words));
      QemuImg.same(over, below);
      QemuImg.checkClean(over);
    }
    assertThat(maps[1]).isEqualTo(maps[0]).contains("    allocated at offset 64 KiB");
  }

  @ParameterizedTest
  @ValueSource(strings = {"abort", "sigraise 9", "sigraise 15"})
  void aProgramThatCrashesLeavesWhatItFlushed(String crash) throws Exception {
    QemuImg.needs("qemu-io");
    int[] statuses = new int[2];
    for (int ours = 0; ours < 2; ours++) {
      Path disk = folder.resolve("disk" + ours);
      QemuImg.ok("create", "-q", "-f", "qcow2", "-o", "cluster_size=4k", disk, "4M");
      List<String> words = new ArrayList<>(List.of("qemu-io"));
      if (ours == 1) {
        words =
            new ArrayList<>(
                List.of(
                    ProcessHandle.current().info().command().orElse("java"),
                    "--enable-native-access=ALL-UNNAMED",
                    "-cp",
                    System.getProperty("java.class.path"),
                    "io.satchel.image.cli.ImgCommand",
                    "io"));
      }
      words.addAll(List.of("-c", "write -P 7 0 1M", "-c", "flush", "-c", crash, disk.toString()));
      Process process =
          new ProcessBuilder(words)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      statuses[ours] = process.waitFor();
      QemuImg.run("check", "-r", "all", disk);
      QemuImg.io(disk, "read -P 7 0 1M");
    }
    assertThat(statuses[1]).isEqualTo(statuses[0]).isGreaterThan(128);
  }

  private void compare(String format, List<String> before, List<String> commands, String image)
      throws IOException {
    QemuImg.needs("qemu-io");
    String theirs = null;
    for (boolean ours : new boolean[] {false, true}) {
      Path disk = folder.resolve(ours ? "ours" : "theirs");
      Files.deleteIfExists(disk);
      QemuImg.ok("create", "-q", "-f", format, disk, "64M");
      String named =
          image.equals("missing")
              ? folder.resolve("missing").toString()
              : image.equals("disk") ? disk.toString() : image.replace("=disk", "=" + disk);
      List<String> words = new ArrayList<>(before);
      words.addAll(commands);
      words.add(named);
      String said = (ours ? run(words) : reference(words)).replace(disk.toString(), "DISK");
      said = masked(said);
      if (theirs == null) {
        theirs = said;
      } else {
        assertThat(said).as(words.toString()).isEqualTo(theirs);
      }
    }
  }

  /** Times and rates become T. */
  static String masked(String text) {
    return text.replaceAll("ops; .*ops/sec\\)", "ops; T").replaceAll("(?m)^(\\d+,\\d+),.*", "$1,T");
  }

  static String run(List<String> words) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    List<String> all = new ArrayList<>(List.of("io"));
    all.addAll(words);
    int status =
        ImgCommand.run(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            all.toArray(String[]::new));
    return out.toString(StandardCharsets.UTF_8)
        + "|"
        + err.toString(StandardCharsets.UTF_8)
        + "|"
        + status;
  }

  static String reference(List<String> words) throws IOException {
    List<String> all = new ArrayList<>(List.of("qemu-io"));
    all.addAll(words);
    Path err = Files.createTempFile("err", "");
    try {
      Process process = new ProcessBuilder(all).redirectError(err.toFile()).start();
      process.getOutputStream().close();
      String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      int status = process.waitFor();
      return out + "|" + Files.readString(err) + "|" + status;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    } finally {
      Files.delete(err);
    }
  }
}
