package io.satchel.image.operation;

import io.satchel.image.OpenedImage;
import io.satchel.image.Progress;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.file.Pages;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.operation.BlockMap.Range;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Writes what the upper layers of a chain hold into a layer below them. */
public final class Commit {
  private static final int CHUNK = 2 << 20;

  private Commit() {}

  /**
   * Commits. The base is flushed before this returns; the image is left as it is, so that a crash
   * loses nothing.
   *
   * @param image the whole chain, open for reading
   * @param layers how many layers, from the top, lie over the base
   * @param base the base, open for writing
   */
  public static void run(OpenedImage image, int layers, BlockDevice base, Progress progress)
      throws IOException {
    long size = image.device().size();
    if (size > base.size()) {
      ((LayeredDevice) base).resize(size);
    }
    BlockMap map = new BlockMap(image);
    ByteBuffer chunk = Pages.allocate(CHUNK);
    for (long at = 0; at < size; ) {
      Compare.tell(progress, at, size);
      Range range = map.at(at, size - at, layers);
      long end = at + range.length();
      if (range.data()) {
        for (; at < end; at += chunk.limit()) {
          Compare.tell(progress, at, size);
          chunk.clear().limit((int) Math.min(CHUNK, end - at));
          image.device().read(at, chunk);
          base.write(at, chunk.flip());
        }
      } else if (range.zero() && (range.present() || range.depth() < layers - 1)) {
        base.writeZeroes(at, range.length(), true);
      }
      at = end;
    }
    base.flush();
    Compare.tell(progress, size, size);
  }
}
