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
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The number of a VMDK's content, by which its children notice that it was written. */
class VmdkContentNumberTest {
  private static final int SIZE = 4 << 20;

  @TempDir Path folder;

  private static String number(Path file) throws IOException {
    byte[] head = Files.readAllBytes(file);
    String text = new String(head, 0, Math.min(head.length, 20_000), StandardCharsets.ISO_8859_1);
    Matcher m = Pattern.compile("(?m)^CID=([0-9a-f]{1,8})$").matcher(text);
    assertThat(m.find()).isTrue();
    return m.group(1);
  }

  private static void change(Path file, int value) throws IOException {
    try (OpenedImage image = Images.open(file, OpenOptions.forWriting())) {
      image.device().write(0, ByteBuffer.wrap(new byte[] {(byte) value}));
      image.device().write(70_000, ByteBuffer.wrap(new byte[] {(byte) value}));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "monolithicSparse",
        "monolithicFlat",
        "twoGbMaxExtentSparse",
        "twoGbMaxExtentFlat"
      })
  void theFirstWriteOfASessionRenewsIt(String subformat) throws IOException {
    for (boolean theirs : new boolean[] {false, true}) {
      Path file = folder.resolve("disk" + theirs + ".vmdk");
      if (theirs) {
        QemuImg.ok("create", "-f", "vmdk", "-o", "subformat=" + subformat, file, SIZE);
      } else {
        Images.create(file, "vmdk", SIZE, Map.of("subformat", subformat));
      }
      final String made = number(file);
      try (OpenedImage image = Images.open(file, OpenOptions.forWriting())) {
        ImageModel.read(image.device(), 0, 512);
        image.device().flush();
      }
      assertThat(number(file)).as("only read").isEqualTo(made);
      change(file, 1);
      String first = number(file);
      assertThat(first).isNotEqualTo(made);
      try (OpenedImage image = Images.open(file, OpenOptions.forWriting())) {
        image.device().writeZeroes(0, 512, false);
        String during = number(file);
        image.device().write(1024, ByteBuffer.allocate(512));
        assertThat(number(file)).as("once a session").isEqualTo(during).isNotEqualTo(first);
      }
      QemuImg.ok("info", file);
      QemuImg.io(file, "read -P 1 70000 1");
    }
  }

  /** The child reads as long as its parent is what it was; qemu-io goes by the same numbers. */
  @ParameterizedTest
  @ValueSource(strings = {"here", "qemu"})
  void aChildNoticesThatItsParentWasWritten(String by) throws IOException {
    Path base = folder.resolve("base.vmdk");
    Path over = folder.resolve("over.vmdk");
    Images.create(base, "vmdk", SIZE, Map.of());
    change(base, 1);
    Images.create(over, "vmdk", SIZE, Map.of("backing_file", "base.vmdk", "backing_fmt", "vmdk"));
    change(over, 2);
    QemuImg.io(over, "read -P 2 0 1", "read -P 0 1M 1k");
    try (OpenedImage image = Images.open(over, OpenOptions.readOnly())) {
      assertThat(ImageModel.read(image.device(), 0, 2)).containsExactly(2, 0);
    }
    if (by.equals("here")) {
      change(base, 3);
    } else {
      QemuImg.io(base, "write -P 3 0 1");
    }
    assertThat(QemuImg.tool("qemu-io", "-c", "read 1M 1k", over).status()).isEqualTo(1);
    ImageException e =
        catchThrowableOfType(
            ImageException.class, () -> Images.open(over, OpenOptions.readOnly()).close());
    assertThat(e.kind()).isEqualTo(ImageException.Kind.CORRUPT);
    assertThat(e)
        .hasMessageContaining("another content of its backing file")
        .hasMessageContaining(number(base))
        .hasMessageContaining("restore base.vmdk");
    OpenOptions alone = OpenOptions.readOnly().withBacking(OpenOptions.BackingPolicy.NONE);
    try (OpenedImage image = Images.open(over, alone)) {
      assertThat(image.device().size()).isEqualTo(SIZE);
    }
  }

  /** qemu-img's own commit leaves a child that nobody reads any more. */
  @ParameterizedTest
  @ValueSource(strings = {"monolithicSparse", "twoGbMaxExtentSparse"})
  void afterACommitTheChildFitsStill(String subformat) throws IOException {
    Path base = folder.resolve("base.vmdk");
    Path over = folder.resolve("over.vmdk");
    QemuImg.ok("create", "-f", "vmdk", "-o", "subformat=" + subformat, base, SIZE);
    change(base, 1);
    Images.create(over, "vmdk", SIZE, Map.of("backing_file", "base.vmdk", "backing_fmt", "vmdk"));
    change(over, 2);
    PrintStream none = new PrintStream(OutputStream.nullOutputStream());
    assertThat(ImgCommand.run(none, none, "commit", over.toString())).isZero();
    QemuImg.io(base, "read -P 2 0 1", "read -P 2 70000 1");
    QemuImg.io(over, "read -P 2 0 1", "read -P 0 1M 1k");
    try (OpenedImage image = Images.open(over, OpenOptions.readOnly())) {
      assertThat(ImageModel.read(image.device(), 0, 2)).containsExactly(2, 0);
    }
  }

  /** As other programs write it: no leading zeros, and no room behind the text. */
  @Test
  void aShortNumberInATextOfItsOwnBecomesALongOne() throws IOException {
    Path file = folder.resolve("disk.vmdk");
    Images.create(file, "vmdk", SIZE, Map.of("subformat", "monolithicFlat"));
    String text = Files.readString(file).strip().replaceFirst("CID=[0-9a-f]{8}", "CID=7");
    Files.writeString(file, text);
    change(file, 5);
    assertThat(Files.readString(file)).isEqualTo(text.replaceFirst("CID=7", "CID=" + number(file)));
    QemuImg.io(file, "read -P 5 0 1");
  }
}
