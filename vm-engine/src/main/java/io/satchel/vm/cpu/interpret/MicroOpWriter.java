package io.satchel.vm.cpu.interpret;

import static io.satchel.vm.cpu.CpuState.RAX;
import static io.satchel.vm.cpu.CpuState.RSP;
import static io.satchel.vm.cpu.CpuState.ZERO;
import static io.satchel.vm.cpu.interpret.MicroOp.ADDRESS;
import static io.satchel.vm.cpu.interpret.MicroOp.DESTINATION;
import static io.satchel.vm.cpu.interpret.MicroOp.SOURCE;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.Mode;
import io.satchel.vm.cpu.decode.Instruction;
import io.satchel.vm.cpu.decode.OpcodeMap.Row;
import io.satchel.vm.cpu.decode.OpcodeMap.Trait;
import io.satchel.vm.cpu.decode.Operand;
import io.satchel.vm.cpu.semantics.Alu;
import io.satchel.vm.cpu.semantics.FlagRule;
import io.satchel.vm.cpu.semantics.MulDiv;
import io.satchel.vm.cpu.semantics.Shift;
import io.satchel.vm.cpu.semantics.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Turns the instructions of one block into micro-operations. What it has no micro-operation for
 * becomes {@link MicroOp#GENERIC}, the row's own effect.
 */
final class MicroOpWriter {

  private static final Map<Value, Integer> CLASSIC =
      Map.of(
          Alu.ADD, Narrow.ADD,
          Alu.OR, Narrow.OR,
          Alu.ADC, Narrow.ADC,
          Alu.SBB, Narrow.SBB,
          Alu.AND, Narrow.AND,
          Alu.SUB, Narrow.SUB,
          Alu.XOR, Narrow.XOR,
          Alu.CMP, Narrow.CMP,
          Alu.TEST, Narrow.TEST);

  private final int mode;
  private final List<Instruction> instructions;
  private final boolean[] flagsDead;
  private final short[] offsets;
  private final int[] starts;
  private final List<MicroOp> operations = new ArrayList<>();
  private int current;
  private long ripMask;

  /** Log2 of the width in bytes of the operation in hand. */
  private int log2;

  private int addressSize;

  /** The instruction whose lazy flags stand, when that is known, and its value's flag rule. */
  private @Nullable FlagRule known;

  /** Log2 of its width in bytes. */
  private int knownLog2;

  private boolean ended;

  MicroOpWriter(int mode, List<Instruction> instructions) {
    this.mode = mode;
    this.instructions = instructions;
    ripMask = (mode & Mode.CODE64) != 0 ? -1 : 0xFFFF_FFFFL;
    int count = instructions.size();
    flagsDead = new boolean[count];
    offsets = new short[count + 1];
    starts = new int[count + 1];
    int at = 0;
    for (int n = 0; n < count; n++) {
      offsets[n] = (short) at;
      at += instructions.get(n).length;
    }
    offsets[count] = (short) at;
  }

  Block block(int hostPage, int pageOffset, int secondPage) {
    markDeadFlags();
    int count = instructions.size();
    for (current = 0; current < count; current++) {
      starts[current] = operations.size();
      Instruction i = instructions.get(current);
      FlagRule before = known;
      int log2Before = knownLog2;
      log2 = 2;
      addressSize = i.addressSize;
      if (!fuse(i) && !write(i)) {
        operations.subList(starts[current], operations.size()).clear();
        known = null;
        emit(Operation.GENERIC, 0, 0, 0);
      } else if (flagNeutral(i)) {
        known = before;
        knownLog2 = log2Before;
      } else if (i.row().value() == null) {
        known = null;
      }
    }
    starts[count] = operations.size();
    if (!ended && !instructions.get(count - 1).row().has(Trait.ENDS_BLOCK)) {
      emit(Operation.END, 0, 0, 0);
    }
    // Where an effect goes on that was executed in place of a comparison joined with its jump.
    emit(Operation.END_DYNAMIC, 0, 0, 0);
    MicroOp[] first = new MicroOp[count + 1];
    for (int n = 0; n + 1 < operations.size(); n++) {
      operations.get(n).next = operations.get(n + 1);
    }
    for (int n = 0; n <= count; n++) {
      first[n] = operations.get(starts[n]);
    }
    return new Block(
        hostPage,
        pageOffset,
        secondPage,
        mode,
        instructions.toArray(Instruction[]::new),
        offsets,
        first,
        ripMask);
  }

  private void emit(Operation operation, int registers, int displacement, int immediate) {
    operations.add(
        new MicroOp(operation, registers, log2, addressSize, displacement, immediate, current));
  }

  private void emit(Operation operation, int r, int r2, int displacement, int immediate) {
    emit(operation, MicroOp.registers(r, ZERO, ZERO, 0, r2), displacement, immediate);
  }

  private static int pack(int r, int base, int index, int scale, int r2) {
    return MicroOp.registers(r, base, index, scale, r2);
  }

  /** r = base + index + displacement, as wide as the operation in hand. */
  private void sum(int r, int index, int displacement) {
    addressSize = 1 << log2;
    emit(Operation.LEA, pack(r, r, index, 0, 0), displacement, 0);
  }

  // Flags that are written again before anything can look at them. A fault looks at them, so only
  // instructions on registers may lie between.
  private void markDeadFlags() {
    boolean live = true;
    for (int n = instructions.size() - 1; n >= 0; n--) {
      Instruction i = instructions.get(n);
      Value value = i.row().value();
      if (value == null || i.memory || i.operandSize < 4) {
        if (!(isLea(i) && i.operandSize >= 4)) {
          live = true;
        }
        continue;
      }
      flagsDead[n] = !live;
      switch (value.rule()) {
        case ADD, SUB, LOGIC, NEG -> live = value.shape() == Value.Shape.CARRY;
        case SHL, SHR, SAR -> {
          if (i.row().operands().getLast().method() == 'r') {
            flagsDead[n] = false;
            live = true;
          } else {
            live &= (i.immediate & (i.operandSize == 8 ? 63 : 31)) == 0;
          }
        }
        case NONE, INC, DEC -> {}
        default -> live = true;
      }
    }
  }

  private static boolean isLea(Instruction i) {
    return i.row().opcode() == 0x8D;
  }

  private static boolean flagNeutral(Instruction i) {
    Value value = i.row().value();
    int opcode = i.row().opcode();
    return value != null
        ? value.rule() == FlagRule.NONE
        : opcode == 0x8D || opcode >= 0x50 && opcode <= 0x5F || opcode >>> 4 == 0x0F9;
  }

  private boolean write(Instruction i) {
    Row row = i.row();
    if ((mode & Mode.ALIGNED) != 0
        || i.lock
        || (int) i.displacement != i.displacement && i.addressSize != 4) {
      return false;
    }
    Value value = row.value();
    if (value != null) {
      return value(i, row, value);
    }
    boolean wide = i.operandSize >= 4;
    log2 = log2(i.operandSize);
    return switch (row.opcode()) {
      case 0x50 -> push(i, i.rm);
      case 0x58 -> pop(i);
      case 0x68, 0x6A -> pushImmediate(i);
      case 0xFF -> indirect(i, row);
      case 0x8D -> lea(i);
      case 0x90 -> {
        if (row.mnemonic().equals("PAUSE")) {
          yield false;
        }
        if (i.rm == CpuState.RAX) {
          yield true;
        }
        if (wide) {
          emit(Operation.XCHG, i.rm, CpuState.RAX, 0, 0);
        }
        yield wide;
      }
      case 0x87 -> {
        if (wide && !i.memory) {
          emit(Operation.XCHG, i.rm, i.reg, 0, 0);
          yield true;
        }
        yield false;
      }
      case 0x98 -> {
        if (wide) {
          emit(log2 == 3 ? Operation.MOVSX32 : Operation.MOVSX16, RAX, RAX, 0, 0);
        }
        yield wide;
      }
      case 0x99 -> {
        if (wide) {
          emit(Operation.CDQ, 0, 0, 0);
        }
        yield wide;
      }
      case 0xC9 -> {
        boolean fast = flatStack() && i.operandSize == stackSize();
        if (fast) {
          emit(stackSize() == 8 ? Operation.LEAVE64 : Operation.LEAVE32, 0, 0, 0);
        }
        yield fast;
      }
      case 0xC2, 0xC3 -> ret(i);
      case 0xE8 -> call(i);
      case 0xE9, 0xEB -> {
        if (!reaches(i)) {
          yield false;
        }
        mask(i);
        emit(Operation.JMP, 0, target(i), 0);
        ended = true;
        yield true;
      }
      case 0xE2 -> {
        mask(i);
        emit(Operation.LOOP, 0, target(i), 0);
        ended = true;
        yield true;
      }
      case 0x0F18, 0x0F19, 0x0F1A, 0x0F1B, 0x0F1C, 0x0F1D, 0x0F1E, 0x0F1F -> true;
      default -> onRegisters(i, row) || byCondition(i, row.opcode());
    };
  }

  /** Whether the instruction is an effect on registers that cannot fault and ends no block. */
  private boolean onRegisters(Instruction i, Row row) {
    boolean quiet =
        switch (row.opcode()) {
          // BT and its kin, SHLD, SHRD, BSF, BSR, XADD, CMPXCHG.
          case 0x0FA3, 0x0FAB, 0x0FB3, 0x0FBB, 0x0FBA, 0x0FA4, 0x0FA5, 0x0FAC, 0x0FAD -> !i.memory;
          case 0x0FBC, 0x0FBD, 0x0FC0, 0x0FC1, 0x0FB0, 0x0FB1, 0x86 -> !i.memory;
          // RCL, RCR.
          case 0xC0, 0xC1, 0xD0, 0xD1, 0xD2, 0xD3 -> !i.memory;
          // MUL and IMUL; DIV can fault.
          case 0xF6, 0xF7 -> !i.memory && (row.reg() & 6) == 4;
          // BSWAP, and flags; XCHG with rAX and CBW of words come here too.
          case 0x0FC8, 0x9E, 0x9F, 0xF5, 0xF8, 0xF9, 0xFC, 0xFD -> true;
          default -> false;
        };
    if (quiet) {
      emit(Operation.EFFECT, 0, 0, 0);
    }
    return quiet;
  }

  private boolean byCondition(Instruction i, int opcode) {
    int condition = opcode & 15;
    switch (opcode >>> 4) {
      case 0x07, 0x0F8 -> {
        return jcc(i, condition);
      }
      case 0x0F9 -> {
        if (i.memory) {
          return false;
        }
        if (i.rm < 4 || i.rex != 0) {
          emit(Operation.SETCC, i.rm, 0, 0, condition);
        } else {
          emit(Operation.MOV_RI, SOURCE, 0, 0, 0);
          emit(Operation.SETCC, SOURCE, 0, 0, condition);
          emit(Operation.INSERT_HIGH, i.rm - 4, SOURCE, 0, 0);
        }
        return true;
      }
      case 0x0F4 -> {
        if (i.operandSize < 4) {
          return false;
        }
        int source = i.rm;
        if (i.memory) {
          source = SOURCE;
          if (!load(i, loadOperation(), SOURCE, 1 << log2)) {
            return false;
          }
        }
        emit(Operation.CMOV, i.reg, source, 0, condition);
        return true;
      }
      default -> {
        return false;
      }
    }
  }

  // Control.

  private void mask(Instruction i) {
    ripMask = i.operandSize == 2 ? 0xFFFF : i.operandSize == 4 ? 0xFFFF_FFFFL : -1;
  }

  /** Whether a jump's distance from the block's start is a word of 32 bits, or wraps in them. */
  private boolean reaches(Instruction i) {
    long distance = offsets[current + 1] + i.immediate;
    return i.operandSize < 8 || distance == (int) distance;
  }

  /** A jump's target as a distance from the block's start. */
  private int target(Instruction i) {
    return offsets[current + 1] + (int) i.immediate;
  }

  private boolean jcc(Instruction i, int condition) {
    if (!reaches(i)) {
      return false;
    }
    mask(i);
    ended = true;
    int outcomes = Operation.outcomes(condition);
    log2 = knownLog2;
    if (known == FlagRule.SUB && outcomes != 0) {
      emit(Operation.JCC_SUB, 0, target(i), outcomes);
    } else if (known == FlagRule.LOGIC && outcomes != 0
        || known != null && (condition >> 1 == 2 || condition >> 1 == 4)) {
      emit(Operation.JCC_RESULT, 0, target(i), outcomes);
    } else {
      emit(Operation.JCC, 0, target(i), condition);
    }
    return true;
  }

  /** Joins a comparison that was just written with the conditional jump behind it. */
  private boolean fuse(Instruction i) {
    int opcode = i.row().opcode();
    if (opcode >>> 4 != 0x07 && opcode >>> 4 != 0x0F8
        || current == 0
        || known == null
        || !reaches(i)
        || (mode & Mode.ALIGNED) != 0) {
      return false;
    }
    if (operations.size() == starts[current - 1]) {
      return false;
    }
    MicroOp last = operations.getLast();
    int outcomes = Operation.outcomes(opcode & 15);
    Operation operation =
        switch (last.operation) {
          case ALU_RR_CMP -> Operation.CMP_RR_JCC;
          case ALU_RI_CMP -> Operation.CMP_RI_JCC;
          case ALU_RR_TEST -> Operation.TEST_RR_JCC;
          case ALU_RI_TEST -> Operation.TEST_RI_JCC;
          case NARROW_RR_CMP -> Operation.CMP_RR_JCC;
          case NARROW_RI_CMP -> Operation.CMP_RI_JCC;
          case NARROW_RR_TEST -> Operation.TEST_RR_JCC;
          case NARROW_RI_TEST -> Operation.TEST_RI_JCC;
          default -> Operation.GENERIC;
        };
    if (operation == Operation.GENERIC || outcomes == 0) {
      return false;
    }
    mask(i);
    ended = true;
    last.operation = operation;
    last.outcomes = (short) outcomes;
    last.displacement = target(i);
    // The comparison is done by then: only the jump can fault, and it owns the operation.
    last.owner = (byte) current;
    return true;
  }

  private boolean flatStack() {
    int flat = Mode.FLAT_SS | Mode.STACK32;
    return (mode & Mode.CODE64) != 0 || (mode & flat) == flat;
  }

  private int stackSize() {
    return (mode & Mode.CODE64) != 0 ? 8 : 4;
  }

  /** Whether the stack is a 16-bit one. */
  private boolean stack16() {
    return (mode & (Mode.STACK32 | Mode.CODE64)) == 0;
  }

  private boolean call(Instruction i) {
    if (!reaches(i)) {
      return false;
    }
    if (flatStack() && i.operandSize == stackSize()) {
      Operation operation = stackSize() == 8 ? Operation.CALL64 : Operation.CALL32;
      emit(operation, 0, target(i), offsets[current + 1]);
    } else if (stack16() && i.operandSize == 2) {
      emit(Operation.CALL16, 0, target(i), offsets[current + 1]);
    } else {
      return false;
    }
    mask(i);
    ended = true;
    return true;
  }

  private boolean ret(Instruction i) {
    int release = (int) i.immediate & 0xFFFF;
    if (flatStack() && i.operandSize == stackSize()) {
      emit(stackSize() == 8 ? Operation.RET64 : Operation.RET32, 0, 0, release);
    } else if (stack16() && i.operandSize == 2) {
      emit(Operation.RET16, 0, 0, release);
    } else {
      return false;
    }
    mask(i);
    ended = true;
    return true;
  }

  private boolean indirect(Instruction i, Row row) {
    String name = row.mnemonic();
    int size = (mode & Mode.CODE64) != 0 ? 8 : 4;
    if (i.operandSize != size || !row.text().contains(" Ev ")) {
      return false;
    }
    int register = i.rm;
    if (i.memory) {
      register = SOURCE;
      if (!load(i, loadOperation(), SOURCE, size)) {
        return false;
      }
    }
    switch (name) {
      case "PUSH" -> {
        return push(i, register);
      }
      case "JMP" -> {
        mask(i);
        emit(size == 8 ? Operation.JMP64_R : Operation.JMP_R, register, 0, 0, 0);
      }
      default -> {
        if (!flatStack()) {
          return false;
        }
        mask(i);
        Operation operation = size == 8 ? Operation.CALL64_R : Operation.CALL32_R;
        emit(operation, register, 0, 0, offsets[current + 1]);
      }
    }
    ended = true;
    return true;
  }

  // The stack.

  private boolean push(Instruction i, int register) {
    if (flatStack() && i.operandSize == stackSize()) {
      emit(stackSize() == 8 ? Operation.PUSH64 : Operation.PUSH32, register, 0, 0, 0);
      return true;
    }
    if (stack16() && i.operandSize == 2) {
      emit(Operation.PUSH16, register, 0, 0, 0);
      return true;
    }
    return false;
  }

  private boolean pushImmediate(Instruction i) {
    if (flatStack() && i.operandSize == stackSize()) {
      Operation operation = stackSize() == 8 ? Operation.PUSH64_I : Operation.PUSH32_I;
      emit(operation, 0, 0, (int) i.immediate);
      return true;
    }
    return false;
  }

  private boolean pop(Instruction i) {
    if (i.rm == RSP) {
      return false;
    }
    if (flatStack() && i.operandSize == stackSize()) {
      emit(stackSize() == 8 ? Operation.POP64 : Operation.POP32, i.rm, 0, 0, 0);
      return true;
    }
    if (stack16() && i.operandSize == 2) {
      emit(Operation.POP16, i.rm, 0, 0, 0);
      return true;
    }
    return false;
  }

  // Values.

  private boolean lea(Instruction i) {
    if (!near(i)) {
      return false;
    }
    addressSize = Math.min(i.addressSize, i.operandSize == 2 ? 8 : i.operandSize);
    Operation operation = i.operandSize == 2 ? Operation.LEA16 : Operation.LEA;
    emit(operation, pack(i.reg, base(i), i.index, i.scale, 0), displacement(i), 0);
    return true;
  }

  /** RIP-relative addresses are distances from the block's start. */
  private static int base(Instruction i) {
    return i.ripRelative ? MicroOp.BLOCK : i.base;
  }

  private int displacement(Instruction i) {
    return (int) i.displacement + (i.ripRelative ? offsets[current + 1] : 0);
  }

  /** Whether a RIP-relative displacement still is a word of 32 bits from the block's start. */
  private boolean near(Instruction i) {
    long distance = i.displacement + offsets[current + 1];
    return !i.ripRelative || distance == (int) distance;
  }

  private boolean value(Instruction i, Row row, Value value) {
    Operand to = row.operands().getFirst();
    int width = to.width(i);
    log2 = log2(width);
    return switch (value.shape()) {
      case COPY -> copy(i, row, to, width);
      case EXTEND -> extend(i, row, width);
      case UNARY -> unary(i, value, to, width);
      case SHIFT -> shift(i, row, value, to, width);
      case BINARY, CARRY ->
          value == MulDiv.IMUL ? imul(i, row, width) : classic(i, row, value, to, width);
    };
  }

  private boolean copy(Instruction i, Row row, Operand to, int width) {
    Operand from = row.operands().getLast();
    int fromWidth = from.width(i);
    if (isMemory(i, to)) {
      return moveToMemory(i, from, width);
    }
    if (from.method() == 'I') {
      int high = high(i, to, width);
      if (high >= 0) {
        emit(Operation.MOV_RI, SOURCE, 0, 0, (int) i.immediate);
        emit(Operation.INSERT_HIGH, high, SOURCE, 0, 0);
      } else if (i.immediate != (int) i.immediate && width == 8) {
        int upper = (int) (i.immediate >>> 32);
        emit(Operation.MOV_RI64, register(i, to), 0, upper, (int) i.immediate);
      } else if (width >= 4) {
        emit(Operation.MOV_RI, register(i, to), 0, 0, (int) i.immediate);
      } else {
        emit(Operation.MOV_NARROW_RI, register(i, to), 0, 0, (int) i.immediate);
      }
      return true;
    }
    if (fromWidth != width) {
      return zeroExtend(i, from, fromWidth, register(i, to), width);
    }
    int high = high(i, to, width);
    if (isMemory(i, from)) {
      if (high >= 0) {
        if (!load(i, Operation.LOADZ8, SOURCE, 1)) {
          return false;
        }
        emit(Operation.INSERT_HIGH, high, SOURCE, 0, 0);
        return true;
      }
      Operation operation =
          width >= 4 ? loadOperation() : width == 2 ? Operation.LOAD16 : Operation.LOAD8;
      return load(i, operation, register(i, to), width);
    }
    int source = source(i, from, width);
    if (high >= 0) {
      emit(Operation.INSERT_HIGH, high, source, 0, 0);
    } else if (width >= 4) {
      emit(Operation.MOV_RR, register(i, to), source, 0, 0);
    } else {
      emit(Operation.MOV_NARROW_RR, register(i, to), source, 0, 0);
    }
    return true;
  }

  private boolean moveToMemory(Instruction i, Operand from, int width) {
    Operation operation =
        switch (width) {
          case 1 -> Operation.STORE8;
          case 2 -> Operation.STORE16;
          case 4 -> Operation.STORE32;
          default -> Operation.STORE64;
        };
    if (from.method() == 'I') {
      if (width != 2) {
        Operation constant =
            width == 8
                ? Operation.STORE64_I
                : width == 4 ? Operation.STORE32_I : Operation.STORE8_I;
        return access(i, constant, 0, width, true, (int) i.immediate);
      }
      emit(Operation.MOV_RI, SOURCE, 0, 0, (int) i.immediate);
      return access(i, operation, SOURCE, width, true, 0);
    }
    return access(i, operation, source(i, from, width), width, true, 0);
  }

  private boolean zeroExtend(Instruction i, Operand from, int fromWidth, int to, int width) {
    int target = width >= 4 ? to : SOURCE;
    if (isMemory(i, from)) {
      if (!load(i, fromWidth == 1 ? Operation.LOADZ8 : Operation.LOADZ16, target, fromWidth)) {
        return false;
      }
    } else {
      int source = source(i, from, fromWidth);
      emit(fromWidth == 1 ? Operation.MOVZX8 : Operation.MOVZX16, target, source, 0, 0);
    }
    if (width < 4) {
      emit(Operation.MOV_NARROW_RR, to, SOURCE, 0, 0);
    }
    return true;
  }

  private boolean extend(Instruction i, Row row, int width) {
    Operand from = row.operands().getLast();
    int fromWidth = from.width(i);
    int target = width >= 4 ? i.reg : SOURCE;
    if (isMemory(i, from)) {
      Operation operation =
          fromWidth == 1
              ? Operation.LOADS8
              : fromWidth == 2
                  ? Operation.LOADS16
                  : width == 8 ? Operation.LOADS32 : Operation.LOAD32;
      if (!load(i, operation, target, fromWidth)) {
        return false;
      }
    } else {
      int source = source(i, from, fromWidth);
      Operation operation =
          fromWidth == 1
              ? Operation.MOVSX8
              : fromWidth == 2
                  ? Operation.MOVSX16
                  : width == 8 ? Operation.MOVSX32 : Operation.MOV_RR;
      emit(operation, target, source, 0, 0);
    }
    if (width < 4) {
      emit(Operation.MOV_NARROW_RR, i.reg, SOURCE, 0, 0);
    }
    return true;
  }

  private boolean unary(Instruction i, Value value, Operand to, int width) {
    int which = value == Alu.INC ? 0 : value == Alu.DEC ? 1 : value == Alu.NEG ? 2 : 3;
    if (value != Alu.INC && value != Alu.DEC && value != Alu.NEG && value != Alu.NOT) {
      return false;
    }
    known = value.rule() == FlagRule.NEG ? null : value.rule();
    knownLog2 = log2;
    if (flagsDead[current] && which < 2 && width >= 4) {
      sum(register(i, to), ZERO, 1 - 2 * which);
      return true;
    }
    Operation operation = (width >= 4 ? Operation.INC : Operation.INC_NARROW).plus(which);
    if (width < 4) {
      known = null;
    }
    return update(i, to, width, operation, 0, 0);
  }

  /** Writes an operation on the destination: in its register, or by way of DESTINATION. */
  private boolean update(
      Instruction i, Operand to, int width, Operation operation, int source, int immediate) {
    if (isMemory(i, to)) {
      Operation load =
          switch (width) {
            case 1 -> Operation.LOADX8;
            case 2 -> Operation.LOADX16;
            case 4 -> Operation.LOADX32;
            default -> Operation.LOADX64;
          };
      if (!access(i, load, DESTINATION, width, true, 0)) {
        return false;
      }
      emit(operation, DESTINATION, source, 0, immediate);
      emit(load.plus(4), DESTINATION, 0, 0, 0);
      return true;
    }
    int high = high(i, to, width);
    if (high >= 0) {
      emit(Operation.EXTRACT_HIGH, DESTINATION, high, 0, 0);
      emit(operation, DESTINATION, source, 0, immediate);
      emit(Operation.INSERT_HIGH, high, DESTINATION, 0, 0);
    } else {
      emit(operation, register(i, to), source, 0, immediate);
    }
    return true;
  }

  private boolean shift(Instruction i, Row row, Value value, Operand to, int width) {
    Operand by = row.operands().getLast();
    int count = by.method() == '1' ? 1 : (int) i.immediate & (width == 8 ? 63 : 31);
    known = null;
    boolean rotate = value == Shift.ROL || value == Shift.ROR;
    if (by.method() == 'r') {
      if (width < 4 || rotate) {
        return false;
      }
      Operation operation =
          value == Shift.SHL
              ? Operation.SHL_CL
              : value == Shift.SHR ? Operation.SHR_CL : Operation.SAR_CL;
      return update(i, to, width, operation, 0, 0);
    }
    if (count == 0) {
      // A 32-bit register's upper half is cleared even so.
      if (width >= 4 && !isMemory(i, to)) {
        emit(Operation.MOV_RR, register(i, to), register(i, to), 0, 0);
      }
      return !isMemory(i, to);
    }
    int which = value == Shift.SHL ? 0 : value == Shift.SHR ? 1 : 2;
    if (rotate) {
      return width >= 4
          && update(i, to, width, value == Shift.ROL ? Operation.ROL : Operation.ROR, 0, count);
    }
    if (width < 4) {
      return update(i, to, width, Operation.SHL_NARROW.plus(which), 0, count);
    }
    if (flagsDead[current]) {
      emit(Operation.SHL_QUIET.plus(which), register(i, to), 0, 0, count);
      return true;
    }
    known = value.rule();
    knownLog2 = log2;
    return update(i, to, width, Operation.SHL.plus(which), 0, count);
  }

  private boolean imul(Instruction i, Row row, int width) {
    known = null;
    if (width < 4) {
      return false;
    }
    int source = i.rm;
    if (i.memory) {
      source = SOURCE;
      if (!load(i, loadOperation(), SOURCE, width)) {
        return false;
      }
    }
    if (row.operands().size() == 3) {
      emit(Operation.IMUL_RI, i.reg, source, 0, (int) i.immediate);
    } else {
      emit(Operation.IMUL_RR, i.reg, source, 0, 0);
    }
    return true;
  }

  private boolean classic(Instruction i, Row row, Value value, Operand to, int width) {
    Integer operation = CLASSIC.get(value);
    if (operation == null) {
      return false;
    }
    Operand from = row.operands().getLast();
    boolean immediate = from.method() == 'I';
    int source = 0;
    if (!immediate) {
      if (isMemory(i, from)) {
        source = SOURCE;
        Operation load =
            width >= 4 ? loadOperation() : width == 2 ? Operation.LOADZ16 : Operation.LOADZ8;
        if (!load(i, load, SOURCE, width)) {
          return false;
        }
      } else {
        source = source(i, from, width);
      }
    }
    known = value.rule();
    knownLog2 = log2;
    if (value.shape() == Value.Shape.CARRY) {
      known = null;
    }
    if (width >= 4 && flagsDead[current] && quiet(i, to, operation, source, immediate)) {
      return true;
    }
    Operation form =
        width >= 4
            ? immediate ? Operation.ALU_RI_ADD : Operation.ALU_RR_ADD
            : immediate ? Operation.NARROW_RI_ADD : Operation.NARROW_RR_ADD;
    if (!value.writes() && isMemory(i, to)) {
      Operation load =
          width >= 4 ? loadOperation() : width == 2 ? Operation.LOADZ16 : Operation.LOADZ8;
      if (!load(i, load, DESTINATION, width)) {
        return false;
      }
      emit(form.plus(operation), DESTINATION, source, 0, (int) i.immediate);
      return true;
    }
    if (!value.writes()) {
      int high = high(i, to, width);
      int r = register(i, to);
      if (high >= 0) {
        emit(Operation.EXTRACT_HIGH, DESTINATION, high, 0, 0);
        r = DESTINATION;
      }
      emit(form.plus(operation), r, source, 0, (int) i.immediate);
      return true;
    }
    return update(i, to, width, form.plus(operation), source, (int) i.immediate);
  }

  /** A form that leaves the flags alone; all operands are registers or immediate. */
  private boolean quiet(Instruction i, Operand to, int operation, int source, boolean immediate) {
    int r = register(i, to);
    int value = (int) i.immediate;
    switch (operation) {
      case Narrow.ADD -> sum(r, immediate ? ZERO : source, immediate ? value : 0);
      case Narrow.SUB -> {
        if (immediate && value != Integer.MIN_VALUE) {
          sum(r, ZERO, -value);
        } else if (immediate) {
          return false;
        } else {
          emit(Operation.SUB_RR_QUIET, r, source, 0, 0);
        }
      }
      case Narrow.OR ->
          emit(immediate ? Operation.OR_RI_QUIET : Operation.OR_RR_QUIET, r, source, 0, value);
      case Narrow.AND ->
          emit(immediate ? Operation.AND_RI_QUIET : Operation.AND_RR_QUIET, r, source, 0, value);
      case Narrow.XOR ->
          emit(immediate ? Operation.XOR_RI_QUIET : Operation.XOR_RR_QUIET, r, source, 0, value);
      case Narrow.CMP, Narrow.TEST -> {}
      default -> {
        return false;
      }
    }
    return true;
  }

  // Operands.

  private static int log2(int width) {
    return Integer.numberOfTrailingZeros(width);
  }

  private static boolean isMemory(Instruction i, Operand operand) {
    return switch (operand.method()) {
      case 'E', 'M' -> i.memory;
      case 'O' -> true;
      default -> false;
    };
  }

  private static int register(Instruction i, Operand operand) {
    return switch (operand.method()) {
      case 'G' -> i.reg;
      case 'r' -> operand.register();
      default -> i.rm;
    };
  }

  /** For AH, CH, DH and BH the register that holds it, else -1. */
  private static int high(Instruction i, Operand operand, int width) {
    int r = register(i, operand);
    return width == 1 && r >= 4 && operand.method() != 'r' && i.rex == 0 ? r - 4 : -1;
  }

  /** The register that holds an operand's value in its low bits. */
  private int source(Instruction i, Operand operand, int width) {
    int high = high(i, operand, width);
    if (high < 0) {
      return register(i, operand);
    }
    emit(Operation.EXTRACT_HIGH, SOURCE, high, 0, 0);
    return SOURCE;
  }

  private boolean load(Instruction i, Operation operation, int r, int width) {
    return access(i, operation, r, width, false, 0);
  }

  private boolean access(
      Instruction i, Operation operation, int r, int width, boolean write, int immediate) {
    if (!near(i)) {
      return false;
    }
    boolean based = (mode & Mode.CODE64) != 0 && i.segment >= CpuState.FS;
    if (flat(i.segment) && i.addressSize >= 4) {
      int registers = pack(r, base(i), i.index, i.scale, 0);
      emit(operation, registers, displacement(i), immediate);
      return true;
    }
    emit(
        based ? Operation.BASED : Operation.SEGMENT,
        pack(based ? i.segment : 0, base(i), i.index, i.scale, 0),
        displacement(i),
        i.segment | width << 4 | (write ? 1 << 8 : 0));
    addressSize = 8;
    emit(operation, pack(r, ADDRESS, ZERO, 0, 0), 0, immediate);
    return true;
  }

  /** The load of all of a register of the width in hand. */
  private Operation loadOperation() {
    return log2 == 3 ? Operation.LOAD64 : Operation.LOAD32;
  }

  private boolean flat(int segment) {
    if ((mode & Mode.CODE64) != 0) {
      return segment < CpuState.FS;
    }
    int bit =
        switch (segment) {
          case CpuState.DS -> Mode.FLAT_DS;
          case CpuState.SS -> Mode.FLAT_SS;
          case CpuState.ES -> Mode.FLAT_ES;
          default -> 0;
        };
    return (mode & bit) != 0;
  }
}
