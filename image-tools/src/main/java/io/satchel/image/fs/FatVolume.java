package io.satchel.image.fs;

import io.satchel.image.block.BlockDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** FAT12, FAT16 and FAT32 (Microsoft, FAT: General Overview of On-Disk Format, 1.03). */
final class FatVolume implements Volume {
  private final ByteBuffer boot;
  private final ByteBuffer table;
  final int bits;
  final long dataAt;
  final int clusterBytes;
  final int clusters;
  private final long size;

  private FatVolume(
      ByteBuffer boot,
      ByteBuffer table,
      int bits,
      long dataAt,
      int clusterBytes,
      int clusters,
      long size) {
    this.boot = boot;
    this.table = table;
    this.bits = bits;
    this.dataAt = dataAt;
    this.clusterBytes = clusterBytes;
    this.clusters = clusters;
    this.size = size;
  }

  static @Nullable Volume probe(BlockDevice disk, long start, long length) throws IOException {
    ByteBuffer b = Volume.read(disk, start, 512);
    int sector = b.getShort(11) & 0xffff;
    int perCluster = b.get(13) & 0xff;
    int reserved = b.getShort(14) & 0xffff;
    int fats = b.get(16) & 0xff;
    int rootEntries = b.getShort(17) & 0xffff;
    long sectors = b.getShort(19) & 0xffff;
    sectors = sectors == 0 ? b.getInt(32) & 0xffffffffL : sectors;
    long fatSectors = b.getShort(22) & 0xffff;
    boolean fat32Layout = fatSectors == 0;
    fatSectors = fat32Layout ? b.getInt(36) & 0xffffffffL : fatSectors;
    if (Integer.bitCount(sector) != 1
        || sector < 512
        || sector > 4096
        || Integer.bitCount(perCluster) != 1
        || reserved == 0
        || fats < 1
        || fats > 2
        || fatSectors == 0
        || sectors * sector > length
        || (b.get(21) & 0xff) < 0xf0) {
      return null;
    }
    long rootSectors = Math.ceilDiv(rootEntries * 32, sector);
    long data = reserved + fats * fatSectors + rootSectors;
    long clusters = (sectors - data) / perCluster;
    if (clusters <= 0 || clusters > 0x0fffffff) {
      return null;
    }
    int bits = fat32Layout ? 32 : clusters < 4085 ? 12 : 16;
    long needed = Math.ceilDiv((clusters + 2) * bits, 8);
    if (needed > fatSectors * sector || needed > Integer.MAX_VALUE / 2) {
      return null;
    }
    ByteBuffer table = Volume.read(disk, start + (long) reserved * sector, (int) needed + 4);
    return new FatVolume(
        b, table, bits, data * sector, perCluster * sector, (int) clusters, sectors * sector);
  }

  @Override
  public String kind() {
    return "FAT" + bits;
  }

  @Override
  public String label() {
    byte[] name = new byte[11];
    int at = bits == 32 ? 71 : 43;
    boot.get(at, name);
    String label = new String(name, StandardCharsets.ISO_8859_1).strip();
    boolean extended = boot.get(at - 5) == 0x29;
    return !extended || label.equals("NO NAME") ? "" : label;
  }

  @Override
  public long size() {
    return size;
  }

  /** Where the root directory of FAT12 and FAT16 lies, in bytes from the volume's start. */
  long rootAt() {
    return dataAt - rootBytes();
  }

  /** How long that directory is; 0 in FAT32. */
  int rootBytes() {
    int sector = boot.getShort(11) & 0xffff;
    return Math.ceilDiv((boot.getShort(17) & 0xffff) * 32, sector) * sector;
  }

  /** The root directory's first cluster in FAT32. */
  int rootCluster() {
    return boot.getInt(44);
  }

  long entry(int cluster) {
    return switch (bits) {
      case 12 -> {
        int pair = table.getShort(cluster + cluster / 2) & 0xffff;
        yield cluster % 2 == 0 ? pair & 0xfff : pair >> 4;
      }
      case 16 -> table.getShort(cluster * 2) & 0xffff;
      default -> table.getInt(cluster * 4) & 0x0fffffff;
    };
  }

  @Override
  public @Nullable String unsafe() {
    boolean marked = (boot.get(bits == 32 ? 65 : 37) & 1) != 0;
    boolean clean =
        switch (bits) {
          case 16 -> (entry(1) & 0x8000) != 0;
          case 32 -> (entry(1) & 0x08000000) != 0;
          default -> true;
        };
    return marked || !clean ? "was not unmounted" : null;
  }

  @Override
  public void forEachFree(Range visitor) throws IOException {
    Runs runs = new Runs(visitor);
    for (int c = 2; c < clusters + 2; c++) {
      if (entry(c) == 0) {
        runs.free(dataAt + (c - 2L) * clusterBytes, clusterBytes);
      }
    }
    runs.finish();
  }
}
