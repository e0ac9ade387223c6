package io.satchel.image.format.luks;

import io.satchel.image.block.ImageException;
import io.satchel.image.crypt.EncryptedStorage;
import io.satchel.image.file.Storage;
import io.satchel.image.file.StorageEvent;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.OptionReader;
import io.satchel.image.format.Preallocation;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** An open LUKS image, or one that is locked and can only be described. */
public final class LuksDevice implements LayeredDevice, EncryptedImage {
  private final Storage file;
  private final LuksHeader header;
  private final byte @Nullable [] key;
  private final @Nullable EncryptedStorage plain;
  private volatile long size;

  LuksDevice(
      Storage file, LuksHeader header, byte @Nullable [] key, @Nullable EncryptedStorage plain)
      throws IOException {
    this.file = file;
    this.header = header;
    this.key = key;
    this.plain = plain;
    size = (file.size() - header.payloadOffset()) / 512 * 512;
  }

  private EncryptedStorage plain() throws ImageException {
    EncryptedStorage unlocked = plain;
    if (unlocked == null) {
      throw LuksFormat.locked(file);
    }
    return unlocked;
  }

  @Override
  public LuksHeader luks() {
    return header;
  }

  @Override
  public byte[] masterKey() throws ImageException {
    byte[] unlocked = key;
    if (unlocked == null) {
      throw LuksFormat.locked(file);
    }
    return unlocked;
  }

  @Override
  public boolean encrypted() {
    return true;
  }

  @Override
  public boolean newReadsAsZeros() {
    return false;
  }

  @Override
  public Map<String, Object> specifics() {
    return header.specifics();
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
    plain().read(offset, target);
  }

  @Override
  public void write(long offset, ByteBuffer source) throws IOException {
    Objects.checkFromIndexSize(offset, source.remaining(), size);
    plain().write(offset, source);
  }

  @Override
  public void writeZeroes(long offset, long length, boolean unmap) throws IOException {
    Objects.checkFromIndexSize(offset, length, size);
    if (length > 0) {
      plain().writeZeroes(offset, length, unmap);
    }
  }

  @Override
  public void discard(long offset, long length) {
    Objects.checkFromIndexSize(offset, length, size);
    // A hole in the file would read as noise, and would tell which sectors are in use.
  }

  @Override
  public void flush() throws IOException {
    file.about(StorageEvent.FLUSH_TO_OS);
    file.flush();
    file.about(StorageEvent.FLUSH_TO_DISK);
  }

  @Override
  public Extent extent(long offset, long length) throws IOException {
    Objects.checkFromIndexSize(offset, length, size);
    return new Extent(length, Kind.DATA);
  }

  /** What is gained is written as zeros: the file's own zeros would be noise in plain text. */
  @Override
  public void resize(long newSize) throws IOException {
    long old = size;
    long wanted = Math.ceilDiv(newSize, 512) * 512;
    EncryptedStorage storage = plain();
    storage.setSize(wanted);
    if (wanted > old) {
      storage.writeZeroes(old, wanted - old, false);
    }
    size = wanted;
  }

  @Override
  public void resize(long newSize, Preallocation preallocation) throws IOException {
    if (preallocation == Preallocation.METADATA) {
      throw OptionReader.impossible(file.name(), "has no metadata to preallocate");
    }
    // What is gained is written, and so has its place already.
    resize(newSize);
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
