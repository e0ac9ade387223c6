package io.satchel.vm.cpu.interpret;

import org.jspecify.annotations.Nullable;

/** A micro-operation: what to do, and with what. */
final class MicroOp {

  // Engine-private registers behind the zero register.
  static final int ADDRESS = 17;
  static final int SOURCE = 18;
  static final int DESTINATION = 19;

  Operation operation;

  /** Destination, or only operand. */
  final int r;

  final int r2;

  // The linear address: gpr[base] + (gpr[index] << scale) + displacement.
  final int base;
  final int index;
  final int scale;

  /** Also a width, or a jump's distance from the block's start. */
  int displacement;

  int immediate;

  /** For a comparison with a jump: the set of outcomes that take it. */
  int outcomes;

  /** The number in the block of the instruction it belongs to. */
  int owner;

  @Nullable MicroOp next;

  MicroOp(
      Operation operation,
      int r,
      int r2,
      int base,
      int index,
      int scale,
      int displacement,
      int immediate,
      int owner) {
    this.operation = operation;
    this.r = r;
    this.r2 = r2;
    this.base = base;
    this.index = index;
    this.scale = scale;
    this.displacement = displacement;
    this.immediate = immediate;
    this.owner = owner;
  }
}
