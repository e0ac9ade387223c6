package io.satchel.image.file;

import io.satchel.image.block.BlockDevice.Extent;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * The bytes of another storage, to which every request goes on that is not overridden. What is only
 * that file's own, its path and what is made beside it, is not passed on, nor are events; zeros are
 * written by way of this one's requests.
 */
public abstract class FilterStorage implements Storage {
  /** The storage behind it. */
  protected final Storage file;

  protected FilterStorage(Storage file) {
    this.file = file;
  }

  @Override
  public String name() {
    return file.name();
  }

  @Override
  public boolean readOnly() {
    return file.readOnly();
  }

  @Override
  public long size() throws IOException {
    return file.size();
  }

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    file.read(offset, target);
  }

  @Override
  public void write(long offset, ByteBuffer source) throws IOException {
    file.write(offset, source);
  }

  @Override
  public void setSize(long size) throws IOException {
    file.setSize(size);
  }

  @Override
  public void flush() throws IOException {
    file.flush();
  }

  @Override
  public boolean punchHole(long offset, long length) throws IOException {
    return file.punchHole(offset, length);
  }

  @Override
  public boolean reserve(long offset, long length) throws IOException {
    return file.reserve(offset, length);
  }

  @Override
  public Extent extent(long offset, long length) throws IOException {
    return file.extent(offset, length);
  }

  @Override
  public long allocated() throws IOException {
    return file.allocated();
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
