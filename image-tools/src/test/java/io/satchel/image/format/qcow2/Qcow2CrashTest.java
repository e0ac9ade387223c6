package io.satchel.image.format.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.Formats;
import io.satchel.image.file.LoggedStorage;
import io.satchel.image.format.CheckReport;
import io.satchel.image.format.ImageFormat.Purpose;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Whatever write is the last one that reaches the medium, torn within a sector's bounds or out of
 * order since the last flush: the image can be repaired, and no byte that was flushed is lost.
 */
class Qcow2CrashTest {
  private static final int SECTOR = 512;

  /** What a sector may read as after a crash during one of the steps. */
  private static final class History {
    private final List<Integer> steps = new ArrayList<>();
    private final List<byte[]> contents = new ArrayList<>();

    void add(int step, byte[] content) {
      steps.add(step);
      contents.add(content);
    }

    /** Whether the content is that of the flushed step, or of one after it up to the crash. */
    boolean allows(byte[] found, int flushed, int crashed) {
      for (int i = 0; i < steps.size(); i++) {
        boolean overwritten = i + 1 < steps.size() && steps.get(i + 1) <= flushed;
        if (!overwritten && steps.get(i) <= crashed && Arrays.equals(contents.get(i), found)) {
          return true;
        }
      }
      return false;
    }
  }

  private record Step(int logStart, boolean flushed) {}

  private final LoggedStorage storage = new LoggedStorage();
  private final List<Step> steps = new ArrayList<>();
  private History[] histories = new History[0];
  private byte[] model = new byte[0];
  private final Map<String, byte[]> savedContent = new HashMap<>();
  private final Map<String, int[]> savedLife = new HashMap<>();
  private final Map<String, byte[]> savedState = new HashMap<>();
  private @Nullable PendingSnapshot pending;
  private String pendingName = "";
  private byte[] pendingContent = new byte[0];
  private final ByteArrayOutputStream pendingState = new ByteArrayOutputStream();

  @ParameterizedTest
  @CsvSource({
    "1, 9, 3, false",
    "2, 12, 3, false",
    "3, 9, 3, true",
    "4, 10, 3, true",
    "5, 9, 2, false",
    "6, 12, 2, true",
    "7, 16, 3, true",
    "8, 9, 3, true",
    "9, 14, 3, false",
    "10, 9, 3, true",
    "11, 12, 3, true",
    "12, 14, 3, true",
    "13, 9, 2, true"
  })
  void anyCrashLeavesWhatWasFlushed(long seed, int bits, int version, boolean snapshots)
      throws IOException {
    Random random = new Random(seed);
    int size = SECTOR * 300;
    model = new byte[size];
    histories = new History[size / SECTOR];
    for (int i = 0; i < histories.length; i++) {
      histories[i] = new History();
      histories[i].add(-1, new byte[SECTOR]);
    }
    Formats.QCOW2.create(
        storage,
        Qcow2Options.ofSize(size)
            .withClusterBits(bits)
            .withVersion(version)
            .withExtendedL2(bits == 14));
    int created = storage.log().size();
    Qcow2Device device = Formats.QCOW2.open(storage, Purpose.USE);
    for (int step = 0; step < 70; step++) {
      steps.add(new Step(storage.log().size(), false));
      if (step(random, device, step, snapshots)) {
        steps.set(step, new Step(steps.get(step).logStart(), true));
      }
    }
    device.close();
    for (int at = created; at <= storage.log().size(); at++) {
      verify(storage.crashed(at, 0), at);
      if (at < storage.log().size() && storage.log().get(at).bytes().length > SECTOR) {
        int sectors = storage.log().get(at).bytes().length / SECTOR;
        verify(storage.crashed(at, 1 + random.nextInt(sectors)), at + 1);
      }
      if (at % 3 == 0) {
        long seedHere = random.nextLong();
        verify(storage.crashedOutOfOrder(at, i -> new Random(seedHere + i).nextInt(3) > 0), at);
      }
    }
  }

  /** One step; true when it was a flush, after which everything must last. */
  private boolean step(Random random, Qcow2Device device, int step, boolean snapshots)
      throws IOException {
    int offset = random.nextInt(model.length / SECTOR) * SECTOR;
    int length =
        Math.min(
            model.length - offset, SECTOR * (1 + random.nextInt(random.nextBoolean() ? 4 : 40)));
    int kind = random.nextInt(snapshots ? 20 : 10);
    if (kind >= 14) {
      return pendingStep(random, device, step);
    }
    if (kind >= 10 && pending != null) {
      return false; // The device refuses it.
    }
    switch (kind) {
      case 0, 1, 2, 3, 4 -> {
        byte[] data = new byte[length];
        random.nextBytes(data);
        device.write(offset, ByteBuffer.wrap(data));
        System.arraycopy(data, 0, model, offset, length);
        remember(step, offset, length);
      }
      case 5 -> {
        device.writeZeroes(offset, length, true);
        Arrays.fill(model, offset, offset + length, (byte) 0);
        remember(step, offset, length);
      }
      case 6 -> {
        byte[] before = Arrays.copyOfRange(model, offset, offset + length);
        device.discard(offset, length);
        ByteBuffer now = ByteBuffer.allocate(length);
        device.read(offset, now);
        System.arraycopy(now.array(), 0, model, offset, length);
        remember(step, offset, length);
        assertThat(before).hasSize(length);
      }
      case 7, 8, 9 -> {
        device.flush();
        return true;
      }
      case 10, 11 -> {
        String name = "s" + step;
        savedContent.put(name, model.clone());
        savedLife.put(name, new int[] {step, Integer.MAX_VALUE});
        device.snapshots().create(name, Instant.EPOCH, 0, 0);
        return true;
      }
      case 12 -> {
        String name = any(random);
        if (name != null) {
          savedLife.get(name)[1] = step;
          device.snapshots().delete(name);
          return true;
        }
      }
      default -> {
        String name = any(random);
        if (name != null) {
          model = savedContent.get(name).clone();
          remember(step, 0, model.length);
          device.snapshots().apply(name);
          return true;
        }
      }
    }
    return false;
  }

  /** A snapshot that is taken while the disk is written; true when it has become one. */
  private boolean pendingStep(Random random, Qcow2Device device, int step) throws IOException {
    PendingSnapshot begun = pending;
    if (begun == null) {
      pendingName = "p" + step;
      pendingContent = model.clone();
      pendingState.reset();
      pending = device.snapshots().begin(pendingName, Instant.EPOCH, step);
      return false;
    }
    if (random.nextInt(3) > 0) {
      byte[] state = new byte[random.nextInt(5000)];
      random.nextBytes(state);
      pendingState.writeBytes(state);
      begun.write(ByteBuffer.wrap(state));
      return false;
    }
    pending = null;
    if (random.nextInt(4) == 0) {
      begun.close();
      return false;
    }
    savedContent.put(pendingName, pendingContent);
    savedState.put(pendingName, pendingState.toByteArray());
    savedLife.put(pendingName, new int[] {step, Integer.MAX_VALUE});
    assertThat(begun.finish().vmStateSize()).isEqualTo(pendingState.size());
    return true;
  }

  private @Nullable String any(Random random) {
    List<String> alive =
        savedLife.entrySet().stream()
            .filter(e -> e.getValue()[1] == Integer.MAX_VALUE)
            .map(Map.Entry::getKey)
            .sorted()
            .toList();
    return alive.isEmpty() ? null : alive.get(random.nextInt(alive.size()));
  }

  private void remember(int step, int offset, int length) {
    for (int i = offset / SECTOR; i < (offset + length) / SECTOR; i++) {
      histories[i].add(step, Arrays.copyOfRange(model, i * SECTOR, (i + 1) * SECTOR));
    }
  }

  private void verify(LoggedStorage left, int at) throws IOException {
    int flushed = -1;
    int crashed = -1;
    for (int i = 0; i < steps.size(); i++) {
      int end = i + 1 < steps.size() ? steps.get(i + 1).logStart() : storage.log().size();
      if (steps.get(i).flushed() && end <= at) {
        flushed = i;
      }
      if (steps.get(i).logStart() <= at) {
        crashed = i;
      }
    }
    String where = "crash after change " + at + " in step " + crashed;
    Qcow2Device broken = Formats.QCOW2.open(left, Purpose.INSPECT);
    CheckReport report = broken.check(true, true);
    assertThat(report.corruptions()).as(where + " " + report.messages()).isZero();
    assertThat(report.checkErrors()).as(where).isZero();
    broken.close();
    Qcow2Device device = Formats.QCOW2.open(left, Purpose.USE);
    assertThat(device.check(false, false).messages()).as(where).isEmpty();
    ByteBuffer content = ByteBuffer.allocate(model.length);
    device.read(0, content);
    for (int i = 0; i < histories.length; i++) {
      byte[] found = Arrays.copyOfRange(content.array(), i * SECTOR, (i + 1) * SECTOR);
      assertThat(histories[i].allows(found, flushed, crashed))
          .as(where + ", flushed step " + flushed + ", sector " + i)
          .isTrue();
    }
    for (Map.Entry<String, int[]> life : savedLife.entrySet()) {
      boolean there =
          device.snapshots().list().stream().anyMatch(s -> s.name().equals(life.getKey()));
      if (life.getValue()[0] <= flushed && life.getValue()[1] > crashed) {
        assertThat(there).as(where + ", snapshot " + life.getKey()).isTrue();
      }
      if (there && life.getValue()[1] > crashed) {
        byte[] state = savedState.getOrDefault(life.getKey(), new byte[0]);
        ByteBuffer found = ByteBuffer.allocate(state.length);
        VmState saved = device.snapshots().vmState(life.getKey());
        assertThat(saved.size()).isEqualTo(state.length);
        saved.read(0, found);
        assertThat(found.array()).as(where + ", state of " + life.getKey()).isEqualTo(state);
        device.snapshots().apply(life.getKey());
        ByteBuffer then = ByteBuffer.allocate(model.length);
        device.read(0, then);
        assertThat(then.array())
            .as(where + ", snapshot " + life.getKey())
            .isEqualTo(savedContent.get(life.getKey()));
      }
    }
  }
}
