package io.satchel.app.open;

import io.satchel.image.Answers;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenOptions.BackingPolicy;
import io.satchel.image.OpenOptions.Keys;
import io.satchel.image.OpenedImage;
import io.satchel.image.Overlay;
import io.satchel.image.block.ImageException;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.LayeredDevice.BackingReference;
import io.satchel.image.format.qcow2.Qcow2Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What must be asked before an image can be opened. */
public sealed interface Question {

  /** The formats that a pass phrase unlocks. */
  Set<String> LOCKABLE = Set.of("luks", "qcow2");

  /** The file that raised it. */
  Path image();

  /**
   * Where is the file that {@code image} lies over?
   *
   * @param name where {@code image} says that it is
   * @param canKeep whether the new place can be written into {@code image}
   */
  record Missing(Path image, String name, boolean canKeep) implements Question {

    /** It is {@code now} there, for this time. */
    public Answers moved(Answers known, Path now) {
      return known.withMoved(image, now);
    }

    /**
     * Writes the new place into the image, and nothing else: what is in it is not looked at.
     *
     * @throws IOException if that is no disk image, or the image cannot be written
     */
    public void keep(Path now) throws IOException {
      String format;
      try (OpenedImage below =
          Images.open(now, OpenOptions.readOnly().withBacking(BackingPolicy.NONE).withKeys(LOOK))) {
        format = below.format();
      }
      try (OpenedImage opened =
          Images.open(
              image, OpenOptions.forWriting().withBacking(BackingPolicy.NONE).withKeys(LOOK))) {
        Qcow2Device device = Images.qcow2(opened.device());
        if (device != null) {
          device.amend().setBacking(Overlay.nameFor(image, now), format);
        }
      }
    }
  }

  /** May {@code image} lie over {@code file}, which is not in its folder? */
  record Outside(Path image, Path file) implements Question {}

  /**
   * What is the pass phrase?
   *
   * @param wrong whether one was given, and it was another
   */
  record Locked(Path image, boolean wrong) implements Question {}

  /** To look at headers. */
  Keys LOOK = Keys.unneeded();

  /** The question that {@code problem} raises; null when nobody could answer it. */
  static @Nullable Question of(IOException problem) {
    if (!(problem instanceof ImageException raised)) {
      return null;
    }
    try {
      Path image = Path.of(raised.file());
      if (!Files.isRegularFile(image)) {
        return null;
      }
      return switch (raised.kind()) {
        case BACKING_MISSING -> missing(image);
        case BACKING_REFUSED -> outside(image);
        case ENCRYPTED -> locked(image, false);
        case WRONG_PASSPHRASE -> locked(image, true);
        default -> null;
      };
    } catch (IOException | InvalidPathException _) {
      // Then what went wrong first is what is to be said.
      return null;
    }
  }

  private static @Nullable Question locked(Path image, boolean wrong) throws IOException {
    return LOCKABLE.contains(Images.probe(image)) ? new Locked(image, wrong) : null;
  }

  private static OpenedImage header(Path image) throws IOException {
    return Images.open(
        image,
        OpenOptions.readOnly().withBacking(BackingPolicy.NONE).withLocking(false).withKeys(LOOK));
  }

  /** The file below; null when it is the data of the image that is elsewhere. */
  private static @Nullable BackingReference below(OpenedImage image) {
    return image.device() instanceof LayeredDevice device && device.dataFile() == null
        ? device.backing()
        : null;
  }

  private static @Nullable Question missing(Path image) throws IOException {
    try (OpenedImage opened = header(image)) {
      BackingReference reference = below(opened);
      return reference == null
          ? null
          : new Missing(
              image,
              reference.name(),
              Images.qcow2(opened.device()) != null && Files.isWritable(image));
    }
  }

  private static @Nullable Question outside(Path image) throws IOException {
    try (OpenedImage opened = header(image)) {
      BackingReference reference = below(opened);
      return reference == null
          ? null
          : new Outside(image, Images.resolve(image, reference.name(), "backing file"));
    }
  }
}
