package io.satchel.image.format.qcow2;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import io.satchel.image.block.Watch;
import io.satchel.image.format.Preallocation;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** Changes the disk's size, and gives it its space beforehand. Holds nothing of its own. */
final class Resizing {
  private final Qcow2Device device;
  private final Qcow2Image image;
  private final Zeroing zeroing;

  Resizing(Qcow2Device device, Zeroing zeroing) {
    this.device = device;
    this.image = device.image;
    this.zeroing = zeroing;
  }

  /**
   * Changes the disk's size. What is gained reads as zeros, whatever the backing file holds there
   * (rule 18) and whatever the file held there before.
   */
  void resize(long newSize) throws IOException {
    device.refuseIfReadOnly();
    final long size = Math.ceilDiv(newSize, 512) * 512;
    device.exclusive.lock();
    try {
      if (size < 0) {
        throw new ImageException(
            ImageException.Kind.INVALID_REQUEST,
            image.file.name(),
            "cannot have a negative size",
            "choose another size");
      }
      if (image.header.version < 3 && !image.snapshots.isEmpty()) {
        throw new ImageException(
            ImageException.Kind.UNSUPPORTED,
            image.file.name(),
            "is of version 2 and has snapshots, so it cannot be resized",
            "amend it to version 3 (qemu-img amend -o compat=1.1)");
      }
      device.reshape(
          () -> {
            long old = device.size();
            if (size < old) {
              shrink(size);
            } else if (size > old) {
              grow(old, size);
            }
          });
    } finally {
      device.exclusive.unlock();
    }
  }

  void resize(long newSize, Preallocation preallocation, Watch watch) throws IOException {
    long old = device.size();
    boolean grows = newSize > old && preallocation != Preallocation.OFF;
    if (newSize < old && preallocation != Preallocation.OFF) {
      throw image.impossible("is to become smaller, which needs no preallocation");
    }
    if (grows && device.below() != null && !image.header.extendedL2() && image.header.version < 3) {
      throw image.impossible("is of version 2 over a backing file, so it cannot be preallocated");
    }
    resize(newSize);
    if (grows) {
      long from = Math.ceilDiv(old, image.clusterSize) * image.clusterSize;
      preallocate(from, preallocation, watch);
    }
  }

  private void grow(long old, long size) throws IOException {
    int needed = (int) Math.min(Math.ceilDiv(size, image.header.bytesPerL1Entry()), 1 << 30);
    if (needed > image.l1.length) {
      new SnapshotTables(image).switchL1(Arrays.copyOf(image.l1, needed), old, false);
    }
    image.header.size = size;
    boolean done = false;
    try {
      long covered = Math.ceilDiv(old, image.clusterSize) * image.clusterSize;
      zeroing.writeZeroData(old, Math.min(covered, size) - old);
      BlockDevice below = device.below();
      if (below != null && below.size() > covered && size > covered) {
        zeroing.zero(covered, Math.min(size, below.size()) - covered, true, false);
      }
      device.settle();
      writeSize();
      done = true;
    } finally {
      if (!done) {
        image.header.size = old;
      }
    }
  }

  private void writeSize() throws IOException {
    image.put(24, ByteBuffer.allocate(8).putLong(0, image.header.size));
    image.sync();
  }

  private void shrink(long size) throws IOException {
    device.writeBackTables();
    image.header.size = size;
    writeSize();
    long at = Math.ceilDiv(size, image.clusterSize) * image.clusterSize;
    long end = image.l1.length * image.header.bytesPerL1Entry();
    while (at < end) {
      int l1Index = image.l1Index(at);
      long tableEnd = (l1Index + 1L) * image.header.bytesPerL1Entry();
      if (image.l2Table(l1Index) != 0) {
        long table = image.writableL2Table(l1Index);
        for (; at < tableEnd; at += image.clusterSize) {
          long entry = image.l2Entry(table, image.l2Index(at));
          image.setL2(table, image.l2Index(at), 0, 0);
          image.releaseEntry(entry);
        }
      }
      at = tableEnd;
    }
    device.settleReleased();
    image.trimFile();
  }

  /** Gives every cluster of the disk its place, which reads as zeros. */
  void preallocate(Preallocation mode) throws IOException {
    preallocate(0, mode, Watch.NONE);
  }

  /** Does so from a cluster on; in a file that is not new, places may hold what was there. */
  private void preallocate(long from, Preallocation mode, Watch watch) throws IOException {
    // Where space is filled too, the tables take no time worth a word.
    Watch tables = mode == Preallocation.METADATA ? watch : Watch.NONE;
    device.exclusive.lock();
    try {
      for (long at = from; at < device.size(); ) {
        tables.at(at - from, device.size() - from);
        long table = image.writableL2Table(image.l1Index(at));
        int index = image.l2Index(at);
        int wanted =
            (int)
                Math.min(
                    image.leftInSlice(index), Math.ceilDiv(device.size() - at, image.clusterSize));
        Refcounts.Run run =
            image.data != image.file
                ? new Refcounts.Run(at, wanted)
                : image.refcounts.allocate(wanted);
        for (int i = 0; i < run.clusters(); i++) {
          long entry = run.offset() + i * image.clusterSize | Qcow2Image.COPIED;
          long bitmap = 0;
          if (from > 0 || image.encryption != null) {
            // What lies there is not zeros, or not in plain text.
            if (image.header.extendedL2()) {
              bitmap = 0xffff_ffffL << 32;
            } else if (image.header.version >= 3) {
              entry |= Qcow2Image.ZERO;
            } else if (image.data == image.file) {
              image.data.writeZeroes(
                  run.offset() + i * image.clusterSize, image.clusterSize, false);
            }
          }
          long old = image.l2Entry(table, index + i);
          image.setL2(table, index + i, entry, bitmap);
          image.releaseEntry(old);
        }
        at += run.clusters() * image.clusterSize;
      }
      tables.at(device.size() - from, device.size() - from);
      device.settle();
      long end =
          image.data == image.file
              ? image.refcounts.lastInUse() + 1 << image.clusterBits
              : device.size();
      if (image.data.size() < end) {
        image.data.setSize(end);
      }
      mode.apply(image.data, 0, end, watch);
    } finally {
      device.exclusive.unlock();
    }
  }
}
