package io.satchel.vm.cpu.interpret;

import io.satchel.vm.cpu.Mode;
import io.satchel.vm.cpu.decode.CodeBytes;
import io.satchel.vm.cpu.decode.Decoder;
import io.satchel.vm.cpu.decode.Instruction;
import io.satchel.vm.cpu.decode.OpcodeMap.Trait;
import io.satchel.vm.memory.GuestMemory;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Decodes a block and has it translated into micro-operations. */
final class BlockBuilder {

  /** Bounds the overrun of an instruction budget, and what one store can invalidate. */
  private static final int MAX_INSTRUCTIONS = 48;

  private static final class PageEnd extends RuntimeException {
    private static final long serialVersionUID = 1L;
    static final PageEnd INSTANCE = new PageEnd();

    private PageEnd() {
      super(null, null, false, false);
    }
  }

  private final GuestMemory memory;
  private final Decoder decoder;

  BlockBuilder(GuestMemory memory, Decoder decoder) {
    this.memory = memory;
    this.decoder = decoder;
  }

  /** An instruction that is none. */
  static Instruction undefined() {
    Instruction i = new Instruction();
    i.row = Decoder.UNDEFINED;
    return i;
  }

  /** The block there, or {@code null} when its first instruction does not lie in the page whole. */
  @Nullable Block build(int hostPage, int pageOffset, int mode) {
    int codeWidth = codeWidth(mode);
    List<Instruction> instructions = new ArrayList<>();
    int start = (hostPage << GuestMemory.PAGE_BITS) + pageOffset;
    int end = hostPage + 1 << GuestMemory.PAGE_BITS;
    int at = start;
    boolean ended = false;
    while (!ended && at < end && instructions.size() < MAX_INSTRUCTIONS) {
      Instruction i = decode(at, end, codeWidth);
      if (i == null) {
        break;
      }
      instructions.add(i);
      at += i.length;
      ended = i.row().has(Trait.ENDS_BLOCK);
    }
    if (instructions.isEmpty()) {
      return null;
    }
    Block block = new MicroOpWriter(mode, instructions).block(hostPage, pageOffset, Block.NO_PAGE);
    block.cut = !ended && at < end && instructions.size() == MAX_INSTRUCTIONS;
    return block;
  }

  /** The block of one instruction that begins at the end of one page and ends in another. */
  Block buildAcross(int hostPage, int pageOffset, int secondPage, int mode) {
    int first = GuestMemory.PAGE_SIZE - pageOffset;
    int start = (hostPage << GuestMemory.PAGE_BITS) + pageOffset;
    int second = secondPage << GuestMemory.PAGE_BITS;
    Instruction i =
        decoder.decode(
            index -> memory.read8(index < first ? start + index : second + index - first),
            codeWidth(mode));
    return new MicroOpWriter(mode, List.of(i)).block(hostPage, pageOffset, secondPage);
  }

  private static int codeWidth(int mode) {
    return (mode & Mode.CODE64) != 0 ? 8 : (mode & Mode.CODE32) != 0 ? 4 : 2;
  }

  private @Nullable Instruction decode(int at, int end, int codeWidth) {
    CodeBytes bytes =
        index -> {
          if (at + index >= end) {
            throw PageEnd.INSTANCE;
          }
          return memory.read8(at + index);
        };
    try {
      return decoder.decode(bytes, codeWidth);
    } catch (PageEnd e) {
      return null;
    }
  }
}
