package io.satchel.image.container;

import io.satchel.image.block.BlockDevice.Extent;
import io.satchel.image.block.BlockDevice.Kind;
import io.satchel.image.block.ImageException;
import io.satchel.image.file.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Bytes that come out of a file and cannot be written into it. */
abstract class ReadOnlyStorage implements Storage {
  final Storage file;

  ReadOnlyStorage(Storage file) {
    this.file = file;
  }

  final ImageException corrupt(String problem, long offset) {
    return corrupt(file, problem, offset);
  }

  static ImageException corrupt(Storage file, String problem, long offset) {
    return new ImageException(
        ImageException.Kind.CORRUPT,
        file.name(),
        problem,
        "download or copy it again",
        offset,
        null);
  }

  @Override
  public String name() {
    return file.name();
  }

  @Override
  public boolean readOnly() {
    return true;
  }

  private ImageException refused() {
    return new ImageException(
        ImageException.Kind.READ_ONLY,
        file.name(),
        "is packed, so it can only be read",
        "unpack it, or convert it to qcow2");
  }

  @Override
  public void write(long offset, ByteBuffer source) throws IOException {
    throw refused();
  }

  @Override
  public void setSize(long size) throws IOException {
    throw refused();
  }

  @Override
  public void flush() {
    // Nothing is ever written.
  }

  @Override
  public boolean punchHole(long offset, long length) {
    return false;
  }

  @Override
  public Extent extent(long offset, long length) throws IOException {
    return new Extent(length, offset >= size() ? Kind.ZERO : Kind.DATA);
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
