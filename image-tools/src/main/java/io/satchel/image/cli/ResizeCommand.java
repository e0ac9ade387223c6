package io.satchel.image.cli;

import io.satchel.image.OpenedImage;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.Preallocation;
import io.satchel.image.operation.Cancelled;
import java.io.IOException;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code resize}: changes the disk's size. */
@Command(name = "resize", description = "Changes the disk's size.")
final class ResizeCommand extends ImageCommand {
  @Option(
      names = "--shrink",
      description = "Allow it to become smaller; what lies past the new end is lost.")
  boolean shrink;

  @Option(
      names = "--preallocation",
      paramLabel = "MODE",
      description =
          "Give what is gained its place on the host's disk: off, metadata, falloc or full.")
  String preallocation = "off";

  @Parameters(index = "0", paramLabel = "IMAGE", description = "The image.")
  String image = "";

  @Parameters(
      index = "1",
      paramLabel = "[+|-]SIZE",
      description = "The new size, such as 20G, or by how much it grows or shrinks.")
  String size = "";

  ResizeCommand(Terminal terminal) {
    super(terminal);
  }

  private Preallocation mode(long wanted, long old) {
    for (Preallocation mode : Preallocation.values()) {
      if (mode.name().toLowerCase(Locale.ROOT).equals(preallocation)) {
        if (wanted < old && mode != Preallocation.OFF) {
          throw new UsageException("Preallocation can only be used for growing images");
        }
        return mode;
      }
    }
    throw new UsageException("Invalid preallocation mode '" + preallocation + "'");
  }

  @Override
  public Integer call() throws IOException {
    char sign = size.isEmpty() ? '0' : size.charAt(0);
    boolean relative = sign == '+' || sign == '-';
    long bytes = size(relative ? size.substring(1) : size);
    try (OpenedImage opened = open(image, format, true)) {
      long old = opened.device().size();
      long wanted = sign == '+' ? old + bytes : sign == '-' ? old - bytes : bytes;
      if (wanted <= 0) {
        throw new UsageException("New image size must be positive");
      }
      if (wanted < old && !shrink) {
        terminal.err.println(
            "satchel img: warning: Shrinking an image will delete all data beyond the shrunken"
                + " image's end. Before performing such an operation, make sure there is no"
                + " important data there.");
        throw new UsageException("Use the --shrink option to perform a shrink operation.");
      }
      LayeredDevice device = (LayeredDevice) opened.chain().getFirst().device();
      try {
        device.resize(wanted, mode(wanted, old), terminal.watch(quiet));
      } catch (Cancelled e) {
        device.resize(old);
        throw e;
      }
      opened.device().flush();
    }
    say("Image resized.");
    return 0;
  }
}
