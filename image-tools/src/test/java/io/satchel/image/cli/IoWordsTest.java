package io.satchel.image.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.QemuImg;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Each word that QEMU's own I/O tests use, on each format that both programs write: the same is
 * said and the same is in the image afterwards.
 */
class IoWordsTest {
  private static final List<String> FORMATS =
      List.of("qcow2", "raw", "vmdk", "vdi", "vpc", "vhdx", "qed", "qcow", "luks");

  private static final String[] COMMANDS = {
    "write -P 0x5a 0 64k;read -P 0x5a 0 64k;read -P 1 0 64k",
    "write -z 1M 64k;read -P 0 1M 64k",
    "write -q 0 4M;write -z -u 1M 2M;read -P 0 1M 2M;read -P 0xcd 3M 1M",
    "write -p -P 7 3k 5k;read -p -P 7 3k 5k;write -f -C -P 7 3k 5k",
    "write -q -P 3 0 1k;read -v 1000 60;write -q 0 64k;read -P 0xcd -s 1k -l 2k 0 64k",
    "aio_write -P 9 2M 64k;aio_flush;aio_read -P 9 2M 64k;aio_flush",
    "aio_write -z 2M 64k;aio_flush;aio_read -P 0 2M 64k;aio_flush",
    "writev -P 4 1M 512 1k 64k;readv -P 4 1M 512 1k 64k",
    "write -q 9M 64k;map;alloc 9M 64k;alloc 0 2M;length;flush",
    "reopen -r;write 0 512;reopen -w;write -q 0 512;read -P 0xcd 0 512;close;length",
    "write -q -P 8 0 64k;write -c -P 6 64k 64k;read -P 8 0 64k",
    "write -b -P 9 0 512;read -b -P 9 0 512;info;sigraise 0;length",
  };

  private static final String SHORT = "write -q 0 64k;read -P 0xcd 0 64k";

  /** Options of the start, then a bar, then commands. */
  private static final List<String> WORDS =
      List.of(
          "|" + String.join(";", COMMANDS),
          "|write -q 0 4M;discard 1M 1M;read -P 0xcd 2M 1M",
          "-r|write 0 512;read -P 0 0 512",
          "-n|" + SHORT,
          "-t writethrough|" + SHORT,
          "--cache unsafe|" + SHORT,
          "-d unmap|write -q 0 4M;discard 1M 1M;read -P 0xcd 2M 1M",
          "-s|" + SHORT,
          "-m|write -P 6 1k 100k;read -P 6 1k 100k",
          "-C|" + SHORT,
          "--image-opts|" + SHORT);

  /** What the research counts in QEMU's own I/O tests (research/qcow2.md, the last paragraph). */
  private static final String COUNTED =
      "write -P,write -z,write -c,write -u,write -b,write -p,write -q,read -P,read -v,read -s,"
          + "read -l,read -p,aio_read,aio_write,readv,writev,open -o,open -r,open -C,reopen,"
          + "discard,map,alloc,info,length,flush,close,sigraise,abort,"
          + "--image-opts,--object,--cache,-f,-r,-C,-s,-t,standard input,blkdebug,driver=";

  /** Commands that come on standard input, before the bar what the disk is opened by. */
  private static final List<String> OPENED =
      List.of(
          "open -o driver=FORMAT,file.filename=FILE|" + SHORT,
          "open -r -o driver=FORMAT,file.filename=FILE|write 0 512;read 0 512",
          "open -C -o driver=FORMAT,file.filename=FILE|" + SHORT,
          "open -o driver=FORMAT,file.driver=blkdebug,file.image.filename=FILE,"
              + "file.inject-error.0.event=flush_to_disk,file.inject-error.0.once=on|"
              + "write -q 0 64k;flush;read -q -P 0xcd 0 64k");

  private static final String CRASH = "abort";

  @TempDir Path folder;

  private static Stream<Arguments> everyWordOnEveryFormat() {
    return FORMATS.stream().flatMap(f -> WORDS.stream().map(w -> Arguments.of(f, w)));
  }

  private Path made(String format) {
    Path image = folder.resolve("made");
    List<Object> words = new ArrayList<>(List.of("create", "-q", "-f", format));
    if (format.equals("luks")) {
      words.addAll(List.of("--object", "secret,id=s,data=x", "-o", "key-secret=s,iter-time=10"));
    }
    words.addAll(List.of(image, "16M"));
    QemuImg.ok(words.toArray());
    return image;
  }

  private static List<String> words(String format, String word, Path image) {
    List<String> all = new ArrayList<>();
    String start = word.substring(0, word.indexOf('|'));
    boolean byOptions = start.equals("--image-opts") || format.equals("luks");
    if (!start.isEmpty()) {
      all.addAll(List.of(start.split(" ")));
    }
    if (format.equals("luks")) {
      all.addAll(List.of("--object", "secret,id=s,data=x"));
    }
    if (byOptions && !start.equals("--image-opts")) {
      all.add("--image-opts");
    } else if (!byOptions) {
      all.addAll(List.of("-f", format));
    }
    for (String each : word.substring(word.indexOf('|') + 1).split(";")) {
      all.addAll(List.of("-c", each));
    }
    all.add(
        byOptions
            ? "driver="
                + format
                + ",file.filename="
                + image
                + (format.equals("luks") ? ",key-secret=s" : "")
            : image.toString());
    return all;
  }

  @ParameterizedTest(name = "{0} {1}")
  @MethodSource
  void everyWordOnEveryFormat(String format, String word) throws IOException {
    QemuImg.needs("qemu-io");
    Path made = made(format);
    Path theirs = folder.resolve("theirs");
    Path ours = folder.resolve("ours");
    Files.copy(made, theirs, StandardCopyOption.REPLACE_EXISTING);
    Files.copy(made, ours, StandardCopyOption.REPLACE_EXISTING);
    String expected = IoOracleTest.masked(IoOracleTest.reference(words(format, word, theirs)));
    String said = IoOracleTest.masked(IoOracleTest.run(words(format, word, ours)));
    assertThat(said.replace(ours.toString(), "IMAGE"))
        .isEqualTo(expected.replace(theirs.toString(), "IMAGE"));
    if (word.contains("discard")) {
      // A hint: what was discarded reads as before or as zeros, and both are right.
      return;
    }
    if (format.equals("luks")) {
      String more = ",key-secret=s";
      QemuImg.ok(
          "compare",
          "--object",
          "secret,id=s,data=x",
          "--image-opts",
          "driver=luks,file.filename=" + ours + more,
          "driver=luks,file.filename=" + theirs + more);
    } else {
      QemuImg.ok("compare", "-f", format, "-F", format, ours, theirs);
    }
  }

  private static Stream<String> formats() {
    return FORMATS.stream();
  }

  /** As a script has it: no image on the command line, and all the words on standard input. */
  @ParameterizedTest
  @MethodSource("formats")
  void wordsOnStandardInputOnEveryFormat(String format) throws Exception {
    QemuImg.needs("qemu-io");
    Path made = made(format);
    String key = format.equals("luks") ? ",key-secret=s" : "";
    String[] said = new String[2];
    for (int ours = 0; ours < 2; ours++) {
      StringBuilder input = new StringBuilder();
      for (int i = 0; i < OPENED.size(); i++) {
        Path file = folder.resolve("file" + ours + i);
        Files.copy(made, file);
        String line = OPENED.get(i).replace("FORMAT", format).replace("FILE", file + key);
        input.append(line.replace('|', '\n').replace(';', '\n')).append("\nclose\n");
      }
      String out = child(ours == 1, input.toString(), "--object", "secret,id=s,data=x");
      said[ours] = IoOracleTest.masked(out).replace(folder + "/file" + ours, "FILE");
    }
    assertThat(said[1]).isEqualTo(said[0]).contains("bytes at offset").contains("read failed");
  }

  @ParameterizedTest
  @MethodSource("formats")
  void aCrashOnEveryFormat(String format) throws Exception {
    QemuImg.needs("qemu-io");
    Path made = made(format);
    String[] said = new String[2];
    for (int ours = 0; ours < 2; ours++) {
      Path file = folder.resolve("file" + ours);
      Files.copy(made, file);
      List<String> words = words(format, "|write -P 7 0 1M;flush;" + CRASH, file);
      said[ours] = child(ours == 1, "", words.toArray(String[]::new));
      // What they had printed before is lost in qemu-io, by the C library.
      said[ours] = said[ours].substring(said[ours].indexOf('|'));
      assertThat(QemuImg.tool("qemu-io", words(format, "|read -P 7 0 1M", file).toArray()).status())
          .isZero();
    }
    assertThat(said[1]).isEqualTo(said[0]);
  }

  /** A process of its own: its output, and how it ended. */
  private static String child(boolean ours, String input, String... words) throws Exception {
    List<String> all = new ArrayList<>();
    if (ours) {
      all.add(ProcessHandle.current().info().command().orElse("java"));
      all.addAll(List.of("-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED"));
      all.addAll(List.of("-cp", System.getProperty("java.class.path")));
      all.addAll(List.of("io.satchel.image.cli.ImgCommand", "io"));
    } else {
      all.add("qemu-io");
    }
    all.addAll(List.of(words));
    Process process =
        new ProcessBuilder(all).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    try (var to = process.getOutputStream()) {
      to.write(input.getBytes(StandardCharsets.UTF_8));
    }
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return out.replace("qemu-io> ", "") + "|" + process.waitFor();
  }

  /** Fails when a word of the table is in none of the lines that run on all nine formats. */
  @Test
  void everyCountedWordIsTriedOnEveryFormat() {
    assertThat(FORMATS).hasSize(9);
    Set<String> tried = new HashSet<>(Set.of(CRASH));
    List<String> lines = new ArrayList<>(WORDS);
    lines.addAll(OPENED);
    for (String line : lines) {
      String start = line.substring(0, line.indexOf('|'));
      tried.addAll(List.of(start.split(" ")));
      String commands = line.substring(line.indexOf('|') + 1);
      if (start.startsWith("open")) {
        tried.addAll(List.of("standard input", "driver="));
        tried.add(start.contains("blkdebug") ? "blkdebug" : "");
        commands += ";" + start;
      }
      for (String command : commands.split(";")) {
        String[] words = command.split(" ");
        tried.add(words[0]);
        for (String word : words) {
          tried.add(words[0] + " " + word);
        }
      }
    }
    // What every line of words() begins with: -f, and for luks --object.
    tried.addAll(words("raw", "|length", folder));
    tried.addAll(words("luks", "|length", folder));
    assertThat(tried).containsAll(List.of(COUNTED.split(",")));
  }
}
