package io.satchel.vm.accel;

import static io.satchel.vm.cpu.CpuState.CF;
import static io.satchel.vm.cpu.CpuState.DS;
import static io.satchel.vm.cpu.CpuState.RAX;
import static io.satchel.vm.cpu.CpuState.RBX;
import static io.satchel.vm.cpu.CpuState.RCX;
import static io.satchel.vm.cpu.CpuState.RDI;
import static io.satchel.vm.cpu.CpuState.RDX;
import static io.satchel.vm.cpu.CpuState.RSI;
import static io.satchel.vm.cpu.CpuState.RSP;
import static io.satchel.vm.cpu.CpuState.ZF;
import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.accel.Accelerator.Exit;
import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.cpu.CpuState;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class TcgTests {

  private static final int START = 0x1000;

  private final BareMetal machine = new BareMetal(1 << 20);
  private final CpuState cpu = machine.cpu;

  @BeforeEach
  void stack() {
    cpu.gpr[RSP] = 0x8000;
    cpu.rip = START;
  }

  private Exit runToHalt(String code) {
    machine.code(START, code + " F4");
    return machine.tcg.run(1_000_000);
  }

  @Test
  void aLoopSumsAndHalts() {
    // mov ecx,100; xor eax,eax; l: add eax,ecx; dec ecx; jnz l
    assertThat(runToHalt("B9 64000000 31C0 01C8 49 75FB")).isEqualTo(Exit.HALTED);
    assertThat(cpu.gpr[RAX]).isEqualTo(5050);
    assertThat(cpu.instructions).isEqualTo(2 + 300 + 1);
    assertThat(cpu.rip).isEqualTo(START + 13);
  }

  @Test
  void theBudgetEndsARunAtTheSameInstructionEachTime() {
    machine.code(START, "40 43 4B 41 EBFA");
    assertThat(machine.tcg.run(1000)).isEqualTo(Exit.BUDGET);
    long first = cpu.instructions;
    assertThat(first).isBetween(1000L, 1005L);
    cpu.rip = START;
    cpu.instructions = 0;
    machine.tcg.run(1000);
    assertThat(cpu.instructions).isEqualTo(first);
  }

  @Test
  void aKickEndsARun() {
    machine.code(START, "EBFE");
    cpu.kick();
    assertThat(machine.tcg.run(1000)).isEqualTo(Exit.KICKED);
    assertThat(machine.tcg.run(1000)).isEqualTo(Exit.BUDGET);
  }

  @Test
  void flagsOfAComparisonReachBranchesSetAndPushes() {
    // mov eax,1; cmp eax,2; setb bl; pushf; pop edx
    runToHalt("B8 01000000 83F802 0F92C3 9C 5A");
    assertThat(cpu.gpr[RBX] & 0xFF).isOne();
    assertThat(cpu.gpr[RDX] & (CF | ZF)).isEqualTo(CF);
  }

  @Test
  void incKeepsTheCarryOfWhatCameBefore() {
    // mov eax,-1; add eax,1; inc eax; setc bl; setz bh
    runToHalt("B8 FFFFFFFF 83C001 40 0F92C3 0F94C7");
    assertThat(cpu.gpr[RBX] & 0xFFFF).isEqualTo(1);
  }

  @Test
  void incOfAByteKeepsTheRestOfTheRegisterAlsoWhenNobodyReadsItsFlags() {
    // mov eax,11FFh; inc al; add ebx,ebx
    runToHalt("B8 FF110000 FEC0 01DB");
    assertThat(cpu.gpr[RAX]).isEqualTo(0x1100);
  }

  @Test
  void aNotBetweenAByteAndItsConditionDoesNotChangeTheWidthThatCounts() {
    // mov al,40h; add al,al; not ebx; js +5: mov edx,1
    runToHalt("B0 40 00C0 F7D3 7805 BA 01000000");
    assertThat(cpu.gpr[RDX]).isNotEqualTo(1);
  }

  @Test
  void aStoreIntoTheNextInstructionIsSeenByIt() {
    // mov byte [imm of next + 0], 42h: mov eax, 11h
    runToHalt("C605 08100000 42 B8 11000000");
    assertThat(cpu.gpr[RAX]).isEqualTo(0x42);
  }

  @Test
  void aStoreIntoALoopThatRanBeforeIsSeen() {
    // xor esi,esi; again: mov eax,1; inc esi; mov [1003h+?],esi ; cmp esi,3; jb again
    // 1000 31F6; 1002 B8 01000000; 1007 46; 1008 8935 03100000; 100E 83FE03; 1011 72EF
    runToHalt("31F6 B8 01000000 46 8935 03100000 83FE03 72EF");
    assertThat(cpu.gpr[RAX]).isEqualTo(2);
    assertThat(cpu.gpr[RSI]).isEqualTo(3);
  }

  @Test
  void aRepeatedStoreOverCodeIsSeen() {
    // call 2000h; mov edi,2000h; mov ecx,4; mov eax,0C3424242h; rep stosd; call 2000h
    machine.code(0x2000, "41 C3");
    runToHalt("E8 FB0F0000 BF 00200000 B9 04000000 B8 424242C3 F3AB 31D2 E8 E30F0000");
    assertThat(cpu.gpr[RDX]).isEqualTo(3);
  }

  @Test
  void aBusMastersWriteOverCodeIsSeen() {
    machine.code(0x2000, "40 C3");
    machine.ports.map(
        0x50,
        1,
        1,
        "master",
        new IoHandler() {
          @Override
          public int read(int offset, int width) {
            return 0;
          }

          @Override
          public void write(int offset, int width, int value) {
            machine.code(0x2000, "48");
          }
        });
    // xor eax,eax; call 2000h; out 50h,al; call 2000h
    runToHalt("31C0 E8 F90F0000 E650 E8 F20F0000");
    assertThat(cpu.gpr[RAX]).isZero();
  }

  @Test
  void dataBesideCodeCanBeWrittenWithoutLosingTheCode() {
    // mov ecx,1000; l: add dword [1800h],3; dec ecx; jnz l
    runToHalt("B9 E8030000 8305 00180000 03 49 75F6");
    assertThat(machine.map.read(0x1800, 4)).isEqualTo(3000);
  }

  @Test
  void anInstructionAcrossAPageRuns() {
    cpu.rip = 0x1FFD;
    machine.code(0x1FFD, "B8 78563412 F4");
    assertThat(machine.tcg.run(10)).isEqualTo(Exit.HALTED);
    assertThat(cpu.gpr[RAX]).isEqualTo(0x1234_5678);
  }

  @Test
  void aStoreIntoTheSecondPageOfAnInstructionIsSeen() {
    // 1FFE: mov eax,1 (three bytes in the next page); ret
    machine.code(0x1FFE, "B8 01000000 C3");
    // call 1FFEh; mov byte [2001h],2; call 1FFEh
    runToHalt("E8 F90F0000 C605 01200000 02 E8 ED0F0000");
    assertThat(cpu.gpr[RAX]).isEqualTo(0x2_0001);
  }

  @Test
  void anInstructionAcrossPagesFollowsTheSecondPagesMapping() {
    machine.code(0x1FFE, "B8 01000000 C3");
    machine.code(0x3000, "00 0000 C3");
    machine.ports.map(
        0x50,
        1,
        1,
        "chipset",
        new IoHandler() {
          @Override
          public int read(int offset, int width) {
            return 0;
          }

          @Override
          public void write(int offset, int width, int value) {
            machine.code(0x3000, "55 6677 C3");
            machine.map.mapRead(0x2000, 0x1000, 0x3000);
          }
        });
    // call 1FFEh; out 50h,al; call 1FFEh
    runToHalt("E8 F90F0000 E650 E8 F20F0000");
    assertThat(cpu.gpr[RAX]).isEqualTo(0x7766_5501L);
  }

  @Test
  void codeOfADeviceRuns() {
    byte[] code = {(byte) 0xB8, 7, 0, 0, 0, 0x40, (byte) 0xF4};
    machine.map.mapDevice(
        0xF000_0000L,
        4096,
        "code",
        new IoHandler() {
          @Override
          public int read(int offset, int width) {
            return offset < code.length ? code[offset] : 0;
          }

          @Override
          public void write(int offset, int width, int value) {}
        });
    cpu.rip = 0xF000_0000L;
    assertThat(machine.tcg.run(10)).isEqualTo(Exit.HALTED);
    assertThat(cpu.gpr[RAX]).isEqualTo(8);
  }

  @Test
  void deviceMemoryIsReadAndWrittenOnceAnInstruction() {
    int[] accesses = {0, 0};
    machine.map.mapDevice(
        0xF000_0000L,
        4096,
        "device",
        new IoHandler() {
          @Override
          public int read(int offset, int width) {
            accesses[0]++;
            return 5;
          }

          @Override
          public void write(int offset, int width, int value) {
            accesses[1] = 100 * accesses[1] + value;
          }
        });
    // add dword [F0000000h],2; mov eax,[F0000000h]
    runToHalt("8305 000000F0 02 A1 000000F0");
    assertThat(accesses).containsExactly(2, 7);
    assertThat(cpu.gpr[RAX]).isEqualTo(5);
  }

  @Test
  void anInstructionBeyondFifteenBytesIsAGeneralProtectionFault() {
    machine.handlers();
    runToHalt("66".repeat(15) + "90");
    assertThat(cpu.rip).isEqualTo(0xA000 + 16 * 13 + 1);
  }

  @Test
  void lockOnARegisterFormIsUndefined() {
    machine.handlers();
    runToHalt("F0 01C0");
    assertThat(cpu.rip).isEqualTo(0xA000 + 16 * 6 + 1);
  }

  @Test
  void aFaultInTheMiddleOfABlockIsExact() {
    machine.handlers();
    cpu.limit[DS] = 0x7FFF;
    // mov eax,1; add eax,-1; mov ebx,[8000h]; mov eax,5
    runToHalt("B8 01000000 83C0FF 8B1D 00800000 B8 05000000");
    assertThat(cpu.rip).isEqualTo(0xA000 + 16 * 13 + 1);
    assertThat(cpu.gpr[RAX]).isZero();
    assertThat(machine.map.read(0x8000 - 12, 4)).as("EIP").isEqualTo(START + 8);
    assertThat(machine.map.read(0x8000 - 4, 4) & (CF | ZF)).as("flags").isEqualTo(CF | ZF);
  }

  @Test
  void singleStepTrapsAfterEachInstruction() {
    machine.handlers();
    // pushf; or dword [esp],100h; popf; inc eax; inc eax
    runToHalt("9C 810C24 00010000 9D 40 40");
    assertThat(cpu.rip).isEqualTo(0xA000 + 16 + 1);
    assertThat(cpu.gpr[RAX]).isOne();
    assertThat(cpu.dr[6] & 1 << 14).isNotZero();
  }

  @Test
  void noTrapComesBetweenIntAndItsHandler() {
    machine.handlers();
    // pushfd; or dword [esp],100h; popfd; int3
    runToHalt("9C 810C2400010000 9D CC");
    assertThat(cpu.rip).isEqualTo(0xA000 + 16 * 3 + 1);
  }

  @Test
  void anIntoWithoutOverflowIsStepped() {
    machine.handlers();
    // pushfd; or dword [esp],100h; popfd; into
    runToHalt("9C 810C2400010000 9D CE");
    assertThat(cpu.rip).isEqualTo(0xA000 + 16 + 1);
  }

  @Test
  void theTrapBehindALoadOfSsComesBehindTheNextInstruction() {
    machine.handlers();
    // mov eax,10h; pushfd; or dword [esp],100h; popfd; mov ss,ax; inc ebx; inc ebx
    runToHalt("B8 10000000 9C 810C2400010000 9D 8ED0 43 43");
    assertThat(cpu.rip).isEqualTo(0xA000 + 16 + 1);
    assertThat(cpu.gpr[RBX]).isOne();
    assertThat(cpu.dr[6] & 1 << 14).isNotZero();
  }

  @Test
  void anInstructionRunsWhenTheHandlerOfItsBreakpointReturns() {
    machine.handlers();
    // iretd
    machine.code(0xA010, "CF");
    cpu.dr[0] = START;
    cpu.dr[7] = 0x401;
    runToHalt("43");
    assertThat(cpu.rip).isEqualTo(START + 2);
    assertThat(cpu.gpr[RBX]).isOne();
    assertThat(cpu.dr[6] & 0xF).isOne();
  }

  @Test
  void anInstructionBreakpointFaultsBeforeTheInstruction() {
    machine.handlers();
    cpu.dr[0] = START + 1;
    cpu.dr[7] |= 1;
    runToHalt("40 40");
    assertThat(cpu.rip).isEqualTo(0xA000 + 16 + 1);
    assertThat(cpu.gpr[RAX]).isOne();
    assertThat(cpu.dr[6] & 0xF).isOne();
  }

  @Test
  void aDataBreakpointTrapsAfterTheStore() {
    machine.handlers();
    cpu.dr[1] = 0x3004;
    // Enable 1, write, 4 bytes.
    cpu.dr[7] |= 1 << 2 | 1 << 20 | 3 << 22;
    // mov [3000h],eax; mov eax,[3004h]; mov [3006h],al; inc eax
    runToHalt("A3 00300000 A1 04300000 A2 06300000 40");
    assertThat(cpu.rip).isEqualTo(0xA000 + 16 + 1);
    assertThat(machine.map.read(0x8000 - 12, 4)).as("EIP").isEqualTo(START + 15);
    assertThat(cpu.dr[6] & 0xF).isEqualTo(2);
  }

  @Test
  void aPendingInterruptWaitsForOneInstructionAfterSti() {
    machine.handlers();
    cpu.interruptController = () -> 20;
    cpu.setIntr(true);
    // nop; sti; inc eax; inc eax
    runToHalt("90 FB 40 40");
    assertThat(cpu.gpr[RAX]).isOne();
    assertThat(cpu.rip).isEqualTo(0xA000 + 16 * 20 + 1);
  }

  @Test
  void aRepeatedMoveIsInterruptedBetweenIterationsAndGoesOn() {
    machine.handlers();
    machine.code(0xA000 + 16 * 20, "CF");
    cpu.interruptController =
        () -> {
          cpu.setIntr(false);
          return 20;
        };
    machine.ports.map(
        0x50,
        1,
        1,
        "requests",
        new IoHandler() {
          @Override
          public int read(int offset, int width) {
            cpu.setIntr(true);
            return 1;
          }

          @Override
          public void write(int offset, int width, int value) {}
        });
    // sti; mov ecx,20; mov edi,3000h; mov edx,50h; rep insb
    runToHalt("FB B9 14000000 BF 00300000 BA 50000000 F36C");
    assertThat(cpu.gpr[RCX]).isZero();
    assertThat(cpu.gpr[RDI]).isEqualTo(0x3014);
    assertThat(machine.map.read(0x3013, 1)).isOne();
  }

  @Test
  void sixteenBitCodeUsesItsSegments() {
    cpu.reset(cpu.model.signature());
    cpu.base[CpuState.CS] = 0x1000;
    cpu.selector[CpuState.CS] = 0x100;
    cpu.rip = 0;
    cpu.base[CpuState.SS] = 0x2000;
    cpu.selector[CpuState.SS] = 0x200;
    cpu.gpr[RSP] = 0x100;
    // mov ax,300h; mov ds,ax; mov bx,10h; mov word [bx+2],1234h; push word [bx+2]; pop cx; hlt
    machine.code(0x1000, "B80003 8ED8 BB1000 C747023412 FF7702 59 F4");
    assertThat(machine.tcg.run(100)).isEqualTo(Exit.HALTED);
    assertThat(machine.map.read(0x3012, 2)).isEqualTo(0x1234);
    assertThat(machine.map.read(0x20FE, 2)).isEqualTo(0x1234);
    assertThat(cpu.gpr[RCX]).isEqualTo(0x1234);
    assertThat(cpu.gpr[RSP]).isEqualTo(0x100);
  }

  @Test
  void aFetchBeyondTheCodeLimitFaults() {
    machine.handlers();
    cpu.limit[CpuState.CS] = START + 2;
    cpu.gdtrLimit = 0x17;
    machine.code(START, "40 40 40 40 F4");
    machine.tcg.run(100);
    assertThat(cpu.gpr[RAX]).isEqualTo(3);
    assertThat(cpu.rip).isEqualTo(0xA000 + 16 * 13 + 1);
  }

  @Test
  void aTripleFaultIsReportedWithItsPlace() {
    cpu.idtrLimit = 0;
    assertThat(runToHalt("40 0F0B")).isEqualTo(Exit.SHUTDOWN);
    assertThat(cpu.shutdownRip).isEqualTo(START + 1);
  }

  @Test
  void remappingMemoryUnderRunningCodeIsSeen() {
    machine.code(0x2000, "B8 01000000 C3");
    machine.code(0x3000, "B8 02000000 C3");
    machine.ports.map(
        0x50,
        1,
        1,
        "chipset",
        new IoHandler() {
          @Override
          public int read(int offset, int width) {
            return 0;
          }

          @Override
          public void write(int offset, int width, int value) {
            machine.map.mapRead(0x2000, 0x1000, 0x3000);
          }
        });
    // call 2000h; out 50h,al; call 2000h
    runToHalt("E8 FB0F0000 E650 E8 F40F0000");
    assertThat(cpu.gpr[RAX]).isEqualTo(2);
  }
}
