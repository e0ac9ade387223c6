package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.CR4_PCE;
import static io.satchel.vm.cpu.CpuState.CR4_TSD;
import static io.satchel.vm.cpu.CpuState.EFER_LMA;
import static io.satchel.vm.cpu.CpuState.EFER_LME;
import static io.satchel.vm.cpu.CpuState.FS;
import static io.satchel.vm.cpu.CpuState.GS;
import static io.satchel.vm.cpu.CpuState.RAX;
import static io.satchel.vm.cpu.CpuState.RCX;
import static io.satchel.vm.cpu.CpuState.RDX;

import io.satchel.vm.cpu.CpuModel;
import io.satchel.vm.cpu.CpuModel.Feature;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.decode.Instruction;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;

/**
 * Model-specific registers, the time stamp and performance counters (SDM volume 4; volume 2, the
 * instructions' pages).
 *
 * <p>Performance counters count instructions, whatever event they are to count; machine-check banks
 * never have anything to tell.
 */
public final class Msrs {

  private static final Logger LOG = System.getLogger(Msrs.class.getName());

  // Addresses (SDM volume 4, tables 2-2 and 2-20).
  private static final int P5_MC_ADDR = 0;
  private static final int P5_MC_TYPE = 1;
  private static final int TIME_STAMP_COUNTER = 0x10;
  private static final int PLATFORM_ID = 0x17;
  private static final int APIC_BASE = 0x1B;
  private static final int EBL_CR_POWERON = 0x2A;
  private static final int TSC_ADJUST = 0x3B;
  private static final int BIOS_UPDT_TRIG = 0x79;
  private static final int BIOS_SIGN_ID = 0x8B;
  private static final int PERFCTR0 = 0xC1;
  private static final int PERFCTR1 = 0xC2;
  private static final int MTRRCAP = 0xFE;
  private static final int BBL_CR_CTL3 = 0x11E;
  private static final int SYSENTER_CS = 0x174;
  private static final int SYSENTER_ESP = 0x175;
  private static final int SYSENTER_EIP = 0x176;
  private static final int MCG_CAP = 0x179;
  private static final int MCG_STATUS = 0x17A;
  private static final int MCG_CTL = 0x17B;
  private static final int EVNTSEL0 = 0x186;
  private static final int EVNTSEL1 = 0x187;
  private static final int MISC_ENABLE = 0x1A0;
  private static final int DEBUGCTL = 0x1D9;
  private static final int TSC_DEADLINE = 0x6E0;
  private static final int X2APIC_FIRST = 0x800;
  private static final int X2APIC_LAST = 0x8FF;
  private static final int MTRR_PHYSBASE0 = 0x200;
  private static final int MTRR_PHYSMASK7 = 0x20F;
  private static final int MTRR_FIX64K_00000 = 0x250;
  private static final int MTRR_FIX16K_80000 = 0x258;
  private static final int MTRR_FIX16K_A0000 = 0x259;
  private static final int MTRR_FIX4K_C0000 = 0x268;
  private static final int MTRR_FIX4K_F8000 = 0x26F;
  private static final int PAT = 0x277;
  private static final int MTRR_DEF_TYPE = 0x2FF;
  private static final int MC0_CTL = 0x400;
  private static final int ARCH_CAPABILITIES = 0x10A;
  private static final int EFER = 0xC000_0080;
  private static final int STAR = 0xC000_0081;
  private static final int LSTAR = 0xC000_0082;
  private static final int CSTAR = 0xC000_0083;
  private static final int SFMASK = 0xC000_0084;
  private static final int FS_BASE = 0xC000_0100;
  private static final int GS_BASE = 0xC000_0101;
  private static final int KERNEL_GS_BASE = 0xC000_0102;
  private static final int TSC_AUX = 0xC000_0103;

  /**
   * RDCL_NO, SKIP_L1DFL_VMENTRY, SSB_NO, MDS_NO, IF_PSCHANGE_MC_NO, TAA_NO, SBDR_SSDP_NO, FBSDP_NO,
   * PSDP_NO, GDS_NO, RFDS_NO: nothing is executed ahead of its time here.
   */
  private static final long ARCH_CAPABILITIES_VALUE =
      1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 8 | 7 << 13 | 1 << 26 | 1 << 27;

  // PERFEVTSEL.
  private static final long EVNTSEL_USR = 1 << 16;
  private static final long EVNTSEL_OS = 1 << 17;
  private static final long EVNTSEL_EN = 1 << 22;

  /** Counters have 40 bits. */
  private static final long COUNTER_MASK = (1L << 40) - 1;

  // Places in CpuState.mtrr behind the eight base and mask pairs.
  private static final int FIXED = 16;
  private static final int DEF_TYPE = 27;

  private static final int MC_BANKS = 5;

  /** Eight variable ranges, fixed ranges, write combining. */
  private static final long MTRRCAP_VALUE = 0x508;

  private static final long APIC_BASE_BSP = 1 << 8;
  private static final long APIC_BASE_EXTD = 1 << 10;
  private static final long APIC_BASE_ENABLE = 1 << 11;

  private Msrs() {}

  /** RDTSC. */
  public static void rdtsc(CpuState cpu, Instruction i) {
    checkTimeStamp(cpu);
    setPair(cpu, timeStamp(cpu));
  }

  /** RDTSCP. */
  public static void rdtscp(CpuState cpu, Instruction i) {
    checkTimeStamp(cpu);
    setPair(cpu, timeStamp(cpu));
    cpu.gpr[RCX] = cpu.tscAux;
  }

  /** RDPID. */
  public static void rdpid(CpuState cpu, Instruction i) {
    cpu.gpr[i.rm] = cpu.tscAux;
  }

  private static void checkTimeStamp(CpuState cpu) {
    if ((cpu.cr4 & CR4_TSD) != 0 && cpu.cpl != 0) {
      throw cpu.gp(0);
    }
  }

  /** RDPMC. */
  public static void rdpmc(CpuState cpu, Instruction i) {
    if (!cpu.model.hasPerformanceCounters()) {
      throw cpu.ud();
    }
    long number = cpu.gpr[RCX] & 0xFFFF_FFFFL;
    if ((cpu.cr4 & CR4_PCE) == 0 && cpu.cpl != 0 || number > 1) {
      throw cpu.gp(0);
    }
    setPair(cpu, counter(cpu, (int) number));
  }

  // Performance counters (SDM volume 3, section 20.6.7). Any event counts instructions.

  private static boolean counts(CpuState cpu, int number) {
    long enabled = EVNTSEL_USR | EVNTSEL_OS;
    // One enable bit, in the first, governs both counters.
    return (cpu.eventSelect[0] & EVNTSEL_EN) != 0 && (cpu.eventSelect[number] & enabled) != 0;
  }

  private static long counter(CpuState cpu, int number) {
    long value = cpu.counter[number] + (counts(cpu, number) ? cpu.instructions : 0);
    return value & COUNTER_MASK;
  }

  private static void setCounter(CpuState cpu, int number, long value) {
    cpu.counter[number] = value - (counts(cpu, number) ? cpu.instructions : 0);
  }

  private static void selectEvent(CpuState cpu, int number, long value) {
    long first = counter(cpu, 0);
    long second = counter(cpu, 1);
    cpu.eventSelect[number] = value & 0xFFFF_FFFFL;
    setCounter(cpu, 0, first);
    setCounter(cpu, 1, second);
  }

  /** RDMSR. */
  public static void rdmsr(CpuState cpu, Instruction i) {
    setPair(cpu, read(cpu, (int) cpu.gpr[RCX]));
  }

  /** WRMSR. */
  public static void wrmsr(CpuState cpu, Instruction i) {
    write(cpu, (int) cpu.gpr[RCX], cpu.gpr[RDX] << 32 | cpu.gpr[RAX] & 0xFFFF_FFFFL);
  }

  private static void setPair(CpuState cpu, long value) {
    cpu.gpr[RAX] = value & 0xFFFF_FFFFL;
    cpu.gpr[RDX] = value >>> 32;
  }

  private static long timeStamp(CpuState cpu) {
    return cpu.tsc.getAsLong() + cpu.tscOffset;
  }

  /** Which feature a register comes with; absent, the register does not exist. */
  private static boolean exists(CpuState cpu, int address) {
    CpuModel model = cpu.model;
    return switch (address) {
      case P5_MC_ADDR, P5_MC_TYPE -> model.has(Feature.MCE);
      case TIME_STAMP_COUNTER -> model.has(Feature.TSC);
      case APIC_BASE -> model.has(Feature.APIC) && model.family() >= 6;
      case SYSENTER_CS, SYSENTER_ESP, SYSENTER_EIP -> model.has(Feature.SEP);
      case MCG_CAP, MCG_STATUS, MCG_CTL -> model.has(Feature.MCA);
      case PAT -> model.has(Feature.PAT);
      case MTRRCAP, MTRR_DEF_TYPE -> model.has(Feature.MTRR);
      // Of the Pentium 4, and of family 6 since the Pentium M.
      case MISC_ENABLE ->
          model.family() == 15 || model.family() == 6 && model.extendedModel() >= 0xD;
      case PERFCTR0, PERFCTR1, EVNTSEL0, EVNTSEL1, EBL_CR_POWERON, BBL_CR_CTL3 ->
          model.family() == 6;
      case PLATFORM_ID, BIOS_UPDT_TRIG, BIOS_SIGN_ID, DEBUGCTL -> model.family() >= 6;
      case EFER -> model.eferMask() != 0;
      case STAR, LSTAR, CSTAR, SFMASK -> model.has(Feature.SYSCALL);
      case FS_BASE, GS_BASE, KERNEL_GS_BASE -> model.has(Feature.LM);
      case TSC_AUX -> model.has(Feature.RDTSCP) || model.has(Feature.RDPID);
      case ARCH_CAPABILITIES -> model.has(Feature.ARCH_CAPABILITIES);
      case TSC_DEADLINE -> model.has(Feature.TSC_DEADLINE);
      case TSC_ADJUST -> model.has(Feature.TSC_ADJUST);
      default ->
          x2apic(address)
              ? (cpu.apicBase & APIC_BASE_EXTD) != 0
              : mtrrIndex(address) >= 0
                  ? model.has(Feature.MTRR)
                  : bankRegister(address) && model.has(Feature.MCA);
    };
  }

  private static boolean bankRegister(int address) {
    return address >= MC0_CTL && address < MC0_CTL + 4 * MC_BANKS;
  }

  /** CTL, STATUS, ADDR or MISC of a machine-check bank (SDM volume 3, section 16.3.2). */
  private static void writeBank(CpuState cpu, int number, long value) {
    boolean refused =
        switch (number & 3) {
          // All of a bank's errors are reported, or none.
          case 0 -> value != 0 && value != -1;
          case 1 -> value != 0;
          default -> false;
        };
    if (refused) {
      throw cpu.gp(0);
    }
    cpu.machineCheck[number] = value;
  }

  private static boolean x2apic(int address) {
    return address >= X2APIC_FIRST && address <= X2APIC_LAST;
  }

  /** Where a range register is kept in {@link CpuState#mtrr}, or -1. */
  private static int mtrrIndex(int address) {
    if (address >= MTRR_PHYSBASE0 && address <= MTRR_PHYSMASK7) {
      return address - MTRR_PHYSBASE0;
    }
    if (address >= MTRR_FIX4K_C0000 && address <= MTRR_FIX4K_F8000) {
      return FIXED + 3 + address - MTRR_FIX4K_C0000;
    }
    return switch (address) {
      case MTRR_FIX64K_00000 -> FIXED;
      case MTRR_FIX16K_80000 -> FIXED + 1;
      case MTRR_FIX16K_A0000 -> FIXED + 2;
      default -> -1;
    };
  }

  private static long read(CpuState cpu, int address) {
    if (!exists(cpu, address)) {
      LOG.log(Level.DEBUG, () -> "RDMSR of unknown register %Xh".formatted(address));
      throw cpu.gp(0);
    }
    int range = mtrrIndex(address);
    if (range >= 0) {
      return cpu.mtrr[range];
    }
    if (bankRegister(address)) {
      return cpu.machineCheck[address - MC0_CTL];
    }
    if (x2apic(address)) {
      if (!cpu.apic.readable(address - X2APIC_FIRST)) {
        throw cpu.gp(0);
      }
      return cpu.apic.read(address - X2APIC_FIRST);
    }
    return switch (address) {
      case TIME_STAMP_COUNTER -> timeStamp(cpu);
      case TSC_ADJUST -> cpu.tscAdjust;
      case APIC_BASE -> cpu.apicBase;
      case TSC_DEADLINE -> cpu.apic.deadline();
      // The revision of the microcode, in the upper half.
      case BIOS_SIGN_ID -> 1L << 32;
      case MTRRCAP -> MTRRCAP_VALUE;
      case SYSENTER_CS -> cpu.sysenterCs;
      case SYSENTER_ESP -> cpu.sysenterEsp;
      case SYSENTER_EIP -> cpu.sysenterEip;
      case MCG_CAP -> MC_BANKS;
      case MISC_ENABLE -> cpu.miscEnable;
      case PAT -> cpu.pat;
      case MTRR_DEF_TYPE -> cpu.mtrr[DEF_TYPE];
      case EFER -> cpu.efer;
      case STAR -> cpu.star;
      case LSTAR -> cpu.lstar;
      case CSTAR -> cpu.cstar;
      case SFMASK -> cpu.syscallMask;
      case FS_BASE -> cpu.base[FS];
      case GS_BASE -> cpu.base[GS];
      case KERNEL_GS_BASE -> cpu.kernelGsBase;
      case TSC_AUX -> cpu.tscAux;
      case ARCH_CAPABILITIES -> ARCH_CAPABILITIES_VALUE;
      case PERFCTR0, PERFCTR1 -> counter(cpu, address - PERFCTR0);
      case EVNTSEL0, EVNTSEL1 -> cpu.eventSelect[address - EVNTSEL0];
      default -> 0;
    };
  }

  private static void write(CpuState cpu, int address, long value) {
    if (!exists(cpu, address)) {
      LOG.log(Level.DEBUG, () -> "WRMSR of unknown register %Xh".formatted(address));
      throw cpu.gp(0);
    }
    int range = mtrrIndex(address);
    if (range >= 0) {
      writeRange(cpu, address, range, value);
      return;
    }
    if (bankRegister(address)) {
      writeBank(cpu, address - MC0_CTL, value);
      return;
    }
    if (x2apic(address)) {
      if (!cpu.apic.write(address - X2APIC_FIRST, value)) {
        throw cpu.gp(0);
      }
      return;
    }
    switch (address) {
      case TIME_STAMP_COUNTER -> adjust(cpu, value - timeStamp(cpu));
      case TSC_ADJUST -> adjust(cpu, value - cpu.tscAdjust);
      case APIC_BASE -> writeApicBase(cpu, value);
      case TSC_DEADLINE -> cpu.apic.setDeadline(value);
      case SYSENTER_CS -> cpu.sysenterCs = value & 0xFFFF_FFFFL;
      case SYSENTER_ESP -> cpu.sysenterEsp = entryPoint(cpu, value);
      case SYSENTER_EIP -> cpu.sysenterEip = entryPoint(cpu, value);
      case MISC_ENABLE -> cpu.miscEnable = value;
      case PAT -> {
        for (int entry = 0; entry < 64; entry += 8) {
          int type = (int) (value >>> entry) & 0xFF;
          if (type == 2 || type == 3 || type > 7) {
            throw cpu.gp(0);
          }
        }
        cpu.pat = value;
      }
      case MTRR_DEF_TYPE -> {
        if ((value & ~0xC07L) != 0 || !memoryType((int) value & 7)) {
          throw cpu.gp(0);
        }
        cpu.mtrr[DEF_TYPE] = value;
      }
      case EFER -> writeEfer(cpu, value);
      case STAR -> cpu.star = value;
      case LSTAR -> cpu.lstar = canonical(cpu, value);
      case CSTAR -> cpu.cstar = canonical(cpu, value);
      case SFMASK -> cpu.syscallMask = value & 0xFFFF_FFFFL;
      case FS_BASE -> cpu.base[FS] = canonical(cpu, value);
      case GS_BASE -> cpu.base[GS] = canonical(cpu, value);
      case KERNEL_GS_BASE -> cpu.kernelGsBase = canonical(cpu, value);
      case TSC_AUX -> {
        if (value >>> 32 != 0) {
          throw cpu.gp(0);
        }
        cpu.tscAux = value;
      }
      // A counter takes 32 bits and extends their sign.
      case PERFCTR0, PERFCTR1 -> setCounter(cpu, address - PERFCTR0, (int) value);
      case EVNTSEL0, EVNTSEL1 -> selectEvent(cpu, address - EVNTSEL0, value);
      case MTRRCAP, MCG_CAP, PLATFORM_ID, ARCH_CAPABILITIES -> throw cpu.gp(0);
      default -> {
        // Accepted without an effect.
      }
    }
  }

  /** Both registers show what is added to either (SDM volume 3, section 18.17.3). */
  private static void adjust(CpuState cpu, long ticks) {
    cpu.tscOffset += ticks;
    cpu.tscAdjust += ticks;
  }

  private static long entryPoint(CpuState cpu, long value) {
    return cpu.model.has(Feature.LM) ? canonical(cpu, value) : value & 0xFFFF_FFFFL;
  }

  private static long canonical(CpuState cpu, long value) {
    if (!Descriptors.isCanonical(value)) {
      throw cpu.gp(0);
    }
    return value;
  }

  /** The ways between disabled, xAPIC and x2APIC mode are those of SDM volume 3, figure 11-27. */
  private static void writeApicBase(CpuState cpu, long value) {
    boolean extended = cpu.model.has(Feature.X2APIC);
    long reserved = -1L << cpu.model.physicalBits() | (extended ? 0x2FF : 0x6FF);
    long modes = APIC_BASE_ENABLE | APIC_BASE_EXTD;
    long before = cpu.apicBase & modes;
    long after = value & modes;
    if ((value & reserved) != 0
        || after == APIC_BASE_EXTD
        || before == modes && after == APIC_BASE_ENABLE
        || before == 0 && after == modes) {
      throw cpu.gp(0);
    }
    cpu.apicBase = value & ~APIC_BASE_BSP | cpu.apicBase & APIC_BASE_BSP;
    cpu.apicBaseChanged.run();
  }

  private static void writeEfer(CpuState cpu, long value) {
    if ((value & ~cpu.model.eferMask()) != 0
        || ((value ^ cpu.efer) & EFER_LME) != 0 && (cpu.cr0 & CpuState.CR0_PG) != 0) {
      throw cpu.gp(0);
    }
    cpu.efer = value & ~EFER_LMA | cpu.efer & EFER_LMA;
    cpu.mmu.flushAll();
  }

  /** Uncacheable, write combining, write through, write protected, write back. */
  private static boolean memoryType(int type) {
    return type == 0 || type == 1 || type >= 4 && type <= 6;
  }

  private static void writeRange(CpuState cpu, int address, int range, long value) {
    if (address > MTRR_PHYSMASK7) {
      for (int entry = 0; entry < 64; entry += 8) {
        if (!memoryType((int) (value >>> entry) & 0xFF)) {
          throw cpu.gp(0);
        }
      }
    } else {
      boolean mask = (address & 1) != 0;
      long reserved = -1L << cpu.model.physicalBits() | (mask ? 0x7FF : 0xF00);
      if ((value & reserved) != 0 || !mask && !memoryType((int) value & 0xFF)) {
        throw cpu.gp(0);
      }
    }
    cpu.mtrr[range] = value;
  }
}
