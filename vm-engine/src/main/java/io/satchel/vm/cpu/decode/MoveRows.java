package io.satchel.vm.cpu.decode;

import static io.satchel.vm.cpu.decode.OpcodeMap.Trait.DEFAULT64;
import static io.satchel.vm.cpu.decode.OpcodeMap.Trait.ENDS_BLOCK;
import static io.satchel.vm.cpu.decode.OpcodeMap.Trait.LOCK;
import static io.satchel.vm.cpu.decode.OpcodeMap.Trait.NOT64;
import static io.satchel.vm.cpu.decode.OpcodeMap.Trait.ONLY64;

import io.satchel.vm.cpu.semantics.Bits;
import io.satchel.vm.cpu.semantics.Conditions;
import io.satchel.vm.cpu.semantics.Move;
import io.satchel.vm.cpu.semantics.Stack;
import io.satchel.vm.cpu.semantics.Strings;

/** Moves, conversions, the stack and strings. */
public final class MoveRows {

  private MoveRows() {}

  public static void add(OpcodeMap map) {
    map.value(0x88, "MOV Eb,Gb", Move.MOV)
        .value(0x89, "MOV Ev,Gv", Move.MOV)
        .value(0x8A, "MOV Gb,Eb", Move.MOV)
        .value(0x8B, "MOV Gv,Ev", Move.MOV)
        .value(0xA0, "MOV AL,Ob", Move.MOV)
        .value(0xA1, "MOV rAX,Ov", Move.MOV)
        .value(0xA2, "MOV Ob,AL", Move.MOV)
        .value(0xA3, "MOV Ov,rAX", Move.MOV)
        .value(0xB0, "MOV Zb,Ib", Move.MOV)
        .value(0xB8, "MOV Zv,Iv", Move.MOV)
        .value(0xC6, "MOV Eb,Ib /0", Move.MOV)
        .value(0xC7, "MOV Ev,Iz /0", Move.MOV)
        .value(0x0FB6, "MOVZX Gv,Eb", Move.MOV)
        .value(0x0FB7, "MOVZX Gv,Ew", Move.MOV)
        .value(0x0FBE, "MOVSX Gv,Eb", Move.MOVSX)
        .value(0x0FBF, "MOVSX Gv,Ew", Move.MOVSX)
        .value(0x63, "MOVSXD Gv,Ez", Move.MOVSX, ONLY64)
        .effect(0x8D, "LEA Gv,M", Move::lea)
        .effect(0x86, "XCHG Eb,Gb", Bits::xchgByte, LOCK)
        .effect(0x87, "XCHG Ev,Gv", Bits::xchg, LOCK)
        .effect(0x90, "XCHG Zv,rAX", Bits::xchgAccumulator)
        .effect(0x98, "CBW", Move::cbw)
        .effect(0x99, "CWD", Move::cwd)
        .effect(0xD7, "XLAT", Move::xlat);
    for (int condition = 0; condition < 16; condition++) {
      String name = Conditions.NAMES[condition];
      map.effect(0x0F40 + condition, "CMOV" + name + " Gv,Ev +CMOV", Move::cmov)
          .effect(0x0F90 + condition, "SET" + name + " Eb", Move::setcc);
    }
    stack(map);
    strings(map);
  }

  private static void stack(OpcodeMap map) {
    map.effect(0x50, "PUSH Zv", Stack::pushRegister, DEFAULT64)
        .effect(0x58, "POP Zv", Stack::popRegister, DEFAULT64)
        .effect(0xFF, "PUSH Ev /6", Stack::pushRm, DEFAULT64)
        .effect(0x8F, "POP Ev /0", Stack::popRm, DEFAULT64)
        .effect(0x68, "PUSH Iz", Stack::pushImmediate, DEFAULT64)
        .effect(0x6A, "PUSH Ib", Stack::pushImmediate, DEFAULT64)
        .effect(0x60, "PUSHA", Stack::pusha, NOT64)
        .effect(0x61, "POPA", Stack::popa, NOT64)
        .effect(0xC8, "ENTER Iw,Ib", Stack::enter, DEFAULT64)
        .effect(0xC9, "LEAVE", Stack::leave, DEFAULT64);
  }

  private static void strings(OpcodeMap map) {
    map.effect(0xA4, "MOVS Yb,Xb", Strings::movsByte)
        .effect(0xA5, "MOVS Yv,Xv", Strings::movs)
        .effect(0xA6, "CMPS Xb,Yb", Strings::cmpsByte)
        .effect(0xA7, "CMPS Xv,Yv", Strings::cmps)
        .effect(0xAA, "STOS Yb,AL", Strings::stosByte)
        .effect(0xAB, "STOS Yv,rAX", Strings::stos)
        .effect(0xAC, "LODS AL,Xb", Strings::lodsByte)
        .effect(0xAD, "LODS rAX,Xv", Strings::lods)
        .effect(0xAE, "SCAS AL,Yb", Strings::scasByte)
        .effect(0xAF, "SCAS rAX,Yv", Strings::scas)
        .effect(0x6C, "INS Yb,DX", Strings::insByte, ENDS_BLOCK)
        .effect(0x6D, "INS Yz,DX", Strings::ins, ENDS_BLOCK)
        .effect(0x6E, "OUTS DX,Xb", Strings::outsByte, ENDS_BLOCK)
        .effect(0x6F, "OUTS DX,Xz", Strings::outs, ENDS_BLOCK);
  }
}
