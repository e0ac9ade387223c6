package io.satchel.image.compact;

import io.satchel.image.Formats;
import io.satchel.image.Images;
import io.satchel.image.NewFile;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenOptions.BackingPolicy;
import io.satchel.image.OpenedImage;
import io.satchel.image.OpenedImage.Layer;
import io.satchel.image.Progress;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import io.satchel.image.file.HostFile;
import io.satchel.image.file.Pages;
import io.satchel.image.format.ImageFormat;
import io.satchel.image.format.ImageFormat.Purpose;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.qcow2.Qcow2Device;
import io.satchel.image.fs.LvmVolume;
import io.satchel.image.fs.Volume;
import io.satchel.image.operation.Cancelled;
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
      String where = "partition " + place.number();
      refuseUnsafe(image, volume, where);
      savings.add(
          saving(
              volume,
              volume.label(),
              place.start(),
              visitor ->
                  volume.forEachFree((start, length) -> visitor.at(place.start() + start, length)),
              disk,
              map));
      if (volume instanceof LvmVolume group) {
        for (LvmVolume.Logical logical : group.logical()) {
          Volume inside = Volume.at(logical, 0, logical.size());
          if (inside != null) {
            refuseUnsafe(image, inside, "logical volume " + logical.name() + ", " + where);
            savings.add(
                saving(
                    inside,
                    (inside.label() + " in " + logical.name()).strip(),
                    logical.start(),
                    visitor ->
                        inside.forEachFree(
                            (start, length) -> logical.below(start, length, visitor)),
                    disk,
                    map));
          }
        }
      }
    }
    return new Plan(savings, map);
  }

  private static void refuseUnsafe(OpenedImage image, Volume volume, String where)
      throws ImageException {
    String unsafe = volume.unsafe();
    if (unsafe != null) {
      throw new ImageException(
          Kind.INVALID_REQUEST,
          image.path(),
          "has a file system (" + volume.kind() + ", " + where + ") that " + unsafe,
          volume.remedy());
    }
  }

  /** Tells of free ranges by their places on the disk. */
  private interface FreeSpace {
    void tell(Volume.Range visitor) throws IOException;
  }

  private static Saving saving(
      Volume volume, String label, long start, FreeSpace free, BlockDevice disk, FreeMap map)
      throws IOException {
    long[] sums = new long[2];
    free.tell(
        (at, length) -> {
          map.add(at, length);
          sums[0] += length;
          sums[1] += stored(disk, at, length);
        });
    return new Saving(volume.kind(), label, start, volume.size(), sums[0], sums[1]);
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
    try (OpenedImage source = Images.open(path, open)) {
      LayeredDevice top = (LayeredDevice) source.chain().getFirst().device();
      refuseWhatCannotBe(source, top, compress);
      Plan plan = plan(source);
      Plan visible = new Plan(plan.savings(), storedOf(top, plan.free()));
      if (keepsMore(top)) {
        thin(source, open, visible.free(), progress);
      } else {
        rewrite(source, top, visible.free(), compress, options, progress);
      }
      return plan;
    }
  }

  /** What of the free space the image itself stores; only that can be left out. */
  private static FreeMap storedOf(LayeredDevice top, FreeMap free) throws IOException {
    FreeMap stored = new FreeMap();
    for (long[] range : free.ranges()) {
      long end = range[0] + range[1];
      for (long at = range[0]; at < end; ) {
        LayeredDevice.Status status = top.status(at, end - at);
        if (status.present()) {
          stored.add(at, status.length());
        }
        at += status.length();
      }
    }
    return stored;
  }

  private static void refuseWhatCannotBe(OpenedImage source, LayeredDevice top, boolean compress)
      throws ImageException {
    String problem = null;
    if (top.dataFile() != null) {
      problem = "keeps its data in another file";
    } else if (compress && keepsMore(top)) {
      problem = "has snapshots or bitmaps, with which it cannot be compressed";
    }
    if (problem != null) {
      throw new ImageException(
          Kind.INVALID_REQUEST,
          source.path(),
          problem,
          "leave out the compression, or compact a converted copy");
    }
  }

  /** Whether there is more in the image than a disk. */
  private static boolean keepsMore(LayeredDevice top) throws ImageException {
    return top instanceof Qcow2Device device
        && (!device.snapshots().list().isEmpty() || device.specifics().containsKey("bitmaps"));
  }

  /** The source's chain with the free space of its topmost layer as zeros. */
  private static OpenedImage masked(OpenedImage source, LayeredDevice top, FreeMap free) {
    LayeredDevice masked = new MaskedDevice(top, free);
    List<Layer> chain = new ArrayList<>(source.chain());
    chain.set(0, new Layer(source.path(), source.format(), masked.size(), masked));
    return new OpenedImage(masked, chain);
  }

  /** Writes a new image that holds only what is in use. */
  private static void rewrite(
      OpenedImage source,
      LayeredDevice top,
      FreeMap free,
      boolean compress,
      Map<String, String> options,
      Progress progress)
      throws IOException {
    Path path = source.path();
    ImageFormat format = Formats.named(source.format());
    if (format == null || !format.creatable()) {
      throw new ImageException(
          Kind.UNSUPPORTED,
          path,
          "is of the format " + source.format() + ", which can only be read",
          "convert it to qcow2");
    }
    OpenedImage visible = masked(source, top, free);
    LayeredDevice.BackingReference below = top.backing();
    Map<String, String> all = likeBefore(top, options);
    if (below != null) {
      all.put("backing_file", below.name());
      if (below.format() != null) {
        all.put("backing_fmt", below.format());
      }
    }
    Convert.Options how = Convert.Options.plain().withCompress(compress);
    if (below != null) {
      how = how.withCopyLayers(1).withTargetIsZero(false);
    }
    try (NewFile file = NewFile.besides(path)) {
      format.create(file.storage(), visible.device().size(), all);
      try (LayeredDevice target = over(source, format, file)) {
        Convert.run(List.of(visible), target, how, progress);
      }
      try (LayeredDevice written = over(source, format, file)) {
        verify(visible, written, progress);
      }
      file.keep();
    }
  }

  /** Opens the new file, over the same backing image as the old one. */
  private static LayeredDevice over(OpenedImage source, ImageFormat format, NewFile file)
      throws IOException {
    LayeredDevice device = format.open(file.unclosable(), Purpose.USE);
    if (source.chain().size() > 1) {
      device.attachBacking(new Borrowed(source.chain().get(1).device()));
    }
    return device;
  }

  /**
   * Makes a copy of the file and gives back the free space in the copy: snapshots and bitmaps stay
   * as they are, and what a snapshot still needs stays stored.
   */
  private static void thin(OpenedImage source, OpenOptions open, FreeMap free, Progress progress)
      throws IOException {
    Path path = source.path();
    ImageFormat format = Formats.named(source.format());
    if (format == null) {
      return;
    }
    try (NewFile file = NewFile.besides(path);
        HostFile old = HostFile.open(path, false, HostFile.Locking.NO)) {
      copy(old, file.storage(), progress);
      try (LayeredDevice target = over(source, format, file)) {
        for (long[] range : free.ranges()) {
          target.discard(range[0], range[1]);
        }
        target.flush();
      }
      LayeredDevice top = (LayeredDevice) source.chain().getFirst().device();
      try (LayeredDevice written = over(source, format, file)) {
        // Free space that fills no cluster stays stored; it is not looked at.
        verify(masked(source, top, free), new MaskedDevice(written, free), progress);
      }
      if (!(top instanceof Qcow2Device device)) {
        return;
      }
      for (var each : device.snapshots().list()) {
        try (OpenedImage then = Images.open(path, open);
            OpenedImage now =
                Images.open(
                    file.part(), open.withLocking(false).withBacking(BackingPolicy.ANYWHERE))) {
          shown(then).snapshots().show(each.id());
          shown(now).snapshots().show(each.id());
          if (!(Compare.run(then, now, false, progress) instanceof Compare.Result.Same)) {
            throw unfaithful(path);
          }
        }
      }
      file.keep();
    }
  }

  private static Qcow2Device shown(OpenedImage image) {
    return (Qcow2Device) image.chain().getFirst().device();
  }

  private static void copy(HostFile from, HostFile to, Progress progress) throws IOException {
    ByteBuffer chunk = Pages.allocate(1 << 20);
    long size = from.size();
    to.setSize(size);
    for (long at = 0; at < size; ) {
      BlockDevice.Extent extent = from.extent(at, Math.min(chunk.capacity(), size - at));
      if (!progress.at(at, size)) {
        throw new Cancelled();
      }
      if (extent.kind() == BlockDevice.Kind.DATA) {
        chunk.clear().limit((int) extent.length());
        from.read(at, chunk);
        to.write(at, chunk.flip());
      }
      at += extent.length();
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

  private static void verify(OpenedImage old, LayeredDevice written, Progress progress)
      throws IOException {
    List<Layer> chain = new ArrayList<>(old.chain());
    chain.set(0, new Layer(old.path(), old.format(), written.size(), written));
    OpenedImage fresh = new OpenedImage(written, chain);
    if (!(Compare.run(old, fresh, false, progress) instanceof Compare.Result.Same)) {
      throw unfaithful(old.path());
    }
  }

  private static ImageException unfaithful(Path path) {
    return new ImageException(
        Kind.CORRUPT,
        path,
        "was not copied faithfully, so it is left as it was",
        "check the disk that holds it");
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
}
