package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.ATTR_DB;
import static io.satchel.vm.cpu.CpuState.ATTR_UNUSABLE;
import static io.satchel.vm.cpu.CpuState.RSP;
import static io.satchel.vm.cpu.CpuState.SS;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;
import io.satchel.vm.cpu.decode.Instruction;

/**
 * How methods of the semantics reach an instruction's operands. Widths are in bytes. Registers:
 * 1-byte registers 4 to 7 are AH, CH, DH, BH unless there is a REX prefix; a 4-byte write clears
 * the upper half.
 */
public final class Operands {

  // Segment types (SDM volume 3, table 3-1).
  private static final int CODE = 8;
  private static final int EXPAND_DOWN = 4;
  private static final int WRITABLE_OR_READABLE = 2;

  private Operands() {}

  /** {@code value} with the bits above {@code width} bytes cleared. */
  public static long truncate(long value, int width) {
    return width == 8 ? value : value & (1L << 8 * width) - 1;
  }

  /** The low {@code width} bytes of {@code value}, sign-extended. */
  public static long signExtend(long value, int width) {
    int unused = 64 - 8 * width;
    return value << unused >> unused;
  }

  /** The memory operand's offset in its segment, truncated to the address size. */
  public static long offset(CpuState cpu, Instruction i) {
    long offset = cpu.gpr[i.base] + (cpu.gpr[i.index] << i.scale) + i.displacement;
    if (i.ripRelative) {
      offset += cpu.rip;
    }
    return truncate(offset, i.addressSize);
  }

  /**
   * Checks limit and rights of {@code segment} (#GP(0), or #SS(0) for SS; canonical form in 64-bit
   * code) and gives the linear address. Checks alignment (#AC) when that is enabled.
   */
  public static long linear(CpuState cpu, int segment, long offset, int width, boolean write) {
    long linear;
    if (cpu.code64()) {
      linear = segment >= CpuState.FS ? cpu.base[segment] + offset : offset;
      long last = linear + width - 1;
      if (linear << 16 >> 16 != linear || last << 16 >> 16 != last) {
        throw violation(cpu, segment);
      }
    } else {
      if (!within(cpu, segment, offset, width) || !permitted(cpu, segment, write)) {
        throw violation(cpu, segment);
      }
      linear = cpu.base[segment] + offset & 0xFFFF_FFFFL;
    }
    if ((linear & width - 1) != 0 && cpu.alignmentChecked()) {
      throw cpu.fault(GuestFault.AC, 0);
    }
    return linear;
  }

  private static GuestFault violation(CpuState cpu, int segment) {
    return cpu.fault(segment == SS ? GuestFault.SS : GuestFault.GP, 0);
  }

  private static boolean within(CpuState cpu, int segment, long offset, int width) {
    int attributes = cpu.attributes[segment];
    long limit = cpu.limit[segment];
    if ((attributes & (CODE | EXPAND_DOWN)) == EXPAND_DOWN) {
      long top = (attributes & ATTR_DB) != 0 ? 0xFFFF_FFFFL : 0xFFFF;
      return offset > limit && offset + width - 1 <= top;
    }
    // A limit of 4 GiB cannot be passed: an operand at its end wraps around.
    return offset + width - 1 <= limit || limit == 0xFFFF_FFFFL;
  }

  private static boolean permitted(CpuState cpu, int segment, boolean write) {
    if (!cpu.protectedMode()) {
      return true;
    }
    int attributes = cpu.attributes[segment];
    if ((attributes & ATTR_UNUSABLE) != 0) {
      return false;
    }
    boolean code = (attributes & CODE) != 0;
    boolean second = (attributes & WRITABLE_OR_READABLE) != 0;
    return write ? !code && second : !code || second;
  }

  /** Reads memory {@code displacement} bytes behind the memory operand. */
  public static long load(CpuState cpu, Instruction i, int displacement, int width) {
    return cpu.mmu.read(linear(cpu, i.segment, offset(cpu, i, displacement), width, false), width);
  }

  /** Writes memory {@code displacement} bytes behind the memory operand. */
  public static void store(CpuState cpu, Instruction i, int displacement, int width, long value) {
    cpu.mmu.write(linear(cpu, i.segment, offset(cpu, i, displacement), width, true), width, value);
  }

  /** Throws what a store would throw; stores nothing. */
  public static void checkStore(CpuState cpu, Instruction i, int displacement, int width) {
    cpu.mmu.checkWrite(linear(cpu, i.segment, offset(cpu, i, displacement), width, true), width);
  }

  private static long offset(CpuState cpu, Instruction i, int displacement) {
    long offset = offset(cpu, i);
    return displacement == 0 ? offset : truncate(offset + displacement, i.addressSize);
  }

  /** Reads the ModRM.rm operand, register or memory, zero-extended. */
  public static long loadRm(CpuState cpu, Instruction i, int width) {
    return i.memory ? load(cpu, i, 0, width) : register(cpu, i, i.rm, width);
  }

  /** Writes the ModRM.rm operand. */
  public static void storeRm(CpuState cpu, Instruction i, int width, long value) {
    if (i.memory) {
      store(cpu, i, 0, width, value);
    } else {
      setRegister(cpu, i, i.rm, width, value);
    }
  }

  /** Reads a general register, zero-extended. */
  public static long register(CpuState cpu, Instruction i, int number, int width) {
    if (width == 1 && i.rex == 0 && (number & 0xC) == 4) {
      return cpu.gpr[number - 4] >>> 8 & 0xFF;
    }
    return truncate(cpu.gpr[number], width);
  }

  /** Writes a general register. */
  public static void setRegister(CpuState cpu, Instruction i, int number, int width, long value) {
    long[] gpr = cpu.gpr;
    switch (width) {
      case 1 -> {
        if (i.rex == 0 && (number & 0xC) == 4) {
          gpr[number - 4] = gpr[number - 4] & ~0xFF00L | (value & 0xFF) << 8;
        } else {
          gpr[number] = gpr[number] & ~0xFFL | value & 0xFF;
        }
      }
      case 2 -> gpr[number] = gpr[number] & ~0xFFFFL | value & 0xFFFF;
      case 4 -> gpr[number] = value & 0xFFFF_FFFFL;
      default -> gpr[number] = value;
    }
  }

  /** Pushes on the stack as the current SS says; nothing changes when it faults. */
  public static void push(CpuState cpu, int width, long value) {
    int stackWidth = cpu.stackWidth();
    long top = truncate(cpu.gpr[RSP] - width, stackWidth);
    cpu.mmu.write(linear(cpu, SS, top, width, true), width, value);
    setStackPointer(cpu, stackWidth, top);
  }

  /** Pops; the stack pointer moves only when the read did not fault. */
  public static long pop(CpuState cpu, int width) {
    int stackWidth = cpu.stackWidth();
    long top = truncate(cpu.gpr[RSP], stackWidth);
    long value = cpu.mmu.read(linear(cpu, SS, top, width, false), width);
    setStackPointer(cpu, stackWidth, top + width);
    return value;
  }

  /** Sets SP, ESP or RSP; {@code stackWidth} as {@link CpuState#stackWidth} gives it. */
  public static void setStackPointer(CpuState cpu, int stackWidth, long value) {
    cpu.gpr[RSP] =
        stackWidth == 2 ? cpu.gpr[RSP] & ~0xFFFFL | value & 0xFFFF : truncate(value, stackWidth);
  }
}
