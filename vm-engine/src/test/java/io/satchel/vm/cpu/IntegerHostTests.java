package io.satchel.vm.cpu;

import static io.satchel.vm.cpu.CpuState.ARITHMETIC;
import static io.satchel.vm.cpu.CpuState.DF;
import static io.satchel.vm.cpu.CpuState.RAX;
import static io.satchel.vm.cpu.CpuState.RBP;
import static io.satchel.vm.cpu.CpuState.RBX;
import static io.satchel.vm.cpu.CpuState.RCX;
import static io.satchel.vm.cpu.CpuState.RDI;
import static io.satchel.vm.cpu.CpuState.RDX;
import static io.satchel.vm.cpu.CpuState.RSI;
import static io.satchel.vm.cpu.CpuState.RSP;
import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.Conformance;
import io.satchel.vm.cpu.decode.ArithmeticRows;
import io.satchel.vm.cpu.decode.ControlRows;
import io.satchel.vm.cpu.decode.MoveRows;
import io.satchel.vm.cpu.decode.OpcodeMap;
import io.satchel.vm.cpu.decode.OpcodeMap.Row;
import io.satchel.vm.cpu.decode.OpcodeMap.Trait;
import io.satchel.vm.cpu.decode.Operand;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Every integer row against the host processor: register and memory forms, both widths, random and
 * edge operands; registers, memory, and the flags that the manual defines. Ours runs twice, by
 * micro-operations and by the rows' effects.
 */
class IntegerHostTests {

  private static final long[] EDGES = {
    0,
    1,
    2,
    3,
    7,
    8,
    9,
    0xF,
    0x10,
    0x1F,
    0x20,
    0x7F,
    0x80,
    0xFF,
    0x100,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x1_0000,
    0x7FFF_FFFFL,
    0x8000_0000L,
    0xFFFF_FFFEL,
    0xFFFF_FFFFL
  };

  /** Rows that cannot run on the host as a user's code, with the reason. */
  private static String exemption(Row row) {
    String name = row.mnemonic();
    if (row.has(Trait.ONLY64)) {
      return "64-bit code";
    }
    return switch (name) {
      case "IN", "OUT", "INS", "OUTS" -> "needs I/O privilege";
      case "UD0", "UD1", "UD2" -> "raises #UD";
      default -> null;
    };
  }

  private static List<Row> rows() {
    OpcodeMap map = new OpcodeMap();
    ArithmeticRows.add(map);
    MoveRows.add(map);
    ControlRows.add(map);
    return map.rows();
  }

  @Test
  void everyRowAgreesWithTheHostProcessor() {
    run(4, 0x5A7C_4E1L);
  }

  @Test
  @Tag("conformance")
  void everyRowAgreesWithTheHostProcessorInTenThousandCases() {
    run(320, Long.getLong("satchel.seed", 1));
  }

  private void run(int encodings, long seed) {
    int compared = 0;
    int exempt = 0;
    List<String> failures = new ArrayList<>();
    Conformance.Rows found =
        new Conformance.Rows(
            "integer rows in every form, 32 bits, by both ways of the interpreter");
    try (IntegerHost host = new IntegerHost()) {
      for (Row row : rows()) {
        if (exemption(row) != null) {
          exempt++;
          continue;
        }
        Random random = new Random(seed ^ row.text().hashCode() * 31L + row.opcode());
        int cases = 0;
        int wrongBefore = failures.size();
        for (int n = 0; n < encodings; n++) {
          cases += batch(host, row, new Form(row, random, n), random, failures);
          if (failures.size() > 40) {
            break;
          }
        }
        found.compared(row.toString(), cases, failures.size() - wrongBefore);
        assertThat(cases).as("cases of %s", row).isEqualTo(encodings * IntegerHost.BATCH);
        compared++;
      }
    } finally {
      found.report();
    }
    assertThat(failures).as("-Dsatchel.seed=%d", seed).isEmpty();
    assertThat(compared + exempt).isEqualTo(rows().size());
    assertThat(compared).isGreaterThan(300);
  }

  /** One encoding of a row. */
  private static final class Form {
    final Row row;
    final String name;
    final boolean word;
    final boolean memory;
    final boolean absolute;
    final int reg;
    final int rm;
    final int base;
    final int index;
    final int scale;
    final int displacement;
    final boolean lock;
    final int repeat;
    final int immediate;
    final boolean control;

    Form(Row row, Random random, int number) {
      this.row = row;
      name = row.mnemonic();
      control =
          name.startsWith("J")
              || name.startsWith("LOOP")
              || name.equals("CALL")
              || name.equals("RET");
      boolean sized =
          row.operands().stream().anyMatch(o -> "vz".contains(o.type()) && !o.type().isEmpty());
      boolean implied = Set.of("PUSHA", "POPA", "CBW", "CWD", "ENTER", "LEAVE").contains(name);
      boolean pureByte = row.operands().isEmpty() && !implied;
      // Jumps with 16-bit operands leave the code; BSWAP of a word is undefined.
      word =
          !control && !name.equals("BSWAP") && (sized || implied) && !pureByte && (number & 1) == 1;
      boolean memoryOnly = has('M') || row.text().contains(" mem");
      memory = memoryOnly || has('E') && (number & 2) != 0;
      absolute = memory && !name.equals("LEA") && random.nextInt(8) == 0 && !control;
      int group = row.text().indexOf('/');
      reg = group >= 0 ? row.text().charAt(group + 1) - '0' : random.nextInt(8);
      boolean divides = name.endsWith("DIV");
      int anyRegister = random.nextInt(8);
      // DIV by EDX or AH never fits.
      boolean hopeless = divides && (anyRegister == RDX || anyRegister == RSP);
      int register = hopeless ? RBX : anyRegister;
      // A jump or call through ESP would use the code as its stack.
      rm = control && register == RSP ? RBX : register;
      int anyBase = divides ? 5 + random.nextInt(3) : random.nextInt(8);
      int anyIndex = divides ? 3 + random.nextInt(5) : random.nextInt(8);
      // What an instruction needs small, a bit index or a count, cannot be an address.
      boolean small =
          name.startsWith("BT") && has('G') || name.startsWith("SH") && name.endsWith("D");
      int needed = name.startsWith("BT") ? reg : RCX;
      int likely = anyBase == RSP && !name.equals("LEA") && random.nextBoolean() ? RSI : anyBase;
      base = small && likely == needed ? likely ^ 1 : likely;
      // What pushes or pops needs its stack near the operand.
      boolean near = base == RSP && Set.of("PUSH", "POP", "CALL", "JMP").contains(name);
      index = near || anyIndex == base || small && anyIndex == needed ? RSP : anyIndex;
      scale = random.nextInt(4);
      int far = random.nextBoolean() ? (byte) random.nextInt() : random.nextInt(0x2000) - 0x1000;
      displacement = near ? far % 32 : far;
      lock = row.has(Trait.LOCK) && memory && random.nextInt(4) == 0;
      repeat = has('X') || has('Y') ? new int[] {0, 0xF2, 0xF3}[random.nextInt(3)] : 0;
      int value =
          random.nextBoolean() ? (int) EDGES[random.nextInt(EDGES.length)] : random.nextInt();
      immediate =
          switch (name) {
            case "ENTER" -> value & 0x3F;
            case "RET" -> value & 0x3F;
            case "AAM" -> (value & 0xFF) == 0 ? 10 : value;
            case "SHLD", "SHRD" -> value & 15;
            default -> value;
          };
    }

    boolean has(char method) {
      return row.operands().stream().anyMatch(o -> o.method() == method);
    }

    int width() {
      Operand first = row.operands().isEmpty() ? null : row.operands().getFirst();
      return first != null && first.type().equals("b") ? 1 : word ? 2 : 4;
    }

    byte[] encode(IntegerHost host) {
      ByteBuffer b = ByteBuffer.allocate(32).order(ByteOrder.LITTLE_ENDIAN);
      if (lock) {
        b.put((byte) 0xF0);
      }
      if (repeat != 0) {
        b.put((byte) repeat);
      }
      if (word) {
        b.put((byte) 0x66);
      }
      int opcode = row.opcode();
      if (opcode > 0xFF) {
        b.put((byte) (opcode >>> 8));
      }
      b.put((byte) (has('Z') ? opcode | rm : opcode));
      if (row.operands().stream().anyMatch(o -> "EGM".indexOf(o.method()) >= 0)) {
        modrm(b, host);
      }
      int wide = word ? 2 : 4;
      boolean first = true;
      for (Operand operand : row.operands()) {
        switch (operand.method()) {
          case 'I' -> {
            int size = operand.type().equals("b") ? 1 : operand.type().equals("w") ? 2 : wide;
            put(b, first ? immediate : immediate >>> 8, size);
            first = false;
          }
          case 'J' -> put(b, IntegerHost.JUMP, operand.type().equals("b") ? 1 : 4);
          case 'O' -> b.putInt(host.address(IntegerHost.SCRATCH));
          default -> {}
        }
      }
      byte[] bytes = new byte[b.position()];
      b.flip().get(bytes);
      return bytes;
    }

    private void modrm(ByteBuffer b, IntegerHost host) {
      if (!memory) {
        b.put((byte) (0xC0 | reg << 3 | rm));
      } else if (absolute) {
        b.put((byte) (reg << 3 | 5)).putInt(host.address(IntegerHost.SCRATCH));
      } else {
        boolean small = displacement == (byte) displacement;
        b.put((byte) ((small ? 0x40 : 0x80) | reg << 3 | 4));
        b.put((byte) (scale << 6 | index << 3 | base));
        put(b, displacement, small ? 1 : 4);
      }
    }

    private static void put(ByteBuffer b, int value, int size) {
      switch (size) {
        case 1 -> b.put((byte) value);
        case 2 -> b.putShort((short) value);
        default -> b.putInt(value);
      }
    }
  }

  private static int batch(
      IntegerHost host, Row row, Form form, Random random, List<String> failures) {
    byte[] bytes = form.encode(host);
    host.instruction(bytes);
    byte[] noise = new byte[0x100];
    random.nextBytes(noise);
    host.image.put(IntegerHost.SCRATCH, noise);
    if (form.absolute && form.name.endsWith("DIV")) {
      // The operand is shared: it must suit every record.
      host.image.putInt(IntegerHost.SCRATCH, 0x7F7F_7F7F);
    }
    int[][] inputs = new int[IntegerHost.BATCH][];
    for (int n = 0; n < IntegerHost.BATCH; n++) {
      inputs[n] = record(host, form, IntegerHost.RECORDS + n * IntegerHost.STRIDE, random);
    }
    ByteBuffer expected = host.runNative(IntegerHost.BATCH);
    for (boolean singly : new boolean[] {false, true}) {
      ByteBuffer actual = host.run(IntegerHost.BATCH, singly);
      String place =
          "%s [%s]%s".formatted(row, HexFormat.of().formatHex(bytes), singly ? " singly" : "");
      compare(place, form, inputs, expected, actual, failures);
    }
    return IntegerHost.BATCH;
  }

  /** Fills a record; gives the registers. */
  private static int[] record(IntegerHost host, Form form, int at, Random random) {
    ByteBuffer image = host.image;
    int[] r = new int[8];
    for (int n = 0; n < 8; n++) {
      r[n] = value(random);
    }
    for (int n = IntegerHost.MEMORY; n < IntegerHost.STRIDE; n += 4) {
      image.putInt(at + n, value(random));
    }
    int flags = random.nextInt() & ARITHMETIC | 0x202 | (random.nextBoolean() ? DF : 0);
    int middle = host.address(at) + 0x200;
    r[RSP] = middle;
    int target =
        middle
            + 0x40
            + (form.lock || form.name.equals("XCHG") || form.name.startsWith("CMPX")
                ? 8 * random.nextInt(4)
                : random.nextInt(40));
    switch (form.name) {
      case "MOVS", "CMPS", "STOS", "LODS", "SCAS" -> {
        r[RSI] = middle - 40 + random.nextInt(80);
        r[RDI] = middle - 40 + random.nextInt(80);
        r[RCX] = random.nextInt(8);
        if (random.nextBoolean()) {
          // Equal strings, or a match for SCAS.
          for (int n = 0x100; n < 0x300; n++) {
            image.put(at + n, (byte) 0x55);
          }
          r[RAX] = 0x5555_5555;
        }
      }
      case "XLAT" -> r[RBX] = middle - 0x100 + random.nextInt(64);
      case "ENTER", "LEAVE" -> r[RBP] = middle + 0x80;
      case "SHLD", "SHRD" -> r[RCX] = form.word ? random.nextInt(16) : r[RCX];
      case "LOOP", "LOOPE", "LOOPNE", "JCXZ" -> r[RCX] = random.nextInt(3);
      default -> {}
    }
    if (form.control && form.has('E') && !form.memory) {
      r[form.rm] = host.takenAddress;
    }
    if (form.name.startsWith("BT") && form.memory && form.has('G')) {
      r[form.reg] = random.nextInt(256) - 128;
    }
    if (form.memory && !form.absolute) {
      aim(form, r, target, random);
    }
    int operandAt = at + target - host.address(at);
    if (form.name.equals("RET")) {
      image.putInt(at + 0x200, host.takenAddress);
    } else if (form.control && form.memory) {
      image.putInt(operandAt, host.takenAddress);
    }
    if (form.name.startsWith("CMPXCHG") && random.nextBoolean() && !form.absolute) {
      boolean fixed =
          form.memory
              && (form.base == RAX || form.index == RAX || form.base == RDX || form.index == RDX);
      if (!fixed) {
        r[RAX] = form.memory ? image.getInt(operandAt) : r[form.rm];
        if (form.name.equals("CMPXCHG8B")) {
          r[RDX] = image.getInt(operandAt + 4);
        }
      }
    }
    if (form.name.endsWith("DIV")) {
      makeDivisible(form, r, image, operandAt, random);
    }
    if (form.memory && !form.absolute) {
      int index = form.index == RSP ? 0 : r[form.index] << form.scale;
      int popped = form.name.equals("POP") && form.base == RSP ? form.width() : 0;
      int operand = r[form.base] + popped + index + form.displacement;
      if (operand != target) {
        throw new IllegalStateException(
            "%s would leave its memory: base %d index %d reg %d"
                .formatted(form.row, form.base, form.index, form.reg));
      }
    }
    image.putInt(at, r[RDI]);
    image.putInt(at + 4, r[RSI]);
    image.putInt(at + 8, r[RBP]);
    image.putInt(at + 16, r[RBX]);
    image.putInt(at + 20, r[RDX]);
    image.putInt(at + 24, r[RCX]);
    image.putInt(at + 28, r[RAX]);
    image.putInt(at + IntegerHost.EFLAGS, flags);
    image.putInt(at + IntegerHost.ESP, r[RSP]);
    return new int[] {r[RAX], r[RCX], r[RDX], r[RBX], r[RSP], r[RBP], r[RSI], r[RDI], flags};
  }

  private static int value(Random random) {
    return random.nextBoolean() ? (int) EDGES[random.nextInt(EDGES.length)] : random.nextInt();
  }

  /** Sets base and index so that the operand lies at {@code target}. */
  private static void aim(Form form, int[] r, int target, Random random) {
    int index = 0;
    if (form.index != RSP) {
      r[form.index] = random.nextInt(0x1000) - 0x800;
      index = r[form.index] << form.scale;
    }
    // POP adds to ESP before the address is formed.
    int popped = form.name.equals("POP") && form.base == RSP ? form.width() : 0;
    r[form.base] = target - index - form.displacement - popped;
  }

  /** Division faults would end this process: only what fits. */
  private static void makeDivisible(
      Form form, int[] r, ByteBuffer image, int operandAt, Random random) {
    int width = form.width();
    boolean signed = form.name.equals("IDIV");
    boolean high = width == 1 && !form.memory && form.rm >= 4;
    for (int tries = 0; ; tries++) {
      long divisor;
      if (form.absolute) {
        divisor = image.getInt(IntegerHost.SCRATCH);
      } else if (form.memory) {
        divisor = image.getInt(operandAt);
      } else {
        divisor = high ? r[form.rm - 4] >>> 8 : r[form.rm];
      }
      long dividend =
          width == 1
              ? r[RAX] & 0xFFFF
              : width == 2
                  ? (r[RDX] & 0xFFFFL) << 16 | r[RAX] & 0xFFFF
                  : (long) r[RDX] << 32 | r[RAX] & 0xFFFF_FFFFL;
      if (fits(dividend, divisor, width, signed)) {
        return;
      }
      boolean pinned =
          form.memory
              && (form.base == RAX || form.base == RDX || form.index == RAX || form.index == RDX);
      if (!pinned && tries < 50) {
        r[RAX] = value(random);
        r[RDX] = random.nextBoolean() ? r[RAX] >> 31 : random.nextInt(8) - 4;
      } else if (!pinned && tries < 60) {
        r[RAX] = 1;
        r[RDX] = 0;
      }
      if (!form.memory && tries < 55) {
        int chosen = value(random);
        if (high) {
          r[form.rm - 4] = r[form.rm - 4] & ~0xFF00 | (chosen & 0xFF) << 8;
        } else {
          r[form.rm] = chosen;
        }
      } else if (form.memory && !form.absolute) {
        image.putInt(operandAt, tries < 50 ? value(random) : 0x7F7F_7F7F - tries);
      }
      if (tries > 200) {
        throw new IllegalStateException("no operands for " + form.row);
      }
    }
  }

  private static boolean fits(long dividend, long divisor, int width, boolean signed) {
    int unused = 64 - 8 * width;
    if (signed) {
      long d = divisor << unused >> unused;
      int unusedDividend = 64 - 16 * width;
      long n = dividend << unusedDividend >> unusedDividend;
      if (d == 0 || n == Long.MIN_VALUE && d == -1) {
        return false;
      }
      long quotient = n / d;
      return quotient == quotient << unused >> unused;
    }
    long d = divisor << unused >>> unused;
    return d != 0 && Long.compareUnsigned(Long.divideUnsigned(dividend, d), 1L << 8 * width) < 0;
  }

  private static void compare(
      String place,
      Form form,
      int[][] inputs,
      ByteBuffer expected,
      ByteBuffer actual,
      List<String> failures) {
    for (int n = 0; n < inputs.length; n++) {
      int at = IntegerHost.RECORDS + n * IntegerHost.STRIDE;
      int mask = DefinedFlags.after(form.name, 8 * form.width(), count(form, inputs[n]));
      int expectedFlags = expected.getInt(at + IntegerHost.OUT_EFLAGS) & mask;
      int actualFlags = actual.getInt(at + IntegerHost.OUT_EFLAGS) & mask;
      String difference =
          expectedFlags == actualFlags
              ? ""
              : "flags %x, not %x; ".formatted(actualFlags, expectedFlags);
      for (int m = 0; m < IntegerHost.STRIDE; m += 4) {
        if (m != IntegerHost.OUT_EFLAGS && expected.getInt(at + m) != actual.getInt(at + m)) {
          difference +=
              "+%x: %x, not %x; ".formatted(m, actual.getInt(at + m), expected.getInt(at + m));
        }
      }
      if (!difference.isEmpty()) {
        failures.add(place + " of " + hex(inputs[n]) + ": " + difference);
        return;
      }
    }
    for (int m = 0; m < 0x100; m += 4) {
      int at = IntegerHost.SCRATCH + m;
      if (expected.getInt(at) != actual.getInt(at)) {
        failures.add(place + ": scratch memory differs at " + m);
        return;
      }
    }
  }

  private static String hex(int[] values) {
    StringBuilder text = new StringBuilder();
    for (int value : values) {
      text.append(Integer.toHexString(value)).append(' ');
    }
    return text.toString();
  }

  private static int count(Form form, int[] input) {
    Operand last = form.row.operands().isEmpty() ? null : form.row.operands().getLast();
    if (last == null) {
      return 0;
    }
    return switch (last.method()) {
      case 'I' -> form.immediate & 31;
      case '1' -> 1;
      default -> input[RCX] & 31;
    };
  }
}
