package io.satchel.vm.cpu;

import static io.satchel.vm.cpu.CpuState.DF;
import static io.satchel.vm.cpu.CpuState.DS;
import static io.satchel.vm.cpu.CpuState.ES;
import static io.satchel.vm.cpu.CpuState.FS;
import static io.satchel.vm.cpu.CpuState.GS;
import static io.satchel.vm.cpu.CpuState.RAX;
import static io.satchel.vm.cpu.CpuState.RBP;
import static io.satchel.vm.cpu.CpuState.RBX;
import static io.satchel.vm.cpu.CpuState.RCX;
import static io.satchel.vm.cpu.CpuState.RDI;
import static io.satchel.vm.cpu.CpuState.RDX;
import static io.satchel.vm.cpu.CpuState.RSI;
import static io.satchel.vm.cpu.CpuState.RSP;
import static io.satchel.vm.cpu.HostProcessor.BATCH;
import static io.satchel.vm.cpu.HostProcessor.FAULT;
import static io.satchel.vm.cpu.HostProcessor.GPR;
import static io.satchel.vm.cpu.HostProcessor.MEMORY;
import static io.satchel.vm.cpu.HostProcessor.MXCSR;
import static io.satchel.vm.cpu.HostProcessor.RFLAGS;
import static io.satchel.vm.cpu.HostProcessor.STRIDE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.satchel.vm.Conformance;
import io.satchel.vm.cpu.decode.ArithmeticRows;
import io.satchel.vm.cpu.decode.ControlRows;
import io.satchel.vm.cpu.decode.Decoder;
import io.satchel.vm.cpu.decode.MoveRows;
import io.satchel.vm.cpu.decode.OpcodeMap;
import io.satchel.vm.cpu.decode.OpcodeMap.Row;
import io.satchel.vm.cpu.decode.OpcodeMap.Trait;
import io.satchel.vm.cpu.decode.Operand;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
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
 * Every integer row, and what of the system rows a user may try, against the host processor in
 * 64-bit and in 32-bit code: all registers, all sizes of operands and addresses, segments with a
 * base, addresses relative to RIP, jumps of 16 bits, and the exceptions that come of it. What the
 * host does without an exception, the engine's micro-operations have to do as well as the rows'
 * effects.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class UserCodeHostTests {

  private static final int ENCODINGS = 6;
  private static final int CONFORMANCE_ENCODINGS = 320;
  private static final int REPORTED = 4;

  /** Records whose memory 16-bit addresses reach from the first. */
  private static final int NEAR_RECORDS = 12;

  private static final long[] EDGES = {
    0,
    1,
    2,
    3,
    8,
    0xF,
    0x10,
    0x1F,
    0x20,
    0x3F,
    0x40,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x1_0000,
    0x7FFF_FFFFL,
    0x8000_0000L,
    0xFFFF_FFFEL,
    0xFFFF_FFFFL,
    0x1_0000_0000L,
    Long.MAX_VALUE,
    Long.MIN_VALUE,
    -0x8000_0000L,
    -2,
    -1
  };

  private final HostProcessor[] hosts = new HostProcessor[2];
  private final Conformance.Rows found =
      new Conformance.Rows("integer and user's system rows, 64 and 32 bits, against the host");

  private HostProcessor host(boolean wide) {
    assumeTrue(HostProcessor.canBaseSegments(), "needs a host processor and kernel with FSGSBASE");
    int index = wide ? 1 : 0;
    if (hosts[index] == null) {
      hosts[index] = new HostProcessor(wide ? 8 : 4);
    }
    return hosts[index];
  }

  @AfterAll
  void close() {
    found.report();
    for (HostProcessor host : hosts) {
      if (host != null) {
        host.close();
      }
    }
  }

  /** Why a row has no case here, or null. */
  static String exemption(Row row, boolean wide) {
    if (row.has(wide ? Trait.NOT64 : Trait.ONLY64)) {
      return "not of this width";
    }
    return switch (row.mnemonic()) {
      case "RDPMC", "RDTSC", "RDTSCP", "RDPID", "CPUID", "XGETBV" -> "tells of the host itself";
      case "SLDT", "STR", "SGDT", "SIDT", "SMSW" -> "tells of the host's kernel, or is emulated";
      case "LAR", "LSL", "VERR", "VERW" -> "reads the descriptors of the host's kernel";
      case "LES", "LDS", "LSS", "LFS", "LGS", "MOV" ->
          row.text().contains("Sw") || !row.text().contains("MOV ") ? "loads segments" : null;
      case "POP" -> row.operands().getFirst().method() == 's' ? "loads segments" : null;
      case "CALL", "JMP" -> row.text().contains("p") ? "far" : null;
      case "RETF", "IRET", "SYSENTER", "SYSEXIT", "SYSCALL", "SYSRET" -> "leaves the segment";
      case "INT", "INT1", "INT3", "INTO" -> "calls the host's kernel";
      case "XSAVE", "XRSTOR", "XSAVEOPT", "XSAVEC" -> "its image depends on the host's model";
      case "INVPCID" -> "the host may not have it";
      default -> null;
    };
  }

  /** The rows that belong here. */
  static List<Row> rows() {
    OpcodeMap map = new OpcodeMap();
    ArithmeticRows.add(map);
    MoveRows.add(map);
    ControlRows.add(map);
    List<Row> rows = new ArrayList<>(map.rows());
    Set<String> own = Set.of("FXSAVE", "FXRSTOR");
    Decoder.fullMap().rows().stream().filter(r -> own.contains(r.mnemonic())).forEach(rows::add);
    Set<String> known = new java.util.HashSet<>();
    rows.forEach(row -> known.add(row.toString()));
    OpcodeMap system = new OpcodeMap();
    io.satchel.vm.cpu.decode.SystemRows.add(system);
    system.rows().stream().filter(row -> known.add(row.toString())).forEach(rows::add);
    return rows;
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
    return Stream.of(true, false)
        .flatMap(
            wide ->
                rows().stream()
                    .filter(row -> exemption(row, wide) == null)
                    .filter(row -> row.toString().contains(only))
                    .map(
                        row ->
                            DynamicTest.dynamicTest(
                                (wide ? "64 bits, " : "32 bits, ") + row,
                                () -> compare(row, wide, encodings))));
  }

  private void compare(Row row, boolean wide, int encodings) {
    HostProcessor host = host(wide);
    long seed = Long.getLong("satchel.seed", 1);
    SplittableRandom random = new SplittableRandom(seed ^ row.toString().hashCode());
    List<String> differences = new ArrayList<>();
    int wrong = 0;
    int cases = 0;
    while (cases < encodings * BATCH) {
      Form form = new Form(row, wide, random);
      host.base(form.bases());
      host.instruction(form.encode(host));
      byte[] code = form.encode(host);
      host.instruction(code);
      assertThat(host.decode().row().toString())
          .as(HexFormat.of().formatHex(code))
          .isEqualTo(row.toString());
      int count = form.addressSize == 2 ? NEAR_RECORDS : BATCH;
      for (int m = 0; m < HostProcessor.SCRATCH_SIZE; m += 8) {
        host.scratch.putLong(m, value(random));
      }
      for (int n = 0; n < count; n++) {
        form.fill(host, n, random);
      }
      ByteBuffer theirs = host.runNative(count);
      byte[] scratch = host.scratchAfter;
      ByteBuffer ours = host.run(count);
      boolean sameScratch = Arrays.equals(scratch, host.scratchAfter);
      form.mask(host, theirs, ours, count);
      ByteBuffer engine = form.user ? null : host.runByEngine(count);
      boolean raised = false;
      for (int n = 0; n < count; n++) {
        raised |= theirs.getInt(n * STRIDE + FAULT) != 0;
        long flags = form.definedFlags(host.records, n);
        String difference = host.difference(theirs, ours, n, flags);
        if (engine != null && theirs.getInt(n * STRIDE + FAULT) == 0 && !raised) {
          form.mask(host, theirs, engine, count);
          String second = host.difference(theirs, engine, n, flags);
          difference += second.isEmpty() ? "" : " by the engine: " + second;
        }
        if (n == 0 && !sameScratch) {
          difference += "scratch memory differs";
        }
        if (!difference.isEmpty()) {
          wrong++;
          if (differences.size() < REPORTED) {
            differences.add(
                "\n%s %s\n    %s"
                    .formatted(
                        HexFormat.of().formatHex(code), describe(host.records, n), difference));
          }
        }
      }
      cases += count;
    }
    found.compared((wide ? "64 bits, " : "32 bits, ") + row, cases, wrong);
    assertThat(differences).as("%s: %d of %d cases differ", row, wrong, cases).isEmpty();
  }

  private static String describe(ByteBuffer in, int n) {
    StringBuilder text = new StringBuilder("flags %x".formatted(in.getInt(n * STRIDE + RFLAGS)));
    for (int r = 0; r < 16; r++) {
      text.append(" %x".formatted(in.getLong(n * STRIDE + GPR + 8 * r)));
    }
    return text.toString();
  }

  private static long value(SplittableRandom random) {
    return switch (random.nextInt(4)) {
      case 0 -> random.nextLong();
      case 1 -> random.nextInt();
      default -> EDGES[random.nextInt(EDGES.length)];
    };
  }

  /** One encoding of a row. */
  private static final class Form {
    private static final Set<String> STRINGS = Set.of("MOVS", "CMPS", "STOS", "LODS", "SCAS");
    private static final Set<String> STACK =
        Set.of("PUSH", "POP", "CALL", "RET", "ENTER", "LEAVE", "PUSHA", "POPA", "PUSHF", "POPF");

    /** Only an exception comes of them, as a user. */
    final boolean user;

    final Row row;
    final String name;
    final boolean wide;
    final boolean control;
    final int operandSize;
    final int addressSize;
    final boolean memory;
    final boolean absolute;
    final int segment;
    final int reg;
    final int rm;
    final int base;
    final int index;
    final int scale;
    final int displacementSize;
    final int displacement;
    final int rexBits;
    final boolean lock;
    final int repeat;
    final int immediate;
    final boolean fx;

    Form(Row row, boolean wide, SplittableRandom random) {
      this.row = row;
      this.wide = wide;
      name = row.mnemonic();
      fx = name.startsWith("FX");
      user =
          row.has(Trait.CPL0)
              || row.has(Trait.CPL0_UD)
              || Set.of("IN", "OUT", "INS", "OUTS", "CLI", "STI").contains(name)
              || name.startsWith("UD")
              || name.startsWith("POPF")
              || name.startsWith("PUSHF")
              || row.text().contains("Dd");
      control =
          name.startsWith("J")
              || name.startsWith("LOOP")
              || name.equals("CALL")
              || name.equals("RET");
      boolean registers = row.text().contains(" reg") || has('R') || has('C') || has('D');
      boolean memoryOnly = has('M') || row.text().contains(" mem");
      memory = memoryOnly || !registers && has('E') && random.nextInt(5) != 0;
      boolean sized =
          row.operands().stream().anyMatch(o -> List.of("v", "z", "y").contains(o.type()));
      boolean implied =
          Set.of("CBW", "CWD").contains(name) || STACK.contains(name) || name.equals("RET") || fx;
      boolean fixed =
          !sized && !implied && !control
              || name.equals("BSWAP") && random.nextBoolean()
              || row.text().contains("66")
              || row.text().contains("np");
      // AMD's processors cut RIP to 16 bits behind 66 in 64-bit code, Intel's do not.
      boolean narrow =
          !fixed && !(control && wide) && !name.equals("BSWAP") && random.nextInt(3) == 0;
      boolean rexWide =
          wide
              && !narrow
              && (sized || implied || name.equals("BSWAP") || name.startsWith("RD"))
              && random.nextInt(3) != 0;
      operandSize = narrow ? 2 : rexWide ? 8 : 4;
      int group = row.reg();
      int most = wide ? 16 : 8;
      reg = group >= 0 ? group : has('C') ? 0 : has('D') ? 7 : random.nextInt(has('G') ? most : 8);
      int anyRm = random.nextInt(most);
      int fixedRm = row.text().indexOf("rm=");
      rm =
          fixedRm >= 0
              ? row.text().charAt(fixedRm + 3) - '0'
              : control && (anyRm == RSP) ? RBX : anyRm;
      boolean strings = STRINGS.contains(name) || name.equals("OUTS") || name.equals("INS");
      boolean addresses = memory || strings || has('O') || name.equals("XLAT");
      boolean mayNarrow =
          addresses || name.startsWith("LOOP") || name.equals("JCXZ") || name.equals("LEA");
      boolean short16 = !wide && (memory || has('O') || strings || name.equals("XLAT"));
      int native4 = wide ? 8 : 4;
      // A bit index in a register that is part of the address would reach far away.
      boolean far16 =
          !wide && name.startsWith("BT") && Set.of(RBX, RSI, RDI).contains(reg) && has('G');
      addressSize =
          mayNarrow && (wide || !control || !memory) && random.nextInt(4) == 0 && !far16
              ? wide ? 4 : 2
              : native4;
      boolean needsSegment = addressSize == 2 && short16 && !name.equals("LEA");
      int overridden = random.nextInt(4) == 0 ? random.nextBoolean() ? FS : GS : DS;
      segment = needsSegment && overridden == DS && random.nextBoolean() ? GS : overridden;
      // An offset from RIP is below a segment's base: it would not fit in 32 bits.
      boolean reaches = segment == DS || addressSize == 8 || !wide;
      absolute = memory && random.nextInt(6) == 0 && addressSize != 2 && !fx && !small() && reaches;
      scale = random.nextInt(4);
      int anyBase = random.nextInt(most);
      int anyIndex = random.nextInt(most);
      boolean stack = STACK.contains(name) || control;
      // Registers with a meaning of their own do not hold addresses.
      boolean counts = small();
      int needed = name.startsWith("BT") ? reg : RCX;
      int chosen =
          stack && anyBase == RSP
                  || counts && anyBase == needed
                  || name.endsWith("DIV") && anyBase < 3
              ? RSI
              : anyBase;
      int place = counts && chosen == needed ? RDI : chosen;
      if (addressSize == 2) {
        // BX and SI or DI, or one of them: BP would mean SS, which is flat.
        int form = random.nextInt(5);
        base = new int[] {RBX, RBX, RSI, RDI, RBX}[form];
        index = form == 0 ? RSI : form == 1 ? RDI : RSP;
      } else {
        base = place;
        boolean none =
            anyIndex == place
                || anyIndex == RSP
                || stack
                || counts && anyIndex == needed
                || name.endsWith("DIV") && anyIndex < 3;
        index = none ? RSP : anyIndex;
      }
      int far = random.nextInt(3);
      displacementSize = far == 0 && ((base & 7) != RBP || addressSize == 2) ? 0 : far == 1 ? 1 : 4;
      displacement =
          displacementSize == 0
              ? 0
              : displacementSize == 1 ? (byte) random.nextInt() : random.nextInt(-0x1000, 0x1000);
      lock = row.has(Trait.LOCK) && memory && random.nextInt(4) == 0;
      repeat = strings && !user ? new int[] {0, 0xF2, 0xF3}[random.nextInt(3)] : 0;
      rexBits = wide ? 0x40 | (rexWide ? 8 : 0) : 0;
      int value = (int) value(random);
      immediate =
          switch (name) {
            case "ENTER" -> value & 0x3F | (random.nextInt(4) << 8);
            case "RET" -> value & 0x3F;
            case "AAM" -> (value & 0xFF) == 0 && random.nextBoolean() ? 10 : value;
            case "SHLD", "SHRD" -> operandSize == 2 ? value & 15 : value;
            default -> value;
          };
    }

    private boolean small() {
      return name.startsWith("BT") && has('G') || name.startsWith("SH") && name.endsWith("D");
    }

    boolean has(char method) {
      return row.operands().stream().anyMatch(o -> o.method() == method);
    }

    private boolean bytes() {
      Operand first = row.operands().isEmpty() ? null : row.operands().getFirst();
      return first != null && first.type().equals("b");
    }

    int bits() {
      return bytes() ? 8 : 8 * operandSize;
    }

    /** The segments that have a base. */
    int[] bases() {
      List<Integer> bases = new ArrayList<>();
      if (segment != DS) {
        bases.add(segment);
      }
      if (addressSize == 2 && !name.equals("LEA")) {
        if (segment == DS) {
          bases.add(DS);
        }
        bases.add(ES);
      }
      if (!wide && control) {
        bases.add(CpuState.CS);
      }
      return bases.stream().mapToInt(n -> n).toArray();
    }

    private long segmentBase(HostProcessor host, int used) {
      return Arrays.stream(bases()).anyMatch(s -> s == used) ? host.segmentBase() : 0;
    }

    byte[] encode(HostProcessor host) {
      ByteBuffer b = ByteBuffer.allocate(32).order(ByteOrder.LITTLE_ENDIAN);
      if (lock) {
        b.put((byte) 0xF0);
      }
      if (segment != DS) {
        b.put((byte) (segment == FS ? 0x64 : 0x65));
      }
      if (operandSize == 2 || row.text().contains(" 66")) {
        b.put((byte) 0x66);
      }
      if (addressSize != (wide ? 8 : 4)) {
        b.put((byte) 0x67);
      }
      if (repeat != 0) {
        b.put((byte) repeat);
      }
      if (row.text().contains(" F3")) {
        b.put((byte) 0xF3);
      }
      boolean modrm =
          row.reg() >= 0
              || row.operands().stream().anyMatch(o -> "CDEGMRS".indexOf(o.method()) >= 0);
      boolean tail = has('Z');
      if (wide) {
        int rex = rexBits | (modrm ? reg >> 3 << 2 : 0);
        if (memory && !absolute) {
          rex |= base >> 3 | index >> 3 << 1;
        } else if (!memory && (modrm || tail)) {
          rex |= rm >> 3;
        }
        if (rex != 0x40 || (immediate & 4) != 0) {
          b.put((byte) rex);
        }
      }
      int opcode = row.opcode();
      if (opcode > 0xFFFF) {
        b.put((byte) (opcode >>> 16));
      }
      if (opcode > 0xFF) {
        b.put((byte) (opcode >>> 8));
      }
      b.put((byte) (tail ? opcode | rm & 7 : opcode));
      int behind = immediateBytes();
      if (modrm) {
        modrm(b, host, behind);
      }
      boolean first = true;
      for (Operand operand : row.operands()) {
        switch (operand.method()) {
          case 'I' -> {
            put(b, first ? immediate : immediate >>> 8, size(operand));
            first = false;
          }
          case 'J' -> {
            int width = size(operand);
            put(
                b,
                (int) (host.takenAddress() - host.instructionAddress()) - b.position() - width,
                width);
          }
          case 'O' -> {
            long scratch = host.scratchAddress();
            put(b, segmentBase(host, segment) == 0 ? scratch : MEMORY + 0x408, addressSize);
          }
          default -> {}
        }
      }
      return Arrays.copyOf(b.array(), b.position());
    }

    private int size(Operand operand) {
      return switch (operand.type()) {
        case "b" -> 1;
        case "w" -> 2;
        case "v" -> operandSize;
        default -> Math.min(operandSize, 4);
      };
    }

    private int immediateBytes() {
      return row.operands().stream().filter(o -> o.method() == 'I').mapToInt(this::size).sum();
    }

    private void modrm(ByteBuffer b, HostProcessor host, int behind) {
      int r = (reg & 7) << 3;
      if (!memory) {
        b.put((byte) (0xC0 | r | rm & 7));
      } else if (absolute) {
        long scratch = host.scratchAddress() + 0x80 - segmentBase(host, segment);
        b.put((byte) (r | 5));
        b.putInt(
            (int)
                (wide ? scratch - host.instructionAddress() - b.position() - 4 - behind : scratch));
      } else if (addressSize == 2) {
        int form = index == RSI ? 0 : index == RDI ? 1 : base == RSI ? 4 : base == RDI ? 5 : 7;
        int mod = displacementSize == 0 ? 0 : displacementSize == 1 ? 1 : 2;
        b.put((byte) (mod << 6 | r | form));
        put(b, displacement, displacementSize == 4 ? 2 : displacementSize);
      } else {
        int mod = displacementSize == 0 ? 0 : displacementSize == 1 ? 1 : 2;
        if (index == RSP && (base & 7) != RSP && scale == 0) {
          b.put((byte) (mod << 6 | r | base & 7));
        } else {
          b.put((byte) (mod << 6 | r | 4));
          b.put((byte) (scale << 6 | (index & 7) << 3 | base & 7));
        }
        put(b, displacement, displacementSize);
      }
    }

    private static void put(ByteBuffer b, long value, int size) {
      switch (size) {
        case 0 -> {}
        case 1 -> b.put((byte) value);
        case 2 -> b.putShort((short) value);
        case 4 -> b.putInt((int) value);
        default -> b.putLong(value);
      }
    }

    /** Fills in record {@code n}. */
    void fill(HostProcessor host, int n, SplittableRandom random) {
      ByteBuffer to = host.records;
      int at = n * STRIDE;
      Arrays.fill(to.array(), at, at + STRIDE, (byte) 0);
      to.putShort(at, (short) 0x037F);
      to.putInt(at + MXCSR, 0x1F80);
      for (int k = 0; fx && k < 8; k++) {
        to.putLong(at + 32 + 16 * k, random.nextLong())
            .putShort(at + 40 + 16 * k, (short) random.nextInt());
      }
      for (int k = 160; fx && k < 416; k += 8) {
        to.putLong(at + k, random.nextLong());
      }
      for (int m = MEMORY; m < STRIDE; m += 8) {
        to.putLong(at + m, value(random));
      }
      long[] r = new long[16];
      for (int k = 0; k < 16; k++) {
        r[k] = value(random);
      }
      long flags = 0x202 | random.nextInt() & CpuState.ARITHMETIC | (random.nextBoolean() ? DF : 0);
      to.putLong(at + RFLAGS, flags);
      long middle = host.recordAddress(n) + MEMORY + 0x400;
      r[RSP] = middle - 0x100;
      boolean aligned =
          lock || name.equals("XCHG") || name.startsWith("CMPX") || name.equals("XADD");
      long target =
          middle
              + (fx
                  ? -0x200 + 16 * random.nextInt(8) + (random.nextInt(8) == 0 ? 8 : 0)
                  : aligned ? 16 * random.nextInt(4) : random.nextInt(64));
      strings(host, r, middle, random);
      switch (name) {
        case "XLAT" -> set(host, r, RBX, middle - 0x100 + random.nextInt(64), segment);
        case "ENTER", "LEAVE" -> r[RBP] = middle + 0x80;
        case "SHLD", "SHRD" -> r[RCX] = operandSize == 2 ? random.nextInt(16) : r[RCX];
        case "LOOP", "LOOPE", "LOOPNE", "JCXZ" -> {
          long high = random.nextBoolean() ? r[RCX] & -1L << 16 : 0;
          r[RCX] = high | random.nextInt(3);
        }
        case "MUL", "IMUL", "DIV", "IDIV" ->
            r[RDX] = random.nextBoolean() ? random.nextInt(3) - 1 : r[RDX];
        default -> {}
      }
      if (control && has('E') && !memory) {
        r[rm] = host.takenAddress();
      }
      if (name.startsWith("BT") && memory && has('G')) {
        r[reg] = random.nextInt(2048) - 1024;
      }
      if (memory && !absolute) {
        aim(host, r, target, random);
      }
      int operandAt = at + (int) (target - host.recordAddress(n));
      if (control && memory && !absolute && has('E')) {
        to.putLong(operandAt, host.takenAddress());
      }
      if (control && absolute) {
        host.scratch.putLong(0x80, host.takenAddress());
      }
      if (name.equals("POPF")) {
        // A trap, a nested task or alignment checks would reach the host's own code.
        long popped = random.nextLong() & (CpuState.ARITHMETIC | DF | 1 << 21);
        to.putLong((int) (at + r[RSP] - host.recordAddress(n)), popped);
      }
      if (name.equals("RET")) {
        to.putLong((int) (at + r[RSP] - host.recordAddress(n)), host.takenAddress());
      }
      if (name.startsWith("CMPXCHG") && random.nextBoolean() && memory && !absolute) {
        if (base != RAX && index != RAX && base != RDX && index != RDX) {
          r[RAX] = to.getLong(operandAt);
          r[RDX] = to.getInt(operandAt + 4);
        }
      }
      if (fx && name.equals("FXRSTOR")) {
        to.putShort(operandAt, (short) 0x037F)
            .putShort(operandAt + 2, (short) (random.nextInt() & 0x7F00));
        to.putInt(operandAt + MXCSR, random.nextInt(random.nextInt(4) == 0 ? 0x20000 : 0x10000));
        for (int k = 40; k < 160; k += 16) {
          to.putInt(operandAt + k, random.nextInt() & 0xFFFF)
              .putShort(operandAt + k + 4, (short) 0);
        }
      }
      for (int k = 0; k < 16; k++) {
        // Compatibility mode has eight registers of 32 bits, and says nothing of the rest.
        to.putLong(at + GPR + 8 * k, wide ? r[k] : k < 8 ? r[k] & 0xFFFF_FFFFL : 0);
      }
    }

    private void strings(HostProcessor host, long[] r, long middle, SplittableRandom random) {
      if (STRINGS.contains(name)) {
        set(host, r, RSI, middle - 64 + random.nextInt(128), segment);
        set(host, r, RDI, middle - 64 + random.nextInt(128), ES);
        int high = addressSize == 2 ? 16 : addressSize == 4 ? 32 : 63;
        long rest = random.nextBoolean() && high < 63 ? r[RCX] & -1L << high : 0;
        r[RCX] = rest | random.nextInt(8);
      }
    }

    /** Sets a register so that it holds the offset of {@code target} in a segment. */
    private void set(HostProcessor host, long[] r, int register, long target, int used) {
      long offset = target - segmentBase(host, used);
      r[register] = upper(r[register]) | offset & mask();
    }

    /** What an address does not see of a register. */
    private long upper(long value) {
      return value & ~mask();
    }

    private long mask() {
      return addressSize == 8 ? -1 : (1L << 8 * addressSize) - 1;
    }

    private void aim(HostProcessor host, long[] r, long target, SplittableRandom random) {
      long offset = target - segmentBase(host, segment) - displacement;
      if (index != RSP) {
        r[index] = upper(r[index]) | random.nextInt(0x1000) - 0x800 & mask();
        offset -= r[index] << (addressSize == 2 ? 0 : scale);
      }
      // POP adds to RSP before the address is formed, but then RSP is no base here.
      r[base] = upper(r[base]) | offset & mask();
    }

    /** Takes the host's for ours where the manual leaves it to the model. */
    void mask(HostProcessor host, ByteBuffer theirs, ByteBuffer ours, int count) {
      if (!name.equals("FXSAVE")) {
        return;
      }
      // Last x87 instruction and operand: AMD's processors store them with a pending error only.
      for (int n = 0; n < count; n++) {
        for (int m = MEMORY; m < STRIDE - 32; m += 8) {
          int at = n * STRIDE + m;
          long image = host.recordAddress(n) + m;
          if (image == operandAddress(host, n)) {
            for (int k = 6; k < 24; k++) {
              ours.put(at + k, theirs.get(at + k));
            }
            ours.putInt(at + 28, theirs.getInt(at + 28));
          }
        }
      }
    }

    private long operandAddress(HostProcessor host, int n) {
      ByteBuffer in = host.records;
      long address = in.getLong(n * STRIDE + GPR + 8 * base) + displacement;
      if (index != RSP) {
        address += in.getLong(n * STRIDE + GPR + 8 * index) << (addressSize == 2 ? 0 : scale);
      }
      return (address & mask()) + segmentBase(host, segment) & (wide ? -1L : 0xFFFF_FFFFL);
    }

    long definedFlags(ByteBuffer records, int n) {
      int count = 0;
      if (!row.operands().isEmpty()) {
        count =
            switch (row.operands().getLast().method()) {
              case 'I' -> immediate;
              case '1' -> 1;
              default -> (int) records.getLong(n * STRIDE + GPR + 8 * RCX);
            };
      }
      return DefinedFlags.after(name, bits(), count & (operandSize == 8 && !bytes() ? 63 : 31));
    }
  }
}
