package io.satchel.vm.cpu.decode;

import io.satchel.vm.cpu.decode.OpcodeMap.Trait;
import io.satchel.vm.cpu.semantics.Avx;
import io.satchel.vm.cpu.semantics.Fma;
import io.satchel.vm.cpu.semantics.Mmx;
import io.satchel.vm.cpu.semantics.Packed;
import io.satchel.vm.cpu.semantics.SimdConvert;
import io.satchel.vm.cpu.semantics.Vector;
import io.satchel.vm.cpu.semantics.VectorFloat;
import java.util.function.LongBinaryOperator;

/** What AVX, AVX2, F16C and FMA have beside the AVX forms of SSE instructions. */
final class AvxRows {

  private AvxRows() {}

  static void add(OpcodeMap map) {
    broadcasts(map);
    permutations(map);
    masked(map);
    shifts(map);
    gathers(map);
    others(map);
    fma(map);
  }

  private static void row(OpcodeMap map, int opcode, String text, String feature, Effect effect) {
    map.effect(opcode, text + " vex +" + feature, effect, Trait.AVX);
  }

  private static void broadcasts(OpcodeMap map) {
    Effect bytes = (c, i) -> Avx.broadcast(c, i, 1);
    Effect words = (c, i) -> Avx.broadcast(c, i, 2);
    Effect doublewords = (c, i) -> Avx.broadcast(c, i, 4);
    Effect quadwords = (c, i) -> Avx.broadcast(c, i, 8);
    row(map, 0x0F3818, "VBROADCASTSS Vx,Md 66 W0", "AVX", doublewords);
    row(map, 0x0F3818, "VBROADCASTSS Vx,Ux 66 W0", "AVX2", doublewords);
    row(map, 0x0F3819, "VBROADCASTSD Vx,Mq 66 W0 L1", "AVX", quadwords);
    row(map, 0x0F3819, "VBROADCASTSD Vx,Ux 66 W0 L1", "AVX2", quadwords);
    row(map, 0x0F381A, "VBROADCASTF128 Vx,Mx 66 W0 L1", "AVX", Avx::broadcast128);
    row(map, 0x0F385A, "VBROADCASTI128 Vx,Mx 66 W0 L1", "AVX2", Avx::broadcast128);
    row(map, 0x0F3878, "VPBROADCASTB Vx,Wx 66 W0", "AVX2", bytes);
    row(map, 0x0F3879, "VPBROADCASTW Vx,Wx 66 W0", "AVX2", words);
    row(map, 0x0F3858, "VPBROADCASTD Vx,Wx 66 W0", "AVX2", doublewords);
    row(map, 0x0F3859, "VPBROADCASTQ Vx,Wx 66 W0", "AVX2", quadwords);
  }

  private static void permutations(OpcodeMap map) {
    Vector.LaneImmediate singles = ((Vector.Lane) Avx::vpermilps).ignoringImmediate();
    Vector.LaneImmediate doubles = ((Vector.Lane) Avx::vpermilpd).ignoringImmediate();
    row(map, 0x0F380C, "VPERMILPS Vx,Hx,Wx 66 W0", "AVX", (c, i) -> Vector.lanes(c, i, singles));
    row(map, 0x0F380D, "VPERMILPD Vx,Hx,Wx 66 W0", "AVX", (c, i) -> Vector.lanes(c, i, doubles));
    Effect order = (c, i) -> Vector.lanes(c, i, Packed::pshufd);
    row(map, 0x0F3A04, "VPERMILPS Vx,Wx,Ib 66 W0", "AVX", order);
    row(map, 0x0F3A05, "VPERMILPD Vx,Wx,Ib 66 W0", "AVX", Avx::vpermilpdImmediate);
    row(map, 0x0F3A06, "VPERM2F128 Vx,Hx,Wx,Ib 66 W0 L1", "AVX", Avx::vperm2f128);
    row(map, 0x0F3A46, "VPERM2I128 Vx,Hx,Wx,Ib 66 W0 L1", "AVX2", Avx::vperm2f128);
    row(map, 0x0F3A18, "VINSERTF128 Vx,Hx,Wx,Ib 66 W0 L1", "AVX", Avx::vinsertf128);
    row(map, 0x0F3A38, "VINSERTI128 Vx,Hx,Wx,Ib 66 W0 L1", "AVX2", Avx::vinsertf128);
    row(map, 0x0F3A19, "VEXTRACTF128 Wx,Vx,Ib 66 W0 L1", "AVX", Avx::vextractf128);
    row(map, 0x0F3A39, "VEXTRACTI128 Wx,Vx,Ib 66 W0 L1", "AVX2", Avx::vextractf128);
    row(map, 0x0F3A00, "VPERMQ Vx,Wx,Ib 66 W1 L1", "AVX2", Avx::vpermq);
    row(map, 0x0F3A01, "VPERMPD Vx,Wx,Ib 66 W1 L1", "AVX2", Avx::vpermq);
    row(map, 0x0F3836, "VPERMD Vx,Hx,Wx 66 W0 L1", "AVX2", Avx::vpermd);
    row(map, 0x0F3816, "VPERMPS Vx,Hx,Wx 66 W0 L1", "AVX2", Avx::vpermd);
    row(map, 0x0F3A02, "VPBLENDD Vx,Hx,Wx,Ib 66 W0", "AVX2", Vector::blendps);
  }

  private static void masked(OpcodeMap map) {
    Effect load4 = (c, i) -> Avx.maskedLoad(c, i, 4);
    Effect load8 = (c, i) -> Avx.maskedLoad(c, i, 8);
    Effect store4 = (c, i) -> Avx.maskedStore(c, i, 4);
    Effect store8 = (c, i) -> Avx.maskedStore(c, i, 8);
    row(map, 0x0F382C, "VMASKMOVPS Vx,Hx,Mx 66 W0", "AVX", load4);
    row(map, 0x0F382D, "VMASKMOVPD Vx,Hx,Mx 66 W0", "AVX", load8);
    row(map, 0x0F382E, "VMASKMOVPS Mx,Hx,Vx 66 W0", "AVX", store4);
    row(map, 0x0F382F, "VMASKMOVPD Mx,Hx,Vx 66 W0", "AVX", store8);
    row(map, 0x0F388C, "VPMASKMOVD Vx,Hx,Mx 66 W0", "AVX2", load4);
    row(map, 0x0F388C, "VPMASKMOVQ Vx,Hx,Mx 66 W1", "AVX2", load8);
    row(map, 0x0F388E, "VPMASKMOVD Mx,Hx,Vx 66 W0", "AVX2", store4);
    row(map, 0x0F388E, "VPMASKMOVQ Mx,Hx,Vx 66 W1", "AVX2", store8);
  }

  private static void shifts(OpcodeMap map) {
    shift(map, 0x0F3847, "VPSLLVD Vx,Hx,Wx 66 W0", Avx::vpsllvd);
    shift(map, 0x0F3847, "VPSLLVQ Vx,Hx,Wx 66 W1", Mmx::psllq);
    shift(map, 0x0F3845, "VPSRLVD Vx,Hx,Wx 66 W0", Avx::vpsrlvd);
    shift(map, 0x0F3845, "VPSRLVQ Vx,Hx,Wx 66 W1", Mmx::psrlq);
    shift(map, 0x0F3846, "VPSRAVD Vx,Hx,Wx 66 W0", Avx::vpsravd);
  }

  private static void shift(OpcodeMap map, int opcode, String text, LongBinaryOperator operator) {
    row(map, opcode, text, "AVX2", (c, i) -> Vector.vertical(c, i, operator));
  }

  private static void gathers(OpcodeMap map) {
    for (int n = 0; n < 2; n++) {
      String name = n == 0 ? "VPGATHER" : "VGATHER";
      int opcode = 0x0F3890 + 2 * n;
      String single = n == 0 ? "D" : "PS";
      String real = n == 0 ? "Q" : "PD";
      gather(map, opcode, name + "D" + single, "W0", 4, 4);
      gather(map, opcode, name + "D" + real, "W1", 4, 8);
      gather(map, opcode + 1, name + "Q" + single, "W0", 8, 4);
      gather(map, opcode + 1, name + "Q" + real, "W1", 8, 8);
    }
  }

  private static void gather(
      OpcodeMap map, int opcode, String name, String w, int indexWidth, int width) {
    String text = "%s Vx,Mx,Hx 66 vsib %s".formatted(name, w);
    row(map, opcode, text, "AVX2", (c, i) -> Avx.gather(c, i, indexWidth, width));
  }

  private static void others(OpcodeMap map) {
    row(map, 0x0F77, "VZEROUPPER np L0", "AVX", Avx::vzeroupper);
    row(map, 0x0F77, "VZEROALL np L1", "AVX", Avx::vzeroall);
    row(map, 0x0F380E, "VTESTPS Vx,Wx 66 W0", "AVX", VectorFloat::vtestps);
    row(map, 0x0F380F, "VTESTPD Vx,Wx 66 W0", "AVX", VectorFloat::vtestpd);
    row(map, 0x0F3813, "VCVTPH2PS Vx,Wx 66 W0", "F16C", SimdConvert::vcvtph2ps);
    row(map, 0x0F3A1D, "VCVTPS2PH Wx,Vx,Ib 66 W0", "F16C", SimdConvert::vcvtps2ph);
  }

  private static void fma(OpcodeMap map) {
    for (Fma.Order order : Fma.Order.values()) {
      int opcode = 0x0F3896 + 0x10 * order.ordinal();
      for (Fma.Variant variant : Fma.Variant.values()) {
        String name = "VF" + variant + order.name().substring(1);
        String operands = " Vx,Hx,Wx 66 ";
        row(
            map,
            opcode,
            name + "PS" + operands + "W0",
            "FMA",
            (c, i) -> Fma.single(c, i, order, variant));
        row(
            map,
            opcode,
            name + "PD" + operands + "W1",
            "FMA",
            (c, i) -> Fma.real(c, i, order, variant));
        opcode++;
        if (variant.ordinal() < 2) {
          continue;
        }
        row(
            map,
            opcode,
            name + "SS" + operands + "W0",
            "FMA",
            (c, i) -> Fma.scalarSingle(c, i, order, variant));
        row(
            map,
            opcode,
            name + "SD" + operands + "W1",
            "FMA",
            (c, i) -> Fma.scalarReal(c, i, order, variant));
        opcode++;
      }
    }
  }
}
