package io.satchel.vm.cpu.decode;

import io.satchel.vm.cpu.decode.OpcodeMap.Trait;
import io.satchel.vm.cpu.semantics.Mmx;
import java.util.function.LongBinaryOperator;

/** The MMX instructions, without SSE's additions to them (SDM volume 2, appendix A, table A-3). */
final class MmxRows {

  private MmxRows() {}

  static void add(OpcodeMap map) {
    low(map, 0x0F60, "PUNPCKLBW", Mmx::punpcklbw);
    low(map, 0x0F61, "PUNPCKLWD", Mmx::punpcklwd);
    low(map, 0x0F62, "PUNPCKLDQ", Mmx::punpckldq);
    binary(map, 0x0F63, "PACKSSWB", Mmx::packsswb);
    binary(map, 0x0F64, "PCMPGTB", Mmx::pcmpgtb);
    binary(map, 0x0F65, "PCMPGTW", Mmx::pcmpgtw);
    binary(map, 0x0F66, "PCMPGTD", Mmx::pcmpgtd);
    binary(map, 0x0F67, "PACKUSWB", Mmx::packuswb);
    binary(map, 0x0F68, "PUNPCKHBW", Mmx::punpckhbw);
    binary(map, 0x0F69, "PUNPCKHWD", Mmx::punpckhwd);
    binary(map, 0x0F6A, "PUNPCKHDQ", Mmx::punpckhdq);
    binary(map, 0x0F6B, "PACKSSDW", Mmx::packssdw);
    map.effect(0x0F6E, "MOVD Pq,Ey np +MMX", Mmx::movFromGeneral, Trait.MMX);
    binary(map, 0x0F6F, "MOVQ", Mmx::movq);
    immediate(map, 0x0F71, "PSRLW", 2, Mmx::psrlw);
    immediate(map, 0x0F71, "PSRAW", 4, Mmx::psraw);
    immediate(map, 0x0F71, "PSLLW", 6, Mmx::psllw);
    immediate(map, 0x0F72, "PSRLD", 2, Mmx::psrld);
    immediate(map, 0x0F72, "PSRAD", 4, Mmx::psrad);
    immediate(map, 0x0F72, "PSLLD", 6, Mmx::pslld);
    immediate(map, 0x0F73, "PSRLQ", 2, Mmx::psrlq);
    immediate(map, 0x0F73, "PSLLQ", 6, Mmx::psllq);
    binary(map, 0x0F74, "PCMPEQB", Mmx::pcmpeqb);
    binary(map, 0x0F75, "PCMPEQW", Mmx::pcmpeqw);
    binary(map, 0x0F76, "PCMPEQD", Mmx::pcmpeqd);
    map.effect(0x0F77, "EMMS np +MMX", Mmx::emms, Trait.MMX);
    map.effect(0x0F7E, "MOVD Ey,Pq np +MMX", Mmx::movToGeneral, Trait.MMX);
    map.effect(0x0F7F, "MOVQ Qq,Pq np +MMX", Mmx::movqStore, Trait.MMX);
    binary(map, 0x0FD1, "PSRLW", Mmx::psrlw);
    binary(map, 0x0FD2, "PSRLD", Mmx::psrld);
    binary(map, 0x0FD3, "PSRLQ", Mmx::psrlq);
    binary(map, 0x0FD5, "PMULLW", Mmx::pmullw);
    binary(map, 0x0FD8, "PSUBUSB", Mmx::psubusb);
    binary(map, 0x0FD9, "PSUBUSW", Mmx::psubusw);
    binary(map, 0x0FDB, "PAND", Mmx::pand);
    binary(map, 0x0FDC, "PADDUSB", Mmx::paddusb);
    binary(map, 0x0FDD, "PADDUSW", Mmx::paddusw);
    binary(map, 0x0FDF, "PANDN", Mmx::pandn);
    binary(map, 0x0FE1, "PSRAW", Mmx::psraw);
    binary(map, 0x0FE2, "PSRAD", Mmx::psrad);
    binary(map, 0x0FE5, "PMULHW", Mmx::pmulhw);
    binary(map, 0x0FE8, "PSUBSB", Mmx::psubsb);
    binary(map, 0x0FE9, "PSUBSW", Mmx::psubsw);
    binary(map, 0x0FEB, "POR", Mmx::por);
    binary(map, 0x0FEC, "PADDSB", Mmx::paddsb);
    binary(map, 0x0FED, "PADDSW", Mmx::paddsw);
    binary(map, 0x0FEF, "PXOR", Mmx::pxor);
    binary(map, 0x0FF1, "PSLLW", Mmx::psllw);
    binary(map, 0x0FF2, "PSLLD", Mmx::pslld);
    binary(map, 0x0FF3, "PSLLQ", Mmx::psllq);
    binary(map, 0x0FF5, "PMADDWD", Mmx::pmaddwd);
    binary(map, 0x0FF8, "PSUBB", Mmx::psubb);
    binary(map, 0x0FF9, "PSUBW", Mmx::psubw);
    binary(map, 0x0FFA, "PSUBD", Mmx::psubd);
    binary(map, 0x0FFC, "PADDB", Mmx::paddb);
    binary(map, 0x0FFD, "PADDW", Mmx::paddw);
    binary(map, 0x0FFE, "PADDD", Mmx::paddd);
  }

  private static void binary(OpcodeMap map, int opcode, String name, LongBinaryOperator operator) {
    map.effect(opcode, name + " Pq,Qq np +MMX", (c, i) -> Mmx.binary(c, i, operator), Trait.MMX);
  }

  private static void low(OpcodeMap map, int opcode, String name, LongBinaryOperator operator) {
    map.effect(opcode, name + " Pq,Qd np +MMX", (c, i) -> Mmx.binaryLow(c, i, operator), Trait.MMX);
  }

  private static void immediate(
      OpcodeMap map, int opcode, String name, int reg, LongBinaryOperator operator) {
    map.effect(
        opcode,
        name + " Nq,Ib np reg +MMX /" + reg,
        (c, i) -> Mmx.shiftImmediate(c, i, operator),
        Trait.MMX);
  }
}
