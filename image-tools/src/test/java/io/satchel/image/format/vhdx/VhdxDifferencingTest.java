package io.satchel.image.format.vhdx;

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
import io.satchel.image.file.HostFile;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Differencing VHDXs, made here by hand from MS-VHDX: QEMU knows none. */
class VhdxDifferencingTest {
  private static final int MIB = 1 << 20;
  private static final int SIZE = 6 * MIB;
  private static final long METADATA = 2 * MIB;
  private static final long TABLE = 3 * MIB;
  private static final int RATIO = 4096;
  private static final int LOCATOR = (64 << 10) + 4096;

  @TempDir Path folder;
  private final ImageModel model = new ImageModel(SIZE);

  private UUID parent(String name) throws IOException {
    Path file = folder.resolve(name);
    Images.create(file, "vhdx", SIZE, Map.of("block_size", "1M"));
    try (OpenedImage image = Images.open(file, OpenOptions.forWriting())) {
      Random random = new Random(1);
      for (int i = 0; i < 20; i++) {
        model.change(random, image.device());
      }
    }
    return dataWrite(file);
  }

  private void text(ByteBuffer b, int entry, int at, String key, String value) {
    byte[] k = key.getBytes(StandardCharsets.UTF_16LE);
    byte[] v = value.getBytes(StandardCharsets.UTF_16LE);
    b.putInt(entry, at).putInt(entry + 4, at + k.length);
    b.putShort(entry + 8, (short) k.length).putShort(entry + 10, (short) v.length);
    b.put(at, k).put(at + k.length, v);
  }

  /** Block 1 is the child's, 2 is zeros, 3 is mixed, the others are the parent's. */
  private Path child(UUID linkage, String relative) throws IOException {
    Path file = folder.resolve("child.vhdx");
    Images.create(file, "vhdx", SIZE, Map.of("block_size", "1M"));
    try (HostFile host = HostFile.open(file, true, HostFile.Locking.NO)) {
      ByteBuffer metadata = VhdxFormat.little(128 << 10);
      host.read(METADATA, metadata);
      metadata.putShort(10, (short) 6);
      UUID item = UUID.fromString("A8D35F2D-B30B-454D-ABF7-D3D84834AB0C");
      Guid.put(metadata, 32 + 5 * 32, item);
      metadata.putInt(48 + 5 * 32, LOCATOR).putInt(52 + 5 * 32, 1000).putInt(56 + 5 * 32, 4);
      metadata.putInt((64 << 10) + 4, 2);
      ByteBuffer locator = VhdxFormat.little(4096);
      UUID type = UUID.fromString("B04AEFB7-D19E-4A81-B789-25B8E9445913");
      Guid.put(locator, 0, type);
      locator.putShort(18, (short) 2);
      text(locator, 20, 100, "parent_linkage", "{" + linkage + "}");
      text(locator, 32, 400, "relative_path", relative);
      metadata.put(LOCATOR, locator.array());
      host.write(METADATA, metadata.clear());
      ByteBuffer table = VhdxFormat.little((RATIO + 1) * 8);
      table.putLong(8, 8 * MIB | 6).putLong(16, 2).putLong(24, 9 * MIB | 7);
      table.putLong(RATIO * 8, 10 * MIB | 6);
      host.write(TABLE, table);
      byte[] whole = new byte[MIB];
      new Random(5).nextBytes(whole);
      host.write(8 * MIB, ByteBuffer.wrap(whole));
      System.arraycopy(whole, 0, model.bytes(), MIB, MIB);
      Arrays.fill(model.bytes(), 2 * MIB, 3 * MIB, (byte) 0);
      byte[] bits = new byte[MIB];
      for (int s = 0; s < MIB / 512; s += 3) {
        int bit = 3 * MIB / 512 + s;
        bits[bit / 8] |= (byte) (1 << bit % 8);
        System.arraycopy(whole, s * 512, model.bytes(), 3 * MIB + s * 512, 512);
      }
      host.write(9 * MIB, ByteBuffer.wrap(whole));
      host.write(10 * MIB, ByteBuffer.wrap(bits));
    }
    return file;
  }

  @Test
  void eachSectorIsTheChildsOrTheParents() throws IOException {
    Path file = child(parent("parent.vhdx"), ".\\parent.vhdx");
    try (OpenedImage image = Images.open(file, OpenOptions.readOnly())) {
      assertThat(image.chain()).hasSize(2);
      model.check(image.device());
      for (int i = 0; i < 20; i++) {
        model.checkSome(new Random(i), image.device());
      }
    }
  }

  @Test
  void writesStayInTheChild() throws IOException {
    final Path file = child(parent("parent.vhdx"), ".\\parent.vhdx");
    byte[] before = Files.readAllBytes(folder.resolve("parent.vhdx"));
    UUID id = dataWrite(file);
    Random random = new Random(2);
    for (int round = 0; round < 3; round++) {
      try (OpenedImage image = Images.open(file, OpenOptions.forWriting())) {
        model.check(image.device());
        for (int i = 0; i < 15; i++) {
          model.change(random, image.device());
          model.checkSome(random, image.device());
        }
      }
    }
    try (OpenedImage image = Images.open(file, OpenOptions.readOnly())) {
      model.check(image.device());
    }
    assertThat(Files.readAllBytes(folder.resolve("parent.vhdx"))).isEqualTo(before);
    assertThat(dataWrite(file)).as("what a grandchild knows it by").isNotEqualTo(id);
  }

  /** A sector written into a block of zeros, and into one of the parent whose bitmap is stale. */
  @Test
  void theOthersSectorsOfABlockStayWhatTheyWere() throws IOException {
    Path file = child(parent("parent.vhdx"), ".\\parent.vhdx");
    try (HostFile host = HostFile.open(file, true, HostFile.Locking.NO)) {
      byte[] ones = new byte[MIB / 512 / 8];
      Arrays.fill(ones, (byte) 0xff);
      host.write(10 * MIB + 5L * ones.length, ByteBuffer.wrap(ones));
    }
    byte[] sector = new byte[512];
    Arrays.fill(sector, (byte) 0x77);
    try (OpenedImage image = Images.open(file, OpenOptions.forWriting())) {
      for (int block : new int[] {2, 5}) {
        int at = block * MIB + 9 * 512;
        image.device().write(at, ByteBuffer.wrap(sector));
        System.arraycopy(sector, 0, model.bytes(), at, 512);
      }
    }
    try (OpenedImage image = Images.open(file, OpenOptions.readOnly())) {
      model.check(image.device());
    }
    try (HostFile host = HostFile.open(file, false, HostFile.Locking.NO)) {
      ByteBuffer table = VhdxFormat.little(6 * 8);
      host.read(TABLE, table);
      assertThat(table.getLong(2 * 8) & 7).as("wholly its own").isEqualTo(6);
      assertThat(table.getLong(5 * 8) & 7).as("mixed").isEqualTo(7);
    }
  }

  @Test
  void committedIntoItsParentItStillFits() throws IOException {
    Path file = child(parent("parent.vhdx"), ".\\parent.vhdx");
    Path below = folder.resolve("parent.vhdx");
    PrintStream none = new PrintStream(OutputStream.nullOutputStream());
    assertThat(ImgCommand.run(none, none, "commit", file.toString())).isZero();
    for (Path each : new Path[] {below, file}) {
      try (OpenedImage image = Images.open(each, OpenOptions.readOnly())) {
        model.check(image.device());
      }
    }
    QemuImg.same(below, model.save(folder.resolve("raw")));
  }

  private static UUID dataWrite(Path file) throws IOException {
    try (HostFile host = HostFile.open(file, false, HostFile.Locking.NO)) {
      return VhdxHeaders.read(host).dataWrite();
    }
  }

  @Test
  void aParentThatHasChangedIsRefused() throws IOException {
    parent("parent.vhdx");
    Path file = child(UUID.randomUUID(), ".\\parent.vhdx");
    ImageException e =
        catchThrowableOfType(
            ImageException.class, () -> Images.open(file, OpenOptions.readOnly()).close());
    assertThat(e).hasMessageContaining("over another disk");
  }

  @Test
  void anyByteOfTheLocatorMayBeWrong() throws IOException {
    Path file = child(parent("parent.vhdx"), ".\\parent.vhdx");
    byte[] good = Files.readAllBytes(file);
    Random random = new Random(3);
    for (int i = 0; i < 120; i++) {
      byte[] bad = good.clone();
      int at = (int) (i % 2 == 0 ? METADATA + LOCATOR + random.nextInt(44) : TABLE);
      bad[at + (i % 2 == 0 ? 0 : random.nextInt(48))] = (byte) random.nextInt(256);
      Files.write(file, bad);
      try (OpenedImage image = Images.open(file, OpenOptions.readOnly())) {
        ImageModel.read(image.device(), 0, SIZE);
      } catch (ImageException e) {
        assertThat(e.getMessage()).endsWith(".");
      }
    }
  }
}
