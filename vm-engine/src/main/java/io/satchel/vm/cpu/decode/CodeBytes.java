package io.satchel.vm.cpu.decode;

/** Where a decoder gets an instruction's bytes from. */
@FunctionalInterface
public interface CodeBytes {

  /** The byte {@code index} bytes behind the instruction's first, 0 to 255. May throw a #PF. */
  int at(int index);
}
