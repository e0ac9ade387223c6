package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.CR0_TS;
import static io.satchel.vm.cpu.CpuState.CS;
import static io.satchel.vm.cpu.CpuState.DS;
import static io.satchel.vm.cpu.CpuState.GS;
import static io.satchel.vm.cpu.CpuState.NT;
import static io.satchel.vm.cpu.CpuState.RAX;
import static io.satchel.vm.cpu.CpuState.RDI;
import static io.satchel.vm.cpu.CpuState.RF;
import static io.satchel.vm.cpu.CpuState.RSP;
import static io.satchel.vm.cpu.CpuState.SS;
import static io.satchel.vm.cpu.CpuState.TR;
import static io.satchel.vm.cpu.CpuState.VM;
import static io.satchel.vm.cpu.semantics.Bench.TASK_A;
import static io.satchel.vm.cpu.semantics.Bench.TASK_B;
import static io.satchel.vm.cpu.semantics.Bench.far;
import static io.satchel.vm.cpu.semantics.Bench.instruction;
import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;
import org.junit.jupiter.api.Test;

class TasksTests {

  private final Bench bench = new Bench();
  private final CpuState cpu = bench.cpu;

  TasksTests() {
    bench.taskB(Bench.CODE0, Bench.DATA0, 2);
    for (int register = 0; register < 8; register++) {
      cpu.gpr[register] = 0xA000 + register;
    }
  }

  @Test
  void aJumpToATssSavesTheOldTaskAndFreesIt() {
    FarTransfers.jumpDirect(cpu, far(4, Bench.TSS_B, 0));
    assertThat(bench.get(TASK_A + 0x20, 4)).isEqualTo(0x7C00);
    assertThat(bench.get(TASK_A + 0x24, 4)).isEqualTo(2);
    assertThat(bench.get(TASK_A + 0x28, 4)).isEqualTo(0xA000);
    assertThat(bench.get(TASK_A + 0x44, 4)).isEqualTo(0xA007);
    assertThat(bench.get(TASK_A + 0x4C, 2)).isEqualTo(Bench.CODE0);
    assertThat(bench.get(TASK_A + 0x5C, 2)).isEqualTo(Bench.DATA0);
    assertThat(bench.typeByte(Bench.TSS_A)).isEqualTo(0x89);
    assertThat(bench.typeByte(Bench.TSS_B)).isEqualTo(0x8B);
  }

  @Test
  void aJumpToATssTakesOverTheNewTask() {
    cpu.dr[7] = 0x4FF;
    FarTransfers.jumpDirect(cpu, far(4, Bench.TSS_B, 0x9999));
    assertThat(cpu.rip).isEqualTo(0x1234);
    assertThat(cpu.gpr[RAX]).isEqualTo(0xB000);
    assertThat(cpu.gpr[RDI]).isEqualTo(0xB007);
    assertThat(cpu.selector[TR]).isEqualTo(Bench.TSS_B);
    assertThat(cpu.attributes[TR]).isEqualTo(0x8B);
    assertThat(cpu.cr0 & CR0_TS).isNotZero();
    assertThat(cpu.dr[7]).isEqualTo(0x4AA);
    assertThat(cpu.rflags() & NT).isZero();
    // Paging is off: CR3 is not loaded.
    assertThat(cpu.cr3).isZero();
  }

  @Test
  void aCallNestsAndIretReturns() {
    FarTransfers.callDirect(cpu, far(4, Bench.TSS_B, 0));
    assertThat(bench.get(TASK_B, 2)).isEqualTo(Bench.TSS_A);
    assertThat(cpu.rflags() & NT).isNotZero();
    assertThat(bench.typeByte(Bench.TSS_A)).isEqualTo(0x8B);
    assertThat(bench.typeByte(Bench.TSS_B)).isEqualTo(0x8B);
    cpu.rip = 0x2222;
    FarTransfers.interruptReturn(cpu, instruction(4));
    assertThat(cpu.selector[TR]).isEqualTo(Bench.TSS_A);
    assertThat(cpu.rip).isEqualTo(0x7C00);
    assertThat(cpu.gpr[RDI]).isEqualTo(0xA007);
    assertThat(bench.typeByte(Bench.TSS_B)).isEqualTo(0x89);
    assertThat(bench.get(TASK_B + 0x20, 4)).isEqualTo(0x2222);
    assertThat(bench.get(TASK_B + 0x24, 4) & NT).as("NT in the task left by IRET").isZero();
  }

  @Test
  void iretToALinkThatIsNotBusyRaisesTs() {
    cpu.setRflags(NT, NT);
    bench.put(TASK_A, 2, Bench.TSS_B);
    bench.assertFaultChangesNothing(
        () -> FarTransfers.interruptReturn(cpu, instruction(4)), GuestFault.TS, Bench.TSS_B);
  }

  @Test
  void interruptThroughTaskGateSavesTheOutgoingState() {
    bench.vector(0x20, Bench.TSS_B, 0, 0x85);
    Interrupts.external(cpu, 0x20);
    assertThat(bench.get(TASK_A + 0x20, 4)).isEqualTo(0x7C00);
    assertThat(bench.get(TASK_A + 0x24, 4) & RF).isZero();
    assertThat(bench.get(TASK_B, 2)).isEqualTo(Bench.TSS_A);
    assertThat(cpu.rip).isEqualTo(0x1234);
    assertThat(cpu.gpr[RSP]).isEqualTo(0xB004);
  }

  @Test
  void exceptionThroughTaskGatePushesTheErrorCodeInTheNewTask() {
    bench.vector(GuestFault.GP, Bench.TSS_B, 0, 0x85);
    Interrupts.exception(cpu, cpu.gp(0x1234));
    assertThat(cpu.gpr[RSP]).isEqualTo(0xB000);
    assertThat(bench.stack(0)).isEqualTo(0x1234);
    assertThat(bench.get(TASK_A + 0x24, 4) & RF).isNotZero();
  }

  @Test
  void aDoubleFaultTaskSeesTheStateThatFailed() {
    bench.vector(GuestFault.DF, Bench.TSS_B, 0, 0x85);
    cpu.gpr[RSP] = 0x2;
    Interrupts.exception(cpu, cpu.gp(0));
    assertThat(cpu.shutdown).isFalse();
    assertThat(bench.stack(0)).isZero();
    assertThat(bench.get(TASK_A + 0x38, 4)).isEqualTo(2);
  }

  @Test
  void aFaultInTheNewTasksSegmentsIsDeliveredInTheNewTask() {
    bench.put(TASK_B + 0x48 + 4 * GS, 4, Bench.ABSENT);
    bench.vector(GuestFault.NP, Bench.CODE0, 0x5555, 0x8E);
    FarTransfers.jumpDirect(cpu, far(4, Bench.TSS_B, 0));
    assertThat(cpu.selector[TR]).isEqualTo(Bench.TSS_B);
    assertThat(cpu.rip).isEqualTo(0x5555);
    assertThat(bench.stack(0)).isEqualTo(Bench.ABSENT);
    assertThat(bench.stack(1)).as("EIP of the new task's first instruction").isEqualTo(0x1234);
  }

  @Test
  void aTooSmallTssIsRefusedBeforeAnythingChanges() {
    bench.descriptor(Bench.TSS_B, TASK_B, 0x66, 0x89, 0);
    bench.assertFaultChangesNothing(
        () -> FarTransfers.jumpDirect(cpu, far(4, Bench.TSS_B, 0)), GuestFault.TS, Bench.TSS_B);
  }

  @Test
  void aBusyOrAbsentTssIsRefused() {
    bench.descriptor(Bench.TSS_B, TASK_B, 0x67, 0x8B, 0);
    bench.assertFaultChangesNothing(
        () -> FarTransfers.jumpDirect(cpu, far(4, Bench.TSS_B, 0)), GuestFault.GP, Bench.TSS_B);
    bench.descriptor(Bench.TSS_B, TASK_B, 0x67, 0x09, 0);
    bench.assertFaultChangesNothing(
        () -> FarTransfers.jumpDirect(cpu, far(4, Bench.TSS_B, 0)), GuestFault.NP, Bench.TSS_B);
  }

  @Test
  void aJumpThroughATaskGateNeedsTheGatesPrivilegeOnly() {
    bench.gate(Bench.GATE, Bench.TSS_B, 0, 0xE5, 0);
    bench.level(3);
    bench.assertFaultChangesNothing(
        () -> FarTransfers.jumpDirect(cpu, far(4, Bench.TSS_B, 0)), GuestFault.GP, Bench.TSS_B);
    FarTransfers.jumpDirect(cpu, far(4, Bench.GATE | 3, 0));
    assertThat(cpu.selector[TR]).isEqualTo(Bench.TSS_B);
    assertThat(cpu.cpl).isZero();
  }

  @Test
  void aTaskInVirtual8086ModeHasItsSegmentsByParagraphs() {
    bench.taskB(0x3000, 0x4000, VM | 2);
    FarTransfers.jumpDirect(cpu, far(4, Bench.TSS_B, 0));
    assertThat(cpu.virtual8086()).isTrue();
    assertThat(cpu.cpl).isEqualTo(3);
    assertThat(cpu.base[CS]).isEqualTo(0x30000);
    assertThat(cpu.base[DS]).isEqualTo(0x40000);
    assertThat(cpu.limit[SS]).isEqualTo(0xFFFF);
  }

  @Test
  void aSwitchWithPagingLoadsCr3() {
    // Page directories at 70000h and 71000h that map 4 MiB one to one.
    for (int directory : new int[] {0x70000, 0x71000}) {
      bench.put(directory, 4, 0x83);
    }
    cpu.cr4 = CpuState.CR4_PSE;
    cpu.cr3 = 0x70000;
    cpu.cr0 |= CpuState.CR0_PG;
    cpu.mmu.flushAll();
    bench.put(TASK_B + 0x1C, 4, 0x71000);
    FarTransfers.jumpDirect(cpu, far(4, Bench.TSS_B, 0));
    assertThat(cpu.cr3).isEqualTo(0x71000);
    assertThat(bench.get(TASK_A + 0x1C, 4)).as("CR3 is not saved").isZero();
  }

  @Test
  void a16BitTaskGivesAndKeepsWords() {
    int tss = Bench.TASK_16;
    bench.put(tss + 0x0E, 2, 0x4321);
    bench.put(tss + 0x10, 2, 2);
    for (int register = 0; register < 8; register++) {
      bench.put(tss + 0x12 + 2 * register, 2, 0xC000 + register);
    }
    for (int segment = 0; segment < 4; segment++) {
      bench.put(tss + 0x22 + 2 * segment, 2, segment == CS ? Bench.CODE16 : Bench.DATA16);
    }
    FarTransfers.callDirect(cpu, far(4, Bench.TSS_16, 0));
    assertThat(cpu.rip).isEqualTo(0x4321);
    assertThat(cpu.gpr[RDI]).isEqualTo(0xFFFF_C007L);
    assertThat(cpu.selector[GS]).isZero();
    cpu.rip = 0x4444;
    FarTransfers.interruptReturn(cpu, instruction(2));
    assertThat(cpu.rip).isEqualTo(0x7C00);
    assertThat(bench.get(tss + 0x0E, 2)).isEqualTo(0x4444);
    assertThat(bench.get(tss + 0x2C, 2)).as("what lies behind the TSS").isZero();
  }

  @Test
  void theTrapBitRaisesADebugExceptionInTheNewTask() {
    bench.put(TASK_B + 0x64, 2, 1);
    bench.vector(GuestFault.DB, Bench.CODE0, 0x6666, 0x8E);
    FarTransfers.jumpDirect(cpu, far(4, Bench.TSS_B, 0));
    assertThat(cpu.rip).isEqualTo(0x6666);
    assertThat(cpu.dr[6] & 0x8000).isNotZero();
    assertThat(bench.stack(0)).isEqualTo(0x1234);
  }
}
