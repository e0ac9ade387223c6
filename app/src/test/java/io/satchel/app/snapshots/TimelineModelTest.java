package io.satchel.app.snapshots;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.app.library.TimelineFile;
import io.satchel.vm.api.Snapshot;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The tree that a person sees. */
class TimelineModelTest {

  private static Snapshot at(String name, long second) {
    return new Snapshot(name, name, Instant.ofEpochSecond(second), 0, 1);
  }

  private static String drawn(TimelineModel model) {
    StringBuilder text = new StringBuilder();
    for (TimelineModel.Node node : model.nodes()) {
      text.append(node.parent() == null ? "" : node.parent())
          .append(">")
          .append(node.snapshot().name())
          .append(node.lane())
          .append(' ');
    }
    return text + ">" + model.now();
  }

  @Test
  void withoutAFileTheSnapshotsAreALineByDate() {
    TimelineModel model =
        TimelineModel.of(List.of(at("c", 3), at("a", 1), at("b", 2)), TimelineFile.empty());
    assertThat(drawn(model)).isEqualTo(">a0 a>b0 b>c0 >c");
    assertThat(model.lanes()).isEqualTo(1);
  }

  @Test
  void aBranchHasALaneOfItsOwnAndTheOneToThePresentIsTheFirst() {
    TimelineFile file =
        TimelineFile.empty().saved("a", "").saved("b", "").wentBackTo("a").saved("c", "");
    TimelineModel model = TimelineModel.of(List.of(at("a", 1), at("b", 2), at("c", 3)), file);
    assertThat(drawn(model)).isEqualTo(">a0 a>b1 a>c0 >c");
    assertThat(model.lanes()).isEqualTo(2);
  }

  @Test
  void whatBeganAtADeletedSnapshotBeginsWhereThatDid() {
    TimelineFile file =
        TimelineFile.empty().saved("a", "").saved("b", "").saved("c", "").deleted("b");
    TimelineModel model = TimelineModel.of(List.of(at("a", 1), at("c", 3)), file);
    assertThat(drawn(model)).isEqualTo(">a0 a>c0 >c");
    assertThat(file.deleted("c").current()).isEqualTo("a");
  }

  @Test
  void oneThatAnotherProgramDeletedOrThatIsYoungerIsNoParent() {
    TimelineFile file =
        TimelineFile.empty().saved("gone", "").saved("b", "").wentBackTo("z").saved("c", "");
    TimelineModel model = TimelineModel.of(List.of(at("b", 2), at("c", 3), at("z", 9)), file);
    assertThat(drawn(model)).isEqualTo(">b0 b>c0 c>z1 >c");
  }

  @Test
  void aBranchGoesOnInItsLane() {
    TimelineFile file =
        TimelineFile.empty()
            .saved("a", "")
            .saved("b", "")
            .saved("c", "")
            .wentBackTo("a")
            .saved("d", "")
            .wentBackTo("a");
    TimelineModel model =
        TimelineModel.of(List.of(at("a", 1), at("b", 2), at("c", 3), at("d", 4)), file);
    assertThat(drawn(model)).isEqualTo(">a0 a>b1 b>c1 a>d2 >a");
  }
}
