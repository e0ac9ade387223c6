package io.satchel.image.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.satchel.image.ImageModel;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.QemuImg;
import io.satchel.image.block.ImageException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import java.util.zip.Deflater;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;

/** Formats that qemu-img only reads: written here by hand, and read as it reads them. */
class ReadOnlyFormatsTest {
  private static final int SIZE = 1 << 20;

  @TempDir Path folder;
  private final ImageModel model = new ImageModel(SIZE);

  private void fill() {
    Random random = new Random(1);
    for (int at = 0; at < SIZE; at += 30_000) {
      int n = Math.min(SIZE - at, 20_000);
      int kind = random.nextInt(3);
      for (int i = at; i < at + n && kind > 0; i++) {
        model.bytes()[i] = (byte) (kind == 1 ? random.nextInt() : i / 700);
      }
    }
    Arrays.fill(model.bytes(), 300_000, 600_000, (byte) 0);
  }

  private void readsAsQemuReads(Path file, String format) throws IOException {
    Path raw = folder.resolve("converted.raw");
    QemuImg.ok("convert", "-f", format, "-O", "raw", file, raw);
    assertThat(Files.readAllBytes(raw)).isEqualTo(model.bytes());
    readsAsTheModel(file, format);
  }

  private void readsAsTheModel(Path file, String format) throws IOException {
    assertThat(Images.probe(file)).isEqualTo(format);
    try (OpenedImage image = Images.open(file, OpenOptions.forWriting())) {
      assertThat(image.format()).isEqualTo(format);
      assertThat(image.device().readOnly()).isTrue();
      assertThat(image.device().size()).isEqualTo(SIZE);
      model.check(image.device());
      for (int i = 0; i < 30; i++) {
        model.checkSome(new Random(i), image.device());
      }
      Throwable e = catchThrowable(() -> image.device().write(0, ByteBuffer.allocate(512)));
      assertThat(((ImageException) e).kind()).isEqualTo(ImageException.Kind.READ_ONLY);
    }
  }

  private static byte[] zlib(byte[] bytes, int from, int length) {
    Deflater deflater = new Deflater();
    deflater.setInput(bytes, from, length);
    deflater.finish();
    byte[] out = new byte[length + 1000];
    int n = deflater.deflate(out);
    deflater.end();
    return Arrays.copyOf(out, n);
  }

  private Path cloop() throws IOException {
    int block = 64 << 10;
    int blocks = SIZE / block;
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    ByteBuffer head = ByteBuffer.allocate(136 + (blocks + 1) * 8);
    head.put(
        "#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount -r -t iso9660 /dev/cloop $1\n"
            .getBytes(StandardCharsets.US_ASCII));
    head.putInt(128, block).putInt(132, blocks);
    for (int i = 0; i < blocks; i++) {
      head.putLong(136 + i * 8, head.capacity() + data.size());
      data.write(zlib(model.bytes(), i * block, block));
    }
    head.putLong(136 + blocks * 8, head.capacity() + data.size());
    return write("disk.cloop", head.array(), data.toByteArray());
  }

  private Path write(String name, byte[]... parts) throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      all.write(part);
    }
    return Files.write(folder.resolve(name), all.toByteArray());
  }

  @Test
  void cloopOfVersion2() throws IOException {
    fill();
    readsAsQemuReads(cloop(), "cloop");
  }

  private Path bochs(int version) throws IOException {
    int extent = 64 << 10;
    int bitmap = extent / 512 / 8;
    int catalog = SIZE / extent + 3;
    ByteBuffer h = ByteBuffer.allocate(512 + catalog * 4).order(ByteOrder.LITTLE_ENDIAN);
    h.put(0, "Bochs Virtual HD Image".getBytes(StandardCharsets.US_ASCII));
    h.put(32, "Redolog".getBytes(StandardCharsets.US_ASCII));
    h.put(48, "Growing".getBytes(StandardCharsets.US_ASCII));
    h.putInt(64, version << 16).putInt(68, 512).putInt(72, catalog).putInt(76, bitmap);
    h.putInt(80, extent).putLong(version == 1 ? 84 : 88, SIZE);
    for (int i = 0; i < catalog; i++) {
      h.putInt(512 + i * 4, -1);
    }
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    int next = 0;
    // Backwards, so that the catalog says something.
    for (int i = SIZE / extent - 1; i >= 0; i--) {
      byte[] bits = new byte[512];
      boolean any = false;
      for (int s = 0; s < extent / 512; s++) {
        int at = i * extent + s * 512;
        if (!Arrays.equals(Arrays.copyOfRange(model.bytes(), at, at + 512), new byte[512])) {
          bits[s / 8] |= (byte) (1 << s % 8);
          any = true;
        }
      }
      if (any) {
        h.putInt(512 + i * 4, next++);
        data.write(bits);
        data.write(model.bytes(), i * extent, extent);
      }
    }
    return write("disk.bochs", h.array(), data.toByteArray());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void growingDisksOfBochs(int version) throws IOException {
    fill();
    readsAsQemuReads(bochs(version), "bochs");
  }

  /** How the runs of a dmg are packed; the last ones are not known to qemu-img 7.2 as built. */
  private Path dmg(boolean fork, int... types) throws IOException {
    int piece = 64 << 10;
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    List<byte[]> tables = new ArrayList<>();
    for (int half = 0; half < 2; half++) {
      int pieces = SIZE / piece / 2;
      ByteBuffer mish = ByteBuffer.allocate(204 + (pieces + 1) * 40);
      mish.putInt(0, 0x6d697368).putInt(4, 1).putLong(8, (long) half * SIZE / 2 / 512);
      mish.putLong(16, SIZE / 2 / 512).putInt(200, pieces + 1);
      for (int i = 0; i < pieces; i++) {
        int from = half * SIZE / 2 + i * piece;
        byte[] plain = Arrays.copyOfRange(model.bytes(), from, from + piece);
        int type = types[i % types.length];
        boolean zero = Arrays.equals(plain, new byte[piece]);
        type = zero ? i % 2 * 2 : type;
        byte[] packed =
            switch (type) {
              case 1 -> plain;
              case 0x80000005 -> zlib(plain, 0, piece);
              case 0x80000004 -> literals(plain);
              case 0x80000008 -> xz(plain);
              default -> new byte[0];
            };
        int at = 204 + i * 40;
        mish.putInt(at, type).putLong(at + 8, (long) i * piece / 512).putLong(at + 16, piece / 512);
        mish.putLong(at + 24, data.size()).putLong(at + 32, packed.length);
        data.write(packed);
      }
      mish.putInt(204 + pieces * 40, -1);
      tables.add(mish.array());
    }
    byte[] list = fork ? fork(tables) : plist(tables);
    ByteBuffer koly = ByteBuffer.allocate(512).putInt(0, 0x6b6f6c79).putInt(4, 4).putInt(8, 512);
    koly.putLong(0x20, data.size()).putLong(0x1ec, SIZE / 512);
    int at = fork ? 0x28 : 0xd8;
    koly.putLong(at, data.size()).putLong(at + 8, list.length);
    return write("disk.dmg", data.toByteArray(), list, koly.array());
  }

  private static byte[] plist(List<byte[]> tables) {
    StringBuilder text = new StringBuilder("<plist><dict><key>resource-fork</key><dict>");
    text.append("<key>blkx</key><array>\n");
    for (byte[] table : tables) {
      text.append("<dict><key>Data</key>\n<data>\n");
      text.append(Base64.getMimeEncoder().encodeToString(table)).append("\n</data></dict>\n");
    }
    return text.append("</array></dict></dict></plist>\n")
        .toString()
        .getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] fork(List<byte[]> tables) {
    int length = tables.stream().mapToInt(t -> t.length + 4).sum();
    ByteBuffer b = ByteBuffer.allocate(0x100 + length);
    b.putInt(0x100).putInt(0x100 + length).putInt(length).putInt(0).position(0x100);
    tables.forEach(t -> b.putInt(t.length).put(t));
    return b.array();
  }

  /** ADC that is all literals but for a run at each end. */
  private static byte[] literals(byte[] plain) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (int at = 0; at < plain.length; ) {
      int run = at == 0 ? 0 : same(plain, at, at - 1, 67);
      if (run >= 4) {
        out.write(0x40 | run - 4);
        out.write(0);
        out.write(0);
        at += run;
        continue;
      }
      int near = at < 4 ? 0 : same(plain, at, at - 4, 18);
      if (near >= 3) {
        out.write(near - 3 << 2);
        out.write(3);
        at += near;
        continue;
      }
      int n = Math.min(7, plain.length - at);
      out.write(0x80 | n - 1);
      out.write(plain, at, n);
      at += n;
    }
    return out.toByteArray();
  }

  private static int same(byte[] plain, int at, int from, int most) {
    int n = 0;
    while (n < most && at + n < plain.length && plain[at + n] == plain[from + n]) {
      n++;
    }
    return n;
  }

  private static byte[] xz(byte[] plain) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (XZOutputStream xz = new XZOutputStream(out, new LZMA2Options(1))) {
      xz.write(plain);
    }
    return out.toByteArray();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void dmgWithZlibRawAndZeroRuns(boolean fork) throws IOException {
    fill();
    readsAsQemuReads(dmg(fork, 0x80000005, 1), "dmg");
  }

  @Test
  void dmgWithAdcAndLzmaRuns() throws IOException {
    fill();
    readsAsTheModel(dmg(false, 0x80000004, 0x80000008), "dmg");
  }

  @Test
  void aDmgInAnUnknownPackingSaysSo() throws IOException {
    fill();
    Path file = dmg(false, 0x80000007);
    try (OpenedImage image = Images.open(file, OpenOptions.readOnly())) {
      Throwable e = catchThrowable(() -> model.check(image.device()));
      assertThat(((ImageException) e).kind()).isEqualTo(ImageException.Kind.UNSUPPORTED);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"cloop", "bochs", "dmg"})
  void anyByteMayBeWrong(String format) throws IOException {
    fill();
    Path file =
        switch (format) {
          case "cloop" -> cloop();
          case "bochs" -> bochs(2);
          default -> dmg(true, 0x80000005);
        };
    byte[] good = Files.readAllBytes(file);
    Random random = new Random(4);
    for (int i = 0; i < 300; i++) {
      byte[] bad = good.clone();
      int at = random.nextInt(600);
      at = format.equals("dmg") ? bad.length - 1 - random.nextInt(3000) : at;
      for (int j = 0; j < 1 + random.nextInt(4) && at + j < bad.length; j++) {
        bad[at + j] = (byte) (random.nextBoolean() ? 0xff : random.nextInt(256));
      }
      int cut = random.nextInt(4) == 0 ? random.nextInt(bad.length) : bad.length;
      Files.write(file, Arrays.copyOf(bad, cut));
      Throwable e =
          catchThrowable(
              () -> {
                try (OpenedImage image =
                    Images.open(file, OpenOptions.readOnly().withFormat(format))) {
                  ImageModel.read(
                      image.device(), 0, (int) Math.min(image.device().size(), 2 << 20));
                }
              });
      if (e != null) {
        assertThat(e).isInstanceOf(ImageException.class);
      }
    }
  }
}
