package io.satchel.image.crypt;

import io.satchel.image.block.BlockDevice.Extent;
import io.satchel.image.block.BlockDevice.Kind;
import io.satchel.image.file.FilterStorage;
import io.satchel.image.file.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * The plain text of an encrypted part of a file. Its byte 0 is the part's first byte and begins
 * sector 0 of the cipher. Nothing in it is a hole: zeros in the file are not zeros in plain text.
 */
public final class EncryptedStorage extends FilterStorage {
  private static final int SECTOR = SectorCipher.SECTOR;
  private static final int CHUNK = 4 * SectorCipher.CHUNK;

  private final SectorCipher cipher;
  private final long base;
  private final ConcurrentLinkedQueue<byte[]> buffers = new ConcurrentLinkedQueue<>();

  /** A part of a sector is read, changed and written: alone. */
  private final ReentrantReadWriteLock partial = new ReentrantReadWriteLock();

  /** The part of {@code file} that begins at byte {@code base}. */
  public EncryptedStorage(Storage file, SectorCipher cipher, long base) {
    super(file);
    this.cipher = cipher;
    this.base = base;
  }

  @Override
  public long size() throws IOException {
    return Math.max(0, file.size() - base);
  }

  private byte[] buffer() {
    byte[] buffer = buffers.poll();
    return buffer == null ? new byte[CHUNK] : buffer;
  }

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    byte[] buffer = buffer();
    long at = offset;
    while (target.hasRemaining()) {
      int in = (int) (at % SECTOR);
      int n = Math.min(target.remaining(), CHUNK - in);
      readSectors(at - in, buffer, roundUp(in + n));
      target.put(buffer, in, n);
      at += n;
    }
    buffers.add(buffer);
  }

  private static int roundUp(int bytes) {
    return Math.ceilDiv(bytes, SECTOR) * SECTOR;
  }

  private void readSectors(long at, byte[] buffer, int length) throws IOException {
    file.read(base + at, ByteBuffer.wrap(buffer, 0, length));
    cipher.decrypt(at / SECTOR, buffer, 0, length);
  }

  @Override
  public void write(long offset, ByteBuffer source) throws IOException {
    boolean whole = offset % SECTOR == 0 && source.remaining() % SECTOR == 0;
    var lock = whole ? partial.readLock() : partial.writeLock();
    lock.lock();
    try {
      byte[] buffer = buffer();
      long at = offset;
      while (source.hasRemaining()) {
        int in = (int) (at % SECTOR);
        int n = Math.min(source.remaining(), CHUNK - in);
        int length = roundUp(in + n);
        if (in > 0) {
          readSectors(at - in, buffer, SECTOR);
        }
        if (length > in + n && (in == 0 || length > SECTOR)) {
          byte[] last = new byte[SECTOR];
          readSectors(at - in + length - SECTOR, last, SECTOR);
          System.arraycopy(last, 0, buffer, length - SECTOR, SECTOR);
        }
        source.get(buffer, in, n);
        cipher.encrypt((at - in) / SECTOR, buffer, 0, length);
        file.write(base + at - in, ByteBuffer.wrap(buffer, 0, length));
        at += n;
      }
      buffers.add(buffer);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void writeZeroes(long offset, long length, boolean unmap) throws IOException {
    ByteBuffer zeros = ByteBuffer.allocate((int) Math.min(length, ZERO_CHUNK));
    for (long done = 0; done < length; done += zeros.limit()) {
      zeros.clear().limit((int) Math.min(zeros.capacity(), length - done));
      write(offset + done, zeros);
    }
  }

  @Override
  public void setSize(long size) throws IOException {
    file.setSize(base + size);
  }

  @Override
  public boolean punchHole(long offset, long length) {
    return false;
  }

  @Override
  public boolean reserve(long offset, long length) throws IOException {
    return file.reserve(base + offset, length);
  }

  @Override
  public Extent extent(long offset, long length) {
    return new Extent(length, Kind.DATA);
  }
}
