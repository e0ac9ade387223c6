package io.satchel.image.format.vhdx;

import io.satchel.image.file.Guid;
import io.satchel.image.file.Storage;
import io.satchel.image.format.BlockTableDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The log (MS-VHDX 2.3): a ring of entries, each a set of 4 KiB sectors that belong together. What
 * a crash left unfinished is written before use, or laid over a file that may only be read.
 */
final class VhdxLog {
  private static final int SECTOR = 4096;
  private static final int ENTRY = 0x65676f6c;
  private static final int ZERO = 0x6f72657a;
  private static final int DATA_DESCRIPTOR = 0x63736564;
  private static final int DATA = 0x61746164;
  private static final int MAX_LOG = 256 << 20;

  private VhdxLog() {}

  private record Entry(int start, int length, int tail, long sequence, byte[] bytes) {}

  /** Brings the file up to date; returns the storage to go on with. */
  static Storage replay(Storage file, VhdxHeaders headers) throws IOException {
    if (headers.log().equals(new UUID(0, 0))) {
      return file;
    }
    int length = headers.logLength();
    if (length <= 0
        || length > MAX_LOG
        || length % SECTOR != 0
        || headers.logOffset() < 1 << 20
        || headers.logOffset() + length > file.size()) {
      throw BlockTableDevice.corrupt(file, "has an impossible log", VhdxFormat.HEADERS[0]);
    }
    ByteBuffer log = VhdxFormat.little(length);
    file.read(headers.logOffset(), log);
    List<Entry> active = active(log, headers.log());
    Storage target = file.readOnly() ? new PatchedStorage(file) : file;
    for (Entry entry : active) {
      apply(target, entry);
    }
    if (!file.readOnly()) {
      file.flush();
      headers.withoutLog().writeBoth(file);
    }
    return target;
  }

  /** The valid run of entries with the highest sequence number, from its tail on. */
  private static List<Entry> active(ByteBuffer log, UUID id) {
    List<Entry> best = new ArrayList<>();
    int length = log.capacity();
    for (int at = 0; at < length; at += SECTOR) {
      List<Entry> run = new ArrayList<>();
      Entry entry = entry(log, at, id);
      int position = at;
      int covered = 0;
      while (entry != null
          && covered < length
          && (run.isEmpty() || entry.sequence == run.getLast().sequence + 1)) {
        run.add(entry);
        covered += entry.length;
        position = (position + entry.length) % length;
        entry = entry(log, position, id);
      }
      boolean complete = !run.isEmpty() && startsAt(run, run.getLast().tail);
      if (complete && (best.isEmpty() || run.getLast().sequence > best.getLast().sequence)) {
        best = run;
      }
    }
    int tail = best.isEmpty() ? 0 : best.getLast().tail;
    while (!best.isEmpty() && best.getFirst().start != tail) {
      best.removeFirst();
    }
    return best;
  }

  private static boolean startsAt(List<Entry> run, int tail) {
    return run.stream().anyMatch(e -> e.start == tail);
  }

  private static @Nullable Entry entry(ByteBuffer log, int at, UUID id) {
    int length = log.getInt(at + 8);
    if (log.getInt(at) != ENTRY
        || length <= 0
        || length % SECTOR != 0
        || length > log.capacity()
        || !Guid.get(log, at + 32).equals(id)) {
      return null;
    }
    byte[] bytes = new byte[length];
    for (int i = 0; i < length; i += SECTOR) {
      log.get((at + i) % log.capacity(), bytes, i, SECTOR);
    }
    ByteBuffer b = ByteBuffer.wrap(bytes).order(log.order());
    if (b.getInt(4) != VhdxFormat.checksum(bytes)) {
      return null;
    }
    return new Entry(at, length, b.getInt(12), b.getLong(16), bytes);
  }

  private static void apply(Storage file, Entry entry) throws IOException {
    ByteBuffer b = ByteBuffer.wrap(entry.bytes).order(java.nio.ByteOrder.LITTLE_ENDIAN);
    int count = b.getInt(24);
    int dataAt = Math.ceilDiv(64 + count * 32, SECTOR) * SECTOR;
    if (count < 0 || count > entry.length / 32) {
      throw BlockTableDevice.corrupt(file, "has a broken log entry", -1);
    }
    for (int i = 0; i < count; i++) {
      int at = 64 + i * 32;
      long offset = b.getLong(at + 16);
      if (offset < 0 || offset % SECTOR != 0 || offset > 1L << 50) {
        throw BlockTableDevice.corrupt(file, "has a log entry for an impossible place", offset);
      }
      if (b.getInt(at) == ZERO) {
        long zeros = b.getLong(at + 8);
        if (zeros < 0
            || zeros > 1L << 40
            || offset + zeros > Math.max(file.size(), b.getLong(56))) {
          throw BlockTableDevice.corrupt(file, "has a log entry of an impossible size", offset);
        }
        file.writeZeroes(offset, zeros, false);
      } else if (b.getInt(at) == DATA_DESCRIPTOR) {
        if (dataAt + SECTOR > entry.length || b.getInt(dataAt) != DATA) {
          throw BlockTableDevice.corrupt(file, "has a broken log entry", offset);
        }
        ByteBuffer sector = ByteBuffer.allocate(SECTOR);
        // The first 8 and the last 4 bytes are kept in the descriptor.
        sector.put(0, entry.bytes, at + 8, 8);
        sector.put(8, entry.bytes, dataAt + 8, SECTOR - 12);
        sector.put(SECTOR - 4, entry.bytes, at + 4, 4);
        file.write(offset, sector);
        dataAt += SECTOR;
      } else {
        throw BlockTableDevice.corrupt(file, "has a broken log entry", offset);
      }
    }
  }
}
