package io.satchel.image.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

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
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** VMDKs of every subformat, made here and used by qemu-img. */
class VmdkCreationTest {
  @TempDir Path folder;

  /** More than two pieces of 2 GiB, with data across their edges. */
  @ParameterizedTest
  @ValueSource(
      strings = {"monolithicFlat", "twoGbMaxExtentFlat", "twoGbMaxExtentSparse", "streamOptimized"})
  void disksInSeveralPieces(String subformat) throws IOException {
    Path file = folder.resolve("disk.vmdk");
    long size = 5L << 30;
    Images.create(file, "vmdk", size, Map.of("subformat", subformat));
    QemuImg.ok("check", file);
    Path raw = folder.resolve("same.raw");
    Images.create(raw, "raw", size, Map.of());
    byte[] piece = new byte[300_000];
    new Random(1).nextBytes(piece);
    java.util.Arrays.fill(piece, 100_000, 200_000, (byte) 0);
    for (Path each : new Path[] {file, raw}) {
      String format = each == raw ? "raw" : null;
      try (OpenedImage image = Images.open(each, OpenOptions.forWriting().withFormat(format))) {
        for (long at : new long[] {0, (2L << 30) - 100_000, (4L << 30) - 512, size - 300_000}) {
          image.device().write(at, ByteBuffer.wrap(piece));
          image.device().write(at + 50_000, ByteBuffer.wrap(piece, 0, 512));
        }
        image.device().flush();
        assertThat(ImageModel.read(image.device(), (2L << 30) + 49_000, 1000)).isNotEmpty();
      }
    }
    QemuImg.same(file, raw);
    QemuImg.ok("check", file);
    try (OpenedImage image = Images.open(file, OpenOptions.readOnly())) {
      assertThat(ImageModel.read(image.device(), (4L << 30) - 512, 512))
          .isEqualTo(java.util.Arrays.copyOf(piece, 512));
    }
    String info = QemuImg.ok("info", file);
    assertThat(info).contains("create type: " + subformat).contains("5 GiB");
  }

  @ParameterizedTest
  @ValueSource(strings = {"monolithicSparse", "twoGbMaxExtentSparse"})
  void anImageOverAnother(String subformat) throws IOException {
    int size = 3 << 20;
    ImageModel model = new ImageModel(size);
    new Random(2).nextBytes(model.bytes());
    Path raw = model.save(folder.resolve("raw"));
    QemuImg.ok("convert", "-O", "vmdk", raw, folder.resolve("base.vmdk"));
    Path file = folder.resolve("over.vmdk");
    Images.create(
        file,
        "vmdk",
        size,
        Map.of("subformat", subformat, "backing_file", "base.vmdk", "backing_fmt", "vmdk"));
    assertThat(QemuImg.ok("info", file)).contains("backing file: base.vmdk");
    Random random = new Random(3);
    try (OpenedImage image = Images.open(file, OpenOptions.forWriting())) {
      for (int i = 0; i < 20; i++) {
        model.change(random, image.device());
      }
      model.check(image.device());
    }
    QemuImg.same(file, model.save(raw));
  }

  @Test
  void nothingStaysBehindAFailure() throws IOException {
    Path other = Files.writeString(folder.resolve("disk-s002.vmdk"), "mine");
    ImageException e =
        catchThrowableOfType(
            ImageException.class,
            () ->
                Images.create(
                    folder.resolve("disk.vmdk"),
                    "vmdk",
                    5L << 30,
                    Map.of("subformat", "twoGbMaxExtentSparse")));
    assertThat(e.kind()).isEqualTo(ImageException.Kind.EXISTS);
    try (var files = Files.list(folder)) {
      assertThat(files).containsExactly(other);
    }
    assertThat(other).hasContent("mine");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "adapter_type=lsilogic",
        "hwversion=7",
        "compat6=on",
        "toolsversion=12345",
        "zeroed_grain=on"
      })
  void theOptionIsInTheDescription(String option) throws IOException {
    Path ours = folder.resolve("ours.vmdk");
    Path theirs = folder.resolve("theirs.vmdk");
    String[] parts = option.split("=");
    Images.create(ours, "vmdk", 5 << 20, Map.of(parts[0], parts[1]));
    QemuImg.ok("create", "-f", "vmdk", "-o", option, theirs, "5M");
    assertThat(dataBase(ours)).isEqualTo(dataBase(theirs)).isNotEmpty();
  }

  private static java.util.List<String> dataBase(Path file) throws IOException {
    String text =
        new String(
            Files.readAllBytes(file), 512, 10240, java.nio.charset.StandardCharsets.ISO_8859_1);
    return text.lines().filter(l -> l.startsWith("ddb.")).map(String::strip).toList();
  }
}
