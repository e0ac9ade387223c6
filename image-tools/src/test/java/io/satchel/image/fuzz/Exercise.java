package io.satchel.image.fuzz;

import io.satchel.image.Formats;
import io.satchel.image.OpenedImage;
import io.satchel.image.OpenedImage.Layer;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import io.satchel.image.compact.Compact;
import io.satchel.image.crypt.Passphrase;
import io.satchel.image.format.CheckReport;
import io.satchel.image.format.Checkable;
import io.satchel.image.format.ImageFormat;
import io.satchel.image.format.ImageFormat.Purpose;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.qcow2.Qcow2Device;
import io.satchel.image.format.qcow2.SnapshotInfo;
import io.satchel.image.fs.FileSystem;
import io.satchel.image.fs.FileSystem.Entry;
import io.satchel.image.fs.FileSystem.Type;
import io.satchel.image.fs.Volume;
import io.satchel.image.inspect.Inspector;
import io.satchel.image.partition.PartitionTable;
import io.satchel.image.partition.PartitionTable.Partition;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Does to an image all that the program can do, within a budget: whatever the image says, only
 * {@link ImageException} may come of it.
 */
final class Exercise {
  private static final int EXTENTS = 300;
  private static final int READS = 60;
  private static final int READ_BYTES = 16 << 10;
  private static final int FILES = 200;
  private static final int FILE_BYTES = 64 << 10;

  private Exercise() {}

  /** A part of the work; its typed errors are expected. */
  private interface Part {
    void run() throws IOException;
  }

  private static void attempt(Part part) throws IOException {
    try {
      part.run();
    } catch (ImageException e) {
      expected(e);
    }
  }

  /** A typed error is what damage is to give; it says so in a sentence. */
  static void expected(ImageException e) {
    if (e.getMessage() == null || !e.getMessage().endsWith(".")) {
      throw new AssertionError("an error that is no sentence", e);
    }
  }

  /** The format that an image's first bytes tell, or null. */
  static @Nullable ImageFormat probe(byte[] bytes) {
    return Formats.probe(head(MemoryFile.of(bytes)));
  }

  /** Opens, describes, maps, reads, checks, repairs and changes an image of that format. */
  static void image(ImageFormat format, byte[] bytes, Passphrase key) throws IOException {
    MemoryFile file = MemoryFile.of(bytes);
    Formats.probe(head(file));
    attempt(() -> read(open(format, file.copy(true), Purpose.USE, key)));
    attempt(
        () -> {
          try (LayeredDevice device = open(format, file.copy(true), Purpose.INSPECT, key)) {
            check(device, false);
          }
        });
    MemoryFile repaired = file.copy(false);
    attempt(
        () -> {
          CheckReport first;
          try (LayeredDevice device = open(format, repaired, Purpose.INSPECT, key)) {
            first = check(device, true);
          }
          if (first != null && first.corruptions() == 0 && first.checkErrors() == 0) {
            try (LayeredDevice device = open(format, repaired.copy(true), Purpose.INSPECT, key)) {
              CheckReport again = check(device, false);
              if (again != null && again.corruptions() > 0) {
                throw new AssertionError(
                    "still broken: " + again.messages() + ", after " + first.messages());
              }
            }
          }
        });
    attempt(() -> change(open(format, file.copy(false), Purpose.USE, key)));
  }

  private static ByteBuffer head(MemoryFile file) {
    ByteBuffer head = ByteBuffer.allocate((int) Math.min(ImageFormat.PROBE_BYTES, file.size()));
    file.read(0, head);
    return head.flip();
  }

  private static LayeredDevice open(
      ImageFormat format, MemoryFile file, Purpose purpose, Passphrase key) throws IOException {
    LayeredDevice device = format.open(file, purpose, key);
    if (device.dataFile() != null) {
      MemoryFile data = new MemoryFile();
      data.setSize(1 << 20);
      device.attachDataFile(data);
    }
    if (device.backing() != null) {
      MemoryFile below = new MemoryFile();
      below.write(0, ByteBuffer.wrap("below".repeat(2000).getBytes()));
      device.attachBacking(Formats.RAW.open(below, Purpose.USE));
    }
    return device;
  }

  private static void read(LayeredDevice device) throws IOException {
    try (device) {
      device.specifics();
      long size = device.size();
      if (size < 0) {
        throw new AssertionError("a disk of " + size + " bytes");
      }
      long at = 0;
      int reads = 0;
      for (int i = 0; i < EXTENTS && at < size; i++) {
        LayeredDevice.Status status = device.status(at, size - at);
        BlockDevice.Extent extent = device.extent(at, size - at);
        if (status.length() <= 0 || extent.length() <= 0 || extent.length() > size - at) {
          throw new AssertionError("an extent of " + extent + " " + status + " at " + at);
        }
        if (reads++ < READS) {
          long here = at;
          int n = (int) Math.min(READ_BYTES, extent.length());
          attempt(() -> device.read(here, ByteBuffer.allocate(n)));
        }
        at += extent.length();
      }
      int n = (int) Math.min(size, READ_BYTES);
      attempt(() -> device.read(size - n, ByteBuffer.allocate(n)));
      attempt(() -> device.read((size - n) / 2, ByteBuffer.allocate(n)));
      if (device instanceof Qcow2Device qcow2) {
        for (SnapshotInfo each : qcow2.snapshots().list()) {
          attempt(() -> qcow2.snapshots().vmState(each.id()));
          attempt(() -> qcow2.snapshots().show(each.id()));
          attempt(() -> device.read(0, ByteBuffer.allocate((int) Math.min(512, device.size()))));
        }
      }
    }
  }

  private static @Nullable CheckReport check(LayeredDevice device, boolean repair)
      throws IOException {
    if (!(device instanceof Checkable checkable)) {
      return null;
    }
    boolean really = repair && checkable.repairable();
    return checkable.check(really, really);
  }

  private static void change(LayeredDevice device) throws IOException {
    try (device) {
      long size = device.size();
      if (device.readOnly() || size < 512) {
        return;
      }
      for (long at : new long[] {0, size / 2, Math.max(0, size - 70_000)}) {
        long left = size - at;
        attempt(
            () -> device.write(at, ByteBuffer.allocate((int) Math.min(left, 700)).putInt(0, 7)));
        attempt(() -> device.writeZeroes(at, Math.min(left, 5000), true));
        attempt(() -> device.discard(at, Math.min(left, 70_000)));
        attempt(
            () -> device.write(at, ByteBuffer.allocate((int) Math.min(left, 3000)).putInt(0, 7)));
      }
      attempt(device::flush);
      if (device instanceof Qcow2Device qcow2) {
        snapshots(qcow2);
      }
      attempt(() -> device.resize(size + (64 << 10)));
      attempt(device::flush);
    } catch (ImageException e) {
      // Closing may be what meets the damage.
      expected(e);
    }
  }

  private static void snapshots(Qcow2Device device) throws IOException {
    List<String> ids = new ArrayList<>();
    attempt(() -> device.snapshots().list().forEach(s -> ids.add(s.id())));
    attempt(() -> device.snapshots().create("fresh", Instant.EPOCH, 1, 0));
    attempt(() -> device.bitmaps().add("fresh", 65_536));
    attempt(() -> device.snapshots().apply("fresh"));
    for (String id : ids.subList(0, Math.min(4, ids.size()))) {
      attempt(() -> device.snapshots().apply(id));
      attempt(() -> device.snapshots().delete(id));
    }
    attempt(() -> device.bitmaps().remove("fresh"));
    attempt(() -> device.amend().setBacking(null, null));
    attempt(device::makeEmpty);
  }

  /** Looks for partitions, file systems, free space, files and operating systems on a raw disk. */
  static void disk(byte[] bytes) throws IOException {
    BlockDevice disk = Formats.RAW.open(MemoryFile.of(bytes).copy(true), Purpose.USE);
    if (disk.size() == 0) {
      return;
    }
    attempt(
        () -> {
          List<Partition> places = new ArrayList<>(PartitionTable.read(disk).partitions());
          places.add(new Partition(0, 0, disk.size(), "", "", false));
          for (Partition place : places.subList(0, Math.min(4, places.size()))) {
            attempt(() -> volume(disk, place));
            attempt(() -> files(disk, place));
          }
        });
    OpenedImage image =
        new OpenedImage(disk, List.of(new Layer(Path.of("disk"), "raw", disk.size(), disk)));
    attempt(() -> Inspector.inspect(image).sentence());
    attempt(() -> Compact.plan(image).total());
  }

  private static void volume(BlockDevice disk, Partition place) throws IOException {
    Volume volume = Volume.at(disk, place.start(), place.length());
    if (volume != null) {
      volume.unsafe();
      volume.label();
      long[] end = {0};
      volume.forEachFree(
          (start, length) -> {
            if (start < end[0] || length <= 0 || start + length > place.length()) {
              throw new AssertionError("a free range that cannot be: " + start + " " + length);
            }
            end[0] = start + length;
          });
    }
  }

  private static void files(BlockDevice disk, Partition place) throws IOException {
    FileSystem files = FileSystem.at(disk, place.start(), place.length());
    if (files != null) {
      files.label();
      walk(files, "/", 0, new int[] {FILES});
    }
  }

  private static void walk(FileSystem files, String where, int depth, int[] budget)
      throws IOException {
    for (Entry each : files.list(where)) {
      if (--budget[0] < 0 || each.name().contains("/")) {
        return;
      }
      String path = where + each.name();
      attempt(
          () -> {
            if (each.type() == Type.DIRECTORY && depth < 4) {
              walk(files, path + "/", depth + 1, budget);
            } else if (each.type() == Type.FILE) {
              FileSystem.Content content = files.open(path);
              content.read(0, FILE_BYTES);
              content.read(Math.max(0, content.size() - 100), 100);
            }
          });
    }
  }
}
