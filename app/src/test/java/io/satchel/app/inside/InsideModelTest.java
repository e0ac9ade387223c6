package io.satchel.app.inside;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.satchel.app.compare.CompareModel;
import io.satchel.app.compare.CompareModel.Difference;
import io.satchel.app.inside.InsideModel.Place;
import io.satchel.app.library.DiskLook;
import io.satchel.image.Progress;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.fs.FileSystem.Entry;
import io.satchel.image.fs.IsoBuilder;
import io.satchel.image.operation.Cancelled;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The files on a disk, copied out and compared. */
class InsideModelTest {

  private static final Instant THEN = Instant.ofEpochSecond(946684740);

  @TempDir private Path folder;
  private Path tree;

  @BeforeEach
  void someFiles() throws IOException {
    tree = Files.createDirectory(folder.resolve("tree"));
    Files.createDirectory(tree.resolve("sub"));
    Files.writeString(tree.resolve("sub").resolve("inner.txt"), "inner");
    Files.writeString(tree.resolve("b.txt"), "text of b");
  }

  private DiskLook disc(String name) throws IOException {
    Path file = folder.resolve(name);
    try (BlockDevice built = IsoBuilder.of("DISC", List.of(tree), THEN)) {
      ByteBuffer bytes = ByteBuffer.allocate((int) built.size());
      built.read(0, bytes);
      Files.write(file, bytes.array());
    }
    return DiskLook.of(file);
  }

  @Test
  void foldersComeFirstAndAreCopiedWithAllThatIsInThem() throws IOException {
    InsideModel model = new InsideModel(List.of(disc("a.iso")));
    Place place = model.places().getFirst();
    assertThat(place.title()).isEqualTo("ISO 9660 DISC");
    List<Entry> entries = model.list(place, "/tree");
    assertThat(entries).extracting(Entry::name).containsExactly("sub", "b.txt");
    Path out = Files.createDirectory(folder.resolve("out"));
    InsideModel.Copied copied = model.copyOut(place, "/tree", entries, out, Progress.NONE);
    assertThat(copied).isEqualTo(new InsideModel.Copied(2, 14));
    assertThat(out.resolve("sub").resolve("inner.txt")).hasContent("inner");
    assertThat(out.resolve("b.txt")).hasContent("text of b");
  }

  @Test
  void nothingThatIsThereIsReplacedAndAStoppedCopyLeavesNoHalfFile() throws IOException {
    InsideModel model = new InsideModel(List.of(disc("a.iso")));
    Place place = model.places().getFirst();
    List<Entry> file = model.list(place, "/tree").subList(1, 2);
    Path out = Files.createDirectory(folder.resolve("out"));
    assertThatThrownBy(() -> model.copyOut(place, "/tree", file, out, (_, _) -> false))
        .isInstanceOf(Cancelled.class);
    assertThat(out.resolve("b.txt")).doesNotExist();
    Files.writeString(out.resolve("b.txt"), "mine");
    assertThatThrownBy(() -> model.copyOut(place, "/tree", file, out, Progress.NONE))
        .isInstanceOf(FileAlreadyExistsException.class);
    assertThat(out.resolve("b.txt")).hasContent("mine");
  }

  @Test
  void whatWasAddedChangedAndRemovedIsFound() throws IOException {
    final DiskLook older = disc("a.iso");
    Files.delete(tree.resolve("sub").resolve("inner.txt"));
    Files.writeString(tree.resolve("sub").resolve("other.txt"), "other");
    Files.writeString(tree.resolve("b.txt"), "a longer text of b");
    DiskLook newer = disc("b.iso");
    assertThat(CompareModel.run(List.of(older), List.of(newer), Progress.NONE).differences())
        .extracting(difference -> difference.kind() + " " + difference.path())
        .containsExactlyInAnyOrder(
            "REMOVED /tree/sub/inner.txt", "ADDED /tree/sub/other.txt", "CHANGED /tree/b.txt");
    assertThat(CompareModel.run(List.of(older), List.of(older), Progress.NONE).differences())
        .isEmpty();
    assertThat(CompareModel.run(List.of(), List.of(older), Progress.NONE).differences())
        .extracting(Difference::kind)
        .containsOnly(CompareModel.Kind.ADDED)
        .hasSize(4);
  }
}
