package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.RAX;
import static io.satchel.vm.cpu.CpuState.RBX;
import static io.satchel.vm.cpu.CpuState.RCX;
import static io.satchel.vm.cpu.CpuState.RDX;

import io.satchel.vm.cpu.CpuModel;
import io.satchel.vm.cpu.CpuModel.Feature;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.decode.Instruction;

/** CPUID: the model's answer, with what of it follows the processor's state (SDM volume 2). */
public final class Cpuid {

  private static final long APIC_BASE_ENABLE = 1 << 11;
  private static final int APIC = 1 << 9;
  private static final int OSXSAVE = 1 << 27;
  private static final int SYSCALL = 1 << 11;
  private static final int AVX = 1 << 2;

  /** The legacy area and the header of XSAVE's image, and with the upper halves of YMM. */
  private static final int XSAVE_SIZE = 576;

  private static final int XSAVE_SIZE_AVX = 832;

  private Cpuid() {}

  /** CPUID. */
  public static void cpuid(CpuState cpu, Instruction i) {
    int number = (int) cpu.gpr[RAX];
    int subleaf = (int) cpu.gpr[RCX];
    CpuModel.Leaf leaf = cpu.model.cpuid(number, subleaf);
    int ebx = leaf.ebx();
    int ecx = leaf.ecx();
    int edx = leaf.edx();
    switch (number) {
      case 1 -> {
        ebx |= cpu.apicId << 24;
        ecx |= (cpu.cr4 & CpuState.CR4_OSXSAVE) != 0 ? OSXSAVE : 0;
        edx &= (cpu.apicBase & APIC_BASE_ENABLE) != 0 ? -1 : ~APIC;
      }
      case 0xB -> {
        // No level is described, but the x2APIC ID stands beside each.
        if (cpu.model.has(Feature.X2APIC) && cpu.model.maxLevel() >= number) {
          ecx = subleaf & 0xFF;
          edx = cpu.apicId;
        }
      }
      case 0xD -> {
        // The size for what is enabled; subleaf 1 of the compacted form, which has no gaps to save.
        if (subleaf <= 1 && subleaf >= 0 && ebx != 0) {
          ebx = (cpu.xcr0 & AVX) != 0 ? XSAVE_SIZE_AVX : XSAVE_SIZE;
        }
      }
      // SYSCALL is one of 64-bit code only.
      case 0x8000_0001 -> edx &= cpu.code64() ? -1 : ~SYSCALL;
      default -> {}
    }
    cpu.gpr[RAX] = Integer.toUnsignedLong(leaf.eax());
    cpu.gpr[RBX] = Integer.toUnsignedLong(ebx);
    cpu.gpr[RCX] = Integer.toUnsignedLong(ecx);
    cpu.gpr[RDX] = Integer.toUnsignedLong(edx);
  }
}
