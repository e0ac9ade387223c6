package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.CF;
import static io.satchel.vm.cpu.CpuState.OF;
import static io.satchel.vm.cpu.CpuState.RAX;
import static io.satchel.vm.cpu.CpuState.RBX;
import static io.satchel.vm.cpu.CpuState.RCX;
import static io.satchel.vm.cpu.CpuState.RDX;
import static io.satchel.vm.cpu.CpuState.SF;
import static io.satchel.vm.cpu.CpuState.ZF;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.decode.Instruction;

/**
 * POPCNT, LZCNT, BMI1, BMI2, ADX, MOVBE, CRC32, CMPXCHG16B, RDRAND and RDSEED (Intel SDM volume 2).
 * Flags that the manual leaves undefined keep their value, or are cleared where others are set.
 */
public final class BitManipulation {

  private BitManipulation() {}

  private static int width(Instruction i) {
    return Math.max(i.operandSize, 4);
  }

  private static void flags(CpuState cpu, int value, int mask) {
    cpu.setArithmeticFlags(cpu.arithmeticFlags() & ~mask | value);
  }

  /** SF and ZF of a result. */
  private static int signAndZero(long result, int width) {
    return (result == 0 ? ZF : 0) | ((result >>> 8 * width - 1 & 1) != 0 ? SF : 0);
  }

  /** POPCNT. */
  public static void popcnt(CpuState cpu, Instruction i) {
    long value = Operands.loadRm(cpu, i, i.operandSize);
    Operands.setRegister(cpu, i, i.reg, i.operandSize, Long.bitCount(value));
    cpu.setArithmeticFlags(value == 0 ? ZF : 0);
  }

  /** LZCNT. */
  public static void lzcnt(CpuState cpu, Instruction i) {
    long value = Operands.loadRm(cpu, i, i.operandSize);
    int zeros = Long.numberOfLeadingZeros(value) - (64 - 8 * i.operandSize);
    Operands.setRegister(cpu, i, i.reg, i.operandSize, zeros);
    flags(cpu, (value == 0 ? CF : 0) | (zeros == 0 ? ZF : 0), CF | ZF);
  }

  /** TZCNT. */
  public static void tzcnt(CpuState cpu, Instruction i) {
    long value = Operands.loadRm(cpu, i, i.operandSize);
    int zeros = value == 0 ? 8 * i.operandSize : Long.numberOfTrailingZeros(value);
    Operands.setRegister(cpu, i, i.reg, i.operandSize, zeros);
    flags(cpu, (value == 0 ? CF : 0) | (zeros == 0 ? ZF : 0), CF | ZF);
  }

  /** MOVBE to a register. */
  public static void movbeLoad(CpuState cpu, Instruction i) {
    long value = Long.reverseBytes(Operands.load(cpu, i, 0, i.operandSize));
    Operands.setRegister(cpu, i, i.reg, i.operandSize, value >>> 64 - 8 * i.operandSize);
  }

  /** MOVBE to memory. */
  public static void movbeStore(CpuState cpu, Instruction i) {
    long value = Long.reverseBytes(cpu.gpr[i.reg]) >>> 64 - 8 * i.operandSize;
    Operands.store(cpu, i, 0, i.operandSize, value);
  }

  /** CRC32 Gy,Eb. */
  public static void crc32Byte(CpuState cpu, Instruction i) {
    cpu.gpr[i.reg] = Crypto.crc32(cpu.gpr[i.reg], Operands.loadRm(cpu, i, 1), 1);
  }

  /** CRC32 Gy,Ev. */
  public static void crc32(CpuState cpu, Instruction i) {
    long value = Operands.loadRm(cpu, i, i.operandSize);
    cpu.gpr[i.reg] = Crypto.crc32(cpu.gpr[i.reg], value, i.operandSize);
  }

  // BMI1.

  /** ANDN. */
  public static void andn(CpuState cpu, Instruction i) {
    int width = width(i);
    long result = ~cpu.gpr[i.vvvv] & Operands.loadRm(cpu, i, width);
    Operands.setRegister(cpu, i, i.reg, width, result);
    cpu.setArithmeticFlags(signAndZero(result, width));
  }

  /** BEXTR: as many bits as the second byte of the control says, from the place of its first. */
  public static void bextr(CpuState cpu, Instruction i) {
    int width = width(i);
    long value = Operands.loadRm(cpu, i, width);
    int start = (int) cpu.gpr[i.vvvv] & 0xFF;
    int length = (int) cpu.gpr[i.vvvv] >>> 8 & 0xFF;
    long shifted = start > 63 ? 0 : value >>> start;
    long result = length > 63 ? shifted : shifted & (1L << length) - 1;
    Operands.setRegister(cpu, i, i.reg, width, result);
    cpu.setArithmeticFlags(result == 0 ? ZF : 0);
  }

  /** BLSR: without its lowest bit that is set. */
  public static void blsr(CpuState cpu, Instruction i) {
    long value = Operands.loadRm(cpu, i, width(i));
    lowest(cpu, i, value & value - 1, value == 0);
  }

  /** BLSMSK: up to its lowest bit that is set. */
  public static void blsmsk(CpuState cpu, Instruction i) {
    long value = Operands.loadRm(cpu, i, width(i));
    lowest(cpu, i, value ^ value - 1, value == 0);
  }

  /** BLSI: its lowest bit that is set. */
  public static void blsi(CpuState cpu, Instruction i) {
    long value = Operands.loadRm(cpu, i, width(i));
    lowest(cpu, i, value & -value, value != 0);
  }

  private static void lowest(CpuState cpu, Instruction i, long result, boolean carry) {
    int width = width(i);
    Operands.setRegister(cpu, i, i.vvvv, width, result);
    int flags = signAndZero(Operands.truncate(result, width), width);
    cpu.setArithmeticFlags(flags | (carry ? CF : 0));
  }

  // BMI2.

  /** BZHI: the bits from a place on cleared. */
  public static void bzhi(CpuState cpu, Instruction i) {
    int width = width(i);
    long value = Operands.loadRm(cpu, i, width);
    int from = (int) cpu.gpr[i.vvvv] & 0xFF;
    boolean beyond = from > 8 * width - 1;
    long result = beyond ? value : value & (1L << from) - 1;
    Operands.setRegister(cpu, i, i.reg, width, result);
    cpu.setArithmeticFlags(signAndZero(result, width) | (beyond ? CF : 0));
  }

  /** PEXT. */
  public static void pext(CpuState cpu, Instruction i) {
    int width = width(i);
    long mask = Operands.loadRm(cpu, i, width);
    Operands.setRegister(cpu, i, i.reg, width, Long.compress(cpu.gpr[i.vvvv], mask));
  }

  /** PDEP. */
  public static void pdep(CpuState cpu, Instruction i) {
    int width = width(i);
    long mask = Operands.loadRm(cpu, i, width);
    Operands.setRegister(cpu, i, i.reg, width, Long.expand(cpu.gpr[i.vvvv], mask));
  }

  /** MULX: the high half to ModRM.reg, the low half to VEX.vvvv; the high half wins. */
  public static void mulx(CpuState cpu, Instruction i) {
    int width = width(i);
    long a = Operands.truncate(cpu.gpr[RDX], width);
    long b = Operands.loadRm(cpu, i, width);
    Operands.setRegister(cpu, i, i.vvvv, width, a * b);
    long high = width == 8 ? Math.unsignedMultiplyHigh(a, b) : a * b >>> 32;
    Operands.setRegister(cpu, i, i.reg, width, high);
  }

  /** SHLX. */
  public static void shlx(CpuState cpu, Instruction i) {
    int width = width(i);
    int count = (int) cpu.gpr[i.vvvv] & 8 * width - 1;
    Operands.setRegister(cpu, i, i.reg, width, Operands.loadRm(cpu, i, width) << count);
  }

  /** SHRX. */
  public static void shrx(CpuState cpu, Instruction i) {
    int width = width(i);
    int count = (int) cpu.gpr[i.vvvv] & 8 * width - 1;
    Operands.setRegister(cpu, i, i.reg, width, Operands.loadRm(cpu, i, width) >>> count);
  }

  /** SARX. */
  public static void sarx(CpuState cpu, Instruction i) {
    int width = width(i);
    int count = (int) cpu.gpr[i.vvvv] & 8 * width - 1;
    long value = Operands.signExtend(Operands.loadRm(cpu, i, width), width);
    Operands.setRegister(cpu, i, i.reg, width, value >> count);
  }

  /** RORX. */
  public static void rorx(CpuState cpu, Instruction i) {
    int width = width(i);
    long value = Operands.loadRm(cpu, i, width);
    int count = (int) i.immediate;
    long result =
        width == 8
            ? Long.rotateRight(value, count)
            : Integer.rotateRight((int) value, count) & 0xFFFF_FFFFL;
    Operands.setRegister(cpu, i, i.reg, width, result);
  }

  // ADX.

  /** ADCX: with CF in and out, other flags untouched. */
  public static void adcx(CpuState cpu, Instruction i) {
    add(cpu, i, CF);
  }

  /** ADOX: with OF in and out. */
  public static void adox(CpuState cpu, Instruction i) {
    add(cpu, i, OF);
  }

  private static void add(CpuState cpu, Instruction i, int flag) {
    int width = width(i);
    long a = Operands.truncate(cpu.gpr[i.reg], width);
    long b = Operands.loadRm(cpu, i, width);
    long sum = a + b + ((cpu.arithmeticFlags() & flag) != 0 ? 1 : 0);
    boolean carry = width == 8 ? ((a & b | (a | b) & ~sum) >>> 63) != 0 : sum >>> 32 != 0;
    Operands.setRegister(cpu, i, i.reg, width, sum);
    flags(cpu, carry ? flag : 0, flag);
  }

  // Others.

  /** CMPXCHG16B. */
  public static void cmpxchg16b(CpuState cpu, Instruction i) {
    long at = Vector.address(cpu, i, 16, true, true);
    cpu.mmu.checkWrite(at, 8);
    long low = cpu.mmu.read(at, 8);
    long high = cpu.mmu.read(at + 8, 8);
    boolean equal = low == cpu.gpr[RAX] && high == cpu.gpr[RDX];
    if (equal) {
      cpu.mmu.write(at, 8, cpu.gpr[RBX]);
      cpu.mmu.write(at + 8, 8, cpu.gpr[RCX]);
    } else {
      cpu.mmu.write(at, 8, low);
      cpu.mmu.write(at + 8, 8, high);
      cpu.gpr[RAX] = low;
      cpu.gpr[RDX] = high;
    }
    flags(cpu, equal ? ZF : 0, ZF);
  }

  /** RDRAND and RDSEED: always a number. */
  public static void rdrand(CpuState cpu, Instruction i) {
    Operands.setRegister(cpu, i, i.rm, i.operandSize, cpu.random.getAsLong());
    cpu.setArithmeticFlags(CF);
  }
}
