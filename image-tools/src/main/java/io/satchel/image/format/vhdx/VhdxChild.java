package io.satchel.image.format.vhdx;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.file.Guid;
import io.satchel.image.file.Storage;
import io.satchel.image.format.BlockTableDevice;
import io.satchel.image.format.Linked;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A differencing VHDX (MS-VHDX 2.5.1 and 2.6.2.6): blocks are its own, the parent's, or mixed,
 * which a bitmap of sectors tells. As in {@link VhdxDevice} no log is written: bitmaps and the
 * entries that say where these are reach the medium before the entries of their blocks.
 */
final class VhdxChild extends BlockTableDevice implements Linked {
  private static final UUID LOCATOR_TYPE = UUID.fromString("B04AEFB7-D19E-4A81-B789-25B8E9445913");
  private static final String LINKAGE = "parent_linkage";
  private static final int MAX_LOCATOR = 64 << 10;
  private static final int ABSENT_STATE = 0;
  private static final int PARTLY = 7;
  private static final int MIB = 1 << 20;
  private static final long OFFSET = ~0xfffffL;
  private static final int PIECE = 4096;
  private static final int KEPT_PIECES = 256;

  /** A part of a bitmap; the first sector is the lowest bit. */
  private static final class Piece {
    final byte[] bits = new byte[PIECE];
    boolean dirty;
  }

  /** Entries of the block table that have changed. */
  private static final class Changed {
    int first = Integer.MAX_VALUE;
    int last = -1;

    void add(int index) {
      first = Math.min(first, index);
      last = Math.max(last, index);
    }
  }

  private final long blockBytes;
  private final long ratio;
  private final long tableOffset;
  private final long[] table;
  private final long locatorOffset;
  private long linkageOffset;
  private final BackingReference reference;
  private final String linkage;
  private final Map<Long, Piece> pieces = new LinkedHashMap<>(16, 0.75f, true);
  private VhdxHeaders headers;
  private long end;
  private Changed blocksChanged = new Changed();
  private Changed bitmapsChanged = new Changed();

  VhdxChild(
      Storage file,
      VhdxHeaders headers,
      long size,
      int sector,
      long blockBytes,
      long ratio,
      long tableOffset,
      long[] table,
      long locator)
      throws IOException {
    super(file, size, sector);
    this.headers = headers;
    this.blockBytes = blockBytes;
    this.ratio = ratio;
    this.tableOffset = tableOffset;
    this.table = table;
    this.locatorOffset = locator;
    Map<String, String> names = locator(locator);
    linkage = names.getOrDefault(LINKAGE, "");
    String name = names.get("relative_path");
    if (name == null) {
      // A path of another computer: the parent can only lie beside it here.
      name = names.getOrDefault("absolute_win32_path", names.getOrDefault("volume_path", ""));
      name = name.substring(name.lastIndexOf('\\') + 1);
    }
    if (name.isEmpty()) {
      throw corrupt("does not say what its parent is", locator);
    }
    reference = new BackingReference(name.replace('\\', '/'), "vhdx");
    long last = file.size();
    for (long entry : table) {
      int state = (int) (entry & 7);
      long place = entry & OFFSET;
      if ((state == VhdxDevice.PRESENT || state == PARTLY) && place > 0 && place < file.size()) {
        last = Math.max(last, place + blockBytes);
      }
    }
    end = Math.ceilDiv(last, MIB) * MIB;
  }

  private Map<String, String> locator(long at) throws IOException {
    ByteBuffer b = VhdxFormat.little(MAX_LOCATOR);
    file.read(at, b);
    int count = b.getShort(18) & 0xffff;
    if (!Guid.get(b, 0).equals(LOCATOR_TYPE) || 20 + count * 12 > MAX_LOCATOR) {
      throw corrupt("names its parent in an unknown way", at);
    }
    Map<String, String> all = new HashMap<>();
    for (int i = 0; i < count; i++) {
      int entry = 20 + i * 12;
      String key = text(b, b.getInt(entry), b.getShort(entry + 8) & 0xffff, at);
      all.put(key, text(b, b.getInt(entry + 4), b.getShort(entry + 10) & 0xffff, at));
      if (key.equals(LINKAGE)) {
        linkageOffset = at + b.getInt(entry + 4);
      }
    }
    return all;
  }

  private String text(ByteBuffer b, int at, int length, long where) throws IOException {
    if (at < 0 || at > MAX_LOCATOR - length) {
      throw corrupt("has the name of its parent at an impossible place", where);
    }
    byte[] bytes = new byte[length];
    b.get(at, bytes);
    return new String(bytes, StandardCharsets.UTF_16LE);
  }

  @Override
  public BackingReference backing() {
    return reference;
  }

  @Override
  public void attachBacking(BlockDevice backing) throws IOException {
    super.attachBacking(backing);
    UUID parent = id(backing);
    if (parent != null && !linkage.equalsIgnoreCase("{" + parent + "}")) {
      throw corrupt("was made over another disk than the one that is there", locatorOffset);
    }
  }

  private static @Nullable UUID id(BlockDevice disk) {
    return switch (disk) {
      case VhdxDevice device -> device.id();
      case VhdxChild child -> child.headers.dataWrite();
      default -> null;
    };
  }

  @Override
  public void adopt(BlockDevice below) throws IOException {
    UUID parent = id(below);
    if (parent == null) {
      return;
    }
    String now = "{" + parent + "}";
    if (linkage.length() != now.length()) {
      throw corrupt("does not say properly which content it was made over", locatorOffset);
    }
    file.write(linkageOffset, ByteBuffer.wrap(now.getBytes(StandardCharsets.UTF_16LE)));
  }

  @Override
  public int clusterSize() {
    return (int) blockBytes;
  }

  private long block(long sector) {
    return sector * blockSize / blockBytes;
  }

  private int index(long block) {
    return (int) (block + block / ratio);
  }

  @Override
  protected long locate(long sector) throws IOException {
    long block = block(sector);
    int index = index(block);
    long place = (table[index] & OFFSET) + sector * blockSize % blockBytes;
    return switch ((int) (table[index] & 7)) {
      case ABSENT_STATE -> ABSENT;
      case 1, 2, 3 -> ZERO;
      case VhdxDevice.PRESENT -> inFile(place);
      case PARTLY -> own(sector, block) ? inFile(place) : ABSENT;
      default -> throw corrupt("has a block in an impossible state", tableOffset + index * 8L);
    };
  }

  private long inFile(long place) throws IOException {
    if (place < MIB || place >= file.size()) {
      throw truncated(file, "data of its disk", Math.max(0, place));
    }
    return place;
  }

  // --- The bitmaps of sectors ---

  private int bitmapIndex(long block) {
    return (int) ((block / ratio + 1) * (ratio + 1) - 1);
  }

  /** The sector's bit in the bitmap of its chunk. */
  private long bit(long sector) {
    return sector % (ratio * blockBytes / blockSize);
  }

  private boolean own(long sector, long block) throws IOException {
    long bit = bit(sector);
    long at = bitmap(block) + bit / 8;
    return (piece(at).bits[(int) (at % PIECE)] >> bit % 8 & 1) != 0;
  }

  /** Where the bitmap of a block's chunk begins. */
  private long bitmap(long block) throws IOException {
    int index = bitmapIndex(block);
    if (index >= table.length || (table[index] & 7) != VhdxDevice.PRESENT) {
      throw corrupt("lacks the bitmap of a block that is partly there", tableOffset + index * 8L);
    }
    return inFile(table[index] & OFFSET);
  }

  private Piece piece(long at) throws IOException {
    long start = at / PIECE * PIECE;
    Piece known = pieces.get(start);
    if (known != null) {
      return known;
    }
    Piece read = new Piece();
    file.read(start, ByteBuffer.wrap(read.bits));
    if (pieces.size() >= KEPT_PIECES) {
      var oldest = pieces.entrySet().iterator();
      while (oldest.hasNext()) {
        if (!oldest.next().getValue().dirty) {
          oldest.remove();
          break;
        }
      }
    }
    pieces.put(start, read);
    return read;
  }

  private void mark(long sector, boolean own) throws IOException {
    long bit = bit(sector);
    long at = bitmap(block(sector)) + bit / 8;
    Piece piece = piece(at);
    int mask = 1 << bit % 8;
    int old = piece.bits[(int) (at % PIECE)];
    piece.bits[(int) (at % PIECE)] = (byte) (own ? old | mask : old & ~mask);
    piece.dirty = true;
  }

  // --- Writing ---

  @Override
  protected void beforeFirstWrite() throws IOException {
    headers = headers.withNewWrites().writeBoth(file);
  }

  private long reserve(long bytes) throws IOException {
    long place = end;
    end += bytes;
    // What a file gains reads as zeros.
    file.setSize(Math.max(file.size(), end));
    return place;
  }

  @Override
  protected long allocate(long sector) throws IOException {
    long block = block(sector);
    int index = index(block);
    int state = (int) (table[index] & 7);
    if (state != PARTLY) {
      // Where the parent does not show, all other sectors are this file's too, as zeros.
      boolean partly = state == ABSENT_STATE;
      if (partly) {
        addBitmap(block);
      }
      table[index] = reserve(blockBytes) | (partly ? PARTLY : VhdxDevice.PRESENT);
      blocksChanged.add(index);
    }
    return (table[index] & OFFSET) + sector * blockSize % blockBytes;
  }

  /** Sees to it that a block that is going to be mixed has a bitmap, and no sector in it yet. */
  private void addBitmap(long block) throws IOException {
    int bitmap = bitmapIndex(block);
    if ((table[bitmap] & 7) != VhdxDevice.PRESENT) {
      table[bitmap] = reserve(MIB) | VhdxDevice.PRESENT;
      bitmapsChanged.add(bitmap);
      return;
    }
    long first = block * (blockBytes / blockSize);
    for (long s = first; s < first + blockBytes / blockSize; s++) {
      mark(s, false);
    }
  }

  @Override
  protected void publish(long sector, long place) throws IOException {
    if ((table[index(block(sector))] & 7) == PARTLY) {
      mark(sector, true);
    }
  }

  @Override
  protected void writeTables() throws IOException {
    for (Map.Entry<Long, Piece> each : pieces.entrySet()) {
      if (each.getValue().dirty) {
        file.write(each.getKey(), ByteBuffer.wrap(each.getValue().bits));
        each.getValue().dirty = false;
      }
    }
    for (int i = bitmapsChanged.first; i <= bitmapsChanged.last; i += (int) (ratio + 1)) {
      write(i, i);
    }
    bitmapsChanged = new Changed();
    if (blocksChanged.last >= 0) {
      file.flush();
      write(blocksChanged.first, blocksChanged.last);
      blocksChanged = new Changed();
    }
  }

  private void write(int first, int last) throws IOException {
    ByteBuffer b = VhdxFormat.little((last - first + 1) * 8);
    b.asLongBuffer().put(table, first, last - first + 1);
    file.write(tableOffset + first * 8L, b);
  }
}
