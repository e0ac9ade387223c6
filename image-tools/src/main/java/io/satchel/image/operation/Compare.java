package io.satchel.image.operation;

import io.satchel.image.OpenedImage;
import io.satchel.image.Progress;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.file.Pages;
import io.satchel.image.file.Zeros;
import io.satchel.image.operation.BlockMap.Range;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/** Whether two disks have the same content. */
public final class Compare {
  /** What one thread compares at a time. */
  private static final int PIECE = 2 << 20;

  /** What is read in one go: two of it stay in a processor's own cache. */
  private static final int CHUNK = 256 << 10;

  /** More readers than this wait for memory, not for processors. */
  private static final int MOST_THREADS = 4;

  private final OpenedImage a;
  private final OpenedImage b;
  private final boolean strict;
  private final Progress progress;
  private final long total;
  private final ExecutorService workers;
  private final ArrayDeque<Future<Long>> underWay = new ArrayDeque<>();
  private final Queue<ByteBuffer> idle = new ConcurrentLinkedQueue<>();

  private Compare(
      OpenedImage a, OpenedImage b, boolean strict, ExecutorService workers, Progress progress) {
    this.a = a;
    this.b = b;
    this.strict = strict;
    this.workers = workers;
    this.progress = progress;
    total = Math.max(a.device().size(), b.device().size());
  }

  /** What was found. */
  public sealed interface Result {
    /**
     * Equal.
     *
     * @param sizesDiffer one is longer, by zeros only
     */
    record Same(boolean sizesDiffer) implements Result {}

    /** The first byte that differs. */
    record Differ(long offset) implements Result {}

    /** Strict: one holds there what the other does not hold. */
    record StatusDiffer(long offset) implements Result {}

    /** Strict: one is longer. */
    record SizeDiffer() implements Result {}
  }

  /**
   * Compares.
   *
   * @param strict sizes and allocation must be equal too
   */
  public static Result run(OpenedImage a, OpenedImage b, boolean strict, Progress progress)
      throws IOException {
    if (strict && a.device().size() != b.device().size()) {
      return new Result.SizeDiffer();
    }
    int threads = Math.min(MOST_THREADS, Runtime.getRuntime().availableProcessors());
    ExecutorService workers =
        Executors.newFixedThreadPool(threads, Thread.ofPlatform().daemon().factory());
    // Closing waits for the reads that are under way: the disks are not closed under them.
    try (workers) {
      return new Compare(a, b, strict, workers, progress).run();
    }
  }

  private Result run() throws IOException {
    long common = Math.min(a.device().size(), b.device().size());
    BlockMap mapA = new BlockMap(a);
    BlockMap mapB = new BlockMap(b);
    Range rangeA = null;
    Range rangeB = null;
    for (long at = 0; at < common; ) {
      tell(progress, at, total);
      rangeA = at < end(rangeA) ? rangeA : mapA.at(at, common - at);
      rangeB = at < end(rangeB) ? rangeB : mapB.at(at, common - at);
      if (strict && rangeA.present() != rangeB.present()) {
        // What is before it may differ by content.
        long differ = differing(0);
        return differ >= 0 ? new Result.Differ(differ) : new Result.StatusDiffer(at);
      }
      long length = Math.min(end(rangeA), end(rangeB)) - at;
      if (!rangeA.zero() || !rangeB.zero()) {
        length = Math.min(length, PIECE - at % PIECE);
        BlockDevice left = rangeA.zero() ? null : a.device();
        BlockDevice right = rangeB.zero() ? null : b.device();
        long differ = begin(left, right, at, (int) length);
        if (differ >= 0) {
          return new Result.Differ(differ);
        }
      }
      at += length;
    }
    OpenedImage longer = a.device().size() > b.device().size() ? a : b;
    BlockMap map = new BlockMap(longer);
    for (long at = common; at < total; ) {
      Range range = map.at(at, total - at);
      long length = range.length();
      if (!range.zero()) {
        length = Math.min(length, PIECE);
        long differ = begin(longer.device(), null, at, (int) length);
        if (differ >= 0) {
          return new Result.Differ(differ);
        }
      }
      at += length;
    }
    long differ = differing(0);
    if (differ >= 0) {
      return new Result.Differ(differ);
    }
    tell(progress, total, total);
    return new Result.Same(a.device().size() != b.device().size());
  }

  private static long end(@Nullable Range range) {
    return range == null ? 0 : range.start() + range.length();
  }

  /**
   * Begins to compare a piece; null stands for zeros.
   *
   * @return the first difference that is known by now, or -1
   */
  private long begin(@Nullable BlockDevice left, @Nullable BlockDevice right, long at, int length)
      throws IOException {
    underWay.add(workers.submit(() -> differ(left, right, at, length)));
    return differing(2 * MOST_THREADS);
  }

  /** Waits until so many pieces are under way; the first difference of the others, or -1. */
  private long differing(int keep) throws IOException {
    while (underWay.size() > keep) {
      long differ = Results.of(underWay.remove());
      if (differ >= 0) {
        return differ;
      }
    }
    return -1;
  }

  static void tell(Progress progress, long done, long total) throws Cancelled {
    if (!progress.at(done, total)) {
      throw new Cancelled();
    }
  }

  private long differ(
      @Nullable BlockDevice left, @Nullable BlockDevice right, long from, int length)
      throws IOException {
    ByteBuffer first = buffer();
    ByteBuffer second = buffer();
    try {
      for (long at = from; at < from + length; at += CHUNK) {
        int n = (int) Math.min(CHUNK, from + length - at);
        int differ = differ(left, right, at, first.clear().limit(n), second.clear().limit(n));
        if (differ >= 0) {
          return at + differ;
        }
      }
      return -1;
    } finally {
      idle.add(first);
      idle.add(second);
    }
  }

  private static int differ(
      @Nullable BlockDevice left,
      @Nullable BlockDevice right,
      long at,
      ByteBuffer first,
      ByteBuffer second)
      throws IOException {
    if (left == null || right == null) {
      BlockDevice only = left == null ? Objects.requireNonNull(right) : left;
      only.read(at, first);
      return Zeros.first(first.flip());
    }
    left.read(at, first);
    right.read(at, second);
    return first.flip().mismatch(second.flip());
  }

  private ByteBuffer buffer() {
    ByteBuffer known = idle.poll();
    return known == null ? Pages.allocate(CHUNK) : known;
  }
}
