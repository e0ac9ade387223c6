package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.CS;
import static io.satchel.vm.cpu.CpuState.IF;
import static io.satchel.vm.cpu.CpuState.RCX;
import static io.satchel.vm.cpu.CpuState.RDX;
import static io.satchel.vm.cpu.CpuState.RSP;
import static io.satchel.vm.cpu.CpuState.SS;
import static io.satchel.vm.cpu.semantics.Bench.instruction;
import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;
import org.junit.jupiter.api.Test;

class FastCallsTests {

  private final Bench bench = new Bench();
  private final CpuState cpu = bench.cpu;

  @Test
  void sysenterGoesToLevel0AndSysexitBack() {
    bench.level(3);
    cpu.setRflags(IF, IF);
    cpu.sysenterCs = Bench.CODE0;
    cpu.sysenterEsp = 0x9000;
    cpu.sysenterEip = 0x1234_5678;
    FastCalls.sysenter(cpu, instruction(4));
    assertThat(cpu.cpl).isZero();
    assertThat(cpu.selector[CS]).isEqualTo(Bench.CODE0);
    assertThat(cpu.selector[SS]).isEqualTo(Bench.DATA0);
    assertThat(cpu.attributes[CS]).isEqualTo(0xC09B);
    assertThat(cpu.attributes[SS]).isEqualTo(0xC093);
    assertThat(cpu.gpr[RSP]).isEqualTo(0x9000);
    assertThat(cpu.rip).isEqualTo(0x1234_5678);
    assertThat(cpu.rflags()).isEqualTo(2);

    cpu.gpr[RCX] = 0x6000;
    cpu.gpr[RDX] = 0x4000;
    FastCalls.sysexit(cpu, instruction(4));
    assertThat(cpu.cpl).isEqualTo(3);
    assertThat(cpu.selector[CS]).isEqualTo(0x1B);
    assertThat(cpu.selector[SS]).isEqualTo(0x23);
    assertThat(cpu.attributes[CS]).isEqualTo(0xC0FB);
    assertThat(cpu.gpr[RSP]).isEqualTo(0x6000);
    assertThat(cpu.rip).isEqualTo(0x4000);
  }

  @Test
  void withoutASelectorTheyRaiseGp() {
    cpu.sysenterCs = 3;
    bench.assertFaultChangesNothing(
        () -> FastCalls.sysenter(cpu, instruction(4)), GuestFault.GP, 0);
    bench.assertFaultChangesNothing(() -> FastCalls.sysexit(cpu, instruction(4)), GuestFault.GP, 0);
  }

  @Test
  void sysexitNeedsLevel0() {
    bench.level(3);
    cpu.sysenterCs = Bench.CODE0;
    bench.assertFaultChangesNothing(() -> FastCalls.sysexit(cpu, instruction(4)), GuestFault.GP, 0);
  }
}
