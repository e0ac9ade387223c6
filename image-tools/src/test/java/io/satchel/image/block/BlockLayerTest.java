package io.satchel.image.block;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.satchel.image.FormatAdviser;
import io.satchel.image.FormatAdviser.Use;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.file.Pages;
import io.satchel.image.fs.MemoryDisk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class BlockLayerTest {
  /** A clock that only sleeping moves. */
  private static final class MadeUpClock implements Throttle.Clock {
    private long now;

    @Override
    public long now() {
      return now;
    }

    @Override
    public void sleep(long nanos) {
      now += nanos;
    }
  }

  @TempDir Path folder;

  @Test
  void pastTheHostsCacheABrokenBlockAtTheEndReadsAndWritesToo() throws IOException {
    Path file = folder.resolve("odd.raw");
    byte[] content = new byte[3 * 4096 + 512];
    new Random(7).nextBytes(content);
    Files.write(file, content);
    OpenOptions past =
        OpenOptions.forWriting().withFormat("raw").withCache(OpenOptions.CacheMode.NONE);
    byte[] fresh = new byte[2 * 4096 + 512];
    new Random(8).nextBytes(fresh);
    try (OpenedImage image = Images.open(file, past)) {
      for (ByteBuffer whole :
          List.of(
              ByteBuffer.allocate(content.length),
              Pages.allocate(content.length),
              ByteBuffer.allocateDirect(content.length))) {
        image.device().read(0, whole);
        assertThat(whole.flip()).isEqualTo(ByteBuffer.wrap(content));
      }
      ByteBuffer some = Pages.allocate(8192);
      image.device().read(4096, some);
      assertThat(some.flip()).isEqualTo(ByteBuffer.wrap(content, 4096, 8192));
      image.device().write(4096, ByteBuffer.wrap(fresh));
      image.device().write(0, Pages.allocate(4096).put(0, fresh, 0, 4096));
      image.device().flush();
    }
    System.arraycopy(fresh, 0, content, 4096, fresh.length);
    System.arraycopy(fresh, 0, content, 0, 4096);
    assertThat(Files.readAllBytes(file)).isEqualTo(content);
  }

  @Test
  void theAdvisersOptionsSuitTheFormatThatWasChosen() {
    assertThat(FormatAdviser.options("qcow2", 4L << 40)).containsEntry("cluster_size", "2M");
    assertThat(FormatAdviser.options("qcow2", 4L << 30)).isEmpty();
    assertThat(FormatAdviser.options("raw", 4L << 40)).isEmpty();
  }

  @Test
  void bytesASecondAreKept() throws IOException {
    MadeUpClock clock = new MadeUpClock();
    try (Throttle slow = new Throttle(new MemoryDisk(new byte[1 << 20]), 1_000_000, 0, clock)) {
      for (int i = 0; i < 100; i++) {
        slow.read(0, ByteBuffer.allocate(100_000));
      }
    }
    // Ten megabytes; the first and a tenth of a second's worth come at once.
    assertThat(clock.now).isBetween(9_700_000_000L, 10_000_000_000L);
  }

  @Test
  void requestsASecondAreKept() throws IOException {
    MadeUpClock clock = new MadeUpClock();
    try (Throttle slow = new Throttle(new MemoryDisk(new byte[4096]), 0, 50, clock)) {
      for (int i = 0; i < 100; i++) {
        slow.write(0, ByteBuffer.allocate(1));
      }
    }
    assertThat(clock.now).isBetween(1_800_000_000L, 2_000_000_000L);
  }

  @Test
  void aFlushIsABarrier() throws Exception {
    List<String> order = Collections.synchronizedList(new ArrayList<>());
    try (RequestQueue queue = new RequestQueue(new Slow(order), 4)) {
      List<CompletableFuture<Void>> all = new ArrayList<>();
      for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 5; i++) {
          all.add(queue.write(round, ByteBuffer.allocate(1)));
        }
        all.add(queue.flush());
      }
      for (CompletableFuture<Void> each : all) {
        each.get();
      }
    }
    for (int round = 0; round < 20; round++) {
      assertThat(order.subList(round * 6, round * 6 + 5)).containsOnly("write " + round);
      assertThat(order.get(round * 6 + 5)).isEqualTo("flush");
    }
  }

  /** A disk that notes when a request is done, and takes its time. */
  private record Slow(List<String> order) implements BlockDevice {
    @Override
    public long size() {
      return 1 << 20;
    }

    @Override
    public boolean readOnly() {
      return false;
    }

    @Override
    public void read(long offset, ByteBuffer target) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void write(long offset, ByteBuffer source) {
      for (int i = 0; i < 1000; i++) {
        Thread.onSpinWait();
      }
      order.add("write " + offset);
    }

    @Override
    public void writeZeroes(long offset, long length, boolean unmap) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void discard(long offset, long length) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void flush() {
      order.add("flush");
    }

    @Override
    public Extent extent(long offset, long length) {
      return new Extent(length, Kind.DATA);
    }

    @Override
    public void close() {
      // Nothing to close.
    }
  }

  @Test
  void anErrorReachesWhoAsked() {
    try (RequestQueue queue = new RequestQueue(new MemoryDisk(new byte[512]), 2)) {
      assertThatThrownBy(() -> queue.read(4096, ByteBuffer.allocate(512)).get())
          .isInstanceOf(ExecutionException.class)
          .hasCauseInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @ParameterizedTest
  @EnumSource(Use.class)
  void whatIsAdvisedCanBeCreated(Use use) throws IOException {
    for (long size : new long[] {64 << 20, 3L << 40}) {
      FormatAdviser.Advice advice = FormatAdviser.advise(use, size);
      Path file = folder.resolve(use + "-" + size);
      Images.create(file, advice.format(), size, advice.options());
      assertThat(Images.probe(file)).isEqualTo(advice.format());
      assertThat(advice.reason()).endsWith(".").contains(size > 1L << 40 ? "TB" : " ");
    }
  }
}
