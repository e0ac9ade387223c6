package io.satchel.vm.cpu.decode;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.semantics.Control;
import io.satchel.vm.cpu.semantics.Operands;

/** Seam until the system instructions are merged. */
public final class SystemRows {
  private SystemRows() {}

  public static void add(OpcodeMap map) {
    map.effect(0x0F20, "MOV Rd,Cd", SystemRows::read, OpcodeMap.Trait.CPL0)
        .effect(
            0x0F22,
            "MOV Cd,Rd",
            SystemRows::write,
            OpcodeMap.Trait.CPL0,
            OpcodeMap.Trait.ENDS_BLOCK)
        .effect(0xDB, "FNINIT /4 reg rm=3", Control::nop);
  }

  private static void read(CpuState cpu, Instruction i) {
    Operands.setRegister(
        cpu,
        i,
        i.rm,
        4,
        i.reg == 0 ? cpu.cr0 : i.reg == 2 ? cpu.cr2 : i.reg == 3 ? cpu.cr3 : cpu.cr4);
  }

  private static void write(CpuState cpu, Instruction i) {
    long value = cpu.gpr[i.rm] & 0xFFFF_FFFFL;
    switch (i.reg) {
      case 0 -> cpu.cr0 = value;
      case 3 -> cpu.cr3 = value;
      default -> cpu.cr4 = value;
    }
    cpu.mmu.flushAll();
  }
}
