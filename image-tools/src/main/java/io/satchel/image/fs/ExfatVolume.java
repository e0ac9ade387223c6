package io.satchel.image.fs;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/** exFAT (Microsoft, exFAT file system specification): the boot sector, the chains, the bitmap. */
final class ExfatVolume implements Volume {
  private static final int FLAG_DIRTY = 2;
  private static final int FLAG_MEDIA_FAILURE = 4;
  private static final int ENTRY = 32;
  private static final int ENTRY_BITMAP = 0x81;
  private static final int ENTRY_LABEL = 0x83;
  private static final int CHUNK = 1 << 20;

  /** The specification's own limit for a directory. */
  private static final long MAX_DIRECTORY = 256L << 20;

  final Region region;
  final int clusterBytes;
  final long clusters;
  final int rootCluster;
  private final ByteBuffer boot;
  private final long heapAt;
  private final long fatAt;
  private String label = "";
  private RunContent bitmap;
  private @Nullable String unsafe;

  private ExfatVolume(Region region, ByteBuffer boot) {
    this.region = region;
    this.boot = boot;
    int sectorBits = boot.get(108);
    clusterBytes = 1 << sectorBits + boot.get(109);
    clusters = boot.getInt(92) & 0xffffffffL;
    heapAt = (boot.getInt(88) & 0xffffffffL) << sectorBits;
    fatAt = (boot.getInt(80) & 0xffffffffL) << sectorBits;
    rootCluster = boot.getInt(96);
    bitmap = new RunContent(region, 0);
  }

  static @Nullable ExfatVolume probe(BlockDevice disk, long start, long length) throws IOException {
    ByteBuffer boot = Volume.read(disk, start, 512);
    byte[] name = new byte[8];
    boot.get(3, name);
    int sectorBits = boot.get(108);
    int clusterBits = boot.get(109);
    if (!new String(name, StandardCharsets.ISO_8859_1).equals("EXFAT   ")
        || sectorBits < 9
        || sectorBits > 12
        || clusterBits < 0
        || clusterBits > 25 - sectorBits) {
      return null;
    }
    ExfatVolume volume = new ExfatVolume(new Region(disk, start, length, "exFAT"), boot);
    if (volume.clusters == 0
        || volume.clusters > (length - volume.heapAt) / volume.clusterBytes
        || volume.fatAt + (volume.clusters + 2) * 4 > length) {
      return null;
    }
    volume.readRoot();
    return volume;
  }

  private void readRoot() throws IOException {
    int flags = boot.getShort(106);
    if ((flags & FLAG_DIRTY) != 0) {
      unsafe = "was not unmounted";
    } else if ((flags & FLAG_MEDIA_FAILURE) != 0) {
      unsafe = "has errors";
    }
    try {
      RunContent root = chain(rootCluster, -1, false);
      ByteBuffer b =
          ByteBuffer.wrap(root.read(0, (int) root.size())).order(ByteOrder.LITTLE_ENDIAN);
      for (int at = 0; at + ENTRY <= b.capacity() && b.get(at) != 0; at += ENTRY) {
        int type = b.get(at) & 0xff;
        if (type == ENTRY_LABEL) {
          label = NtfsTable.text(b, at + 2, Math.min(b.get(at + 1) & 0xff, 11) * 2);
        } else if (type == ENTRY_BITMAP && (b.get(at + 1) & 1) == 0) {
          bitmap = chain(b.getInt(at + 20), b.getLong(at + 24), false);
        }
      }
      if (bitmap.size() < Math.ceilDiv(clusters, 8)) {
        unsafe = "has no map of its free space";
      }
    } catch (ImageException e) {
      unsafe = e.problem();
    }
  }

  /**
   * A file's clusters.
   *
   * @param size -1 takes the whole chain
   * @param contiguous the clusters follow one another and have no chain
   */
  RunContent chain(int first, long size, boolean contiguous) throws IOException {
    long cluster = first & 0xffffffffL;
    if (contiguous) {
      RunContent content = new RunContent(region, size);
      checkCluster(cluster);
      content.add(0, place(cluster), Math.ceilDiv(size, (long) clusterBytes) * clusterBytes);
      return content;
    }
    long wanted = size < 0 ? clusters : Math.ceilDiv(size, (long) clusterBytes);
    if (wanted > clusters) {
      throw region.broken("has a file that is larger than itself");
    }
    BitSet seen = new BitSet();
    long count = 0;
    // The size of a directory is known only at its end.
    RunContent content = new RunContent(region, size < 0 ? MAX_DIRECTORY : size);
    for (; count < wanted; count++) {
      if (cluster >= 0xfffffff8L && size < 0) {
        break;
      }
      checkCluster(cluster);
      if (seen.get((int) cluster)) {
        throw region.broken("has a file whose clusters run in a circle");
      }
      if (size < 0 && count * clusterBytes >= MAX_DIRECTORY) {
        throw region.broken("has a directory of more than " + MAX_DIRECTORY + " bytes");
      }
      seen.set((int) cluster);
      content.add(count * clusterBytes, place(cluster), clusterBytes);
      cluster = region.read(fatAt + cluster * 4, 4).getInt(0) & 0xffffffffL;
    }
    return size < 0 ? content.withSize(count * clusterBytes) : content;
  }

  private void checkCluster(long cluster) throws ImageException {
    if (cluster < 2 || cluster >= clusters + 2 || cluster > Integer.MAX_VALUE) {
      throw region.broken("has a file that ends before its size");
    }
  }

  private long place(long cluster) {
    return heapAt + (cluster - 2) * clusterBytes;
  }

  @Override
  public String kind() {
    return "exFAT";
  }

  @Override
  public String label() {
    return label;
  }

  @Override
  public long size() {
    return Math.min(region.length(), heapAt + clusters * clusterBytes);
  }

  @Override
  public @Nullable String unsafe() {
    return unsafe;
  }

  @Override
  public void forEachFree(Range visitor) throws IOException {
    if (bitmap.size() < Math.ceilDiv(clusters, 8)) {
      return;
    }
    Runs runs = new Runs(visitor);
    byte[] chunk = new byte[0];
    for (long c = 0; c < clusters; c++) {
      if (c % (8L * CHUNK) == 0) {
        chunk = bitmap.read(c / 8, CHUNK);
      }
      if ((chunk[(int) (c / 8 % CHUNK)] >> (c & 7) & 1) == 0) {
        runs.free(place(c + 2), clusterBytes);
      }
    }
    runs.finish();
  }
}
