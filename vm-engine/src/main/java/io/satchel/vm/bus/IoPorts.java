package io.satchel.vm.bus;

import org.jspecify.annotations.Nullable;

/**
 * The 65,536 I/O ports.
 *
 * <p>An access wider than a device takes is split into accesses of the device's width, low address
 * first, as the ISA bus does. Ports without a device read as all ones and ignore writes.
 */
public final class IoPorts {

  private static final int COUNT = 0x10000;

  private record Mapping(int base, int maxWidth, String name, IoHandler handler) {}

  private long accesses;
  private final @Nullable Mapping[] mappings = new @Nullable Mapping[COUNT];

  /**
   * Puts a device on {@code count} ports from {@code base}; it sees offsets from {@code base}. A
   * later mapping of the same port wins.
   *
   * @param maxWidth the widest access in bytes that the device takes: 1, 2 or 4
   */
  public void map(int base, int count, int maxWidth, String name, IoHandler handler) {
    if (base < 0 || count < 1 || base + count > COUNT) {
      throw new IllegalArgumentException("ports %x+%x of %s".formatted(base, count, name));
    }
    Mapping mapping = new Mapping(base, maxWidth, name, handler);
    for (int port = base; port < base + count; port++) {
      mappings[port] = mapping;
    }
  }

  /** Takes {@code handler} off whichever of the ports it still holds. */
  public void unmap(int base, int count, IoHandler handler) {
    for (int port = base; port < base + count; port++) {
      Mapping mapping = mappings[port];
      if (mapping != null && mapping.handler == handler) {
        mappings[port] = null;
      }
    }
  }

  /** The name of the device on a port, or {@code null}. */
  public @Nullable String nameAt(int port) {
    Mapping mapping = mappings[port & 0xFFFF];
    return mapping == null ? null : mapping.name;
  }

  /** How often a port was read or written. */
  public long accesses() {
    return accesses;
  }

  /** Reads {@code width} (1, 2 or 4) bytes; zero-extended. */
  public int read(int port, int width) {
    accesses++;
    Mapping mapping = mappings[port];
    if (mapping != null && width <= mapping.maxWidth && reaches(mapping, port, width)) {
      return mapping.handler.read(port - mapping.base, width) & mask(width);
    }
    if (width == 1) {
      return 0xFF;
    }
    int half = width / 2;
    return read(port, half) | read((port + half) & 0xFFFF, half) << (8 * half);
  }

  /** Writes the low {@code width} (1, 2 or 4) bytes of {@code value}. */
  public void write(int port, int width, int value) {
    accesses++;
    Mapping mapping = mappings[port];
    if (mapping != null && width <= mapping.maxWidth && reaches(mapping, port, width)) {
      mapping.handler.write(port - mapping.base, width, value & mask(width));
      return;
    }
    if (width == 1) {
      return;
    }
    int half = width / 2;
    write(port, half, value);
    write((port + half) & 0xFFFF, half, value >>> (8 * half));
  }

  private boolean reaches(Mapping mapping, int port, int width) {
    int last = port + width - 1;
    return last < COUNT && mappings[last] == mapping;
  }

  private static int mask(int width) {
    return width == 4 ? -1 : (1 << (8 * width)) - 1;
  }
}
