package io.satchel.image.fs;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import io.satchel.image.file.HostFile;
import io.satchel.image.file.Zeros;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** A disc whose directories are in memory and whose files are those of the host. */
final class IsoDisc implements BlockDevice {
  private final byte[] head;
  private final long size;
  private final TreeMap<Long, HostPiece> pieces = new TreeMap<>();
  private @Nullable HostFile open;

  /** A file of the host, from byte {@code at} of the disc on. */
  record HostPiece(long at, long length, Path file) {}

  IsoDisc(byte[] head, long size, List<HostPiece> pieces) {
    this.head = head;
    this.size = size;
    pieces.forEach(p -> this.pieces.put(p.at(), p));
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public boolean readOnly() {
    return true;
  }

  @Override
  public synchronized void read(long offset, ByteBuffer target) throws IOException {
    if (offset < 0 || offset > size - target.remaining()) {
      throw new IndexOutOfBoundsException(offset);
    }
    int limit = target.limit();
    long at = offset;
    while (target.position() < limit) {
      int left = limit - target.position();
      if (at < head.length) {
        int n = (int) Math.min(left, head.length - at);
        target.put(head, (int) at, n);
        at += n;
        continue;
      }
      var found = pieces.floorEntry(at);
      HostPiece piece = found == null ? null : found.getValue();
      if (piece != null && at < piece.at + piece.length) {
        int n = (int) Math.min(left, piece.at + piece.length - at);
        target.limit(target.position() + n);
        // A file that has become shorter meanwhile ends in zeros.
        file(piece.file).read(at - piece.at, target);
        at += n;
      } else {
        Long next = pieces.higherKey(at);
        int n = (int) Math.min(left, (next == null ? size : next) - at);
        target.limit(target.position() + n);
        Zeros.fill(target);
        at += n;
      }
      target.limit(limit);
    }
  }

  private HostFile file(Path path) throws IOException {
    HostFile current = open;
    if (current != null && current.path().equals(path)) {
      return current;
    }
    close();
    HostFile opened = HostFile.open(path, false, HostFile.Locking.NO);
    open = opened;
    return opened;
  }

  private static ImageException refused() {
    return new ImageException(
        ImageException.Kind.READ_ONLY, "A disc", "cannot be written", "write to a disk");
  }

  @Override
  public void write(long offset, ByteBuffer source) throws IOException {
    throw refused();
  }

  @Override
  public void writeZeroes(long offset, long length, boolean unmap) throws IOException {
    throw refused();
  }

  @Override
  public void discard(long offset, long length) throws IOException {
    throw refused();
  }

  @Override
  public void flush() {
    // Nothing is ever written.
  }

  @Override
  public Extent extent(long offset, long length) {
    return new Extent(length, Kind.DATA);
  }

  @Override
  public synchronized void close() throws IOException {
    if (open != null) {
      open.close();
      open = null;
    }
  }
}
