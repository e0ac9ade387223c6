package io.satchel.image.format.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.satchel.image.Formats;
import io.satchel.image.block.ImageException;
import io.satchel.image.file.LoggedStorage;
import io.satchel.image.format.ImageFormat.Purpose;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever is wrong in the file, the worst that happens is a typed error. */
class Qcow2DamageTest {
  private static final int SIZE = 1 << 20;

  private static LoggedStorage image(Random random, boolean extended) throws IOException {
    LoggedStorage storage = new LoggedStorage();
    Formats.QCOW2.create(
        storage,
        Qcow2Options.ofSize(SIZE)
            .withClusterBits(extended ? 14 : 9 + random.nextInt(4))
            .withExtendedL2(extended));
    Qcow2Device device = Formats.QCOW2.open(storage, Purpose.USE);
    for (int i = 0; i < 30; i++) {
      byte[] bytes = new byte[1 + random.nextInt(9000)];
      random.nextBytes(bytes);
      device.write(random.nextInt(SIZE - bytes.length), ByteBuffer.wrap(bytes));
      if (i == 15) {
        device.snapshots().create("s", Instant.EPOCH, 0, 0);
      }
    }
    byte[] packed = {0x4b, 0x04, 0x00};
    device.packed().write(0, packed, 3);
    device.bitmaps().add("b", 65536);
    device.close();
    return storage;
  }

  private static void damage(Random random, LoggedStorage storage) throws IOException {
    int where = random.nextInt(3) == 0 ? 256 : (int) Math.min(storage.size(), 60_000);
    for (int i = 0; i < 1 + random.nextInt(6); i++) {
      int at = random.nextInt(where / 8) * 8;
      ByteBuffer word = ByteBuffer.allocate(8);
      storage.read(at, word);
      long value =
          switch (random.nextInt(5)) {
            case 0 -> random.nextLong();
            case 1 -> word.getLong(0) ^ 1L << random.nextInt(64);
            case 2 -> random.nextInt((int) storage.size()) & -512L | Long.MIN_VALUE;
            case 3 -> 1L << 62 | random.nextLong() >>> 2;
            default -> random.nextInt(2) - 1L;
          };
      storage.write(at, ByteBuffer.allocate(8).putLong(0, value));
    }
    if (random.nextInt(8) == 0) {
      storage.setSize(random.nextInt((int) storage.size()));
    }
  }

  /** A step that may fail in the typed way only. */
  private interface Step {
    void run() throws IOException;
  }

  private static void tolerate(String what, Step step) {
    Throwable failure = catchThrowable(step::run);
    if (failure != null) {
      if (!(failure instanceof ImageException)) {
        throw new AssertionError(what, failure);
      }
      assertThat(failure.getMessage()).as(what).startsWith("memory ").endsWith(".");
    }
  }

  private static void round(long seed) throws IOException {
    Random random = new Random(seed);
    LoggedStorage storage = image(random, random.nextInt(4) == 0);
    damage(random, storage);
    String what = "seed " + seed;
    for (Purpose purpose : Purpose.values()) {
      tolerate(
          what,
          () -> {
            Qcow2Device device = Formats.QCOW2.open(storage, purpose);
            if (device.size() > 64 << 20) {
              return;
            }
            int size = (int) device.size();
            for (int at = 0; at < size; at += 50_000) {
              int from = at;
              tolerate(
                  what,
                  () -> device.read(from, ByteBuffer.allocate(Math.min(50_000, size - from))));
              tolerate(what, () -> device.status(from, size - from));
            }
            tolerate(what, () -> device.check(false, false));
            if (purpose == Purpose.USE) {
              for (int i = 0; i < 10 && size > 5000; i++) {
                int at = random.nextInt(size - 5000);
                tolerate(what, () -> device.write(at, ByteBuffer.allocate(5000).put(1, (byte) 1)));
              }
              tolerate(what, () -> device.discard(0, size / 2));
              tolerate(what, () -> device.snapshots().create("t", Instant.EPOCH, 0, 0));
              tolerate(what, () -> device.snapshots().delete("s"));
              tolerate(what, () -> device.resize(size + 70_000L));
              tolerate(what, device::flush);
            } else {
              tolerate(what, () -> device.check(true, true));
            }
            tolerate(what, device::close);
          });
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void isATypedError(long block) throws IOException {
    for (long seed = block * 1000; seed < block * 1000 + 40; seed++) {
      round(seed);
    }
  }

  @Test
  @Tag("fuzz")
  void isATypedErrorForLong() throws IOException {
    for (long seed = 0; seed < Long.getLong("satchel.fuzz.seeds", 100_000); seed++) {
      round(1_000_000 + seed);
    }
  }
}
