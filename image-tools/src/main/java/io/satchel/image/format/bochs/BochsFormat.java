package io.satchel.image.format.bochs;

import io.satchel.image.file.FixedText;
import io.satchel.image.file.Storage;
import io.satchel.image.format.BlockTableDevice;
import io.satchel.image.format.ImageFormat;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.ReadOnlyBlocks;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * A growing disk of Bochs (its development guide, "Harddisk Images - Redologs"), versions 1 and 2:
 * a catalog of extents, each with a bitmap of the sectors that it holds.
 */
public final class BochsFormat implements ImageFormat {
  private static final String MAGIC = "Bochs Virtual HD Image";
  private static final int HEADER = 512;
  private static final int AT_TYPE = 32;
  private static final int AT_SUBTYPE = 48;
  private static final int AT_VERSION = 64;
  private static final int AT_HEADER = 68;
  private static final int AT_CATALOG = 72;
  private static final int AT_BITMAP = 76;
  private static final int AT_EXTENT = 80;
  private static final int AT_DISK_1 = 84;
  private static final int AT_DISK_2 = 88;
  private static final int VERSION_1 = 0x00010000;
  private static final int VERSION_2 = 0x00020000;
  private static final int MAX_CATALOG = 1 << 20;
  private static final int MAX_EXTENT = 0x800000;
  private static final int SECTOR = 512;

  @Override
  public String name() {
    return "bochs";
  }

  @Override
  public boolean creatable() {
    return false;
  }

  private static String text(ByteBuffer b, int at, int length) {
    return FixedText.get(b, at, length, StandardCharsets.ISO_8859_1);
  }

  @Override
  public boolean probe(ByteBuffer head) {
    if (head.limit() < HEADER || !text(head, 0, 32).equals(MAGIC)) {
      return false;
    }
    int version = Integer.reverseBytes(head.getInt(AT_VERSION));
    return text(head, AT_TYPE, 16).equals("Redolog")
        && text(head, AT_SUBTYPE, 16).equals("Growing")
        && (version == VERSION_1 || version == VERSION_2);
  }

  @Override
  public LayeredDevice open(Storage file, Purpose purpose) throws IOException {
    if (file.size() < HEADER) {
      throw BlockTableDevice.truncated(file, "the header", file.size());
    }
    ByteBuffer h = ByteBuffer.allocate(HEADER);
    file.read(0, h);
    if (!probe(h.clear())) {
      throw BlockTableDevice.unsupported(file, "is not a growing disk of Bochs");
    }
    h.order(ByteOrder.LITTLE_ENDIAN);
    long disk = h.getLong(h.getInt(AT_VERSION) == VERSION_1 ? AT_DISK_1 : AT_DISK_2);
    int catalog = h.getInt(AT_CATALOG);
    long catalogAt = h.getInt(AT_HEADER) & 0xffffffffL;
    long bitmap = h.getInt(AT_BITMAP) & 0xffffffffL;
    long extent = h.getInt(AT_EXTENT) & 0xffffffffL;
    if (extent < SECTOR || extent > MAX_EXTENT || Long.bitCount(extent) != 1) {
      throw BlockTableDevice.corrupt(file, "has extents of an impossible size", AT_EXTENT);
    }
    if (bitmap * 8 < extent / SECTOR || bitmap > MAX_EXTENT) {
      throw BlockTableDevice.corrupt(file, "has bitmaps of an impossible size", AT_BITMAP);
    }
    if (disk < 0
        || disk > 1L << 50
        || catalog < 0
        || catalog > MAX_CATALOG
        || catalog < Math.ceilDiv(disk, extent)) {
      throw BlockTableDevice.corrupt(file, "has a catalog that is too small", AT_CATALOG);
    }
    if (catalogAt + catalog * 4L > file.size()) {
      throw BlockTableDevice.truncated(file, "the catalog", catalogAt);
    }
    int[] table = BlockTableDevice.readInts(file, catalogAt, catalog, ByteOrder.LITTLE_ENDIAN);
    return new Device(
        file, disk / SECTOR * SECTOR, table, catalogAt + catalog * 4L, bitmap, extent);
  }

  /** A sector is a block. */
  private static final class Device extends ReadOnlyBlocks {
    private final int[] catalog;
    private final long data;
    private final long bitmapBytes;
    private final long extentBytes;
    private final byte[] bitmap;
    private int bitmapExtent = -1;

    Device(Storage file, long size, int[] catalog, long data, long bitmap, long extent) {
      super(file, size, SECTOR);
      this.catalog = catalog;
      this.data = data;
      bitmapBytes = Math.ceilDiv(bitmap, SECTOR) * SECTOR;
      extentBytes = extent;
      this.bitmap = new byte[(int) bitmapBytes];
    }

    @Override
    protected long locate(long block) throws IOException {
      int extent = (int) (block * SECTOR / extentBytes);
      int sector = (int) (block * SECTOR % extentBytes) / SECTOR;
      if (catalog[extent] == -1) {
        return ABSENT;
      }
      long at = data + (catalog[extent] & 0xffffffffL) * (bitmapBytes + extentBytes);
      if (bitmapExtent != extent) {
        if (at >= file.size()) {
          throw truncated(file, "data of its disk", at);
        }
        bitmapExtent = -1;
        file.read(at, ByteBuffer.wrap(bitmap));
        bitmapExtent = extent;
      }
      boolean there = (bitmap[sector / 8] >> sector % 8 & 1) != 0;
      return there ? at + bitmapBytes + (long) sector * SECTOR : ABSENT;
    }
  }
}
