package io.satchel.image.format.qcow2;

import io.satchel.image.file.StorageEvent;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * The machine's state behind the disk as it is: written there to become part of the next snapshot,
 * and there again on a disk that shows one. Holds nothing of its own.
 */
public final class VmStateArea {
  private final Qcow2Device device;
  private final Qcow2Image image;

  VmStateArea(Qcow2Device device) {
    this.device = device;
    this.image = device.image;
  }

  /** Where it lies: past everything that the L1 table needs for the disk (rule 19). */
  public long start() {
    long perEntry = image.header.bytesPerL1Entry();
    return Math.ceilDiv(device.size(), perEntry) * perEntry;
  }

  /** Writes a piece of the machine's state, to become part of the next snapshot. */
  public void write(long offset, ByteBuffer source) throws IOException {
    device.reshape(
        () -> {
          long at = start() + offset;
          long needed = Math.ceilDiv(at + source.remaining(), image.header.bytesPerL1Entry());
          if (needed > image.l1.length) {
            new SnapshotTables(image)
                .switchL1(Arrays.copyOf(image.l1, Math.toIntExact(needed)), device.size(), false);
          }
          image.file.about(StorageEvent.VMSTATE_SAVE);
          device.writeUnchecked(at, source);
        });
  }

  /** Reads the machine's state of the disk as it is, or of the snapshot that it shows. */
  public void read(long offset, ByteBuffer target) throws IOException {
    device.shared.lock();
    try {
      image.file.about(StorageEvent.VMSTATE_LOAD);
      device.readMapped(image.l1, start() + offset, target, new Mapping());
    } finally {
      device.shared.unlock();
    }
  }

  /** Forgets it, once a snapshot has it. The caller holds the lock. */
  void drop() throws IOException {
    long at = start();
    long end = image.l1.length * image.header.bytesPerL1Entry();
    for (; at < end; at += image.header.bytesPerL1Entry()) {
      int l1Index = image.l1Index(at);
      if (image.l2Table(l1Index) != 0) {
        long table = image.writableL2Table(l1Index);
        for (int i = 0; i < 1 << image.l2Bits; i++) {
          long entry = image.l2Entry(table, i);
          if (entry != 0) {
            image.setL2(table, i, 0, 0);
            image.releaseEntry(entry);
          }
        }
      }
    }
  }
}
