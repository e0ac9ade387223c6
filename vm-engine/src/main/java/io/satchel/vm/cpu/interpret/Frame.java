package io.satchel.vm.cpu.interpret;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.Mmu;
import io.satchel.vm.cpu.Mode;
import io.satchel.vm.cpu.decode.Instruction;
import io.satchel.vm.cpu.decode.OpcodeMap.Trait;
import io.satchel.vm.cpu.semantics.Checks;
import io.satchel.vm.memory.SoftTlb;
import org.jspecify.annotations.Nullable;

/**
 * The loop over micro-operations, and what they work on: the processor's arrays, and where in which
 * block it is.
 */
final class Frame {

  // Which link of a block a transition uses.
  static final int FALL_THROUGH = 0;
  static final int TAKEN = 1;

  /** The target is known only at run time. */
  static final int NONE = 2;

  private static final long LOW = 0xFFFF_FFFFL;

  final CpuState cpu;
  final long[] gpr;
  final byte[] ram;
  private final Mmu mmu;
  private final BlockCache blocks;

  SoftTlb readTlb;
  SoftTlb writeTlb;
  private long[] readTags;
  private int[] readAddends;
  private long[] writeTags;
  private int[] writeAddends;
  private long csBase;

  /** No bound in 64-bit code, whose transfers are checked to be canonical instead. */
  long csLimit;

  private long linearMask = LOW;

  /** The block, and the offset of its first instruction. */
  Block block;

  long rip;

  /** Host offset that the last LOADX found. */
  int host;

  /** Instructions retired before the block. */
  private long retired;

  private long end;

  /** What of {@code pending()} ends the run; IF and NMI blocking change only between runs. */
  private int attention;

  /** Offset of the instruction that is executing, for whoever catches its fault. */
  long faultRip;

  Frame(CpuState cpu, BlockCache blocks) {
    this.cpu = cpu;
    this.blocks = blocks;
    gpr = cpu.gpr;
    mmu = cpu.mmu;
    ram = mmu.map().memory().bytes();
    block = Block.NONE;
    readTlb = mmu.readTlb();
    writeTlb = mmu.writeTlb();
    readTags = readTlb.tags;
    readAddends = readTlb.addends;
    writeTags = writeTlb.tags;
    writeAddends = writeTlb.addends;
  }

  /**
   * Runs from a block, whose code is at {@code cpu.rip}, until {@code limit} instructions have
   * retired, something is pending, or an instruction ends the block dynamically. A fault leaves
   * {@link #faultRip} and {@code cpu.instructions} exact.
   */
  void run(Block first, long limit) {
    readTlb = mmu.readTlb();
    writeTlb = mmu.writeTlb();
    readTags = readTlb.tags;
    readAddends = readTlb.addends;
    writeTags = writeTlb.tags;
    writeAddends = writeTlb.addends;
    if ((first.mode & Mode.CODE64) != 0) {
      csBase = 0;
      csLimit = Long.MAX_VALUE;
      linearMask = -1;
    } else {
      csBase = cpu.base[CpuState.CS];
      csLimit = cpu.limit[CpuState.CS];
      linearMask = LOW;
    }
    retired = cpu.instructions;
    end = limit;
    attention = cpu.attentionMask();
    rip = cpu.rip;
    gpr[MicroOp.BLOCK] = rip;
    block = first;
    MicroOp op = first.first;
    while (op != null) {
      op = op.operation.execute(this, op);
    }
  }

  /** Leaves the block for {@code nextRip}. */
  @Nullable MicroOp go(long nextRip, int link) {
    Block from = block;
    long done = retired + from.count;
    retired = done;
    long linear = nextRip + csBase & linearMask;
    Block next =
        link == NONE ? blocks.candidate(linear) : link == TAKEN ? from.taken : from.fallThrough;
    if (done >= end
        || (cpu.pending() & attention) != 0
        || next == null
        || next.linear != linear
        || next.epoch != mmu.epoch()
        || next.mode != from.mode
        || nextRip + next.length - 1 > csLimit) {
      return goSlowly(nextRip, linear, link);
    }
    if (link != FALL_THROUGH && --next.patience <= 0 && compiled(next, nextRip)) {
      return null;
    }
    block = next;
    rip = nextRip;
    gpr[MicroOp.BLOCK] = nextRip;
    return next.first;
  }

  private @Nullable MicroOp goSlowly(long nextRip, long linear, int link) {
    cpu.rip = nextRip;
    cpu.instructions = retired;
    // A run ends at the same instructions whatever blocks the code happens to be cut into.
    if (!block.cut && (retired >= end || (cpu.pending() & attention) != 0)) {
      return null;
    }
    faultRip = nextRip;
    Block from = block;
    Block next = blocks.at(linear, from.mode);
    if (next == null || nextRip + next.length - 1 > csLimit) {
      return null;
    }
    if (link == TAKEN) {
      from.taken = next;
    } else if (link == FALL_THROUGH) {
      from.fallThrough = next;
    }
    block = next;
    rip = nextRip;
    gpr[MicroOp.BLOCK] = nextRip;
    return next.first;
  }

  /** A block is hot: whether it has a compiled form, for which the loop is to be left. */
  private boolean compiled(Block next, long nextRip) {
    cpu.rip = nextRip;
    cpu.instructions = retired;
    return blocks.compiled(next) != null;
  }

  /** A conditional jump, taken or not. */
  @Nullable MicroOp branch(MicroOp o, int link) {
    if (link != TAKEN) {
      return go(rip + block.length, FALL_THROUGH);
    }
    return jump(o);
  }

  /** A direct jump; beyond the limit it faults itself. */
  @Nullable MicroOp jump(MicroOp o) {
    long nextRip = rip + o.displacement & block.ripMask;
    return nextRip > csLimit ? generic(o) : go(nextRip, TAKEN);
  }

  /** Whether a direct jump leads beyond CS's limit. */
  boolean beyondLimit(MicroOp o) {
    return (rip + o.displacement & block.ripMask) > csLimit;
  }

  /**
   * Executes the instruction that owns a micro-operation by its row's effect, and gives the
   * micro-operation to go on with: that of the next instruction, or null.
   */
  @Nullable MicroOp generic(MicroOp o) {
    Block current = block;
    int number = o.owner;
    Instruction i = current.instructions[number];
    faultRip = rip + current.offsets[number];
    long next = rip + current.offsets[number + 1];
    cpu.instructions = retired + number;
    cpu.rip = next;
    if (current.checks[number]) {
      Checks.before(cpu, i.row());
    }
    i.row().effect().execute(cpu, i);
    if (cpu.rip != next || !current.valid || i.row().has(Trait.ENDS_BLOCK)) {
      cpu.instructions = retired + number + 1;
      return null;
    }
    return current.starts[number + 1];
  }

  /** The linear address of a micro-operation's memory operand. */
  long address(MicroOp o) {
    return gpr[o.base] + (gpr[o.index] << o.scale) + o.displacement & o.addressMask();
  }

  /** The host offset to read {@code last + 1} bytes from, or -1. */
  int forRead(long at, int last) {
    int entry = SoftTlb.index(at);
    return readTags[entry] == (at + last & SoftTlb.PAGE) ? (int) at + readAddends[entry] : -1;
  }

  /** The host offset to write {@code last + 1} bytes to, or -1. */
  int forWrite(long at, int last) {
    int entry = SoftTlb.index(at);
    return writeTags[entry] == (at + last & SoftTlb.PAGE) ? (int) at + writeAddends[entry] : -1;
  }

  /** Keeps what the flags follow from; gives {@code result}. */
  long flags(int rule, long a, long b, long result) {
    CpuState state = cpu;
    state.flagRule = rule;
    state.flagA = a;
    state.flagB = b;
    state.flagResult = result;
    return result;
  }

  /** Executes an effect that needs neither rip nor a check. */
  void effect(MicroOp o) {
    Instruction i = block.instructions[o.owner];
    i.row().effect().execute(cpu, i);
  }

  /** Base plus checked offset for {@link Operation#SEGMENT}, or -1 when the full check decides. */
  long segment(MicroOp o) {
    long offset = address(o);
    int description = o.immediate;
    boolean write = (description & 1 << 8) != 0;
    return segment(description & 15, offset, description >>> 4 & 15, write);
  }

  private long segment(int number, long offset, int width, boolean write) {
    // Data that expands up, and writable for a write.
    int wanted = write ? 2 : 0;
    int mask = CpuState.ATTR_UNUSABLE | 8 | 4 | wanted;
    if ((cpu.attributes[number] & mask) != wanted || offset + width - 1 > cpu.limit[number]) {
      return -1;
    }
    return cpu.base[number] + offset & LOW;
  }

  /** The host offset of a word at SS:top, or -1 when the full check has to decide. */
  int stack16(SoftTlb tlb, long top, boolean write) {
    long at = segment(CpuState.SS, top & 0xFFFF, 2, write);
    if (at < 0) {
      return -1;
    }
    int entry = SoftTlb.index(at);
    return tlb.tags[entry] == (at + 1 & SoftTlb.PAGE) ? (int) at + tlb.addends[entry] : -1;
  }

  /** After an effect in place of a whole block's tail: rip is set. */
  @Nullable MicroOp leave() {
    cpu.instructions++;
    return null;
  }
}
