package io.satchel.image.format.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.Formats;
import io.satchel.image.ImageModel;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.QemuImg;
import io.satchel.image.block.ImageException;
import io.satchel.image.file.HostFile;
import io.satchel.image.format.CheckReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.zip.Deflater;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random lives of an image: writes, zeros, discards, packed clusters, snapshots, sizes, reopening,
 * against plain arrays. A failure names its seed.
 */
class Qcow2PropertyTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
  void behavesAsArraysOfBytes(long seed) throws IOException {
    live(seed, 250);
  }

  @Test
  @Tag("fuzz")
  void behavesAsArraysOfBytesForLong() throws IOException {
    long seeds = Long.getLong("satchel.fuzz.seeds", 2000);
    for (long seed = 1000; seed < 1000 + seeds; seed++) {
      live(seed, 500);
    }
  }

  private record Saved(byte[] bytes) {}

  private void live(long seed, int steps) throws IOException {
    Random random = new Random(seed);
    Path work = Files.createDirectory(folder.resolve("seed" + seed));
    boolean extended = random.nextInt(4) == 0;
    int bits = extended ? 14 + random.nextInt(3) : 9 + random.nextInt(8);
    int version = extended || random.nextInt(4) > 0 ? 3 : 2;
    int order = version == 2 ? 4 : 1 + random.nextInt(6);
    boolean backed = random.nextBoolean();
    int size = 512 * (200 + random.nextInt(3000));
    ImageModel model = new ImageModel(size);
    if (backed) {
      byte[] below = new byte[512 * (1 + random.nextInt(4000))];
      random.nextBytes(below);
      Files.write(work.resolve("base.raw"), below);
      System.arraycopy(below, 0, model.bytes(), 0, Math.min(size, below.length));
    }
    Path file = work.resolve("disk.qcow2");
    try (HostFile host = HostFile.create(file)) {
      Formats.QCOW2.create(
          host,
          Qcow2Options.ofSize(size)
              .withClusterBits(bits)
              .withVersion(version)
              .withRefcountOrder(order)
              .withExtendedL2(extended)
              .withBacking(backed ? "base.raw" : null, backed ? "raw" : null));
    }
    Map<String, Saved> snapshots = new LinkedHashMap<>();
    String life =
        "seed "
            + seed
            + ": version "
            + version
            + ", clusters 2^"
            + bits
            + ", refcounts 2^"
            + order
            + (extended ? ", subclusters" : "")
            + (backed ? ", backed" : "");
    int step = 0;
    try {
      while (step < steps) {
        try (OpenedImage image = Images.open(file, OpenOptions.forWriting())) {
          Qcow2Device device = (Qcow2Device) image.device();
          model.check(device);
          int until = step + 1 + random.nextInt(60);
          for (; step < until; step++) {
            model = change(random, model, device, snapshots);
            model.checkSome(random, device);
          }
          assertThat(device.size()).isEqualTo(model.bytes().length);
          model.check(device);
          if (random.nextBoolean()) {
            device.flush();
            device.flush();
            CheckReport report = device.check(false, false);
            assertThat(report.messages()).isEmpty();
          }
        }
      }
      verify(work, file, model, snapshots, order);
    } catch (AssertionError | RuntimeException | IOException e) {
      throw new AssertionError(life + ", step " + step + ": " + e.getMessage(), e);
    }
  }

  private static ImageModel change(
      Random random, ImageModel model, Qcow2Device device, Map<String, Saved> snapshots)
      throws IOException {
    int size = model.bytes().length;
    switch (random.nextInt(40)) {
      case 0 -> {
        String name = "s" + random.nextInt(1000);
        if (!snapshots.containsKey(name)) {
          try {
            device.snapshots().create(name, Instant.now(), 5, 0);
            snapshots.put(name, new Saved(model.bytes().clone()));
          } catch (ImageException e) {
            // Narrow counts: refused, and nothing has changed.
            assertThat(e.kind()).isEqualTo(ImageException.Kind.UNSUPPORTED);
          }
        }
      }
      case 1 -> {
        String name = any(random, snapshots);
        if (name != null) {
          try {
            device.snapshots().apply(name);
            return adopt(snapshots.get(name).bytes());
          } catch (ImageException e) {
            assertThat(e.kind()).isEqualTo(ImageException.Kind.UNSUPPORTED);
          }
        }
      }
      case 2 -> {
        String name = any(random, snapshots);
        if (name != null) {
          device.snapshots().delete(name);
          snapshots.remove(name);
        }
      }
      case 3 -> {
        int newSize = Math.max(1, size / 512 + random.nextInt(400) - 150) * 512;
        try {
          device.resize(newSize);
          return adopt(Arrays.copyOf(model.bytes(), newSize));
        } catch (ImageException e) {
          assertThat(e.kind()).isEqualTo(ImageException.Kind.UNSUPPORTED);
        }
      }
      case 4, 5, 6 -> writePacked(random, model, device);
      default -> model.change(random, device);
    }
    return model;
  }

  private static ImageModel adopt(byte[] bytes) {
    ImageModel model = new ImageModel(bytes.length);
    System.arraycopy(bytes, 0, model.bytes(), 0, bytes.length);
    return model;
  }

  private static @Nullable String any(Random random, Map<String, Saved> snapshots) {
    List<String> names = new ArrayList<>(snapshots.keySet());
    return names.isEmpty() ? null : names.get(random.nextInt(names.size()));
  }

  private static void writePacked(Random random, ImageModel model, Qcow2Device device)
      throws IOException {
    int cluster = device.clusterSize();
    int at = random.nextInt(model.bytes().length) / cluster * cluster;
    byte[] plain = new byte[cluster];
    for (int i = 0; i < cluster; i++) {
      plain[i] = (byte) (random.nextInt(40) == 0 ? random.nextInt(256) : 'a');
    }
    byte[] packed = new byte[cluster];
    try (ClusterCodec codec = new ClusterCodec(Qcow2Header.COMPRESSION_ZLIB, cluster)) {
      int length = codec.pack(plain, packed, Deflater.BEST_SPEED);
      if (length > 0 && length < cluster) {
        device.packed().write(at, packed, length);
        System.arraycopy(plain, 0, model.bytes(), at, Math.min(cluster, model.bytes().length - at));
      }
    }
  }

  private static void verify(
      Path work, Path file, ImageModel model, Map<String, Saved> snapshots, int order)
      throws IOException {
    QemuImg.checkClean(file);
    QemuImg.same(file, model.save(work.resolve("model.raw")));
    for (Map.Entry<String, Saved> saved : snapshots.entrySet()) {
      try (OpenedImage image = Images.open(file, OpenOptions.readOnly())) {
        Qcow2Device device = (Qcow2Device) image.device();
        device.snapshots().show(saved.getKey());
        adopt(saved.getValue().bytes()).check(device);
      }
      if (order < 2) {
        // Applying counts once more, which such narrow counts may refuse.
        continue;
      }
      QemuImg.ok("snapshot", "-a", saved.getKey(), file);
      QemuImg.checkClean(file);
      Files.write(work.resolve("model.raw"), saved.getValue().bytes());
      QemuImg.same(file, work.resolve("model.raw"));
    }
  }
}
