package io.satchel.app.disks;

import io.satchel.app.library.Library;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.MachineFile.Disk;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenOptions.BackingPolicy;
import io.satchel.image.OpenedImage;
import io.satchel.image.Overlay;
import io.satchel.image.Progress;
import io.satchel.image.format.LayeredDevice.BackingReference;
import io.satchel.image.format.qcow2.Qcow2Device;
import io.satchel.image.operation.Rebase;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Lays a qcow2 image over another one, or over none. */
final class Rebasing {

  private final Library library;
  private final DiskFile file;

  Rebasing(Library library, DiskFile file) {
    this.library = library;
    this.file = file;
  }

  /**
   * What is known before.
   *
   * @param layered whether it is of the format that can lie over another
   * @param below what it says that it lies over; null for nothing
   */
  record Found(boolean layered, @Nullable String below, int snapshots) {}

  Found look() throws IOException {
    try (OpenedImage image = file.open()) {
      Qcow2Device device = Images.qcow2(image.chain().getFirst().device());
      BackingReference reference = device == null ? null : device.backing();
      return new Found(
          device != null,
          reference == null ? null : reference.name(),
          device == null ? 0 : device.snapshots().list().size());
    }
  }

  /**
   * Lays it over {@code base}, or over nothing when that is null; what it reads as stays the same.
   * A machine's disk can only be made to stand alone.
   */
  void run(@Nullable Path base, Progress progress) throws IOException {
    Entry entry = file.entry();
    Disk disk = file.disk();
    if (entry == null || disk == null) {
      rebase(base, progress);
      return;
    }
    // First the machine's file: wherever this is broken off, the layer opens, over the other files
    // or alone.
    library.replaceDisk(entry, disk, file.path());
    try {
      rebase(null, progress);
    } catch (IOException | RuntimeException e) {
      library.save(entry.folder(), entry.machine());
      throw e;
    }
  }

  private void rebase(@Nullable Path base, Progress progress) throws IOException {
    try (OpenedImage image = file.openForWriting()) {
      if (base == null) {
        Rebase.run(image, null, null, null, progress);
        return;
      }
      OpenOptions look =
          OpenOptions.readOnly().withBacking(BackingPolicy.ANYWHERE).withAnswers(file.answers());
      try (OpenedImage below = Images.open(base, look)) {
        Rebase.run(
            image, below.device(), Overlay.nameFor(file.path(), base), below.format(), progress);
      }
    }
  }
}
