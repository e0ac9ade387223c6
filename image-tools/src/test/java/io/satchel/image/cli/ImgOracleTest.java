package io.satchel.image.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.QemuImg;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** The commands say and do what qemu-img says and does. */
class ImgOracleTest {
  @TempDir Path folder;
  private final ObjectMapper json = new ObjectMapper();

  /** What a run gave. */
  record Outcome(int status, String out, String err) {}

  static Outcome img(Object... arguments) {
    String[] words = new String[arguments.length];
    for (int i = 0; i < words.length; i++) {
      words[i] = arguments[i].toString();
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int status =
        ImgCommand.run(
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8),
            words);
    return new Outcome(
        status,
        out.toString(StandardCharsets.UTF_8).replace("\r\n", "\n"),
        err.toString(StandardCharsets.UTF_8));
  }

  static String ok(Object... arguments) {
    Outcome outcome = img(arguments);
    assertThat(outcome.err()).isEmpty();
    assertThat(outcome.status()).isZero();
    return outcome.out();
  }

  private Path raw;

  @BeforeEach
  void content() throws IOException {
    byte[] bytes = new byte[(6 << 20) + 512];
    Random random = new Random(3);
    for (int i = 0; i < 60; i++) {
      int at = random.nextInt(bytes.length - 70_000);
      for (int j = 0; j < 70_000; j++) {
        bytes[at + j] = (byte) (i % 3 == 0 ? random.nextInt() : i);
      }
    }
    raw = Files.write(folder.resolve("raw.img"), bytes);
  }

  private void sameJson(Object... arguments) {
    Object[] all = new Object[arguments.length + 1];
    all[0] = arguments[0];
    all[1] = "--output=json";
    System.arraycopy(arguments, 1, all, 2, arguments.length - 1);
    QemuImg.Outcome theirs = QemuImg.run(all);
    Outcome ours = img(all);
    assertThat(ours.status()).as(ours.err()).isEqualTo(theirs.status());
    JsonNode expected = json.readTree(theirs.out());
    assertThat(json.readTree(ours.out())).as(String.join("", theirs.out())).isEqualTo(expected);
  }

  private void sameText(Object... arguments) {
    QemuImg.Outcome theirs = QemuImg.run(arguments);
    Outcome ours = img(arguments);
    assertThat((ours.out() + ours.err()).lines().toList())
        .containsExactlyInAnyOrderElementsOf(theirs.out().lines().toList());
    assertThat(ours.status()).isEqualTo(theirs.status());
  }

  private Path made(String... options) {
    Path file = folder.resolve("made.qcow2");
    Object[] all = new Object[options.length + 5];
    all[0] = "convert";
    all[1] = "-O";
    all[2] = "qcow2";
    System.arraycopy(options, 0, all, 3, options.length);
    all[all.length - 2] = raw;
    all[all.length - 1] = file;
    QemuImg.ok(all);
    return file;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "-q",
        "-c",
        "-ocompat=0.10",
        "-ocluster_size=4k,refcount_bits=8",
        "-oextended_l2=on",
        "-olazy_refcounts=on",
        "-ocompression_type=zstd"
      })
  void infoMapCheckAndMeasureAgree(String option) {
    Path file = made(option);
    sameJson("info", file);
    sameText("info", file);
    sameJson("map", file);
    sameJson("check", file);
    sameText("check", file);
    sameJson("measure", "-O", "qcow2", file);
    sameText("measure", "-O", "qcow2", file);
    sameJson("measure", "-O", "raw", file);
    sameJson("measure", "-O", "qcow2", "-o", "cluster_size=4k,refcount_bits=1", file);
    sameJson("measure", "-O", "qcow2", "--size", "10G");
  }

  @Test
  void rawInfoAndMapAgree() {
    sameJson("info", raw);
    sameText("info", raw);
    sameJson("map", raw);
    sameText("map", raw);
    sameJson("measure", "-O", "qcow2", raw);
  }

  @ParameterizedTest
  @CsvSource({
    "vmdk, subformat=monolithicSparse",
    "vmdk, subformat=monolithicFlat",
    "vmdk, subformat=twoGbMaxExtentSparse",
    "vmdk, subformat=twoGbMaxExtentFlat",
    "vmdk, subformat=streamOptimized",
    "vmdk, zeroed_grain=on",
    "vdi, static=off",
    "vdi, static=on",
    "vpc, subformat=dynamic",
    "vhdx, subformat=dynamic",
    "vhdx, subformat=fixed",
    "qed, cluster_size=64k",
    "qcow, ''",
    "parallels, cluster_size=64k"
  })
  void infoAndMapOfEveryFormatAgree(String format, String options) {
    Path file = folder.resolve("made." + format);
    if (options.isEmpty()) {
      QemuImg.ok("convert", "-O", format, raw, file);
    } else {
      QemuImg.ok("convert", "-O", format, "-o", options, raw, file);
    }
    sameJson("info", file);
    sameText("info", file);
    sameJson("map", file);
    if (!options.contains("stream") && !format.equals("vhdx")) {
      // Of these both say only that there are no places to tell of, each with its own name.
      sameText("map", file);
    }
  }

  @Test
  void infoAndMapOfAChainAgree() {
    Path base = made("-q");
    Path middle = folder.resolve("middle.qcow2");
    Path top = folder.resolve("top.qcow2");
    QemuImg.ok("create", "-f", "qcow2", "-b", base, "-F", "qcow2", middle, "8M");
    QemuImg.ok("create", "-f", "qcow2", "-b", "middle.qcow2", "-F", "qcow2", top, "7M");
    QemuImg.io(middle, "write -P 7 1M 200k", "write -z 3M 1M", "write -P 9 7500k 64k");
    QemuImg.io(top, "write -P 8 1100k 1k", "write -z 3200k 100k", "discard 0 64k");
    sameJson("info", top);
    sameJson("info", "--backing-chain", top);
    sameText("info", "--backing-chain", top);
    sameJson("map", top);
    sameText("map", top);
    sameJson("map", "--start-offset", "1M", "--max-length", "2M", top);
    sameJson("measure", "-O", "qcow2", top);
  }

  @Test
  void snapshotsMadeHereAndThereAreListedAlike() {
    Path file = made("-q");
    ok("snapshot", "-c", "ours", file);
    QemuImg.ok("snapshot", "-c", "theirs", file);
    QemuImg.checkClean(file);
    QemuImg.io(file, "write -P 1 0 1M");
    QemuImg.Outcome theirs = QemuImg.run("snapshot", "-l", file);
    String ours = ok("snapshot", "-l", file);
    assertThat(ours.lines().toList()).hasSameSizeAs(theirs.out().lines().toList());
    assertThat(ours.lines().toList())
        .containsAll(theirs.out().lines().filter(l -> !l.contains("ours")).toList());
    ok("snapshot", "-a", "theirs", file);
    QemuImg.checkClean(file);
    QemuImg.same(file, raw);
    QemuImg.ok("snapshot", "-d", "ours", file);
    ok("snapshot", "-d", "theirs", file);
    QemuImg.checkClean(file);
    QemuImg.same(file, raw);
    assertThat(img("snapshot", "-d", "none", file).status()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "-c",
        "-c -o compression_type=zstd",
        "-c -o cluster_size=2M",
        "-c -o cluster_size=512",
        "-o compat=0.10",
        "-o extended_l2=on,cluster_size=32k",
        "-o preallocation=metadata",
        "-o preallocation=full",
        "-o refcount_bits=1",
        "-S 0",
        "-S 64k"
      })
  void convertMakesWhatQemuReads(String options) {
    Path file = folder.resolve("ours.qcow2");
    Object[] words = ("convert -O qcow2 " + options).strip().split(" +");
    Object[] all = java.util.Arrays.copyOf(words, words.length + 2, Object[].class);
    all[all.length - 2] = raw;
    all[all.length - 1] = file;
    ok(all);
    QemuImg.checkClean(file);
    QemuImg.same(file, raw);
    Path back = folder.resolve("back.img");
    ok("convert", "-O", "raw", file, back);
    assertThat(back).hasSameBinaryContentAs(raw);
    Path again = folder.resolve("again.qcow2");
    all[all.length - 2] = file;
    all[all.length - 1] = again;
    ok(all);
    QemuImg.checkClean(again);
    QemuImg.same(again, raw);
  }

  @Test
  void convertJoinsSourcesAndTakesSnapshots() throws IOException {
    Path joined = folder.resolve("joined.img");
    ok("convert", "-O", "raw", raw, raw, joined);
    assertThat(Files.size(joined)).isEqualTo(2 * Files.size(raw));
    Path file = made("-q");
    ok("snapshot", "-c", "s", file);
    QemuImg.io(file, "write -P 1 0 1M");
    Path old = folder.resolve("old.img");
    ok("convert", "-l", "snapshot.name=s", "-O", "raw", file, old);
    assertThat(old).hasSameBinaryContentAs(raw);
  }

  @Test
  void convertOverABackingFileCopiesOnlyTheChanges() throws IOException {
    Path base = made("-q");
    Path top = folder.resolve("top.qcow2");
    QemuImg.ok("create", "-f", "qcow2", "-b", base, "-F", "qcow2", top);
    QemuImg.io(top, "write -P 7 1M 200k", "write -z 3M 1M");
    for (String compress : new String[] {"-q", "-c"}) {
      Path copy = folder.resolve("copy.qcow2");
      ok("convert", compress, "-O", "qcow2", "-B", base, "-F", "qcow2", top, copy);
      QemuImg.checkClean(copy);
      QemuImg.same(copy, top);
      assertThat(Files.size(copy)).isLessThan(Files.size(base) / 2);
    }
  }

  @Test
  void compareSaysWhatDiffers() throws IOException {
    Path file = made("-q");
    sameText("compare", raw, file);
    QemuImg.io(file, "write -P 200 5000000 10");
    sameText("compare", raw, file);
    assertThat(img("compare", "-s", raw, file).status()).isEqualTo(1);
    Path copy = folder.resolve("copy.qcow2");
    Files.copy(file, copy);
    sameText("compare", "-s", copy, file);
    Path longer = folder.resolve("longer.img");
    Files.copy(raw, longer);
    try (RandomAccessFile grow = new RandomAccessFile(longer.toFile(), "rw")) {
      grow.setLength(grow.length() + 4096);
    }
    sameText("compare", raw, longer);
    sameText("compare", "-s", raw, longer);
    assertThat(img("compare", raw, folder.resolve("none")).status()).isEqualTo(2);
  }

  @Test
  void commitAndRebaseKeepTheContent() throws IOException {
    Path base = made("-q");
    Path other = folder.resolve("other.qcow2");
    Path top = folder.resolve("top.qcow2");
    Path wanted = folder.resolve("wanted.img");
    QemuImg.ok("create", "-f", "qcow2", other, "9M");
    QemuImg.io(other, "write -P 77 2M 7M");
    ok("create", "-f", "qcow2", "-b", base, "-F", "qcow2", top, "8M");
    QemuImg.io(top, "write -P 7 1M 200k", "write -z 3M 1M", "write -P 3 7M 64k");
    QemuImg.ok("convert", "-O", "raw", top, wanted);
    ok("rebase", "-b", other, "-F", "qcow2", top);
    QemuImg.checkClean(top);
    QemuImg.same(top, wanted);
    ok("rebase", "-b", base, "-F", "qcow2", top);
    QemuImg.same(top, wanted);
    assertThat(ok("commit", top)).isEqualTo("Image committed.\n");
    QemuImg.checkClean(base);
    QemuImg.checkClean(top);
    QemuImg.same(base, wanted);
    QemuImg.same(top, wanted);
    ok("rebase", "-b", "", top);
    QemuImg.checkClean(top);
    QemuImg.same(top, wanted);
    ok("rebase", "-u", "-b", "renamed.qcow2", "-F", "qcow2", top);
    assertThat(QemuImg.ok("info", top)).contains("renamed.qcow2");
  }

  @Test
  void commitIntoADeeperBase() {
    Path base = made("-q");
    Path middle = folder.resolve("middle.qcow2");
    Path top = folder.resolve("top.qcow2");
    ok("create", "-f", "qcow2", "-b", base, "-F", "qcow2", middle);
    ok("create", "-f", "qcow2", "-b", middle, "-F", "qcow2", top, "9M");
    QemuImg.io(middle, "write -P 7 1M 200k", "write -z 3M 1M");
    QemuImg.io(top, "write -P 8 1100k 1k", "write -P 5 3200k 100k", "write -P 4 8M 1M");
    Path wanted = folder.resolve("wanted.img");
    QemuImg.ok("convert", "-O", "raw", top, wanted);
    ok("commit", "-b", base, top);
    QemuImg.checkClean(base);
    QemuImg.same(base, wanted);
  }

  @Test
  void resizeGrowsAndRefusesToShrinkUnasked() {
    Path file = made("-q");
    assertThat(ok("resize", file, "+2M")).isEqualTo("Image resized.\n");
    QemuImg.checkClean(file);
    assertThat(img("resize", file, "1M").status()).isEqualTo(1);
    ok("resize", "--shrink", file, "1M");
    QemuImg.checkClean(file);
    assertThat(QemuImg.ok("info", file)).contains("virtual size: 1 MiB");
    ok("resize", file, "4M");
    QemuImg.io(file, "read -P 0 1M 3M");
    assertThat(img("resize", "-f", "raw", raw, "16M").status()).isZero();
    sameJson("info", raw);
  }

  @Test
  void checkRepairsWhatIsBroken() throws IOException {
    Path file = made("-q");
    // The first refcount block says that used clusters are free, and free ones used.
    try (RandomAccessFile broken = new RandomAccessFile(file.toFile(), "rw")) {
      broken.seek(2 * 65536 + 12);
      broken.write(new byte[40]);
      broken.seek(2 * 65536 + 400);
      broken.write(new byte[] {0, 1, 0, 1});
    }
    assertThat(QemuImg.run("check", file).status()).isEqualTo(2);
    sameText("check", file);
    assertThat(img("check", "-r", "all", file).status()).isZero();
    QemuImg.checkClean(file);
    QemuImg.same(file, raw);
  }

  @Test
  void checkRebuildsLostCounts() throws IOException {
    Path file = made("-q");
    try (RandomAccessFile broken = new RandomAccessFile(file.toFile(), "rw")) {
      broken.seek(65536);
      broken.writeLong(0);
    }
    assertThat(img("check", file).status()).isEqualTo(2);
    assertThat(img("check", "-r", "all", file).status()).isZero();
    QemuImg.checkClean(file);
    QemuImg.same(file, raw);
  }

  @Test
  void checkSaysThatItDoesNotKnowRaw() {
    assertThat(img("check", raw).status()).isEqualTo(63);
  }

  @Test
  void amendChangesVersionsAndCounts() {
    Path file = made("-q");
    QemuImg.io(file, "write -z 1M 1M");
    Path wanted = folder.resolve("wanted.img");
    QemuImg.ok("convert", "-O", "raw", file, wanted);
    for (String options :
        new String[] {
          "refcount_bits=64",
          "refcount_bits=1",
          "lazy_refcounts=on",
          "refcount_bits=16,lazy_refcounts=off",
          "compat=0.10",
          "compat=1.1",
          "size=12M"
        }) {
      ok("amend", "-o", options, file);
      QemuImg.checkClean(file);
      QemuImg.same(file, wanted);
    }
  }

  /** The dirty ranges of a bitmap, as the NBD server of QEMU tells them. */
  private String dirty(Path file, String bitmap) {
    QemuImg.Outcome map =
        QemuImg.tool(
            "sh",
            "-c",
            "qemu-nbd -r -f qcow2 -B "
                + bitmap
                + " -k "
                + folder
                + "/nbd -t -e 9 --fork --pid-file="
                + folder
                + "/pid "
                + file
                + " && qemu-img map --output=json --image-opts driver=nbd,server.type=unix,"
                + "server.path="
                + folder
                + "/nbd,x-dirty-bitmap=qemu:dirty-bitmap:"
                + bitmap
                + "; kill $(cat "
                + folder
                + "/pid); sleep 0.1");
    StringBuilder ranges = new StringBuilder();
    for (JsonNode range : json.readTree(map.out())) {
      if (!range.get("data").asBoolean()) {
        ranges.append(range.get("start").asLong()).append('+').append(range.get("length").asLong());
        ranges.append(' ');
      }
    }
    return ranges.toString();
  }

  @Test
  void bitmapsMadeHereAndThereRecordTheSameWrites() {
    QemuImg.needs("qemu-nbd");
    Path file = made("-q");
    ok("bitmap", "--add", file, "ours");
    ok("bitmap", "--add", "-g", "32k", file, "fine");
    QemuImg.ok("bitmap", "--add", file, "theirs");
    ok("bitmap", "--add", "--disable", file, "off");
    QemuImg.checkClean(file);
    sameJson("info", file);
    QemuImg.io(file, "write -P 1 1M 64k");
    Outcome wrote = img("resize", file, "+4M");
    assertThat(wrote.status()).as(wrote.err()).isZero();
    assertThat(img("snapshot", "-c", "s", file).status()).isZero();
    assertThat(img("snapshot", "-d", "s", file).status()).isZero();
    try (var image =
        io.satchel.image.Images.open(file, io.satchel.image.OpenOptions.forWriting())) {
      image.device().write(3 << 20, java.nio.ByteBuffer.allocate(100_000).put(5, (byte) 5));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    QemuImg.checkClean(file);
    sameJson("info", file);
    assertThat(dirty(file, "theirs")).isEqualTo("1048576+65536 3145728+131072 ");
    assertThat(dirty(file, "ours")).isEqualTo(dirty(file, "theirs"));
    assertThat(dirty(file, "off")).isEmpty();
    ok("bitmap", "--merge", "ours", file, "off");
    assertThat(dirty(file, "off")).isEqualTo(dirty(file, "theirs"));
    ok("bitmap", "--clear", file, "theirs");
    assertThat(dirty(file, "theirs")).isEmpty();
    ok("bitmap", "--remove", file, "ours");
    QemuImg.ok("bitmap", "--remove", file, "fine");
    ok("bitmap", "--remove", file, "off");
    ok("bitmap", "--remove", file, "theirs");
    QemuImg.checkClean(file);
    sameJson("info", file);
  }

  @Test
  void ddCopiesBlocks() throws IOException {
    Path ours = folder.resolve("ours.img");
    Path theirs = folder.resolve("theirs.img");
    for (String words : new String[] {"bs=4k count=100", "bs=1M skip=2", "bs=512 count=9"}) {
      Object[] all = new Object[2 + words.split(" ").length + 1];
      all[0] = "dd";
      System.arraycopy(words.split(" "), 0, all, 1, words.split(" ").length);
      all[all.length - 2] = "if=" + raw;
      all[all.length - 1] = "of=" + ours;
      ok(all);
      all[all.length - 1] = "of=" + theirs;
      QemuImg.ok(all);
      assertThat(ours).hasSameBinaryContentAs(theirs);
      Files.delete(theirs);
    }
  }

  @Test
  void failuresAreOneSentenceAndStatusOne() {
    for (Object[] words :
        new Object[][] {
          {"info", folder.resolve("none")},
          {"info", folder},
          {"create", "-f", "qcow2", folder.resolve("x.qcow2")},
          {"create", "-f", "nonsense", folder.resolve("x"), "1M"},
          {"create", "-f", "qcow2", "-o", "cluster_size=3k", folder.resolve("x"), "1M"},
          {"create", "-f", "qcow2", "-o", "shape=round", folder.resolve("x"), "1M"},
          {"convert", "-O", "qcow2", raw, folder.resolve("no/such/folder.qcow2")},
          {"snapshot", "-c", "s", raw},
          {"nonsense"},
          {}
        }) {
      Outcome outcome = img(words);
      assertThat(outcome.status()).isEqualTo(1);
      assertThat(outcome.err()).startsWith("satchel img: ").doesNotContain("Exception");
    }
    assertThat(folder.resolve("x")).doesNotExist();
  }

  @Test
  void everyCommandHasHelp() {
    assertThat(ok("--help")).contains("convert", "rebase");
    for (String command :
        "amend bench bitmap check commit compare convert create dd info map measure rebase resize snapshot"
            .split(" ")) {
      assertThat(ok(command, "--help")).contains("Usage: satchel img " + command);
    }
  }

  @Test
  void progressIsPercentagesWhenAskedFor() {
    assertThat(ok("convert", "-p", "-O", "qcow2", raw, folder.resolve("p.qcow2")))
        .contains("(0.00/100%)")
        .contains("(100.00/100%)");
  }
}
