package io.satchel.vm.cpu.decode;

import static io.satchel.vm.cpu.CpuState.CS;
import static io.satchel.vm.cpu.CpuState.DS;
import static io.satchel.vm.cpu.CpuState.ES;
import static io.satchel.vm.cpu.CpuState.FS;
import static io.satchel.vm.cpu.CpuState.GS;
import static io.satchel.vm.cpu.CpuState.RBP;
import static io.satchel.vm.cpu.CpuState.RBX;
import static io.satchel.vm.cpu.CpuState.RDI;
import static io.satchel.vm.cpu.CpuState.RSI;
import static io.satchel.vm.cpu.CpuState.RSP;
import static io.satchel.vm.cpu.CpuState.SS;
import static io.satchel.vm.cpu.CpuState.ZERO;

import io.satchel.vm.cpu.CpuModel.Feature;
import io.satchel.vm.cpu.decode.OpcodeMap.Row;
import io.satchel.vm.cpu.decode.OpcodeMap.Trait;
import io.satchel.vm.cpu.semantics.Control;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Turns bytes into instructions by an {@link OpcodeMap} (SDM volume 2, chapter 2).
 *
 * <p>Bytes that are no instruction, and LOCK where it is not allowed, decode to a row that raises
 * #UD; more than 15 bytes to one that raises #GP(0).
 */
public final class Decoder {

  /** The row of what is no instruction. */
  public static final Row UNDEFINED =
      new OpcodeMap().effect(-1, "UD", Control::undefined, Trait.ENDS_BLOCK).rows().getFirst();

  private static final Row TOO_LONG =
      new OpcodeMap().effect(-1, "TOOLONG", Control::tooLong, Trait.ENDS_BLOCK).rows().getFirst();

  private static final int MAX_LENGTH = 15;

  // Maps of 256 opcodes: one byte, 0F, 0F38, 0F3A, then the last three behind a VEX prefix.
  private static final int MAPS = 7;
  private static final int VEX_MAPS = 3 * 256;

  private static final class TooLong extends RuntimeException {
    private static final long serialVersionUID = 1L;
    static final TooLong INSTANCE = new TooLong();

    private TooLong() {
      super(null, null, false, false);
    }
  }

  private final Row[][] rows32 = new Row[MAPS * 256][];
  private final Row[][] rows64 = new Row[MAPS * 256][];

  /** A decoder of every row, whatever feature it belongs to. */
  public Decoder(OpcodeMap map) {
    this(map, EnumSet.allOf(Feature.class));
  }

  /** A decoder of the rows that a processor with {@code features} has. */
  public Decoder(OpcodeMap map, Set<Feature> features) {
    fill(rows32, map, Trait.ONLY64, features);
    fill(rows64, map, Trait.NOT64, features);
  }

  /** A decoder of everything there is. */
  public static OpcodeMap fullMap() {
    OpcodeMap map = new OpcodeMap();
    ArithmeticRows.add(map);
    MoveRows.add(map);
    MmxRows.add(map);
    SseMoveRows.add(map);
    SseFloatRows.add(map);
    SseIntegerRows.add(map);
    Sse4Rows.add(map);
    BitRows.add(map);
    AvxRows.add(map);
    X87Rows.add(map);
    ControlRows.add(map);
    SystemRows.add(map);
    return map;
  }

  private static void fill(Row[][] table, OpcodeMap map, Trait excluded, Set<Feature> features) {
    List<List<Row>> cells = new ArrayList<>();
    for (int n = 0; n < table.length; n++) {
      cells.add(new ArrayList<>());
    }
    for (Row row : map.rows()) {
      if (row.has(excluded) || !features.containsAll(row.features())) {
        continue;
      }
      boolean eight = row.operands().stream().anyMatch(o -> o.method() == 'Z');
      for (int n = 0; n < (eight ? 8 : 1); n++) {
        List<Row> cell = cells.get(cell(row.opcode()) + (row.vex ? VEX_MAPS : 0) + n);
        cell.stream()
            .filter(row::sameForm)
            .findAny()
            .ifPresent(
                other -> {
                  throw new IllegalArgumentException(row + " stands beside " + other);
                });
        cell.add(row);
      }
    }
    for (int n = 0; n < table.length; n++) {
      List<Row> cell = cells.get(n);
      // Rows that name more come first.
      cell.sort((a, b) -> Integer.compare(precision(b), precision(a)));
      table[n] = cell.toArray(Row[]::new);
    }
  }

  private static int precision(Row row) {
    return (row.prefix != null ? 8 : 0)
        + (row.rm >= 0 ? 4 : 0)
        + (row.reg >= 0 ? 2 : 0)
        + (row.memoryOnly || row.registerOnly ? 1 : 0)
        + (row.w >= 0 ? 16 : 0)
        + (row.l >= 0 ? 32 : 0);
  }

  private static int cell(int opcode) {
    if (opcode <= 0xFF) {
      return opcode;
    }
    if (opcode <= 0xFFF) {
      return 0x100 + (opcode & 0xFF);
    }
    return (opcode >>> 8 == 0x0F38 ? 0x200 : 0x300) + (opcode & 0xFF);
  }

  /**
   * Decodes one instruction.
   *
   * @param bytes the code; what it throws goes through
   * @param codeWidth 2, 4 or 8: what CS says
   */
  public Instruction decode(CodeBytes bytes, int codeWidth) {
    Instruction i = new Instruction();
    try {
      new Pass(bytes, codeWidth, i).run();
    } catch (TooLong e) {
      i.row = TOO_LONG;
      i.length = MAX_LENGTH;
    }
    return i;
  }

  /** The state of one decoding. */
  private final class Pass {
    private final CodeBytes bytes;
    private final int codeWidth;
    private final Instruction i;
    private int at;
    private int segment = -1;
    private boolean operandPrefix;

    // Of a VEX prefix, or REX.
    private int w;
    private int l;

    Pass(CodeBytes bytes, int codeWidth, Instruction i) {
      this.bytes = bytes;
      this.codeWidth = codeWidth;
      this.i = i;
    }

    private int next() {
      if (at == MAX_LENGTH) {
        throw TooLong.INSTANCE;
      }
      return bytes.at(at++);
    }

    private long next(int width) {
      long value = 0;
      for (int n = 0; n < width; n++) {
        value |= (long) next() << 8 * n;
      }
      return value;
    }

    private long nextSigned(int width) {
      int unused = 64 - 8 * width;
      return next(width) << unused >> unused;
    }

    void run() {
      i.addressSize = codeWidth;
      int opcode = prefixes();
      int cell = opcode;
      if ((opcode == 0xC4 || opcode == 0xC5) && (codeWidth == 8 || bytes.at(at) >= 0xC0)) {
        boolean illegal = i.lock || operandPrefix || i.repeat != 0 || i.rex != 0;
        int map = vex(opcode == 0xC4);
        opcode = next();
        if (illegal || map < 1 || map > 3) {
          i.row = UNDEFINED;
          i.length = at;
          return;
        }
        cell = VEX_MAPS + 0x100 * map + opcode;
      } else if (opcode == 0x0F) {
        w = i.rex >>> 3 & 1;
        opcode = next();
        cell = 0x100 + opcode;
        if (opcode == 0x38 || opcode == 0x3A) {
          cell = opcode == 0x38 ? 0x200 : 0x300;
          opcode = next();
          cell += opcode;
        }
      }
      Row[] candidates = (codeWidth == 8 ? rows64 : rows32)[cell];
      Row row = select(candidates);
      i.row = row;
      i.operandSize = operandSize(row);
      i.segment = segment >= 0 ? segment : DS;
      i.base = ZERO;
      i.index = ZERO;
      if (row.modrm && !row.system) {
        modrm();
        if (row.vsib) {
          vsib();
        }
      }
      i.reg |= i.modrm < 0 ? 0 : (i.rex & 4) << 1;
      if (!i.vex) {
        i.vvvv = i.reg;
      }
      if (i.modrm < 0) {
        i.rm = opcode & 7 | (i.rex & 1) << 3;
      } else if (!i.memory) {
        i.rm |= (i.rex & 1) << 3;
      }
      immediates(row);
      i.length = at;
      if (i.vex && !row.vvvv && i.vvvv != 0 && row != UNDEFINED) {
        i.row = UNDEFINED;
      }
      if (i.lock && !(row.has(Trait.LOCK) && i.memory)) {
        i.row = UNDEFINED;
      }
    }

    private int prefixes() {
      while (true) {
        int octet = next();
        switch (octet) {
          case 0x26 -> segment(ES);
          case 0x2E -> segment(CS);
          case 0x36 -> segment(SS);
          case 0x3E -> segment(DS);
          case 0x64 -> segment = FS;
          case 0x65 -> segment = GS;
          case 0x66 -> operandPrefix = true;
          case 0x67 -> i.addressSize = codeWidth == 4 ? 2 : 4;
          case 0xF0 -> i.lock = true;
          case 0xF2, 0xF3 -> i.repeat = octet;
          default -> {
            if (codeWidth == 8 && (octet & 0xF0) == 0x40) {
              i.rex = octet;
              int opcode = next();
              if (!isPrefix(opcode)) {
                return opcode;
              }
              // A REX that a prefix follows does not count.
              i.rex = 0;
              at--;
              continue;
            }
            return octet;
          }
        }
      }
    }

    /** Takes in the rest of a VEX prefix of three bytes or of two; gives the opcode map. */
    private int vex(boolean three) {
      i.vex = true;
      int first = next();
      int last = three ? next() : first & 0x7F;
      // R, X and B are inverted; the short form has R only.
      int rxb = (three ? ~first >>> 5 : ~first >>> 7 << 2) & 7;
      i.vvvv = ~last >>> 3 & 15;
      if (codeWidth != 8) {
        rxb = 0;
        i.vvvv &= 7;
      }
      w = last >>> 7;
      l = last >>> 2 & 1;
      i.rex = 0x40 | w << 3 | rxb;
      i.vectorLength = 16 << l;
      operandPrefix = (last & 3) == 1;
      i.repeat = (last & 3) == 2 ? 0xF3 : (last & 3) == 3 ? 0xF2 : 0;
      return three ? first & 0x1F : 1;
    }

    private void segment(int number) {
      // 64-bit code ignores these overrides.
      if (codeWidth != 8) {
        segment = number;
      }
    }

    private boolean isPrefix(int octet) {
      return switch (octet) {
        case 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3 -> true;
        default -> (octet & 0xF0) == 0x40;
      };
    }

    private Row select(Row[] candidates) {
      boolean needed = false;
      for (Row row : candidates) {
        needed |= row.modrm;
      }
      if (needed) {
        i.modrm = next();
        i.reg = i.modrm >>> 3 & 7;
        i.rm = i.modrm & 7;
      }
      boolean register = i.modrm >= 0xC0;
      for (Row row : candidates) {
        if ((row.reg < 0 || row.reg == i.reg)
            && (row.system || !(row.memoryOnly && register) && !(row.registerOnly && !register))
            && (row.rm < 0 || row.rm == i.rm)
            && (row.w < 0 || row.w == w)
            && (row.l < 0 || row.l == l)
            && prefixMatches(row.prefix)) {
          return row;
        }
      }
      return UNDEFINED;
    }

    private boolean prefixMatches(@Nullable String prefix) {
      if (prefix == null) {
        return true;
      }
      return switch (prefix) {
        case "F3" -> i.repeat == 0xF3;
        case "F2" -> i.repeat == 0xF2;
        case "66" -> operandPrefix && i.repeat == 0;
        default -> !operandPrefix && i.repeat == 0;
      };
    }

    private int operandSize(Row row) {
      if (codeWidth == 8) {
        if ((i.rex & 8) != 0 || row.has(Trait.FORCE64)) {
          return 8;
        }
        if (row.has(Trait.DEFAULT64)) {
          return operandPrefix ? 2 : 8;
        }
        return operandPrefix ? 2 : 4;
      }
      return operandPrefix ? 6 - codeWidth : codeWidth;
    }

    private void modrm() {
      int mod = i.modrm >>> 6;
      if (mod == 3) {
        return;
      }
      i.memory = true;
      if (i.addressSize == 2) {
        modrm16(mod, i.rm);
      } else {
        modrm32(mod, i.rm);
      }
    }

    /** The index that {@link #modrm32} took for a general register is a vector register. */
    private void vsib() {
      boolean sib = i.addressSize != 2 && (i.modrm & 7) == 4;
      if (!sib) {
        i.row = UNDEFINED;
        return;
      }
      i.vectorIndex = i.index == ZERO ? 4 : i.index;
      i.index = ZERO;
    }

    private void modrm16(int mod, int rm) {
      if (mod == 0 && rm == 6) {
        i.displacement = next(2);
        return;
      }
      i.base =
          switch (rm) {
            case 0, 1, 7 -> RBX;
            case 2, 3, 6 -> RBP;
            case 4 -> RSI;
            default -> RDI;
          };
      if (rm < 4) {
        i.index = (rm & 1) == 0 ? RSI : RDI;
      }
      if (i.base == RBP && segment < 0) {
        i.segment = SS;
      }
      i.displacement = mod == 0 ? 0 : nextSigned(mod == 1 ? 1 : 2);
    }

    private void modrm32(int mod, int rm) {
      if (rm == 4) {
        int sib = next();
        i.scale = sib >>> 6;
        int index = sib >>> 3 & 7 | (i.rex & 2) << 2;
        i.index = index == 4 ? ZERO : index;
        if ((sib & 7) == 5 && mod == 0) {
          i.displacement = nextSigned(4);
          return;
        }
        i.base = sib & 7 | (i.rex & 1) << 3;
      } else if (mod == 0 && rm == 5) {
        i.displacement = nextSigned(4);
        i.ripRelative = codeWidth == 8;
        return;
      } else {
        i.base = rm | (i.rex & 1) << 3;
      }
      if ((i.base == RSP || i.base == RBP) && segment < 0) {
        i.segment = SS;
      }
      if (mod != 0) {
        i.displacement = nextSigned(mod == 1 ? 1 : 4);
      }
    }

    private void immediates(Row row) {
      boolean first = true;
      for (Operand operand : row.operands()) {
        switch (operand.method()) {
          case 'I' -> {
            long value =
                switch (operand.type()) {
                  case "b" -> nextSigned(1);
                  case "w" -> next(2);
                  default -> nextSigned(operand.width(i));
                };
            if (first) {
              i.immediate = value;
              first = false;
            } else {
              i.immediate2 = (int) value & 0xFF;
            }
          }
          case 'L' -> i.immediate = next() & (codeWidth == 8 ? 0xFF : 0x7F);
          case 'J' -> i.immediate = nextSigned(operand.width(i));
          case 'A' -> {
            i.immediate = next(Math.min(i.operandSize, 4));
            i.immediate2 = (int) next(2);
          }
          case 'O' -> {
            i.memory = true;
            i.displacement = next(i.addressSize);
          }
          default -> {}
        }
      }
    }
  }
}
