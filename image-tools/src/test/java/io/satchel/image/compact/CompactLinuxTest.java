package io.satchel.image.compact;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.Progress;
import io.satchel.image.QemuImg;
import io.satchel.image.block.ImageException;
import io.satchel.image.compact.Compact.Plan;
import io.satchel.image.inspect.Inspector;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.zip.CRC32;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** XFS and btrfs, filled by the kernel where it may be asked, and by their own tools elsewhere. */
class CompactLinuxTest {
  private static final int MIB = 1 << 20;

  /** mkfs.xfs makes nothing smaller. */
  private static final int SIZE = 304 * MIB;

  @TempDir Path folder;

  private static String tool(String name, Object... arguments) {
    QemuImg.Outcome outcome = QemuImg.tool(name, arguments);
    assertThat(outcome.status()).as(name + ": " + outcome.out()).isZero();
    return outcome.out();
  }

  /** A disk without a zero, as one is that has been used. */
  private Path used() throws IOException {
    byte[] noise = new byte[MIB];
    Arrays.fill(noise, (byte) 0x5a);
    Path disk = folder.resolve("disk.raw");
    try (FileChannel to =
        FileChannel.open(disk, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      for (int i = 0; i < SIZE / MIB; i++) {
        to.write(ByteBuffer.wrap(noise));
      }
    }
    return disk;
  }

  private Path made(String kind, String... options) throws IOException {
    Path disk = used();
    List<Object> words = new ArrayList<>(List.of(options));
    words.addAll(List.of("-q", "-K", "-L", "data", disk));
    tool("mkfs." + kind, words.toArray());
    return disk;
  }

  /** What is done in a mounted file system. */
  private interface Work {
    void in(Path root) throws IOException;
  }

  /** Skips the test where nothing may be mounted. */
  private void mounted(Path disk, String options, Work work) throws IOException {
    QemuImg.needs("mount");
    Path root = Files.createDirectories(folder.resolve("mounted"));
    QemuImg.Outcome outcome = QemuImg.tool("mount", "-o", "loop," + options, disk, root);
    assumeTrue(outcome.status() == 0, "mount may not be used here: " + outcome.out());
    try {
      work.in(root);
    } finally {
      tool("umount", root);
    }
  }

  /** Thousands of files, every second of which is deleted: trees of more than one level. */
  private static void fill(Path root) throws IOException {
    Random random = new Random(5);
    for (int d = 0; d < 12; d++) {
      Path directory = Files.createDirectories(root.resolve("dir" + d));
      for (int f = 0; f < 250; f++) {
        byte[] bytes = new byte[4096 + random.nextInt(9000)];
        random.nextBytes(bytes);
        Files.write(directory.resolve("file" + f), bytes);
      }
    }
    byte[] large = new byte[20 * MIB];
    random.nextBytes(large);
    Files.write(root.resolve("large"), large);
    Files.write(root.resolve("gone"), large);
    tool("sync", "-f", root);
    for (int d = 0; d < 12; d++) {
      for (int f = 0; f < 250; f += 2) {
        Files.delete(root.resolve("dir" + d).resolve("file" + f));
      }
    }
    Files.delete(root.resolve("gone"));
  }

  private static Map<String, Long> sums(Path root) throws IOException {
    Map<String, Long> all = new TreeMap<>();
    try (var files = Files.walk(root)) {
      for (Path each : files.filter(Files::isRegularFile).toList()) {
        CRC32 sum = new CRC32();
        sum.update(Files.readAllBytes(each));
        all.put(root.relativize(each).toString(), sum.getValue());
      }
    }
    return all;
  }

  private static void sound(String kind, Path disk) {
    if (kind.equals("xfs")) {
      tool("xfs_repair", "-n", disk);
    } else {
      tool("btrfs", "check", "--check-data-csum", disk);
    }
  }

  private static OpenedImage open(Path disk, boolean writable) throws IOException {
    OpenOptions options = writable ? OpenOptions.forWriting() : OpenOptions.readOnly();
    return Images.open(disk, options.withFormat("raw"));
  }

  /** What stops the plan; looking at the disk never fails. */
  private static String refusal(Path disk) throws IOException {
    try (OpenedImage image = open(disk, false)) {
      Throwable[] thrown = new Throwable[1];
      assertThatThrownBy(() -> Compact.plan(image))
          .isInstanceOf(ImageException.class)
          .satisfies(e -> thrown[0] = e);
      String problem = String.valueOf(thrown[0].getMessage());
      Inspector.inspect(image);
      return problem;
    }
  }

  @ParameterizedTest
  @CsvSource({
    "xfs, ''",
    "xfs, '-b size=1024 -m reflink=0,rmapbt=1'",
    "btrfs, ''",
    "btrfs, '--csum sha256 -m dup -d dup'",
    "btrfs, '-M'"
  })
  void everyFileIsAsTheKernelWroteIt(String kind, String options) throws IOException {
    Path disk = made(kind, options.isEmpty() ? new String[0] : options.split(" "));
    List<Map<String, Long>> sums = new ArrayList<>();
    mounted(
        disk,
        "rw",
        root -> {
          fill(root);
          sums.add(sums(root));
        });
    Plan plan;
    try (OpenedImage image = open(disk, true)) {
      assertThat(Inspector.inspect(image).sentence())
          .matches((kind.equals("xfs") ? "XFS" : "btrfs") + " named data, [0-9.]+ of 318.8 MB.*");
      plan = Compact.punch(image);
      assertThat(plan.total()).isGreaterThan(100L * MIB);
      // Blocks smaller than the host's pages are no holes yet.
      assertThat(Compact.plan(image).total()).isLessThan(plan.total() / 20);
    }
    sound(kind, disk);
    mounted(disk, "ro", root -> assertThat(sums(root)).isEqualTo(sums.getFirst()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"xfs", "btrfs"})
  void compressedImagesToo(String kind) throws IOException {
    Path disk = used();
    Path files = Files.createDirectories(folder.resolve("files"));
    byte[] content = new byte[3 * MIB + 17];
    new Random(9).nextBytes(content);
    Files.write(files.resolve("content"), content);
    if (kind.equals("xfs")) {
      Path script = folder.resolve("script");
      Files.writeString(
          script, "/\n0 0\nd--755 0 0\ncontent ---644 0 0 " + files.resolve("content") + "\n$\n");
      tool("mkfs.xfs", "-q", "-K", "-p", script, disk);
    } else {
      tool("mkfs.btrfs", "-q", "-K", "--rootdir", files, disk);
    }
    Path image = folder.resolve("disk.qcow2");
    QemuImg.ok("convert", "-f", "raw", "-O", "qcow2", disk, image);
    Compact.run(image, OpenOptions.readOnly(), true, Map.of(), Progress.NONE);
    QemuImg.checkClean(image);
    assertThat(Files.size(image)).isLessThan(20L * MIB);
    Path back = folder.resolve("back.raw");
    QemuImg.ok("convert", "-O", "raw", image, back);
    sound(kind, back);
    if (kind.equals("btrfs")) {
      Path out = Files.createDirectories(folder.resolve("out"));
      tool("btrfs", "restore", back, out);
      assertThat(out.resolve("content")).hasBinaryContent(content);
    }
  }

  /** As a power cut leaves it: what was written after the last commit stands in the log alone. */
  @ParameterizedTest
  @ValueSource(strings = {"xfs", "btrfs"})
  void oneThatWasNotUnmountedIsRefused(String kind) throws IOException {
    Path disk = made(kind);
    Path cut = folder.resolve("cut.raw");
    mounted(
        disk,
        "rw",
        root -> {
          Files.write(root.resolve("first"), new byte[MIB]);
          tool("sync", "-f", root);
          for (String name : new String[] {"second", "first", "first"}) {
            try (RandomAccessFile file = new RandomAccessFile(root.resolve(name).toFile(), "rw")) {
              file.write(name.repeat(10_000).getBytes());
              file.getFD().sync();
            }
          }
          Files.copy(disk, cut, StandardCopyOption.REPLACE_EXISTING);
        });
    assertThat(refusal(cut)).contains("was not unmounted").contains("start the guest once");
    try (OpenedImage image = open(disk, false)) {
      assertThat(Compact.plan(image).total()).isGreaterThan(100L * MIB);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "xfs, -m crc=0, is of an old version",
    "xfs, -l logdev=LOG, log on another disk",
    "btrfs, -d single OTHER, spread over several disks",
  })
  void whatIsNotKnownIsRefused(String kind, String options, String problem) throws IOException {
    Path other = folder.resolve("other.raw");
    try (RandomAccessFile file = new RandomAccessFile(other.toFile(), "rw")) {
      file.setLength(SIZE);
    }
    String words = options.replace("LOG", other + ",size=80m").replace("OTHER", other.toString());
    assertThat(refusal(made(kind, words.split(" ")))).contains(problem);
  }

  // --- Crafted fields, with the right checksums ---

  private static void patch(Path disk, long block, int length, int crc, int field, byte[] value)
      throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
      byte[] bytes = new byte[length];
      file.seek(block);
      file.readFully(bytes);
      System.arraycopy(value, 0, bytes, field, value.length);
      CRC32C sum = new CRC32C();
      if (crc == 0) {
        sum.update(bytes, 32, length - 32);
      } else {
        Arrays.fill(bytes, crc, crc + 4, (byte) 0);
        sum.update(bytes);
      }
      for (int i = 0; i < 4; i++) {
        bytes[crc + i] = (byte) (sum.getValue() >> i * 8);
      }
      file.seek(block);
      file.write(bytes);
    }
  }

  private static byte[] hex(String text) {
    return HexFormat.of().parseHex(text);
  }

  /** Superblock at 0, the first group's header at 512, the root of its tree in block 1. */
  @ParameterizedTest
  @CsvSource({
    "0, 512, 224, 4, 00000200, tree of free space that is broken",
    "0, 512, 224, 4, 80000000, damaged",
    "0, 512, 224, 8, 7fffffffffffffff, damaged",
    "0, 512, 224, 8, 8000000000000000, damaged",
    "0, 512, 224, 48, 7fffffffffffff00, damaged",
    "0, 512, 224, 84, 00000001, damaged",
    "0, 512, 224, 88, ffffffff, damaged",
    "0, 512, 224, 96, 00000000, log that is too short",
    "0, 512, 224, 96, ffffffff, outside itself",
    "0, 512, 224, 124, ff, damaged",
    "0, 512, 224, 126, 01, still being made",
    "0, 512, 224, 216, 00000010, needs a repair",
    "0, 512, 224, 216, 00010000, not known here",
    "0, 512, 224, 212, 00010000, not known here",
    "512, 512, 216, 12, 00000001, header is broken",
    "512, 512, 216, 16, ffffffff, leaves its group",
    "512, 512, 216, 28, 000000ff, header is broken",
    "512, 512, 216, 28, 00000002, tree of free space that is broken",
    "512, 512, 216, 52, 00000001, does not add up",
    "4096, 4096, 52, 6, ffff, tree of free space that is broken",
    "4096, 4096, 52, 56, ffffffff, contradicts itself",
    "4096, 4096, 52, 60, ffffffff, contradicts itself",
    "4096, 4096, 52, 60, 00000000, contradicts itself",
  })
  void craftedXfsIsRefused(long block, int length, int crc, int field, String value, String problem)
      throws IOException {
    Path disk = sparse("xfs");
    patch(disk, block, length, crc, field, hex(value));
    assertThat(refusal(disk)).contains(problem);
  }

  private Path sparse(String kind) throws IOException {
    Path disk = folder.resolve("disk.raw");
    try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
      file.setLength(SIZE);
    }
    tool("mkfs." + kind, "-q", disk);
    return disk;
  }

  @Test
  void aSumThatIsWrongIsRefused() throws IOException {
    Path disk = sparse("xfs");
    try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
      file.seek(4096 + 60);
      file.write(1);
    }
    assertThat(refusal(disk)).contains("tree of free space that is broken");
  }

  @ParameterizedTest
  @CsvSource({
    "144, 0000, damaged",
    "148, 00000001, damaged",
    "48, 0000000000000001, damaged",
    "201, ffffffffffffff7f, chunk on another disk",
    "209, ffffffffffffff7f, damaged",
    "188, 0000010000000000, not known here",
    "136, 0200000000000000, spread over several disks",
    "56, 0100000001000000, in error",
    "96, 0000c00000000000, was not unmounted",
    "160, ffffffff, impossible list of chunks",
    "160, 10000000, impossible list of chunks",
    "828, ffffffffffffff7f, a chunk that lies outside",
    "872, ffff, impossible list of chunks",
    "88, ffffffffffffff7f, names an address that no chunk holds",
    "199, 07, a tree that is broken",
    "199, 40, a tree that never ends",
    "80, 0100500100000000, a tree that is broken",
    "120, 0100000000000000, does not add up",
  })
  void craftedBtrfsIsRefused(int field, String value, String problem) throws IOException {
    Path disk = sparse("btrfs");
    patch(disk, 65536, 4096, 0, field, hex(value));
    assertThat(refusal(disk)).contains(problem);
  }
}
