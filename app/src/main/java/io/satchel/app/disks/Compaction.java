package io.satchel.app.disks;

import io.satchel.image.OpenedImage;
import io.satchel.image.Progress;
import io.satchel.image.compact.Compact;
import io.satchel.image.file.HostFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;

/** Compacts one image; until it is forgotten, the old one can be put back. */
final class Compaction {

  private final DiskFile file;
  private final Path before;

  Compaction(DiskFile file) {
    this.file = file;
    before = file.path().resolveSibling(file.path().getFileName() + ".before-compact");
  }

  /**
   * What compacting would save.
   *
   * @param taken the bytes that the file takes now
   */
  record Found(Compact.Plan plan, long taken, String format) {}

  /**
   * What it did.
   *
   * @param undoable whether the old file can be put back
   */
  record Result(long before, long after, boolean undoable) {}

  DiskFile file() {
    return file;
  }

  Found look() throws IOException {
    try (OpenedImage image = file.open()) {
      return new Found(Compact.plan(image), taken(), image.format());
    }
  }

  private long taken() throws IOException {
    try (HostFile opened = HostFile.open(file.path(), false, HostFile.Locking.NO)) {
      return opened.allocated();
    }
  }

  Result run(boolean packed, Progress progress) throws IOException {
    long old = taken();
    forget();
    boolean undoable = link();
    try {
      Compact.run(file.path(), file.reading(), packed, Map.of(), progress);
    } catch (IOException | RuntimeException e) {
      forget();
      throw e;
    }
    return new Result(old, taken(), undoable);
  }

  /** A second name for the old file; it takes no space beyond what the old file took. */
  private boolean link() {
    try {
      Files.createLink(before, file.path());
      return true;
    } catch (IOException | UnsupportedOperationException _) {
      // This file system has no second names; then there is no way back, and the page says none.
      return false;
    }
  }

  void undo() throws IOException {
    Files.move(before, file.path(), StandardCopyOption.REPLACE_EXISTING);
  }

  /** From now on the old file is gone. */
  void forget() {
    try {
      Files.deleteIfExists(before);
    } catch (IOException e) {
      System.getLogger(Compaction.class.getName())
          .log(System.Logger.Level.WARNING, "removing " + before, e);
    }
  }
}
