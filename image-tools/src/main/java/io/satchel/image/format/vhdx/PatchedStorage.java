package io.satchel.image.format.vhdx;

import io.satchel.image.block.BlockDevice.Extent;
import io.satchel.image.file.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.TreeMap;

/** A file that may only be read, with sectors of 4 KiB laid over it in memory. */
final class PatchedStorage implements Storage {
  private static final int SECTOR = 4096;

  private final Storage file;
  private final TreeMap<Long, byte[]> patches = new TreeMap<>();
  private long size;

  PatchedStorage(Storage file) throws IOException {
    this.file = file;
    this.size = file.size();
  }

  @Override
  public String name() {
    return file.name();
  }

  @Override
  public boolean readOnly() {
    return true;
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    int start = target.position();
    int length = target.remaining();
    file.read(offset, target);
    Map<Long, byte[]> touched = patches.subMap(offset - SECTOR + 1, true, offset + length, false);
    for (Map.Entry<Long, byte[]> patch : touched.entrySet()) {
      long from = Math.max(offset, patch.getKey());
      long to = Math.min(offset + length, patch.getKey() + SECTOR);
      target.put(
          start + (int) (from - offset),
          patch.getValue(),
          (int) (from - patch.getKey()),
          (int) (to - from));
    }
  }

  /** Lays whole sectors over the file; the file itself is not touched. */
  @Override
  public void write(long offset, ByteBuffer source) {
    while (source.hasRemaining()) {
      byte[] sector = new byte[SECTOR];
      source.get(sector, 0, Math.min(SECTOR, source.remaining()));
      patches.put(offset, sector);
      offset += SECTOR;
    }
    size = Math.max(size, offset);
  }

  @Override
  public void setSize(long newSize) {
    size = newSize;
  }

  @Override
  public void flush() {
    // Nothing reaches the file.
  }

  @Override
  public boolean punchHole(long offset, long length) {
    return false;
  }

  @Override
  public Extent extent(long offset, long length) throws IOException {
    return file.extent(offset, length);
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
