package io.satchel.app.open;

import io.satchel.vm.api.MachineConfig.DriveKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Where the window keeps what a machine writes: a file beside the image, {@code
 * NAME.changes.qcow2}, or in the person's own folder when the image's folder cannot be written. A
 * later run of the same image goes on from it.
 */
final class Changes {

  private static final String SUFFIX = ".changes.qcow2";

  private Changes() {}

  /**
   * {@code request} with an overlay to keep changes in, where it has none and its image is one that
   * is written to.
   */
  static RunRequest kept(RunRequest request) throws IOException {
    Path image = request.image();
    if (image == null
        || request.overlay() != null
        || request.write()
        || ImageKinds.of(image) == DriveKind.CD) {
      return request;
    }
    return request.withOverlay(fileFor(image));
  }

  private static Path fileFor(Path image) throws IOException {
    Path absolute = image.toAbsolutePath().normalize();
    String name = absolute.getFileName() + SUFFIX;
    Path beside = absolute.resolveSibling(name);
    Path folder = absolute.getParent();
    if (folder != null && Files.isWritable(folder)) {
      return beside;
    }
    Path own = Path.of(System.getProperty("user.home"), ".satchel", "changes");
    Files.createDirectories(own);
    return own.resolve(Integer.toHexString(absolute.hashCode()) + "-" + name);
  }

  /** Whether the overlay holds nothing yet, so that it need not be left behind. */
  static boolean isNew(Session session) throws IOException {
    Path file = session.changes();
    return file != null && Files.size(file) < EMPTY_OVERLAY;
  }

  /** An overlay without data is its header and tables. */
  private static final long EMPTY_OVERLAY = 512 << 10;
}
