package io.satchel.image.fs;

import io.satchel.image.block.ImageException;
import io.satchel.image.file.Zeros;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** A file that lies on the disk in runs; what no run covers reads as zeros. */
final class RunContent implements FileSystem.Content {
  /** More runs than any file has that a person would want. */
  static final int MAX_RUNS = 1 << 22;

  private final Region region;
  private final long size;
  private final long initialized;
  private long[] logical = new long[16];
  private long[] physical = new long[16];
  private long[] lengths = new long[16];
  private int count;

  RunContent(Region region, long size) {
    this(region, size, size);
  }

  /**
   * A file without runs.
   *
   * @param initialized from this byte on all is zero, whatever the runs hold
   */
  RunContent(Region region, long size, long initialized) {
    this.region = region;
    this.size = size;
    this.initialized = Math.min(size, initialized);
  }

  /**
   * Adds a run behind the others; neighbours are joined. All in bytes.
   *
   * @param at where in the file
   * @param place where in the region
   */
  void add(long at, long place, long length) throws ImageException {
    if (length <= 0 || at < 0 || place < 0 || place > region.length() - length) {
      throw region.broken("has a file outside itself", place);
    }
    if (count > 0) {
      long end = logical[count - 1] + lengths[count - 1];
      if (at < end) {
        throw region.broken("has a file that overlaps itself", place);
      }
      if (at == end && physical[count - 1] + lengths[count - 1] == place) {
        lengths[count - 1] += length;
        return;
      }
    }
    if (count == logical.length) {
      if (count >= MAX_RUNS) {
        throw region.broken("has a file of more than " + MAX_RUNS + " pieces");
      }
      logical = Arrays.copyOf(logical, count * 2);
      physical = Arrays.copyOf(physical, count * 2);
      lengths = Arrays.copyOf(lengths, count * 2);
    }
    logical[count] = at;
    physical[count] = place;
    lengths[count++] = length;
  }

  /** The same runs as a file of another size. */
  RunContent withSize(long bytes) {
    return new RunContent(this, bytes, bytes);
  }

  /** The same file, of which only the first bytes have been written. */
  RunContent withWritten(long bytes) {
    return new RunContent(this, size, Math.clamp(bytes, 0, size));
  }

  private RunContent(RunContent of, long size, long initialized) {
    region = of.region;
    this.size = size;
    this.initialized = initialized;
    logical = of.logical;
    physical = of.physical;
    lengths = of.lengths;
    count = of.count;
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    if (offset < 0 || offset > size - target.remaining()) {
      throw new IndexOutOfBoundsException(offset);
    }
    int limit = target.limit();
    long at = offset;
    int found = Arrays.binarySearch(logical, 0, count, at);
    int run = found >= 0 ? found : -found - 2;
    while (target.position() < limit) {
      long left = limit - target.position();
      boolean inside = run >= 0 && at < logical[run] + lengths[run] && at < initialized;
      long n;
      if (inside) {
        n = Math.min(left, Math.min(logical[run] + lengths[run], initialized) - at);
        target.limit(target.position() + (int) n);
        region.read(physical[run] + at - logical[run], target);
      } else {
        long next = run + 1 < count && at < initialized ? logical[run + 1] : Long.MAX_VALUE;
        n = Math.min(left, next - at);
        target.limit(target.position() + (int) n);
        Zeros.fill(target);
      }
      target.limit(limit);
      at += n;
      while (run + 1 < count && at >= logical[run + 1]) {
        run++;
      }
    }
  }
}
