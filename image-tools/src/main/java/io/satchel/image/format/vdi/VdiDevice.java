package io.satchel.image.format.vdi;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.file.Guid;
import io.satchel.image.file.Storage;
import io.satchel.image.format.BlockTableDevice;
import io.satchel.image.format.Linked;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** An open VDI. */
final class VdiDevice extends BlockTableDevice implements Linked {
  private static final int UNALLOCATED = VdiFormat.UNALLOCATED;
  private static final int DISCARDED = 0xfffffffe;
  private static final int BLOCK = VdiFormat.BLOCK;
  private static final UUID NONE = new UUID(0, 0);

  private final boolean fixed;
  private final int[] map;
  private final long tableOffset;
  private final long dataOffset;
  private final @Nullable UUID parent;
  private final UUID parentModified;
  private final @Nullable BackingReference backing;
  private UUID modified;
  private int allocated;
  private int firstDirty = Integer.MAX_VALUE;
  private int lastDirty = -1;

  /**
   * A disk.
   *
   * @param h the header, which has been checked
   * @param backing the file of the parent, or null when the disk has none
   */
  VdiDevice(Storage file, ByteBuffer h, int[] map, @Nullable BackingReference backing)
      throws IOException {
    super(file, h.getLong(VdiFormat.AT_DISK_SIZE), BLOCK);
    this.map = map;
    this.backing = backing;
    fixed = h.getInt(VdiFormat.AT_TYPE) == VdiFormat.FIXED;
    tableOffset = h.getInt(VdiFormat.AT_TABLE) & 0xffffffffL;
    dataOffset = h.getInt(VdiFormat.AT_DATA) & 0xffffffffL;
    modified = Guid.get(h, VdiFormat.AT_UUID_MODIFIED);
    parent = backing == null ? null : Guid.get(h, VdiFormat.AT_UUID_PARENT);
    parentModified = Guid.get(h, VdiFormat.AT_UUID_PARENT_MODIFIED);
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
    allocated = Math.max(h.getInt(VdiFormat.AT_ALLOCATED), highest + 1);
  }

  @Override
  public @Nullable BackingReference backing() {
    return backing;
  }

  @Override
  public String backingMissing(Path file) {
    return "lies over the VDI with the UUID {" + parent + "}, which is not in its folder";
  }

  @Override
  public void attachBacking(BlockDevice below) throws IOException {
    super.attachBacking(below);
    // VirtualBox leaves the second number out where it does not know it.
    if (below instanceof VdiDevice disk
        && !parentModified.equals(NONE)
        && !parentModified.equals(disk.modified)) {
      throw corrupt(
          "was made over another content of its parent, the VDI with the UUID {" + parent + "}",
          VdiFormat.AT_UUID_PARENT_MODIFIED);
    }
  }

  @Override
  public void adopt(BlockDevice below) throws IOException {
    if (parent != null && below instanceof VdiDevice disk) {
      put(VdiFormat.AT_UUID_PARENT_MODIFIED, disk.modified);
    }
  }

  /** Children of this disk know by this number whether it is still what they were made over. */
  @Override
  protected void beforeFirstWrite() throws IOException {
    modified = UUID.randomUUID();
    put(VdiFormat.AT_UUID_MODIFIED, modified);
  }

  private void put(int field, UUID id) throws IOException {
    ByteBuffer b = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
    Guid.put(b, 0, id);
    file.write(field, b);
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
    file.write(VdiFormat.AT_ALLOCATED, count.putInt(0, allocated));
    firstDirty = Integer.MAX_VALUE;
    lastDirty = -1;
  }
}
