package io.satchel.image.operation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.format.LayeredDevice;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a copy does when its source cannot be read everywhere. */
class ConvertTest {
  private static final int SIZE = (5 << 20) + 512;
  private static final int BROKEN = (3 << 20) + 1024;

  @TempDir Path folder;

  /** A disk of which one sector cannot be read. */
  private static BlockDevice broken(BlockDevice disk) {
    return (BlockDevice)
        Proxy.newProxyInstance(
            BlockDevice.class.getClassLoader(),
            new Class<?>[] {BlockDevice.class},
            (proxy, method, arguments) -> {
              if (method.getName().equals("read")) {
                long at = (long) arguments[0];
                int length = ((ByteBuffer) arguments[1]).remaining();
                if (at < BROKEN + 512 && at + length > BROKEN) {
                  throw new IOException("a broken sector");
                }
              }
              try {
                return method.invoke(disk, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  private byte[] copy(byte[] content, boolean salvage) throws IOException {
    Path source = folder.resolve("source.raw");
    Path target = folder.resolve("target.qcow2");
    Files.write(source, content);
    Images.create(target, "qcow2", SIZE, Map.of());
    try (OpenedImage from = Images.open(source, OpenOptions.readOnly().withFormat("raw"));
        OpenedImage to = Images.open(target, OpenOptions.forWriting())) {
      Convert.run(
          List.of(new OpenedImage(broken(from.device()), from.chain())),
          (LayeredDevice) to.device(),
          Convert.Options.plain().withSalvage(salvage),
          (done, total) -> true);
      ByteBuffer all = ByteBuffer.allocate(SIZE);
      to.device().read(0, all);
      return all.array();
    }
  }

  @Test
  void salvagingMakesZerosOfTheOneSectorThatCannotBeRead() throws IOException {
    byte[] content = new byte[SIZE];
    new Random(6).nextBytes(content);
    byte[] copied = copy(content, true);
    Arrays.fill(content, BROKEN, BROKEN + 512, (byte) 0);
    assertThat(copied).isEqualTo(content);
  }

  @Test
  void withoutSalvagingTheCopyFails() {
    byte[] content = new byte[SIZE];
    Arrays.fill(content, (byte) 1);
    assertThatThrownBy(() -> copy(content, false))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("a broken sector");
  }
}
