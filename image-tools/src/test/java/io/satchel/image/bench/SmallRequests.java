package io.satchel.image.bench;

import io.satchel.image.Formats;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.file.HostFile;
import io.satchel.image.file.Pages;
import io.satchel.image.format.qcow2.Qcow2Options;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

/** Random requests of 4 KiB to a qcow2 disk and to raw files of the same kind, turn about. */
final class SmallRequests {
  private static final int SIZE = 256 << 20;
  private static final int REQUESTS = 50_000;
  private static final int ROUNDS = 15;
  private static final int BLOCK = 4096;

  /** The best rounds, in nanoseconds of the thread's processor time a request. */
  record Result(double raw, double qcow2) {
    double ratio() {
      return qcow2 / raw;
    }
  }

  private SmallRequests() {}

  /** Reads through qcow2, and from the same places of the same file. */
  static Result reads(Path folder) throws IOException {
    Path file = folder.resolve("small.qcow2");
    make(file);
    try (OpenedImage qcow2 = Images.open(file, OpenOptions.readOnly());
        OpenedImage raw = Images.open(file, OpenOptions.readOnly().withFormat("raw"))) {
      return pair(raw.device(), qcow2.device(), false);
    } finally {
      Files.delete(file);
    }
  }

  /** Writes to clusters that are in the file, and to a raw file that is all there. */
  static Result writes(Path folder) throws IOException {
    Path file = folder.resolve("small.qcow2");
    Path plain = folder.resolve("small.raw");
    make(file);
    Files.deleteIfExists(plain);
    try (HostFile made = HostFile.create(plain)) {
      made.setSize(SIZE);
    }
    try (OpenedImage qcow2 = Images.open(file, OpenOptions.forWriting());
        OpenedImage raw = Images.open(plain, OpenOptions.forWriting().withFormat("raw"))) {
      fill(raw.device());
      return pair(raw.device(), qcow2.device(), true);
    } finally {
      Files.delete(file);
      Files.delete(plain);
    }
  }

  private static void make(Path file) throws IOException {
    Files.deleteIfExists(file);
    try (HostFile made = HostFile.create(file)) {
      Formats.QCOW2.create(made, Qcow2Options.ofSize(SIZE));
    }
    try (OpenedImage image = Images.open(file, OpenOptions.forWriting())) {
      fill(image.device());
    }
  }

  private static void fill(BlockDevice device) throws IOException {
    ByteBuffer chunk = Pages.allocate(1 << 20);
    for (int i = 0; i < chunk.capacity(); i++) {
      chunk.put(i, (byte) i);
    }
    for (long at = 0; at < SIZE; at += chunk.capacity()) {
      device.write(at, chunk.clear());
    }
    device.flush();
  }

  private static Result pair(BlockDevice raw, BlockDevice qcow2, boolean write) throws IOException {
    double bestRaw = Double.MAX_VALUE;
    double bestQcow2 = Double.MAX_VALUE;
    for (int round = 0; round < ROUNDS; round++) {
      bestRaw = Math.min(bestRaw, nanos(raw, write));
      bestQcow2 = Math.min(bestQcow2, nanos(qcow2, write));
    }
    return new Result(bestRaw, bestQcow2);
  }

  private static double nanos(BlockDevice device, boolean write) throws IOException {
    Random random = new Random(4);
    ByteBuffer block = Pages.allocate(BLOCK);
    long start = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    for (int i = 0; i < REQUESTS; i++) {
      long at = (long) random.nextInt(SIZE / BLOCK) * BLOCK;
      block.clear();
      if (write) {
        device.write(at, block);
      } else {
        device.read(at, block);
      }
    }
    long end = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    return (double) (end - start) / REQUESTS;
  }
}
