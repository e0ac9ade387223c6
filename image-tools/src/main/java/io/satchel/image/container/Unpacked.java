package io.satchel.image.container;

import io.satchel.image.block.BlockDevice.Extent;
import io.satchel.image.block.ImageException;
import io.satchel.image.file.HostFile;
import io.satchel.image.file.Storage;
import io.satchel.image.file.Zeros;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A stream without places to begin at, unpacked into a temporary file: reading it at random would
 * otherwise unpack it from its beginning each time. Runs of zeros take no space there.
 */
final class Unpacked extends ReadOnlyStorage {
  /** Streams up to this size are rather unpacked again. */
  static final long WORTH_A_FILE = 64 << 20;

  private static final int STEP = 256 << 10;

  private final HostFile whole;

  private Unpacked(Storage file, HostFile whole) {
    super(file);
    this.whole = whole;
  }

  /** Unpacks all that the cursor gives. */
  static Unpacked of(Storage file, Cursor cursor) throws IOException {
    Path path = Files.createTempFile("satchel-unpacked-", ".img");
    try {
      path.toFile().deleteOnExit();
    } catch (IllegalStateException e) {
      // The program is ending already: closing deletes it.
      Files.delete(path);
      throw new ImageException(
          ImageException.Kind.UNREADABLE,
          file.name(),
          "was not unpacked because the program is ending",
          "open it again",
          -1,
          e);
    }
    HostFile whole = HostFile.open(path, true, HostFile.Locking.NO);
    boolean done = false;
    try (cursor) {
      byte[] step = new byte[STEP];
      long at = 0;
      int n = cursor.read(step, 0, STEP);
      while (n >= 0) {
        if (!Zeros.all(step, 0, n)) {
          whole.write(at, ByteBuffer.wrap(step, 0, n));
        }
        at += n;
        n = cursor.read(step, 0, STEP);
      }
      if (whole.size() < at) {
        whole.setSize(at);
      }
      done = true;
      return new Unpacked(file, whole);
    } finally {
      if (!done) {
        whole.close();
        Files.deleteIfExists(path);
      }
    }
  }

  @Override
  public long size() throws IOException {
    return whole.size();
  }

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    whole.read(offset, target);
  }

  @Override
  public Extent extent(long offset, long length) throws IOException {
    return whole.extent(offset, length);
  }

  @Override
  public void close() throws IOException {
    try {
      whole.close();
      Files.deleteIfExists(whole.path());
    } finally {
      super.close();
    }
  }
}
