package io.satchel.image.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.satchel.image.ImageModel;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.QemuImg;
import io.satchel.image.block.ImageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Formats that qemu-img only reads: written here by hand, and read as it reads them. */
class ReadOnlyFormatsTest {
  private static final int SIZE = 1 << 20;
  private static final int PIECE = 64 << 10;

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

  private Path write(String name, byte[] image) throws IOException {
    return Files.write(folder.resolve(name), image);
  }

  private Path cloop() throws IOException {
    return write("disk.cloop", ReadOnlyImages.cloop(model.bytes(), PIECE));
  }

  private Path bochs(int version) throws IOException {
    return write("disk.bochs", ReadOnlyImages.bochs(model.bytes(), PIECE, version));
  }

  private Path dmg(boolean fork, int... types) throws IOException {
    return write("disk.dmg", ReadOnlyImages.dmg(model.bytes(), PIECE, fork, types));
  }

  @Test
  void cloopOfVersion2() throws IOException {
    fill();
    readsAsQemuReads(cloop(), "cloop");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void growingDisksOfBochs(int version) throws IOException {
    fill();
    readsAsQemuReads(bochs(version), "bochs");
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
  void dmgWithBzip2Runs() throws IOException {
    QemuImg.needs("bzip2");
    fill();
    Arrays.fill(model.bytes(), 700_000, 800_000, (byte) 'x');
    readsAsTheModel(dmg(false, 0x80000006, 0x80000005), "dmg");
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
