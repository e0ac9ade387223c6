package io.satchel.image.format.parallels;

import io.satchel.image.file.Storage;
import io.satchel.image.format.BlockTableDevice;
import io.satchel.image.format.ImageFormat;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.OptionReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * Parallels' expandable disk (QEMU, docs/interop/parallels.txt): a header of 64 bytes, a table of
 * 32-bit places, and blocks.
 */
public final class ParallelsFormat implements ImageFormat {
  private static final String MAGIC = "WithoutFreeSpace";
  private static final String MAGIC_EXT = "WithouFreSpacExt";
  private static final int HEADER = 64;
  private static final int AT_TRACKS = 28;
  private static final int AT_ENTRIES = 32;
  private static final int AT_SECTORS = 36;
  private static final int AT_IN_USE = 44;
  private static final int AT_DATA = 48;
  private static final int IN_USE = 0x746F6E59;
  private static final int MAX_ENTRIES = 1 << 28;

  @Override
  public String name() {
    return "parallels";
  }

  @Override
  public boolean probe(ByteBuffer head) {
    String magic = magic(head);
    return magic.equals(MAGIC) || magic.equals(MAGIC_EXT);
  }

  private static String magic(ByteBuffer head) {
    byte[] magic = new byte[Math.min(16, head.limit())];
    head.get(0, magic);
    return new String(magic, StandardCharsets.ISO_8859_1);
  }

  @Override
  public LayeredDevice open(Storage file, Purpose purpose) throws IOException {
    if (file.size() < HEADER) {
      throw BlockTableDevice.truncated(file, "the header", file.size());
    }
    ByteBuffer h = ByteBuffer.allocate(HEADER).order(ByteOrder.LITTLE_ENDIAN);
    file.read(0, h);
    h.flip();
    if (!probe(h) || h.getInt(16) != 2) {
      throw BlockTableDevice.unsupported(file, "is not a Parallels image of version 2");
    }
    boolean ext = magic(h).equals(MAGIC_EXT);
    long tracks = h.getInt(AT_TRACKS) & 0xffffffffL;
    int entries = h.getInt(AT_ENTRIES);
    long sectors = ext ? h.getLong(AT_SECTORS) : h.getInt(AT_SECTORS) & 0xffffffffL;
    if (tracks == 0 || Long.bitCount(tracks) != 1 || tracks > 1 << 19) {
      throw BlockTableDevice.unsupported(
          file, "has blocks of " + tracks + " sectors, which is no power of two");
    }
    if (entries < 0 || entries > MAX_ENTRIES || sectors < 0 || sectors > entries * tracks) {
      throw BlockTableDevice.corrupt(file, "has a table that is too small", AT_ENTRIES);
    }
    if (HEADER + entries * 4L > file.size()) {
      throw BlockTableDevice.truncated(file, "the block table", HEADER);
    }
    int[] map = BlockTableDevice.readInts(file, HEADER, entries, ByteOrder.LITTLE_ENDIAN);
    long data = (h.getInt(AT_DATA) & 0xffffffffL) * 512;
    boolean inUse = h.getInt(AT_IN_USE) == IN_USE;
    return new Device(file, sectors * 512, (int) tracks * 512, map, ext ? tracks : 1, data, inUse);
  }

  @Override
  public Map<String, String> options() {
    return Map.of("cluster_size", "Parallels image cluster size");
  }

  @Override
  public void create(Storage file, long size, Map<String, String> options) throws IOException {
    OptionReader reader = new OptionReader(file.name(), options);
    long cluster = reader.size("cluster_size", 1 << 20);
    reader.end();
    if (Long.bitCount(cluster) != 1 || cluster < 512 || cluster > 128 << 20) {
      throw OptionReader.impossible(file.name(), "cannot have clusters that are no power of two");
    }
    long sectors = Math.ceilDiv(size, 512);
    long entries = Math.ceilDiv(size, cluster);
    if (entries > MAX_ENTRIES) {
      throw OptionReader.impossible(file.name(), "cannot hold so large a disk with these clusters");
    }
    long data = Math.ceilDiv(HEADER + entries * 4, cluster) * cluster;
    ByteBuffer h = ByteBuffer.allocate(HEADER).order(ByteOrder.LITTLE_ENDIAN);
    h.put(MAGIC_EXT.getBytes(StandardCharsets.US_ASCII)).putInt(2).putInt(16);
    h.putInt((int) Math.min(sectors / 16 / 32, 0xffff));
    h.putInt((int) (cluster / 512)).putInt((int) entries).putLong(sectors).putInt(0);
    h.putInt((int) (data / 512));
    file.setSize(data);
    file.write(0, h.clear());
  }

  /** An open image. */
  private static final class Device extends BlockTableDevice {
    private final int[] map;
    private final long multiplier;
    private boolean inUse;
    private final long dataStart;
    private long end;
    private int firstDirty = Integer.MAX_VALUE;
    private int lastDirty = -1;

    Device(Storage file, long size, int block, int[] map, long multiplier, long data, boolean inUse)
        throws IOException {
      super(file, size, block);
      this.inUse = inUse;
      this.map = map;
      this.multiplier = multiplier;
      long last = Math.max(data, HEADER + map.length * 4L);
      last = Math.ceilDiv(last, multiplier * 512) * multiplier * 512;
      dataStart = last;
      for (int entry : map) {
        if (entry != 0) {
          last = Math.max(last, (entry & 0xffffffffL) * multiplier * 512 + block);
        }
      }
      if (last - block > file.size()) {
        throw truncated(file, "data of its disk", last - block);
      }
      end = last;
    }

    @Override
    protected long locate(long block) {
      int entry = map[(int) block];
      return entry == 0 ? ABSENT : (entry & 0xffffffffL) * multiplier * 512;
    }

    @Override
    protected long allocate(long block) {
      long place = end;
      end += blockSize;
      return place;
    }

    @Override
    protected void publish(long block, long place) {
      map[(int) block] = (int) (place / 512 / multiplier);
      firstDirty = Math.min(firstDirty, (int) block);
      lastDirty = Math.max(lastDirty, (int) block);
    }

    @Override
    public boolean dirty() {
      return inUse;
    }

    @Override
    public boolean repairable() {
      return true;
    }

    @Override
    protected boolean trimsLeaks() {
      return true;
    }

    @Override
    protected void clearDirty() {
      inUse = false;
    }

    @Override
    protected boolean holesEndRuns() {
      return true;
    }

    @Override
    protected boolean checkCounts() {
      return true;
    }

    @Override
    protected long checkedEnd(long highest) {
      return Math.max(dataStart, highest);
    }

    @Override
    protected long leakedBlocks(int inUse, long highest) throws IOException {
      return Math.ceilDiv(file.size() - checkedEnd(highest), blockSize);
    }

    private void mark(int value) throws IOException {
      ByteBuffer b = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
      file.write(AT_IN_USE, b.putInt(0, value));
    }

    @Override
    protected void beforeFirstWrite() throws IOException {
      mark(IN_USE);
    }

    @Override
    protected void afterLastWrite() throws IOException {
      mark(0);
    }

    @Override
    protected void writeTables() throws IOException {
      ByteBuffer b =
          ByteBuffer.allocate((lastDirty - firstDirty + 1) * 4).order(ByteOrder.LITTLE_ENDIAN);
      b.asIntBuffer().put(map, firstDirty, lastDirty - firstDirty + 1);
      file.write(HEADER + firstDirty * 4L, b);
      firstDirty = Integer.MAX_VALUE;
      lastDirty = -1;
    }
  }
}
