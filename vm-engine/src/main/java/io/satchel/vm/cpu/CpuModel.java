package io.satchel.vm.cpu;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

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
    /** IA32_TSC_ADJUST. */
    TSC_ADJUST(Report.LEAF_7_EBX, 1),
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
    /** AESENC and its kin on 256 bits. */
    VAES(Report.LEAF_7_ECX, 9),
    /** PCLMULQDQ on 256 bits. */
    VPCLMULQDQ(Report.LEAF_7_ECX, 10),
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
    LEAF_1_EDX(1),
    LEAF_1_ECX(1),
    LEAF_7_EBX(7),
    LEAF_7_ECX(7),
    LEAF_7_EDX(7),
    LEAF_D_1_EAX(0xD),
    EXTENDED_1_ECX(0),
    EXTENDED_1_EDX(0),
    EXTENDED_7_EDX(0);

    /** The basic leaf that must exist. */
    private final int leaf;

    Report(int leaf) {
      this.leaf = leaf;
    }
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
              Feature.CLFSH,
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
              Feature.TSC_DEADLINE,
              Feature.TSC_ADJUST,
              Feature.PCID,
              Feature.XSAVE,
              Feature.HYPERVISOR,
              Feature.FSGSBASE,
              Feature.SMEP,
              Feature.ERMS,
              Feature.INVPCID,
              Feature.SMAP,
              Feature.CLFLUSHOPT,
              Feature.UMIP,
              Feature.VAES,
              Feature.VPCLMULQDQ,
              Feature.RDPID,
              Feature.ARCH_CAPABILITIES,
              Feature.XSAVEOPT,
              Feature.XSAVEC,
              Feature.XGETBV1,
              Feature.LAHF_LM,
              Feature.PREFETCHW,
              Feature.SYSCALL,
              Feature.NX,
              Feature.PDPE1GB,
              Feature.RDTSCP,
              Feature.LM,
              Feature.INVTSC));

  private static final String VENDOR = "GenuineIntel";
  private static final String HYPERVISOR = "SatchelSatch";

  /** EBX of leaf 1: lines of 64 bytes, in units of 8. */
  private static final int CLFLUSH_LINE = 8 << 8;

  private static final int LINEAR_BITS = 48;

  // Of XSAVE's image: the legacy area and the header come first.
  private static final int AVX_OFFSET = 576;
  private static final int AVX_SIZE = 256;

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
  private static final Set<Feature> ON_PENTIUM_4 = plus(ON_PENTIUM_3, Feature.SSE2, Feature.CLFSH);

  // The levels of the x86-64 psABI, with what processors of their time had besides.
  private static final Set<Feature> ON_X86_64_V1 =
      plus(
          ON_PENTIUM_4,
          Feature.CLFSH,
          Feature.LM,
          Feature.SYSCALL,
          Feature.NX,
          Feature.INVTSC,
          Feature.ARCH_CAPABILITIES,
          Feature.HYPERVISOR);
  private static final Set<Feature> ON_X86_64_V2 =
      plus(
          ON_X86_64_V1,
          Feature.SSE3,
          Feature.SSSE3,
          Feature.SSE4_1,
          Feature.SSE4_2,
          Feature.CX16,
          Feature.POPCNT,
          Feature.LAHF_LM,
          Feature.RDTSCP,
          Feature.X2APIC,
          Feature.TSC_DEADLINE);
  private static final Set<Feature> ON_X86_64_V3 =
      plus(
          ON_X86_64_V2,
          Feature.PCLMULQDQ,
          Feature.AES,
          Feature.XSAVE,
          Feature.XSAVEOPT,
          Feature.AVX,
          Feature.AVX2,
          Feature.F16C,
          Feature.FMA,
          Feature.BMI1,
          Feature.BMI2,
          Feature.LZCNT,
          Feature.MOVBE,
          Feature.RDRAND,
          Feature.PCID,
          Feature.INVPCID,
          Feature.FSGSBASE,
          Feature.SMEP,
          Feature.ERMS,
          Feature.PDPE1GB);

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
          modern("x86-64-v1", 0x0006FB, 0xA, ON_X86_64_V1),
          modern("x86-64-v2", 0x0106A5, 0xB, ON_X86_64_V2),
          modern("x86-64-v3", 0x0306C3, 0xD, ON_X86_64_V3),
          // Everything, on the signature of the last.
          modern("max", 0x0306C3, 0xD, EnumSet.allOf(Feature.class)));

  private static CpuModel modern(String name, int signature, int level, Set<Feature> features) {
    String brand = "Satchel virtual processor" + (name.equals("max") ? "" : " " + name);
    return new CpuModel(name, signature, level, 0, brand, features, 0x0302_0101, 0x0C04_0882);
  }

  private final String name;
  private final int signature;
  private final int level;
  private final int levelLimit;
  private final int brandIndex;
  private final String brand;
  private final Set<Feature> features;
  private final int cachesEax;
  private final int cachesEdx;

  private CpuModel(
      String name,
      int signature,
      int level,
      int brandIndex,
      String brand,
      Set<Feature> features,
      int cachesEax,
      int cachesEdx) {
    this(
        name,
        signature,
        level,
        Integer.MAX_VALUE,
        brandIndex,
        brand,
        features,
        cachesEax,
        cachesEdx);
  }

  private CpuModel(
      String name,
      int signature,
      int level,
      int levelLimit,
      int brandIndex,
      String brand,
      Set<Feature> features,
      int cachesEax,
      int cachesEdx) {
    this.name = name;
    this.signature = signature;
    this.level = level;
    this.levelLimit = levelLimit;
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
   * The model of that name, with what follows it behind commas switched: {@code
   * pentium3,-mmx,+pae,maxlevel=2}.
   *
   * @throws IllegalArgumentException when there is no such model, feature or switch; its message
   *     lists the names
   */
  public static CpuModel named(String text) {
    String[] words = text.split(",");
    CpuModel model = model(words[0]);
    for (int n = 1; n < words.length; n++) {
      model = model.switched(words[n]);
    }
    return model;
  }

  private CpuModel switched(String word) {
    if (word.startsWith("maxlevel=")) {
      try {
        return withMaxLevel(Integer.decode(word.substring("maxlevel=".length())));
      } catch (NumberFormatException e) {
        throw new IllegalArgumentException(
            "maxlevel= wants a number, not \"%s\"".formatted(word), e);
      }
    }
    if (!word.startsWith("+") && !word.startsWith("-")) {
      throw new IllegalArgumentException(
          "\"%s\" switches nothing: +FEATURE, -FEATURE or maxlevel=NUMBER".formatted(word));
    }
    boolean on = word.startsWith("+");
    String wanted = word.substring(1).toUpperCase(Locale.ROOT).replace('.', '_');
    for (Feature feature : Feature.values()) {
      if (feature.name().equals(wanted)) {
        if (on && !IMPLEMENTED.contains(feature)) {
          break;
        }
        return with(feature, on);
      }
    }
    throw new IllegalArgumentException(
        "no processor feature \"%s\"; there are %s"
            .formatted(
                word.substring(1),
                IMPLEMENTED.stream()
                    .map(feature -> feature.name().toLowerCase(Locale.ROOT))
                    .collect(Collectors.joining(", "))));
  }

  private static CpuModel model(String name) {
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
        name, signature, level, levelLimit, brandIndex, brand, changed, cachesEax, cachesEdx);
  }

  /**
   * A copy whose highest basic CPUID leaf is at most {@code wanted} (at least 1): Windows NT 4
   * stops when it is above 2.
   */
  public CpuModel withMaxLevel(int wanted) {
    int limit = Math.max(1, wanted);
    return new CpuModel(
        name, signature, level, limit, brandIndex, brand, features, cachesEax, cachesEdx);
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

  /** The model number, with the extended bits of family 6. */
  public int extendedModel() {
    return signature >>> 4 & 15 | signature >>> 12 & 0xF0;
  }

  /** RDPMC and CR4.PCE: since the Pentium with MMX. */
  public boolean hasPerformanceCounters() {
    return family() >= 6 || has(Feature.MMX);
  }

  /** MAXPHYADDR: 40 bits with long mode, 36 with PAE or PSE36, else 32. */
  public int physicalBits() {
    return has(Feature.LM) ? 40 : has(Feature.PAE) || has(Feature.PSE36) ? 36 : 32;
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
        | (has(Feature.SSE) ? CpuState.CR4_OSXMMEXCPT : 0)
        | (has(Feature.UMIP) ? CpuState.CR4_UMIP : 0)
        | (has(Feature.FSGSBASE) ? CpuState.CR4_FSGSBASE : 0)
        | (has(Feature.PCID) ? CpuState.CR4_PCIDE : 0)
        | (has(Feature.XSAVE) ? CpuState.CR4_OSXSAVE : 0)
        | (has(Feature.SMEP) ? CpuState.CR4_SMEP : 0)
        | (has(Feature.SMAP) ? CpuState.CR4_SMAP : 0);
  }

  /** Bits of EFER that may be set; 0 when there is no EFER. */
  public long eferMask() {
    return (has(Feature.LM) ? CpuState.EFER_LME | CpuState.EFER_LMA : 0)
        | (has(Feature.SYSCALL) ? CpuState.EFER_SCE : 0)
        | (has(Feature.NX) ? CpuState.EFER_NXE : 0);
  }

  /** Bits of XCR0 that may be set: x87, and as there is, SSE and AVX; 0 without XSAVE. */
  public long xcr0Mask() {
    if (!has(Feature.XSAVE)) {
      return 0;
    }
    return 1 | (has(Feature.SSE) ? 2 : 0) | (has(Feature.AVX) ? 4 : 0);
  }

  /** The highest basic CPUID leaf: leaves that report a feature exist unless they are hidden. */
  public int maxLevel() {
    int needed = features.stream().mapToInt(feature -> feature.report.leaf).max().orElse(1);
    return Math.min(levelLimit, Math.max(level, needed));
  }

  /**
   * CPUID, as far as it depends on the model alone.
   *
   * @param leaf EAX; above the highest leaf, the highest basic leaf answers
   * @param subleaf ECX
   */
  public Leaf cpuid(int leaf, int subleaf) {
    if (leaf >>> 28 == 4 && has(Feature.HYPERVISOR)) {
      // Whose hypervisor it is; there are no further leaves.
      return new Leaf(
          0x4000_0000,
          letters(HYPERVISOR, 0, 12),
          letters(HYPERVISOR, 4, 12),
          letters(HYPERVISOR, 8, 12));
    }
    if (leaf < 0) {
      int highest = extendedLevel();
      if (Integer.compareUnsigned(leaf, highest) <= 0) {
        return extended(leaf, highest);
      }
    }
    int highest = maxLevel();
    if (leaf < 0 || leaf > highest) {
      leaf = highest;
    }
    return switch (leaf) {
      case 0 ->
          new Leaf(highest, letters(VENDOR, 0, 12), letters(VENDOR, 8, 12), letters(VENDOR, 4, 12));
      case 1 ->
          new Leaf(
              signature,
              brandIndex | (has(Feature.CLFSH) ? CLFLUSH_LINE : 0),
              bits(Report.LEAF_1_ECX),
              bits(Report.LEAF_1_EDX));
      case 2 -> new Leaf(cachesEax, 0, 0, cachesEdx);
      case 4 -> cache(subleaf);
      // The APIC timer never stops.
      case 6 -> new Leaf(4, 0, 0, 0);
      case 7 ->
          subleaf == 0
              ? new Leaf(
                  0, bits(Report.LEAF_7_EBX), bits(Report.LEAF_7_ECX), bits(Report.LEAF_7_EDX))
              : Leaf.ZERO;
      case 0xD -> extendedState(subleaf);
      default -> Leaf.ZERO;
    };
  }

  /** Leaf 4: 32 KiB of code and of data, 256 KiB behind them, 8 ways, lines of 64 bytes. */
  private static Leaf cache(int subleaf) {
    int ways = 7 << 22 | 63;
    return switch (subleaf) {
      case 0 -> new Leaf(0x121, ways, 63, 0);
      case 1 -> new Leaf(0x122, ways, 63, 0);
      case 2 -> new Leaf(0x143, ways, 511, 0);
      default -> Leaf.ZERO;
    };
  }

  /** Leaf 0Dh: the layout of XSAVE's image, the standard one throughout. */
  private Leaf extendedState(int subleaf) {
    if (!has(Feature.XSAVE)) {
      return Leaf.ZERO;
    }
    boolean avx = has(Feature.AVX);
    int size = avx ? AVX_OFFSET + AVX_SIZE : AVX_OFFSET;
    return switch (subleaf) {
      case 0 -> new Leaf((int) xcr0Mask(), AVX_OFFSET, size, 0);
      case 1 -> new Leaf(bits(Report.LEAF_D_1_EAX), size, 0, 0);
      case 2 -> avx ? new Leaf(AVX_SIZE, AVX_OFFSET, 0, 0) : Leaf.ZERO;
      default -> Leaf.ZERO;
    };
  }

  private int extendedLevel() {
    return has(Feature.LM)
        ? 0x8000_0008
        : !brand.isEmpty()
            ? 0x8000_0004
            : bits(Report.EXTENDED_1_EDX) != 0 ? 0x8000_0001 : 0x7FFF_FFFF;
  }

  private Leaf extended(int leaf, int highest) {
    return switch (leaf) {
      case 0x8000_0000 -> new Leaf(highest, 0, 0, 0);
      case 0x8000_0001 -> new Leaf(0, 0, bits(Report.EXTENDED_1_ECX), bits(Report.EXTENDED_1_EDX));
      case 0x8000_0002, 0x8000_0003, 0x8000_0004 -> {
        int at = (leaf - 0x8000_0002) * 16;
        yield new Leaf(
            letters(brand, at, 48),
            letters(brand, at + 4, 48),
            letters(brand, at + 8, 48),
            letters(brand, at + 12, 48));
      }
      case 0x8000_0006 -> new Leaf(0, 0, 0x0100_6040, 0);
      case 0x8000_0007 -> new Leaf(0, 0, 0, bits(Report.EXTENDED_7_EDX));
      case 0x8000_0008 -> new Leaf(physicalBits() | LINEAR_BITS << 8, 0, 0, 0);
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
