package io.satchel.app.disks;

import io.satchel.app.library.Library;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.MachineFile.Disk;
import io.satchel.image.Answers;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenOptions.BackingPolicy;
import io.satchel.image.OpenedImage;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The disk that a page is about: a picked file, or what is on top of a machine's disk.
 *
 * @param path the file
 * @param name what the person knows it as
 * @param entry the machine that it belongs to, or null
 * @param disk which of its disks, or null
 * @param answers what was answered to questions that it raised
 */
public record DiskFile(
    Path path, String name, @Nullable Entry entry, @Nullable Disk disk, Answers answers) {

  /** A picked file, with what was answered to questions that it raised. */
  public static DiskFile of(Path path, Answers answers) {
    return new DiskFile(path, String.valueOf(path.getFileName()), null, null, answers);
  }

  /** What is on top of a machine's disk. */
  public static DiskFile of(Entry entry, Disk disk, Answers answers) {
    return new DiskFile(entry.resolve(disk.top()), entry.name(), entry, disk, answers);
  }

  /** As it is, with what was answered to questions that it raised. */
  DiskFile withAnswers(Answers given) {
    return new DiskFile(path, name, entry, disk, given);
  }

  /** How it is opened for reading. */
  OpenOptions reading() throws IOException {
    return OpenOptions.readOnly().withBacking(policy()).withAnswers(answers);
  }

  private BackingPolicy policy() throws IOException {
    return entry == null || disk == null || disk.layers().isEmpty()
        ? BackingPolicy.SAME_FOLDER
        : Library.trusted(entry, disk, answers);
  }

  OpenedImage open() throws IOException {
    return Images.open(path, reading());
  }

  OpenedImage openForWriting() throws IOException {
    return Images.open(path, OpenOptions.forWriting().withBacking(policy()).withAnswers(answers));
  }
}
