package io.satchel.vm.machine;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.block.BlockDevice;
import io.satchel.vm.api.MachineConfig;
import io.satchel.vm.api.MachineConfig.Clock;
import io.satchel.vm.api.MachineConfig.Drive;
import io.satchel.vm.api.MachineConfig.DriveKind;
import io.satchel.vm.api.MachineEvents;
import io.satchel.vm.api.Saving;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.host.Key;
import io.satchel.vm.host.ScreenImage;
import io.satchel.vm.host.TextScreen;
import io.satchel.vm.host.UsKeyboard;
import io.satchel.vm.host.UsKeyboard.Stroke;
import io.satchel.vm.snapshot.CpuSnapshot;
import io.satchel.vm.snapshot.StateCodec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32C;

/** A machine whose state goes to a scratch disk, with a guest that boots from elsewhere. */
final class SnapshotRig implements AutoCloseable {

  static final Path GRUB_FLOPPY = Path.of("/usr/lib/grub-rescue/grub-rescue-floppy.img");
  static final long MILLISECOND = 1_000_000;

  final ScreenImage screen = new ScreenImage();
  final CompletableFuture<MachineEvents.End> end = new CompletableFuture<>();
  final StringBuffer serial = new StringBuffer();
  final PcMachine machine;

  SnapshotRig(MachineConfig config) throws IOException {
    machine =
        new PcMachine(
            config,
            new MachineEvents() {
              @Override
              public void ended(End how) {
                end.complete(how);
              }

              @Override
              public void serial(int value) {
                serial.append((char) value);
              }
            });
    machine.attach(screen);
  }

  /** A new qcow2 image to hold snapshots. */
  static Path scratch(Path folder, String name, long size) throws IOException {
    Path file = folder.resolve(name);
    Images.create(file, "qcow2", size, Map.of());
    return file;
  }

  static BlockDevice open(Path file) throws IOException {
    return Images.open(file, OpenOptions.forWriting()).device();
  }

  static BlockDevice readOnly(Path file) throws IOException {
    return Images.open(file, OpenOptions.readOnly().withFormat("raw")).device();
  }

  /** A repeatable machine that boots GRUB from a floppy. */
  static MachineConfig grub(Path disk) throws IOException {
    assumeTrue(Files.exists(GRUB_FLOPPY), "needs " + GRUB_FLOPPY + " of Debian's grub-rescue-pc");
    return MachineConfig.standard()
        .withMemoryMib(16)
        .withClock(Clock.INSTRUCTIONS)
        .withDate(LocalDateTime.of(2003, 4, 5, 6, 7, 8))
        .withDrives(
            List.of(
                new Drive(DriveKind.FLOPPY, 0, readOnly(GRUB_FLOPPY)),
                new Drive(DriveKind.HARD_DISK, 0, open(disk))));
  }

  /** Types a text from a moment of virtual time on, a key event each 25 ms; none before it. */
  void type(String text, long from, long notBefore) {
    List<Stroke> strokes = new ArrayList<>(UsKeyboard.strokes(text));
    for (int i = 0; i < strokes.size(); i++) {
      long time = from + i * 25 * MILLISECOND;
      Key key = strokes.get(i).key();
      boolean down = strokes.get(i).down();
      if (time > notBefore) {
        machine.at(time, () -> machine.key(key, down));
      }
    }
  }

  /** Saves at a moment of virtual time; the machine then stands until it is resumed. */
  CompletableFuture<Saving> saveAt(long time, String name) {
    CompletableFuture<Saving> begun = new CompletableFuture<>();
    machine.at(
        time,
        () -> {
          begun.complete(machine.save(name));
          machine.pause();
        });
    return begun;
  }

  /** What the whole machine is at a moment of virtual time, as text. */
  CompletableFuture<String> fingerprintAt(long time) {
    CompletableFuture<String> result = new CompletableFuture<>();
    machine.at(time, () -> result.complete(fingerprint()));
    return result;
  }

  private String fingerprint() {
    CpuState cpu = machine.cpu();
    StringBuilder text = new StringBuilder();
    text.append("memory ").append(sum(machine.board().memory().memory().bytes()));
    text.append(" cpu ").append(sum(StateCodec.encode(CpuSnapshot.of(cpu))));
    text.append(" instructions ").append(cpu.instructions);
    text.append(" time ").append(machine.board().clock().nanos());
    machine
        .devices()
        .forEach(
            device ->
                text.append(' ')
                    .append(device.name())
                    .append(' ')
                    .append(sum(StateCodec.save(device))));
    return text.append('\n').append(shown()).toString();
  }

  private static String sum(byte[] bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes);
    return Long.toHexString(crc.getValue());
  }

  /** The text screen. */
  String shown() {
    TextScreen text = screen.text();
    return text == null ? "" : text.asText();
  }

  static <T> T await(CompletableFuture<T> future) throws Exception {
    return future.get(240, TimeUnit.SECONDS);
  }

  @Override
  public void close() {
    machine.close();
  }
}
