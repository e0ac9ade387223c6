package io.satchel.image.container;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.satchel.image.ImageModel;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.QemuImg;
import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;

/** Packed images are read at any place, and broken ones are said to be broken. */
class ContainerTest {
  private static final int SIZE = (6 << 20) + 512 * 3;

  @TempDir Path folder;
  private final ImageModel model = new ImageModel(SIZE);

  private void fill(long seed) {
    Random random = new Random(seed);
    byte[] bytes = model.bytes();
    for (int at = 0; at < SIZE; ) {
      int n = Math.min(SIZE - at, 1 + random.nextInt(200_000));
      switch (random.nextInt(4)) {
        case 0 -> Arrays.fill(bytes, at, at + n, (byte) random.nextInt(3));
        case 1 -> {
          for (int i = at; i < at + n; i++) {
            bytes[i] = (byte) random.nextInt(256);
          }
        }
        default -> {
          for (int i = at; i < at + n; i++) {
            bytes[i] = (byte) ("satchel and spirits ".charAt(i % 20) + random.nextInt(2));
          }
        }
      }
      at += n;
    }
    bytes[510] = 0x55;
  }

  private void readsAs(Path file, String format, ImageModel expected) throws IOException {
    assertThat(Images.probe(file)).isEqualTo(format);
    Random random = new Random(7);
    try (OpenedImage image = Images.open(file, OpenOptions.readOnly())) {
      assertThat(image.format()).isEqualTo(format);
      assertThat(image.device().readOnly()).isTrue();
      assertThat(image.device().size()).isEqualTo(expected.bytes().length);
      for (int i = 0; i < 40; i++) {
        expected.checkSome(random, image.device());
      }
      expected.check(image.device());
    }
    ImageException e =
        catchThrowableOfType(
            ImageException.class, () -> Images.open(file, OpenOptions.forWriting()).close());
    assertThat(e.kind()).isEqualTo(Kind.READ_ONLY);
  }

  private byte[] gzip(byte[] bytes, int from, int to, int level, int strategy) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (GZIPOutputStream gz =
        new GZIPOutputStream(out) {
          {
            def.setLevel(level);
            def.setStrategy(strategy);
          }
        }) {
      gz.write(bytes, from, to - from);
    }
    return out.toByteArray();
  }

  private Path gz(int level, int strategy) throws IOException {
    return Files.write(
        folder.resolve("disk.img.gz"), gzip(model.bytes(), 0, SIZE, level, strategy));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 6, 9})
  void gzipOfEachLevel(int level) throws IOException {
    fill(level);
    readsAs(gz(level, Deflater.DEFAULT_STRATEGY), "gz", model);
  }

  @Test
  void gzipOfFixedCodesAndOfNoMatches() throws IOException {
    fill(11);
    readsAs(gz(6, Deflater.HUFFMAN_ONLY), "gz", model);
    Arrays.fill(model.bytes(), (byte) 0);
    for (int i = 0; i < SIZE; i += 4096) {
      model.bytes()[i] = (byte) i;
    }
    readsAs(gz(6, Deflater.FILTERED), "gz", model);
  }

  @Test
  void gzipMembersOneAfterTheOtherWithPaddingBehind() throws IOException {
    fill(12);
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    int at = 0;
    for (int to : List.of(1, 70_000, 70_000, 3 << 20, SIZE)) {
      all.write(gzip(model.bytes(), at, to, 6, Deflater.DEFAULT_STRATEGY));
      at = to;
    }
    all.write(new byte[700]);
    readsAs(Files.write(folder.resolve("many.gz"), all.toByteArray()), "gz", model);
  }

  @Test
  void aQcow2InGzipIsAQcow2() throws IOException {
    fill(13);
    Path raw = model.save(folder.resolve("raw"));
    Path qcow2 = folder.resolve("disk.qcow2");
    QemuImg.ok("convert", "-O", "qcow2", raw, qcow2);
    byte[] bytes = Files.readAllBytes(qcow2);
    Path file =
        Files.write(
            folder.resolve("disk.qcow2.gz"),
            gzip(bytes, 0, bytes.length, 6, Deflater.DEFAULT_STRATEGY));
    readsAs(file, "gz", model);
  }

  @Test
  void theToolsOwnFilesAreRead() throws IOException {
    fill(14);
    Path raw = model.save(folder.resolve("raw"));
    for (String tool : List.of("gzip", "xz", "zstd")) {
      Path file = folder.resolve("packed." + tool);
      QemuImg.Outcome made =
          QemuImg.tool(
              "sh", "-c", "command -v " + tool + " && " + tool + " -c " + raw + " > " + file);
      if (made.status() == 0) {
        readsAs(file, tool.equals("gzip") ? "gz" : tool.equals("zstd") ? "zst" : tool, model);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 400_000})
  void xzOfOneAndOfManyBlocks(int block) throws IOException {
    fill(15);
    Path file = folder.resolve("disk.xz");
    try (OutputStream out = Files.newOutputStream(file);
        XZOutputStream xz = new XZOutputStream(out, new LZMA2Options(1))) {
      for (int at = 0; at < SIZE; ) {
        int n = Math.min(SIZE - at, block == 0 ? SIZE : block);
        xz.write(model.bytes(), at, n);
        at += n;
        if (block > 0) {
          xz.endBlock();
        }
      }
    }
    readsAs(file, "xz", model);
  }

  @Test
  void zstdOfManyFramesWithOneToSkip() throws IOException {
    fill(16);
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (int at = 0; at < SIZE; ) {
      int n = Math.min(SIZE - at, 900_000);
      Path part =
          Files.write(folder.resolve("part"), Arrays.copyOfRange(model.bytes(), at, at + n));
      Path packed = folder.resolve("part.zst");
      // From a pipe the frame does not know its size, from a file it does.
      String how = at % 2 == 0 ? "zstd -q -c < " : "zstd -q -c ";
      QemuImg.needs("zstd");
      assertThat(QemuImg.tool("sh", "-c", how + part + " > " + packed).status()).isZero();
      all.write(Files.readAllBytes(packed));
      all.write(new byte[] {0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3});
      at += n;
    }
    readsAs(Files.write(folder.resolve("frames.zst"), all.toByteArray()), "zst", model);
  }

  private Path zip(boolean stored) throws IOException {
    Path file = folder.resolve("disk.zip");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
      zip.putNextEntry(new ZipEntry("readme.txt"));
      zip.write("a disk".getBytes(StandardCharsets.US_ASCII));
      ZipEntry entry = new ZipEntry("folder/disk.img");
      if (stored) {
        CRC32 crc = new CRC32();
        crc.update(model.bytes());
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(SIZE);
        entry.setCrc(crc.getValue());
      }
      zip.putNextEntry(entry);
      zip.write(model.bytes());
      zip.setComment("made by a test");
    }
    return file;
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theLargestEntryOfAZip(boolean stored) throws IOException {
    fill(17);
    readsAs(zip(stored), "zip", model);
  }

  private static byte[] member(String name, long size) {
    byte[] header = new byte[512];
    byte[] text = name.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(text, 0, header, 0, text.length);
    byte[] octal = String.format("%011o", size).getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(octal, 0, header, 124, octal.length);
    System.arraycopy("ustar".getBytes(StandardCharsets.US_ASCII), 0, header, 257, 5);
    return header;
  }

  /** One frame, one block: no place to begin at but the first. */
  @ParameterizedTest
  @ValueSource(strings = {"xz -1 -T1", "zstd -q"})
  void aLargeStreamInOnePiece(String tool) throws IOException {
    ImageModel large = new ImageModel(70 << 20);
    new Random(3).nextBytes(large.bytes());
    Arrays.fill(large.bytes(), 100_000, 69 << 20, (byte) 0);
    Path raw = large.save(folder.resolve("large"));
    QemuImg.needs(tool.split(" ")[0]);
    Path file = folder.resolve("large.packed");
    assertThat(QemuImg.tool("sh", "-c", tool + " -c < " + raw + " > " + file).status()).isZero();
    readsAs(file, tool.startsWith("xz") ? "xz" : "zst", large);
  }

  @Test
  void theDiskOfAnAppliance() throws IOException {
    fill(18);
    Path raw = model.save(folder.resolve("raw"));
    Path vmdk = folder.resolve("disk.vmdk");
    QemuImg.ok("convert", "-O", "vmdk", "-o", "subformat=streamOptimized", raw, vmdk);
    byte[] disk = Files.readAllBytes(vmdk);
    ByteArrayOutputStream tar = new ByteArrayOutputStream();
    tar.write(member("machine.ovf", 700));
    tar.write(new byte[1024]);
    tar.write(member("machine-disk1.vmdk", disk.length));
    tar.write(Arrays.copyOf(disk, Math.ceilDiv(disk.length, 512) * 512));
    tar.write(new byte[1024]);
    readsAs(Files.write(folder.resolve("machine.ova"), tar.toByteArray()), "ova", model);
  }

  @ParameterizedTest
  @ValueSource(strings = {"gz", "xz", "zst", "zip"})
  void whatIsBrokenIsSaidToBeBroken(String kind) throws IOException {
    ImageModel small = new ImageModel(256 << 10);
    new Random(2).nextBytes(small.bytes());
    Arrays.fill(small.bytes(), 50_000, 150_000, (byte) 'x');
    Path raw = small.save(folder.resolve("small"));
    Path file = folder.resolve("small." + kind);
    switch (kind) {
      case "gz" -> Files.write(file, gzip(small.bytes(), 0, 256 << 10, 6, 0));
      case "xz" -> {
        try (XZOutputStream xz =
            new XZOutputStream(Files.newOutputStream(file), new LZMA2Options(0))) {
          xz.write(small.bytes());
        }
      }
      case "zst" -> {
        QemuImg.needs("zstd");
        QemuImg.tool("zstd", "-q", raw, "-o", file);
      }
      default -> {
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
          zip.putNextEntry(new ZipEntry("disk"));
          zip.write(small.bytes());
        }
      }
    }
    byte[] good = Files.readAllBytes(file);
    Random random = new Random(3);
    for (int i = 0; i < 250; i++) {
      byte[] bad = good.clone();
      int at = random.nextInt(random.nextBoolean() ? 64 : bad.length);
      int end = random.nextBoolean() ? at : bad.length - 1 - random.nextInt(64);
      bad[end] = (byte) random.nextInt(256);
      int cut = random.nextInt(3) == 0 ? random.nextInt(bad.length) : bad.length;
      Files.write(file, Arrays.copyOf(bad, cut));
      Throwable e =
          catchThrowable(
              () -> {
                try (OpenedImage image =
                    Images.open(file, OpenOptions.readOnly().withFormat(kind))) {
                  int n = (int) Math.min(image.device().size(), 1 << 20);
                  ImageModel.read(image.device(), 0, n);
                }
              });
      if (e != null) {
        assertThat(e).as(kind + " byte " + end + " cut " + cut).isInstanceOf(ImageException.class);
      }
    }
  }

  /** A megabyte that unpacks to a gigabyte and says nothing of it. */
  @Test
  void aBombTakesNoMoreMemoryThanAnythingElse() throws IOException {
    Path file = folder.resolve("bomb.gz");
    byte[] zeros = new byte[1 << 20];
    try (GZIPOutputStream gz = new GZIPOutputStream(Files.newOutputStream(file))) {
      for (int i = 0; i < 400; i++) {
        gz.write(zeros);
      }
    }
    Runtime runtime = Runtime.getRuntime();
    System.gc();
    final long before = runtime.totalMemory() - runtime.freeMemory();
    try (OpenedImage image = Images.open(file, OpenOptions.readOnly())) {
      assertThat(image.device().size()).isEqualTo(400L << 20);
      assertThat(ImageModel.read(image.device(), 300L << 20, 4096)).isEqualTo(new byte[4096]);
      System.gc();
      assertThat(runtime.totalMemory() - runtime.freeMemory() - before).isLessThan(40L << 20);
    }
  }
}
