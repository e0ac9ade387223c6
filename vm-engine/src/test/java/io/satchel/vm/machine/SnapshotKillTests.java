package io.satchel.vm.machine;

import static io.satchel.vm.machine.SnapshotRig.await;
import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.format.CheckReport;
import io.satchel.image.format.qcow2.Qcow2Device;
import io.satchel.vm.api.MachineConfig;
import io.satchel.vm.api.MachineConfig.Drive;
import io.satchel.vm.api.MachineConfig.DriveKind;
import io.satchel.vm.api.MachineEvents;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A machine under processor and disk load that saves one snapshot after the other, in a process of
 * its own that is killed at a random moment: the image opens, and the last snapshot that was
 * reported as saved is there and can be restored.
 */
@Tag("guests")
class SnapshotKillTests {
  private static final int KILLS = Integer.getInteger("satchel.kills", 50);
  private static final int DISK = 32 << 20;
  private static final int MEMORY_MIB = 32;

  @TempDir private Path folder;

  private static MachineConfig config(BlockDevice disk) {
    return MachineConfig.standard()
        .withMemoryMib(MEMORY_MIB)
        .withDrives(
            List.of(
                new Drive(DriveKind.FLOPPY, 0, LoadGuest.floppy(24 << 20)),
                new Drive(DriveKind.HARD_DISK, 0, disk)));
  }

  /** The process that is killed: says on its output which snapshots it has saved. */
  public static final class Victim {
    private Victim() {}

    public static void main(String[] arguments) throws Exception {
      Path file = Path.of(arguments[0]);
      int first = Integer.parseInt(arguments[1]);
      BlockDevice disk = SnapshotRig.open(file);
      PcMachine machine = new PcMachine(config(disk), new MachineEvents() {});
      machine.start();
      Thread load =
          new Thread(
              () -> {
                Random random = new Random();
                byte[] bytes = new byte[64 << 10];
                try {
                  while (true) {
                    random.nextBytes(bytes);
                    disk.write(random.nextInt(DISK - bytes.length) & -512, ByteBuffer.wrap(bytes));
                    if (random.nextInt(20) == 0) {
                      disk.flush();
                    }
                  }
                } catch (IOException e) {
                  e.printStackTrace(System.out);
                }
              });
      load.setDaemon(true);
      load.start();
      System.out.println("started");
      for (int n = first; ; n++) {
        await(machine.save("s" + n).done());
        System.out.println("saved s" + n);
        if (n > first + 1) {
          await(machine.deleteSnapshot("s" + (n - 2)));
        }
      }
    }
  }

  @Test
  void aKillAtAnyMomentLeavesTheLastSnapshot() throws Exception {
    Path file = SnapshotRig.scratch(folder, "disk.qcow2", DISK);
    Random random = new Random(1);
    int restored = 0;
    for (int kill = 0; kill < KILLS; kill++) {
      String last = killed(file, kill * 1000, kill % 3 > 0, random.nextInt(2000));
      try (Qcow2Device image = (Qcow2Device) Images.open(file, OpenOptions.forWriting()).device()) {
        CheckReport report = image.check(true, true);
        assertThat(report.corruptions()).as("kill %d: %s", kill, report.messages()).isZero();
        assertThat(image.check(false, false).messages()).as("kill %d", kill).isEmpty();
        if (last != null) {
          assertThat(image.snapshots().list()).extracting(s -> s.name()).contains(last);
        }
      }
      if (last != null) {
        Path copy = folder.resolve("copy.qcow2");
        Files.copy(file, copy, StandardCopyOption.REPLACE_EXISTING);
        try (SnapshotRig rig = new SnapshotRig(config(SnapshotRig.open(copy)))) {
          await(rig.machine.restore(last));
          long before = rig.machine.cpu().instructions;
          rig.machine.start();
          while (rig.machine.status().instructions() <= before) {
            Thread.sleep(1);
          }
        }
        restored++;
      }
    }
    System.out.printf("%d kills, %d with a snapshot to restore%n", KILLS, restored);
    assertThat(restored).isGreaterThan(KILLS / 4);
  }

  private static String saved(@Nullable String line) {
    assertThat(line).startsWith("saved ");
    return line == null ? "" : line.substring("saved ".length());
  }

  /**
   * Runs a victim and kills it, perhaps not before it has saved one; gives the last snapshot that
   * it has reported, or null.
   */
  private static @Nullable String killed(Path file, int first, boolean afterOne, int milliseconds)
      throws Exception {
    Process victim =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Victim.class.getName(),
                file.toString(),
                Integer.toString(first))
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    String last = null;
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(victim.getInputStream(), StandardCharsets.UTF_8))) {
      assertThat(lines.readLine()).isEqualTo("started");
      if (afterOne) {
        last = saved(lines.readLine());
      }
      Thread.sleep(milliseconds);
      victim.toHandle().destroyForcibly(); // unlike the process's own, leaves the stream to be read
      victim.waitFor();
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        last = saved(line);
      }
    }
    return last;
  }
}
