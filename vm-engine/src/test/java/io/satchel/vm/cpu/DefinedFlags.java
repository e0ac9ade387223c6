package io.satchel.vm.cpu;

import static io.satchel.vm.cpu.CpuState.AF;
import static io.satchel.vm.cpu.CpuState.ARITHMETIC;
import static io.satchel.vm.cpu.CpuState.CF;
import static io.satchel.vm.cpu.CpuState.DF;
import static io.satchel.vm.cpu.CpuState.OF;
import static io.satchel.vm.cpu.CpuState.PF;
import static io.satchel.vm.cpu.CpuState.SF;
import static io.satchel.vm.cpu.CpuState.ZF;

/** The flags that the manual defines after an integer instruction (SDM volume 2). */
final class DefinedFlags {

  private DefinedFlags() {}

  /**
   * @param mnemonic as the row has it
   * @param bits the operand's size
   * @param count of a shift or rotation, masked as the instruction masks it
   */
  static int after(String mnemonic, int bits, int count) {
    int all = ARITHMETIC | DF;
    return switch (mnemonic) {
      case "AND", "OR", "XOR", "TEST" -> all & ~AF;
      case "MUL", "IMUL" -> all & ~(SF | ZF | AF | PF);
      case "DIV", "IDIV" -> DF;
      case "SHL", "SAL", "SHR", "SAR" -> {
        if (count == 0) {
          yield all;
        }
        int undefined = AF | (count != 1 ? OF : 0);
        yield all & ~(count >= bits && !mnemonic.equals("SAR") ? undefined | CF : undefined);
      }
      case "ROL", "ROR", "RCL", "RCR" -> count <= 1 ? all : all & ~OF;
      case "SHLD", "SHRD" -> count == 0 ? all : all & ~(count != 1 ? AF | OF : AF);
      case "BT", "BTS", "BTR", "BTC" -> all & ~(OF | SF | AF | PF);
      case "BSF", "BSR" -> ZF | DF;
      case "DAA", "DAS" -> all & ~OF;
      case "AAA", "AAS" -> all & ~(OF | SF | ZF | PF);
      case "AAM", "AAD" -> all & ~(OF | AF | CF);
      default -> all;
    };
  }
}
