package io.satchel.image.cli;

import io.satchel.image.OpenedImage;
import io.satchel.image.fs.FileSystem;
import io.satchel.image.fs.FileSystem.Entry;
import io.satchel.image.fs.FileSystem.Type;
import io.satchel.image.inspect.FileSystems.Found;
import java.io.IOException;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code ls}: what files an image holds. */
@Command(
    name = "ls",
    description = {
      "Lists the files in an image or in a snapshot of it.",
      "Reads ext2, ext3, ext4, NTFS, FAT, exFAT and ISO 9660. When several partitions",
      "have files and no path is given, the partitions are listed."
    })
final class LsCommand extends FilesCommand {
  private static final int MAX_DEPTH = 128;
  private static final DateTimeFormatter DATE =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm", Locale.ROOT);

  @Option(names = "--long", description = "Show permissions, size and time.")
  boolean wide;

  @Option(names = "-R", description = "List directories inside as well.")
  boolean recursive;

  @Option(
      names = "--output",
      paramLabel = "human|json",
      description = "For a person (the default) or for a program.",
      defaultValue = "human")
  OutputFormat output = OutputFormat.human;

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "PATH",
      description = "Where to look; / when not given.")
  @Nullable String path;

  LsCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() throws IOException {
    try (OpenedImage opened = openImage()) {
      List<Found> found = fileSystems(opened);
      if (path == null && found.size() > 1) {
        partitions(found);
        return 0;
      }
      String where = path == null ? "/" : path;
      FileSystem files = found.size() == 1 ? found.getFirst().files() : holding(opened, where);
      if (output == OutputFormat.json) {
        List<Object> all = new ArrayList<>();
        gather(files, where, all, 0);
        terminal.out.println(Json.pretty(all));
      } else {
        list(files, where, 0);
      }
    }
    return 0;
  }

  private void partitions(List<Found> found) throws IOException {
    List<Object> all = new ArrayList<>();
    for (Found each : found) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("partition", each.partition());
      one.put("kind", each.files().kind());
      one.put("label", each.files().label());
      all.add(one);
      if (output == OutputFormat.human) {
        terminal.out.println(
            ("Partition "
                    + each.partition()
                    + ": "
                    + each.files().kind()
                    + " "
                    + each.files().label())
                .strip());
      }
    }
    if (output == OutputFormat.json) {
      terminal.out.println(Json.pretty(all));
    } else {
      terminal.out.println("Choose one with --partition N");
    }
  }

  private static List<Entry> sorted(FileSystem files, String where) throws IOException {
    List<Entry> all = new ArrayList<>(files.list(where));
    all.sort(Comparator.comparing(Entry::name));
    return all;
  }

  private void list(FileSystem files, String where, int depth) throws IOException {
    List<Entry> all = sorted(files, where);
    if (recursive) {
      terminal.out.println((depth == 0 ? "" : "\n") + FileSystem.shown(where) + ":");
    }
    for (Entry each : all) {
      terminal.out.println(wide ? line(each) : FileSystem.shown(each.name()));
    }
    for (Entry each : all) {
      if (recursive && each.type() == Type.DIRECTORY) {
        list(files, below(where, each.name(), depth), depth + 1);
      }
    }
  }

  /** The path of a name inside {@code where}; refuses directories that contain themselves. */
  static String below(String where, String name, int depth) {
    if (depth >= MAX_DEPTH) {
      throw new UsageException(
          where + " lies too deep; the file system is damaged, or list a directory in it");
    }
    return FileSystem.below(where, name);
  }

  private void gather(FileSystem files, String where, List<Object> all, int depth)
      throws IOException {
    for (Entry each : sorted(files, where)) {
      String full = below(where, each.name(), depth);
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("path", full);
      one.put("type", each.type().name().toLowerCase(Locale.ROOT));
      one.put("size", each.size());
      if (each.modified() != null) {
        one.put("modified", each.modified().toString());
      }
      if (each.mode() >= 0) {
        one.put("mode", String.format(Locale.ROOT, "%04o", each.mode()));
      }
      if (each.link() != null) {
        one.put("link", each.link());
      }
      all.add(one);
      if (recursive && each.type() == Type.DIRECTORY) {
        gather(files, full, all, depth + 1);
      }
    }
  }

  private static String line(Entry e) {
    StringBuilder s = new StringBuilder();
    s.append(
        switch (e.type()) {
          case DIRECTORY -> 'd';
          case LINK -> 'l';
          case FILE -> '-';
          case OTHER -> '?';
        });
    if (e.mode() >= 0) {
      String letters = "rwxrwxrwx";
      for (int i = 0; i < 9; i++) {
        s.append((e.mode() >> 8 - i & 1) != 0 ? letters.charAt(i) : '-');
      }
    }
    String when =
        e.modified() == null ? "" : DATE.format(e.modified().atZone(ZoneId.systemDefault()));
    s.append(
        String.format(Locale.ROOT, " %12d %16s %s", e.size(), when, FileSystem.shown(e.name())));
    return e.link() == null ? s.toString() : s + " -> " + FileSystem.shown(e.link());
  }
}
