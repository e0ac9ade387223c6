package io.satchel.image.cli;

import io.satchel.image.Formats;
import io.satchel.image.NewFile;
import io.satchel.image.OpenedImage;
import io.satchel.image.Progress;
import io.satchel.image.format.ImageFormat;
import io.satchel.image.format.ImageFormat.Purpose;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.operation.Cancelled;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code dd}: copies blocks out of an image into a new one. */
@Command(name = "dd", description = "Copies blocks of an image into a new one.")
final class DdCommand extends ImageCommand {
  @Option(
      names = "-O",
      paramLabel = "FORMAT",
      description = "The new image's format; raw when not given.")
  String targetFormat = "raw";

  @Parameters(
      paramLabel = "WORD=VALUE",
      description = {
        "if=FILE     read this image",
        "of=FILE     make this one",
        "bs=SIZE     the size of a block; 512 when not given",
        "count=N     copy so many blocks; all when not given",
        "skip=N      leave out so many at the beginning"
      })
  List<String> words = new ArrayList<>();

  DdCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() throws IOException {
    Map<String, String> given = parseOptions(words);
    String input = given.remove("if");
    String output = given.remove("of");
    int block = (int) Math.min(size(given.getOrDefault("bs", "512")), 64 << 20);
    final long count = given.containsKey("count") ? size(given.get("count")) : Long.MAX_VALUE;
    final long skip = size(given.getOrDefault("skip", "0"));
    given.keySet().removeAll(List.of("bs", "count", "skip"));
    if (!given.isEmpty()) {
      throw new UsageException("Unrecognized operand '" + given.keySet().iterator().next() + "'");
    }
    if (input == null || output == null) {
      throw new UsageException("Must specify both input and output file names");
    }
    if (block == 0) {
      throw new UsageException("Invalid number: 'bs'");
    }
    ImageFormat kind = Formats.named(targetFormat);
    if (kind == null || !kind.creatable()) {
      throw new UsageException("Unknown file format '" + targetFormat + "'");
    }
    try (OpenedImage source = open(input, format, false);
        NewFile file = NewFile.at(Path.of(output))) {
      long size = source.device().size();
      long end = count > size / block ? size : Math.min(size, count * block);
      long start = skip > end / block ? end : skip * block;
      // As dd: skip counts into the source, and count from there.
      end = count > (size - start) / block ? size : start + count * block;
      if (start >= size) {
        start = size;
        end = size;
      }
      kind.create(file.unclosable(), end - start, Map.of());
      Progress listener = terminal.progress(false, quiet);
      try (LayeredDevice target = kind.open(file.unclosable(), Purpose.USE)) {
        ByteBuffer buffer = ByteBuffer.allocate(block);
        for (long at = start; at < end; at += buffer.limit()) {
          if (!listener.at(at - start, end - start)) {
            throw new Cancelled();
          }
          buffer.clear().limit((int) Math.min(block, end - at));
          source.device().read(at, buffer);
          target.write(at - start, buffer.flip());
        }
      }
      listener.at(end - start, end - start);
      file.keep();
    }
    return 0;
  }
}
