package io.satchel.image.format;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.Formats;
import io.satchel.image.file.Guid;
import io.satchel.image.file.LoggedStorage;
import io.satchel.image.file.Storage;
import io.satchel.image.format.ImageFormat.Purpose;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The program dies at any write to a differencing image, and within it: the image opens, and each
 * sector is what was flushed last or what was written since; never the parent's again, nor another
 * sector's.
 */
class ChildCrashTest {
  private static final int SECTOR = 512;
  private static final byte PARENT = 99;

  /** One request of the guest: sectors that get a value, or a flush. */
  private record Step(int from, int to, byte value, int logStart, int logEnd, boolean flush) {}

  private final LoggedStorage storage = new LoggedStorage();
  private final List<Step> steps = new ArrayList<>();

  private static int size(String format) {
    return format.equals("vpc") ? 6 << 20 : 3 << 20;
  }

  /** A new image, turned into a child as the format's own document has it. */
  private void make(String format) throws IOException {
    Map<String, String> options = format.equals("vhdx") ? Map.of("block_size", "1M") : Map.of();
    Objects.requireNonNull(Formats.named(format)).create(storage, size(format), options);
    switch (format) {
      case "vdi" -> {
        put(0x4c, little(4).putInt(4));
        put(0x1a8, little(32).putLong(1).putLong(2).putLong(3).putLong(4));
      }
      case "vpc" -> {
        put(60, ByteBuffer.allocate(4).putInt(4));
        put(storage.size() - 512 + 60, ByteBuffer.allocate(4).putInt(4));
        put(512 + 64, ByteBuffer.wrap("p".getBytes(StandardCharsets.UTF_16BE)).position(2));
      }
      default -> {
        long metadata = 2 << 20;
        put(metadata + 10, little(2).putShort((short) 6));
        ByteBuffer entry = little(32).putInt(16, 68 << 10).putInt(20, 100);
        Guid.put(entry, 0, UUID.fromString("A8D35F2D-B30B-454D-ABF7-D3D84834AB0C"));
        put(metadata + 192, entry.position(32));
        put(metadata + (64 << 10) + 4, little(4).putInt(2));
        ByteBuffer locator = little(80).putShort(18, (short) 1).putInt(20, 40).putInt(24, 66);
        Guid.put(locator, 0, UUID.fromString("B04AEFB7-D19E-4A81-B789-25B8E9445913"));
        locator.putShort(28, (short) 26).putShort(30, (short) 2);
        locator.put(40, "relative_pathp".getBytes(StandardCharsets.UTF_16LE));
        put(metadata + (68 << 10), locator.position(80));
      }
    }
    storage.flush();
  }

  private static ByteBuffer little(int length) {
    return ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
  }

  private void put(long at, ByteBuffer bytes) throws IOException {
    storage.write(at, bytes.flip());
  }

  private static LayeredDevice open(String format, Storage file) throws IOException {
    LayeredDevice device = Objects.requireNonNull(Formats.named(format)).open(file, Purpose.USE);
    byte[] below = new byte[size(format)];
    Arrays.fill(below, PARENT);
    LoggedStorage parent = new LoggedStorage();
    parent.write(0, ByteBuffer.wrap(below));
    device.attachBacking(Formats.RAW.open(parent, Purpose.USE));
    return device;
  }

  private void live(String format, LayeredDevice device) throws IOException {
    Random random = new Random(7);
    int sectors = size(format) / SECTOR;
    for (int i = 1; i <= 26; i++) {
      int start = storage.log().size();
      if (i % 5 == 0) {
        device.flush();
        steps.add(new Step(0, 0, (byte) 0, start, storage.log().size(), true));
        continue;
      }
      // Places that lie close to one another in few blocks, again and again.
      int from = random.nextInt(3) * (sectors / 3) + random.nextInt(6) * 3;
      int to = from + 1 + random.nextInt(5);
      byte[] bytes = new byte[(to - from) * SECTOR];
      Arrays.fill(bytes, (byte) i);
      device.write((long) from * SECTOR, ByteBuffer.wrap(bytes));
      steps.add(new Step(from, to, (byte) i, start, storage.log().size(), false));
    }
  }

  /** What a sector may hold when the program died at that change. */
  private Set<Byte> allowed(int sector, int at) {
    Set<Byte> values = new HashSet<>(Set.of(PARENT));
    byte last = PARENT;
    for (Step step : steps) {
      if (step.logStart() > at) {
        break;
      }
      if (step.flush()) {
        if (step.logEnd() <= at) {
          values.clear();
          values.add(last);
        }
      } else if (sector >= step.from() && sector < step.to()) {
        last = step.value();
        values.add(last);
      }
    }
    return values;
  }

  private void verify(String format, LoggedStorage left, int at, String how) throws IOException {
    try (LayeredDevice device = open(format, left)) {
      for (int third = 0; third < 3; third++) {
        int first = third * (size(format) / SECTOR / 3);
        byte[] found = new byte[24 * SECTOR];
        device.read((long) first * SECTOR, ByteBuffer.wrap(found));
        for (int s = 0; s < 24; s++) {
          byte value = found[s * SECTOR];
          byte[] whole = new byte[SECTOR];
          Arrays.fill(whole, value);
          assertThat(Arrays.equals(found, s * SECTOR, (s + 1) * SECTOR, whole, 0, SECTOR)).isTrue();
          assertThat(allowed(first + s, at)).as(how + ", sector " + (first + s)).contains(value);
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"vdi", "vpc", "vhdx"})
  void eachSectorIsWhatWasFlushedOrWrittenSince(String format) throws IOException {
    make(format);
    int made = storage.log().size();
    try (LayeredDevice device = open(format, storage)) {
      live(format, device);
    }
    Random random = new Random(1);
    int end = storage.log().size();
    assertThat(end - made).isGreaterThan(25);
    for (int at = made; at <= end; at++) {
      verify(format, storage.crashed(at, 0), at, "after change " + at);
      verify(format, storage.crashed(at, 1 + random.nextInt(8)), at + 1, "torn in " + at);
      for (int lost = 0; lost < 3; lost++) {
        int third = lost;
        verify(
            format,
            storage.crashedOutOfOrder(at, i -> i < made || i % 3 != third),
            at,
            "out of order up to " + at);
      }
    }
  }
}
