package io.satchel.app.compare;

import io.satchel.app.common.Problem;
import io.satchel.app.common.Sizes;
import io.satchel.app.library.DiskLook;
import io.satchel.image.OpenedImage;
import io.satchel.image.Progress;
import io.satchel.image.fs.FileSystem;
import io.satchel.image.fs.FileSystem.Content;
import io.satchel.image.fs.FileSystem.Entry;
import io.satchel.image.fs.FileSystem.Type;
import io.satchel.image.inspect.FileSystems;
import io.satchel.image.inspect.FileSystems.Found;
import io.satchel.image.inspect.Hive;
import io.satchel.image.operation.Cancelled;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Finds what differs between two states of a computer's disks. Files are told apart by size, date,
 * kind and permissions; of those that are alike in these the content is not read, but for the
 * registry, whose files keep their date while Windows writes to them.
 */
public final class CompareModel {

  /** Beyond this a list is of no use to a person, and its memory is bounded. */
  static final int MOST = 100_000;

  private static final int MAX_DEPTH = 128;
  private static final int CHUNK = 1 << 18;

  private static final List<String> SYSTEM_FOLDERS =
      List.of("/WINDOWS/system32/config", "/WINNT/system32/config");
  private static final List<String> HIVES = List.of("SYSTEM", "SOFTWARE", "DEFAULT", "SAM");
  private static final List<String> PEOPLE = List.of("/Documents and Settings", "/Users");

  /** What became of something. */
  public enum Kind {
    ADDED,
    CHANGED,
    REMOVED
  }

  /**
   * A difference.
   *
   * @param place the file system, or the registry's file
   * @param path the file, or the registry's key
   * @param before the size, or the value; empty where there was none
   * @param after the same now
   */
  public record Difference(Kind kind, String place, String path, String before, String after) {}

  /**
   * What came of it.
   *
   * @param cut whether there are more than are listed
   */
  public record Result(List<Difference> differences, boolean cut) {
    public Result {
      differences = List.copyOf(differences);
    }
  }

  private final Progress progress;
  private final List<Difference> found = new ArrayList<>();
  private boolean cut;
  private long seen;

  private CompareModel(Progress progress) {
    this.progress = progress;
  }

  /**
   * Compares disk by disk and file system by file system.
   *
   * @param progress hears how many files were looked at; their number is not known before
   */
  public static Result run(List<DiskLook> older, List<DiskLook> newer, Progress progress)
      throws IOException {
    CompareModel model = new CompareModel(progress);
    for (int i = 0; i < Math.max(older.size(), newer.size()); i++) {
      model.disks(i < older.size() ? older.get(i) : null, i < newer.size() ? newer.get(i) : null);
    }
    return new Result(model.found, model.cut);
  }

  private void disks(@Nullable DiskLook older, @Nullable DiskLook newer) throws IOException {
    try (OpenedImage first = older == null ? null : older.open();
        OpenedImage second = newer == null ? null : newer.open()) {
      List<Found> before = first == null ? List.of() : FileSystems.on(first.device(), 0);
      List<Found> after = second == null ? List.of() : FileSystems.on(second.device(), 0);
      TreeSet<Integer> partitions = new TreeSet<>();
      before.forEach(volume -> partitions.add(volume.partition()));
      after.forEach(volume -> partitions.add(volume.partition()));
      for (int partition : partitions) {
        Found a = at(before, partition);
        Found b = at(after, partition);
        String title = (b != null ? b : Objects.requireNonNull(a)).title();
        FileSystem old = a == null ? null : a.files();
        FileSystem now = b == null ? null : b.files();
        folder(title, old, now, "/", 0);
        if (old != null && now != null) {
          registry(old, now);
        }
      }
    }
  }

  private static @Nullable Found at(List<Found> volumes, int partition) {
    return volumes.stream()
        .filter(volume -> volume.partition() == partition)
        .findFirst()
        .orElse(null);
  }

  private void add(Kind kind, String place, String path, String before, String after) {
    if (found.size() < MOST) {
      found.add(new Difference(kind, place, path, before, after));
    } else {
      cut = true;
    }
  }

  // --- Files ---

  private static Map<String, Entry> list(@Nullable FileSystem files, String path)
      throws IOException {
    Map<String, Entry> entries = new HashMap<>();
    if (files != null) {
      for (Entry each : files.list(path)) {
        entries.put(each.name(), each);
      }
    }
    return entries;
  }

  /** Compares a folder; a null file system has nothing in it. */
  private void folder(
      String place, @Nullable FileSystem older, @Nullable FileSystem newer, String path, int depth)
      throws IOException {
    if (depth > MAX_DEPTH) {
      throw new Problem("problem.inside.deep", path);
    }
    Map<String, Entry> before = list(older, path);
    Map<String, Entry> after = list(newer, path);
    TreeSet<String> names = new TreeSet<>(before.keySet());
    names.addAll(after.keySet());
    for (String name : names) {
      seen++;
      if (!progress.at(seen, 0)) {
        throw new Cancelled();
      }
      Entry old = before.get(name);
      Entry now = after.get(name);
      String full = FileSystem.below(path, name);
      if (old == null) {
        add(Kind.ADDED, place, full, "", size(now));
      } else if (now == null) {
        add(Kind.REMOVED, place, full, size(old), "");
      } else if (differ(old, now)) {
        add(Kind.CHANGED, place, full, size(old), size(now));
      }
      boolean wasFolder = old != null && old.type() == Type.DIRECTORY;
      boolean isFolder = now != null && now.type() == Type.DIRECTORY;
      if (wasFolder || isFolder) {
        folder(place, wasFolder ? older : null, isFolder ? newer : null, full, depth + 1);
      }
    }
  }

  private static boolean differ(Entry old, Entry now) {
    // A folder's date and size change with what is in it, which is listed itself.
    boolean folders = old.type() == Type.DIRECTORY && now.type() == Type.DIRECTORY;
    return old.type() != now.type()
        || old.mode() != now.mode()
        || !Objects.equals(old.link(), now.link())
        || !folders
            && (old.size() != now.size() || !Objects.equals(old.modified(), now.modified()));
  }

  private static String size(@Nullable Entry entry) {
    return entry == null || entry.type() != Type.FILE ? "" : Sizes.of(entry.size());
  }

  // --- The registry ---

  private void registry(FileSystem older, FileSystem newer) throws IOException {
    for (String folder : SYSTEM_FOLDERS) {
      for (String name : HIVES) {
        hive(older, newer, folder + "/" + name, name);
      }
    }
    for (String people : PEOPLE) {
      if (older.exists(people) && newer.exists(people)) {
        for (Entry person : newer.list(people)) {
          if (person.type() == Type.DIRECTORY) {
            String file = people + "/" + person.name() + "/NTUSER.DAT";
            hive(older, newer, file, "NTUSER " + person.name());
          }
        }
      }
    }
  }

  private void hive(FileSystem older, FileSystem newer, String path, String place)
      throws IOException {
    if (!older.exists(path) || !newer.exists(path)) {
      return;
    }
    Content before = older.open(path);
    Content after = newer.open(path);
    if (!same(before, after)) {
      key(place, Hive.open(before, path).root(), Hive.open(after, path).root(), "", 0);
    }
  }

  private static boolean same(Content one, Content other) throws IOException {
    if (one.size() != other.size()) {
      return false;
    }
    for (long at = 0; at < one.size(); at += CHUNK) {
      if (!Arrays.equals(one.read(at, CHUNK), other.read(at, CHUNK))) {
        return false;
      }
    }
    return true;
  }

  private static Map<String, Hive.Key> children(Hive.@Nullable Key key) throws IOException {
    Map<String, Hive.Key> children = new HashMap<>();
    if (key != null) {
      for (Hive.Key child : key.children()) {
        children.put(child.name().toLowerCase(Locale.ROOT), child);
      }
    }
    return children;
  }

  private void key(
      String place, Hive.@Nullable Key older, Hive.@Nullable Key newer, String path, int depth)
      throws IOException {
    seen++;
    if (!progress.at(seen, 0)) {
      throw new Cancelled();
    }
    if (depth > MAX_DEPTH) {
      throw new Problem("problem.registry.deep");
    }
    Map<String, String> before = older == null ? Map.of() : older.values();
    Map<String, String> after = newer == null ? Map.of() : newer.values();
    TreeSet<String> values = new TreeSet<>(before.keySet());
    values.addAll(after.keySet());
    for (String value : values) {
      String old = before.get(value);
      String now = after.get(value);
      String full = path + " : " + (value.isEmpty() ? "@" : value);
      if (old == null) {
        add(Kind.ADDED, place, full, "", String.valueOf(now));
      } else if (now == null) {
        add(Kind.REMOVED, place, full, old, "");
      } else if (!old.equals(now)) {
        add(Kind.CHANGED, place, full, old, now);
      }
    }
    Map<String, Hive.Key> first = children(older);
    Map<String, Hive.Key> second = children(newer);
    TreeSet<String> names = new TreeSet<>(first.keySet());
    names.addAll(second.keySet());
    for (String name : names) {
      Hive.Key old = first.get(name);
      Hive.Key now = second.get(name);
      String full = path + "\\" + (now != null ? now : Objects.requireNonNull(old)).name();
      if (old == null) {
        add(Kind.ADDED, place, full, "", "");
      } else if (now == null) {
        add(Kind.REMOVED, place, full, "", "");
      }
      key(place, old, now, full, depth + 1);
    }
  }
}
