package io.satchel.image.compact;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.file.Zeros;
import io.satchel.image.format.LayeredDevice;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Shows the disk with its free space as zeros, without reading it. */
final class MaskedDevice implements LayeredDevice {
  private final LayeredDevice disk;
  private final FreeMap free;

  MaskedDevice(LayeredDevice disk, FreeMap free) {
    this.disk = disk;
    this.free = free;
  }

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
    int limit = target.limit();
    long at = offset;
    while (target.position() < limit) {
      FreeMap.Span span = free.at(at, limit - target.position());
      target.limit(target.position() + (int) span.length());
      if (span.free()) {
        Zeros.fill(target);
      } else {
        disk.read(at, target);
      }
      target.limit(limit);
      at += span.length();
    }
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
  public void resize(long size) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void flush() {
    // It is only read.
  }

  @Override
  public Extent extent(long offset, long length) throws IOException {
    FreeMap.Span span = free.at(offset, length);
    return span.free()
        ? new Extent(span.length(), BlockDevice.Kind.ZERO)
        : disk.extent(offset, span.length());
  }

  @Override
  public Status status(long offset, long length) throws IOException {
    FreeMap.Span span = free.at(offset, length);
    return span.free()
        ? new Status(span.length(), true, true, false, -1, false)
        : disk.status(offset, span.length());
  }

  @Override
  public void close() {
    // The image itself is closed by who opened it.
  }
}
