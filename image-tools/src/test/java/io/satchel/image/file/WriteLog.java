package io.satchel.image.file;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntPredicate;

/**
 * Every change to the files of a folder in order, and so what any crash would leave. A crash keeps
 * what was flushed; of what came later to a file it keeps any part, sector by sector within one
 * write, and of the changes of names the first so many: file systems order those among themselves.
 */
public final class WriteLog {
  private static final int SECTOR = 512;

  /** What a change does. */
  public enum Type {
    WRITE,
    SIZE,
    /** All that was written to this file before is on the medium. */
    FLUSH,
    CREATE,
    /** The file takes a name, perhaps that of another file, which is gone. */
    RENAME,
    DELETE
  }

  /**
   * A change.
   *
   * @param file a number that stays when the name changes
   * @param offset where it was written, or the new size
   * @param name the new name of RENAME and CREATE, the old one of DELETE
   */
  public record Change(int file, long offset, byte[] bytes, Type type, String name) {
    public Change(long offset, byte[] bytes, Type type) {
      this(0, offset, bytes, type, "");
    }

    boolean ofNames() {
      return type == Type.CREATE || type == Type.RENAME || type == Type.DELETE;
    }
  }

  /** The names that are there, each with its file's content. */
  public static final class Remains {
    private final Map<Integer, byte[]> contents = new HashMap<>();
    private final Map<String, Integer> names = new TreeMap<>();

    /** The files by their names. */
    public Map<String, byte[]> files() {
      Map<String, byte[]> all = new TreeMap<>();
      names.forEach((name, file) -> all.put(name, content(file)));
      return all;
    }

    /** A file's content. */
    public byte[] content(int file) {
      return contents.getOrDefault(file, new byte[0]);
    }

    void apply(Change change) {
      byte[] content = content(change.file());
      switch (change.type()) {
        case WRITE -> {
          int end = Math.toIntExact(change.offset() + change.bytes().length);
          byte[] longer = end > content.length ? Arrays.copyOf(content, end) : content;
          System.arraycopy(change.bytes(), 0, longer, (int) change.offset(), change.bytes().length);
          contents.put(change.file(), longer);
        }
        case SIZE ->
            contents.put(change.file(), Arrays.copyOf(content, Math.toIntExact(change.offset())));
        case CREATE -> names.put(change.name(), change.file());
        case RENAME -> {
          names.values().removeIf(file -> file == change.file());
          names.put(change.name(), change.file());
        }
        case DELETE -> names.remove(change.name());
        case FLUSH -> {
          return;
        }
      }
    }
  }

  private final List<Change> changes = new ArrayList<>();

  /** Remembers a change. */
  public void add(Change change) {
    changes.add(change);
  }

  /** How many changes there were. */
  public int size() {
    return changes.size();
  }

  /** A change. */
  public Change get(int index) {
    return changes.get(index);
  }

  /** The changes from one number up to another. */
  public List<Change> between(int from, int to) {
    return changes.subList(from, to);
  }

  /** Forgets them all. */
  public void clear() {
    changes.clear();
  }

  /** What is left after the first {@code count} changes and {@code sectors} of the next. */
  public Remains crashed(int count, int sectors) {
    Remains left = new Remains();
    changes.subList(0, count).forEach(left::apply);
    if (count < changes.size() && sectors > 0) {
      Change torn = changes.get(count);
      if (torn.type() == Type.WRITE) {
        int length = Math.min(torn.bytes().length, sectors * SECTOR);
        left.apply(
            new Change(
                torn.file(), torn.offset(), Arrays.copyOf(torn.bytes(), length), Type.WRITE, ""));
      }
    }
    return left;
  }

  /**
   * What is left after the first {@code count} changes when those that were not flushed arrived
   * only where kept.
   *
   * @param kept by the number of the change; for names, whether this one and those before arrived
   */
  public Remains crashedOutOfOrder(int count, IntPredicate kept) {
    Map<Integer, Integer> flushed = new HashMap<>();
    int names = 0;
    for (int i = 0; i < count; i++) {
      Change change = changes.get(i);
      if (change.type() == Type.FLUSH) {
        flushed.put(change.file(), i);
      } else if (change.ofNames() && kept.test(i)) {
        names = i + 1;
      }
    }
    Remains left = new Remains();
    for (int i = 0; i < count; i++) {
      Change change = changes.get(i);
      boolean arrived =
          change.ofNames() ? i < names : i < flushed.getOrDefault(change.file(), 0) || kept.test(i);
      if (arrived) {
        left.apply(change);
      }
    }
    return left;
  }
}
