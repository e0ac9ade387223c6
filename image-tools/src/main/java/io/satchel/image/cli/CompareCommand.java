package io.satchel.image.cli;

import io.satchel.image.OpenedImage;
import io.satchel.image.block.ImageException;
import io.satchel.image.operation.Compare;
import io.satchel.image.operation.Compare.Result;
import java.io.IOException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code compare}: whether two images hold the same disk. */
@Command(
    name = "compare",
    description = "Tells whether two images hold the same disk.",
    exitCodeListHeading = "Exit status:%n",
    exitCodeList = {"0:they are equal", "1:they differ", "2:one of them cannot be read"})
final class CompareCommand extends ImageCommand {
  private static final int TROUBLE = 2;

  @Option(
      names = "-F",
      paramLabel = "FORMAT",
      description = "The second image's format; recognised by its content when not given.")
  @Nullable String secondFormat;

  @Option(names = "-s", description = "Sizes and allocation must be equal too.")
  boolean strict;

  @Option(names = "-p", description = "Show progress.")
  boolean progress;

  @Option(
      names = "-T",
      paramLabel = "CACHE",
      description = "Cache mode; reading is the same in all.")
  String cache = "writeback";

  @Parameters(index = "0", paramLabel = "IMAGE1", description = "One image.")
  String first = "";

  @Parameters(index = "1", paramLabel = "IMAGE2", description = "The other image.")
  String second = "";

  @Override
  String formatHelp() {
    return "The first image's format; recognised by its content when not given.";
  }

  CompareCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() throws IOException {
    cacheMode(cache);
    try (OpenedImage a = open(first, format, false);
        OpenedImage b = open(second, secondFormat, false)) {
      Result result = Compare.run(a, b, strict, terminal.progress(progress, quiet));
      return switch (result) {
        case Result.Same same -> {
          if (same.sizesDiffer()) {
            say("Warning: Image size mismatch!");
          }
          say("Images are identical.");
          yield 0;
        }
        case Result.Differ differ -> {
          // As qemu-img does: the sector, not the byte.
          say("Content mismatch at offset " + differ.offset() / 512 * 512 + "!");
          yield 1;
        }
        case Result.StatusDiffer differ -> {
          say("Strict mode: Offset " + differ.offset() + " block status mismatch!");
          yield 1;
        }
        case Result.SizeDiffer differ -> {
          say("Strict mode: Image size mismatch!");
          yield 1;
        }
      };
    } catch (ImageException e) {
      throw new UsageException(e.getMessage(), TROUBLE);
    }
  }
}
