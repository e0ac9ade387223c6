package io.satchel.image.fuzz;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.satchel.image.Formats;
import io.satchel.image.ImageModel;
import io.satchel.image.OpenedImage;
import io.satchel.image.OpenedImage.Layer;
import io.satchel.image.Progress;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import io.satchel.image.crypt.Passphrase;
import io.satchel.image.crypt.Secrets;
import io.satchel.image.format.Checkable;
import io.satchel.image.format.ImageFormat;
import io.satchel.image.format.ImageFormat.Purpose;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.qcow2.Qcow2Device;
import io.satchel.image.operation.Commit;
import io.satchel.image.operation.Rebase;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random lives of images of every format and cluster size against plain arrays: write, zero,
 * discard, snapshot, apply, delete, commit, rebase, resize and reopen. A failure names the kind of
 * image and the seed; {@code -Dsatchel.property=KIND:SEED -Dtest=FormatsPropertyTest#again} lives
 * it again. Millions of steps: {@code -Pfuzz -Dtest=FormatsPropertyTest
 * -Dsatchel.property.steps=5000000}.
 */
class FormatsPropertyTest {
  private static final int STEPS = 60;
  private static final byte[] KEY = {1, 2, 3};

  /** A kind of image; those with a base lie over a raw one. */
  private record Kind(String name, String format, Map<String, String> options, boolean backed) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static Kind kind(String format, boolean backed, String... options) {
    Map<String, String> all = new LinkedHashMap<>();
    for (String each : options) {
      int at = each.indexOf('=');
      all.put(each.substring(0, at), each.substring(at + 1));
    }
    String name = format + (backed ? ",backed" : "") + (all.isEmpty() ? "" : "," + all);
    return new Kind(name.replaceAll("[{} ]", ""), format, all, backed);
  }

  private static Stream<Kind> kinds() {
    List<Kind> all = new ArrayList<>();
    for (int bits = 9; bits <= 21; bits++) {
      all.add(kind("qcow2", bits % 2 == 0, "cluster_size=" + (1 << bits)));
      all.add(kind("qcow2", bits % 2 == 1, "cluster_size=" + (1 << bits), "compat=0.10"));
      if (bits >= 14) {
        all.add(kind("qcow2", bits % 2 == 1, "cluster_size=" + (1 << bits), "extended_l2=on"));
      }
    }
    for (int width = 1; width <= 64; width *= 2) {
      all.add(kind("qcow2", true, "cluster_size=1024", "refcount_bits=" + width));
    }
    all.add(kind("qcow2", true, "lazy_refcounts=on", "cluster_size=4096"));
    for (String cluster : List.of("4096", "65536", "1048576")) {
      all.add(kind("qed", false, "cluster_size=" + cluster));
      all.add(kind("qed", true, "cluster_size=" + cluster));
      all.add(kind("parallels", false, "cluster_size=" + cluster));
    }
    all.add(kind("raw", false));
    all.add(kind("qcow", false));
    all.add(kind("qcow", true));
    all.add(kind("vdi", false));
    all.add(kind("vdi", false, "static=on"));
    all.add(kind("vmdk", false));
    all.add(kind("vmdk", false, "zeroed_grain=on"));
    all.add(kind("vpc", false));
    all.add(kind("vpc", false, "subformat=fixed"));
    all.add(kind("vhdx", false, "block_size=1048576"));
    all.add(kind("vhdx", false, "subformat=fixed"));
    all.add(kind("luks", false, "key-secret=s", "iter-time=1"));
    return all.stream();
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void behavesAsAnArrayOfBytes(Kind kind) throws IOException {
    new Life(kind, kind.name().hashCode()).live(STEPS);
  }

  @Test
  @Tag("fuzz")
  void behavesAsAnArrayOfBytesForMillionsOfSteps() throws IOException {
    long steps = Long.getLong("satchel.property.steps", 2_000_000);
    List<Kind> all = kinds().toList();
    long seed = 1;
    for (long done = 0; done < steps; seed++) {
      for (Kind each : all) {
        new Life(each, seed).live(2 * STEPS);
        done += 2 * STEPS;
      }
    }
    System.out.println(steps + " steps, " + all.size() + " kinds of images, seeds to " + seed);
  }

  @Test
  void again() throws IOException {
    String which = System.getProperty("satchel.property");
    assumeTrue(which != null, "-Dsatchel.property=KIND:SEED is not given");
    String name = which.substring(0, which.lastIndexOf(':'));
    Kind wanted = kinds().filter(k -> k.name().equals(name)).findFirst().orElseThrow();
    new Life(wanted, Long.parseLong(which.substring(which.lastIndexOf(':') + 1))).live(2 * STEPS);
  }

  /** One image from its creation on. */
  private static final class Life {
    private final Kind kind;
    private final long seed;
    private final Random random;
    private final ImageFormat format;
    private final MemoryFile file = new MemoryFile();
    private MemoryFile base = new MemoryFile();
    private boolean over;
    private ImageModel model;
    private LayeredDevice device;
    private final Map<String, byte[]> snapshots = new HashMap<>();

    Life(Kind kind, long seed) throws IOException {
      this.kind = kind;
      this.seed = seed;
      random = new Random(seed);
      format = Objects.requireNonNull(Formats.named(kind.format()));
      Map<String, String> options = new HashMap<>(kind.options());
      over = kind.backed();
      if (over) {
        options.put("backing_file", "base");
        options.put("backing_fmt", "raw");
        base = noise();
      }
      long size = 512L * (200 + random.nextInt(4000));
      format.create(file, size, options, new Secrets(Map.of("s", KEY)));
      device = open(true);
      model = new ImageModel(Math.toIntExact(device.size()));
      if (over) {
        byte[] below = base.bytes();
        int n = Math.min(below.length, model.bytes().length);
        System.arraycopy(below, 0, model.bytes(), 0, n);
      } else if (!device.newReadsAsZeros()) {
        device.writeZeroes(0, device.size(), false);
      }
    }

    private MemoryFile noise() {
      byte[] bytes = new byte[512 * (1 + random.nextInt(3000))];
      random.nextBytes(bytes);
      return MemoryFile.of(bytes);
    }

    private LayeredDevice open(boolean writable) throws IOException {
      MemoryFile opened = writable ? file : file.copy(true);
      LayeredDevice fresh = format.open(opened, Purpose.USE, Passphrase.of(KEY));
      if (fresh.backing() != null) {
        fresh.attachBacking(Formats.RAW.open(base, Purpose.USE));
      }
      return fresh;
    }

    void live(int steps) throws IOException {
      int step = 0;
      try {
        for (; step < steps; step++) {
          change();
          model.checkSome(random, device);
        }
        reopen();
        model.check(device);
        if (device instanceof Checkable checkable) {
          device.flush();
          assertThat(checkable.check(false, false).corruptions()).isZero();
        }
        device.close();
      } catch (AssertionError | RuntimeException | IOException e) {
        String again = "-Dsatchel.property=" + kind + ":" + seed;
        throw new AssertionError(
            again + " -Dtest=FormatsPropertyTest#again, step " + step + ": " + e.getMessage(), e);
      }
    }

    private void reopen() throws IOException {
      device.close();
      device = open(true);
      assertThat(device.size()).isEqualTo(model.bytes().length);
    }

    private void change() throws IOException {
      switch (random.nextInt(24)) {
        case 0, 1 -> reopen();
        case 2 -> resize();
        case 3 -> snapshot();
        case 4 -> apply();
        case 5 -> delete();
        case 6 -> commit();
        case 7 -> rebase();
        default -> model.change(random, device);
      }
    }

    private void adopt(byte[] bytes) {
      model = new ImageModel(bytes.length);
      System.arraycopy(bytes, 0, model.bytes(), 0, bytes.length);
    }

    private void resize() throws IOException {
      int old = model.bytes().length;
      long wanted = 512L * Math.max(1, old / 512 + random.nextInt(600) - 200);
      try {
        device.resize(wanted);
      } catch (ImageException e) {
        // Not every format can, and then nothing has changed.
        assertThat(device.size()).isEqualTo(old);
        return;
      }
      adopt(Arrays.copyOf(model.bytes(), Math.toIntExact(device.size())));
      if (kind.format().equals("luks")) {
        // What an encrypted disk gains reads as noise until it is written.
        int now = model.bytes().length;
        if (now > old) {
          device.writeZeroes(old, now - old, false);
        }
      }
    }

    private void snapshot() throws IOException {
      String name = "s" + random.nextInt(100);
      if (device instanceof Qcow2Device qcow2 && !snapshots.containsKey(name)) {
        try {
          qcow2.snapshots().create(name, Instant.EPOCH, 0, 0);
          snapshots.put(name, model.bytes().clone());
        } catch (ImageException e) {
          assertThat(e.kind()).isEqualTo(ImageException.Kind.UNSUPPORTED);
        }
      }
    }

    private String any() {
      return snapshots.keySet().stream().sorted().toList().get(random.nextInt(snapshots.size()));
    }

    private void apply() throws IOException {
      if (device instanceof Qcow2Device qcow2 && !snapshots.isEmpty()) {
        String name = any();
        try {
          qcow2.snapshots().apply(name);
          adopt(snapshots.get(name));
        } catch (ImageException e) {
          assertThat(e.kind()).isEqualTo(ImageException.Kind.UNSUPPORTED);
        }
      }
    }

    private void delete() throws IOException {
      if (device instanceof Qcow2Device qcow2 && !snapshots.isEmpty()) {
        String name = any();
        qcow2.snapshots().delete(name);
        snapshots.remove(name);
      }
    }

    private OpenedImage chain(LayeredDevice top, BlockDevice below) {
      return new OpenedImage(
          top,
          List.of(
              new Layer(Path.of("top"), kind.format(), top.size(), top),
              new Layer(Path.of("base"), "raw", below.size(), below)));
    }

    /** Into the base; the disk reads as before, and so it does once the overlay is empty. */
    private void commit() throws IOException {
      if (!over || !snapshots.isEmpty()) {
        // A snapshot would show another base.
        return;
      }
      device.close();
      LayeredDevice top = open(false);
      try (LayeredDevice below = Formats.RAW.open(base, Purpose.USE)) {
        Commit.run(chain(top, below), 1, below, Progress.NONE);
      }
      device = open(true);
      assertThat(Arrays.copyOf(base.bytes(), model.bytes().length)).isEqualTo(model.bytes());
      if (device instanceof Qcow2Device qcow2) {
        qcow2.makeEmpty();
      }
      model.check(device);
    }

    /** Over another base, or over none. */
    private void rebase() throws IOException {
      if (!over || !snapshots.isEmpty() || !(device instanceof Qcow2Device qcow2)) {
        return;
      }
      MemoryFile next = noise();
      boolean stays = random.nextInt(3) > 0;
      LayeredDevice below = Formats.RAW.open(base, Purpose.USE);
      Rebase.run(
          chain(qcow2, below),
          stays ? Formats.RAW.open(next, Purpose.USE) : null,
          stays ? "next" : null,
          stays ? "raw" : null,
          Progress.NONE);
      base = next;
      over = stays;
      reopen();
      model.check(device);
    }
  }
}
