package io.satchel.vm.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.Conformance;
import io.satchel.vm.cpu.decode.Decoder;
import io.satchel.vm.cpu.decode.Instruction;
import io.satchel.vm.cpu.decode.OpcodeMap;
import io.satchel.vm.cpu.decode.OpcodeMap.Trait;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

/**
 * Every x87 and MMX row against the host processor: edge operands and random ones, with all
 * rounding and precision modes, exceptions masked and unmasked, empty registers and full ones.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class X87HostTests {

  private static final int CASES = 2_048;
  private static final int CONFORMANCE_CASES = 20_480;
  private static final int REPORTED = 5;

  /** Fewer rows than this means that the scan has gone wrong. */
  private static final int ROWS = 200;

  /** Their last bit is not defined: the host's result may be one unit off, and so is C1. */
  private static final Set<String> TRANSCENDENTAL =
      Set.of("F2XM1", "FYL2X", "FPTAN", "FPATAN", "FYL2XP1", "FSINCOS", "FSIN", "FCOS");

  private final Conformance.Rows found =
      new Conformance.Rows("x87 and MMX rows, 64 bits, against the host");

  @AfterAll
  void report() {
    found.report();
  }

  @TestFactory
  Stream<DynamicTest> everyRowDoesWhatTheHostDoes() {
    return rows(CASES);
  }

  @TestFactory
  @Tag("conformance")
  Stream<DynamicTest> everyRowDoesWhatTheHostDoesInManyMoreCases() {
    return rows(CONFORMANCE_CASES);
  }

  private Stream<DynamicTest> rows(int cases) {
    List<OpcodeMap.Row> rows =
        Decoder.fullMap().rows().stream()
            .filter(r -> VectorHostTests.features(r).isEmpty())
            .filter(
                r ->
                    r.has(Trait.X87)
                        || r.has(Trait.X87_NO_WAIT)
                        || r.has(Trait.MMX)
                        || r.mnemonic().equals("FWAIT"))
            .toList();
    assertThat(rows).hasSizeGreaterThan(ROWS);
    return rows.stream()
        .map(row -> DynamicTest.dynamicTest(row.toString(), () -> compare(row, cases)));
  }

  private void compare(OpcodeMap.Row row, int cases) {
    List<String> differences = new ArrayList<>();
    int wrong = 0;
    SplittableRandom random = new SplittableRandom(row.toString().hashCode());
    try (FpuHost host = new FpuHost()) {
      for (int done = 0; done < cases; done += FpuHost.BATCH) {
        byte[] code = encode(row, random);
        Instruction i = host.decode(code);
        assertThat(i.row().toString()).isEqualTo(row.toString());
        for (int n = 0; n < FpuHost.BATCH; n++) {
          fill(host.cases.slice(n * FpuHost.STRIDE, FpuHost.STRIDE), row, random);
        }
        host.runNative(code, FpuHost.BATCH);
        for (int n = 0; n < FpuHost.BATCH; n++) {
          ByteBuffer theirs = host.nativeResult(n);
          ByteBuffer ours = host.run(i, n);
          String difference = difference(row, theirs, ours);
          if (!difference.isEmpty()) {
            wrong++;
            if (differences.size() < REPORTED) {
              ByteBuffer in = host.cases.slice(n * FpuHost.STRIDE, FpuHost.STRIDE);
              differences.add(
                  "\n"
                      + HexFormat.of().formatHex(code)
                      + " "
                      + describe(in, theirs, ours)
                      + "\n    "
                      + difference);
            }
          }
        }
      }
    }
    found.compared(row.toString(), cases, wrong);
    assertThat(differences).as("%s: %d of %d cases differ", row, wrong, cases).isEmpty();
  }

  /** The row's bytes with random registers where it leaves them open. */
  private static byte[] encode(OpcodeMap.Row row, SplittableRandom random) {
    String text = " " + row.text() + " ";
    int reg = random.nextInt(8);
    for (int n = 0; n < 8; n++) {
      if (text.contains(" /" + n + " ")) {
        reg = n;
      }
    }
    int rm = random.nextInt(8);
    for (int n = 0; n < 8; n++) {
      if (text.contains(" rm=" + n + " ")) {
        rm = n;
      }
    }
    if (text.contains("Ey")) {
      // EAX: the others are in use by the code around.
      rm = 0;
    }
    boolean memory =
        !text.contains(" reg ")
            && (!row.has(Trait.MMX) || !text.contains("Nq") && random.nextBoolean());
    return FpuHost.encode(
        row, reg, memory ? -1 : rm, random.nextInt(random.nextBoolean() ? 256 : 72));
  }

  // Cases.

  private static final int[] EXPONENTS = {
    0,
    0,
    1,
    2,
    0x3FFF - 70,
    0x3FFF - 64,
    0x3FFF - 2,
    0x3FFE,
    0x3FFF,
    0x4000,
    0x3FFF + 15,
    0x3FFF + 16,
    0x3FFF + 30,
    0x3FFF + 31,
    0x3FFF + 32,
    0x3FFF + 58,
    0x3FFF + 62,
    0x3FFF + 63,
    0x3FFF + 64,
    0x3FFF - 126,
    0x3FFF - 127,
    0x3FFF - 150,
    0x3FFF + 127,
    0x3FFF + 128,
    0x3FFF - 1022,
    0x3FFF - 1023,
    0x3FFF - 1075,
    0x3FFF + 1023,
    0x3FFF + 1024,
    0x7FFD,
    0x7FFE,
    0x7FFF
  };

  private static final long[] SIGNIFICANDS = {
    0x8000_0000_0000_0000L,
    0x8000_0000_0000_0000L,
    0xC000_0000_0000_0000L,
    0xFFFF_FFFF_FFFF_FFFFL,
    1,
    0,
    0x8000_0000_0000_0001L,
    0x8000_0000_0000_0400L,
    0x8000_0000_0000_0C00L,
    0x8000_0080_0000_0000L,
    0x8000_0180_0000_0000L,
    0xFFFF_FF80_0000_0000L,
    0xFFFF_FFFF_FFFF_FC00L,
    0x7FFF_FFFF_FFFF_FFFFL,
    0x4000_0000_0000_0000L,
    0xA000_0000_0000_0000L,
    0xC000_0000_0000_0001L,
    0xFFFF_FF7F_FFFF_FFFFL,
    0xB504_F333_F9DE_6484L,
    0xDE0B_6B3A_763F_FFFFL
  };

  private static void number(ByteBuffer to, int at, SplittableRandom random) {
    long significand;
    int exponent;
    switch (random.nextInt(8)) {
      case 0, 1, 2 -> {
        significand = SIGNIFICANDS[random.nextInt(SIGNIFICANDS.length)];
        exponent = EXPONENTS[random.nextInt(EXPONENTS.length)];
      }
      case 3 -> {
        significand = random.nextLong() | Long.MIN_VALUE;
        exponent = EXPONENTS[random.nextInt(EXPONENTS.length)];
      }
      case 4 -> {
        significand = SIGNIFICANDS[random.nextInt(SIGNIFICANDS.length)] | Long.MIN_VALUE;
        exponent = 0x3FFF + random.nextInt(-80, 80);
      }
      case 5 -> {
        // A small integer.
        long value = random.nextLong() >>> random.nextInt(1, 64) | 1;
        int shift = Long.numberOfLeadingZeros(value);
        significand = value << shift;
        exponent = 0x3FFF + 63 - shift;
      }
      case 6 -> {
        significand = random.nextLong() | Long.MIN_VALUE;
        exponent = random.nextInt(0x8000);
      }
      default -> {
        significand = random.nextLong() | Long.MIN_VALUE;
        exponent = 0x3FFF + random.nextInt(-8, 8);
      }
    }
    to.putLong(at, significand);
    to.putShort(at + 8, (short) (exponent | (random.nextBoolean() ? 0x8000 : 0)));
  }

  private static void fill(ByteBuffer to, OpcodeMap.Row row, SplittableRandom random) {
    to.order(java.nio.ByteOrder.LITTLE_ENDIAN);
    int control = 0x40 | random.nextInt(4) << 10;
    control |= random.nextInt(4) << 8;
    control |= random.nextInt(3) != 0 ? 0x3F : random.nextInt(64);
    to.putShort(0, (short) control);
    int top = random.nextInt(8);
    // Exceptions that are there already must be masked ones.
    int status = random.nextInt(0x80) & (control & 0x3F | 0x40) & -(random.nextInt(2));
    status |= random.nextInt(0x8000) & 0x4700;
    to.putShort(2, (short) (status | top << 11));
    int valid =
        switch (random.nextInt(8)) {
          case 0 -> 0xFF;
          case 1 -> random.nextInt(256);
          // ST(7) empty, the others full.
          default -> ~(1 << (top + 7 & 7));
        };
    to.putShort(4, (short) (valid & 0xFF));
    to.putInt(24, 0x1F80);
    to.putInt(28, 0);
    for (int n = 0; n < 8; n++) {
      number(to, 32 + 16 * n, random);
    }
    boolean two = row.text().contains("FPREM") || random.nextInt(4) == 0;
    if (two) {
      // Operands near each other.
      int other = (to.getShort(40) & 0x7FFF) + random.nextInt(-70, 70);
      to.putShort(56, (short) (Math.clamp(other, 0, 0x7FFF) | (random.nextBoolean() ? 0x8000 : 0)));
      if (random.nextBoolean()) {
        to.putLong(48, to.getLong(32) + random.nextInt(-2, 3));
      }
    }
    memory(to, row, random);
    to.putLong(FpuHost.RAX, random.nextLong());
    to.putLong(FpuHost.RFLAGS, 0x202 | random.nextInt(0x1000) & CpuState.ARITHMETIC);
  }

  private static void memory(ByteBuffer to, OpcodeMap.Row row, SplittableRandom random) {
    int at = FpuHost.MEMORY;
    for (int n = 0; n < 256; n += 8) {
      to.putLong(at + n, random.nextLong());
    }
    String text = row.text();
    if (text.contains("FBLD")) {
      for (int n = 0; n < 9; n++) {
        to.put(at + n, (byte) (random.nextInt(10) << 4 | random.nextInt(10)));
      }
      if (random.nextInt(8) == 0) {
        to.putLong(at, 0).put(at + 8, (byte) 0);
      }
    } else if (text.contains(" Mt")) {
      number(to, at, random);
    } else if (text.contains("FLDCW")) {
      to.putShort(at, (short) random.nextInt());
    } else if (text.startsWith("FI")) {
      long value = random.nextLong() >> random.nextInt(64);
      to.putLong(at, random.nextInt(8) == 0 ? Long.MIN_VALUE >> 8 * random.nextInt(8) : value);
    } else if (text.contains(" Md")) {
      int x = random.nextInt(4) == 0 ? random.nextInt(2) * 255 : random.nextInt(256);
      x = random.nextInt(4) == 0 ? 127 + random.nextInt(-3, 3) : x;
      int fraction = (int) (SIGNIFICANDS[random.nextInt(SIGNIFICANDS.length)] >>> 40);
      fraction = random.nextBoolean() ? random.nextInt() : fraction;
      to.putInt(at, random.nextInt() & 0x8000_0000 | x << 23 | fraction & 0x7F_FFFF);
    } else if (text.contains(" Mq")) {
      int x = random.nextInt(4) == 0 ? random.nextInt(2) * 2047 : random.nextInt(2048);
      x = random.nextInt(4) == 0 ? 1023 + random.nextInt(-3, 3) : x;
      long fraction = SIGNIFICANDS[random.nextInt(SIGNIFICANDS.length)] << 1 >>> 12;
      fraction = random.nextBoolean() ? random.nextLong() << 12 >>> 12 : fraction;
      to.putLong(at, random.nextLong() & Long.MIN_VALUE | (long) x << 52 | fraction);
    } else if (row.has(Trait.MMX)) {
      if (text.startsWith("PS") && random.nextInt(4) != 0) {
        to.putLong(at, random.nextInt(80));
        to.putLong(32, random.nextInt(80));
      }
    } else if (text.contains("FLDENV") || text.contains("FRSTOR")) {
      to.putInt(at, 0xFFFF_0000 | random.nextInt());
      to.putInt(at + 4, random.nextInt());
      to.putInt(at + 8, random.nextInt());
      // Code and data selectors that any processor takes.
      to.putInt(at + 16, random.nextInt() & 0x7FF_0000);
      to.putInt(at + 24, 0);
    }
  }

  // Comparison.

  private static String difference(OpcodeMap.Row row, ByteBuffer theirs, ByteBuffer ours) {
    boolean close = TRANSCENDENTAL.contains(row.mnemonic());
    StringBuilder out = new StringBuilder();
    int a = FpuHost.AFTER;
    if (theirs.getShort(a) != ours.getShort(a)) {
      out.append("FCW ");
    }
    // FCOMI: the manual says that C1 is cleared; AMD's processors leave it.
    int undefined = close || row.mnemonic().contains("COMI") ? FpuState.C1 : 0;
    if (((theirs.getShort(a + 2) ^ ours.getShort(a + 2)) & ~undefined) != 0) {
      out.append("FSW ");
    }
    if (theirs.get(a + 4) != ours.get(a + 4)) {
      out.append("FTW ");
    }
    for (int n = 0; n < 8; n++) {
      int at = a + 32 + 16 * n;
      boolean same =
          theirs.getLong(at) == ours.getLong(at)
              && theirs.getShort(at + 8) == ours.getShort(at + 8);
      if (!same && !(close && neighbours(theirs, ours, at))) {
        out.append("ST" + n + " ");
      }
    }
    boolean environment = row.mnemonic().equals("FNSAVE") || row.mnemonic().equals("FNSTENV");
    for (int n = 0; n < 256; n++) {
      // The environment's pointers are compared elsewhere: the host's are its own.
      boolean pointers = environment && n >= 12 && n < 28;
      if (!pointers && theirs.get(FpuHost.MEMORY + n) != ours.get(FpuHost.MEMORY + n)) {
        out.append("memory+" + n + " ");
        break;
      }
    }
    if (theirs.getLong(FpuHost.RAX) != ours.getLong(FpuHost.RAX)) {
      out.append("RAX ");
    }
    long flags = theirs.getLong(FpuHost.RFLAGS) ^ ours.getLong(FpuHost.RFLAGS);
    if ((flags & CpuState.ARITHMETIC) != 0) {
      out.append("RFLAGS ");
    }
    return out.toString();
  }

  /** Whether two results are at most one unit in the last place apart. */
  private static boolean neighbours(ByteBuffer a, ByteBuffer b, int at) {
    int x = a.getShort(at + 8) - b.getShort(at + 8);
    long difference = a.getLong(at) - b.getLong(at);
    return switch (x) {
      case 0 -> Math.abs(difference) == 1;
      case 1 -> a.getLong(at) == Long.MIN_VALUE && b.getLong(at) == -1;
      case -1 -> b.getLong(at) == Long.MIN_VALUE && a.getLong(at) == -1;
      default -> false;
    };
  }

  /** What went in, and only what came out different. */
  private static String describe(ByteBuffer in, ByteBuffer theirs, ByteBuffer ours) {
    in.order(java.nio.ByteOrder.LITTLE_ENDIAN);
    StringBuilder out = new StringBuilder();
    out.append("FCW %04X FTW %02X".formatted(in.getShort(0), in.get(4)));
    for (int n : new int[] {0, 1, 7}) {
      int st = 32 + 16 * n;
      out.append(" ST%d %04X:%016X".formatted(n, in.getShort(st + 8), in.getLong(st)));
    }
    int m = FpuHost.MEMORY;
    out.append(" M %04X:%016X".formatted(in.getShort(m + 8), in.getLong(m)));
    int a = FpuHost.AFTER;
    out.append(
        "\n    FSW %04X, host %04X ours %04X"
            .formatted(in.getShort(2), theirs.getShort(a + 2), ours.getShort(a + 2)));
    if (theirs.get(a + 4) != ours.get(a + 4)) {
      out.append("\n    FTW host %02X ours %02X".formatted(theirs.get(a + 4), ours.get(a + 4)));
    }
    for (int n = 0; n < 8; n++) {
      int st = a + 32 + 16 * n;
      if (theirs.getLong(st) != ours.getLong(st)
          || theirs.getShort(st + 8) != ours.getShort(st + 8)) {
        out.append(
            "\n    ST%d host %04X:%016X ours %04X:%016X"
                .formatted(
                    n,
                    theirs.getShort(st + 8),
                    theirs.getLong(st),
                    ours.getShort(st + 8),
                    ours.getLong(st)));
      }
    }
    for (int n = 0; n < 256; n += 8) {
      if (theirs.getLong(m + n) != ours.getLong(m + n)) {
        out.append(
            "\n    memory+%d host %016X ours %016X"
                .formatted(n, theirs.getLong(m + n), ours.getLong(m + n)));
      }
    }
    int flags = FpuHost.RFLAGS;
    if (((theirs.getLong(flags) ^ ours.getLong(flags)) & CpuState.ARITHMETIC) != 0) {
      out.append(
          "\n    RFLAGS %03X, host %03X ours %03X"
              .formatted(in.getLong(flags), theirs.getLong(flags), ours.getLong(flags)));
    }
    return out.toString();
  }
}
