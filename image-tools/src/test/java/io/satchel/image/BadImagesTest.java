package io.satchel.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import io.satchel.image.file.HostFile;
import io.satchel.image.format.qcow2.Qcow2Options;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every image that cannot be opened says in one sentence which, why, and what to do. */
class BadImagesTest {
  @TempDir Path folder;

  private ImageException refused(Path file, OpenOptions options, Kind kind) {
    ImageException e =
        catchThrowableOfType(
            ImageException.class,
            () -> {
              try (OpenedImage image = Images.open(file, options)) {
                assertThat(image.device().size()).isZero();
              }
            });
    assertThat(e).as("an error for " + file).isNotNull();
    assertThat(e.kind()).as(e.getMessage()).isEqualTo(kind);
    assertThat(e.getMessage()).startsWith(folder.toString()).endsWith(".").doesNotContain("\n");
    return e;
  }

  private ImageException refused(Path file, Kind kind) {
    return refused(file, OpenOptions.readOnly(), kind);
  }

  private Path qcow2(String name, Qcow2Options options) throws IOException {
    Path file = folder.resolve(name);
    try (HostFile host = HostFile.create(file)) {
      Formats.QCOW2.create(host, options);
    }
    return file;
  }

  private Path qcow2WithData(String name) throws IOException {
    Path file = qcow2(name, Qcow2Options.ofSize(1 << 20));
    try (OpenedImage image = Images.open(file, OpenOptions.forWriting())) {
      image.device().write(0, ByteBuffer.allocate(1 << 20).put(3, (byte) 1));
    }
    return file;
  }

  private static void patch(Path file, long offset, int... bytes) throws IOException {
    try (RandomAccessFile raw = new RandomAccessFile(file.toFile(), "rw")) {
      raw.seek(offset);
      for (int b : bytes) {
        raw.write(b);
      }
    }
  }

  @Test
  void aMissingFile() {
    assertThat(refused(folder.resolve("no.qcow2"), Kind.MISSING)).hasMessageContaining("not exist");
  }

  @Test
  void aFolder() {
    refused(folder, Kind.DIRECTORY);
  }

  @Test
  void anEmptyFile() throws IOException {
    refused(Files.createFile(folder.resolve("empty")), Kind.EMPTY);
  }

  @Test
  void anUnreadableFile() throws IOException {
    assumeFalse("root".equals(System.getProperty("user.name")), "root may read everything");
    Path file = Files.write(folder.resolve("secret"), new byte[512]);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("---------"));
    refused(file, Kind.UNREADABLE);
  }

  @Test
  void aFileThatEndsInTheHeader() throws IOException {
    Path file = qcow2("short.qcow2", Qcow2Options.ofSize(1 << 20));
    try (RandomAccessFile raw = new RandomAccessFile(file.toFile(), "rw")) {
      raw.setLength(60);
    }
    refused(file, Kind.TRUNCATED);
  }

  @Test
  void aFileThatEndsBeforeItsTables() throws IOException {
    Path file = qcow2("short.qcow2", Qcow2Options.ofSize(1 << 20));
    try (RandomAccessFile raw = new RandomAccessFile(file.toFile(), "rw")) {
      raw.setLength(100_000);
    }
    assertThat(refused(file, Kind.TRUNCATED).offset()).isPositive();
  }

  @Test
  void aDownloadThatStoppedInTheData() throws IOException {
    Path file = qcow2WithData("short.qcow2");
    try (RandomAccessFile raw = new RandomAccessFile(file.toFile(), "rw")) {
      raw.setLength(raw.length() - 300_000);
    }
    refused(file, Kind.TRUNCATED);
  }

  @Test
  void aCompressedDownloadThatStopped() throws IOException {
    byte[] content = new byte[4 << 20];
    new java.util.Random(1).nextBytes(content);
    for (int i = 0; i < content.length; i++) {
      content[i] &= 3;
    }
    Path raw = Files.write(folder.resolve("raw"), content);
    Path file = folder.resolve("short.qcow2");
    QemuImg.ok("convert", "-c", "-O", "qcow2", raw, file);
    try (RandomAccessFile cut = new RandomAccessFile(file.toFile(), "rw")) {
      cut.setLength(cut.length() / 2);
    }
    refused(file, Kind.TRUNCATED);
  }

  @Test
  void anEncryptedImage() throws IOException {
    Path file = folder.resolve("secret.qcow2");
    QemuImg.ok(
        "create",
        "--object",
        "secret,id=s,data=abc",
        "-f",
        "qcow2",
        "-o",
        "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10",
        file,
        "1M");
    assertThat(refused(file, Kind.ENCRYPTED)).hasMessageContaining("password");
  }

  @Test
  void anUnknownIncompatibleFeature() throws IOException {
    Path file = qcow2("new.qcow2", Qcow2Options.ofSize(1 << 20));
    patch(file, 78, 0x80);
    assertThat(refused(file, Kind.UNSUPPORTED)).hasMessageContaining("feature bit 15");
  }

  @Test
  void anUnknownVersion() throws IOException {
    Path file = qcow2("new.qcow2", Qcow2Options.ofSize(1 << 20));
    patch(file, 7, 4);
    assertThat(refused(file, Kind.UNSUPPORTED)).hasMessageContaining("version 4");
  }

  @Test
  void aMissingBackingFile() throws IOException {
    Path file = qcow2("over.qcow2", Qcow2Options.ofSize(1 << 20).withBacking("base.raw", "raw"));
    assertThat(refused(file, Kind.BACKING_MISSING)).hasMessageContaining("base.raw");
  }

  @Test
  void aBackingFileElsewhere() throws IOException {
    Path sub = Files.createDirectory(folder.resolve("sub"));
    Files.write(folder.resolve("base.raw"), new byte[512]);
    qcow2("sub/over.qcow2", Qcow2Options.ofSize(512).withBacking("../base.raw", "raw"));
    Path file = sub.resolve("over.qcow2");
    refused(file, Kind.BACKING_REFUSED);
    Images.open(file, OpenOptions.readOnly().withBacking(OpenOptions.BackingPolicy.ANYWHERE))
        .close();
  }

  @Test
  void aLinkToABackingFileElsewhere() throws IOException {
    Path sub = Files.createDirectory(folder.resolve("sub"));
    Files.write(folder.resolve("base.raw"), new byte[512]);
    Files.createSymbolicLink(sub.resolve("link.raw"), folder.resolve("base.raw"));
    qcow2("sub/over.qcow2", Qcow2Options.ofSize(512).withBacking("link.raw", "raw"));
    refused(sub.resolve("over.qcow2"), Kind.BACKING_REFUSED);
  }

  @Test
  void aBackingFileOnTheNetwork() throws IOException {
    refused(
        qcow2("n.qcow2", Qcow2Options.ofSize(512).withBacking("nbd://host/x", "raw")),
        Kind.BACKING_REFUSED);
    refused(
        qcow2("j.qcow2", Qcow2Options.ofSize(512).withBacking("json:{\"driver\":\"x\"}", "raw")),
        Kind.BACKING_REFUSED);
  }

  @Test
  void aChainThatBitesItsTail() throws IOException {
    qcow2("a.qcow2", Qcow2Options.ofSize(512).withBacking("b.qcow2", "qcow2"));
    qcow2("b.qcow2", Qcow2Options.ofSize(512).withBacking("./a.qcow2", "qcow2"));
    refused(folder.resolve("a.qcow2"), Kind.CORRUPT);
  }

  @Test
  void anImageInUseByQemu() throws Exception {
    Path file = qcow2("busy.qcow2", Qcow2Options.ofSize(1 << 20));
    QemuImg.needs("qemu-io");
    Process qemu = new ProcessBuilder("qemu-io", file.toString()).redirectErrorStream(true).start();
    try {
      qemu.getOutputStream().write("read 0 512\n".getBytes());
      qemu.getOutputStream().flush();
      byte[] some = new byte[8];
      assertThat(qemu.getInputStream().read(some)).isPositive();
      refused(file, OpenOptions.forWriting(), Kind.IN_USE);
      assertThat(refused(file, Kind.IN_USE)).hasMessageContaining("qemu-io (process");
    } finally {
      qemu.destroy();
      qemu.waitFor();
    }
    Images.open(file, OpenOptions.forWriting()).close();
  }

  @Test
  void anImageInUseHereIsLeftAloneByQemu() throws IOException {
    Path file = qcow2("busy.qcow2", Qcow2Options.ofSize(1 << 20));
    try (OpenedImage image = Images.open(file, OpenOptions.forWriting())) {
      assertThat(image.format()).isEqualTo("qcow2");
      assertThat(QemuImg.run("info", file).out()).contains("lock");
      refused(file, OpenOptions.forWriting(), Kind.IN_USE);
    }
    try (OpenedImage one = Images.open(file, OpenOptions.readOnly());
        OpenedImage two = Images.open(file, OpenOptions.readOnly())) {
      assertThat(one.device().size()).isEqualTo(two.device().size());
      QemuImg.ok("info", file);
      refused(file, OpenOptions.forWriting(), Kind.IN_USE);
    }
  }

  @Test
  void aSizeThatIsNoMultipleOfASectorIsTolerated() throws IOException {
    Path file = Files.write(folder.resolve("odd.raw"), new byte[] {1, 2, 3});
    try (OpenedImage image = Images.open(file, OpenOptions.readOnly())) {
      assertThat(image.device().size()).isEqualTo(512);
      assertThat(ImageModel.read(image.device(), 0, 512)).startsWith(1, 2, 3, 0, 0);
    }
  }

  @Test
  void aRawGuestCannotTurnItsDiskIntoAnotherFormat() throws IOException {
    Path file = Files.write(folder.resolve("guest.raw"), new byte[4096]);
    byte[] header = {'Q', 'F', 'I', (byte) 0xfb, 0, 0, 0, 3};
    try (OpenedImage image = Images.open(file, OpenOptions.forWriting())) {
      ImageException e =
          catchThrowableOfType(
              ImageException.class, () -> image.device().write(0, ByteBuffer.wrap(header)));
      assertThat(e.kind()).isEqualTo(Kind.INVALID_REQUEST);
      image.device().write(2, ByteBuffer.wrap(header));
    }
    try (OpenedImage image = Images.open(file, OpenOptions.forWriting().withFormat("raw"))) {
      image.device().write(0, ByteBuffer.wrap(header));
    }
  }

  @Test
  void anInterruptedThreadKeepsItsImage() throws IOException {
    Path file = qcow2WithData("steady.qcow2");
    try (OpenedImage image = Images.open(file, OpenOptions.forWriting())) {
      Thread.currentThread().interrupt();
      assertThat(ImageModel.read(image.device(), 0, 8)[3]).isEqualTo((byte) 1);
      image.device().write(0, ByteBuffer.allocate(8).put(5, (byte) 7));
      assertThat(Thread.interrupted()).isTrue();
      assertThat(ImageModel.read(image.device(), 0, 8)[5]).isEqualTo((byte) 7);
    }
    QemuImg.checkClean(file);
  }
}
