package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.CF;
import static io.satchel.vm.cpu.CpuState.OF;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.LazyFlags;
import io.satchel.vm.cpu.decode.Instruction;

/** Shifts and rotates. Counts come masked; widths are in bytes. */
public final class Shift {

  public static final Value SHL = Value.shift(Shift.class, "shl", FlagRule.SHL, Shift::shl);
  public static final Value SHR = Value.shift(Shift.class, "shr", FlagRule.SHR, Shift::shr);
  public static final Value SAR = Value.shift(Shift.class, "sar", FlagRule.SAR, Shift::sar);
  public static final Value ROL = Value.shift(Shift.class, "rol", FlagRule.ROL, Shift::rol);
  public static final Value ROR = Value.shift(Shift.class, "ror", FlagRule.ROR, Shift::ror);

  private Shift() {}

  public static long shl(long a, long count, int width) {
    return a << count;
  }

  public static long shr(long a, long count, int width) {
    return a >>> count;
  }

  public static long sar(long a, long count, int width) {
    return Operands.signExtend(a, width) >> count;
  }

  public static long rol(long a, long count, int width) {
    int bits = 8 * width;
    int by = (int) count & (bits - 1);
    return by == 0 ? a : a << by | a >>> bits - by;
  }

  public static long ror(long a, long count, int width) {
    int bits = 8 * width;
    int by = (int) count & (bits - 1);
    return by == 0 ? a : a >>> by | a << bits - by;
  }

  public static void rclByte(CpuState cpu, Instruction i) {
    rcl(cpu, i, 1, count(cpu, i));
  }

  public static void rcl(CpuState cpu, Instruction i) {
    rcl(cpu, i, i.operandSize, count(cpu, i));
  }

  public static void rcrByte(CpuState cpu, Instruction i) {
    rcr(cpu, i, 1, count(cpu, i));
  }

  public static void rcr(CpuState cpu, Instruction i) {
    rcr(cpu, i, i.operandSize, count(cpu, i));
  }

  // C0/C1 take an immediate, D0/D1 shift by one, D2/D3 by CL.
  private static int count(CpuState cpu, Instruction i) {
    int opcode = i.row().opcode();
    if (opcode <= 0xC1) {
      return (int) i.immediate;
    }
    return opcode <= 0xD1 ? 1 : (int) cpu.gpr[CpuState.RCX];
  }

  private static void rcl(CpuState cpu, Instruction i, int width, int count) {
    int bits = 8 * width;
    count = (count & (width == 8 ? 63 : 31)) % (bits + 1);
    if (i.memory) {
      Operands.checkStore(cpu, i, 0, width);
    }
    long a = Operands.loadRm(cpu, i, width);
    int carry = cpu.carry();
    for (int n = 0; n < count; n++) {
      int out = (int) (a >>> bits - 1) & 1;
      a = Operands.truncate(a << 1 | carry, width);
      carry = out;
    }
    Operands.storeRm(cpu, i, width, a);
    if (count != 0) {
      setCarryOverflow(cpu, carry, (int) (a >>> bits - 1) & 1 ^ carry);
    }
  }

  private static void rcr(CpuState cpu, Instruction i, int width, int count) {
    int bits = 8 * width;
    count = (count & (width == 8 ? 63 : 31)) % (bits + 1);
    if (i.memory) {
      Operands.checkStore(cpu, i, 0, width);
    }
    long a = Operands.loadRm(cpu, i, width);
    int carry = cpu.carry();
    for (int n = 0; n < count; n++) {
      int out = (int) a & 1;
      a = a >>> 1 | (long) carry << bits - 1;
      carry = out;
    }
    Operands.storeRm(cpu, i, width, a);
    if (count != 0) {
      setCarryOverflow(cpu, carry, (int) (a >>> bits - 1 ^ a >>> bits - 2) & 1);
    }
  }

  private static void setCarryOverflow(CpuState cpu, int carry, int overflow) {
    cpu.setArithmeticFlags(
        cpu.arithmeticFlags() & ~(CF | OF) | (carry != 0 ? CF : 0) | (overflow != 0 ? OF : 0));
  }

  public static void shldImmediate(CpuState cpu, Instruction i) {
    shld(cpu, i, (int) i.immediate);
  }

  public static void shldCl(CpuState cpu, Instruction i) {
    shld(cpu, i, (int) cpu.gpr[CpuState.RCX]);
  }

  public static void shrdImmediate(CpuState cpu, Instruction i) {
    shrd(cpu, i, (int) i.immediate);
  }

  public static void shrdCl(CpuState cpu, Instruction i) {
    shrd(cpu, i, (int) cpu.gpr[CpuState.RCX]);
  }

  private static void shld(CpuState cpu, Instruction i, int count) {
    int width = i.operandSize;
    int bits = 8 * width;
    count &= width == 8 ? 63 : 31;
    if (i.memory) {
      Operands.checkStore(cpu, i, 0, width);
    }
    long a = Operands.loadRm(cpu, i, width);
    if (count == 0) {
      Operands.storeRm(cpu, i, width, a);
      return;
    }
    long fill = Operands.register(cpu, i, i.reg, width);
    long result;
    int carry;
    if (width == 2) {
      // Counts above 16 are undefined; processors shift the destination in again.
      long wide = a << 32 | fill << 16 | a;
      result = wide >>> 32 - count & 0xFFFF;
      carry = (int) (wide >>> 48 - count) & 1;
    } else {
      result = Operands.truncate(a << count | fill >>> bits - count, width);
      carry = (int) (a >>> bits - count) & 1;
    }
    Operands.storeRm(cpu, i, width, result);
    setShiftFlags(cpu, width, a, result, carry);
  }

  private static void shrd(CpuState cpu, Instruction i, int count) {
    int width = i.operandSize;
    int bits = 8 * width;
    count &= width == 8 ? 63 : 31;
    if (i.memory) {
      Operands.checkStore(cpu, i, 0, width);
    }
    long a = Operands.loadRm(cpu, i, width);
    if (count == 0) {
      Operands.storeRm(cpu, i, width, a);
      return;
    }
    long fill = Operands.register(cpu, i, i.reg, width);
    long result;
    int carry;
    if (width == 2) {
      long wide = a << 32 | fill << 16 | a;
      result = wide >>> count & 0xFFFF;
      carry = (int) (wide >>> count - 1) & 1;
    } else {
      result = Operands.truncate(a >>> count | fill << bits - count, width);
      carry = (int) (a >>> count - 1) & 1;
    }
    Operands.storeRm(cpu, i, width, result);
    setShiftFlags(cpu, width, a, result, carry);
  }

  // OF tells whether the sign changed: defined for a count of 1, and what processors do for others.
  private static void setShiftFlags(CpuState cpu, int width, long a, long result, int carry) {
    int rule = LazyFlags.LOGIC + Integer.numberOfTrailingZeros(width);
    int flags = LazyFlags.all(rule, 0, 0, result);
    boolean signChanged = ((a ^ result) >>> 8 * width - 1 & 1) != 0;
    cpu.setArithmeticFlags(flags | (carry != 0 ? CF : 0) | (signChanged ? OF : 0));
  }
}
