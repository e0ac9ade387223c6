package io.satchel.vm.cpu.decode;

import static io.satchel.vm.cpu.decode.VectorForms.row;

import io.satchel.vm.cpu.decode.VectorForms.Vex;
import io.satchel.vm.cpu.semantics.Packed;
import io.satchel.vm.cpu.semantics.Simd;
import io.satchel.vm.cpu.semantics.SimdConvert;
import io.satchel.vm.cpu.semantics.Vector;
import io.satchel.vm.cpu.semantics.Vector.Element;
import io.satchel.vm.cpu.semantics.Vector.Lane;
import io.satchel.vm.cpu.semantics.Vector.LaneImmediate;
import io.satchel.vm.cpu.semantics.VectorFloat;
import java.util.function.LongBinaryOperator;

/** Floating-point arithmetic, comparison, conversion and shuffles of SSE to SSE3 (0F map). */
final class SseFloatRows {

  private static final String THREE = "Vx,Hx,Wx";

  private SseFloatRows() {}

  static void add(OpcodeMap map) {
    arithmetic(map, 0x0F58, "ADD", Simd::addss, Simd::addsd);
    arithmetic(map, 0x0F59, "MUL", Simd::mulss, Simd::mulsd);
    arithmetic(map, 0x0F5C, "SUB", Simd::subss, Simd::subsd);
    arithmetic(map, 0x0F5D, "MIN", Simd::minss, Simd::minsd);
    arithmetic(map, 0x0F5E, "DIV", Simd::divss, Simd::divsd);
    arithmetic(map, 0x0F5F, "MAX", Simd::maxss, Simd::maxsd);
    packed(map, 0x0F51, "SQRTPS", "Vx,Wx", "np", "SSE", Vector.packedSingle(Simd::sqrtss));
    packed(map, 0x0F51, "SQRTPD", "Vx,Wx", "66", "SSE2", Vector.packedDouble(Simd::sqrtsd));
    single(map, 0x0F51, "SQRTSS", Simd::sqrtss);
    scalarDouble(map, 0x0F51, "SQRTSD", Simd::sqrtsd);
    packed(map, 0x0F52, "RSQRTPS", "Vx,Wx", "np", "SSE", Vector.packedSingle(VectorFloat::rsqrtss));
    packed(map, 0x0F53, "RCPPS", "Vx,Wx", "np", "SSE", Vector.packedSingle(VectorFloat::rcpss));
    single(map, 0x0F52, "RSQRTSS", VectorFloat::rsqrtss);
    single(map, 0x0F53, "RCPSS", VectorFloat::rcpss);
    logic(map, 0x0F54, "AND", (a, b) -> a & b);
    logic(map, 0x0F55, "ANDN", (a, b) -> ~a & b);
    logic(map, 0x0F56, "OR", (a, b) -> a | b);
    logic(map, 0x0F57, "XOR", (a, b) -> a ^ b);
    packed(map, 0x0FD0, "ADDSUBPD", THREE, "66", "SSE3", VectorFloat::addsubpd);
    packed(map, 0x0FD0, "ADDSUBPS", THREE, "F2", "SSE3", VectorFloat::addsubps);
    packed(map, 0x0F7C, "HADDPD", THREE, "66", "SSE3", VectorFloat::haddpd);
    packed(map, 0x0F7C, "HADDPS", THREE, "F2", "SSE3", VectorFloat::haddps);
    packed(map, 0x0F7D, "HSUBPD", THREE, "66", "SSE3", VectorFloat::hsubpd);
    packed(map, 0x0F7D, "HSUBPS", THREE, "F2", "SSE3", VectorFloat::hsubps);
    comparisons(map);
    conversions(map);
    shuffles(map);
  }

  private static void arithmetic(
      OpcodeMap map, int opcode, String name, Element single, Element real) {
    packed(map, opcode, name + "PS", THREE, "np", "SSE", Vector.packedSingle(single));
    packed(map, opcode, name + "PD", THREE, "66", "SSE2", Vector.packedDouble(real));
    single(map, opcode, name + "SS", single);
    scalarDouble(map, opcode, name + "SD", real);
  }

  private static void packed(
      OpcodeMap map,
      int opcode,
      String name,
      String vexOperands,
      String prefix,
      String feature,
      Lane lane) {
    LaneImmediate function = lane.ignoringImmediate();
    Effect effect = (c, i) -> Vector.lanes(c, i, function);
    row(map, opcode, name, "Vx,Wx", vexOperands, prefix, feature, Vex.AVX, effect);
  }

  private static void single(OpcodeMap map, int opcode, String name, Element element) {
    Effect effect = (c, i) -> Vector.scalarSingle(c, i, element);
    row(map, opcode, name, "Vss,Wss", "Vss,Hss,Wss", "F3", "SSE", Vex.SCALAR, effect);
  }

  private static void scalarDouble(OpcodeMap map, int opcode, String name, Element element) {
    Effect effect = (c, i) -> Vector.scalarDouble(c, i, element);
    row(map, opcode, name, "Vsd,Wsd", "Vsd,Hsd,Wsd", "F2", "SSE2", Vex.SCALAR, effect);
  }

  private static void logic(OpcodeMap map, int opcode, String name, LongBinaryOperator operator) {
    Effect effect = (c, i) -> Vector.vertical(c, i, operator);
    row(map, opcode, name + "PS", "Vx,Wx", THREE, "np", "SSE", Vex.AVX, effect);
    row(map, opcode, name + "PD", "Vx,Wx", THREE, "66", "SSE2", Vex.AVX, effect);
  }

  private static void comparisons(OpcodeMap map) {
    String three = "Vx,Hx,Wx,Ib";
    row(map, 0x0FC2, "CMPPS", "Vx,Wx,Ib", three, "np", "SSE", Vex.AVX, VectorFloat::cmpps);
    row(map, 0x0FC2, "CMPPD", "Vx,Wx,Ib", three, "66", "SSE2", Vex.AVX, VectorFloat::cmppd);
    String scalar = "Vss,Hss,Wss,Ib";
    row(map, 0x0FC2, "CMPSS", "Vss,Wss,Ib", scalar, "F3", "SSE", Vex.SCALAR, VectorFloat::cmpss);
    scalar = "Vsd,Hsd,Wsd,Ib";
    row(map, 0x0FC2, "CMPSD", "Vsd,Wsd,Ib", scalar, "F2", "SSE2", Vex.SCALAR, VectorFloat::cmpsd);
    for (boolean signaling : new boolean[] {false, true}) {
      int opcode = signaling ? 0x0F2F : 0x0F2E;
      String name = signaling ? "COMIS" : "UCOMIS";
      Effect single = (c, i) -> VectorFloat.comiss(c, i, signaling);
      Effect real = (c, i) -> VectorFloat.comisd(c, i, signaling);
      row(map, opcode, name + "S", "Vss,Wss", "Vss,Wss", "np", "SSE", Vex.SCALAR, single);
      row(map, opcode, name + "D", "Vsd,Wsd", "Vsd,Wsd", "66", "SSE2", Vex.SCALAR, real);
    }
  }

  private static void conversions(OpcodeMap map) {
    widen(map, 0x0F5A, "CVTPS2PD", "np", SimdConvert::singleToDouble);
    widen(map, 0x0FE6, "CVTDQ2PD", "F3", SimdConvert::int32ToDouble);
    narrow(map, 0x0F5A, "CVTPD2PS", "66", SimdConvert::doubleToSingle);
    narrow(map, 0x0FE6, "CVTPD2DQ", "F2", SimdConvert::doubleToInt32);
    narrow(map, 0x0FE6, "CVTTPD2DQ", "66", SimdConvert::doubleToInt32Truncated);
    same(map, "CVTDQ2PS", "np", SimdConvert::int32ToSingle);
    same(map, "CVTPS2DQ", "66", SimdConvert::singleToInt32);
    same(map, "CVTTPS2DQ", "F3", SimdConvert::singleToInt32Truncated);
    String three = "Vss,Hss,Wsd";
    row(map, 0x0F5A, "CVTSD2SS", "Vss,Wsd", three, "F2", "SSE2", Vex.SCALAR, SimdConvert::cvtsd2ss);
    three = "Vsd,Hsd,Wss";
    row(map, 0x0F5A, "CVTSS2SD", "Vsd,Wss", three, "F3", "SSE2", Vex.SCALAR, SimdConvert::cvtss2sd);
    three = "Vss,Hss,Ey";
    row(map, 0x0F2A, "CVTSI2SS", "Vss,Ey", three, "F3", "SSE", Vex.SCALAR, SimdConvert::cvtsi2ss);
    three = "Vsd,Hsd,Ey";
    row(map, 0x0F2A, "CVTSI2SD", "Vsd,Ey", three, "F2", "SSE2", Vex.SCALAR, SimdConvert::cvtsi2sd);
    toGeneral(map, 0x0F2C, "CVTTSS2SI", "Gy,Wss", "F3", "SSE", SimdConvert::cvttss2si);
    toGeneral(map, 0x0F2C, "CVTTSD2SI", "Gy,Wsd", "F2", "SSE2", SimdConvert::cvttsd2si);
    toGeneral(map, 0x0F2D, "CVTSS2SI", "Gy,Wss", "F3", "SSE", SimdConvert::cvtss2si);
    toGeneral(map, 0x0F2D, "CVTSD2SI", "Gy,Wsd", "F2", "SSE2", SimdConvert::cvtsd2si);
  }

  private static void widen(
      OpcodeMap map, int opcode, String name, String prefix, SimdConvert.Conversion conversion) {
    Effect effect = (c, i) -> SimdConvert.widen(c, i, conversion);
    row(map, opcode, name, "Vx,Wq", "Vx,Wq", prefix, "SSE2", Vex.AVX, effect);
  }

  private static void narrow(
      OpcodeMap map, int opcode, String name, String prefix, SimdConvert.Conversion conversion) {
    Effect effect = (c, i) -> SimdConvert.narrow(c, i, conversion);
    row(map, opcode, name, "Vx,Wx", "Vx,Wx", prefix, "SSE2", Vex.AVX, effect);
  }

  private static void same(
      OpcodeMap map, String name, String prefix, SimdConvert.Conversion conversion) {
    Lane lane = Vector.packedSingle((c, a, b) -> conversion.apply(c, b));
    packed(map, 0x0F5B, name, "Vx,Wx", prefix, "SSE2", lane);
  }

  private static void toGeneral(
      OpcodeMap map,
      int opcode,
      String name,
      String operands,
      String prefix,
      String feature,
      Effect effect) {
    row(map, opcode, name, operands, operands, prefix, feature, Vex.SCALAR, effect);
  }

  private static void shuffles(OpcodeMap map) {
    packed(
        map,
        0x0F14,
        "UNPCKLPS",
        THREE,
        "np",
        "SSE",
        Vector.unpackLow(SseFloatRows::lows, SseFloatRows::highs));
    packed(
        map,
        0x0F15,
        "UNPCKHPS",
        THREE,
        "np",
        "SSE",
        Vector.unpackHigh(SseFloatRows::lows, SseFloatRows::highs));
    packed(
        map, 0x0F14, "UNPCKLPD", THREE, "66", "SSE2", Vector.unpackLow((a, b) -> a, (a, b) -> b));
    packed(
        map, 0x0F15, "UNPCKHPD", THREE, "66", "SSE2", Vector.unpackHigh((a, b) -> a, (a, b) -> b));
    String three = "Vx,Hx,Wx,Ib";
    Effect shufps = (c, i) -> Vector.lanes(c, i, Packed::shufps);
    row(map, 0x0FC6, "SHUFPS", "Vx,Wx,Ib", three, "np", "SSE", Vex.AVX, shufps);
    row(map, 0x0FC6, "SHUFPD", "Vx,Wx,Ib", three, "66", "SSE2", Vex.AVX, Vector::shufpd);
  }

  private static long lows(long a, long b) {
    return a & 0xFFFF_FFFFL | b << 32;
  }

  private static long highs(long a, long b) {
    return a >>> 32 | b & 0xFFFF_FFFF_0000_0000L;
  }
}
