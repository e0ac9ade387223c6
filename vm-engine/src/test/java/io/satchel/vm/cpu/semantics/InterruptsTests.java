package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.AC;
import static io.satchel.vm.cpu.CpuState.ATTR_UNUSABLE;
import static io.satchel.vm.cpu.CpuState.CR4_VME;
import static io.satchel.vm.cpu.CpuState.CS;
import static io.satchel.vm.cpu.CpuState.DS;
import static io.satchel.vm.cpu.CpuState.ES;
import static io.satchel.vm.cpu.CpuState.FS;
import static io.satchel.vm.cpu.CpuState.GS;
import static io.satchel.vm.cpu.CpuState.IF;
import static io.satchel.vm.cpu.CpuState.IOPL;
import static io.satchel.vm.cpu.CpuState.NT;
import static io.satchel.vm.cpu.CpuState.OF;
import static io.satchel.vm.cpu.CpuState.RBX;
import static io.satchel.vm.cpu.CpuState.RF;
import static io.satchel.vm.cpu.CpuState.RSP;
import static io.satchel.vm.cpu.CpuState.SS;
import static io.satchel.vm.cpu.CpuState.TF;
import static io.satchel.vm.cpu.CpuState.VIF;
import static io.satchel.vm.cpu.CpuState.VM;
import static io.satchel.vm.cpu.semantics.Bench.TASK_A;
import static io.satchel.vm.cpu.semantics.Bench.assertFault;
import static io.satchel.vm.cpu.semantics.Bench.immediate;
import static io.satchel.vm.cpu.semantics.Bench.instruction;
import static io.satchel.vm.cpu.semantics.Bench.memory;
import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class InterruptsTests {

  private static final int INTERRUPT32 = 0x8E;
  private static final int TRAP32 = 0x8F;
  private static final int INTERRUPT16 = 0x86;

  private final Bench bench = new Bench();
  private final CpuState cpu = bench.cpu;

  @Test
  void inRealModeTheVectorTableLeadsToTheHandler() {
    bench.real();
    cpu.idtrBase = 0;
    cpu.idtrLimit = 0x3FF;
    bench.put(4 * 0x21, 4, 0xF000_1234L);
    cpu.setRflags(IF | TF | AC | 1, -1);
    cpu.gpr[RSP] = 0xABCD_8000L;
    cpu.selector[CS] = 0x55;
    Interrupts.intImmediate(cpu, immediate(2, 0x21));
    assertThat(cpu.base[CS]).isEqualTo(0xF0000);
    assertThat(cpu.rip).isEqualTo(0x1234);
    assertThat(cpu.gpr[RSP]).isEqualTo(0xABCD_7FFAL);
    assertThat(bench.get(0x7FFA, 2)).isEqualTo(0x7C00);
    assertThat(bench.get(0x7FFC, 2)).isEqualTo(0x55);
    assertThat(bench.get(0x7FFE, 2)).isEqualTo(IF | TF | 3);
    assertThat(cpu.rflags()).isEqualTo(3);
  }

  @Test
  void inRealModeAVectorBeyondTheLimitShutsDownWithoutAHandler() {
    bench.real();
    cpu.idtrLimit = 0;
    Interrupts.exception(cpu, cpu.ud());
    assertThat(cpu.shutdown).isTrue();
    assertThat(cpu.shutdownRip).isEqualTo(0x7C00);
  }

  @Test
  void inRealModeAnExceptionPushesNoErrorCode() {
    bench.real();
    cpu.idtrBase = 0;
    Interrupts.exception(cpu, cpu.gp(0));
    assertThat(cpu.gpr[RSP]).isEqualTo(0x7FFA);
  }

  @Test
  void anInterruptGateClearsIfAndATrapGateDoesNot() {
    bench.vector(0x20, Bench.CODE0, 0x12345, INTERRUPT32);
    bench.vector(0x21, Bench.CODE0, 0x12345, TRAP32);
    cpu.setRflags(IF | TF | NT | RF, -1);
    Interrupts.external(cpu, 0x21);
    assertThat(cpu.rflags()).isEqualTo(IF | 2);
    assertThat(bench.stack(2)).isEqualTo(IF | TF | NT | RF | 2);
    Interrupts.external(cpu, 0x20);
    assertThat(cpu.rflags()).isEqualTo(2);
    assertThat(cpu.rip).isEqualTo(0x12345);
  }

  @Test
  void anInterruptEndsAHaltAndTheShadow() {
    bench.vector(0x20, Bench.CODE0, 0x12345, INTERRUPT32);
    cpu.halted = true;
    cpu.interruptShadow = true;
    Interrupts.external(cpu, 0x20);
    assertThat(cpu.halted).isFalse();
    assertThat(cpu.interruptShadow).isFalse();
  }

  @Test
  void a16BitGatePushesWords() {
    bench.vector(0x20, Bench.CODE16, 0xFFFF_1111L, INTERRUPT16);
    Interrupts.external(cpu, 0x20);
    assertThat(cpu.rip).isEqualTo(0x1111);
    assertThat(cpu.gpr[RSP]).isEqualTo(0x7FFA);
    assertThat(bench.get(0x7FFA, 2)).isEqualTo(0x7C00);
    assertThat(bench.get(0x7FFC, 2)).isEqualTo(Bench.CODE0);
  }

  @Test
  void anInterruptFromAnOuterLevelTakesTheStackOfTheTss() {
    bench.level(3).vector(0x20, Bench.CODE0, 0x12345, INTERRUPT32);
    cpu.gpr[RSP] = 0x8888;
    Interrupts.external(cpu, 0x20);
    assertThat(cpu.cpl).isZero();
    assertThat(cpu.selector[CS]).isEqualTo(Bench.CODE0);
    assertThat(cpu.selector[SS]).isEqualTo(Bench.DATA0);
    assertThat(cpu.gpr[RSP]).isEqualTo(0x9000 - 20);
    assertThat(bench.stack(0)).isEqualTo(0x7C00);
    assertThat(bench.stack(1)).isEqualTo(Bench.CODE3);
    assertThat(bench.stack(3)).isEqualTo(0x8888);
    assertThat(bench.stack(4)).isEqualTo(Bench.DATA3);
    assertThat(cpu.selector[DS]).as("data segments stay").isEqualTo(Bench.DATA3);
  }

  @Test
  void aConformingHandlerRunsAtTheLevelOfTheProgram() {
    bench.level(3).vector(0x20, Bench.CONFORMING, 0x12345, INTERRUPT32);
    Interrupts.external(cpu, 0x20);
    assertThat(cpu.cpl).isEqualTo(3);
    assertThat(cpu.selector[CS]).isEqualTo(Bench.CONFORMING | 3);
    assertThat(cpu.gpr[RSP]).isEqualTo(0x8000 - 12);
  }

  @Test
  void softwareInterruptsNeedTheGatesPrivilege() {
    bench.level(3).vector(0x80, Bench.CODE0, 0x12345, INTERRUPT32);
    bench.assertFaultChangesNothing(
        () -> Interrupts.intImmediate(cpu, immediate(4, -128)), GuestFault.GP, 0x80 * 8 + 2);
    bench.vector(0x80, Bench.CODE0, 0x12345, INTERRUPT32 | 0x60);
    Interrupts.intImmediate(cpu, immediate(4, -128));
    assertThat(cpu.rip).isEqualTo(0x12345);
  }

  @Test
  void int3NeedsTheGatesPrivilegeAndInt1DoesNot() {
    bench.level(3).vector(GuestFault.BP, Bench.CODE0, 0x12345, TRAP32);
    bench.vector(GuestFault.DB, Bench.CODE0, 0x23456, TRAP32);
    assertFault(() -> Interrupts.int3(cpu, instruction(4)), GuestFault.GP, 3 * 8 + 2);
    Interrupts.int1(cpu, instruction(4));
    assertThat(cpu.rip).isEqualTo(0x23456);
  }

  @Test
  void int1ReportsTheBreakpointThatMovSsHasHeldOffAndNoneIsLeft() {
    bench.vector(GuestFault.DB, Bench.CODE0, 0x23456, TRAP32);
    cpu.dr[6] = 0xFFFF_0FF1L;
    cpu.debugHits = 2;
    Interrupts.int1(cpu, instruction(1));
    assertThat(cpu.rip).isEqualTo(0x23456);
    assertThat(cpu.dr[6]).isEqualTo(0xFFFF_0FF2L);
    assertThat(cpu.debugHits).isZero();
  }

  @Test
  void intoFollowsOf() {
    bench.vector(GuestFault.OF, Bench.CODE0, 0x12345, TRAP32);
    Interrupts.into(cpu, instruction(4));
    assertThat(cpu.rip).isEqualTo(0x7C00);
    cpu.setArithmeticFlags(OF);
    Interrupts.into(cpu, instruction(4));
    assertThat(cpu.rip).isEqualTo(0x12345);
    assertThat(bench.stack(0)).isEqualTo(0x7C00);
  }

  @ParameterizedTest
  @CsvSource({"-5, false", "-6, true", "10, false", "11, true"})
  void boundComparesAsSigned(int index, boolean outside) {
    bench.put(0x7000, 2, -5);
    bench.put(0x7002, 2, 10);
    cpu.gpr[RBX] = index & 0xFFFF;
    if (outside) {
      assertFault(() -> Interrupts.bound(cpu, memory(2, RBX, 0x7000)), GuestFault.BR, 0);
    } else {
      Interrupts.bound(cpu, memory(2, RBX, 0x7000));
    }
  }

  @Test
  void aFaultPushesItsErrorCodeAndRf() {
    bench.vector(GuestFault.GP, Bench.CODE0, 0x12345, INTERRUPT32);
    Interrupts.exception(cpu, cpu.gp(0x4321));
    assertThat(bench.stack(0)).isEqualTo(0x4321);
    assertThat(bench.stack(1)).isEqualTo(0x7C00);
    assertThat(bench.stack(3) & RF).isNotZero();
    assertThat(cpu.rflags() & RF).isZero();
  }

  @Test
  void aDebugTrapPushesNoRfAndClearsGeneralDetect() {
    bench.vector(GuestFault.DB, Bench.CODE0, 0x12345, INTERRUPT32);
    cpu.dr[7] |= 0x2000;
    cpu.dr[6] |= 3;
    Interrupts.debug(cpu, 0x4004);
    assertThat(cpu.dr[6]).isEqualTo(0xFFFF_4FF4L);
    assertThat(cpu.dr[7] & 0x2000).isZero();
    assertThat(bench.stack(2) & RF).isZero();
  }

  @Test
  void anAbsentGateRaisesNpAndABadOneGp() {
    bench.vector(0x40, Bench.CODE0, 0, 0x6E);
    bench.vector(0x41, Bench.CODE0, 0, 0xEC);
    bench.vector(0x42, Bench.DATA0, 0, 0xEE);
    bench.vector(0x43, 0, 0, 0xEE);
    bench.vector(0x44, Bench.CODE3, 0, 0xEE);
    bench.assertFaultChangesNothing(
        () -> Interrupts.intImmediate(cpu, immediate(4, 0x40)), GuestFault.NP, 0x40 * 8 + 2);
    bench.assertFaultChangesNothing(
        () -> Interrupts.intImmediate(cpu, immediate(4, 0x41)), GuestFault.GP, 0x41 * 8 + 2);
    bench.assertFaultChangesNothing(
        () -> Interrupts.intImmediate(cpu, immediate(4, 0x42)), GuestFault.GP, Bench.DATA0);
    bench.assertFaultChangesNothing(
        () -> Interrupts.intImmediate(cpu, immediate(4, 0x43)), GuestFault.GP, 0);
    bench.assertFaultChangesNothing(
        () -> Interrupts.intImmediate(cpu, immediate(4, 0x44)), GuestFault.GP, 0x18);
  }

  @Test
  void aFaultInTheDeliveryOfAnExternalInterruptCarriesExt() {
    bench.vector(0x20, Bench.CODE0, 0, 0x0E);
    bench.vector(GuestFault.NP, Bench.CODE0, 0x12345, INTERRUPT32);
    Interrupts.external(cpu, 0x20);
    assertThat(cpu.rip).isEqualTo(0x12345);
    assertThat(bench.stack(0)).isEqualTo(0x20 * 8 + 2 + 1);
  }

  @Test
  void aContributoryFaultDuringAnotherIsADoubleFault() {
    bench.vector(GuestFault.DF, Bench.CODE0, 0x12345, INTERRUPT32);
    Interrupts.exception(cpu, cpu.gp(0));
    assertThat(cpu.rip).isEqualTo(0x12345);
    assertThat(bench.stack(0)).isZero();
    assertThat(bench.stack(1)).isEqualTo(0x7C00);
  }

  @Test
  void aFaultDuringABenignOneIsDeliveredInItsPlace() {
    bench.vector(GuestFault.GP, Bench.CODE0, 0x12345, INTERRUPT32);
    Interrupts.exception(cpu, cpu.ud());
    assertThat(cpu.rip).isEqualTo(0x12345);
    assertThat(bench.stack(0)).isEqualTo(GuestFault.UD * 8 + 2 + 1);
  }

  @Test
  void aPageFaultDuringAPageFaultIsADoubleFault() {
    // The handler's descriptor lies in an LDT that is not mapped.
    cpu.cr4 = CpuState.CR4_PSE;
    cpu.cr3 = 0x70000;
    bench.put(0x70000, 4, 0x83);
    bench.vector(GuestFault.DF, Bench.CODE0, 0x12345, INTERRUPT32);
    cpu.cr0 |= CpuState.CR0_PG;
    cpu.mmu.flushAll();
    Segments.set(cpu, CpuState.LDTR, 8, 0x40_0000, 0xFFFF, 0x82);
    bench.vector(GuestFault.PF, 0xC, 0x12345, INTERRUPT32);
    Interrupts.exception(cpu, cpu.fault(GuestFault.PF, 0));
    assertThat(cpu.rip).isEqualTo(0x12345);
    assertThat(cpu.cr2).isEqualTo(0x40_0008);
    assertThat(bench.stack(0)).isZero();
  }

  @Test
  void aThirdFaultShutsDownAndSaysWhere() {
    cpu.idtrLimit = 0;
    Interrupts.exception(cpu, cpu.gp(0));
    assertThat(cpu.shutdown).isTrue();
    assertThat(cpu.shutdownRip).isEqualTo(0x7C00);
    assertThat(cpu.shutdownCs).isEqualTo(Bench.CODE0);
  }

  @Test
  void aStackWithoutRoomFaultsBeforeAnythingIsPushed() {
    bench.vector(0x40, Bench.CODE0, 0x12345, 0xEE);
    cpu.limit[SS] = 0x7FF8;
    cpu.gpr[RSP] = 0x8000;
    bench.assertFaultChangesNothing(
        () -> Interrupts.intImmediate(cpu, immediate(4, 0x40)), GuestFault.SS, 0);
  }

  @ParameterizedTest
  @CsvSource({
    "0x00, 10, 0",
    "0x13, 10, 0x10",
    "0x20, 10, 0x20",
    "0x68, 10, 0x68",
    "0x50, 12, 0x50",
    "0x100, 10, 0x100",
  })
  void aBadStackInTheTssRaisesTsOrSs(String selector, int vector, String error) {
    bench.level(3).vector(0x40, Bench.CODE0, 0x12345, 0xEE);
    bench.put(TASK_A + 8, 2, Integer.decode(selector));
    bench.assertFaultChangesNothing(
        () -> Interrupts.intImmediate(cpu, immediate(4, 0x40)), vector, Integer.decode(error));
  }

  @Test
  void aTssTooShortForTheStackRaisesTs() {
    bench.level(3).vector(0x40, Bench.CODE0, 0x12345, 0xEE);
    cpu.limit[CpuState.TR] = 8;
    bench.assertFaultChangesNothing(
        () -> Interrupts.intImmediate(cpu, immediate(4, 0x40)), GuestFault.TS, Bench.TSS_A);
  }

  @Test
  void a16BitTssGivesA16BitStackPointer() {
    bench.level(3).vector(0x40, Bench.CODE0, 0x12345, 0xEE);
    Segments.set(cpu, CpuState.TR, Bench.TSS_16, bench.at(Bench.TSS_16));
    bench.put(Bench.TASK_16 + 2, 2, 0x9900);
    bench.put(Bench.TASK_16 + 4, 2, Bench.DATA0);
    Interrupts.intImmediate(cpu, immediate(4, 0x40));
    assertThat(cpu.gpr[RSP]).isEqualTo(0x9900 - 20);
  }

  @Test
  void nmiIsBlockedUntilIret() {
    bench.vector(2, Bench.CODE0, 0x12345, INTERRUPT32);
    cpu.raiseNmi();
    Interrupts.nmi(cpu);
    assertThat(cpu.nmiBlocked).isTrue();
    assertThat(cpu.pending() & CpuState.PENDING_NMI).isZero();
    FarTransfers.interruptReturn(cpu, instruction(4));
    assertThat(cpu.nmiBlocked).isFalse();
    assertThat(cpu.rip).isEqualTo(0x7C00);
  }

  // Virtual-8086 mode.

  @Test
  void anInterruptLeavesVirtual8086ModeWithTheNineSlotFrame() {
    bench.virtual8086(3).vector(0x20, Bench.CODE0, 0x12345, INTERRUPT32);
    Interrupts.external(cpu, 0x20);
    assertThat(cpu.virtual8086()).isFalse();
    assertThat(cpu.cpl).isZero();
    assertThat(cpu.gpr[RSP]).isEqualTo(0x9000 - 36);
    assertThat(bench.stack(0)).isEqualTo(0x123);
    assertThat(bench.stack(1)).isEqualTo(0x2100);
    assertThat(bench.stack(2)).isEqualTo(VM | IOPL | 2);
    assertThat(bench.stack(3)).isEqualTo(0x800);
    assertThat(bench.stack(4)).isEqualTo(0x2200);
    assertThat(bench.stack(5)).isEqualTo(0x2000);
    assertThat(bench.stack(6)).isEqualTo(0x2300);
    assertThat(bench.stack(7)).isEqualTo(0x2400);
    assertThat(bench.stack(8)).isEqualTo(0x2500);
    for (int segment : new int[] {ES, DS, FS, GS}) {
      assertThat(cpu.attributes[segment]).isEqualTo(ATTR_UNUSABLE);
    }
    FarTransfers.interruptReturn(cpu, instruction(4));
    assertThat(cpu.virtual8086()).isTrue();
    assertThat(cpu.cpl).isEqualTo(3);
    assertThat(cpu.base[GS]).isEqualTo(0x25000);
    assertThat(cpu.base[CS]).isEqualTo(0x21000);
    assertThat(cpu.gpr[RSP]).isEqualTo(0x800);
    assertThat(cpu.rip).isEqualTo(0x123);
  }

  @Test
  void fromVirtual8086ModeAHandlerMustRunAtLevel0() {
    bench.virtual8086(3);
    bench.vector(0x40, Bench.CODE1, 0x12345, 0xEE);
    bench.vector(0x41, Bench.CONFORMING, 0x12345, 0xEE);
    bench.assertFaultChangesNothing(
        () -> Interrupts.intImmediate(cpu, immediate(2, 0x40)), GuestFault.GP, Bench.CODE1 & ~3);
    bench.assertFaultChangesNothing(
        () -> Interrupts.intImmediate(cpu, immediate(2, 0x41)), GuestFault.GP, Bench.CONFORMING);
  }

  @Test
  void intNeedsIopl3InVirtual8086ModeAndInt3DoesNot() {
    bench.virtual8086(2).vector(3, Bench.CODE0, 0x12345, 0xEE);
    bench.assertFaultChangesNothing(
        () -> Interrupts.intImmediate(cpu, immediate(2, 3)), GuestFault.GP, 0);
    Interrupts.int3(cpu, instruction(2));
    assertThat(cpu.rip).isEqualTo(0x12345);
  }

  @Test
  void underVmeAClearBitInTheRedirectionMapKeepsTheInterruptInTheProgram() {
    bench.virtual8086(0);
    cpu.cr4 |= CR4_VME;
    cpu.setRflags(VIF | TF, VIF | TF);
    bench.put(4 * 0x21, 4, 0x3000_0456L);
    Interrupts.intImmediate(cpu, immediate(2, 0x21));
    assertThat(cpu.virtual8086()).isTrue();
    assertThat(cpu.base[CS]).isEqualTo(0x30000);
    assertThat(cpu.rip).isEqualTo(0x456);
    assertThat(bench.stack16(0)).isEqualTo(0x123);
    assertThat(bench.stack16(1)).isEqualTo(0x2100);
    assertThat(bench.stack16(2)).isEqualTo(IOPL | IF | TF | 2);
    assertThat(cpu.rflags() & (VIF | TF)).isZero();
  }

  @Test
  void underVmeASetBitInTheRedirectionMapFollowsIopl() {
    bench.virtual8086(0).vector(0x21, Bench.CODE0, 0x12345, 0xEE);
    cpu.cr4 |= CR4_VME;
    bench.put(TASK_A + 0x68 + 4, 1, 2);
    bench.assertFaultChangesNothing(
        () -> Interrupts.intImmediate(cpu, immediate(2, 0x21)), GuestFault.GP, 0);
    cpu.setRflags(IOPL, IOPL);
    Interrupts.intImmediate(cpu, immediate(2, 0x21));
    assertThat(cpu.rip).isEqualTo(0x12345);
  }
}
