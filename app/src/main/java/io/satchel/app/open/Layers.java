package io.satchel.app.open;

import io.satchel.app.common.Problem;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenOptions.BackingPolicy;
import io.satchel.image.OpenedImage;
import io.satchel.image.Overlay;
import io.satchel.image.Progress;
import io.satchel.image.format.LayeredDevice.BackingReference;
import io.satchel.image.format.qcow2.PendingSnapshot;
import io.satchel.image.format.qcow2.Qcow2Device;
import io.satchel.image.format.qcow2.SnapshotInfo;
import io.satchel.image.format.qcow2.VmState;
import io.satchel.image.operation.Cancelled;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Snapshots in the layers that machines write to. */
public final class Layers {

  /**
   * What a layer was when its run began, so that the run can be thrown away and its snapshots stay.
   * No person sees it.
   */
  public static final String MARK = "before this run";

  /** Begins the names of the moments of the last minutes; no timeline shows them. */
  public static final String REWIND = "rewind ";

  private static final int CHUNK = 1 << 20;

  private Layers() {}

  private static OpenedImage alone(Path layer, boolean writable) throws IOException {
    OpenOptions options = writable ? OpenOptions.forWriting() : OpenOptions.readOnly();
    return Images.open(layer, options.withBacking(BackingPolicy.NONE).withLocking(writable));
  }

  /** The snapshots that a file holds, but the mark; none when it is of another format. */
  public static List<SnapshotInfo> snapshots(Path file) throws IOException {
    try (OpenedImage image = alone(file, false)) {
      Qcow2Device device = Images.qcow2(image.device());
      return device == null
          ? List.of()
          : device.snapshots().list().stream().filter(info -> !hidden(info.name())).toList();
    }
  }

  /** Whether a snapshot of that name is the program's own affair. */
  public static boolean hidden(String name) {
    return name.equals(MARK) || name.startsWith(REWIND);
  }

  /** Deletes the moments of the last minutes. */
  public static void forgetMoments(Path layer) throws IOException {
    List<String> moments;
    try (OpenedImage image = alone(layer, false)) {
      Qcow2Device device = Images.qcow2(image.device());
      moments =
          device == null
              ? List.of()
              : device.snapshots().list().stream()
                  .map(SnapshotInfo::name)
                  .filter(name -> name.startsWith(REWIND))
                  .toList();
    }
    if (!moments.isEmpty()) {
      change(
          layer,
          device -> {
            for (String each : moments) {
              device.snapshots().delete(each);
            }
          });
    }
  }

  /** Something done to a layer that nobody uses. */
  private interface Change {
    void on(Qcow2Device layer) throws IOException;
  }

  private static void change(Path layer, Change change) throws IOException {
    try (OpenedImage image = alone(layer, true)) {
      Qcow2Device device = Images.qcow2(image.device());
      if (device == null) {
        throw new Problem("problem.snapshot.format", layer);
      }
      change.on(device);
    }
  }

  private static boolean marked(Qcow2Device layer) {
    return layer.snapshots().list().stream().anyMatch(info -> info.name().equals(MARK));
  }

  /**
   * Marks what the layer is now.
   *
   * @return false when a run that did not end has left its mark, which stays
   */
  public static boolean mark(Path layer) throws IOException {
    boolean[] fresh = new boolean[1];
    change(
        layer,
        device -> {
          fresh[0] = !marked(device);
          if (fresh[0]) {
            device.snapshots().create(MARK, Instant.now(), 0, 0);
          }
        });
    return fresh[0];
  }

  /** Removes the mark. */
  public static void unmark(Path layer) throws IOException {
    change(
        layer,
        device -> {
          if (marked(device)) {
            device.snapshots().delete(MARK);
          }
        });
  }

  /** Writes into a layer what the file that it lies over is called now; its format stays. */
  public static void rename(Path layer, String below) throws IOException {
    change(
        layer,
        device -> {
          BackingReference reference = device.backing();
          device.amend().setBacking(below, reference == null ? null : reference.format());
        });
  }

  /** Makes the layer what it was when it was marked, and removes the mark. */
  public static void backToMark(Path layer) throws IOException {
    change(
        layer,
        device -> {
          if (marked(device)) {
            device.snapshots().apply(MARK);
            device.snapshots().delete(MARK);
          }
        });
  }

  /**
   * Makes a new layer that holds what another one holds, over the same image.
   *
   * @param snapshot as that snapshot has it, the machine's state included; null for the present
   * @param below what the layer lies over
   * @param reading how that is opened
   */
  public static void copy(
      Path layer,
      @Nullable String snapshot,
      Path below,
      OpenOptions reading,
      Path copy,
      Path together,
      Progress progress)
      throws IOException {
    Overlay.create(copy, below, reading, together);
    try (OpenedImage source = alone(layer, false);
        OpenedImage target = alone(copy, true)) {
      Qcow2Device from = Images.qcow2(source.device());
      Qcow2Device to = Images.qcow2(target.device());
      if (from == null || to == null) {
        throw new Problem("problem.layer.format", layer);
      }
      SnapshotInfo info = null;
      if (snapshot != null) {
        info = info(from, snapshot);
        from.snapshots().show(snapshot);
      }
      if (from.size() != to.size()) {
        to.resize(from.size());
      }
      if (!Overlay.copy(from, to, progress)) {
        throw new Cancelled();
      }
      if (info != null) {
        copyState(from, info, to, progress);
      }
      to.flush();
    } catch (IOException | RuntimeException e) {
      Files.deleteIfExists(copy);
      throw e;
    }
  }

  private static @Nullable SnapshotInfo info(Qcow2Device layer, String snapshot) {
    return layer.snapshots().list().stream()
        .filter(each -> each.name().equals(snapshot))
        .findFirst()
        .orElse(null);
  }

  /** The copy gets a snapshot of that name too, so that a machine can go on from there. */
  private static void copyState(
      Qcow2Device from, SnapshotInfo info, Qcow2Device to, Progress progress) throws IOException {
    Instant time = Instant.ofEpochSecond(info.seconds() & 0xFFFF_FFFFL, info.nanos());
    try (PendingSnapshot pending = to.snapshots().begin(info.name(), time, info.clockNanos())) {
      VmState state = from.snapshots().vmState(info.name());
      ByteBuffer chunk = ByteBuffer.allocate(CHUNK);
      for (long at = 0; at < state.size(); at += chunk.limit()) {
        chunk.clear().limit((int) Math.min(CHUNK, state.size() - at));
        state.read(at, chunk);
        pending.write(chunk.flip());
        if (!progress.at(at, state.size())) {
          throw new Cancelled();
        }
      }
      pending.finish();
    }
  }
}
