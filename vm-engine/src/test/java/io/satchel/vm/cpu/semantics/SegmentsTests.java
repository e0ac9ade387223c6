package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.ATTR_UNUSABLE;
import static io.satchel.vm.cpu.CpuState.CS;
import static io.satchel.vm.cpu.CpuState.DS;
import static io.satchel.vm.cpu.CpuState.ES;
import static io.satchel.vm.cpu.CpuState.FS;
import static io.satchel.vm.cpu.CpuState.LDTR;
import static io.satchel.vm.cpu.CpuState.RAX;
import static io.satchel.vm.cpu.CpuState.RBX;
import static io.satchel.vm.cpu.CpuState.RSP;
import static io.satchel.vm.cpu.CpuState.SS;
import static io.satchel.vm.cpu.CpuState.TR;
import static io.satchel.vm.cpu.CpuState.ZF;
import static io.satchel.vm.cpu.semantics.Bench.assertFault;
import static io.satchel.vm.cpu.semantics.Bench.memory;
import static io.satchel.vm.cpu.semantics.Bench.registers;
import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SegmentsTests {

  private final Bench bench = new Bench();
  private final CpuState cpu = bench.cpu;

  @Test
  void aRealModeLoadKeepsTheLimit() {
    bench.real();
    cpu.limit[DS] = 0xFFFF_FFFFL;
    Segments.load(cpu, DS, 0x1234);
    assertThat(cpu.base[DS]).isEqualTo(0x12340);
    assertThat(cpu.limit[DS]).isEqualTo(0xFFFF_FFFFL);
  }

  @Test
  void aNullSegmentBecomesUsableAgainInRealMode() {
    Segments.load(cpu, DS, 0);
    cpu.cr0 &= ~CpuState.CR0_PE;
    Segments.load(cpu, DS, 0x40);
    assertThat(cpu.attributes[DS]).isEqualTo(0x93);
    assertThat(cpu.limit[DS]).isEqualTo(0xFFFF);
  }

  @Test
  void aVirtual8086LoadSetsTheLimitTo64K() {
    bench.virtual8086(3);
    cpu.limit[DS] = 5;
    Segments.load(cpu, DS, 0xFFFF);
    assertThat(cpu.base[DS]).isEqualTo(0xFFFF0);
    assertThat(cpu.limit[DS]).isEqualTo(0xFFFF);
    assertThat(cpu.attributes[DS]).isEqualTo(0xF3);
  }

  @Test
  void aLoadAppliesGranularityAndSetsTheAccessedBit() {
    bench.descriptor(Bench.FREE, 0x1234_5678, 0x12345, 0x92, 0xC);
    Segments.load(cpu, DS, Bench.FREE);
    assertThat(cpu.base[DS]).isEqualTo(0x1234_5678);
    assertThat(cpu.limit[DS]).isEqualTo(0x1234_5FFF);
    assertThat(cpu.attributes[DS]).isEqualTo(0xC093);
    assertThat(bench.typeByte(Bench.FREE)).isEqualTo(0x93);
  }

  @Test
  void aNullSelectorMakesADataSegmentUnusable() {
    Segments.load(cpu, ES, 3);
    assertThat(cpu.selector[ES]).isEqualTo(3);
    assertThat(cpu.attributes[ES]).isEqualTo(ATTR_UNUSABLE);
    assertFault(() -> Operands.linear(cpu, ES, 0, 1, false), GuestFault.GP, 0);
  }

  @Test
  void aNullSelectorInSsRaisesGp() {
    assertFault(() -> Segments.load(cpu, SS, 0), GuestFault.GP, 0);
  }

  @Test
  void loadingANotPresentSegmentRaisesNpWithTheSelector() {
    bench.assertFaultChangesNothing(
        () -> Segments.load(cpu, DS, Bench.ABSENT | 2), GuestFault.GP, Bench.ABSENT);
    bench.assertFaultChangesNothing(
        () -> Segments.load(cpu, DS, Bench.ABSENT), GuestFault.NP, Bench.ABSENT);
  }

  @Test
  void loadingANotPresentStackRaisesSsWithTheSelector() {
    bench.assertFaultChangesNothing(
        () -> Segments.load(cpu, SS, Bench.ABSENT), GuestFault.SS, Bench.ABSENT);
  }

  @ParameterizedTest
  @CsvSource({
    // selector, what is wrong with it
    "0x11, RPL is not CPL",
    "0x20, DPL is not CPL",
    "0x08, code",
    "0x68, not writable",
    "0x28, a system segment",
    "0x100, beyond the limit",
  })
  void whatIsNoStackRaisesGpWithTheSelector(String selector, String why) {
    int number = Integer.decode(selector);
    bench.assertFaultChangesNothing(
        () -> Segments.load(cpu, SS, number), GuestFault.GP, number & ~3);
  }

  @Test
  void dataOfAnInnerLevelIsRefused() {
    bench.level(3);
    assertFault(() -> Segments.load(cpu, DS, Bench.DATA0), GuestFault.GP, Bench.DATA0);
    assertFault(() -> Segments.load(cpu, DS, Bench.DATA0 | 3), GuestFault.GP, Bench.DATA0);
    assertFault(() -> Segments.load(cpu, DS, Bench.DATA1), GuestFault.GP, Bench.DATA1 & ~3);
  }

  @Test
  void conformingCodeIsReadableFromEveryLevel() {
    bench.level(3);
    Segments.load(cpu, DS, Bench.CONFORMING | 3);
    assertThat(cpu.selector[DS]).isEqualTo(Bench.CONFORMING | 3);
  }

  @Test
  void codeThatMayOnlyBeExecutedIsNoDataSegment() {
    assertFault(
        () -> Segments.load(cpu, DS, Bench.EXECUTE_ONLY), GuestFault.GP, Bench.EXECUTE_ONLY);
  }

  @Test
  void aSelectorOfTheLdtNeedsAnLdt() {
    bench.put(Bench.LDT + 8, 8, Bench.segment(0x5000, 0xFFF, 0x93, 4));
    assertFault(() -> Segments.load(cpu, DS, 0xC), GuestFault.GP, 0xC);
    cpu.gpr[RAX] = Bench.LDT_SELECTOR;
    Segments.lldt(cpu, registers(2, 2, RAX));
    Segments.load(cpu, DS, 0xC);
    assertThat(cpu.base[DS]).isEqualTo(0x5000);
    assertFault(() -> Segments.load(cpu, DS, 0x24), GuestFault.GP, 0x24);
  }

  @Test
  void movToSsInhibitsInterruptsForOneInstruction() {
    cpu.gpr[RAX] = Bench.DATA0;
    Segments.movToSegment(cpu, registers(4, DS, RAX));
    assertThat(cpu.interruptShadow).isFalse();
    Segments.movToSegment(cpu, registers(4, SS, RAX));
    assertThat(cpu.interruptShadow).isTrue();
  }

  @Test
  void popOfSsInhibitsInterruptsForOneInstruction() {
    bench.push(Bench.DATA0);
    Segments.pop(SS).execute(cpu, Bench.instruction(4));
    assertThat(cpu.interruptShadow).isTrue();
    assertThat(cpu.gpr[RSP]).isEqualTo(0x8000);
  }

  @Test
  void aPopThatFaultsLeavesTheStackPointer() {
    bench.push(Bench.ABSENT);
    bench.assertFaultChangesNothing(
        () -> Segments.pop(DS).execute(cpu, Bench.instruction(4)), GuestFault.NP, Bench.ABSENT);
  }

  @Test
  void movToCsIsUndefined() {
    assertFault(() -> Segments.movToSegment(cpu, registers(4, CS, RAX)), GuestFault.UD, 0);
    assertFault(() -> Segments.movToSegment(cpu, registers(4, 6, RAX)), GuestFault.UD, 0);
  }

  @Test
  void movFromASegmentClearsTheRestOfARegisterButStoresTwoBytes() {
    cpu.gpr[RBX] = 0xFFFF_FFFFL;
    Segments.movFromSegment(cpu, registers(4, SS, RBX));
    assertThat(cpu.gpr[RBX]).isEqualTo(Bench.DATA0);
    bench.put(0x7000, 4, -1);
    Segments.movFromSegment(cpu, memory(4, SS, 0x7000));
    assertThat(bench.get(0x7000, 4)).isEqualTo(0xFFFF_0000L | Bench.DATA0);
  }

  @Test
  void aFarPointerLoadsBothOrNothing() {
    bench.put(0x7000, 4, 0x1122_3344);
    bench.put(0x7004, 2, Bench.DATA3);
    Segments.loadPointer(FS).execute(cpu, memory(4, RBX, 0x7000));
    assertThat(cpu.gpr[RBX]).isEqualTo(0x1122_3344);
    assertThat(cpu.selector[FS]).isEqualTo(Bench.DATA3);
    bench.put(0x7004, 2, Bench.ABSENT);
    bench.assertFaultChangesNothing(
        () -> Segments.loadPointer(FS).execute(cpu, memory(4, RAX, 0x7000)),
        GuestFault.NP,
        Bench.ABSENT);
  }

  @Test
  void ltrMarksTheTssBusyAndRefusesABusyOne() {
    cpu.gpr[RAX] = Bench.TSS_B;
    Segments.ltr(cpu, registers(2, 3, RAX));
    assertThat(bench.typeByte(Bench.TSS_B)).isEqualTo(0x8B);
    assertThat(cpu.base[TR]).isEqualTo(Bench.TASK_B);
    assertFault(() -> Segments.ltr(cpu, registers(2, 3, RAX)), GuestFault.GP, Bench.TSS_B);
    cpu.gpr[RAX] = 0;
    assertFault(() -> Segments.ltr(cpu, registers(2, 3, RAX)), GuestFault.GP, 0);
  }

  @Test
  void lldtRefusesWhatIsNoLdt() {
    cpu.gpr[RAX] = Bench.DATA0;
    assertFault(() -> Segments.lldt(cpu, registers(2, 2, RAX)), GuestFault.GP, Bench.DATA0);
    cpu.gpr[RAX] = 0;
    Segments.lldt(cpu, registers(2, 2, RAX));
    assertThat(cpu.attributes[LDTR]).isEqualTo(ATTR_UNUSABLE);
  }

  @Test
  void larGivesTheRightsOfAVisibleDescriptor() {
    cpu.gpr[RAX] = Bench.CODE3;
    Segments.lar(cpu, registers(4, RBX, RAX));
    assertThat(cpu.gpr[RBX]).isEqualTo(0xC0FB00);
    assertThat(cpu.rflags() & ZF).isNotZero();
    bench.level(3);
    cpu.gpr[RAX] = Bench.DATA0;
    cpu.gpr[RBX] = 5;
    Segments.lar(cpu, registers(4, RBX, RAX));
    assertThat(cpu.gpr[RBX]).isEqualTo(5);
    assertThat(cpu.rflags() & ZF).isZero();
  }

  @Test
  void larKnowsGatesAndLslDoesNot() {
    bench.gate(Bench.GATE, Bench.CODE0, 0, 0x8C, 0);
    cpu.gpr[RAX] = Bench.GATE;
    Segments.lar(cpu, registers(4, RBX, RAX));
    assertThat(cpu.rflags() & ZF).isNotZero();
    Segments.lsl(cpu, registers(4, RBX, RAX));
    assertThat(cpu.rflags() & ZF).isZero();
    bench.gate(Bench.GATE, Bench.CODE0, 0, 0x8E, 0);
    Segments.lar(cpu, registers(4, RBX, RAX));
    assertThat(cpu.rflags() & ZF).isZero();
  }

  @Test
  void lslGivesTheLimitInBytes() {
    cpu.gpr[RAX] = Bench.DATA0;
    Segments.lsl(cpu, registers(4, RBX, RAX));
    assertThat(cpu.gpr[RBX]).isEqualTo(0xFFFF_FFFFL);
    cpu.gpr[RAX] = Bench.TSS_B;
    Segments.lsl(cpu, registers(4, RBX, RAX));
    assertThat(cpu.gpr[RBX]).isEqualTo(0x67);
  }

  @ParameterizedTest
  @CsvSource({
    "0x10, true, true",
    "0x68, true, false",
    "0x08, true, false",
    "0x88, false, false",
    "0x28, false, false",
    "0x00, false, false",
  })
  void verrAndVerwTellReadableFromWritable(String selector, boolean readable, boolean writable) {
    cpu.gpr[RAX] = Integer.decode(selector);
    Segments.verr(cpu, registers(2, 4, RAX));
    assertThat((cpu.rflags() & ZF) != 0).isEqualTo(readable);
    Segments.verw(cpu, registers(2, 5, RAX));
    assertThat((cpu.rflags() & ZF) != 0).isEqualTo(writable);
  }

  @Test
  void arplRaisesTheRplAndSaysSo() {
    cpu.gpr[RAX] = 0x20;
    cpu.gpr[RBX] = 3;
    Segments.arpl(cpu, registers(2, RBX, RAX));
    assertThat(cpu.gpr[RAX]).isEqualTo(0x23);
    assertThat(cpu.rflags() & ZF).isNotZero();
    Segments.arpl(cpu, registers(2, RBX, RAX));
    assertThat(cpu.rflags() & ZF).isZero();
  }
}
