package io.satchel.image.format.cloop;

import io.satchel.image.file.Storage;
import io.satchel.image.format.BlockTableDevice;
import io.satchel.image.format.ImageFormat;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.ReadOnlyBlocks;
import io.satchel.image.format.Unzip;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * The compressed loop device of Knoppix, version 2: a shell script of 128 bytes, the block size, a
 * table of places, and blocks packed with zlib.
 */
public final class CloopFormat implements ImageFormat {
  private static final String MAGIC = "#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount";
  private static final int AT_BLOCK_SIZE = 128;
  private static final int TABLE = 136;
  private static final int MAX_BLOCK = 64 << 20;
  private static final long MAX_TABLE = 512 << 20;

  @Override
  public String name() {
    return "cloop";
  }

  @Override
  public boolean creatable() {
    return false;
  }

  @Override
  public boolean probe(ByteBuffer head) {
    byte[] start = new byte[Math.min(head.limit(), MAGIC.length())];
    head.get(0, start);
    return new String(start, StandardCharsets.ISO_8859_1).equals(MAGIC);
  }

  @Override
  public LayeredDevice open(Storage file, Purpose purpose) throws IOException {
    if (file.size() < TABLE + 8) {
      throw BlockTableDevice.truncated(file, "the header", file.size());
    }
    ByteBuffer h = ByteBuffer.allocate(8);
    file.read(AT_BLOCK_SIZE, h);
    long block = h.getInt(0) & 0xffffffffL;
    long blocks = h.getInt(4) & 0xffffffffL;
    if (block == 0 || block % 512 != 0 || block > MAX_BLOCK) {
      throw BlockTableDevice.corrupt(file, "has blocks of an impossible size", AT_BLOCK_SIZE);
    }
    if ((blocks + 1) * 8 > MAX_TABLE || TABLE + (blocks + 1) * 8 > file.size()) {
      throw BlockTableDevice.corrupt(file, "has a table of an impossible size", AT_BLOCK_SIZE + 4);
    }
    return new Device(file, (int) block, (int) blocks);
  }

  private static final class Device extends ReadOnlyBlocks {
    private final int blocks;
    private long unpackedBlock = -1;
    private byte @Nullable [] unpacked;

    Device(Storage file, int block, int blocks) {
      super(file, (long) block * blocks, block);
      this.blocks = blocks;
    }

    @Override
    protected long locate(long block) {
      return PACKED;
    }

    @Override
    protected synchronized byte[] readPacked(long block) throws IOException {
      byte[] last = unpacked;
      if (last != null && block == unpackedBlock) {
        return last;
      }
      long at = TABLE + block * 8;
      ByteBuffer entry = ByteBuffer.allocate(16);
      file.read(at, entry);
      long start = entry.getLong(0);
      long length = entry.getLong(8) - start;
      if (start < TABLE + blocks * 8L || length <= 0 || length > 2L * blockSize) {
        throw corrupt("has a block at an impossible place", at);
      }
      if (start > file.size() - length) {
        throw truncated(file, "data of its disk", start);
      }
      byte[] packed = new byte[(int) length];
      file.read(start, ByteBuffer.wrap(packed));
      byte[] plain = new byte[blockSize];
      if (!Unzip.zlib(packed, plain)) {
        throw corrupt("has a compressed block that cannot be unpacked", start);
      }
      unpacked = plain;
      unpackedBlock = block;
      return plain;
    }
  }
}
