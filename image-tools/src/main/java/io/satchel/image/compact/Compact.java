package io.satchel.image.compact;

import io.satchel.image.Formats;
import io.satchel.image.Images;
import io.satchel.image.NewFile;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.OpenedImage.Layer;
import io.satchel.image.Progress;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import io.satchel.image.file.Zeros;
import io.satchel.image.format.ImageFormat.Purpose;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.qcow2.Qcow2Device;
import io.satchel.image.fs.Volume;
import io.satchel.image.operation.Compare;
import io.satchel.image.operation.Convert;
import io.satchel.image.partition.PartitionTable;
import io.satchel.image.partition.PartitionTable.Partition;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Makes an image smaller without starting it: what its file systems call free is left out. A new
 * file is written, every byte that is in use is compared with the old one, and only then does the
 * new one take the old one's name.
 */
public final class Compact {
  private Compact() {}

  /**
   * A file system and what can be saved in it.
   *
   * @param free the bytes that it calls free
   * @param stored the free bytes that the image stores nonetheless
   */
  public record Saving(String kind, String label, long start, long size, long free, long stored) {}

  /**
   * What compacting would do.
   *
   * @param savings one a file system
   */
  public record Plan(List<Saving> savings, FreeMap free) {
    /** The bytes that need not be stored. */
    public long total() {
      return savings.stream().mapToLong(Saving::stored).sum();
    }
  }

  /**
   * Looks for free space.
   *
   * @throws ImageException if a file system cannot be trusted, with the remedy
   */
  public static Plan plan(OpenedImage image) throws IOException {
    BlockDevice disk = image.device();
    PartitionTable table = PartitionTable.read(disk);
    List<Partition> places = new ArrayList<>(table.partitions());
    if (places.isEmpty()) {
      places.add(new Partition(1, 0, disk.size(), "", "", false));
    }
    List<Saving> savings = new ArrayList<>();
    FreeMap map = new FreeMap();
    for (Partition place : places) {
      Volume volume = Volume.at(disk, place.start(), place.length());
      if (volume == null) {
        continue;
      }
      String unsafe = volume.unsafe();
      if (unsafe != null) {
        throw new ImageException(
            Kind.INVALID_REQUEST,
            image.path(),
            "has a file system ("
                + volume.kind()
                + ", partition "
                + place.number()
                + ") that "
                + unsafe,
            "start the guest once, shut it down properly, and try again");
      }
      long[] sums = new long[2];
      volume.forEachFree(
          (start, length) -> {
            map.add(place.start() + start, length);
            sums[0] += length;
            sums[1] += stored(disk, place.start() + start, length);
          });
      savings.add(
          new Saving(
              volume.kind(), volume.label(), place.start(), volume.size(), sums[0], sums[1]));
    }
    return new Plan(savings, map);
  }

  private static long stored(BlockDevice disk, long start, long length) throws IOException {
    long data = 0;
    for (long at = start; at < start + length; ) {
      BlockDevice.Extent extent = disk.extent(at, start + length - at);
      data += extent.kind() == BlockDevice.Kind.DATA ? extent.length() : 0;
      at += extent.length();
    }
    return data;
  }

  /**
   * Compacts an image in its own format.
   *
   * @param compress pack the clusters (qcow2)
   * @param options further options of the new image, by qemu-img's names
   * @return what was saved in the file systems
   */
  public static Plan run(
      Path path, OpenOptions open, boolean compress, Map<String, String> options, Progress progress)
      throws IOException {
    Plan plan;
    try (OpenedImage source = Images.open(path, open)) {
      refuseWhatWouldBeLost(source);
      plan = plan(source);
      LayeredDevice top = (LayeredDevice) source.chain().getFirst().device();
      LayeredDevice masked = new MaskedDevice(top, plan.free());
      OpenedImage visible =
          new OpenedImage(masked, List.of(new Layer(path, source.format(), masked.size(), masked)));
      try (NewFile file = NewFile.besides(path)) {
        var format = Formats.named(source.format());
        if (format == null || !format.creatable()) {
          throw new ImageException(
              Kind.UNSUPPORTED,
              path,
              "is of the format " + source.format() + ", which can only be read",
              "convert it to qcow2");
        }
        format.create(file.storage(), masked.size(), likeBefore(top, options));
        try (LayeredDevice target = format.open(file.unclosable(), Purpose.USE)) {
          Convert.run(
              List.of(visible), target, Convert.Options.plain().withCompress(compress), progress);
        }
        verify(path, visible, file, source.format(), progress);
        file.keep();
      }
    }
    return plan;
  }

  private static void refuseWhatWouldBeLost(OpenedImage source) throws ImageException {
    String problem = null;
    if (source.chain().size() > 1) {
      problem = "lies over another image, which would be copied into it";
    } else if (source.chain().getFirst().device() instanceof Qcow2Device device) {
      if (!device.snapshots().isEmpty()) {
        problem = "has snapshots, which would be lost";
      } else if (device.specifics().containsKey("bitmaps")) {
        problem = "has bitmaps, which would be lost";
      } else if (device.dataFile() != null) {
        problem = "keeps its data in another file";
      }
    }
    if (problem != null) {
      throw new ImageException(
          Kind.INVALID_REQUEST,
          source.path(),
          problem,
          "delete or commit them first, or compact a converted copy");
    }
  }

  /** The new image's options: those of the old one where they are not given. */
  private static Map<String, String> likeBefore(LayeredDevice old, Map<String, String> given) {
    Map<String, String> all = new HashMap<>();
    if (old instanceof Qcow2Device device) {
      Map<String, Object> s = device.specifics();
      all.put("cluster_size", Integer.toString(device.clusterSize()));
      all.put("compat", s.getOrDefault("compat", "1.1").toString());
      all.put("refcount_bits", s.getOrDefault("refcount-bits", 16).toString());
      if (!"0.10".equals(all.get("compat"))) {
        all.put("compression_type", s.getOrDefault("compression-type", "zlib").toString());
        all.put("lazy_refcounts", onOff(s.get("lazy-refcounts")));
        all.put("extended_l2", onOff(s.get("extended-l2")));
      }
    }
    all.putAll(given);
    return all;
  }

  private static String onOff(@Nullable Object value) {
    return Boolean.TRUE.equals(value) ? "on" : "off";
  }

  private static void verify(
      Path path, OpenedImage old, NewFile file, String formatName, Progress progress)
      throws IOException {
    var format = Formats.named(formatName);
    if (format == null) {
      return;
    }
    try (LayeredDevice written = format.open(file.unclosable(), Purpose.USE)) {
      OpenedImage fresh =
          new OpenedImage(written, List.of(new Layer(path, formatName, written.size(), written)));
      if (!(Compare.run(old, fresh, false, progress) instanceof Compare.Result.Same)) {
        throw new ImageException(
            Kind.CORRUPT,
            path,
            "was not copied faithfully, so it is left as it was",
            "check the disk that holds it");
      }
    }
  }

  /** Gives the free space of a raw image back to the host, where it lies. */
  public static Plan punch(OpenedImage image) throws IOException {
    Plan plan = plan(image);
    for (long[] range : plan.free().ranges()) {
      image.device().discard(range[0], range[1]);
    }
    image.device().flush();
    return plan;
  }

  /** Shows the disk with its free space as zeros, without reading it. */
  private static final class MaskedDevice implements LayeredDevice {
    private final LayeredDevice disk;
    private final FreeMap free;

    MaskedDevice(LayeredDevice disk, FreeMap free) {
      this.disk = disk;
      this.free = free;
    }

    @Override
    public long size() {
      return disk.size();
    }

    @Override
    public boolean readOnly() {
      return true;
    }

    @Override
    public void read(long offset, ByteBuffer target) throws IOException {
      int limit = target.limit();
      long at = offset;
      while (target.position() < limit) {
        FreeMap.Span span = free.at(at, limit - target.position());
        target.limit(target.position() + (int) span.length());
        if (span.free()) {
          Zeros.fill(target);
        } else {
          disk.read(at, target);
        }
        target.limit(limit);
        at += span.length();
      }
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
    public void resize(long size) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void flush() {
      // It is only read.
    }

    @Override
    public Extent extent(long offset, long length) throws IOException {
      FreeMap.Span span = free.at(offset, length);
      return span.free()
          ? new Extent(span.length(), BlockDevice.Kind.ZERO)
          : disk.extent(offset, span.length());
    }

    @Override
    public Status status(long offset, long length) throws IOException {
      FreeMap.Span span = free.at(offset, length);
      return span.free()
          ? new Status(span.length(), true, true, false, -1, false)
          : disk.status(offset, span.length());
    }

    @Override
    public void close() {
      // The image itself is closed by who opened it.
    }
  }
}
