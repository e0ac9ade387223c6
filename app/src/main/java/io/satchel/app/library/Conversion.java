package io.satchel.app.library;

import io.satchel.image.Formats;
import io.satchel.image.NewFile;
import io.satchel.image.OpenedImage;
import io.satchel.image.Progress;
import io.satchel.image.block.ImageException;
import io.satchel.image.crypt.Passphrase;
import io.satchel.image.crypt.Secrets;
import io.satchel.image.format.ImageFormat;
import io.satchel.image.format.ImageFormat.Purpose;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.operation.Convert;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Writes a disk, with everything that it lies over, to one new file. */
public final class Conversion {

  /** The formats that a disk can be written in, by qemu-img's names, the usual one first. */
  public static final List<String> FORMATS = List.of("qcow2", "raw", "vmdk", "vdi", "vpc", "vhdx");

  /** What a pass phrase is called while an image is made. */
  private static final String KEY = "phrase";

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
    write(source, target, named(format, target), Map.of(), compress, null, progress);
  }

  private static ImageFormat named(String format, Path target) throws ImageException {
    ImageFormat kind = Formats.named(format);
    if (kind == null || !kind.creatable()) {
      throw new ImageException(
          ImageException.Kind.INVALID_REQUEST,
          target,
          "is to be of the format " + format + ", which cannot be written",
          "choose another format");
    }
    return kind;
  }

  /** As {@link #run}, to a qcow2 image that {@code phrase} opens (LUKS). */
  public static void encrypted(OpenedImage source, Path target, byte[] phrase, Progress progress)
      throws IOException {
    Map<String, String> options = Map.of("encrypt.format", "luks", "encrypt.key-secret", KEY);
    write(source, target, Formats.QCOW2, options, false, phrase, progress);
  }

  /** As {@link #run}, to a VMDK of the kind that appliances hold. */
  public static void stream(OpenedImage source, Path target, Progress progress) throws IOException {
    Map<String, String> options = Map.of("subformat", "streamOptimized");
    write(source, target, named("vmdk", target), options, false, null, progress);
  }

  private static void write(
      OpenedImage source,
      Path target,
      ImageFormat kind,
      Map<String, String> options,
      boolean compress,
      byte @Nullable [] phrase,
      Progress progress)
      throws IOException {
    Secrets secrets = phrase == null ? Secrets.none() : new Secrets(Map.of(KEY, phrase));
    Passphrase unlocking = phrase == null ? Passphrase.none() : Passphrase.of(phrase);
    try (NewFile file = NewFile.at(target)) {
      kind.create(file.storage(), source.device().size(), options, secrets);
      try (LayeredDevice device = kind.open(file.unclosable(), Purpose.USE, unlocking)) {
        Convert.run(
            List.of(source), device, Convert.Options.plain().withCompress(compress), progress);
      }
      file.keep();
    }
  }
}
