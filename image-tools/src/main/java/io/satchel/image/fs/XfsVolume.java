package io.satchel.image.fs;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import io.satchel.image.file.FixedText;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * XFS of version 5 (XFS Algorithms and Data Structures, "Allocation Groups"): each group's tree of
 * free space by block number. The tree is complete once the log is empty, so an XFS whose log is
 * not is refused.
 */
final class XfsVolume extends ExaminedVolume {
  private static final int MAGIC = 0x58465342;
  private static final int GROUP_MAGIC = 0x58414746;
  private static final int TREE_MAGIC = 0x41423342;
  private static final int SUPER_CRC = 224;
  private static final int GROUP_CRC = 216;
  private static final int TREE_CRC = 52;
  private static final int TREE_HEADER = 56;
  private static final int MAX_LEVELS = 9;

  /** File types in directories, sparse inodes, a second UUID, far times, more extents. */
  private static final int INCOMPAT_KNOWN = 0x2f;

  private static final int INCOMPAT_NEEDS_REPAIR = 0x10;

  /** Trees of free inodes and of owners, shared blocks, counts of inode blocks. */
  private static final int RO_COMPAT_KNOWN = 0xf;

  private final ByteBuffer sb;
  private final int blockBytes;
  private final int sectorBytes;
  private final long groupBlocks;
  private final long groups;
  private final long blocks;

  private XfsVolume(Region region, ByteBuffer sb) {
    super(region);
    this.sb = sb;
    blockBytes = sb.getInt(4);
    blocks = sb.getLong(8);
    groupBlocks = sb.getInt(84) & 0xffffffffL;
    groups = sb.getInt(88) & 0xffffffffL;
    sectorBytes = sb.getShort(102) & 0xffff;
  }

  static @Nullable Volume probe(BlockDevice disk, long start, long length) throws IOException {
    ByteBuffer sb = Volume.read(disk, start, 4096).order(ByteOrder.BIG_ENDIAN);
    if (sb.getInt(0) != MAGIC) {
      return null;
    }
    return new XfsVolume(new Region(disk, start, length, "XFS"), sb).examined();
  }

  /** Whether the superblock can be, and whether the free space is where it should be. */
  @Override
  @Nullable String examine() throws IOException {
    boolean sectors = Integer.bitCount(sectorBytes) == 1 && sectorBytes >= 512;
    if (!sectors
        || sectorBytes > 4096
        || Integer.bitCount(blockBytes) != 1
        || blockBytes < 512
        || blockBytes > 1 << 16
        || groupBlocks < 16
        || groups < 1
        || blocks <= 0
        || blocks > region.length() / blockBytes
        || Math.ceilDiv(blocks, groupBlocks) != groups
        || sb.get(124) < 0
        || sb.get(124) > 32
        || 1L << sb.get(124) < groupBlocks) {
      return "is damaged";
    }
    if ((sb.getShort(100) & 0xf) != 5) {
      return foreign("is of an old version, which is not known here");
    }
    if (checksum(sb.duplicate().limit(sectorBytes), SUPER_CRC) != le(sb, SUPER_CRC)) {
      return "is damaged";
    }
    if ((sb.getInt(216) & INCOMPAT_NEEDS_REPAIR) != 0) {
      return "says that it needs a repair";
    }
    if ((sb.getInt(216) & ~INCOMPAT_KNOWN) != 0 || (sb.getInt(212) & ~RO_COMPAT_KNOWN) != 0) {
      return foreign("uses features that are not known here");
    }
    if (sb.get(126) != 0) {
      return "is still being made";
    }
    if (sb.getLong(48) == 0) {
      return foreign("keeps its log on another disk");
    }
    if (!inside(sb.getLong(48))) {
      return "is damaged";
    }
    try {
      return new XfsLog(region, byteOf(sb.getLong(48)), logBytes()).clean()
          ? null
          : "was not unmounted";
    } catch (ImageException e) {
      return e.problem();
    }
  }

  /** Whether there is a block whose number, which holds its group's, is this. */
  private boolean inside(long number) {
    int bits = sb.get(124);
    return number >>> bits < groups && (number & (1L << bits) - 1) < groupBlocks;
  }

  /** The byte of a block whose number holds its group's. */
  private long byteOf(long number) {
    int bits = sb.get(124);
    return ((number >>> bits) * groupBlocks + (number & (1L << bits) - 1)) * blockBytes;
  }

  private long logBytes() {
    return (sb.getInt(96) & 0xffffffffL) * blockBytes;
  }

  private static int le(ByteBuffer b, int at) {
    return Integer.reverseBytes(b.getInt(at));
  }

  /** CRC-32C of a whole block with its own field as zeros. */
  private static int checksum(ByteBuffer b, int field) {
    CRC32C crc = new CRC32C();
    crc.update(b.array(), 0, field);
    crc.update(new byte[4]);
    crc.update(b.array(), field + 4, b.limit() - field - 4);
    return (int) crc.getValue();
  }

  @Override
  public String kind() {
    return "XFS";
  }

  @Override
  public String label() {
    return FixedText.get(sb, 108, 12, StandardCharsets.UTF_8);
  }

  @Override
  public long size() {
    return blocks > 0 && blocks <= region.length() / Math.max(1, blockBytes)
        ? blocks * blockBytes
        : region.length();
  }

  @Override
  void tellFree(Range visitor) throws IOException {
    for (long group = 0; group < groups; group++) {
      long first = group * groupBlocks;
      new Group(first, Math.min(groupBlocks, blocks - first)).tell(group, visitor);
    }
  }

  /** The free space of one allocation group. */
  private final class Group {
    private final long first;
    private final long length;
    private long next;
    private long sum;
    private long visited;

    /**
     * A group.
     *
     * @param first its first block
     * @param length its blocks
     */
    Group(long first, long length) {
      this.first = first;
      this.length = length;
    }

    void tell(long number, Range visitor) throws IOException {
      long at = first * blockBytes + sectorBytes;
      ByteBuffer header = region.read(at, sectorBytes).order(ByteOrder.BIG_ENDIAN);
      int levels = header.getInt(28);
      if (header.getInt(0) != GROUP_MAGIC
          || checksum(header, GROUP_CRC) != le(header, GROUP_CRC)
          || (header.getInt(8) & 0xffffffffL) != number
          || (header.getInt(12) & 0xffffffffL) != length
          || levels < 1
          || levels > MAX_LEVELS) {
        throw region.broken("has a group whose header is broken", at);
      }
      walk(header.getInt(16) & 0xffffffffL, levels - 1, visitor);
      if (sum != (header.getInt(52) & 0xffffffffL)) {
        throw region.broken("has a group whose free space does not add up", at);
      }
    }

    private void walk(long block, int level, Range visitor) throws IOException {
      long at = (first + block) * blockBytes;
      if (block >= length || ++visited > length) {
        throw region.broken("has a tree of free space that leaves its group", at);
      }
      ByteBuffer b = region.read(at, blockBytes).order(ByteOrder.BIG_ENDIAN);
      int count = b.getShort(6) & 0xffff;
      int most = (blockBytes - TREE_HEADER) / (level == 0 ? 8 : 12);
      if (b.getInt(0) != TREE_MAGIC
          || checksum(b, TREE_CRC) != le(b, TREE_CRC)
          || b.getShort(4) != level
          || count > most) {
        throw region.broken("has a tree of free space that is broken", at);
      }
      for (int i = 0; i < count; i++) {
        if (level > 0) {
          walk(b.getInt(TREE_HEADER + most * 8 + i * 4) & 0xffffffffL, level - 1, visitor);
          continue;
        }
        long from = b.getInt(TREE_HEADER + i * 8) & 0xffffffffL;
        long blocksFree = b.getInt(TREE_HEADER + i * 8 + 4) & 0xffffffffL;
        if (from < next || blocksFree == 0 || blocksFree > length - from) {
          throw region.broken("has a tree of free space that contradicts itself", at);
        }
        next = from + blocksFree;
        sum += blocksFree;
        visitor.at((first + from) * blockBytes, blocksFree * blockBytes);
      }
    }
  }
}
