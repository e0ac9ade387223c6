package io.satchel.vm.cpu;

import static io.satchel.vm.cpu.HostProcessor.AFTER;
import static io.satchel.vm.cpu.HostProcessor.BATCH;
import static io.satchel.vm.cpu.HostProcessor.FAULT;
import static io.satchel.vm.cpu.HostProcessor.FX;
import static io.satchel.vm.cpu.HostProcessor.GPR;
import static io.satchel.vm.cpu.HostProcessor.MEMORY;
import static io.satchel.vm.cpu.HostProcessor.MXCSR;
import static io.satchel.vm.cpu.HostProcessor.RFLAGS;
import static io.satchel.vm.cpu.HostProcessor.ST;
import static io.satchel.vm.cpu.HostProcessor.STRIDE;
import static io.satchel.vm.cpu.HostProcessor.UPPER;
import static io.satchel.vm.cpu.HostProcessor.XMM;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.satchel.vm.Conformance;
import io.satchel.vm.cpu.CpuModel.Feature;
import io.satchel.vm.cpu.decode.Decoder;
import io.satchel.vm.cpu.decode.OpcodeMap;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

/**
 * Every row that SSE and its successors added, in 64-bit and in 32-bit code against the host
 * processor: all registers, memory operands near and relative to RIP, misaligned ones, edge
 * operands and random ones, all rounding modes, denormals as zeros, exceptions masked and unmasked.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class VectorHostTests {

  private static final int ENCODINGS = 4;
  private static final int CONFORMANCE_ENCODINGS = 320;
  private static final int REPORTED = 4;

  /** The features whose rows are tested here, and the names that Linux gives them. */
  private static final Map<Feature, String> FEATURES =
      new EnumMap<>(
          Map.ofEntries(
              Map.entry(Feature.SSE, "sse"),
              Map.entry(Feature.SSE2, "sse2"),
              Map.entry(Feature.SSE3, "pni"),
              Map.entry(Feature.SSSE3, "ssse3"),
              Map.entry(Feature.SSE4_1, "sse4_1"),
              Map.entry(Feature.SSE4_2, "sse4_2"),
              Map.entry(Feature.POPCNT, "popcnt"),
              Map.entry(Feature.LZCNT, "abm"),
              Map.entry(Feature.BMI1, "bmi1"),
              Map.entry(Feature.BMI2, "bmi2"),
              Map.entry(Feature.MOVBE, "movbe"),
              Map.entry(Feature.CX16, "cx16"),
              Map.entry(Feature.AES, "aes"),
              Map.entry(Feature.PCLMULQDQ, "pclmulqdq"),
              Map.entry(Feature.SHA, "sha_ni"),
              Map.entry(Feature.RDRAND, "rdrand"),
              Map.entry(Feature.RDSEED, "rdseed"),
              Map.entry(Feature.F16C, "f16c"),
              Map.entry(Feature.ADX, "adx"),
              Map.entry(Feature.FMA, "fma"),
              Map.entry(Feature.AVX, "avx"),
              Map.entry(Feature.AVX2, "avx2"),
              Map.entry(Feature.VAES, "vaes"),
              Map.entry(Feature.VPCLMULQDQ, "vpclmulqdq")));

  /** Rows whose result is not a function of their operands, with the test that covers them. */
  static final Set<String> RANDOM = Set.of("RDRAND", "RDSEED");

  /** Approximations, of which the manual gives the greatest error only. */
  private static final Set<String> APPROXIMATE =
      Set.of("RCPPS", "RCPSS", "RSQRTPS", "RSQRTSS", "VRCPPS", "VRCPSS", "VRSQRTPS", "VRSQRTSS");

  private final HostProcessor[] processors = new HostProcessor[2];
  private final Conformance.Rows found =
      new Conformance.Rows("vector and bit rows, 64 and 32 bits, against the host");

  @BeforeAll
  void open() {
    for (int n = 0; n < 2; n++) {
      processors[n] = new HostProcessor(n == 0 ? 8 : 4);
      processors[n].cpu.cr4 |= CpuState.CR4_OSXSAVE;
      processors[n].cpu.xcr0 = 7;
    }
  }

  @AfterAll
  void close() {
    found.report();
    for (HostProcessor processor : processors) {
      if (processor != null) {
        processor.close();
      }
    }
  }

  /** The features of a row that are tested here. */
  static Set<Feature> features(OpcodeMap.Row row) {
    Set<Feature> features = java.util.EnumSet.copyOf(FEATURES.keySet());
    features.retainAll(row.features());
    return features;
  }

  @TestFactory
  Stream<DynamicTest> everyRowDoesWhatTheHostDoes() {
    return rows(ENCODINGS);
  }

  @TestFactory
  @Tag("conformance")
  Stream<DynamicTest> everyRowDoesWhatTheHostDoesInTenThousandCases() {
    return rows(CONFORMANCE_ENCODINGS);
  }

  private Stream<DynamicTest> rows(int encodings) {
    String only = System.getProperty("satchel.row", "");
    List<OpcodeMap.Row> rows =
        Decoder.fullMap().rows().stream()
            .filter(r -> !features(r).isEmpty() && !RANDOM.contains(r.mnemonic()))
            .filter(r -> r.toString().contains(only))
            .toList();
    return Stream.concat(
        rows.stream()
            .filter(row -> !row.has(OpcodeMap.Trait.NOT64))
            .map(row -> test("64 bits, ", row, processors[0], encodings)),
        rows.stream()
            .filter(VectorHostTests::in32Bits)
            .map(row -> test("32 bits, ", row, processors[1], encodings)));
  }

  /** Whether 32-bit code has the row: general registers of 64 bits are not for it. */
  static boolean in32Bits(OpcodeMap.Row row) {
    boolean general = row.operands().stream().anyMatch(o -> o.type().equals("y"));
    return !row.has(OpcodeMap.Trait.ONLY64) && !(row.text().contains(" W1") && general);
  }

  private DynamicTest test(
      String width, OpcodeMap.Row row, HostProcessor processor, int encodings) {
    return DynamicTest.dynamicTest(width + row, () -> compare(row, processor, encodings));
  }

  private void compare(OpcodeMap.Row row, HostProcessor processor, int encodings) {
    Set<String> host = HostProcessor.hostFeatures();
    for (Feature feature : features(row)) {
      assumeTrue(host.contains(FEATURES.get(feature)), "needs a host processor with " + feature);
    }
    List<String> differences = new ArrayList<>();
    int wrong = 0;
    int ran = 0;
    long seed = Long.getLong("satchel.seed", 1);
    SplittableRandom random = new SplittableRandom(seed ^ row.toString().hashCode());
    for (int n = 0; n < encodings; n++) {
      Form form = new Form(row, processor == processors[0], random, n);
      processor.instruction(form.encode(processor));
      byte[] code = form.encode(processor);
      processor.instruction(code);
      assertThat(processor.decode().row().toString())
          .as(HexFormat.of().formatHex(code))
          .isEqualTo(row.toString());
      for (int m = 0; m < BATCH; m++) {
        form.fill(processor, m, random);
      }
      for (int m = 0; m < HostProcessor.SCRATCH_SIZE; m += 16) {
        form.value(processor.scratch, m, random);
      }
      ByteBuffer theirs = processor.runNative(BATCH);
      byte[] scratch = processor.scratchAfter;
      ByteBuffer ours = processor.run(BATCH);
      for (int m = 0; m < BATCH; m++) {
        if (APPROXIMATE.contains(row.mnemonic())) {
          acceptClose(theirs, ours, m * STRIDE + AFTER);
        }
        String difference = processor.difference(theirs, ours, m, definedFlags(row));
        if (m == 0 && !Arrays.equals(scratch, processor.scratchAfter)) {
          difference += "scratch memory differs";
        }
        if (theirs.getInt(m * STRIDE + FAULT) == 0) {
          ran++;
        }
        if (!difference.isEmpty()) {
          wrong++;
          if (differences.size() < REPORTED) {
            differences.add(
                "\n"
                    + HexFormat.of().formatHex(code)
                    + " "
                    + form.describe(processor, m)
                    + "\n    "
                    + difference);
          }
        }
      }
    }
    String width = processor == processors[0] ? "64 bits, " : "32 bits, ";
    found.compared(width + row, encodings * BATCH, wrong);
    assertThat(differences)
        .as("%s: %d of %d cases differ", row, wrong, encodings * BATCH)
        .isEmpty();
    // Cases that raise something show little.
    int few = row.text().contains("vsib") ? 16 : 4;
    assertThat(ran).as("cases without an exception").isGreaterThan(encodings * BATCH / few);
  }

  private static long definedFlags(OpcodeMap.Row row) {
    int all = CpuState.ARITHMETIC;
    return switch (row.mnemonic()) {
      case "LZCNT", "TZCNT" -> CpuState.CF | CpuState.ZF;
      case "ANDN", "BLSR", "BLSMSK", "BLSI", "BZHI" -> all & ~(CpuState.AF | CpuState.PF);
      case "BEXTR" -> CpuState.CF | CpuState.ZF | CpuState.OF;
      default -> all;
    };
  }

  /** Takes the host's approximations for ours where both are within the bounds of the manual. */
  private static void acceptClose(ByteBuffer theirs, ByteBuffer ours, int at) {
    for (int area : new int[] {XMM, UPPER}) {
      for (int n = 0; n < 256; n += 4) {
        float a = theirs.getFloat(at + area + n);
        float b = ours.getFloat(at + area + n);
        // Each within 1.5 * 2^-12 of the true value; at the smallest normal number, which of the
        // two
        // is tiny and so becomes zero is the processor's affair (SDM volume 2, RCPPS).
        boolean close =
            Math.abs(a) >= Float.MIN_NORMAL && Math.abs(a - b) <= Math.abs(a) * 0x3.01p-12f;
        boolean tiny =
            a == 0 && Math.abs(b) == Float.MIN_NORMAL && Math.signum(1 / a) == Math.signum(b);
        if (close || tiny) {
          ours.putInt(at + area + n, theirs.getInt(at + area + n));
        }
      }
    }
  }

  /** One encoding of a row. */
  private static final class Form {
    final OpcodeMap.Row row;
    final boolean code64;
    final String text;
    final boolean memory;
    final boolean ripRelative;
    final int reg;
    final int rm;
    final int vvvv;
    final int base;
    final int index;
    final int scale;
    final int displacement;
    final boolean wide;
    final boolean longVector;
    final boolean shortVex;
    final int immediate;
    final boolean vsib;
    final boolean operandPrefix;
    final boolean aligned;
    final boolean singles;
    final boolean doubles;

    Form(OpcodeMap.Row row, boolean code64, SplittableRandom random, int number) {
      this.row = row;
      this.code64 = code64;
      int most = code64 ? 16 : 8;
      text = " " + row.text() + " ";
      boolean registerOnly = word("reg") || has("NRU");
      boolean memoryOnly = word("mem") || has("M");
      vsib = word("vsib");
      memory = vsib || memoryOnly || !registerOnly && has("EWQ") && (number & 1) != 0;
      ripRelative = memory && !vsib && random.nextInt(6) == 0;
      int fixed = text.indexOf('/');
      reg = fixed >= 0 ? text.charAt(fixed + 1) - '0' : random.nextInt(has("P") ? 8 : most);
      rm = random.nextInt(has("NQ") ? 8 : most);
      int anySource = random.nextInt(most);
      int anyBase = random.nextInt(most);
      base = compared(anyBase) ? 7 : anyBase;
      int anyIndex = random.nextInt(most);
      boolean unfit = anyIndex == base || anyIndex == 4 || compared(anyIndex);
      index = unfit ? base == 5 ? 6 : 5 : anyIndex;
      // A gather wants three registers; now and then it does not get them.
      boolean clash = vsib && random.nextInt(8) != 0;
      int free = anySource;
      while (clash && (free == reg || free == index)) {
        free = (free + 1) % most;
      }
      vvvv = free;
      scale = random.nextInt(4);
      displacement = random.nextInt(-0x1000, 0x1000);
      boolean sized =
          row.operands().stream().anyMatch(o -> o.type().equals("y") || o.type().equals("v"));
      // Intel's processors take VPEXTRQ for VPEXTRD in 32-bit code, AMD's refuse it.
      boolean mayIgnoreW = row.vex() && !(sized && has("VH"));
      wide =
          word("W1")
              || !word("W0") && (code64 ? sized || row.vex() : mayIgnoreW) && random.nextBoolean();
      longVector = word("L1") || !word("L0") && row.vex() && has("VHWU") && random.nextBoolean();
      shortVex = random.nextBoolean();
      immediate = random.nextInt(256);
      operandPrefix =
          row.operands().stream().anyMatch(o -> o.type().equals("v"))
              && !word("np")
              && random.nextInt(3) == 0;
      // The manual wants them aligned, AMD's processors do not.
      aligned = row.features().contains(Feature.SHA);
      String name = row.mnemonic();
      singles = name.contains("PS") || name.contains("SS");
      doubles = name.contains("PD") || name.contains("SD");
    }

    /** RAX and RDX of CMPXCHG16B often get the memory's value, which is no address. */
    private boolean compared(int register) {
      return row.mnemonic().equals("CMPXCHG16B") && (register == 0 || register == 2);
    }

    boolean has(String methods) {
      return row.operands().stream().anyMatch(o -> methods.indexOf(o.method()) >= 0);
    }

    boolean word(String word) {
      return text.contains(" " + word + " ");
    }

    byte[] encode(HostProcessor host) {
      ByteBuffer b = ByteBuffer.allocate(32).order(ByteOrder.LITTLE_ENDIAN);
      int r = reg >>> 3;
      int x = memory && !ripRelative ? index >>> 3 : 0;
      int bb = memory ? ripRelative ? 0 : base >>> 3 : rm >>> 3;
      int opcode = row.opcode();
      int map = opcode > 0xFFF ? (opcode >>> 8 & 0xFF) == 0x38 ? 2 : 3 : 1;
      if (row.vex()) {
        int pp = word("66") ? 1 : word("F3") ? 2 : word("F2") ? 3 : 0;
        int inverted = has("HB") ? ~vvvv & 15 : 15;
        int last = inverted << 3 | (longVector ? 4 : 0) | pp;
        if (shortVex && map == 1 && x == 0 && bb == 0 && !wide) {
          b.put((byte) 0xC5).put((byte) ((r ^ 1) << 7 | last));
        } else {
          b.put((byte) 0xC4);
          b.put((byte) ((r ^ 1) << 7 | (x ^ 1) << 6 | (bb ^ 1) << 5 | map));
          b.put((byte) ((wide ? 0x80 : 0) | last));
        }
      } else {
        if (word("66") || operandPrefix) {
          b.put((byte) 0x66);
        }
        if (word("F2") || word("F3")) {
          b.put((byte) (word("F2") ? 0xF2 : 0xF3));
        }
        int rex = 0x40 | (wide ? 8 : 0) | r << 2 | x << 1 | bb;
        boolean bytes = row.operands().stream().anyMatch(o -> o.type().equals("b"));
        if (code64 && (rex != 0x40 || bytes)) {
          b.put((byte) rex);
        }
        b.put((byte) 0x0F);
        if (map > 1) {
          b.put((byte) (opcode >>> 8));
        }
      }
      b.put((byte) opcode);
      int immediates = has("IL") ? 1 : 0;
      boolean modrm =
          text.contains(" /")
              || row.operands().stream().anyMatch(o -> "CDEGMNPQRSUVW".indexOf(o.method()) >= 0);
      if (modrm) {
        modrm(b, host, immediates);
      }
      if (immediates != 0) {
        b.put((byte) immediate);
      }
      return Arrays.copyOf(b.array(), b.position());
    }

    private void modrm(ByteBuffer b, HostProcessor host, int behind) {
      int r = (reg & 7) << 3;
      if (!memory) {
        b.put((byte) (0xC0 | r | rm & 7));
      } else if (ripRelative) {
        b.put((byte) (r | 5));
        long next = code64 ? host.instructionAddress() + b.position() + 4 + behind : 0;
        b.putInt((int) (host.scratchAddress() + 0x100 + (displacement & misalignment()) - next));
      } else {
        b.put((byte) (0x80 | r | 4));
        b.put((byte) (scale << 6 | (index & 7) << 3 | base & 7)).putInt(displacement);
      }
    }

    private int misalignment() {
      return !aligned && (displacement & 0xE00) == 0 ? 31 : 0;
    }

    /** Fills in record {@code n}. */
    void fill(HostProcessor host, int n, SplittableRandom random) {
      ByteBuffer to = host.records;
      int at = n * STRIDE;
      Arrays.fill(to.array(), at, at + STRIDE, (byte) 0);
      to.putShort(at + FX, (short) 0x037F);
      to.putShort(at + FX + 2, (short) (random.nextInt() & 0x7F3F & ~0x80));
      to.put(at + FX + 4, (byte) random.nextInt());
      int mxcsr = random.nextInt(0x10000) & (random.nextInt(3) == 0 ? 0xFFFF : 0xFFBF);
      if (random.nextInt(3) != 0) {
        mxcsr |= 0x1F80;
      }
      if (random.nextInt(3) == 0) {
        mxcsr &= ~0xE07F;
      }
      to.putInt(at + MXCSR, mxcsr);
      for (int r = 0; r < 8; r++) {
        to.putLong(at + ST + 16 * r, random.nextInt(4) == 0 ? random.nextInt(80) : pattern(random));
        to.putShort(at + ST + 16 * r + 8, (short) random.nextInt());
      }
      for (int r = 0; r < 16; r++) {
        value(to, at + XMM + 16 * r, random);
        value(to, at + UPPER + 16 * r, random);
        to.putLong(at + GPR + 8 * r, general(random));
      }
      if (random.nextInt(4) == 0) {
        // Sources that are alike.
        for (int k = 0; k < 16; k += 4) {
          int a = to.getInt(at + XMM + 16 * (row.vex() ? vvvv : reg) + k);
          to.putInt(at + XMM + 16 * rm + k, a + random.nextInt(-1, 2));
        }
      }
      for (int k = 0x1C0; k < (vsib ? 0x500 : 0x2C0); k += 16) {
        value(to, at + MEMORY + k, random);
      }
      to.putLong(at + RFLAGS, 0x202 | random.nextInt() & CpuState.ARITHMETIC);
      long target = host.recordAddress(n) + MEMORY + 0x200;
      to.putLong(at + GPR + 8 * CpuState.RDI, target);
      if (vsib) {
        // The index is a vector register: elements that stay within the record's memory.
        boolean quadwords = (row.opcode() & 1) != 0;
        for (int k = 0; k < 32; k += quadwords ? 8 : 4) {
          int place = at + (k < 16 ? XMM : UPPER - 16) + 16 * index + k;
          if (quadwords) {
            to.putLong(place, random.nextInt(-32, 32));
          } else {
            to.putInt(place, random.nextInt(-32, 32));
          }
        }
        to.putLong(at + GPR + 8 * base, target + 0x100 - displacement);
      } else if (memory && !ripRelative) {
        int offset =
            !aligned && random.nextInt(10) == 0 ? random.nextInt(64) : 32 * random.nextInt(4);
        long scaled = to.getLong(at + GPR + 8 * index) << scale;
        to.putLong(at + GPR + 8 * base, target + offset - scaled - displacement);
        if (row.mnemonic().endsWith("MXCSR")) {
          to.putInt(at + MEMORY + 0x200 + offset, random.nextInt(0x10000));
        }
        if (row.mnemonic().equals("CMPXCHG16B") && random.nextBoolean()) {
          to.putLong(at + GPR, to.getLong(at + MEMORY + 0x200 + offset));
          to.putLong(at + GPR + 16, to.getLong(at + MEMORY + 0x208 + offset));
        }
      }
      for (int r = 0; !code64 && r < 16; r++) {
        long value = to.getLong(at + GPR + 8 * r) & 0xFFFF_FFFFL;
        to.putLong(at + GPR + 8 * r, r < 8 ? value : 0);
      }
    }

    private static long general(SplittableRandom random) {
      return switch (random.nextInt(4)) {
        case 0 -> random.nextLong();
        case 1 -> random.nextInt();
        case 2 -> random.nextLong() >> random.nextInt(64);
        default -> random.nextInt(0x10000);
      };
    }

    private static long pattern(SplittableRandom random) {
      long value = 0;
      for (int n = 0; n < 64; n += 8) {
        int[] edges = {0, 1, 0x7F, 0x80, 0xFF, 0xFE, 0x40, random.nextInt(256)};
        value |= (long) edges[random.nextInt(8)] << n;
      }
      return value;
    }

    /** 16 bytes of operand. */
    void value(ByteBuffer to, int at, SplittableRandom random) {
      int style = random.nextInt(8);
      boolean fitting = singles || doubles;
      if (fitting && style < 6) {
        boolean single = singles && (!doubles || random.nextBoolean());
        for (int n = 0; n < 16; n += single ? 4 : 8) {
          if (single) {
            to.putInt(at + n, single(random));
          } else {
            to.putLong(at + n, real(random));
          }
        }
        return;
      }
      switch (style) {
        case 0, 1 -> to.putLong(at, random.nextLong()).putLong(at + 8, random.nextLong());
        case 2 -> to.putLong(at, random.nextInt(80)).putLong(at + 8, 0);
        case 3 -> {
          for (int n = 0; n < 16; n += 4) {
            to.putInt(at + n, single(random));
          }
        }
        case 4 -> to.putLong(at, real(random)).putLong(at + 8, real(random));
        case 5 -> to.putLong(at, general(random)).putLong(at + 8, general(random));
        default -> to.putLong(at, pattern(random)).putLong(at + 8, pattern(random));
      }
    }

    private static int single(SplittableRandom random) {
      int sign = random.nextInt() & 0x8000_0000;
      int fraction = random.nextInt() & 0x7F_FFFF;
      int[] fractions = {0, 1, 0x7F_FFFF, 0x40_0000, 0x3F_FFFF, 0x7F_F000, fraction, fraction};
      fraction = fractions[random.nextInt(8)];
      int exponent =
          switch (random.nextInt(8)) {
            case 0 -> 0;
            case 1 -> new int[] {0xFF, 0xFE, 1, 2, 0x9E, 0x9D, 0xBE, 0xBD}[random.nextInt(8)];
            case 2 -> random.nextInt(256);
            case 3 -> random.nextInt(64);
            case 4 -> random.nextInt(127, 160);
            default -> random.nextInt(120, 136);
          };
      return sign | exponent << 23 | fraction;
    }

    private static long real(SplittableRandom random) {
      long sign = random.nextLong() & Long.MIN_VALUE;
      long any = random.nextLong() & 0xF_FFFF_FFFF_FFFFL;
      long[] fractions = {
        0,
        1,
        0xF_FFFF_FFFF_FFFFL,
        0x8_0000_0000_0000L,
        0x7_FFFF_FFFF_FFFFL,
        any & -1L << 30,
        any,
        any & -1L << 28
      };
      long fraction = fractions[random.nextInt(8)];
      long exponent =
          switch (random.nextInt(9)) {
            case 0 -> 0;
            case 1 -> new int[] {0x7FF, 0x7FE, 1, 2, 0x41D, 0x41E, 0x43D, 0x43E}[random.nextInt(8)];
            case 2 -> random.nextInt(2048);
            case 3 -> random.nextInt(512);
            case 4 -> random.nextInt(1023, 1023 + 66);
            case 5 -> 1023 + random.nextInt(-152, -120);
            case 6 -> 1023 + random.nextInt(124, 130);
            default -> random.nextInt(1016, 1032);
          };
      return sign | exponent << 52 | fraction;
    }

    String describe(HostProcessor host, int n) {
      ByteBuffer in = host.records;
      int at = n * STRIDE;
      StringBuilder out = new StringBuilder();
      out.append("mxcsr %x fsw %x".formatted(in.getInt(at + MXCSR), in.getShort(at + 2)));
      for (int r : new int[] {reg, vvvv, rm}) {
        out.append(
            " %d %016x:%016x (%016x:%016x) r %x"
                .formatted(
                    r,
                    in.getLong(at + XMM + 16 * r + 8),
                    in.getLong(at + XMM + 16 * r),
                    in.getLong(at + UPPER + 16 * r + 8),
                    in.getLong(at + UPPER + 16 * r),
                    in.getLong(at + GPR + 8 * r)));
      }
      if (memory && ripRelative) {
        int m = 0x100;
        out.append(
            " s %016x:%016x".formatted(host.scratch.getLong(m + 8), host.scratch.getLong(m)));
      } else if (memory) {
        long address =
            in.getLong(at + GPR + 8 * base)
                + (in.getLong(at + GPR + 8 * index) << scale)
                + displacement;
        int m = at + (int) (address - host.recordAddress(n));
        if (m >= at && m < at + STRIDE - 16) {
          out.append(" m+%x %016x:%016x".formatted(m - at, in.getLong(m + 8), in.getLong(m)));
        }
      }
      return out.toString();
    }
  }
}
