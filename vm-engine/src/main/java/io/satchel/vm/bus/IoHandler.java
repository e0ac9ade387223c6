package io.satchel.vm.bus;

/**
 * Answers accesses to a range of ports or of physical addresses.
 *
 * <p>{@code offset} counts bytes from the start of the mapped range. {@code width} is 1, 2 or 4
 * bytes, never more than the range was mapped for. Values are unsigned in the low bits. A handler
 * never throws for what a guest does.
 */
public interface IoHandler {

  /** The value read; bits above the width are ignored. */
  int read(int offset, int width);

  /** {@code value} holds the written bits, zero-extended. */
  void write(int offset, int width, int value);
}
