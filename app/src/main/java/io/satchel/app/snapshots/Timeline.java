package io.satchel.app.snapshots;

import io.satchel.app.open.Layers;
import io.satchel.image.Progress;
import io.satchel.vm.api.Snapshot;
import io.satchel.vm.machine.AutomaticSnapshots;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** What can be done with a computer's snapshots. Everything here waits for disks. */
public final class Timeline {

  /** Begins the name of the state that a computer was closed with. */
  private static final String CLOSED = "closed ";

  private final SnapshotStore store;

  public Timeline(SnapshotStore store) {
    this.store = store;
  }

  public SnapshotStore store() {
    return store;
  }

  private List<Snapshot> snapshots() throws IOException {
    return store.list().stream().filter(each -> !Layers.hidden(each.name())).toList();
  }

  /** The timeline as it is now. */
  public TimelineModel look() throws IOException {
    return TimelineModel.of(snapshots(), store.file());
  }

  /** Saves the present under that title, or under a name with the date when it is blank. */
  public String take(String title, Progress progress) throws IOException {
    String wanted =
        title.isBlank() ? "snapshot " + Instant.now().truncatedTo(ChronoUnit.SECONDS) : title;
    String name = free(wanted.strip());
    store.take(name, progress);
    store.keep(store.file().saved(name, title.strip()));
    return name;
  }

  private String free(String wanted) throws IOException {
    Set<String> taken = snapshots().stream().map(Snapshot::name).collect(Collectors.toSet());
    // A number alone would be taken for a snapshot's number.
    String plain =
        wanted.matches("[0-9]+") || Layers.hidden(wanted) ? "snapshot " + wanted : wanted;
    String name = plain;
    for (int i = 2; taken.contains(name); i++) {
      name = plain + " (" + i + ")";
    }
    return name;
  }

  /**
   * Makes the computer what it was; the present is saved first, so that nothing is lost.
   *
   * @param presentTitle what the present is called from now on
   */
  public void goBack(Snapshot snapshot, String presentTitle, Progress progress) throws IOException {
    String kept = free(AutomaticSnapshots.name(Instant.now()));
    store.take(kept, progress);
    store.keep(store.file().saved(kept, presentTitle));
    store.restore(snapshot);
    store.keep(store.file().wentBackTo(snapshot.name()));
  }

  /** Deletes a snapshot; gives the bytes that the host got back. */
  public long delete(String name) throws IOException {
    long before = store.taken();
    store.delete(name);
    store.keep(store.file().deleted(name));
    return Math.max(0, before - store.taken());
  }

  /** Gives a snapshot a title and a note. */
  public void name(TimelineModel.Node node, String title, String note) throws IOException {
    store.keep(
        store.file().named(node.snapshot().name(), node.parent(), title.strip(), note.strip()));
  }

  /** How often a snapshot is saved by itself, in minutes; 0 for never. */
  public void every(int minutes) throws IOException {
    store.keep(store.file().withEvery(minutes));
  }

  /**
   * Saves a snapshot by itself when it is time for one, and deletes those that are no longer kept.
   *
   * @return whether one was saved
   */
  public boolean automatic(Instant now, Progress progress) throws IOException {
    int minutes = store.file().everyMinutes();
    if (minutes <= 0) {
      return false;
    }
    AutomaticSnapshots policy =
        new AutomaticSnapshots(Duration.ofMinutes(minutes), AutomaticSnapshots.usual().tiers());
    if (!policy.due(snapshots(), now)) {
      return false;
    }
    String name = free(AutomaticSnapshots.name(now));
    store.take(name, progress);
    store.keep(store.file().saved(name, ""));
    String present = store.file().current();
    for (Snapshot each : policy.surplus(snapshots(), now)) {
      if (!each.name().equals(present)) {
        store.delete(each.name());
        store.keep(store.file().deleted(each.name()));
      }
    }
    return true;
  }

  /**
   * Saves the state that the next start goes on from; the one of an earlier time is deleted.
   *
   * @param title what it is called on the timeline
   */
  public void close(String title, Progress progress) throws IOException {
    String name = free(CLOSED + Instant.now().truncatedTo(ChronoUnit.SECONDS));
    store.take(name, progress);
    store.keep(store.file().saved(name, title).withResume(name));
    for (Snapshot each : snapshots()) {
      if (isClosed(each) && !each.name().equals(name)) {
        store.delete(each.name());
        store.keep(store.file().deleted(each.name()));
      }
    }
  }

  /** Whether it is the state that a computer was closed with. */
  static boolean isClosed(Snapshot snapshot) {
    return snapshot.name().startsWith(CLOSED);
  }
}
