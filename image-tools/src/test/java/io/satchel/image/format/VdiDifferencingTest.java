package io.satchel.image.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.satchel.image.ImageModel;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.QemuImg;
import io.satchel.image.block.ImageException;
import io.satchel.image.cli.ImgCommand;
import io.satchel.image.file.Guid;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Differencing VDIs, laid out here by hand from VDICore.h: QEMU refuses them. */
class VdiDifferencingTest {
  private static final int MIB = 1 << 20;
  private static final int SIZE = 5 * MIB;
  private static final int DATA = 1024;

  @TempDir Path folder;
  private final ImageModel model = new ImageModel(SIZE);

  private static ByteBuffer header(Path file) throws IOException {
    byte[] head = Arrays.copyOf(Files.readAllBytes(file), 512);
    return ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN);
  }

  private Path parent(Path file) throws IOException {
    Images.create(file, "vdi", SIZE, Map.of());
    try (OpenedImage image = Images.open(file, OpenOptions.forWriting())) {
      Random random = new Random(1);
      for (int i = 0; i < 20; i++) {
        model.change(random, image.device());
      }
    }
    return file;
  }

  /** Block 1 is the child's, block 2 zeros, the others are the parent's. */
  private Path child(Path file, ByteBuffer parent) throws IOException {
    ByteBuffer b = ByteBuffer.allocate(DATA + MIB).order(ByteOrder.LITTLE_ENDIAN);
    b.put("<<< Oracle VM VirtualBox Disk Image >>>\n".getBytes(StandardCharsets.US_ASCII));
    b.putInt(0x40, 0xbeda107f).putInt(0x44, 0x00010001).putInt(0x48, 400).putInt(0x4c, 4);
    b.putInt(0x154, 512).putInt(0x158, DATA).putInt(0x168, 512).putLong(0x170, SIZE);
    b.putInt(0x178, MIB).putInt(0x180, 5).putInt(0x184, 1);
    Guid.put(b, 0x188, new UUID(1, 2));
    Guid.put(b, 0x198, new UUID(3, 4));
    b.put(0x1a8, parent.array(), 0x188, 16).put(0x1b8, parent.array(), 0x198, 16);
    for (int i = 0; i < 5; i++) {
      b.putInt(512 + i * 4, i == 1 ? 0 : i == 2 ? -2 : -1);
    }
    byte[] block = new byte[MIB];
    new Random(4).nextBytes(block);
    b.put(DATA, block);
    System.arraycopy(block, 0, model.bytes(), MIB, MIB);
    Arrays.fill(model.bytes(), 2 * MIB, 3 * MIB, (byte) 0);
    return Files.write(file, b.array());
  }

  private void worksOver(Path file, Path below) throws IOException {
    final byte[] before = Files.readAllBytes(below);
    Random random = new Random(2);
    for (int round = 0; round < 3; round++) {
      try (OpenedImage image =
          Images.open(
              file, OpenOptions.forWriting().withBacking(OpenOptions.BackingPolicy.OVERLAY))) {
        assertThat(image.chain()).hasSize(2);
        model.check(image.device());
        for (int i = 0; i < 10; i++) {
          model.change(random, image.device());
          model.checkSome(random, image.device());
        }
      }
    }
    try (OpenedImage image =
        Images.open(file, OpenOptions.readOnly().withBacking(OpenOptions.BackingPolicy.OVERLAY))) {
      model.check(image.device());
    }
    assertThat(Files.readAllBytes(below)).isEqualTo(before);
  }

  @Test
  void theParentIsFoundByItsUuidWhateverItsName() throws IOException {
    Files.write(folder.resolve("a.vdi"), new byte[100]);
    Images.create(folder.resolve("b.vdi"), "vdi", SIZE, Map.of());
    Path below = parent(folder.resolve("parent.vdi"));
    worksOver(child(folder.resolve("child.vdi"), header(below)), below);
  }

  @Test
  void aParentAboveTheFolderOfSnapshotsIsFound() throws IOException {
    Path below = parent(folder.resolve("parent.vdi"));
    Path snapshots = Files.createDirectory(folder.resolve("Snapshots"));
    worksOver(child(snapshots.resolve("{uuid}.vdi"), header(below)), below);
  }

  @Test
  void aParentMadeByQemuServesToo() throws IOException {
    Path raw = folder.resolve("raw");
    new Random(8).nextBytes(model.bytes());
    model.save(raw);
    Path below = folder.resolve("parent.vdi");
    QemuImg.ok("convert", "-O", "vdi", raw, below);
    worksOver(child(folder.resolve("child.vdi"), header(below)), below);
  }

  @Test
  void committedIntoItsParentItStillFits() throws IOException {
    Path below = parent(folder.resolve("parent.vdi"));
    Path file = child(folder.resolve("child.vdi"), header(below));
    PrintStream none = new PrintStream(OutputStream.nullOutputStream());
    assertThat(ImgCommand.run(none, none, "commit", file.toString())).isZero();
    for (Path each : new Path[] {below, file}) {
      try (OpenedImage image = Images.open(each, OpenOptions.readOnly())) {
        model.check(image.device());
      }
    }
    QemuImg.same(below, model.save(folder.resolve("raw")));
  }

  @Test
  void aMissingParentIsNamedByItsUuid() throws IOException {
    Path below = parent(folder.resolve("parent.vdi"));
    ByteBuffer head = header(below);
    Path file = child(folder.resolve("child.vdi"), head);
    Files.delete(below);
    ImageException e =
        catchThrowableOfType(
            ImageException.class, () -> Images.open(file, OpenOptions.readOnly()).close());
    assertThat(e.kind()).isEqualTo(ImageException.Kind.BACKING_MISSING);
    assertThat(e)
        .hasMessageContaining("{" + Guid.get(head, 0x188) + "}")
        .hasMessageContaining("put that file there");
    OpenOptions alone = OpenOptions.readOnly().withBacking(OpenOptions.BackingPolicy.NONE);
    try (OpenedImage image = Images.open(file, alone)) {
      assertThat(image.device().size()).isEqualTo(SIZE);
    }
  }

  @Test
  void aParentThatWasWrittenSinceIsRefused() throws IOException {
    Path below = parent(folder.resolve("parent.vdi"));
    Path file = child(folder.resolve("child.vdi"), header(below));
    try (OpenedImage image = Images.open(below, OpenOptions.forWriting())) {
      image.device().write(0, ByteBuffer.allocate(512));
    }
    ImageException e =
        catchThrowableOfType(
            ImageException.class, () -> Images.open(file, OpenOptions.readOnly()).close());
    assertThat(e.kind()).isEqualTo(ImageException.Kind.CORRUPT);
    assertThat(e).hasMessageContaining("another content of its parent");
  }

  @Test
  void oneThatIsItsOwnParentIsRefused() throws IOException {
    Path file = child(folder.resolve("child.vdi"), header(parent(folder.resolve("parent.vdi"))));
    child(file, header(file));
    ImageException e =
        catchThrowableOfType(
            ImageException.class, () -> Images.open(file, OpenOptions.readOnly()).close());
    assertThat(e).hasMessageContaining("its own backing file");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 5, -1})
  void aTypeThatHasNoParentsContradictsOne(int type) throws IOException {
    Path file = child(folder.resolve("child.vdi"), header(parent(folder.resolve("parent.vdi"))));
    byte[] bytes = Files.readAllBytes(file);
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(0x4c, type);
    Files.write(file, bytes);
    ImageException e =
        catchThrowableOfType(
            ImageException.class, () -> Images.open(file, OpenOptions.readOnly()).close());
    assertThat(e.kind()).isIn(ImageException.Kind.CORRUPT, ImageException.Kind.UNSUPPORTED);
  }

  @Test
  void anyByteOfTheHeaderMayBeWrong() throws IOException {
    Path below = parent(folder.resolve("parent.vdi"));
    byte[] good = Files.readAllBytes(child(folder.resolve("child.vdi"), header(below)));
    Path file = folder.resolve("child.vdi");
    Random random = new Random(3);
    for (int i = 0; i < 200; i++) {
      byte[] bad = good.clone();
      for (int j = 0; j < 3; j++) {
        int at = random.nextBoolean() ? 0x40 + random.nextInt(0x200) : random.nextInt(560);
        bad[at] = (byte) (random.nextBoolean() ? 0xff : random.nextInt(256));
      }
      Files.write(
          file, random.nextInt(4) == 0 ? Arrays.copyOf(bad, 1 + random.nextInt(bad.length)) : bad);
      try (OpenedImage image = Images.open(file, OpenOptions.readOnly().withFormat("vdi"))) {
        ImageModel.read(image.device(), 0, (int) Math.min(image.device().size(), 4 << 20));
      } catch (ImageException e) {
        assertThat(e.getMessage()).endsWith(".");
      }
    }
  }
}
