package io.satchel.image.file;

import java.nio.ByteBuffer;
import java.util.UUID;

/** UUIDs as Microsoft stores them: the first three fields are little-endian (RFC 9562, 4). */
public final class Guid {
  private Guid() {}

  /** Reads one from a little-endian buffer. */
  public static UUID get(ByteBuffer b, int at) {
    long high =
        (b.getInt(at) & 0xffffffffL) << 32
            | (b.getShort(at + 4) & 0xffffL) << 16
            | b.getShort(at + 6) & 0xffffL;
    return new UUID(high, Long.reverseBytes(b.getLong(at + 8)));
  }

  /** Puts one into a little-endian buffer. */
  public static void put(ByteBuffer b, int at, UUID id) {
    long high = id.getMostSignificantBits();
    b.putInt(at, (int) (high >>> 32));
    b.putShort(at + 4, (short) (high >>> 16)).putShort(at + 6, (short) high);
    b.putLong(at + 8, Long.reverseBytes(id.getLeastSignificantBits()));
  }
}
