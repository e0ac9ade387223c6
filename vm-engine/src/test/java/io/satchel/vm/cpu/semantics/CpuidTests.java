package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.RAX;
import static io.satchel.vm.cpu.CpuState.RBX;
import static io.satchel.vm.cpu.CpuState.RCX;
import static io.satchel.vm.cpu.CpuState.RDX;
import static io.satchel.vm.cpu.semantics.Bench.instruction;
import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.cpu.CpuState;
import org.junit.jupiter.api.Test;

class CpuidTests {

  private final CpuState cpu = new Bench().cpu;

  private long[] cpuid(int leaf) {
    cpu.gpr[RAX] = leaf;
    cpu.gpr[RCX] = 0;
    Cpuid.cpuid(cpu, instruction(4));
    return new long[] {cpu.gpr[RAX], cpu.gpr[RBX], cpu.gpr[RCX], cpu.gpr[RDX]};
  }

  @Test
  void leaf0HoldsTheHighestLeafAndTheVendor() {
    assertThat(cpuid(0)).containsExactly(0xD, 0x756E_6547L, 0x6C65_746EL, 0x4965_6E69L);
  }

  @Test
  void aDisabledApicIsNotReported() {
    assertThat(cpuid(1)[3] & 1 << 9).isNotZero();
    cpu.apicBase &= ~(1L << 11);
    assertThat(cpuid(1)[3] & 1 << 9).isZero();
  }

  @Test
  void osxsaveFollowsTheOperatingSystem() {
    assertThat(cpuid(1)[2] & 1 << 27).isZero();
    cpu.cr4 |= CpuState.CR4_OSXSAVE;
    assertThat(cpuid(1)[2] & 1 << 27).isNotZero();
  }

  @Test
  void syscallIsReportedToSixtyFourBitCodeOnly() {
    assertThat(cpuid(0x8000_0001)[3] & 1 << 11).isZero();
    cpu.efer |= CpuState.EFER_LMA;
    cpu.attributes[CpuState.CS] |= CpuState.ATTR_L;
    assertThat(cpuid(0x8000_0001)[3] & 1 << 11).isNotZero();
  }

  @Test
  void theSizeOfTheStateFollowsXcr0() {
    assertThat(cpuid(0xD)[1]).isEqualTo(576);
    cpu.xcr0 = 7;
    assertThat(cpuid(0xD)[1]).isEqualTo(832);
  }

  @Test
  void leafBSaysTheX2apicId() {
    cpu.apicId = 3;
    assertThat(cpuid(0xB)).containsExactly(0, 0, 0, 3);
  }
}
