package io.satchel.image.fs;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.zip.CRC32C;

/** Reads a tree of btrfs from left to right; each node is checked before it is believed. */
final class BtrfsTree {
  private static final int CHECKSUM = 32;
  private static final int HEADER = 101;
  private static final int ITEM = 25;
  private static final int POINTER = 33;
  private static final int MAX_LEVEL = 7;
  private static final int CRC32C_SUMS = 0;
  private static final int SHA256_SUMS = 2;

  /** Hears of an item. */
  interface Visitor {
    void at(long object, int type, long offset, ByteBuffer item) throws IOException;
  }

  /** Where logical addresses lie in the file system. */
  interface Places {
    long of(long logical, long bytes) throws IOException;
  }

  private final Region region;
  private final int nodeBytes;
  private final int checksums;
  private final Places places;
  private final long most;
  private long visited;

  /**
   * Any tree of a file system.
   *
   * @param checksums which kind the superblock says
   * @param most so many nodes are read before it must be a loop
   */
  BtrfsTree(Region region, int nodeBytes, int checksums, Places places, long most) {
    this.region = region;
    this.nodeBytes = nodeBytes;
    this.checksums = checksums;
    this.places = places;
    this.most = most;
  }

  /** Whether a block's checksum is right; those of kinds that are not known here are believed. */
  static boolean sound(ByteBuffer block, int length, int kind) {
    byte[] bytes = block.array();
    if (kind == CRC32C_SUMS) {
      CRC32C crc = new CRC32C();
      crc.update(bytes, CHECKSUM, length - CHECKSUM);
      return (int) crc.getValue() == block.getInt(0);
    }
    if (kind == SHA256_SUMS) {
      try {
        MessageDigest sha = MessageDigest.getInstance("SHA-256");
        sha.update(bytes, CHECKSUM, length - CHECKSUM);
        return Arrays.equals(sha.digest(), 0, CHECKSUM, bytes, 0, CHECKSUM);
      } catch (NoSuchAlgorithmException e) {
        throw new IllegalStateException(e);
      }
    }
    return true;
  }

  /** Tells every item below a node. */
  void walk(long logical, int level, Visitor visitor) throws IOException {
    walk(logical, level, -1, visitor);
  }

  private void walk(long logical, int level, long generation, Visitor visitor) throws IOException {
    long at = places.of(logical, nodeBytes);
    if (level < 0 || level > MAX_LEVEL || ++visited > most) {
      throw region.broken("has a tree that never ends", at);
    }
    ByteBuffer node = region.read(at, nodeBytes);
    int count = node.getInt(96);
    int each = level == 0 ? ITEM : POINTER;
    if (!sound(node, nodeBytes, checksums)
        || node.getLong(48) != logical
        || node.get(100) != level
        || generation >= 0 && node.getLong(80) != generation
        || count < 0
        || count > (nodeBytes - HEADER) / each) {
      throw region.broken("has a tree that is broken", at);
    }
    for (int i = 0; i < count; i++) {
      int entry = HEADER + i * each;
      if (level > 0) {
        walk(node.getLong(entry + 17), level - 1, node.getLong(entry + 25), visitor);
        continue;
      }
      long offset = HEADER + (node.getInt(entry + 17) & 0xffffffffL);
      long length = node.getInt(entry + 21) & 0xffffffffL;
      if (offset > nodeBytes - length) {
        throw region.broken("has an item that leaves its node", at);
      }
      visitor.at(
          node.getLong(entry),
          node.get(entry + 8) & 0xff,
          node.getLong(entry + 9),
          node.slice((int) offset, (int) length).order(node.order()));
    }
  }
}
