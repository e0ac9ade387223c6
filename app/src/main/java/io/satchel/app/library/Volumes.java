package io.satchel.app.library;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.fs.FileSystem;
import io.satchel.image.partition.PartitionTable;
import io.satchel.image.partition.PartitionTable.Partition;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** The file systems on a disk whose files can be read. */
public final class Volumes {

  private Volumes() {}

  /**
   * A file system.
   *
   * @param partition the number of the partition that it fills; 0 when it fills the disk
   */
  public record Volume(int partition, FileSystem files) {

    /** Its kind and name, such as {@code NTFS WINDOWS}. */
    public String title() throws IOException {
      return (files.kind() + " " + files.label()).strip();
    }
  }

  /** All of them, in the order of the partitions. */
  public static List<Volume> of(BlockDevice disk) throws IOException {
    FileSystem whole = FileSystem.at(disk, 0, disk.size());
    if (whole != null) {
      return List.of(new Volume(0, whole));
    }
    List<Volume> all = new ArrayList<>();
    for (Partition each : PartitionTable.read(disk).partitions()) {
      FileSystem files = FileSystem.at(disk, each.start(), each.length());
      if (files != null) {
        all.add(new Volume(each.number(), files));
      }
    }
    return all;
  }
}
