package io.satchel.image.fuzz;

import io.satchel.image.block.BlockDevice.Extent;
import io.satchel.image.block.BlockDevice.Kind;
import io.satchel.image.block.ImageException;
import io.satchel.image.file.Storage;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/** A sparse file in memory on a disk that is soon full, so that nothing an image asks for hurts. */
public final class MemoryFile implements Storage {
  private static final int PAGE = 4096;

  /** How much may be stored. */
  private static final int MAX_PAGES = (48 << 20) / PAGE;

  /** How long a file may be, stored or not. */
  private static final long MAX_SIZE = 1L << 44;

  private final TreeMap<Long, byte[]> pages = new TreeMap<>();
  private final boolean readOnly;
  private long size;

  private MemoryFile(boolean readOnly) {
    this.readOnly = readOnly;
  }

  /** An empty file. */
  public MemoryFile() {
    this(false);
  }

  /** A file with a content. */
  static MemoryFile of(byte[] bytes) {
    MemoryFile file = new MemoryFile();
    for (int at = 0; at < bytes.length; at += PAGE) {
      int n = Math.min(PAGE, bytes.length - at);
      byte[] page = new byte[PAGE];
      System.arraycopy(bytes, at, page, 0, n);
      if (Arrays.mismatch(page, new byte[PAGE]) >= 0) {
        file.pages.put((long) at / PAGE, page);
      }
    }
    file.size = bytes.length;
    return file;
  }

  /** The same content again. */
  MemoryFile copy(boolean toRead) {
    MemoryFile other = new MemoryFile(toRead);
    for (Map.Entry<Long, byte[]> page : pages.entrySet()) {
      other.pages.put(page.getKey(), page.getValue().clone());
    }
    other.size = size;
    return other;
  }

  /** The content, which must not be too long for an array. */
  byte[] bytes() {
    byte[] all = new byte[Math.toIntExact(size)];
    read(0, ByteBuffer.wrap(all));
    return all;
  }

  @Override
  public String name() {
    return "memory";
  }

  @Override
  public boolean readOnly() {
    return readOnly;
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public void read(long offset, ByteBuffer target) {
    checkPlace(offset);
    long at = offset;
    while (target.hasRemaining()) {
      int inside = (int) (at % PAGE);
      int n = Math.min(target.remaining(), PAGE - inside);
      byte[] page = at >= size ? null : pages.get(at / PAGE);
      if (page == null) {
        target.put(new byte[n]);
      } else {
        target.put(page, inside, n);
      }
      at += n;
    }
  }

  @Override
  public void write(long offset, ByteBuffer source) throws ImageException {
    checkPlace(offset);
    refuseIfTooLong(offset + source.remaining());
    long at = offset;
    while (source.hasRemaining()) {
      int inside = (int) (at % PAGE);
      int n = Math.min(source.remaining(), PAGE - inside);
      byte[] page = pages.get(at / PAGE);
      if (page == null) {
        if (pages.size() >= MAX_PAGES) {
          throw full();
        }
        page = new byte[PAGE];
        pages.put(at / PAGE, page);
      }
      source.get(page, inside, n);
      at += n;
    }
    size = Math.max(size, at);
  }

  @Override
  public void setSize(long newSize) throws ImageException {
    checkPlace(newSize);
    refuseIfTooLong(newSize);
    pages.tailMap(Math.ceilDiv(newSize, PAGE), true).clear();
    byte[] last = pages.get(newSize / PAGE);
    if (last != null) {
      Arrays.fill(last, (int) (newSize % PAGE), PAGE, (byte) 0);
    }
    size = newSize;
  }

  @Override
  public void flush() {
    // It is in memory for good.
  }

  @Override
  public boolean punchHole(long offset, long length) {
    checkPlace(offset);
    long end = Math.min(size, offset + length);
    long firstWhole = Math.ceilDiv(offset, PAGE);
    if (firstWhole < end / PAGE) {
      pages.subMap(firstWhole, end / PAGE).clear();
    }
    for (long at = offset; at < end; ) {
      int inside = (int) (at % PAGE);
      long n = Math.min(end - at, PAGE - inside);
      byte[] page = pages.get(at / PAGE);
      if (page != null) {
        Arrays.fill(page, inside, inside + (int) n, (byte) 0);
        at += n;
      } else {
        Long next = pages.ceilingKey(at / PAGE);
        at = next == null ? end : next * PAGE;
      }
    }
    return true;
  }

  @Override
  public Extent extent(long offset, long length) {
    checkPlace(offset);
    if (offset >= size) {
      return new Extent(length, Kind.ZERO);
    }
    long inside = Math.min(length, size - offset);
    Long next = pages.ceilingKey(offset / PAGE);
    if (next == null || next * PAGE >= offset + inside) {
      return new Extent(inside, Kind.ZERO);
    }
    if (next * PAGE > offset) {
      return new Extent(next * PAGE - offset, Kind.ZERO);
    }
    return new Extent(Math.min(inside, PAGE - offset % PAGE), Kind.DATA);
  }

  @Override
  public void close() {
    // It may be opened again.
  }

  /** As a file of the host does: a place before its beginning is the caller's mistake. */
  private static void checkPlace(long offset) {
    if (offset < 0) {
      throw new IllegalArgumentException("a place before the beginning: " + offset);
    }
  }

  private static void refuseIfTooLong(long end) throws ImageException {
    if (end < 0 || end > MAX_SIZE) {
      throw full();
    }
  }

  private static ImageException full() {
    return new ImageException(
        ImageException.Kind.NO_SPACE, "memory", "cannot grow", "free some space");
  }
}
