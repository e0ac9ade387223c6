package io.satchel.vm.cpu.interpret;

import io.satchel.vm.cpu.CompiledCode;
import io.satchel.vm.cpu.Mode;
import io.satchel.vm.cpu.decode.Instruction;
import io.satchel.vm.cpu.semantics.Checks;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Instructions that follow each other in one page, decoded and turned into micro-operations; or one
 * instruction that lies across two.
 */
final class Block {

  /** In {@link #secondPage}: it does not reach into another page. */
  static final int NO_PAGE = -1;

  /** No block at all. */
  static final Block NONE =
      new MicroOpWriter(0, List.of(BlockBuilder.undefined())).block(0, 0, NO_PAGE);

  /** Where it lies: host page and offset in it. */
  final int hostPage;

  final int pageOffset;

  /** The host page that its only instruction ends in, when it lies across pages. */
  final int secondPage;

  /** What {@link Mode#of} said when it was decoded. */
  final int mode;

  /** Bytes of code. */
  final int length;

  /** Instructions. */
  final int count;

  final Instruction[] instructions;

  /** By instruction, and one more: offset of its first byte from the block's. */
  final short[] offsets;

  /** By instruction, and one more: its first micro-operation. */
  final MicroOp[] starts;

  final MicroOp first;

  /** By instruction: whether its row demands checks. */
  final boolean[] checks;

  /** Near jumps truncate their target with this. */
  final long ripMask;

  /** It ends only because it got long: not a place to leave at. */
  boolean cut;

  /** Entries by jumps that are left until it counts as hot. */
  int patience;

  /** Its compiled form, when there is one. */
  @Nullable CompiledCode compiled;

  /** False once a store has changed its bytes. */
  boolean valid = true;

  // Where it was last looked up, and under which epoch of the translations.
  long linear = -1;
  int epoch = -1;

  /** Successors last seen: not taken, taken. */
  @Nullable Block fallThrough;

  @Nullable Block taken;

  /** The next in its page's bucket. */
  @Nullable Block nextInBucket;

  Block(
      int hostPage,
      int pageOffset,
      int secondPage,
      int mode,
      Instruction[] instructions,
      short[] offsets,
      MicroOp[] starts,
      long ripMask) {
    this.hostPage = hostPage;
    this.pageOffset = pageOffset;
    this.secondPage = secondPage;
    this.mode = mode;
    this.instructions = instructions;
    this.offsets = offsets;
    this.starts = starts;
    first = starts[0];
    this.ripMask = ripMask;
    count = instructions.length;
    length = offsets[count];
    checks = new boolean[count];
    for (int n = 0; n < count; n++) {
      checks[n] = Checks.needed(instructions[n].row());
    }
  }
}
