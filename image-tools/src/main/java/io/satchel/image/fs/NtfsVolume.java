package io.satchel.image.fs;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** NTFS 3.x: the volume's name and flags, its bitmap, and whether Windows sleeps in it. */
final class NtfsVolume implements Volume {
  private static final int RECORD_VOLUME = 3;
  private static final int RECORD_BITMAP = 6;
  private static final int FLAG_DIRTY = 1;
  private static final int CHUNK = 1 << 20;

  private final NtfsTable table;
  private final String label;
  private final @Nullable String unsafe;

  private NtfsVolume(NtfsTable table, String label, @Nullable String unsafe) {
    this.table = table;
    this.label = label;
    this.unsafe = unsafe;
  }

  static @Nullable Volume probe(BlockDevice disk, long start, long length) throws IOException {
    NtfsTable table;
    try {
      table = NtfsTable.probe(disk, start, length);
    } catch (ImageException e) {
      return new Damaged("NTFS", length, e.problem());
    }
    if (table == null) {
      return null;
    }
    String label = "";
    String unsafe = null;
    try {
      byte[] name = table.bytes(RECORD_VOLUME, NtfsTable.VOLUME_NAME, "", 256);
      label = name == null ? "" : new String(name, StandardCharsets.UTF_16LE);
      byte[] flags = table.bytes(RECORD_VOLUME, NtfsTable.VOLUME_INFORMATION, "", 12);
      FileSystem.Content bits = table.content(RECORD_BITMAP, NtfsTable.DATA, "");
      if (bits == null || bits.size() < Math.ceilDiv(table.clusters, 8)) {
        unsafe = "has no map of its free space";
      } else if (flags == null || flags.length < 12 || (flags[10] & FLAG_DIRTY) != 0) {
        unsafe = "is marked as dirty";
      } else if (hibernated(disk, start, length)) {
        unsafe = "holds a hibernated Windows";
      }
    } catch (ImageException e) {
      unsafe = e.problem();
    }
    return new NtfsVolume(table, label, unsafe);
  }

  /** Whether the root folder has a hiberfil.sys whose first word says that it is in use. */
  private static boolean hibernated(BlockDevice disk, long start, long length) throws IOException {
    FileSystem files = NtfsFiles.probe(disk, start, length);
    if (files == null || !files.exists("hiberfil.sys")) {
      return false;
    }
    byte[] head = files.open("hiberfil.sys").read(0, 4);
    // "hibr" or "HIBR" while there is something to resume from; zeros or "wake" after.
    return head.length == 4
        && (ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN).getInt() | 0x20202020)
            == 0x72626968;
  }

  @Override
  public String kind() {
    return "NTFS";
  }

  @Override
  public String label() {
    return label;
  }

  @Override
  public long size() {
    return table.clusters * table.clusterBytes;
  }

  @Override
  public @Nullable String unsafe() {
    return unsafe;
  }

  @Override
  public void forEachFree(Range visitor) throws IOException {
    FileSystem.Content bits = table.content(RECORD_BITMAP, NtfsTable.DATA, "");
    if (bits == null || bits.size() < Math.ceilDiv(table.clusters, 8)) {
      return;
    }
    Runs runs = new Runs(visitor);
    byte[] chunk = new byte[0];
    for (long c = 0; c < table.clusters; c++) {
      int at = (int) (c / 8 % CHUNK);
      if (c % (8L * CHUNK) == 0) {
        chunk = bits.read(c / 8, CHUNK);
      }
      if ((chunk[at] >> (c & 7) & 1) == 0) {
        runs.free(c * table.clusterBytes, table.clusterBytes);
      }
    }
    runs.finish();
  }
}
