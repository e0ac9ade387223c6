package io.satchel.image.compact;

import static io.satchel.image.compact.LvmMaker.EXTENT;
import static io.satchel.image.compact.LvmMaker.FIRST;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.QemuImg;
import io.satchel.image.block.ImageException;
import io.satchel.image.compact.Compact.Plan;
import io.satchel.image.fs.Volume;
import io.satchel.image.inspect.FileSystems;
import io.satchel.image.inspect.Inspector;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Physical volumes of LVM: what lies in their logical volumes, and between these. */
class CompactLvmTest {
  private static final int EXTENTS = 12;
  private static final byte NOISE = 0x5a;

  @TempDir Path folder;
  private final byte[] disk = new byte[FIRST + EXTENTS * EXTENT + 70_000];

  private static void tool(String name, Object... arguments) {
    QemuImg.Outcome outcome = QemuImg.tool(name, arguments);
    assertThat(outcome.status()).as(name + ": " + outcome.out()).isZero();
  }

  private static int at(int extent) {
    return FIRST + extent * EXTENT;
  }

  private Path save() throws IOException {
    return Files.write(folder.resolve("disk.raw"), disk);
  }

  /** Only what LVM reads of it. */
  private Path saveBeginning() throws IOException {
    Path file = folder.resolve("disk.raw");
    try (RandomAccessFile to = new RandomAccessFile(file.toFile(), "rw")) {
      to.write(disk, 0, FIRST);
      to.setLength(disk.length);
    }
    return file;
  }

  private Path extFour(int extents, Path content) throws IOException {
    byte[] bytes = new byte[extents * EXTENT];
    Arrays.fill(bytes, NOISE);
    Path file = Files.write(folder.resolve("root"), bytes);
    tool("mkfs.ext4", "-q", "-E", "nodiscard", "-F", "-L", "data", file);
    tool("debugfs", "-w", "-R", "write " + content + " content", file);
    return file;
  }

  private static OpenedImage open(Path file, boolean writable) throws IOException {
    OpenOptions options = writable ? OpenOptions.forWriting() : OpenOptions.readOnly();
    return Images.open(file, options.withFormat("raw"));
  }

  /** Root in two pieces the wrong way round, swap, and one that a snapshot rests on. */
  @Test
  void volumesAreLookedIntoAndWhatLiesBetweenThemIsFree() throws IOException {
    byte[] bytes = new byte[900_000];
    new Random(1).nextBytes(bytes);
    Path content = Files.write(folder.resolve("content"), bytes);
    byte[] root = Files.readAllBytes(extFour(4, content));
    Path pages = Files.write(folder.resolve("swap"), new byte[EXTENT]);
    tool("mkswap", "-L", "pages", pages);
    byte[] swap = Files.readAllBytes(pages);
    Arrays.fill(disk, NOISE);
    Arrays.fill(swap, 4096, swap.length, NOISE);
    System.arraycopy(root, 0, disk, at(7), 3 * EXTENT);
    System.arraycopy(root, 3 * EXTENT, disk, at(2), EXTENT);
    System.arraycopy(swap, 0, disk, at(4), EXTENT);
    System.arraycopy(root, 0, disk, at(5), EXTENT);
    String snapshot =
        "snapshot0 {\n"
            + "status = [\"READ\"]\n"
            + "segment1 {\n"
            + "start_extent = 0\n"
            + "extent_count = 1\n"
            + "type = \"snapshot\"\n"
            + "chunk_size = 8\n"
            + "origin = \"origin\"\n"
            + "cow_store = \"cow\"\n"
            + "}\n"
            + "}\n";
    LvmMaker.write(
        disk,
        LvmMaker.group(
            EXTENTS,
            LvmMaker.volume("root", 7, 3, 2, 1)
                + LvmMaker.volume("swap", 4, 1)
                + LvmMaker.volume("origin", 5, 1)
                + LvmMaker.volume("cow", 11, 1)
                + snapshot));
    Path file = save();
    try (OpenedImage image = open(file, false)) {
      assertThat(Inspector.inspect(image).sentence())
          .matches(
              "LVM named vg0; ext4 named data in vg0/root, [0-9.]+ of [0-9.]+ MB used;"
                  + " swap named pages in vg0/swap, nothing starts from it");
      assertThat(FileSystems.on(image.device(), 0))
          .singleElement()
          .satisfies(f -> assertThat(f.files().open("/content").read(0, 1 << 20)).isEqualTo(bytes));
    }
    Plan plan;
    try (OpenedImage image = open(file, true)) {
      plan = Compact.punch(image);
    }
    assertThat(plan.savings())
        .extracting(s -> s.kind() + " " + s.label())
        .containsExactly("LVM vg0", "ext4 data in vg0/root", "swap pages in vg0/swap");
    assertThat(plan.savings().get(0).free()).isEqualTo(5L * EXTENT);
    assertThat(plan.savings().get(1).free()).isGreaterThan(5_000_000);
    byte[] after = Files.readAllBytes(file);
    for (int extent : new int[] {0, 1, 3, 6, 10}) {
      assertThat(Arrays.mismatch(after, at(extent), at(extent + 1), new byte[EXTENT], 0, EXTENT))
          .as("extent " + extent)
          .isEqualTo(-1);
    }
    for (int[] kept : new int[][] {{0, at(0)}, {at(5), at(6)}, {at(11), disk.length}}) {
      assertThat(Arrays.mismatch(after, kept[0], kept[1], disk, kept[0], kept[1])).isEqualTo(-1);
    }
    System.arraycopy(after, at(7), root, 0, 3 * EXTENT);
    System.arraycopy(after, at(2), root, 3 * EXTENT, EXTENT);
    Path back = Files.write(folder.resolve("back"), root);
    tool("e2fsck", "-fn", back);
    tool("debugfs", "-R", "dump content " + folder.resolve("out"), back);
    assertThat(folder.resolve("out")).hasSameBinaryContentAs(content);
  }

  /** In a partition, whose beginning all places in it are counted from. */
  @Test
  void aPartitionMayHoldThemToo() throws IOException {
    Path pages = Files.write(folder.resolve("swap"), new byte[EXTENT]);
    tool("mkswap", "-L", "pages", pages);
    LvmMaker.write(disk, LvmMaker.group(EXTENTS, LvmMaker.volume("swap", 4, 1)));
    System.arraycopy(Files.readAllBytes(pages), 0, disk, at(4), EXTENT);
    int start = 1 << 20;
    ByteBuffer whole = ByteBuffer.allocate(start + disk.length).order(ByteOrder.LITTLE_ENDIAN);
    whole.put(446 + 4, (byte) 0x8e).putInt(446 + 8, start / 512);
    whole.putInt(446 + 12, disk.length / 512).putShort(510, (short) 0xaa55).put(start, disk);
    Path file = Files.write(folder.resolve("disk.raw"), whole.array());
    try (OpenedImage image = open(file, false)) {
      Plan plan = Compact.plan(image);
      assertThat(plan.savings())
          .extracting(s -> s.kind() + " " + s.label() + " at " + s.start())
          .containsExactly("LVM vg0 at " + start, "swap pages in vg0/swap at " + (start + at(4)));
      assertThat(plan.free().ranges())
          .containsExactly(
              new long[] {start + at(0), 4L * EXTENT},
              new long[] {start + at(4) + 4096, EXTENT - 4096},
              new long[] {start + at(5), (EXTENTS - 5L) * EXTENT});
    }
  }

  /** That the layout is LVM's own says LVM's own tool. */
  @Test
  void lvmReadsWhatIsLaidOutHere() throws IOException {
    LvmMaker.write(disk, LvmMaker.group(EXTENTS, LvmMaker.volume("root", 0, 3)));
    Path file = save();
    QemuImg.Outcome outcome = QemuImg.tool("pvck", "--dump", "metadata", file);
    assertThat(outcome.out()).contains("extent_count = 3").contains("seqno 3");
  }

  @Test
  void aVolumeThatIsNotWhollyHereIsNotLookedInto() throws IOException {
    Arrays.fill(disk, NOISE);
    byte[] root = Files.readAllBytes(extFour(2, save()));
    System.arraycopy(root, 0, disk, at(0), 2 * EXTENT);
    String away =
        LvmMaker.volume("root", 0, 1, 50, 1).replaceFirst("(?s)\"pv0\", 50", "\"pv1\", 50");
    String striped =
        "wide {\nstatus = [\"READ\", \"VISIBLE\"]\nsegment1 {\nstart_extent = 0\nextent_count = 4\n"
            + "type = \"striped\"\nstripe_count = 2\nstripe_size = 128\n"
            + "stripes = [\n\"pv0\", 4,\n\"pv0\", 6\n]\n}\n}\n";
    LvmMaker.write(disk, LvmMaker.group(EXTENTS, away + striped));
    try (OpenedImage image = open(save(), false)) {
      Plan plan = Compact.plan(image);
      assertThat(plan.savings()).singleElement().extracting(s -> s.kind()).isEqualTo("LVM");
      assertThat(plan.savings().getFirst().free()).isEqualTo((EXTENTS - 5L) * EXTENT);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "root 0 3 2 1        | that it does not have, or twice",
        "root 11 2           | that it does not have, or twice",
        "root -1 2           | that it does not have, or twice",
        "root 0 -1           | cannot be",
        "root 0 0            | cannot be",
        "root 9223372036854775807 1 | that it does not have, or twice",
        "root 0 9223372036854775807 | that it does not have, or twice",
      })
  void extentsThatCannotBeAreRefused(String volume, String problem) throws IOException {
    String[] words = volume.strip().split(" ");
    int[] numbers = new int[words.length - 1];
    Arrays.setAll(numbers, i -> 1000 + i);
    String text = LvmMaker.volume(words[0], numbers);
    for (int i = 0; i < numbers.length; i++) {
      text = text.replaceFirst("(?<=[ =])" + (1000 + i) + "(?![0-9])", words[i + 1]);
    }
    LvmMaker.write(disk, LvmMaker.group(EXTENTS, text));
    refused(problem.strip());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "extent_size = 8192 | extent_size = 0          | impossible size",
        "extent_size = 8192 | extent_size = -5         | impossible size",
        "extent_size = 8192 | extent_size = \"8192\"   | does not say extent_size",
        "pe_count = 12      | pe_count = 1300000000000 | lie outside",
        "pe_count = 12      | pe_count = -1            | lie outside",
        "pe_start = 2048    | pe_start = 99999999999   | lie outside",
        "abcdef-            | xbcdef-                  | does not belong to",
        "seqno = 3          | seqno 3                  | cannot be read",
        "flags = []         | flags = [                | cannot be read",
        "max_lv = 0         | x{x{x{x{x{x{x{x{x{x{x{x{  | cannot be read",
        "format =           | format = [[[[[[[[[[[[[[[[[ | cannot be read",
        "vg0 {              | vg0                      | cannot be read",
        "seqno = 3          | second = 3               | without a group",
        "stripes = [        | mirrors = [              | being moved or mirrored",
      })
  void textThatCannotBeIsRefused(String old, String now, String problem) throws IOException {
    String text = LvmMaker.group(EXTENTS, LvmMaker.volume("root", 0, 3));
    LvmMaker.write(disk, text.replace(old.strip(), now.strip()));
    refused(problem.strip());
  }

  @ParameterizedTest
  @CsvSource({
    "512, 20, wrong checksum",
    "512, 40, wrong checksum",
    "4096, 0, metadata area that is broken",
    "4096, 48, metadata area that is broken",
    "4096, 700, metadata with a wrong checksum",
  })
  void damageIsRefused(int area, int field, String problem) throws IOException {
    LvmMaker.write(disk, LvmMaker.group(EXTENTS, LvmMaker.volume("root", 0, 3)));
    disk[area + field] ^= 0x40;
    refused(problem);
  }

  private void refused(String problem) throws IOException {
    try (OpenedImage image = open(saveBeginning(), false)) {
      assertThatThrownBy(() -> Compact.plan(image))
          .isInstanceOf(ImageException.class)
          .hasMessageContaining("(LVM, partition 1) that")
          .hasMessageContaining(problem);
      assertThat(Inspector.inspect(image).sentence()).contains(problem);
      Volume volume = Volume.at(image.device(), 0, disk.length);
      assertThat(volume.free()).isZero();
    }
  }

  @Test
  void anyByteMayBeWrong() throws IOException {
    String text = LvmMaker.group(EXTENTS, LvmMaker.volume("root", 7, 3, 2, 1));
    Random random = new Random(3);
    for (int i = 0; i < 300; i++) {
      StringBuilder bad = new StringBuilder(text);
      for (int j = 0; j < 3; j++) {
        bad.setCharAt(random.nextInt(bad.length()), "{}[]=\",9-a\n #".charAt(random.nextInt(13)));
      }
      LvmMaker.write(disk, bad.toString());
      try (OpenedImage image = open(saveBeginning(), false)) {
        Inspector.inspect(image);
        Compact.plan(image);
      } catch (ImageException e) {
        assertThat(e.getMessage()).endsWith(".");
      }
    }
  }
}
