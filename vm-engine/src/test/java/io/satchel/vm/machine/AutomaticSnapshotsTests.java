package io.satchel.vm.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.satchel.vm.api.Snapshot;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class AutomaticSnapshotsTests {
  private static final Instant START = Instant.parse("2026-01-01T00:00:00Z");
  private final AutomaticSnapshots policy = AutomaticSnapshots.usual();

  private static Snapshot automatic(Instant time) {
    return new Snapshot("1", AutomaticSnapshots.name(time), time, 0, 1);
  }

  @Test
  void theNextIsDueAfterTheInterval() {
    List<Snapshot> present = List.of(automatic(START));
    assertThat(policy.due(List.of(), START)).isTrue();
    assertThat(policy.due(present, START.plus(Duration.ofMinutes(9)))).isFalse();
    assertThat(policy.due(present, START.plus(Duration.ofMinutes(10)))).isTrue();
    assertThat(policy.due(present, START.minus(Duration.ofHours(2)))).isTrue();
    assertThat(policy.due(List.of(new Snapshot("1", "mine", START, 0, 1)), START)).isTrue();
  }

  @Test
  void aFortnightOfSavingKeepsAHandfulThatGetsThinnerWithAge() {
    List<Snapshot> present = new ArrayList<>();
    Snapshot mine = new Snapshot("2", "before the installation", START, 0, 1);
    present.add(mine);
    Instant now = START;
    for (; now.isBefore(START.plus(Duration.ofDays(14))); now = now.plusSeconds(60)) {
      if (policy.due(present, now)) {
        present.add(automatic(now));
        present.removeAll(policy.surplus(present, now));
      }
      assertThat(present.size()).isLessThan(42);
    }
    Instant end = now;
    assertThat(present).contains(mine);
    present.remove(mine);
    assertThat(within(present, end, Duration.ofHours(1))).isBetween(5L, 8L);
    assertThat(within(present, end, Duration.ofDays(1))).isBetween(27L, 33L);
    assertThat(within(present, end, Duration.ofDays(8))).isEqualTo(present.size());
    assertThat(present.size()).isBetween(33, 40);
  }

  private static long within(List<Snapshot> all, Instant now, Duration age) {
    return all.stream().filter(s -> !s.time().isBefore(now.minus(age))).count();
  }

  @Test
  void theYoungestStaysHoweverOldItIs() {
    Snapshot old = automatic(START);
    Snapshot older = automatic(START.minusSeconds(3600));
    assertThat(policy.surplus(List.of(old, older), START.plus(Duration.ofDays(100))))
        .containsExactly(older);
  }

  @Test
  void tiersGrowOlder() {
    assertThatThrownBy(
            () ->
                new AutomaticSnapshots(
                    Duration.ofMinutes(1),
                    List.of(
                        new AutomaticSnapshots.Tier(Duration.ofDays(1), Duration.ofHours(1)),
                        new AutomaticSnapshots.Tier(Duration.ofHours(1), Duration.ofMinutes(1)))))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
