package io.satchel.image.format.vhdx;

import io.satchel.image.file.Storage;
import io.satchel.image.format.BlockTableDevice;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * An open VHDX. An entry of the block table is one aligned word, so it reaches the medium whole or
 * not at all: it is written after its block, without the log's help.
 */
final class VhdxDevice extends BlockTableDevice {
  static final int PRESENT = 6;
  private static final int STATE_ZERO = 2;
  private static final int STATE_UNMAPPED = 3;
  private static final long OFFSET = ~0xfffffL;
  private static final int MIB = 1 << 20;

  private final long ratio;
  private final long tableOffset;
  private final long[] table;
  private VhdxHeaders headers;
  private long end;
  private int firstDirty = Integer.MAX_VALUE;
  private int lastDirty = -1;

  VhdxDevice(
      Storage file,
      VhdxHeaders headers,
      long size,
      int blockSize,
      long ratio,
      long tableOffset,
      int entries)
      throws IOException {
    super(file, size, blockSize);
    this.headers = headers;
    this.ratio = ratio;
    this.tableOffset = tableOffset;
    ByteBuffer b = VhdxFormat.little(entries * 8);
    file.read(tableOffset, b);
    table = new long[entries];
    b.flip().asLongBuffer().get(table);
    long last = tableOffset + entries * 8L;
    for (int i = 0; i < entries; i++) {
      if ((table[i] & 7) == PRESENT && i % (ratio + 1) != ratio) {
        long place = table[i] & OFFSET;
        if (place < MIB || place > 1L << 50) {
          throw corrupt("has a block at an impossible place", tableOffset + i * 8L);
        }
        if (place >= file.size()) {
          throw truncated(file, "data of its disk", place);
        }
        last = Math.max(last, place + blockSize);
      }
    }
    end = Math.ceilDiv(Math.max(last, file.size()), MIB) * MIB;
  }

  private int index(long block) {
    return (int) (block + block / ratio);
  }

  @Override
  protected long locate(long block) throws IOException {
    long entry = table[index(block)];
    return switch ((int) (entry & 7)) {
      case PRESENT -> entry & OFFSET;
      case STATE_ZERO, STATE_UNMAPPED -> ZERO;
      case 0, 1 -> ABSENT;
      default ->
          throw corrupt("has a block in an impossible state", tableOffset + index(block) * 8L);
    };
  }

  @Override
  protected long allocate(long block) {
    long place = end;
    end += blockSize;
    return place;
  }

  @Override
  protected void publish(long block, long place) {
    int index = index(block);
    table[index] = place == ZERO ? STATE_ZERO : place | PRESENT;
    firstDirty = Math.min(firstDirty, index);
    lastDirty = Math.max(lastDirty, index);
  }

  @Override
  protected boolean hasZeroBlocks() {
    return true;
  }

  @Override
  protected void beforeFirstWrite() throws IOException {
    headers = headers.withNewWrites().writeBoth(file);
  }

  @Override
  protected boolean blocksAreWhole() {
    return true;
  }

  /** The log has been replayed, and there is nothing else to repair. */
  @Override
  public boolean repairable() {
    return true;
  }

  @Override
  protected void writeTables() throws IOException {
    ByteBuffer b = VhdxFormat.little((lastDirty - firstDirty + 1) * 8);
    b.asLongBuffer().put(table, firstDirty, lastDirty - firstDirty + 1);
    file.write(tableOffset + firstDirty * 8L, b);
    firstDirty = Integer.MAX_VALUE;
    lastDirty = -1;
  }
}
