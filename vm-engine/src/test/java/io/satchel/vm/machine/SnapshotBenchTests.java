package io.satchel.vm.machine;

import static io.satchel.vm.machine.SnapshotRig.await;
import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.format.qcow2.Qcow2Device;
import io.satchel.vm.api.MachineConfig;
import io.satchel.vm.api.MachineConfig.Drive;
import io.satchel.vm.api.MachineConfig.DriveKind;
import io.satchel.vm.api.MachineEvents;
import io.satchel.vm.api.Saving;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Saving and restoring a guest of 512 MB that fills half of its memory and goes on writing to it,
 * beside QEMU's savevm and loadvm on the same guest.
 */
@Tag("bench")
class SnapshotBenchTests {
  private static final int MEMORY_MIB = 512;
  private static final int FILLED = 256 << 20;
  private static final int DISK = 64 << 20;
  private static final int ROUNDS = 5;
  private static final Path QEMU = Path.of("/usr/bin/qemu-system-i386");

  @TempDir private Path folder;

  /** Milliseconds of one round each, and what a snapshot takes in the image. */
  private record Result(
      String who, List<Double> stopped, List<Double> saved, List<Double> restored, long bytes) {

    void print() {
      System.out.printf(
          Locale.ROOT,
          "%-8s stopped %7.1f ms (worst %7.1f)  saved in %7.1f ms  restored in %7.1f ms (worst"
              + " %7.1f)  %6.1f MiB%n",
          who,
          median(stopped),
          worst(stopped),
          median(saved),
          median(restored),
          worst(restored),
          bytes / 1048576.0);
    }
  }

  private static double median(List<Double> values) {
    return values.stream().sorted().skip(values.size() / 2).findFirst().orElse(Double.NaN);
  }

  private static double worst(List<Double> values) {
    return values.stream().mapToDouble(d -> d).max().orElse(Double.NaN);
  }

  @Test
  void savingStopsTheGuestShortlyAndRestoringIsQuick() throws Exception {
    Result ours = ours();
    ours.print();
    if (Files.exists(QEMU)) {
      qemu().print();
    } else {
      System.out.println("QEMU     not installed (qemu-system-x86)");
    }
    assertThat(median(ours.stopped())).as("stop").isLessThan(100);
    assertThat(median(ours.restored())).as("restore").isLessThan(500);
  }

  private Path disk(String name) throws IOException {
    Path file = SnapshotRig.scratch(folder, name, DISK);
    byte[] content = new byte[DISK / 2];
    new Random(1).nextBytes(content);
    try (var disk = SnapshotRig.open(file)) {
      disk.write(0, ByteBuffer.wrap(content));
    }
    return file;
  }

  private Result ours() throws Exception {
    Path file = disk("ours.qcow2");
    CompletableFuture<Void> filled = new CompletableFuture<>();
    Qcow2Device disk = (Qcow2Device) SnapshotRig.open(file);
    MachineConfig config =
        MachineConfig.standard()
            .withMemoryMib(MEMORY_MIB)
            .withDrives(
                List.of(
                    new Drive(DriveKind.FLOPPY, 0, LoadGuest.floppy(FILLED)),
                    new Drive(DriveKind.HARD_DISK, 0, disk)));
    List<Double> stopped = new ArrayList<>();
    List<Double> saved = new ArrayList<>();
    List<Double> restored = new ArrayList<>();
    long bytes = 0;
    try (PcMachine machine =
        new PcMachine(
            config,
            new MachineEvents() {
              @Override
              public void debug(int value) {
                filled.complete(null);
              }
            })) {
      machine.start();
      filled.get(600, TimeUnit.SECONDS);
      for (int round = 0; round <= ROUNDS; round++) {
        String name = "round " + (char) ('A' + round);
        Saving.Saved done = await(machine.save(name).done());
        long began = System.nanoTime();
        await(machine.restore(name));
        long ended = System.nanoTime();
        if (round > 0) { // the first one loads classes
          stopped.add(done.stoppedNanos() / 1e6);
          saved.add(done.nanos() / 1e6);
          restored.add((ended - began) / 1e6);
        }
        bytes = done.snapshot().stateBytes();
      }
    }
    return new Result("Satchel", stopped, saved, restored, bytes);
  }

  private Result qemu() throws Exception {
    Path file = disk("qemu.qcow2");
    Path floppy = folder.resolve("floppy.img");
    Files.write(floppy, LoadGuest.floppy(FILLED).bytes);
    Path debug = folder.resolve("debug");
    Process qemu =
        new ProcessBuilder(
                QEMU.toString(),
                "-accel",
                "tcg",
                "-m",
                Integer.toString(MEMORY_MIB),
                "-display",
                "none",
                "-monitor",
                "stdio",
                "-nodefaults",
                "-vga",
                "std",
                "-drive",
                "file=" + floppy + ",if=floppy,format=raw,readonly=on",
                "-drive",
                "file=" + file + ",if=ide,format=qcow2",
                "-debugcon",
                "file:" + debug,
                "-boot",
                "a")
            .redirectErrorStream(true)
            .start();
    List<Double> saved = new ArrayList<>();
    List<Double> restored = new ArrayList<>();
    try {
      InputStream from = qemu.getInputStream();
      OutputStream to = qemu.getOutputStream();
      prompt(from);
      long limit = System.nanoTime() + 300_000_000_000L;
      while (!Files.exists(debug) || !Files.readString(debug).contains("R")) {
        assertThat(System.nanoTime()).as("QEMU's guest fills memory").isLessThan(limit);
        Thread.sleep(50);
      }
      for (int round = 0; round <= ROUNDS; round++) {
        double save = command(from, to, "savevm r" + round);
        double load = command(from, to, "loadvm r" + round);
        if (round > 0) {
          saved.add(save);
          restored.add(load);
        }
      }
      command(from, to, "stop");
    } finally {
      qemu.destroyForcibly().waitFor();
    }
    long bytes;
    try (var disk = SnapshotRig.open(file)) {
      bytes = ((Qcow2Device) disk).snapshots().list().getLast().vmStateSize();
    }
    // It stands still for as long as it saves.
    return new Result("QEMU", saved, saved, restored, bytes);
  }

  private static double command(InputStream from, OutputStream to, String line) throws IOException {
    long began = System.nanoTime();
    to.write((line + "\n").getBytes(StandardCharsets.US_ASCII));
    to.flush();
    String said = prompt(from);
    assertThat(said).doesNotContainIgnoringCase("error");
    return (System.nanoTime() - began) / 1e6;
  }

  /** Reads up to the monitor's next prompt, which stands alone behind a line feed. */
  private static String prompt(InputStream from) throws IOException {
    StringBuilder text = new StringBuilder();
    while (text.indexOf("\n(qemu) ") < 0 && text.indexOf("\r(qemu) ") < 0) {
      int value = from.read();
      assertThat(value).as("QEMU ended: " + text).isNotNegative();
      text.append((char) value);
    }
    return text.toString();
  }
}
