package io.satchel.image.operation;

import io.satchel.image.OpenedImage;
import io.satchel.image.OpenedImage.Layer;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.LayeredDevice.Status;
import java.io.IOException;
import java.util.List;
import java.util.Set;

/** Where in a chain each range of a disk is stored. */
public final class BlockMap {
  private final List<Layer> chain;

  /** The map of an open image. */
  public BlockMap(OpenedImage image) {
    chain = image.chain();
  }

  /**
   * A range of the disk.
   *
   * @param depth the layer that decides, 0 for the image itself
   * @param present that layer holds something for it; otherwise it is zeros for want of anything
   * @param offset the place in that layer's file, or -1
   */
  public record Range(
      long start,
      long length,
      int depth,
      boolean present,
      boolean zero,
      boolean data,
      long offset,
      boolean compressed) {
    /** Whether another range carries this one on. */
    boolean continuedBy(Range next) {
      return depth == next.depth
          && present == next.present
          && zero == next.zero
          && data == next.data
          && compressed == next.compressed
          && (offset < 0 ? next.offset < 0 : next.offset == offset + length);
    }

    Range joined(Range next) {
      return new Range(start, length + next.length, depth, present, zero, data, offset, compressed);
    }
  }

  /** Formats that may lie over another image; one that cannot decides all of its disk itself. */
  public static final Set<String> LAYERING = Set.of("qcow2", "qcow", "qed", "vmdk", "parallels");

  /** Hears the ranges in order. */
  @FunctionalInterface
  public interface Visitor {
    void visit(Range range) throws IOException;
  }

  /** The range that begins at {@code start}, at most {@code length} bytes long. */
  public Range at(long start, long length) throws IOException {
    return at(start, length, chain.size());
  }

  /** As {@link #at(long, long)}, looking only at the first {@code layers} layers. */
  public Range at(long start, long length, int layers) throws IOException {
    long reach = length;
    for (int depth = 0; depth < layers; depth++) {
      LayeredDevice device = (LayeredDevice) chain.get(depth).device();
      Status status = device.status(start, reach);
      reach = Math.min(reach, status.length());
      if (status.zero() || status.data()) {
        return new Range(
            start,
            reach,
            depth,
            status.present(),
            status.zero(),
            status.data(),
            status.offset(),
            status.compressed());
      }
      boolean last = depth + 1 >= chain.size();
      long below = last ? 0 : chain.get(depth + 1).device().size();
      if (last || start >= below) {
        boolean whole = !LAYERING.contains(chain.get(depth).format());
        return new Range(start, reach, depth, whole, true, false, status.offset(), false);
      }
      reach = Math.min(reach, below - start);
    }
    return new Range(start, reach, layers, false, false, false, -1, false);
  }

  /** Goes through a range of the disk; neighbours of one kind are one. */
  public void forEach(long start, long length, Visitor visitor) throws IOException {
    Range pending = null;
    long end = start + length;
    for (long at = start; at < end; ) {
      Range next = at(at, end - at);
      at += next.length();
      if (pending != null && pending.continuedBy(next)) {
        pending = pending.joined(next);
      } else {
        if (pending != null) {
          visitor.visit(pending);
        }
        pending = next;
      }
    }
    if (pending != null) {
      visitor.visit(pending);
    }
  }
}
