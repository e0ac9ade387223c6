package io.satchel.app.library;

import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.MachineFile.Disk;
import io.satchel.image.Answers;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenOptions.BackingPolicy;
import io.satchel.image.OpenedImage;
import io.satchel.image.block.ImageException;
import io.satchel.image.format.qcow2.Qcow2Device;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A disk to be looked at, as it is or as a snapshot has it. A snapshot of a machine that runs can
 * be looked at too, for nothing in it changes any more.
 *
 * @param path the file
 * @param backing which backing files it may bring along
 * @param snapshot the snapshot's name, or null for the disk as it is
 * @param name what the person knows it as
 * @param answers what was answered to questions that it raised
 */
public record DiskLook(
    Path path, BackingPolicy backing, @Nullable String snapshot, String name, Answers answers) {

  public DiskLook(Path path, BackingPolicy backing, @Nullable String snapshot, String name) {
    this(path, backing, snapshot, name, Answers.none());
  }

  /** A picked file as it is. */
  public static DiskLook of(Path path) {
    return of(path, Answers.none());
  }

  /** As {@link #of(Path)}, with what was answered to questions that the image raised. */
  public static DiskLook of(Path path, Answers answers) {
    return new DiskLook(
        path, BackingPolicy.SAME_FOLDER, null, String.valueOf(path.getFileName()), answers);
  }

  /** What is on top of a machine's disk. */
  public static DiskLook of(Entry entry, Disk disk, @Nullable String snapshot) throws IOException {
    return of(entry, disk, snapshot, Answers.none());
  }

  /** As the other, with what was answered to questions that the disk raised. */
  public static DiskLook of(Entry entry, Disk disk, @Nullable String snapshot, Answers answers)
      throws IOException {
    return new DiskLook(
        entry.resolve(disk.top()),
        disk.layers().isEmpty() ? BackingPolicy.SAME_FOLDER : Library.trusted(entry, disk, answers),
        snapshot,
        entry.name(),
        answers);
  }

  /** Opens it; whoever else writes to the file goes on, which harms only who reads the present. */
  public OpenedImage open() throws IOException {
    OpenedImage image =
        Images.open(
            path,
            OpenOptions.readOnly()
                .withBacking(backing)
                .withLocking(snapshot == null)
                .withAnswers(answers));
    if (snapshot == null) {
      return image;
    }
    try {
      Qcow2Device device = Images.qcow2(image.device());
      if (device == null) {
        throw new ImageException(
            ImageException.Kind.INVALID_REQUEST,
            path,
            "is not in qcow2 format, so it has no snapshots",
            "look at the disk as it is");
      }
      device.snapshots().show(snapshot);
      return image;
    } catch (IOException | RuntimeException e) {
      image.close();
      throw e;
    }
  }
}
