package io.satchel.image.format.qcow2;

import io.satchel.image.file.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * One row of the snapshot table (docs/interop/qcow2.txt, "Snapshots").
 *
 * @param l1Offset where its L1 table begins in the file
 * @param l1Size how many entries that table has
 * @param id unique, a number in what QEMU writes
 * @param seconds its date, since 1970
 * @param nanos the fraction of that second
 * @param clockNanos how long the guest had run
 * @param vmStateSize the bytes of saved machine state, which lie past the disk's end
 * @param diskSize the disk's size when it was taken
 * @param instructions how many instructions the guest had executed, or -1
 * @param furtherData what the extra data holds beyond these fields; kept as it is
 * @param extraLength the extra data's length in the file
 */
record Snapshot(
    long l1Offset,
    int l1Size,
    String id,
    String name,
    int seconds,
    int nanos,
    long clockNanos,
    long vmStateSize,
    long diskSize,
    long instructions,
    byte[] furtherData,
    int extraLength) {
  private static final int FIXED = 40;
  private static final int MAX_EXTRA = 1024;
  private static final int MAX_TABLE = 64 << 20;

  Snapshot withId(String newId) {
    return new Snapshot(
        l1Offset,
        l1Size,
        newId,
        name,
        seconds,
        nanos,
        clockNanos,
        vmStateSize,
        diskSize,
        instructions,
        furtherData,
        extraLength);
  }

  Snapshot withVmState(long bytes) {
    return new Snapshot(
        l1Offset,
        l1Size,
        id,
        name,
        seconds,
        nanos,
        clockNanos,
        bytes,
        diskSize,
        instructions,
        furtherData,
        extraLength);
  }

  Snapshot withL1(long offset, int size) {
    return new Snapshot(
        offset,
        size,
        id,
        name,
        seconds,
        nanos,
        clockNanos,
        vmStateSize,
        diskSize,
        instructions,
        furtherData,
        extraLength);
  }

  /** Reads the whole table. */
  static List<Snapshot> readAll(Qcow2Image image) throws IOException {
    Qcow2Header header = image.header;
    Storage file = image.file;
    List<Snapshot> all = new ArrayList<>();
    long fileSize = file.size();
    long at = header.snapshotsOffset;
    for (int i = 0; i < header.snapshotCount; i++) {
      if (at + FIXED > fileSize) {
        throw image.truncated("the snapshot table", at);
      }
      ByteBuffer fixed = ByteBuffer.allocate(FIXED);
      file.read(at, fixed);
      final int idLength = fixed.getShort(12) & 0xffff;
      final int nameLength = fixed.getShort(14) & 0xffff;
      final long extraLength = fixed.getInt(36) & 0xffffffffL;
      if (extraLength > MAX_EXTRA) {
        throw image.corrupt("has a snapshot with more than 1024 bytes of extra data", at + 36);
      }
      long l1Offset = fixed.getLong(0);
      int l1Size = fixed.getInt(8);
      if (l1Size < 0
          || l1Size * 8L > Qcow2Header.MAX_L1_BYTES
          || l1Offset < 0
          || l1Offset >= Qcow2Header.MAX_OFFSET
          || (l1Offset & (image.clusterSize - 1)) != 0) {
        throw image.corrupt("has a snapshot with an impossible L1 table", at);
      }
      int length = (int) extraLength + idLength + nameLength;
      if (at + FIXED + length > fileSize) {
        throw image.truncated("the snapshot table", at);
      }
      ByteBuffer rest = ByteBuffer.allocate(length);
      file.read(at + FIXED, rest);
      rest.flip();
      long vmState = fixed.getInt(32) & 0xffffffffL;
      if (extraLength >= 8) {
        vmState = rest.getLong(0);
      }
      long diskSize = extraLength >= 16 ? rest.getLong(8) : header.size;
      long instructions = extraLength >= 24 ? rest.getLong(16) : -1;
      int known = extraLength >= 24 ? 24 : extraLength >= 16 ? 16 : extraLength >= 8 ? 8 : 0;
      byte[] further = new byte[(int) extraLength - known];
      rest.get(known, further);
      String id = text(rest, (int) extraLength, idLength);
      String name = text(rest, (int) extraLength + idLength, nameLength);
      all.add(
          new Snapshot(
              l1Offset,
              l1Size,
              id,
              name,
              fixed.getInt(16),
              fixed.getInt(20),
              fixed.getLong(24),
              vmState,
              diskSize,
              instructions,
              further,
              (int) extraLength));
      at += FIXED + Math.ceilDiv(length, 8) * 8L;
      if (at - header.snapshotsOffset > MAX_TABLE) {
        throw image.corrupt("has a snapshot table of more than 64 MiB", header.snapshotsOffset);
      }
    }
    return all;
  }

  private static String text(ByteBuffer from, int at, int length) {
    return new String(from.array(), at, length, StandardCharsets.UTF_8);
  }

  /** The bytes of a table. Every row gets at least the extra data that version 3 asks for. */
  static ByteBuffer encode(List<Snapshot> snapshots) {
    List<byte[]> rows = new ArrayList<>();
    int total = 0;
    for (Snapshot s : snapshots) {
      byte[] row = s.row();
      rows.add(row);
      total += row.length;
    }
    ByteBuffer table = ByteBuffer.allocate(total);
    rows.forEach(table::put);
    return table.flip();
  }

  private byte[] row() {
    byte[] idBytes = id.getBytes(StandardCharsets.UTF_8);
    byte[] nameBytes = name.getBytes(StandardCharsets.UTF_8);
    int known = extraLength >= 24 || instructions >= 0 ? 24 : 16;
    int extra = known + furtherData.length;
    int length = FIXED + extra + idBytes.length + nameBytes.length;
    ByteBuffer b = ByteBuffer.allocate(Math.ceilDiv(length, 8) * 8);
    b.putLong(l1Offset).putInt(l1Size);
    b.putShort((short) idBytes.length).putShort((short) nameBytes.length);
    b.putInt(seconds).putInt(nanos).putLong(clockNanos);
    b.putInt(vmStateSize > 0xffffffffL ? 0 : (int) vmStateSize).putInt(extra);
    b.putLong(vmStateSize).putLong(diskSize);
    if (known == 24) {
      b.putLong(instructions);
    }
    b.put(furtherData).put(idBytes).put(nameBytes);
    return b.array();
  }
}
