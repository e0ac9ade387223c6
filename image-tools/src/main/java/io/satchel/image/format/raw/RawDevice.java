package io.satchel.image.format.raw;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import io.satchel.image.block.Watch;
import io.satchel.image.file.Storage;
import io.satchel.image.file.StorageEvent;
import io.satchel.image.format.ImageFormat;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.OptionReader;
import io.satchel.image.format.Preallocation;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Objects;
import java.util.function.Predicate;

/** A disk whose bytes are the file's. The last sector may be cut short in the file. */
final class RawDevice implements LayeredDevice {
  private static final int SECTOR = 512;

  private final Storage file;
  private final Predicate<ByteBuffer> foreign;
  private volatile long size;

  RawDevice(Storage file, Predicate<ByteBuffer> foreign) throws IOException {
    this.file = file;
    this.foreign = foreign;
    this.size = Math.ceilDiv(file.size(), SECTOR) * SECTOR;
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public boolean readOnly() {
    return file.readOnly();
  }

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    Objects.checkFromIndexSize(offset, target.remaining(), size);
    file.about(StorageEvent.READ_AIO);
    file.read(offset, target);
  }

  @Override
  public void write(long offset, ByteBuffer source) throws IOException {
    Objects.checkFromIndexSize(offset, source.remaining(), size);
    if (offset < ImageFormat.PROBE_BYTES && source.hasRemaining()) {
      refuseForeignHeader(offset, source);
    }
    file.about(StorageEvent.WRITE_AIO);
    file.write(offset, source);
  }

  /**
   * A guest that writes the header of another format into a raw disk would be believed when the
   * file is opened the next time, and could so reach any file of the host (CVE-2008-2004).
   */
  private void refuseForeignHeader(long offset, ByteBuffer source) throws IOException {
    ByteBuffer head = ByteBuffer.allocate(ImageFormat.PROBE_BYTES);
    file.read(0, head);
    int n = Math.min(source.remaining(), ImageFormat.PROBE_BYTES - (int) offset);
    head.put((int) offset, source, source.position(), n);
    head.clear();
    if (foreign.test(head)) {
      throw new ImageException(
          ImageException.Kind.INVALID_REQUEST,
          file.name(),
          "was taken to be a raw image, and the guest writes another format's header into it",
          "open it with the format given as raw if this is meant",
          offset,
          null);
    }
  }

  @Override
  public void writeZeroes(long offset, long length, boolean unmap) throws IOException {
    Objects.checkFromIndexSize(offset, length, size);
    if (length > 0) {
      file.writeZeroes(offset, length, unmap);
    }
  }

  @Override
  public void discard(long offset, long length) throws IOException {
    Objects.checkFromIndexSize(offset, length, size);
    long inside = Math.min(length, file.size() - offset);
    if (inside > 0) {
      file.punchHole(offset, inside);
    }
  }

  @Override
  public void flush() throws IOException {
    file.about(StorageEvent.FLUSH_TO_OS);
    file.flush();
    file.about(StorageEvent.FLUSH_TO_DISK);
  }

  @Override
  public BlockDevice.Extent extent(long offset, long length) throws IOException {
    Objects.checkFromIndexSize(offset, length, size);
    return file.extent(offset, length);
  }

  @Override
  public Status status(long offset, long length) throws IOException {
    BlockDevice.Extent extent = extent(offset, length);
    boolean data = extent.kind() == BlockDevice.Kind.DATA;
    return new Status(extent.length(), true, !data, data, offset, false);
  }

  @Override
  public void resize(long newSize) throws IOException {
    file.setSize(newSize);
    size = Math.ceilDiv(newSize, SECTOR) * SECTOR;
  }

  @Override
  public void resize(long newSize, Preallocation preallocation) throws IOException {
    resize(newSize, preallocation, Watch.NONE);
  }

  @Override
  public void resize(long newSize, Preallocation preallocation, Watch watch) throws IOException {
    if (preallocation == Preallocation.METADATA) {
      throw OptionReader.impossible(file.name(), "has no metadata to preallocate");
    }
    long old = size;
    resize(newSize);
    if (newSize > old) {
      preallocation.apply(file, old, newSize, watch);
    }
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
