package io.satchel.image.fs;

import io.satchel.image.block.BlockDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * NTFS 3.x: the master file table's records for the volume, the bitmap and the root folder. The
 * layout is that of the Linux-NTFS project's documentation.
 */
final class NtfsVolume implements Volume {
  private static final int ATTRIBUTE_VOLUME_NAME = 0x60;
  private static final int ATTRIBUTE_VOLUME_INFORMATION = 0x70;
  private static final int ATTRIBUTE_DATA = 0x80;
  private static final int ATTRIBUTE_INDEX_ROOT = 0x90;
  private static final int ATTRIBUTE_INDEX_ALLOCATION = 0xa0;
  private static final int RECORD_VOLUME = 3;
  private static final int RECORD_ROOT = 5;
  private static final int RECORD_BITMAP = 6;
  private static final int FLAG_DIRTY = 1;
  private static final int MAX_CONTENT = 512 << 20;
  private static final int MAX_RUNS = 1 << 20;

  private final BlockDevice disk;
  private final long start;
  private final int clusterBytes;
  private final long clusters;
  private final int recordBytes;
  private final long mft;
  private final String label;
  private final @Nullable String unsafe;

  /** A run of clusters of a file; start -1 is a hole. */
  private record Run(long start, long length) {}

  private NtfsVolume(BlockDevice disk, long start, ByteBuffer boot) throws IOException {
    this.disk = disk;
    this.start = start;
    int sector = boot.getShort(11) & 0xffff;
    int perCluster = boot.get(13);
    clusterBytes = perCluster > 0 ? sector * perCluster : sector << -perCluster;
    clusters = boot.getLong(40) * sector / clusterBytes;
    int record = boot.get(64);
    recordBytes = record > 0 ? record * clusterBytes : 1 << -record;
    mft = boot.getLong(48);
    String name = "";
    String problem = null;
    ByteBuffer volume = record(RECORD_VOLUME);
    if (volume == null || record(RECORD_BITMAP) == null) {
      problem = "has a damaged master file table";
    } else {
      byte[] text = content(volume, ATTRIBUTE_VOLUME_NAME);
      name = text == null ? "" : new String(text, StandardCharsets.UTF_16LE);
      byte[] information = content(volume, ATTRIBUTE_VOLUME_INFORMATION);
      if (information == null || information.length < 12 || (information[10] & FLAG_DIRTY) != 0) {
        problem = "is marked as dirty";
      } else if (hibernated()) {
        problem = "holds a hibernated Windows";
      }
    }
    label = name;
    unsafe = problem;
  }

  static @Nullable Volume probe(BlockDevice disk, long start, long length) throws IOException {
    ByteBuffer boot = Volume.read(disk, start, 512);
    byte[] name = new byte[8];
    boot.get(3, name);
    int sector = boot.getShort(11) & 0xffff;
    int perCluster = boot.get(13);
    int record = boot.get(64);
    long sectors = boot.getLong(40);
    if (!new String(name, StandardCharsets.ISO_8859_1).equals("NTFS    ")
        || Integer.bitCount(sector) != 1
        || sector < 512
        || sector > 4096
        || perCluster == 0
        || perCluster < -12
        || record == 0
        || record < -16
        || record > 4
        || sectors <= 0
        || sectors > length / sector
        || boot.getLong(48) <= 0) {
      return null;
    }
    return new NtfsVolume(disk, start, boot);
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
    return clusters * clusterBytes;
  }

  @Override
  public @Nullable String unsafe() {
    return unsafe;
  }

  /** A record of the table's first, always contiguous, part; null when it is broken. */
  private @Nullable ByteBuffer record(int index) throws IOException {
    long at = start + mft * clusterBytes + (long) index * recordBytes;
    if (at < 0 || at > disk.size() - recordBytes) {
      return null;
    }
    ByteBuffer b = Volume.read(disk, at, recordBytes);
    return b.getInt(0) == 0x454c4946 && fixUp(b) ? b : null;
  }

  /** Puts the sectors' last words back, which the update sequence replaced. */
  private static boolean fixUp(ByteBuffer b) {
    int at = b.getShort(4) & 0xffff;
    int count = b.getShort(6) & 0xffff;
    if (count < 2 || at + count * 2 > 512 || (count - 1) * 512 > b.capacity()) {
      return false;
    }
    short check = b.getShort(at);
    for (int i = 1; i < count; i++) {
      if (b.getShort(i * 512 - 2) != check) {
        return false;
      }
      b.putShort(i * 512 - 2, b.getShort(at + i * 2));
    }
    return true;
  }

  /** Where an attribute of a record begins, or -1. */
  private static int attribute(ByteBuffer record, int type) {
    int at = record.getShort(20) & 0xffff;
    while (at >= 24 && at + 24 <= record.capacity()) {
      int found = record.getInt(at);
      int length = record.getInt(at + 4);
      if (found == -1 || length < 24 || at + length > record.capacity()) {
        return -1;
      }
      if (found == type) {
        return at;
      }
      at += length;
    }
    return -1;
  }

  /** An attribute's whole content, or null when there is none or it is broken. */
  private byte @Nullable [] content(ByteBuffer record, int type) throws IOException {
    int at = attribute(record, type);
    if (at < 0) {
      return null;
    }
    if (record.get(at + 8) == 0) {
      int length = record.getInt(at + 16);
      int offset = record.getShort(at + 20) & 0xffff;
      if (length < 0 || at + offset + (long) length > record.capacity()) {
        return null;
      }
      byte[] bytes = new byte[length];
      record.get(at + offset, bytes);
      return bytes;
    }
    if (at + 64 > record.capacity()) {
      return null;
    }
    long size = record.getLong(at + 48);
    List<Run> runs = runs(record, at);
    if (size < 0 || size > MAX_CONTENT || runs == null) {
      return null;
    }
    byte[] bytes = new byte[(int) size];
    int done = 0;
    for (Run run : runs) {
      for (long i = 0; i < run.length && done < size; i++) {
        int n = (int) Math.min(clusterBytes, size - done);
        if (run.start >= 0) {
          disk.read(start + (run.start + i) * clusterBytes, ByteBuffer.wrap(bytes, done, n));
        }
        done += n;
      }
    }
    return bytes;
  }

  private @Nullable List<Run> runs(ByteBuffer record, int attribute) {
    int at = attribute + (record.getShort(attribute + 32) & 0xffff);
    int end = attribute + record.getInt(attribute + 4);
    List<Run> runs = new ArrayList<>();
    long position = 0;
    while (at < end && record.get(at) != 0) {
      int lengthBytes = record.get(at) & 15;
      int offsetBytes = record.get(at) >> 4 & 15;
      if (lengthBytes == 0
          || lengthBytes > 8
          || offsetBytes > 8
          || at + 1 + lengthBytes + offsetBytes > end
          || runs.size() > MAX_RUNS) {
        return null;
      }
      long length = number(record, at + 1, lengthBytes);
      long offset = number(record, at + 1 + lengthBytes, offsetBytes);
      position += offset;
      if (length <= 0
          || length > clusters
          || offsetBytes > 0 && (position < 0 || position > clusters - length)) {
        return null;
      }
      runs.add(new Run(offsetBytes == 0 ? -1 : position, length));
      at += 1 + lengthBytes + offsetBytes;
    }
    return runs;
  }

  private static long number(ByteBuffer b, int at, int bytes) {
    long value = 0;
    for (int i = bytes - 1; i >= 0; i--) {
      value = value << 8 | b.get(at + i) & 0xff;
    }
    int shift = 64 - bytes * 8;
    return bytes == 0 ? 0 : value << shift >> shift;
  }

  /** Whether the root folder has a hiberfil.sys whose first word says that it is in use. */
  private boolean hibernated() throws IOException {
    ByteBuffer root = record(RECORD_ROOT);
    if (root == null) {
      return true;
    }
    List<byte[]> blocks = new ArrayList<>();
    byte[] small = content(root, ATTRIBUTE_INDEX_ROOT);
    if (small != null) {
      blocks.add(small);
    }
    byte[] large = content(root, ATTRIBUTE_INDEX_ALLOCATION);
    if (large != null) {
      blocks.add(large);
    }
    byte[] wanted = "hiberfil.sys".getBytes(StandardCharsets.UTF_16LE);
    for (byte[] block : blocks) {
      for (int at = 0; at + wanted.length <= block.length; at += 2) {
        if (equalsIgnoringCase(block, at, wanted)) {
          // The name's entry begins 82 bytes before it with the file's record number.
          return at < 82
              || hibernated(
                  ByteBuffer.wrap(block).order(java.nio.ByteOrder.LITTLE_ENDIAN).getInt(at - 82));
        }
      }
    }
    return false;
  }

  private boolean hibernated(int index) throws IOException {
    ByteBuffer file = recordAnywhere(index);
    if (file == null) {
      return true;
    }
    int at = attribute(file, ATTRIBUTE_DATA);
    if (at < 0 || file.get(at + 8) == 0) {
      return false;
    }
    List<Run> runs = runs(file, at);
    if (runs == null || runs.isEmpty() || runs.getFirst().start < 0) {
      return false;
    }
    int word = Volume.read(disk, start + runs.getFirst().start * clusterBytes, 4).getInt(0);
    // "hibr" or "HIBR" while there is something to resume from; zeros or "wake" after.
    return (word | 0x20202020) == 0x72626968;
  }

  private @Nullable ByteBuffer recordAnywhere(int index) throws IOException {
    ByteBuffer self = record(0);
    int at = self == null ? -1 : attribute(self, ATTRIBUTE_DATA);
    List<Run> runs = self == null || at < 0 || self.get(at + 8) == 0 ? null : runs(self, at);
    if (runs == null || index < 0) {
      return null;
    }
    long offset = (long) index * recordBytes;
    for (Run run : runs) {
      long bytes = run.length * clusterBytes;
      if (offset < bytes) {
        ByteBuffer b = Volume.read(disk, start + run.start * clusterBytes + offset, recordBytes);
        return b.getInt(0) == 0x454c4946 && fixUp(b) ? b : null;
      }
      offset -= bytes;
    }
    return null;
  }

  private static boolean equalsIgnoringCase(byte[] block, int at, byte[] wanted) {
    for (int i = 0; i < wanted.length; i++) {
      int c = block[at + i];
      if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != wanted[i]) {
        return false;
      }
    }
    return true;
  }

  @Override
  public void forEachFree(Range visitor) throws IOException {
    ByteBuffer record = record(RECORD_BITMAP);
    byte[] bits = record == null ? null : content(record, ATTRIBUTE_DATA);
    if (bits == null || bits.length < Math.ceilDiv(clusters, 8)) {
      return;
    }
    Runs runs = new Runs(visitor);
    for (long c = 0; c < clusters; c++) {
      if ((bits[(int) (c >> 3)] >> (c & 7) & 1) == 0) {
        runs.free(c * clusterBytes, clusterBytes);
      }
    }
    runs.finish();
  }
}
