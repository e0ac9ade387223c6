package io.satchel.image;

import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import io.satchel.image.file.FilterStorage;
import io.satchel.image.file.HostFile;
import io.satchel.image.file.Storage;
import java.io.IOException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A file in the making: written beside its final name, and moved there in one step when it is
 * whole. Until then what stood there stays, and a failure leaves nothing behind.
 */
public final class NewFile implements AutoCloseable {
  private final Path target;
  private final Path part;
  private final HostFile storage;
  private final List<Path> besides = new ArrayList<>();
  private boolean kept;

  private NewFile(Path target, Path part, HostFile storage) {
    this.target = target;
    this.part = part;
    this.storage = storage;
  }

  /**
   * Begins the file that is to be called {@code target}.
   *
   * @throws ImageException if a folder, a device or an image in use has that name
   */
  public static NewFile at(Path target) throws IOException {
    if (Files.isDirectory(target)) {
      throw new ImageException(Kind.DIRECTORY, target, "is a folder", "choose the name of a file");
    }
    if (Files.exists(target) && !Files.isRegularFile(target)) {
      // Its place in the folder of devices would be taken by a file.
      throw new ImageException(
          Kind.INVALID_REQUEST,
          target,
          "is a device, no file",
          "write into it with `satchel img convert -n`");
    }
    if (Files.exists(target)) {
      // Nobody loses the image under his feet.
      HostFile.open(target, true, HostFile.Locking.YES).close();
    }
    return besides(target);
  }

  /** As {@link #at}, for a target that the caller has open himself. */
  public static NewFile besides(Path target) throws IOException {
    Path folder = target.toAbsolutePath().getParent();
    if (folder == null || !Files.isDirectory(folder)) {
      throw new ImageException(
          Kind.MISSING, target, "lies in a folder that does not exist", "make the folder first");
    }
    Path real = Files.isSymbolicLink(target) ? target.toRealPath() : target.toAbsolutePath();
    long process = ProcessHandle.current().pid();
    for (int i = 0; ; i++) {
      Path part = real.resolveSibling(real.getFileName() + ".part-" + process + "-" + i);
      if (!Files.exists(part)) {
        return new NewFile(real, part, HostFile.create(part));
      }
    }
  }

  /** The file's bytes. */
  public HostFile storage() {
    return storage;
  }

  /** The same bytes for a device to own: closing that device leaves the file open here. */
  public Storage unclosable() {
    return new Unclosable(storage, besides);
  }

  private static final class Unclosable extends FilterStorage {
    private final List<Path> besides;

    Unclosable(HostFile file, List<Path> besides) {
      super(file);
      this.besides = besides;
    }

    @Override
    public @Nullable Path path() {
      return file.path();
    }

    @Override
    public void madeBeside(Path other) {
      besides.add(other);
    }

    @Override
    public boolean readOnly() {
      return false;
    }

    @Override
    public void flush() {
      // A file in the making is worth nothing before it is whole.
    }

    @Override
    public void close() {
      // The file is closed, and kept or deleted, by its maker.
    }
  }

  /** Where it is being written. */
  public Path part() {
    return part;
  }

  /** Says that the file is whole: closing moves it to its name. */
  public void keep() {
    kept = true;
  }

  @Override
  public void close() throws IOException {
    try {
      if (kept && Files.exists(target)) {
        // What it replaces must not be lost before this is on the medium.
        storage.flush();
      }
      storage.close();
      if (kept) {
        try {
          Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (AtomicMoveNotSupportedException e) {
          Files.move(part, target, StandardCopyOption.REPLACE_EXISTING);
        }
      }
    } finally {
      Files.deleteIfExists(part);
      if (!kept) {
        for (Path other : besides) {
          Files.deleteIfExists(other);
        }
      }
    }
  }
}
