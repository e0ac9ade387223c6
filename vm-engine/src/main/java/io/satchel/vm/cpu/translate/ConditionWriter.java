package io.satchel.vm.cpu.translate;

import static io.satchel.vm.cpu.translate.Emitter.A;
import static io.satchel.vm.cpu.translate.Emitter.B;
import static io.satchel.vm.cpu.translate.Emitter.RESULT;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.LazyFlags;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.Opcode;
import java.lang.classfile.instruction.BranchInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;

/** Bytecode for the conditions, by way of the flags' operands where their rule is known. */
final class ConditionWriter {

  private static final ClassDesc INTEGER = ClassDesc.of("java.lang.Integer");
  private static final ClassDesc LONG = ClassDesc.of("java.lang.Long");

  private final Emitter e;
  private final CodeBuilder code;

  ConditionWriter(Emitter emitter) {
    e = emitter;
    code = emitter.code;
  }

  private static int width(int rule) {
    return 1 << (rule & 3);
  }

  /** Pushes CF as 0 or 1. */
  void pushCarry(int known) {
    if (known == LazyFlags.EXPLICIT) {
      e.loadWide(RESULT, 4);
      code.iconst_1().iand();
      return;
    }
    switch (known < 0 || (known & FlagFlow.CARRY_IN) != 0 ? -1 : known & ~3) {
      case LazyFlags.LOGIC -> code.iconst_0();
      case LazyFlags.INC, LazyFlags.DEC -> e.loadWide(A, 4);
      case LazyFlags.SUB, LazyFlags.ADD -> {
        Label set = code.newLabel();
        Label end = code.newLabel();
        jumpIfCarry(known, true, set);
        code.iconst_0().goto_(end).labelBinding(set).iconst_1().labelBinding(end);
      }
      default -> e.callCarry(known);
    }
  }

  /** Pushes 0 or 1. */
  void push(int condition, int known) {
    Label set = code.newLabel();
    Label end = code.newLabel();
    jump(condition, known, set);
    code.iconst_0().goto_(end).labelBinding(set).iconst_1().labelBinding(end);
  }

  /** Jumps when the condition holds. */
  void jump(int condition, int known, Label target) {
    boolean positive = (condition & 1) == 0;
    int rule = known < 0 ? known : known & ~FlagFlow.CARRY_IN;
    boolean direct =
        switch (condition >> 1) {
          case 1 -> carryDirect(known);
          case 2, 4 -> rule >= 0;
          case 3, 6, 7 -> compares(known);
          default -> rule == LazyFlags.EXPLICIT;
        };
    if (direct && rule == LazyFlags.EXPLICIT && condition >> 1 < 6 && condition >> 1 != 3) {
      int[] flags = {CpuState.OF, CpuState.CF, CpuState.ZF, 0, CpuState.SF, CpuState.PF};
      e.loadWide(RESULT, 4);
      code.loadConstant(flags[condition >> 1]).iand();
      branch(positive ? Opcode.IFNE : Opcode.IFEQ, target);
    } else if (!direct) {
      e.callCondition(known, condition & ~1);
      branch(positive ? Opcode.IFNE : Opcode.IFEQ, target);
    } else {
      compare(condition >> 1, positive, known, target);
    }
  }

  private static boolean carryDirect(int known) {
    return known == LazyFlags.EXPLICIT
        || known >= 0
            && (known & FlagFlow.CARRY_IN) == 0
            && switch (known & ~3) {
              case LazyFlags.ADD, LazyFlags.SUB, LazyFlags.LOGIC, LazyFlags.INC, LazyFlags.DEC ->
                  true;
              default -> false;
            };
  }

  /** Whether less, below or equal follow from the operands. */
  private static boolean compares(int known) {
    return known >= 0
        && (known & FlagFlow.CARRY_IN) == 0
        && ((known & ~3) == LazyFlags.SUB || (known & ~3) == LazyFlags.LOGIC);
  }

  private void compare(int kind, boolean positive, int known, Label target) {
    int rule = known & ~FlagFlow.CARRY_IN;
    int width = width(rule);
    boolean logic = (rule & ~3) == LazyFlags.LOGIC;
    boolean subtraction = (known & ~3) == LazyFlags.SUB;
    switch (kind) {
      case 1 -> jumpIfCarry(rule, positive, target);
      case 2 -> {
        if (subtraction) {
          twoOperands(false, width);
        } else {
          result(width, false);
        }
        branch(positive ? Opcode.IFEQ : Opcode.IFNE, target);
      }
      case 4 -> {
        result(width, true);
        branch(positive ? Opcode.IFLT : Opcode.IFGE, target);
      }
      case 3 -> {
        if (logic) {
          result(width, false);
          branch(positive ? Opcode.IFEQ : Opcode.IFNE, target);
        } else {
          unsignedOperands(width, A, B);
          branch(positive ? Opcode.IFLE : Opcode.IFGT, target);
        }
      }
      case 6, 7 -> {
        if (logic) {
          result(width, true);
        } else {
          twoOperands(true, width);
        }
        if (kind == 6) {
          branch(positive ? Opcode.IFLT : Opcode.IFGE, target);
        } else {
          branch(positive ? Opcode.IFLE : Opcode.IFGT, target);
        }
      }
      default -> throw new IllegalArgumentException("condition " + kind);
    }
  }

  private void jumpIfCarry(int rule, boolean positive, Label target) {
    int width = width(rule);
    switch (rule & ~3) {
      case LazyFlags.LOGIC -> {
        if (!positive) {
          code.goto_(target);
        }
      }
      case LazyFlags.INC, LazyFlags.DEC -> {
        e.loadWide(A, 4);
        branch(positive ? Opcode.IFNE : Opcode.IFEQ, target);
      }
      default -> {
        if ((rule & ~3) == LazyFlags.SUB) {
          unsignedOperands(width, A, B);
        } else {
          unsignedOperands(width, RESULT, A);
        }
        branch(positive ? Opcode.IFLT : Opcode.IFGE, target);
      }
    }
  }

  // The comparisons leave an int that is less than, equal to or greater than 0; narrow operands
  // stand zero-extended. HotSpot makes one comparison of it and the branch.

  /** The result, with its sign when asked. */
  private void result(int width, boolean signed) {
    e.loadWide(RESULT, width);
    if (width == 8) {
      code.lconst_0().lcmp();
    } else if (signed) {
      e.signExtend(width, 4);
    }
  }

  private void twoOperands(boolean signed, int width) {
    e.loadWide(A, width);
    if (width == 8) {
      e.loadWide(B, width);
      code.lcmp();
      return;
    }
    if (signed && width < 4) {
      e.signExtend(width, 4);
    }
    e.loadWide(B, width);
    if (signed && width < 4) {
      e.signExtend(width, 4);
    }
    pending = signed ? Pending.SIGNED : Pending.EQUAL;
  }

  private void unsignedOperands(int width, int first, int second) {
    e.loadWide(first, width);
    e.loadWide(second, width);
    if (width == 8) {
      code.invokestatic(LONG, "compareUnsigned", MethodTypeDesc.of(CD_int, CD_long, CD_long));
    } else {
      code.invokestatic(INTEGER, "compareUnsigned", MethodTypeDesc.of(CD_int, CD_int, CD_int));
    }
  }

  private enum Pending {
    NONE,
    EQUAL,
    SIGNED
  }

  private Pending pending = Pending.NONE;

  private void branch(Opcode opcode, Label target) {
    if (pending != Pending.NONE) {
      pending = Pending.NONE;
      opcode =
          switch (opcode) {
            case IFEQ -> Opcode.IF_ICMPEQ;
            case IFNE -> Opcode.IF_ICMPNE;
            case IFLT -> Opcode.IF_ICMPLT;
            case IFGE -> Opcode.IF_ICMPGE;
            case IFGT -> Opcode.IF_ICMPGT;
            default -> Opcode.IF_ICMPLE;
          };
    }
    code.with(BranchInstruction.of(opcode, target));
  }
}
