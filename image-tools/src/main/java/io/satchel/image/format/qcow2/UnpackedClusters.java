package io.satchel.image.format.qcow2;

import io.satchel.image.file.StorageEvent;
import java.io.IOException;
import java.nio.ByteBuffer;

/** The compressed clusters that were unpacked last: small reads go through a cluster in order. */
final class UnpackedClusters implements AutoCloseable {
  private static final int KEPT = 4;

  private final Qcow2Image image;
  private final ClusterCodec codec;
  private final long[] entries = new long[KEPT];
  private final byte[][] clusters = new byte[KEPT][];
  private byte[] packed = new byte[0];
  private int next;
  private long releases;

  UnpackedClusters(Qcow2Image image) {
    this.image = image;
    codec = new ClusterCodec(image.header.compressionType, (int) image.clusterSize);
  }

  /** Copies a piece of the cluster that the L2 entry describes. */
  synchronized void read(long entry, int from, ByteBuffer target, int length) throws IOException {
    target.put(cluster(entry), from, length);
  }

  private byte[] cluster(long entry) throws IOException {
    if (releases != image.releases()) {
      // Freed places may hold something else by now.
      java.util.Arrays.fill(entries, 0);
      releases = image.releases();
    }
    for (int i = 0; i < KEPT; i++) {
      if (entries[i] == entry) {
        return clusters[i];
      }
    }
    int length = image.compressedLength(entry);
    if (packed.length < length) {
      packed = new byte[length];
    }
    long offset = image.compressedOffset(entry);
    int i = next;
    next = (next + 1) % KEPT;
    entries[i] = 0;
    if (clusters[i] == null) {
      clusters[i] = new byte[(int) image.clusterSize];
    }
    image.file.about(StorageEvent.READ_COMPRESSED);
    image.file.read(offset, ByteBuffer.wrap(packed, 0, length));
    if (!codec.unpack(packed, length, clusters[i])) {
      throw image.corrupt("has a compressed cluster that cannot be unpacked", offset);
    }
    entries[i] = entry;
    return clusters[i];
  }

  @Override
  public synchronized void close() {
    codec.close();
  }
}
