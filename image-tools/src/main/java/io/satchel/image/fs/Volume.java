package io.satchel.image.fs;

import io.satchel.image.block.BlockDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/** A file system on a disk or in a partition. Everything it says is checked against its bounds. */
public interface Volume {
  /** What kind it is: ext4, NTFS, FAT32 and so on. */
  String kind();

  /** Its name, perhaps empty. */
  String label();

  /** Its size in bytes. */
  long size();

  /** Why its free space is not to be trusted, as a clause ("was not unmounted"), or null. */
  @Nullable String unsafe();

  /** What helps against {@link #unsafe()}: a clause. */
  default String remedy() {
    return "start the guest once, shut it down properly, and try again";
  }

  /** Whether {@link #free()} means something to a person, be it to be trusted or not. */
  default boolean counts() {
    return true;
  }

  /** Tells every free range, in bytes from the volume's start, in order. */
  void forEachFree(Range visitor) throws IOException;

  /** The remedy for what no shutdown of the guest changes. */
  String FILL_WITH_ZEROS =
      "fill its free space with zeros in the guest, delete these, and convert the image";

  /** Hears of a range. */
  @FunctionalInterface
  interface Range {
    void at(long start, long length) throws IOException;
  }

  /** The bytes that are free. */
  default long free() throws IOException {
    long[] sum = {0};
    forEachFree((start, length) -> sum[0] += length);
    return sum[0];
  }

  /**
   * The volume that begins at {@code start}, or null when it is none that is known.
   *
   * @throws IOException if the disk cannot be read
   */
  static @Nullable Volume at(BlockDevice disk, long start, long length) throws IOException {
    if (length < 4096) {
      return null;
    }
    Volume found = ExtVolume.probe(disk, start, length);
    if (found == null) {
      found = NtfsVolume.probe(disk, start, length);
    }
    if (found == null) {
      found = ExfatVolume.probe(disk, start, length);
    }
    if (found == null) {
      found = FatVolume.probe(disk, start, length);
    }
    if (found == null) {
      found = XfsVolume.probe(disk, start, length);
    }
    if (found == null) {
      found = BtrfsVolume.probe(disk, start, length);
    }
    if (found == null) {
      found = LvmVolume.probe(disk, start, length);
    }
    return found == null ? SwapVolume.probe(disk, start, length) : found;
  }

  /** Reads a piece, little-endian. */
  static ByteBuffer read(BlockDevice disk, long offset, int length) throws IOException {
    ByteBuffer b = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    disk.read(offset, b);
    return b.clear();
  }

  /** A file system that can be named and no more. */
  record Damaged(String kind, long size, String unsafe) implements Volume {
    @Override
    public String label() {
      return "";
    }

    @Override
    public boolean counts() {
      return false;
    }

    @Override
    public void forEachFree(Range visitor) {
      // Nothing that it says is to be trusted.
    }
  }

  /** Gathers neighbouring free units into ranges. */
  final class Runs {
    private final Range visitor;
    private long start = -1;
    private long end = -1;

    Runs(Range visitor) {
      this.visitor = visitor;
    }

    void free(long from, long length) throws IOException {
      if (from != end) {
        finish();
        start = from;
      }
      end = from + length;
    }

    void finish() throws IOException {
      if (start >= 0 && end > start) {
        visitor.at(start, end - start);
      }
      start = -1;
      end = -1;
    }
  }
}
