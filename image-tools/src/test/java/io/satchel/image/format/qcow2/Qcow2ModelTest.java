package io.satchel.image.format.qcow2;

import io.satchel.image.Formats;
import io.satchel.image.ImageModel;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.QemuImg;
import io.satchel.image.file.HostFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Random changes to qcow2 disks of every kind, against a byte array and against qemu-img. */
class Qcow2ModelTest {
  @TempDir Path folder;

  static Stream<Arguments> kinds() {
    Stream.Builder<Arguments> kinds = Stream.builder();
    for (int bits = 9; bits <= 21; bits++) {
      kinds.add(
          Arguments.of("clusters 2^" + bits, Qcow2Options.ofSize(0).withClusterBits(bits), false));
      kinds.add(
          Arguments.of(
              "v2, backing, clusters 2^" + bits,
              Qcow2Options.ofSize(0).withClusterBits(bits).withVersion(2),
              true));
    }
    for (int order = 0; order <= 6; order++) {
      kinds.add(
          Arguments.of(
              "refcounts 2^" + order,
              Qcow2Options.ofSize(0).withClusterBits(9).withRefcountOrder(order),
              true));
    }
    for (int bits = 14; bits <= 21; bits++) {
      kinds.add(
          Arguments.of(
              "subclusters in 2^" + bits,
              Qcow2Options.ofSize(0).withClusterBits(bits).withExtendedL2(true),
              bits % 2 == 0));
    }
    kinds.add(Arguments.of("v2 alone", Qcow2Options.ofSize(0).withVersion(2), false));
    kinds.add(Arguments.of("with backing", Qcow2Options.ofSize(0), true));
    kinds.add(Arguments.of("lazy", Qcow2Options.ofSize(0).withLazyRefcounts(true), true));
    kinds.add(Arguments.of("data file", Qcow2Options.ofSize(0).withDataFile("data", false), false));
    kinds.add(
        Arguments.of("raw data file", Qcow2Options.ofSize(0).withDataFile("data", true), false));
    return kinds.build();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("kinds")
  void behavesAsAnArrayOfBytes(String name, Qcow2Options options, boolean backed)
      throws IOException {
    Random random = new Random(name.hashCode());
    int size = (options.clusterBits() < 11 ? 1 << 20 : 6 << 20) + 512 * 7;
    ImageModel model = new ImageModel(size);
    if (backed) {
      byte[] below = new byte[size - 512 * 1000];
      random.nextBytes(below);
      Files.write(folder.resolve("base.raw"), below);
      System.arraycopy(below, 0, model.bytes(), 0, below.length);
    }
    if (options.dataFile() != null) {
      Files.createFile(folder.resolve("data"));
    }
    Path file = folder.resolve("disk.qcow2");
    Qcow2Options full =
        new Qcow2Options(
            size,
            options.version(),
            options.clusterBits(),
            options.refcountOrder(),
            options.lazyRefcounts(),
            options.zstd(),
            options.extendedL2(),
            backed ? "base.raw" : null,
            backed ? "raw" : null,
            options.dataFile() == null ? null : folder.resolve("data").toString(),
            options.dataFileRaw());
    try (HostFile host = HostFile.create(file)) {
      Formats.QCOW2.create(host, full);
    }
    QemuImg.checkClean(file);
    for (int round = 0; round < 4; round++) {
      try (OpenedImage image = Images.open(file, OpenOptions.forWriting())) {
        model.check(image.device());
        for (int step = 0; step < 60; step++) {
          model.change(random, image.device());
          model.checkSome(random, image.device());
        }
        model.check(image.device());
      }
    }
    QemuImg.checkClean(file);
    QemuImg.same(file, model.save(folder.resolve("model.raw")));
    if (options.dataFileRaw()) {
      QemuImg.ok(
          "compare", "-f", "raw", "-F", "raw", folder.resolve("data"), folder.resolve("model.raw"));
    }
  }
}
