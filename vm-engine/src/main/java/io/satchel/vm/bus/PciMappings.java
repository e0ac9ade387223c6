package io.satchel.vm.bus;

/** How the PCI bus puts a memory BAR into the physical address map. */
public interface PciMappings {

  /** Puts a device's window at a physical address; sizes are multiples of 4 KiB. */
  void mapDevice(long base, long size, String name, IoHandler handler);

  /** Puts host memory there, such as a linear frame buffer. */
  void mapMemory(long base, long size, int hostOffset);

  /** Puts host memory there that ignores writes, such as an expansion ROM. */
  void mapReadOnly(long base, long size, int hostOffset);

  /** Takes the window away. */
  void unmap(long base, long size);
}
