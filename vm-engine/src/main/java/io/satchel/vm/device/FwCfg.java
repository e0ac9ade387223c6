package io.satchel.vm.device;

import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.memory.AddressMap;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The firmware configuration interface that SeaBIOS and OVMF ask about the machine: QEMU, "QEMU
 * Firmware Configuration (fw_cfg) Device" (docs/specs/fw_cfg).
 *
 * <pre>
 *  510h  selector, 16 bits, write only      511h  data, a byte a read
 *  514h  DMA address register, 64 bits, big-endian: writing its low half at 518h starts; reads
 *        "QEMU CFG"
 *  DMA descriptor, big-endian: control (32 bits: 0 error, 1 read, 2 skip, 3 select, 4 write, 31-16
 *        the key), length (32), address (64)
 * </pre>
 *
 * <p>Items are given by the machine when it is built; they are part of its configuration and not of
 * its state. The guest cannot write them.
 */
public final class FwCfg implements Device<FwCfg.State> {

  private static final int KEY_SIGNATURE = 0x00;
  private static final int KEY_ID = 0x01;
  private static final int KEY_RAM_SIZE = 0x03;
  private static final int KEY_NOGRAPHIC = 0x04;
  private static final int KEY_CPUS = 0x05;
  private static final int KEY_KERNEL_ADDRESS = 0x07;
  private static final int KEY_KERNEL_SIZE = 0x08;
  private static final int KEY_INITRD_ADDRESS = 0x0A;
  private static final int KEY_INITRD_SIZE = 0x0B;
  private static final int KEY_NUMA = 0x0D;
  private static final int KEY_BOOT_MENU = 0x0E;
  private static final int KEY_MAXIMUM_CPUS = 0x0F;
  private static final int KEY_KERNEL_DATA = 0x11;
  private static final int KEY_INITRD_DATA = 0x12;
  private static final int KEY_COMMAND_LINE_ADDRESS = 0x13;
  private static final int KEY_COMMAND_LINE_SIZE = 0x14;
  private static final int KEY_COMMAND_LINE_DATA = 0x15;
  private static final int KEY_SETUP_ADDRESS = 0x16;
  private static final int KEY_SETUP_SIZE = 0x17;
  private static final int KEY_SETUP_DATA = 0x18;
  private static final int KEY_DIRECTORY = 0x19;
  private static final int KEY_FIRST_FILE = 0x20;
  private static final int KEY_IRQ0_OVERRIDE = 0x8002;

  /** Traditional and DMA interface. */
  private static final int FEATURES = 0b11;

  private static final byte[] SIGNATURE = "QEMU".getBytes(StandardCharsets.US_ASCII);
  private static final int DMA_SIGNATURE_HIGH = 0x5145_4D55;
  private static final int DMA_SIGNATURE_LOW = 0x2043_4647;
  private static final int DMA_ERROR = 1;
  private static final int DMA_READ = 1 << 1;
  private static final int DMA_SKIP = 1 << 2;
  private static final int DMA_SELECT = 1 << 3;
  private static final int DMA_WRITE = 1 << 4;

  private static final int NAME_LENGTH = 56;
  private static final int LINUX_SETUP_ADDRESS = 0x1_0000;
  private static final int LINUX_COMMAND_LINE_ADDRESS = 0x2_0000;
  private static final int LINUX_KERNEL_ADDRESS = 0x10_0000;
  private static final byte[] ZEROS = new byte[4096];

  /**
   * What is selected.
   *
   * @param offset of the next data byte
   * @param dmaAddress bits 63-32 of the DMA address in the upper half, until the lower is written
   */
  public record State(int selector, int offset, long dmaAddress) {}

  /**
   * A range of the memory map.
   *
   * @param type 1 RAM, 2 reserved, 3 ACPI tables, 4 ACPI NVS
   */
  public record Range(long base, long length, int type) {
    public static final int RAM = 1;
  }

  private final AddressMap memory;
  private final Map<Integer, byte[]> items = new TreeMap<>();
  private final Map<String, byte[]> files = new TreeMap<>();
  private byte[] selected = SIGNATURE;
  private int selector;
  private int offset;
  private long dmaAddress;

  /**
   * @param ramBytes size of RAM
   * @param processors how many there are
   */
  public FwCfg(Board board, long ramBytes, int processors) {
    this.memory = board.memory();
    item(KEY_SIGNATURE, SIGNATURE);
    item(KEY_ID, little(4, FEATURES));
    item(KEY_RAM_SIZE, little(8, ramBytes));
    item(KEY_NOGRAPHIC, little(2, 0));
    item(KEY_CPUS, little(2, processors));
    item(KEY_MAXIMUM_CPUS, little(2, processors));
    // No NUMA nodes, and no affinities of the processors.
    item(KEY_NUMA, new byte[8 + 8 * processors]);
    bootMenu(false);
    item(KEY_IRQ0_OVERRIDE, little(4, 1));
    file("etc/max-cpus", little(8, processors));
    // S1 and S2 never existed here; S3 and S4 are not offered; S5 is: bit 7 of its byte.
    file("etc/system-states", new byte[] {(byte) 0x80, 0, 0, 0, 0, (byte) 0x80});
    board.ports().map(0x510, 2, 2, "fw_cfg", new Registers());
    board.ports().map(0x514, 8, 4, "fw_cfg DMA", new Dma());
    reset();
  }

  /** Gives an item by its number. */
  public void item(int key, byte[] data) {
    items.put(key, data);
  }

  /**
   * Gives a file, such as {@code genroms/x.bin} or {@code vgaroms/vgabios.bin}.
   *
   * @param name at most 55 characters of ASCII
   */
  public void file(String name, byte[] data) {
    if (name.length() >= NAME_LENGTH) {
      throw new IllegalArgumentException(name);
    }
    files.put(name, data);
    int key = KEY_FIRST_FILE;
    ByteBuffer directory = ByteBuffer.allocate(4 + 64 * files.size());
    directory.putInt(files.size());
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      int start = directory.position();
      directory.putInt(file.getValue().length).putShort((short) key).putShort((short) 0);
      directory.put(file.getKey().getBytes(StandardCharsets.US_ASCII));
      directory.position(start + 64);
      item(key++, file.getValue());
    }
    item(KEY_DIRECTORY, directory.array());
  }

  /** Whether firmware asks for the boot device. */
  public void bootMenu(boolean show) {
    item(KEY_BOOT_MENU, little(2, show ? 1 : 0));
  }

  /**
   * Gives {@code etc/e820}, the memory map: RAM from 0 in one piece, and what the machine keeps for
   * itself. Firmware cuts out the holes below 1 MiB and its own tables.
   */
  public void memoryMap(List<Range> ranges) {
    ByteBuffer table = ByteBuffer.allocate(20 * ranges.size()).order(ByteOrder.LITTLE_ENDIAN);
    for (Range range : ranges) {
      table.putLong(range.base()).putLong(range.length()).putInt(range.type());
    }
    file("etc/e820", table.array());
  }

  /**
   * Gives {@code bootorder}: Open Firmware paths, such as {@code /pci@i0cf8/ide@1,1/drive@0/disk@0}
   * for the primary master or {@code /pci@i0cf8/isa@1/fdc@03f0/floppy@0}.
   */
  public void bootOrder(List<String> paths) {
    file("bootorder", (String.join("\n", paths) + "\0").getBytes(StandardCharsets.US_ASCII));
  }

  /**
   * Gives a Linux kernel for firmware that starts one itself (OVMF) or an option ROM that does.
   *
   * @param setup boot sector and set-up code, command line address and loader type filled in
   * @param kernel the protected-mode part
   * @param initrdAddress where the initial RAM disk is to go
   */
  public void kernel(
      byte[] setup, byte[] kernel, String commandLine, byte[] initrd, int initrdAddress) {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    line.writeBytes(commandLine.getBytes(StandardCharsets.UTF_8));
    line.write(0);
    item(KEY_SETUP_ADDRESS, little(4, LINUX_SETUP_ADDRESS));
    item(KEY_SETUP_SIZE, little(4, setup.length));
    item(KEY_SETUP_DATA, setup);
    item(KEY_KERNEL_ADDRESS, little(4, LINUX_KERNEL_ADDRESS));
    item(KEY_KERNEL_SIZE, little(4, kernel.length));
    item(KEY_KERNEL_DATA, kernel);
    item(KEY_COMMAND_LINE_ADDRESS, little(4, LINUX_COMMAND_LINE_ADDRESS));
    item(KEY_COMMAND_LINE_SIZE, little(4, line.size()));
    item(KEY_COMMAND_LINE_DATA, line.toByteArray());
    item(KEY_INITRD_ADDRESS, little(4, initrdAddress));
    item(KEY_INITRD_SIZE, little(4, initrd.length));
    item(KEY_INITRD_DATA, initrd);
  }

  private static byte[] little(int width, long value) {
    byte[] bytes = new byte[width];
    for (int i = 0; i < width; i++) {
      bytes[i] = (byte) (value >>> 8 * i);
    }
    return bytes;
  }

  private void select(int key) {
    selector = key;
    offset = 0;
    byte[] item = items.get(key);
    selected = item == null ? new byte[0] : item;
  }

  private int next() {
    return offset < selected.length ? selected[offset++] : 0;
  }

  private final class Registers implements IoHandler {
    @Override
    public int read(int register, int width) {
      if (width == 1 && register == 1) {
        return next();
      }
      return width == 1 ? 0 : next() & 0xFF | next() << 8;
    }

    @Override
    public void write(int register, int width, int value) {
      if (register == 0 && width == 2) {
        select(value);
      }
    }
  }

  private final class Dma implements IoHandler {
    @Override
    public int read(int register, int width) {
      int half = Integer.reverseBytes(register < 4 ? DMA_SIGNATURE_HIGH : DMA_SIGNATURE_LOW);
      return half >>> 8 * (register & 3);
    }

    @Override
    public void write(int register, int width, int value) {
      if (width != 4) {
        return;
      }
      long half = Integer.reverseBytes(value) & 0xFFFF_FFFFL;
      if (register == 0) {
        dmaAddress = half << 32;
      } else if (register == 4) {
        long descriptor = dmaAddress | half;
        dmaAddress = 0;
        transfer(descriptor);
      }
    }
  }

  private long big(long address) {
    return Integer.reverseBytes((int) memory.read(address, 4)) & 0xFFFF_FFFFL;
  }

  /** Whether a range is RAM: the interface reaches nothing else, which also bounds its work. */
  private boolean inRam(long address, long length) {
    long ram = memory.memory().ramSize();
    return address >= 0 && address <= ram && length <= ram - address;
  }

  private void transfer(long descriptor) {
    if (!inRam(descriptor, 16)) {
      return;
    }
    int control = (int) big(descriptor);
    long length = big(descriptor + 4);
    long address = big(descriptor + 8) << 32 | big(descriptor + 12);
    if ((control & DMA_SELECT) != 0) {
      select(control >>> 16);
    }
    int result = 0;
    if ((control & DMA_READ) != 0) {
      if (inRam(address, length)) {
        copy(address, length);
      } else {
        result = DMA_ERROR;
      }
    } else if ((control & DMA_WRITE) != 0) {
      result = DMA_ERROR;
    } else if ((control & DMA_SKIP) != 0) {
      offset = (int) Math.min(selected.length, offset + length);
    }
    memory.write(descriptor, 4, Integer.reverseBytes(result));
  }

  /** Copies {@code length} bytes; behind the item's end there are zeros. */
  private void copy(long address, long length) {
    int part = (int) Math.min(length, selected.length - offset);
    memory.write(address, selected, offset, part);
    offset += part;
    address += part;
    for (long left = length - part; left > 0; left -= ZEROS.length) {
      memory.write(address, ZEROS, 0, (int) Math.min(left, ZEROS.length));
      address += ZEROS.length;
    }
  }

  @Override
  public String name() {
    return "fw_cfg";
  }

  @Override
  public void reset() {
    select(KEY_SIGNATURE);
    dmaAddress = 0;
  }

  @Override
  public State state() {
    return new State(selector, offset, dmaAddress);
  }

  @Override
  public void restore(State state) {
    select(state.selector());
    offset = Math.clamp(state.offset(), 0, selected.length);
    dmaAddress = state.dmaAddress();
  }
}
