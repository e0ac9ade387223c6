package io.satchel.image.format.vmdk;

import io.satchel.image.file.Storage;
import io.satchel.image.format.BlockTableDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.BitSet;
import java.util.concurrent.atomic.AtomicLong;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;
import org.jspecify.annotations.Nullable;

/**
 * A sparse extent (VMware Virtual Disk Format 1.1, "Hosted Sparse Extents" and "Stream-Optimized
 * Compressed Sparse Extents"): a grain directory of grain tables, twice, and the grains.
 */
final class SparseExtent extends BlockTableDevice {
  static final int MAGIC = 0x564d444b;
  static final int HEADER = 512;
  static final int AT_FLAGS = 8;
  static final int AT_CAPACITY = 12;
  static final int AT_GRAIN = 20;
  static final int AT_DESCRIPTOR = 28;
  static final int AT_DESCRIPTOR_SIZE = 36;
  static final int AT_TABLE_ENTRIES = 44;
  static final int AT_SPARE_DIRECTORY = 48;
  static final int AT_DIRECTORY = 56;
  static final int AT_OVERHEAD = 64;
  static final int AT_COMPRESSION = 77;
  static final int FLAG_SPARE = 2;
  static final int FLAG_ZERO_GRAINS = 4;
  static final int FLAG_COMPRESSED = 1 << 16;
  private static final int DEFLATE = 1;
  private static final int SECTOR = 512;
  private static final long MAX_DIRECTORY = 1 << 20;
  private static final int MAX_PACKED = 2;

  private final int tableEntries;
  private final int[] directory;
  private final int @Nullable [] spare;
  private final int[] @Nullable [] tables;
  private final BitSet dirtyTables = new BitSet();
  private final boolean zeroGrains;
  private final boolean packed;
  private final boolean streamed;
  final int descriptorSector;
  final int descriptorSectors;
  private final AtomicLong end = new AtomicLong();
  private long unpackedBlock = -1;
  private byte[] unpacked = new byte[0];
  private volatile long pendingBlock = -1;
  private byte[] pending = new byte[0];
  private long lastPacked = -1;
  private long lastPackedAt;

  private SparseExtent(
      Storage file, ByteBuffer h, long size, int grain, int directorySize, boolean streamed)
      throws IOException {
    super(file, size, grain);
    this.streamed = streamed;
    tableEntries = h.getInt(AT_TABLE_ENTRIES);
    int flags = h.getInt(AT_FLAGS);
    zeroGrains = (flags & FLAG_ZERO_GRAINS) != 0;
    packed = (flags & FLAG_COMPRESSED) != 0;
    descriptorSector = (int) h.getLong(AT_DESCRIPTOR);
    descriptorSectors = (int) h.getLong(AT_DESCRIPTOR_SIZE);
    directory = readDirectory(h.getLong(AT_DIRECTORY), directorySize);
    boolean twice = (flags & FLAG_SPARE) != 0 && h.getLong(AT_SPARE_DIRECTORY) > 0;
    spare = twice && !packed ? readDirectory(h.getLong(AT_SPARE_DIRECTORY), directorySize) : null;
    tables = new int[directorySize][];
    long unit = packed ? SECTOR : grain;
    end.set(Math.ceilDiv(file.size(), unit) * unit);
  }

  private int[] readDirectory(long sector, int entries) throws IOException {
    if (sector <= 0 || sector > file.size() / SECTOR) {
      throw truncated(file, "the grain directory", sector * SECTOR);
    }
    return readInts(file, sector * SECTOR, entries, ByteOrder.LITTLE_ENDIAN);
  }

  static boolean probe(ByteBuffer head) {
    return head.limit() >= 4 && Integer.reverseBytes(head.getInt(0)) == MAGIC;
  }

  /** Reads the header; a stream-optimized file has its directory's place at the end. */
  static SparseExtent open(Storage file) throws IOException {
    if (file.size() < HEADER) {
      throw truncated(file, "the header", file.size());
    }
    ByteBuffer h = ByteBuffer.allocate(HEADER).order(ByteOrder.LITTLE_ENDIAN);
    file.read(0, h);
    h.clear();
    boolean streamed = h.getLong(AT_DIRECTORY) == -1;
    if (streamed) {
      long footer = file.size() - 2 * SECTOR;
      file.read(Math.max(0, footer), h);
      h.clear();
      if (footer < 0 || h.getInt(0) != MAGIC) {
        throw truncated(file, "the footer", file.size());
      }
    }
    int version = h.getInt(4);
    if (version < 1 || version > 3) {
      throw unsupported(file, "is a VMDK of version " + version);
    }
    long capacity = h.getLong(AT_CAPACITY);
    long grain = h.getLong(AT_GRAIN);
    int entries = h.getInt(AT_TABLE_ENTRIES);
    if (grain < 1 || grain > 0x200000 / SECTOR * 64 || Long.bitCount(grain) != 1) {
      throw corrupt(file, "has grains of an impossible size", AT_GRAIN);
    }
    if (entries < 1 || entries > 512) {
      throw corrupt(file, "has grain tables of an impossible size", AT_TABLE_ENTRIES);
    }
    if (capacity < 0 || capacity > 1L << 46) {
      throw corrupt(file, "has an impossible disk size", AT_CAPACITY);
    }
    long directory = Math.ceilDiv(capacity, grain * entries);
    if (directory > MAX_DIRECTORY || directory * 4 > file.size()) {
      throw corrupt(file, "has a grain directory of an impossible size", AT_CAPACITY);
    }
    long text = h.getLong(AT_DESCRIPTOR);
    long textSize = h.getLong(AT_DESCRIPTOR_SIZE);
    if (text < 0 || textSize < 0 || textSize > Descriptor.MAX_BYTES / SECTOR || text > 1 << 20) {
      throw corrupt(file, "has an impossible descriptor", AT_DESCRIPTOR);
    }
    boolean packed = (h.getInt(AT_FLAGS) & FLAG_COMPRESSED) != 0;
    if (packed && h.getShort(AT_COMPRESSION) != DEFLATE) {
      throw unsupported(file, "is compressed in an unknown way");
    }
    return new SparseExtent(
        file, h, capacity * SECTOR, (int) grain * SECTOR, (int) directory, streamed);
  }

  private int[] table(int index) throws IOException {
    int[] table = tables[index];
    if (table == null) {
      long sector = directory[index] & 0xffffffffL;
      if (sector == 0) {
        table = new int[tableEntries];
      } else {
        if (sector * SECTOR >= file.size()) {
          throw truncated(file, "a grain table", sector * SECTOR);
        }
        table = readInts(file, sector * SECTOR, tableEntries, ByteOrder.LITTLE_ENDIAN);
      }
      tables[index] = table;
    }
    return table;
  }

  @Override
  public boolean readOnly() {
    // A stream whose tables are at its end was written from front to back, once.
    return streamed || super.readOnly();
  }

  /** True when its grains are packed. */
  boolean packed() {
    return packed;
  }

  @Override
  protected boolean packsBlocks() {
    return packed;
  }

  /** Keeps the grain until another one is written: grains are filled in several writes. */
  @Override
  protected synchronized void writePacked(long block, byte[] bytes) throws IOException {
    if (pendingBlock != block) {
      writePending();
    }
    pendingBlock = block;
    pending = bytes;
  }

  private void writePending() throws IOException {
    if (pendingBlock < 0) {
      return;
    }
    Deflater deflater = new Deflater();
    byte[] room = new byte[12 + blockSize + blockSize / 8 + SECTOR];
    deflater.setInput(pending);
    deflater.finish();
    int length = deflater.deflate(room, 12, room.length - 12);
    deflater.end();
    ByteBuffer.wrap(room)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(pendingBlock * (blockSize / SECTOR))
        .putInt(length);
    int bytes = Math.ceilDiv(12 + length, SECTOR) * SECTOR;
    boolean last = pendingBlock == lastPacked;
    long at = last ? lastPackedAt : end.get();
    file.write(at, ByteBuffer.wrap(room, 0, bytes));
    end.set(Math.max(at + bytes, last ? 0 : end.get()));
    publish(pendingBlock, at);
    lastPacked = pendingBlock;
    lastPackedAt = at;
    unpackedBlock = -1;
    pendingBlock = -1;
  }

  @Override
  protected long locate(long block) throws IOException {
    if (packed && block == pendingBlock) {
      return PACKED;
    }
    int entry = table((int) (block / tableEntries))[(int) (block % tableEntries)];
    if (entry == 0) {
      return ABSENT;
    }
    if (entry == 1 && zeroGrains) {
      return ZERO;
    }
    return packed ? PACKED : (entry & 0xffffffffL) * SECTOR;
  }

  @Override
  protected synchronized byte[] readPacked(long block) throws IOException {
    if (block == pendingBlock) {
      return pending;
    }
    if (block == unpackedBlock) {
      return unpacked;
    }
    int entry = table((int) (block / tableEntries))[(int) (block % tableEntries)];
    long at = (entry & 0xffffffffL) * SECTOR;
    // A marker with the place and the packed length, then zlib data.
    ByteBuffer marker = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN);
    file.read(at, marker);
    int length = marker.getInt(8);
    if (length <= 0 || length > MAX_PACKED * blockSize || at + 12 + length > file.size()) {
      throw corrupt("has a compressed grain of an impossible length", at);
    }
    byte[] bytes = new byte[length];
    file.read(at + 12, ByteBuffer.wrap(bytes));
    byte[] plain = new byte[blockSize];
    Inflater inflater = new Inflater();
    try {
      inflater.setInput(bytes);
      int done = 0;
      while (done < blockSize && !inflater.finished()) {
        int n = inflater.inflate(plain, done, blockSize - done);
        if (n == 0 && !inflater.finished()) {
          throw corrupt("has a compressed grain that cannot be unpacked", at);
        }
        done += n;
      }
    } catch (DataFormatException e) {
      throw corrupt("has a compressed grain that cannot be unpacked", at);
    } finally {
      inflater.end();
    }
    unpacked = plain;
    unpackedBlock = block;
    return plain;
  }

  @Override
  protected long allocate(long block) {
    return end.getAndAdd(blockSize);
  }

  @Override
  protected void publish(long block, long place) throws IOException {
    int index = (int) (block / tableEntries);
    table(index)[(int) (block % tableEntries)] = place == ZERO ? 1 : (int) (place / SECTOR);
    dirtyTables.set(index);
  }

  @Override
  protected boolean hasZeroBlocks() {
    return zeroGrains;
  }

  @Override
  protected void writeTables() throws IOException {
    writePending();
    for (int i = dirtyTables.nextSetBit(0); i >= 0; i = dirtyTables.nextSetBit(i + 1)) {
      if (directory[i] == 0) {
        throw unsupported(file, "lacks a grain table, so it cannot be written here");
      }
      ByteBuffer b = ByteBuffer.allocate(tableEntries * 4).order(ByteOrder.LITTLE_ENDIAN);
      b.asIntBuffer().put(table(i));
      if (spare != null && spare[i] != 0) {
        file.write((spare[i] & 0xffffffffL) * SECTOR, b.duplicate());
      }
      file.write((directory[i] & 0xffffffffL) * SECTOR, b);
    }
    dirtyTables.clear();
  }
}
