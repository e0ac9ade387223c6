package io.satchel.image.crypt;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.crypt.Algorithms.BlockCipher;
import io.satchel.image.crypt.SectorCipher.IvGenerator;
import io.satchel.image.crypt.SectorCipher.Mode;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The ciphers give what their standards print, however much is ciphered at a time. */
class SectorCipherTest {
  private static byte[] hex(String text) {
    return HexFormat.of().parseHex(text);
  }

  @Test
  void xtsGivesVector4OfIeee1619() {
    byte[] key = hex("2718281828459045235360287471352631415926535897932384626433832795");
    byte[] data = new byte[512];
    for (int i = 0; i < data.length; i++) {
      data[i] = (byte) i;
    }
    SectorCipher cipher =
        new SectorCipher(BlockCipher.AES, Mode.XTS, IvGenerator.PLAIN64, null, key);
    cipher.encrypt(0, data, 0, data.length);
    assertThat(Arrays.copyOf(data, 32))
        .isEqualTo(hex("27a7479befa1d476489f308cd4cfa6e2a96e4bbe3208ff25287dd3819616e89c"));
  }

  @Test
  void cbcIsThatOfTheJdk() throws Exception {
    byte[] key = hex("000102030405060708090a0b0c0d0e0f");
    byte[] data = new byte[2048];
    new Random(1).nextBytes(data);
    byte[] ours = data.clone();
    new SectorCipher(BlockCipher.AES, Mode.CBC, IvGenerator.PLAIN64, null, key)
        .encrypt(7, ours, 0, 2048);
    Cipher jdk = Cipher.getInstance("AES/CBC/NoPadding");
    for (int i = 0; i < 4; i++) {
      byte[] iv = new byte[16];
      iv[0] = (byte) (7 + i);
      jdk.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(key, "AES"), new IvParameterSpec(iv));
      assertThat(Arrays.copyOfRange(ours, i * 512, i * 512 + 512))
          .isEqualTo(jdk.doFinal(data, i * 512, 512));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "XTS,PLAIN64,,64",
    "XTS,PLAIN,,32",
    "CBC,ESSIV,sha256,32",
    "CBC,PLAIN64,,24",
    "CTR,PLAIN64,,16",
    "ECB,PLAIN,,32"
  })
  void manySectorsAreEachAsIfAlone(Mode mode, IvGenerator iv, String hash, int keyBytes) {
    byte[] key = new byte[keyBytes];
    Random random = new Random(keyBytes);
    random.nextBytes(key);
    byte[] data = new byte[(200 << 10) + 512];
    random.nextBytes(data);
    SectorCipher cipher = new SectorCipher(BlockCipher.AES, mode, iv, hash, key);
    byte[] whole = data.clone();
    long first = (1L << 32) - 100;
    cipher.encrypt(first, whole, 0, whole.length);
    byte[] single = data.clone();
    for (int i = 0; i < single.length / 512; i++) {
      cipher.encrypt(first + i, single, i * 512, 512);
    }
    assertThat(whole).isEqualTo(single).isNotEqualTo(data);
    cipher.decrypt(first, whole, 0, whole.length);
    assertThat(whole).isEqualTo(data);
  }

  @Test
  void pbkdf2GivesTheVectorsOfRfc6070() {
    byte[] password = "password".getBytes(StandardCharsets.US_ASCII);
    byte[] salt = "salt".getBytes(StandardCharsets.US_ASCII);
    assertThat(Pbkdf2.derive("sha1", password, salt, 2, 20))
        .isEqualTo(hex("ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957"));
    assertThat(
            Pbkdf2.derive(
                "sha1",
                "passwordPASSWORDpassword".getBytes(StandardCharsets.US_ASCII),
                "saltSALTsaltSALTsaltSALTsaltSALTsalt".getBytes(StandardCharsets.US_ASCII),
                4096,
                25))
        .isEqualTo(hex("3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038"));
  }
}
