package io.satchel.vm.machine;

import static io.satchel.vm.machine.SnapshotRig.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.satchel.image.Images;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.format.qcow2.Qcow2Device;
import io.satchel.vm.api.MachineConfig;
import io.satchel.vm.api.MachineConfig.Clock;
import io.satchel.vm.api.MachineConfig.Drive;
import io.satchel.vm.api.MachineConfig.DriveKind;
import io.satchel.vm.api.MachineEvents;
import io.satchel.vm.api.MachineState;
import io.satchel.vm.api.Saving;
import io.satchel.vm.api.Snapshot;
import io.satchel.vm.api.SnapshotException;
import io.satchel.vm.host.MemoryDisk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Saving and restoring a running machine: what comes of it, and what is refused. */
class SnapshotControlTests {

  /** Counts in the doubleword at 7E00h for ever. */
  private static final String COUNTER = "FA 66FF06007E EBF9";

  private static final int COUNT = 0x7E00;
  private static final int DISK = 8 << 20;

  @TempDir private Path folder;

  private static MemoryDisk writeProtected(String hex) {
    MemoryDisk floppy = new MemoryDisk(1_474_560, true);
    byte[] sector = BootRig.floppy(hex).bytes;
    System.arraycopy(sector, 0, floppy.bytes, 0, 512);
    return floppy;
  }

  private static MachineConfig counter(BlockDevice... disks) {
    List<Drive> drives = new ArrayList<>();
    drives.add(new Drive(DriveKind.FLOPPY, 0, writeProtected(COUNTER)));
    for (int i = 0; i < disks.length; i++) {
      drives.add(new Drive(DriveKind.HARD_DISK, i, disks[i]));
    }
    return BootRig.config().withClock(Clock.HOST).withDrives(drives);
  }

  private BlockDevice disk(String name) throws IOException {
    Path file = folder.resolve(name);
    return SnapshotRig.open(Files.exists(file) ? file : SnapshotRig.scratch(folder, name, DISK));
  }

  private static int count(SnapshotRig rig) {
    return rig.machine.board().memory().memory().read32(COUNT);
  }

  private static void run(SnapshotRig rig) throws Exception {
    rig.machine.start();
    int first = waitFor(rig, 0);
    waitFor(rig, first);
  }

  /** Waits until the counter is past a value; gives what it is then. */
  private static int waitFor(SnapshotRig rig, int value) throws Exception {
    long end = System.nanoTime() + 60_000_000_000L;
    while (count(rig) <= value) {
      assertThat(System.nanoTime()).as("the guest counts").isLessThan(end);
      Thread.sleep(1);
    }
    return count(rig);
  }

  private static SnapshotException refusal(CompletableFuture<?> future) throws Exception {
    try {
      await(future);
    } catch (ExecutionException e) {
      assertThat(e.getCause()).isInstanceOf(SnapshotException.class);
      return (SnapshotException) e.getCause();
    }
    throw new AssertionError("it was not refused");
  }

  private static void write(BlockDevice disk, int value) throws IOException {
    byte[] bytes = new byte[DISK];
    Arrays.fill(bytes, (byte) value);
    disk.write(0, ByteBuffer.wrap(bytes));
    disk.flush();
  }

  private static int read(BlockDevice disk) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(DISK);
    disk.read(0, bytes);
    byte[] expected = new byte[DISK];
    Arrays.fill(expected, bytes.get(0));
    assertThat(Arrays.equals(bytes.array(), expected)).isTrue();
    return bytes.get(0);
  }

  @Test
  void aRunningMachineGoesBackToWhatItWas() throws Exception {
    BlockDevice disk = disk("a.qcow2");
    BlockDevice second = disk("b.qcow2");
    write(disk, 1);
    write(second, 2);
    try (SnapshotRig rig = new SnapshotRig(counter(disk, second))) {
      run(rig);
      Saving saving = rig.machine.save("first");
      Saving.Saved saved = await(saving.done());
      assertThat(saving.progress()).isEqualTo(1.0);
      assertThat(saved.snapshot().name()).isEqualTo("first");
      assertThat(saved.stoppedNanos()).isPositive().isLessThan(saved.nanos());
      write(disk, 3);
      write(second, 4);
      int later = waitFor(rig, count(rig));
      await(rig.machine.save("second").done());
      assertThat(await(rig.machine.snapshots()))
          .extracting(Snapshot::name)
          .containsExactly("first", "second");
      await(rig.machine.restore("first"));
      assertThat(read(disk)).isEqualTo(1);
      assertThat(read(second)).isEqualTo(2);
      // It runs on from there; the second moment comes again, by itself.
      waitFor(rig, later);
      await(rig.machine.restore("second"));
      assertThat(read(disk)).isEqualTo(3);
      assertThat(read(second)).isEqualTo(4);
      assertThat(count(rig)).isGreaterThanOrEqualTo(later);
      assertThat(rig.machine.state()).isEqualTo(MachineState.RUNNING);
      await(rig.machine.deleteSnapshot("first"));
      assertThat(await(rig.machine.snapshots()))
          .extracting(Snapshot::name)
          .containsExactly("second");
      assertThat(((Qcow2Device) second).snapshots().list()).hasSize(1);
    }
    for (String name : List.of("a.qcow2", "b.qcow2")) {
      try (BlockDevice again = disk(name)) {
        assertThat(((Qcow2Device) again).check(false, false).messages()).isEmpty();
      }
    }
  }

  @Test
  void aPausedMachineIsSavedAndRestoredAndStaysPaused() throws Exception {
    try (SnapshotRig rig = new SnapshotRig(counter(disk("a.qcow2")))) {
      run(rig);
      rig.machine.pause();
      await(rig.machine.save("paused").done());
      int saved = count(rig);
      rig.machine.resume();
      waitFor(rig, saved);
      rig.machine.pause();
      await(rig.machine.restore("paused"));
      assertThat(count(rig)).isEqualTo(saved);
      Thread.sleep(20);
      assertThat(count(rig)).isEqualTo(saved);
      assertThat(rig.machine.state()).isEqualTo(MachineState.PAUSED);
      rig.machine.resume();
      waitFor(rig, saved);
    }
  }

  @Test
  void aNewMachineStartsFromASnapshot() throws Exception {
    int saved;
    try (SnapshotRig rig = new SnapshotRig(counter(disk("a.qcow2")))) {
      run(rig);
      rig.machine.pause();
      await(rig.machine.save("here").done());
      saved = count(rig);
    }
    try (SnapshotRig rig = new SnapshotRig(counter(disk("a.qcow2")))) {
      await(rig.machine.restore("here"));
      assertThat(rig.machine.state()).isEqualTo(MachineState.OFF);
      assertThat(count(rig)).isEqualTo(saved);
      rig.machine.start();
      waitFor(rig, saved);
    }
  }

  @Test
  void qemuImgListsIt() throws Exception {
    assumeTrue(Files.exists(Path.of("/usr/bin/qemu-img")), "needs qemu-img");
    try (SnapshotRig rig = new SnapshotRig(counter(disk("a.qcow2")))) {
      run(rig);
      await(rig.machine.save("for qemu-img").done());
    }
    Path file = folder.resolve("a.qcow2");
    assertThat(run("qemu-img", "snapshot", "-l", file.toString()))
        .containsPattern("for qemu-img +[0-9.]+ KiB 20[0-9-]+ [0-9:]+ +00:00:");
    assertThat(run("qemu-img", "check", file.toString())).contains("No errors");
    run("qemu-img", "snapshot", "-a", "for qemu-img", file.toString());
    assertThat(run("qemu-img", "check", file.toString())).contains("No errors");
  }

  private static String run(String... line) throws Exception {
    Process process = new ProcessBuilder(line).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(said).isZero();
    return said;
  }

  @Test
  void itsPictureIsReadFromTheImageAlone() throws Exception {
    try (SnapshotRig rig = new SnapshotRig(counter(disk("a.qcow2")))) {
      run(rig);
      await(rig.machine.save("seen").done());
      byte[] picture = await(rig.machine.snapshotPicture("seen"));
      assertThat(picture).startsWith(0x89, 'P', 'N', 'G');
    }
    try (BlockDevice disk = disk("a.qcow2")) {
      Qcow2Device image = (Qcow2Device) disk;
      assertThat(SavedMachines.list(image)).hasSize(1);
      byte[] picture = SavedMachines.picture(image, "seen");
      assertThat(picture).startsWith(0x89, 'P', 'N', 'G');
      ByteBuffer size = ByteBuffer.wrap(picture);
      assertThat(size.getInt(16)).as("width").isBetween(200, 320);
      assertThat(size.getInt(20)).as("height").isBetween(100, 240);
    }
  }

  @Test
  void aCancelledSaveLeavesNothing() throws Exception {
    try (SnapshotRig rig = new SnapshotRig(counter(disk("a.qcow2")))) {
      run(rig);
      Saving saving = rig.machine.save("never");
      saving.cancel();
      assertThatThrownBy(() -> await(saving.done()))
          .satisfies(
              e ->
                  assertThat(e instanceof ExecutionException ? e.getCause() : e)
                      .isInstanceOf(CancellationException.class));
      assertThat(await(rig.machine.snapshots())).isEmpty();
      waitFor(rig, count(rig));
      await(rig.machine.save("next").done());
    }
    try (BlockDevice disk = disk("a.qcow2")) {
      assertThat(((Qcow2Device) disk).check(false, false).messages()).isEmpty();
    }
  }

  @Test
  void closingTheMachineGivesASaveUp() throws Exception {
    Saving saving;
    try (SnapshotRig rig = new SnapshotRig(counter(disk("a.qcow2")))) {
      run(rig);
      saving = rig.machine.save("perhaps");
    }
    assertThat(saving.done()).isDone();
    try (BlockDevice disk = disk("a.qcow2")) {
      assertThat(((Qcow2Device) disk).check(false, false).messages()).isEmpty();
    }
  }

  @Test
  void aDiskThatCannotHoldASnapshotIsNamedWithTheRemedy() throws Exception {
    try (SnapshotRig rig = new SnapshotRig(counter(disk("a.qcow2"), new MemoryDisk(DISK, false)))) {
      run(rig);
      SnapshotException refused = refusal(rig.machine.save("x").done());
      assertThat(refused.kind()).isEqualTo(SnapshotException.Kind.CANNOT_HOLD);
      assertThat(refused)
          .hasMessageStartingWith("The hard disk 1 is not a qcow2 image")
          .hasMessageContaining("convert it to qcow2");
      waitFor(rig, count(rig));
    }
    try (SnapshotRig rig = new SnapshotRig(counter())) {
      run(rig);
      assertThat(refusal(rig.machine.save("x").done()))
          .hasMessageContaining("no disk that can hold a snapshot");
    }
  }

  @Test
  void aNameIsTakenOnceAndIsNoNumber() throws Exception {
    try (SnapshotRig rig = new SnapshotRig(counter(disk("a.qcow2")))) {
      run(rig);
      await(rig.machine.save("x").done());
      for (String name : List.of("x", "", "17")) {
        assertThat(refusal(rig.machine.save(name).done()).kind())
            .isEqualTo(SnapshotException.Kind.NAME);
      }
    }
  }

  @Test
  void anotherMachinesSnapshotIsRefusedInASentenceAndThisOneRunsOn() throws Exception {
    try (SnapshotRig rig = new SnapshotRig(counter(disk("a.qcow2")))) {
      run(rig);
      await(rig.machine.save("x").done());
    }
    try (SnapshotRig rig = new SnapshotRig(counter(disk("a.qcow2")).withMemoryMib(9))) {
      run(rig);
      SnapshotException refused = refusal(rig.machine.restore("x"));
      assertThat(refused.kind()).isEqualTo(SnapshotException.Kind.OTHER_MACHINE);
      assertThat(refused).hasMessageContaining("with 8 MiB of memory and this machine has 9 MiB");
      waitFor(rig, count(rig));
    }
    try (SnapshotRig rig = new SnapshotRig(counter(disk("a.qcow2"), disk("b.qcow2")))) {
      run(rig);
      assertThat(refusal(rig.machine.restore("x")))
          .hasMessageContaining("The hard disk 1 has no part of the snapshot x");
      waitFor(rig, count(rig));
    }
  }

  @Test
  void aSnapshotThatIsNotThereOrHoldsNoMachineIsRefused() throws Exception {
    BlockDevice disk = disk("a.qcow2");
    ((Qcow2Device) disk).snapshots().create("disk only", java.time.Instant.EPOCH, 0, 0);
    try (SnapshotRig rig = new SnapshotRig(counter(disk))) {
      run(rig);
      assertThat(refusal(rig.machine.restore("y")).kind())
          .isEqualTo(SnapshotException.Kind.MISSING);
      assertThat(refusal(rig.machine.restore("disk only")))
          .hasMessageContaining("holds only the disk");
      assertThat(refusal(rig.machine.deleteSnapshot("y")).kind())
          .isEqualTo(SnapshotException.Kind.MISSING);
      waitFor(rig, count(rig));
    }
  }

  @Test
  void aMachineThatIsOffHasNothingToSave() throws Exception {
    SnapshotRig rig = new SnapshotRig(counter(disk("a.qcow2")));
    try (rig) {
      assertThat(refusal(rig.machine.save("x").done()).kind())
          .isEqualTo(SnapshotException.Kind.OFF);
      run(rig);
    }
    await(rig.end);
    assertThat(refusal(rig.machine.save("x").done()).kind()).isEqualTo(SnapshotException.Kind.OFF);
    assertThat(refusal(rig.machine.restore("x")).kind()).isEqualTo(SnapshotException.Kind.OFF);
  }

  @Test
  void aBrokenSavedMachineIsRefusedBeforeAnythingChanges() throws Exception {
    try (SnapshotRig rig = new SnapshotRig(counter(disk("a.qcow2")))) {
      run(rig);
      await(rig.machine.save("x").done());
    }
    // The machine's state is the only data in the image: the disk was never written.
    Path file = folder.resolve("a.qcow2");
    byte[] bytes = Files.readAllBytes(file);
    int magic = indexOf(bytes, "SATCHEL\u0001".getBytes(StandardCharsets.ISO_8859_1));
    bytes[magic + 5000] ^= 1;
    Files.write(file, bytes);
    try (SnapshotRig rig = new SnapshotRig(counter(disk("a.qcow2")))) {
      run(rig);
      assertThatThrownBy(() -> await(rig.machine.restore("x")))
          .hasMessageContaining("cannot be read");
      waitFor(rig, count(rig));
    }
  }

  private static int indexOf(byte[] bytes, byte[] wanted) {
    for (int i = 0; i + wanted.length <= bytes.length; i++) {
      if (Arrays.equals(bytes, i, i + wanted.length, wanted, 0, wanted.length)) {
        return i;
      }
    }
    throw new AssertionError("not found");
  }

  @Test
  void theGuestsEndLeavesASaveUnderWayToFinish() throws Exception {
    // Waits for 300 ms by the PIT's clock at 46Ch, then turns off through the exit port.
    BlockDevice disk = disk("a.qcow2");
    MachineConfig config =
        counter(disk)
            .withDrives(
                List.of(
                    new Drive(
                        DriveKind.FLOPPY,
                        0,
                        writeProtected("FB A06C04 0406 8AD8 F4 A06C04 3AC3 75F8 E6F4 EBFE")),
                    new Drive(DriveKind.HARD_DISK, 0, disk)));
    try (SnapshotRig rig = new SnapshotRig(config)) {
      rig.machine.start();
      Saving saving = rig.machine.save("last");
      MachineEvents.End end = await(rig.end);
      assertThat(end.cause()).isEqualTo(MachineEvents.Cause.EXIT_PORT);
      assertThat(await(saving.done()).snapshot().name()).isEqualTo("last");
    }
    assertThat(Images.open(folder.resolve("a.qcow2"), io.satchel.image.OpenOptions.readOnly()))
        .satisfies(
            opened -> {
              assertThat(((Qcow2Device) opened.device()).snapshots().list()).hasSize(1);
              opened.close();
            });
  }
}
