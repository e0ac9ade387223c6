package io.satchel.image.format.vhdx;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.ImageModel;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.QemuImg;
import io.satchel.image.file.Guid;
import io.satchel.image.file.HostFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A log that was written and not applied: the block table's change is only there. */
class VhdxLogTest {
  private static final int SECTOR = 4096;

  @TempDir Path folder;
  private Path file;

  @BeforeEach
  void crash() throws IOException {
    file = folder.resolve("crashed.vhdx");
    QemuImg.ok("create", "-f", "vhdx", file, "64M");
    byte[] before = Files.readAllBytes(file);
    QemuImg.io(file, "write -P 5 0 1M");
    byte[] after = Files.readAllBytes(file);
    int changed = -1;
    for (int at = 2 << 20; at < before.length; at += SECTOR) {
      if (Arrays.mismatch(before, at, at + SECTOR, after, at, at + SECTOR) >= 0) {
        assertThat(changed).as("only the block table changes").isEqualTo(-1);
        changed = at;
      }
    }
    assertThat(changed).isPositive();
    byte[] sector = Arrays.copyOfRange(after, changed, changed + SECTOR);
    System.arraycopy(before, changed, after, changed, SECTOR);
    UUID id = UUID.randomUUID();
    byte[] entry = entry(id, changed, sector, after.length);
    System.arraycopy(entry, 0, after, 1 << 20, entry.length);
    Files.write(file, after);
    try (HostFile host = HostFile.open(file, true, HostFile.Locking.YES)) {
      VhdxHeaders h = VhdxHeaders.read(host);
      new VhdxHeaders(h.index(), h.sequence(), h.fileWrite(), h.dataWrite(), id, 1 << 20, 1 << 20)
          .writeNext(host);
    }
  }

  /** One entry with one data sector (MS-VHDX 2.3.1). */
  private static byte[] entry(UUID id, long offset, byte[] sector, long fileSize) {
    ByteBuffer b = VhdxFormat.little(2 * SECTOR);
    b.putInt(0, 0x65676f6c).putInt(8, 2 * SECTOR).putInt(12, 0).putLong(16, 7).putInt(24, 1);
    Guid.put(b, 32, id);
    b.putLong(48, fileSize).putLong(56, fileSize);
    b.putInt(64, 0x63736564);
    b.put(68, sector, SECTOR - 4, 4).put(72, sector, 0, 8).putLong(80, offset).putLong(88, 7);
    b.putInt(SECTOR, 0x61746164);
    b.put(SECTOR + 8, sector, 8, SECTOR - 12).putInt(2 * SECTOR - 4, 7);
    b.putInt(4, VhdxFormat.checksum(b.array()));
    return b.array();
  }

  private void reads(OpenOptions options) throws IOException {
    try (OpenedImage image = Images.open(file, options)) {
      assertThat(ImageModel.read(image.device(), 0, 1 << 20)).containsOnly(5);
    }
  }

  @Test
  void isLaidOverAFileThatIsOnlyReadAndReplayedIntoOneThatIsWritten() throws IOException {
    assertThat(QemuImg.run("info", file).out()).contains("log that needs to be replayed");
    byte[] before = Files.readAllBytes(file);
    reads(OpenOptions.readOnly());
    assertThat(Files.readAllBytes(file)).isEqualTo(before);
    reads(OpenOptions.forWriting());
    QemuImg.ok("check", file);
    QemuImg.io(file, "read -P 5 0 1M");
    reads(OpenOptions.readOnly());
  }

  @Test
  void isReplayedByQemuToTheSameContent() throws IOException {
    QemuImg.run("check", "-r", "all", file);
    reads(OpenOptions.readOnly());
  }

  @Test
  void isIgnoredWhenItsChecksumIsWrong() throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    bytes[(1 << 20) + SECTOR + 100] ^= 1;
    Files.write(file, bytes);
    try (OpenedImage image = Images.open(file, OpenOptions.readOnly())) {
      assertThat(ImageModel.read(image.device(), 0, 1 << 20)).containsOnly(0);
    }
  }
}
