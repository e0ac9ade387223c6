package io.satchel.image.format.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** The directory of persistent dirty bitmaps (docs/interop/qcow2.txt, "Bitmaps"). */
final class BitmapDirectory {
  static final int MAX_BITMAPS = 65535;
  static final int FLAG_IN_USE = 1;
  static final int FLAG_AUTO = 2;
  private static final int FIXED = 24;
  private static final long MAX_DIRECTORY = 64L << 20;
  private static final int MAX_TABLE_ENTRIES = 0x8000000 / 8;

  private BitmapDirectory() {}

  /**
   * A bitmap.
   *
   * @param tableSize how many entries its table has
   * @param granularityBits the logarithm of the bytes that a bit stands for
   */
  record Entry(
      long tableOffset, int tableSize, int flags, int granularityBits, String name, byte[] extra) {
    byte[] encode() {
      byte[] nameBytes = name.getBytes(StandardCharsets.UTF_8);
      ByteBuffer b =
          ByteBuffer.allocate(Math.ceilDiv(FIXED + extra.length + nameBytes.length, 8) * 8);
      b.putLong(tableOffset).putInt(tableSize).putInt(flags);
      b.put((byte) 1).put((byte) granularityBits).putShort((short) nameBytes.length);
      b.putInt(extra.length).put(extra).put(nameBytes);
      return b.array();
    }
  }

  /** Reads and checks the directory that the header's extension points to. */
  static List<Entry> read(Qcow2Image image) throws IOException {
    List<Entry> all = new ArrayList<>();
    byte[] extension = image.header.extension(Qcow2Header.EXT_BITMAPS);
    if (extension == null) {
      return all;
    }
    ByteBuffer b = ByteBuffer.wrap(extension);
    if (extension.length != 24) {
      throw image.corrupt("has a bitmaps extension of the wrong length", 0);
    }
    int count = b.getInt(0);
    long size = b.getLong(8);
    long offset = b.getLong(16);
    if (count <= 0
        || count > MAX_BITMAPS
        || size <= 0
        || size > MAX_DIRECTORY
        || offset <= 0
        || offset >= Qcow2Header.MAX_OFFSET
        || (offset & image.clusterSize - 1) != 0) {
      throw image.corrupt("has an impossible bitmap directory", offset);
    }
    if (offset + size > image.file.size()) {
      throw image.truncated("the bitmap directory", offset);
    }
    ByteBuffer directory = ByteBuffer.allocate((int) size);
    image.file.read(offset, directory);
    directory.flip();
    for (int i = 0; i < count; i++) {
      int at = directory.position();
      if (directory.remaining() < FIXED) {
        throw image.corrupt("has a bitmap directory that ends too early", offset + at);
      }
      long table = directory.getLong();
      final int tableSize = directory.getInt();
      final int flags = directory.getInt();
      final int type = directory.get();
      final int granularity = directory.get();
      int nameLength = directory.getShort() & 0xffff;
      long extraLength = directory.getInt() & 0xffffffffL;
      if (type != 1
          || granularity < 9
          || granularity > 31
          || tableSize < 0
          || tableSize > MAX_TABLE_ENTRIES
          || nameLength > 1023
          || (table & image.clusterSize - 1) != 0
          || nameLength + extraLength > directory.remaining()) {
        throw image.corrupt("has an impossible bitmap", offset + at);
      }
      byte[] extra = new byte[(int) extraLength];
      directory.get(extra);
      byte[] name = new byte[nameLength];
      directory.get(name);
      all.add(
          new Entry(
              table,
              tableSize,
              flags,
              granularity,
              new String(name, StandardCharsets.UTF_8),
              extra));
      directory.position(Math.min(directory.limit(), Math.ceilDiv(directory.position(), 8) * 8));
    }
    return all;
  }
}
