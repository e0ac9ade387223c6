package io.satchel.vm.cpu.decode;

import static io.satchel.vm.cpu.decode.VectorForms.lane;
import static io.satchel.vm.cpu.decode.VectorForms.laneImmediate;
import static io.satchel.vm.cpu.decode.VectorForms.row;
import static io.satchel.vm.cpu.decode.VectorForms.shuffle;
import static io.satchel.vm.cpu.decode.VectorForms.vertical;

import io.satchel.vm.cpu.decode.OpcodeMap.Trait;
import io.satchel.vm.cpu.decode.VectorForms.Vex;
import io.satchel.vm.cpu.semantics.Crypto;
import io.satchel.vm.cpu.semantics.Packed;
import io.satchel.vm.cpu.semantics.StringCompare;
import io.satchel.vm.cpu.semantics.Vector;
import io.satchel.vm.cpu.semantics.VectorFloat;
import io.satchel.vm.cpu.semantics.VectorMoves;

/** SSE4.1, SSE4.2, AES-NI, PCLMULQDQ and SHA (0F38 and 0F3A maps). */
final class Sse4Rows {

  private static final String SSE41 = "SSE4_1";

  private Sse4Rows() {}

  static void add(OpcodeMap map) {
    integers(map);
    blends(map);
    floats(map);
    moves(map);
    strings(map);
    crypto(map);
  }

  private static void integers(OpcodeMap map) {
    vertical(map, 0x0F3828, "PMULDQ", SSE41, Packed::pmuldq);
    vertical(map, 0x0F3829, "PCMPEQQ", SSE41, Packed::pcmpeqq);
    vertical(map, 0x0F3837, "PCMPGTQ", "SSE4_2", Packed::pcmpgtq);
    vertical(map, 0x0F3838, "PMINSB", SSE41, Packed::pminsb);
    vertical(map, 0x0F3839, "PMINSD", SSE41, Packed::pminsd);
    vertical(map, 0x0F383A, "PMINUW", SSE41, Packed::pminuw);
    vertical(map, 0x0F383B, "PMINUD", SSE41, Packed::pminud);
    vertical(map, 0x0F383C, "PMAXSB", SSE41, Packed::pmaxsb);
    vertical(map, 0x0F383D, "PMAXSD", SSE41, Packed::pmaxsd);
    vertical(map, 0x0F383E, "PMAXUW", SSE41, Packed::pmaxuw);
    vertical(map, 0x0F383F, "PMAXUD", SSE41, Packed::pmaxud);
    vertical(map, 0x0F3840, "PMULLD", SSE41, Packed::pmulld);
    lane(map, 0x0F382B, "PACKUSDW", SSE41, Vex.AVX2, Vector.pairs(Packed::packusdw));
    Vector.LaneImmediate minimum = ((Vector.Lane) Packed::phminposuw).ignoringImmediate();
    Effect phminposuw = (c, i) -> Vector.lanes(c, i, minimum);
    row(map, 0x0F3841, "PHMINPOSUW", "Vx,Wx", "Vx,Wx", "66", SSE41, Vex.L0, phminposuw);
    String three = "Vx,Hx,Wx,Ib";
    row(map, 0x0F3A42, "MPSADBW", "Vx,Wx,Ib", three, "66", SSE41, Vex.AVX2, Vector::mpsadbw);
    row(map, 0x0F3817, "PTEST", "Vx,Wx", "Vx,Wx", "66", SSE41, Vex.AVX, VectorFloat::ptest);
  }

  private static void blends(OpcodeMap map) {
    laneImmediate(map, 0x0F3A0E, "PBLENDW", SSE41, Vex.AVX2, Packed::pblendw);
    String three = "Vx,Hx,Wx,Ib";
    row(map, 0x0F3A0C, "BLENDPS", "Vx,Wx,Ib", three, "66", SSE41, Vex.AVX, Vector::blendps);
    row(map, 0x0F3A0D, "BLENDPD", "Vx,Wx,Ib", three, "66", SSE41, Vex.AVX, Vector::blendpd);
    blend(map, 0x0F3810, 0x0F3A4C, "PBLENDVB", "AVX2", Packed::pblendvb);
    blend(map, 0x0F3814, 0x0F3A4A, "BLENDVPS", "AVX", Packed::blendvps);
    blend(map, 0x0F3815, 0x0F3A4B, "BLENDVPD", "AVX", Packed::blendvpd);
  }

  /** The AVX instruction has an opcode of its own, and its mask in an operand. */
  private static void blend(
      OpcodeMap map,
      int opcode,
      int vexOpcode,
      String name,
      String feature256,
      VectorFloat.Blend blend) {
    Effect effect = (c, i) -> VectorFloat.blend(c, i, blend);
    map.effect(opcode, name + " Vx,Wx 66 +SSE4_1", effect, Trait.SSE)
        .effect(vexOpcode, "V" + name + " Vx,Hx,Wx,Lx 66 vex W0 L0 +AVX", effect, Trait.AVX)
        .effect(
            vexOpcode, "V" + name + " Vx,Hx,Wx,Lx 66 vex W0 L1 +" + feature256, effect, Trait.AVX);
  }

  private static void floats(OpcodeMap map) {
    shuffle(map, 0x0F3A08, "ROUNDPS", "66", SSE41, Vex.AVX, VectorFloat::roundps);
    shuffle(map, 0x0F3A09, "ROUNDPD", "66", SSE41, Vex.AVX, VectorFloat::roundpd);
    String three = "Vss,Hss,Wss,Ib";
    Effect round = VectorFloat::roundss;
    row(map, 0x0F3A0A, "ROUNDSS", "Vss,Wss,Ib", three, "66", SSE41, Vex.SCALAR, round);
    three = "Vsd,Hsd,Wsd,Ib";
    round = VectorFloat::roundsd;
    row(map, 0x0F3A0B, "ROUNDSD", "Vsd,Wsd,Ib", three, "66", SSE41, Vex.SCALAR, round);
    three = "Vx,Hx,Wx,Ib";
    row(map, 0x0F3A40, "DPPS", "Vx,Wx,Ib", three, "66", SSE41, Vex.AVX, VectorFloat::dpps);
    laneImmediate(map, 0x0F3A41, "DPPD", SSE41, Vex.L0, VectorFloat::dppd);
  }

  private static void moves(OpcodeMap map) {
    for (int n = 0; n < 2; n++) {
      boolean signed = n == 0;
      String name = signed ? "PMOVSX" : "PMOVZX";
      int opcode = signed ? 0x0F3820 : 0x0F3830;
      extend(map, opcode, name + "BW", 1, 2, signed);
      extend(map, opcode + 1, name + "BD", 1, 4, signed);
      extend(map, opcode + 2, name + "BQ", 1, 8, signed);
      extend(map, opcode + 3, name + "WD", 2, 4, signed);
      extend(map, opcode + 4, name + "WQ", 2, 8, signed);
      extend(map, opcode + 5, name + "DQ", 4, 8, signed);
    }
    Effect load = VectorMoves::loadAligned;
    row(map, 0x0F382A, "MOVNTDQA", "Vx,Mx", "Vx,Mx", "66", SSE41, Vex.AVX2, load);
    extract(map, 0x0F3A14, "PEXTRB", "Ed,Vx,Ib", (c, i) -> VectorMoves.extract(c, i, 1));
    extract(map, 0x0F3A15, "PEXTRW", "Ed,Vx,Ib", (c, i) -> VectorMoves.extract(c, i, 2));
    extract(map, 0x0F3A16, "PEXTRD", "Ey,Vx,Ib", VectorMoves::pextrd);
    extract(map, 0x0F3A17, "EXTRACTPS", "Ed,Vx,Ib", (c, i) -> VectorMoves.extract(c, i, 4));
    insert(map, 0x0F3A20, "PINSRB", "Ed", (c, i) -> VectorMoves.insert(c, i, 1));
    insert(map, 0x0F3A22, "PINSRD", "Ey", VectorMoves::pinsrd);
    insert(map, 0x0F3A21, "INSERTPS", "Wd", VectorMoves::insertps);
  }

  private static void extend(
      OpcodeMap map, int opcode, String name, int from, int to, boolean signed) {
    Effect effect = (c, i) -> VectorMoves.extend(c, i, from, to, signed);
    row(map, opcode, name, "Vx,Wx", "Vx,Wx", "66", SSE41, Vex.AVX2, effect);
  }

  private static void extract(
      OpcodeMap map, int opcode, String name, String operands, Effect effect) {
    row(map, opcode, name, operands, operands, "66", SSE41, Vex.L0, effect);
  }

  private static void insert(OpcodeMap map, int opcode, String name, String source, Effect effect) {
    String two = "Vx,%s,Ib".formatted(source);
    String three = "Vx,Hx,%s,Ib".formatted(source);
    row(map, opcode, name, two, three, "66", SSE41, Vex.L0, effect);
  }

  private static void strings(OpcodeMap map) {
    string(map, 0x0F3A60, "PCMPESTRM", StringCompare::pcmpestrm);
    string(map, 0x0F3A61, "PCMPESTRI", StringCompare::pcmpestri);
    string(map, 0x0F3A62, "PCMPISTRM", StringCompare::pcmpistrm);
    string(map, 0x0F3A63, "PCMPISTRI", StringCompare::pcmpistri);
  }

  private static void string(OpcodeMap map, int opcode, String name, Effect effect) {
    row(map, opcode, name, "Vx,Wx,Ib", "Vx,Wx,Ib", "66", "SSE4_2", Vex.L0, effect);
  }

  private static void crypto(OpcodeMap map) {
    aes(map, 0x0F38DC, "AESENC", Crypto::aesenc);
    aes(map, 0x0F38DD, "AESENCLAST", Crypto::aesenclast);
    aes(map, 0x0F38DE, "AESDEC", Crypto::aesdec);
    aes(map, 0x0F38DF, "AESDECLAST", Crypto::aesdeclast);
    both(map, 0x0F38DB, "AESIMC", "Vx,Wx", "Vx,Wx", "AES", onLanes(Crypto::aesimc));
    Effect assist = (c, i) -> Vector.lanes(c, i, Crypto::aeskeygenassist);
    both(map, 0x0F3ADF, "AESKEYGENASSIST", "Vx,Wx,Ib", "Vx,Wx,Ib", "AES", assist);
    Effect multiply = (c, i) -> Vector.lanes(c, i, Crypto::pclmulqdq);
    both(map, 0x0F3A44, "PCLMULQDQ", "Vx,Wx,Ib", "Vx,Hx,Wx,Ib", "PCLMULQDQ", multiply);
    wide(map, 0x0F3A44, "VPCLMULQDQ Vx,Hx,Wx,Ib", "VPCLMULQDQ", multiply);
    sha(map, 0x0F38C8, "SHA1NEXTE", Crypto::sha1nexte);
    sha(map, 0x0F38C9, "SHA1MSG1", Crypto::sha1msg1);
    sha(map, 0x0F38CA, "SHA1MSG2", Crypto::sha1msg2);
    sha(map, 0x0F38CB, "SHA256RNDS2", Crypto::sha256rnds2);
    sha(map, 0x0F38CC, "SHA256MSG1", Crypto::sha256msg1);
    sha(map, 0x0F38CD, "SHA256MSG2", Crypto::sha256msg2);
    Effect rounds = (c, i) -> Vector.lanes(c, i, Crypto::sha1rnds4);
    map.effect(0x0F3ACC, "SHA1RNDS4 Vx,Wx,Ib np +SHA", rounds, Trait.SSE);
  }

  /** A round of AES, on 256 bits too. */
  private static void aes(OpcodeMap map, int opcode, String name, Vector.Lane lane) {
    Effect effect = onLanes(lane);
    both(map, opcode, name, "Vx,Wx", "Vx,Hx,Wx", "AES", effect);
    wide(map, opcode, "V%s Vx,Hx,Wx".formatted(name), "VAES", effect);
  }

  private static Effect onLanes(Vector.Lane lane) {
    Vector.LaneImmediate function = lane.ignoringImmediate();
    return (c, i) -> Vector.lanes(c, i, function);
  }

  /** A VEX row for 256 bits, which came with a feature of its own. */
  private static void wide(
      OpcodeMap map, int opcode, String instruction, String feature, Effect effect) {
    map.effect(opcode, "%s 66 vex L1 +AVX +%s".formatted(instruction, feature), effect, Trait.AVX);
  }

  /** A row, and a VEX row that needs the same feature beside AVX. */
  private static void both(
      OpcodeMap map,
      int opcode,
      String name,
      String operands,
      String vexOperands,
      String feature,
      Effect effect) {
    row(map, opcode, name, operands, vexOperands, "66", feature, Vex.NONE, effect);
    String text = "V%s %s 66 vex L0 +AVX +%s".formatted(name, vexOperands, feature);
    map.effect(opcode, text, effect, Trait.AVX);
  }

  private static void sha(OpcodeMap map, int opcode, String name, Vector.Lane lane) {
    map.effect(opcode, name + " Vx,Wx np +SHA", onLanes(lane), Trait.SSE);
  }
}
