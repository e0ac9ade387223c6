package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.AC;
import static io.satchel.vm.cpu.CpuState.CR4_PVI;
import static io.satchel.vm.cpu.CpuState.CR4_VME;
import static io.satchel.vm.cpu.CpuState.ID;
import static io.satchel.vm.cpu.CpuState.IF;
import static io.satchel.vm.cpu.CpuState.IOPL;
import static io.satchel.vm.cpu.CpuState.NT;
import static io.satchel.vm.cpu.CpuState.RF;
import static io.satchel.vm.cpu.CpuState.TF;
import static io.satchel.vm.cpu.CpuState.VIF;
import static io.satchel.vm.cpu.CpuState.VIP;
import static io.satchel.vm.cpu.CpuState.VM;
import static io.satchel.vm.cpu.semantics.Bench.instruction;
import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;
import org.junit.jupiter.api.Test;

class SystemFlagsTests {

  private final Bench bench = new Bench();
  private final CpuState cpu = bench.cpu;

  @Test
  void stiHoldsInterruptsOffForOneInstructionWhenTheyWereOff() {
    SystemFlags.sti(cpu, instruction(4));
    assertThat(cpu.interruptShadow).isTrue();
    assertThat(cpu.rflags() & IF).isNotZero();
    cpu.interruptShadow = false;
    SystemFlags.sti(cpu, instruction(4));
    assertThat(cpu.interruptShadow).isFalse();
  }

  @Test
  void cliAndStiNeedIopl() {
    bench.level(3);
    bench.assertFaultChangesNothing(() -> SystemFlags.cli(cpu, instruction(4)), GuestFault.GP, 0);
    bench.assertFaultChangesNothing(() -> SystemFlags.sti(cpu, instruction(4)), GuestFault.GP, 0);
    cpu.setRflags(IOPL, IOPL);
    SystemFlags.sti(cpu, instruction(4));
    assertThat(cpu.rflags() & IF).isNotZero();
    SystemFlags.cli(cpu, instruction(4));
    assertThat(cpu.rflags() & IF).isZero();
  }

  @Test
  void underVmeAndPviCliAndStiWorkOnVif() {
    bench.virtual8086(0);
    cpu.cr4 = CR4_VME;
    SystemFlags.sti(cpu, instruction(2));
    assertThat(cpu.rflags()).isEqualTo(VM | VIF | 2);
    SystemFlags.cli(cpu, instruction(2));
    assertThat(cpu.rflags()).isEqualTo(VM | 2);

    cpu.setRflags(0, VM);
    bench.level(3);
    cpu.cr4 = CR4_PVI;
    SystemFlags.sti(cpu, instruction(4));
    assertThat(cpu.rflags()).isEqualTo(VIF | 2);
  }

  @Test
  void stiFaultsWhenAVirtualInterruptIsPending() {
    bench.virtual8086(0);
    cpu.cr4 = CR4_VME;
    cpu.setRflags(VIP, VIP);
    bench.assertFaultChangesNothing(() -> SystemFlags.sti(cpu, instruction(2)), GuestFault.GP, 0);
  }

  @Test
  void pushfHidesVmAndRf() {
    cpu.setRflags(RF | IF | ID, -1);
    SystemFlags.pushf(cpu, instruction(4));
    assertThat(bench.stack(0)).isEqualTo(IF | ID | 2);
  }

  @Test
  void pushfInVirtual8086ModeNeedsIopl3OrVme() {
    bench.virtual8086(1);
    bench.assertFaultChangesNothing(() -> SystemFlags.pushf(cpu, instruction(2)), GuestFault.GP, 0);
    cpu.cr4 = CR4_VME;
    cpu.setRflags(VIF, VIF);
    bench.assertFaultChangesNothing(() -> SystemFlags.pushf(cpu, instruction(4)), GuestFault.GP, 0);
    SystemFlags.pushf(cpu, instruction(2));
    assertThat(bench.stack16(0)).isEqualTo(IOPL | IF | 2);
  }

  @Test
  void popfAtLevel0LeavesVmVifAndVip() {
    cpu.setRflags(RF, RF);
    bench.push(-1);
    SystemFlags.popf(cpu, instruction(4));
    assertThat(cpu.rflags()).isEqualTo(SystemFlags.LOW | AC | ID | 2);
  }

  @Test
  void popfAtLevel3SilentlyLeavesIoplAndIf() {
    bench.level(3).push(-1);
    SystemFlags.popf(cpu, instruction(4));
    assertThat(cpu.rflags() & (IF | IOPL)).isZero();
    cpu.setRflags(IOPL, IOPL);
    bench.push(IF);
    SystemFlags.popf(cpu, instruction(4));
    assertThat(cpu.rflags()).isEqualTo(IOPL | IF | 2);
  }

  @Test
  void a16BitPopfLeavesTheUpperHalf() {
    cpu.setRflags(ID | AC, -1);
    bench.push16(NT);
    SystemFlags.popf(cpu, instruction(2));
    assertThat(cpu.rflags()).isEqualTo(ID | AC | NT | 2);
  }

  @Test
  void popfUnderVmeMovesIfIntoVifAndRefusesTf() {
    bench.virtual8086(0).push16(IF | IOPL | 1);
    cpu.cr4 = CR4_VME;
    SystemFlags.popf(cpu, instruction(2));
    assertThat(cpu.rflags()).isEqualTo(VM | VIF | 3);
    bench.push16(TF);
    bench.assertFaultChangesNothing(() -> SystemFlags.popf(cpu, instruction(2)), GuestFault.GP, 0);
  }

  @Test
  void hltHalts() {
    SystemFlags.hlt(cpu, instruction(4));
    assertThat(cpu.halted).isTrue();
  }
}
