package io.satchel.image.compact;

import io.satchel.image.block.BlockDevice;
import java.io.IOException;
import java.nio.ByteBuffer;

/** A backing image that its owner closes. */
record Borrowed(BlockDevice disk) implements BlockDevice {
  @Override
  public long size() {
    return disk.size();
  }

  @Override
  public boolean readOnly() {
    return true;
  }

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    disk.read(offset, target);
  }

  @Override
  public void write(long offset, ByteBuffer source) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void writeZeroes(long offset, long length, boolean unmap) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void discard(long offset, long length) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void flush() {
    // It is only read.
  }

  @Override
  public Extent extent(long offset, long length) throws IOException {
    return disk.extent(offset, length);
  }

  @Override
  public void close() {
    // The chain that it belongs to is closed by who opened it.
  }
}
