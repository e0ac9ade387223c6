package io.satchel.image.operation;

import io.satchel.image.OpenedImage;
import io.satchel.image.Progress;
import io.satchel.image.format.luks.LuksHeader;
import io.satchel.image.format.luks.LuksOptions;
import io.satchel.image.format.qcow2.Qcow2Options;
import io.satchel.image.operation.BlockMap.Range;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** How large a file would be. */
public final class Measure {
  private Measure() {}

  /**
   * A forecast in bytes.
   *
   * @param required for what the source holds now
   * @param fullyAllocated when the guest has written everything
   */
  public record Size(long required, long fullyAllocated) {}

  /** A raw image. */
  public static Size raw(long size) {
    return new Size(size, size);
  }

  /** A LUKS image: the disk behind its header and key slots. */
  public static Size luks(long size, LuksOptions how) {
    long bytes = LuksHeader.bytesFor(how) + Math.ceilDiv(size, 512) * 512;
    return new Size(bytes, bytes);
  }

  /** A qcow2 image with these options, for a source or for an empty disk of that size. */
  public static Size qcow2(Qcow2Options options, @Nullable OpenedImage source) throws IOException {
    return qcow2(options, source, 0);
  }

  /** As above, with {@code keyBytes} bytes of an encryption header. */
  public static Size qcow2(Qcow2Options options, @Nullable OpenedImage source, long keyBytes)
      throws IOException {
    return qcow2(options, source, keyBytes, Progress.NONE);
  }

  /** The same, heard of by a listener that may stop it. */
  public static Size qcow2(
      Qcow2Options options, @Nullable OpenedImage source, long keyBytes, Progress progress)
      throws IOException {
    long cluster = 1L << options.clusterBits();
    long disk = Math.ceilDiv(options.size(), cluster) * cluster;
    long full = disk + tables(options, disk, keyBytes);
    long data = 0;
    if (source != null) {
      data = dataClusters(source, cluster, progress) * cluster;
    }
    return new Size(full - disk + data, full);
  }

  private static long dataClusters(OpenedImage source, long cluster, Progress progress)
      throws IOException {
    BlockMap map = new BlockMap(source);
    long size = source.device().size();
    long clusters = 0;
    long counted = -1;
    for (long at = 0; at < size; ) {
      Compare.tell(progress, at, size);
      Range range = map.at(at, size - at);
      if (range.data() && !range.zero()) {
        long first = Math.max(at / cluster, counted + 1);
        long last = (at + range.length() - 1) / cluster;
        clusters += Math.max(0, last - first + 1);
        counted = Math.max(counted, last);
      }
      at += range.length();
    }
    Compare.tell(progress, size, size);
    return clusters;
  }

  /** The header and all tables of an image whose every cluster is in use. */
  private static long tables(Qcow2Options options, long disk, long keyBytes) {
    long cluster = 1L << options.clusterBits();
    long entry = options.extendedL2() ? 16 : 8;
    long l2Entries = roundUp(disk / cluster, cluster / entry);
    long l1Entries = roundUp(l2Entries * entry / cluster, cluster / 8);
    long bytes = cluster + l2Entries * entry + l1Entries * 8;
    bytes += Math.ceilDiv(keyBytes, cluster) * cluster;
    long clusters = (bytes + disk) / cluster;
    long countsPerBlock = cluster * 8 >> options.refcountOrder();
    long blocks = 0;
    long table = 0;
    while (true) {
      long newBlocks = Math.ceilDiv(clusters + table + blocks, countsPerBlock);
      long newTable = Math.ceilDiv(newBlocks, cluster / 8);
      if (newBlocks == blocks && newTable == table) {
        return bytes + (blocks + table) * cluster;
      }
      blocks = newBlocks;
      table = newTable;
    }
  }

  private static long roundUp(long value, long unit) {
    return Math.ceilDiv(value, unit) * unit;
  }
}
