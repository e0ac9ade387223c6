package io.satchel.image.format.qcow2;

import io.satchel.image.block.ImageException;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The internal snapshots of an image. Holds the one that is being saved while the disk goes on;
 * until it is finished or given up the image takes no other change of its snapshots or its shape.
 */
public final class InternalSnapshots {
  private final Qcow2Device device;
  private final Qcow2Image image;
  private @Nullable PendingSnapshot pending;

  InternalSnapshots(Qcow2Device device) {
    this.device = device;
    this.image = device.image;
  }

  /** The snapshots in the order of the table. */
  public List<SnapshotInfo> list() {
    device.shared.lock();
    try {
      return image.snapshots.stream().map(SnapshotInfo::of).toList();
    } finally {
      device.shared.unlock();
    }
  }

  // --- One that is saved while the disk goes on ---

  /**
   * Begins a snapshot of the disk as it is now, with a machine's state to be written to it while
   * the disk goes on. Nothing is waited for, so this takes milliseconds. One at a time.
   *
   * @param time its date
   * @param clockNanos how long the guest had run
   */
  public PendingSnapshot begin(String name, Instant time, long clockNanos) throws IOException {
    device.exclusive.lock();
    try {
      device.reshape(() -> pending = new PendingSnapshot(device, name, time, clockNanos));
      return Objects.requireNonNull(pending);
    } finally {
      device.exclusive.unlock();
    }
  }

  /** The pending snapshot is finished or given up; the caller holds the lock. */
  void pendingEnded() {
    pending = null;
  }

  void refuseIfPending() throws ImageException {
    if (pending != null) {
      throw new ImageException(
          ImageException.Kind.IN_USE,
          image.file.name(),
          "is having a snapshot saved into it",
          "wait until that is done, or cancel it");
    }
  }

  /** Gives up the pending snapshot, if there is one. The caller holds the lock. */
  void giveUpPending() throws IOException {
    if (pending != null) {
      pending.close();
    }
  }

  // --- Those that are there ---

  /** Something done to the snapshots. */
  private interface SnapshotChange {
    void on(SnapshotTables snapshots) throws IOException;
  }

  private void change(SnapshotChange change) throws IOException {
    device.reshape(
        () -> {
          device.settle();
          change.on(new SnapshotTables(image));
          device.settle();
        });
  }

  private Snapshot existing(SnapshotTables snapshots, String nameOrId) throws ImageException {
    Snapshot found = snapshots.find(nameOrId);
    if (found == null) {
      throw new ImageException(
          ImageException.Kind.INVALID_REQUEST,
          image.file.name(),
          "has no snapshot " + nameOrId,
          "list them with `satchel img snapshot -l`");
    }
    return found;
  }

  /**
   * Takes a snapshot of the disk and of the VM state written before.
   *
   * @param time its date
   * @param clockNanos how long the guest had run
   * @param vmStateSize the bytes written by {@link VmStateArea#write}, or 0
   */
  public void create(String name, Instant time, long clockNanos, long vmStateSize)
      throws IOException {
    change(
        snapshots -> {
          snapshots.create(
              name, (int) time.getEpochSecond(), time.getNano(), clockNanos, vmStateSize);
          device.vmState().drop();
        });
  }

  /** Makes the disk what it was when the snapshot was taken. */
  public void apply(String nameOrId) throws IOException {
    change(
        snapshots -> {
          snapshots.apply(existing(snapshots, nameOrId));
          device.bitmaps().mark(0, device.size());
        });
  }

  /** Deletes a snapshot; the disk stays as it is. */
  public void delete(String nameOrId) throws IOException {
    change(snapshots -> snapshots.delete(existing(snapshots, nameOrId)));
  }

  /** Turns this read-only disk into what it was when the snapshot was taken. */
  public void show(String nameOrId) throws IOException {
    if (!device.readOnly()) {
      throw new IllegalStateException("only a disk that is read can show a snapshot");
    }
    device.exclusive.lock();
    try {
      Snapshot s = existing(new SnapshotTables(image), nameOrId);
      image.replaceL1(image.readTable(s.l1Offset(), s.l1Size(), "a snapshot's L1 table"));
      image.header.size = s.diskSize();
    } finally {
      device.exclusive.unlock();
    }
  }

  /** A snapshot's machine state. It is of no use any more once the snapshot is deleted. */
  public VmState vmState(String nameOrId) throws IOException {
    device.shared.lock();
    try {
      Snapshot s = existing(new SnapshotTables(image), nameOrId);
      long perEntry = image.header.bytesPerL1Entry();
      long start = Math.ceilDiv(s.diskSize(), perEntry) * perEntry;
      long[] table = image.readTable(s.l1Offset(), s.l1Size(), "a snapshot's L1 table");
      long room = table.length * perEntry - start;
      if (s.diskSize() < 0 || s.vmStateSize() < 0 || s.vmStateSize() > Math.max(0, room)) {
        throw image.corrupt("has a snapshot whose machine state does not fit its tables", -1);
      }
      return new VmState(device, table, start, s.vmStateSize());
    } finally {
      device.shared.unlock();
    }
  }
}
