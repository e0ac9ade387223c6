package io.satchel.vm.machine;

import io.satchel.vm.api.Snapshot;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * When a snapshot is to be saved by itself, and which of those are no longer kept: the younger the
 * denser. Snapshots that a person saved are never thinned.
 *
 * @param interval from one to the next
 * @param tiers from young to old
 */
public record AutomaticSnapshots(Duration interval, List<Tier> tiers) {

  /** Begins the name of a snapshot that was saved automatically. */
  public static final String PREFIX = "auto ";

  /**
   * Up to an age, one snapshot is kept in each stretch of time.
   *
   * @param age measured back from now; what is older than the last tier's is not kept
   */
  public record Tier(Duration age, Duration each) {}

  public AutomaticSnapshots {
    tiers = List.copyOf(tiers);
    if (interval.isNegative() || interval.isZero() || tiers.isEmpty()) {
      throw new IllegalArgumentException("an interval and a tier are needed");
    }
    Duration before = Duration.ZERO;
    for (Tier tier : tiers) {
      if (tier.age.compareTo(before) <= 0 || tier.each.isZero() || tier.each.isNegative()) {
        throw new IllegalArgumentException("tiers grow older");
      }
      before = tier.age;
    }
  }

  /** Every ten minutes; all of the last hour, one an hour of the last day, one a day of a week. */
  public static AutomaticSnapshots usual() {
    return new AutomaticSnapshots(
        Duration.ofMinutes(10),
        List.of(
            new Tier(Duration.ofHours(1), Duration.ofMinutes(10)),
            new Tier(Duration.ofDays(1), Duration.ofHours(1)),
            new Tier(Duration.ofDays(7), Duration.ofDays(1))));
  }

  /** Whether it is time for the next one. A clock that was set back does not hold it up. */
  public boolean due(List<Snapshot> present, Instant now) {
    return present.stream()
        .filter(AutomaticSnapshots::isAutomatic)
        .noneMatch(
            snapshot -> Duration.between(snapshot.time(), now).abs().compareTo(interval) < 0);
  }

  /** What the next one is called, such as {@code auto 2026-11-21T17:08:43Z}. */
  public static String name(Instant now) {
    return PREFIX + now.truncatedTo(ChronoUnit.SECONDS);
  }

  /** Whether a snapshot was saved automatically. */
  public static boolean isAutomatic(Snapshot snapshot) {
    return snapshot.name().startsWith(PREFIX);
  }

  /**
   * Those that are to be deleted, oldest first. In each stretch the oldest stays, so that thinning
   * again later finds nothing more to delete in it. The youngest always stays.
   */
  public List<Snapshot> surplus(List<Snapshot> present, Instant now) {
    List<Snapshot> automatic =
        present.stream()
            .filter(AutomaticSnapshots::isAutomatic)
            .sorted(Comparator.comparing(Snapshot::time))
            .toList();
    List<Snapshot> surplus = new ArrayList<>();
    long stretchOfKept = Long.MIN_VALUE;
    Duration eachOfKept = Duration.ZERO;
    for (int i = 0; i < automatic.size() - 1; i++) {
      Snapshot snapshot = automatic.get(i);
      Tier tier = tier(Duration.between(snapshot.time(), now));
      if (tier == null) {
        surplus.add(snapshot);
        continue;
      }
      long stretch = Math.floorDiv(snapshot.time().getEpochSecond(), tier.each.toSeconds());
      if (stretch == stretchOfKept && tier.each.equals(eachOfKept)) {
        surplus.add(snapshot);
      } else {
        stretchOfKept = stretch;
        eachOfKept = tier.each;
      }
    }
    return surplus;
  }

  private @Nullable Tier tier(Duration age) {
    for (Tier tier : tiers) {
      if (age.compareTo(tier.age) <= 0) {
        return tier;
      }
    }
    return null;
  }
}
