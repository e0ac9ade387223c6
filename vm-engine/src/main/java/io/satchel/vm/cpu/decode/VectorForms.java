package io.satchel.vm.cpu.decode;

import io.satchel.vm.cpu.decode.OpcodeMap.Trait;
import io.satchel.vm.cpu.semantics.Mmx;
import io.satchel.vm.cpu.semantics.Vector;
import java.util.function.LongBinaryOperator;
import java.util.function.LongUnaryOperator;

/**
 * Adds an SSE instruction and the AVX instruction of the same name: their semantics are the same
 * methods. A packed operation's method has the instruction's name in lower case.
 */
final class VectorForms {

  /** Which vector lengths the AVX instruction has, and the feature it came with. */
  enum Vex {
    /** None. */
    NONE,
    /** 128 bits, and 256 bits, with AVX. */
    AVX,
    /** 128 bits with AVX, 256 bits with AVX2. */
    AVX2,
    /** A scalar: the length does not matter. */
    SCALAR,
    /** 128 bits only. */
    L0
  }

  private VectorForms() {}

  /**
   * Adds a row, and its VEX rows.
   *
   * @param operands of the SSE instruction
   * @param vexOperands of the AVX instruction
   * @param words the mandatory prefix and what else narrows the row
   * @param feature of the SSE instruction
   */
  static void row(
      OpcodeMap map,
      int opcode,
      String name,
      String operands,
      String vexOperands,
      String words,
      String feature,
      Vex vex,
      Effect effect) {
    map.effect(opcode, "%s %s %s +%s".formatted(name, operands, words, feature), effect, Trait.SSE);
    String text = "V%s %s %s vex ".formatted(name, vexOperands, words);
    switch (vex) {
      case NONE -> {}
      case AVX, SCALAR -> map.effect(opcode, text + "+AVX", effect, Trait.AVX);
      case L0 -> map.effect(opcode, text + "L0 +AVX", effect, Trait.AVX);
      case AVX2 ->
          map.effect(opcode, text + "L0 +AVX", effect, Trait.AVX)
              .effect(opcode, text + "L1 +AVX2", effect, Trait.AVX);
    }
  }

  /** A function of 64 bits of two sources. */
  static void vertical(
      OpcodeMap map, int opcode, String name, String feature, LongBinaryOperator operator) {
    Effect effect = (c, i) -> Vector.vertical(c, i, operator);
    row(map, opcode, name, "Vx,Wx", "Vx,Hx,Wx", "66", feature, Vex.AVX2, effect);
  }

  /** A function of 64 bits of one source. */
  static void unary(
      OpcodeMap map, int opcode, String name, String feature, LongUnaryOperator operator) {
    LongBinaryOperator second = Vector.second(operator);
    Effect effect = (c, i) -> Vector.vertical(c, i, second);
    row(map, opcode, name, "Vx,Wx", "Vx,Wx", "66", feature, Vex.AVX2, effect);
  }

  /** A function of 128 bits of two sources. */
  static void lane(
      OpcodeMap map, int opcode, String name, String feature, Vex vex, Vector.Lane lane) {
    Vector.LaneImmediate function = lane.ignoringImmediate();
    Effect effect = (c, i) -> Vector.lanes(c, i, function);
    row(map, opcode, name, "Vx,Wx", "Vx,Hx,Wx", "66", feature, vex, effect);
  }

  /** A function of 128 bits of two sources and the immediate byte. */
  static void laneImmediate(
      OpcodeMap map, int opcode, String name, String feature, Vex vex, Vector.LaneImmediate lane) {
    Effect effect = (c, i) -> Vector.lanes(c, i, lane);
    row(map, opcode, name, "Vx,Wx,Ib", "Vx,Hx,Wx,Ib", "66", feature, vex, effect);
  }

  /** A function of 128 bits of one source and the immediate byte. */
  static void shuffle(
      OpcodeMap map,
      int opcode,
      String name,
      String prefix,
      String feature,
      Vex vex,
      Vector.LaneImmediate lane) {
    Effect effect = (c, i) -> Vector.lanes(c, i, lane);
    row(map, opcode, name, "Vx,Wx,Ib", "Vx,Wx,Ib", prefix, feature, vex, effect);
  }

  /** An addition of SSE and its successors to the MMX instructions. */
  static void mmx(
      OpcodeMap map, int opcode, String name, String feature, LongBinaryOperator operator) {
    map.effect(
        opcode,
        "%s Pq,Qq np +%s".formatted(name, feature),
        (c, i) -> Mmx.binary(c, i, operator),
        Trait.MMX);
  }
}
