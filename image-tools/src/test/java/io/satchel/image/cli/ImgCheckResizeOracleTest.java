package io.satchel.image.cli;

import static io.satchel.image.cli.ImgOracleTest.img;
import static io.satchel.image.cli.ImgOracleTest.ok;
import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.ImageModel;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.QemuImg;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.ObjectMapper;

/** Check and resize say and do what qemu-img's do, for every format. */
class ImgCheckResizeOracleTest {
  @TempDir Path folder;

  private Path made(String format) throws IOException {
    Path file = folder.resolve("disk." + format);
    Images.create(file, format, 40 << 20, Map.of());
    try (OpenedImage image = Images.open(file, OpenOptions.forWriting())) {
      for (int at : new int[] {0, 20 << 20, 5 << 20}) {
        byte[] bytes = new byte[1 << 20];
        java.util.Arrays.fill(bytes, (byte) (at / 7 + 1));
        image.device().write(at, ByteBuffer.wrap(bytes));
        image.device().flush();
      }
    }
    return file;
  }

  private static void sameText(Object... words) {
    QemuImg.Outcome theirs = QemuImg.run(words);
    ImgOracleTest.Outcome ours = img(words);
    assertThat(ours.status()).as(theirs.out() + ours.err()).isEqualTo(theirs.status());
    assertThat(ours.out().lines().toList())
        .isEqualTo(
            theirs
                .out()
                .lines()
                .filter(l -> !l.matches("(ERROR|Repair|qemu-img|VHDX).*"))
                .toList());
  }

  @ParameterizedTest
  @ValueSource(strings = {"vdi", "vhdx", "qed", "parallels", "vmdk", "raw", "vpc", "qcow"})
  void checkOfAWholeImage(String format) throws IOException {
    Path file = made(format);
    sameText("check", "-f", format, file);
    sameText("check", "-f", format, "-r", "all", file);
    if (!format.matches("raw|vpc|qcow")) {
      ObjectMapper json = new ObjectMapper();
      assertThat(json.readTree(ok("check", "--output=json", file)))
          .isEqualTo(json.readTree(QemuImg.ok("check", "--output=json", file)));
    }
  }

  @ParameterizedTest
  @CsvSource({"qed, 3145728", "parallels, 3145728", "qed, -40000", "vhdx, -40000", "vdi, -40000"})
  void checkOfAFileOfAnotherLength(String format, int more) throws IOException {
    Path file = made(format);
    try (RandomAccessFile raw = new RandomAccessFile(file.toFile(), "rw")) {
      raw.setLength(raw.length() + more);
    }
    sameText("check", "-f", format, file);
  }

  @Test
  void leaksAtTheEndOfParallelsAreCutOff() throws IOException {
    Path file = made("parallels");
    final long size = Files.size(file);
    try (RandomAccessFile raw = new RandomAccessFile(file.toFile(), "rw")) {
      raw.setLength(raw.length() + (3 << 20));
    }
    Path copy = Files.copy(file, folder.resolve("copy.parallels"));
    QemuImg.Outcome theirs = QemuImg.run("check", "-f", "parallels", "-r", "leaks", copy);
    ImgOracleTest.Outcome ours = img("check", "-f", "parallels", "-r", "leaks", file);
    assertThat(ours.status()).isEqualTo(theirs.status());
    assertThat(ours.out().lines().toList())
        .isEqualTo(theirs.out().lines().filter(l -> !l.startsWith("Repair")).toList());
    assertThat(Files.size(file)).isEqualTo(size);
    sameText("check", "-f", "parallels", file);
  }

  @Test
  void twoBlocksInOnePlaceAreAnError() throws IOException {
    Path file = made("vdi");
    try (RandomAccessFile raw = new RandomAccessFile(file.toFile(), "rw")) {
      raw.seek(512 + 20 * 4);
      raw.writeInt(0);
    }
    assertThat(QemuImg.run("check", file).status()).isEqualTo(2);
    assertThat(img("check", file).status()).isEqualTo(2);
  }

  @ParameterizedTest
  @CsvSource({
    "qcow2, off",
    "qcow2, metadata",
    "qcow2, falloc",
    "qcow2, full",
    "raw, off",
    "raw, falloc",
    "raw, full",
    "raw, metadata",
    "qed, off",
    "qed, full",
    "vdi, off",
    "vmdk, off",
    "vpc, off",
    "vhdx, off",
    "parallels, off"
  })
  void resizePreallocatesAsFarAsQemuDoes(String format, String mode) throws IOException {
    Path theirs = Files.move(made(format), folder.resolve("theirs." + format));
    Path ours = made(format);
    Object[] words = {"resize", "-f", format, "--preallocation=" + mode, null, "47M"};
    words[4] = theirs;
    QemuImg.Outcome expected = QemuImg.run(words);
    words[4] = ours;
    ImgOracleTest.Outcome found = img(words);
    assertThat(found.status()).as(expected.out() + found.err()).isEqualTo(expected.status());
    QemuImg.ok("compare", "-f", format, "-F", format, ours, theirs);
    if (format.equals("qcow2")) {
      QemuImg.checkClean(ours);
    }
    if (expected.status() == 0 && !mode.equals("off")) {
      String disk = "disk size: ([0-9.]+ [KMG]iB)";
      String size = QemuImg.ok("info", theirs).replaceAll("(?s).*" + disk + ".*", "$1");
      double there = Double.parseDouble(size.split(" ")[0]);
      String own = QemuImg.ok("info", ours).replaceAll("(?s).*" + disk + ".*", "$1");
      assertThat(Double.parseDouble(own.split(" ")[0])).isBetween(there * 0.8, there * 1.2);
    }
  }

  @Test
  void aQedThatGrowsHidesWhatItsBackingFileHoldsThere() throws IOException {
    ImageModel below = new ImageModel(4 << 20);
    java.util.Arrays.fill(below.bytes(), (byte) 9);
    below.save(folder.resolve("base"));
    Path file = folder.resolve("over.qed");
    QemuImg.ok("create", "-f", "qed", "-b", folder.resolve("base"), "-F", "raw", file, "1M");
    ok("resize", file, "3M");
    ImageModel expected = new ImageModel(3 << 20);
    java.util.Arrays.fill(expected.bytes(), 0, 1 << 20, (byte) 9);
    QemuImg.same(file, expected.save(folder.resolve("expected")));
    assertThat(img("resize", "--shrink", file, "1M").status()).isEqualTo(1);
  }
}
