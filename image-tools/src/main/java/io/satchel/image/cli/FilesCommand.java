package io.satchel.image.cli;

import io.satchel.image.OpenedImage;
import io.satchel.image.fs.FileSystem;
import io.satchel.image.inspect.FileSystems;
import io.satchel.image.inspect.FileSystems.Found;
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

  OpenedImage openImage() throws IOException {
    OpenedImage opened = open(image, format, false);
    try {
      if (snapshot != null) {
        qcow2(opened, "snapshots").snapshots().show(ConvertCommand.nameOf(snapshot));
      }
      return opened;
    } catch (IOException | RuntimeException e) {
      opened.close();
      throw e;
    }
  }

  /** The file systems whose files can be read. */
  List<Found> fileSystems(OpenedImage opened) throws IOException {
    List<Found> all = FileSystems.on(opened.device(), partition);
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
