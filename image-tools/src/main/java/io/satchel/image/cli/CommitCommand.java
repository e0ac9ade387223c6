package io.satchel.image.cli;

import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.OpenedImage.Layer;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.format.Linked;
import io.satchel.image.format.qcow2.Qcow2Device;
import io.satchel.image.operation.Commit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code commit}: writes an overlay's changes into the image below it. */
@Command(name = "commit", description = "Writes an overlay's changes into the image below it.")
final class CommitCommand extends ImageCommand {
  @Option(
      names = "-b",
      paramLabel = "FILE",
      description = "Write into this image of the chain; the next one when not given.")
  @Nullable String base;

  @Option(names = "-d", description = "Leave the overlay as it is; it is emptied otherwise.")
  boolean keepOverlay;

  @Option(names = "-p", description = "Show progress.")
  boolean progress;

  @Option(
      names = "-t",
      paramLabel = "CACHE",
      description = "What a flush waits for: none, writeback, writethrough, directsync, unsafe.")
  String cache = "writeback";

  @Parameters(paramLabel = "IMAGE", description = "The overlay.")
  String image = "";

  CommitCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() throws IOException {
    cacheMode(cache);
    Named named = named(image, format);
    // The base is about to be written, and its lock is taken below.
    OpenOptions look = options(named, false).withLocking(false);
    boolean emptied;
    try (OpenedImage chain = Images.open(named.path(), look)) {
      int layers = layersOver(named.path(), chain.chain());
      // As qemu-img: those of other formats stay as they are.
      emptied = chain.chain().getFirst().device() instanceof Qcow2Device;
      Layer target = chain.chain().get(layers);
      OpenOptions into =
          OpenOptions.forWriting()
              .withFormat(target.format())
              .withBacking(OpenOptions.BackingPolicy.ANYWHERE);
      try (OpenedImage opened = Images.open(target.path(), into)) {
        Commit.run(chain, layers, opened.device(), terminal.progress(progress, quiet));
        link(chain.chain().get(layers - 1), opened.device());
      }
    }
    if (!keepOverlay && base == null && emptied) {
      try (OpenedImage overlay =
          Images.open(
              named.path(), options(named, true).withBacking(OpenOptions.BackingPolicy.NONE))) {
        qcow2(overlay, "tables to empty").makeEmpty();
      }
    }
    say("Image committed.");
    return 0;
  }

  /** The layer over the base reads as before, though the base holds more now. */
  private static void link(Layer above, BlockDevice base) throws IOException {
    if (above.device() instanceof Linked) {
      OpenOptions alone =
          OpenOptions.forWriting()
              .withFormat(above.format())
              .withBacking(OpenOptions.BackingPolicy.NONE);
      try (OpenedImage opened = Images.open(above.path(), alone)) {
        ((Linked) opened.chain().getFirst().device()).adopt(base);
      }
    }
  }

  private int layersOver(Path top, List<Layer> chain) throws IOException {
    if (chain.size() < 2) {
      throw new UsageException("Image does not have a backing file");
    }
    if (base == null) {
      return 1;
    }
    Path wanted = Images.resolve(top, base, "base");
    for (int i = 1; i < chain.size(); i++) {
      Path here = chain.get(i).path();
      if (Files.exists(wanted) && Files.isSameFile(here, wanted)
          || Files.exists(Path.of(base)) && Files.isSameFile(here, Path.of(base))) {
        return i;
      }
    }
    throw new UsageException("Did not find '" + base + "' in the backing chain of '" + image + "'");
  }
}
