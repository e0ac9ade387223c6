package io.satchel.image.cli;

import io.satchel.image.OpenedImage;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.operation.BlockMap;
import java.io.IOException;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code map}: where in which file each range of the disk is stored. */
@Command(name = "map", description = "Tells where each range of the disk is stored.")
final class MapCommand extends ImageCommand {
  @Option(
      names = "--output",
      paramLabel = "human|json",
      description = "For a person (the default) or for a program.",
      defaultValue = "human")
  OutputFormat output = OutputFormat.human;

  @Option(
      names = {"-s", "--start-offset"},
      paramLabel = "OFFSET",
      description = "Begin there.")
  @Nullable String start;

  @Option(
      names = {"-l", "--max-length"},
      paramLabel = "LENGTH",
      description = "Tell of so many bytes and no more.")
  @Nullable String length;

  @Parameters(paramLabel = "IMAGE", description = "The image.")
  String image = "";

  private int printed;

  MapCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() throws IOException {
    try (OpenedImage opened = open(image, format, false)) {
      long size = opened.device().size();
      long from = Math.min(start == null ? 0 : size(start), size);
      long bytes = Math.min(length == null ? Long.MAX_VALUE : size(length), size - from);
      if (output == OutputFormat.human) {
        terminal.out.printf("%-16s%-16s%-16s%s%n", "Offset", "Length", "Mapped to", "File");
      }
      if (opened.format().equals("vhdx")) {
        // Of this format qemu-img tells no places, and all of it is data.
        print(opened, new BlockMap.Range(from, bytes, 0, true, false, true, -1, false));
      } else {
        new BlockMap(opened).forEach(from, bytes, range -> print(opened, range));
      }
      if (output == OutputFormat.json) {
        terminal.out.println(printed == 0 ? "[]" : "]");
      }
    }
    return 0;
  }

  private void print(OpenedImage opened, BlockMap.Range range) {
    if (output == OutputFormat.human) {
      if (range.data() && !range.zero()) {
        if (range.offset() < 0) {
          throw new UsageException("File contains external, encrypted or compressed clusters.");
        }
        OpenedImage.Layer layer = opened.chain().get(range.depth());
        String file = ((LayeredDevice) layer.device()).fileAt(range.start());
        if (file == null) {
          file = range.depth() == 0 ? image : layer.path().toString();
        }
        terminal.out.printf(
            "%-16s%-16s%-16s%s%n",
            hex(range.start()), hex(range.length()), hex(range.offset()), file);
      }
      return;
    }
    terminal.out.printf(
        Locale.ROOT,
        "%s{ \"start\": %d, \"length\": %d, \"depth\": %d, \"present\": %b, \"zero\": %b,"
            + " \"data\": %b%s}",
        printed++ == 0 ? "[" : ",\n",
        range.start(),
        range.length(),
        range.depth(),
        range.present(),
        range.zero(),
        range.data(),
        range.offset() < 0 ? "" : ", \"offset\": " + range.offset());
  }

  private static String hex(long value) {
    return value == 0 ? "0" : "0x" + Long.toHexString(value);
  }
}
