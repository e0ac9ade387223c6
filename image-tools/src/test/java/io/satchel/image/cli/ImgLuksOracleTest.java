package io.satchel.image.cli;

import static io.satchel.image.cli.ImgOracleTest.img;
import static io.satchel.image.cli.ImgOracleTest.ok;
import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.QemuImg;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.ObjectMapper;

/** The words for encrypted images are qemu-img's. */
class ImgLuksOracleTest {
  private static final String OLD = "--object=secret,id=s,data=abc";
  @TempDir Path folder;
  private Path raw;

  @BeforeEach
  void content() throws IOException {
    byte[] bytes = new byte[2 << 20];
    new Random(1).nextBytes(bytes);
    raw = Files.write(folder.resolve("raw"), bytes);
  }

  private static String prefix(String format) {
    return format.equals("luks") ? "" : "encrypt.format=luks,encrypt.";
  }

  private static String key(String format) {
    return format.equals("luks") ? "" : "encrypt.";
  }

  private String options(String format, Path file, String id) {
    return "driver=" + format + ",file.filename=" + file + "," + key(format) + "key-secret=" + id;
  }

  private Path made(String format) {
    Path file = folder.resolve("made." + format);
    String how = prefix(format) + "key-secret=s," + key(format) + "iter-time=10";
    ok("convert", OLD, "-O", format, "-o", how, raw, file);
    return file;
  }

  private void sameAsRaw(String secret, String format, Path file) {
    String plain = "driver=raw,file.filename=" + raw;
    QemuImg.ok("compare", secret, "--image-opts", options(format, file, "s"), plain);
    assertThat(ok("compare", secret, "--image-opts", options(format, file, "s"), plain))
        .isEqualTo("Images are identical.\n");
  }

  @ParameterizedTest
  @ValueSource(strings = {"luks", "qcow2"})
  void infoAndMapAgreeAndNeedNoSecretForInfo(String format) throws IOException {
    Path file = made(format);
    sameAsRaw(OLD, format, file);
    ObjectMapper json = new ObjectMapper();
    assertThat(json.readTree(ok("info", "--output=json", file)))
        .isEqualTo(json.readTree(QemuImg.ok("info", "--output=json", file)));
    assertThat(ok("info", file).lines().toList())
        .containsExactlyInAnyOrderElementsOf(QemuImg.ok("info", file).lines().toList());
    String[] map = {"map", "--output=json", OLD, "--image-opts", options(format, file, "s")};
    assertThat(json.readTree(ok((Object[]) map)))
        .isEqualTo(json.readTree(QemuImg.ok((Object[]) map)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"luks", "qcow2"})
  void keySlotsAreAmended(String format) throws IOException {
    Path file = made(format);
    Path secret = Files.writeString(folder.resolve("pass"), "a longer one");
    String second = "--object=secret,id=n,file=" + secret;
    String p = key(format);
    ok(
        "amend",
        OLD,
        second,
        "-o",
        p + "state=active," + p + "new-secret=n," + p + "iter-time=10",
        "--image-opts",
        options(format, file, "s"));
    sameAsRaw("--object=secret,id=s,file=" + secret, format, file);
    ok(
        "amend",
        OLD,
        second,
        "-o",
        p + "state=inactive," + p + "old-secret=s",
        "--image-opts",
        options(format, file, "n"));
    QemuImg.Outcome theirs = QemuImg.run("map", OLD, "--image-opts", options(format, file, "s"));
    assertThat(theirs.status()).isEqualTo(1);
    assertThat(img("map", OLD, "--image-opts", options(format, file, "s")).err())
        .contains("cannot be unlocked with this pass phrase");
    ImgOracleTest.Outcome last =
        img(
            "amend",
            second,
            "-o",
            p + "state=inactive," + p + "keyslot=1",
            "--image-opts",
            options(format, file, "n"));
    assertThat(last.status()).isEqualTo(1);
    assertThat(last.err()).contains("last pass phrase");
    String base64 = "--object=secret,id=s,data=YSBsb25nZXIgb25l,format=base64";
    sameAsRaw(base64, format, file);
  }

  /** A pass phrase that is itself encrypted under a master key, as a management tool hands it. */
  @ParameterizedTest
  @ValueSource(strings = {"base64", "raw"})
  void secretsMayBeEncryptedUnderAnother(String format) throws Exception {
    byte[] key = "0123456789abcdef0123456789abcdef".getBytes(StandardCharsets.US_ASCII);
    byte[] iv = "fedcba9876543210".getBytes(StandardCharsets.US_ASCII);
    Cipher cipher = Cipher.getInstance("AES/CBC/PKCS5Padding");
    cipher.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(key, "AES"), new IvParameterSpec(iv));
    byte[] packed = cipher.doFinal("opened by a key".getBytes(StandardCharsets.US_ASCII));
    Base64.Encoder base64 = Base64.getEncoder();
    Path data = folder.resolve("data");
    Files.write(data, format.equals("raw") ? packed : base64.encode(packed));
    String master = "secret,id=m,format=base64,data=" + base64.encodeToString(key);
    String ivText = base64.encodeToString(iv);
    String under = "secret,id=s,keyid=m,format=" + format + ",iv=" + ivText + ",file=" + data;
    String plain = "secret,id=s,data=opened by a key";
    Path file = folder.resolve("under.luks");
    QemuImg.ok(
        "convert", "--object", plain, "-O", "luks", "-o", "key-secret=s,iter-time=10", raw, file);
    for (String object : new String[] {plain, under}) {
      List<Object> words = new ArrayList<>(List.of("compare"));
      if (object.equals(under)) {
        words.addAll(List.of("--object", master));
      }
      words.addAll(List.of("--object", object, "--image-opts", options("luks", file, "s")));
      words.add("driver=raw,file.filename=" + raw);
      QemuImg.ok(words.toArray());
      assertThat(ok(words.toArray())).isEqualTo("Images are identical.\n");
    }
  }

  @Test
  void measureCountsTheKeys() {
    for (Object[] words :
        new Object[][] {
          {"measure", OLD, "-O", "luks", "-o", "key-secret=s", "--size", "1G"},
          {
            "measure",
            OLD,
            "-O",
            "qcow2",
            "-o",
            "encrypt.format=luks,encrypt.key-secret=s",
            "--size",
            "1G"
          },
        }) {
      assertThat(ok(words)).isEqualTo(QemuImg.ok(words));
    }
  }

  @Test
  void anExistingEncryptedTargetIsFilled() throws IOException {
    Path file = folder.resolve("target.luks");
    QemuImg.ok("create", OLD, "-f", "luks", "-o", "key-secret=s,iter-time=10", file, "2M");
    ok(
        "convert",
        OLD,
        "-n",
        "--image-opts",
        "--target-image-opts",
        "driver=raw,file.filename=" + raw,
        options("luks", file, "s"));
    sameAsRaw(OLD, "luks", file);
  }

  @Test
  void whatCannotBeDoneIsSaid() {
    assertThat(img("create", "-f", "luks", folder.resolve("x"), "1M").err()).contains("key-secret");
    assertThat(img("create", "-f", "luks", "-o", "key-secret=no", folder.resolve("x"), "1M").err())
        .contains("not defined");
    assertThat(
            img(
                    "create",
                    OLD,
                    "-f",
                    "qcow2",
                    "-o",
                    "encrypt.format=aes,encrypt.key-secret=s",
                    folder.resolve("x"),
                    "1M")
                .err())
        .contains("only as luks");
    assertThat(img("info", "--object", "secret,id=s", raw).status()).isZero();
    Path file = made("qcow2");
    Path packed = folder.resolve("packed");
    String how = "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10";
    assertThat(img("convert", OLD, "-c", "-O", "qcow2", "-o", how, raw, packed).err())
        .contains("cannot be compressed");
    assertThat(file).exists();
    assertThat(packed).doesNotExist();
  }
}
