package io.satchel.image.operation;

import io.satchel.image.OpenedImage;
import io.satchel.image.Progress;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.file.Pages;
import io.satchel.image.file.Zeros;
import io.satchel.image.format.qcow2.Qcow2Device;
import io.satchel.image.operation.BlockMap.Range;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Lays an image over another one without changing what it reads as: what differs below is first
 * written into the image itself.
 */
public final class Rebase {
  private Rebase() {}

  /**
   * Rebases.
   *
   * @param image open for writing, with its old backing file
   * @param newBase the opened new backing disk, or null for none
   * @param name what to write into the image
   */
  public static void run(
      OpenedImage image,
      @Nullable BlockDevice newBase,
      @Nullable String name,
      @Nullable String format,
      Progress progress)
      throws IOException {
    Qcow2Device device = (Qcow2Device) image.chain().getFirst().device();
    BlockMap map = new BlockMap(image);
    long size = device.size();
    int step = Math.max(device.clusterSize(), 1 << 20);
    ByteBuffer old = Pages.allocate(step);
    ByteBuffer fresh = Pages.allocate(step);
    for (long at = 0; at < size; ) {
      Compare.tell(progress, at, size);
      Range own = map.at(at, size - at, 1);
      if (own.zero() && own.present() || own.data()) {
        at += own.length();
        continue;
      }
      int n = (int) Math.min(own.length(), step - at % step);
      old.clear().limit(n);
      device.read(at, old);
      fresh.clear().limit(n);
      if (newBase != null && at < newBase.size()) {
        fresh.limit((int) Math.min(n, newBase.size() - at));
        newBase.read(at, fresh);
        fresh.limit(n);
      }
      Zeros.fill(fresh);
      write(device, at, old.flip(), fresh.flip());
      at += n;
    }
    device.flush();
    device.amend().setBacking(name, format);
    Compare.tell(progress, size, size);
  }

  /** Writes the clusters that differ. */
  private static void write(Qcow2Device device, long at, ByteBuffer old, ByteBuffer fresh)
      throws IOException {
    int length = old.limit();
    int cluster = device.clusterSize();
    for (int done = 0; done < length; ) {
      int n = (int) Math.min(length - done, cluster - (at + done) % cluster);
      ByteBuffer piece = old.slice(done, n);
      if (!piece.equals(fresh.slice(done, n))) {
        if (Zeros.all(piece)) {
          device.writeZeroes(at + done, n, true);
        } else {
          device.write(at + done, piece);
        }
      }
      done += n;
    }
  }
}
