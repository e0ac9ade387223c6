package io.satchel.image.format.vmdk;

import io.satchel.image.file.Storage;
import io.satchel.image.format.BlockTableDevice;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** A piece of a disk whose bytes lie in a file as they are, or that is zeros and has no file. */
final class FlatExtent extends BlockTableDevice {
  private static final int STEP = 1 << 20;

  private final long offset;
  private final boolean zero;

  FlatExtent(Storage file, long size, long offset, boolean zero) {
    super(file, size, STEP);
    this.offset = offset;
    this.zero = zero;
  }

  @Override
  public boolean readOnly() {
    return zero || super.readOnly();
  }

  @Override
  public int clusterSize() {
    return 0;
  }

  @Override
  protected long locate(long block) {
    return zero ? ZERO : offset + block * STEP;
  }

  @Override
  protected boolean fileTellsHoles() {
    return true;
  }

  @Override
  protected long allocate(long block) {
    throw new IllegalStateException("every block has its place");
  }

  @Override
  protected void publish(long block, long place) {
    throw new IllegalStateException("every block has its place");
  }

  @Override
  protected void writeTables() {
    // There are none.
  }

  @Override
  protected void closeFiles() throws IOException {
    if (!zero) {
      super.closeFiles();
    }
  }

  @Override
  public @Nullable BackingReference backing() {
    return null;
  }
}
