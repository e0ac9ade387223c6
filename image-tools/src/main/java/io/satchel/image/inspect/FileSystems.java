package io.satchel.image.inspect;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.fs.FileSystem;
import io.satchel.image.fs.LvmVolume;
import io.satchel.image.fs.Volume;
import io.satchel.image.partition.PartitionTable;
import io.satchel.image.partition.PartitionTable.Partition;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** The file systems on a disk whose files can be read. */
public final class FileSystems {
  private FileSystems() {}

  /**
   * A file system.
   *
   * @param partition the number of the partition that it fills; 0 when it fills the disk
   */
  public record Found(int partition, FileSystem files) {

    /** Its kind and name, such as {@code NTFS WINDOWS}. */
    public String title() throws IOException {
      return (files.kind() + " " + files.label()).strip();
    }
  }

  /**
   * Looks for them, in the order of the partitions.
   *
   * @param partition look into this one alone; 0 for all of the disk
   */
  public static List<Found> on(BlockDevice disk, int partition) throws IOException {
    FileSystem whole = partition == 0 ? FileSystem.at(disk, 0, disk.size()) : null;
    if (whole != null) {
      // A hybrid disc has a partition table too; its files are those of the disc.
      return List.of(new Found(0, whole));
    }
    List<Found> all = new ArrayList<>();
    List<Partition> places = new ArrayList<>(PartitionTable.read(disk).partitions());
    if (places.isEmpty()) {
      places.add(new Partition(0, 0, disk.size(), "", "", false));
    }
    for (Partition each : places) {
      if (partition == 0 || partition == each.number()) {
        add(all, disk, each);
      }
    }
    return all;
  }

  private static void add(List<Found> all, BlockDevice disk, Partition place) throws IOException {
    FileSystem files = FileSystem.at(disk, place.start(), place.length());
    if (files != null) {
      all.add(new Found(place.number(), files));
      return;
    }
    if (Volume.at(disk, place.start(), place.length()) instanceof LvmVolume group) {
      for (LvmVolume.Logical logical : group.logical()) {
        FileSystem inside = FileSystem.at(logical, 0, logical.size());
        if (inside != null) {
          all.add(new Found(place.number(), inside));
        }
      }
    }
  }
}
