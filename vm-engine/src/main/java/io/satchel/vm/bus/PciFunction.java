package io.satchel.vm.bus;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One PCI function: its configuration space (PCI Local Bus Specification 2.1, section 6.1), base
 * address registers and interrupt pin. A device extends it, or owns one, declares its BARs and
 * which of its own registers can be written.
 */
public class PciFunction {

  /**
   * Offset 04h, command: bit 0 I/O space, bit 1 memory space, bit 2 bus master, bit 10 interrupt
   * disable.
   */
  public static final int COMMAND = 0x04;

  public static final int STATUS = 0x06;
  public static final int CLASS_REVISION = 0x08;
  public static final int HEADER_TYPE = 0x0E;
  public static final int BAR0 = 0x10;
  public static final int SUBSYSTEM = 0x2C;
  public static final int ROM_BAR = 0x30;
  public static final int INTERRUPT_LINE = 0x3C;
  public static final int INTERRUPT_PIN = 0x3D;

  private static final int COMMAND_IO = 1;
  private static final int COMMAND_MEMORY = 2;
  private static final int COMMAND_MASTER = 4;

  /** A declared BAR: of ports, or of memory with a handler, or of memory at a host offset. */
  private static final class Bar {
    final boolean io;
    final int size;
    final String name;
    final int maxWidth;
    final @Nullable IoHandler handler;
    final int hostOffset;
    long mappedAt = -1;

    Bar(
        boolean io,
        int size,
        String name,
        int maxWidth,
        @Nullable IoHandler handler,
        int hostOffset) {
      this.io = io;
      this.size = size;
      this.name = name;
      this.maxWidth = maxWidth;
      this.handler = handler;
      this.hostOffset = hostOffset;
    }
  }

  private final byte[] config = new byte[256];
  private final byte[] initial = new byte[256];
  private final byte[] writable = new byte[256];
  private final @Nullable Bar[] bars = new @Nullable Bar[6];
  private int romSize;
  private int romHostOffset;
  private long romMappedAt = -1;
  private @Nullable PciBus bus;
  private int number;
  private boolean intx;

  /**
   * @param classRevision class code in bits 31-8 (base, sub, interface), revision in bits 7-0
   */
  public PciFunction(int vendor, int device, int classRevision) {
    preset(0x00, 2, vendor);
    preset(0x02, 2, device);
    preset(CLASS_REVISION, 4, classRevision);
    allow(COMMAND, 2, 0x0507);
    allow(0x0C, 2, 0xFFFF);
    allow(INTERRUPT_LINE, 1, 0xFF);
  }

  /** Sets the value that a register has after reset. */
  public final void preset(int register, int width, int value) {
    for (int i = 0; i < width; i++) {
      initial[register + i] = config[register + i] = (byte) (value >>> (8 * i));
    }
  }

  /** Lets software write the bits of {@code mask}. */
  public final void allow(int register, int width, int mask) {
    for (int i = 0; i < width; i++) {
      writable[register + i] = (byte) (mask >>> (8 * i));
    }
  }

  /** Declares BAR {@code index} as {@code size} ports (a power of two, at least 4). */
  public final void ioBar(int index, int size, int maxWidth, String name, IoHandler handler) {
    declare(index, new Bar(true, size, name, maxWidth, handler, 0), 1, -size & ~3);
  }

  /**
   * Declares BAR {@code index} as a window of {@code size} bytes (a power of two, at least 4096).
   */
  public final void memoryBar(
      int index, int size, boolean prefetch, String name, IoHandler handler) {
    declare(index, new Bar(false, size, name, 4, handler, 0), prefetch ? 8 : 0, -size);
  }

  /**
   * Declares BAR {@code index} as host memory at a host offset, so that accesses cost what RAM
   * costs.
   */
  public final void memoryBar(int index, int size, boolean prefetch, String name, int hostOffset) {
    declare(index, new Bar(false, size, name, 4, null, hostOffset), prefetch ? 8 : 0, -size);
  }

  /**
   * Declares the expansion ROM (section 6.2.5.2): {@code size} bytes (a power of two, at least
   * 4096) of host memory that the guest can only read. It shows when bit 0 of {@link #ROM_BAR} and
   * memory space are both enabled.
   */
  public final void romBar(int size, int hostOffset) {
    romSize = size;
    romHostOffset = hostOffset;
    allow(ROM_BAR, 4, -size | 1);
  }

  private void declare(int index, Bar bar, int typeBits, int mask) {
    bars[index] = bar;
    preset(BAR0 + 4 * index, 4, typeBits);
    allow(BAR0 + 4 * index, 4, mask);
  }

  void plugged(PciBus onBus, int deviceFunction) {
    bus = onBus;
    number = deviceFunction;
  }

  /** {@code device << 3 | function}. */
  public final int number() {
    return number;
  }

  /** What RST# does: all registers to their preset values, all BARs unmapped. */
  public final void resetConfig() {
    System.arraycopy(initial, 0, config, 0, config.length);
    remap();
    setIntx(false);
    for (int register = 0; register < 256; register += 4) {
      configWritten(register, 4);
    }
  }

  /** Reads 1, 2 or 4 bytes; a device overrides it for registers whose value is not stored. */
  public int readConfig(int register, int width) {
    int value = 0;
    for (int i = 0; i < width && register + i < 256; i++) {
      value |= (config[register + i] & 0xFF) << (8 * i);
    }
    return value;
  }

  /** Writes the writable bits. */
  public final void writeConfig(int register, int width, int value) {
    for (int i = 0; i < width && register + i < 256; i++) {
      int mask = writable[register + i];
      int at = register + i;
      config[at] = (byte) (config[at] & ~mask | value >>> (8 * i) & mask);
    }
    int last = register + width - 1;
    if (register <= COMMAND + 1 && last >= COMMAND
        || register < BAR0 + 24 && last >= BAR0
        || register < ROM_BAR + 4 && last >= ROM_BAR) {
      remap();
    }
    configWritten(register, width);
  }

  /** Sets a register that software cannot write, such as a status. */
  protected final void store(int register, int width, int value) {
    for (int i = 0; i < width; i++) {
      config[register + i] = (byte) (value >>> (8 * i));
    }
  }

  /**
   * Called after {@code width} bytes at {@code register} were written, and for every register after
   * a reset or restore.
   */
  protected void configWritten(int register, int width) {}

  /** Whether the guest lets this function read and write memory by itself. */
  public final boolean busMaster() {
    return (config[COMMAND] & COMMAND_MASTER) != 0;
  }

  /** Drives the interrupt pin that {@link #INTERRUPT_PIN} names; no effect without one. */
  public final void setIntx(boolean level) {
    if (level == intx) {
      return;
    }
    intx = level;
    int pin = config[INTERRUPT_PIN];
    if (bus != null && pin != 0) {
      bus.drive(number, pin - 1, level);
    }
  }

  private void remap() {
    if (bus == null) {
      return;
    }
    for (int i = 0; i < bars.length; i++) {
      Bar bar = bars[i];
      if (bar == null) {
        continue;
      }
      long base = Integer.toUnsignedLong(readBar(i)) & (bar.io ? ~3L : ~15L);
      boolean enabled = (config[COMMAND] & (bar.io ? COMMAND_IO : COMMAND_MEMORY)) != 0;
      long limit = bar.io ? 0x10000 : 1L << 32;
      long target = enabled && base != 0 && base + bar.size <= limit ? base : -1;
      if (target != bar.mappedAt) {
        unmap(bus, bar);
        map(bus, bar, target);
      }
    }
    remapRom(bus);
  }

  private void remapRom(PciBus onBus) {
    if (romSize == 0) {
      return;
    }
    int bar = readConfigStored(ROM_BAR);
    boolean enabled = (bar & 1) != 0 && (config[COMMAND] & COMMAND_MEMORY) != 0;
    long base = Integer.toUnsignedLong(bar & -romSize);
    long target = enabled && base != 0 && base + romSize <= 1L << 32 ? base : -1;
    if (target == romMappedAt) {
      return;
    }
    if (romMappedAt >= 0) {
      onBus.memory().unmap(romMappedAt, romSize);
    }
    if (target >= 0) {
      onBus.memory().mapReadOnly(target, romSize, romHostOffset);
    }
    romMappedAt = target;
  }

  private int readBar(int index) {
    return readConfigStored(BAR0 + 4 * index);
  }

  private int readConfigStored(int register) {
    int value = 0;
    for (int i = 0; i < 4; i++) {
      value |= (config[register + i] & 0xFF) << (8 * i);
    }
    return value;
  }

  private static void unmap(PciBus bus, Bar bar) {
    if (bar.mappedAt >= 0) {
      if (bar.io) {
        bus.ports().unmap((int) bar.mappedAt, bar.size, handlerOf(bar));
      } else {
        bus.memory().unmap(bar.mappedAt, bar.size);
      }
      bar.mappedAt = -1;
    }
  }

  private static void map(PciBus bus, Bar bar, long target) {
    if (target < 0) {
      return;
    }
    if (bar.io) {
      bus.ports().map((int) target, bar.size, bar.maxWidth, bar.name, handlerOf(bar));
    } else if (bar.handler != null) {
      bus.memory().mapDevice(target, bar.size, bar.name, bar.handler);
    } else {
      bus.memory().mapMemory(target, bar.size, bar.hostOffset);
    }
    bar.mappedAt = target;
  }

  private static IoHandler handlerOf(Bar bar) {
    if (bar.handler == null) {
      throw new IllegalStateException(bar.name);
    }
    return bar.handler;
  }

  /** A copy of the configuration space, for a device's state. */
  public final byte[] configState() {
    return config.clone();
  }

  /**
   * Becomes what {@link #configState} gave; the interrupt pin is driven again by the device itself.
   */
  public final void restoreConfig(byte[] state) {
    System.arraycopy(Arrays.copyOf(state, config.length), 0, config, 0, config.length);
    remap();
    for (int register = 0; register < 256; register += 4) {
      configWritten(register, 4);
    }
  }
}
