package io.satchel.app.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.satchel.app.demo.BootSectors;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.Overlay;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever is wrong with the input: one sentence, status 2, and nothing written. */
@Timeout(60)
class BadInputTest {

  /** Offsets in a qcow2 header (docs/interop/qcow2.txt of QEMU, "Header"). */
  private static final int VERSION = 4;

  private static final int CRYPT_METHOD = 32;
  private static final int INCOMPATIBLE_FEATURES = 72;

  private static final int CD_SECTOR = 2048;

  @TempDir private Path folder;

  private void refused(String said, String... arguments) throws IOException {
    Map<String, String> before = contents();
    String[] all = new String[arguments.length + 4];
    all[0] = "run";
    all[1] = "--headless";
    all[2] = "--timeout";
    all[3] = "20";
    System.arraycopy(arguments, 0, all, 4, arguments.length);
    CommandLineRun run = CommandLineRun.of(all);
    assertThat(run.err()).contains(said).startsWith("satchel: ").doesNotContain("\tat ");
    assertThat(run.err().strip().lines()).as("one sentence").hasSize(1);
    assertThat(run.err().strip()).endsWith(".");
    assertThat(run.out()).isEmpty();
    assertThat(run.status()).isEqualTo(2);
    assertThat(contents()).as("nothing written").isEqualTo(before);
  }

  /** Every file's size and content's hash. */
  private Map<String, String> contents() throws IOException {
    Map<String, String> contents = new TreeMap<>();
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        byte[] bytes = Files.readAllBytes(file);
        contents.put(file.toString(), bytes.length + ":" + Arrays.hashCode(bytes));
      }
    }
    return contents;
  }

  private Path demo() throws IOException {
    return BootSectors.demonstration(folder.resolve("disk.qcow2"));
  }

  private Path patched(int offset, byte... bytes) throws IOException {
    Path image = demo();
    byte[] content = Files.readAllBytes(image);
    System.arraycopy(bytes, 0, content, offset, bytes.length);
    return Files.write(image, content);
  }

  private Path file(String name, byte[] content) throws IOException {
    return Files.write(folder.resolve(name), content);
  }

  @Test
  void missing() throws IOException {
    refused("nowhere.qcow2", folder.resolve("nowhere.qcow2").toString());
  }

  @Test
  void empty() throws IOException {
    refused("is empty", file("empty.img", new byte[0]).toString());
  }

  @Test
  void directory() throws IOException {
    refused(folder.toString(), folder.toString());
  }

  @Test
  void unreadable() throws IOException {
    Path image = demo();
    assumeFalse(
        !image.toFile().setReadable(false) || Files.isReadable(image),
        "this user can read any file");
    CommandLineRun run = CommandLineRun.of("run", "--headless", image.toString());
    assertThat(run.status()).isEqualTo(2);
    assertThat(run.err().strip().lines()).hasSize(1);
  }

  @Test
  void truncated() throws IOException {
    Path image = demo();
    Files.write(image, Arrays.copyOf(Files.readAllBytes(image), 70_000));
    refused("disk.qcow2", image.toString());
  }

  @Test
  void encrypted() throws IOException {
    refused("encrypted", patched(CRYPT_METHOD, new byte[] {0, 0, 0, 1}).toString());
  }

  @Test
  void unknownVersion() throws IOException {
    refused("disk.qcow2", patched(VERSION, new byte[] {0, 0, 0, 9}).toString());
  }

  @Test
  void unknownFeatures() throws IOException {
    refused("feature", patched(INCOMPATIBLE_FEATURES, new byte[] {1}).toString());
  }

  @Test
  void missingBackingFile() throws IOException {
    Path base = demo();
    Path top = folder.resolve("top.qcow2");
    Overlay.create(top, base);
    Files.delete(base);
    refused("backing file", top.toString());
  }

  @Test
  void backingFileElsewhere(@TempDir Path elsewhere) throws IOException {
    Path top = elsewhere.resolve("top.qcow2");
    Overlay.create(top, demo());
    refused("outside its own folder", top.toString());
  }

  @Test
  void inUse() throws IOException {
    Path image = demo();
    try (OpenedImage holder = Images.open(image, OpenOptions.forWriting())) {
      assertThat(holder.device().size()).isPositive();
      refused("in use", image.toString());
    }
  }

  static Stream<Arguments> otherKinds() {
    return Stream.of(
        Arguments.of("PK\u0003\u0004", "zip file"),
        Arguments.of("\u001f\u008b", "gzip"),
        Arguments.of("\u00fd7zXZ\0", "xz"),
        Arguments.of("%PDF-1.4", "PDF"),
        Arguments.of("\n<!DOCTYPE html>", "web page"));
  }

  @ParameterizedTest
  @MethodSource("otherKinds")
  void aFileOfAnotherKindIsNamed(String start, String kind) throws IOException {
    byte[] content = new byte[4096];
    byte[] head = start.getBytes(StandardCharsets.ISO_8859_1);
    System.arraycopy(head, 0, content, 0, head.length);
    refused(kind, file("download.img", content).toString());
  }

  @Test
  void aTextFileIsNoDisk() throws IOException {
    refused(
        "no disk image",
        file("notes.txt", "Dear diary,".getBytes(StandardCharsets.UTF_8)).toString());
  }

  @Test
  void aCdWithoutABootRecord() throws IOException {
    refused("without a boot record", cd().toString());
  }

  private Path cd() throws IOException {
    ByteBuffer image = ByteBuffer.allocate(20 * CD_SECTOR);
    image
        .put(16 * CD_SECTOR, (byte) 1)
        .put(16 * CD_SECTOR + 1, "CD001\1".getBytes(StandardCharsets.US_ASCII));
    image
        .put(17 * CD_SECTOR, (byte) 255)
        .put(17 * CD_SECTOR + 1, "CD001\1".getBytes(StandardCharsets.US_ASCII));
    return file("data.iso", image.array());
  }

  @Test
  void moreMemoryThanThereIs() throws IOException {
    refused("memory", demo().toString(), "--memory", "1984000");
    refused("memory", folder.resolve("disk.qcow2").toString(), "--memory", "0");
  }

  @Test
  void anUnknownProcessor() throws IOException {
    refused("no processor model \"z80\"", demo().toString(), "--cpu", "z80");
  }

  @Test
  void aFloppyLargerThanAnyDrive() throws IOException {
    refused("size of a floppy", "--floppy", file("large.img", new byte[3 << 20]).toString());
  }

  @Test
  void tooManyDisksAndFloppies() throws IOException {
    String disk = demo().toString();
    refused("too many", disk, "--disk", disk, "--disk", disk, "--disk", disk);
    String floppy = file("a.img", new byte[737_280]).toString();
    refused("too many", disk, "--floppy", floppy, "--floppy", floppy, "--floppy", floppy);
  }

  @Test
  void aSecondCd() throws IOException {
    Path cd = cd();
    refused("second CD", cd.toString(), "--cdrom", cd.toString(), "--disk", demo().toString());
  }

  @Test
  void missingFirmwareAndKernel() throws IOException {
    String disk = demo().toString();
    refused("firmware", disk, "--bios", folder.resolve("bios.bin").toString());
    refused("kernel", "--kernel", folder.resolve("vmlinuz").toString());
    refused("kernel", "--kernel", folder.toString());
  }

  @Test
  void aKernelThatIsNone() throws IOException {
    refused("kernel.bin", "--kernel", file("kernel.bin", new byte[8192]).toString());
  }

  @Test
  void anOverlayOfAnotherImage() throws IOException {
    Path other = BootSectors.disk(folder.resolve("other.img"), BootSectors.ECHO);
    Path overlay = folder.resolve("kept.qcow2");
    Overlay.create(overlay, other);
    refused("another image", demo().toString(), "--overlay", overlay.toString());
  }

  @Test
  void anOverlayThatCannotBeMade() throws IOException {
    refused(
        "no-such-folder", demo().toString(), "--overlay", folder + "/no-such-folder/kept.qcow2");
  }

  @Test
  void outputsThatCannotBeWritten() throws IOException {
    String disk = demo().toString();
    refused("no-such-folder", disk, "--serial", folder + "/no-such-folder/serial.txt");
    refused("no-such-folder", disk, "--quiet", "--screenshot", folder + "/no-such-folder/a.png");
  }

  @Test
  void mistakesOnTheCommandLine() {
    assertThat(CommandLineRun.of("run", "--headless").status()).isEqualTo(2);
    assertThat(CommandLineRun.of("run", "--boot", "x", "disk.img").status()).isEqualTo(2);
    assertThat(CommandLineRun.of("run", "--clock", "sundial", "disk.img").status()).isEqualTo(2);
    assertThat(CommandLineRun.of("run", "--key", "hyper", "disk.img").status()).isEqualTo(2);
    assertThat(CommandLineRun.of("run", "--at", "3", "disk.img").status()).isEqualTo(2);
    assertThat(CommandLineRun.of("--no-such-option").status()).isEqualTo(2);
  }
}
