package io.satchel.image.cli;

import io.satchel.image.NewFile;
import io.satchel.image.Progress;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.fs.IsoBuilder;
import io.satchel.image.operation.Cancelled;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code put}: makes a disc of files, by which they get into any guest. */
@Command(
    name = "put",
    description = {
      "Makes a CD image of files and folders, by which they get into any guest.",
      "DOS, Windows (Joliet) and Unix (Rock Ridge) each find names that they understand."
    })
final class PutCommand extends ImageCommand {
  private static final int CHUNK = 1 << 20;

  @Option(names = "--label", paramLabel = "NAME", description = "The disc's name.")
  String label = "FILES";

  @Option(names = "-p", description = "Show progress.")
  boolean progress;

  @Parameters(index = "0", paramLabel = "IMAGE", description = "The disc image to make.")
  Path image = Path.of("");

  @Parameters(index = "1..*", arity = "1..*", paramLabel = "FILE", description = "What goes on it.")
  List<Path> files = new ArrayList<>();

  PutCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() throws IOException {
    Progress listener = terminal.progress(progress, quiet);
    try (BlockDevice disc = IsoBuilder.of(label, files, Instant.now());
        NewFile file = NewFile.at(image)) {
      ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK);
      for (long at = 0; at < disc.size(); at += chunk.limit()) {
        if (!listener.at(at, disc.size())) {
          throw new Cancelled();
        }
        chunk.clear().limit((int) Math.min(CHUNK, disc.size() - at));
        disc.read(at, chunk);
        file.storage().write(at, chunk.flip());
      }
      listener.at(disc.size(), disc.size());
      file.keep();
    }
    return 0;
  }
}
