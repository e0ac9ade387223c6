package io.satchel.image.block;

import java.io.IOException;
import java.nio.ByteBuffer;

/** A disk before another one, to which every request goes on that is not overridden. */
public abstract class FilterDevice implements BlockDevice {
  /** The disk behind it. */
  protected final BlockDevice disk;

  protected FilterDevice(BlockDevice disk) {
    this.disk = disk;
  }

  @Override
  public long size() {
    return disk.size();
  }

  @Override
  public boolean readOnly() {
    return disk.readOnly();
  }

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    disk.read(offset, target);
  }

  @Override
  public void write(long offset, ByteBuffer source) throws IOException {
    disk.write(offset, source);
  }

  @Override
  public void writeZeroes(long offset, long length, boolean unmap) throws IOException {
    disk.writeZeroes(offset, length, unmap);
  }

  @Override
  public void discard(long offset, long length) throws IOException {
    disk.discard(offset, length);
  }

  @Override
  public void flush() throws IOException {
    disk.flush();
  }

  @Override
  public Extent extent(long offset, long length) throws IOException {
    return disk.extent(offset, length);
  }

  @Override
  public void close() throws IOException {
    disk.close();
  }
}
