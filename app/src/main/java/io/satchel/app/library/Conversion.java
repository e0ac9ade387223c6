package io.satchel.app.library;

import io.satchel.image.Formats;
import io.satchel.image.NewFile;
import io.satchel.image.OpenedImage;
import io.satchel.image.Progress;
import io.satchel.image.block.ImageException;
import io.satchel.image.format.ImageFormat;
import io.satchel.image.format.ImageFormat.Purpose;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.operation.Convert;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Writes a disk, with everything that it lies over, to one new file. */
public final class Conversion {

  /** The formats that a disk can be written in, by qemu-img's names, the usual one first. */
  public static final List<String> FORMATS = List.of("qcow2", "raw", "vmdk", "vdi", "vpc", "vhdx");

  private Conversion() {}

  /** How a file of {@code format} usually ends. */
  public static String extension(String format) {
    return switch (format) {
      case "raw" -> "img";
      case "vpc" -> "vhd";
      default -> format;
    };
  }

  /**
   * Copies. The target appears under its name only when it is whole.
   *
   * @param compress pack it (qcow2)
   * @throws io.satchel.image.operation.Cancelled if the listener stopped it
   */
  public static void run(
      OpenedImage source, Path target, String format, boolean compress, Progress progress)
      throws IOException {
    ImageFormat kind = Formats.named(format);
    if (kind == null || !kind.creatable()) {
      throw new ImageException(
          ImageException.Kind.INVALID_REQUEST,
          target,
          "is to be of the format " + format + ", which cannot be written",
          "choose another format");
    }
    try (NewFile file = NewFile.at(target)) {
      kind.create(file.storage(), source.device().size(), Map.of());
      try (LayeredDevice device = kind.open(file.unclosable(), Purpose.USE)) {
        Convert.run(
            List.of(source), device, Convert.Options.plain().withCompress(compress), progress);
      }
      file.keep();
    }
  }
}
