package io.satchel.image;

import io.satchel.image.OpenOptions.BackingPolicy;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.BlockDevice.Extent;
import io.satchel.image.block.BlockDevice.Kind;
import io.satchel.image.block.ImageException;
import io.satchel.image.file.HostFile;
import io.satchel.image.file.Pages;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.qcow2.Qcow2Options;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A run's changes in a file of their own: the image that was picked is not written until the user
 * keeps them.
 */
public final class Overlay {
  private static final int COPY_CHUNK = 2 << 20;

  private Overlay() {}

  /**
   * Makes a new overlay, a qcow2 image, over an image whose format is recognised and recorded.
   *
   * @throws ImageException if the overlay exists or the backing image cannot be opened
   */
  public static void create(Path overlay, Path backing) throws IOException {
    create(overlay, backing, OpenOptions.readOnly());
  }

  /** As {@link #create(Path, Path)}, with the backing image's format given when it is not null. */
  public static void create(Path overlay, Path backing, @Nullable String format)
      throws IOException {
    create(overlay, backing, OpenOptions.readOnly().withFormat(format), nameFor(overlay, backing));
  }

  /**
   * Makes a new overlay over an overlay or image that this program knows.
   *
   * @param below which backing files {@code backing} may bring along
   * @param together a folder that is moved as a whole: a name within it is recorded relative
   */
  public static void create(Path overlay, Path backing, BackingPolicy below, Path together)
      throws IOException {
    create(overlay, backing, OpenOptions.readOnly().withBacking(below), together);
  }

  /**
   * As {@link #create(Path, Path, BackingPolicy, Path)}.
   *
   * @param below how the backing image is opened, to be read
   */
  public static void create(Path overlay, Path backing, OpenOptions below, Path together)
      throws IOException {
    create(overlay, backing, below, nameFor(overlay, backing, together));
  }

  /** As {@link #nameFor(Path, Path)}; relative within {@code together} too. */
  public static String nameFor(Path overlay, Path backing, Path together) {
    Path folder = overlay.toAbsolutePath().normalize().getParent();
    Path absolute = backing.toAbsolutePath().normalize();
    Path whole = together.toAbsolutePath().normalize();
    boolean within = folder != null && folder.startsWith(whole) && absolute.startsWith(whole);
    return folder != null && within && !folder.equals(absolute.getParent())
        ? folder.relativize(absolute).toString().replace('\\', '/')
        : nameFor(overlay, backing);
  }

  /**
   * As {@link #create(Path, Path)}, with what is known of the backing image.
   *
   * @param below how it is opened, to be read
   */
  public static void create(Path overlay, Path backing, OpenOptions below) throws IOException {
    create(overlay, backing, below, nameFor(overlay, backing));
  }

  private static void create(Path overlay, Path backing, OpenOptions below, String name)
      throws IOException {
    long size;
    String recorded;
    try (OpenedImage image = Images.open(backing, below)) {
      size = image.device().size();
      recorded = image.format();
    }
    HostFile file = HostFile.create(overlay);
    try (file) {
      Formats.QCOW2.create(file, Qcow2Options.ofSize(size).withBacking(name, recorded));
    } catch (IOException | RuntimeException e) {
      Files.deleteIfExists(overlay);
      throw e;
    }
  }

  /**
   * What an image calls the one that it lies over: relative within one folder, so that both can be
   * moved together; otherwise absolute.
   */
  public static String nameFor(Path overlay, Path backing) {
    Path folder = overlay.toAbsolutePath().normalize().getParent();
    Path absolute = backing.toAbsolutePath().normalize();
    if (folder != null && folder.equals(absolute.getParent())) {
      String name = absolute.getFileName().toString();
      // A colon would be taken for a protocol by other programs.
      return name.contains(":") ? "./" + name : name;
    }
    return absolute.toString();
  }

  /** How an overlay that {@link #create} made is opened to be run. */
  public static OpenOptions openOptions() {
    return OpenOptions.forWriting()
        .withFormat(Formats.QCOW2.name())
        .withBacking(BackingPolicy.OVERLAY);
  }

  /**
   * Keeps the changes: writes them into the backing image, then deletes the overlay. Stopped or
   * broken off halfway, even by a crash, nothing is lost: the overlay is still there and keeping it
   * again finishes the work.
   *
   * @return false when the listener stopped it
   */
  public static boolean keep(Path overlay, Progress progress) throws IOException {
    return keep(overlay, BackingPolicy.SAME_FOLDER, progress);
  }

  /**
   * As {@link #keep(Path, Progress)}, into an image that this program knows.
   *
   * @param below which backing files that image may bring along
   */
  public static boolean keep(Path overlay, BackingPolicy below, Progress progress)
      throws IOException {
    return keep(overlay, OpenOptions.forWriting().withBacking(below), progress);
  }

  /**
   * As {@link #keep(Path, Progress)}.
   *
   * @param into how the image below is opened, to be written
   */
  public static boolean keep(Path overlay, OpenOptions into, Progress progress) throws IOException {
    Path backing;
    String format;
    try (OpenedImage image = Images.open(overlay, openOptions().withBacking(BackingPolicy.NONE))) {
      LayeredDevice.BackingReference reference = backingOf(overlay, image);
      backing = Images.resolve(overlay, reference.name(), "backing file");
      format = reference.format();
    }
    if (Formats.RAW.name().equals(format) && Formats.RAW.name().equals(Images.probe(backing))) {
      // It will be guessed again, so what makes it look like another format must not get in.
      format = null;
    }
    try (OpenedImage changes = Images.open(overlay, openOptions().withBacking(BackingPolicy.NONE));
        OpenedImage target = Images.open(backing, into.withFormat(format))) {
      BlockDevice from = changes.device();
      BlockDevice to = target.device();
      if (to.readOnly()) {
        throw new ImageException(
            ImageException.Kind.READ_ONLY,
            backing,
            "is in a format that can only be read",
            "convert it to qcow2 and keep the changes there");
      }
      if (from.size() > to.size()) {
        ((LayeredDevice) to).resize(from.size());
      }
      if (!copy(from, to, progress)) {
        to.flush();
        return false;
      }
      to.flush();
    }
    Files.delete(overlay);
    return true;
  }

  private static LayeredDevice.BackingReference backingOf(Path overlay, OpenedImage image)
      throws ImageException {
    LayeredDevice.BackingReference reference = ((LayeredDevice) image.device()).backing();
    if (reference == null) {
      throw new ImageException(
          ImageException.Kind.INVALID_REQUEST,
          overlay,
          "lies over no other image, so there is nothing to keep it in",
          "use it as it is");
    }
    return reference;
  }

  /** Copies what a layer itself holds, and nothing of what it lies over; false when stopped. */
  public static boolean copy(BlockDevice from, BlockDevice to, Progress progress)
      throws IOException {
    ByteBuffer chunk = Pages.allocate(COPY_CHUNK);
    long size = from.size();
    for (long at = 0; at < size; ) {
      if (!progress.at(at, size)) {
        return false;
      }
      Extent extent = from.extent(at, size - at);
      long end = at + extent.length();
      if (extent.kind() == Kind.ZERO) {
        to.writeZeroes(at, extent.length(), true);
      } else if (extent.kind() == Kind.DATA) {
        while (at < end) {
          chunk.clear().limit((int) Math.min(COPY_CHUNK, end - at));
          from.read(at, chunk);
          to.write(at, chunk.flip());
          at += chunk.limit();
          if (!progress.at(at, size)) {
            return false;
          }
        }
      }
      at = end;
    }
    return progress.at(size, size);
  }

  /**
   * Throws the changes away: deletes the overlay, and nothing that is not one.
   *
   * @throws ImageException if it is in use, or no overlay
   */
  public static void discard(Path overlay) throws IOException {
    try (OpenedImage image = Images.open(overlay, openOptions().withBacking(BackingPolicy.NONE))) {
      backingOf(overlay, image);
    }
    Files.delete(overlay);
  }
}
