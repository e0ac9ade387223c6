package io.satchel.image.format.vhdx;

import io.satchel.image.file.Guid;
import io.satchel.image.file.Storage;
import io.satchel.image.format.BlockTableDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.UUID;

/**
 * The current of the two headers.
 *
 * @param index which of the two
 */
record VhdxHeaders(
    int index,
    long sequence,
    UUID fileWrite,
    UUID dataWrite,
    UUID log,
    int logLength,
    long logOffset) {
  /** Reads both and takes the valid one with the higher sequence number. */
  static VhdxHeaders read(Storage file) throws IOException {
    VhdxHeaders best = null;
    for (int i = 0; i < 2; i++) {
      ByteBuffer b = VhdxFormat.little(VhdxFormat.HEADER);
      file.read(VhdxFormat.HEADERS[i], b);
      boolean valid =
          b.getInt(0) == VhdxFormat.HEADER_SIGNATURE
              && b.getInt(4) == VhdxFormat.checksum(b.array());
      if (valid && (best == null || b.getLong(8) > best.sequence)) {
        if (b.getShort(66) != 1 || b.getShort(64) != 0) {
          throw BlockTableDevice.unsupported(file, "is a VHDX of an unknown version");
        }
        best =
            new VhdxHeaders(
                i,
                b.getLong(8),
                Guid.get(b, 16),
                Guid.get(b, 32),
                Guid.get(b, 48),
                b.getInt(68),
                b.getLong(72));
      }
    }
    if (best == null) {
      throw BlockTableDevice.corrupt(file, "has no valid header", VhdxFormat.HEADERS[0]);
    }
    return best;
  }

  /** Writes the header that is not current, which makes it current. */
  VhdxHeaders writeNext(Storage file) throws IOException {
    VhdxHeaders next =
        new VhdxHeaders(1 - index, sequence + 1, fileWrite, dataWrite, log, logLength, logOffset);
    ByteBuffer b = VhdxFormat.little(VhdxFormat.HEADER);
    b.putInt(0, VhdxFormat.HEADER_SIGNATURE).putLong(8, next.sequence);
    Guid.put(b, 16, fileWrite);
    Guid.put(b, 32, dataWrite);
    Guid.put(b, 48, log);
    b.putShort(66, (short) 1).putInt(68, logLength).putLong(72, logOffset);
    b.putInt(4, VhdxFormat.checksum(b.array()));
    file.write(VhdxFormat.HEADERS[next.index], b);
    file.flush();
    return next;
  }

  VhdxHeaders writeBoth(Storage file) throws IOException {
    return writeNext(file).writeNext(file);
  }

  VhdxHeaders withoutLog() {
    return new VhdxHeaders(
        index, sequence, fileWrite, dataWrite, new UUID(0, 0), logLength, logOffset);
  }

  VhdxHeaders withNewWrites() {
    return new VhdxHeaders(
        index, sequence, UUID.randomUUID(), UUID.randomUUID(), log, logLength, logOffset);
  }
}
