package io.satchel.vm.cpu.interpret;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.LazyFlags;
import io.satchel.vm.cpu.semantics.Alu;
import io.satchel.vm.cpu.semantics.Shift;

/** Micro-operations on 8 and 16 bits. */
final class Narrow {

  // The classic operations, in the order of their opcodes; then TEST.
  static final int ADD = 0;
  static final int OR = 1;
  static final int ADC = 2;
  static final int SBB = 3;
  static final int AND = 4;
  static final int SUB = 5;
  static final int XOR = 6;
  static final int CMP = 7;
  static final int TEST = 8;

  private Narrow() {}

  /** One of the classic operations on r and {@code source}; {@code log2} of the width. */
  static void classic(CpuState cpu, int operation, int r, long source, int log2) {
    long mask = (1L << (8 << log2)) - 1;
    long[] gpr = cpu.gpr;
    long a = gpr[r] & mask;
    long b = source & mask;
    int rule = LazyFlags.LOGIC;
    long result;
    switch (operation) {
      case ADD -> {
        result = Alu.add(a, b);
        rule = LazyFlags.ADD;
      }
      case OR -> result = Alu.or(a, b);
      case ADC -> {
        result = Alu.adc(a, b, cpu.carry());
        rule = LazyFlags.ADD;
      }
      case SBB -> {
        result = Alu.sbb(a, b, cpu.carry());
        rule = LazyFlags.SUB;
      }
      case AND, TEST -> result = Alu.and(a, b);
      case XOR -> result = Alu.xor(a, b);
      default -> {
        result = Alu.sub(a, b);
        rule = LazyFlags.SUB;
      }
    }
    result &= mask;
    if (operation < CMP) {
      gpr[r] = gpr[r] & ~mask | result;
    }
    cpu.flagRule = rule + log2;
    cpu.flagA = a;
    cpu.flagB = b;
    cpu.flagResult = result;
  }

  /** INC, DEC, NEG, NOT, and shifts by an immediate that is not 0. */
  static void other(CpuState cpu, Operation operation, int r, int count, int log2) {
    long mask = (1L << (8 << log2)) - 1;
    int width = 1 << log2;
    long[] gpr = cpu.gpr;
    long a = gpr[r] & mask;
    long b = 1;
    long left = a;
    int rule;
    long result;
    switch (operation) {
      case INC_NARROW -> {
        result = Alu.inc(a);
        left = cpu.carry();
        rule = LazyFlags.INC;
      }
      case DEC_NARROW -> {
        result = Alu.dec(a);
        left = cpu.carry();
        rule = LazyFlags.DEC;
      }
      case NEG_NARROW -> {
        result = Alu.neg(a);
        left = 0;
        b = a;
        rule = LazyFlags.SUB;
      }
      case NOT_NARROW -> {
        gpr[r] = gpr[r] & ~mask | Alu.not(a) & mask;
        return;
      }
      case SHL_NARROW -> {
        b = count;
        result = Shift.shl(a, count, width);
        rule = LazyFlags.SHL;
      }
      case SHR_NARROW -> {
        b = count;
        result = Shift.shr(a, count, width);
        rule = LazyFlags.SHR;
      }
      default -> {
        b = count;
        result = Shift.sar(a, count, width);
        rule = LazyFlags.SAR;
      }
    }
    result &= mask;
    gpr[r] = gpr[r] & ~mask | result;
    cpu.flagRule = rule + log2;
    cpu.flagA = left;
    cpu.flagB = b;
    cpu.flagResult = result;
  }
}
