package io.satchel.image.format.luks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.satchel.image.ImageModel;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.QemuImg;
import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import io.satchel.image.crypt.Secrets;
import io.satchel.image.format.qcow2.Qcow2Device;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Encrypted images go both ways between this program and qemu-img. */
class LuksOracleTest {
  private static final int SIZE = (1 << 20) + 512 * 5;
  private static final String SECRET = "secret,id=s,data=abc";
  private static final byte[] PASS = "abc".getBytes(StandardCharsets.UTF_8);

  @TempDir Path folder;
  private final ImageModel model = new ImageModel(SIZE);

  private static String image(String format, Path file) {
    String key = format.equals("luks") ? "key-secret" : "encrypt.key-secret";
    return "driver=" + format + ",file.filename=" + file + "," + key + "=s";
  }

  private void compare(String format, Path file) throws IOException {
    Path raw = model.save(folder.resolve("model.raw"));
    QemuImg.ok(
        "compare",
        "--object",
        SECRET,
        "--image-opts",
        image(format, file),
        "driver=raw,file.filename=" + raw);
    if (format.equals("qcow2")) {
      QemuImg.ok("check", "--object", SECRET, "--image-opts", image(format, file));
    }
  }

  private static OpenOptions unlocked() {
    return OpenOptions.forWriting().withPassphrase(PASS);
  }

  private void exercise(String format, Path file, Random random) throws IOException {
    for (int round = 0; round < 2; round++) {
      try (OpenedImage image = Images.open(file, unlocked())) {
        assertThat(image.format()).isEqualTo(format);
        model.check(image.device());
        for (int step = 0; step < 15; step++) {
          model.change(random, image.device());
          model.checkSome(random, image.device());
        }
        model.check(image.device());
      }
      compare(format, file);
    }
  }

  private Path content(Random random) throws IOException {
    byte[] piece = new byte[100_000];
    for (int i = 0; i < 5; i++) {
      random.nextBytes(piece);
      System.arraycopy(piece, 0, model.bytes(), random.nextInt(SIZE - piece.length), piece.length);
    }
    return model.save(folder.resolve("model.raw"));
  }

  @ParameterizedTest
  @CsvSource({
    "luks, ''",
    "luks, 'cipher-alg=aes-128,cipher-mode=cbc,ivgen-alg=essiv,ivgen-hash-alg=sha256'",
    "luks, 'cipher-alg=aes-192,cipher-mode=xts,ivgen-alg=plain64,hash-alg=sha1'",
    "luks, 'cipher-mode=xts,cipher-alg=aes-128,ivgen-alg=plain,hash-alg=sha512'",
    "luks, 'cipher-mode=ctr,hash-alg=sha384'",
    "luks, 'cipher-mode=ecb,hash-alg=sha224'",
    "luks, 'cipher-alg=serpent-256'",
    "luks, 'cipher-alg=serpent-128,cipher-mode=cbc,ivgen-alg=plain64,hash-alg=ripemd160'",
    "luks, 'cipher-alg=serpent-192,cipher-mode=xts'",
    "luks, 'cipher-alg=twofish-256,hash-alg=ripemd160'",
    "luks, 'cipher-alg=twofish-128,cipher-mode=ecb'",
    "luks, 'cipher-alg=twofish-192,cipher-mode=xts'",
    "luks, 'cipher-alg=serpent-256,cipher-mode=cbc,ivgen-alg=essiv,ivgen-hash-alg=sha256'",
    "luks, 'cipher-alg=cast5-128,cipher-mode=cbc'",
    "luks, 'cipher-alg=cast5-128,cipher-mode=ctr,hash-alg=sha1'",
    "qcow2, 'cipher-alg=twofish-256'",
    "qcow2, ''",
    "qcow2, 'cipher-alg=aes-128,cipher-mode=cbc,ivgen-alg=essiv,ivgen-hash-alg=sha256'",
    "qcow2, 'extended_l2=on'",
    "qcow2, 'compat=0.10,cluster_size=4k'",
  })
  void imagesOfEitherAreUsedByTheOther(String format, String options) throws IOException {
    Random random = new Random(options.hashCode());
    String prefix = format.equals("luks") ? "" : "encrypt.";
    StringBuilder all = new StringBuilder(prefix + "key-secret=s," + prefix + "iter-time=10");
    if (format.equals("qcow2")) {
      all.append(",encrypt.format=luks");
    }
    for (String option : options.isEmpty() ? new String[0] : options.split(",")) {
      boolean plain = option.matches("(extended|compat|cluster).*");
      all.append(',').append(plain ? "" : prefix).append(option);
    }
    Path theirs = folder.resolve("theirs." + format);
    Path raw = content(random);
    QemuImg.ok("convert", "--object", SECRET, "-O", format, "-o", all, raw, theirs);
    exercise(format, theirs, random);

    java.util.Arrays.fill(model.bytes(), (byte) 0);
    Path ours = folder.resolve("ours." + format);
    Map<String, String> map = new HashMap<>();
    for (String option : all.toString().split(",")) {
      map.put(option.split("=")[0], option.split("=")[1]);
    }
    Images.create(ours, format, SIZE, map, new Secrets(Map.of("s", PASS)));
    try (OpenedImage image = Images.open(ours, unlocked())) {
      image.device().writeZeroes(0, SIZE, false);
    }
    compare(format, ours);
    exercise(format, ours, random);
  }

  @Test
  void snapshotsOfEncryptedDisksAreEncryptedToo() throws IOException {
    Random random = new Random(3);
    Path file = folder.resolve("snap.qcow2");
    Path raw = content(random);
    QemuImg.ok(
        "convert",
        "--object",
        SECRET,
        "-O",
        "qcow2",
        "-o",
        "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10",
        raw,
        file);
    byte[] before = model.bytes().clone();
    try (OpenedImage image = Images.open(file, unlocked())) {
      Qcow2Device device = (Qcow2Device) image.device();
      device.snapshots().create("one", Instant.EPOCH, 0, 0);
      for (int step = 0; step < 40; step++) {
        model.change(random, device);
      }
    }
    compare("qcow2", file);
    QemuImg.ok("snapshot", "--object", SECRET, "-a", "one", "--image-opts", image("qcow2", file));
    System.arraycopy(before, 0, model.bytes(), 0, SIZE);
    compare("qcow2", file);
  }

  @Test
  void preallocatedEncryptedDisksReadAsZeros() throws IOException {
    Path file = folder.resolve("pre.qcow2");
    Images.create(
        file,
        "qcow2",
        SIZE,
        Map.of(
            "encrypt.format", "luks",
            "encrypt.key-secret", "s",
            "encrypt.iter-time", "10",
            "preallocation", "metadata"),
        new Secrets(Map.of("s", PASS)));
    compare("qcow2", file);
    exercise("qcow2", file, new Random(4));
  }

  @Test
  void legacyAesIsReadAndNotWritten() throws IOException {
    Path file = folder.resolve("legacy.qcow2");
    Path raw = content(new Random(5));
    QemuImg.ok(
        "convert",
        "--object",
        SECRET,
        "-O",
        "qcow2",
        "-o",
        "encrypt.format=aes,encrypt.key-secret=s",
        raw,
        file);
    try (OpenedImage image = Images.open(file, unlocked())) {
      model.check(image.device());
      model.checkSome(new Random(1), image.device());
      ImageException e =
          catchThrowableOfType(
              ImageException.class, () -> image.device().write(0, ByteBuffer.allocate(512)));
      assertThat(e.kind()).isEqualTo(Kind.READ_ONLY);
    }
  }

  private Kind refusal(Path file, OpenOptions options) {
    ImageException e =
        catchThrowableOfType(ImageException.class, () -> Images.open(file, options).close());
    assertThat(e).isNotNull();
    assertThat(e.getMessage()).endsWith(".").doesNotContain("\n");
    return e.kind();
  }

  private Path small(String format) throws IOException {
    Path file = folder.resolve("small." + format);
    String prefix = format.equals("luks") ? "" : "encrypt.";
    Map<String, String> options = new HashMap<>();
    options.put(prefix + "key-secret", "s");
    options.put(prefix + "iter-time", "1");
    if (format.equals("qcow2")) {
      options.put("encrypt.format", "luks");
    }
    Images.create(file, format, 1 << 20, options, new Secrets(Map.of("s", PASS)));
    return file;
  }

  @ParameterizedTest
  @ValueSource(strings = {"luks", "qcow2"})
  void aWrongOrMissingPassphraseIsSaidSo(String format) throws IOException {
    Path file = small(format);
    assertThat(refusal(file, OpenOptions.readOnly())).isEqualTo(Kind.ENCRYPTED);
    assertThat(refusal(file, OpenOptions.readOnly().withPassphrase(new byte[] {1})))
        .isEqualTo(Kind.WRONG_PASSPHRASE);
    assertThat(refusal(file, OpenOptions.readOnly().withPassphrase(new byte[0])))
        .isEqualTo(Kind.WRONG_PASSPHRASE);
    OpenOptions look = OpenOptions.readOnly().withKeys(OpenOptions.Keys.unneeded());
    try (OpenedImage image = Images.open(file, look)) {
      assertThat(image.device().size()).isEqualTo(1 << 20);
      if (format.equals("luks")) {
        Throwable e = catchThrowable(() -> image.device().read(0, ByteBuffer.allocate(512)));
        assertThat(((ImageException) e).kind()).isEqualTo(Kind.ENCRYPTED);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    // iterations of the first slot and of the key's digest: endless, and none
    "212, ffffffff, UNSUPPORTED",
    "212, 7fffffff, UNSUPPORTED",
    "212, 00000000, CORRUPT",
    "164, 7fffffff, UNSUPPORTED",
    "164, 00000000, CORRUPT",
    // stripes
    "252, ffffffff, CORRUPT",
    "252, 00000fa1, CORRUPT",
    // a slot in the header, in another slot, in the data, past the end
    "248, 00000000, CORRUPT",
    "296, 00000008, CORRUPT",
    "248, 00000fc0, CORRUPT",
    "248, ffffff00, CORRUPT",
    // the slot's state
    "208, 00000001, CORRUPT",
    // where the data begins, and how long the key is
    "104, 00000001, CORRUPT",
    "104, ffffffff, CORRUPT",
    "108, ffffffff, CORRUPT",
    "108, 00000021, CORRUPT",
    // names: of a cipher that is not known, and without an end
    "8, 73657270, UNSUPPORTED",
  })
  void aHostileHeaderIsRefusedBeforeAnythingIsDone(int at, String word, Kind kind)
      throws IOException {
    Path file = small("luks");
    try (RandomAccessFile raw = new RandomAccessFile(file.toFile(), "rw")) {
      raw.seek(at);
      raw.writeInt((int) Long.parseLong(word, 16));
    }
    long start = System.nanoTime();
    assertThat(refusal(file, OpenOptions.readOnly().withPassphrase(PASS))).isEqualTo(kind);
    assertThat(System.nanoTime() - start).isLessThan(5_000_000_000L);
  }

  @ParameterizedTest
  @ValueSource(strings = {"luks", "qcow2"})
  void anyByteOfTheHeaderMayBeWrong(String format) throws IOException {
    Path file = small(format);
    byte[] good = Files.readAllBytes(file);
    int header = format.equals("luks") ? 0 : find(good);
    Random random = new Random(8);
    for (int i = 0; i < 80; i++) {
      byte[] bad = good.clone();
      int at = header + random.nextInt(592);
      if (at >= header + 164 && at < header + 168 || (at - header - 208) % 48 / 4 == 1) {
        // A large but allowed number of rounds only takes time.
        continue;
      }
      bad[at] = (byte) random.nextInt(256);
      int cut = random.nextInt(4) == 0 ? random.nextInt(bad.length) : bad.length;
      Files.write(file, java.util.Arrays.copyOf(bad, cut));
      Throwable e =
          catchThrowable(
              () -> {
                try (OpenedImage image =
                    Images.open(
                        file, OpenOptions.readOnly().withFormat(format).withPassphrase(PASS))) {
                  ImageModel.read(
                      image.device(), 0, (int) Math.min(image.device().size(), 1 << 20));
                }
              });
      if (e != null) {
        assertThat(e).isInstanceOf(ImageException.class);
      }
    }
  }

  private static int find(byte[] bytes) {
    for (int i = 0; ; i += 512) {
      if (bytes[i] == 'L' && bytes[i + 1] == 'U' && bytes[i + 2] == 'K' && bytes[i + 3] == 'S') {
        return i;
      }
    }
  }

  @Test
  void whatTheDiskGainsReadsAsZeros() throws IOException {
    Path file = small("luks");
    try (OpenedImage image = Images.open(file, unlocked())) {
      image.device().writeZeroes(0, 1 << 20, false);
      ((LuksDevice) image.device()).resize(3 << 20);
    }
    ImageModel bigger = new ImageModel(3 << 20);
    Path raw = bigger.save(folder.resolve("zeros"));
    QemuImg.ok(
        "compare",
        "--object",
        SECRET,
        "--image-opts",
        image("luks", file),
        "driver=raw,file.filename=" + raw);
  }
}
