package io.satchel.app.snapshots;

import io.satchel.app.library.TimelineFile;
import io.satchel.app.library.TimelineFile.Mark;
import io.satchel.vm.api.Snapshot;
import io.satchel.vm.machine.AutomaticSnapshots;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Snapshots as a tree in time: a column each, the oldest first, and a lane for each branch. The
 * branch that leads to the present has the first lane.
 *
 * @param nodes by time
 * @param lanes how many there are
 * @param now the snapshot that the present began at, or null
 * @param resume the snapshot that the next start goes on from, or null
 */
public record TimelineModel(
    List<Node> nodes, int lanes, @Nullable String now, @Nullable String resume) {

  /**
   * A snapshot in its place.
   *
   * @param parent the one that it began at, or null
   * @param title what the person calls it; empty for its name
   * @param note the person's own words
   */
  public record Node(
      Snapshot snapshot, @Nullable String parent, String title, String note, int column, int lane) {

    /**
     * What it is called.
     *
     * @param plain instead of a name that no person gave; empty for the name itself
     */
    public String shown(String plain) {
      return !title.isEmpty() ? title : plain.isEmpty() ? snapshot.name() : plain;
    }

    /** Whether it was saved by itself. */
    public boolean automatic() {
      return AutomaticSnapshots.isAutomatic(snapshot);
    }

    /** Whether it holds the disk alone. */
    public boolean diskOnly() {
      return snapshot.stateBytes() == 0;
    }
  }

  public TimelineModel {
    nodes = List.copyOf(nodes);
  }

  /** The tree of {@code snapshots}; where the file says nothing they follow one another by date. */
  static TimelineModel of(List<Snapshot> snapshots, TimelineFile file) {
    List<Snapshot> sorted = new ArrayList<>(snapshots);
    // The sort keeps the image's own order of those of the same second.
    sorted.sort(Comparator.comparing(Snapshot::time));
    Map<String, @Nullable String> parents = parents(sorted, file);
    String current = file.current();
    // Of an image that nothing is known of, the present follows the last.
    boolean known = current == null ? !file.marks().isEmpty() : parents.containsKey(current);
    String now = known ? current : sorted.isEmpty() ? null : sorted.getLast().name();
    Set<String> trunk = new HashSet<>();
    for (String at = now; at != null; at = parents.get(at)) {
      trunk.add(at);
    }
    Map<String, String> heirs = heirs(sorted, parents, trunk, now);
    Map<String, Integer> lanes = new HashMap<>();
    int next = 1;
    List<Node> nodes = new ArrayList<>();
    for (int column = 0; column < sorted.size(); column++) {
      Snapshot each = sorted.get(column);
      String parent = parents.get(each.name());
      Integer above = parent == null ? null : lanes.get(parent);
      int lane;
      if (trunk.contains(each.name())) {
        lane = 0;
      } else if (above != null && each.name().equals(heirs.get(parent))) {
        lane = above;
      } else {
        lane = next++;
      }
      lanes.put(each.name(), lane);
      Mark mark = file.mark(each.name());
      nodes.add(
          new Node(
              each,
              parent,
              mark == null ? "" : mark.title(),
              mark == null ? "" : mark.note(),
              column,
              lane));
    }
    return new TimelineModel(nodes, next, now, file.resume());
  }

  private static Map<String, @Nullable String> parents(List<Snapshot> sorted, TimelineFile file) {
    Map<String, @Nullable String> parents = new HashMap<>();
    String before = null;
    for (Snapshot each : sorted) {
      Mark mark = file.mark(each.name());
      String parent = mark == null ? before : mark.parent();
      // One that is not there any more, or that is younger, cannot be where it began.
      parents.put(each.name(), parent == null || parents.containsKey(parent) ? parent : before);
      before = each.name();
    }
    return parents;
  }

  /** Which of a snapshot's children goes on in its lane. */
  private static Map<String, String> heirs(
      List<Snapshot> sorted,
      Map<String, @Nullable String> parents,
      Set<String> trunk,
      @Nullable String now) {
    Map<String, String> heirs = new HashMap<>();
    for (Snapshot each : sorted) {
      String parent = parents.get(each.name());
      if (parent != null && !trunk.contains(parent) && !parent.equals(now)) {
        heirs.put(parent, each.name());
      }
    }
    return heirs;
  }

  /** One of them by its name in the image. */
  public Optional<Node> node(@Nullable String name) {
    return nodes.stream().filter(node -> node.snapshot.name().equals(name)).findFirst();
  }
}
