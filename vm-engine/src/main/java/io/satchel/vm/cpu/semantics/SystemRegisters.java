package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.ATTR_L;
import static io.satchel.vm.cpu.CpuState.CR0_AM;
import static io.satchel.vm.cpu.CpuState.CR0_CD;
import static io.satchel.vm.cpu.CpuState.CR0_EM;
import static io.satchel.vm.cpu.CpuState.CR0_ET;
import static io.satchel.vm.cpu.CpuState.CR0_MP;
import static io.satchel.vm.cpu.CpuState.CR0_NE;
import static io.satchel.vm.cpu.CpuState.CR0_NW;
import static io.satchel.vm.cpu.CpuState.CR0_PE;
import static io.satchel.vm.cpu.CpuState.CR0_PG;
import static io.satchel.vm.cpu.CpuState.CR0_TS;
import static io.satchel.vm.cpu.CpuState.CR0_WP;
import static io.satchel.vm.cpu.CpuState.CR4_DE;
import static io.satchel.vm.cpu.CpuState.CR4_PAE;
import static io.satchel.vm.cpu.CpuState.CR4_PCIDE;
import static io.satchel.vm.cpu.CpuState.CR4_PGE;
import static io.satchel.vm.cpu.CpuState.CR4_PSE;
import static io.satchel.vm.cpu.CpuState.CR4_SMAP;
import static io.satchel.vm.cpu.CpuState.CR4_SMEP;
import static io.satchel.vm.cpu.CpuState.CR4_UMIP;
import static io.satchel.vm.cpu.CpuState.CS;
import static io.satchel.vm.cpu.CpuState.EFER_LMA;
import static io.satchel.vm.cpu.CpuState.EFER_LME;
import static io.satchel.vm.cpu.CpuState.FS;
import static io.satchel.vm.cpu.CpuState.TR;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;
import io.satchel.vm.cpu.decode.Instruction;

/**
 * Control, debug and descriptor-table registers (SDM volume 3, chapters 2 and 17; volume 2, MOV).
 */
public final class SystemRegisters {

  private static final long CR0_DEFINED =
      CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD
          | CR0_PG;

  /** MP, EM and TS: what LMSW may clear. */
  private static final long MSW = CR0_MP | CR0_EM | CR0_TS;

  // DR6 and DR7 (SDM volume 3, section 17.2).
  private static final long DR6_BD = 1 << 13;
  private static final long DR6_ONES = 0xFFFF_0FF0L;
  private static final long DR6_ZEROES = 1 << 12;
  private static final long DR7_GD = 1 << 13;
  private static final long DR7_ONES = 1 << 10;
  private static final long DR7_ZEROES = 0xD800;

  private SystemRegisters() {}

  private static int registerWidth(CpuState cpu) {
    return cpu.code64() ? 8 : 4;
  }

  /**
   * The general register of MOV to or from a control or debug register: ModRM.rm whatever ModRM.mod
   * says.
   */
  private static int general(Instruction i) {
    return i.modrm & 7 | (i.rex & 1) << 3;
  }

  private static int special(Instruction i) {
    return i.modrm >> 3 & 7 | (i.rex & 4) << 1;
  }

  /** MOV Rd,Cd. */
  public static void movFromControl(CpuState cpu, Instruction i) {
    long value =
        switch (special(i)) {
          case 0 -> cpu.cr0;
          case 2 -> cpu.cr2;
          case 3 -> cpu.cr3;
          case 4 -> {
            requireCr4(cpu);
            yield cpu.cr4;
          }
          case 8 -> cpu.apic.taskPriority();
          default -> throw cpu.ud();
        };
    Operands.setRegister(cpu, i, general(i), registerWidth(cpu), value);
  }

  /** MOV Cd,Rd. */
  public static void movToControl(CpuState cpu, Instruction i) {
    long value = Operands.register(cpu, i, general(i), registerWidth(cpu));
    switch (special(i)) {
      case 0 -> writeCr0(cpu, value);
      case 2 -> cpu.cr2 = value;
      case 3 -> writeCr3(cpu, value);
      case 4 -> {
        requireCr4(cpu);
        writeCr4(cpu, value);
      }
      case 8 -> {
        if (value >>> 4 != 0) {
          throw cpu.gp(0);
        }
        cpu.apic.setTaskPriority((int) value);
      }
      default -> throw cpu.ud();
    }
  }

  /** A processor without any of its bits has no CR4. */
  private static void requireCr4(CpuState cpu) {
    if (cpu.model.cr4Mask() == 0) {
      throw cpu.ud();
    }
  }

  private static void writeCr0(CpuState cpu, long value) {
    if (value >>> 32 != 0) {
      throw cpu.gp(0);
    }
    value = value & CR0_DEFINED | CR0_ET;
    boolean paging = (value & CR0_PG) != 0;
    boolean turnsOn = paging && (cpu.cr0 & CR0_PG) == 0;
    boolean turnsOff = !paging && (cpu.cr0 & CR0_PG) != 0;
    if (paging && (value & CR0_PE) == 0 || (value & CR0_NW) != 0 && (value & CR0_CD) == 0) {
      throw cpu.gp(0);
    }
    if (turnsOff && (cpu.code64() || (cpu.cr4 & CR4_PCIDE) != 0)) {
      throw cpu.gp(0);
    }
    if (turnsOn && (cpu.efer & EFER_LME) != 0) {
      // Neither 64-bit code nor a 16-bit TSS may be there when long mode begins.
      boolean oldTask =
          !Descriptors.isNull(cpu.selector[TR])
              && Descriptors.type(cpu.attributes[TR]) == Descriptors.TSS16_BUSY;
      if ((cpu.cr4 & CR4_PAE) == 0 || (cpu.attributes[CS] & ATTR_L) != 0 || oldTask) {
        throw cpu.gp(0);
      }
      cpu.efer |= EFER_LMA;
    } else if (turnsOn && (cpu.cr4 & CR4_PAE) != 0) {
      checkPageDirectoryPointers(cpu, cpu.cr3);
    }
    if (turnsOff) {
      cpu.efer &= ~EFER_LMA;
    }
    boolean changesTranslation = ((cpu.cr0 ^ value) & (CR0_PG | CR0_WP | CR0_PE)) != 0;
    cpu.cr0 = value;
    if (changesTranslation) {
      cpu.mmu.flushAll();
    }
  }

  private static void writeCr3(CpuState cpu, long value) {
    if ((cpu.cr4 & CR4_PCIDE) != 0) {
      // Bit 63 asks to keep the translations of the new identifier. None are kept here.
      value &= Long.MAX_VALUE;
    }
    if (cpu.longMode() && value >>> cpu.model.physicalBits() != 0) {
      throw cpu.gp(0);
    }
    if (pagesByPae(cpu, cpu.cr4)) {
      checkPageDirectoryPointers(cpu, value);
    }
    cpu.cr3 = value;
    cpu.mmu.flushNonGlobal();
  }

  /** What a task switch does to CR3. */
  static void loadCr3(CpuState cpu, long value) {
    if (cpu.cr3 != value) {
      cpu.cr3 = value;
      cpu.mmu.flushNonGlobal();
    }
  }

  private static void writeCr4(CpuState cpu, long value) {
    long changed = cpu.cr4 ^ value;
    boolean turnsOnIdentifiers = (changed & value & CR4_PCIDE) != 0;
    if ((value & ~cpu.model.cr4Mask()) != 0
        || cpu.longMode() && (value & CR4_PAE) == 0
        || turnsOnIdentifiers && (!cpu.longMode() || (cpu.cr3 & 0xFFF) != 0)) {
      throw cpu.gp(0);
    }
    if ((changed & (CR4_PAE | CR4_PSE | CR4_PGE | CR4_PCIDE | CR4_SMEP | CR4_SMAP)) != 0) {
      if (pagesByPae(cpu, value)) {
        checkPageDirectoryPointers(cpu, cpu.cr3);
      }
      cpu.cr4 = value;
      cpu.mmu.flushAll();
    }
    cpu.cr4 = value;
  }

  private static boolean pagesByPae(CpuState cpu, long cr4) {
    return (cpu.cr0 & CR0_PG) != 0 && (cr4 & CR4_PAE) != 0 && !cpu.longMode();
  }

  /**
   * #GP when one of the four page-directory-pointer entries that a load of CR3 reads has a reserved
   * bit set (SDM volume 3, section 4.4.1).
   */
  private static void checkPageDirectoryPointers(CpuState cpu, long cr3) {
    long reserved = -1L << cpu.model.physicalBits() | 0x1E6;
    for (int entry = 0; entry < 4; entry++) {
      long address = (cr3 & 0xFFFF_FFE0L) + 8 * entry & (cpu.a20 ? -1L : ~(1L << 20));
      long pointer = cpu.mmu.map().read(address, 8);
      if ((pointer & 1) != 0 && (pointer & reserved) != 0) {
        throw cpu.gp(0);
      }
    }
  }

  /** CLTS. */
  public static void clts(CpuState cpu, Instruction i) {
    cpu.cr0 &= ~CR0_TS;
  }

  /** SMSW: 16 bits to memory, as many as the operand size says to a register. */
  public static void smsw(CpuState cpu, Instruction i) {
    checkUserMode(cpu);
    Operands.storeRm(cpu, i, i.memory ? 2 : i.operandSize, cpu.cr0);
  }

  /** LMSW: sets PE, never clears it. */
  public static void lmsw(CpuState cpu, Instruction i) {
    long value = Operands.loadRm(cpu, i, 2);
    writeCr0(cpu, cpu.cr0 & ~MSW | value & (MSW | CR0_PE));
  }

  // Debug registers.

  /** MOV Rd,Dd. */
  public static void movFromDebug(CpuState cpu, Instruction i) {
    int register = debugRegister(cpu, i);
    Operands.setRegister(cpu, i, general(i), registerWidth(cpu), cpu.dr[register]);
  }

  /** MOV Dd,Rd. */
  public static void movToDebug(CpuState cpu, Instruction i) {
    int register = debugRegister(cpu, i);
    long value = Operands.register(cpu, i, general(i), registerWidth(cpu));
    if (register >= 6 && value >>> 32 != 0) {
      throw cpu.gp(0);
    }
    cpu.dr[register] =
        switch (register) {
          case 6 -> (value | DR6_ONES) & ~DR6_ZEROES;
          case 7 -> (value | DR7_ONES) & ~DR7_ZEROES;
          default -> value;
        };
  }

  /** With the checks of privilege and of DR7.GD, in the manual's order. */
  private static int debugRegister(CpuState cpu, Instruction i) {
    int register = special(i);
    if (register > 7 || (register & 6) == 4 && (cpu.cr4 & CR4_DE) != 0) {
      throw cpu.ud();
    }
    if (cpu.cpl != 0) {
      throw cpu.gp(0);
    }
    if ((cpu.dr[7] & DR7_GD) != 0) {
      cpu.dr[6] |= DR6_BD;
      throw cpu.fault(GuestFault.DB, 0);
    }
    // DR4 and DR5 are the old names of DR6 and DR7.
    return (register & 6) == 4 ? register + 2 : register;
  }

  // Descriptor tables.

  /** SGDT. */
  public static void sgdt(CpuState cpu, Instruction i) {
    storeTable(cpu, i, cpu.gdtrLimit, cpu.gdtrBase);
  }

  /** SIDT. */
  public static void sidt(CpuState cpu, Instruction i) {
    storeTable(cpu, i, cpu.idtrLimit, cpu.idtrBase);
  }

  /** All of the base is stored also with a 16-bit operand size, as processors since the 386 do. */
  private static void storeTable(CpuState cpu, Instruction i, int limit, long base) {
    checkUserMode(cpu);
    int width = registerWidth(cpu);
    Operands.checkStore(cpu, i, 2, width);
    Operands.store(cpu, i, 0, 2, limit);
    Operands.store(cpu, i, 2, width, base);
  }

  /** LGDT. */
  public static void lgdt(CpuState cpu, Instruction i) {
    int limit = (int) Operands.load(cpu, i, 0, 2);
    cpu.gdtrBase = tableBase(cpu, i);
    cpu.gdtrLimit = limit;
  }

  /** LIDT. */
  public static void lidt(CpuState cpu, Instruction i) {
    int limit = (int) Operands.load(cpu, i, 0, 2);
    cpu.idtrBase = tableBase(cpu, i);
    cpu.idtrLimit = limit;
  }

  private static long tableBase(CpuState cpu, Instruction i) {
    long base = Operands.load(cpu, i, 2, registerWidth(cpu));
    if (cpu.code64()) {
      if (!Descriptors.isCanonical(base)) {
        throw cpu.gp(0);
      }
      return base;
    }
    return i.operandSize == 2 ? base & 0xFF_FFFF : base;
  }

  // Caches and TLB.

  /** INVLPG. */
  public static void invlpg(CpuState cpu, Instruction i) {
    long base = cpu.code64() && i.segment < FS ? 0 : cpu.base[i.segment];
    cpu.mmu.flushPage(Descriptors.linear(cpu, base + Operands.offset(cpu, i)));
  }

  /** INVPCID: translations carry no identifiers here, so that more is forgotten than asked for. */
  public static void invpcid(CpuState cpu, Instruction i) {
    long type = Operands.register(cpu, i, i.reg, registerWidth(cpu));
    long identifier = Operands.load(cpu, i, 0, 8);
    long linear = Operands.load(cpu, i, 8, 8);
    if (type < 0 || type > 3) {
      throw cpu.gp(0);
    }
    if (type < 2 && (identifier >>> 12 != 0 || identifier != 0 && (cpu.cr4 & CR4_PCIDE) == 0)
        || type == 0 && !Descriptors.isCanonical(linear)) {
      throw cpu.gp(0);
    }
    switch ((int) type) {
      case 0 -> cpu.mmu.flushPage(linear);
      case 2 -> cpu.mmu.flushAll();
      default -> cpu.mmu.flushNonGlobal();
    }
  }

  /** CLFLUSH and CLFLUSHOPT: a read as far as rights go. */
  public static void flushLine(CpuState cpu, Instruction i) {
    Operands.load(cpu, i, 0, 1);
  }

  /** #GP where UMIP keeps user programs from reading a system register (SDM volume 3, 2.5). */
  static void checkUserMode(CpuState cpu) {
    if ((cpu.cr4 & CR4_UMIP) != 0 && cpu.cpl == 3) {
      throw cpu.gp(0);
    }
  }

  /** INVD and WBINVD: memory is always coherent here. */
  public static void invalidateCaches(CpuState cpu, Instruction i) {
    // Nothing is cached that a device could not see.
  }
}
