package io.satchel.vm.cpu.translate;

import io.satchel.vm.cpu.decode.Instruction;
import io.satchel.vm.cpu.decode.OpcodeMap.Trait;
import io.satchel.vm.cpu.decode.Operand;
import io.satchel.vm.cpu.semantics.Alu;
import io.satchel.vm.cpu.semantics.Move;
import io.satchel.vm.cpu.semantics.MulDiv;
import io.satchel.vm.cpu.semantics.Shift;
import io.satchel.vm.cpu.semantics.Value;
import java.util.Objects;
import java.util.Set;

/** What the translator does with an instruction. */
enum Kind {
  /** A row with a value that becomes bytecode. */
  VALUE,
  LEA,
  PUSH,
  POP,
  LEAVE,
  XCHG,
  /** CBW and its kin. */
  WIDEN,
  /** CWD and its kin. */
  SIGN,
  /** One-operand multiplication. */
  MUL,
  DIV,
  BT,
  BSF,
  BSWAP,
  /** CLC, STC, CMC. */
  CARRY_FLAG,
  /** CLD, STD. */
  DIRECTION_FLAG,
  NOP,
  SETCC,
  CMOV,
  JCC,
  JUMP,
  /** LOOP and its kin, JCXZ. */
  LOOP,
  CALL,
  RET,
  /** A jump or call through ModRM. */
  INDIRECT,
  /** By the row's effect. */
  EFFECT,
  /** By the row's effect, behind which the mode and what is pending may have changed. */
  SYSTEM;

  /**
   * Instructions that end a block, but behind which a region mostly goes on: I/O, CLI, POPF, and
   * loads of data segments.
   */
  private static final Set<Integer> CONTINUED =
      Set.of(
          0x07, 0x1F, 0x0FA1, 0x0FA9, 0x8E, 0xC4, 0xC5, 0x0FB4, 0x0FB5, 0x9D, 0xFA, 0xE4, 0xE5,
          0xE6, 0xE7, 0xEC, 0xED, 0xEE, 0xEF);

  private static final Set<Value> VALUES =
      Set.of(
          Alu.ADD,
          Alu.OR,
          Alu.ADC,
          Alu.SBB,
          Alu.AND,
          Alu.SUB,
          Alu.XOR,
          Alu.CMP,
          Alu.TEST,
          Alu.INC,
          Alu.DEC,
          Alu.NEG,
          Alu.NOT,
          Shift.SHL,
          Shift.SHR,
          Shift.SAR,
          Shift.ROL,
          Shift.ROR,
          MulDiv.IMUL,
          Move.MOV,
          Move.MOVSX);

  static Kind of(Instruction i) {
    Value value = i.row().value();
    if (value != null) {
      boolean nothing = value.shape() == Value.Shape.SHIFT && constantCount(i) && count(i) == 0;
      return VALUES.contains(value) && !(nothing && i.memory) ? VALUE : EFFECT;
    }
    int opcode = i.row().opcode();
    if (CONTINUED.contains(opcode)) {
      return SYSTEM;
    }
    int size = i.operandSize;
    return switch (opcode) {
      case 0x8D -> LEA;
      case 0x50, 0x68, 0x6A -> PUSH;
      case 0x58 -> i.rm == 4 ? EFFECT : POP;
      case 0xC9 -> LEAVE;
      case 0x90 -> i.row().mnemonic().equals("PAUSE") ? EFFECT : i.rm == 0 ? NOP : XCHG;
      case 0x86, 0x87 -> i.memory ? EFFECT : XCHG;
      case 0x98 -> WIDEN;
      case 0x99 -> SIGN;
      case 0xF7 -> size == 4 ? wideArithmetic(i) : EFFECT;
      case 0x0FA3 -> i.memory ? EFFECT : BT;
      case 0x0FBA -> !i.memory && i.row().mnemonic().equals("BT") ? BT : EFFECT;
      case 0x0FBC, 0x0FBD -> size == 4 && i.row().mnemonic().startsWith("BS") ? BSF : EFFECT;
      case 0x0FC8 -> size == 4 ? BSWAP : EFFECT;
      case 0xF5, 0xF8, 0xF9 -> CARRY_FLAG;
      case 0xFC, 0xFD -> DIRECTION_FLAG;
      case 0xE8 -> CALL;
      case 0xE9, 0xEB -> JUMP;
      case 0xC2, 0xC3 -> RET;
      case 0xE0, 0xE1, 0xE2, 0xE3 -> LOOP;
      case 0xFF -> i.row().mnemonic().equals("PUSH") ? PUSH : INDIRECT;
      case 0x0F18, 0x0F19, 0x0F1A, 0x0F1B, 0x0F1C, 0x0F1D, 0x0F1E, 0x0F1F, 0x0F0D -> NOP;
      default -> byRange(i, opcode);
    };
  }

  private static Kind wideArithmetic(Instruction i) {
    return switch (i.row().mnemonic()) {
      case "MUL", "IMUL" -> MUL;
      case "DIV", "IDIV" -> DIV;
      default -> EFFECT;
    };
  }

  private static Kind byRange(Instruction i, int opcode) {
    if (opcode >>> 4 == 0x07 || opcode >>> 4 == 0x0F8) {
      return JCC;
    }
    if (opcode >>> 4 == 0x0F9) {
      return SETCC;
    }
    return opcode >>> 4 == 0x0F4 ? CMOV : EFFECT;
  }

  static Value value(Instruction i) {
    return Objects.requireNonNull(i.row().value());
  }

  /** Whether a shift's count does not come from CL. */
  static boolean constantCount(Instruction i) {
    return i.row().operands().getLast().method() != 'r';
  }

  /** A shift's constant count, masked. */
  static int count(Instruction i) {
    if (i.row().operands().getLast().method() == '1') {
      return 1;
    }
    int width = i.row().operands().getFirst().width(i);
    return (int) i.immediate & (width == 8 ? 63 : 31);
  }

  /** Whether an instruction of this kind can leave the region before it is done. */
  boolean mayLeave(Instruction i) {
    return switch (this) {
      case EFFECT, SYSTEM, PUSH, POP, LEAVE, DIV, CALL, RET, INDIRECT -> true;
      case LEA, NOP -> false;
      default -> i.memory;
    };
  }

  /** Whether an effect changes neither general registers nor arithmetic flags. */
  static boolean keepsRegisters(Instruction i) {
    boolean floating = i.row().has(Trait.X87) || i.row().has(Trait.X87_NO_WAIT);
    String name = i.row().mnemonic();
    return floating && !name.contains("STSW") && !name.contains("COMI");
  }

  static boolean isMemory(Instruction i, Operand operand) {
    return switch (operand.method()) {
      case 'E', 'M' -> i.memory;
      case 'O' -> true;
      default -> false;
    };
  }
}
