package io.satchel.vm.machine;

import io.satchel.vm.accel.Accelerator;
import io.satchel.vm.bus.IoPorts;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.FpuState;
import io.satchel.vm.cpu.Mmu;
import io.satchel.vm.memory.SoftTlb;
import java.util.Arrays;

/**
 * Finds out whether a processor goes round in a loop that nothing but an interrupt or a device can
 * end: one that comes back to where it was with all registers as they were, and has written nothing
 * and asked no device. Such a loop, waiting for memory to change, is as good as HLT.
 *
 * <p>It lets the processor run, a jump at a time, which it would have done anyway. That nothing was
 * written and no device touched is seen from the soft TLBs, which are emptied before: an access
 * leaves its page there.
 */
final class SpinProbe {

  /** Jumps within which a loop has to come round. */
  private static final int LONGEST_LOOP = 32;

  /** Stretches of the processor between two looks when none of them found anything. */
  private static final int SELDOM = 64;

  private static final int REGISTERS = 16;

  private final IoPorts ports;
  private int pause = 1;
  private int left = 1;
  private boolean looked;

  private final long[] gpr = new long[REGISTERS];
  private final long[] xmm = new long[32];
  private final long[] ymmHigh = new long[32];
  private final long[] significand = new long[8];
  private final int[] signExponent = new int[8];
  private final int[] selector = new int[8];
  private int mxcsr;
  private int top;
  private int empty;

  SpinProbe(IoPorts ports) {
    this.ports = ports;
  }

  /** Whether the last look found a loop: the next one is worth an early look. */
  boolean expects() {
    return pause == 1 && looked;
  }

  /** Looks, if it is time to. */
  boolean spins(CpuState cpu, Accelerator accelerator) {
    if (--left > 0) {
      return false;
    }
    boolean found = look(cpu, accelerator);
    looked = true;
    pause = found ? 1 : Math.min(2 * pause, SELDOM);
    left = pause;
    return found;
  }

  private boolean look(CpuState cpu, Accelerator accelerator) {
    if (cpu.halted || cpu.shutdown || cpu.wantsAttention() || cpu.interruptShadow) {
      return false;
    }
    Mmu mmu = cpu.mmu;
    SoftTlb reads = mmu.readTlb();
    SoftTlb writes = mmu.writeTlb();
    reads.flushAll();
    writes.flushAll();
    keep(cpu);
    long rip = cpu.rip;
    int flags = cpu.arithmeticFlags();
    int systemFlags = cpu.systemFlags;
    int cpl = cpu.cpl;
    long accesses = ports.accesses();
    for (int n = 0; n < LONGEST_LOOP; n++) {
      if (accelerator.run(1) != Accelerator.Exit.BUDGET || cpu.cpl != cpl) {
        return false;
      }
      if (cpu.rip == rip) {
        return cpu.systemFlags == systemFlags
            && cpu.arithmeticFlags() == flags
            && ports.accesses() == accesses
            && same(cpu)
            && mmu.writeTlb() == writes
            && untouched(writes)
            && onlyMemory(reads);
      }
    }
    return false;
  }

  private void keep(CpuState cpu) {
    System.arraycopy(cpu.gpr, 0, gpr, 0, REGISTERS);
    System.arraycopy(cpu.xmm, 0, xmm, 0, xmm.length);
    System.arraycopy(cpu.ymmHigh, 0, ymmHigh, 0, ymmHigh.length);
    FpuState fpu = cpu.fpu;
    System.arraycopy(fpu.significand, 0, significand, 0, significand.length);
    System.arraycopy(fpu.signExponent, 0, signExponent, 0, signExponent.length);
    mxcsr = cpu.mxcsr;
    top = fpu.top;
    empty = fpu.empty;
    System.arraycopy(cpu.selector, 0, selector, 0, selector.length);
  }

  private boolean same(CpuState cpu) {
    return Arrays.equals(cpu.gpr, 0, REGISTERS, gpr, 0, REGISTERS)
        && Arrays.equals(cpu.xmm, xmm)
        && Arrays.equals(cpu.ymmHigh, ymmHigh)
        && cpu.mxcsr == mxcsr
        && cpu.fpu.top == top
        && cpu.fpu.empty == empty
        && Arrays.equals(cpu.fpu.significand, significand)
        && Arrays.equals(cpu.fpu.signExponent, signExponent)
        && Arrays.equals(cpu.selector, selector);
  }

  private static boolean untouched(SoftTlb tlb) {
    return tlb.entries() == 0;
  }

  private static boolean onlyMemory(SoftTlb tlb) {
    for (long tag : tlb.tags) {
      if ((tag & SoftTlb.DEVICE) != 0) {
        return false;
      }
    }
    return true;
  }
}
