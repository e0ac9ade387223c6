package io.satchel.app.library;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.satchel.app.common.JsonFile;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.MachineFile.Disk;
import io.satchel.app.open.Session;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenOptions.BackingPolicy;
import io.satchel.image.OpenedImage;
import io.satchel.image.Progress;
import io.satchel.vm.api.MachineConfig.BootDevice;
import io.satchel.vm.api.MachineConfig.Speed;
import io.satchel.vm.api.MachineEvents;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.LocalDateTime;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Machines that are kept: their files, their disks' layers, and what happens to both. */
class LibraryTest {

  private static final int PLACE = 4096;

  @TempDir private Path folder;
  private Path image;
  private Library library;

  @BeforeEach
  void anImageOutsideOfTheLibrary() throws IOException {
    Path downloads = Files.createDirectory(folder.resolve("downloads"));
    byte[] disk = new byte[1 << 20];
    disk[PLACE] = 'o';
    image = Files.write(downloads.resolve("old.img"), disk);
    library = new Library(new DataFolder(folder.resolve("data"), true));
  }

  private Entry added(String name) throws IOException {
    return library.adopt(MachineFile.named(name, 32, "486"), image);
  }

  /** Runs a machine that writes one byte, up to the question what is to become of it. */
  private MachineRun run(Entry entry, char written) throws IOException {
    MachineRun run = MachineRun.prepare(library, library.read(entry.folder()));
    Session.open(run.request(), run.slots(), new MachineEvents() {}).close();
    Path layer = run.slots().getFirst().file();
    try (OpenedImage disk =
        Images.open(layer, OpenOptions.forWriting().withBacking(BackingPolicy.ANYWHERE))) {
      disk.device().write(PLACE, ByteBuffer.wrap(new byte[] {(byte) written}));
      disk.device().flush();
    }
    return run;
  }

  private char seen(Entry entry) throws IOException {
    Entry now = library.read(entry.folder());
    ByteBuffer one = ByteBuffer.allocate(1);
    try (OpenedImage disk = Library.open(now, now.machine().disks().getFirst())) {
      disk.device().read(PLACE, one);
    }
    return (char) one.get(0);
  }

  @Test
  void whatIsSavedIsReadAgain() throws IOException {
    MachineFile whole =
        MachineFile.named("Büro 老电脑", 128, "pentium2")
            .withPreset("windows-98")
            .withDisks(List.of(Disk.of("a.qcow2", 0), Disk.of("b.img", 3)))
            .withMedia("cd.iso", "a.img", null)
            .withBoot(List.of(BootDevice.CD), BootDevice.FLOPPY, true)
            .withDate(LocalDateTime.parse("1999-12-31T23:59"))
            .withSpeed(Speed.I486)
            .withNotes("two\nlines");
    Path home = library.newFolder(whole.name());
    MachineFile read = library.save(home, whole).machine();
    assertThat(read.withTimes(null, null)).isEqualTo(whole);
    assertThat(Files.readString(home.resolve("machine.json")))
        .contains("\"version\" : 1", "\"name\" : \"Büro 老电脑\"", "1999-12-31T23:59");
  }

  @Test
  void aFileThatLeavesFieldsOutGetsTheUsualOnes() throws IOException {
    Path home = library.newFolder("short");
    Files.writeString(
        home.resolve("machine.json"), "{\"version\": 1, \"name\": \"Short\", \"memoryMib\": 16}");
    MachineFile read = library.read(home).machine();
    assertThat(read.processor()).isEqualTo("pentium3");
    assertThat(read.bootOrder()).hasSize(3);
    assertThat(read.speed()).isEqualTo(Speed.FULL);
    assertThat(read.mistakes()).isEmpty();
  }

  @Test
  void thePreviousFileIsKeptAndComesBack() throws IOException {
    Entry entry = added("First");
    library.rename(entry, "Second");
    Files.writeString(entry.json(), "{ broken");
    Entry broken = library.read(entry.folder());
    assertThat(broken.file()).isNull();
    assertThat(broken.problem()).contains("machine.json", "not whole");
    assertThat(library.restorePrevious(broken).name()).isEqualTo("First");
    assertThat(library.read(entry.folder()).name()).isEqualTo("First");
  }

  @Test
  void aNewerFileIsLeftAloneAndSaidToBeNewer() throws IOException {
    Entry entry = added("Future");
    String newer = Files.readString(entry.json()).replace("\"version\" : 1", "\"version\" : 7");
    Files.writeString(entry.json(), newer);
    assertThat(library.read(entry.folder()).problem()).contains("newer Satchel", "version 7");
    assertThat(Files.readString(entry.json())).isEqualTo(newer);
  }

  @Test
  void aFieldThatIsNotKnownIsSaidAndNotDropped() throws IOException {
    Entry entry = added("Typo");
    Files.writeString(
        entry.json(), Files.readString(entry.json()).replace("memoryMib", "memoryMb"));
    assertThat(library.read(entry.folder()).problem()).contains("memoryMb");
  }

  @Test
  void theAddedImageIsNeverWrittenTo() throws IOException {
    byte[] before = Files.readAllBytes(image);
    Entry entry = added("Downloaded");
    run(entry, '1').keep(Progress.NONE);
    run(entry, '2').keep(Progress.NONE);
    assertThat(seen(entry)).isEqualTo('2');
    assertThat(Files.readAllBytes(image)).isEqualTo(before);
  }

  @Test
  void aRunThatIsThrownAwayLeavesWhatEarlierRunsKept() throws IOException {
    Entry entry = added("Careful");
    run(entry, '1').keep(Progress.NONE);
    run(entry, '2').discard();
    assertThat(seen(entry)).isEqualTo('1');
    assertThat(MachineRun.interrupted(library.read(entry.folder()))).isFalse();
  }

  @Test
  void whatAKilledRunWroteIsThereAtTheNextStart() throws IOException {
    Entry entry = added("Killed");
    run(entry, '1');
    // Another program's number, as after a kill: this program's own would mean that it still runs.
    Path marker = entry.folder().resolve("running.json");
    JsonFile.write(marker, new MachineRun.Marker(1, Integer.MAX_VALUE, null, false, null));
    Entry found = library.read(entry.folder());
    assertThat(MachineRun.interrupted(found)).isTrue();
    assertThat(seen(found)).as("still apart").isEqualTo('o');
    MachineRun.prepare(library, found).keep(Progress.NONE);
    assertThat(seen(found)).isEqualTo('1');
    assertThat(MachineRun.interrupted(library.read(entry.folder()))).isFalse();
  }

  @Test
  void aMachineThatRunsInAnotherProgramIsNotStarted() throws IOException {
    Entry entry = added("Taken");
    ProcessHandle other = ProcessHandle.allProcesses().findFirst().orElseThrow();
    JsonFile.write(
        entry.folder().resolve("running.json"),
        new MachineRun.Marker(
            1, other.pid(), other.info().startInstant().orElse(null), false, null));
    assertThatThrownBy(() -> MachineRun.prepare(library, entry))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("another window");
  }

  @Test
  void aBranchBeginsWhereItsOriginalIsAndBothGoOnApart() throws IOException {
    Entry original = added("Original");
    run(original, '1').keep(Progress.NONE);
    Entry branch = library.duplicateAsOverlay(library.read(original.folder()), "Branch");
    assertThat(seen(branch)).isEqualTo('1');
    run(branch, '2').keep(Progress.NONE);
    run(original, '3').keep(Progress.NONE);
    assertThat(seen(branch)).isEqualTo('2');
    assertThat(seen(original)).isEqualTo('3');
    assertThatThrownBy(() -> library.remove(library.read(original.folder())))
        .hasMessageContaining("Branch")
        .hasMessageContaining("nothing was deleted");
    library.remove(branch);
    library.remove(library.read(original.folder()));
    assertThat(library.list()).isEmpty();
    assertThat(image).exists();
  }

  @Test
  void aFullCopyNeedsNothingOfItsOriginal() throws IOException {
    Entry original = added("Original");
    run(original, '1').keep(Progress.NONE);
    Entry copy = library.duplicateInFull(library.read(original.folder()), "Copy", Progress.NONE);
    library.remove(library.read(original.folder()));
    Files.delete(image);
    assertThat(seen(copy)).isEqualTo('1');
    assertThat(Library.outside(copy)).isEmpty();
  }

  @Test
  void aStoppedCopyLeavesNothing() throws IOException {
    Entry original = added("Original");
    assertThatThrownBy(() -> library.duplicateInFull(original, "Copy", (_, _) -> false))
        .isInstanceOf(io.satchel.image.operation.Cancelled.class);
    try (Stream<Path> left = Files.list(library.folder())) {
      assertThat(left).containsExactly(original.folder());
    }
  }

  @Test
  void theWholeFolderCanMove() throws IOException {
    Path inside = Files.createDirectories(library.together().resolve("images"));
    image = Files.move(image, inside.resolve("old.img"));
    Entry original = added("Portable");
    run(original, '1').keep(Progress.NONE);
    library.duplicateAsOverlay(library.read(original.folder()), "Branch");
    Path moved = Files.move(library.together(), folder.resolve("stick"));
    library = new Library(new DataFolder(moved, true));
    assertThat(library.list()).hasSize(2).allMatch(entry -> entry.problem() == null);
    for (Entry entry : library.list()) {
      assertThat(seen(entry)).isEqualTo('1');
    }
  }

  @Test
  void aLayerThatLiesOverAnotherFileIsRefused() throws IOException {
    Entry entry = added("Tricked");
    Path secret = Files.write(folder.resolve("secret.img"), new byte[1 << 20]);
    Path layer = entry.folder().resolve("changes-1.qcow2");
    Files.delete(layer);
    io.satchel.image.Overlay.create(layer, secret);
    assertThatThrownBy(() -> MachineRun.prepare(library, entry))
        .hasMessageContaining("does not lie over");
  }

  @Test
  void missingDisksAreNamed() throws IOException {
    Entry entry = added("Lost");
    Files.move(image, folder.resolve("elsewhere.img"), StandardCopyOption.REPLACE_EXISTING);
    assertThat(library.read(entry.folder()).problem()).contains("old.img");
  }

  @Test
  void removingDeletesTheFolderAndNothingElse() throws IOException {
    Entry entry = added("Gone");
    assertThat(Library.outside(entry)).containsExactly(image);
    library.remove(entry);
    assertThat(entry.folder()).doesNotExist();
    assertThat(image).exists();
  }

  @Test
  void everyFormatIsExportedAndReadBack() throws IOException {
    Entry entry = added("Exported");
    run(entry, '1').keep(Progress.NONE);
    for (String format : Conversion.FORMATS) {
      Path target = folder.resolve("out." + Conversion.extension(format));
      try (OpenedImage source = Library.open(entry, entry.machine().disks().getFirst())) {
        Conversion.run(source, target, format, false, Progress.NONE);
      }
      ByteBuffer one = ByteBuffer.allocate(1);
      try (OpenedImage written = Images.open(target, OpenOptions.readOnly())) {
        assertThat(written.format()).isEqualTo(format);
        written.device().read(PLACE, one);
      }
      assertThat((char) one.get(0)).as(format).isEqualTo('1');
    }
  }

  @Test
  void twoDisksAtOnePlaceAreAMistake() {
    MachineFile file =
        MachineFile.named("Two", 32, "486")
            .withDisks(List.of(Disk.of("a", 0), Disk.of("b", 0), Disk.of("c", 2)));
    assertThat(file.mistakes()).hasSize(2);
    assertThat(file.withDisks(List.of(Disk.of("a", 0))).freeUnit()).isEqualTo(1);
  }

  @Test
  void dataLiesBesideTheProgramWhereThatCanBeWritten() throws IOException {
    Path program = Files.createDirectory(folder.resolve("program"));
    assertThat(DataFolder.locate(program, folder))
        .isEqualTo(new DataFolder(program.resolve("data"), true));
    Path file = Files.write(folder.resolve("no-folder"), new byte[0]);
    DataFolder other = DataFolder.locate(file, folder);
    assertThat(other.portable()).isFalse();
    assertThat(other.path()).isEqualTo(folder.resolve(".satchel"));
  }

  @Test
  void aNewDiskIsWrittenDirectly() throws IOException {
    Path home = library.newFolder("New");
    Images.create(home.resolve("disk-1.qcow2"), "qcow2", 1 << 20, Map.of());
    Entry entry =
        library.save(
            home,
            MachineFile.named("New", 32, "486").withDisks(List.of(Disk.of("disk-1.qcow2", 0))));
    run(entry, '1').keep(Progress.NONE);
    assertThat(seen(entry)).isEqualTo('1');
    assertThat(Library.contents(entry))
        .extracting(path -> path.getFileName().toString())
        .containsExactly("disk-1.qcow2", "machine.json");
  }

  @Test
  void processorsAndSerialNumbersReachTheMachineAndOldFilesHaveOne() throws IOException {
    Entry entry = added("Several");
    Disk disk = entry.machine().disks().getFirst();
    Disk named = new Disk(disk.file(), disk.layers(), 0, false, false, disk.cache(), "WD-1234");
    library.save(entry.folder(), entry.machine().withProcessors(2).withDisks(List.of(named)));
    MachineRun run = MachineRun.prepare(library, library.read(entry.folder()));
    assertThat(run.request().processors()).isEqualTo(2);
    assertThat(run.slots().getFirst().serial()).isEqualTo("WD-1234");
    Session.open(run.request(), run.slots(), new MachineEvents() {}).close();
    run.tidy();
    String before =
        Files.readString(entry.json()).replaceAll("\\s*\"(processors|serial)\"[^\n]*,?", "");
    MachineFile old =
        JsonFile.parse(
            before.replaceAll(",(\\s*[}\\]])", "$1"),
            "old",
            MachineFile.class,
            MachineFile.VERSION);
    assertThat(old.processors()).isEqualTo(1);
    assertThat(old.disks().getFirst().serial()).isNull();
  }
}
