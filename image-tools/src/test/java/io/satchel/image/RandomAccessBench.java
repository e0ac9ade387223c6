package io.satchel.image;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.file.HostFile;
import io.satchel.image.format.qcow2.Qcow2Options;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Random 4 KiB reads and writes of the same file content, raw and qcow2, turn about. */
@Tag("bench")
class RandomAccessBench {
  private static final int SIZE = 1 << 30;
  private static final int REQUESTS = 200_000;

  @TempDir Path folder;

  @Test
  void qcow2BesideRaw() throws IOException {
    Path raw = folder.resolve("disk.raw");
    Path qcow2 = folder.resolve("disk.qcow2");
    try (HostFile file = HostFile.create(raw)) {
      file.setSize(SIZE);
    }
    try (HostFile file = HostFile.create(qcow2)) {
      Formats.QCOW2.create(file, Qcow2Options.ofSize(SIZE));
    }
    try (OpenedImage a = Images.open(raw, OpenOptions.forWriting().withFormat("raw"));
        OpenedImage b = Images.open(qcow2, OpenOptions.forWriting())) {
      fill(a.device());
      fill(b.device());
      for (boolean write : new boolean[] {false, true}) {
        long bestRaw = Long.MAX_VALUE;
        long bestQcow2 = Long.MAX_VALUE;
        for (int round = 0; round < 7; round++) {
          bestRaw = Math.min(bestRaw, random(a.device(), write));
          bestQcow2 = Math.min(bestQcow2, random(b.device(), write));
        }
        System.out.printf(
            "%s 4 KiB: raw %d ns, qcow2 %d ns a request, ratio %.3f%n",
            write ? "write" : "read", bestRaw, bestQcow2, (double) bestQcow2 / bestRaw);
      }
    }
  }

  private static void fill(BlockDevice device) throws IOException {
    ByteBuffer chunk = ByteBuffer.allocateDirect(1 << 20);
    for (int i = 0; i < chunk.capacity(); i++) {
      chunk.put(i, (byte) i);
    }
    long start = System.nanoTime();
    for (long at = 0; at < SIZE; at += chunk.capacity()) {
      device.write(at, chunk.clear());
    }
    device.flush();
    System.out.printf("fill %.2f s%n", (System.nanoTime() - start) / 1e9);
  }

  private static long random(BlockDevice device, boolean write) throws IOException {
    Random random = new Random(4);
    ByteBuffer block = ByteBuffer.allocateDirect(4096);
    long start = System.nanoTime();
    for (int i = 0; i < REQUESTS; i++) {
      long at = (long) random.nextInt(SIZE / 4096) * 4096;
      block.clear();
      if (write) {
        device.write(at, block);
      } else {
        device.read(at, block);
      }
    }
    return (System.nanoTime() - start) / REQUESTS;
  }
}
