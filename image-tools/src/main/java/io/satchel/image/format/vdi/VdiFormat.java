package io.satchel.image.format.vdi;

import io.satchel.image.file.Guid;
import io.satchel.image.file.HostFile;
import io.satchel.image.file.Storage;
import io.satchel.image.format.BlockTableDevice;
import io.satchel.image.format.ImageFormat;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.OptionReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * VirtualBox's VDI, version 1.1 (VirtualBox, VDICore.h): a header, a table of block numbers, blocks
 * of 1 MiB. A differencing image names its parent by UUID.
 */
public final class VdiFormat implements ImageFormat {
  private static final int SIGNATURE = 0xbeda107f;
  private static final int VERSION_1_1 = 0x00010001;
  private static final int HEADER = 512;
  private static final int AT_SIGNATURE = 0x40;
  private static final int AT_VERSION = 0x44;
  private static final int AT_HEADER_SIZE = 0x48;
  static final int AT_TYPE = 0x4c;
  static final int AT_TABLE = 0x154;
  static final int AT_DATA = 0x158;
  private static final int AT_SECTOR_SIZE = 0x168;
  static final int AT_DISK_SIZE = 0x170;
  private static final int AT_BLOCK_SIZE = 0x178;
  private static final int AT_BLOCKS = 0x180;
  static final int AT_ALLOCATED = 0x184;
  private static final int AT_UUID = 0x188;
  static final int AT_UUID_MODIFIED = 0x198;
  static final int AT_UUID_PARENT = 0x1a8;
  static final int AT_UUID_PARENT_MODIFIED = 0x1b8;
  private static final int DYNAMIC = 1;
  static final int FIXED = 2;
  static final int BLOCK = 1 << 20;
  static final int UNALLOCATED = 0xffffffff;
  private static final int DIFFERENCING = 4;

  /** So many files of a folder are looked at for a parent. */
  private static final int MAX_NEIGHBOURS = 10_000;

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
        h.getLong(AT_UUID_PARENT) != 0
            || h.getLong(AT_UUID_PARENT + 8) != 0
            || h.getLong(AT_UUID_PARENT_MODIFIED) != 0
            || h.getLong(AT_UUID_PARENT_MODIFIED + 8) != 0;
    if (type != DYNAMIC && type != FIXED && type != DIFFERENCING) {
      throw BlockTableDevice.unsupported(file, "is a VDI image of the unknown type " + type);
    }
    if (linked != (type == DIFFERENCING)) {
      throw BlockTableDevice.corrupt(file, "contradicts itself about having a parent", AT_TYPE);
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
    return new VdiDevice(file, h, map, linked ? parent(file, Guid.get(h, AT_UUID_PARENT)) : null);
  }

  /**
   * The VDI of that UUID beside the file, for a VDI does not say how its parent's file is called.
   */
  private static LayeredDevice.BackingReference parent(Storage file, UUID id) throws IOException {
    Path self = file.path();
    Path folder = self == null ? null : self.toAbsolutePath().getParent();
    if (folder != null) {
      Path found = find(folder, id);
      Path above = folder.getParent();
      if (found == null && above != null && folder.endsWith("Snapshots")) {
        // VirtualBox keeps the children of a machine's disk in this folder.
        found = find(above, id);
      }
      if (found != null) {
        return new LayeredDevice.BackingReference(folder.relativize(found).toString(), "vdi");
      }
    }
    // As VirtualBox names all of its differencing images.
    return new LayeredDevice.BackingReference("{" + id + "}.vdi", "vdi");
  }

  private static @Nullable Path find(Path folder, UUID id) throws IOException {
    int seen = 0;
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.{vdi,VDI}")) {
      for (Path each : files) {
        if (Files.isRegularFile(each) && id.equals(id(each))) {
          return each;
        }
        if (++seen >= MAX_NEIGHBOURS) {
          return null;
        }
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    return null;
  }

  /** The UUID of a VDI; null when the file is none or cannot be read. */
  private static @Nullable UUID id(Path path) {
    try (HostFile file = HostFile.open(path, false, HostFile.Locking.NO)) {
      ByteBuffer h = ByteBuffer.allocate(HEADER).order(ByteOrder.LITTLE_ENDIAN);
      file.read(0, h);
      return h.getInt(AT_SIGNATURE) == SIGNATURE ? Guid.get(h, AT_UUID) : null;
    } catch (IOException e) {
      return null;
    }
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
}
