package io.satchel.image.format;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import io.satchel.image.block.Watch;
import io.satchel.image.file.Storage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a format makes of a file: a disk, perhaps one that lies over another. */
public interface LayeredDevice extends BlockDevice {
  /** What the file says it lies over, or null when it stands alone. */
  default @Nullable BackingReference backing() {
    return null;
  }

  /**
   * Puts the opened backing disk below this one, which closes it. Called once, before the first
   * request, when {@link #backing()} is not null.
   *
   * @throws IOException if that is not the disk that this one was made over; it is closed with this
   *     one all the same
   */
  default void attachBacking(BlockDevice backing) throws IOException {
    throw new IllegalStateException("this format has no backing file");
  }

  /** What is said of the file of {@link #backing()} when it does not exist: a clause. */
  default String backingMissing(Path backing) {
    return "needs its backing file " + backing + ", which does not exist";
  }

  /** The name of the file that holds the data, or null when this file does. */
  default @Nullable String dataFile() {
    return null;
  }

  /** Hands over the opened data file, before the first request. This device closes it. */
  default void attachDataFile(Storage data) {
    throw new IllegalStateException("this format has no data file");
  }

  /** The unit of allocation in bytes, or 0 when there is none. */
  default int clusterSize() {
    return 0;
  }

  /** True when the image was not closed properly, by its own account. */
  default boolean dirty() {
    return false;
  }

  /** True when the disk's content is encrypted in the file. */
  default boolean encrypted() {
    return false;
  }

  /** Whether a new image's disk reads as zeros before anything is written. */
  default boolean newReadsAsZeros() {
    return true;
  }

  /** The further file of the image that holds what lies at a place; null when its own does. */
  default @Nullable String fileAt(long offset) {
    return null;
  }

  /** The bytes that further files of the image take on the host's disk. */
  default long allocatedBeside() throws IOException {
    return 0;
  }

  /** What only this format has, under the names of qemu-img's JSON; empty when nothing. */
  default Map<String, Object> specifics() {
    return Map.of();
  }

  /** How a range is stored, with its place in the file where it has one. */
  default Status status(long offset, long length) throws IOException {
    Extent extent = extent(offset, length);
    return new Status(
        extent.length(),
        extent.kind() != Kind.UNALLOCATED,
        extent.kind() == Kind.ZERO,
        extent.kind() == Kind.DATA,
        -1,
        false);
  }

  /**
   * How a range is stored in this layer.
   *
   * @param length bytes from the asked place on
   * @param present this layer decides what is read here
   * @param zero it reads as zeros
   * @param data there is something in the file to read
   * @param offset where in the file it lies, or -1
   */
  record Status(
      long length, boolean present, boolean zero, boolean data, long offset, boolean compressed) {}

  /**
   * Changes the disk's size. What is gained reads as zeros.
   *
   * @throws IOException if the format or the image cannot
   */
  void resize(long size) throws IOException;

  /**
   * Changes the disk's size and gives what is gained its place on the host's disk.
   *
   * @throws IOException if the format or the image cannot do one of both
   */
  default void resize(long size, Preallocation preallocation) throws IOException {
    if (preallocation != Preallocation.OFF) {
      throw new ImageException(
          ImageException.Kind.UNSUPPORTED,
          "The image",
          "is of a format that cannot be preallocated as it grows",
          "leave out --preallocation");
    }
    resize(size);
  }

  /** The same; the watch hears of the preallocation, and may stop it. */
  default void resize(long size, Preallocation preallocation, Watch watch) throws IOException {
    resize(size, preallocation);
  }

  /**
   * The backing file that an image names.
   *
   * @param name as written in the image
   * @param format the recorded format, or null when none is recorded
   */
  record BackingReference(String name, @Nullable String format) {}
}
