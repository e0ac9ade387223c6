package io.satchel.vm.memory;

import static io.satchel.vm.memory.GuestMemory.PAGE_BITS;
import static io.satchel.vm.memory.GuestMemory.PAGE_SIZE;

import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.bus.PciMappings;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The guest's physical addresses below 4 GiB, by page of 4 KiB: which are host memory, which go to
 * a device, which are empty. Reads and writes are mapped apart, for ROM and for the chipset's
 * shadowing (Intel 440FX data sheet, PAM registers).
 *
 * <p>Empty addresses read as all ones and ignore writes. The A20 gate is applied by the processor,
 * not here: DMA does not pass it.
 */
public final class AddressMap implements PciMappings {

  /**
   * A page entry: a host page when it is not negative, else {@link #EMPTY} or {@code -2 - device
   * index}.
   */
  public static final int EMPTY = -1;

  private static final int PAGES = 1 << (32 - PAGE_BITS);

  private record Window(long base, String name, IoHandler handler) {}

  private final GuestMemory memory;
  private final int[] readPages = new int[PAGES];
  private final int[] writePages = new int[PAGES];
  private final List<Window> windows = new ArrayList<>();
  private final List<Runnable> changed = new ArrayList<>();
  private final List<Runnable> dirtyCleared = new ArrayList<>();

  public AddressMap(GuestMemory memory) {
    this.memory = memory;
    Arrays.fill(readPages, EMPTY);
    Arrays.fill(writePages, EMPTY);
  }

  public GuestMemory memory() {
    return memory;
  }

  /** {@code listener} is told whenever a mapping changes, so that TLBs can be emptied. */
  public void onChange(Runnable listener) {
    changed.add(listener);
  }

  /**
   * {@code listener} is told when dirty marks were cleared, so that TLBs forget which pages they
   * may write unmarked.
   */
  public void onDirtyCleared(Runnable listener) {
    dirtyCleared.add(listener);
  }

  /**
   * Reads of the range come from host memory at {@code offset}. All three are multiples of 4 KiB.
   */
  public void mapRead(long base, long size, int offset) {
    fill(readPages, base, size, offset >>> PAGE_BITS, 1);
  }

  /** Writes to the range go to host memory at {@code offset}. */
  public void mapWrite(long base, long size, int offset) {
    fill(writePages, base, size, offset >>> PAGE_BITS, 1);
  }

  /** The range is host memory at {@code offset}, for reads and writes. */
  @Override
  public void mapMemory(long base, long size, int offset) {
    mapRead(base, size, offset);
    mapWrite(base, size, offset);
  }

  /** The range is host memory at {@code offset} for reads and ignores writes. */
  @Override
  public void mapReadOnly(long base, long size, int offset) {
    mapRead(base, size, offset);
    unmapWrite(base, size);
  }

  /** Writes to the range are ignored. */
  public void unmapWrite(long base, long size) {
    fill(writePages, base, size, EMPTY, 0);
  }

  /** The range is empty. */
  @Override
  public void unmap(long base, long size) {
    fill(readPages, base, size, EMPTY, 0);
    fill(writePages, base, size, EMPTY, 0);
  }

  /** Reads and writes of the range go to a device, which sees offsets from {@code base}. */
  @Override
  public void mapDevice(long base, long size, String name, IoHandler handler) {
    int entry = -2 - window(base, name, handler);
    fill(readPages, base, size, entry, 0);
    fill(writePages, base, size, entry, 0);
  }

  private int window(long base, String name, IoHandler handler) {
    Window window = new Window(base, name, handler);
    int known = windows.indexOf(window);
    if (known >= 0) {
      return known;
    }
    windows.add(window);
    return windows.size() - 1;
  }

  private void fill(int[] pages, long base, long size, int entry, int step) {
    if (((base | size) & (PAGE_SIZE - 1)) != 0 || base < 0 || size < 0 || base + size > 1L << 32) {
      throw new IllegalArgumentException("range %x+%x".formatted(base, size));
    }
    int first = (int) (base >>> PAGE_BITS);
    for (int page = first, last = first + (int) (size >>> PAGE_BITS); page < last; page++) {
      pages[page] = entry;
      entry += step;
    }
    changed.forEach(Runnable::run);
  }

  /**
   * What a read of physical page {@code page} (address / 4096) meets: a host page, or a negative
   * entry.
   */
  public int readEntry(long page) {
    return page >>> (32 - PAGE_BITS) == 0 ? readPages[(int) page] : EMPTY;
  }

  /** What a write to physical page {@code page} meets. */
  public int writeEntry(long page) {
    return page >>> (32 - PAGE_BITS) == 0 ? writePages[(int) page] : EMPTY;
  }

  /**
   * Whether the host page was written since the last call, for the pages of a range of host
   * offsets; clears the marks.
   */
  public void takeDirty(int offset, int size, boolean[] result) {
    int first = offset >>> PAGE_BITS;
    int count = size >>> PAGE_BITS;
    boolean any = false;
    for (int i = 0; i < count; i++) {
      result[i] = memory.isDirty(first + i);
      any |= result[i];
    }
    if (any) {
      memory.clearDirty(first, count);
      dirtyCleared.forEach(Runnable::run);
    }
  }

  /**
   * Keeps the memory as it is at this moment for a reader on another thread, while the guest goes
   * on: each page is copied aside before its first write. TLBs forget which pages they may write
   * unmarked.
   */
  public FrozenMemory freeze() {
    FrozenMemory frozen = memory.freeze();
    dirtyCleared.forEach(Runnable::run);
    return frozen;
  }

  /**
   * Reads {@code width} bytes (1, 2, 4 or 8) at a physical address, little-endian, zero-extended.
   */
  public long read(long address, int width) {
    int inPage = (int) address & (PAGE_SIZE - 1);
    if (inPage + width > PAGE_SIZE) {
      long value = 0;
      for (int i = 0; i < width; i++) {
        value |= read(address + i, 1) << (8 * i);
      }
      return value;
    }
    int entry = readEntry(address >>> PAGE_BITS);
    if (entry >= 0) {
      int offset = (entry << PAGE_BITS) + inPage;
      return switch (width) {
        case 1 -> memory.read8(offset);
        case 2 -> memory.read16(offset);
        case 4 -> memory.read32(offset) & 0xFFFF_FFFFL;
        default -> memory.read64(offset);
      };
    }
    if (entry == EMPTY) {
      return width == 8 ? -1L : (1L << (8 * width)) - 1;
    }
    Window window = windows.get(-2 - entry);
    int offset = (int) (address - window.base);
    if (width == 8) {
      return (window.handler.read(offset, 4) & 0xFFFF_FFFFL)
          | (long) window.handler.read(offset + 4, 4) << 32;
    }
    return window.handler.read(offset, width) & ((1L << (8 * width)) - 1);
  }

  /** Writes the low {@code width} bytes (1, 2, 4 or 8) of {@code value} at a physical address. */
  public void write(long address, int width, long value) {
    int inPage = (int) address & (PAGE_SIZE - 1);
    if (inPage + width > PAGE_SIZE) {
      for (int i = 0; i < width; i++) {
        write(address + i, 1, value >>> (8 * i));
      }
      return;
    }
    int entry = writeEntry(address >>> PAGE_BITS);
    if (entry >= 0) {
      memory.markWritten(entry);
      int offset = (entry << PAGE_BITS) + inPage;
      switch (width) {
        case 1 -> memory.put8(offset, (int) value);
        case 2 -> memory.put16(offset, (int) value);
        case 4 -> memory.put32(offset, (int) value);
        default -> memory.put64(offset, value);
      }
      return;
    }
    if (entry == EMPTY) {
      return;
    }
    Window window = windows.get(-2 - entry);
    int offset = (int) (address - window.base);
    if (width == 8) {
      window.handler.write(offset, 4, (int) value);
      window.handler.write(offset + 4, 4, (int) (value >>> 32));
      return;
    }
    window.handler.write(offset, width, (int) (value & ((1L << (8 * width)) - 1)));
  }

  /** Copies from physical memory, as a bus master does. */
  public void read(long address, byte[] target, int from, int length) {
    while (length > 0) {
      int inPage = (int) address & (PAGE_SIZE - 1);
      int chunk = Math.min(length, PAGE_SIZE - inPage);
      int entry = readEntry(address >>> PAGE_BITS);
      if (entry >= 0) {
        memory.read((entry << PAGE_BITS) + inPage, target, from, chunk);
      } else {
        for (int i = 0; i < chunk; i++) {
          target[from + i] = (byte) read(address + i, 1);
        }
      }
      address += chunk;
      from += chunk;
      length -= chunk;
    }
  }

  /** Copies to physical memory, as a bus master does. */
  public void write(long address, byte[] source, int from, int length) {
    while (length > 0) {
      int inPage = (int) address & (PAGE_SIZE - 1);
      int chunk = Math.min(length, PAGE_SIZE - inPage);
      int entry = writeEntry(address >>> PAGE_BITS);
      if (entry >= 0) {
        memory.write((entry << PAGE_BITS) + inPage, source, from, chunk);
      } else {
        for (int i = 0; i < chunk; i++) {
          write(address + i, 1, source[from + i]);
        }
      }
      address += chunk;
      from += chunk;
      length -= chunk;
    }
  }
}
