package io.satchel.vm.firmware;

import io.satchel.vm.api.MachineConfig;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Starts a kernel without a boot loader: a multiboot ELF file (Multiboot Specification 0.6.96) or a
 * Linux bzImage (Linux's Documentation/arch/x86/boot.rst, boot protocol 2.02 or later).
 */
final class KernelLoader {

  // Linux.
  private static final int SETUP_SEGMENT = 0x9000;
  private static final int SETUP = SETUP_SEGMENT << 4;
  private static final int COMMAND_LINE = 0x9E000;
  private static final int COMMAND_LINE_SIZE = 0x800;
  private static final int HEAP_END = 0xDE00;
  private static final int PROTECTED_KERNEL = 0x10_0000;
  private static final int SECTOR = 512;

  // Multiboot.
  private static final int MAGIC = 0x1BADB002;
  private static final int INFO = 0x9_0000;
  private static final int INFO_COMMAND_LINE = 0x9_0100;
  private static final int INFO_MAP = 0x9_0A00;
  private static final int INFO_MODULE = 0x9_0F00;

  private final Guest guest;
  private final MemoryMap map;
  private final SystemRom rom;
  private final Path path;
  private final byte[] image;
  private final byte[] initrd;
  private final byte[] commandLine;
  private final int multibootHeader;

  KernelLoader(Guest guest, MemoryMap map, SystemRom rom, MachineConfig.Kernel kernel)
      throws IOException {
    this.guest = guest;
    this.map = map;
    this.rom = rom;
    path = kernel.image();
    image = read(path, map.usableEnd());
    Path ramDisk = kernel.initrd();
    initrd = ramDisk == null ? new byte[0] : read(ramDisk, map.usableEnd());
    commandLine = kernel.commandLine().getBytes(StandardCharsets.UTF_8);
    multibootHeader = findMultiboot();
    if (commandLine.length >= COMMAND_LINE_SIZE) {
      throw new IOException(
          "The kernel's command line has "
              + commandLine.length
              + " bytes; use fewer than "
              + COMMAND_LINE_SIZE
              + ".");
    }
    if (multibootHeader < 0 && !isLinux()) {
      throw new IOException(
          path + " is neither a multiboot ELF file nor a Linux bzImage; choose another kernel.");
    }
  }

  private static byte[] read(Path file, long most) throws IOException {
    long size = Files.size(file);
    if (size > most) {
      throw new IOException(
          file + " has " + size + " bytes, more than fit in the machine; give it more memory.");
    }
    return Files.readAllBytes(file);
  }

  private int image16(int at) {
    return image[at] & 0xFF | (image[at + 1] & 0xFF) << 8;
  }

  private int image32(int at) {
    return image16(at) | image16(at + 2) << 16;
  }

  private boolean isLinux() {
    return image.length > 0x268 && image32(0x202) == 0x53726448 && image16(0x206) >= 0x202;
  }

  private int findMultiboot() {
    for (int at = 0; at + 12 <= Math.min(8192, image.length); at += 4) {
      if (image32(at) == MAGIC && MAGIC + image32(at + 4) + image32(at + 8) == 0) {
        return at;
      }
    }
    return -1;
  }

  /** Puts the kernel into memory and goes there; the problem in words if it cannot. */
  @Nullable String start() {
    return multibootHeader >= 0 ? multiboot() : linux();
  }

  // Linux.

  private @Nullable String linux() {
    int sectors = image[0x1F1] & 0xFF;
    int setup = ((sectors == 0 ? 4 : sectors) + 1) * SECTOR;
    int kernel = image.length - setup;
    int version = image16(0x206);
    if (kernel <= 0 || setup > 0x8000) {
      return path + ": it is cut short";
    }
    if ((image[0x211] & 1) == 0) {
      return path + ": it is a zImage for low memory, which is not supported";
    }
    if (PROTECTED_KERNEL + (long) kernel > map.usableEnd()) {
      return path + ": it does not fit into memory; give the machine more";
    }
    long highest = version >= 0x203 ? image32(0x22C) & 0xFFFF_FFFFL : 0x37FF_FFFFL;
    long room = version >= 0x20A ? image32(0x260) & 0xFFFF_FFFFL : kernel * 4L;
    long end = Math.min(map.usableEnd(), highest + 1);
    long initrdAt = end - initrd.length & -4096;
    if (initrd.length > 0 && initrdAt < PROTECTED_KERNEL + Math.max(kernel, room)) {
      return path + ": the initial RAM disk does not fit into memory; give the machine more";
    }
    guest.fill(SETUP, 0, HEAP_END);
    guest.write(SETUP, image, 0, setup);
    guest.memory.write(PROTECTED_KERNEL, image, setup, kernel);
    if (initrd.length > 0) {
      guest.memory.write(initrdAt, initrd, 0, initrd.length);
      guest.write32(SETUP + 0x218, (int) initrdAt);
      guest.write32(SETUP + 0x21C, initrd.length);
    }
    guest.write(COMMAND_LINE, commandLine, 0, commandLine.length);
    guest.write8(COMMAND_LINE + commandLine.length, 0);
    guest.write32(SETUP + 0x228, COMMAND_LINE);
    guest.write8(SETUP + 0x210, 0xFF); // a loader without a number
    guest.write8(SETUP + 0x211, image[0x211] | 0x80); // CAN_USE_HEAP
    guest.write16(SETUP + 0x224, HEAP_END - 0x200);
    guest.eax(SETUP_SEGMENT);
    guest.ebx(HEAP_END);
    guest.stubWord(rom.linux);
    return null;
  }

  // Multiboot.

  private @Nullable String multiboot() {
    int flags = image32(multibootHeader + 4);
    long top;
    int entry;
    if ((flags & 1 << 16) != 0) {
      // The header itself says where the file goes.
      if (multibootHeader + 32 > image.length) {
        return path + ": its multiboot header is cut short";
      }
      long header = image32(multibootHeader + 12) & 0xFFFF_FFFFL;
      long load = image32(multibootHeader + 16) & 0xFFFF_FFFFL;
      long loadEnd = image32(multibootHeader + 20) & 0xFFFF_FFFFL;
      long bssEnd = image32(multibootHeader + 24) & 0xFFFF_FFFFL;
      entry = image32(multibootHeader + 28);
      long from = multibootHeader - (header - load);
      long length = loadEnd == 0 ? image.length - from : loadEnd - load;
      top = Math.max(load + length, bssEnd);
      if (from < 0 || length < 0 || from + length > image.length || top > map.usableEnd()) {
        return path + ": its multiboot header does not fit the file or the memory";
      }
      guest.memory.write(load, image, (int) from, (int) length);
      zero(load + length, Math.max(0, bssEnd - load - length));
    } else {
      ByteBuffer elf = ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN);
      if (image.length < 52 || elf.getInt(0) != 0x464C457F || elf.get(4) != 1) {
        return path + ": it is not a 32-bit ELF file";
      }
      entry = elf.getInt(24);
      top = loadSegments(elf);
      if (top < 0) {
        return path + ": its parts do not fit the file or the memory";
      }
    }
    information(top);
    guest.ebx(INFO);
    guest.ecx(entry);
    guest.stubWord(rom.multiboot);
    return null;
  }

  /** The end of the highest segment, or -1. */
  private long loadSegments(ByteBuffer elf) {
    long headers = elf.getInt(28) & 0xFFFF_FFFFL;
    int size = elf.getShort(42) & 0xFFFF;
    int count = elf.getShort(44) & 0xFFFF;
    long top = 0x10_0000;
    for (int i = 0; i < count; i++) {
      long at = headers + (long) i * size;
      if (at + 32 > image.length) {
        return -1;
      }
      int header = (int) at;
      if (elf.getInt(header) != 1) {
        continue;
      }
      long offset = elf.getInt(header + 4) & 0xFFFF_FFFFL;
      long address = elf.getInt(header + 12) & 0xFFFF_FFFFL;
      long inFile = elf.getInt(header + 16) & 0xFFFF_FFFFL;
      long inMemory = elf.getInt(header + 20) & 0xFFFF_FFFFL;
      if (offset + inFile > image.length || address + inMemory > map.usableEnd()) {
        return -1;
      }
      guest.memory.write(address, image, (int) offset, (int) inFile);
      zero(address + inFile, Math.max(0, inMemory - inFile));
      top = Math.max(top, address + inMemory);
    }
    return top;
  }

  private void zero(long address, long length) {
    byte[] zeros = new byte[4096];
    while (length > 0) {
      int now = (int) Math.min(length, zeros.length);
      guest.memory.write(address, zeros, 0, now);
      address += now;
      length -= now;
    }
  }

  private void information(long top) {
    int flags = 1 | 1 << 1 | 1 << 2 | 1 << 6; // sizes, boot device, command line, map
    guest.fill(INFO, 0, 0x1000);
    guest.write32(INFO + 4, MemoryMap.EBDA >> 10);
    guest.write32(INFO + 8, (int) (map.usableEnd() - 0x10_0000 >> 10));
    guest.write32(INFO + 12, 0x8000_FFFF);
    byte[] name = (path.getFileName() + " ").getBytes(StandardCharsets.UTF_8);
    int nameLength = Math.min(name.length, 64);
    guest.write(INFO_COMMAND_LINE, name, 0, nameLength);
    guest.write(INFO_COMMAND_LINE + nameLength, commandLine, 0, commandLine.length);
    guest.write32(INFO + 16, INFO_COMMAND_LINE);
    if (initrd.length > 0) {
      long at = top + 4095 & -4096;
      if (at + initrd.length <= map.usableEnd()) {
        guest.memory.write(at, initrd, 0, initrd.length);
        guest.write32(INFO_MODULE, (int) at);
        guest.write32(INFO_MODULE + 4, (int) at + initrd.length);
        guest.write32(INFO_MODULE + 8, INFO_COMMAND_LINE);
        guest.write32(INFO + 20, 1);
        guest.write32(INFO + 24, INFO_MODULE);
        flags |= 1 << 3;
      }
    }
    int at = INFO_MAP;
    for (MemoryMap.Range range : map.ranges()) {
      guest.write32(at, 20);
      guest.write64(at + 4, range.base());
      guest.write64(at + 12, range.length());
      guest.write32(at + 20, range.type());
      at += 24;
    }
    guest.write32(INFO + 44, at - INFO_MAP);
    guest.write32(INFO + 48, INFO_MAP);
    guest.write32(INFO, flags);
  }
}
