package io.satchel.vm.machine;

import io.satchel.image.format.qcow2.Qcow2Device;
import io.satchel.image.format.qcow2.SnapshotInfo;
import io.satchel.image.format.qcow2.VmState;
import io.satchel.vm.api.Snapshot;
import io.satchel.vm.snapshot.SnapshotReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What can be told of saved machines from a disk image alone, without a machine. */
public final class SavedMachines {

  private SavedMachines() {}

  /** The snapshots of an image, also those without a machine's state. */
  public static List<Snapshot> list(Qcow2Device image) {
    return image.snapshots().list().stream().map(SavedMachines::snapshot).toList();
  }

  /**
   * The screen when the machine was saved, as a PNG; null when there is none.
   *
   * @throws IOException the snapshot was saved by another program, or cannot be read
   */
  public static byte @Nullable [] picture(Qcow2Device image, String nameOrId) throws IOException {
    return SnapshotReader.picture(source(image, nameOrId));
  }

  static Snapshot snapshot(SnapshotInfo info) {
    return new Snapshot(
        info.id(),
        info.name(),
        Instant.ofEpochSecond(info.seconds() & 0xFFFF_FFFFL, info.nanos()),
        info.clockNanos(),
        info.vmStateSize());
  }

  static SnapshotReader.Source source(Qcow2Device image, String nameOrId) throws IOException {
    VmState state = image.snapshots().vmState(nameOrId);
    return new SnapshotReader.Source() {
      @Override
      public long size() {
        return state.size();
      }

      @Override
      public void read(long offset, ByteBuffer target) throws IOException {
        state.read(offset, target);
      }
    };
  }
}
