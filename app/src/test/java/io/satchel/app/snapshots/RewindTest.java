package io.satchel.app.snapshots;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.app.library.DiskLook;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.TimelineFile;
import io.satchel.image.Answers;
import io.satchel.image.Progress;
import io.satchel.vm.api.Snapshot;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class RewindTest {

  /** A machine that is a number. */
  private static final class Store implements SnapshotStore {
    private final List<Snapshot> saved = new ArrayList<>();
    private TimelineFile file = TimelineFile.empty();
    private long present;

    @Override
    public String name() {
      return "counter";
    }

    @Override
    public @Nullable Entry entry() {
      return null;
    }

    @Override
    public boolean live() {
      return true;
    }

    @Override
    public List<Snapshot> list() {
      return List.copyOf(saved);
    }

    @Override
    public byte @Nullable [] picture(Snapshot snapshot) {
      return null;
    }

    @Override
    public @Nullable Path screen() {
      return null;
    }

    @Override
    public void take(String name, Progress progress) {
      saved.add(new Snapshot("" + saved.size(), name, Instant.EPOCH, present, 1));
    }

    @Override
    public void restore(Snapshot snapshot) {
      present = snapshot.clockNanos();
    }

    @Override
    public void delete(String name) {
      saved.removeIf(each -> each.name().equals(name));
    }

    @Override
    public long taken() {
      return 0;
    }

    @Override
    public TimelineFile file() {
      return file;
    }

    @Override
    public void keep(TimelineFile changed) {
      file = changed;
    }

    @Override
    public List<DiskLook> disks(@Nullable String snapshot) {
      return List.of();
    }

    @Override
    public Answers answers() {
      return Answers.none();
    }

    @Override
    public Map<Integer, Path> layers() {
      return Map.of();
    }
  }

  private final Store store = new Store();
  private final Rewind rewind = new Rewind(store);

  private void run(int seconds) throws IOException {
    for (int i = 0; i < seconds; i++) {
      store.present++;
      rewind.tick(Instant.ofEpochSecond(store.present));
    }
  }

  @Test
  void theRingHoldsTheLastMinutesAndNoMore() throws IOException {
    run(400);
    assertThat(rewind.moments()).hasSize(Rewind.MOST);
    assertThat(rewind.moments().getFirst().clockNanos()).isGreaterThan(200);
    assertThat(new Timeline(store).look().nodes()).as("on the timeline").isEmpty();
  }

  @Test
  void goingBackKeepsThePresentAndForgetsWhatCameAfter() throws IOException {
    new Timeline(store).take("begin", Progress.NONE);
    run(100);
    Snapshot moment = rewind.moments().get(2);
    rewind.goBack(moment, "Before", Progress.NONE);
    assertThat(store.present).isEqualTo(moment.clockNanos());
    assertThat(rewind.moments()).last().isEqualTo(moment);
    TimelineModel model = new Timeline(store).look();
    assertThat(model.nodes())
        .extracting(node -> node.snapshot().name())
        .containsExactly("begin", "Before");
    assertThat(model.node("Before").orElseThrow().snapshot().clockNanos()).isEqualTo(100);
    assertThat(store.file().current()).as("where the present began").isEqualTo("begin");
  }
}
