package io.satchel.image.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.QemuImg;
import io.satchel.image.file.StorageEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The steps inside a format, by blkdebug's names: what fails there, and what is left then. */
class IoEventsTest {
  /** Steps that this story takes in neither program, or that only need the next request. */
  private static final Set<StorageEvent> NOT_IN_THE_STORY =
      EnumSet.of(
          StorageEvent.READ_BACKING_AIO,
          StorageEvent.REFTABLE_UPDATE,
          StorageEvent.REFBLOCK_ALLOC_WRITE_BLOCKS,
          StorageEvent.REFBLOCK_ALLOC_WRITE_TABLE,
          StorageEvent.REFBLOCK_ALLOC_SWITCH_TABLE,
          StorageEvent.VMSTATE_LOAD,
          StorageEvent.VMSTATE_SAVE,
          StorageEvent.EMPTY_IMAGE_PREPARE);

  private static final List<String> STORY =
      List.of(
          "read -P 1 0 8k",
          "write -P 2 1M 64k",
          "write -P 3 20k 100",
          "write -P 4 2000100 100",
          "write -P 7 4194404 2k",
          "flush",
          "write -c -P 5 3M 512",
          "read 3M 512",
          "discard 32k 8k",
          "truncate 40M",
          "write -P 6 30M 1M",
          "flush");

  @TempDir Path folder;
  private Path made;

  @BeforeEach
  void anImageWithASnapshotOverAnother() {
    QemuImg.needs("qemu-io");
    Path below = folder.resolve("below");
    made = folder.resolve("made");
    QemuImg.ok("create", "-q", "-f", "qcow2", below, "8M");
    QemuImg.io(below, "write -q -P 9 4M 1M");
    String how = "cluster_size=512";
    QemuImg.ok("create", "-q", "-f", "qcow2", "-b", below, "-F", "qcow2", "-o", how, made, "8M");
    QemuImg.io(made, "write -q -P 1 0 64k");
    QemuImg.ok("snapshot", "-c", "s", made);
  }

  private static Stream<StorageEvent> steps() {
    return EnumSet.complementOf(EnumSet.copyOf(NOT_IN_THE_STORY)).stream();
  }

  private static List<String> words(List<String> story, Path file, String rules) {
    List<String> words = new ArrayList<>(List.of("--image-opts"));
    for (String each : story) {
      words.addAll(List.of("-c", each));
    }
    words.add("driver=qcow2,file.driver=blkdebug,file.image.filename=" + file + "," + rules);
    return words;
  }

  private Path copy(String name) throws IOException {
    return Files.copy(made, folder.resolve(name), StandardCopyOption.REPLACE_EXISTING);
  }

  /** One error at each step: it is told, and nothing that was there before is lost. */
  @ParameterizedTest
  @MethodSource("steps")
  void anErrorAtAStepIsToldAndLosesNothing(StorageEvent step) throws IOException {
    String rule =
        "file.inject-error.0.event="
            + step.word()
            + ",file.inject-error.0.errno=28,file.inject-error.0.once=on";
    Path theirs = copy("theirs");
    String reference = IoOracleTest.reference(words(STORY, theirs, rule));
    assertThat(reference).as("qemu-io takes this step too").endsWith("|1");
    Path ours = copy("ours");
    String said = IoOracleTest.run(words(STORY, ours, rule));
    assertThat(said).endsWith("|1").contains("No space left on device");
    QemuImg.io(ours, "read -P 1 0 8k", "read -P 9 4195k 1k", "read -P 1 40k 24k");
    int leaks = QemuImg.run("check", ours).status();
    if (step == StorageEvent.L1_GROW_ACTIVATE_TABLE) {
      // Whether the header names the new table already is not known then: it has to stay.
      assertThat(leaks).isEqualTo(3);
    } else {
      assertThat(leaks).as("what qemu-img check says").isZero();
    }
    QemuImg.ok("snapshot", "-a", "s", ours);
    QemuImg.io(ours, "read -P 1 0 64k", "write -P 8 0 1M", "read -P 8 0 1M");
  }

  @Test
  void withoutARuleTheStoryTakesAllTheseSteps() throws IOException {
    Path ours = copy("ours");
    List<String> traced = new ArrayList<>(List.of("-T", "*"));
    traced.addAll(words(STORY, ours, "file.set-state.0.event=none"));
    String said = IoOracleTest.run(traced);
    assertThat(said).endsWith("|0");
    steps().forEach(s -> assertThat(said).containsPattern("(?m)@[0-9]+:" + s.word() + "$"));
    QemuImg.checkClean(ours);
  }

  /** States make rules wait for one another, in both programs alike. */
  @ParameterizedTest
  @CsvSource({
    "l2_load, l2_load, 'read 0 512;read 1M 512;read 0 512'",
    "write_aio, write_aio, 'write 0 512;write 0 512;write 0 512'",
    "flush_to_disk, write_aio, 'write 0 512;flush;write 0 512;write 0 512'",
  })
  void statesFollowEvents(String first, String second, String story) throws IOException {
    String rules =
        ("file.set-state.0.event=%s,file.set-state.0.state=1,file.set-state.0.new_state=2,"
                + "file.inject-error.0.event=%s,file.inject-error.0.state=2,"
                + "file.inject-error.0.once=on")
            .formatted(first, second);
    List<String> commands = List.of(story.split(";"));
    String theirs = IoOracleTest.reference(words(commands, copy("theirs"), rules));
    String ours = IoOracleTest.run(words(commands, copy("ours"), rules));
    assertThat(IoOracleTest.masked(ours)).isEqualTo(IoOracleTest.masked(theirs));
  }

  /** Rules may be held to a sector of the file, or a kind of request. */
  @ParameterizedTest
  @CsvSource({
    "file.inject-error.0.sector=1000000, 0",
    "file.inject-error.0.iotype=flush, 0",
    "file.inject-error.0.iotype=read, 1",
  })
  void rulesMayBeHeldToAPlace(String more, int status) throws IOException {
    String rules = "file.inject-error.0.event=read_aio," + more;
    List<String> story = List.of("read 0 512");
    assertThat(IoOracleTest.reference(words(story, copy("theirs"), rules))).endsWith("|" + status);
    assertThat(IoOracleTest.run(words(story, copy("ours"), rules))).endsWith("|" + status);
  }

  @Test
  void anEventThatNobodyKnowsIsRefused() throws IOException {
    String rules = "file.inject-error.0.event=bogus";
    assertThat(IoOracleTest.reference(words(STORY, copy("theirs"), rules))).endsWith("|1");
    assertThat(IoOracleTest.run(words(STORY, copy("ours"), rules)))
        .endsWith("|1")
        .contains("knows no event 'bogus'");
  }

  @Test
  void tracedEventsArePrintedAndOthersDoNotExist() throws IOException {
    Path ours = copy("ours");
    String said =
        IoOracleTest.run(
            List.of("-T", "l2_*", "-T", "qcow2_writev_start_req", "-c", "read 0 1", "" + ours));
    assertThat(said).containsPattern("(?m)^[0-9]+@[0-9]+:l2_load$").doesNotContain("read_aio");
    assertThat(said).contains("trace event 'qcow2_writev_start_req' does not exist").endsWith("|0");
  }
}
