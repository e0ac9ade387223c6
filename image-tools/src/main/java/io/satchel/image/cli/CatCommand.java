package io.satchel.image.cli;

import io.satchel.image.OpenedImage;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code cat}: a file of an image on standard output. */
@Command(
    name = "cat",
    description = "Prints files of an image, or of a snapshot of it, on standard output.")
final class CatCommand extends FilesCommand {
  @Parameters(index = "1..*", arity = "1..*", paramLabel = "PATH", description = "The files.")
  List<String> paths = new ArrayList<>();

  CatCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() throws IOException {
    try (OpenedImage opened = openImage()) {
      for (String path : paths) {
        try (InputStream in = holding(opened, path).open(path).stream()) {
          in.transferTo(terminal.out);
        }
      }
    }
    return 0;
  }
}
