package io.satchel.image.fs;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import io.satchel.image.file.FixedText;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * btrfs on one device (btrfs documentation, "On-disk format"): chunks say where logical addresses
 * lie, the extent tree which of these are in use. The trees are those of the last commit, so only a
 * log of writes since then makes free space doubtful.
 */
final class BtrfsVolume extends ExaminedVolume {
  static final long SUPER_AT = 64 << 10;
  static final int SUPER = 4096;
  private static final long MAGIC = 0x4d5f53665248425fL;
  private static final int SYSTEM_CHUNKS = 0x32b;
  private static final int SYSTEM_CHUNKS_BYTES = 0x800;
  private static final int LABEL = 0x12b;

  /**
   * Back references, default subvolume, mixed groups, LZO, zstd, big metadata, more links, skinny
   * metadata, no holes, a second UUID.
   */
  private static final long INCOMPAT_KNOWN = 0x77f;

  private static final long FLAG_WRITTEN = 1;

  /** Which of data, system and metadata a chunk holds; all other types but DUP spread it. */
  private static final long CHUNK_KINDS = 7;

  private static final long CHUNK_TWICE = 0x20;
  private static final int CHUNK_HEADER = 48;
  private static final int STRIPE = 32;
  private static final int KEY = 17;
  static final int CHUNK_ITEM = 228;
  private static final int ROOT_ITEM = 132;
  private static final int EXTENT_ITEM = 168;
  private static final int METADATA_ITEM = 169;
  private static final int EXTENT_TREE = 2;
  private static final int MAX_CHUNKS = 1 << 20;

  /** The first mebibyte is the boot loader's, and the superblock has copies. */
  private static final long RESERVED = 1 << 20;

  private static final long[] COPIES = {64L << 20, 256L << 30};
  private static final long COPY_BYTES = 64 << 10;

  /** A piece of the logical addresses, and the places where it lies. */
  static final class Chunk {
    final long start;
    final long length;
    final long[] places;

    /** Free ranges in it: start, length, start, length. */
    private long[] free = new long[16];

    private int freeLength;

    Chunk(long start, long length, long[] places) {
      this.start = start;
      this.length = length;
      this.places = places;
    }

    long end() {
      return start + length;
    }

    private void addFree(long from, long bytes) {
      if (freeLength == free.length) {
        free = Arrays.copyOf(free, free.length * 2);
      }
      free[freeLength++] = from;
      free[freeLength++] = bytes;
    }
  }

  private final ByteBuffer sb;
  private final int nodeBytes;
  private final long size;
  private final TreeMap<Long, Chunk> chunks = new TreeMap<>();

  private BtrfsVolume(Region region, ByteBuffer sb) {
    super(region);
    this.sb = sb;
    nodeBytes = sb.getInt(0x94);
    size = sb.getLong(0xd1);
  }

  static @Nullable Volume probe(BlockDevice disk, long start, long length) throws IOException {
    if (length < SUPER_AT + SUPER) {
      return null;
    }
    ByteBuffer sb = Volume.read(disk, start + SUPER_AT, SUPER);
    if (sb.getLong(0x40) != MAGIC) {
      return null;
    }
    return new BtrfsVolume(new Region(disk, start, length, "btrfs"), sb).examined();
  }

  @Override
  @Nullable String examine() throws IOException {
    int sector = sb.getInt(0x90);
    if (Integer.bitCount(nodeBytes) != 1
        || nodeBytes < 4096
        || nodeBytes > 64 << 10
        || Integer.bitCount(sector) != 1
        || sector < 512
        || sector > nodeBytes
        || sb.getLong(0x30) != SUPER_AT
        || size < RESERVED
        || size > region.length()) {
      return "is damaged";
    }
    if ((sb.getLong(0xbc) & ~INCOMPAT_KNOWN) != 0) {
      return foreign("uses features that are not known here");
    }
    if (!BtrfsTree.sound(sb, SUPER, checksums())) {
      return "is damaged";
    }
    if (sb.getLong(0x88) != 1) {
      return foreign("is spread over several disks");
    }
    if ((sb.getLong(0x38) & ~FLAG_WRITTEN) != 0) {
      return "is in error, or in the middle of a change";
    }
    if (sb.getLong(0x60) != 0) {
      return "was not unmounted";
    }
    try {
      readChunks();
      return null;
    } catch (ImageException e) {
      return e.problem();
    }
  }

  private int checksums() {
    return sb.getShort(0xc4) & 0xffff;
  }

  // --- Chunks ---

  private void readChunks() throws IOException {
    int bytes = sb.getInt(0xa0);
    if (bytes <= 0 || bytes > SYSTEM_CHUNKS_BYTES) {
      throw region.broken("has an impossible list of chunks", SUPER_AT + 0xa0);
    }
    int at = SYSTEM_CHUNKS;
    int end = SYSTEM_CHUNKS + bytes;
    while (at < end) {
      if (end - at < KEY + CHUNK_HEADER + STRIPE) {
        throw region.broken("has an impossible list of chunks", SUPER_AT + at);
      }
      int stripes = sb.getShort(at + KEY + 44) & 0xffff;
      int length = CHUNK_HEADER + stripes * STRIPE;
      if (length > end - at - KEY) {
        throw region.broken("has an impossible list of chunks", SUPER_AT + at);
      }
      addChunk(sb.getLong(at + 9), sb.slice(at + KEY, length).order(sb.order()));
      at += KEY + length;
    }
    tree()
        .walk(
            sb.getLong(0x58),
            sb.get(0xc7),
            (object, type, offset, item) -> {
              if (type == CHUNK_ITEM) {
                addChunk(offset, item);
              }
            });
  }

  private BtrfsTree tree() {
    return new BtrfsTree(region, nodeBytes, checksums(), this::place, size / nodeBytes);
  }

  private void addChunk(long start, ByteBuffer item) throws IOException {
    Chunk known = chunks.get(start);
    int stripes = item.limit() < CHUNK_HEADER ? 0 : item.getShort(44) & 0xffff;
    if (stripes == 0 || item.limit() < CHUNK_HEADER + stripes * STRIPE) {
      throw region.broken("has a chunk that lies nowhere");
    }
    long length = item.getLong(0);
    long type = item.getLong(24);
    boolean twice = (type & CHUNK_TWICE) != 0;
    if ((type & ~(CHUNK_KINDS | CHUNK_TWICE)) != 0 || stripes != (twice ? 2 : 1)) {
      throw region.broken("spreads its data in a way that is not known here");
    }
    long[] places = new long[stripes];
    for (int i = 0; i < stripes; i++) {
      int at = CHUNK_HEADER + i * STRIPE;
      places[i] = item.getLong(at + 8);
      if (item.getLong(at) != sb.getLong(0xc9)) {
        throw region.broken("has a chunk on another disk");
      }
      if (length <= 0 || places[i] < RESERVED || length > size || places[i] > size - length) {
        throw region.broken("has a chunk that lies outside");
      }
    }
    if (known != null && known.length == length && Arrays.equals(known.places, places)) {
      // The list in the superblock is part of the tree.
      return;
    }
    Map.Entry<Long, Chunk> before = chunks.floorEntry(start);
    Long after = chunks.ceilingKey(start);
    if (start < 0
        || start > Long.MAX_VALUE - length
        || before != null && before.getValue().end() > start
        || after != null && after < start + length
        || chunks.size() >= MAX_CHUNKS) {
      throw region.broken("has chunks that overlap");
    }
    chunks.put(start, new Chunk(start, length, places));
  }

  /** Where a piece of logical addresses lies. */
  private long place(long logical, long bytes) throws ImageException {
    Map.Entry<Long, Chunk> entry = chunks.floorEntry(logical);
    Chunk chunk = entry == null ? null : entry.getValue();
    if (chunk == null || logical > chunk.end() - bytes) {
      throw region.broken("names an address that no chunk holds");
    }
    return chunk.places[0] + logical - chunk.start;
  }

  // --- As a volume ---

  @Override
  public String kind() {
    return "btrfs";
  }

  @Override
  public String label() {
    return FixedText.get(sb, LABEL, 256, StandardCharsets.UTF_8);
  }

  @Override
  public long size() {
    return size > 0 && size <= region.length() ? size : region.length();
  }

  @Override
  void tellFree(Range visitor) throws IOException {
    findFree();
    record Stripe(long place, Chunk chunk) {}
    List<Stripe> stripes = new ArrayList<>();
    for (Chunk chunk : chunks.values()) {
      for (long place : chunk.places) {
        stripes.add(new Stripe(place, chunk));
      }
    }
    stripes.sort(Comparator.comparingLong(Stripe::place));
    long next = RESERVED;
    for (Stripe stripe : stripes) {
      if (stripe.place() < next) {
        throw region.broken("has chunks that overlap");
      }
      tell(visitor, next, stripe.place());
      Chunk chunk = stripe.chunk();
      for (int i = 0; i < chunk.freeLength; i += 2) {
        long from = stripe.place() + chunk.free[i] - chunk.start;
        tell(visitor, from, from + chunk.free[i + 1]);
      }
      next = stripe.place() + chunk.length;
    }
    tell(visitor, next, size);
  }

  /** Tells of a free range, without the copies of the superblock that no tree knows of. */
  private static void tell(Range visitor, long from, long to) throws IOException {
    long at = from;
    for (long copy : COPIES) {
      if (at < copy + COPY_BYTES && copy < to) {
        if (copy > at) {
          visitor.at(at, copy - at);
        }
        at = copy + COPY_BYTES;
      }
    }
    if (to > at) {
      visitor.at(at, to - at);
    }
  }

  /** Reads the extent tree, and notes in each chunk what lies between the extents. */
  private void findFree() throws IOException {
    long[] root = {0, 0};
    BtrfsTree tree = tree();
    tree.walk(
        sb.getLong(0x50),
        sb.get(0xc6),
        (object, type, offset, item) -> {
          if (object == EXTENT_TREE && type == ROOT_ITEM && item.limit() >= 239) {
            root[0] = item.getLong(176);
            root[1] = item.get(238);
          }
        });
    if (root[0] == 0) {
      throw region.broken("has no tree of extents");
    }
    for (Chunk chunk : chunks.values()) {
      chunk.freeLength = 0;
    }
    Used used = new Used();
    tree.walk(
        root[0],
        (int) root[1],
        (object, type, offset, item) -> {
          if (type == EXTENT_ITEM || type == METADATA_ITEM) {
            used.add(object, type == EXTENT_ITEM ? offset : nodeBytes);
          }
        });
    used.finish();
    if (used.sum != sb.getLong(0x78)) {
      throw region.broken("has a tree of extents that does not add up");
    }
  }

  /** Goes through extents in the order of their addresses, and through the chunks beside them. */
  private final class Used {
    private final List<Chunk> order = new ArrayList<>(chunks.values());
    private int index;
    private long next = order.isEmpty() ? 0 : order.getFirst().start;
    private long sum;

    void add(long start, long length) throws IOException {
      while (index < order.size() && start >= order.get(index).end()) {
        leave();
      }
      if (index >= order.size()
          || start < next
          || length <= 0
          || length > order.get(index).end() - start) {
        throw region.broken("has extents that overlap or lie in no chunk");
      }
      if (start > next) {
        order.get(index).addFree(next, start - next);
      }
      next = start + length;
      sum += length;
    }

    private void leave() {
      Chunk chunk = order.get(index);
      if (chunk.end() > next) {
        chunk.addFree(next, chunk.end() - next);
      }
      index++;
      next = index < order.size() ? order.get(index).start : 0;
    }

    void finish() {
      while (index < order.size()) {
        leave();
      }
    }
  }
}
