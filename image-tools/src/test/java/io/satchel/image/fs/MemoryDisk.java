package io.satchel.image.fs;

import io.satchel.image.block.BlockDevice;
import java.nio.ByteBuffer;

/** A disk that is an array. */
public record MemoryDisk(byte[] bytes) implements BlockDevice {
  @Override
  public long size() {
    return bytes.length;
  }

  @Override
  public boolean readOnly() {
    return false;
  }

  @Override
  public void read(long offset, ByteBuffer target) {
    target.put(bytes, Math.toIntExact(offset), target.remaining());
  }

  @Override
  public void write(long offset, ByteBuffer source) {
    source.get(bytes, Math.toIntExact(offset), source.remaining());
  }

  @Override
  public void writeZeroes(long offset, long length, boolean unmap) {
    write(offset, ByteBuffer.allocate(Math.toIntExact(length)));
  }

  @Override
  public void discard(long offset, long length) {
    writeZeroes(offset, length, true);
  }

  @Override
  public void flush() {
    // Nothing is kept back.
  }

  @Override
  public Extent extent(long offset, long length) {
    return new Extent(length, Kind.DATA);
  }

  @Override
  public void close() {
    // Nothing to close.
  }
}
