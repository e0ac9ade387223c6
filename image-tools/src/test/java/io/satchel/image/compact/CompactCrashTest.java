package io.satchel.image.compact;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.ImageModel;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.Progress;
import io.satchel.image.QemuImg;
import io.satchel.image.file.LoggedFileSystem;
import io.satchel.image.file.WriteLog;
import io.satchel.image.file.WriteLog.Type;
import io.satchel.image.format.Checkable;
import io.satchel.image.format.qcow2.Qcow2Device;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Whatever change to the folder is the last one that reaches the medium, torn within a sector's
 * bounds or out of order since the last flush: under the image's name stands the image as it was or
 * the compacted one, whole, and it opens.
 */
class CompactCrashTest {
  private static final String NAME = "disk";
  private static final int SIZE = 1 << 20;

  @TempDir Path folder;

  /** An ext2 with one file, and noise where it calls the disk free. */
  private byte[] disk() throws IOException {
    Path source = Files.createDirectory(folder.resolve("source"));
    byte[] content = new byte[90_000];
    new Random(1).nextBytes(content);
    Files.write(source.resolve("file"), content);
    Path disk = folder.resolve("raw");
    byte[] noise = new byte[SIZE];
    new Random(2).nextBytes(noise);
    try (RandomAccessFile raw = new RandomAccessFile(disk.toFile(), "rw")) {
      raw.write(noise);
    }
    QemuImg.Outcome made =
        QemuImg.tool("mkfs.ext2", "-q", "-b", "1024", "-E", "nodiscard", "-F", "-d", source, disk);
    assertThat(made.status()).as(made.out()).isZero();
    return Files.readAllBytes(disk);
  }

  private static byte[] content(OpenedImage image) throws IOException {
    return ImageModel.read(image.device(), 0, SIZE);
  }

  /** The folder before, in which the image is named "disk". */
  private Map<String, byte[]> before(String format, boolean snapshot, boolean backed)
      throws IOException {
    Map<String, byte[]> files = new HashMap<>();
    byte[] disk = disk();
    Map<String, String> options = new HashMap<>();
    if (backed) {
      files.put("below", Arrays.copyOf(disk, SIZE / 2));
      options.put("backing_file", "below");
      options.put("backing_fmt", "raw");
    }
    if (format.equals("qcow2")) {
      options.put("cluster_size", "4k");
    }
    try (LoggedFileSystem system = LoggedFileSystem.of(files)) {
      Path path = system.getPath(NAME);
      Images.create(path, format, SIZE, options);
      try (OpenedImage image = Images.open(path, OpenOptions.forWriting().withFormat(format))) {
        image.device().write(0, ByteBuffer.wrap(disk));
        if (snapshot) {
          Qcow2Device device = Objects.requireNonNull(Images.qcow2(image.device()));
          device.snapshots().create("then", Instant.EPOCH, 0, 0);
          image.device().write(SIZE - 5000, ByteBuffer.wrap(disk, SIZE - 5000, 5000));
        }
      }
      files.put(NAME, Files.readAllBytes(path));
    }
    return files;
  }

  @ParameterizedTest
  @CsvSource({
    "qcow2, false, false, false",
    "qcow2, true, false, false",
    "qcow2, false, true, false",
    "qcow2, false, false, true",
    "raw, false, false, false",
    "vmdk, false, false, false",
    "vdi, false, false, false"
  })
  void theOldOrTheNewImageStandsThereWhole(
      String format, boolean compress, boolean snapshot, boolean backed) throws IOException {
    Map<String, byte[]> before = before(format, snapshot, backed);
    try (LoggedFileSystem system = LoggedFileSystem.of(before)) {
      int start = system.log().size();
      Path path = system.getPath(NAME);
      OpenOptions reading = OpenOptions.readOnly().withFormat(format);
      Compact.run(path, reading, compress, Map.of(), Progress.NONE);
      byte[] after = Files.readAllBytes(path);
      assertThat(Arrays.equals(after, before.get(NAME))).as("nothing was left out").isFalse();
      byte[] expected;
      byte[] sound;
      try (OpenedImage image = Images.open(path, reading)) {
        expected = content(image);
      }
      try (LoggedFileSystem old = LoggedFileSystem.of(before);
          OpenedImage image = Images.open(old.getPath(NAME), reading)) {
        sound = content(image);
      }
      crash(system.log(), start, before, after, reading, sound, expected);
    }
  }

  private static void crash(
      WriteLog log,
      int start,
      Map<String, byte[]> before,
      byte[] after,
      OpenOptions reading,
      byte[] sound,
      byte[] expected)
      throws IOException {
    Random random = new Random(5);
    Set<String> seen = new HashSet<>();
    int olds = 0;
    int news = 0;
    for (int at = start; at <= log.size(); at++) {
      int sectors = 0;
      if (at < log.size() && log.get(at).type() == Type.WRITE) {
        sectors = 1 + random.nextInt(Math.max(1, log.get(at).bytes().length / 512));
      }
      long seed = random.nextLong();
      for (WriteLog.Remains left :
          new WriteLog.Remains[] {
            log.crashed(at, 0),
            log.crashed(at, sectors),
            log.crashedOutOfOrder(at, i -> i < start || new Random(seed + i).nextInt(3) > 0)
          }) {
        Map<String, byte[]> files = left.files();
        byte[] stands = files.get(NAME);
        assertThat(stands).as("after change " + at).isNotNull();
        boolean old = Arrays.equals(stands, before.get(NAME));
        assertThat(old || Arrays.equals(stands, after)).as("whole after change " + at).isTrue();
        olds += old ? 1 : 0;
        news += old ? 0 : 1;
        // The rest of the folder is a half-written file of another name, which nobody opens.
        if (seen.add(old ? "old" : "new")) {
          opens(files, reading, old ? sound : expected);
        }
      }
    }
    assertThat(olds).isGreaterThan(10);
    assertThat(news).isPositive();
  }

  private static void opens(Map<String, byte[]> files, OpenOptions reading, byte[] expected)
      throws IOException {
    try (LoggedFileSystem system = LoggedFileSystem.of(files);
        OpenedImage image = Images.open(system.getPath(NAME), reading)) {
      assertThat(content(image)).isEqualTo(expected);
      if (image.chain().getFirst().device() instanceof Checkable checkable) {
        assertThat(checkable.check(false, false).messages()).isEmpty();
      }
    }
  }
}
