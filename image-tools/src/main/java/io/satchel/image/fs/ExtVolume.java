package io.satchel.image.fs;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.file.FixedText;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** ext2, ext3 and ext4 (Linux, Documentation/filesystems/ext4): superblock and block bitmaps. */
final class ExtVolume implements Volume {
  private static final int MAGIC = 0xef53;
  private static final int COMPAT_JOURNAL = 4;
  private static final int INCOMPAT_RECOVER = 4;
  private static final int INCOMPAT_JOURNAL_DEV = 8;
  private static final int INCOMPAT_META_BG = 0x10;
  private static final int INCOMPAT_EXTENTS = 0x40;
  private static final int INCOMPAT_64BIT = 0x80;
  private static final int RO_COMPAT_SPARSE_SUPER = 1;
  private static final int RO_COMPAT_BIGALLOC = 0x200;
  private static final int STATE_CLEAN = 1;
  private static final int STATE_ERRORS = 2;
  private static final int GROUP_BLOCK_UNINIT = 2;

  /** Group descriptors of more than 100 TB. */
  private static final long MAX_TABLE = 64 << 20;

  private final BlockDevice disk;
  private final long start;
  private final ByteBuffer sb;
  private final int blockBits;
  private final int clusterBits;
  private final long blocks;

  private ExtVolume(BlockDevice disk, long start, ByteBuffer sb) {
    this.disk = disk;
    this.start = start;
    this.sb = sb;
    blockBits = 10 + sb.getInt(24);
    boolean bigalloc = (sb.getInt(100) & RO_COMPAT_BIGALLOC) != 0;
    clusterBits = bigalloc ? 10 + sb.getInt(28) : blockBits;
    long high = (sb.getInt(96) & INCOMPAT_64BIT) != 0 ? sb.getInt(0x150) & 0xffffffffL : 0;
    blocks = high << 32 | sb.getInt(4) & 0xffffffffL;
  }

  static @Nullable Volume probe(BlockDevice disk, long start, long length) throws IOException {
    ByteBuffer sb = Volume.read(disk, start + 1024, 1024);
    if ((sb.getShort(56) & 0xffff) != MAGIC) {
      return null;
    }
    int perGroup = sb.getInt(32);
    int bits = sb.getInt(24);
    int cluster = sb.getInt(28);
    if (bits < 0 || bits > 6 || perGroup <= 0 || cluster < bits || cluster > 20) {
      return null;
    }
    ExtVolume volume = new ExtVolume(disk, start, sb);
    if (volume.blocks <= 0 || volume.blocks > length >> volume.blockBits) {
      return null;
    }
    return volume.consistent() ? volume : new Damaged(volume.kind(), length, "is damaged");
  }

  /** Whether the groups that the superblock tells of can be. */
  private boolean consistent() {
    long table = groups() * descriptorBytes();
    return firstBlock() < blocks
        && Math.ceilDiv(perGroup() >> clusterBits - blockBits, 8) <= 1 << blockBits
        && perGroup() >> clusterBits - blockBits > 0
        && descriptorBytes() <= 1 << blockBits
        && table <= Math.min(size(), MAX_TABLE);
  }

  private long firstBlock() {
    return sb.getInt(20) & 0xffffffffL;
  }

  private long perGroup() {
    return sb.getInt(32) & 0xffffffffL;
  }

  private long groups() {
    return Math.ceilDiv(blocks - firstBlock(), perGroup());
  }

  private boolean wide() {
    return (sb.getInt(96) & INCOMPAT_64BIT) != 0;
  }

  private int descriptorBytes() {
    return wide() ? Math.max(32, sb.getShort(254) & 0xffff) : 32;
  }

  @Override
  public String kind() {
    int incompat = sb.getInt(96);
    return (incompat & (INCOMPAT_EXTENTS | INCOMPAT_64BIT)) != 0
        ? "ext4"
        : (sb.getInt(92) & COMPAT_JOURNAL) != 0 ? "ext3" : "ext2";
  }

  @Override
  public String label() {
    return FixedText.get(sb, 120, 16, StandardCharsets.UTF_8);
  }

  @Override
  public long size() {
    return blocks << blockBits;
  }

  @Override
  public @Nullable String unsafe() {
    int incompat = sb.getInt(96);
    int state = sb.getShort(58);
    if ((incompat & INCOMPAT_RECOVER) != 0 || (state & STATE_CLEAN) == 0) {
      return "was not unmounted, so its journal is still to be replayed";
    }
    if ((state & STATE_ERRORS) != 0) {
      return "has errors";
    }
    if ((incompat & (INCOMPAT_META_BG | INCOMPAT_JOURNAL_DEV)) != 0) {
      return "is laid out in a way that is not known here";
    }
    return null;
  }

  @Override
  public void forEachFree(Range visitor) throws IOException {
    final long firstBlock = firstBlock();
    final long perGroup = perGroup();
    final int ratioBits = clusterBits - blockBits;
    final long groups = groups();
    final boolean wide = wide();
    final int descriptor = descriptorBytes();
    long tableAt = start + ((firstBlock + 1) << blockBits);
    ByteBuffer table = Volume.read(disk, tableAt, (int) groups * descriptor);
    Runs runs = new Runs(visitor);
    for (int g = 0; g < groups; g++) {
      int at = g * descriptor;
      long from = firstBlock + g * perGroup;
      ByteBuffer bits;
      if ((table.getShort(at + 18) & GROUP_BLOCK_UNINIT) != 0) {
        // Its bitmap was never written: what is used follows from the layout.
        bits = layout(table, descriptor, wide, g, from, perGroup);
      } else {
        long bitmap = place(table, at, 0, wide && descriptor >= 64);
        if (bitmap <= 0 || bitmap >= blocks) {
          continue;
        }
        bits = Volume.read(disk, start + (bitmap << blockBits), 1 << blockBits);
      }
      long units = Math.min(perGroup, blocks - from) >> ratioBits;
      for (int i = 0; i < units; i++) {
        if ((bits.get(i >> 3) >> (i & 7) & 1) == 0) {
          runs.free((from << blockBits) + ((long) i << clusterBits), 1L << clusterBits);
        }
      }
    }
    runs.finish();
  }

  /** One of a descriptor's places: 0 the block bitmap, 4 the inode bitmap, 8 the inode table. */
  private static long place(ByteBuffer table, int at, int field, boolean wide) {
    long low = table.getInt(at + field) & 0xffffffffL;
    return wide ? (table.getInt(at + field + 32) & 0xffffffffL) << 32 | low : low;
  }

  /** The bitmap of a group that holds nothing but what every file system holds. */
  private ByteBuffer layout(
      ByteBuffer table, int descriptor, boolean wide, int group, long from, long perGroup) {
    ByteBuffer bits = ByteBuffer.allocate(1 << blockBits);
    long tableBlocks = Math.ceilDiv((long) table.capacity(), 1L << blockBits);
    if (hasSuperblock(sb, group)) {
      long reserved = sb.getShort(206) & 0xffffL;
      mark(bits, from, perGroup, from, 1 + tableBlocks + reserved);
    }
    int inodeBytes = Math.max(128, sb.getShort(88) & 0xffff);
    long inodeBlocks = Math.ceilDiv((sb.getInt(40) & 0xffffffffL) * inodeBytes, 1L << blockBits);
    for (int at = 0; at + descriptor <= table.capacity(); at += descriptor) {
      boolean high = wide && descriptor >= 64;
      mark(bits, from, perGroup, place(table, at, 0, high), 1);
      mark(bits, from, perGroup, place(table, at, 4, high), 1);
      mark(bits, from, perGroup, place(table, at, 8, high), inodeBlocks);
    }
    return bits;
  }

  private void mark(ByteBuffer bits, long from, long perGroup, long first, long count) {
    long low = Math.max(from, first);
    long high = Math.min(from + perGroup, first + count);
    for (long block = low; block < high; block++) {
      int i = (int) (block - from >> clusterBits - blockBits);
      bits.put(i >> 3, (byte) (bits.get(i >> 3) | 1 << (i & 7)));
    }
  }

  /** Whether a group begins with a copy of the superblock. */
  static boolean hasSuperblock(ByteBuffer sb, int group) {
    if ((sb.getInt(100) & RO_COMPAT_SPARSE_SUPER) == 0 || group <= 1) {
      return true;
    }
    for (int base : new int[] {3, 5, 7}) {
      long power = base;
      while (power < group) {
        power *= base;
      }
      if (power == group) {
        return true;
      }
    }
    return false;
  }
}
