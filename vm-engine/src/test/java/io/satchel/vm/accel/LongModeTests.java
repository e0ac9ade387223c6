package io.satchel.vm.accel;

import static io.satchel.vm.cpu.CpuState.CR4_SMAP;
import static io.satchel.vm.cpu.CpuState.CR4_SMEP;
import static io.satchel.vm.cpu.CpuState.CR4_UMIP;
import static io.satchel.vm.cpu.CpuState.CS;
import static io.satchel.vm.cpu.CpuState.RAX;
import static io.satchel.vm.cpu.CpuState.RBX;
import static io.satchel.vm.cpu.CpuState.RCX;
import static io.satchel.vm.cpu.CpuState.RDX;
import static io.satchel.vm.cpu.CpuState.RSP;
import static io.satchel.vm.cpu.CpuState.SS;
import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.accel.Accelerator.Exit;
import io.satchel.vm.cpu.CpuState;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * 64-bit code on 4-level page tables: the first megabyte is the supervisor's at its own address,
 * and the user's at 40_0000_0000h; an IDT whose handlers halt.
 */
class LongModeTests {

  private static final long USER = 0x40_0000_0000L;
  private static final int START = 0x1000;
  private static final int GDT = BareMetal.LONG_GDT;
  private static final int TSS = BareMetal.LONG_TSS;
  private static final int R8 = 8;
  private static final int R11 = 11;

  private final BareMetal machine = new BareMetal(1 << 20);
  private final CpuState cpu = machine.cpu;

  @BeforeEach
  void longMode() {
    machine.longMode();
    cpu.gpr[RSP] = 0x8000;
    cpu.rip = START;
  }

  private Exit runToHalt(String code) {
    machine.code(START, code + " F4");
    return machine.tcg.run(1_000_000);
  }

  private void assertHandled(int vector) {
    assertThat(cpu.halted).isTrue();
    assertThat(cpu.rip).isEqualTo(0xA000 + 16 * vector + 1);
  }

  /** User code, at its page of {@link #START}. */
  private void user() {
    cpu.selector[CS] = 0x2B;
    cpu.attributes[CS] = 0xA0FB;
    cpu.selector[SS] = 0x23;
    cpu.attributes[SS] = 0xC0F3;
    cpu.cpl = 3;
    cpu.rip = USER + START;
    cpu.gpr[RSP] = USER + 0x8000;
  }

  @Test
  void aLoopOn64BitRegistersSums() {
    // mov r8,100; xor eax,eax; l: add rax,r8; dec r8; jnz l
    assertThat(runToHalt("49C7C0 64000000 31C0 4C01C0 49FFC8 75F8")).isEqualTo(Exit.HALTED);
    assertThat(cpu.gpr[RAX]).isEqualTo(5050);
  }

  @Test
  void a32BitResultClearsTheUpperHalf() {
    cpu.gpr[RAX] = cpu.gpr[RBX] = cpu.gpr[RCX] = cpu.gpr[RDX] = -1;
    // xor eax,edx (not itself); cmovb ebx,eax with CF clear; shl ecx,0; mov r8d,edx
    runToHalt("31D0 0F42D8 C1E100 4189D0");
    assertThat(cpu.gpr[RAX]).isZero();
    assertThat(cpu.gpr[RBX]).isEqualTo(0xFFFF_FFFFL);
    assertThat(cpu.gpr[RCX]).isEqualTo(0xFFFF_FFFFL);
    assertThat(cpu.gpr[R8]).isEqualTo(0xFFFF_FFFFL);
  }

  @Test
  void addressesAreRelativeToTheNextInstruction() {
    machine.map.write(0x2000, 8, 0x1122_3344_5566_7788L);
    // mov rax,[rip+0FF9h]; lea rbx,[rip+0FF2h]; cmp dword [rip+0FE8h],55667788h; sete cl
    runToHalt("488B05 F90F0000 488D1D F20F0000 813D E80F0000 88776655 0F94C1");
    assertThat(cpu.gpr[RAX]).isEqualTo(0x1122_3344_5566_7788L);
    assertThat(cpu.gpr[RBX]).isEqualTo(0x2000);
    assertThat(cpu.gpr[RCX] & 0xFF).isOne();
  }

  @Test
  void callsPushesAndPopsMove64Bits() {
    cpu.gpr[RBX] = 0x1234_5678_9ABC_DEF0L;
    // push rbx; push -2; call +1; hlt; pop rcx; pop rdx; pop rax
    runToHalt("53 6AFE E801000000 F4 59 5A 58");
    assertThat(cpu.gpr[RCX]).isEqualTo(START + 8);
    assertThat(cpu.gpr[RDX]).isEqualTo(-2);
    assertThat(cpu.gpr[RAX]).isEqualTo(0x1234_5678_9ABC_DEF0L);
    assertThat(cpu.gpr[RSP]).isEqualTo(0x8000);
  }

  @Test
  void anAddressThatIsNotCanonicalIsAFault() {
    cpu.gpr[RBX] = 0x8000_0000_0000L;
    // mov eax,[rbx]
    runToHalt("8B03");
    assertHandled(13);
    assertThat(machine.map.read(0x7FD0, 8)).isZero();
    assertThat(machine.map.read(0x7FD8, 8)).isEqualTo(START);
  }

  @Test
  void aStackThatIsNotCanonicalIsAStackFaultOnTheTablesStack() {
    machine.map.write(0x9004 + 16 * 12, 2, 0x8E01);
    cpu.gpr[RSP] = 0x8000_0000_0000L;
    // pop rax
    runToHalt("58");
    assertHandled(12);
    // IST1, rounded down to 16 bytes, less five words and the error code.
    assertThat(cpu.gpr[RSP]).isEqualTo(0x6000 - 48);
  }

  @Test
  void aReturnToNoCanonicalAddressFaultsAtTheReturn() {
    machine.map.write(0x8000, 8, 0x9000_0000_0000_0000L);
    // nop; ret
    runToHalt("90 C3");
    assertHandled(13);
    assertThat(machine.map.read(0x7FD8, 8)).isEqualTo(START + 1);
    assertThat(machine.map.read(0x7FF0, 8)).isEqualTo(0x8000);
  }

  @Test
  void syscallGoesToTheSupervisorAndSysretBack() {
    cpu.star = 0x0018_0008_0000_0000L;
    cpu.lstar = 0x3000;
    cpu.syscallMask = CpuState.IF;
    user();
    cpu.setRflags(CpuState.IF | CpuState.CF, CpuState.IF | CpuState.CF);
    // mov ebx,cs; sysretq
    machine.code(0x3000, "8CCB 480F07");
    // syscall; mov edx,cs; ud2
    machine.code(START, "0F05 8CCA 0F0B");
    machine.tcg.run(100);
    assertHandled(6);
    assertThat(cpu.gpr[RBX]).isEqualTo(8);
    assertThat(cpu.gpr[RDX]).isEqualTo(0x2B);
    assertThat(cpu.gpr[RCX]).isEqualTo(USER + START + 2);
    assertThat(cpu.gpr[R11]).isEqualTo(0x203);
    // The exception came from level 3 by the TSS's RSP0.
    assertThat(cpu.gpr[RSP]).isEqualTo(0x7000 - 40);
    assertThat(machine.map.read(0x7000 - 32, 8)).isEqualTo(0x2B);
  }

  @Test
  void syscallNeedsItsEnable() {
    cpu.efer &= ~CpuState.EFER_SCE;
    runToHalt("0F05");
    assertHandled(6);
  }

  @Test
  void swapgsExchangesTheBases() {
    cpu.base[CpuState.GS] = 0x2000;
    cpu.kernelGsBase = 0x3000;
    machine.map.write(0x2010, 4, 1);
    machine.map.write(0x3010, 4, 2);
    // mov eax,gs:[10h]; swapgs; mov ebx,gs:[10h]
    runToHalt("658B042510000000 0F01F8 658B1C2510000000");
    assertThat(cpu.gpr[RAX]).isOne();
    assertThat(cpu.gpr[RBX]).isEqualTo(2);
  }

  @Test
  void basesAreReadAndWrittenUnderTheirEnable() {
    cpu.gpr[RAX] = 0x1234_5678_0000L;
    runToHalt("F3480FAED0");
    assertHandled(6);
    longMode();
    cpu.halted = false;
    cpu.cr4 |= CpuState.CR4_FSGSBASE;
    // wrfsbase rax; rdfsbase ebx
    runToHalt("F3480FAED0 F30FAEC3");
    assertThat(cpu.base[CpuState.FS]).isEqualTo(0x1234_5678_0000L);
    assertThat(cpu.gpr[RBX]).isEqualTo(0x5678_0000L);
  }

  @Test
  void pagesThatMayNotBeExecutedAreNot() {
    machine.map.write(0x83000 + 8 * 2, 8, 1L << 63 | 0x2003);
    // mov eax,2000h; jmp rax
    runToHalt("B800200000 FFE0");
    assertHandled(14);
    assertThat(machine.map.read(cpu.gpr[RSP], 8)).isEqualTo(0x11);
    assertThat(cpu.cr2).isEqualTo(0x2000);
  }

  @Test
  void smapKeepsTheSupervisorFromUserPagesUnlessAcIsSet() {
    cpu.cr4 |= CR4_SMAP;
    cpu.gpr[RBX] = USER + 0x2000;
    machine.map.write(0x2000, 4, 7);
    // stac; mov eax,[rbx]; clac; mov ecx,[rbx]
    runToHalt("0F01CB 8B03 0F01CA 8B0B");
    assertHandled(14);
    assertThat(cpu.gpr[RAX]).isEqualTo(7);
    assertThat(machine.map.read(cpu.gpr[RSP], 8)).isOne();
    assertThat(machine.map.read(cpu.gpr[RSP] + 8, 8)).isEqualTo(START + 8);
  }

  @Test
  void smepKeepsTheSupervisorFromUserCode() {
    cpu.cr4 |= CR4_SMEP;
    cpu.gpr[RBX] = USER + 0x2000;
    // jmp rbx
    runToHalt("FFE3");
    assertHandled(14);
    assertThat(machine.map.read(cpu.gpr[RSP], 8)).isEqualTo(0x11);
  }

  @Test
  void umipHidesTheTablesFromTheUser() {
    cpu.cr4 |= CR4_UMIP;
    user();
    // sgdt [rsp]
    runToHalt("0F010424");
    assertHandled(13);
  }

  @Test
  void compatibilityCodeRunsWith32BitAddresses() {
    cpu.attributes[CS] = 0xC09B;
    cpu.gpr[RBX] = 0xFFFF_FFFF_0000_2000L;
    machine.map.write(0x2000, 4, 5);
    // mov eax,[ebx]; inc eax; dec (40h and 48h are no REX here)
    runToHalt("8B03 40 40 48");
    assertThat(cpu.gpr[RAX]).isEqualTo(6);
  }

  @Test
  void theTaskPriorityIsTheFirstApics() {
    // mov rax,cr8: an APIC that is not there has priority 0; mov cr8,rbx with 16: #GP
    cpu.gpr[RBX] = 16;
    runToHalt("440F20C0 440F22C3");
    assertThat(cpu.gpr[RAX]).isZero();
    assertHandled(13);
  }

  @Test
  void theStateIsSavedByComponents() {
    cpu.cr4 |= CpuState.CR4_OSXSAVE;
    cpu.xcr0 = 3;
    cpu.xmm[4] = 0x1122_3344_5566_7788L;
    cpu.gpr[RAX] = 2;
    // xsave [2000h]; xgetbv after xor ecx,ecx
    runToHalt("0FAE242500200000 31C9 0F01D0");
    assertThat(machine.map.read(0x2000 + 160 + 32, 8)).isEqualTo(0x1122_3344_5566_7788L);
    assertThat(machine.map.read(0x2000 + 512, 8)).isEqualTo(2);
    assertThat(cpu.gpr[RAX]).isEqualTo(3);
    longMode();
    cpu.halted = false;
    cpu.cr4 |= CpuState.CR4_OSXSAVE;
    cpu.xmm[4] = 0;
    cpu.gpr[RAX] = 2;
    cpu.gpr[RDX] = 0;
    // xrstor [2000h]
    runToHalt("0FAE2C2500200000");
    assertThat(cpu.xmm[4]).isEqualTo(0x1122_3344_5566_7788L);
  }
}
