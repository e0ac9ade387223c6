package io.satchel.image.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.satchel.image.ImageModel;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.QemuImg;
import io.satchel.image.block.ImageException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Each format round-trips both ways with qemu-img, byte for byte. */
class FormatsOracleTest {
  private static final int SIZE = (9 << 20) + 512 * 9;

  @TempDir Path folder;

  private final ImageModel model = new ImageModel(SIZE);

  private Path source(Random random) throws IOException {
    byte[] piece = new byte[100_000];
    for (int i = 0; i < 25; i++) {
      random.nextBytes(piece);
      System.arraycopy(piece, 0, model.bytes(), random.nextInt(SIZE - piece.length), piece.length);
    }
    return model.save(folder.resolve("model.raw"));
  }

  private static boolean checkable(String format) {
    return List.of("qed", "vdi", "vhdx", "vmdk").contains(format);
  }

  private void compare(Path file, String format) throws IOException {
    QemuImg.ok("compare", "-f", format, "-F", "raw", file, model.save(folder.resolve("model.raw")));
    if (checkable(format)) {
      QemuImg.ok("check", "-f", format, file);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "raw, ''",
    "vdi, ''",
    "vdi, static=on",
    "vpc, force_size=on",
    "vpc, 'subformat=fixed,force_size=on'",
    "qed, ''",
    "qed, 'cluster_size=4096,table_size=2'",
    "qcow, ''",
    "parallels, ''",
    "parallels, cluster_size=64k",
    "vmdk, ''",
    "vmdk, subformat=monolithicFlat",
    "vmdk, subformat=twoGbMaxExtentSparse",
    "vmdk, subformat=twoGbMaxExtentFlat",
    "vmdk, zeroed_grain=on",
    "vhdx, ''",
    "vhdx, subformat=fixed",
    "vhdx, block_size=1M"
  })
  void imagesOfQemuAreReadAndWritten(String format, String options) throws IOException {
    Random random = new Random((format + options).hashCode());
    Path raw = source(random);
    Path file = folder.resolve("disk." + format);
    if (options.isEmpty()) {
      QemuImg.ok("convert", "-f", "raw", "-O", format, raw, file);
    } else {
      QemuImg.ok("convert", "-f", "raw", "-O", format, "-o", options, raw, file);
    }
    boolean known = !format.equals("raw") && !options.contains("fixed,");
    assertThat(Images.probe(file)).isEqualTo(known ? format : "raw");
    exercise(random, file, format);
  }

  private void exercise(Random random, Path file, String format) throws IOException {
    for (int round = 0; round < 3; round++) {
      try (OpenedImage image = Images.open(file, OpenOptions.forWriting().withFormat(format))) {
        assertThat(image.device().size()).isEqualTo(SIZE);
        model.check(image.device());
        for (int step = 0; step < 25; step++) {
          model.change(random, image.device());
          model.checkSome(random, image.device());
        }
        model.check(image.device());
      }
      compare(file, format);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "raw, ''",
    "vdi, ''",
    "vdi, static=on",
    "vpc, ''",
    "vpc, subformat=fixed",
    "qed, ''",
    "qed, cluster_size=4096",
    "qcow, ''",
    "parallels, ''",
    "vmdk, ''",
    "vmdk, zeroed_grain=on",
    "vmdk, subformat=monolithicFlat",
    "vmdk, subformat=twoGbMaxExtentFlat",
    "vmdk, subformat=twoGbMaxExtentSparse",
    "vhdx, ''",
    "vhdx, subformat=fixed"
  })
  void imagesMadeHereAreReadByQemu(String format, String options) throws IOException {
    Random random = new Random((format + options).hashCode());
    Path file = folder.resolve("disk." + format);
    Map<String, String> all = new HashMap<>();
    for (String option : options.split(",")) {
      if (!option.isEmpty()) {
        all.put(option.split("=")[0], option.split("=")[1]);
      }
    }
    Images.create(file, format, SIZE, all);
    compare(file, format);
    exercise(random, file, format);
    QemuImg.Outcome wrote =
        QemuImg.tool("qemu-io", "-f", format, "-c", "write -P 9 3M 100k", file.toString());
    assertThat(wrote.status()).as(wrote.out()).isZero();
    java.util.Arrays.fill(model.bytes(), 3 << 20, (3 << 20) + 102_400, (byte) 9);
    try (OpenedImage image = Images.open(file, OpenOptions.readOnly().withFormat(format))) {
      model.check(image.device());
    }
  }

  @Test
  void streamsOfGrainsAreRead() throws IOException {
    Path raw = source(new Random(5));
    Path file = folder.resolve("stream.vmdk");
    QemuImg.ok("convert", "-O", "vmdk", "-o", "subformat=streamOptimized", raw, file);
    try (OpenedImage image = Images.open(file, OpenOptions.readOnly())) {
      model.check(image.device());
    }
    exercise(new Random(6), file, "vmdk");
  }

  @ParameterizedTest
  @ValueSource(strings = {"qed", "qcow"})
  void backingFilesShowThrough(String format) throws IOException {
    Random random = new Random(format.hashCode());
    Files.move(source(random), folder.resolve("base.raw"));
    Path file = folder.resolve("over." + format);
    QemuImg.ok("create", "-f", format, "-b", folder.resolve("base.raw"), "-F", "raw", file);
    exercise(random, file, format);
  }

  @Test
  void packedQcowClustersAreRead() throws IOException {
    Random random = new Random(1);
    ImageModel whole = new ImageModel(4 << 20);
    Path file = folder.resolve("packed.qcow");
    QemuImg.ok("create", "-f", "qcow", file, "4M");
    for (int i = 0; i < 20; i++) {
      int at = 4096 * random.nextInt(1024);
      int value = 1 + random.nextInt(255);
      QemuImg.Outcome wrote =
          QemuImg.tool(
              "qemu-io", "-f", "qcow", "-c", "write -c -P " + value + " " + at + " 4k", file);
      assertThat(wrote.status()).as(wrote.out()).isZero();
      java.util.Arrays.fill(whole.bytes(), at, at + 4096, (byte) value);
    }
    final Path raw = folder.resolve("model.raw");
    try (OpenedImage image = Images.open(file, OpenOptions.forWriting())) {
      for (int step = 0; step < 50; step++) {
        whole.check(image.device());
        whole.change(random, image.device());
      }
    }
    QemuImg.ok("compare", "-F", "raw", file, whole.save(raw));
  }

  @ParameterizedTest
  @ValueSource(strings = {"qcow2", "vdi", "vpc", "qed", "qcow", "parallels", "vmdk", "vhdx"})
  void anyByteOfTheHeaderMayBeWrong(String format) throws IOException {
    Random random = new Random(format.hashCode());
    Path file = folder.resolve("broken." + format);
    Images.create(file, format, 5 << 20, Map.of());
    try (OpenedImage image = Images.open(file, OpenOptions.forWriting())) {
      image.device().write(1 << 20, java.nio.ByteBuffer.allocate(4096).put(0, (byte) 1));
    }
    byte[] good = Files.readAllBytes(file);
    for (int i = 0; i < 400; i++) {
      byte[] bad = good.clone();
      int at = random.nextInt(Math.min(2048, bad.length - 8));
      for (int j = 0; j < 1 + random.nextInt(4); j++) {
        bad[at + j] = (byte) (random.nextBoolean() ? 0xff : random.nextInt(256));
      }
      int cut = random.nextInt(4) == 0 ? random.nextInt(bad.length) : bad.length;
      try (RandomAccessFile raw = new RandomAccessFile(file.toFile(), "rw")) {
        raw.setLength(0);
        raw.write(bad, 0, cut);
      }
      Throwable failure =
          catchThrowable(
              () -> {
                try (OpenedImage image =
                    Images.open(file, OpenOptions.readOnly().withFormat(format))) {
                  long size = image.device().size();
                  ImageModel.read(image.device(), 0, (int) Math.min(size, 2 << 20));
                }
              });
      if (failure != null) {
        assertThat(failure).isInstanceOf(ImageException.class);
      }
    }
  }
}
