package io.satchel.app.library;

import io.satchel.app.common.JsonFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a disk image does not say of its snapshots: {@code timeline.json} beside {@code
 * machine.json}. It is never needed: snapshots that it does not name follow one another by date.
 *
 * @param version of this form
 * @param marks what is known of each snapshot
 * @param current the snapshot that the present began at, or null
 * @param resume the snapshot that the next start goes on from, or null for a start from power-on
 * @param everyMinutes how often a snapshot is saved by itself; 0 for never
 */
public record TimelineFile(
    int version,
    List<Mark> marks,
    @Nullable String current,
    @Nullable String resume,
    int everyMinutes) {

  private static final int VERSION = 1;
  private static final String FILE = "timeline.json";

  /**
   * A snapshot.
   *
   * @param name in the disk image
   * @param parent the snapshot that it began at, or null for the first
   * @param title what the person calls it; empty for its name
   * @param note the person's own words
   */
  public record Mark(String name, @Nullable String parent, String title, String note) {
    public Mark {
      title = title == null ? "" : title;
      note = note == null ? "" : note;
    }
  }

  public TimelineFile {
    marks = marks == null ? List.of() : List.copyOf(marks);
  }

  /** Nothing is known. */
  public static TimelineFile empty() {
    return new TimelineFile(VERSION, List.of(), null, null, 0);
  }

  /** What a machine's folder says; what cannot be read is as if it were not there. */
  public static TimelineFile read(Path folder) {
    Path file = folder.resolve(FILE);
    if (!Files.isRegularFile(file)) {
      return empty();
    }
    try {
      return JsonFile.read(file, TimelineFile.class, VERSION);
    } catch (IOException e) {
      System.getLogger(TimelineFile.class.getName())
          .log(System.Logger.Level.WARNING, "reading " + file, e);
      return empty();
    }
  }

  /** Keeps it in a machine's folder. */
  public void write(Path folder) throws IOException {
    JsonFile.write(folder.resolve(FILE), this);
  }

  /** What the person calls a machine's snapshot; empty when it goes by its name. */
  static String titleOf(Path folder, String name) {
    Mark known = read(folder).mark(name);
    return known == null ? "" : known.title;
  }

  /** What is known of a snapshot, or null. */
  public @Nullable Mark mark(String name) {
    return marks.stream().filter(mark -> mark.name.equals(name)).findFirst().orElse(null);
  }

  /** A snapshot was saved of the present. */
  public TimelineFile saved(String name, String title) {
    List<Mark> more = new ArrayList<>(marks);
    more.removeIf(mark -> mark.name.equals(name));
    more.add(new Mark(name, current, title, ""));
    return new TimelineFile(version, more, name, resume, everyMinutes);
  }

  /** The present is now what the snapshot was. */
  public TimelineFile wentBackTo(@Nullable String name) {
    return new TimelineFile(version, marks, name, resume, everyMinutes);
  }

  /** A snapshot is gone: those that began there begin where it did. */
  public TimelineFile deleted(String name) {
    Mark gone = mark(name);
    String parent = gone == null ? null : gone.parent;
    List<Mark> others =
        marks.stream()
            .filter(mark -> !mark.name.equals(name))
            .map(
                mark ->
                    name.equals(mark.parent)
                        ? new Mark(mark.name, parent, mark.title, mark.note)
                        : mark)
            .toList();
    return new TimelineFile(
        version,
        others,
        name.equals(current) ? parent : current,
        name.equals(resume) ? null : resume,
        everyMinutes);
  }

  /** The person calls a snapshot {@code title} and says {@code note} of it. */
  public TimelineFile named(String name, @Nullable String parent, String title, String note) {
    Mark known = mark(name);
    List<Mark> more = new ArrayList<>(marks);
    more.removeIf(mark -> mark.name.equals(name));
    more.add(new Mark(name, known == null ? parent : known.parent, title, note));
    return new TimelineFile(version, more, current, resume, everyMinutes);
  }

  /** The next start goes on from there; null for a start from power-on. */
  public TimelineFile withResume(@Nullable String name) {
    return new TimelineFile(version, marks, current, name, everyMinutes);
  }

  /** A snapshot is saved by itself so often; 0 for never. */
  public TimelineFile withEvery(int minutes) {
    return new TimelineFile(version, marks, current, resume, minutes);
  }
}
