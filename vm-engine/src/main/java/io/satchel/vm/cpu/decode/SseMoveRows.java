package io.satchel.vm.cpu.decode;

import static io.satchel.vm.cpu.decode.VectorForms.row;

import io.satchel.vm.cpu.decode.OpcodeMap.Trait;
import io.satchel.vm.cpu.decode.VectorForms.Vex;
import io.satchel.vm.cpu.semantics.Control;
import io.satchel.vm.cpu.semantics.Mmx;
import io.satchel.vm.cpu.semantics.MmxExtensions;
import io.satchel.vm.cpu.semantics.SimdConvert;
import io.satchel.vm.cpu.semantics.Vector;
import io.satchel.vm.cpu.semantics.VectorMoves;
import java.util.function.LongBinaryOperator;

/** Moves of SSE to SSE3, MXCSR, fences, and what goes between XMM and MMX registers (0F map). */
final class SseMoveRows {

  private SseMoveRows() {}

  static void add(OpcodeMap map) {
    wholes(map);
    halves(map);
    general(map);
    mmx(map);
    control(map);
  }

  private static void two(
      OpcodeMap map,
      int opcode,
      String name,
      String operands,
      String words,
      String feature,
      Vex vex,
      Effect effect) {
    row(map, opcode, name, operands, operands, words, feature, vex, effect);
  }

  private static void wholes(OpcodeMap map) {
    Effect load = VectorMoves::loadUnaligned;
    Effect store = VectorMoves::storeUnaligned;
    two(map, 0x0F10, "MOVUPS", "Vx,Wx", "np", "SSE", Vex.AVX, load);
    two(map, 0x0F10, "MOVUPD", "Vx,Wx", "66", "SSE2", Vex.AVX, load);
    two(map, 0x0F6F, "MOVDQU", "Vx,Wx", "F3", "SSE2", Vex.AVX, load);
    two(map, 0x0FF0, "LDDQU", "Vx,Mx", "F2", "SSE3", Vex.AVX, load);
    two(map, 0x0F11, "MOVUPS", "Wx,Vx", "np", "SSE", Vex.AVX, store);
    two(map, 0x0F11, "MOVUPD", "Wx,Vx", "66", "SSE2", Vex.AVX, store);
    two(map, 0x0F7F, "MOVDQU", "Wx,Vx", "F3", "SSE2", Vex.AVX, store);
    load = VectorMoves::loadAligned;
    store = VectorMoves::storeAligned;
    two(map, 0x0F28, "MOVAPS", "Vx,Wx", "np", "SSE", Vex.AVX, load);
    two(map, 0x0F28, "MOVAPD", "Vx,Wx", "66", "SSE2", Vex.AVX, load);
    two(map, 0x0F6F, "MOVDQA", "Vx,Wx", "66", "SSE2", Vex.AVX, load);
    two(map, 0x0F29, "MOVAPS", "Wx,Vx", "np", "SSE", Vex.AVX, store);
    two(map, 0x0F29, "MOVAPD", "Wx,Vx", "66", "SSE2", Vex.AVX, store);
    two(map, 0x0F7F, "MOVDQA", "Wx,Vx", "66", "SSE2", Vex.AVX, store);
    two(map, 0x0F2B, "MOVNTPS", "Mx,Vx", "np", "SSE", Vex.AVX, store);
    two(map, 0x0F2B, "MOVNTPD", "Mx,Vx", "66", "SSE2", Vex.AVX, store);
    two(map, 0x0FE7, "MOVNTDQ", "Mx,Vx", "66", "SSE2", Vex.AVX, store);
    LongBinaryOperator low = Vector.second(VectorMoves::movsldup);
    LongBinaryOperator high = Vector.second(VectorMoves::movshdup);
    Effect movsldup = (c, i) -> Vector.vertical(c, i, low);
    Effect movshdup = (c, i) -> Vector.vertical(c, i, high);
    two(map, 0x0F12, "MOVSLDUP", "Vx,Wx", "F3", "SSE3", Vex.AVX, movsldup);
    two(map, 0x0F16, "MOVSHDUP", "Vx,Wx", "F3", "SSE3", Vex.AVX, movshdup);
    two(map, 0x0F12, "MOVDDUP", "Vx,Wq", "F2", "SSE3", Vex.AVX, VectorMoves::movddup);
  }

  private static void halves(OpcodeMap map) {
    Effect merge = VectorMoves::movssMerge;
    two(map, 0x0F10, "MOVSS", "Vss,Md", "F3", "SSE", Vex.SCALAR, VectorMoves::movssLoad);
    row(map, 0x0F10, "MOVSS", "Vss,Uss", "Vss,Hss,Uss", "F3", "SSE", Vex.SCALAR, merge);
    two(map, 0x0F11, "MOVSS", "Md,Vss", "F3", "SSE", Vex.SCALAR, VectorMoves::movssStore);
    merge = VectorMoves::movssMergeReversed;
    row(map, 0x0F11, "MOVSS", "Uss,Vss", "Uss,Hss,Vss", "F3", "SSE", Vex.SCALAR, merge);
    merge = VectorMoves::movsdMerge;
    two(map, 0x0F10, "MOVSD", "Vsd,Mq", "F2", "SSE2", Vex.SCALAR, VectorMoves::movqLoad);
    row(map, 0x0F10, "MOVSD", "Vsd,Usd", "Vsd,Hsd,Usd", "F2", "SSE2", Vex.SCALAR, merge);
    two(map, 0x0F11, "MOVSD", "Mq,Vsd", "F2", "SSE2", Vex.SCALAR, VectorMoves::storeLow);
    merge = VectorMoves::movsdMergeReversed;
    row(map, 0x0F11, "MOVSD", "Usd,Vsd", "Usd,Hsd,Vsd", "F2", "SSE2", Vex.SCALAR, merge);
    Effect load = VectorMoves::loadLow;
    row(map, 0x0F12, "MOVLPS", "Vq,Mq", "Vq,Hq,Mq", "np", "SSE", Vex.L0, load);
    row(map, 0x0F12, "MOVLPD", "Vq,Mq", "Vq,Hq,Mq", "66", "SSE2", Vex.L0, load);
    load = VectorMoves::loadHigh;
    row(map, 0x0F16, "MOVHPS", "Vq,Mq", "Vq,Hq,Mq", "np", "SSE", Vex.L0, load);
    row(map, 0x0F16, "MOVHPD", "Vq,Mq", "Vq,Hq,Mq", "66", "SSE2", Vex.L0, load);
    Effect move = VectorMoves::movhlps;
    row(map, 0x0F12, "MOVHLPS", "Vq,Uq", "Vq,Hq,Uq", "np", "SSE", Vex.L0, move);
    move = VectorMoves::movlhps;
    row(map, 0x0F16, "MOVLHPS", "Vq,Uq", "Vq,Hq,Uq", "np", "SSE", Vex.L0, move);
    two(map, 0x0F13, "MOVLPS", "Mq,Vq", "np", "SSE", Vex.L0, VectorMoves::storeLow);
    two(map, 0x0F13, "MOVLPD", "Mq,Vq", "66", "SSE2", Vex.L0, VectorMoves::storeLow);
    two(map, 0x0F17, "MOVHPS", "Mq,Vq", "np", "SSE", Vex.L0, VectorMoves::storeHigh);
    two(map, 0x0F17, "MOVHPD", "Mq,Vq", "66", "SSE2", Vex.L0, VectorMoves::storeHigh);
    two(map, 0x0F7E, "MOVQ", "Vq,Wq", "F3", "SSE2", Vex.L0, VectorMoves::movqLoad);
    two(map, 0x0FD6, "MOVQ", "Wq,Vq", "66", "SSE2", Vex.L0, VectorMoves::movqStore);
  }

  private static void general(OpcodeMap map) {
    two(map, 0x0F6E, "MOVD", "Vy,Ey", "66", "SSE2", Vex.L0, VectorMoves::movFromGeneral);
    two(map, 0x0F7E, "MOVD", "Ey,Vy", "66", "SSE2", Vex.L0, VectorMoves::movToGeneral);
    two(map, 0x0F50, "MOVMSKPS", "Gd,Ux", "np", "SSE", Vex.AVX, VectorMoves::movmskps);
    two(map, 0x0F50, "MOVMSKPD", "Gd,Ux", "66", "SSE2", Vex.AVX, VectorMoves::movmskpd);
    two(map, 0x0FD7, "PMOVMSKB", "Gd,Ux", "66", "SSE2", Vex.AVX2, VectorMoves::pmovmskb);
    Effect insert = (c, i) -> VectorMoves.insert(c, i, 2);
    row(map, 0x0FC4, "PINSRW", "Vx,Ed,Ib", "Vx,Hx,Ed,Ib", "66", "SSE2", Vex.L0, insert);
    two(map, 0x0FC5, "PEXTRW", "Gd,Ux,Ib", "66", "SSE2", Vex.L0, VectorMoves::pextrw);
    two(map, 0x0FF7, "MASKMOVDQU", "Vx,Ux", "66", "SSE2", Vex.L0, VectorMoves::maskmovdqu);
    // Without registers of SSE: its state does not matter.
    map.effect(0x0FC3, "MOVNTI My,Gy np +SSE2", VectorMoves::movnti);
  }

  private static void mmx(OpcodeMap map) {
    map.effect(0x0F70, "PSHUFW Pq,Qq,Ib np +SSE", MmxExtensions::pshufw, Trait.MMX)
        .effect(0x0FC4, "PINSRW Pq,Ed,Ib np +SSE", MmxExtensions::pinsrw, Trait.MMX)
        .effect(0x0FC5, "PEXTRW Gd,Nq,Ib np +SSE", MmxExtensions::pextrw, Trait.MMX)
        .effect(0x0FD7, "PMOVMSKB Gd,Nq np +SSE", MmxExtensions::pmovmskb, Trait.MMX)
        .effect(0x0FE7, "MOVNTQ Mq,Pq np +SSE", Mmx::movqStore, Trait.MMX)
        .effect(0x0FF7, "MASKMOVQ Pq,Nq np +SSE", VectorMoves::maskmovq, Trait.MMX)
        .effect(0x0FD6, "MOVQ2DQ Vx,Nq F3 +SSE2", VectorMoves::movq2dq, Trait.MMX, Trait.SSE)
        .effect(0x0FD6, "MOVDQ2Q Pq,Uq F2 +SSE2", VectorMoves::movdq2q, Trait.MMX, Trait.SSE)
        .effect(0x0F2A, "CVTPI2PS Vq,Qq np +SSE", SimdConvert::cvtpi2ps, Trait.MMX, Trait.SSE)
        .effect(0x0F2A, "CVTPI2PD Vx,Nq 66 +SSE2", SimdConvert::cvtpi2pd, Trait.MMX, Trait.SSE)
        // From memory it leaves the x87 state alone.
        .effect(0x0F2A, "CVTPI2PD Vx,Mq 66 +SSE2", SimdConvert::cvtpi2pd, Trait.SSE);
    for (int opcode = 0x0F2C; opcode <= 0x0F2D; opcode++) {
      String name = opcode == 0x0F2C ? "CVTT" : "CVT";
      SimdConvert.Conversion single =
          opcode == 0x0F2C ? SimdConvert::singleToInt32Truncated : SimdConvert::singleToInt32;
      SimdConvert.Conversion real =
          opcode == 0x0F2C ? SimdConvert::doubleToInt32Truncated : SimdConvert::doubleToInt32;
      map.effect(
              opcode,
              name + "PS2PI Pq,Wq np +SSE",
              (c, i) -> SimdConvert.singlesToMmx(c, i, single),
              Trait.MMX,
              Trait.SSE)
          .effect(
              opcode,
              name + "PD2PI Pq,Wx 66 +SSE2",
              (c, i) -> SimdConvert.doublesToMmx(c, i, real),
              Trait.MMX,
              Trait.SSE);
    }
  }

  private static void control(OpcodeMap map) {
    map.effect(0x0FAE, "LDMXCSR Md /2 np +SSE", VectorMoves::ldmxcsr, Trait.SSE)
        .effect(0x0FAE, "STMXCSR Md /3 np +SSE", VectorMoves::stmxcsr, Trait.SSE)
        .effect(0x0FAE, "VLDMXCSR Md /2 np vex L0 +AVX", VectorMoves::ldmxcsr, Trait.AVX)
        .effect(0x0FAE, "VSTMXCSR Md /3 np vex L0 +AVX", VectorMoves::stmxcsr, Trait.AVX)
        // One processor sees its own accesses in order, and engines order those of several.
        .effect(0x0FAE, "LFENCE /5 reg np +SSE2", Control::nop)
        .effect(0x0FAE, "MFENCE /6 reg np +SSE2", VectorMoves::mfence)
        .effect(0x0FAE, "SFENCE /7 reg np +SSE", Control::nop);
  }
}
