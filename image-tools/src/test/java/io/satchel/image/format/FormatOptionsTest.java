package io.satchel.image.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.satchel.image.Formats;
import io.satchel.image.Images;
import io.satchel.image.QemuImg;
import io.satchel.image.block.ImageException;
import io.satchel.image.crypt.Secrets;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Each option of a new image, by its name, makes what qemu-img makes of it. */
class FormatOptionsTest {
  private static final String SECRET = "secret,id=s,data=abc";
  private static final Secrets SECRETS =
      new Secrets(Map.of("s", "abc".getBytes(StandardCharsets.UTF_8)));

  @TempDir Path folder;

  /** Only the legacy encryption, which is read and never made, is left out. */
  @ParameterizedTest
  @ValueSource(
      strings = {"raw", "qcow2", "vmdk", "vdi", "vpc", "vhdx", "qed", "qcow", "parallels", "luks"})
  void noOptionOfQemuIsMissing(String format) {
    List<String> names =
        QemuImg.ok("create", "-f", format, "-o", "help")
            .lines()
            .filter(l -> l.contains("=<"))
            .map(l -> l.substring(0, l.indexOf('=')).strip())
            .filter(n -> !n.equals("size") && !n.equals("encryption"))
            .filter(n -> !format.equals("qcow") || !n.startsWith("encrypt"))
            .toList();
    assertThat(Formats.named(format).options().keySet()).containsAll(names);
  }

  private static Map<String, String> parse(String options) {
    Map<String, String> all = new LinkedHashMap<>();
    for (String option : options.split(",")) {
      all.put(option.split("=")[0], option.split("=")[1]);
    }
    return all;
  }

  /** What info tells of the image, but for its name, its identity and its use of the disk. */
  private static List<String> described(Path file) {
    return QemuImg.ok("info", file)
        .lines()
        .filter(
            l -> !l.matches("\\s*(image|disk size|filename|cid|uuid|iters|master key iters):.*"))
        .toList();
  }

  @ParameterizedTest
  @CsvSource({
    "raw, preallocation=falloc",
    "raw, preallocation=full",
    "qcow2, compat=0.10",
    "qcow2, compat=v3",
    "qcow2, cluster_size=2M",
    "qcow2, cluster_size=512",
    "qcow2, refcount_bits=1",
    "qcow2, refcount_bits=64",
    "qcow2, lazy_refcounts=on",
    "qcow2, extended_l2=on",
    "qcow2, compression_type=zstd",
    "qcow2, preallocation=metadata",
    "qcow2, preallocation=falloc",
    "qcow2, preallocation=full",
    "qcow2, 'encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10'",
    "qcow2, 'encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10,"
        + "encrypt.cipher-alg=aes-128,encrypt.cipher-mode=cbc,encrypt.ivgen-alg=essiv,"
        + "encrypt.ivgen-hash-alg=sha256,encrypt.hash-alg=sha512'",
    "luks, 'key-secret=s,iter-time=10,cipher-alg=aes-128,cipher-mode=cbc,ivgen-alg=plain64'",
    "luks, 'key-secret=s,iter-time=10,ivgen-alg=essiv,ivgen-hash-alg=sha256,hash-alg=sha1'",
    "vmdk, subformat=monolithicFlat",
    "vmdk, subformat=streamOptimized",
    "vmdk, zeroed_grain=on",
    "vdi, static=on",
    "vpc, 'subformat=fixed,force_size=on'",
    "vpc, 'subformat=dynamic,force_size=on'",
    "vhdx, subformat=fixed",
    "vhdx, block_size=2M",
    "vhdx, log_size=2M",
    "vhdx, block_state_zero=off",
    "qed, cluster_size=128k",
    "qed, table_size=8",
    "parallels, cluster_size=2M",
  })
  void theOptionMakesTheSameImage(String format, String options) throws IOException {
    Path ours = folder.resolve("ours." + format);
    Path theirs = folder.resolve("theirs." + format);
    Images.create(ours, format, 8 << 20, parse(options), SECRETS);
    QemuImg.ok("create", "--object", SECRET, "-f", format, "-o", options, theirs, "8M");
    if (format.equals("vpc") && options.contains("fixed")) {
      // Recognised by nobody without its footer's help.
      QemuImg.ok("compare", "-f", format, "-F", format, ours, theirs);
      return;
    }
    assertThat(described(ours)).containsExactlyInAnyOrderElementsOf(described(theirs));
    if (options.contains("preallocation=f")) {
      long own = java.nio.file.Files.size(ours);
      long other = java.nio.file.Files.size(theirs);
      assertThat(own).isBetween(other - (1 << 20), other + (1 << 20));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"qcow2", "qed", "qcow", "vmdk"})
  void backingFileAndBackingFmt(String format) throws IOException {
    String below = format.equals("vmdk") ? "vmdk" : "raw";
    Path base = folder.resolve("base");
    QemuImg.ok("create", "-f", below, base, "8M");
    Path ours = folder.resolve("ours." + format);
    Path theirs = folder.resolve("theirs." + format);
    Images.create(
        ours, format, 8 << 20, Map.of("backing_file", base.toString(), "backing_fmt", below));
    QemuImg.ok(
        "create",
        "-f",
        format,
        "-o",
        "backing_file=" + base + ",backing_fmt=" + below,
        theirs,
        "8M");
    assertThat(described(ours)).containsExactlyInAnyOrderElementsOf(described(theirs));
  }

  @Test
  void dataFileAndDataFileRaw() throws IOException {
    Path ours = folder.resolve("ours.qcow2");
    Images.create(ours, "qcow2", 8 << 20, Map.of("data_file", "ours.data", "data_file_raw", "on"));
    assertThat(QemuImg.ok("info", ours)).contains("data file: ours.data", "data file raw: true");
  }

  @ParameterizedTest
  @CsvSource({
    "luks, cipher-alg=des",
    "luks, cipher-mode=gcm",
    "luks, ivgen-alg=benbi",
    "luks, hash-alg=md5",
    "luks, iter-time=0",
    "qcow2, encrypt.format=aes",
    "vmdk, subformat=vmfs",
    "vmdk, 'subformat=monolithicFlat,zeroed_grain=on'",
    "vhdx, block_size=3M",
    "qed, table_size=3",
    "vdi, static=perhaps",
    "raw, preallocation=some",
  })
  void whatAnOptionCannotBeIsSaid(String format, String options) {
    Map<String, String> all = parse(options);
    if (format.equals("luks")) {
      all.put("key-secret", "s");
    }
    Path file = folder.resolve("no." + format);
    ImageException e =
        catchThrowableOfType(
            ImageException.class, () -> Images.create(file, format, 8 << 20, all, SECRETS));
    assertThat(e.kind()).isEqualTo(ImageException.Kind.INVALID_REQUEST);
    assertThat(file).doesNotExist();
  }
}
