package io.satchel.image.format.vdi;

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
import java.util.UUID;

/**
 * VirtualBox's VDI, version 1.1 (VirtualBox, VDICore.h): a header, a table of block numbers, blocks
 * of 1 MiB.
 */
public final class VdiFormat implements ImageFormat {
  private static final int SIGNATURE = 0xbeda107f;
  private static final int VERSION_1_1 = 0x00010001;
  private static final int HEADER = 512;
  private static final int AT_SIGNATURE = 0x40;
  private static final int AT_VERSION = 0x44;
  private static final int AT_HEADER_SIZE = 0x48;
  private static final int AT_TYPE = 0x4c;
  private static final int AT_TABLE = 0x154;
  private static final int AT_DATA = 0x158;
  private static final int AT_SECTOR_SIZE = 0x168;
  private static final int AT_DISK_SIZE = 0x170;
  private static final int AT_BLOCK_SIZE = 0x178;
  private static final int AT_BLOCKS = 0x180;
  private static final int AT_ALLOCATED = 0x184;
  private static final int AT_UUID = 0x188;
  private static final int AT_UUID_LINK = 0x1a8;
  private static final int AT_UUID_PARENT = 0x1b8;
  private static final int DYNAMIC = 1;
  private static final int FIXED = 2;
  private static final int BLOCK = 1 << 20;
  private static final int UNALLOCATED = 0xffffffff;
  private static final int DISCARDED = 0xfffffffe;
  private static final int MAX_BLOCKS = 0x3fffffff / 4;

  @Override
  public String name() {
    return "vdi";
  }

  @Override
  public boolean probe(ByteBuffer head) {
    return head.limit() >= HEADER && Integer.reverseBytes(head.getInt(AT_SIGNATURE)) == SIGNATURE;
  }

  @Override
  public LayeredDevice open(Storage file, Purpose purpose) throws IOException {
    if (file.size() < HEADER) {
      throw BlockTableDevice.truncated(file, "the header", file.size());
    }
    ByteBuffer h = ByteBuffer.allocate(HEADER).order(ByteOrder.LITTLE_ENDIAN);
    file.read(0, h);
    if (h.getInt(AT_SIGNATURE) != SIGNATURE) {
      throw BlockTableDevice.corrupt(file, "is not a VDI image", AT_SIGNATURE);
    }
    if (h.getInt(AT_VERSION) != VERSION_1_1) {
      throw BlockTableDevice.unsupported(
          file, "is a VDI image of version " + Integer.toHexString(h.getInt(AT_VERSION)));
    }
    int type = h.getInt(AT_TYPE);
    boolean linked =
        h.getLong(AT_UUID_LINK) != 0
            || h.getLong(AT_UUID_LINK + 8) != 0
            || h.getLong(AT_UUID_PARENT) != 0
            || h.getLong(AT_UUID_PARENT + 8) != 0;
    if (type != DYNAMIC && type != FIXED || linked) {
      throw BlockTableDevice.unsupported(file, "is a VDI image that belongs to another one");
    }
    long size = h.getLong(AT_DISK_SIZE);
    int blocks = h.getInt(AT_BLOCKS);
    long table = h.getInt(AT_TABLE) & 0xffffffffL;
    long data = h.getInt(AT_DATA) & 0xffffffffL;
    if (h.getInt(AT_BLOCK_SIZE) != BLOCK || h.getInt(AT_SECTOR_SIZE) != 512) {
      throw BlockTableDevice.unsupported(file, "is a VDI image with unusual blocks");
    }
    if (size < 0
        || blocks < 0
        || blocks > MAX_BLOCKS
        || size > (long) blocks * BLOCK
        || table < HEADER
        || table % 512 != 0
        || data % 512 != 0
        || data < table + blocks * 4L) {
      throw BlockTableDevice.corrupt(file, "has a header that contradicts itself", AT_BLOCKS);
    }
    if (table + blocks * 4L > file.size()) {
      throw BlockTableDevice.truncated(file, "the block table", table);
    }
    int[] map = BlockTableDevice.readInts(file, table, blocks, ByteOrder.LITTLE_ENDIAN);
    return new Device(file, size, type == FIXED, map, table, data, h.getInt(AT_ALLOCATED));
  }

  @Override
  public Map<String, String> options() {
    return Map.of("static", "VDI static (pre-allocated) image");
  }

  @Override
  public void create(Storage file, long size, Map<String, String> options) throws IOException {
    OptionReader reader = new OptionReader(file.name(), options);
    final boolean fixed = reader.flag("static", false);
    reader.end();
    long disk = Math.ceilDiv(size, 512) * 512;
    long blocks = Math.ceilDiv(disk, BLOCK);
    if (blocks > MAX_BLOCKS) {
      throw OptionReader.impossible(file.name(), "cannot hold so large a disk as VDI");
    }
    ByteBuffer h = ByteBuffer.allocate(HEADER).order(ByteOrder.LITTLE_ENDIAN);
    h.put("<<< Satchel Virtual Disk Image >>>\n".getBytes(StandardCharsets.US_ASCII));
    int tableBytes = (int) Math.ceilDiv(blocks * 4, 512) * 512;
    h.putInt(AT_SIGNATURE, SIGNATURE).putInt(AT_VERSION, VERSION_1_1).putInt(AT_HEADER_SIZE, 0x180);
    h.putInt(AT_TYPE, fixed ? FIXED : DYNAMIC);
    h.putInt(AT_TABLE, HEADER).putInt(AT_DATA, HEADER + tableBytes);
    h.putInt(AT_SECTOR_SIZE, 512).putLong(AT_DISK_SIZE, disk).putInt(AT_BLOCK_SIZE, BLOCK);
    h.putInt(AT_BLOCKS, (int) blocks).putInt(AT_ALLOCATED, fixed ? (int) blocks : 0);
    UUID id = UUID.randomUUID();
    h.putLong(AT_UUID, id.getMostSignificantBits());
    h.putLong(AT_UUID + 8, id.getLeastSignificantBits());
    UUID last = UUID.randomUUID();
    h.putLong(AT_UUID + 16, last.getMostSignificantBits());
    h.putLong(AT_UUID + 24, last.getLeastSignificantBits());
    file.write(0, h.clear());
    ByteBuffer table = ByteBuffer.allocate(tableBytes).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < blocks; i++) {
      table.putInt(fixed ? i : UNALLOCATED);
    }
    file.write(HEADER, table.clear());
    if (fixed) {
      file.setSize(HEADER + tableBytes + blocks * BLOCK);
    }
  }

  /** An open image. */
  private static final class Device extends BlockTableDevice {
    private final boolean fixed;
    private final int[] map;
    private final long tableOffset;
    private final long dataOffset;
    private int allocated;
    private int firstDirty = Integer.MAX_VALUE;
    private int lastDirty = -1;

    Device(
        Storage file,
        long size,
        boolean fixed,
        int[] map,
        long tableOffset,
        long dataOffset,
        int allocated)
        throws IOException {
      super(file, size, BLOCK);
      this.fixed = fixed;
      this.map = map;
      this.tableOffset = tableOffset;
      this.dataOffset = dataOffset;
      int highest = -1;
      for (int i = 0; i < map.length; i++) {
        if (map[i] != UNALLOCATED && map[i] != DISCARDED) {
          if (map[i] < 0) {
            throw corrupt("has a block at an impossible place", tableOffset + i * 4L);
          }
          highest = Math.max(highest, map[i]);
        }
      }
      if (highest >= 0 && dataOffset + (long) highest * BLOCK >= file.size()) {
        throw truncated(file, "data of its disk", dataOffset + (long) highest * BLOCK);
      }
      this.allocated = Math.max(allocated, highest + 1);
    }

    @Override
    protected long locate(long block) {
      int entry = map[(int) block];
      return entry == UNALLOCATED
          ? ABSENT
          : entry == DISCARDED ? ZERO : dataOffset + (long) entry * BLOCK;
    }

    @Override
    protected long allocate(long block) {
      return dataOffset + (long) allocated++ * BLOCK;
    }

    @Override
    protected void publish(long block, long place) {
      map[(int) block] = place == ZERO ? DISCARDED : (int) ((place - dataOffset) / BLOCK);
      firstDirty = Math.min(firstDirty, (int) block);
      lastDirty = Math.max(lastDirty, (int) block);
    }

    @Override
    protected boolean fileTellsHoles() {
      return fixed;
    }

    @Override
    protected boolean hasZeroBlocks() {
      return true;
    }

    @Override
    protected void writeTables() throws IOException {
      int from = firstDirty / 128 * 128;
      int to = Math.min(map.length, (lastDirty / 128 + 1) * 128);
      ByteBuffer b = ByteBuffer.allocate((to - from) * 4).order(ByteOrder.LITTLE_ENDIAN);
      b.asIntBuffer().put(map, from, to - from);
      file.write(tableOffset + from * 4L, b);
      ByteBuffer count = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
      file.write(AT_ALLOCATED, count.putInt(0, allocated));
      firstDirty = Integer.MAX_VALUE;
      lastDirty = -1;
    }
  }
}
