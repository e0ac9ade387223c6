package io.satchel.vm.cpu;

import static io.satchel.vm.cpu.CpuState.ATTR_UNUSABLE;
import static io.satchel.vm.cpu.CpuState.CS;
import static io.satchel.vm.cpu.CpuState.DS;
import static io.satchel.vm.cpu.CpuState.ES;
import static io.satchel.vm.cpu.CpuState.SS;

/** The part of the processor's state that decides how bytes become operations. */
public final class Mode {

  /** Code is 32-bit. */
  public static final int CODE32 = 1;

  public static final int CODE64 = 1 << 1;

  /** The stack pointer is ESP. */
  public static final int STACK32 = 1 << 2;

  // The segment is readable, writable, from 0 to 4 GiB: its checks always pass.
  public static final int FLAT_DS = 1 << 3;
  public static final int FLAT_SS = 1 << 4;
  public static final int FLAT_ES = 1 << 5;

  /** CPL is 3. */
  public static final int USER = 1 << 6;

  /** Every access is checked for alignment. */
  public static final int ALIGNED = 1 << 7;

  private static final int CODE_EXPAND_WRITE = 8 | 4 | 2;
  private static final int WRITE = 2;

  private Mode() {}

  /** The mode that a processor is in. */
  public static int of(CpuState cpu) {
    if (cpu.code64()) {
      return CODE64 | (cpu.cpl == 3 ? USER | (cpu.alignmentChecked() ? ALIGNED : 0) : 0);
    }
    int mode = (cpu.attributes[CS] & CpuState.ATTR_DB) != 0 ? CODE32 : 0;
    if ((cpu.attributes[SS] & CpuState.ATTR_DB) != 0) {
      mode |= STACK32;
    }
    if (flat(cpu, DS)) {
      mode |= FLAT_DS;
    }
    if (flat(cpu, SS)) {
      mode |= FLAT_SS;
    }
    if (flat(cpu, ES)) {
      mode |= FLAT_ES;
    }
    if (cpu.cpl == 3) {
      mode |= USER;
      if (cpu.alignmentChecked()) {
        mode |= ALIGNED;
      }
    }
    return mode;
  }

  private static boolean flat(CpuState cpu, int segment) {
    return cpu.base[segment] == 0
        && cpu.limit[segment] == 0xFFFF_FFFFL
        && (cpu.attributes[segment] & (ATTR_UNUSABLE | CODE_EXPAND_WRITE)) == WRITE;
  }
}
