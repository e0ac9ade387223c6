package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.CR0_CD;
import static io.satchel.vm.cpu.CpuState.CR0_ET;
import static io.satchel.vm.cpu.CpuState.CR0_NE;
import static io.satchel.vm.cpu.CpuState.CR0_NW;
import static io.satchel.vm.cpu.CpuState.CR0_PE;
import static io.satchel.vm.cpu.CpuState.CR0_PG;
import static io.satchel.vm.cpu.CpuState.CR0_TS;
import static io.satchel.vm.cpu.CpuState.CR4_DE;
import static io.satchel.vm.cpu.CpuState.CR4_PAE;
import static io.satchel.vm.cpu.CpuState.CR4_PSE;
import static io.satchel.vm.cpu.CpuState.RAX;
import static io.satchel.vm.cpu.CpuState.RBX;
import static io.satchel.vm.cpu.semantics.Bench.memory;
import static io.satchel.vm.cpu.semantics.Bench.registers;
import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SystemRegistersTests {

  private final Bench bench = new Bench();
  private final CpuState cpu = bench.cpu;

  private void writeControl(int register, long value) {
    cpu.gpr[RAX] = value;
    SystemRegisters.movToControl(cpu, registers(4, register, RAX));
  }

  private long readControl(int register) {
    SystemRegisters.movFromControl(cpu, registers(4, register, RBX));
    return cpu.gpr[RBX];
  }

  private void writeDebug(int register, long value) {
    cpu.gpr[RAX] = value;
    SystemRegisters.movToDebug(cpu, registers(4, register, RAX));
  }

  private long readDebug(int register) {
    SystemRegisters.movFromDebug(cpu, registers(4, register, RBX));
    return cpu.gpr[RBX];
  }

  @Test
  void cr0IgnoresReservedBitsAndKeepsEt() {
    writeControl(0, 0x1FFA_FFC1L | CR0_PE | CR0_NE);
    assertThat(readControl(0)).isEqualTo(CR0_PE | CR0_NE | CR0_ET);
  }

  @Test
  void pagingNeedsProtectionAndNotWriteThroughNeedsCacheDisable() {
    bench.assertFaultChangesNothing(() -> writeControlKeepingRax(0, CR0_PG), GuestFault.GP, 0);
    bench.assertFaultChangesNothing(
        () -> writeControlKeepingRax(0, CR0_PE | CR0_NW), GuestFault.GP, 0);
    writeControl(0, CR0_PE | CR0_NW | CR0_CD);
  }

  private void writeControlKeepingRax(int register, long value) {
    long old = cpu.gpr[RAX];
    try {
      writeControl(register, value);
    } finally {
      cpu.gpr[RAX] = old;
    }
  }

  @Test
  void turningPagingOnForgetsTranslations() {
    bench.put(0x7000, 4, 0x1111);
    assertThat(cpu.mmu.read(0x7000, 4)).isEqualTo(0x1111);
    // Maps linear 7000h to physical 70000h.
    bench.put(0xA0000, 4, 0xA1003);
    bench.put(0xA1000 + 4 * 7, 4, 0x70003);
    bench.put(0x70000, 4, 0x2222);
    writeControl(3, 0xA0000);
    writeControl(0, CR0_PE | CR0_PG);
    assertThat(cpu.mmu.read(0x7000, 4)).isEqualTo(0x2222);
  }

  @Test
  void cr4RefusesBitsThatTheModelLacks() {
    bench.assertFaultChangesNothing(() -> writeControlKeepingRax(4, 1 << 13), GuestFault.GP, 0);
    writeControl(4, CR4_PSE | CR4_DE);
    assertThat(readControl(4)).isEqualTo(CR4_PSE | CR4_DE);
  }

  @Test
  void a486HasNoPageSizeExtension() {
    Bench old = new Bench("486");
    old.cpu.gpr[RAX] = CR4_PSE;
    Bench.assertFault(
        () -> SystemRegisters.movToControl(old.cpu, registers(4, 4, RAX)), GuestFault.GP, 0);
  }

  @Test
  void reservedBitsInAPageDirectoryPointerRaiseGpWhenCr3IsLoaded() {
    bench.put(0x70000, 8, 0x71001);
    bench.put(0x71000, 8, 0x83);
    bench.put(0x72008, 8, 0x71003);
    writeControl(4, CR4_PAE);
    writeControl(3, 0x70000);
    writeControl(0, CR0_PE | CR0_PG);
    bench.assertFaultChangesNothing(() -> writeControlKeepingRax(3, 0x72000), GuestFault.GP, 0);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 5, 6, 7})
  void thereIsNoSuchControlRegister(int register) {
    Bench.assertFault(() -> readControl(register), GuestFault.UD, 0);
  }

  @Test
  void lmswSetsPeAndNeverClearsIt() {
    bench.real();
    cpu.gpr[RAX] = 0xFFFF;
    SystemRegisters.lmsw(cpu, registers(2, 6, RAX));
    assertThat(cpu.cr0 & 0xF).isEqualTo(0xF);
    assertThat(cpu.cr0 & CR0_NE).isZero();
    cpu.gpr[RAX] = 0;
    SystemRegisters.lmsw(cpu, registers(2, 6, RAX));
    assertThat(cpu.cr0 & 0xF).isEqualTo(1);
  }

  @Test
  void smswStoresTwoBytesInMemoryAndAllOfCr0InARegister() {
    cpu.cr0 |= CR0_CD;
    SystemRegisters.smsw(cpu, registers(4, 4, RBX));
    assertThat(cpu.gpr[RBX]).isEqualTo(cpu.cr0);
    bench.put(0x7000, 4, -1);
    SystemRegisters.smsw(cpu, memory(4, 4, 0x7000));
    assertThat(bench.get(0x7000, 4)).isEqualTo(0xFFFF_0000L | cpu.cr0 & 0xFFFF);
  }

  @Test
  void cltsClearsTs() {
    cpu.cr0 |= CR0_TS;
    SystemRegisters.clts(cpu, Bench.instruction(4));
    assertThat(cpu.cr0 & CR0_TS).isZero();
  }

  @Test
  void dr4AndDr5AreOldNamesUnlessDebuggingExtensionsAreOn() {
    writeDebug(4, 0);
    writeDebug(5, 0xFFFF_DFFFL);
    assertThat(readDebug(6)).isEqualTo(0xFFFF_0FF0L);
    assertThat(readDebug(7)).isEqualTo(0xFFFF_07FFL);
    cpu.cr4 = CR4_DE;
    Bench.assertFault(() -> readDebug(4), GuestFault.UD, 0);
  }

  @Test
  void generalDetectStopsTheNextAccess() {
    writeDebug(7, 0x2000);
    Bench.assertFault(() -> readDebug(0), GuestFault.DB, 0);
    assertThat(cpu.dr[6] & 0x2000).isNotZero();
  }

  @Test
  void debugRegistersNeedLevel0() {
    bench.level(3);
    Bench.assertFault(() -> readDebug(0), GuestFault.GP, 0);
  }

  @Test
  void aDescriptorTableComesBackAsItWasLoaded() {
    bench.put(0x7000, 2, 0x1FF);
    bench.put(0x7002, 4, 0x1234_5678);
    SystemRegisters.lidt(cpu, memory(4, 3, 0x7000));
    SystemRegisters.sidt(cpu, memory(4, 1, 0x7010));
    assertThat(bench.get(0x7010, 8)).isEqualTo(bench.get(0x7000, 8));
    SystemRegisters.lgdt(cpu, memory(2, 2, 0x7000));
    assertThat(cpu.gdtrBase).isEqualTo(0x34_5678);
    assertThat(cpu.gdtrLimit).isEqualTo(0x1FF);
  }

  @Test
  void invlpgForgetsOnePage() {
    bench.put(0xA0000, 4, 0xA1003);
    bench.put(0xA1000 + 4 * 7, 4, 0x70003);
    bench.put(0x70000, 4, 0x2222);
    bench.put(0x71000, 4, 0x3333);
    writeControl(3, 0xA0000);
    writeControl(0, CR0_PE | CR0_PG);
    assertThat(cpu.mmu.read(0x7000, 4)).isEqualTo(0x2222);
    bench.put(0xA1000 + 4 * 7, 4, 0x71003);
    SystemRegisters.invlpg(cpu, memory(4, 7, 0x7123));
    assertThat(cpu.mmu.read(0x7000, 4)).isEqualTo(0x3333);
  }
}
