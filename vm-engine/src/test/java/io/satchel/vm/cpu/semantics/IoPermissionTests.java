package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.IOPL;
import static io.satchel.vm.cpu.CpuState.TR;
import static io.satchel.vm.cpu.semantics.Bench.TASK_A;
import static io.satchel.vm.cpu.semantics.Bench.assertFault;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;
import org.junit.jupiter.api.Test;

class IoPermissionTests {

  // The bitmap of the bench's first task begins at 88h and ends with its limit, 2FFh.
  private static final int MAP = TASK_A + 0x88;
  private static final int PORTS = (0x2FF - 0x88) * 8;

  private final Bench bench = new Bench();
  private final CpuState cpu = bench.cpu;

  @Test
  void level0AndSufficientIoplNeedNoBitmap() {
    cpu.attributes[TR] = CpuState.ATTR_UNUSABLE;
    IoPermission.check(cpu, 0x60, 1);
    bench.level(3);
    cpu.setRflags(IOPL, IOPL);
    IoPermission.check(cpu, 0x60, 1);
    assertFault(
        () -> {
          cpu.setRflags(0, IOPL);
          IoPermission.check(cpu, 0x60, 1);
        },
        GuestFault.GP,
        0);
  }

  @Test
  void everyBitOfAWideAccessMustBeClear() {
    bench.level(3).put(MAP + 1, 1, 1);
    IoPermission.check(cpu, 4, 4);
    assertFault(() -> IoPermission.check(cpu, 8, 1), GuestFault.GP, 0);
    assertFault(() -> IoPermission.check(cpu, 7, 2), GuestFault.GP, 0);
    assertFault(() -> IoPermission.check(cpu, 5, 4), GuestFault.GP, 0);
    IoPermission.check(cpu, 9, 1);
  }

  @Test
  void portsBeyondTheLimitAreRefused() {
    bench.level(3);
    IoPermission.check(cpu, PORTS - 1, 1);
    assertFault(() -> IoPermission.check(cpu, PORTS, 1), GuestFault.GP, 0);
  }

  @Test
  void virtual8086ModeAlwaysAsksTheBitmap() {
    bench.virtual8086(3).put(MAP, 1, 2);
    IoPermission.check(cpu, 0, 1);
    assertFault(() -> IoPermission.check(cpu, 1, 1), GuestFault.GP, 0);
  }

  @Test
  void a16BitTssHasNoBitmap() {
    bench.level(3);
    cpu.attributes[TR] = 0x83;
    assertFault(() -> IoPermission.check(cpu, 0, 1), GuestFault.GP, 0);
  }
}
