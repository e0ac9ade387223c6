package io.satchel.image.format.qcow2;

import io.satchel.image.file.StorageEvent;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Objects;

/**
 * The machine's state that belongs to a snapshot, beside the disk as it is. Holds the snapshot's L1
 * table, so it is of no use any more once the snapshot is deleted.
 */
public final class VmState {
  private final Qcow2Device device;
  private final long[] table;
  private final long start;
  private final long size;

  VmState(Qcow2Device device, long[] table, long start, long size) {
    this.device = device;
    this.table = table;
    this.start = start;
    this.size = size;
  }

  /** Bytes, by the snapshot table's account: untrusted. */
  public long size() {
    return size;
  }

  /** Fills {@code target}; what was never written reads as zeros. */
  public void read(long offset, ByteBuffer target) throws IOException {
    Objects.checkFromIndexSize(offset, target.remaining(), size);
    device.shared.lock();
    try {
      device.image.file.about(StorageEvent.VMSTATE_LOAD);
      device.readMapped(table, start + offset, target, new Mapping());
    } finally {
      device.shared.unlock();
    }
  }
}
