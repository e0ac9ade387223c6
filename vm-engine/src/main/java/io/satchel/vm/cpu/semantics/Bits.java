package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.CF;
import static io.satchel.vm.cpu.CpuState.RAX;
import static io.satchel.vm.cpu.CpuState.RBX;
import static io.satchel.vm.cpu.CpuState.RCX;
import static io.satchel.vm.cpu.CpuState.RDX;
import static io.satchel.vm.cpu.CpuState.ZF;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.decode.Instruction;

/** Bit tests and scans, byte swaps, exchanges and compare-exchange. */
public final class Bits {

  public static final Value BSWAP = Value.unary(Bits.class, "bswap", FlagRule.NONE, Bits::bswap);

  private static final int TEST = 0;
  private static final int SET = 1;
  private static final int RESET = 2;
  private static final int COMPLEMENT = 3;

  private Bits() {}

  /** BSWAP r32; the 64-bit form and the undefined 16-bit one are effects. */
  public static long bswap(long a) {
    return Integer.reverseBytes((int) a) & 0xFFFF_FFFFL;
  }

  /** BSWAP of any width; a word becomes 0, as processors do. */
  public static void bswapAny(CpuState cpu, Instruction i) {
    long a = cpu.gpr[i.rm];
    long result =
        switch (i.operandSize) {
          case 2 -> 0;
          case 4 -> bswap(a);
          default -> Long.reverseBytes(a);
        };
    Operands.setRegister(cpu, i, i.rm, i.operandSize, result);
  }

  public static void bt(CpuState cpu, Instruction i) {
    bitTest(cpu, i, TEST, false);
  }

  public static void bts(CpuState cpu, Instruction i) {
    bitTest(cpu, i, SET, false);
  }

  public static void btr(CpuState cpu, Instruction i) {
    bitTest(cpu, i, RESET, false);
  }

  public static void btc(CpuState cpu, Instruction i) {
    bitTest(cpu, i, COMPLEMENT, false);
  }

  public static void btImmediate(CpuState cpu, Instruction i) {
    bitTest(cpu, i, TEST, true);
  }

  public static void btsImmediate(CpuState cpu, Instruction i) {
    bitTest(cpu, i, SET, true);
  }

  public static void btrImmediate(CpuState cpu, Instruction i) {
    bitTest(cpu, i, RESET, true);
  }

  public static void btcImmediate(CpuState cpu, Instruction i) {
    bitTest(cpu, i, COMPLEMENT, true);
  }

  private static void bitTest(CpuState cpu, Instruction i, int operation, boolean immediate) {
    int width = i.operandSize;
    long index = immediate ? i.immediate & 0xFF : Operands.signExtend(cpu.gpr[i.reg], width);
    int bit = (int) index & 8 * width - 1;
    long linear = 0;
    long a;
    if (i.memory) {
      // A register's index reaches beyond the operand: memory is a string of bits.
      long offset = Operands.offset(cpu, i);
      if (!immediate) {
        offset = Operands.truncate(offset + (index - bit >> 3), i.addressSize);
      }
      linear = Operands.linear(cpu, i.segment, offset, width, operation != TEST);
      if (operation != TEST) {
        cpu.mmu.checkWrite(linear, width);
      }
      a = cpu.mmu.read(linear, width);
    } else {
      a = Operands.register(cpu, i, i.rm, width);
    }
    long mask = 1L << bit;
    if (operation != TEST) {
      long result =
          switch (operation) {
            case SET -> a | mask;
            case RESET -> a & ~mask;
            default -> a ^ mask;
          };
      if (i.memory) {
        cpu.mmu.write(linear, width, result);
      } else {
        Operands.setRegister(cpu, i, i.rm, width, result);
      }
    }
    int flags = cpu.arithmeticFlags() & ~CF;
    cpu.setArithmeticFlags((a & mask) != 0 ? flags | CF : flags);
  }

  public static void bsf(CpuState cpu, Instruction i) {
    long source = Operands.loadRm(cpu, i, i.operandSize);
    if (source != 0) {
      Operands.setRegister(cpu, i, i.reg, i.operandSize, Long.numberOfTrailingZeros(source));
    }
    setZero(cpu, source == 0);
  }

  public static void bsr(CpuState cpu, Instruction i) {
    long source = Operands.loadRm(cpu, i, i.operandSize);
    if (source != 0) {
      Operands.setRegister(cpu, i, i.reg, i.operandSize, 63 - Long.numberOfLeadingZeros(source));
    }
    setZero(cpu, source == 0);
  }

  private static void setZero(CpuState cpu, boolean zero) {
    int flags = cpu.arithmeticFlags() & ~ZF;
    cpu.setArithmeticFlags(zero ? flags | ZF : flags);
  }

  public static void xchgByte(CpuState cpu, Instruction i) {
    xchg(cpu, i, 1);
  }

  public static void xchg(CpuState cpu, Instruction i) {
    xchg(cpu, i, i.operandSize);
  }

  private static void xchg(CpuState cpu, Instruction i, int width) {
    if (i.memory) {
      Operands.checkStore(cpu, i, 0, width);
    }
    long a = Operands.loadRm(cpu, i, width);
    Operands.storeRm(cpu, i, width, Operands.register(cpu, i, i.reg, width));
    Operands.setRegister(cpu, i, i.reg, width, a);
  }

  /** XCHG with rAX; with itself it is NOP, and clears no upper half. */
  public static void xchgAccumulator(CpuState cpu, Instruction i) {
    if (i.rm != RAX) {
      int width = i.operandSize;
      long a = cpu.gpr[RAX];
      Operands.setRegister(cpu, i, RAX, width, cpu.gpr[i.rm]);
      Operands.setRegister(cpu, i, i.rm, width, a);
    }
  }

  public static void xaddByte(CpuState cpu, Instruction i) {
    xadd(cpu, i, 1);
  }

  public static void xadd(CpuState cpu, Instruction i) {
    xadd(cpu, i, i.operandSize);
  }

  private static void xadd(CpuState cpu, Instruction i, int width) {
    if (i.memory) {
      Operands.checkStore(cpu, i, 0, width);
    }
    long a = Operands.loadRm(cpu, i, width);
    long b = Operands.register(cpu, i, i.reg, width);
    long sum = Operands.truncate(Alu.add(a, b), width);
    if (i.memory) {
      Operands.store(cpu, i, 0, width, sum);
      Operands.setRegister(cpu, i, i.reg, width, a);
    } else {
      Operands.setRegister(cpu, i, i.reg, width, a);
      Operands.setRegister(cpu, i, i.rm, width, sum);
    }
    FlagRule.ADD.apply(cpu, width, a, b, sum);
  }

  public static void cmpxchgByte(CpuState cpu, Instruction i) {
    cmpxchg(cpu, i, 1);
  }

  public static void cmpxchg(CpuState cpu, Instruction i) {
    cmpxchg(cpu, i, i.operandSize);
  }

  private static void cmpxchg(CpuState cpu, Instruction i, int width) {
    if (i.memory) {
      Operands.checkStore(cpu, i, 0, width);
    }
    long old = Operands.loadRm(cpu, i, width);
    long expected = Operands.truncate(cpu.gpr[RAX], width);
    if (old == expected) {
      Operands.storeRm(cpu, i, width, Operands.register(cpu, i, i.reg, width));
    } else {
      // The processor writes the old value back.
      if (i.memory) {
        Operands.store(cpu, i, 0, width, old);
      }
      Operands.setRegister(cpu, i, RAX, width, old);
    }
    FlagRule.SUB.apply(cpu, width, expected, old, Operands.truncate(expected - old, width));
  }

  /** CMPXCHG8B. */
  public static void cmpxchg8b(CpuState cpu, Instruction i) {
    Operands.checkStore(cpu, i, 0, 8);
    long old = Operands.load(cpu, i, 0, 8);
    long expected = cpu.gpr[RDX] << 32 | cpu.gpr[RAX] & 0xFFFF_FFFFL;
    if (old == expected) {
      Operands.store(cpu, i, 0, 8, cpu.gpr[RCX] << 32 | cpu.gpr[RBX] & 0xFFFF_FFFFL);
    } else {
      Operands.store(cpu, i, 0, 8, old);
      cpu.gpr[RAX] = old & 0xFFFF_FFFFL;
      cpu.gpr[RDX] = old >>> 32;
    }
    setZero(cpu, old == expected);
  }
}
