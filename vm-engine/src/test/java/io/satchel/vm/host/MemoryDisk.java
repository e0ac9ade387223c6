package io.satchel.vm.host;

import io.satchel.image.block.BlockDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** A block device of memory that counts requests and can be told to fail. */
public final class MemoryDisk implements BlockDevice {

  public final byte[] bytes;
  public final List<String> log = new ArrayList<>();
  public boolean failing;
  public boolean closed;
  private final boolean readOnly;

  public MemoryDisk(int size, boolean readOnly) {
    bytes = new byte[size];
    this.readOnly = readOnly;
  }

  /** Each sector begins with its number, little-endian, in 4 bytes. */
  public static MemoryDisk numbered(int sectors, int sectorSize) {
    MemoryDisk disk = new MemoryDisk(sectors * sectorSize, false);
    for (int i = 0; i < sectors; i++) {
      ByteBuffer.wrap(disk.bytes)
          .order(ByteOrder.LITTLE_ENDIAN)
          .putInt(i * sectorSize, i)
          .putInt((i + 1) * sectorSize - 4, ~i);
    }
    return disk;
  }

  private void request(String what, long offset, long length) throws IOException {
    log.add("%s %d+%d".formatted(what, offset, length));
    if (failing) {
      throw new IOException("the host says no");
    }
    if (offset < 0 || length < 0 || offset + length > bytes.length) {
      throw new IndexOutOfBoundsException(what);
    }
  }

  @Override
  public long size() {
    return bytes.length;
  }

  @Override
  public boolean readOnly() {
    return readOnly;
  }

  @Override
  public synchronized void read(long offset, ByteBuffer target) throws IOException {
    request("read", offset, target.remaining());
    target.put(bytes, (int) offset, target.remaining());
  }

  @Override
  public synchronized void write(long offset, ByteBuffer source) throws IOException {
    request("write", offset, source.remaining());
    source.get(bytes, (int) offset, source.remaining());
  }

  @Override
  public void writeZeroes(long offset, long length, boolean unmap) throws IOException {
    request("zero", offset, length);
  }

  @Override
  public synchronized void discard(long offset, long length) throws IOException {
    request("discard", offset, length);
  }

  @Override
  public synchronized void flush() throws IOException {
    request("flush", 0, 0);
  }

  @Override
  public Extent extent(long offset, long length) {
    return new Extent(length, Kind.DATA);
  }

  @Override
  public void close() {
    closed = true;
  }
}
