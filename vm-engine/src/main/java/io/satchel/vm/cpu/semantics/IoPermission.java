package io.satchel.vm.cpu.semantics;

import io.satchel.vm.cpu.CpuState;

/** Seam. */
final class IoPermission {
  private IoPermission() {}

  static void check(CpuState cpu, int port, int width) {}
}
