package io.satchel.vm.cpu.decode;

import static io.satchel.vm.cpu.decode.OpcodeMap.Trait.ENDS_BLOCK;
import static io.satchel.vm.cpu.decode.OpcodeMap.Trait.FORCE64;

import io.satchel.vm.cpu.semantics.Conditions;
import io.satchel.vm.cpu.semantics.Control;
import io.satchel.vm.cpu.semantics.InOut;

/** Near transfers, NOP and port I/O. */
public final class ControlRows {

  private ControlRows() {}

  public static void add(OpcodeMap map) {
    for (int condition = 0; condition < 16; condition++) {
      String name = "J" + Conditions.NAMES[condition];
      map.effect(0x70 + condition, name + " Jb", Control::jcc, FORCE64, ENDS_BLOCK)
          .effect(0x0F80 + condition, name + " Jz", Control::jcc, FORCE64, ENDS_BLOCK);
    }
    map.effect(0xE0, "LOOPNE Jb", Control::loopne, FORCE64, ENDS_BLOCK)
        .effect(0xE1, "LOOPE Jb", Control::loope, FORCE64, ENDS_BLOCK)
        .effect(0xE2, "LOOP Jb", Control::loop, FORCE64, ENDS_BLOCK)
        .effect(0xE3, "JCXZ Jb", Control::jcxz, FORCE64, ENDS_BLOCK)
        .effect(0xE8, "CALL Jz", Control::call, FORCE64, ENDS_BLOCK)
        .effect(0xE9, "JMP Jz", Control::jmp, FORCE64, ENDS_BLOCK)
        .effect(0xEB, "JMP Jb", Control::jmp, FORCE64, ENDS_BLOCK)
        .effect(0xFF, "CALL Ev /2", Control::callRm, FORCE64, ENDS_BLOCK)
        .effect(0xFF, "JMP Ev /4", Control::jmpRm, FORCE64, ENDS_BLOCK)
        .effect(0xC2, "RET Iw", Control::ret, FORCE64, ENDS_BLOCK)
        .effect(0xC3, "RET", Control::ret, FORCE64, ENDS_BLOCK)
        .effect(0xE4, "IN AL,Ib", InOut::inByte, ENDS_BLOCK)
        .effect(0xE5, "IN eAX,Ib", InOut::in, ENDS_BLOCK)
        .effect(0xE6, "OUT Ib,AL", InOut::outByte, ENDS_BLOCK)
        .effect(0xE7, "OUT Ib,eAX", InOut::out, ENDS_BLOCK)
        .effect(0xEC, "IN AL,DX", InOut::inByte, ENDS_BLOCK)
        .effect(0xED, "IN eAX,DX", InOut::in, ENDS_BLOCK)
        .effect(0xEE, "OUT DX,AL", InOut::outByte, ENDS_BLOCK)
        .effect(0xEF, "OUT DX,eAX", InOut::out, ENDS_BLOCK)
        .effect(0x0F0B, "UD2", Control::undefined)
        .effect(0x0FB9, "UD1 Gv,Ev", Control::undefined)
        .effect(0x0FFF, "UD0 Gv,Ev", Control::undefined)
        .effect(0x0F0D, "PREFETCHW M", Control::nop)
        .effect(0x90, "PAUSE F3", Control::pause);
    // 0F18 to 0F1F are hint NOPs (SDM volume 2, table A-3): prefetches, and NOP Ev.
    for (int opcode = 0x0F18; opcode <= 0x0F1F; opcode++) {
      map.effect(opcode, "NOP Ev", Control::nop);
    }
  }
}
