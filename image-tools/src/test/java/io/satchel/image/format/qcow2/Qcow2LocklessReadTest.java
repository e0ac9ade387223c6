package io.satchel.image.format.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.Formats;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.file.HostFile;
import io.satchel.image.file.Pages;
import io.satchel.image.file.Storage;
import io.satchel.image.format.ImageFormat.Purpose;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Reads that hold no lock see the disk before a change or after it, never another cluster. */
class Qcow2LocklessReadTest {
  private static final int CLUSTERS = 256;
  private static final long NANOS = 300_000_000L;

  @TempDir Path folder;

  private static ByteBuffer content(int cluster, int size) {
    ByteBuffer bytes = Pages.allocate(size);
    while (bytes.hasRemaining()) {
      bytes.putInt(cluster + 1);
    }
    return bytes.flip();
  }

  @ParameterizedTest
  @ValueSource(ints = {512, 65536})
  void readerSeesOldOrNewContentWhileClustersMove(int size) throws Exception {
    Path file = folder.resolve("moving.qcow2");
    Images.create(
        file, "qcow2", (long) CLUSTERS * size, Map.of("cluster_size", Integer.toString(size)));
    AtomicBoolean done = new AtomicBoolean();
    try (OpenedImage image = Images.open(file, OpenOptions.forWriting());
        ExecutorService readers = Executors.newFixedThreadPool(2)) {
      BlockDevice disk = image.device();
      for (int i = 0; i < CLUSTERS; i++) {
        disk.write((long) i * size, content(i, size));
      }
      Future<Long> first = readers.submit(() -> read(disk, size, done));
      Future<Long> second = readers.submit(() -> read(disk, size, done));
      try {
        Random random = new Random(5);
        for (long end = System.nanoTime() + NANOS; System.nanoTime() < end; ) {
          // What is freed is taken by the next write, which belongs elsewhere.
          int a = random.nextInt(CLUSTERS);
          int b = random.nextInt(CLUSTERS);
          disk.discard((long) a * size, size);
          disk.discard((long) b * size, size);
          disk.flush();
          disk.write((long) b * size, content(b, size));
          disk.write((long) a * size, content(a, size));
        }
      } finally {
        done.set(true);
      }
      assertThat(first.get() + second.get()).isPositive();
    }
  }

  private static long read(BlockDevice disk, int size, AtomicBoolean done) throws IOException {
    Random random = new Random();
    ByteBuffer bytes = Pages.allocate(size);
    long reads = 0;
    for (; !done.get(); reads++) {
      int cluster = random.nextInt(CLUSTERS);
      disk.read((long) cluster * size, bytes.clear());
      bytes.flip();
      while (bytes.hasRemaining()) {
        assertThat(bytes.getInt()).isIn(0, cluster + 1);
      }
    }
    return reads;
  }

  @Test
  void aClusterThatMovesUnderAReadIsReadAgain() throws IOException {
    int size = 65536;
    Path file = folder.resolve("moved.qcow2");
    Images.create(file, "qcow2", (long) CLUSTERS * size, Map.of());
    List<Change> changes = new ArrayList<>();
    try (Qcow2Device disk =
        Formats.QCOW2.open(
            beforeReads(HostFile.open(file, true, HostFile.Locking.YES), changes), Purpose.USE)) {
      disk.write(0, content(1, size));
      assertThat(first(disk)).isEqualTo(2);
      final long place = disk.status(0, size).offset();
      changes.add(
          () -> {
            disk.discard(0, size);
            disk.flush();
            disk.write(5L * size, content(5, size));
          });
      ByteBuffer some = Pages.allocate(512);
      disk.read(0, some);
      assertThat(changes).isEmpty();
      assertThat(disk.status(5L * size, size).offset()).as("the place is taken").isEqualTo(place);
      assertThat(some.flip().getInt()).isZero();
    }
  }

  /** What happens to a disk between a reader's look at the tables and its reading. */
  private interface Change {
    void make() throws IOException;
  }

  private static Storage beforeReads(Storage file, List<Change> changes) {
    return (Storage)
        Proxy.newProxyInstance(
            Storage.class.getClassLoader(),
            new Class<?>[] {Storage.class},
            (proxy, method, arguments) -> {
              if (method.getName().equals("read") && !changes.isEmpty()) {
                changes.removeFirst().make();
              }
              return method.invoke(file, arguments);
            });
  }

  @Test
  void whatASnapshotBringsBackIsRead() throws IOException {
    Path file = folder.resolve("back.qcow2");
    Images.create(file, "qcow2", 1 << 20, Map.of());
    try (OpenedImage image = Images.open(file, OpenOptions.forWriting())) {
      Qcow2Device disk = (Qcow2Device) image.device();
      disk.write(0, content(1, 4096));
      assertThat(first(disk)).isEqualTo(2);
      disk.snapshots().create("before", Instant.EPOCH, 0, 0);
      disk.write(0, content(6, 4096));
      assertThat(first(disk)).isEqualTo(7);
      disk.snapshots().apply("before");
      assertThat(first(disk)).isEqualTo(2);
      disk.snapshots().delete("before");
      disk.discard(0, disk.size());
      assertThat(first(disk)).isZero();
    }
  }

  private static int first(BlockDevice disk) throws IOException {
    ByteBuffer some = Pages.allocate(512);
    // Twice: the first read looks the place up, the second knows it.
    disk.read(0, some);
    disk.read(0, some.clear());
    return some.flip().getInt();
  }
}
