package io.satchel.image.format.qcow2;

import io.satchel.image.block.ImageException;
import io.satchel.image.file.StorageEvent;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Compressed clusters as they lie in the file, for those who pack and unpack themselves.
 *
 * <p>Holds where the next one may go, behind the one before. Changed with the device's lock.
 */
public final class PackedClusters {
  private final Qcow2Device device;
  private final Qcow2Image image;

  /** Where the next packed cluster may go, as long as nothing has been freed since. */
  private long end;

  private long releases;

  /** A packed cluster has been handed out: the image was compressed as a whole. */
  private volatile boolean sawPacked;

  PackedClusters(Qcow2Device device) {
    this.device = device;
    this.image = device.image;
  }

  /** A compressed cluster as it is in the file. */
  public record Packed(byte[] bytes, int length, boolean zstd) {}

  /** Whether clusters are compressed with zstd rather than deflate. */
  public boolean zstd() {
    return image.header.compressionType == Qcow2Header.COMPRESSION_ZSTD;
  }

  /** Whether the cluster at {@code guest} is stored as it is, beside others that are packed. */
  public boolean isStoredPlain(long guest) throws IOException {
    Mapping map = new Mapping();
    device.shared.lock();
    try {
      synchronized (image) {
        image.lookup(guest, image.clusterSize, map);
      }
      return map.type == Mapping.Type.NORMAL && sawPacked;
    } finally {
      device.shared.unlock();
    }
  }

  /** The packed bytes of the cluster at {@code guest}, or null when it is not compressed. */
  public @Nullable Packed read(long guest) throws IOException {
    device.shared.lock();
    try {
      Mapping map = new Mapping();
      synchronized (image) {
        image.lookup(guest, image.clusterSize, map);
      }
      if (map.type != Mapping.Type.COMPRESSED) {
        return null;
      }
      sawPacked = true;
      int length = image.compressedLength(map.entry);
      if (length >= image.clusterSize) {
        // Rounded up to sectors, it is no gain any more; tiny clusters do that.
        return null;
      }
      byte[] bytes = new byte[length];
      image.file.about(StorageEvent.READ_COMPRESSED);
      image.file.read(image.compressedOffset(map.entry), ByteBuffer.wrap(bytes));
      return new Packed(bytes, length, zstd());
    } finally {
      device.shared.unlock();
    }
  }

  /**
   * Stores a cluster that was packed elsewhere, behind the one packed before where there is room.
   *
   * @param guest where the cluster begins on the disk
   */
  public void write(long guest, byte[] packed, int length) throws IOException {
    device.refuseIfReadOnly();
    if (length <= 0 || length >= image.clusterSize || (guest & image.clusterSize - 1) != 0) {
      throw new IllegalArgumentException("not a packed cluster");
    }
    Objects.checkIndex(guest, device.size());
    refuseIfEncrypted();
    if (image.header.externalData()) {
      throw new ImageException(
          ImageException.Kind.INVALID_REQUEST,
          image.file.name(),
          "keeps its data in another file, so it cannot be compressed",
          "leave out the compression");
    }
    device.change(
        () -> {
          long table = image.writableL2Table(image.l1Index(guest));
          int index = image.l2Index(guest);
          long old = image.l2Entry(table, index);
          image.file.about(StorageEvent.CLUSTER_ALLOC_BYTES);
          long offset = roomFor(length);
          put(offset, packed, length);
          int shift = 62 - (image.clusterBits - 8);
          long sectors = (offset + length - 1 >> 9) - (offset >> 9);
          image.file.about(StorageEvent.L2_UPDATE_COMPRESSED);
          image.setL2(table, index, Qcow2Image.COMPRESSED | sectors << shift | offset, 0);
          image.releaseEntry(old);
          device.bitmaps().mark(guest, Math.min(image.clusterSize, device.size() - guest));
        });
  }

  /** Writes packed bytes; after an error the room for them is given back. */
  private void put(long offset, byte[] packed, int length) throws IOException {
    boolean done = false;
    try {
      image.file.about(StorageEvent.WRITE_COMPRESSED);
      image.put(offset, ByteBuffer.wrap(packed, 0, length));
      done = true;
    } finally {
      if (!done) {
        end = 0;
        long last = offset + length - 1 >> image.clusterBits;
        for (long cluster = offset >> image.clusterBits; cluster <= last; cluster++) {
          image.refcounts.decrement(cluster);
        }
      }
    }
  }

  /** Packed clusters are not encrypted, so an encrypted image has none. */
  public void refuseIfEncrypted() throws ImageException {
    if (image.encryption != null) {
      throw new ImageException(
          ImageException.Kind.INVALID_REQUEST,
          image.file.name(),
          "is encrypted, and encrypted clusters cannot be compressed",
          "leave out the compression or the encryption");
    }
  }

  /** Finds room for packed bytes, and counts the clusters that they touch (rule 14). */
  private long roomFor(int length) throws IOException {
    long cluster = image.clusterSize;
    long at = end;
    long room = at == 0 ? 0 : cluster - (at & cluster - 1);
    boolean shareable =
        room > 0
            && room < cluster
            && image.releases() == releases
            && image.refcounts.get(at >> image.clusterBits) < image.refcounts.maximum();
    if (!shareable) {
      at = image.refcounts.allocateAdjacent(1);
    } else if (length > room) {
      long next = image.refcounts.allocateAdjacent(1);
      if (next == (at >> image.clusterBits) + 1 << image.clusterBits) {
        image.refcounts.increment(at >> image.clusterBits);
      } else {
        at = next;
      }
    } else {
      image.refcounts.increment(at >> image.clusterBits);
    }
    end = at + length;
    releases = image.releases();
    return at;
  }
}
