package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.ATTR_UNUSABLE;
import static io.satchel.vm.cpu.CpuState.TR;

import io.satchel.vm.cpu.CpuState;

/** Who may use I/O ports (SDM volume 1, section 18.5). */
public final class IoPermission {

  private IoPermission() {}

  /**
   * #GP(0) when neither IOPL nor the I/O permission bitmap of the TSS allows an access.
   *
   * @param width bytes: 1, 2 or 4
   */
  public static void check(CpuState cpu, int port, int width) {
    if (cpu.realMode() || cpu.cpl <= cpu.iopl() && !cpu.virtual8086()) {
      return;
    }
    if ((cpu.attributes[TR] & ATTR_UNUSABLE) == 0
        && Tasks.isWide(cpu)
        && cpu.limit[TR] >= Tasks.SIZE32 - 1) {
      long at = Tasks.read(cpu, Tasks.IO_MAP_BASE, 2) + (port >>> 3);
      // The processor always reads two bytes, which is why a whole map ends with a byte of ones.
      if (at + 1 <= cpu.limit[TR]) {
        long bits = Tasks.read(cpu, (int) at, 2) >>> (port & 7);
        if ((bits & (1L << width) - 1) == 0) {
          return;
        }
      }
    }
    throw cpu.gp(0);
  }
}
