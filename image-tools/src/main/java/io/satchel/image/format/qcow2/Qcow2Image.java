package io.satchel.image.format.qcow2;

import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import io.satchel.image.crypt.EncryptedStorage;
import io.satchel.image.crypt.SectorCipher;
import io.satchel.image.file.Storage;
import io.satchel.image.file.StorageEvent;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The tables of a qcow2 image: from a place on the disk to a place in the file, and the order in
 * which changes reach the file.
 *
 * <p>The order (rule 1 of the format's users): data and growing reference counts, then L2 entries,
 * then L1 entries, then shrinking reference counts, with a flush between dependent steps. So at any
 * moment the tables in the file describe a whole disk, and the worst that a crash leaves is a
 * leaked cluster.
 *
 * <p>Not thread-safe by itself: {@link Qcow2Device} holds the locks.
 */
final class Qcow2Image {
  static final long COPIED = 1L << 63;
  static final long COMPRESSED = 1L << 62;
  static final long ZERO = 1;
  static final long OFFSET_MASK = 0x00ff_ffff_ffff_fe00L;
  private static final long L1_RESERVED = 0x7f00_0000_0000_01ffL;
  private static final long L2_RESERVED = 0x3f00_0000_0000_01feL;
  private static final long L2_CACHE_BYTES = 16L << 20;

  final Storage file;

  /** Where guest data lies: {@link #file}, or the external data file. */
  Storage data;

  /** What guest data is read and written through: {@link #data}, or its plain text. */
  private Storage content;

  /** Null when the image is not encrypted. */
  final @Nullable Qcow2Encryption encryption;

  final Qcow2Header header;
  final int clusterBits;
  final long clusterSize;
  final int subclusterBits;
  final int l2EntryBits;
  final int l2Bits;
  final TableCache l2;
  final ClusterSet metadata = new ClusterSet();
  private final Places places;
  final Refcounts refcounts;
  List<Snapshot> snapshots;
  long[] l1;
  private final int sliceEntriesBits;
  private final BitSet dirtyL1Sectors = new BitSet();
  private final boolean unsafe;
  private long fileEnd;
  private volatile boolean unsynced;
  private boolean writingBack;
  private volatile long releases;

  /**
   * Reads the tables.
   *
   * @param unsafe never wait for the medium; for files that a crash may destroy
   */
  Qcow2Image(Storage file, Qcow2Header header, @Nullable Qcow2Encryption encryption, boolean unsafe)
      throws IOException {
    this.file = file;
    this.data = file;
    this.content = file;
    this.encryption = encryption;
    this.header = header;
    this.unsafe = unsafe;
    clusterBits = header.clusterBits;
    clusterSize = header.clusterSize();
    subclusterBits = header.extendedL2() ? clusterBits - 5 : clusterBits;
    l2EntryBits = header.extendedL2() ? 4 : 3;
    l2Bits = clusterBits - l2EntryBits;
    int sliceBits = Math.min(clusterBits, 14);
    sliceEntriesBits = sliceBits - l2EntryBits;
    fileEnd = file.size();
    useData(file);
    places = new Places(Math.ceilDiv(header.size, clusterSize));
    l2 =
        new TableCache(
            file,
            sliceBits,
            L2_CACHE_BYTES,
            this::writeBack,
            StorageEvent.L2_LOAD,
            StorageEvent.L2_UPDATE);
    refcounts = new Refcounts(this);
    l1 = readTable(header.l1Offset, header.l1Size, "the L1 table");
    snapshots = Snapshot.readAll(this);
    collectMetadata();
  }

  /** The clusters that hold tables: nothing else may be written there. */
  private void collectMetadata() throws IOException {
    metadata.add(0);
    addMetadata(header.refcountTableOffset, (long) header.refcountTableClusters << clusterBits);
    for (long block : refcounts.table()) {
      addMetadata(block & OFFSET_MASK, (block & OFFSET_MASK) == 0 ? 0 : clusterSize);
    }
    addMetadata(header.l1Offset, header.l1Size * 8L);
    for (long entry : l1) {
      addMetadata(entry & OFFSET_MASK, (entry & OFFSET_MASK) == 0 ? 0 : clusterSize);
    }
    if (encryption != null) {
      addMetadata(encryption.headerOffset(), encryption.headerBytes());
    }
    if (header.snapshotCount > 0) {
      addMetadata(header.snapshotsOffset, Snapshot.encode(snapshots).remaining());
    }
    for (Snapshot snapshot : snapshots) {
      addMetadata(snapshot.l1Offset(), snapshot.l1Size() * 8L);
    }
  }

  void addMetadata(long offset, long length) {
    if (length > 0) {
      metadata.addRange(offset >> clusterBits, Math.ceilDiv(length, clusterSize));
    }
  }

  void removeMetadata(long offset, long length) {
    metadata.removeRange(offset >> clusterBits, Math.ceilDiv(length, clusterSize));
  }

  // --- The file ---

  /** Says where guest data lies. */
  void useData(Storage storage) {
    data = storage;
    SectorCipher cipher = encryption == null ? null : encryption.byHostOffset();
    content = cipher == null ? storage : new EncryptedStorage(storage, cipher, 0);
  }

  /** Reads guest data at its place in the file. */
  void readContent(long host, long guest, ByteBuffer target) throws IOException {
    data.about(StorageEvent.READ_AIO);
    if (encryption == null || encryption.byHostOffset() != null) {
      content.read(host, target);
    } else {
      encryption.readByGuestOffset(data, host, guest, target);
    }
  }

  /** Writes guest data. */
  void writeContent(long host, ByteBuffer source) throws IOException {
    writeContent(StorageEvent.WRITE_AIO, host, source);
  }

  /** Writes the next {@code length} bytes of guest data. */
  void writeContent(long host, ByteBuffer source, int length) throws IOException {
    int limit = source.limit();
    source.limit(source.position() + length);
    writeContent(host, source);
    source.limit(limit);
  }

  /** Writes guest data for the sake of something else than a request. */
  void writeContent(StorageEvent event, long host, ByteBuffer source) throws IOException {
    data.about(event);
    content.write(host, source);
    unsynced = true;
  }

  ImageException corrupt(String problem, long offset) {
    return new ImageException(
        Kind.CORRUPT,
        file.name(),
        problem,
        "try to repair a copy of it with `satchel img check -r all`",
        offset,
        null);
  }

  ImageException truncated(String what, long offset) {
    return new ImageException(
        Kind.TRUNCATED,
        file.name(),
        "is cut short: " + what + " lies past its end",
        "download or copy it again",
        offset,
        null);
  }

  /** Refuses what the image cannot be made to do. */
  ImageException impossible(String problem) {
    return new ImageException(
        Kind.INVALID_REQUEST, file.name(), problem, "convert it to a new image instead");
  }

  /** Reads a table of 64-bit entries whose size has been checked. */
  long[] readTable(long offset, int entries, String what) throws IOException {
    if (entries == 0) {
      return new long[0];
    }
    if (offset >= file.size()) {
      throw truncated(what, offset);
    }
    ByteBuffer bytes = ByteBuffer.allocate(entries * 8);
    file.read(offset, bytes);
    long[] table = new long[entries];
    bytes.flip().asLongBuffer().get(table);
    return table;
  }

  static ByteBuffer encode(long[] table, int from, int count) {
    ByteBuffer bytes = ByteBuffer.allocate(count * 8);
    bytes.asLongBuffer().put(table, from, count);
    return bytes;
  }

  /** Writes a piece of the image file itself, not of an external data file. */
  void put(long offset, ByteBuffer bytes) throws IOException {
    long end = offset + bytes.remaining();
    file.write(offset, bytes);
    fileEnd = Math.max(fileEnd, end);
    unsynced = true;
  }

  /**
   * Writes a table to clusters that it gets now. After an error these are free again, for nothing
   * refers to them.
   */
  long putNew(StorageEvent event, ByteBuffer content) throws IOException {
    long clusters = Math.ceilDiv(content.remaining(), clusterSize);
    long offset = refcounts.allocateAdjacent(clusters);
    boolean done = false;
    try {
      dropTables(offset, clusters << clusterBits);
      file.about(event);
      put(offset, content);
      done = true;
      return offset;
    } finally {
      for (long i = 0; !done && i < clusters; i++) {
        refcounts.decrement((offset >> clusterBits) + i);
      }
    }
  }

  /** Says that data has been written to the file. */
  void wrote() {
    unsynced = true;
  }

  /** Data was written up to {@code end} of the image file. */
  void wroteUpTo(long end) {
    fileEnd = Math.max(fileEnd, end);
    unsynced = true;
  }

  /** The image file's length: what lies past it reads as zeros and needs no zeroing. */
  long fileEnd() {
    return fileEnd;
  }

  /** Waits until everything written is on the medium. */
  void sync() throws IOException {
    if (unsynced) {
      if (!unsafe) {
        if (data != file) {
          data.flush();
        }
        file.flush();
      }
      unsynced = false;
    }
  }

  /** Gives freed clusters back to the host, where it can. */
  void punched(long offset, long length) throws IOException {
    long inside = Math.min(length, file.size() - offset);
    if (inside > 0) {
      file.punchHole(offset, inside);
    }
  }

  /** Writes all changed tables, in the order that keeps the file whole. */
  void writeBack() throws IOException {
    if (writingBack) {
      // Releasing clusters needs room in the cache. Counts may be written at any time here.
      refcounts.write();
      return;
    }
    writingBack = true;
    try {
      refcounts.write();
      if (l2.hasDirty()) {
        sync();
        l2.write();
        unsynced = true;
      }
      if (!dirtyL1Sectors.isEmpty()) {
        sync();
        writeDirtyL1();
      }
      if (refcounts.hasPending()) {
        sync();
        releases = releases + 1;
        refcounts.release();
      }
    } finally {
      writingBack = false;
    }
  }

  private void writeDirtyL1() throws IOException {
    for (int s = dirtyL1Sectors.nextSetBit(0); s >= 0; s = dirtyL1Sectors.nextSetBit(s + 1)) {
      file.about(StorageEvent.L1_UPDATE);
      put(header.l1Offset + s * 512L, encode(l1, s * 64, Math.min(64, l1.length - s * 64)));
    }
    dirtyL1Sectors.clear();
  }

  /** How often clusters have been freed: what is remembered of them is worth nothing then. */
  long releases() {
    return releases;
  }

  /** Says that a cluster has been freed at once, outside of a write-back. */
  void freed() {
    releases = releases + 1;
  }

  /** Sets the file's length to what is in use. */
  void trimFile() throws IOException {
    long end = refcounts.lastInUse() + 1 << clusterBits;
    if (end < file.size()) {
      file.setSize(end);
      fileEnd = end;
      unsynced = true;
    }
  }

  /** True when tables have changed that are not in the file yet. */
  boolean hasDirty() {
    return l2.hasDirty()
        || !dirtyL1Sectors.isEmpty()
        || refcounts.hasDirty()
        || refcounts.hasPending();
  }

  // --- L1 and L2 ---

  int l1Index(long guest) {
    return (int) (guest >>> clusterBits + l2Bits);
  }

  int l2Index(long guest) {
    return (int) (guest >>> clusterBits) & ((1 << l2Bits) - 1);
  }

  void setL1(int index, long entry) {
    l1[index] = entry;
    dirtyL1Sectors.set(index >> 6);
  }

  /** Replaces the active L1 table after it has been written elsewhere. */
  void replaceL1(long[] table) {
    l1 = table;
    dirtyL1Sectors.clear();
  }

  /** Where the L2 table of an L1 entry begins; 0 when there is none. */
  long l2Table(int l1Index) throws IOException {
    return l2Table(l1, l1Index);
  }

  private long l2Table(long[] table, int l1Index) throws IOException {
    if (l1Index >= table.length) {
      return 0;
    }
    long where = table == l1 ? header.l1Offset + l1Index * 8L : -1;
    return checkedL2Table(table[l1Index], where);
  }

  long checkedL2Table(long l1Entry, long where) throws IOException {
    long offset = l1Entry & OFFSET_MASK;
    if (offset == 0) {
      return 0;
    }
    if ((offset & (clusterSize - 1)) != 0 || (l1Entry & L1_RESERVED) != 0) {
      throw corrupt("has an impossible L1 entry", where);
    }
    if (offset >= fileEnd) {
      throw truncated("an L2 table", offset);
    }
    return offset;
  }

  long sliceKey(long table, int l2Index) {
    return table + ((long) (l2Index >>> sliceEntriesBits) << sliceEntriesBits + l2EntryBits);
  }

  /** The place of an entry within its slice, in bytes. */
  int inSlice(int l2Index) {
    return (l2Index & ((1 << sliceEntriesBits) - 1)) << l2EntryBits;
  }

  /** How many entries follow in the same slice, this one included. */
  int leftInSlice(int l2Index) {
    int entries = 1 << sliceEntriesBits;
    return entries - (l2Index & (entries - 1));
  }

  /** Looks up what lies at {@code guest}: a run of at most {@code length} bytes of one kind. */
  void lookup(long guest, long length, Mapping out) throws IOException {
    lookup(l1, guest, length, out);
  }

  /** As {@link #lookup(long, long, Mapping)}, by another L1 table than the disk's. */
  void lookup(long[] table, long guest, long length, Mapping out) throws IOException {
    int index = l2Index(guest);
    long inCluster = guest & (clusterSize - 1);
    long reach = ((long) leftInSlice(index) << clusterBits) - inCluster;
    long limit = Math.min(length, reach);
    long l2Table = l2Table(table, l1Index(guest));
    if (l2Table == 0) {
      out.type = Mapping.Type.UNALLOCATED;
      out.placed = false;
      out.entry = 0;
      long rest = (1L << clusterBits + l2Bits) - (guest & ((1L << clusterBits + l2Bits) - 1));
      out.length = Math.min(length, rest);
      return;
    }
    long key = sliceKey(l2Table, index);
    ByteBuffer slice = l2.get(key);
    int at = inSlice(index);
    if (header.extendedL2()) {
      lookupExtended(slice, at, key, inCluster, limit, out);
      return;
    }
    long first = slice.getLong(at);
    classify(first, key + at, out);
    if (out.type == Mapping.Type.COMPRESSED) {
      out.length = Math.min(limit, clusterSize - inCluster);
      return;
    }
    long expected = out.host + clusterSize;
    out.host += inCluster;
    long run = clusterSize - inCluster;
    while (run < limit) {
      at += 8;
      long entry = slice.getLong(at);
      if (out.type == Mapping.Type.NORMAL) {
        // The same flags, at the next place.
        if (entry != (expected | first & ~OFFSET_MASK)) {
          break;
        }
        expected += clusterSize;
      } else if (entry != first || out.type == Mapping.Type.ZERO_ALLOCATED) {
        break;
      }
      run += clusterSize;
    }
    out.length = Math.min(limit, run);
  }

  private void classify(long entry, long where, Mapping out) throws IOException {
    out.entry = entry;
    out.placed = false;
    if ((entry & COMPRESSED) != 0) {
      if (data != file) {
        throw corrupt("has a compressed cluster beside an external data file", where);
      }
      out.type = Mapping.Type.COMPRESSED;
      return;
    }
    long offset = entry & OFFSET_MASK;
    boolean zero = (entry & ZERO) != 0 && header.version >= 3 && !header.extendedL2();
    out.host = offset;
    out.copied = (entry & COPIED) != 0;
    if (offset == 0 && data == file) {
      out.type = zero ? Mapping.Type.ZERO : Mapping.Type.UNALLOCATED;
      if ((entry & L2_RESERVED) != 0) {
        throw corrupt("has an impossible L2 entry", where);
      }
      return;
    }
    if (data != file) {
      // Guest and host offset are the same there, so only COPIED tells that the cluster exists.
      if (offset == 0 && (entry & COPIED) == 0) {
        out.type = zero ? Mapping.Type.ZERO : Mapping.Type.UNALLOCATED;
        return;
      }
    }
    checkDataOffset(entry, offset, where);
    out.placed = true;
    out.type = zero ? Mapping.Type.ZERO_ALLOCATED : Mapping.Type.NORMAL;
  }

  private void checkDataOffset(long entry, long offset, long where) throws IOException {
    if ((offset & (clusterSize - 1)) != 0
        || (entry & (header.extendedL2() ? L2_RESERVED | ZERO : L2_RESERVED)) != 0
        || data == file && metadata.contains(offset >> clusterBits)) {
      throw corrupt("has an L2 entry that points to an impossible place", where);
    }
  }

  private void lookupExtended(
      ByteBuffer slice, int at, long key, long inCluster, long limit, Mapping out)
      throws IOException {
    long entry = slice.getLong(at);
    long bitmap = slice.getLong(at + 8);
    classify(entry, key + at, out);
    if (out.type == Mapping.Type.COMPRESSED) {
      if (bitmap != 0) {
        throw corrupt("has a compressed cluster with subclusters", key + at);
      }
      out.length = Math.min(limit, clusterSize - inCluster);
      return;
    }
    boolean present = out.type == Mapping.Type.NORMAL;
    checkBitmap(bitmap, present, key + at);
    int sub = (int) (inCluster >>> subclusterBits);
    out.type = subcluster(bitmap, sub, present);
    long expected = out.host + clusterSize;
    out.host += inCluster;
    long run = (1L << subclusterBits) - (inCluster & ((1L << subclusterBits) - 1));
    while (run < limit) {
      if (++sub == 32) {
        sub = 0;
        at += 16;
        long next = slice.getLong(at);
        long nextBitmap = slice.getLong(at + 8);
        if ((next & COMPRESSED) != 0 || (next & ~OFFSET_MASK) != (entry & ~OFFSET_MASK)) {
          break;
        }
        long offset = next & OFFSET_MASK;
        if (present ? offset != expected : offset != 0) {
          break;
        }
        checkBitmap(nextBitmap, present, key + at);
        expected += clusterSize;
        bitmap = nextBitmap;
      }
      if (subcluster(bitmap, sub, present) != out.type) {
        break;
      }
      run += 1L << subclusterBits;
    }
    out.length = Math.min(limit, run);
  }

  private void checkBitmap(long bitmap, boolean present, long where) throws IOException {
    int allocated = (int) bitmap;
    int zero = (int) (bitmap >>> 32);
    if ((allocated & zero) != 0 || !present && allocated != 0) {
      throw corrupt("has a subcluster that is both stored and zero", where);
    }
  }

  private static Mapping.Type subcluster(long bitmap, int sub, boolean present) {
    if ((bitmap >>> 32 + sub & 1) != 0) {
      return present ? Mapping.Type.ZERO_ALLOCATED : Mapping.Type.ZERO;
    }
    return (bitmap >>> sub & 1) != 0 ? Mapping.Type.NORMAL : Mapping.Type.UNALLOCATED;
  }

  /** The host clusters that the L2 entry of a compressed cluster touches, and its bytes. */
  long compressedOffset(long entry) {
    return entry & (1L << 62 - (clusterBits - 8)) - 1;
  }

  int compressedLength(long entry) {
    int shift = 62 - (clusterBits - 8);
    int sectors = (int) (entry >>> shift & (1L << clusterBits - 8) - 1) + 1;
    return sectors * 512 - (int) (compressedOffset(entry) & 511);
  }

  /** Drops the references that an L2 entry holds, once the change is in the file. */
  void releaseEntry(long entry) {
    if ((entry & COMPRESSED) != 0) {
      long first = compressedOffset(entry) >>> clusterBits;
      long last = compressedOffset(entry) + compressedLength(entry) - 1 >>> clusterBits;
      refcounts.releaseLater(first << clusterBits, last - first + 1);
    } else if ((entry & OFFSET_MASK) != 0 && data == file) {
      refcounts.releaseLater(entry & OFFSET_MASK, 1);
    }
  }

  /**
   * The L2 table for {@code guest}, ready to be changed: made when there is none, copied when a
   * snapshot shares it.
   */
  long writableL2Table(int l1Index) throws IOException {
    long old = l2Table(l1Index);
    if (old != 0 && (l1[l1Index] & COPIED) != 0) {
      return old;
    }
    ByteBuffer content = ByteBuffer.allocate((int) clusterSize);
    if (old != 0) {
      file.about(StorageEvent.L2_ALLOC_COW_READ);
      // By the cache: what was changed since the last write-back is not in the file yet.
      for (long key = old; content.hasRemaining(); key += l2.sliceSize()) {
        content.put(l2.get(key).duplicate().clear());
      }
      content.clear();
    }
    long table = putNew(StorageEvent.L2_ALLOC_WRITE, content);
    metadata.add(table >> clusterBits);
    setL1(l1Index, table | COPIED);
    if (old != 0) {
      // It stays a snapshot's until that is deleted, and is then free like any cluster.
      metadata.removeRange(old >> clusterBits, 1);
      refcounts.releaseLater(old, 1);
    }
    return table;
  }

  /** Changes one L2 entry of a table from {@link #writableL2Table}. */
  void setL2(long table, int index, long entry, long bitmap) throws IOException {
    long key = sliceKey(table, index);
    ByteBuffer slice = l2.get(key);
    int at = inSlice(index);
    places.forget(table, index);
    slice.putLong(at, entry);
    if (header.extendedL2()) {
      slice.putLong(at + 8, bitmap);
    }
    l2.markDirty(key);
  }

  /** Forgets the tables in clusters that are free, or get another content. */
  void dropTables(long offset, long length) {
    l2.drop(offset, length);
    places.clear();
  }

  // --- Known places ---

  /**
   * Where a byte of the disk lies in the file, by what has been looked up before; 0 when that is
   * not known. Who holds no lock must ask afterwards whether anything has changed.
   */
  long knownPlace(long guest) {
    long[] table = l1;
    int l1Index = l1Index(guest);
    long offset = l1Index < table.length ? table[l1Index] & OFFSET_MASK : 0;
    if (offset == 0) {
      return 0;
    }
    long host = places.host(offset, l2Index(guest));
    return host == 0 ? 0 : host + (guest & clusterSize - 1);
  }

  /**
   * Remembers where the clusters around {@code guest} lie. The caller has looked it up, and still
   * holds what it needs for that.
   */
  void learnPlaces(long guest) throws IOException {
    if (encryption != null || data != file || header.extendedL2()) {
      return;
    }
    long table = l2Table(l1Index(guest));
    int index = l2Index(guest);
    if (table == 0 || places.knows(table, index)) {
      return;
    }
    int first = index >>> Places.GROUP_BITS << Places.GROUP_BITS;
    ByteBuffer slice = l2.get(sliceKey(table, first));
    int at = inSlice(first);
    long[] hosts = new long[1 << Places.GROUP_BITS];
    for (int i = 0; i < hosts.length; i++) {
      long entry = slice.getLong(at + (i << l2EntryBits));
      long offset = entry & OFFSET_MASK;
      boolean plain =
          (entry & ~(OFFSET_MASK | COPIED)) == 0
              && (offset & clusterSize - 1) == 0
              && !metadata.contains(offset >> clusterBits);
      hosts[i] = plain ? offset : 0;
    }
    places.learn(table, index, hosts);
  }

  long l2Entry(long table, int index) throws IOException {
    return l2.get(sliceKey(table, index)).getLong(inSlice(index));
  }

  long l2Bitmap(long table, int index) throws IOException {
    return header.extendedL2() ? l2.get(sliceKey(table, index)).getLong(inSlice(index) + 8) : 0;
  }
}
