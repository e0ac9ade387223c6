package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.CF;
import static io.satchel.vm.cpu.CpuState.OF;
import static io.satchel.vm.cpu.CpuState.RAX;
import static io.satchel.vm.cpu.CpuState.RCX;
import static io.satchel.vm.cpu.CpuState.RDX;
import static io.satchel.vm.cpu.CpuState.SF;
import static io.satchel.vm.cpu.CpuState.ZF;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.decode.Instruction;

/** PCMPESTRI, PCMPESTRM, PCMPISTRI and PCMPISTRM (Intel SDM volume 2, section 4.1). */
public final class StringCompare {

  // The immediate byte.
  private static final int WORDS = 1;
  private static final int SIGNED = 1 << 1;
  private static final int EQUAL_ANY = 0;
  private static final int RANGES = 1;
  private static final int EQUAL_EACH = 2;
  private static final int NEGATE = 1 << 4;
  private static final int MASKED = 1 << 5;
  private static final int LAST = 1 << 6;

  private StringCompare() {}

  /** PCMPESTRI: lengths in rAX and rDX, the index to ECX. */
  public static void pcmpestri(CpuState cpu, Instruction i) {
    compare(cpu, i, true, false);
  }

  /** PCMPESTRM: the mask to XMM0. */
  public static void pcmpestrm(CpuState cpu, Instruction i) {
    compare(cpu, i, true, true);
  }

  /** PCMPISTRI: strings end at a zero. */
  public static void pcmpistri(CpuState cpu, Instruction i) {
    compare(cpu, i, false, false);
  }

  /** PCMPISTRM. */
  public static void pcmpistrm(CpuState cpu, Instruction i) {
    compare(cpu, i, false, true);
  }

  private static void compare(CpuState cpu, Instruction i, boolean explicit, boolean mask) {
    int control = (int) i.immediate & 0xFF;
    long bLow = Vector.load(cpu, i, false);
    long bHigh = cpu.resultHigh;
    long aLow = cpu.xmm[2 * i.reg];
    long aHigh = cpu.xmm[2 * i.reg + 1];
    int count = (control & WORDS) != 0 ? 8 : 16;
    int lengthA;
    int lengthB;
    if (explicit) {
      lengthA = length(cpu.gpr[RAX], i.operandSize, count);
      lengthB = length(cpu.gpr[RDX], i.operandSize, count);
    } else {
      lengthA = length(aLow, aHigh, control);
      lengthB = length(bLow, bHigh, control);
    }
    int result = aggregate(aLow, aHigh, lengthA, bLow, bHigh, lengthB, control);
    if ((control & NEGATE) != 0) {
      result ^= (control & MASKED) != 0 ? (1 << lengthB) - 1 : (1 << count) - 1;
    }
    int flags = result != 0 ? CF : 0;
    flags |= lengthB < count ? ZF : 0;
    flags |= lengthA < count ? SF : 0;
    flags |= (result & 1) != 0 ? OF : 0;
    cpu.setArithmeticFlags(flags);
    if (!mask) {
      int last = 31 - Integer.numberOfLeadingZeros(result);
      int index = (control & LAST) != 0 ? last : Integer.numberOfTrailingZeros(result);
      cpu.gpr[RCX] = result == 0 ? count : index;
    } else if ((control & LAST) == 0) {
      Vector.set(cpu, i, 0, result, 0);
    } else {
      long low = spread(result, count == 16 ? 1 : 2);
      Vector.set(cpu, i, 0, low, spread(result >>> count / 2, count == 16 ? 1 : 2));
    }
  }

  /** The magnitude of a length in a register, at most {@code count}. */
  private static int length(long register, int width, int count) {
    long value = width == 8 ? register : (int) register;
    return value <= -count || value >= count ? count : (int) Math.abs(value);
  }

  /** Elements before the first zero. */
  private static int length(long low, long high, int control) {
    int count = (control & WORDS) != 0 ? 8 : 16;
    int length = 0;
    while (length < count && element(low, high, length, control & WORDS) != 0) {
      length++;
    }
    return length;
  }

  private static int element(long low, long high, int index, int control) {
    int at = (control & WORDS) != 0 ? 2 * index : index;
    long value = (at < 8 ? low : high) >>> 8 * (at & 7);
    return switch (control & (WORDS | SIGNED)) {
      case 0 -> (int) value & 0xFF;
      case WORDS -> (int) value & 0xFFFF;
      case SIGNED -> (byte) value;
      default -> (short) value;
    };
  }

  /** All ones in each element whose bit is set. */
  private static long spread(int bits, int width) {
    long result = 0;
    for (int n = 0; n < 8 / width; n++) {
      if ((bits >>> n & 1) != 0) {
        result |= Operands.truncate(-1L, width) << 8 * width * n;
      }
    }
    return result;
  }

  private static int aggregate(
      long aLow, long aHigh, int lengthA, long bLow, long bHigh, int lengthB, int control) {
    int count = (control & WORDS) != 0 ? 8 : 16;
    int result = 0;
    for (int n = 0; n < count; n++) {
      boolean holds =
          switch (control >>> 2 & 3) {
            case EQUAL_ANY -> n < lengthB && any(aLow, aHigh, lengthA, bLow, bHigh, n, control);
            case RANGES -> n < lengthB && inRange(aLow, aHigh, lengthA, bLow, bHigh, n, control);
            case EQUAL_EACH ->
                n < lengthA && n < lengthB
                    ? element(aLow, aHigh, n, control) == element(bLow, bHigh, n, control)
                    : n >= lengthA && n >= lengthB;
            default -> ordered(aLow, aHigh, lengthA, bLow, bHigh, lengthB, n, control);
          };
      result |= holds ? 1 << n : 0;
    }
    return result;
  }

  private static boolean any(
      long aLow, long aHigh, int lengthA, long bLow, long bHigh, int n, int control) {
    int b = element(bLow, bHigh, n, control);
    for (int k = 0; k < lengthA; k++) {
      if (element(aLow, aHigh, k, control) == b) {
        return true;
      }
    }
    return false;
  }

  private static boolean inRange(
      long aLow, long aHigh, int lengthA, long bLow, long bHigh, int n, int control) {
    int b = element(bLow, bHigh, n, control);
    for (int k = 0; k + 1 < lengthA; k += 2) {
      if (b >= element(aLow, aHigh, k, control) && b <= element(aLow, aHigh, k + 1, control)) {
        return true;
      }
    }
    return false;
  }

  /** Whether the first string begins at {@code n} of the second. */
  private static boolean ordered(
      long aLow, long aHigh, int lengthA, long bLow, long bHigh, int lengthB, int n, int control) {
    int count = (control & WORDS) != 0 ? 8 : 16;
    for (int k = 0; k < lengthA && n + k < count; k++) {
      boolean same =
          n + k < lengthB
              && element(aLow, aHigh, k, control) == element(bLow, bHigh, n + k, control);
      if (!same) {
        return false;
      }
    }
    return true;
  }
}
