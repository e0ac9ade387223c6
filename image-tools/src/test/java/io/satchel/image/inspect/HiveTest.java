package io.satchel.image.inspect;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.satchel.image.block.ImageException;
import io.satchel.image.fs.FileSystem.Content;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What a registry hive says of its keys. */
class HiveTest {

  private record Bytes(byte[] bytes) implements Content {
    @Override
    public long size() {
      return bytes.length;
    }

    @Override
    public void read(long offset, ByteBuffer target) {
      target.put(bytes, (int) offset, target.remaining());
    }
  }

  @Test
  void aKeySaysItsChildrenAndItsValues() throws IOException {
    HiveBuilder builder = new HiveBuilder();
    builder.key("Run").text("Updater", "C:\\up.exe").number("Times", 3);
    builder.key("Run\\Once").text("Long", "x".repeat(300));
    Hive.Key root = Hive.open(new Bytes(builder.build()), "SOFTWARE").root();
    assertThat(root.children()).hasSize(1);
    Hive.Key run = root.children().getFirst();
    assertThat(run.name()).isEqualTo("Run");
    assertThat(run.values()).isEqualTo(Map.of("Updater", "C:\\up.exe", "Times", "0x00000003"));
    assertThat(run.children().getFirst().values().get("Long"))
        .startsWith("xxx")
        .contains("\u2026 #")
        .hasSizeLessThan(230);
  }

  @Test
  void whatIsNoHiveIsRefused() {
    assertThatThrownBy(() -> Hive.open(new Bytes(new byte[8192]), "SYSTEM"))
        .isInstanceOf(ImageException.class)
        .hasMessageContaining("no registry hive");
  }
}
