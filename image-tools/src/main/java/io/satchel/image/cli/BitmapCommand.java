package io.satchel.image.cli;

import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenOptions.BackingPolicy;
import io.satchel.image.OpenedImage;
import io.satchel.image.format.qcow2.Qcow2Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code bitmap}: changes the persistent dirty bitmaps; the actions are done in their order. */
@Command(name = "bitmap", description = "Adds, removes and changes persistent dirty bitmaps.")
final class BitmapCommand extends ImageCommand {
  @Spec @Nullable CommandSpec spec;

  @Option(names = "--add", description = "Add the bitmap.")
  boolean add;

  @Option(names = "--remove", description = "Remove the bitmap.")
  boolean remove;

  @Option(names = "--clear", description = "Forget what it recorded.")
  boolean clear;

  @Option(names = "--enable", description = "Record writes.")
  boolean enable;

  @Option(names = "--disable", description = "Stop recording writes.")
  boolean disable;

  @Option(names = "--merge", paramLabel = "SOURCE", description = "Add another bitmap's bits.")
  List<String> merge = new ArrayList<>();

  @Option(
      names = "-g",
      paramLabel = "SIZE",
      description = "With --add: the bytes that a bit stands for; 64k when not given.")
  @Nullable String granularity;

  @Option(
      names = "-b",
      paramLabel = "FILE",
      description = "With --merge: the sources are in this image.")
  @Nullable String sourceFile;

  @Option(names = "-F", paramLabel = "FORMAT", description = "The format of the image of -b.")
  @Nullable String sourceFormat;

  @Parameters(index = "0", paramLabel = "IMAGE", description = "The qcow2 image.")
  String image = "";

  @Parameters(index = "1", paramLabel = "BITMAP", description = "The bitmap's name.")
  String bitmap = "";

  BitmapCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() throws IOException {
    List<String> actions = new ArrayList<>();
    if (spec != null) {
      for (ArgSpec each : spec.commandLine().getParseResult().matchedArgs()) {
        if (each.isOption() && spec.optionsMap().containsValue(each)) {
          actions.add(
              spec.optionsMap().entrySet().stream()
                  .filter(e -> e.getValue() == each)
                  .map(java.util.Map.Entry::getKey)
                  .findFirst()
                  .orElse(""));
        }
      }
    }
    if (actions.stream().noneMatch(a -> a.startsWith("--"))) {
      throw new UsageException(
          "Need at least one of --add, --remove, --clear, --enable, " + "--disable, or --merge");
    }
    if (granularity != null && !add) {
      throw new UsageException("granularity only supported with --add");
    }
    Named named = named(image, format);
    OpenOptions alone = options(named, true).withBacking(BackingPolicy.NONE);
    try (OpenedImage opened = Images.open(named.path(), alone)) {
      Qcow2Device device = qcow2(opened, "bitmaps");
      for (String action : actions) {
        act(device, named.path(), action);
      }
    }
    return 0;
  }

  private void act(Qcow2Device device, Path path, String action) throws IOException {
    switch (action) {
      case "--add" -> {
        // As qemu-img: the cluster size, within bounds that make sense.
        long usual = Math.max(4096, Math.min(65536, device.clusterSize()));
        device.bitmaps().add(bitmap, granularity == null ? usual : size(granularity));
      }
      case "--remove" -> device.bitmaps().remove(bitmap);
      case "--clear" -> device.bitmaps().clear(bitmap);
      case "--enable" -> device.bitmaps().enable(bitmap, true);
      case "--disable" -> device.bitmaps().enable(bitmap, false);
      case "--merge" -> {
        for (String source : merge) {
          merge(device, path, source);
        }
      }
      default -> {
        return;
      }
    }
  }

  private void merge(Qcow2Device device, Path path, String source) throws IOException {
    if (sourceFile == null || Files.isSameFile(path, Path.of(sourceFile))) {
      device.bitmaps().merge(bitmap, source);
      return;
    }
    OpenOptions look =
        OpenOptions.readOnly().withFormat(sourceFormat).withBacking(BackingPolicy.NONE);
    try (OpenedImage other = Images.open(Path.of(sourceFile), look)) {
      device.bitmaps().merge(bitmap, qcow2(other, "bitmaps").bitmaps(), source);
    }
  }
}
