package io.satchel.image.format.vmdk;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import io.satchel.image.block.Watch;
import io.satchel.image.format.BlockTableDevice;
import io.satchel.image.format.CheckReport;
import io.satchel.image.format.Checkable;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.Linked;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The extents of a VMDK, one behind the other. */
final class VmdkDevice implements LayeredDevice, Checkable, Linked {
  /**
   * A piece of the disk.
   *
   * @param start its first byte on the disk
   */
  record Piece(long start, String file, LayeredDevice device) {}

  private final List<Piece> pieces;
  private final DescriptorText text;
  private final Descriptor descriptor;
  private final boolean described;
  private final @Nullable BackingReference backing;
  private final long size;
  private volatile long contentNumber;
  private volatile boolean renewed;

  /**
   * A disk.
   *
   * @param text what describes it; closed with it
   * @param described its pieces are other files than the one that was opened
   */
  VmdkDevice(List<Piece> pieces, DescriptorText text, boolean described) {
    this.described = described;
    this.text = text;
    descriptor = text.descriptor();
    contentNumber = descriptor.number("CID");
    this.pieces = List.copyOf(pieces);
    Piece last = pieces.getLast();
    size = last.start() + last.device().size();
    boolean child = descriptor.number("parentCID") != 0xffffffffL && !hint().isEmpty();
    backing = child ? new BackingReference(hint(), "vmdk") : null;
  }

  private String hint() {
    return descriptor.value("parentFileNameHint", "");
  }

  @Override
  public @Nullable BackingReference backing() {
    return backing;
  }

  @Override
  public void attachBacking(BlockDevice below) throws IOException {
    for (int i = 0; i < pieces.size(); i++) {
      boolean closes = i == pieces.size() - 1;
      pieces.get(i).device().attachBacking(new Window(below, pieces.get(i), closes));
    }
    long expected = descriptor.number("parentCID");
    if (below instanceof VmdkDevice parent && parent.contentNumber != expected) {
      throw new ImageException(
          ImageException.Kind.CORRUPT,
          text.name(),
          String.format(
              "was made over another content of its backing file (number %08x, which is %08x now)",
              expected, parent.contentNumber),
          "restore " + hint() + " as it was then");
    }
  }

  @Override
  public void adopt(BlockDevice below) throws IOException {
    if (below instanceof VmdkDevice parent) {
      text.adopt(parent.contentNumber);
    }
  }

  /** What lies below one piece. */
  private record Window(BlockDevice below, Piece piece, boolean closes) implements BlockDevice {
    @Override
    public long size() {
      return Math.max(0, Math.min(piece.device().size(), below.size() - piece.start()));
    }

    @Override
    public boolean readOnly() {
      return true;
    }

    @Override
    public void read(long offset, ByteBuffer target) throws IOException {
      below.read(piece.start() + offset, target);
    }

    @Override
    public void write(long offset, ByteBuffer source) {
      throw new UnsupportedOperationException();
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
      // It is only read.
    }

    @Override
    public Extent extent(long offset, long length) throws IOException {
      return below.extent(piece.start() + offset, length);
    }

    @Override
    public void close() throws IOException {
      if (closes) {
        below.close();
      }
    }
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public boolean readOnly() {
    return pieces.stream().anyMatch(p -> p.device().readOnly());
  }

  @Override
  public int clusterSize() {
    return pieces.getFirst().device().clusterSize();
  }

  @Override
  public Map<String, Object> specifics() {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("cid", contentNumber);
    all.put("parent-cid", descriptor.number("parentCID"));
    all.put("create-type", descriptor.value("createType", ""));
    String type = descriptor.value("createType", "");
    boolean single = type.equals("monolithicSparse") || type.equals("streamOptimized");
    List<Object> extents = new ArrayList<>();
    for (Piece piece : pieces) {
      Map<String, Object> extent = new LinkedHashMap<>();
      extent.put("virtual-size", piece.device().size());
      extent.put("filename", piece.file());
      boolean sparse = piece.device() instanceof SparseExtent;
      if (piece.device() instanceof SparseExtent extentDevice && extentDevice.packed()) {
        extent.put("compressed", true);
      }
      if (sparse) {
        extent.put("cluster-size", piece.device().clusterSize());
      }
      extent.put("format", sparse ? single ? "" : "SPARSE" : "FLAT");
      extents.add(extent);
    }
    all.put("extents", extents);
    return all;
  }

  @Override
  public @Nullable String fileAt(long offset) {
    return described ? pieces.get(pieceAt(offset)).file() : null;
  }

  @Override
  public long allocatedBeside() throws IOException {
    long sum = 0;
    for (Piece piece : pieces) {
      if (described && piece.device() instanceof BlockTableDevice part && !piece.file().isEmpty()) {
        sum += part.fileAllocated();
      }
    }
    return sum;
  }

  private int pieceAt(long offset) {
    int low = 0;
    int high = pieces.size() - 1;
    while (low < high) {
      int middle = (low + high + 1) / 2;
      if (pieces.get(middle).start() <= offset) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }

  /** Something done with a part of a range that lies within one piece. */
  private interface Part {
    void on(LayeredDevice device, long offset, long length) throws IOException;
  }

  private void each(long offset, long length, Part part) throws IOException {
    Objects.checkFromIndexSize(offset, length, size);
    long at = offset;
    long end = offset + length;
    while (at < end) {
      Piece piece = pieces.get(pieceAt(at));
      long n = Math.min(end, piece.start() + piece.device().size()) - at;
      part.on(piece.device(), at - piece.start(), n);
      at += n;
    }
  }

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    int limit = target.limit();
    each(
        offset,
        target.remaining(),
        (device, at, n) -> {
          target.limit(target.position() + (int) n);
          device.read(at, target);
          target.limit(limit);
        });
  }

  /**
   * Gives the content a new number before the first change of a session, as QEMU does it: that is
   * how children of this disk notice.
   */
  private void renew() throws IOException {
    if (renewed || readOnly()) {
      return;
    }
    synchronized (this) {
      if (!renewed) {
        contentNumber = text.renew();
        renewed = true;
      }
    }
  }

  @Override
  public void write(long offset, ByteBuffer source) throws IOException {
    renew();
    int limit = source.limit();
    each(
        offset,
        source.remaining(),
        (device, at, n) -> {
          source.limit(source.position() + (int) n);
          device.write(at, source);
          source.limit(limit);
        });
  }

  @Override
  public void writeZeroes(long offset, long length, boolean unmap) throws IOException {
    renew();
    each(offset, length, (device, at, n) -> device.writeZeroes(at, n, unmap));
  }

  @Override
  public void discard(long offset, long length) throws IOException {
    each(offset, length, LayeredDevice::discard);
  }

  @Override
  public void flush() throws IOException {
    for (Piece piece : pieces) {
      piece.device().flush();
    }
  }

  @Override
  public Extent extent(long offset, long length) throws IOException {
    Piece piece = pieces.get(pieceAt(Objects.checkFromIndexSize(offset, length, size)));
    long inside = Math.min(length, piece.start() + piece.device().size() - offset);
    return piece.device().extent(offset - piece.start(), inside);
  }

  @Override
  public Status status(long offset, long length) throws IOException {
    Piece piece = pieces.get(pieceAt(Objects.checkFromIndexSize(offset, length, size)));
    long inside = Math.min(length, piece.start() + piece.device().size() - offset);
    return piece.device().status(offset - piece.start(), inside);
  }

  @Override
  public void resize(long newSize) throws IOException {
    pieces.getFirst().device().resize(newSize);
  }

  @Override
  public boolean repairable() {
    return false;
  }

  @Override
  public CheckReport check(boolean leaks, boolean errors, Watch watch) throws IOException {
    int corruptions = 0;
    List<String> messages = new ArrayList<>();
    for (Piece piece : pieces) {
      if (piece.device() instanceof SparseExtent extent) {
        CheckReport report = extent.check(false, false, watch);
        corruptions += report.corruptions();
        messages.addAll(report.messages());
      }
    }
    return new CheckReport(corruptions, 0, 0, 0, 0, 0, 0, 0, 0, 0, messages);
  }

  @Override
  public void close() throws IOException {
    IOException failure = null;
    try {
      if (described) {
        text.close();
      }
    } catch (IOException e) {
      failure = e;
    }
    for (Piece piece : pieces) {
      try {
        piece.device().close();
      } catch (IOException e) {
        failure = e;
      }
    }
    if (failure != null) {
      throw failure;
    }
  }
}
