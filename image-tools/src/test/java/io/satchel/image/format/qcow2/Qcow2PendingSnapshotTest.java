package io.satchel.image.format.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.block.ImageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A snapshot with machine state, taken while the disk is written on, as qemu-img sees it. */
class Qcow2PendingSnapshotTest {
  private static final int SIZE = 8 << 20;

  @TempDir private Path folder;

  private Path image(String options) throws IOException {
    Path file = folder.resolve("disk.qcow2");
    Images.create(
        file,
        "qcow2",
        SIZE,
        options.isEmpty() ? Map.of() : Map.of(options.split("=", 2)[0], options.split("=", 2)[1]));
    return file;
  }

  private static Qcow2Device open(Path file) throws IOException {
    return (Qcow2Device) Images.open(file, OpenOptions.forWriting()).device();
  }

  private static byte[] random(int length, long seed) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  private static byte[] read(Qcow2Device device, long at, int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    device.read(at, bytes);
    return bytes.array();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "cluster_size=4096", "extended_l2=on", "compat=0.10"})
  void whatIsWrittenMeanwhileIsNotInIt(String options) throws Exception {
    Path file = image(options);
    byte[] before = random(SIZE / 2, 1);
    byte[] after = random(SIZE, 2);
    byte[] state = random(5_000_001, 3);
    try (Qcow2Device device = open(file)) {
      device.write(0, ByteBuffer.wrap(before));
      PendingSnapshot pending =
          device.snapshots().begin("at work", Instant.ofEpochSecond(1_000_000_000), 5_000_000_000L);
      pending.write(ByteBuffer.wrap(state, 0, 2_000_000));
      device.write(0, ByteBuffer.wrap(after));
      device.flush();
      pending.write(ByteBuffer.wrap(state, 2_000_000, state.length - 2_000_000));
      SnapshotInfo made = pending.finish();
      assertThat(made.vmStateSize()).isEqualTo(state.length);
      assertThat(device.check(false, false).messages()).isEmpty();
      ByteBuffer found = ByteBuffer.allocate(state.length);
      device.snapshots().vmState("at work").read(0, found);
      assertThat(found.array()).isEqualTo(state);
      assertThat(read(device, 0, SIZE)).isEqualTo(after);
    }
    if (Files.exists(Path.of("/usr/bin/qemu-img"))) {
      assertThat(qemuImg("check", file.toString())).contains("No errors");
      String list = qemuImg("snapshot", "-l", file.toString());
      assertThat(list).contains("at work").contains("4.77 MiB").contains("00:00:05.000");
      qemuImg("snapshot", "-a", "at work", file.toString());
      assertThat(qemuImg("check", file.toString())).contains("No errors");
    }
    try (Qcow2Device device = open(file)) {
      device.snapshots().apply("at work");
      assertThat(read(device, 0, before.length)).isEqualTo(before);
      device.snapshots().delete("at work");
      assertThat(device.check(false, false).messages()).isEmpty();
    }
  }

  @Test
  void oneThatIsGivenUpLeavesNothing() throws Exception {
    Path file = image("");
    byte[] before = random(SIZE, 1);
    byte[] after = random(SIZE / 2, 2);
    try (Qcow2Device device = open(file)) {
      device.write(0, ByteBuffer.wrap(before));
      try (PendingSnapshot pending = device.snapshots().begin("never", Instant.EPOCH, 0)) {
        pending.write(ByteBuffer.wrap(random(3_000_000, 3)));
        device.write(0, ByteBuffer.wrap(after));
      }
      assertThat(device.snapshots().list()).isEmpty();
      assertThat(device.check(false, false).messages()).isEmpty();
      assertThat(read(device, 0, after.length)).isEqualTo(after);
    }
    assertThat(Files.size(file)).isLessThan(2L * SIZE);
  }

  @Test
  void closingTheDiskGivesItUp() throws Exception {
    Path file = image("");
    Qcow2Device device = open(file);
    device.write(0, ByteBuffer.wrap(random(SIZE, 1)));
    PendingSnapshot pending = device.snapshots().begin("never", Instant.EPOCH, 0);
    pending.write(ByteBuffer.wrap(random(3_000_000, 3)));
    device.close();
    assertThatThrownBy(pending::finish)
        .isInstanceOf(ImageException.class)
        .hasMessageContaining("was closed while a snapshot was saved");
    try (Qcow2Device again = open(file)) {
      assertThat(again.snapshots().list()).isEmpty();
      assertThat(again.check(false, false).messages()).isEmpty();
    }
  }

  @Test
  void otherChangesOfSnapshotsWait() throws Exception {
    try (Qcow2Device device = open(image(""))) {
      device.snapshots().create("old", Instant.EPOCH, 0, 0);
      try (PendingSnapshot pending = device.snapshots().begin("new", Instant.EPOCH, 0)) {
        assertThatThrownBy(() -> device.snapshots().delete("old"))
            .isInstanceOf(ImageException.class)
            .hasMessageContaining("is having a snapshot saved into it");
        assertThatThrownBy(() -> device.snapshots().begin("third", Instant.EPOCH, 0))
            .isInstanceOf(ImageException.class);
        assertThatThrownBy(() -> device.resize(2L * SIZE)).isInstanceOf(ImageException.class);
        assertThat(pending.finish().name()).isEqualTo("new");
      }
      device.snapshots().delete("old");
      assertThat(device.snapshots().list()).hasSize(1);
    }
  }

  private static String qemuImg(String... arguments) throws Exception {
    assumeTrue(Files.exists(Path.of("/usr/bin/qemu-img")), "needs qemu-img");
    String[] line = new String[arguments.length + 1];
    line[0] = "/usr/bin/qemu-img";
    System.arraycopy(arguments, 0, line, 1, arguments.length);
    Process process = new ProcessBuilder(line).redirectErrorStream(true).start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(text).isZero();
    return text;
  }
}
