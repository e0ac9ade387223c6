package io.satchel.image.fs;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The files of ext2, ext3 and ext4 (Linux, Documentation/filesystems/ext4): extents, block maps and
 * inline data. A directory's hash tree is not needed, for its blocks are a list as well.
 */
final class ExtFiles extends Tree<Long> {
  private static final long ROOT_INODE = 2;
  private static final int INCOMPAT_FILETYPE = 2;
  private static final int INCOMPAT_META_BG = 0x10;
  private static final int INCOMPAT_64BIT = 0x80;
  private static final int FLAG_ENCRYPTED = 0x800;
  private static final int FLAG_EXTENTS = 0x80000;
  private static final int FLAG_INLINE = 0x10000000;
  private static final int EXTENT_MAGIC = 0xf30a;
  private static final int MAX_EXTENT_DEPTH = 5;
  private static final int XATTR_MAGIC = 0xea020000;
  private static final int XATTR_SYSTEM = 7;
  private static final int BLOCK_MAP_AT = 40;
  private static final int BLOCK_MAP_BYTES = 60;
  private static final int DIRECT_BLOCKS = 12;

  /** More index blocks than a file of a sound file system needs; stops trees that lie. */
  private static final int MAX_INDEX_BLOCKS = 1 << 18;

  private final Region region;
  private final ByteBuffer sb;
  private final String kind;
  private final String label;
  private final int blockBits;
  private final int inodeBytes;
  private final long inodesPerGroup;
  private final long inodes;
  private final boolean wide;
  private final int descriptorBytes;

  /** A file: its number and its inode's bytes. */
  private record Inode(long number, ByteBuffer bytes) {
    int format() {
      return bytes.getShort(0) >> 12 & 15;
    }

    int flags() {
      return bytes.getInt(32);
    }

    long size() {
      return (bytes.getInt(108) & 0xffffffffL) << 32 | bytes.getInt(4) & 0xffffffffL;
    }
  }

  private ExtFiles(Region region, ByteBuffer sb, ExtVolume volume) {
    this.region = region;
    this.sb = sb;
    kind = volume.kind();
    label = volume.label();
    blockBits = 10 + sb.getInt(24);
    inodeBytes = sb.getInt(76) == 0 ? 128 : sb.getShort(88) & 0xffff;
    inodesPerGroup = sb.getInt(40) & 0xffffffffL;
    inodes = sb.getInt(0) & 0xffffffffL;
    wide = (sb.getInt(96) & INCOMPAT_64BIT) != 0;
    descriptorBytes = wide ? Math.max(32, sb.getShort(254) & 0xffff) : 32;
  }

  static @Nullable FileSystem probe(BlockDevice disk, long start, long length) throws IOException {
    if (!(ExtVolume.probe(disk, start, length) instanceof ExtVolume volume)) {
      return null;
    }
    ByteBuffer sb = Volume.read(disk, start + 1024, 1024);
    Region region = new Region(disk, start, length, volume.kind());
    ExtFiles files = new ExtFiles(region, sb, volume);
    if (files.inodeBytes < 128
        || files.inodeBytes > 1 << files.blockBits
        || files.inodesPerGroup == 0) {
      throw region.broken("has inodes of " + files.inodeBytes + " bytes", 1024 + 88);
    }
    return files;
  }

  @Override
  public String kind() {
    return kind;
  }

  @Override
  public String label() {
    return label;
  }

  @Override
  boolean ignoresCase() {
    return false;
  }

  @Override
  Long root() {
    return ROOT_INODE;
  }

  private Inode inode(long number) throws IOException {
    if (number < 1 || number > inodes) {
      throw region.broken("has a directory that names inode " + number + " of " + inodes);
    }
    long group = (number - 1) / inodesPerGroup;
    ByteBuffer descriptor = region.read(descriptorAt(group), descriptorBytes);
    long table = descriptor.getInt(8) & 0xffffffffL;
    if (wide && descriptorBytes >= 64) {
      table |= (descriptor.getInt(40) & 0xffffffffL) << 32;
    }
    if (table > region.length() >> blockBits) {
      throw region.broken("has an inode table outside itself", descriptorAt(group) + 8);
    }
    long at = (table << blockBits) + (number - 1) % inodesPerGroup * inodeBytes;
    return new Inode(number, region.read(at, inodeBytes));
  }

  private long descriptorAt(long group) {
    long firstBlock = sb.getInt(20) & 0xffffffffL;
    long perBlock = (1L << blockBits) / descriptorBytes;
    long block = group / perBlock;
    long firstMeta = sb.getInt(260) & 0xffffffffL;
    if ((sb.getInt(96) & INCOMPAT_META_BG) != 0 && block >= firstMeta) {
      // Each meta group keeps its own descriptors, behind the superblock's copy if it has one.
      long first = block * perBlock;
      long place = firstBlock + first * (sb.getInt(32) & 0xffffffffL);
      boolean copy = ExtVolume.hasSuperblock(sb, (int) Math.min(first, Integer.MAX_VALUE));
      return (place + (copy ? 1 : 0) << blockBits) + group % perBlock * descriptorBytes;
    }
    return (firstBlock + 1 << blockBits) + group * descriptorBytes;
  }

  @Override
  Entry entry(String name, Long number) throws IOException {
    Inode inode = inode(number);
    Type type =
        switch (inode.format()) {
          case 4 -> Type.DIRECTORY;
          case 8 -> Type.FILE;
          case 10 -> Type.LINK;
          default -> Type.OTHER;
        };
    String link = type == Type.LINK ? link(inode) : null;
    return new Entry(
        name,
        type,
        inode.size(),
        Instant.ofEpochSecond(inode.bytes().getInt(16)),
        link,
        inode.bytes().getShort(0) & 0xfff);
  }

  private String link(Inode inode) throws IOException {
    long size = inode.size();
    if (size < 0 || size > Math.min(MAX_LINK, 1 << blockBits)) {
      throw region.broken("has a symbolic link of " + size + " bytes");
    }
    byte[] text;
    if (size < BLOCK_MAP_BYTES && (inode.flags() & (FLAG_EXTENTS | FLAG_INLINE)) == 0) {
      text = new byte[(int) size];
      inode.bytes().get(BLOCK_MAP_AT, text);
    } else {
      text = content(inode).read(0, (int) size);
    }
    return new String(text, StandardCharsets.UTF_8);
  }

  @Override
  Content content(Long number) throws IOException {
    return content(inode(number));
  }

  private Content content(Inode inode) throws IOException {
    if ((inode.flags() & FLAG_ENCRYPTED) != 0) {
      throw new ImageException(
          Kind.ENCRYPTED,
          "Inode " + inode.number(),
          "is encrypted",
          "start the guest and read it there");
    }
    long size = inode.size();
    if (size < 0) {
      throw region.broken("has a file of an impossible size");
    }
    if ((inode.flags() & FLAG_INLINE) != 0) {
      return new MemoryContent(inline(inode, size));
    }
    RunContent content = new RunContent(region, size);
    ByteBuffer map =
        inode.bytes().slice(BLOCK_MAP_AT, BLOCK_MAP_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    int[] budget = {MAX_INDEX_BLOCKS};
    if ((inode.flags() & FLAG_EXTENTS) != 0) {
      extents(map, content, MAX_EXTENT_DEPTH + 1, budget);
    } else {
      blockMap(map, content, budget);
    }
    return content;
  }

  /** The bytes that lie in the inode: in the place of the block map, then in an attribute. */
  private byte[] inline(Inode inode, long size) throws IOException {
    if (size > inodeBytes) {
      throw region.broken("has a file in an inode that is larger than the inode");
    }
    byte[] bytes = new byte[(int) size];
    int first = (int) Math.min(size, BLOCK_MAP_BYTES);
    inode.bytes().get(BLOCK_MAP_AT, bytes, 0, first);
    if (first == size) {
      return bytes;
    }
    ByteBuffer b = inode.bytes();
    int header = 128 + (b.getShort(128) & 0xffff);
    int from = header + 4;
    if (from > b.capacity() || b.getInt(header) != XATTR_MAGIC) {
      throw region.broken("has a file in an inode whose rest is missing");
    }
    for (int at = from; at + 16 <= b.capacity() && b.getInt(at) != 0; ) {
      int nameLength = b.get(at) & 0xff;
      int value = from + (b.getShort(at + 2) & 0xffff);
      int length = b.getInt(at + 8);
      if (b.get(at + 1) == XATTR_SYSTEM && nameLength == 4) {
        if (length < size - first || value + (size - first) > b.capacity()) {
          break;
        }
        b.get(value, bytes, first, (int) size - first);
        return bytes;
      }
      at += 16 + (nameLength + 3 & ~3);
    }
    throw region.broken("has a file in an inode whose rest is missing");
  }

  private void extents(ByteBuffer node, RunContent content, int depthAllowed, int[] budget)
      throws IOException {
    int entries = node.getShort(2) & 0xffff;
    int depth = node.getShort(6) & 0xffff;
    if ((node.getShort(0) & 0xffff) != EXTENT_MAGIC
        || depth >= depthAllowed
        || entries * 12 + 12 > node.capacity()) {
      throw region.broken("has a broken extent tree");
    }
    for (int i = 1; i <= entries; i++) {
      int at = i * 12;
      if (depth == 0) {
        int length = node.getShort(at + 4) & 0xffff;
        long place = (node.getShort(at + 6) & 0xffffL) << 32 | node.getInt(at + 8) & 0xffffffffL;
        // Longer than 32768 means that much less, and not written yet: zeros.
        if (length <= 32_768 && length > 0) {
          content.add(
              (node.getInt(at) & 0xffffffffL) << blockBits,
              place << blockBits,
              (long) length << blockBits);
        }
      } else {
        long place = (node.getShort(at + 8) & 0xffffL) << 32 | node.getInt(at + 4) & 0xffffffffL;
        spend(budget);
        extents(region.read(place << blockBits, 1 << blockBits), content, depth, budget);
      }
    }
  }

  private void spend(int[] budget) throws ImageException {
    if (--budget[0] < 0) {
      throw region.broken("has a file with more index blocks than can be");
    }
  }

  private void blockMap(ByteBuffer map, RunContent content, int[] budget) throws IOException {
    long perBlock = 1L << blockBits - 2;
    long total = Math.ceilDiv(content.size(), 1L << blockBits);
    for (int i = 0; i < DIRECT_BLOCKS && i < total; i++) {
      block(map.getInt(i * 4) & 0xffffffffL, i, content);
    }
    long at = DIRECT_BLOCKS;
    long span = perBlock;
    for (int level = 1; level <= 3 && at < total; level++) {
      indirect(
          map.getInt((DIRECT_BLOCKS + level - 1) * 4) & 0xffffffffL,
          level,
          at,
          total,
          content,
          budget);
      at += span;
      span *= perBlock;
    }
  }

  private void indirect(
      long block, int level, long at, long total, RunContent content, int[] budget)
      throws IOException {
    if (block == 0) {
      return;
    }
    spend(budget);
    ByteBuffer table = region.read(block << blockBits, 1 << blockBits);
    long span = 1L << (blockBits - 2) * (level - 1);
    for (int i = 0; i < table.capacity() / 4 && at + i * span < total; i++) {
      long next = table.getInt(i * 4) & 0xffffffffL;
      if (level == 1) {
        block(next, at + i, content);
      } else {
        indirect(next, level - 1, at + i * span, total, content, budget);
      }
    }
  }

  private void block(long block, long at, RunContent content) throws ImageException {
    if (block != 0) {
      content.add(at << blockBits, block << blockBits, 1L << blockBits);
    }
  }

  @Override
  List<Child<Long>> children(Long number) throws IOException {
    Inode directory = inode(number);
    Content content = content(directory);
    if (content.size() > Region.MAX_PIECE) {
      throw region.broken("has a directory of " + content.size() + " bytes");
    }
    byte[] bytes = content.read(0, (int) content.size());
    List<Child<Long>> all = new ArrayList<>();
    if ((directory.flags() & FLAG_INLINE) != 0) {
      // The parent's number stands first; there is no "." and "..".
      int first = Math.min(bytes.length, BLOCK_MAP_BYTES);
      entries(ByteBuffer.wrap(bytes, 4, Math.max(0, first - 4)).slice(), all);
      entries(ByteBuffer.wrap(bytes, first, bytes.length - first).slice(), all);
      return all;
    }
    for (int at = 0; at < bytes.length; at += 1 << blockBits) {
      entries(ByteBuffer.wrap(bytes, at, Math.min(1 << blockBits, bytes.length - at)).slice(), all);
    }
    return all;
  }

  private void entries(ByteBuffer block, List<Child<Long>> all) throws IOException {
    block.order(ByteOrder.LITTLE_ENDIAN);
    for (int at = 0; at + 8 <= block.capacity(); ) {
      int length = block.getShort(at + 4) & 0xffff;
      length = length == 0 || length == 0xffff ? 65_536 : length;
      int nameLength =
          (sb.getInt(96) & INCOMPAT_FILETYPE) != 0
              ? block.get(at + 6) & 0xff
              : block.getShort(at + 6) & 0xffff;
      if (length < 8 || length > block.capacity() - at && length != 65_536) {
        throw region.broken("has a broken directory");
      }
      long number = block.getInt(at) & 0xffffffffL;
      if (number != 0) {
        if (nameLength > length - 8 || at + 8 + nameLength > block.capacity()) {
          throw region.broken("has a name that leaves its directory");
        }
        byte[] name = new byte[nameLength];
        block.get(at + 8, name);
        boolean self =
            Arrays.equals(name, new byte[] {'.'}) || Arrays.equals(name, new byte[] {'.', '.'});
        if (!self) {
          if (all.size() >= MAX_ENTRIES) {
            throw region.broken("has a directory of more than " + MAX_ENTRIES + " names");
          }
          all.add(new Child<>(new String(name, StandardCharsets.UTF_8), number, false));
        }
      }
      at += length;
    }
  }
}
