package io.satchel.vm.cpu.interpret;

import org.jspecify.annotations.Nullable;

/** A micro-operation: what to do, and with what. */
final class MicroOp {

  // Engine-private registers behind the zero register.
  static final int ADDRESS = 17;
  static final int SOURCE = 18;
  static final int DESTINATION = 19;

  /** Offset of the block: RIP-relative addresses start from it. */
  static final int BLOCK = 20;

  Operation operation;

  /** Destination, or only operand. */
  final byte r;

  final byte r2;

  // The linear address: gpr[base] + (gpr[index] << scale) + displacement, as wide as addressShift
  // says.
  final byte base;
  final byte index;
  final byte scale;

  /** Of the width in bytes. */
  final byte log2;

  /** 64 less the width in bits. */
  final byte shift;

  /** 64 less the address's bits. */
  final byte addressShift;

  /** The number in the block of the instruction it belongs to. */
  byte owner;

  /** For a comparison with a jump: the set of outcomes that take it. */
  short outcomes;

  /** Also a jump's distance from the block's start. */
  int displacement;

  int immediate;

  @Nullable MicroOp next;

  /**
   * @param registers r, r2, base, index and scale, as {@link #registers} packs them
   * @param log2 of the width in bytes
   * @param addressSize bytes of an address: 2, 4 or 8
   */
  MicroOp(
      Operation operation,
      int registers,
      int log2,
      int addressSize,
      int displacement,
      int immediate,
      int owner) {
    this.operation = operation;
    r = (byte) (registers & 31);
    base = (byte) (registers >>> 5 & 31);
    index = (byte) (registers >>> 10 & 31);
    scale = (byte) (registers >>> 15 & 3);
    r2 = (byte) (registers >>> 17 & 31);
    this.log2 = (byte) log2;
    shift = (byte) (64 - (8 << log2));
    addressShift = (byte) (64 - 8 * addressSize);
    this.displacement = displacement;
    this.immediate = immediate;
    this.owner = (byte) owner;
  }

  /** The registers of a micro-operation in one word. */
  static int registers(int r, int base, int index, int scale, int r2) {
    return r | base << 5 | index << 10 | scale << 15 | r2 << 17;
  }

  /** The bits of a result. */
  long mask() {
    return -1L >>> shift;
  }

  /** The bits of an address. */
  long addressMask() {
    return -1L >>> addressShift;
  }
}
