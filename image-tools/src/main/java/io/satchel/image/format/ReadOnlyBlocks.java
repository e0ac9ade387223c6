package io.satchel.image.format;

import io.satchel.image.file.Storage;

/** A disk of blocks whose format is only read here. */
public abstract class ReadOnlyBlocks extends BlockTableDevice {
  protected ReadOnlyBlocks(Storage file, long size, int blockSize) {
    super(file, size, blockSize);
  }

  @Override
  public final boolean readOnly() {
    return true;
  }

  @Override
  public int clusterSize() {
    return 0;
  }

  @Override
  protected final long allocate(long block) {
    throw new IllegalStateException("only read");
  }

  @Override
  protected final void publish(long block, long place) {
    throw new IllegalStateException("only read");
  }

  @Override
  protected final void writeTables() {
    throw new IllegalStateException("only read");
  }
}
