package io.satchel.vm.memory;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where the bytes of RAM, ROM and video memory live: one array, little-endian, addressed by
 * <em>host offset</em>.
 *
 * <p>A {@code byte[]} behind VarHandles is the fastest memory-safe form measured ({@code
 * docs/performance.md}); a bad offset is a Java exception, never a stray access. {@link AddressMap}
 * says which guest physical page is which host page.
 *
 * <p>Each 4 KiB page has two marks: <em>dirty</em>, set by whoever writes and cleared by whoever
 * draws or saves, and <em>code</em>, set by an engine that holds decoded instructions of the page.
 */
public final class GuestMemory {

  /** log2 of the page size. */
  public static final int PAGE_BITS = 12;

  /** 4 KiB. */
  public static final int PAGE_SIZE = 1 << PAGE_BITS;

  private static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  /** Told of writes to pages that carry the code mark. */
  @FunctionalInterface
  public interface CodeListener {
    /** Host page {@code page} is about to change; its code mark is still set. */
    void codeWritten(int page);
  }

  private static final byte DIRTY = 1;

  /** Set by the first write and never cleared: a page without it still holds zeros. */
  private static final byte WRITTEN = 2;

  private final byte[] bytes;
  private final int ramSize;
  private final byte[] dirty;
  private final byte[] code;
  private int allocated;
  private final List<CodeListener> codeListeners = new ArrayList<>();
  private @Nullable FrozenMemory frozen;

  /**
   * @param ramSize bytes of RAM, at host offset 0; a multiple of 4 KiB
   * @param extra bytes for ROMs and video memory, given out by {@link #allocate}; a multiple of 4
   *     KiB
   */
  public GuestMemory(int ramSize, int extra) {
    if (((ramSize | extra) & (PAGE_SIZE - 1)) != 0 || ramSize + (long) extra > 0x7FFF_F000L) {
      throw new IllegalArgumentException("guest memory of %d + %d bytes".formatted(ramSize, extra));
    }
    this.ramSize = ramSize;
    this.allocated = ramSize;
    bytes = new byte[ramSize + extra];
    dirty = new byte[bytes.length >>> PAGE_BITS];
    code = new byte[bytes.length >>> PAGE_BITS];
  }

  /** Bytes of RAM. */
  public int ramSize() {
    return ramSize;
  }

  /** All bytes, RAM first. Engines index it directly; they keep the marks themselves. */
  public byte[] bytes() {
    return bytes;
  }

  /**
   * Gives out {@code size} bytes (a multiple of 4 KiB) beside RAM and returns their host offset.
   */
  public int allocate(int size) {
    if ((size & (PAGE_SIZE - 1)) != 0 || size > bytes.length - allocated) {
      throw new IllegalArgumentException("no room for %d bytes".formatted(size));
    }
    int offset = allocated;
    allocated += size;
    return offset;
  }

  public int read8(int offset) {
    return bytes[offset] & 0xFF;
  }

  public int read16(int offset) {
    return (short) SHORT.get(bytes, offset) & 0xFFFF;
  }

  public int read32(int offset) {
    return (int) INT.get(bytes, offset);
  }

  public long read64(int offset) {
    return (long) LONG.get(bytes, offset);
  }

  /**
   * Writes without marking: for engines, which mark when they fill their TLB, and for video
   * memory's own device.
   */
  public void put8(int offset, int value) {
    bytes[offset] = (byte) value;
  }

  public void put16(int offset, int value) {
    SHORT.set(bytes, offset, (short) value);
  }

  public void put32(int offset, int value) {
    INT.set(bytes, offset, value);
  }

  public void put64(int offset, long value) {
    LONG.set(bytes, offset, value);
  }

  /** Must be called before a write to {@code page} that does not come from an engine's own TLB. */
  public void markWritten(int page) {
    setDirty(page);
    if (code[page] != 0) {
      codeWritten(page);
    }
  }

  /** Tells everyone; the mark stays while any of them leaves it. */
  private void codeWritten(int page) {
    boolean any = false;
    for (int i = 0; i < codeListeners.size(); i++) {
      code[page] = 1;
      codeListeners.get(i).codeWritten(page);
      any |= code[page] != 0;
    }
    setCode(page, any);
  }

  /** Copies in and marks the pages. */
  public void write(int offset, byte[] source, int from, int length) {
    if (length == 0) {
      return;
    }
    for (int page = offset >>> PAGE_BITS; page <= (offset + length - 1) >>> PAGE_BITS; page++) {
      markWritten(page);
    }
    System.arraycopy(source, from, bytes, offset, length);
  }

  /** Copies out. */
  public void read(int offset, byte[] target, int from, int length) {
    System.arraycopy(bytes, offset, target, from, length);
  }

  /** Whether a host page was written since {@link #clearDirty}. */
  public boolean isDirty(int page) {
    return (dirty[page] & DIRTY) != 0;
  }

  /** As {@link #markWritten}, for an engine that knows by itself what it decoded. */
  public void setDirty(int page) {
    FrozenMemory saving = frozen;
    if (saving != null && !saving.beforeWrite(page)) {
      frozen = null;
    }
    dirty[page] = DIRTY | WRITTEN;
  }

  /** Whether a page was ever written; one that was not holds zeros. */
  boolean everWritten(int page) {
    return (dirty[page] & WRITTEN) != 0;
  }

  /** Pages of RAM and of what was allocated beside it. */
  public int pages() {
    return allocated >>> PAGE_BITS;
  }

  /** See {@link AddressMap#freeze}. */
  FrozenMemory freeze() {
    FrozenMemory now = new FrozenMemory(this);
    frozen = now;
    return now;
  }

  /**
   * Tells who holds decoded instructions that every page is about to change: for a restore, which
   * writes through {@link #bytes}.
   */
  public void replaceAll() {
    for (int page = 0; page < code.length; page++) {
      if (code[page] != 0) {
        codeWritten(page);
      }
    }
  }

  /** A page's content was replaced, or is zeros from now on. */
  public void replaced(int page, boolean zeros) {
    if (!zeros) {
      dirty[page] |= WRITTEN;
    } else if (everWritten(page)) {
      Arrays.fill(bytes, page << PAGE_BITS, (page + 1) << PAGE_BITS, (byte) 0);
      dirty[page] &= ~WRITTEN;
    }
  }

  /** Sets all dirty marks: whoever draws or copies by them does all of it again. */
  public void dirtyAll() {
    for (int page = 0; page < dirty.length; page++) {
      dirty[page] |= DIRTY;
    }
  }

  /**
   * Clears marks; the engine must forget its writable TLB entries of these pages, see {@link
   * AddressMap#dirtyCleared}.
   */
  void clearDirty(int firstPage, int pages) {
    for (int page = firstPage; page < firstPage + pages; page++) {
      dirty[page] &= ~DIRTY;
    }
  }

  public boolean isCode(int page) {
    return code[page] != 0;
  }

  public void setCode(int page, boolean mark) {
    code[page] = (byte) (mark ? 1 : 0);
  }

  /**
   * {@code listener}, one an engine, is told of writes to marked pages; it may take the mark off.
   */
  public void onCodeWritten(CodeListener listener) {
    codeListeners.add(listener);
  }
}
