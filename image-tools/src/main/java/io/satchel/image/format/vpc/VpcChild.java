package io.satchel.image.format.vpc;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import io.satchel.image.file.Storage;
import io.satchel.image.format.BlockTableDevice;
import io.satchel.image.format.OptionReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;

/**
 * A differencing VHD (specification, "Differencing Hard Disk Images"): blocks as in a dynamic one,
 * but only those sectors are its own that its bitmaps mark; the parent shows through the others.
 */
final class VpcChild extends BlockTableDevice implements VpcFormat.Identified {
  private static final int SECTOR = 512;
  private static final int AT_PARENT_ID = 40;
  private static final int AT_PARENT_TIME = 56;
  private static final int AT_PARENT_NAME = 64;
  private static final int PARENT_NAME = 512;
  private static final int AT_LOCATORS = 576;
  private static final int LOCATORS = 8;
  private static final int LOCATOR = 24;
  private static final int RELATIVE = 0x57327275;
  private static final int ABSOLUTE = 0x57326b75;
  private static final int MAX_NAME = 4096;

  /** What a name may take in a new image; a path of the host is at most 4,096 bytes of UTF-8. */
  static final int LOCATOR_SPACE = MAX_NAME;

  private static final int KEPT_BITMAPS = 256;

  /** A bitmap of a block's sectors, the first one in the highest bit. */
  private static final class Bitmap {
    final byte[] bits;
    boolean dirty;

    Bitmap(byte[] bits) {
      this.bits = bits;
    }
  }

  private final int[] map;
  private final long tableOffset;
  private final int sectorsPerBlock;
  private final int bitmapBytes;
  private final ByteBuffer footer;
  private final UUID parent;
  private final BackingReference reference;
  private final Map<Integer, Bitmap> bitmaps = new LinkedHashMap<>(16, 0.75f, true);
  private long end;
  private int firstDirty = Integer.MAX_VALUE;
  private int lastDirty = -1;

  VpcChild(
      Storage file,
      long size,
      int block,
      int[] map,
      long tableOffset,
      ByteBuffer header,
      ByteBuffer footer)
      throws IOException {
    super(file, size, SECTOR);
    this.map = map;
    this.tableOffset = tableOffset;
    this.footer = footer;
    sectorsPerBlock = block / SECTOR;
    bitmapBytes = Math.ceilDiv(Math.ceilDiv(sectorsPerBlock, 8), SECTOR) * SECTOR;
    parent = new UUID(header.getLong(AT_PARENT_ID), header.getLong(AT_PARENT_ID + 8));
    reference = new BackingReference(parentName(header), "vpc");
    long last = tableOffset + Math.ceilDiv(map.length * 4L, SECTOR) * SECTOR;
    for (int i = 0; i < LOCATORS; i++) {
      int at = AT_LOCATORS + i * LOCATOR;
      long offset = header.getLong(at + 16);
      if (header.getInt(at) != 0 && offset > 0 && offset < file.size()) {
        long space = Math.max(header.getInt(at + 4), header.getInt(at + 8)) & 0x7fffffffL;
        last = Math.max(last, offset + Math.min(space, file.size() - offset));
      }
    }
    for (int entry : map) {
      if (entry != -1) {
        last = Math.max(last, place(entry) + bitmapBytes + block);
      }
    }
    if (last - block > file.size()) {
      throw truncated(file, "data of its disk", last - block);
    }
    end = Math.ceilDiv(last, SECTOR) * SECTOR;
  }

  private static long place(int entry) {
    return (entry & 0xffffffffL) * SECTOR;
  }

  /** The parent's name: relative before absolute before the bare one in the header. */
  private String parentName(ByteBuffer header) throws IOException {
    String absolute = null;
    for (int i = 0; i < LOCATORS; i++) {
      int at = AT_LOCATORS + i * LOCATOR;
      int code = header.getInt(at);
      int length = header.getInt(at + 8);
      long offset = header.getLong(at + 16);
      if (code != RELATIVE && code != ABSOLUTE) {
        continue;
      }
      if (length <= 0 || length > MAX_NAME || offset < 0 || offset > file.size() - length) {
        throw corrupt("has the name of its parent at an impossible place", 512 + at);
      }
      ByteBuffer name = ByteBuffer.allocate(length);
      file.read(offset, name);
      String text = new String(name.array(), StandardCharsets.UTF_16LE).replace("\0", "");
      if (code == RELATIVE) {
        return text.replace('\\', '/');
      }
      absolute = text;
    }
    byte[] bare = new byte[PARENT_NAME];
    header.get(AT_PARENT_NAME, bare);
    String name = new String(bare, StandardCharsets.UTF_16BE);
    name = name.contains("\0") ? name.substring(0, name.indexOf(0)) : name;
    name = name.isEmpty() && absolute != null ? absolute : name;
    if (name.isEmpty()) {
      throw corrupt("does not say what its parent is", 512 + AT_PARENT_NAME);
    }
    // A path of another computer: the parent can only lie beside it here.
    return name.substring(Math.max(name.lastIndexOf('\\'), name.lastIndexOf('/')) + 1);
  }

  /**
   * Says in the header of a new image what it lies over.
   *
   * @param header the dynamic disk header, which begins at byte 512
   * @param at where in the file the two names go, a sector each
   * @param relative from the image's own folder
   * @param seconds when the parent was last changed, after the year 2000
   * @return the two sectors with the names
   */
  static ByteBuffer locate(
      ByteBuffer header, UUID parent, int seconds, long at, Path relative, Path absolute)
      throws ImageException {
    header.putLong(AT_PARENT_ID, parent.getMostSignificantBits());
    header.putLong(AT_PARENT_ID + 8, parent.getLeastSignificantBits());
    header.putInt(AT_PARENT_TIME, seconds);
    String leaf = String.valueOf(absolute.getFileName());
    byte[] bare = leaf.getBytes(StandardCharsets.UTF_16BE);
    header.put(AT_PARENT_NAME, Arrays.copyOf(bare, Math.min(bare.length, PARENT_NAME - 2)));
    ByteBuffer sectors = ByteBuffer.allocate(LOCATOR_SPACE * 2);
    String from = relative.toString().replace('/', '\\');
    String[] names = {from.startsWith(".") ? from : ".\\" + from, absolute.toString()};
    for (int i = 0; i < names.length; i++) {
      byte[] name = names[i].getBytes(StandardCharsets.UTF_16LE);
      if (name.length > LOCATOR_SPACE) {
        throw OptionReader.impossible(absolute.toString(), "has too long a name for a parent");
      }
      int entry = AT_LOCATORS + i * LOCATOR;
      header.putInt(entry, i == 0 ? RELATIVE : ABSOLUTE);
      // Virtual PC counts the space in bytes, and so does everybody since.
      header.putInt(entry + 4, LOCATOR_SPACE).putInt(entry + 8, name.length);
      header.putLong(entry + 16, at + i * LOCATOR_SPACE);
      sectors.put(i * LOCATOR_SPACE, name);
    }
    return sectors;
  }

  @Override
  public BackingReference backing() {
    return reference;
  }

  @Override
  public void attachBacking(BlockDevice backing) throws IOException {
    super.attachBacking(backing);
    if (backing instanceof VpcFormat.Identified known && !known.id().equals(parent)) {
      throw corrupt("was made over another disk than the one that is there", 512 + AT_PARENT_ID);
    }
  }

  @Override
  public UUID id() {
    return VpcFormat.id(footer);
  }

  @Override
  public int clusterSize() {
    return sectorsPerBlock * SECTOR;
  }

  private Bitmap bitmap(int block) throws IOException {
    Bitmap known = bitmaps.get(block);
    if (known != null) {
      return known;
    }
    Bitmap read = new Bitmap(new byte[bitmapBytes]);
    file.read(place(map[block]), ByteBuffer.wrap(read.bits));
    keep(block, read);
    return read;
  }

  private void keep(int block, Bitmap bitmap) {
    if (bitmaps.size() >= KEPT_BITMAPS) {
      var oldest = bitmaps.entrySet().iterator();
      while (oldest.hasNext()) {
        if (!oldest.next().getValue().dirty) {
          oldest.remove();
          break;
        }
      }
    }
    bitmaps.put(block, bitmap);
  }

  @Override
  protected long locate(long sector) throws IOException {
    int block = (int) (sector / sectorsPerBlock);
    int in = (int) (sector % sectorsPerBlock);
    if (map[block] == -1 || (bitmap(block).bits[in / 8] & 0x80 >> in % 8) == 0) {
      return ABSENT;
    }
    return place(map[block]) + bitmapBytes + in * (long) SECTOR;
  }

  @Override
  protected long allocate(long sector) throws IOException {
    int block = (int) (sector / sectorsPerBlock);
    if (map[block] == -1) {
      long start = end;
      end += bitmapBytes + (long) sectorsPerBlock * SECTOR;
      file.writeZeroes(start, bitmapBytes, false);
      // The footer that stood there must not be taken for data.
      file.setSize(Math.max(file.size(), end));
      file.writeZeroes(start + bitmapBytes, SECTOR, false);
      map[block] = (int) (start / SECTOR);
      keep(block, new Bitmap(new byte[bitmapBytes]));
      firstDirty = Math.min(firstDirty, block);
      lastDirty = Math.max(lastDirty, block);
    }
    return place(map[block]) + bitmapBytes + sector % sectorsPerBlock * SECTOR;
  }

  @Override
  protected void publish(long sector, long place) throws IOException {
    Bitmap bitmap = bitmap((int) (sector / sectorsPerBlock));
    int in = (int) (sector % sectorsPerBlock);
    bitmap.bits[in / 8] |= (byte) (0x80 >> in % 8);
    bitmap.dirty = true;
  }

  @Override
  protected void writeTables() throws IOException {
    for (Map.Entry<Integer, Bitmap> each : bitmaps.entrySet()) {
      if (each.getValue().dirty) {
        file.write(place(map[each.getKey()]), ByteBuffer.wrap(each.getValue().bits));
        each.getValue().dirty = false;
      }
    }
    if (lastDirty < 0) {
      return;
    }
    file.write(end, footer.duplicate());
    ByteBuffer b = ByteBuffer.allocate((lastDirty - firstDirty + 1) * 4);
    b.asIntBuffer().put(Arrays.copyOfRange(map, firstDirty, lastDirty + 1));
    file.write(tableOffset + firstDirty * 4L, b);
    firstDirty = Integer.MAX_VALUE;
    lastDirty = -1;
  }
}
