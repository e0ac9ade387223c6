package io.satchel.vm.cpu.translate;

import io.satchel.vm.cpu.decode.Instruction;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A stretch of instructions in a region that is entered at its first and left behind its last. Code
 * that is called from several places is there once for each.
 */
final class Node {

  /** The offset of the first instruction. */
  final long rip;

  final List<Instruction> instructions = new ArrayList<>();

  /** By instruction: what the translator does with it. */
  final List<Kind> kinds = new ArrayList<>();

  /** Where it goes when it does not jump; {@code null} leaves the region. */
  @Nullable Node next;

  /** Where its jump or call leads, or a return that is foreseen; {@code null} leaves the region. */
  @Nullable Node taken;

  /** The last instruction is a near transfer, and the node's own business. */
  boolean transfers;

  /** The next instruction is not one for regions. */
  boolean stops;

  /** The place in the order of the generated code. */
  int order = -1;

  /** By instruction: whether nobody looks at the flags that it leaves; see {@link FlagFlow}. */
  boolean[] carryDead = new boolean[0];

  boolean[] othersDead = new boolean[0];

  /** What is known of the flags at the beginning. */
  int flagsBefore = FlagFlow.UNSEEN;

  Node(long rip) {
    this.rip = rip;
  }

  /** The offset behind the last instruction. */
  long end() {
    long end = rip;
    for (Instruction i : instructions) {
      end += i.length;
    }
    return end;
  }
}
