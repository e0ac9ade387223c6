package io.satchel.image.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.satchel.image.ImageModel;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.block.ImageException;
import io.satchel.image.cli.ImgCommand;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Differencing VHDs, laid out here by hand from the specification (October 2006): QEMU knows none.
 */
class VhdDifferencingTest {
  private static final int SIZE = 5 << 20;
  private static final int BLOCK = 2 << 20;
  private static final int TABLE = 1536;
  private static final int NAME = 2048;

  @TempDir Path folder;
  private final ImageModel model = new ImageModel(SIZE);

  private Path parent(String name) throws IOException {
    Path file = folder.resolve(name);
    Images.create(file, "vpc", SIZE, Map.of("subformat", "dynamic"));
    try (OpenedImage image = Images.open(file, OpenOptions.forWriting())) {
      Random random = new Random(1);
      for (int i = 0; i < 20; i++) {
        model.change(random, image.device());
      }
    }
    return file;
  }

  private static void checksum(ByteBuffer b, int at, int length, int field) {
    b.putInt(at + field, 0);
    int sum = 0;
    for (int i = 0; i < length; i++) {
      sum += b.get(at + i) & 0xff;
    }
    b.putInt(at + field, ~sum);
  }

  /** A child whose second block holds every third sector. */
  private Path child(Path parent, String locator) throws IOException {
    byte[] below = Files.readAllBytes(parent);
    ByteBuffer b = ByteBuffer.allocate(4096 + 512 + BLOCK + 512);
    b.put(0, below, 0, 512);
    b.putInt(60, 4).putLong(68, 77).putLong(76, 78);
    checksum(b, 0, 512, 64);
    b.put(512, "cxsparse".getBytes(StandardCharsets.US_ASCII));
    b.putLong(520, -1).putLong(528, TABLE).putInt(536, 0x10000).putInt(540, 3).putInt(544, BLOCK);
    b.put(512 + 40, below, 68, 16);
    byte[] bare = "C:\\disks\\parent.vhd".getBytes(StandardCharsets.UTF_16BE);
    b.put(512 + 64, bare);
    if (locator != null) {
      byte[] name = locator.getBytes(StandardCharsets.UTF_16LE);
      b.putInt(512 + 576, 0x57327275).putInt(512 + 580, 1).putInt(512 + 584, name.length);
      b.putLong(512 + 592, NAME);
      b.put(NAME, name);
    }
    checksum(b, 512, 1024, 36);
    b.putInt(TABLE, -1).putInt(TABLE + 4, 4096 / 512).putInt(TABLE + 8, -1);
    for (int s = 0; s < BLOCK / 512; s += 3) {
      b.put(4096 + s / 8, (byte) (b.get(4096 + s / 8) | 0x80 >> s % 8));
      byte[] sector = new byte[512];
      Arrays.fill(sector, (byte) s);
      b.put(4096 + 512 + s * 512, sector);
      System.arraycopy(sector, 0, model.bytes(), BLOCK + s * 512, 512);
    }
    b.put(4096 + 512 + BLOCK, b.array(), 0, 512);
    return Files.write(folder.resolve("child.vhd"), b.array());
  }

  @Test
  void theParentShowsThroughUnmarkedSectors() throws IOException {
    Path file = child(parent("parent.vhd"), ".\\parent.vhd");
    try (OpenedImage image = Images.open(file, OpenOptions.readOnly())) {
      assertThat(image.chain()).hasSize(2);
      model.check(image.device());
    }
  }

  @Test
  void aParentWithoutALocatorLiesBesideIt() throws IOException {
    Path file = child(parent("parent.vhd"), null);
    try (OpenedImage image = Images.open(file, OpenOptions.readOnly())) {
      model.check(image.device());
    }
  }

  @Test
  void writesStayInTheChild() throws IOException {
    Path below = parent("parent.vhd");
    byte[] before = Files.readAllBytes(below);
    Path file = child(below, ".\\parent.vhd");
    Random random = new Random(2);
    for (int round = 0; round < 3; round++) {
      try (OpenedImage image = Images.open(file, OpenOptions.forWriting())) {
        model.check(image.device());
        for (int i = 0; i < 10; i++) {
          model.change(random, image.device());
          model.checkSome(random, image.device());
        }
      }
    }
    try (OpenedImage image = Images.open(file, OpenOptions.readOnly())) {
      model.check(image.device());
    }
    assertThat(Files.readAllBytes(below)).isEqualTo(before);
    byte[] all = Files.readAllBytes(file);
    assertThat(new String(all, all.length - 512, 8, StandardCharsets.US_ASCII))
        .isEqualTo("conectix");
  }

  /** Made by the command, then used; its parent stays as it was. */
  @Test
  void aChildThatIsMadeHereTakesTheWrites() throws IOException {
    Path below = parent("parent.vhd");
    byte[] before = Files.readAllBytes(below);
    Path made = folder.resolve("made.vhd");
    for (Object name : new Object[] {"parent.vhd", below}) {
      assertThat(img("create", "-f", "vpc", "-b", name, "-F", "vpc", made)).isZero();
      Random random = new Random(7);
      ImageModel own = new ImageModel(SIZE);
      System.arraycopy(model.bytes(), 0, own.bytes(), 0, SIZE);
      for (int round = 0; round < 3; round++) {
        try (OpenedImage image = Images.open(made, OpenOptions.forWriting())) {
          assertThat(image.chain()).hasSize(2);
          own.check(image.device());
          for (int i = 0; i < 10; i++) {
            own.change(random, image.device());
          }
        }
      }
      try (OpenedImage image = Images.open(made, OpenOptions.readOnly())) {
        own.check(image.device());
      }
    }
    assertThat(Files.readAllBytes(below)).isEqualTo(before);
  }

  /** Field by field as the specification has it, for no other program here reads it. */
  @Test
  void aChildThatIsMadeHereNamesItsParentTwice() throws IOException {
    Path below = parent("parent.vhd");
    Path made = folder.resolve("sub").resolve("made.vhd");
    Files.createDirectory(made.getParent());
    assertThat(img("create", "-f", "vpc", "-b", "../parent.vhd", "-F", "vpc", made)).isZero();
    ByteBuffer b = ByteBuffer.wrap(Files.readAllBytes(made));
    ByteBuffer parentFooter = ByteBuffer.wrap(Files.readAllBytes(below));
    assertThat(b.getInt(60)).as("disk type").isEqualTo(4);
    assertThat(b.slice(512 + 40, 16)).as("parent's id").isEqualTo(parentFooter.slice(68, 16));
    assertThat(b.slice(68, 16)).as("its own id").isNotEqualTo(parentFooter.slice(68, 16));
    assertThat(string(b, 512 + 64, 20, StandardCharsets.UTF_16BE)).isEqualTo("parent.vhd");
    assertThat(locator(b, 0)).isEqualTo("W2ru ..\\parent.vhd");
    assertThat(locator(b, 1)).isEqualTo("W2ku " + below.toAbsolutePath());
    for (int[] sum : new int[][] {{0, 512, 64}, {512, 1024, 36}, {b.limit() - 512, 512, 64}}) {
      int is = b.getInt(sum[0] + sum[2]);
      checksum(b, sum[0], sum[1], sum[2]);
      assertThat(is).as("checksum at " + sum[0]).isEqualTo(b.getInt(sum[0] + sum[2]));
    }
    try (OpenedImage image =
        Images.open(made, OpenOptions.readOnly().withBacking(OpenOptions.BackingPolicy.ANYWHERE))) {
      model.check(image.device());
    }
  }

  private static String string(ByteBuffer b, int at, int length, Charset set) {
    byte[] bytes = new byte[length];
    b.get(at, bytes);
    return new String(bytes, set);
  }

  private static String locator(ByteBuffer b, int index) {
    int at = 512 + 576 + index * 24;
    return string(b, at, 4, StandardCharsets.US_ASCII)
        + " "
        + string(b, (int) b.getLong(at + 16), b.getInt(at + 8), StandardCharsets.UTF_16LE);
  }

  private static int img(Object... words) {
    PrintStream none = new PrintStream(OutputStream.nullOutputStream());
    return ImgCommand.run(
        none, none, Arrays.stream(words).map(Object::toString).toArray(String[]::new));
  }

  @Test
  void committedIntoItsParentItStillFits() throws IOException {
    Path below = parent("parent.vhd");
    Path file = child(below, ".\\parent.vhd");
    assertThat(img("commit", file)).isZero();
    for (Path each : new Path[] {below, file}) {
      try (OpenedImage image = Images.open(each, OpenOptions.readOnly())) {
        model.check(image.device());
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "backing_file=parent.vhd;backing_fmt=raw, only lie over another VHD",
    "backing_file=parent.vhd;subformat=fixed, fixed and lie over",
    "backing_file=raw.img, the footer of a VHD",
    "backing_file=gone.vhd, gone.vhd",
    "backing_file=parent.vhd;size=1M, as large as its parent",
  })
  void aChildThatCannotBeIsNotMade(String options, String problem) throws IOException {
    parent("parent.vhd");
    Files.write(folder.resolve("raw.img"), new byte[SIZE]);
    Map<String, String> all = new HashMap<>();
    for (String option : options.split(";")) {
      all.put(option.split("=")[0], option.split("=")[1]);
    }
    long size = all.remove("size") == null ? SIZE : 1 << 20;
    Path made = folder.resolve("made.vhd");
    assertThatThrownBy(() -> Images.create(made, "vpc", size, all))
        .isInstanceOf(ImageException.class)
        .hasMessageContaining(problem);
    assertThat(made).doesNotExist();
  }

  @Test
  void anotherParentIsRefused() throws IOException {
    Path file = child(parent("parent.vhd"), ".\\other.vhd");
    parent("other.vhd");
    ImageException e =
        catchThrowableOfType(
            ImageException.class, () -> Images.open(file, OpenOptions.readOnly()).close());
    assertThat(e).hasMessageContaining("over another disk");
    Path outside = child(folder.resolve("parent.vhd"), "..\\..\\etc\\passwd");
    ImageException refused =
        catchThrowableOfType(
            ImageException.class, () -> Images.open(outside, OpenOptions.readOnly()).close());
    assertThat(refused.kind())
        .isIn(ImageException.Kind.BACKING_REFUSED, ImageException.Kind.BACKING_MISSING);
  }

  @Test
  void anyByteOfTheHeadersMayBeWrong() throws IOException {
    Path file = child(parent("parent.vhd"), ".\\parent.vhd");
    byte[] good = Files.readAllBytes(file);
    Random random = new Random(3);
    for (int i = 0; i < 200; i++) {
      byte[] bad = good.clone();
      for (int j = 0; j < 3; j++) {
        bad[random.nextInt(4700)] = (byte) (random.nextBoolean() ? 0xff : random.nextInt(256));
      }
      Files.write(
          file, random.nextInt(4) == 0 ? Arrays.copyOf(bad, random.nextInt(bad.length)) : bad);
      try (OpenedImage image = Images.open(file, OpenOptions.readOnly().withFormat("vpc"))) {
        ImageModel.read(image.device(), 0, (int) Math.min(image.device().size(), 4 << 20));
      } catch (ImageException e) {
        assertThat(e.getMessage()).endsWith(".");
      }
    }
  }
}
