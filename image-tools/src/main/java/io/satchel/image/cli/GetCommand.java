package io.satchel.image.cli;

import io.satchel.image.OpenedImage;
import io.satchel.image.fs.FileSystem;
import io.satchel.image.fs.FileSystem.Entry;
import io.satchel.image.fs.FileSystem.Type;
import io.satchel.image.operation.Cancelled;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code get}: copies files out of an image. */
@Command(
    name = "get",
    description = {
      "Copies a file or a folder out of an image, or out of a snapshot of it.",
      "Files that exist are not replaced. Links inside a folder are left out:",
      "they could lead anywhere on this computer."
    })
final class GetCommand extends FilesCommand {
  private static final int CHUNK = 1 << 20;

  @Parameters(index = "1", paramLabel = "PATH", description = "What to copy.")
  String path = "";

  @Parameters(
      index = "2",
      arity = "0..1",
      paramLabel = "TARGET",
      description = "A new name or an existing folder; this folder when not given.")
  @Nullable Path target;

  GetCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() throws IOException {
    try (OpenedImage opened = openImage()) {
      FileSystem files = holding(opened, path);
      String name = path.replaceAll("/+$", "");
      name = name.substring(name.lastIndexOf('/') + 1);
      Path to = target == null ? Path.of("") : target;
      if (Files.isDirectory(to)) {
        to = to.resolve(checked(name.isEmpty() ? "root" : name));
      }
      Entry entry = files.attributes(path);
      if (entry.type() == Type.DIRECTORY) {
        directory(files, path, to, 0);
      } else {
        file(files, path, entry, to);
      }
    }
    return 0;
  }

  /** A name as a host's file: it must stay in its folder. */
  private static String checked(String name) {
    boolean safe =
        !name.isEmpty()
            && !name.equals(".")
            && !name.equals("..")
            && !name.contains("/")
            && !name.contains("\\")
            && name.chars().noneMatch(c -> c < 0x20);
    if (!safe) {
      throw new UsageException(
          "The image holds a file named '"
              + FileSystem.shown(name)
              + "', which cannot be a file here; get it by itself under another name");
    }
    return name;
  }

  private void directory(FileSystem files, String from, Path to, int depth) throws IOException {
    if (Files.isSymbolicLink(to)) {
      throw new FileAlreadyExistsException(to + " exists already; choose another name");
    }
    Files.createDirectories(to);
    for (Entry each : files.list(from)) {
      String inside = LsCommand.below(from, each.name(), depth);
      switch (each.type()) {
        case DIRECTORY -> directory(files, inside, to.resolve(checked(each.name())), depth + 1);
        case FILE -> file(files, inside, each, to.resolve(checked(each.name())));
        default -> {
          if (!quiet) {
            terminal.err.println("Left out: " + FileSystem.shown(inside));
          }
        }
      }
    }
  }

  private void file(FileSystem files, String from, Entry entry, Path to) throws IOException {
    FileSystem.Content content = files.open(from);
    boolean whole = false;
    try (InputStream in = content.stream();
        OutputStream out =
            Files.newOutputStream(to, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      byte[] chunk = new byte[CHUNK];
      for (int n = in.read(chunk); n > 0; n = in.read(chunk)) {
        if (terminal.stopped()) {
          throw new Cancelled();
        }
        out.write(chunk, 0, n);
      }
      whole = true;
    } catch (FileAlreadyExistsException e) {
      whole = true;
      throw new UsageException(to + " exists already; choose another name");
    } finally {
      if (!whole) {
        Files.deleteIfExists(to);
      }
    }
    if (entry.modified() != null) {
      Files.setLastModifiedTime(to, FileTime.from(entry.modified()));
    }
  }
}
