package io.satchel.image.cli;

import io.satchel.image.OpenedImage;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.fs.FileSystem;
import io.satchel.image.partition.PartitionTable;
import io.satchel.image.partition.PartitionTable.Partition;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What the commands that read files out of an image have in common. */
abstract class FilesCommand extends ImageCommand {
  @Option(
      names = {"-l", "--snapshot"},
      paramLabel = "SNAPSHOT",
      description = "Look into this internal snapshot.")
  @Nullable String snapshot;

  @Option(
      names = "--partition",
      paramLabel = "N",
      description = "Look into this partition; needed when several could be meant.")
  int partition;

  @Parameters(index = "0", paramLabel = "IMAGE", description = "The image.")
  String image = "";

  FilesCommand(Terminal terminal) {
    super(terminal);
  }

  /** A file system and the partition that it fills; 0 when the disk has none. */
  record Found(int partition, FileSystem files) {}

  OpenedImage openImage() throws IOException {
    OpenedImage opened = open(image, format, false);
    try {
      if (snapshot != null) {
        qcow2(opened, "snapshots").showSnapshot(ConvertCommand.nameOf(snapshot));
      }
      return opened;
    } catch (IOException | RuntimeException e) {
      opened.close();
      throw e;
    }
  }

  /** The file systems whose files can be read. */
  List<Found> fileSystems(OpenedImage opened) throws IOException {
    BlockDevice disk = opened.device();
    List<Found> all = new ArrayList<>();
    FileSystem whole = FileSystem.at(disk, 0, disk.size());
    if (whole != null && partition == 0) {
      // A hybrid disc has a partition table too; its files are those of the disc.
      return List.of(new Found(0, whole));
    }
    for (Partition each : PartitionTable.read(disk).partitions()) {
      if (partition == 0 || partition == each.number()) {
        FileSystem files = FileSystem.at(disk, each.start(), each.length());
        if (files != null) {
          all.add(new Found(each.number(), files));
        }
      }
    }
    if (all.isEmpty()) {
      throw new UsageException(
          partition == 0
              ? "No file system that can be read is in " + image
              : "Partition "
                  + partition
                  + " of "
                  + image
                  + " holds no file system that can be read");
    }
    return all;
  }

  /** The only file system that has {@code path}. */
  FileSystem holding(OpenedImage opened, String path) throws IOException {
    List<Found> all = fileSystems(opened);
    if (all.size() == 1) {
      return all.getFirst().files();
    }
    List<Found> having = new ArrayList<>();
    for (Found each : all) {
      if (each.files().exists(path)) {
        having.add(each);
      }
    }
    if (having.size() == 1) {
      return having.getFirst().files();
    }
    List<String> numbers = all.stream().map(f -> Integer.toString(f.partition())).toList();
    throw new UsageException(
        having.isEmpty()
            ? path + " is in none of the partitions " + String.join(", ", numbers)
            : path + " is in several partitions; say which with --partition");
  }
}
