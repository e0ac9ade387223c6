package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.CF;
import static io.satchel.vm.cpu.CpuState.OF;
import static io.satchel.vm.cpu.CpuState.RAX;
import static io.satchel.vm.cpu.CpuState.RDX;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;
import io.satchel.vm.cpu.LazyFlags;
import io.satchel.vm.cpu.decode.Instruction;

/** Multiplication and division. */
public final class MulDiv {

  /** The two- and three-operand forms. */
  public static final Value IMUL = Value.binary(MulDiv.class, "imul", FlagRule.MUL, MulDiv::imul);

  private MulDiv() {}

  public static long imul(long a, long b) {
    return a * b;
  }

  public static void mulByte(CpuState cpu, Instruction i) {
    long product = (cpu.gpr[RAX] & 0xFF) * Operands.loadRm(cpu, i, 1);
    Operands.setRegister(cpu, i, RAX, 2, product);
    setFlags(cpu, 1, product, product >>> 8 != 0);
  }

  public static void imulByte(CpuState cpu, Instruction i) {
    long product = (byte) cpu.gpr[RAX] * (byte) Operands.loadRm(cpu, i, 1);
    Operands.setRegister(cpu, i, RAX, 2, product);
    setFlags(cpu, 1, product, product != (byte) product);
  }

  public static void mul(CpuState cpu, Instruction i) {
    int width = i.operandSize;
    long a = Operands.truncate(cpu.gpr[RAX], width);
    long b = Operands.loadRm(cpu, i, width);
    long low = a * b;
    long high = width == 8 ? Math.unsignedMultiplyHigh(a, b) : low >>> 8 * width;
    Operands.setRegister(cpu, i, RAX, width, low);
    Operands.setRegister(cpu, i, RDX, width, high);
    setFlags(cpu, width, low, high != 0);
  }

  public static void imulWide(CpuState cpu, Instruction i) {
    int width = i.operandSize;
    long a = Operands.signExtend(cpu.gpr[RAX], width);
    long b = Operands.signExtend(Operands.loadRm(cpu, i, width), width);
    long low = a * b;
    long high = width == 8 ? Math.multiplyHigh(a, b) : low >> 8 * width;
    Operands.setRegister(cpu, i, RAX, width, low);
    Operands.setRegister(cpu, i, RDX, width, high);
    long fits = Operands.signExtend(low, width);
    setFlags(cpu, width, low, width == 8 ? high != low >> 63 : fits != low);
  }

  private static void setFlags(CpuState cpu, int width, long low, boolean lost) {
    cpu.setArithmeticFlags(flags(width, low, lost));
  }

  /** The arithmetic flags that a widening multiplication leaves; {@code lost}: it did not fit. */
  public static int flags(int width, long low, boolean lost) {
    int rule = LazyFlags.LOGIC + Integer.numberOfTrailingZeros(width);
    int flags = LazyFlags.all(rule, 0, 0, Operands.truncate(low, width)) & ~CpuState.ZF;
    return lost ? flags | CF | OF : flags;
  }

  public static void divByte(CpuState cpu, Instruction i) {
    int divisor = (int) Operands.loadRm(cpu, i, 1);
    int dividend = (int) cpu.gpr[RAX] & 0xFFFF;
    if (divisor == 0 || dividend / divisor > 0xFF) {
      throw cpu.fault(GuestFault.DE, 0);
    }
    Operands.setRegister(cpu, i, RAX, 2, dividend / divisor | (long) (dividend % divisor) << 8);
  }

  public static void idivByte(CpuState cpu, Instruction i) {
    int divisor = (byte) Operands.loadRm(cpu, i, 1);
    int dividend = (short) cpu.gpr[RAX];
    if (divisor == 0 || dividend / divisor != (byte) (dividend / divisor)) {
      throw cpu.fault(GuestFault.DE, 0);
    }
    Operands.setRegister(
        cpu, i, RAX, 2, dividend / divisor & 0xFF | (dividend % divisor & 0xFFL) << 8);
  }

  public static void div(CpuState cpu, Instruction i) {
    int width = i.operandSize;
    long divisor = Operands.loadRm(cpu, i, width);
    if (divisor == 0) {
      throw cpu.fault(GuestFault.DE, 0);
    }
    if (width == 8) {
      divWide(cpu, cpu.gpr[RDX], cpu.gpr[RAX], divisor);
      return;
    }
    long dividend =
        Operands.truncate(cpu.gpr[RDX], width) << 8 * width
            | Operands.truncate(cpu.gpr[RAX], width);
    long quotient = Long.divideUnsigned(dividend, divisor);
    if (quotient >>> 8 * width != 0) {
      throw cpu.fault(GuestFault.DE, 0);
    }
    Operands.setRegister(cpu, i, RAX, width, quotient);
    Operands.setRegister(cpu, i, RDX, width, dividend - quotient * divisor);
  }

  public static void idiv(CpuState cpu, Instruction i) {
    int width = i.operandSize;
    long divisor = Operands.signExtend(Operands.loadRm(cpu, i, width), width);
    if (divisor == 0) {
      throw cpu.fault(GuestFault.DE, 0);
    }
    if (width == 8) {
      idivWide(cpu, cpu.gpr[RDX], cpu.gpr[RAX], divisor);
      return;
    }
    long dividend =
        Operands.signExtend(
            Operands.truncate(cpu.gpr[RDX], width) << 8 * width
                | Operands.truncate(cpu.gpr[RAX], width),
            2 * width);
    long quotient = dividend / divisor;
    if (dividend == Long.MIN_VALUE && divisor == -1
        || quotient != Operands.signExtend(quotient, width)) {
      throw cpu.fault(GuestFault.DE, 0);
    }
    Operands.setRegister(cpu, i, RAX, width, quotient);
    Operands.setRegister(cpu, i, RDX, width, dividend - quotient * divisor);
  }

  private static void divWide(CpuState cpu, long high, long low, long divisor) {
    if (Long.compareUnsigned(high, divisor) >= 0) {
      throw cpu.fault(GuestFault.DE, 0);
    }
    // Schoolbook: one bit of the quotient a step, the remainder in high.
    for (int n = 0; n < 64; n++) {
      boolean over = high < 0;
      high = high << 1 | low >>> 63;
      low <<= 1;
      if (over || Long.compareUnsigned(high, divisor) >= 0) {
        high -= divisor;
        low |= 1;
      }
    }
    cpu.gpr[RAX] = low;
    cpu.gpr[RDX] = high;
  }

  private static void idivWide(CpuState cpu, long high, long low, long divisor) {
    long oldRax = cpu.gpr[RAX];
    long oldRdx = cpu.gpr[RDX];
    boolean negative = high < 0;
    if (negative) {
      low = -low;
      high = low == 0 ? -high : ~high;
    }
    divWide(cpu, high, low, Math.abs(divisor));
    long quotient = cpu.gpr[RAX];
    long remainder = cpu.gpr[RDX];
    boolean negativeQuotient = negative != divisor < 0;
    long signed = negativeQuotient ? -quotient : quotient;
    if (signed != 0 && signed < 0 != negativeQuotient) {
      cpu.gpr[RAX] = oldRax;
      cpu.gpr[RDX] = oldRdx;
      throw cpu.fault(GuestFault.DE, 0);
    }
    cpu.gpr[RAX] = signed;
    cpu.gpr[RDX] = negative ? -remainder : remainder;
  }
}
