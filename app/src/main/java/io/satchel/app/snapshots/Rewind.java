package io.satchel.app.snapshots;

import io.satchel.app.open.Layers;
import io.satchel.image.Progress;
import io.satchel.vm.api.Snapshot;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The last minutes of a machine that runs, to be gone back to: a ring of snapshots that no timeline
 * shows and that are gone when the machine is switched off. Everything here waits for disks.
 */
public final class Rewind {

  /** How far they are apart. */
  private static final Duration BETWEEN = Duration.ofSeconds(20);

  /** How many there are at most, which bounds what they take. */
  static final int MOST = 9;

  private final SnapshotStore store;
  private @Nullable Instant last;

  public Rewind(SnapshotStore store) {
    this.store = store;
  }

  /**
   * Saves a moment when it is time for one, and deletes the oldest beyond the ring.
   *
   * @return whether one was saved
   */
  public synchronized boolean tick(Instant now) throws IOException {
    Instant before = last;
    if (before != null && now.isBefore(before.plus(BETWEEN))) {
      return false;
    }
    last = now;
    store.take(Layers.REWIND + now.truncatedTo(ChronoUnit.MILLIS), Progress.NONE);
    List<Snapshot> moments = moments();
    for (Snapshot each : moments.subList(0, Math.max(0, moments.size() - MOST))) {
      store.delete(each.name());
    }
    return true;
  }

  /** What can be gone back to, the oldest first. */
  public List<Snapshot> moments() throws IOException {
    return store.list().stream()
        .filter(each -> each.name().startsWith(Layers.REWIND))
        .sorted(Comparator.comparing(Snapshot::clockNanos))
        .toList();
  }

  /** The screen of a moment as a PNG, or null. */
  public byte @Nullable [] picture(Snapshot moment) throws IOException {
    return store.picture(moment);
  }

  /**
   * Makes the machine what it was at a moment; the present is saved as a snapshot first.
   *
   * @param presentTitle what the present is called from now on
   */
  public synchronized void goBack(Snapshot moment, String presentTitle, Progress progress)
      throws IOException {
    String began = store.file().current();
    Timeline timeline = new Timeline(store);
    timeline.take(presentTitle, progress);
    store.restore(moment);
    store.keep(store.file().wentBackTo(began));
    // What came after it is in the snapshot of the present.
    for (Snapshot each : moments()) {
      if (each.clockNanos() > moment.clockNanos()) {
        store.delete(each.name());
      }
    }
    last = Instant.now();
  }
}
