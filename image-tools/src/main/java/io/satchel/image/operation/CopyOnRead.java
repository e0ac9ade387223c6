package io.satchel.image.operation;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.FilterDevice;
import io.satchel.image.file.Zeros;
import io.satchel.image.format.LayeredDevice;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Keeps what is read from the images below in the topmost one, cluster by cluster, so that it is
 * read from there the next time.
 */
public final class CopyOnRead extends FilterDevice {
  private static final int GRAIN = 64 << 10;

  private final LayeredDevice top;

  /**
   * A disk that copies.
   *
   * @param disk what is read and written
   * @param top tells what the topmost image holds
   */
  public CopyOnRead(BlockDevice disk, LayeredDevice top) {
    super(disk);
    this.top = top;
  }

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    int grain = top.clusterSize() > 0 ? top.clusterSize() : GRAIN;
    long from = offset / grain * grain;
    long to = Math.min(size(), Math.ceilDiv(offset + target.remaining(), grain) * grain);
    synchronized (this) {
      for (long at = from; at < to; ) {
        LayeredDevice.Status status = top.status(at, to - at);
        if (!status.present()) {
          copy(at, status.length(), grain);
        }
        at += status.length();
      }
    }
    disk.read(offset, target);
  }

  private void copy(long from, long length, int grain) throws IOException {
    ByteBuffer piece = ByteBuffer.allocate((int) Math.min(grain, length));
    for (long at = from; at < from + length; at += piece.limit()) {
      piece.clear().limit((int) Math.min(piece.capacity(), from + length - at));
      disk.read(at, piece);
      piece.flip();
      if (Zeros.all(piece)) {
        disk.writeZeroes(at, piece.limit(), false);
      } else {
        disk.write(at, piece);
      }
    }
  }

  @Override
  public synchronized void write(long offset, ByteBuffer source) throws IOException {
    disk.write(offset, source);
  }

  @Override
  public synchronized void writeZeroes(long offset, long length, boolean unmap) throws IOException {
    disk.writeZeroes(offset, length, unmap);
  }

  @Override
  public synchronized void discard(long offset, long length) throws IOException {
    disk.discard(offset, length);
  }
}
