package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.AC;
import static io.satchel.vm.cpu.CpuState.ATTR_UNUSABLE;
import static io.satchel.vm.cpu.CpuState.CR4_VME;
import static io.satchel.vm.cpu.CpuState.CS;
import static io.satchel.vm.cpu.CpuState.DS;
import static io.satchel.vm.cpu.CpuState.ES;
import static io.satchel.vm.cpu.CpuState.ID;
import static io.satchel.vm.cpu.CpuState.IF;
import static io.satchel.vm.cpu.CpuState.IOPL;
import static io.satchel.vm.cpu.CpuState.NT;
import static io.satchel.vm.cpu.CpuState.RF;
import static io.satchel.vm.cpu.CpuState.RSP;
import static io.satchel.vm.cpu.CpuState.SS;
import static io.satchel.vm.cpu.CpuState.TF;
import static io.satchel.vm.cpu.CpuState.VIF;
import static io.satchel.vm.cpu.CpuState.VIP;
import static io.satchel.vm.cpu.CpuState.VM;
import static io.satchel.vm.cpu.semantics.Bench.far;
import static io.satchel.vm.cpu.semantics.Bench.immediate;
import static io.satchel.vm.cpu.semantics.Bench.instruction;
import static io.satchel.vm.cpu.semantics.Bench.memory;
import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FarTransfersTests {

  private static final int CALL_GATE32 = 0xEC;
  private static final int CALL_GATE16 = 0xE4;

  private final Bench bench = new Bench();
  private final CpuState cpu = bench.cpu;

  @Test
  void aRealModeJumpLoadsCsByParagraphs() {
    bench.real();
    FarTransfers.jumpDirect(cpu, far(2, 0xF000, 0xFFF0));
    assertThat(cpu.base[CS]).isEqualTo(0xF0000);
    assertThat(cpu.rip).isEqualTo(0xFFF0);
  }

  @Test
  void aRealModeJumpBeyond64KRaisesGp() {
    bench.real();
    bench.assertFaultChangesNothing(
        () -> FarTransfers.jumpDirect(cpu, far(4, 0xF000, 0x10000)), GuestFault.GP, 0);
  }

  @Test
  void theJumpIntoProtectedModeLoadsTheDescriptor() {
    bench.real();
    cpu.cr0 |= CpuState.CR0_PE;
    bench.descriptor(Bench.FREE, 0x20000, 0xFFFFF, 0x9A, 0xC);
    FarTransfers.jumpDirect(cpu, far(4, Bench.FREE, 0x123456));
    assertThat(cpu.selector[CS]).isEqualTo(Bench.FREE);
    assertThat(cpu.base[CS]).isEqualTo(0x20000);
    assertThat(cpu.attributes[CS]).isEqualTo(0xC09B);
    assertThat(cpu.rip).isEqualTo(0x123456);
    assertThat(bench.typeByte(Bench.FREE)).isEqualTo(0x9B);
  }

  @Test
  void aRealModeCallAndItsReturnMeet() {
    bench.real();
    bench.put(0x7000, 4, 0xE000_0100L);
    FarTransfers.callIndirect(cpu, memory(2, 3, 0x7000));
    assertThat(cpu.base[CS]).isEqualTo(0xE0000);
    assertThat(cpu.gpr[RSP]).isEqualTo(0x7FFC);
    FarTransfers.returnFarRelease(cpu, immediate(2, 6));
    assertThat(cpu.base[CS]).isZero();
    assertThat(cpu.rip).isEqualTo(0x7C00);
    assertThat(cpu.gpr[RSP]).isEqualTo(0x8006);
  }

  @ParameterizedTest
  @CsvSource({
    "0x00, 13, 0",
    "0x10, 13, 0x10",
    "0x1B, 13, 0x18",
    "0x0B, 13, 0x08",
    "0x100, 13, 0x100",
    "0x90, 11, 0x90",
  })
  void aJumpToABadCodeSegmentIsRefused(String selector, int vector, String error) {
    bench.descriptor(Bench.FREE, 0, 0xFFFFF, 0x1B, 0xC);
    bench.assertFaultChangesNothing(
        () -> FarTransfers.jumpDirect(cpu, far(4, Integer.decode(selector), 0)),
        vector,
        Integer.decode(error));
  }

  @Test
  void aJumpBehindTheSegmentsLimitRaisesGp0() {
    bench.assertFaultChangesNothing(
        () -> FarTransfers.jumpDirect(cpu, far(4, Bench.CODE16, 0x10000)), GuestFault.GP, 0);
  }

  @Test
  void conformingCodeKeepsThePrivilegeLevel() {
    bench.level(3);
    FarTransfers.jumpDirect(cpu, far(4, Bench.CONFORMING, 0x100));
    assertThat(cpu.cpl).isEqualTo(3);
    assertThat(cpu.selector[CS]).isEqualTo(Bench.CONFORMING | 3);
  }

  @Test
  void aCallThroughAGateToAnInnerLevelCopiesItsParameters() {
    bench.gate(Bench.GATE, Bench.CODE0, 0x12345, CALL_GATE32, 2);
    bench.level(3).push(0x1111, 0x2222);
    FarTransfers.callDirect(cpu, far(4, Bench.GATE | 3, 0x9999));
    assertThat(cpu.cpl).isZero();
    assertThat(cpu.rip).isEqualTo(0x12345);
    assertThat(cpu.selector[CS]).isEqualTo(Bench.CODE0);
    assertThat(cpu.gpr[RSP]).isEqualTo(0x9000 - 24);
    assertThat(bench.stack(0)).isEqualTo(0x7C00);
    assertThat(bench.stack(1)).isEqualTo(Bench.CODE3);
    assertThat(bench.stack(2)).isEqualTo(0x2222);
    assertThat(bench.stack(3)).isEqualTo(0x1111);
    assertThat(bench.stack(4)).isEqualTo(0x7FF8);
    assertThat(bench.stack(5)).isEqualTo(Bench.DATA3);

    FarTransfers.returnFarRelease(cpu, immediate(4, 8));
    assertThat(cpu.cpl).isEqualTo(3);
    assertThat(cpu.selector[CS]).isEqualTo(Bench.CODE3);
    assertThat(cpu.selector[SS]).isEqualTo(Bench.DATA3);
    assertThat(cpu.gpr[RSP]).isEqualTo(0x8000);
    assertThat(cpu.rip).isEqualTo(0x7C00);
  }

  @Test
  void a16BitGateCopiesWords() {
    bench.gate(Bench.GATE, Bench.CODE0, 0xFFFF_2345L, CALL_GATE16, 1);
    bench.level(3).push16(0x1111);
    FarTransfers.callDirect(cpu, far(4, Bench.GATE | 3, 0));
    assertThat(cpu.rip).isEqualTo(0x2345);
    assertThat(cpu.gpr[RSP]).isEqualTo(0x9000 - 10);
    assertThat(bench.get(0x9000 - 6, 2)).isEqualTo(0x1111);
    assertThat(bench.get(0x9000 - 4, 2)).isEqualTo(0x7FFE);
    FarTransfers.returnFarRelease(cpu, immediate(2, 2));
    assertThat(cpu.gpr[RSP]).isEqualTo(0x8000);
  }

  @Test
  void aGateWithinALevelKeepsTheStack() {
    bench.gate(Bench.GATE, Bench.CODE0, 0x12345, CALL_GATE32, 3);
    FarTransfers.callDirect(cpu, far(4, Bench.GATE, 0));
    assertThat(cpu.gpr[RSP]).isEqualTo(0x7FF8);
    assertThat(cpu.rip).isEqualTo(0x12345);
  }

  @Test
  void aJumpThroughAGateCannotChangeTheLevel() {
    bench.gate(Bench.GATE, Bench.CODE0, 0x12345, CALL_GATE32, 0);
    bench.level(3);
    bench.assertFaultChangesNothing(
        () -> FarTransfers.jumpDirect(cpu, far(4, Bench.GATE | 3, 0)), GuestFault.GP, Bench.CODE0);
  }

  @Test
  void aGateOfAnInnerLevelIsRefused() {
    bench.gate(Bench.GATE, Bench.CODE0, 0x12345, 0x8C, 0);
    bench.level(3);
    bench.assertFaultChangesNothing(
        () -> FarTransfers.callDirect(cpu, far(4, Bench.GATE | 3, 0)), GuestFault.GP, Bench.GATE);
  }

  @Test
  void anAbsentGateRaisesNp() {
    bench.gate(Bench.GATE, Bench.CODE0, 0x12345, 0x6C, 0);
    bench.assertFaultChangesNothing(
        () -> FarTransfers.callDirect(cpu, far(4, Bench.GATE, 0)), GuestFault.NP, Bench.GATE);
  }

  @Test
  void aCallWhoseInnerStackIsFullChangesNothing() {
    bench.gate(Bench.GATE, Bench.CODE0, 0x12345, CALL_GATE32, 31);
    bench.level(3);
    bench.descriptor(Bench.FREE, 0, 0xFFFF, 0x93, 4);
    bench.put(Bench.TASK_A + 4, 4, 0x20);
    bench.put(Bench.TASK_A + 8, 4, Bench.FREE);
    bench.assertFaultChangesNothing(
        () -> FarTransfers.callDirect(cpu, far(4, Bench.GATE | 3, 0)), GuestFault.SS, Bench.FREE);
  }

  @Test
  void aReturnToAnOuterLevelDropsInnerDataSegments() {
    Segments.load(cpu, ES, Bench.DATA3);
    bench.push(Bench.DATA3, 0x6000, Bench.CODE3, 0x4000);
    FarTransfers.returnFar(cpu, instruction(4));
    assertThat(cpu.cpl).isEqualTo(3);
    assertThat(cpu.rip).isEqualTo(0x4000);
    assertThat(cpu.gpr[RSP]).isEqualTo(0x6000);
    assertThat(cpu.attributes[DS]).isEqualTo(ATTR_UNUSABLE);
    assertThat(cpu.selector[DS]).isZero();
    assertThat(cpu.selector[ES]).isEqualTo(Bench.DATA3);
  }

  @Test
  void aReturnToAnInnerLevelIsRefused() {
    bench.level(3).push(Bench.CODE0, 0x4000);
    bench.assertFaultChangesNothing(
        () -> FarTransfers.returnFar(cpu, instruction(4)), GuestFault.GP, Bench.CODE0);
  }

  @Test
  void aReturnToA16BitStackKeepsTheUpperHalfOfEsp() {
    bench.descriptor(Bench.FREE, 0, 0xFFFF, 0xF3, 0);
    cpu.gpr[RSP] = 0x5_8000;
    bench.push(Bench.FREE | 3, 0x1234_6000, Bench.CODE3, 0x4000);
    FarTransfers.returnFar(cpu, instruction(4));
    assertThat(cpu.gpr[RSP]).isEqualTo(0x5_6000);
  }

  // IRET.

  @Test
  void aRealModeIretLoadsAllLowFlags() {
    bench.real().push16(0xFFFF, 0x1234, 0x5678);
    cpu.setRflags(ID | AC, -1);
    FarTransfers.interruptReturn(cpu, instruction(2));
    assertThat(cpu.rip).isEqualTo(0x5678);
    assertThat(cpu.base[CS]).isEqualTo(0x12340);
    assertThat(cpu.rflags()).isEqualTo(SystemFlags.LOW | ID | AC | 2);
  }

  @Test
  void aRealModeIretdCannotSetVm() {
    bench.real().push(-1, 0, 0x5678);
    FarTransfers.interruptReturn(cpu, instruction(4));
    assertThat(cpu.rflags()).isEqualTo(SystemFlags.LOW | RF | AC | ID | 2);
  }

  @Test
  void iretAtLevel0MayChangeEveryFlagButVm() {
    bench.push(~NT & ~VM, Bench.CODE0, 0x4000);
    FarTransfers.interruptReturn(cpu, instruction(4));
    assertThat(cpu.rflags()).isEqualTo(SystemFlags.ALL & ~NT & ~VM | 2);
  }

  @Test
  void iretAtLevel3LeavesIoplAndIf() {
    bench.level(3).push(-1, Bench.CODE3, 0x4000);
    FarTransfers.interruptReturn(cpu, instruction(4));
    assertThat(cpu.rflags() & (IOPL | IF | VM | VIF | VIP)).isZero();
    assertThat(cpu.rflags() & TF).isNotZero();
  }

  @Test
  void iretFromLevel0ToLevel3UsesTheFlagRightsOfLevel0() {
    bench.push(Bench.DATA3, 0x6000, IF | IOPL, Bench.CODE3, 0x4000);
    FarTransfers.interruptReturn(cpu, instruction(4));
    assertThat(cpu.cpl).isEqualTo(3);
    assertThat(cpu.rflags()).isEqualTo(IF | IOPL | 2);
  }

  @ParameterizedTest
  @CsvSource({
    "0x00, 13, 0",
    "0x10, 13, 0x10",
    "0x23, 13, 0x20",
    "0x93, 11, 0x90",
    "0x83, 13, 0x80",
  })
  void iretToABadStackOrCodeChangesNothing(String selector, int vector, String error) {
    int number = Integer.decode(selector);
    bench.descriptor(Bench.FREE, 0, 0xFFFFF, 0x7B, 0xC);
    bench.push(number == 0x23 ? Bench.DATA0 : Bench.DATA3, 0x6000, 2, number, 0x4000);
    bench.assertFaultChangesNothing(
        () -> FarTransfers.interruptReturn(cpu, instruction(4)), vector, Integer.decode(error));
  }

  @Test
  void iretWithABadOuterStackNamesIt() {
    bench.push(Bench.DATA0, 0x6000, 2, Bench.CODE3, 0x4000);
    bench.assertFaultChangesNothing(
        () -> FarTransfers.interruptReturn(cpu, instruction(4)), GuestFault.GP, Bench.DATA0);
  }

  @Test
  void iretInVirtual8086ModeNeedsIopl3() {
    bench.virtual8086(2).push16(0, 0x3000, 0x10);
    bench.assertFaultChangesNothing(
        () -> FarTransfers.interruptReturn(cpu, instruction(2)), GuestFault.GP, 0);
  }

  @Test
  void iretInVirtual8086ModeLeavesIoplAlone() {
    bench.virtual8086(3).push16(IF | TF | 1, 0x3000, 0x10);
    FarTransfers.interruptReturn(cpu, instruction(2));
    assertThat(cpu.base[CS]).isEqualTo(0x30000);
    assertThat(cpu.rip).isEqualTo(0x10);
    assertThat(cpu.rflags()).isEqualTo(VM | IOPL | IF | TF | 3);
  }

  @Test
  void iretUnderVmeMovesIfIntoVif() {
    bench.virtual8086(0).push16(IF | 1, 0x3000, 0x10);
    cpu.cr4 |= CR4_VME;
    FarTransfers.interruptReturn(cpu, instruction(2));
    assertThat(cpu.rflags()).isEqualTo(VM | VIF | 3);
  }

  @Test
  void iretUnderVmeFaultsWhenAnInterruptIsPending() {
    bench.virtual8086(0).push16(IF, 0x3000, 0x10);
    cpu.cr4 |= CR4_VME;
    cpu.setRflags(VIP, VIP);
    bench.assertFaultChangesNothing(
        () -> FarTransfers.interruptReturn(cpu, instruction(2)), GuestFault.GP, 0);
  }
}
