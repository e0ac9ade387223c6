package io.satchel.vm.cpu.semantics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.satchel.vm.bus.IoPorts;
import io.satchel.vm.cpu.CpuModel;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.FpuState;
import io.satchel.vm.cpu.GuestFault;
import io.satchel.vm.cpu.Mmu;
import io.satchel.vm.cpu.decode.Decoder;
import io.satchel.vm.cpu.decode.Instruction;
import io.satchel.vm.memory.AddressMap;
import io.satchel.vm.memory.GuestMemory;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the host processor cannot be asked in user mode: errors, pointers, modes, faults. */
class X87Tests {

  private static final int OPERAND = 0x2000;

  private final GuestMemory memory = new GuestMemory(0x10000, 0);
  private final CpuState cpu;
  private final FpuState fpu;
  private final Decoder decoder = new Decoder(Decoder.fullMap());
  private boolean ferr;

  X87Tests() {
    AddressMap map = new AddressMap(memory);
    map.mapMemory(0, 0x10000, 0);
    cpu = new CpuState(new Mmu(map), new IoPorts(), CpuModel.named("max"));
    cpu.cr0 = CpuState.CR0_PE | CpuState.CR0_ET | CpuState.CR0_NE;
    for (int n = 0; n < 6; n++) {
      cpu.limit[n] = 0xFFFF_FFFFL;
      cpu.attributes[n] = CpuState.ATTR_P | CpuState.ATTR_S | CpuState.ATTR_DB | 3;
    }
    cpu.attributes[CpuState.CS] |= 8;
    cpu.selector[CpuState.CS] = 0x1B;
    cpu.selector[CpuState.DS] = 0x23;
    cpu.ferr = level -> ferr = level;
    fpu = cpu.fpu;
    cpu.gpr[CpuState.RDX] = OPERAND;
    cpu.gpr[CpuState.RSI] = OPERAND;
    run("DBE3");
  }

  /** Runs an instruction whose memory operand is [EDX], or [SI] in 16-bit code. */
  private void run(String hex) {
    byte[] bytes = HexFormat.of().parseHex(hex.replace(" ", ""));
    int width = cpu.protectedMode() ? 4 : 2;
    Instruction i = decoder.decode(at -> at < bytes.length ? bytes[at] & 0xFF : 0x90, width);
    assertThat(i.length).isEqualTo(bytes.length);
    cpu.rip += i.length;
    Checks.before(cpu, i.row());
    i.row().effect().execute(cpu, i);
  }

  private int fault(String hex) {
    return catchThrowableOfType(GuestFault.class, () -> run(hex)).vector();
  }

  /** Leaves an unmasked division by zero behind. */
  private void divideByZero() {
    fpu.controlWord &= ~FpuState.ZE;
    run("D9E8"); // FLD1
    run("D9EE"); // FLDZ
    run("DEF9"); // FDIVP
  }

  // #NM and pending errors.

  @Test
  void escapesAreNotAvailableWithEmulationOrTaskSwitched() {
    cpu.cr0 |= CpuState.CR0_EM;
    assertThat(fault("D9E8")).isEqualTo(GuestFault.NM);
    assertThat(fault("DBE3")).isEqualTo(GuestFault.NM);
    run("9B");
    cpu.cr0 = cpu.cr0 & ~CpuState.CR0_EM | CpuState.CR0_TS;
    assertThat(fault("D9E8")).isEqualTo(GuestFault.NM);
    assertThat(fault("0F77")).isEqualTo(GuestFault.NM);
    run("9B");
    cpu.cr0 |= CpuState.CR0_MP;
    assertThat(fault("9B")).isEqualTo(GuestFault.NM);
  }

  @Test
  void mmxIsUndefinedWithEmulation() {
    cpu.cr0 |= CpuState.CR0_EM;
    assertThat(fault("0F77")).isEqualTo(GuestFault.UD);
  }

  @Test
  void anUnmaskedErrorIsRaisedByTheNextWaitingInstruction() {
    divideByZero();
    assertThat(fpu.statusWord & (FpuState.ZE | FpuState.ES | FpuState.B))
        .isEqualTo(FpuState.ZE | FpuState.ES | FpuState.B);
    assertThat(fpu.top).as("nothing was popped").isEqualTo(6);
    run("DFE0"); // FNSTSW AX
    run("D93A"); // FNSTCW
    assertThat(fault("9B")).isEqualTo(GuestFault.MF);
    assertThat(fault("D9E8")).isEqualTo(GuestFault.MF);
    assertThat(fault("0FEFC0")).isEqualTo(GuestFault.MF);
    run("DBE2"); // FNCLEX
    run("D9E8");
  }

  @Test
  void unmaskingAPendingExceptionMakesItAnError() {
    run("D9E8");
    run("D9EE");
    run("DEF9");
    run("9B");
    memory.put16(OPERAND, 0x037B);
    run("D92A"); // FLDCW
    assertThat(fault("9B")).isEqualTo(GuestFault.MF);
  }

  @Test
  void withNumericErrorClearAnErrorDrivesFerrUntilItIsCleared() {
    cpu.cr0 &= ~CpuState.CR0_NE;
    divideByZero();
    assertThat(ferr).isTrue();
    // The board's answer to the interrupt: port F0h.
    ferr = false;
    cpu.ignne = true;
    run("D9E8");
    assertThat(ferr).as("ignored").isFalse();
    run("DBE2");
    assertThat(cpu.ignne).isFalse();
    divideByZero();
    assertThat(ferr).isTrue();
    run("DBE3");
    assertThat(ferr).isFalse();
  }

  // Pointers.

  @Test
  void keepsTheLastInstructionsPointersButNotThoseOfControlInstructions() {
    cpu.rip = 0x1234;
    run("3E D802"); // FADD DS:[EDX]: the pointer is that of the prefix
    assertThat(fpu.instructionPointer).isEqualTo(0x1234);
    assertThat(fpu.instructionSelector).isEqualTo(0x1B);
    assertThat(fpu.operandPointer).isEqualTo(OPERAND);
    assertThat(fpu.operandSelector).isEqualTo(0x23);
    assertThat(fpu.opcode).isEqualTo(0x002);
    run("D9E8");
    assertThat(fpu.instructionPointer).isEqualTo(0x1237);
    assertThat(fpu.operandPointer).as("no operand in memory").isEqualTo(OPERAND);
    assertThat(fpu.opcode).isEqualTo(0x1E8);
    run("D93A");
    run("9B");
    run("DBE2");
    assertThat(fpu.instructionPointer).isEqualTo(0x1237);
    run("DBE3");
    assertThat(fpu.instructionPointer).isZero();
    assertThat(fpu.opcode).isZero();
  }

  // The environment.

  private void knownEnvironment() {
    fpu.controlWord = 0x0F7F;
    fpu.statusWord = 0x4720;
    fpu.top = 3;
    fpu.empty = 0x0F;
    fpu.instructionPointer = 0x0001_2345;
    fpu.instructionSelector = 0x1B;
    fpu.operandPointer = 0x0006_789A;
    fpu.operandSelector = 0x23;
    fpu.opcode = 0x5A6;
    fpu.significand[4] = Long.MIN_VALUE;
    fpu.signExponent[4] = 0x3FFF;
    fpu.significand[5] = 0;
    fpu.signExponent[5] = 0x8000;
    fpu.significand[6] = 1;
    fpu.signExponent[6] = 0;
    fpu.significand[7] = Long.MAX_VALUE;
    fpu.signExponent[7] = 0x4000;
  }

  private static final int TAGS = 0b10_10_01_00_11111111;

  @Test
  void theProtected32BitEnvironmentIsSevenDoublewords() {
    knownEnvironment();
    run("D932"); // FNSTENV
    assertThat(memory.read32(OPERAND)).isEqualTo(0xFFFF_0F7F);
    assertThat(memory.read32(OPERAND + 4)).isEqualTo(0xFFFF_5F20);
    assertThat(memory.read32(OPERAND + 8)).isEqualTo(0xFFFF_0000 | TAGS);
    assertThat(memory.read32(OPERAND + 12)).isEqualTo(0x12345);
    assertThat(memory.read32(OPERAND + 16)).isEqualTo(0x05A6_001B);
    assertThat(memory.read32(OPERAND + 20)).isEqualTo(0x6789A);
    assertThat(memory.read32(OPERAND + 24)).isEqualTo(0xFFFF_0023);
  }

  @Test
  void theProtected16BitEnvironmentIsSevenWords() {
    knownEnvironment();
    run("66 D932");
    assertThat(memory.read16(OPERAND)).isEqualTo(0x0F7F);
    assertThat(memory.read16(OPERAND + 2)).isEqualTo(0x5F20);
    assertThat(memory.read16(OPERAND + 4)).isEqualTo(TAGS);
    assertThat(memory.read16(OPERAND + 6)).isEqualTo(0x2345);
    assertThat(memory.read16(OPERAND + 8)).isEqualTo(0x1B);
    assertThat(memory.read16(OPERAND + 10)).isEqualTo(0x789A);
    assertThat(memory.read16(OPERAND + 12)).isEqualTo(0x23);
    assertThat(memory.read16(OPERAND + 14)).isZero();
  }

  @Test
  void theReal16BitEnvironmentHasLinearPointersOf20Bits() {
    cpu.cr0 &= ~CpuState.CR0_PE;
    knownEnvironment();
    run("D934"); // FNSTENV [SI]
    assertThat(memory.read16(OPERAND + 6)).isEqualTo(0x24F5);
    assertThat(memory.read16(OPERAND + 8)).isEqualTo(0x15A6);
    assertThat(memory.read16(OPERAND + 10)).isEqualTo(0x7ACA);
    assertThat(memory.read16(OPERAND + 12)).isEqualTo(0x6000);
  }

  @Test
  void theReal32BitEnvironmentHasLinearPointersOf32Bits() {
    cpu.cr0 &= ~CpuState.CR0_PE;
    knownEnvironment();
    run("66 D934");
    assertThat(memory.read32(OPERAND + 12)).isEqualTo(0xFFFF_24F5);
    assertThat(memory.read32(OPERAND + 16)).isEqualTo(0x0000_15A6);
    assertThat(memory.read32(OPERAND + 20)).isEqualTo(0xFFFF_7ACA);
    assertThat(memory.read32(OPERAND + 24)).isEqualTo(0x0000_6000);
  }

  @ParameterizedTest
  @CsvSource({
    "false, DD32, DD22",
    "false, 66DD32, 66DD22",
    "true, DD34, DD24",
    "true, 66DD34, 66DD24"
  })
  void saveAndRestoreAreEachOthersInverse(boolean real, String save, String restore) {
    if (real) {
      cpu.cr0 &= ~CpuState.CR0_PE;
    }
    knownEnvironment();
    run(save);
    assertThat(fpu.controlWord).as("FNSAVE initializes").isEqualTo(0x037F);
    assertThat(fpu.empty).isEqualTo(0xFF);
    run(restore);
    assertThat(fpu.controlWord).isEqualTo(0x0F7F);
    assertThat(fpu.statusWord).isEqualTo(0x4720);
    assertThat(fpu.top).isEqualTo(3);
    assertThat(fpu.empty).isEqualTo(0x0F);
    assertThat(fpu.opcode).isEqualTo(real || save.equals("DD32") ? 0x5A6 : 0);
    assertThat(fpu.signExponent[7]).isEqualTo(0x4000);
    assertThat(fpu.significand[7]).isEqualTo(Long.MAX_VALUE);
    run(save);
    int first = memory.read32(OPERAND + 12);
    run(restore);
    run(save);
    assertThat(memory.read32(OPERAND + 12)).isEqualTo(first);
  }

  // Faults leave all as it was.

  @Test
  void aFaultingStoreNeitherPopsNorCountsNorWrites() {
    run("D9E8");
    cpu.limit[CpuState.DS] = OPERAND + 8;
    memory.put64(OPERAND, 0x1111);
    long pointer = fpu.instructionPointer;
    assertThat(fault("DB3A")).isEqualTo(GuestFault.GP); // FSTP m80
    assertThat(memory.read64(OPERAND)).isEqualTo(0x1111);
    assertThat(fpu.top).isEqualTo(7);
    assertThat(fpu.instructionPointer).isEqualTo(pointer);
    assertThat(fault("DD32")).isEqualTo(GuestFault.GP); // FNSAVE
    assertThat(memory.read64(OPERAND)).isEqualTo(0x1111);
    assertThat(fpu.empty).isEqualTo(0x7F);
    cpu.limit[CpuState.DS] = OPERAND + 26;
    assertThat(fault("D922")).isEqualTo(GuestFault.GP); // FLDENV
    assertThat(fpu.controlWord).isEqualTo(0x037F);
  }

  // FXSAVE.

  @Test
  void fxsaveHasTheLayoutOfTheManual() {
    knownEnvironment();
    cpu.cr4 |= CpuState.CR4_OSFXSR;
    cpu.xmm[15] = 0x7777;
    cpu.xmm[16] = 0x8888;
    run("0FAE02");
    assertThat(memory.read16(OPERAND)).isEqualTo(0x0F7F);
    assertThat(memory.read16(OPERAND + 2)).isEqualTo(0x5F20);
    assertThat(memory.read8(OPERAND + 4))
        .as("one bit a register that is not empty")
        .isEqualTo(0xF0);
    assertThat(memory.read16(OPERAND + 6)).isEqualTo(0x5A6);
    assertThat(memory.read32(OPERAND + 8)).isEqualTo(0x12345);
    assertThat(memory.read32(OPERAND + 12)).isEqualTo(0x1B);
    assertThat(memory.read32(OPERAND + 16)).isEqualTo(0x6789A);
    assertThat(memory.read32(OPERAND + 20)).isEqualTo(0x23);
    assertThat(memory.read32(OPERAND + 24)).isEqualTo(0x1F80);
    assertThat(memory.read64(OPERAND + 48)).as("ST(1)").isEqualTo(Long.MIN_VALUE);
    assertThat(memory.read64(OPERAND + 56)).isEqualTo(0x3FFF);
    assertThat(memory.read64(OPERAND + 160 + 120)).isEqualTo(0x7777);
    assertThat(memory.read64(OPERAND + 160 + 128)).as("XMM8").isZero();
  }

  @Test
  void fxrstorBringsBackWhatFxsaveSaved() {
    knownEnvironment();
    cpu.cr4 |= CpuState.CR4_OSFXSR;
    cpu.xmm[3] = 42;
    run("0FAE02");
    run("DBE3");
    cpu.xmm[3] = 0;
    fpu.significand[7] = 0;
    run("0FAE0A");
    assertThat(fpu.controlWord).isEqualTo(0x0F7F);
    assertThat(fpu.statusWord).isEqualTo(0x4720);
    assertThat(fpu.top).isEqualTo(3);
    assertThat(fpu.empty).isEqualTo(0x0F);
    assertThat(fpu.opcode).isEqualTo(0x5A6);
    assertThat(fpu.operandSelector).isEqualTo(0x23);
    assertThat(fpu.significand[7]).isEqualTo(Long.MAX_VALUE);
    assertThat(cpu.xmm[3]).isEqualTo(42);
  }

  @Test
  void fxsaveLeavesXmmAloneWithoutTheSystemsConsent() {
    cpu.xmm[0] = 1;
    run("0FAE02");
    assertThat(memory.read64(OPERAND + 160)).isZero();
  }

  @Test
  void fxsaveWantsSixteenByteAlignmentAndFxrstorNoReservedBits() {
    cpu.gpr[CpuState.RDX] += 8;
    assertThat(fault("0FAE02")).isEqualTo(GuestFault.GP);
    assertThat(fault("0FAE0A")).isEqualTo(GuestFault.GP);
    cpu.gpr[CpuState.RDX] -= 8;
    cpu.cr4 |= CpuState.CR4_OSFXSR;
    memory.put32(OPERAND + 24, 0x1_1F80);
    assertThat(fault("0FAE0A")).isEqualTo(GuestFault.GP);
    assertThat(fpu.controlWord).isEqualTo(0x037F);
  }

  // MMX.

  @Test
  void mmxMakesAllRegistersValidAndEmmsEmptiesThem() {
    run("D9E8");
    run("0FEFC9"); // PXOR MM1,MM1
    assertThat(fpu.top).isZero();
    assertThat(fpu.empty).isZero();
    assertThat(fpu.significand[1]).isZero();
    assertThat(fpu.signExponent[1]).isEqualTo(0xFFFF);
    run("0F77");
    assertThat(fpu.empty).isEqualTo(0xFF);
  }

  @Test
  void aFaultingMmxLoadLeavesTheStackAlone() {
    run("D9E8");
    cpu.limit[CpuState.DS] = OPERAND;
    assertThat(fault("0F6F02")).isEqualTo(GuestFault.GP);
    assertThat(fault("0F7F02")).isEqualTo(GuestFault.GP);
    assertThat(fpu.top).isEqualTo(7);
    assertThat(fpu.empty).isEqualTo(0x7F);
  }
}
