package io.satchel.vm.cpu.decode;

import static io.satchel.vm.cpu.decode.OpcodeMap.Trait.LOCK;
import static io.satchel.vm.cpu.decode.OpcodeMap.Trait.NOT64;
import static io.satchel.vm.cpu.decode.OpcodeMap.Trait.ONLY64;

import io.satchel.vm.cpu.semantics.Alu;
import io.satchel.vm.cpu.semantics.Bits;
import io.satchel.vm.cpu.semantics.Decimal;
import io.satchel.vm.cpu.semantics.Flags;
import io.satchel.vm.cpu.semantics.MulDiv;
import io.satchel.vm.cpu.semantics.Shift;
import io.satchel.vm.cpu.semantics.Value;

/** Integer arithmetic, logic, shifts, bits and flags. */
public final class ArithmeticRows {

  private ArithmeticRows() {}

  public static void add(OpcodeMap map) {
    group(map, 0x00, "ADD", Alu.ADD);
    group(map, 0x08, "OR", Alu.OR);
    group(map, 0x10, "ADC", Alu.ADC);
    group(map, 0x18, "SBB", Alu.SBB);
    group(map, 0x20, "AND", Alu.AND);
    group(map, 0x28, "SUB", Alu.SUB);
    group(map, 0x30, "XOR", Alu.XOR);
    group(map, 0x38, "CMP", Alu.CMP);
    immediates(map, "ADD", 0, Alu.ADD);
    immediates(map, "OR", 1, Alu.OR);
    immediates(map, "ADC", 2, Alu.ADC);
    immediates(map, "SBB", 3, Alu.SBB);
    immediates(map, "AND", 4, Alu.AND);
    immediates(map, "SUB", 5, Alu.SUB);
    immediates(map, "XOR", 6, Alu.XOR);
    immediates(map, "CMP", 7, Alu.CMP);
    map.value(0x40, "INC Zv", Alu.INC, NOT64)
        .value(0x48, "DEC Zv", Alu.DEC, NOT64)
        .value(0xFE, "INC Eb /0", Alu.INC, LOCK)
        .value(0xFE, "DEC Eb /1", Alu.DEC, LOCK)
        .value(0xFF, "INC Ev /0", Alu.INC, LOCK)
        .value(0xFF, "DEC Ev /1", Alu.DEC, LOCK)
        .value(0x84, "TEST Eb,Gb", Alu.TEST)
        .value(0x85, "TEST Ev,Gv", Alu.TEST)
        .value(0xA8, "TEST AL,Ib", Alu.TEST)
        .value(0xA9, "TEST rAX,Iz", Alu.TEST);
    // /1 is undocumented, and the same as /0 on every processor.
    for (String reg : new String[] {"/0", "/1"}) {
      map.value(0xF6, "TEST Eb,Ib " + reg, Alu.TEST).value(0xF7, "TEST Ev,Iz " + reg, Alu.TEST);
    }
    map.value(0xF6, "NOT Eb /2", Alu.NOT, LOCK)
        .value(0xF7, "NOT Ev /2", Alu.NOT, LOCK)
        .value(0xF6, "NEG Eb /3", Alu.NEG, LOCK)
        .value(0xF7, "NEG Ev /3", Alu.NEG, LOCK)
        .effect(0xF6, "MUL Eb /4", MulDiv::mulByte)
        .effect(0xF7, "MUL Ev /4", MulDiv::mul)
        .effect(0xF6, "IMUL Eb /5", MulDiv::imulByte)
        .effect(0xF7, "IMUL Ev /5", MulDiv::imulWide)
        .effect(0xF6, "DIV Eb /6", MulDiv::divByte)
        .effect(0xF7, "DIV Ev /6", MulDiv::div)
        .effect(0xF6, "IDIV Eb /7", MulDiv::idivByte)
        .effect(0xF7, "IDIV Ev /7", MulDiv::idiv)
        .value(0x69, "IMUL Gv,Ev,Iz", MulDiv.IMUL)
        .value(0x6B, "IMUL Gv,Ev,Ib", MulDiv.IMUL)
        .value(0x0FAF, "IMUL Gv,Ev", MulDiv.IMUL);
    shifts(map);
    bits(map);
    map.effect(0x27, "DAA", Decimal::daa, NOT64)
        .effect(0x2F, "DAS", Decimal::das, NOT64)
        .effect(0x37, "AAA", Decimal::aaa, NOT64)
        .effect(0x3F, "AAS", Decimal::aas, NOT64)
        .effect(0xD4, "AAM Ib", Decimal::aam, NOT64)
        .effect(0xD5, "AAD Ib", Decimal::aad, NOT64)
        .effect(0xD6, "SALC", Flags::salc, NOT64)
        .effect(0x9E, "SAHF", Flags::sahf, NOT64)
        .effect(0x9F, "LAHF", Flags::lahf, NOT64)
        .effect(0x9E, "SAHF +LAHF_LM", Flags::sahf, ONLY64)
        .effect(0x9F, "LAHF +LAHF_LM", Flags::lahf, ONLY64)
        .effect(0xF5, "CMC", Flags::cmc)
        .effect(0xF8, "CLC", Flags::clc)
        .effect(0xF9, "STC", Flags::stc)
        .effect(0xFC, "CLD", Flags::cld)
        .effect(0xFD, "STD", Flags::std);
  }

  /** The six forms that the eight classic operations share. */
  private static void group(OpcodeMap map, int opcode, String name, Value value) {
    map.value(opcode, name + " Eb,Gb", value, lockable(value))
        .value(opcode + 1, name + " Ev,Gv", value, lockable(value))
        .value(opcode + 2, name + " Gb,Eb", value)
        .value(opcode + 3, name + " Gv,Ev", value)
        .value(opcode + 4, name + " AL,Ib", value)
        .value(opcode + 5, name + " rAX,Iz", value);
  }

  private static void immediates(OpcodeMap map, String name, int reg, Value value) {
    map.value(0x80, name + " Eb,Ib /" + reg, value, lockable(value))
        .value(0x81, name + " Ev,Iz /" + reg, value, lockable(value))
        .value(0x82, name + " Eb,Ib /" + reg, value, with(NOT64, lockable(value)))
        .value(0x83, name + " Ev,Ib /" + reg, value, lockable(value));
  }

  private static OpcodeMap.Trait[] lockable(Value value) {
    return value.writes() ? new OpcodeMap.Trait[] {LOCK} : new OpcodeMap.Trait[0];
  }

  private static OpcodeMap.Trait[] with(OpcodeMap.Trait trait, OpcodeMap.Trait[] others) {
    OpcodeMap.Trait[] all = java.util.Arrays.copyOf(others, others.length + 1);
    all[others.length] = trait;
    return all;
  }

  private static void shifts(OpcodeMap map) {
    shift(map, "ROL", 0, Shift.ROL);
    shift(map, "ROR", 1, Shift.ROR);
    shift(map, "SHL", 4, Shift.SHL);
    shift(map, "SHR", 5, Shift.SHR);
    // /6 is undocumented, and the same as /4.
    shift(map, "SAL", 6, Shift.SHL);
    shift(map, "SAR", 7, Shift.SAR);
    map.effect(0xC0, "RCL Eb,Ib /2", Shift::rclByte)
        .effect(0xC1, "RCL Ev,Ib /2", Shift::rcl)
        .effect(0xD0, "RCL Eb,1 /2", Shift::rclByte)
        .effect(0xD1, "RCL Ev,1 /2", Shift::rcl)
        .effect(0xD2, "RCL Eb,CL /2", Shift::rclByte)
        .effect(0xD3, "RCL Ev,CL /2", Shift::rcl)
        .effect(0xC0, "RCR Eb,Ib /3", Shift::rcrByte)
        .effect(0xC1, "RCR Ev,Ib /3", Shift::rcr)
        .effect(0xD0, "RCR Eb,1 /3", Shift::rcrByte)
        .effect(0xD1, "RCR Ev,1 /3", Shift::rcr)
        .effect(0xD2, "RCR Eb,CL /3", Shift::rcrByte)
        .effect(0xD3, "RCR Ev,CL /3", Shift::rcr)
        .effect(0x0FA4, "SHLD Ev,Gv,Ib", Shift::shldImmediate)
        .effect(0x0FA5, "SHLD Ev,Gv,CL", Shift::shldCl)
        .effect(0x0FAC, "SHRD Ev,Gv,Ib", Shift::shrdImmediate)
        .effect(0x0FAD, "SHRD Ev,Gv,CL", Shift::shrdCl);
  }

  private static void shift(OpcodeMap map, String name, int reg, Value value) {
    map.value(0xC0, name + " Eb,Ib /" + reg, value)
        .value(0xC1, name + " Ev,Ib /" + reg, value)
        .value(0xD0, name + " Eb,1 /" + reg, value)
        .value(0xD1, name + " Ev,1 /" + reg, value)
        .value(0xD2, name + " Eb,CL /" + reg, value)
        .value(0xD3, name + " Ev,CL /" + reg, value);
  }

  private static void bits(OpcodeMap map) {
    map.effect(0x0FA3, "BT Ev,Gv", Bits::bt)
        .effect(0x0FAB, "BTS Ev,Gv", Bits::bts, LOCK)
        .effect(0x0FB3, "BTR Ev,Gv", Bits::btr, LOCK)
        .effect(0x0FBB, "BTC Ev,Gv", Bits::btc, LOCK)
        .effect(0x0FBA, "BT Ev,Ib /4", Bits::btImmediate)
        .effect(0x0FBA, "BTS Ev,Ib /5", Bits::btsImmediate, LOCK)
        .effect(0x0FBA, "BTR Ev,Ib /6", Bits::btrImmediate, LOCK)
        .effect(0x0FBA, "BTC Ev,Ib /7", Bits::btcImmediate, LOCK)
        .effect(0x0FBC, "BSF Gv,Ev", Bits::bsf)
        .effect(0x0FBD, "BSR Gv,Ev", Bits::bsr)
        .effect(0x0FC8, "BSWAP Zv", Bits::bswapAny)
        .effect(0x0FC0, "XADD Eb,Gb", Bits::xaddByte, LOCK)
        .effect(0x0FC1, "XADD Ev,Gv", Bits::xadd, LOCK)
        .effect(0x0FB0, "CMPXCHG Eb,Gb", Bits::cmpxchgByte, LOCK)
        .effect(0x0FB1, "CMPXCHG Ev,Gv", Bits::cmpxchg, LOCK)
        .effect(0x0FC7, "CMPXCHG8B Mq /1 +CX8", Bits::cmpxchg8b, LOCK);
  }
}
