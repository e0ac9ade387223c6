package io.satchel.image.format.vhdx;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.file.Storage;
import io.satchel.image.format.ReadOnlyBlocks;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A differencing VHDX (MS-VHDX 2.5.1 and 2.6.2.6), read only: blocks are its own, the parent's, or
 * mixed, which a bitmap of sectors tells.
 */
final class VhdxChild extends ReadOnlyBlocks {
  private static final UUID LOCATOR_TYPE = UUID.fromString("B04AEFB7-D19E-4A81-B789-25B8E9445913");
  private static final int MAX_LOCATOR = 64 << 10;
  private static final int PARTLY = 7;
  private static final long OFFSET = ~0xfffffL;
  private static final int PIECE = 4096;

  private final long blockBytes;
  private final long ratio;
  private final long tableOffset;
  private final long[] table;
  private final UUID id;
  private final BackingReference reference;
  private final String linkage;
  private final byte[] bitmap = new byte[PIECE];
  private long bitmapAt = -1;
  private @Nullable UUID found;

  VhdxChild(
      Storage file,
      UUID id,
      long size,
      int sector,
      long blockBytes,
      long ratio,
      long tableOffset,
      long[] table,
      long locator)
      throws IOException {
    super(file, size, sector);
    this.id = id;
    this.blockBytes = blockBytes;
    this.ratio = ratio;
    this.tableOffset = tableOffset;
    this.table = table;
    Map<String, String> names = locator(locator);
    linkage = names.getOrDefault("parent_linkage", "");
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
  }

  private Map<String, String> locator(long at) throws IOException {
    ByteBuffer b = VhdxFormat.little(MAX_LOCATOR);
    file.read(at, b);
    int count = b.getShort(18) & 0xffff;
    if (!VhdxFormat.guid(b, 0).equals(LOCATOR_TYPE) || 20 + count * 12 > MAX_LOCATOR) {
      throw corrupt("names its parent in an unknown way", at);
    }
    Map<String, String> all = new HashMap<>();
    for (int i = 0; i < count; i++) {
      int entry = 20 + i * 12;
      String key = text(b, b.getInt(entry), b.getShort(entry + 8) & 0xffff, at);
      all.put(key, text(b, b.getInt(entry + 4), b.getShort(entry + 10) & 0xffff, at));
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
  public void attachBacking(BlockDevice backing) {
    found =
        switch (backing) {
          case VhdxDevice device -> device.id();
          case VhdxChild child -> child.id;
          default -> null;
        };
    super.attachBacking(backing);
  }

  @Override
  protected long locate(long sector) throws IOException {
    UUID parent = found;
    if (parent != null && !linkage.equalsIgnoreCase("{" + parent + "}")) {
      throw corrupt("was made over another disk than the one that is there", tableOffset);
    }
    long at = sector * blockSize;
    long block = at / blockBytes;
    int index = (int) (block + block / ratio);
    long place = (table[index] & OFFSET) + at % blockBytes;
    return switch ((int) (table[index] & 7)) {
      case 0 -> ABSENT;
      case 1, 2, 3 -> ZERO;
      case VhdxDevice.PRESENT -> inFile(place);
      case PARTLY -> own(sector, block) ? inFile(place) : ABSENT;
      default -> throw corrupt("has a block in an impossible state", tableOffset + index * 8L);
    };
  }

  private long inFile(long place) throws IOException {
    if (place < 1 << 20 || place >= file.size()) {
      throw truncated(file, "data of its disk", Math.max(0, place));
    }
    return place;
  }

  /** Whether the bitmap says that a sector is this file's; its first sector is the lowest bit. */
  private boolean own(long sector, long block) throws IOException {
    int index = (int) ((block / ratio + 1) * (ratio + 1) - 1);
    if (index >= table.length || (table[index] & 7) != VhdxDevice.PRESENT) {
      throw corrupt("lacks the bitmap of a block that is partly there", tableOffset + index * 8L);
    }
    long bit = sector % (ratio * blockBytes / blockSize);
    long at = inFile((table[index] & OFFSET) + bit / 8);
    long piece = at / PIECE * PIECE;
    if (piece != bitmapAt) {
      bitmapAt = -1;
      file.read(piece, ByteBuffer.wrap(bitmap));
      bitmapAt = piece;
    }
    return (bitmap[(int) (at - piece)] >> bit % 8 & 1) != 0;
  }
}
