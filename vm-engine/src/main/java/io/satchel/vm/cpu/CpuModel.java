package io.satchel.vm.cpu;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * What a processor says of itself: CPUID, its signature, and which instructions and control bits it
 * has (Intel SDM volume 2, CPUID; Intel application note 485).
 *
 * <p>A model names the features of the silicon; it has those of them that are {@linkplain
 * #IMPLEMENTED implemented}. Immutable: {@link #with} and {@link #withMaxLevel} give changed
 * copies.
 */
public final class CpuModel {

  /** A feature that CPUID reports, with the register and the bit that report it. */
  public enum Feature {
    FPU(Report.LEAF_1_EDX, 0),
    /** Virtual-8086 mode extensions, CR4.VME and CR4.PVI. */
    VME(Report.LEAF_1_EDX, 1),
    /** Debugging extensions, CR4.DE. */
    DE(Report.LEAF_1_EDX, 2),
    /** 4 MiB pages. */
    PSE(Report.LEAF_1_EDX, 3),
    TSC(Report.LEAF_1_EDX, 4),
    /** RDMSR and WRMSR. */
    MSR(Report.LEAF_1_EDX, 5),
    /** Physical address extension. */
    PAE(Report.LEAF_1_EDX, 6),
    /** Machine check exception. */
    MCE(Report.LEAF_1_EDX, 7),
    /** CMPXCHG8B. */
    CX8(Report.LEAF_1_EDX, 8),
    APIC(Report.LEAF_1_EDX, 9),
    /** SYSENTER and SYSEXIT. */
    SEP(Report.LEAF_1_EDX, 11),
    MTRR(Report.LEAF_1_EDX, 12),
    /** Global pages. */
    PGE(Report.LEAF_1_EDX, 13),
    /** Machine check architecture. */
    MCA(Report.LEAF_1_EDX, 14),
    /** CMOVcc, and with the FPU FCMOVcc and FCOMI. */
    CMOV(Report.LEAF_1_EDX, 15),
    PAT(Report.LEAF_1_EDX, 16),
    /** 4 MiB pages above 4 GiB. */
    PSE36(Report.LEAF_1_EDX, 17),
    /** CLFLUSH. */
    CLFSH(Report.LEAF_1_EDX, 19),
    MMX(Report.LEAF_1_EDX, 23),
    /** FXSAVE and FXRSTOR. */
    FXSR(Report.LEAF_1_EDX, 24),
    SSE(Report.LEAF_1_EDX, 25),
    SSE2(Report.LEAF_1_EDX, 26),
    SSE3(Report.LEAF_1_ECX, 0),
    PCLMULQDQ(Report.LEAF_1_ECX, 1),
    SSSE3(Report.LEAF_1_ECX, 9),
    FMA(Report.LEAF_1_ECX, 12),
    /** CMPXCHG16B. */
    CX16(Report.LEAF_1_ECX, 13),
    /** Process-context identifiers, CR4.PCIDE. */
    PCID(Report.LEAF_1_ECX, 17),
    SSE4_1(Report.LEAF_1_ECX, 19),
    SSE4_2(Report.LEAF_1_ECX, 20),
    X2APIC(Report.LEAF_1_ECX, 21),
    MOVBE(Report.LEAF_1_ECX, 22),
    POPCNT(Report.LEAF_1_ECX, 23),
    TSC_DEADLINE(Report.LEAF_1_ECX, 24),
    AES(Report.LEAF_1_ECX, 25),
    /** XSAVE, XRSTOR, XGETBV, XSETBV, CR4.OSXSAVE. */
    XSAVE(Report.LEAF_1_ECX, 26),
    AVX(Report.LEAF_1_ECX, 28),
    F16C(Report.LEAF_1_ECX, 29),
    RDRAND(Report.LEAF_1_ECX, 30),
    /** Never set by silicon: a guest that finds it does not look for errata of the part. */
    HYPERVISOR(Report.LEAF_1_ECX, 31),
    /** RDFSBASE and its kin, CR4.FSGSBASE. */
    FSGSBASE(Report.LEAF_7_EBX, 0),
    BMI1(Report.LEAF_7_EBX, 3),
    AVX2(Report.LEAF_7_EBX, 5),
    /** Supervisor-mode execution prevention, CR4.SMEP. */
    SMEP(Report.LEAF_7_EBX, 7),
    BMI2(Report.LEAF_7_EBX, 8),
    /** REP MOVSB and REP STOSB are the fast way. */
    ERMS(Report.LEAF_7_EBX, 9),
    INVPCID(Report.LEAF_7_EBX, 10),
    RDSEED(Report.LEAF_7_EBX, 18),
    ADX(Report.LEAF_7_EBX, 19),
    /** Supervisor-mode access prevention, CR4.SMAP, CLAC and STAC. */
    SMAP(Report.LEAF_7_EBX, 20),
    CLFLUSHOPT(Report.LEAF_7_EBX, 23),
    SHA(Report.LEAF_7_EBX, 29),
    /** User-mode instruction prevention, CR4.UMIP. */
    UMIP(Report.LEAF_7_ECX, 2),
    RDPID(Report.LEAF_7_ECX, 22),
    /** IA32_ARCH_CAPABILITIES, which says that no speculation gives anything away. */
    ARCH_CAPABILITIES(Report.LEAF_7_EDX, 29),
    XSAVEOPT(Report.LEAF_D_1_EAX, 0),
    XSAVEC(Report.LEAF_D_1_EAX, 1),
    /** XGETBV with ECX = 1. */
    XGETBV1(Report.LEAF_D_1_EAX, 2),
    /** LAHF and SAHF in 64-bit code. */
    LAHF_LM(Report.EXTENDED_1_ECX, 0),
    /** LZCNT. */
    LZCNT(Report.EXTENDED_1_ECX, 5),
    PREFETCHW(Report.EXTENDED_1_ECX, 8),
    SYSCALL(Report.EXTENDED_1_EDX, 11),
    /** Execute disable, EFER.NXE. */
    NX(Report.EXTENDED_1_EDX, 20),
    /** Pages of 1 GiB. */
    PDPE1GB(Report.EXTENDED_1_EDX, 26),
    RDTSCP(Report.EXTENDED_1_EDX, 27),
    /** Long mode. */
    LM(Report.EXTENDED_1_EDX, 29),
    /** The time stamp counter never changes its rate and never stops. */
    INVTSC(Report.EXTENDED_7_EDX, 8);

    private final Report report;
    private final int bit;

    Feature(Report report, int bit) {
      this.report = report;
      this.bit = bit;
    }
  }

  /** A register of an answer that holds feature bits. */
  private enum Report {
    LEAF_1_EDX,
    LEAF_1_ECX,
    LEAF_7_EBX,
    LEAF_7_ECX,
    LEAF_7_EDX,
    LEAF_D_1_EAX,
    EXTENDED_1_ECX,
    EXTENDED_1_EDX,
    EXTENDED_7_EDX
  }

  /** The answer to CPUID: the four registers after it, in the order in which leaf 0 spells. */
  public record Leaf(int eax, int ebx, int ecx, int edx) {
    private static final Leaf ZERO = new Leaf(0, 0, 0, 0);
  }

  /** Which features the engine implements: the one place that says so. */
  public static final Set<Feature> IMPLEMENTED =
      Collections.unmodifiableSet(
          EnumSet.of(
              Feature.FPU,
              Feature.VME,
              Feature.DE,
              Feature.PSE,
              Feature.TSC,
              Feature.MSR,
              Feature.PAE,
              Feature.MCE,
              Feature.CX8,
              Feature.APIC,
              Feature.SEP,
              Feature.MTRR,
              Feature.PGE,
              Feature.MCA,
              Feature.CMOV,
              Feature.PAT,
              Feature.PSE36,
              Feature.MMX,
              Feature.FXSR,
              Feature.SSE,
              Feature.SSE2,
              Feature.SSE3,
              Feature.PCLMULQDQ,
              Feature.SSSE3,
              Feature.FMA,
              Feature.CX16,
              Feature.SSE4_1,
              Feature.SSE4_2,
              Feature.MOVBE,
              Feature.POPCNT,
              Feature.AES,
              Feature.AVX,
              Feature.F16C,
              Feature.RDRAND,
              Feature.BMI1,
              Feature.AVX2,
              Feature.BMI2,
              Feature.RDSEED,
              Feature.ADX,
              Feature.SHA,
              Feature.LZCNT,
              Feature.X2APIC,
              Feature.TSC_DEADLINE));

  private static final String VENDOR = "GenuineIntel";

  private static final Set<Feature> ON_486 = EnumSet.of(Feature.FPU, Feature.VME);
  private static final Set<Feature> ON_PENTIUM =
      plus(
          ON_486,
          Feature.DE,
          Feature.PSE,
          Feature.TSC,
          Feature.MSR,
          Feature.MCE,
          Feature.CX8,
          Feature.APIC);
  private static final Set<Feature> ON_PENTIUM_PRO =
      plus(
          ON_PENTIUM,
          Feature.PAE,
          Feature.SEP,
          Feature.MTRR,
          Feature.PGE,
          Feature.MCA,
          Feature.CMOV);
  private static final Set<Feature> ON_PENTIUM_2 =
      plus(ON_PENTIUM_PRO, Feature.PAT, Feature.PSE36, Feature.MMX, Feature.FXSR);
  private static final Set<Feature> ON_PENTIUM_3 = plus(ON_PENTIUM_2, Feature.SSE);
  private static final Set<Feature> ON_PENTIUM_4 = plus(ON_PENTIUM_3, Feature.SSE2);

  // Signatures: type, family, model and stepping of a late part (application note 485, table 2-3).
  // Leaf 2: the descriptors that those parts give.
  private static final List<CpuModel> MODELS =
      List.of(
          // DX4. CPUID came late in the family: with it, a 486 can say that it is one.
          new CpuModel("486", 0x0480, 1, 0, "", ON_486, 0, 0),
          new CpuModel("pentium", 0x052C, 1, 0, "", ON_PENTIUM, 0, 0),
          new CpuModel("pentium-mmx", 0x0544, 1, 0, "", plus(ON_PENTIUM, Feature.MMX), 0, 0),
          new CpuModel("pentiumpro", 0x0619, 2, 0, "", ON_PENTIUM_PRO, 0x0302_0101, 0x0604_0A42),
          new CpuModel("pentium2", 0x0653, 2, 0, "", ON_PENTIUM_2, 0x0302_0101, 0x0C04_0843),
          // Without the serial number, as firmware leaves it, leaf 2 is the last.
          new CpuModel("pentium3", 0x068A, 2, 2, "", ON_PENTIUM_3, 0x0302_0101, 0x0C04_0882),
          new CpuModel(
              "pentium4",
              0x0F29,
              2,
              9,
              "Intel(R) Pentium(R) 4 CPU 2.40GHz",
              ON_PENTIUM_4,
              0x665B_5101,
              0x007B_7040),
          // Everything, on the signature of a Pentium II: no guest has a list of errata to work
          // around that would ask for more than it gets.
          new CpuModel(
              "max",
              0x0663,
              2,
              0,
              "Satchel virtual processor",
              EnumSet.allOf(Feature.class),
              0x0302_0101,
              0x0C04_0882));

  private final String name;
  private final int signature;
  private final int maxLevel;
  private final int brandIndex;
  private final String brand;
  private final Set<Feature> features;
  private final int cachesEax;
  private final int cachesEdx;

  private CpuModel(
      String name,
      int signature,
      int maxLevel,
      int brandIndex,
      String brand,
      Set<Feature> features,
      int cachesEax,
      int cachesEdx) {
    this.name = name;
    this.signature = signature;
    this.maxLevel = maxLevel;
    this.brandIndex = brandIndex;
    this.brand = brand;
    EnumSet<Feature> present = EnumSet.noneOf(Feature.class);
    present.addAll(features);
    present.retainAll(IMPLEMENTED);
    this.features = Collections.unmodifiableSet(present);
    this.cachesEax = cachesEax;
    this.cachesEdx = cachesEdx;
  }

  private static Set<Feature> plus(Set<Feature> base, Feature... more) {
    EnumSet<Feature> all = EnumSet.copyOf(base);
    Collections.addAll(all, more);
    return Collections.unmodifiableSet(all);
  }

  /** The names that {@link #named} knows, oldest model first. */
  public static List<String> names() {
    return MODELS.stream().map(CpuModel::name).toList();
  }

  /**
   * The model of that name.
   *
   * @throws IllegalArgumentException when there is none; its message lists the names
   */
  public static CpuModel named(String name) {
    for (CpuModel model : MODELS) {
      if (model.name.equals(name)) {
        return model;
      }
    }
    throw new IllegalArgumentException(
        "no processor model \"%s\"; there are %s".formatted(name, String.join(", ", names())));
  }

  public String name() {
    return name;
  }

  /** A copy with a feature switched on or off; one that is not implemented stays off. */
  public CpuModel with(Feature feature, boolean on) {
    EnumSet<Feature> changed = EnumSet.noneOf(Feature.class);
    changed.addAll(features);
    if (on) {
      changed.add(feature);
    } else {
      changed.remove(feature);
    }
    return new CpuModel(
        name, signature, maxLevel, brandIndex, brand, changed, cachesEax, cachesEdx);
  }

  /**
   * A copy whose highest basic CPUID leaf is at most {@code level} (at least 1): Windows NT 4 stops
   * when it is above 2.
   */
  public CpuModel withMaxLevel(int level) {
    int lower = Math.max(1, Math.min(level, maxLevel));
    return new CpuModel(name, signature, lower, brandIndex, brand, features, cachesEax, cachesEdx);
  }

  /** Whether the processor has a feature: its instructions, its control bits, its CPUID bit. */
  public boolean has(Feature feature) {
    return features.contains(feature);
  }

  public Set<Feature> features() {
    return features;
  }

  /** Type, family, model and stepping: CPUID leaf 1 EAX, and EDX after RESET. */
  public int signature() {
    return signature;
  }

  /** 4, 5, 6 or 15. */
  public int family() {
    return signature >>> 8 & 15;
  }

  /** RDPMC and CR4.PCE: since the Pentium with MMX. */
  public boolean hasPerformanceCounters() {
    return family() >= 6 || has(Feature.MMX);
  }

  /** MAXPHYADDR: 36 bits with {@link Feature#PAE} or {@link Feature#PSE36}, else 32. */
  public int physicalBits() {
    return has(Feature.PAE) || has(Feature.PSE36) ? 36 : 32;
  }

  /** Bits of CR4 that may be set. */
  public long cr4Mask() {
    return (has(Feature.VME) ? CpuState.CR4_VME | CpuState.CR4_PVI : 0)
        | (has(Feature.TSC) ? CpuState.CR4_TSD : 0)
        | (has(Feature.DE) ? CpuState.CR4_DE : 0)
        | (has(Feature.PSE) ? CpuState.CR4_PSE : 0)
        | (has(Feature.PAE) ? CpuState.CR4_PAE : 0)
        | (has(Feature.MCE) ? CpuState.CR4_MCE : 0)
        | (has(Feature.PGE) ? CpuState.CR4_PGE : 0)
        | (hasPerformanceCounters() ? CpuState.CR4_PCE : 0)
        | (has(Feature.FXSR) ? CpuState.CR4_OSFXSR : 0)
        | (has(Feature.SSE) ? CpuState.CR4_OSXMMEXCPT : 0);
  }

  /** Bits of EFER that may be set; 0 when there is no EFER. */
  public long eferMask() {
    return (has(Feature.LM) ? CpuState.EFER_SCE | CpuState.EFER_LME | CpuState.EFER_LMA : 0)
        | (has(Feature.NX) ? CpuState.EFER_NXE : 0);
  }

  /**
   * CPUID.
   *
   * @param leaf EAX; above the highest leaf, the highest basic leaf answers
   * @param apicEnabled the local APIC's global enable in IA32_APIC_BASE: without it the feature bit
   *     is clear
   */
  public Leaf cpuid(int leaf, boolean apicEnabled) {
    if (leaf < 0) {
      int highest = extendedLevel();
      if (Integer.compareUnsigned(leaf, highest) <= 0) {
        return extended(leaf, highest);
      }
    }
    if (leaf < 0 || leaf > maxLevel) {
      leaf = maxLevel;
    }
    return switch (leaf) {
      case 0 ->
          new Leaf(
              maxLevel, letters(VENDOR, 0, 12), letters(VENDOR, 8, 12), letters(VENDOR, 4, 12));
      case 1 ->
          new Leaf(
              signature,
              brandIndex,
              bits(Report.LEAF_1_ECX),
              bits(Report.LEAF_1_EDX) & (apicEnabled ? -1 : ~(1 << Feature.APIC.bit)));
      case 2 -> new Leaf(cachesEax, 0, 0, cachesEdx);
      default -> Leaf.ZERO;
    };
  }

  private int extendedLevel() {
    return !brand.isEmpty()
        ? 0x8000_0004
        : bits(Report.EXTENDED_1_EDX) != 0 ? 0x8000_0001 : 0x7FFF_FFFF;
  }

  private Leaf extended(int leaf, int highest) {
    return switch (leaf) {
      case 0x8000_0000 -> new Leaf(highest, 0, 0, 0);
      case 0x8000_0001 -> new Leaf(0, 0, 0, bits(Report.EXTENDED_1_EDX));
      case 0x8000_0002, 0x8000_0003, 0x8000_0004 -> {
        int at = (leaf - 0x8000_0002) * 16;
        yield new Leaf(
            letters(brand, at, 48),
            letters(brand, at + 4, 48),
            letters(brand, at + 8, 48),
            letters(brand, at + 12, 48));
      }
      default -> Leaf.ZERO;
    };
  }

  private int bits(Report report) {
    int bits = 0;
    for (Feature feature : features) {
      if (feature.report == report) {
        bits |= 1 << feature.bit;
      }
    }
    return bits;
  }

  /** Four letters of a text that is padded with zeros to {@code size}. */
  private static int letters(String text, int at, int size) {
    byte[] bytes = Arrays.copyOf(text.getBytes(StandardCharsets.US_ASCII), size);
    return bytes[at] & 0xFF
        | (bytes[at + 1] & 0xFF) << 8
        | (bytes[at + 2] & 0xFF) << 16
        | bytes[at + 3] << 24;
  }

  @Override
  public String toString() {
    return name;
  }
}
