package io.satchel.vm.cpu.semantics;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.LazyFlags;

/** How the arithmetic flags follow from a value's operands and result. */
public enum FlagRule {
  /** They stay. */
  NONE(-1),
  ADD(LazyFlags.ADD),
  SUB(LazyFlags.SUB),
  LOGIC(LazyFlags.LOGIC),
  /** CF stays. */
  INC(LazyFlags.INC),
  /** CF stays. */
  DEC(LazyFlags.DEC),
  /** As 0 - a. */
  NEG(LazyFlags.SUB),
  SHL(LazyFlags.SHL),
  SHR(LazyFlags.SHR),
  SAR(LazyFlags.SAR),
  /** CF is the result's lowest bit, OF that XOR the highest; the others stay. */
  ROL(-1),
  /** CF is the result's highest bit, OF that XOR the next; the others stay. */
  ROR(-1),
  MUL(LazyFlags.MUL);

  private final int lazyKind;

  FlagRule(int lazyKind) {
    this.lazyKind = lazyKind;
  }

  /** The kind in {@link LazyFlags}, or -1. */
  public int lazyKind() {
    return lazyKind;
  }

  /**
   * Sets the flags.
   *
   * @param width bytes; {@code a}, {@code b} and {@code result} are truncated to it
   */
  public void apply(CpuState cpu, int width, long a, long b, long result) {
    switch (this) {
      case NONE -> {}
      case ROL, ROR -> {
        int top = 8 * width - 1;
        int high = (int) (result >>> top) & 1;
        int carry = this == ROL ? (int) result & 1 : high;
        int other = this == ROL ? high : (int) (result >>> top - 1) & 1;
        cpu.setArithmeticFlags(
            cpu.arithmeticFlags() & ~(CpuState.CF | CpuState.OF)
                | (carry != 0 ? CpuState.CF : 0)
                | (carry != other ? CpuState.OF : 0));
      }
      case INC, DEC -> set(cpu, width, cpu.carry(), 1, result);
      case NEG -> set(cpu, width, 0, a, result);
      default -> set(cpu, width, a, b, result);
    }
  }

  private void set(CpuState cpu, int width, long a, long b, long result) {
    cpu.flagRule = lazyKind + Integer.numberOfTrailingZeros(width);
    cpu.flagA = a;
    cpu.flagB = b;
    cpu.flagResult = result;
  }
}
