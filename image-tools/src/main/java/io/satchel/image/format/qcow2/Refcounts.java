package io.satchel.image.format.qcow2;

import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import io.satchel.image.file.StorageEvent;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.BitSet;

/**
 * The reference counts of the host clusters, and the allocation that rests on them
 * (docs/interop/qcow2.txt, "Host cluster management").
 *
 * <p>Counts that grow are in the file before anything refers to the cluster; counts that shrink are
 * only applied once no table in the file refers to it any more. A crash between the two leaks
 * clusters, and nothing worse.
 */
final class Refcounts {
  private static final long CACHE_BYTES = 1 << 20;

  private static final long OFFSET_MASK = ~511L;

  private final Qcow2Image image;
  private final int clusterBits;
  private int order;
  private int entriesBits;
  private int sliceEntriesBits;
  private final TableCache cache;
  private final BitSet dirtyTableSectors = new BitSet();
  private long[] table;
  private long hint;

  /** Runs of clusters to be released when nothing refers to them: first, count, first, count. */
  private long[] pending = new long[64];

  private int pendingLength;

  Refcounts(Qcow2Image image) throws IOException {
    this.image = image;
    Qcow2Header header = image.header;
    clusterBits = header.clusterBits;
    order = header.refcountOrder;
    entriesBits = clusterBits + 3 - order;
    int sliceBits = Math.min(clusterBits, 14);
    sliceEntriesBits = sliceBits + 3 - order;
    cache =
        new TableCache(
            image.file,
            sliceBits,
            CACHE_BYTES,
            image::writeBack,
            StorageEvent.REFBLOCK_LOAD,
            StorageEvent.REFBLOCK_UPDATE_PART);
    table = loadTable(header);
  }

  private long[] loadTable(Qcow2Header header) throws IOException {
    image.file.about(StorageEvent.REFTABLE_LOAD);
    return image.readTable(
        header.refcountTableOffset,
        (int) ((long) header.refcountTableClusters << clusterBits >> 3),
        "the refcount table");
  }

  /** Reads the table again, after the header has been pointed to another one. */
  void reload() throws IOException {
    cache.clear();
    dirtyTableSectors.clear();
    pendingLength = 0;
    hint = 0;
    table = loadTable(image.header);
  }

  long[] table() {
    return table;
  }

  /** The clusters that one refcount block counts, as a logarithm. */
  int blockEntriesBits() {
    return entriesBits;
  }

  /** The largest count that fits, saturating at 2^63-1. */
  long maximum() {
    return order == 6 ? Long.MAX_VALUE : (1L << (1 << order)) - 1;
  }

  private long blockOffset(long cluster) throws IOException {
    long index = cluster >>> entriesBits;
    if (index >= table.length) {
      return 0;
    }
    long offset = table[(int) index] & OFFSET_MASK;
    if ((offset & (image.clusterSize - 1)) != 0 || offset < 0 || offset >= Qcow2Header.MAX_OFFSET) {
      throw image.corrupt(
          "has a refcount block at an impossible place",
          image.header.refcountTableOffset + index * 8);
    }
    return offset;
  }

  private long sliceKey(long blockOffset, long cluster) {
    long inBlock = cluster & ((1L << entriesBits) - 1);
    return blockOffset + (inBlock >>> sliceEntriesBits << (sliceEntriesBits - 3 + order));
  }

  /** How often a host cluster is referred to. Past the tables the answer is 0. */
  long get(long cluster) throws IOException {
    long block = blockOffset(cluster);
    if (block == 0) {
      return 0;
    }
    ByteBuffer slice = cache.get(sliceKey(block, cluster));
    return get(slice, (int) (cluster & ((1L << sliceEntriesBits) - 1)), order);
  }

  /** The count at {@code index} of a block; bits within a byte count from the lowest. */
  static long get(ByteBuffer block, int index, int order) {
    return switch (order) {
      case 3 -> block.get(index) & 0xffL;
      case 4 -> block.getShort(index * 2) & 0xffffL;
      case 5 -> block.getInt(index * 4) & 0xffffffffL;
      case 6 -> block.getLong(index * 8);
      default -> {
        int bits = 1 << order;
        int at = index << order;
        yield block.get(at >> 3) >>> (at & 7) & ((1 << bits) - 1);
      }
    };
  }

  static void put(ByteBuffer block, int index, int order, long value) {
    switch (order) {
      case 3 -> block.put(index, (byte) value);
      case 4 -> block.putShort(index * 2, (short) value);
      case 5 -> block.putInt(index * 4, (int) value);
      case 6 -> block.putLong(index * 8, value);
      default -> {
        int mask = (1 << (1 << order)) - 1;
        int at = index << order;
        int old = block.get(at >> 3);
        int shift = at & 7;
        block.put(at >> 3, (byte) (old & ~(mask << shift) | (int) value << shift));
      }
    }
  }

  private void set(long cluster, long value) throws IOException {
    long block = blockOffset(cluster);
    if (block == 0) {
      throw image.corrupt(
          "has a cluster in use that no refcount block counts", cluster << clusterBits);
    }
    long key = sliceKey(block, cluster);
    ByteBuffer slice = cache.get(key);
    put(slice, (int) (cluster & ((1L << sliceEntriesBits) - 1)), order, value);
    cache.markDirty(key);
  }

  /**
   * Adds to a cluster's count.
   *
   * @throws ImageException if the width of the counts does not allow it
   */
  void increment(long cluster) throws IOException {
    long count = get(cluster);
    if (count >= maximum()) {
      throw new ImageException(
          Kind.UNSUPPORTED,
          image.file.name(),
          "cannot count more than " + maximum() + " references to a cluster",
          "convert it to an image with wider reference counts",
          cluster << clusterBits,
          null);
    }
    cover(cluster);
    set(cluster, count + 1);
  }

  /** Whether a block counts the cluster. */
  boolean counted(long cluster) throws IOException {
    return blockOffset(cluster) != 0;
  }

  /**
   * The last cluster whose count is not 0.
   *
   * @throws ImageException if the blocks lie past the file's end
   */
  long lastInUse() throws IOException {
    for (int i = table.length - 1; i >= 0; i--) {
      long block = blockOffset((long) i << entriesBits);
      if (block >= image.fileEnd()) {
        throw image.truncated("a refcount block", block);
      }
      if (block != 0) {
        for (long c = (i + 1L << entriesBits) - 1; c >= (long) i << entriesBits; c--) {
          if (get(c) != 0) {
            return c;
          }
        }
      }
    }
    return 0;
  }

  /** Sets a count to what a check found it to be. */
  void repair(long cluster, long count) throws IOException {
    set(cluster, count);
    hint = count == 0 ? Math.min(hint, cluster) : hint;
  }

  /** Puts another table in place of a broken one, before the counts are rebuilt. */
  void forget(long[] replacement) {
    cache.clear();
    dirtyTableSectors.clear();
    pendingLength = 0;
    table = replacement;
  }

  /** Takes one from a cluster's count, at once: nothing in the file may refer to it any more. */
  void decrement(long cluster) throws IOException {
    long count = get(cluster);
    if (count == 0) {
      throw image.corrupt("frees a cluster that is free", cluster << clusterBits);
    }
    set(cluster, count - 1);
    if (count == 1) {
      hint = Math.min(hint, cluster);
    }
  }

  /** Allocates up to {@code wanted} adjacent clusters and returns the first and how many. */
  Run allocate(int wanted) throws IOException {
    image.file.about(StorageEvent.CLUSTER_ALLOC);
    long cluster = Math.max(hint, 1);
    while (true) {
      cover(cluster);
      if (get(cluster) == 0) {
        break;
      }
      cluster++;
    }
    checkFree(cluster);
    long blockEnd = (cluster >>> entriesBits) + 1 << entriesBits;
    set(cluster, 1);
    int count = 1;
    while (count < wanted && cluster + count < blockEnd && get(cluster + count) == 0) {
      checkFree(cluster + count);
      set(cluster + count, 1);
      count++;
    }
    hint = cluster + count;
    return new Run(cluster << clusterBits, count);
  }

  /** Clusters that lie one after the other in the file. */
  record Run(long offset, int clusters) {}

  /** Allocates exactly {@code count} adjacent clusters and returns where they begin. */
  long allocateAdjacent(long count) throws IOException {
    image.file.about(StorageEvent.CLUSTER_ALLOC);
    long first = Math.max(hint, 1);
    long run = 0;
    while (run < count) {
      cover(first + run);
      if (get(first + run) == 0) {
        run++;
      } else {
        first += run + 1;
        run = 0;
      }
    }
    for (long c = first; c < first + count; c++) {
      checkFree(c);
      set(c, 1);
    }
    return first << clusterBits;
  }

  /** A count of 0 on a cluster that holds a table means broken counts: hand out nothing. */
  private void checkFree(long cluster) throws ImageException {
    if (cluster << clusterBits >= Qcow2Header.MAX_OFFSET) {
      throw new ImageException(
          Kind.NO_SPACE, image.file.name(), "is as large as a qcow2 image can be", "");
    }
    if (image.metadata.contains(cluster)) {
      throw image.corrupt("counts one of its own tables as free space", cluster << clusterBits);
    }
  }

  /** Makes sure that a refcount block counts {@code cluster}. */
  private void cover(long cluster) throws IOException {
    long index = cluster >>> entriesBits;
    if (index >= table.length) {
      growTable(index);
    }
    if (blockOffset(cluster) != 0) {
      return;
    }
    image.file.about(StorageEvent.REFBLOCK_ALLOC);
    // No block says that the first cluster of this range is used, so it is free: the block goes
    // there and counts itself.
    long own = index << entriesBits;
    if (own == 0) {
      throw image.corrupt("has no refcount block for its header", image.header.refcountTableOffset);
    }
    checkFree(own);
    ByteBuffer block = ByteBuffer.allocate((int) image.clusterSize);
    put(block, 0, order, 1);
    cache.drop(own << clusterBits, image.clusterSize);
    image.file.about(StorageEvent.REFBLOCK_ALLOC_WRITE);
    image.put(own << clusterBits, block);
    image.metadata.add(own);
    table[(int) index] = own << clusterBits;
    dirtyTableSectors.set((int) index >> 6);
  }

  /**
   * Moves the table to the first place that it does not reach, with blocks for that place: write
   * the new blocks and the new table, then switch the header.
   */
  private void growTable(long neededIndex) throws IOException {
    image.writeBack();
    long start = (long) table.length << entriesBits;
    int perCluster = (int) (image.clusterSize >> 3);
    long wanted = Math.max(neededIndex + 1, table.length + table.length / 2 + 1L);
    long tableClusters;
    long blocks;
    while (true) {
      tableClusters = Math.ceilDiv(wanted, perCluster);
      blocks = 1;
      while (blocks << entriesBits < tableClusters + blocks) {
        blocks++;
      }
      if (tableClusters * perCluster >= table.length + blocks) {
        break;
      }
      wanted = table.length + blocks;
    }
    if (tableClusters << clusterBits > Qcow2Header.MAX_REFCOUNT_TABLE_BYTES) {
      throw new ImageException(
          Kind.NO_SPACE,
          image.file.name(),
          "cannot grow because its refcount table is as large as it may be",
          "convert it to an image with larger clusters");
    }
    long[] grown = Arrays.copyOf(table, (int) (tableClusters * perCluster));
    long used = tableClusters + blocks;
    for (long i = 0; i < blocks; i++) {
      ByteBuffer block = ByteBuffer.allocate((int) image.clusterSize);
      long counted = Math.min(Math.max(used - (i << entriesBits), 0), 1L << entriesBits);
      for (int j = 0; j < counted; j++) {
        put(block, j, order, 1);
      }
      long at = start + tableClusters + i;
      image.file.about(StorageEvent.REFBLOCK_ALLOC_WRITE_BLOCKS);
      image.put(at << clusterBits, block);
      grown[table.length + (int) i] = at << clusterBits;
    }
    image.file.about(StorageEvent.REFBLOCK_ALLOC_WRITE_TABLE);
    image.put(start << clusterBits, Qcow2Image.encode(grown, 0, grown.length));
    image.sync();
    final long oldFirst = image.header.refcountTableOffset >> clusterBits;
    final int oldClusters = image.header.refcountTableClusters;
    image.header.refcountTableOffset = start << clusterBits;
    image.header.refcountTableClusters = (int) tableClusters;
    ByteBuffer fields = ByteBuffer.allocate(12);
    fields.putLong(start << clusterBits).putInt((int) tableClusters).flip();
    image.file.about(StorageEvent.REFBLOCK_ALLOC_SWITCH_TABLE);
    image.put(48, fields);
    image.sync();
    table = grown;
    cache.drop(start << clusterBits, used << clusterBits);
    image.metadata.addRange(start, used);
    image.metadata.removeRange(oldFirst, oldClusters);
    for (int i = 0; i < oldClusters; i++) {
      decrement(oldFirst + i);
    }
  }

  /**
   * Writes all counts anew in another width, behind everything in use; then one write of the header
   * makes them true. The old blocks are released after that.
   */
  void changeOrder(int newOrder) throws IOException {
    if (newOrder == order) {
      return;
    }
    final long last = lastInUse();
    final long max = newOrder == 6 ? Long.MAX_VALUE : (1L << (1 << newOrder)) - 1;
    final int newEntriesBits = clusterBits + 3 - newOrder;
    final long start = last + 1;
    long tableClusters = 1;
    long blocks = 1;
    while (true) {
      long needBlocks = Math.ceilDiv(start + tableClusters + blocks, 1L << newEntriesBits);
      long needTable = Math.ceilDiv(needBlocks * 8, image.clusterSize);
      if (needBlocks <= blocks && needTable <= tableClusters) {
        break;
      }
      blocks = Math.max(blocks, needBlocks);
      tableClusters = Math.max(tableClusters, needTable);
    }
    long end = start + tableClusters + blocks;
    long[] fresh = new long[Math.toIntExact(tableClusters * (image.clusterSize >> 3))];
    for (int i = 0; i < blocks; i++) {
      ByteBuffer block = ByteBuffer.allocate((int) image.clusterSize);
      for (int j = 0; j < 1 << newEntriesBits; j++) {
        long cluster = ((long) i << newEntriesBits) + j;
        long count = cluster >= start && cluster < end ? 1 : get(cluster);
        if (count > max) {
          throw new ImageException(
              Kind.INVALID_REQUEST,
              image.file.name(),
              "has a cluster with " + count + " references, too many for such narrow counts",
              "choose wider counts");
        }
        put(block, j, newOrder, count);
      }
      fresh[i] = start + tableClusters + i << clusterBits;
      image.put(fresh[i], block);
    }
    image.put(start << clusterBits, Qcow2Image.encode(fresh, 0, fresh.length));
    image.sync();
    final long[] oldTable = table;
    final long oldFirst = image.header.refcountTableOffset >> clusterBits;
    final int oldClusters = image.header.refcountTableClusters;
    image.header.refcountTableOffset = start << clusterBits;
    image.header.refcountTableClusters = (int) tableClusters;
    image.header.refcountOrder = newOrder;
    // One sector holds all three fields.
    ByteBuffer sector = ByteBuffer.allocate(Qcow2Header.V3_LENGTH);
    image.file.read(0, sector);
    sector.putLong(48, start << clusterBits).putInt(56, (int) tableClusters);
    sector.putInt(96, newOrder).clear();
    image.put(0, sector);
    image.sync();
    order = newOrder;
    entriesBits = newEntriesBits;
    sliceEntriesBits = Math.min(clusterBits, 14) + 3 - newOrder;
    reload();
    image.metadata.addRange(start, end - start);
    image.metadata.removeRange(oldFirst, oldClusters);
    for (int i = 0; i < oldClusters; i++) {
      decrement(oldFirst + i);
    }
    for (long block : oldTable) {
      long cluster = (block & OFFSET_MASK) >> clusterBits;
      if (cluster != 0) {
        image.metadata.removeRange(cluster, 1);
        decrement(cluster);
      }
    }
    image.writeBack();
    image.sync();
  }

  /** Releases one reference to each of a run of clusters once the tables are written. */
  void releaseLater(long offset, long clusters) {
    long first = offset >>> clusterBits;
    if (pendingLength > 0 && pending[pendingLength - 2] + pending[pendingLength - 1] == first) {
      pending[pendingLength - 1] += clusters;
      return;
    }
    if (pendingLength == pending.length) {
      pending = Arrays.copyOf(pending, pending.length * 2);
    }
    pending[pendingLength++] = first;
    pending[pendingLength++] = clusters;
  }

  boolean hasPending() {
    return pendingLength > 0;
  }

  /** Applies the releases. Only when no table in the file refers to the clusters any more. */
  void release() throws IOException {
    while (pendingLength > 0) {
      image.file.about(StorageEvent.CLUSTER_FREE);
      long first = pending[pendingLength - 2];
      long freed = 0;
      while (pending[pendingLength - 1] > 0) {
        // From the end, one by one: after an error the rest is still to be released, once.
        long cluster = first + pending[pendingLength - 1] - 1;
        pending[pendingLength - 1]--;
        decrement(cluster);
        if (get(cluster) == 0) {
          freed++;
        } else {
          punch(cluster + 1, freed);
          freed = 0;
        }
      }
      punch(first, freed);
      pendingLength -= 2;
    }
  }

  /** Gives clusters back to the host, before anyone can allocate them again. */
  private void punch(long first, long count) throws IOException {
    if (count > 0) {
      image.punched(first << clusterBits, count << clusterBits);
    }
  }

  boolean hasDirty() {
    return cache.hasDirty() || !dirtyTableSectors.isEmpty();
  }

  /** Writes what has changed: blocks, then the table that points to them. */
  void write() throws IOException {
    if (cache.hasDirty()) {
      cache.write();
      image.wrote();
    }
    if (!dirtyTableSectors.isEmpty()) {
      image.sync();
      for (int s = dirtyTableSectors.nextSetBit(0);
          s >= 0;
          s = dirtyTableSectors.nextSetBit(s + 1)) {
        image.file.about(StorageEvent.REFBLOCK_ALLOC_HOOKUP);
        image.put(
            image.header.refcountTableOffset + s * 512L,
            Qcow2Image.encode(table, s * 64, Math.min(64, table.length - s * 64)));
      }
      dirtyTableSectors.clear();
    }
  }
}
