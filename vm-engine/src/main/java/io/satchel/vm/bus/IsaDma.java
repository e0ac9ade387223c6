package io.satchel.vm.bus;

/** The ISA DMA controller as a device on a DRQ line sees it. */
public interface IsaDma {

  /**
   * Moves bytes from the device to memory on a channel (0 to 7), as far as the channel is unmasked
   * and its count allows.
   *
   * @return how many bytes were taken, 0 when the channel is masked or not in a write transfer
   */
  int toMemory(int channel, byte[] data, int offset, int length);

  /**
   * Moves bytes from memory to the device; otherwise as {@link #toMemory}. A verify transfer counts
   * and moves nothing.
   */
  int fromMemory(int channel, byte[] data, int offset, int length);

  /** True from the moment when a channel's count ran out until it is programmed again. */
  boolean terminalCount(int channel);
}
