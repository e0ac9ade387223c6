package io.satchel.vm.cpu.decode;

import java.util.List;

/**
 * An operand as a row's text prints it (SDM volume 2, appendix A.2): an addressing method and a
 * type, or a register.
 *
 * <p>Operands of type x, of 128 or 256 bits by the vector length, and its kin (ps, pd, ss, sd ...)
 * are loaded by the rows' methods.
 *
 * <p>One letter is ours: {@code Z} is the register in the opcode's low three bits, which the manual
 * prints as {@code rAX/r8} and so on; a row with it stands for eight opcodes.
 *
 * @param method the manual's letter; {@code 'r'} for a register by name, {@code 's'} for a segment
 *     register by name, {@code '1'} for the constant
 * @param type the manual's letters after the method: b, w, d, q, v, z, y, p, a ...; empty if none
 * @param register the number of a register by name, else 0
 */
public record Operand(char method, String type, int register) {

  static Operand parse(String text) {
    return switch (text) {
      case "1" -> new Operand('1', "b", 0);
      case "AL" -> new Operand('r', "b", 0);
      case "CL" -> new Operand('r', "b", 1);
      case "AX" -> new Operand('r', "w", 0);
      case "DX" -> new Operand('r', "w", 2);
      case "eAX" -> new Operand('r', "z", 0);
      case "rAX" -> new Operand('r', "v", 0);
      case "ES", "CS", "SS", "DS", "FS", "GS" ->
          new Operand('s', "w", List.of("ES", "CS", "SS", "DS", "FS", "GS").indexOf(text));
      default -> new Operand(text.charAt(0), text.substring(1), 0);
    };
  }

  /** Bytes, 1 to 8; 0 when the type is none of the general registers'. */
  public int width(Instruction i) {
    return switch (type) {
      case "b" -> 1;
      case "w" -> 2;
      case "d" -> 4;
      case "q" -> 8;
      case "v" -> i.operandSize;
      case "z" -> Math.min(i.operandSize, 4);
      case "y" -> Math.max(i.operandSize, 4);
      default -> 0;
    };
  }

  /** Whether ModRM holds it. */
  boolean needsModrm() {
    return "CDEGMNPQRSUVW".indexOf(method) >= 0;
  }

  /** Whether it is a control or debug register: ModRM.mod does not matter then. */
  boolean system() {
    return method == 'C' || method == 'D';
  }
}
