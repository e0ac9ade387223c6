package io.satchel.vm.accel;

import static io.satchel.vm.cpu.CpuState.RAX;
import static io.satchel.vm.cpu.CpuState.RBX;
import static io.satchel.vm.cpu.CpuState.RCX;
import static io.satchel.vm.cpu.CpuState.RSP;
import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.accel.Accelerator.Exit;
import io.satchel.vm.cpu.CpuState;
import java.lang.management.ClassLoadingMXBean;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Compiled regions: when they are entered, left and thrown away. */
class TranslatorTests {

  private static final int START = 0x1000;

  private final BareMetal machine = new BareMetal(1 << 20, 4);
  private final CpuState cpu = machine.cpu;

  private Exit run(String code) {
    machine.code(START, code + " F4");
    return again();
  }

  private Exit again() {
    return run(START);
  }

  private Exit run(int place) {
    cpu.halted = false;
    cpu.gpr[RSP] = 0x8000;
    cpu.rip = place;
    return machine.tcg.run(1_000_000);
  }

  /** mov ecx,1000; l: the body; dec ecx; jnz l. */
  private static String loop(String body) {
    int length = body.replace(" ", "").length() / 2;
    int back = -(length + 1 + 6);
    return "B9 E8030000" + body + "49 0F85" + "%08x".formatted(Integer.reverseBytes(back));
  }

  @Test
  void aHotLoopRunsInARegion() {
    assertThat(run("31C0" + loop("01C8"))).isEqualTo(Exit.HALTED);
    assertThat(cpu.gpr[RAX]).isEqualTo(500_500);
    assertThat(machine.tcg.statistics().instructions).isGreaterThan(2_900);
    assertThat(cpu.instructions).isEqualTo(2 + 3_000 + 1);
  }

  @Test
  void calledFunctionsArePartOfTheRegion() {
    machine.code(0x2000, "E8 FB0F0000 C3");
    machine.code(0x3000, "01C8 C3");
    // call 2000h, which calls 3000h
    run("31C0" + loop("E8 F40F0000"));
    assertThat(cpu.gpr[RAX]).isEqualTo(500_500);
    assertThat(cpu.gpr[RSP]).isEqualTo(0x8000);
    assertThat(machine.tcg.statistics().chained).isLessThan(10);
  }

  @Test
  void aRunEndsAtTheSameInstructionInterpretedOrTranslated() {
    BareMetal interpreted = new BareMetal(1 << 20, 0);
    // A long stretch without a jump, a short loop and a conditional jump.
    String code = "B9 05000000 49 75FD" + "40".repeat(120) + "F6C320 7402 4343 43 EB80";
    code = code.substring(0, code.length() - 4) + "E9" + "6DFFFFFF";
    machine.code(START, code);
    interpreted.code(START, code);
    machine.cpu.rip = START;
    interpreted.cpu.rip = START;
    for (int n = 1; n < 400; n++) {
      assertThat(machine.tcg.run(7L * n)).isEqualTo(Exit.BUDGET);
      interpreted.tcg.run(7L * n);
      assertThat(machine.cpu.instructions).as("run %d", n).isEqualTo(interpreted.cpu.instructions);
      assertThat(machine.cpu.rip).as("run %d", n).isEqualTo(interpreted.cpu.rip);
    }
    assertThat(machine.tcg.statistics().instructions).isGreaterThan(10_000);
  }

  @Test
  @Timeout(20)
  void aKickFromAnotherThreadEndsALoopThatRunsForEver() throws InterruptedException {
    machine.code(START, "EBFE");
    cpu.rip = START;
    machine.tcg.run(10_000);
    Thread kicker =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    Thread.sleep(100);
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                  cpu.kick();
                });
    assertThat(machine.tcg.run(Long.MAX_VALUE / 2)).isEqualTo(Exit.KICKED);
    kicker.join();
    assertThat(machine.tcg.statistics().instructions).isGreaterThan(100_000);
  }

  @Test
  void aStoreIntoARegionIsSeen() {
    String body = loop("83C001");
    run("31C0" + body);
    assertThat(cpu.gpr[RAX]).isEqualTo(1000);
    // mov byte [1009h],5: the immediate of the addition
    machine.code(0x4000, "C605 09100000 05 F4");
    cpu.halted = false;
    cpu.rip = 0x4000;
    machine.tcg.run(100);
    again();
    assertThat(cpu.gpr[RAX]).isEqualTo(5000);
    assertThat(machine.tcg.statistics().invalidated).isPositive();
  }

  @Test
  void aRegionThatRewritesItselfMakesProgress() {
    // add eax,imm8, whose immediate is the loop's counter: mov [100Ch],cl before it
    run("31C0" + loop("880D 0F100000 83C001"));
    long expected = 0;
    for (int n = 1000; n > 0; n--) {
      expected += (byte) n;
    }
    assertThat((int) cpu.gpr[RAX]).isEqualTo((int) expected);
  }

  @Test
  void codeThatKeepsBeingRewrittenIsLeftToTheInterpreter() {
    // mov ecx,200; l: mov [1014h],cl; mov edx,100; m: add eax,imm8; dec edx; jnz m; dec ecx; jnz l
    run("31C0 B9 C8000000 880D 14100000 BA 64000000 83C001 4A 75FA 49 75EC");
    long expected = 0;
    for (int n = 200; n > 0; n--) {
      expected += 100 * (byte) n;
    }
    assertThat((int) cpu.gpr[RAX]).isEqualTo((int) expected);
    // Each of the 200 versions gets hot.
    assertThat(machine.tcg.statistics().scanned).isBetween(3L, 30L);
    assertThat(machine.tcg.statistics().waited).isPositive();
  }

  @Test
  void aWriteByDmaIsSeen() {
    run("31C0" + loop("83C001"));
    machine.map.write(0x1009, new byte[] {3}, 0, 1);
    again();
    assertThat(cpu.gpr[RAX]).isEqualTo(3000);
  }

  @Test
  void aPageThatIsMappedElsewhereIsSeen() {
    // Linear 0 to 4 MiB, one to one, by a table at 11000h; the code's page then at 5000h.
    for (int n = 0; n < 256; n++) {
      machine.map.write(0x11000 + 4 * n, 4, n << 12 | 3);
    }
    machine.map.write(0x10000, 4, 0x11003);
    cpu.cr3 = 0x10000;
    cpu.cr0 |= CpuState.CR0_PG;
    machine.code(0x5000, "31C0" + loop("83C007") + "F4");
    run("31C0" + loop("83C001"));
    assertThat(cpu.gpr[RAX]).isEqualTo(1000);
    machine.map.write(0x11000 + 4, 4, 0x5003);
    cpu.mmu.flushPage(START);
    again();
    assertThat(cpu.gpr[RAX]).isEqualTo(7000);
  }

  @Test
  void aFaultInARegionFindsTheStateOfItsInstruction() {
    machine.handlers();
    // div by the counter less 500, then inc ebx: #DE in the 501st round
    machine.code(START, "31DB" + loop("31D2 B8 01000000 8DB1 0CFEFFFF F7F6 43") + "F4");
    again();
    assertThat(cpu.rip).isEqualTo(0xA000 + 1);
    assertThat(cpu.gpr[RCX]).isEqualTo(500);
    assertThat(cpu.gpr[RBX]).isEqualTo(500);
    assertThat(machine.map.read(cpu.gpr[RSP], 4)).isEqualTo(START + 2 + 5 + 2 + 5 + 6);
  }

  @Test
  void aSiteWhosePagesDisplaceEachOtherInTheSoftTlbStaysPlainMemory() {
    BareMetal wide = new BareMetal(16 << 20, 4);
    // Two pages, as far apart as the soft TLB is wide: each read misses.
    wide.code(START, loop("8B15 00002000 8B1D 00006000") + " F4");
    wide.cpu.rip = START;
    assertThat(wide.tcg.run(1_000_000)).isEqualTo(Exit.HALTED);
    assertThat(wide.tcg.statistics().missed).isGreaterThan(500);
    assertThat(wide.tcg.statistics().slowSites).isZero();
  }

  @Test
  void aSiteThatAlwaysReachesADeviceIsMadeACall() {
    // Beyond the memory there is nothing that the soft TLB could hold.
    run(loop("8B15 00003000"));
    assertThat(machine.tcg.statistics().slowSites).isEqualTo(1);
    assertThat(machine.tcg.statistics().missed).isLessThan(300);
  }

  @Test
  void noMethodIsLongerThanHotSpotCompiles() {
    // 118 times fld dword [9000h] or fstp st: effects, each with a spill
    run("31C0" + loop("D905 00900000 DDD8".repeat(59)));
    assertThat(machine.tcg.statistics().tooLong).isPositive();
    assertThat(machine.tcg.statistics().instructions).isPositive();
    assertThat(machine.tcg.statistics().longest).isBetween(1, 7999);
  }

  @Test
  void droppedRegionsLeaveNoClasses() {
    ClassLoadingMXBean classes = ManagementFactory.getClassLoadingMXBean();
    long before = classes.getUnloadedClassCount();
    // Each write drops what is translated in the page.
    for (int n = 0; n < 300; n++) {
      int place = 0x10000 + 0x40 * n;
      machine.code(place, "31C0" + loop("83C001") + "F4");
      run(place);
    }
    assertThat(machine.tcg.statistics().invalidated).isGreaterThan(250);
    for (int n = 0; n < 20 && classes.getUnloadedClassCount() < before + 250; n++) {
      System.gc();
    }
    assertThat(classes.getUnloadedClassCount()).isGreaterThanOrEqualTo(before + 250);
  }

  @Test
  void aCallThatHasToBeMadeAgainBeginsAtTheCall() {
    machine.code(0x20000, "01000000");
    machine.code(0x2000, "C3");
    // The stack lies in the page of the code: the region leaves pushes there to the interpreter.
    run("BC 001F0000 B8 00200000 31D2" + loop("031D 00000200 42 FFD0"));
    assertThat(cpu.gpr[CpuState.RDX]).isEqualTo(1000);
    assertThat(machine.tcg.statistics().missed).isPositive();
  }

  @Test
  void bitScansWithARepeatPrefixAreOtherInstructions() {
    // tzcnt ebx,edx: 32 for 0
    run("31D2" + loop("31DB F30FBCDA"));
    assertThat(cpu.gpr[RBX]).isEqualTo(32);
    assertThat(machine.tcg.statistics().instructions).isGreaterThan(2_900);
  }

  // 64-bit code. mov ecx,1000; l: the body; dec ecx; jnz l.
  private Exit wide(long base, String body) {
    int length = body.replace(" ", "").length() / 2;
    String back = "%08x".formatted(Integer.reverseBytes(-(length + 2 + 6)));
    machine.code(START, "B9 E8030000" + body + "FFC9 0F85" + back + "F4");
    return wideAgain(base);
  }

  private Exit wideAgain(long base) {
    cpu.halted = false;
    cpu.gpr[RSP] = 0x8000;
    cpu.rip = base + START;
    return machine.tcg.run(1_000_000);
  }

  @Test
  void codeThatIsMappedTwiceKnowsWhereItRuns() {
    machine.longMode();
    // lea rax,[rip]
    String body = "488D0500000000";
    wide(0, body);
    for (long base : new long[] {0, RandomCode.HIGH, 0, RandomCode.HIGH}) {
      assertThat(wideAgain(base)).isEqualTo(Exit.HALTED);
      assertThat(cpu.gpr[RAX]).isEqualTo(base + START + 12);
    }
    assertThat(machine.tcg.statistics().instructions).isGreaterThan(10_000);
  }

  @Test
  void aMovedSegmentBaseCountsAtOnce() {
    machine.longMode();
    cpu.cr4 |= CpuState.CR4_FSGSBASE;
    machine.code(0x20000, "01");
    machine.code(0x20100, "02");
    cpu.gpr[RBX] = 0x20000;
    // wrfsbase rbx; mov rax,fs:[0]; add rdx,rax; xor rbx,100h
    cpu.gpr[CpuState.RDX] = 0;
    wide(0, "F3480FAED3 64488B042500000000 4801C2 4881F300010000");
    assertThat(cpu.gpr[CpuState.RDX]).isEqualTo(1500);
    assertThat(machine.tcg.statistics().instructions).isGreaterThan(5_000);
  }

  @Test
  void whatSmapForbidsIsForbiddenToRegions() {
    machine.longMode();
    cpu.cr4 |= CpuState.CR4_SMAP;
    machine.code(0x20000, "01");
    cpu.gpr[RBX] = 0x40_0002_0000L;
    cpu.gpr[CpuState.RDX] = 0;
    // stac; add rdx,[rbx]; mov eax,edx; clac
    wide(0, "0F01CB 480313 89D0 0F01CA");
    assertThat(cpu.gpr[CpuState.RDX]).isEqualTo(1000);
    // cmp ecx,500; jne +3; clac; add rdx,[rbx]: at half the way without AC
    cpu.gpr[CpuState.RDX] = 0;
    cpu.systemFlags |= CpuState.AC;
    wide(0, "81F9F4010000 7503 0F01CA 480313");
    assertThat(cpu.gpr[CpuState.RDX]).isEqualTo(500);
    assertThat(cpu.rip).isEqualTo(0xA000 + 16 * 14 + 1);
    assertThat(cpu.cr2).isEqualTo(0x40_0002_0000L);
  }
}
