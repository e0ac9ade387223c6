package io.satchel.app.library;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.satchel.app.library.Library.Entry;
import io.satchel.image.OpenedImage;
import io.satchel.image.Progress;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MachineMoveTest {

  @TempDir private Path folder;
  private Library library = new Library(DataFolder.of(Path.of("")));
  private Entry entry = new Entry(Path.of(""), null, null);

  @BeforeEach
  void aMachineOverAnImageOfTheDataFolder() throws IOException {
    Path data = folder.resolve("data");
    library = new Library(new DataFolder(data, true));
    Path image = Files.createDirectories(data.resolve("images")).resolve("old.img");
    byte[] disk = new byte[1 << 20];
    disk[0] = 'o';
    Files.write(image, disk);
    entry = library.adopt(MachineFile.named("Traveller", 32, "486"), image);
  }

  private static char first(Entry machine) throws IOException {
    try (OpenedImage disk = Library.open(machine, machine.machine().disks().getFirst())) {
      ByteBuffer one = ByteBuffer.allocate(1);
      disk.device().read(0, one);
      return (char) one.get(0);
    }
  }

  private Entry only() throws IOException {
    assertThat(library.list()).hasSize(1);
    return library.list().getFirst();
  }

  @Test
  void aMovedMachineIsListedWhereItIsAndReadsItsDisk() throws IOException {
    Path parent = Files.createDirectory(folder.resolve("stick"));
    Entry moved = MachineMove.run(library, entry, parent, Progress.NONE);
    assertThat(moved.folder()).isEqualTo(parent.resolve("traveller"));
    assertThat(entry.folder()).doesNotExist();
    assertThat(only().problem()).isNull();
    assertThat(first(only())).isEqualTo('o');
    Entry home = MachineMove.run(library, only(), library.folder(), Progress.NONE);
    assertThat(first(home)).isEqualTo('o');
    assertThat(library.places().folders()).isEmpty();
    assertThat(home.machine()).isEqualTo(entry.machine());
  }

  @Test
  void toAnotherDiskItIsCopiedFirst() throws IOException {
    Path memory = Path.of("/dev/shm");
    assumeTrue(Files.isWritable(memory), "/dev/shm is not there");
    assumeTrue(
        !Files.getFileStore(memory).equals(Files.getFileStore(folder)),
        "/dev/shm is the same file system");
    Path parent = Files.createTempDirectory(memory, "satchel");
    try {
      assertThatThrownBy(() -> MachineMove.run(library, entry, parent, (_, _) -> false))
          .isInstanceOf(IOException.class);
      assertThat(parent).as("nothing is left of a move that was stopped").isEmptyDirectory();
      assertThat(first(only())).isEqualTo('o');
      Entry moved = MachineMove.run(library, entry, parent, Progress.NONE);
      assertThat(entry.folder()).doesNotExist();
      assertThat(first(only())).isEqualTo('o');
      library.remove(moved);
      assertThat(library.list()).isEmpty();
    } finally {
      Library.deleteFolder(parent);
    }
  }

  @Test
  void whereSomethingIsOrOthersNeedItNothingIsMoved() throws IOException {
    Path parent = Files.createDirectory(folder.resolve("stick"));
    Files.createDirectory(parent.resolve("traveller"));
    assertThatThrownBy(() -> MachineMove.run(library, entry, parent, Progress.NONE))
        .hasMessageContaining("exists already");
    library.duplicateAsOverlay(entry, "Branch");
    Entry now = library.read(entry.folder());
    assertThatThrownBy(() -> MachineMove.run(library, now, folder.resolve("data"), Progress.NONE))
        .hasMessageContaining("Branch");
    assertThat(first(now)).isEqualTo('o');
  }

  @Test
  void aMachineWhosePlaceIsGoneIsShownAndCanBeForgotten() throws IOException {
    Path parent = Files.createDirectory(folder.resolve("stick"));
    Entry moved = MachineMove.run(library, entry, parent, Progress.NONE);
    Files.move(parent, folder.resolve("unplugged"));
    assertThat(only().problem()).contains("traveller");
    library.remove(moved);
    assertThat(library.list()).isEmpty();
  }
}
