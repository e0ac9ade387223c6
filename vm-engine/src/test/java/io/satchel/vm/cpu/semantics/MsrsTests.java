package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.CR4_PCE;
import static io.satchel.vm.cpu.CpuState.CR4_TSD;
import static io.satchel.vm.cpu.CpuState.RAX;
import static io.satchel.vm.cpu.CpuState.RCX;
import static io.satchel.vm.cpu.CpuState.RDX;
import static io.satchel.vm.cpu.semantics.Bench.instruction;
import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MsrsTests {

  private final Bench bench = new Bench();
  private final CpuState cpu = bench.cpu;

  private long read(int address) {
    cpu.gpr[RCX] = address & 0xFFFF_FFFFL;
    Msrs.rdmsr(cpu, instruction(4));
    return cpu.gpr[RDX] << 32 | cpu.gpr[RAX];
  }

  private void write(int address, long value) {
    cpu.gpr[RCX] = address & 0xFFFF_FFFFL;
    cpu.gpr[RAX] = value & 0xFFFF_FFFFL;
    cpu.gpr[RDX] = value >>> 32;
    Msrs.wrmsr(cpu, instruction(4));
  }

  @Test
  void anUnknownRegisterRaisesGp() {
    Bench.assertFault(() -> read(0x1234_5678), GuestFault.GP, 0);
    Bench.assertFault(() -> write(0x1234_5678, 0), GuestFault.GP, 0);
    Bench.assertFault(() -> read(0xC000_0090), GuestFault.GP, 0);
  }

  @ParameterizedTest
  @CsvSource({
    "0xFEE00800, 0xFEE00C00, true",
    "0xFEE00800, 0xFEE00000, true",
    "0xFEE00C00, 0xFEE00000, true",
    "0xFEE00C00, 0xFEE00800, false",
    "0xFEE00000, 0xFEE00C00, false",
    "0xFEE00800, 0xFEE00400, false",
    "0xFEE00800, 0xFEE00A00, false",
  })
  void theApicChangesItsModeOnlyOnTheManualsWays(String from, String to, boolean allowed) {
    cpu.apicBase = Long.decode(from);
    if (allowed) {
      write(0x1B, Long.decode(to));
      assertThat(read(0x1B)).isEqualTo(Long.decode(to));
    } else {
      Bench.assertFault(() -> write(0x1B, Long.decode(to)), GuestFault.GP, 0);
    }
  }

  @Test
  void theX2apicsRegistersAreThereInItsModeOnly() {
    Bench.assertFault(() -> read(0x802), GuestFault.GP, 0);
    cpu.apicBase |= 0xC00;
    // This processor has no APIC behind them.
    Bench.assertFault(() -> read(0x802), GuestFault.GP, 0);
    Bench.assertFault(() -> write(0x830, 0), GuestFault.GP, 0);
  }

  @ParameterizedTest
  @CsvSource({
    "0x174, 0x60",
    "0x175, 0xC0001000",
    "0x176, 0xC0100000",
    "0x200, 0xF0000006",
    "0x20F, 0xFF0000800",
    "0x250, 0x0606050504040100",
    "0x259, 0x0606050504040100",
    "0x268, 0x0606050504040100",
    "0x26F, 0x0505050505050505",
    "0x277, 0x0007010600070106",
    "0x2FF, 0xC06",
  })
  void aRegisterKeepsWhatIsWritten(String address, String value) {
    write(Integer.decode(address), Long.decode(value));
    assertThat(read(Integer.decode(address))).isEqualTo(Long.decode(value));
  }

  @Test
  void badMemoryTypesAreRefused() {
    Bench.assertFault(() -> write(0x277, 0x0007_0406_0007_0402L), GuestFault.GP, 0);
    Bench.assertFault(() -> write(0x250, 2), GuestFault.GP, 0);
    Bench.assertFault(() -> write(0x2FF, 0x1000), GuestFault.GP, 0);
    Bench.assertFault(() -> write(0x201, 1L << 40), GuestFault.GP, 0);
    assertThat(read(0x277)).isEqualTo(0x0007_0406_0007_0406L);
  }

  @Test
  void theApicBaseMovesAndTellsTheApic() {
    boolean[] told = {false};
    cpu.apicBaseChanged = () -> told[0] = true;
    write(0x1B, 0xFED0_0800L);
    assertThat(told[0]).isTrue();
    assertThat(read(0x1B)).as("the bootstrap bit is read-only").isEqualTo(0xFED0_0900L);
    Bench.assertFault(() -> write(0x1B, 1), GuestFault.GP, 0);
  }

  @Test
  void theTimeStampCounterAndItsAdjustmentMoveTogether() {
    long before = read(0x10);
    write(0x3B, 1000);
    assertThat(read(0x10)).isEqualTo(before + 1000);
    write(0x3B, 400);
    assertThat(read(0x10)).isEqualTo(before + 400);
    write(0x10, before);
    assertThat(read(0x3B)).isZero();
  }

  @Test
  void writingTheTimeStampCounterMovesIt() {
    cpu.tsc = () -> 1000;
    write(0x10, 0x1_0000_0005L);
    assertThat(cpu.tscOffset).isEqualTo(0x1_0000_0005L - 1000);
    Msrs.rdtsc(cpu, instruction(4));
    assertThat(cpu.gpr[RDX]).isEqualTo(1);
    assertThat(cpu.gpr[RAX]).isEqualTo(5);
  }

  @Test
  void rdtscCanBeKeptFromPrograms() {
    bench.level(3);
    Msrs.rdtsc(cpu, instruction(4));
    cpu.cr4 = CR4_TSD;
    Bench.assertFault(() -> Msrs.rdtsc(cpu, instruction(4)), GuestFault.GP, 0);
  }

  @Test
  void rdpmcNeedsPceOutsideLevel0AndAnExistingCounter() {
    Msrs.rdpmc(cpu, instruction(4));
    bench.level(3);
    Bench.assertFault(() -> Msrs.rdpmc(cpu, instruction(4)), GuestFault.GP, 0);
    cpu.cr4 = CR4_PCE;
    Msrs.rdpmc(cpu, instruction(4));
    cpu.gpr[RCX] = 2;
    Bench.assertFault(() -> Msrs.rdpmc(cpu, instruction(4)), GuestFault.GP, 0);
  }

  @Test
  void theMicrocodeRevisionIsInTheUpperHalf() {
    write(0x8B, 0);
    assertThat(read(0x8B)).isEqualTo(1L << 32);
  }

  @Test
  void a486HasNoPerformanceCounters() {
    Bench old = new Bench("486");
    Bench.assertFault(() -> Msrs.rdpmc(old.cpu, instruction(4)), GuestFault.UD, 0);
  }
}
