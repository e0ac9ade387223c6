package io.satchel.image.format.vhdx;

import io.satchel.image.file.Guid;
import io.satchel.image.file.Storage;
import io.satchel.image.format.BlockTableDevice;
import io.satchel.image.format.ImageFormat;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.OptionReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import java.util.zip.CRC32C;

/**
 * Microsoft's VHDX (MS-VHDX): two headers, two region tables, a log, metadata, and a block
 * allocation table in which entries for sector bitmaps are interleaved.
 */
public final class VhdxFormat implements ImageFormat {
  private static final long SIGNATURE = 0x656c696678646876L;
  static final int HEADER_SIGNATURE = 0x64616568;
  static final long[] HEADERS = {64 << 10, 128 << 10};
  static final int HEADER = 4096;
  private static final long[] REGIONS = {192 << 10, 256 << 10};
  private static final int REGION_TABLE = 64 << 10;
  private static final int REGION_SIGNATURE = 0x69676572;
  private static final long METADATA_SIGNATURE = 0x617461646174656dL;
  private static final UUID BAT = UUID.fromString("2DC27766-F623-4200-9D64-115E9BFD4A08");
  private static final UUID METADATA = UUID.fromString("8B7CA206-4790-4B9A-B8FE-575F050F886E");
  private static final UUID PARAMETERS = UUID.fromString("CAA16737-FA36-4D43-B3B6-33F0AA44E76B");
  private static final UUID DISK_SIZE = UUID.fromString("2FA54224-CD1B-4876-B211-5DBED83BF4B8");
  private static final UUID PAGE_83 = UUID.fromString("BECA12AB-B2E6-4523-93EF-C309E000C746");
  private static final UUID LOGICAL = UUID.fromString("8141BF1D-A96F-4709-BA47-F233A8FAAB5F");
  private static final UUID PHYSICAL = UUID.fromString("CDA348C7-445D-4471-9CC9-E9885251C556");
  private static final UUID PARENT_LOCATOR =
      UUID.fromString("A8D35F2D-B30B-454D-ABF7-D3D84834AB0C");
  private static final int MIB = 1 << 20;
  private static final long MAX_SIZE = 64L << 40;

  @Override
  public String name() {
    return "vhdx";
  }

  @Override
  public boolean probe(ByteBuffer head) {
    return head.limit() >= 8 && Long.reverseBytes(head.getLong(0)) == SIGNATURE;
  }

  static int checksum(byte[] bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, 0, 4);
    crc.update(new byte[4]);
    crc.update(bytes, 8, bytes.length - 8);
    return (int) crc.getValue();
  }

  static ByteBuffer little(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }

  @Override
  public LayeredDevice open(Storage raw, Purpose purpose) throws IOException {
    if (raw.size() < REGIONS[1] + REGION_TABLE) {
      throw BlockTableDevice.truncated(raw, "the region table", REGIONS[1]);
    }
    VhdxHeaders headers = VhdxHeaders.read(raw);
    Storage file = VhdxLog.replay(raw, headers);
    long[] bat = null;
    long[] metadata = null;
    ByteBuffer regions = regions(file);
    int count = regions.getInt(8);
    for (int i = 0; i < count; i++) {
      int at = 16 + i * 32;
      UUID id = Guid.get(regions, at);
      long[] place = {regions.getLong(at + 16), regions.getInt(at + 24) & 0xffffffffL};
      if (place[0] < MIB || place[0] > file.size() || place[0] % MIB != 0) {
        throw BlockTableDevice.corrupt(file, "has a region at an impossible place", place[0]);
      }
      if (id.equals(BAT)) {
        bat = place;
      } else if (id.equals(METADATA)) {
        metadata = place;
      } else if ((regions.getInt(at + 28) & 1) != 0) {
        throw BlockTableDevice.unsupported(file, "needs a region that this program does not know");
      }
    }
    if (bat == null || metadata == null) {
      throw BlockTableDevice.corrupt(file, "lacks its block table or its metadata", REGIONS[0]);
    }
    return device(file, headers, bat, metadata);
  }

  private static ByteBuffer regions(Storage file) throws IOException {
    for (long at : REGIONS) {
      ByteBuffer b = little(REGION_TABLE);
      file.read(at, b);
      if (b.getInt(0) == REGION_SIGNATURE
          && b.getInt(4) == checksum(b.array())
          && b.getInt(8) >= 0
          && b.getInt(8) <= 2047) {
        return b;
      }
    }
    throw BlockTableDevice.corrupt(file, "has no valid region table", REGIONS[0]);
  }

  private static LayeredDevice device(
      Storage file, VhdxHeaders headers, long[] bat, long[] metadata) throws IOException {
    ByteBuffer table = little(64 << 10);
    file.read(metadata[0], table);
    int count = table.getShort(10) & 0xffff;
    if (table.getLong(0) != METADATA_SIGNATURE || count > 2047) {
      throw BlockTableDevice.corrupt(file, "has no metadata", metadata[0]);
    }
    Map<UUID, Long> items = new LinkedHashMap<>();
    for (int i = 0; i < count; i++) {
      int at = 32 + i * 32;
      long offset = table.getInt(at + 16) & 0xffffffffL;
      if (offset < 0 || offset > metadata[1]) {
        throw BlockTableDevice.corrupt(file, "has metadata at an impossible place", metadata[0]);
      }
      items.put(Guid.get(table, at), metadata[0] + offset);
    }
    long blockSize = number(file, items, PARAMETERS, 4);
    final long flags = number(file, items, PARAMETERS, 8) >>> 32;
    final long size = number(file, items, DISK_SIZE, 8);
    final long sector = number(file, items, LOGICAL, 4);
    if (blockSize < MIB || blockSize > 256 * MIB || Long.bitCount(blockSize) != 1) {
      throw BlockTableDevice.corrupt(file, "has blocks of an impossible size", metadata[0]);
    }
    if (sector != 512 && sector != 4096 || size < 0 || size > MAX_SIZE || size % sector != 0) {
      throw BlockTableDevice.corrupt(file, "has an impossible disk size", metadata[0]);
    }
    long ratio = (8L * MIB) * sector / blockSize;
    long blocks = Math.ceilDiv(size, blockSize);
    final boolean child = (flags & 2) != 0;
    long entries = blocks == 0 ? 0 : blocks + (blocks - 1) / ratio;
    if (child) {
      // Each chunk has its bitmap, the last one too.
      entries = Math.ceilDiv(blocks, ratio) * (ratio + 1);
    }
    if (entries * 8 > bat[1] || bat[0] + entries * 8 > file.size()) {
      throw BlockTableDevice.corrupt(file, "has a block table that is too small", bat[0]);
    }
    if (child) {
      Long locator = items.get(PARENT_LOCATOR);
      if (locator == null) {
        throw BlockTableDevice.corrupt(file, "does not say what its parent is", metadata[0]);
      }
      ByteBuffer b = little((int) entries * 8);
      file.read(bat[0], b);
      long[] places = new long[(int) entries];
      b.flip().asLongBuffer().get(places);
      return new VhdxChild(
          file, headers, size, (int) sector, blockSize, ratio, bat[0], places, locator);
    }
    return new VhdxDevice(file, headers, size, (int) blockSize, ratio, bat[0], (int) entries);
  }

  private static long number(Storage file, Map<UUID, Long> items, UUID item, int bytes)
      throws IOException {
    Long at = items.get(item);
    if (at == null) {
      throw BlockTableDevice.corrupt(file, "lacks a piece of its metadata", 0);
    }
    ByteBuffer b = little(8);
    file.read(at, b);
    return bytes == 4 ? b.getInt(0) & 0xffffffffL : b.getLong(0);
  }

  @Override
  public Map<String, String> options() {
    Map<String, String> all = new LinkedHashMap<>();
    all.put("block_size", "Block Size; min 1MB, max 256MB. 0 means auto-calculate");
    all.put("log_size", "Log size; min 1MB");
    all.put("subformat", "VHDX format type: dynamic (default) or fixed");
    all.put("block_state_zero", "Force use of payload blocks of type 'ZERO'");
    return all;
  }

  @Override
  public void create(Storage file, long size, Map<String, String> options) throws IOException {
    OptionReader reader = new OptionReader(file.name(), options);
    long block = reader.size("block_size", 0);
    final long log = reader.size("log_size", MIB);
    final String subformat = reader.text("subformat", "dynamic");
    reader.flag("block_state_zero", true);
    reader.end();
    long disk = Math.ceilDiv(size, 512) * 512;
    if (block == 0) {
      block =
          disk > 32L << 40
              ? 64 << 20
              : disk > 100L << 30 ? 32 << 20 : disk > 1L << 30 ? 16 << 20 : 8 << 20;
    }
    boolean fixed = subformat.equals("fixed");
    if (block < MIB
        || block > 256 * MIB
        || Long.bitCount(block) != 1
        || log < MIB
        || log > 256 * MIB
        || log % MIB != 0
        || disk > MAX_SIZE
        || !fixed && !subformat.equals("dynamic")) {
      throw OptionReader.impossible(file.name(), "cannot be made with these options");
    }
    final long ratio = (8L * MIB) * 512 / block;
    final long blocks = Math.ceilDiv(disk, block);
    final long entries = blocks == 0 ? 0 : blocks + (blocks - 1) / ratio;
    final long logAt = MIB;
    final long metadataAt = logAt + log;
    final long batAt = metadataAt + MIB;
    final long batBytes = Math.max(MIB, Math.ceilDiv(entries * 8, MIB) * MIB);
    final long dataAt = batAt + batBytes;
    ByteBuffer id = little(520);
    id.putLong(SIGNATURE).put("Satchel".getBytes(StandardCharsets.UTF_16LE));
    file.setSize(dataAt);
    file.write(0, id.clear());
    new VhdxHeaders(0, 0, UUID.randomUUID(), UUID.randomUUID(), new UUID(0, 0), (int) log, logAt)
        .writeBoth(file);
    ByteBuffer regions = little(REGION_TABLE);
    regions.putInt(0, REGION_SIGNATURE).putInt(8, 2);
    region(regions, 16, BAT, batAt, batBytes);
    region(regions, 48, METADATA, metadataAt, MIB);
    regions.putInt(4, checksum(regions.array()));
    for (long at : REGIONS) {
      file.write(at, regions.duplicate());
    }
    writeMetadata(file, metadataAt, block, disk, fixed);
    if (fixed) {
      ByteBuffer bat = little((int) entries * 8);
      for (int i = 0; i < blocks; i++) {
        bat.putLong((int) (i + i / ratio) * 8, dataAt + i * block | VhdxDevice.PRESENT);
      }
      file.write(batAt, bat);
      file.setSize(dataAt + blocks * block);
    }
  }

  private static void region(ByteBuffer b, int at, UUID id, long offset, long length) {
    Guid.put(b, at, id);
    b.putLong(at + 16, offset).putInt(at + 24, (int) length).putInt(at + 28, 1);
  }

  private static void writeMetadata(Storage file, long at, long block, long disk, boolean fixed)
      throws IOException {
    ByteBuffer b = little((64 << 10) + 64);
    b.putLong(0, METADATA_SIGNATURE).putShort(10, (short) 5);
    // Flags: 4 is required, 2 belongs to the virtual disk.
    Object[][] items = {
      {PARAMETERS, 8, 4}, {DISK_SIZE, 8, 6}, {PAGE_83, 16, 6}, {LOGICAL, 4, 6}, {PHYSICAL, 4, 6}
    };
    int offset = 64 << 10;
    for (int i = 0; i < items.length; i++) {
      Guid.put(b, 32 + i * 32, (UUID) items[i][0]);
      b.putInt(48 + i * 32, offset).putInt(52 + i * 32, (Integer) items[i][1]);
      b.putInt(56 + i * 32, (Integer) items[i][2]);
      offset += (Integer) items[i][1];
    }
    int data = 64 << 10;
    b.putInt(data, (int) block).putInt(data + 4, fixed ? 1 : 0).putLong(data + 8, disk);
    Guid.put(b, data + 16, UUID.randomUUID());
    b.putInt(data + 32, 512).putInt(data + 36, 512);
    file.write(at, b.clear());
  }
}
