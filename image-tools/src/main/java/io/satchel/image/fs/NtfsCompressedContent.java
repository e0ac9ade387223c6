package io.satchel.image.fs;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;

/**
 * A file that NTFS packed: units of 16 clusters, each stored plainly, as nothing, or packed by
 * LZNT1 (Microsoft, MS-XCA 2.5) into fewer clusters.
 */
final class NtfsCompressedContent implements FileSystem.Content {
  private static final int CHUNK = 4096;

  private final Region region;
  private final long size;
  private final int clusterBytes;
  private final int unitClusters;
  private final List<long[]> runs;
  private byte[] unpacked = new byte[0];
  private long unpackedUnit = -1;

  /** {@code runs}: the first cluster of the file, that of the disk or -1, how many; in order. */
  NtfsCompressedContent(
      Region region, long size, int clusterBytes, int unitClusters, List<long[]> runs) {
    this.region = region;
    this.size = size;
    this.clusterBytes = clusterBytes;
    this.unitClusters = unitClusters;
    this.runs = runs;
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public synchronized void read(long offset, ByteBuffer target) throws IOException {
    int unitBytes = unitClusters * clusterBytes;
    long at = offset;
    while (target.hasRemaining()) {
      if (at / unitBytes != unpackedUnit) {
        unpackedUnit = -1;
        unpacked = unit(at / unitBytes);
        unpackedUnit = at / unitBytes;
      }
      int from = (int) (at % unitBytes);
      int n = Math.min(target.remaining(), unitBytes - from);
      target.put(unpacked, from, n);
      at += n;
    }
  }

  private byte[] unit(long unit) throws IOException {
    int unitBytes = unitClusters * clusterBytes;
    byte[] stored = new byte[unitBytes];
    int have = 0;
    long first = unit * unitClusters;
    int run = firstRun(first);
    while (have < unitClusters && run < runs.size()) {
      long[] r = runs.get(run++);
      long cluster = first + have;
      if (cluster < r[0] || cluster >= r[0] + r[2] || r[1] < 0) {
        break;
      }
      int n = (int) Math.min(unitClusters - have, r[0] + r[2] - cluster);
      region.read(
          (r[1] + cluster - r[0]) * clusterBytes,
          ByteBuffer.wrap(stored, have * clusterBytes, n * clusterBytes));
      have += n;
    }
    if (have == unitClusters || have == 0) {
      return stored;
    }
    byte[] plain = new byte[unitBytes];
    unpack(stored, have * clusterBytes, plain);
    return plain;
  }

  private int firstRun(long cluster) {
    int low = 0;
    int high = runs.size();
    while (low < high) {
      int middle = low + high >>> 1;
      long[] r = runs.get(middle);
      if (r[0] + r[2] <= cluster) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  private void unpack(byte[] from, int length, byte[] to) throws IOException {
    int in = 0;
    int out = 0;
    while (in + 2 <= length && out < to.length) {
      int header = from[in] & 0xff | (from[in + 1] & 0xff) << 8;
      in += 2;
      if (header == 0) {
        break;
      }
      int end = in + (header & 0xfff) + 1;
      if (end > length) {
        throw region.broken("has a compressed file that cannot be unpacked");
      }
      if ((header & 0x8000) == 0) {
        int n = Math.min(end - in, to.length - out);
        System.arraycopy(from, in, to, out, n);
      } else {
        chunk(from, in, end, to, out);
      }
      in = end;
      out += CHUNK;
    }
    Arrays.fill(to, Math.min(out, to.length), to.length, (byte) 0);
  }

  private void chunk(byte[] from, int start, int end, byte[] to, int base) throws IOException {
    int in = start;
    int out = base;
    int limit = Math.min(to.length, base + CHUNK);
    while (in < end) {
      int flags = from[in++];
      for (int bit = 0; bit < 8 && in < end; bit++) {
        if ((flags >> bit & 1) == 0) {
          if (out >= limit) {
            throw region.broken("has a compressed file that unpacks to too much");
          }
          to[out++] = from[in++];
          continue;
        }
        if (in + 2 > end) {
          throw region.broken("has a compressed file that cannot be unpacked");
        }
        int word = from[in] & 0xff | (from[in + 1] & 0xff) << 8;
        in += 2;
        // The farther into the chunk, the more of the word is distance and the less is length.
        int lengthBits = 12;
        for (int i = out - base - 1; i >= 16; i >>= 1) {
          lengthBits--;
        }
        int length = (word & (1 << lengthBits) - 1) + 3;
        int back = (word >> lengthBits) + 1;
        if (back > out - base || length > limit - out) {
          throw region.broken("has a compressed file that cannot be unpacked");
        }
        for (int i = 0; i < length; i++, out++) {
          to[out] = to[out - back];
        }
      }
    }
  }
}
