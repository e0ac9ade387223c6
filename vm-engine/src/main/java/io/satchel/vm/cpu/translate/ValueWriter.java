package io.satchel.vm.cpu.translate;

import static io.satchel.vm.cpu.CpuState.RCX;
import static io.satchel.vm.cpu.translate.Emitter.A;
import static io.satchel.vm.cpu.translate.Emitter.B;
import static io.satchel.vm.cpu.translate.Emitter.RESULT;
import static io.satchel.vm.cpu.translate.Emitter.RULE;
import static io.satchel.vm.cpu.translate.Emitter.T0;
import static io.satchel.vm.cpu.translate.Emitter.T1;
import static io.satchel.vm.cpu.translate.Emitter.T2;
import static java.lang.constant.ConstantDescs.CD_boolean;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;

import io.satchel.vm.cpu.decode.Instruction;
import io.satchel.vm.cpu.decode.Operand;
import io.satchel.vm.cpu.semantics.Alu;
import io.satchel.vm.cpu.semantics.FlagRule;
import io.satchel.vm.cpu.semantics.MulDiv;
import io.satchel.vm.cpu.semantics.Shift;
import io.satchel.vm.cpu.semantics.Value;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.Opcode;
import java.lang.classfile.instruction.OperatorInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;

/**
 * Bytecode for rows with a value. Nothing is changed that the guest sees before the last access
 * that may miss.
 */
final class ValueWriter {

  private static final ClassDesc SHIFT = ClassDesc.of(Shift.class.getName());

  private final Emitter e;
  private final CodeBuilder code;

  // The instruction that is being written.
  private Instruction i;
  private long next;
  private Value value;
  private Operand to;
  private int width;
  private boolean memory;
  private int known;
  private boolean carryDead;
  private boolean othersDead;

  @SuppressWarnings("NullAway.Init")
  ValueWriter(Emitter emitter) {
    e = emitter;
    code = emitter.code;
  }

  /**
   * Writes an instruction.
   *
   * @param next offset of the next one
   * @param known by which rule the flags stand before it
   */
  void write(
      Instruction instruction, long nextRip, int knownRule, boolean noCarry, boolean noOthers) {
    i = instruction;
    next = nextRip;
    value = Kind.value(i);
    to = i.row().operands().getFirst();
    width = to.width(i);
    memory = Kind.isMemory(i, to);
    known = knownRule;
    carryDead = noCarry;
    othersDead = noOthers;
    switch (value.shape()) {
      case COPY -> copy(false);
      case EXTEND -> copy(true);
      case UNARY -> unary();
      case SHIFT -> shift();
      case BINARY, CARRY -> binary();
    }
  }

  private boolean flagsWanted() {
    return !carryDead || !othersDead;
  }

  private void copy(boolean signed) {
    Operand from = i.row().operands().getLast();
    int fromWidth = from.width(i);
    if (memory) {
      e.pushAddress(i, next, width, true);
      e.push(i, from, width);
      e.write(width);
      return;
    }
    if (Kind.isMemory(i, from)) {
      e.pushAddress(i, next, fromWidth, false);
      e.read(fromWidth);
    } else {
      e.push(i, from, fromWidth);
    }
    if (signed) {
      e.signExtend(fromWidth, width);
    } else if (width == 8 && fromWidth < 8) {
      code.i2l();
    }
    e.pop(i, to, width);
  }

  /** Pushes the destination's value; one in memory is claimed, so that nothing misses later. */
  private void pushDestination() {
    if (!memory) {
      e.push(i, to, width);
    } else if (value.writes()) {
      e.pushAddress(i, next, width, true);
      e.claim(width);
      e.getClaimed(width);
    } else {
      e.pushAddress(i, next, width, false);
      e.read(width);
    }
  }

  /** Pops the result into the destination. */
  private void popDestination() {
    if (memory) {
      e.putClaimed(width);
    } else {
      e.pop(i, to, width);
    }
  }

  private void binary() {
    if (value == MulDiv.IMUL) {
      multiply();
      return;
    }
    Operand from = i.row().operands().getLast();
    boolean carries = value.shape() == Value.Shape.CARRY;
    boolean fromMemory = Kind.isMemory(i, from);
    if (!flagsWanted() && !value.writes()) {
      if (i.memory) {
        e.pushAddress(i, next, width, false);
        e.read(width);
        e.pop(width);
      }
      return;
    }
    if (carries) {
      pushCarry();
      code.istore(T2);
    }
    boolean keep = flagsWanted();
    boolean keepOperands = keep && value.rule() != FlagRule.LOGIC;
    if (fromMemory) {
      e.pushAddress(i, next, width, false);
      e.read(width);
      e.store(T1, width);
    }
    pushDestination();
    if (keepOperands) {
      e.dup(width);
      e.storeWide(A, width);
    }
    if (fromMemory) {
      e.load(T1, width);
    } else {
      e.push(i, from, width);
    }
    if (keepOperands) {
      e.dup(width);
      e.storeWide(B, width);
    }
    operation();
    if (carries) {
      code.iload(T2);
      addCarry();
    }
    e.mask(width);
    finish(keep);
  }

  private void multiply() {
    Operand second = i.row().operands().getLast();
    boolean three = i.row().operands().size() == 3;
    Operand source = three ? i.row().operands().get(1) : second;
    if (Kind.isMemory(i, source)) {
      e.pushAddress(i, next, width, false);
      e.read(width);
    } else {
      e.push(i, source, width);
    }
    e.push(i, three ? second : to, width);
    boolean keep = flagsWanted();
    if (keep) {
      e.store(T1, width);
      e.dup(width);
      e.storeWide(A, width);
      e.load(T1, width);
      e.dup(width);
      e.storeWide(B, width);
    }
    if (width == 8) {
      code.lmul();
    } else {
      code.imul();
    }
    e.mask(width);
    finish(keep);
  }

  /** The result is on the stack. */
  private void finish(boolean keep) {
    if (keep) {
      if (value.writes()) {
        e.dup(width);
      }
      e.storeWide(RESULT, width);
      rule(value.rule());
    }
    if (value.writes()) {
      popDestination();
    }
  }

  private void rule(FlagRule rule) {
    code.loadConstant(rule.lazyKind() + Integer.numberOfTrailingZeros(width)).istore(RULE);
  }

  private void operation() {
    boolean eight = width == 8;
    Opcode opcode;
    if (value == Alu.ADD || value == Alu.ADC) {
      opcode = eight ? Opcode.LADD : Opcode.IADD;
    } else if (value == Alu.OR) {
      opcode = eight ? Opcode.LOR : Opcode.IOR;
    } else if (value == Alu.AND || value == Alu.TEST) {
      opcode = eight ? Opcode.LAND : Opcode.IAND;
    } else if (value == Alu.XOR) {
      opcode = eight ? Opcode.LXOR : Opcode.IXOR;
    } else {
      opcode = eight ? Opcode.LSUB : Opcode.ISUB;
    }
    code.with(OperatorInstruction.of(opcode));
  }

  /** The carry is on the stack, above the result without it. */
  private void addCarry() {
    if (width == 8) {
      code.i2l();
    }
    if (value == Alu.ADC) {
      addition();
    } else {
      subtraction();
    }
  }

  private void addition() {
    if (width == 8) {
      code.ladd();
    } else {
      code.iadd();
    }
  }

  private void subtraction() {
    if (width == 8) {
      code.lsub();
    } else {
      code.isub();
    }
  }

  private void unary() {
    boolean counts = value == Alu.INC || value == Alu.DEC;
    // When only the carry is wanted, what stands tells it.
    boolean keep = counts ? !othersDead : value != Alu.NOT && flagsWanted();
    if (counts && keep && !carryDead) {
      pushCarry();
      code.istore(T2);
    }
    pushDestination();
    if (counts) {
      e.constant(1, width);
      if (value == Alu.INC) {
        addition();
      } else {
        subtraction();
      }
    } else if (value == Alu.NOT) {
      e.constant(-1, width);
      if (width == 8) {
        code.lxor();
      } else {
        code.ixor();
      }
    } else {
      if (keep) {
        e.dup(width);
        e.storeWide(B, width);
        e.constant(0, width);
        e.storeWide(A, width);
      }
      if (width == 8) {
        code.lneg();
      } else {
        code.ineg();
      }
    }
    e.mask(width);
    if (keep) {
      e.dup(width);
      e.storeWide(RESULT, width);
      if (counts) {
        if (carryDead) {
          code.iconst_0();
        } else {
          code.iload(T2);
        }
        e.storeWide(A, 4);
      }
      rule(value.rule());
    }
    popDestination();
  }

  private void shift() {
    boolean constant = Kind.constantCount(i);
    int count = constant ? Kind.count(i) : 0;
    if (constant && count == 0) {
      if (e.wide && width == 4) {
        e.push(i, to, width);
        e.pop(i, to, width);
      }
      return;
    }
    pushDestination();
    e.store(T0, width);
    if (constant) {
      code.loadConstant(count);
    } else {
      e.pushLow(RCX, 4);
      code.loadConstant(width == 8 ? 63 : 31).iand();
    }
    code.istore(T1);
    e.load(T0, width);
    if (value == Shift.SAR && width < 4) {
      e.signExtend(width, width);
    }
    boolean rotates = value == Shift.ROL || value == Shift.ROR;
    if (rotates) {
      rotate(constant, count);
    } else {
      pushCount(constant, count);
      shiftOnce();
    }
    e.mask(width);
    boolean keep = flagsWanted();
    if (keep) {
      e.dup(width);
      e.store(T2, width);
    }
    popDestination();
    if (!keep) {
      return;
    }
    Label done = code.newLabel();
    if (!constant) {
      code.iload(T1).ifeq(done);
    }
    if (rotates) {
      e.pushAll(known);
      e.load(T2, width);
      code.loadConstant(width).loadConstant(value == Shift.ROL ? 1 : 0);
      e.call("rotated", CD_int, CD_int, Emitter.type(width), CD_int, CD_boolean);
      e.popExplicit();
    } else {
      e.load(T0, width);
      e.storeWide(A, width);
      code.iload(T1);
      e.storeWide(B, 4);
      e.load(T2, width);
      e.storeWide(RESULT, width);
      rule(value.rule());
    }
    code.labelBinding(done);
  }

  private void pushCount(boolean constant, int count) {
    if (constant) {
      code.loadConstant(count);
    } else {
      code.iload(T1);
    }
  }

  private void shiftOnce() {
    boolean eight = width == 8;
    if (value == Shift.SHL) {
      if (eight) {
        code.lshl();
      } else {
        code.ishl();
      }
    } else if (value == Shift.SHR) {
      if (eight) {
        code.lushr();
      } else {
        code.iushr();
      }
    } else if (eight) {
      code.lshr();
    } else {
      code.ishr();
    }
  }

  private void rotate(boolean constant, int count) {
    boolean left = value == Shift.ROL;
    if (width >= 4) {
      pushCount(constant, count);
      ClassDesc box = ClassDesc.of(width == 8 ? "java.lang.Long" : "java.lang.Integer");
      ClassDesc type = Emitter.type(width);
      code.invokestatic(
          box, left ? "rotateLeft" : "rotateRight", MethodTypeDesc.of(type, type, CD_int));
      return;
    }
    code.i2l();
    pushCount(constant, count);
    code.i2l().loadConstant(width);
    code.invokestatic(
        SHIFT, left ? "rol" : "ror", MethodTypeDesc.of(CD_long, CD_long, CD_long, CD_int));
    code.l2i();
  }

  private void pushCarry() {
    new ConditionWriter(e).pushCarry(known);
  }
}
