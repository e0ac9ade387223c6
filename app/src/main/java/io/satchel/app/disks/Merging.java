package io.satchel.app.disks;

import io.satchel.app.common.Problem;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenOptions.BackingPolicy;
import io.satchel.image.OpenedImage;
import io.satchel.image.OpenedImage.Layer;
import io.satchel.image.Progress;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.BlockDevice.Extent;
import io.satchel.image.format.qcow2.Qcow2Device;
import io.satchel.image.operation.Commit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Writes what an image holds beyond the one below it into that one. */
final class Merging {

  private final DiskFile file;

  Merging(DiskFile file) {
    this.file = file;
  }

  /**
   * What merging would do.
   *
   * @param base what is written to; null when the image lies over nothing
   * @param bytes how much the image holds itself
   * @param snapshots how many snapshots need the image as it is
   * @param layered whether it is of the format that can be emptied afterwards
   */
  record Found(@Nullable Path base, long bytes, int snapshots, boolean layered) {

    /** Why it cannot be done, as a text's key; null when it can. */
    @Nullable String obstacle() {
      if (base == null) {
        return "commit.alone";
      }
      if (!layered) {
        return "commit.format";
      }
      if (snapshots > 0) {
        return "commit.snapshots";
      }
      return Files.isWritable(base) ? null : "commit.readonly";
    }
  }

  Found look() throws IOException {
    try (OpenedImage image = file.open()) {
      Qcow2Device top = Images.qcow2(image.chain().getFirst().device());
      Path base = image.chain().size() < 2 ? null : image.chain().get(1).path();
      return new Found(
          base,
          top == null ? 0 : held(top),
          top == null ? 0 : top.snapshots().list().size(),
          top != null);
    }
  }

  private static long held(BlockDevice top) throws IOException {
    long sum = 0;
    for (long at = 0; at < top.size(); ) {
      Extent extent = top.extent(at, top.size() - at);
      sum += extent.kind() == BlockDevice.Kind.DATA ? extent.length() : 0;
      at += extent.length();
    }
    return sum;
  }

  /**
   * Merges, then empties the image. Broken off at any moment, both together still read as before,
   * and merging again finishes it.
   */
  void run(Progress progress) throws IOException {
    OpenOptions alone =
        OpenOptions.forWriting().withBacking(BackingPolicy.NONE).withAnswers(file.answers());
    // Held open from the first byte to the last, so that nobody runs it meanwhile.
    try (OpenedImage top = Images.open(file.path(), alone)) {
      Qcow2Device emptied = Images.qcow2(top.device());
      if (emptied == null) {
        throw new Problem("problem.merge.format", file.path());
      }
      try (OpenedImage chain = Images.open(file.path(), file.reading().withLocking(false))) {
        Layer base = chain.chain().get(1);
        OpenOptions into =
            OpenOptions.forWriting()
                .withFormat(base.format())
                .withBacking(BackingPolicy.ANYWHERE)
                .withAnswers(file.answers());
        try (OpenedImage target = Images.open(base.path(), into)) {
          Commit.run(chain, 1, target.device(), progress);
        }
      }
      emptied.makeEmpty();
      emptied.flush();
    }
  }
}
