package io.satchel.app.demo;

import io.satchel.app.common.Problem;
import io.satchel.image.Formats;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.file.HostFile;
import io.satchel.image.format.qcow2.Qcow2Options;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * The demonstration machine's disk: {@code demo.asm}, assembled, in a small qcow2 image. The build
 * makes it with {@link #main}.
 */
public final class DemoImage {

  private static final String SOURCE = "demo.asm";
  private static final String IMAGE = "demonstration.qcow2";

  /** What the partition table in the source says: 2047 sectors from sector 1. */
  private static final int SIZE = 1 << 20;

  private DemoImage() {}

  /** Writes the image into the folder that is named first. */
  public static void main(String[] arguments) throws IOException {
    Path file = Path.of(arguments[0]).resolve(IMAGE);
    Files.createDirectories(file.toAbsolutePath().getParent());
    Files.deleteIfExists(file);
    try (HostFile target = HostFile.create(file)) {
      Formats.QCOW2.create(target, Qcow2Options.ofSize(SIZE));
    }
    try (OpenedImage image = Images.open(file, OpenOptions.forWriting());
        InputStream source = resource(SOURCE)) {
      byte[] program =
          Assembler16.assemble(new String(source.readAllBytes(), StandardCharsets.UTF_8));
      image.device().write(0, ByteBuffer.wrap(program));
      image.device().flush();
    }
  }

  /** Puts the image into the temporary folder, where a machine can open it. */
  public static Path unpack() throws IOException {
    Path file = Files.createTempDirectory("satchel-demo").resolve(IMAGE);
    try (InputStream image = resource(IMAGE)) {
      Files.copy(image, file, StandardCopyOption.REPLACE_EXISTING);
    }
    file.toFile().deleteOnExit();
    file.getParent().toFile().deleteOnExit();
    return file;
  }

  private static InputStream resource(String name) throws IOException {
    InputStream stream = DemoImage.class.getResourceAsStream(name);
    if (stream == null) {
      throw new Problem("problem.own.missing", name);
    }
    return stream;
  }
}
