package io.satchel.vm.cpu;

/** The four breakpoint registers (SDM volume 3, section 17.2). */
public final class Breakpoints {

  private static final int ENABLES = 0xFF;
  private static final int EXECUTE = 0;
  private static final int WRITE = 1;
  private static final int PORT = 2;

  private Breakpoints() {}

  /** Whether any is enabled. */
  public static boolean any(CpuState cpu) {
    return (cpu.dr[7] & ENABLES) != 0;
  }

  private static boolean enabled(CpuState cpu, int number) {
    return (cpu.dr[7] >>> 2 * number & 3) != 0;
  }

  private static int kind(CpuState cpu, int number) {
    return (int) (cpu.dr[7] >>> 16 + 4 * number) & 3;
  }

  private static int length(CpuState cpu, int number) {
    return switch ((int) (cpu.dr[7] >>> 18 + 4 * number) & 3) {
      case 0 -> 1;
      case 1 -> 2;
      case 2 -> 8;
      default -> 4;
    };
  }

  private static boolean overlaps(CpuState cpu, int number, long address, int width) {
    int length = length(cpu, number);
    long first = cpu.dr[number] & -length;
    return address < first + length && first < address + width;
  }

  /** DR6's B0 to B3 for an instruction at a linear address. */
  public static int instruction(CpuState cpu, long linear) {
    int hits = 0;
    for (int n = 0; n < 4; n++) {
      if (enabled(cpu, n) && kind(cpu, n) == EXECUTE && cpu.dr[n] == linear) {
        hits |= 1 << n;
      }
    }
    return hits;
  }

  /** Whether some byte of a linear page is watched for data. */
  static boolean watchesPage(CpuState cpu, long page) {
    for (int n = 0; n < 4; n++) {
      if (enabled(cpu, n) && kind(cpu, n) != EXECUTE && overlaps(cpu, n, page, 4096)) {
        return true;
      }
    }
    return false;
  }

  /** Notes the breakpoints that an access to memory meets, in {@link CpuState#debugHits}. */
  static void data(CpuState cpu, long linear, int width, boolean write) {
    for (int n = 0; n < 4; n++) {
      int kind = kind(cpu, n);
      boolean wanted = kind == 3 || kind == WRITE && write;
      if (enabled(cpu, n) && wanted && overlaps(cpu, n, linear, width)) {
        cpu.debugHits |= 1 << n;
      }
    }
  }

  /** Notes the breakpoints that an access to a port meets; they need CR4.DE. */
  public static void port(CpuState cpu, int port, int width) {
    if (!any(cpu) || (cpu.cr4 & CpuState.CR4_DE) == 0) {
      return;
    }
    for (int n = 0; n < 4; n++) {
      if (enabled(cpu, n) && kind(cpu, n) == PORT && overlaps(cpu, n, port, width)) {
        cpu.debugHits |= 1 << n;
      }
    }
  }
}
