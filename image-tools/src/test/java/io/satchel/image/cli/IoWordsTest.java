package io.satchel.image.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.QemuImg;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
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
          "--image-opts|" + SHORT);

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
}
