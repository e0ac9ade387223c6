package io.satchel.image.compact;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.Progress;
import io.satchel.image.QemuImg;
import io.satchel.image.block.ImageException;
import io.satchel.image.file.HostFile;
import io.satchel.image.inspect.Inspector;
import io.satchel.image.inspect.Inspector.Findings;
import io.satchel.image.inspect.Inspector.Firmware;
import io.satchel.image.operation.Cancelled;
import io.satchel.image.partition.PartitionTable;
import io.satchel.image.partition.PartitionTable.Scheme;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** File systems made by the distribution's own tools, on disks full of old data. */
class CompactTest {
  private static final int MIB = 1 << 20;

  @TempDir Path folder;

  /** A disk of noise, as one is that has been used. */
  private Path used(int mib) throws IOException {
    byte[] noise = new byte[mib * MIB];
    new Random(mib).nextBytes(noise);
    return Files.write(folder.resolve("disk.raw"), noise);
  }

  private static void tool(String name, Object... arguments) {
    QemuImg.Outcome outcome = QemuImg.tool(name, arguments);
    assertThat(outcome.status()).as(name + ": " + outcome.out()).isZero();
  }

  private Path content() throws IOException {
    byte[] bytes = new byte[3 * MIB + 17];
    new Random(9).nextBytes(bytes);
    return Files.write(folder.resolve("content"), bytes);
  }

  private void make(String kind, Path disk, Path content) throws IOException {
    switch (kind) {
      case "ext2", "ext4" -> {
        tool("mkfs." + kind, "-q", "-E", "nodiscard", "-F", "-L", "data", disk);
        tool("debugfs", "-w", "-R", "write " + content + " content", disk);
      }
      case "fat16", "fat32" -> {
        tool("mkfs.vfat", "-F", kind.substring(3), "-n", "DATA", disk);
        tool("mcopy", "-i", disk, content, "::content");
      }
      case "ntfs" -> {
        QemuImg.needs("mkntfs");
        tool("mkntfs", "-q", "-Q", "-F", "-L", "data", disk);
        tool("ntfscp", disk, content, "content");
      }
      default -> throw new IllegalArgumentException(kind);
    }
  }

  /** The file read back, and the file system checked, by its own tools. */
  private void verify(String kind, Path disk, Path content) throws IOException {
    Path out = folder.resolve("out");
    Files.deleteIfExists(out);
    switch (kind) {
      case "ext2", "ext4" -> {
        tool("e2fsck", "-fn", disk);
        tool("debugfs", "-R", "dump content " + out, disk);
      }
      case "fat16", "fat32" -> {
        tool("fsck.vfat", "-n", disk);
        tool("mcopy", "-n", "-i", disk, "::content", out);
      }
      default -> {
        tool("ntfsfix", "-n", disk);
        QemuImg.needs("ntfscat");
        Process cat =
            new ProcessBuilder("ntfscat", disk.toString(), "content")
                .redirectOutput(out.toFile())
                .start();
        try {
          assertThat(cat.waitFor()).isZero();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
      }
    }
    assertThat(out).hasSameBinaryContentAs(content);
  }

  @ParameterizedTest
  @ValueSource(strings = {"ext2", "ext4", "fat16", "fat32", "ntfs"})
  void leavesOutWhatIsFreeAndNothingElse(String kind) throws IOException {
    Path disk = used(64);
    Path content = content();
    make(kind, disk, content);
    Path image = folder.resolve("disk.qcow2");
    QemuImg.ok("convert", "-f", "raw", "-O", "qcow2", disk, image);
    final long before = Files.size(image);
    for (boolean compress : new boolean[] {false, true}) {
      Compact.run(image, OpenOptions.readOnly(), compress, Map.of(), Progress.NONE);
      QemuImg.checkClean(image);
      assertThat(Files.size(image)).isLessThan(before / 2);
      Path back = folder.resolve("back.raw");
      QemuImg.ok("convert", "-O", "raw", image, back);
      verify(kind, back, content);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"ext4", "fat32", "ntfs"})
  void punchesHolesIntoARawImage(String kind) throws IOException {
    Path disk = used(64);
    Path content = content();
    make(kind, disk, content);
    try (OpenedImage image = Images.open(disk, OpenOptions.forWriting().withFormat("raw"))) {
      assertThat(Compact.punch(image).total()).isGreaterThan(30L * MIB);
      assertThat(Compact.plan(image).total()).isLessThan(MIB);
    }
    verify(kind, disk, content);
  }

  @Test
  void partitionsAndSwapAreSeen() throws IOException {
    Path disk = used(96);
    try (RandomAccessFile raw = new RandomAccessFile(disk.toFile(), "rw")) {
      raw.write(new byte[MIB]);
    }
    Path script = folder.resolve("script");
    Files.writeString(
        script, "label: dos\n2048,65536,83,*\n67584,32768,82\n100352,,5\n102400,32768,c\n");
    Process sfdisk =
        new ProcessBuilder(path("sfdisk"), "-q", disk.toString())
            .redirectInput(script.toFile())
            .redirectErrorStream(true)
            .start();
    try {
      sfdisk.getInputStream().readAllBytes();
      assertThat(sfdisk.waitFor()).isZero();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    Path piece = folder.resolve("piece");
    Files.write(piece, new byte[16 * MIB]);
    tool("mkswap", "-L", "pages", piece);
    byte[] swap = Files.readAllBytes(piece);
    Files.write(piece, new byte[16 * MIB]);
    tool("mkfs.vfat", "-F", "16", "-n", "DOS", piece);
    byte[] fat = Files.readAllBytes(piece);
    Files.write(piece, new byte[32 * MIB]);
    tool("mkfs.ext4", "-q", "-F", "-L", "root", piece);
    try (RandomAccessFile raw = new RandomAccessFile(disk.toFile(), "rw")) {
      raw.write(0xeb);
      raw.seek(2048 * 512);
      raw.write(Files.readAllBytes(piece));
      raw.seek(67584 * 512);
      raw.write(swap);
      raw.seek(102400L * 512);
      raw.write(fat);
    }
    try (OpenedImage image = Images.open(disk, OpenOptions.readOnly())) {
      assertThat(PartitionTable.read(image.device()).partitions())
          .extracting(PartitionTable.Partition::number)
          .containsExactly(1, 2, 3, 5);
      Findings found = Inspector.inspect(image);
      assertThat(found.scheme()).isEqualTo(Scheme.MBR);
      assertThat(found.firmware()).isEqualTo(Firmware.BIOS);
      assertThat(found.fileSystems())
          .extracting(f -> f.kind() + " " + f.label())
          .containsExactly("ext4 root", "swap pages", "FAT16 DOS");
      assertThat(found.sentence())
          .matches(
              "ext4 named root, [0-9.]+ of [0-9.]+ MB used; swap named pages; FAT16 named DOS.*")
          .endsWith(", starts from BIOS");
      assertThat(Compact.plan(image).savings()).hasSize(3);
    }
  }

  private static String path(String tool) {
    QemuImg.needs(tool);
    return tool;
  }

  @Test
  void aFileSystemThatWasNotUnmountedIsRefused() throws IOException {
    Path disk = used(16);
    tool("mkfs.ext4", "-q", "-F", disk);
    tool("debugfs", "-w", "-R", "feature needs_recovery", disk);
    try (OpenedImage image = Images.open(disk, OpenOptions.readOnly())) {
      assertThatThrownBy(() -> Compact.plan(image))
          .isInstanceOf(ImageException.class)
          .hasMessageContaining("was not unmounted")
          .hasMessageContaining("shut it down properly");
    }
  }

  @Test
  void stoppingChangesNothing() throws IOException {
    Path disk = used(16);
    tool("mkfs.ext2", "-q", "-F", disk);
    Path image = folder.resolve("disk.qcow2");
    QemuImg.ok("convert", "-f", "raw", "-O", "qcow2", disk, image);
    byte[] before = Files.readAllBytes(image);
    assertThatThrownBy(
            () ->
                Compact.run(
                    image,
                    OpenOptions.readOnly(),
                    false,
                    Map.of(),
                    (done, total) -> done < total / 2))
        .isInstanceOf(Cancelled.class);
    assertThat(Files.readAllBytes(image)).isEqualTo(before);
    try (var files = Files.list(folder)) {
      assertThat(files).noneMatch(f -> f.toString().contains(".part-"));
    }
  }

  @Test
  void snapshotsAndBitmapsSurvive() throws IOException {
    Path disk = used(16);
    tool("mkfs.ext2", "-q", "-E", "nodiscard", "-F", disk);
    Path image = folder.resolve("disk.qcow2");
    QemuImg.ok("convert", "-f", "raw", "-O", "qcow2", disk, image);
    QemuImg.ok("bitmap", "--add", "--disable", image, "map");
    QemuImg.ok("snapshot", "-c", "before", image);
    Path content = content();
    Path raw = folder.resolve("active.raw");
    QemuImg.ok("convert", "-O", "raw", image, raw);
    tool("debugfs", "-w", "-R", "write " + content + " content", raw);
    QemuImg.ok("convert", "-n", "-f", "raw", "-O", "qcow2", raw, image);
    final Path snapshot = folder.resolve("snapshot.raw");
    QemuImg.ok("convert", "-l", "before", "-O", "raw", image, snapshot);
    final long before = allocated(image);
    Compact.run(image, OpenOptions.readOnly(), false, Map.of(), Progress.NONE);
    QemuImg.checkClean(image);
    assertThat(allocated(image)).isLessThan(before - 8 * MIB);
    Path back = folder.resolve("back.raw");
    QemuImg.ok("convert", "-l", "before", "-O", "raw", image, back);
    assertThat(back).hasSameBinaryContentAs(snapshot);
    QemuImg.ok("convert", "-O", "raw", image, back);
    verify("ext2", back, content);
    assertThat(QemuImg.ok("info", image)).contains("name: map").contains("before");
    assertThatThrownBy(
            () -> Compact.run(image, OpenOptions.readOnly(), true, Map.of(), Progress.NONE))
        .hasMessageContaining("has snapshots or bitmaps, with which it cannot be compressed");
  }

  private static long allocated(Path file) throws IOException {
    try (HostFile open = HostFile.open(file, false, HostFile.Locking.NO)) {
      return open.allocated();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theBackingFileStaysBelow(boolean compress) throws IOException {
    Path disk = used(32);
    tool("mkfs.ext4", "-q", "-E", "nodiscard", "-F", disk);
    Path overlay = folder.resolve("overlay.qcow2");
    QemuImg.ok("create", "-f", "qcow2", "-b", "disk.raw", "-F", "raw", overlay);
    Path content = content();
    Path raw = folder.resolve("changed.raw");
    Files.copy(disk, raw);
    tool("debugfs", "-w", "-R", "write " + content + " content", raw);
    tool("debugfs", "-w", "-R", "write " + content + " other", raw);
    QemuImg.ok("convert", "-n", "-f", "raw", "-O", "qcow2", raw, overlay);
    tool("debugfs", "-w", "-R", "rm other", raw);
    QemuImg.ok("convert", "-n", "-f", "raw", "-O", "qcow2", raw, overlay);
    final long before = allocated(overlay);
    Compact.run(
        overlay,
        OpenOptions.readOnly().withBacking(OpenOptions.BackingPolicy.OVERLAY),
        compress,
        Map.of(),
        Progress.NONE);
    QemuImg.checkClean(overlay);
    assertThat(allocated(overlay)).isLessThan(before);
    assertThat(QemuImg.ok("info", overlay)).contains("backing file: disk.raw");
    Path back = folder.resolve("back.raw");
    QemuImg.ok("convert", "-O", "raw", overlay, back);
    verify("ext4", back, content);
  }

  @Test
  void exfatIsKnown() throws IOException {
    Path disk = used(24);
    tool("mkfs.exfat", disk);
    try (OpenedImage image = Images.open(disk, OpenOptions.forWriting().withFormat("raw"))) {
      assertThat(Compact.punch(image).total()).isGreaterThan(18L * MIB);
    }
    tool("fsck.exfat", "-n", disk);
  }

  /**
   * The program is killed at any moment: under the image's name stands the old file or the new one,
   * whole. The moments are spread over the time that the whole work takes.
   */
  @Test
  void killedAtAnyMomentTheOldOrTheNewImageStandsThere() throws Exception {
    Path disk = used(48);
    Path content = content();
    make("ext4", disk, content);
    Path original = folder.resolve("original.qcow2");
    QemuImg.ok("convert", "-f", "raw", "-O", "qcow2", disk, original);
    Path image = folder.resolve("disk.qcow2");
    long whole = 0;
    int unchanged = 0;
    for (int i = -1; i < 8; i++) {
      Files.copy(original, image, StandardCopyOption.REPLACE_EXISTING);
      long start = System.nanoTime();
      Process child =
          new ProcessBuilder(
                  ProcessHandle.current().info().command().orElse("java"),
                  "--enable-native-access=ALL-UNNAMED",
                  "-cp",
                  System.getProperty("java.class.path"),
                  "io.satchel.image.cli.ImgCommand",
                  "compact",
                  "-q",
                  image.toString())
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      if (i < 0) {
        assertThat(child.waitFor()).isZero();
        whole = System.nanoTime() - start;
        assertThat(Files.size(image)).isLessThan(Files.size(original) / 2);
        continue;
      }
      child.waitFor(whole * (i + 1) / 8, TimeUnit.NANOSECONDS);
      child.destroyForcibly().waitFor();
      QemuImg.checkClean(image);
      unchanged += Files.mismatch(original, image) < 0 ? 1 : 0;
      Path back = folder.resolve("back.raw");
      QemuImg.ok("convert", "-O", "raw", image, back);
      verify("ext4", back, content);
    }
    assertThat(unchanged).isPositive();
  }

  @Test
  void anIsoIsToldByItsLabel() throws IOException {
    Path files = Files.createDirectory(folder.resolve("files"));
    Files.writeString(files.resolve("hello.txt"), "hello");
    Path iso = folder.resolve("disc.iso");
    tool("xorriso", "-as", "mkisofs", "-quiet", "-V", "MY_DISC", "-o", iso, files);
    try (OpenedImage image = Images.open(iso, OpenOptions.readOnly())) {
      assertThat(Inspector.inspect(image).sentence())
          .isEqualTo("A CD or DVD named MY_DISC, nothing starts from it");
    }
  }
}
