package io.satchel.image.block;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * The content of a disk, addressed by byte.
 *
 * <p>Offsets and lengths are in bytes, from 0 to {@link #size()}; no alignment is asked of the
 * caller. A range that leaves the device is an {@link IndexOutOfBoundsException}: the caller's
 * mistake, never the image's. Every method may be called from any thread; a request that overlaps
 * one still under way on another thread sees it whole or not at all, sector by sector.
 */
public interface BlockDevice extends Closeable {

  /** The size in bytes, as the guest sees it. */
  long size();

  /** True when {@link #write}, {@link #writeZeroes} and {@link #discard} are refused. */
  boolean readOnly();

  /**
   * Fills {@code target} from its position to its limit with what lies at {@code offset}.
   *
   * @throws IOException if the file cannot be read or is broken there
   */
  void read(long offset, ByteBuffer target) throws IOException;

  /**
   * Writes {@code source} from its position to its limit at {@code offset}. It is on the medium
   * after the next {@link #flush()}.
   *
   * @throws IOException if it could not be written; the old content is then still there, or the
   *     new, sector by sector
   */
  void write(long offset, ByteBuffer source) throws IOException;

  /** Makes a range read as zeros. With {@code unmap} the space it took may be given back. */
  void writeZeroes(long offset, long length, boolean unmap) throws IOException;

  /** Says that a range is no longer needed. A hint: afterwards it reads as zeros or as before. */
  void discard(long offset, long length) throws IOException;

  /** Returns when every write completed before this call is on the medium. */
  void flush() throws IOException;

  /**
   * What is known of the range that begins at {@code offset}; at least one byte and at most {@code
   * length} bytes long.
   */
  Extent extent(long offset, long length) throws IOException;

  /** A range of the device, all of one kind. {@code length} is in bytes. */
  record Extent(long length, Kind kind) {}

  /** How a range is stored. */
  enum Kind {
    /** This layer holds it. */
    DATA,
    /** This layer says that it reads as zeros. */
    ZERO,
    /**
     * This layer holds nothing there: it reads from the backing layer, or as zeros when there is
     * none.
     */
    UNALLOCATED
  }
}
