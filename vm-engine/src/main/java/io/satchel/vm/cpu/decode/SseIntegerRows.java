package io.satchel.vm.cpu.decode;

import static io.satchel.vm.cpu.decode.VectorForms.lane;
import static io.satchel.vm.cpu.decode.VectorForms.laneImmediate;
import static io.satchel.vm.cpu.decode.VectorForms.mmx;
import static io.satchel.vm.cpu.decode.VectorForms.row;
import static io.satchel.vm.cpu.decode.VectorForms.shuffle;
import static io.satchel.vm.cpu.decode.VectorForms.unary;
import static io.satchel.vm.cpu.decode.VectorForms.vertical;

import io.satchel.vm.cpu.decode.OpcodeMap.Trait;
import io.satchel.vm.cpu.decode.VectorForms.Vex;
import io.satchel.vm.cpu.semantics.Mmx;
import io.satchel.vm.cpu.semantics.MmxExtensions;
import io.satchel.vm.cpu.semantics.Packed;
import io.satchel.vm.cpu.semantics.Vector;
import java.util.function.LongBinaryOperator;
import java.util.function.LongUnaryOperator;

/** Packed integers of SSE2 and SSSE3, and what these and SSE added to MMX. */
final class SseIntegerRows {

  private static final String SSE2 = "SSE2";

  private SseIntegerRows() {}

  static void add(OpcodeMap map) {
    arithmetic(map);
    packing(map);
    shifts(map);
    ssse3(map);
  }

  private static void arithmetic(OpcodeMap map) {
    vertical(map, 0x0F64, "PCMPGTB", SSE2, Mmx::pcmpgtb);
    vertical(map, 0x0F65, "PCMPGTW", SSE2, Mmx::pcmpgtw);
    vertical(map, 0x0F66, "PCMPGTD", SSE2, Mmx::pcmpgtd);
    vertical(map, 0x0F74, "PCMPEQB", SSE2, Mmx::pcmpeqb);
    vertical(map, 0x0F75, "PCMPEQW", SSE2, Mmx::pcmpeqw);
    vertical(map, 0x0F76, "PCMPEQD", SSE2, Mmx::pcmpeqd);
    vertical(map, 0x0FD5, "PMULLW", SSE2, Mmx::pmullw);
    vertical(map, 0x0FD8, "PSUBUSB", SSE2, Mmx::psubusb);
    vertical(map, 0x0FD9, "PSUBUSW", SSE2, Mmx::psubusw);
    vertical(map, 0x0FDB, "PAND", SSE2, Mmx::pand);
    vertical(map, 0x0FDC, "PADDUSB", SSE2, Mmx::paddusb);
    vertical(map, 0x0FDD, "PADDUSW", SSE2, Mmx::paddusw);
    vertical(map, 0x0FDF, "PANDN", SSE2, Mmx::pandn);
    vertical(map, 0x0FE5, "PMULHW", SSE2, Mmx::pmulhw);
    vertical(map, 0x0FE8, "PSUBSB", SSE2, Mmx::psubsb);
    vertical(map, 0x0FE9, "PSUBSW", SSE2, Mmx::psubsw);
    vertical(map, 0x0FEB, "POR", SSE2, Mmx::por);
    vertical(map, 0x0FEC, "PADDSB", SSE2, Mmx::paddsb);
    vertical(map, 0x0FED, "PADDSW", SSE2, Mmx::paddsw);
    vertical(map, 0x0FEF, "PXOR", SSE2, Mmx::pxor);
    vertical(map, 0x0FF5, "PMADDWD", SSE2, Mmx::pmaddwd);
    vertical(map, 0x0FF8, "PSUBB", SSE2, Mmx::psubb);
    vertical(map, 0x0FF9, "PSUBW", SSE2, Mmx::psubw);
    vertical(map, 0x0FFA, "PSUBD", SSE2, Mmx::psubd);
    vertical(map, 0x0FFC, "PADDB", SSE2, Mmx::paddb);
    vertical(map, 0x0FFD, "PADDW", SSE2, Mmx::paddw);
    vertical(map, 0x0FFE, "PADDD", SSE2, Mmx::paddd);
    both(map, 0x0FE0, "PAVGB", "SSE", SSE2, Packed::pavgb);
    both(map, 0x0FE3, "PAVGW", "SSE", SSE2, Packed::pavgw);
    both(map, 0x0FE4, "PMULHUW", "SSE", SSE2, Packed::pmulhuw);
    both(map, 0x0FDA, "PMINUB", "SSE", SSE2, Packed::pminub);
    both(map, 0x0FDE, "PMAXUB", "SSE", SSE2, Packed::pmaxub);
    both(map, 0x0FEA, "PMINSW", "SSE", SSE2, Packed::pminsw);
    both(map, 0x0FEE, "PMAXSW", "SSE", SSE2, Packed::pmaxsw);
    both(map, 0x0FF6, "PSADBW", "SSE", SSE2, Packed::psadbw);
    both(map, 0x0FD4, "PADDQ", SSE2, SSE2, Packed::paddq);
    both(map, 0x0FFB, "PSUBQ", SSE2, SSE2, Packed::psubq);
    both(map, 0x0FF4, "PMULUDQ", SSE2, SSE2, Packed::pmuludq);
  }

  /** The MMX instruction and that of XMM registers. */
  private static void both(
      OpcodeMap map,
      int opcode,
      String name,
      String mmxFeature,
      String feature,
      LongBinaryOperator operator) {
    mmx(map, opcode, name, mmxFeature, operator);
    vertical(map, opcode, name, feature, operator);
  }

  private static void packing(OpcodeMap map) {
    lane(map, 0x0F63, "PACKSSWB", SSE2, Vex.AVX2, Vector.pairs(Mmx::packsswb));
    lane(map, 0x0F67, "PACKUSWB", SSE2, Vex.AVX2, Vector.pairs(Mmx::packuswb));
    lane(map, 0x0F6B, "PACKSSDW", SSE2, Vex.AVX2, Vector.pairs(Mmx::packssdw));
    unpack(map, 0x0F60, 0x0F68, "BW", Mmx::punpcklbw, Mmx::punpckhbw);
    unpack(map, 0x0F61, 0x0F69, "WD", Mmx::punpcklwd, Mmx::punpckhwd);
    unpack(map, 0x0F62, 0x0F6A, "DQ", Mmx::punpckldq, Mmx::punpckhdq);
    unpack(map, 0x0F6C, 0x0F6D, "QDQ", (a, b) -> a, (a, b) -> b);
    shuffle(map, 0x0F70, "PSHUFD", "66", SSE2, Vex.AVX2, Packed::pshufd);
    shuffle(map, 0x0F70, "PSHUFHW", "F3", SSE2, Vex.AVX2, Packed::pshufhw);
    shuffle(map, 0x0F70, "PSHUFLW", "F2", SSE2, Vex.AVX2, Packed::pshuflw);
  }

  private static void unpack(
      OpcodeMap map,
      int low,
      int high,
      String name,
      LongBinaryOperator lows,
      LongBinaryOperator highs) {
    lane(map, low, "PUNPCKL" + name, SSE2, Vex.AVX2, Vector.unpackLow(lows, highs));
    lane(map, high, "PUNPCKH" + name, SSE2, Vex.AVX2, Vector.unpackHigh(lows, highs));
  }

  private static void shifts(OpcodeMap map) {
    shift(map, 0x0FD1, 0x0F71, 2, "PSRLW", Mmx::psrlw);
    shift(map, 0x0FD2, 0x0F72, 2, "PSRLD", Mmx::psrld);
    shift(map, 0x0FD3, 0x0F73, 2, "PSRLQ", Mmx::psrlq);
    shift(map, 0x0FE1, 0x0F71, 4, "PSRAW", Mmx::psraw);
    shift(map, 0x0FE2, 0x0F72, 4, "PSRAD", Mmx::psrad);
    shift(map, 0x0FF1, 0x0F71, 6, "PSLLW", Mmx::psllw);
    shift(map, 0x0FF2, 0x0F72, 6, "PSLLD", Mmx::pslld);
    shift(map, 0x0FF3, 0x0F73, 6, "PSLLQ", Mmx::psllq);
    Effect right = (c, i) -> Vector.shiftBytes(c, i, false);
    Effect left = (c, i) -> Vector.shiftBytes(c, i, true);
    row(map, 0x0F73, "PSRLDQ", "Ux,Ib", "Hx,Ux,Ib", "66 /3", SSE2, Vex.AVX2, right);
    row(map, 0x0F73, "PSLLDQ", "Ux,Ib", "Hx,Ux,Ib", "66 /7", SSE2, Vex.AVX2, left);
  }

  private static void shift(
      OpcodeMap map, int opcode, int group, int reg, String name, LongBinaryOperator operator) {
    Effect variable = (c, i) -> Vector.shift(c, i, operator);
    Effect constant = (c, i) -> Vector.shiftImmediate(c, i, operator);
    row(map, opcode, name, "Vx,Wx", "Vx,Hx,Wx", "66", SSE2, Vex.AVX2, variable);
    row(map, group, name, "Ux,Ib", "Hx,Ux,Ib", "66 /" + reg, SSE2, Vex.AVX2, constant);
  }

  private static void ssse3(OpcodeMap map) {
    mmx(map, 0x0F3800, "PSHUFB", "SSSE3", Packed::pshufb);
    lane(map, 0x0F3800, "PSHUFB", "SSSE3", Vex.AVX2, Packed::pshufb);
    horizontal(map, 0x0F3801, "PHADDW", Packed::phaddw);
    horizontal(map, 0x0F3802, "PHADDD", Packed::phaddd);
    horizontal(map, 0x0F3803, "PHADDSW", Packed::phaddsw);
    horizontal(map, 0x0F3805, "PHSUBW", Packed::phsubw);
    horizontal(map, 0x0F3806, "PHSUBD", Packed::phsubd);
    horizontal(map, 0x0F3807, "PHSUBSW", Packed::phsubsw);
    both(map, 0x0F3804, "PMADDUBSW", "SSSE3", "SSSE3", Packed::pmaddubsw);
    both(map, 0x0F3808, "PSIGNB", "SSSE3", "SSSE3", Packed::psignb);
    both(map, 0x0F3809, "PSIGNW", "SSSE3", "SSSE3", Packed::psignw);
    both(map, 0x0F380A, "PSIGND", "SSSE3", "SSSE3", Packed::psignd);
    both(map, 0x0F380B, "PMULHRSW", "SSSE3", "SSSE3", Packed::pmulhrsw);
    absolute(map, 0x0F381C, "PABSB", Packed::pabsb);
    absolute(map, 0x0F381D, "PABSW", Packed::pabsw);
    absolute(map, 0x0F381E, "PABSD", Packed::pabsd);
    map.effect(0x0F3A0F, "PALIGNR Pq,Qq,Ib np +SSSE3", MmxExtensions::palignr, Trait.MMX);
    laneImmediate(map, 0x0F3A0F, "PALIGNR", "SSSE3", Vex.AVX2, Packed::palignr);
  }

  private static void horizontal(
      OpcodeMap map, int opcode, String name, LongBinaryOperator operator) {
    mmx(map, opcode, name, "SSSE3", operator);
    lane(map, opcode, name, "SSSE3", Vex.AVX2, Vector.pairs(operator));
  }

  private static void absolute(OpcodeMap map, int opcode, String name, LongUnaryOperator operator) {
    mmx(map, opcode, name, "SSSE3", (a, b) -> operator.applyAsLong(b));
    unary(map, opcode, name, "SSSE3", operator);
  }
}
