package io.satchel.image.cli;

import io.satchel.image.OpenedImage;
import io.satchel.image.format.OptionReader;
import io.satchel.image.format.luks.LuksHeader;
import io.satchel.image.format.luks.LuksOptions;
import io.satchel.image.format.qcow2.Qcow2Format;
import io.satchel.image.operation.Measure;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code measure}: how large a converted image would be. */
@Command(name = "measure", description = "Tells how large a new image would be.")
final class MeasureCommand extends ImageCommand {
  private static final String NEW = "The new image";

  @Option(
      names = "--output",
      paramLabel = "human|json",
      description = "For a person (the default) or for a program.",
      defaultValue = "human")
  OutputFormat output = OutputFormat.human;

  @Option(
      names = "-O",
      paramLabel = "FORMAT",
      description = "The new image's format; raw when not given.")
  String targetFormat = "raw";

  @Option(
      names = "-o",
      paramLabel = "NAME=VALUE,...",
      description = "The new format's options; `create -f FORMAT -o help` lists them.")
  @Nullable List<String> options;

  @Option(
      names = "--size",
      paramLabel = "SIZE",
      description = "Instead of an image: an empty disk of that size.")
  @Nullable String size;

  @Option(names = "-l", paramLabel = "SNAPSHOT", description = "Measure this internal snapshot.")
  @Nullable String snapshot;

  @Parameters(paramLabel = "IMAGE", arity = "0..1", description = "What is to be copied.")
  @Nullable String image;

  MeasureCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() throws IOException {
    if ((size == null) == (image == null)) {
      throw new UsageException("Either --size N or one filename must be specified.");
    }
    if (size != null) {
      print(measure(size(size), null), null);
    } else if (image != null) {
      try (OpenedImage opened = open(image, format, false)) {
        if (snapshot != null) {
          qcow2(opened, "snapshots").snapshots().show(snapshot);
        }
        boolean bitmaps =
            opened.chain().getFirst().device() instanceof io.satchel.image.format.LayeredDevice d
                && opened.format().equals("qcow2")
                && targetFormat.equals("qcow2")
                && d.specifics().get("compat") instanceof String compat
                && compat.equals("1.1");
        print(measure(opened.device().size(), opened), bitmaps ? 0L : null);
      }
    }
    return 0;
  }

  private Measure.Size measure(long bytes, @Nullable OpenedImage source) throws IOException {
    Map<String, String> all = parseOptions(options);
    return switch (targetFormat) {
      case "raw" -> Measure.raw(bytes);
      case "qcow2" ->
          Measure.qcow2(
              Qcow2Format.parse(NEW, bytes, all),
              source,
              keyBytes(all),
              terminal.progress(false, quiet));
      case "luks" -> Measure.luks(bytes, LuksOptions.read(NEW, new OptionReader(NEW, all), ""));
      default ->
          throw new UsageException(
              "The format " + targetFormat + " cannot be measured; choose raw, qcow2 or luks");
    };
  }

  /** The size of the encryption header that the options ask for. */
  private static long keyBytes(Map<String, String> all) throws IOException {
    return all.containsKey("encrypt.format")
        ? LuksHeader.bytesFor(LuksOptions.read(NEW, new OptionReader(NEW, all), "encrypt."))
        : 0;
  }

  private void print(Measure.Size measured, @Nullable Long bitmaps) {
    if (output == OutputFormat.json) {
      Map<String, Object> map = new LinkedHashMap<>();
      if (bitmaps != null) {
        map.put("bitmaps", bitmaps);
      }
      map.put("required", measured.required());
      map.put("fully-allocated", measured.fullyAllocated());
      terminal.out.println(Json.pretty(map));
      return;
    }
    terminal.out.println("required size: " + measured.required());
    terminal.out.println("fully allocated size: " + measured.fullyAllocated());
    if (bitmaps != null) {
      terminal.out.println("bitmaps size: " + bitmaps);
    }
  }
}
