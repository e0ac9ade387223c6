package io.satchel.image.operation;

import io.satchel.image.OpenedImage;
import io.satchel.image.Progress;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.file.Zeros;
import io.satchel.image.operation.BlockMap.Range;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Whether two disks have the same content. */
public final class Compare {
  private static final int CHUNK = 2 << 20;

  private Compare() {}

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
    long sizeA = a.device().size();
    long sizeB = b.device().size();
    if (strict && sizeA != sizeB) {
      return new Result.SizeDiffer();
    }
    long common = Math.min(sizeA, sizeB);
    long total = Math.max(sizeA, sizeB);
    BlockMap mapA = new BlockMap(a);
    BlockMap mapB = new BlockMap(b);
    ByteBuffer bufferA = ByteBuffer.allocateDirect(CHUNK);
    ByteBuffer bufferB = ByteBuffer.allocateDirect(CHUNK);
    for (long at = 0; at < common; ) {
      tell(progress, at, total);
      Range rangeA = mapA.at(at, common - at);
      Range rangeB = mapB.at(at, rangeA.length());
      long length = rangeB.length();
      if (strict && rangeA.present() != rangeB.present()) {
        return new Result.StatusDiffer(at);
      }
      long differ = -1;
      if (rangeA.zero() && rangeB.zero()) {
        differ = -1;
      } else if (rangeA.zero()) {
        differ = firstNonZero(b.device(), at, length, bufferB, progress, total);
      } else if (rangeB.zero()) {
        differ = firstNonZero(a.device(), at, length, bufferA, progress, total);
      } else {
        length = Math.min(length, CHUNK);
        differ = differ(a.device(), b.device(), at, (int) length, bufferA, bufferB);
      }
      if (differ >= 0) {
        return new Result.Differ(differ);
      }
      at += length;
    }
    if (sizeA != sizeB) {
      OpenedImage longer = sizeA > sizeB ? a : b;
      BlockMap map = new BlockMap(longer);
      for (long at = common; at < total; ) {
        Range range = map.at(at, total - at);
        if (!range.zero()) {
          long differ = firstNonZero(longer.device(), at, range.length(), bufferA, progress, total);
          if (differ >= 0) {
            return new Result.Differ(differ);
          }
        }
        at += range.length();
      }
    }
    tell(progress, total, total);
    return new Result.Same(sizeA != sizeB);
  }

  static void tell(Progress progress, long done, long total) throws Cancelled {
    if (!progress.at(done, total)) {
      throw new Cancelled();
    }
  }

  private static long differ(
      BlockDevice a, BlockDevice b, long at, int length, ByteBuffer left, ByteBuffer right)
      throws IOException {
    a.read(at, left.clear().limit(length));
    b.read(at, right.clear().limit(length));
    int differ = left.flip().mismatch(right.flip());
    return differ < 0 ? -1 : at + differ;
  }

  private static long firstNonZero(
      BlockDevice device, long from, long length, ByteBuffer buffer, Progress progress, long total)
      throws IOException {
    for (long at = from; at < from + length; at += buffer.limit()) {
      tell(progress, at, total);
      buffer.clear().limit((int) Math.min(buffer.capacity(), from + length - at));
      device.read(at, buffer);
      if (!Zeros.all(buffer.flip())) {
        while (buffer.get() == 0) {
          continue;
        }
        return at + buffer.position() - 1;
      }
    }
    return -1;
  }
}
