package io.satchel.image.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.QemuImg;
import io.satchel.image.bench.Child.Took;
import io.satchel.image.file.HostFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Every command whose speed is promised, as its user gets it (a fresh process, the same options,
 * the same flush at the end), beside qemu-img and the tools that clear free space.
 *
 * <p>Properties: {@code image.bench.folder}, where the images are made and kept (some 20 GB);
 * {@code image.bench.gib}, the ext4 disk's size, 4 if not given; {@code image.bench.rounds}, of
 * which the median counts, 3 if not given; {@code image.bench.only}, a part of the rows' names.
 */
@Tag("bench")
class ImageBenchTests {
  private static final int ROUNDS = Integer.getInteger("image.bench.rounds", 3);
  private static final String ONLY = System.getProperty("image.bench.only", "");

  private final Path folder;
  private final BenchImages images;
  private final Ours ours;
  private final List<String> missed = new ArrayList<>();

  /** Runs one side once. */
  private interface Side {
    Took run() throws IOException;
  }

  /** What is not measured: a fresh copy of what the side changes. */
  private interface Preparation {
    void run() throws IOException;
  }

  /** What a row promises. */
  private enum Aim {
    /** A tenth of the peer's time on the clock. */
    TENTH,
    /** A tenth of the peer's processor time. */
    CPU_TENTH,
    /** Two thirds of the peer's processor time. */
    TWO_THIRDS_CPU,
    /** No more time on the clock. */
    EVEN
  }

  ImageBenchTests() throws IOException {
    Child.needsLinux();
    QemuImg.needs("qemu-img");
    String given = System.getProperty("image.bench.folder");
    folder =
        given == null
            ? Path.of(System.getProperty("java.io.tmpdir"), "satchel-image-bench")
            : Path.of(given);
    Files.createDirectories(folder);
    long gib = Integer.getInteger("image.bench.gib", 4);
    images = new BenchImages(Files.createDirectories(folder.resolve(gib + "GiB")), gib << 30);
    ours = new Ours(folder);
  }

  @Test
  void commandsAreAsFastAsPromised() throws IOException {
    System.out.printf(
        "%-34s %8s %8s %8s %8s %6s %6s%n",
        "", "wall s", "peer's", "CPU s", "peer's", "wall x", "CPU x");
    conversions();
    encryption();
    comparison();
    rebaseAndCommit();
    compaction();
    smallRequests();
    assertThat(missed).isEmpty();
  }

  private void smallRequests() throws IOException {
    if (!"random 4 KiB".contains(ONLY)) {
      return;
    }
    say("random 4 KiB reads", SmallRequests.reads(folder));
    say("random 4 KiB writes", SmallRequests.writes(folder));
  }

  private void say(String what, SmallRequests.Result result) {
    System.out.printf(
        Locale.ROOT,
        "%-34s qcow2 %.0f ns, raw %.0f ns: %.3f%n",
        what,
        result.qcow2(),
        result.raw(),
        result.ratio());
    hold(what, result.ratio() <= 1.05);
  }

  private void conversions() throws IOException {
    Path raw = images.ext4();
    Path plain = images.qcow2("ext4.qcow2", raw);
    Path packed = images.qcow2("ext4-c.qcow2", raw, "-c");
    convert("compressed to compressed", Aim.CPU_TENTH, packed, "-O", "qcow2", "-c");
    convert("convert -c, zlib", Aim.TWO_THIRDS_CPU, plain, "-O", "qcow2", "-c");
    convert(
        "convert -c, zstd", Aim.EVEN, plain, "-O", "qcow2", "-c", "-o", "compression_type=zstd");
    convert("qcow2 to qcow2", Aim.EVEN, plain, "-O", "qcow2");
    convert("raw to qcow2", Aim.EVEN, raw, "-f", "raw", "-O", "qcow2");
    convert("qcow2 to raw", Aim.EVEN, plain, "-O", "raw");
  }

  private void convert(String what, Aim aim, Path source, Object... options) throws IOException {
    if (!what.contains(ONLY)) {
      return;
    }
    Path mine = images.file("ours.out");
    Path theirs = images.file("theirs.out");
    List<Object> words = List.of(options);
    row(
        what,
        aim,
        () -> Files.deleteIfExists(mine),
        () -> ours.run("convert", words, source, mine),
        () -> Files.deleteIfExists(theirs),
        () -> Child.run("qemu-img", "convert", words, source, theirs));
    QemuImg.same(mine, theirs);
    if (words.contains("-c")) {
      long size = Files.size(mine);
      long peer = Files.size(theirs);
      System.out.printf(Locale.ROOT, "%-34s %8d %8d MiB%n", "", size >> 20, peer >> 20);
      hold(what + ": the output is larger", size <= peer || aim == Aim.CPU_TENTH);
    }
    Files.delete(mine);
    Files.delete(theirs);
  }

  private void encryption() throws IOException {
    if (!"LUKS to raw".contains(ONLY)) {
      return;
    }
    Path secret = images.file("secret");
    Files.writeString(secret, "open sesame");
    Path luks = images.luks(secret);
    String object = "secret,id=key,file=" + secret;
    String source = "driver=luks,key-secret=key,file.filename=" + luks;
    Path mine = images.file("ours.out");
    Path theirs = images.file("theirs.out");
    List<Object> words =
        List.of("convert", "--object", object, "--image-opts", source, "-O", "raw");
    row(
        "LUKS to raw",
        Aim.EVEN,
        () -> Files.deleteIfExists(mine),
        () -> ours.run(words, mine),
        () -> Files.deleteIfExists(theirs),
        () -> Child.run("qemu-img", words, theirs));
    QemuImg.same(mine, theirs);
    Files.delete(mine);
    Files.delete(theirs);
  }

  private void comparison() throws IOException {
    Path raw = images.ext4();
    Path plain = images.qcow2("ext4.qcow2", raw);
    row(
        "compare raw with qcow2",
        Aim.EVEN,
        () -> {},
        () -> ours.run("compare", raw, plain),
        () -> {},
        () -> Child.run("qemu-img", "compare", raw, plain));
  }

  private void rebaseAndCommit() throws IOException {
    Path plain = images.qcow2("ext4.qcow2", images.ext4());
    Path overlay = images.file("overlay.qcow2");
    if (!Files.exists(overlay)) {
      overlay(overlay, plain);
    }
    Path mine = images.file("ours.qcow2");
    Path theirs = images.file("theirs.qcow2");
    row(
        "rebase to no backing file",
        Aim.EVEN,
        () -> copy(overlay, mine),
        () -> ours.run("rebase", "-b", "", mine),
        () -> copy(overlay, theirs),
        () -> Child.run("qemu-img", "rebase", "-b", "", theirs));
    if ("rebase to no backing file".contains(ONLY)) {
      QemuImg.checkClean(mine);
      QemuImg.same(mine, overlay);
    }
    Path myBase = images.file("ours-base.qcow2");
    Path theirBase = images.file("theirs-base.qcow2");
    if ("commit".contains(ONLY)) {
      copy(plain, myBase);
      copy(plain, theirBase);
      overlay(mine, myBase);
      overlay(theirs, theirBase);
      Path mineKept = images.file("ours-kept.qcow2");
      Path theirsKept = images.file("theirs-kept.qcow2");
      copy(mine, mineKept);
      copy(theirs, theirsKept);
      ours.run("commit", mine);
      Child.run("qemu-img", "commit", theirs);
      row(
          "commit",
          Aim.EVEN,
          () -> copy(mineKept, mine),
          () -> ours.run("commit", mine),
          () -> copy(theirsKept, theirs),
          () -> Child.run("qemu-img", "commit", theirs));
      QemuImg.checkClean(myBase);
      QemuImg.same(myBase, theirBase);
      Files.delete(mineKept);
      Files.delete(theirsKept);
    }
    for (Path each : List.of(mine, theirs, myBase, theirBase)) {
      Files.deleteIfExists(each);
    }
  }

  /** An overlay with changes in 300 places, of a megabyte each. */
  private static void overlay(Path overlay, Path base) {
    QemuImg.needs("qemu-io");
    QemuImg.ok("create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, overlay);
    List<String> commands = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      commands.add("write -q -P " + (i % 255 + 1) + " " + (i * 3L) + "M 1M");
    }
    QemuImg.io(overlay, commands.toArray(String[]::new));
  }

  private static void copy(Path from, Path to) throws IOException {
    Files.deleteIfExists(to);
    Child.run("cp", "--sparse=always", from, to);
  }

  private void compaction() throws IOException {
    if ("compact ext4".contains(ONLY)) {
      QemuImg.needs("zerofree");
      Path ext4 = images.ext4WithDeletions();
      compact("compact ext4", ext4, copy -> Child.run("zerofree", copy), FileSums.EXT4);
    }
    if ("compact NTFS".contains(ONLY)) {
      QemuImg.needs("ntfswipe");
      Path ntfs = images.ntfs();
      compact("compact NTFS", ntfs, copy -> Child.run("ntfswipe", "-u", copy), FileSums.NTFS);
    }
    if ("compact FAT32".contains(ONLY)) {
      Path fat = images.fat();
      compact("compact FAT32", fat, this::fillWithZeros, FileSums.FAT);
    }
  }

  /** What dd does on a mounted disk: a file of zeros that takes all that is free, deleted again. */
  private Took fillWithZeros(Path disk) throws IOException {
    long free = FileSums.freeOnFat(disk);
    Path zeros = images.file("zeros");
    Child.run("truncate", "-s", free, zeros);
    Took took = Child.run("mcopy", "-i", disk, zeros, "::/zeros");
    Files.delete(zeros);
    return took.plus(Child.run("mdel", "-i", disk, "::/zeros"));
  }

  /** Clears the free space of a raw disk. */
  private interface Clearing {
    Took run(Path disk) throws IOException;
  }

  private void compact(String what, Path raw, Clearing clearing, FileSums sums) throws IOException {
    String name = raw.getFileName().toString().replace(".raw", ".qcow2");
    Path qcow2 = images.qcow2(name, raw);
    Path mine = images.file("ours.qcow2");
    Path cleared = images.file("theirs.raw");
    Path theirs = images.file("theirs.qcow2");
    Side peer =
        () ->
            clearing
                .run(cleared)
                .plus(Child.run("qemu-img", "convert", "-O", "qcow2", cleared, theirs))
                .plus(Child.flush(theirs));
    Map<String, String> before = sums.of(raw, images.file("files"));
    for (String way : new String[] {"--fast", ""}) {
      row(
          (what + " " + way).strip(),
          Aim.TENTH,
          () -> copy(qcow2, mine),
          () -> ours.run("compact", way.isEmpty() ? List.of() : List.of(way), mine),
          () -> copy(raw, cleared),
          peer);
      System.out.printf(
          Locale.ROOT,
          "%-34s %8d %8d MiB of %d%n",
          "",
          taken(mine) >> 20,
          taken(theirs) >> 20,
          taken(qcow2) >> 20);
      hold(what + ": the output is larger", taken(mine) <= taken(theirs) * 1.02);
      QemuImg.checkClean(mine);
      Path shown = images.file("shown.raw");
      QemuImg.ok("convert", "-O", "raw", mine, shown);
      sums.checkClean(shown);
      assertThat(sums.of(shown, images.file("files"))).as(what + way).isEqualTo(before);
      Files.delete(shown);
    }
    for (Path each : List.of(mine, cleared, theirs)) {
      Files.delete(each);
    }
  }

  /** The bytes that a file takes on the host's disk. */
  private static long taken(Path file) throws IOException {
    try (HostFile opened = HostFile.open(file, false, HostFile.Locking.NO)) {
      return opened.allocated();
    }
  }

  private void row(
      String what,
      Aim aim,
      Preparation prepareMine,
      Side mine,
      Preparation prepareTheirs,
      Side theirs)
      throws IOException {
    if (!what.contains(ONLY)) {
      return;
    }
    List<Took> a = new ArrayList<>();
    List<Took> b = new ArrayList<>();
    // Processor time needs no median.
    int rounds = aim == Aim.TWO_THIRDS_CPU || aim == Aim.CPU_TENTH ? 1 : ROUNDS;
    for (int round = 0; round < rounds; round++) {
      // The host finds memory for the first file that is written, and the second gets it.
      boolean first = round % 2 == 0;
      for (boolean we : new boolean[] {first, !first}) {
        (we ? prepareMine : prepareTheirs).run();
        Child.settle();
        (we ? a : b).add((we ? mine : theirs).run());
      }
    }
    Took we = median(a);
    Took they = median(b);
    double wall = they.wall() / we.wall();
    double cpu = they.cpu() / we.cpu();
    System.out.printf(
        Locale.ROOT,
        "%-34s %8.2f %8.2f %8.2f %8.2f %6.2f %6.2f%n",
        what,
        we.wall(),
        they.wall(),
        we.cpu(),
        they.cpu(),
        wall,
        cpu);
    hold(
        what,
        switch (aim) {
          case TENTH -> wall >= 10;
          case CPU_TENTH -> cpu >= 10;
          case TWO_THIRDS_CPU -> cpu >= 1.5;
          case EVEN -> wall >= 1;
        });
  }

  private void hold(String promise, boolean held) {
    if (!held) {
      missed.add(promise);
    }
  }

  private static Took median(List<Took> all) {
    return new Took(
        all.stream().map(Took::wall).sorted(Comparator.naturalOrder()).toList().get(all.size() / 2),
        all.stream().map(Took::cpu).sorted(Comparator.naturalOrder()).toList().get(all.size() / 2));
  }
}
