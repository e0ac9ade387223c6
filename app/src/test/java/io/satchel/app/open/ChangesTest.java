package io.satchel.app.open;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.satchel.image.Answers;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.Overlay;
import io.satchel.image.Progress;
import io.satchel.image.format.qcow2.SnapshotInfo;
import io.satchel.vm.api.MachineConfig.Clock;
import io.satchel.vm.api.MachineConfig.Speed;
import io.satchel.vm.api.MachineEvents;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChangesTest {

  @TempDir private Path folder;
  private Path image = Path.of("");
  private Path kept = Path.of("");
  private Path layer = Path.of("");

  @BeforeEach
  void makeAnImage() throws IOException {
    image = folder.resolve("disk.img");
    byte[] disk = new byte[64 * 1024];
    Arrays.fill(disk, (byte) 'o');
    disk[510] = 0x55;
    disk[511] = (byte) 0xAA;
    Files.write(image, disk);
    kept = folder.resolve("disk.img.changes.qcow2");
    layer = folder.resolve("disk.img.run.qcow2");
  }

  private Changes run(char written) throws IOException {
    Changes changes = Changes.prepare(RunRequest.of(image), folder);
    Path overlay = changes.request().overlay();
    assertThat(overlay).isNotNull();
    try (Session session = Session.open(changes.request(), new MachineEvents() {})) {
      assertThat(session.request()).isEqualTo(changes.request());
    }
    try (OpenedImage disk = Images.open(overlay, Overlay.openOptions())) {
      disk.device().write(4096, ByteBuffer.wrap(new byte[] {(byte) written}));
      disk.device().flush();
    }
    return changes;
  }

  /** What a machine would read where {@link #run} wrote. */
  private char seen() throws IOException {
    Path top = Files.exists(layer) ? layer : Files.exists(kept) ? kept : image;
    ByteBuffer one = ByteBuffer.allocate(1);
    try (OpenedImage disk =
        top.equals(image)
            ? Images.open(image, OpenOptions.readOnly())
            : Images.open(top, Overlay.openOptions())) {
      disk.device().read(4096, one);
    }
    return (char) one.get(0);
  }

  @Test
  void thrownAwayIsGone() throws IOException {
    run('1').discard();
    assertThat(kept).doesNotExist();
    assertThat(seen()).isEqualTo('o');
  }

  @Test
  void aLaterRunThatIsThrownAwayLeavesWhatWasKept() throws IOException {
    run('1').keep(Progress.NONE);
    Changes second = run('2');
    assertThat(second.layered()).isTrue();
    second.discard();
    assertThat(layer).doesNotExist();
    assertThat(seen()).isEqualTo('1');
    run('3').keep(Progress.NONE);
    assertThat(layer).doesNotExist();
    assertThat(seen()).isEqualTo('3');
  }

  @Test
  void whatACrashLeftIsGoneOnFromAndNotTidiedAway() throws IOException {
    run('1');
    assertThat(seen()).as("crash in the first run").isEqualTo('1');
    run('2');
    Changes afterCrash = Changes.prepare(RunRequest.of(image), folder);
    afterCrash.tidy();
    assertThat(seen()).as("crash in a later run").isEqualTo('2');
    afterCrash.keep(Progress.NONE);
    assertThat(seen()).isEqualTo('2');
  }

  @Test
  void aRunWithoutAWriteLeavesNoFile() throws IOException {
    Changes changes = Changes.prepare(RunRequest.of(image), folder);
    Session.open(changes.request(), new MachineEvents() {}).close();
    changes.tidy();
    assertThat(kept).doesNotExist();
    assertThat(layer).doesNotExist();
  }

  private static void snapshot(Path file, String name) throws IOException {
    try (OpenedImage disk = Images.open(file, Overlay.openOptions())) {
      Objects.requireNonNull(Images.qcow2(disk.device()))
          .snapshots()
          .create(name, Instant.EPOCH, 0, 0);
    }
  }

  private List<String> snapshots() throws IOException {
    return Layers.snapshots(kept).stream().map(SnapshotInfo::name).toList();
  }

  @Test
  void theSnapshotsOfALaterRunStayWhenItIsKept() throws IOException {
    run('1').keep(Progress.NONE);
    Changes second = run('2');
    snapshot(layer, "two");
    second.keep(Progress.NONE);
    assertThat(layer).doesNotExist();
    assertThat(seen()).isEqualTo('2');
    assertThat(snapshots()).containsExactly("two");
    Changes third = run('3');
    assertThat(third.layered()).isTrue();
    snapshot(kept, "three");
    third.keep(Progress.NONE);
    assertThat(seen()).isEqualTo('3');
    assertThat(snapshots()).containsExactly("two", "three");
    run('4').discard();
    assertThat(seen()).isEqualTo('3');
    assertThat(snapshots()).containsExactly("two", "three");
  }

  @Test
  void theSnapshotsOfARunThatWroteNothingStay() throws IOException {
    Changes first = Changes.prepare(RunRequest.of(image), folder);
    Session.open(first.request(), new MachineEvents() {}).close();
    snapshot(kept, "one");
    first.tidy();
    assertThat(snapshots()).containsExactly("one");
    Changes second = Changes.prepare(RunRequest.of(image), folder);
    second.tidy();
    assertThat(snapshots()).containsExactly("one");
  }

  /** What a kill leaves at each step of making the layer what is kept. */
  @Test
  void aKillWhileALayerTakesThePlaceLosesNothing() throws IOException {
    run('1').keep(Progress.NONE);
    run('2');
    snapshot(layer, "two");
    Path below = folder.resolve("disk.img.changes-1.qcow2");
    Files.createLink(below, kept);
    assertThat(seen()).as("killed after the second name").isEqualTo('2');
    Layers.rename(layer, Overlay.nameFor(layer, below));
    assertThat(seen()).as("killed after the layer knows it").isEqualTo('2');
    Changes afterwards = Changes.prepare(RunRequest.of(image), folder);
    Session.open(afterwards.request(), new MachineEvents() {}).close();
    afterwards.keep(Progress.NONE);
    assertThat(seen()).isEqualTo('2');
    assertThat(snapshots()).containsExactly("two");
  }

  @Test
  void thePickedFileNeverChanges() throws IOException {
    byte[] before = Files.readAllBytes(image);
    run('1').keep(Progress.NONE);
    run('2').keep(Progress.NONE);
    assertThat(Files.readAllBytes(image)).isEqualTo(before);
  }

  @Test
  void aFailedStartLeavesNothingBehind() throws IOException {
    Path bios = Files.write(folder.resolve("bios.bin"), new byte[0]);
    RunRequest request =
        new RunRequest(
            image,
            List.of(),
            null,
            List.of(),
            64,
            "pentium3",
            List.of(),
            false,
            null,
            "",
            null,
            bios,
            null,
            null,
            false,
            Clock.HOST,
            null,
            false,
            1,
            Speed.FULL,
            null,
            null,
            Answers.none());
    Changes changes = Changes.prepare(request, folder);
    assertThatThrownBy(() -> Session.open(changes.request(), new MachineEvents() {}))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("bios.bin");
    assertThat(kept).doesNotExist();
  }

  @Test
  void recentImagesAreTheNewestFirstAndOnlyThoseThatExist() throws IOException {
    RecentImages recent = new RecentImages(folder.resolve("some").resolve("recent.txt"));
    assertThat(recent.list()).isEmpty();
    Path other = Files.write(folder.resolve("other.img"), new byte[] {1});
    recent.add(image);
    recent.add(other);
    recent.add(image);
    assertThat(recent.list()).containsExactly(image, other);
    Files.delete(other);
    assertThat(recent.list()).containsExactly(image);
  }
}
