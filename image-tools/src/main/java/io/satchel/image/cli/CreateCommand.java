package io.satchel.image.cli;

import io.satchel.image.FormatAdviser;
import io.satchel.image.Formats;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.format.ImageFormat;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code create}: makes a new, empty image. */
@Command(name = "create", description = "Makes a new, empty image.")
final class CreateCommand extends ImageCommand {
  @Option(names = "-b", paramLabel = "FILE", description = "Lay it over this image.")
  @Nullable String backing;

  @Option(names = "-F", paramLabel = "FORMAT", description = "The format of the image of -b.")
  @Nullable String backingFormat;

  @Option(names = "-u", description = "Do not look at the backing image.")
  boolean unchecked;

  @Option(
      names = "-o",
      paramLabel = "NAME=VALUE,...",
      description = "The format's options; -o help lists them.")
  @Nullable List<String> options;

  @Option(
      names = "--for",
      paramLabel = "USE",
      description = {
        "Choose format and options by what the disk is for: desktop, database, snapshots",
        "or exchange (with other programs). -f and -o still decide."
      })
  @Nullable String use;

  @Parameters(
      index = "0",
      paramLabel = "IMAGE",
      arity = "0..1",
      description = "The image to make; what has that name is replaced.")
  @Nullable String image;

  @Parameters(
      index = "1",
      paramLabel = "SIZE",
      arity = "0..1",
      description = "The disk's size, such as 20G; that of the image of -b when not given.")
  @Nullable String size;

  @Override
  String formatHelp() {
    return "The new image's format; raw when not given.";
  }

  CreateCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() throws IOException {
    String target = format == null ? "raw" : format;
    Map<String, String> all = parseOptions(options);
    if (all.containsKey("help") || all.containsKey("?")) {
      help(target);
      return 0;
    }
    if (image == null) {
      throw new UsageException("Expecting image file name");
    }
    if (backing != null) {
      all.put("backing_file", backing);
    }
    if (backingFormat != null) {
      all.put("backing_fmt", backingFormat);
    }
    Path path = named(image, null).path();
    String below = all.get("backing_file");
    String sizeText = size != null ? size : all.remove("size");
    all.remove("size");
    long bytes = sizeText == null ? -1 : size(sizeText);
    if (below != null) {
      if (below.isEmpty()) {
        throw new UsageException(image + ": Expected backing file name, got empty string");
      }
      if (all.get("backing_fmt") == null) {
        throw new UsageException(
            image + ": Backing file specified without backing format; give it with -F");
      }
      if (!unchecked) {
        OpenOptions look =
            OpenOptions.readOnly()
                .withFormat(all.get("backing_fmt"))
                .withLocking(false)
                .withKeys(OpenOptions.Keys.unneeded())
                .withBacking(OpenOptions.BackingPolicy.ANYWHERE);
        try (OpenedImage opened = Images.open(Images.resolve(path, below, "backing file"), look)) {
          bytes = bytes < 0 ? opened.device().size() : bytes;
        }
      }
    }
    if (bytes < 0) {
      throw new UsageException(image + ": Image creation needs a size parameter");
    }
    String reason = null;
    if (use != null) {
      FormatAdviser.Advice advice = FormatAdviser.advise(use(use), bytes);
      if (format == null) {
        target = advice.format();
      }
      if (target.equals(advice.format())) {
        advice.options().forEach(all::putIfAbsent);
        reason = advice.reason();
      }
    }
    Images.create(path, target, bytes, all, secrets());
    StringBuilder line = new StringBuilder("Formatting '" + path + "', fmt=" + target);
    Map<String, String> shown = new LinkedHashMap<>(all);
    shown.put("size", Long.toString(bytes));
    shown.forEach((name, value) -> line.append(' ').append(name).append('=').append(value));
    say(line.toString());
    if (reason != null) {
      say(reason);
    }
    return 0;
  }

  private static FormatAdviser.Use use(String word) {
    for (FormatAdviser.Use each : FormatAdviser.Use.values()) {
      if (each.name().toLowerCase(Locale.ROOT).equals(word)) {
        return each;
      }
    }
    throw new UsageException(
        "'" + word + "' is no use of a disk; choose desktop, database, snapshots or exchange");
  }

  private void help(String name) {
    ImageFormat known = Formats.named(name);
    if (known == null) {
      throw new UsageException("Unknown file format '" + name + "'");
    }
    terminal.out.println("Supported " + name + " options:");
    known
        .options()
        .forEach(
            (option, text) -> terminal.out.printf("  %-22s - %s%n", option + "=<value>", text));
    terminal.out.printf("  %-22s - %s%n", "size=<size>", "Virtual disk size");
  }
}
