package io.satchel.image.cli;

import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenOptions.BackingPolicy;
import io.satchel.image.OpenedImage;
import io.satchel.image.operation.Rebase;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code rebase}: lays an image over another one. */
@Command(
    name = "rebase",
    description = "Lays an image over another one; what it reads as does not change.")
final class RebaseCommand extends ImageCommand {
  @Option(
      names = "-b",
      paramLabel = "FILE",
      required = true,
      description = "The new backing file; empty for none.")
  String backing = "";

  @Option(names = "-F", paramLabel = "FORMAT", description = "The new backing file's format.")
  @Nullable String backingFormat;

  @Option(
      names = "-u",
      description = "Only write the new name; right when the file was renamed or moved.")
  boolean unsafe;

  @Option(names = "-p", description = "Show progress.")
  boolean progress;

  @Option(names = "-t", paramLabel = "CACHE", description = "Cache mode of the image.")
  String cache = "writeback";

  @Option(names = "-T", paramLabel = "CACHE", description = "Cache mode of the backing files.")
  String sourceCache = "writeback";

  @Parameters(paramLabel = "IMAGE", description = "The overlay.")
  String image = "";

  RebaseCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() throws IOException {
    cacheMode(cache);
    cacheMode(sourceCache);
    Named named = named(image, format);
    String name = backing.isEmpty() ? null : backing;
    String recorded = backingFormat;
    Path below = name == null ? null : Images.resolve(named.path(), name, "backing file");
    if (unsafe) {
      if (name != null && recorded == null) {
        throw new UsageException("Give the format of the new backing file with -F");
      }
      OpenOptions alone = options(named, true).withBacking(BackingPolicy.NONE);
      try (OpenedImage opened = Images.open(named.path(), alone)) {
        qcow2(opened, "backing file").amend().setBacking(name, recorded);
      }
      return 0;
    }
    try (OpenedImage opened =
        Images.open(named.path(), options(named, true).withBacking(BackingPolicy.ANYWHERE))) {
      qcow2(opened, "backing file");
      if (below == null) {
        Rebase.run(opened, null, null, null, terminal.progress(progress, quiet));
        return 0;
      }
      OpenOptions look =
          OpenOptions.readOnly().withFormat(recorded).withBacking(BackingPolicy.ANYWHERE);
      try (OpenedImage base = Images.open(below, look)) {
        Rebase.run(
            opened,
            base.device(),
            name,
            recorded == null ? base.format() : recorded,
            terminal.progress(progress, quiet));
      }
    }
    return 0;
  }
}
