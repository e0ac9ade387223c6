package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.FpuState.C0;
import static io.satchel.vm.cpu.FpuState.C1;
import static io.satchel.vm.cpu.FpuState.C2;
import static io.satchel.vm.cpu.FpuState.C3;
import static io.satchel.vm.cpu.FpuState.DE;
import static io.satchel.vm.cpu.FpuState.ES;
import static io.satchel.vm.cpu.FpuState.EXCEPTIONS;
import static io.satchel.vm.cpu.FpuState.IE;
import static io.satchel.vm.cpu.FpuState.OE;
import static io.satchel.vm.cpu.FpuState.SF;
import static io.satchel.vm.cpu.FpuState.UE;
import static io.satchel.vm.cpu.FpuState.ZE;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.FpuResult;
import io.satchel.vm.cpu.FpuState;
import io.satchel.vm.cpu.GuestFault;
import io.satchel.vm.cpu.decode.Instruction;

/**
 * The x87 instructions (Intel SDM volume 1, chapter 8; volume 2). Arithmetic is {@link Float80};
 * here are the register stack, exceptions, pointers and the environment.
 *
 * <p>Every method reads memory first, then computes into {@link FpuState#result}, then writes
 * memory, and only then changes state: a page fault leaves all as it was.
 */
public final class X87 {

  /** Where a memory operand's format is needed. */
  public enum Format {
    SINGLE,
    DOUBLE,
    EXTENDED,
    INT16,
    INT32,
    INT64,
    BCD
  }

  /** Operations with two operands, in the order in which opcodes number them. */
  public enum Operation {
    ADD,
    MUL,
    COM,
    COMP,
    SUB,
    SUBR,
    DIV,
    DIVR
  }

  /** Operations of one operand or of ST(0) and ST(1) that leave their result in ST(0). */
  public enum Function {
    SQRT,
    RNDINT,
    SCALE,
    F2XM1,
    // These clear C2 or set it.
    PREM,
    PREM1,
    SIN,
    COS
  }

  /** Conditions of FCMOVcc. */
  public enum Condition {
    B,
    E,
    BE,
    U
  }

  // Exceptions that keep the operation from storing when they are unmasked.
  private static final int BEFORE = IE | DE | ZE;
  private static final int CONDITIONS = C0 | C1 | C2 | C3;

  private static final int RESERVED_CONTROL = 0xE080;
  private static final int ALWAYS_SET_CONTROL = 0x0040;

  private X87() {}

  // What common code calls before an instruction's method.

  /** The trait X87: #NM, then a pending error. */
  public static void check(CpuState cpu) {
    checkNoWait(cpu);
    if ((cpu.fpu.statusWord & ES) != 0) {
      pendingError(cpu);
    }
  }

  /** The trait X87_NO_WAIT: #NM. */
  public static void checkNoWait(CpuState cpu) {
    if ((cpu.cr0 & (CpuState.CR0_EM | CpuState.CR0_TS)) != 0) {
      throw cpu.fault(GuestFault.NM, 0);
    }
  }

  /** WAIT: #NM when CR0.MP and CR0.TS are set; then a pending error. CR0.EM does not matter. */
  public static void wait(CpuState cpu, Instruction i) {
    long both = CpuState.CR0_MP | CpuState.CR0_TS;
    if ((cpu.cr0 & both) == both) {
      throw cpu.fault(GuestFault.NM, 0);
    }
    if ((cpu.fpu.statusWord & ES) != 0) {
      pendingError(cpu);
    }
  }

  /**
   * #MF, or with CR0.NE clear the DOS-compatible way: FERR# is active since the error was found,
   * and unless IGNNE# is, real hardware would stop until the interrupt comes. Here the instruction
   * goes on: the interrupt is taken at the next instruction boundary at which it is allowed, and a
   * guest that masks it is not hung.
   */
  private static void pendingError(CpuState cpu) {
    if ((cpu.cr0 & CpuState.CR0_NE) != 0) {
      throw cpu.fault(GuestFault.MF, 0);
    }
    if (!cpu.ignne) {
      cpu.ferr.raise();
    }
  }

  // State.

  private static int physical(FpuState f, int i) {
    return f.top + i & 7;
  }

  private static boolean isEmpty(FpuState f, int i) {
    return (f.empty >>> (f.top + i & 7) & 1) != 0;
  }

  private static void put(FpuState f, int i, long significand, int signExponent) {
    int p = f.top + i & 7;
    f.significand[p] = significand;
    f.signExponent[p] = signExponent;
    f.empty &= ~(1 << p);
  }

  private static void pop(FpuState f) {
    f.empty |= 1 << f.top;
    f.top = f.top + 1 & 7;
  }

  /** Clears C1 and notes exceptions and condition codes; true when none of them is unmasked. */
  private static boolean note(CpuState cpu, int flags) {
    FpuState f = cpu.fpu;
    f.statusWord = f.statusWord & ~C1 | flags;
    if ((flags & ~f.controlWord & EXCEPTIONS) == 0) {
      return true;
    }
    summarize(cpu);
    return false;
  }

  /** Brings ES, B and FERR# in line with the exceptions and their masks. */
  static void summarize(CpuState cpu) {
    FpuState f = cpu.fpu;
    boolean before = (f.statusWord & ES) != 0;
    boolean now = (f.statusWord & ~f.controlWord & EXCEPTIONS) != 0;
    if (now) {
      f.statusWord |= ES | FpuState.B;
    } else {
      f.statusWord &= ~(ES | FpuState.B);
    }
    if (before != now) {
      if (!now) {
        cpu.ignne = false;
        cpu.ferr.lower();
      } else if ((cpu.cr0 & CpuState.CR0_NE) == 0) {
        cpu.ferr.raise();
      }
    }
  }

  /** A stack underflow (or, with {@code c1} = C1, overflow); true when it is masked. */
  private static boolean stackFault(CpuState cpu, int c1) {
    return note(cpu, IE | SF | c1);
  }

  /** Keeps the instruction's pointers, and the operand's. */
  private static void remember(CpuState cpu, Instruction i) {
    FpuState f = cpu.fpu;
    f.instructionPointer = Operands.truncate(cpu.rip - i.length, cpu.code64() ? 8 : 4);
    f.instructionSelector = cpu.selector[CpuState.CS];
    f.opcode = (i.row().opcode() & 7) << 8 | i.modrm;
    if (i.memory) {
      f.operandPointer = Operands.offset(cpu, i);
      f.operandSelector = cpu.selector[i.segment];
    }
  }

  // Arithmetic.

  private static void operate(
      FpuResult r, int control, Operation operation, long a, int ae, long b, int be) {
    switch (operation) {
      case ADD -> Float80.add(r, control, a, ae, b, be);
      case MUL -> Float80.multiply(r, control, a, ae, b, be);
      case SUB -> Float80.subtract(r, control, a, ae, b, be);
      case SUBR -> Float80.subtract(r, control, b, be, a, ae);
      case DIV -> Float80.divide(r, control, a, ae, b, be);
      default -> Float80.divide(r, control, b, be, a, ae);
    }
  }

  /** Stores the result in ST(i) unless an unmasked exception forbids; true when it did. */
  private static boolean commit(CpuState cpu, int i) {
    FpuState f = cpu.fpu;
    FpuResult r = f.result;
    int exceptions = r.exceptions;
    if ((exceptions & ~f.controlWord & BEFORE) != 0) {
      note(cpu, exceptions & ~(C1 | FpuState.PE | UE | OE));
      return false;
    }
    put(f, i, r.significand, r.signExponent);
    note(cpu, exceptions);
    return true;
  }

  /** ST(destination) op= ST(source), then a pop. */
  public static void arithmetic(
      CpuState cpu,
      Instruction i,
      Operation operation,
      int destination,
      int source,
      boolean popping) {
    FpuState f = cpu.fpu;
    remember(cpu, i);
    if (isEmpty(f, destination) || isEmpty(f, source)) {
      if (stackFault(cpu, 0)) {
        put(f, destination, Float80.INDEFINITE, Float80.INDEFINITE_SIGN_EXPONENT);
        if (popping) {
          pop(f);
        }
      }
      return;
    }
    int p = physical(f, destination);
    int q = physical(f, source);
    operate(
        f.result,
        f.controlWord,
        operation,
        f.significand[p],
        f.signExponent[p],
        f.significand[q],
        f.signExponent[q]);
    if (commit(cpu, destination) && popping) {
      pop(f);
    }
  }

  /** ST(0) op= memory. */
  public static void arithmetic(CpuState cpu, Instruction i, Operation operation, Format format) {
    FpuState f = cpu.fpu;
    FpuResult r = f.result;
    load(cpu, i, format);
    remember(cpu, i);
    if (isEmpty(f, 0)) {
      if (stackFault(cpu, 0)) {
        put(f, 0, Float80.INDEFINITE, Float80.INDEFINITE_SIGN_EXPONENT);
      }
      return;
    }
    long a = f.significand[f.top];
    int ae = f.signExponent[f.top];
    int denormal = memoryDenormal(r, a, ae);
    if (operation == Operation.DIVR && a == 0) {
      // A zero divisor is found before a denormal dividend is.
      denormal = 0;
    }
    if ((denormal & ~f.controlWord) != 0) {
      r.exceptions = DE;
    } else {
      operate(r, f.controlWord, operation, a, ae, r.significand, r.signExponent);
      r.exceptions |= denormal;
    }
    commit(cpu, 0);
  }

  /**
   * DE when the memory operand was denormal in its own format (it is normal in 80 bits) and the
   * other operand lets that count.
   */
  private static int memoryDenormal(FpuResult r, long a, int ae) {
    if (r.exceptions == 0) {
      return 0;
    }
    int x = ae & Float80.MAX;
    return Float80.unsupported(a, x) || Float80.nan(a, x) ? 0 : DE;
  }

  /** Loads the memory operand into the result, exactly; DE says that it was denormal. */
  private static void load(CpuState cpu, Instruction i, Format format) {
    FpuResult r = cpu.fpu.result;
    switch (format) {
      case SINGLE -> Float80.fromSingle(r, (int) Operands.load(cpu, i, 0, 4));
      case DOUBLE -> Float80.fromDouble(r, Operands.load(cpu, i, 0, 8));
      case EXTENDED -> {
        long significand = Operands.load(cpu, i, 0, 8);
        r.set(significand, (int) Operands.load(cpu, i, 8, 2));
      }
      case INT16 -> Float80.fromInteger(r, (short) Operands.load(cpu, i, 0, 2));
      case INT32 -> Float80.fromInteger(r, (int) Operands.load(cpu, i, 0, 4));
      case INT64 -> Float80.fromInteger(r, Operands.load(cpu, i, 0, 8));
      case BCD -> {
        long low = Operands.load(cpu, i, 0, 8);
        Float80.fromBcd(r, low, (int) Operands.load(cpu, i, 8, 2));
      }
    }
  }

  // Compare.

  private static void compared(CpuState cpu, int outcome, int pops) {
    FpuState f = cpu.fpu;
    f.statusWord &= ~CONDITIONS;
    note(cpu, outcome);
    if ((outcome & ~f.controlWord & BEFORE) == 0) {
      for (int n = 0; n < pops; n++) {
        pop(f);
      }
    }
  }

  private static void comparedWithEmpty(CpuState cpu, int pops) {
    compared(cpu, IE | SF | C3 | C2 | C0, pops);
  }

  /** FCOM and FUCOM with ST(j), then {@code pops} pops. */
  public static void compare(CpuState cpu, Instruction i, int j, boolean quiet, int pops) {
    FpuState f = cpu.fpu;
    remember(cpu, i);
    if (isEmpty(f, 0) || isEmpty(f, j)) {
      comparedWithEmpty(cpu, pops);
      return;
    }
    int p = physical(f, j);
    compared(
        cpu,
        Float80.compare(
            f.significand[f.top],
            f.signExponent[f.top],
            f.significand[p],
            f.signExponent[p],
            quiet),
        pops);
  }

  /** FCOM and FICOM with memory, then {@code pops} pops. */
  public static void compare(CpuState cpu, Instruction i, Format format, int pops) {
    FpuState f = cpu.fpu;
    FpuResult r = f.result;
    load(cpu, i, format);
    remember(cpu, i);
    if (isEmpty(f, 0)) {
      comparedWithEmpty(cpu, pops);
      return;
    }
    long a = f.significand[f.top];
    int ae = f.signExponent[f.top];
    int denormal = memoryDenormal(r, a, ae);
    compared(cpu, denormal | Float80.compare(a, ae, r.significand, r.signExponent, false), pops);
  }

  /** FCOMI and FUCOMI. */
  public static void compareToFlags(CpuState cpu, Instruction i, boolean quiet, boolean popping) {
    FpuState f = cpu.fpu;
    remember(cpu, i);
    int outcome;
    if (isEmpty(f, 0) || isEmpty(f, i.rm & 7)) {
      outcome = IE | SF | C3 | C2 | C0;
    } else {
      int p = physical(f, i.rm & 7);
      outcome =
          Float80.compare(
              f.significand[f.top],
              f.signExponent[f.top],
              f.significand[p],
              f.signExponent[p],
              quiet);
    }
    note(cpu, outcome & ~CONDITIONS);
    cpu.setArithmeticFlags(
        ((outcome & C3) != 0 ? CpuState.ZF : 0)
            | ((outcome & C2) != 0 ? CpuState.PF : 0)
            | ((outcome & C0) != 0 ? CpuState.CF : 0));
    if (popping && (outcome & ~f.controlWord & BEFORE) == 0) {
      pop(f);
    }
  }

  /** FTST. */
  public static void test(CpuState cpu, Instruction i) {
    FpuState f = cpu.fpu;
    remember(cpu, i);
    if (isEmpty(f, 0)) {
      comparedWithEmpty(cpu, 0);
      return;
    }
    compared(cpu, Float80.compare(f.significand[f.top], f.signExponent[f.top], 0, 0, false), 0);
  }

  /** FXAM. */
  public static void examine(CpuState cpu, Instruction i) {
    FpuState f = cpu.fpu;
    remember(cpu, i);
    long a = f.significand[f.top];
    int x = f.signExponent[f.top] & Float80.MAX;
    int kind;
    if (isEmpty(f, 0)) {
      kind = C3 | C0;
    } else if (Float80.unsupported(a, x)) {
      kind = 0;
    } else if (x == Float80.MAX) {
      kind = a << 1 != 0 ? C0 : C2 | C0;
    } else if (a == 0) {
      kind = C3;
    } else {
      kind = x == 0 ? C3 | C2 : C2;
    }
    int sign = (f.signExponent[f.top] & Float80.SIGN) != 0 ? C1 : 0;
    f.statusWord = f.statusWord & ~CONDITIONS | kind | sign;
  }

  // Loads and stores.

  /** Pushes the result. Exceptions of the load itself are in it. */
  private static void push(CpuState cpu) {
    FpuState f = cpu.fpu;
    FpuResult r = f.result;
    if (!isEmpty(f, 7)) {
      if (stackFault(cpu, C1)) {
        f.top = f.top - 1 & 7;
        put(f, 0, Float80.INDEFINITE, Float80.INDEFINITE_SIGN_EXPONENT);
      }
      return;
    }
    // A denormal is loaded even when its exception is unmasked.
    if ((r.exceptions & ~f.controlWord & IE) == 0) {
      f.top = f.top - 1 & 7;
      put(f, 0, r.significand, r.signExponent);
    }
    note(cpu, r.exceptions);
  }

  /** FLD, FILD and FBLD from memory. */
  public static void load(CpuState cpu, Instruction i, Format format, boolean signalingCounts) {
    load(cpu, i, format);
    remember(cpu, i);
    FpuResult r = cpu.fpu.result;
    if (signalingCounts && Float80.signaling(r.significand, r.signExponent & Float80.MAX)) {
      r.significand |= Float80.QUIET;
      r.exceptions = IE;
    }
    push(cpu);
  }

  /** FLD ST(i). */
  public static void loadRegister(CpuState cpu, Instruction i) {
    FpuState f = cpu.fpu;
    remember(cpu, i);
    if (isEmpty(f, i.rm & 7)) {
      if (stackFault(cpu, 0)) {
        f.top = f.top - 1 & 7;
        put(f, 0, Float80.INDEFINITE, Float80.INDEFINITE_SIGN_EXPONENT);
      }
      return;
    }
    int p = physical(f, i.rm & 7);
    f.result.set(f.significand[p], f.signExponent[p]);
    push(cpu);
  }

  /**
   * FLD1 to FLDZ.
   *
   * @param up added to the significand when rounding up
   * @param down added when rounding down or towards zero
   */
  public static void loadConstant(
      CpuState cpu, Instruction i, long significand, int exponent, int up, int down) {
    FpuState f = cpu.fpu;
    remember(cpu, i);
    int adjust =
        switch (f.controlWord & Float80.RC) {
          case Float80.RC_UP -> up;
          case Float80.RC_DOWN, Float80.RC_ZERO -> down;
          default -> 0;
        };
    f.result.set(significand + adjust, exponent);
    push(cpu);
  }

  /** FST and FSTP to ST(i). */
  public static void storeRegister(CpuState cpu, Instruction i, boolean popping) {
    FpuState f = cpu.fpu;
    remember(cpu, i);
    if (isEmpty(f, 0)) {
      if (!stackFault(cpu, 0)) {
        return;
      }
      put(f, i.rm & 7, Float80.INDEFINITE, Float80.INDEFINITE_SIGN_EXPONENT);
    } else {
      put(f, i.rm & 7, f.significand[f.top], f.signExponent[f.top]);
      f.statusWord &= ~C1;
    }
    if (popping) {
      pop(f);
    }
  }

  /** The alias D9 /3 of FSTP: an empty ST(0) is no stack fault, and nothing is stored. */
  public static void storeRegisterUnchecked(CpuState cpu, Instruction i) {
    FpuState f = cpu.fpu;
    if (isEmpty(f, 0)) {
      remember(cpu, i);
      f.statusWord &= ~C1;
      pop(f);
    } else {
      storeRegister(cpu, i, true);
    }
  }

  /** FST, FIST and FBSTP to memory. */
  public static void store(CpuState cpu, Instruction i, Format format, boolean popping) {
    store(cpu, i, format, popping, cpu.fpu.controlWord);
  }

  /** FISTTP: towards zero whatever rounding control says. */
  public static void storeTruncated(CpuState cpu, Instruction i, Format format) {
    store(cpu, i, format, true, cpu.fpu.controlWord | Float80.RC_ZERO);
  }

  private static void store(
      CpuState cpu, Instruction i, Format format, boolean popping, int control) {
    FpuState f = cpu.fpu;
    FpuResult r = f.result;
    long a = f.significand[f.top];
    int ae = f.signExponent[f.top];
    int stack = 0;
    if (isEmpty(f, 0)) {
      // The masked response is what an unsupported operand gives: each format's indefinite.
      stack = IE | SF;
      a = Float80.INDEFINITE;
      ae = Float80.INDEFINITE_SIGN_EXPONENT;
    }
    switch (format) {
      case SINGLE -> Float80.toSingle(r, control, a, ae);
      case DOUBLE -> Float80.toDouble(r, control, a, ae);
      case INT16 -> Float80.toInteger(r, control, a, ae, 2);
      case INT32 -> Float80.toInteger(r, control, a, ae, 4);
      case INT64 -> Float80.toInteger(r, control, a, ae, 8);
      case BCD -> Float80.toBcd(r, control, a, ae);
      case EXTENDED -> r.set(a, ae);
    }
    int exceptions = r.exceptions | stack;
    if ((exceptions & ~control & (BEFORE | OE | UE)) == 0) {
      switch (format) {
        case SINGLE, INT32 -> Operands.store(cpu, i, 0, 4, r.significand);
        case DOUBLE, INT64 -> Operands.store(cpu, i, 0, 8, r.significand);
        case INT16 -> Operands.store(cpu, i, 0, 2, r.significand);
        case BCD, EXTENDED -> {
          Operands.checkStore(cpu, i, 8, 2);
          Operands.store(cpu, i, 0, 8, r.significand);
          Operands.store(cpu, i, 8, 2, r.signExponent);
        }
      }
      remember(cpu, i);
      note(cpu, exceptions);
      if (popping) {
        pop(f);
      }
    } else {
      // Nothing was rounded, because nothing is stored.
      remember(cpu, i);
      note(cpu, exceptions & ~(FpuState.PE | C1));
    }
  }

  // Moves and signs.

  /** FXCH. */
  public static void exchange(CpuState cpu, Instruction i) {
    FpuState f = cpu.fpu;
    remember(cpu, i);
    int j = i.rm & 7;
    if (isEmpty(f, 0) || isEmpty(f, j)) {
      if (!stackFault(cpu, 0)) {
        return;
      }
      if (isEmpty(f, 0)) {
        put(f, 0, Float80.INDEFINITE, Float80.INDEFINITE_SIGN_EXPONENT);
      }
      if (isEmpty(f, j)) {
        put(f, j, Float80.INDEFINITE, Float80.INDEFINITE_SIGN_EXPONENT);
      }
    } else {
      f.statusWord &= ~C1;
    }
    int p = physical(f, j);
    long significand = f.significand[p];
    int signExponent = f.signExponent[p];
    f.significand[p] = f.significand[f.top];
    f.signExponent[p] = f.signExponent[f.top];
    f.significand[f.top] = significand;
    f.signExponent[f.top] = signExponent;
  }

  /** FCMOVcc. */
  public static void moveIf(CpuState cpu, Instruction i, Condition condition, boolean wanted) {
    FpuState f = cpu.fpu;
    remember(cpu, i);
    int j = i.rm & 7;
    if (isEmpty(f, 0) || isEmpty(f, j)) {
      if (stackFault(cpu, 0)) {
        put(f, 0, Float80.INDEFINITE, Float80.INDEFINITE_SIGN_EXPONENT);
      }
      return;
    }
    int flags =
        switch (condition) {
          case B -> CpuState.CF;
          case E -> CpuState.ZF;
          case BE -> CpuState.CF | CpuState.ZF;
          case U -> CpuState.PF;
        };
    if ((cpu.arithmeticFlags() & flags) != 0 == wanted) {
      int p = physical(f, j);
      put(f, 0, f.significand[p], f.signExponent[p]);
    }
  }

  /** FCHS, or FABS when {@code absolute}. */
  public static void sign(CpuState cpu, Instruction i, boolean absolute) {
    FpuState f = cpu.fpu;
    remember(cpu, i);
    if (isEmpty(f, 0)) {
      if (stackFault(cpu, 0)) {
        put(f, 0, Float80.INDEFINITE, Float80.INDEFINITE_SIGN_EXPONENT);
      }
      return;
    }
    f.statusWord &= ~C1;
    int old = f.signExponent[f.top];
    f.signExponent[f.top] = absolute ? old & Float80.MAX : old ^ Float80.SIGN;
  }

  /** FFREE, with a pop FFREEP. */
  public static void free(CpuState cpu, Instruction i, boolean popping) {
    FpuState f = cpu.fpu;
    remember(cpu, i);
    f.empty |= 1 << physical(f, i.rm & 7);
    f.statusWord &= ~C1;
    if (popping) {
      pop(f);
    }
  }

  /** FINCSTP and FDECSTP. */
  public static void rotate(CpuState cpu, Instruction i, int by) {
    FpuState f = cpu.fpu;
    remember(cpu, i);
    f.top = f.top + by & 7;
    f.statusWord &= ~C1;
  }

  /** FNOP. */
  public static void nop(CpuState cpu, Instruction i) {
    remember(cpu, i);
  }

  /** FENI, FDISI and FSETPM: nothing since the 387. */
  public static void nothing(CpuState cpu, Instruction i) {}

  // Functions.

  /** ST(0) = function(ST(0)) or of ST(0) and ST(1). */
  public static void function(CpuState cpu, Instruction i, Function function) {
    FpuState f = cpu.fpu;
    FpuResult r = f.result;
    remember(cpu, i);
    boolean two =
        switch (function) {
          case SCALE, PREM, PREM1 -> true;
          default -> false;
        };
    if (function.ordinal() >= Function.PREM.ordinal()) {
      // Complete until shown otherwise.
      f.statusWord &= ~C2;
    }
    if (isEmpty(f, 0) || two && isEmpty(f, 1)) {
      if (stackFault(cpu, 0)) {
        put(f, 0, Float80.INDEFINITE, Float80.INDEFINITE_SIGN_EXPONENT);
      }
      return;
    }
    int control = f.controlWord;
    long a = f.significand[f.top];
    int ae = f.signExponent[f.top];
    int p = physical(f, 1);
    switch (function) {
      case SQRT -> Float80.squareRoot(r, control, a, ae);
      case RNDINT -> Float80.roundToInteger(r, control, a, ae);
      case SCALE -> Float80.scale(r, control, a, ae, f.significand[p], f.signExponent[p]);
      case PREM, PREM1 -> {
        Float80.remainder(
            r, control, a, ae, f.significand[p], f.signExponent[p], function == Function.PREM1);
        if (Float80.divided(r)) {
          f.statusWord &= ~CONDITIONS;
          r.exceptions &= ~Float80.DIVIDED;
        }
      }
      case F2XM1 -> X87Transcendental.f2xm1(r, control, a, ae);
      case SIN, COS -> {
        if (function == Function.SIN) {
          X87Transcendental.sine(r, control, a, ae);
        } else {
          X87Transcendental.cosine(r, control, a, ae);
        }
      }
    }
    commit(cpu, 0);
  }

  /** FYL2X, FYL2XP1 and FPATAN: ST(1) = f(ST(1), ST(0)), then a pop. */
  public static void function2(CpuState cpu, Instruction i, Function2 function) {
    FpuState f = cpu.fpu;
    FpuResult r = f.result;
    remember(cpu, i);
    if (isEmpty(f, 0) || isEmpty(f, 1)) {
      if (stackFault(cpu, 0)) {
        put(f, 1, Float80.INDEFINITE, Float80.INDEFINITE_SIGN_EXPONENT);
        pop(f);
      }
      return;
    }
    long x = f.significand[f.top];
    int xe = f.signExponent[f.top];
    int p = physical(f, 1);
    long y = f.significand[p];
    int ye = f.signExponent[p];
    switch (function) {
      case YL2X -> X87Transcendental.fyl2x(r, f.controlWord, x, xe, y, ye);
      case YL2XP1 -> X87Transcendental.fyl2xp1(r, f.controlWord, x, xe, y, ye);
      case PATAN -> X87Transcendental.fpatan(r, f.controlWord, x, xe, y, ye);
    }
    if (commit(cpu, 1)) {
      pop(f);
    }
  }

  /** Functions of {@link #function2}. */
  public enum Function2 {
    YL2X,
    YL2XP1,
    PATAN
  }

  /** Functions of {@link #functionPushing}. */
  public enum PushingFunction {
    XTRACT,
    SINCOS,
    PTAN
  }

  /** FXTRACT, FSINCOS and FPTAN: two results, of which the second is pushed. */
  public static void functionPushing(CpuState cpu, Instruction i, PushingFunction function) {
    FpuState f = cpu.fpu;
    FpuResult r = f.result;
    remember(cpu, i);
    boolean trigonometric = function != PushingFunction.XTRACT;
    if (trigonometric) {
      f.statusWord &= ~C2;
    }
    if (isEmpty(f, 0) || !isEmpty(f, 7)) {
      if (stackFault(cpu, isEmpty(f, 0) ? 0 : C1)) {
        put(f, 0, Float80.INDEFINITE, Float80.INDEFINITE_SIGN_EXPONENT);
        f.top = f.top - 1 & 7;
        put(f, 0, Float80.INDEFINITE, Float80.INDEFINITE_SIGN_EXPONENT);
      }
      return;
    }
    long a = f.significand[f.top];
    int ae = f.signExponent[f.top];
    switch (function) {
      case XTRACT -> Float80.extract(r, f.controlWord, a, ae);
      case SINCOS -> X87Transcendental.sineCosine(r, f.controlWord, a, ae);
      case PTAN -> X87Transcendental.tangent(r, f.controlWord, a, ae);
    }
    if ((r.exceptions & C2) != 0) {
      note(cpu, r.exceptions);
      return;
    }
    // FXTRACT of a number: the exponent takes its place and the significand is pushed.
    boolean swapped = function == PushingFunction.XTRACT;
    long significand2 = swapped ? r.significand : r.significand2;
    int signExponent2 = swapped ? r.signExponent : r.signExponent2;
    if (swapped) {
      r.significand = r.significand2;
      r.signExponent = r.signExponent2;
    }
    if (commit(cpu, 0)) {
      f.top = f.top - 1 & 7;
      put(f, 0, significand2, signExponent2);
    }
  }

  // Control.

  /** FNINIT. */
  public static void init(CpuState cpu, Instruction i) {
    init(cpu);
  }

  /** What FNINIT leaves. */
  static void init(CpuState cpu) {
    FpuState f = cpu.fpu;
    f.controlWord = 0x037F;
    f.statusWord &= ES | FpuState.B;
    f.top = 0;
    f.empty = 0xFF;
    f.instructionPointer = 0;
    f.operandPointer = 0;
    f.instructionSelector = 0;
    f.operandSelector = 0;
    f.opcode = 0;
    summarize(cpu);
  }

  /** FNCLEX. */
  public static void clearExceptions(CpuState cpu, Instruction i) {
    cpu.fpu.statusWord &= ~(EXCEPTIONS | SF);
    summarize(cpu);
  }

  /** FLDCW. */
  public static void loadControl(CpuState cpu, Instruction i) {
    setControl(cpu, (int) Operands.load(cpu, i, 0, 2));
  }

  static void setControl(CpuState cpu, int value) {
    cpu.fpu.controlWord = value & ~RESERVED_CONTROL & 0xFFFF | ALWAYS_SET_CONTROL;
    summarize(cpu);
  }

  /** FNSTCW. */
  public static void storeControl(CpuState cpu, Instruction i) {
    Operands.store(cpu, i, 0, 2, cpu.fpu.controlWord);
  }

  /** FSW with TOP. */
  static int statusWord(FpuState f) {
    return f.statusWord | f.top << 11;
  }

  /** Sets FSW and TOP. ES and B follow from the exceptions and masks. */
  static void setStatus(CpuState cpu, int value) {
    FpuState f = cpu.fpu;
    f.top = value >>> 11 & 7;
    int summary = f.statusWord & (ES | FpuState.B);
    f.statusWord = value & (EXCEPTIONS | SF | CONDITIONS) | summary;
    summarize(cpu);
  }

  /** FNSTSW to memory. */
  public static void storeStatus(CpuState cpu, Instruction i) {
    Operands.store(cpu, i, 0, 2, statusWord(cpu.fpu));
  }

  /** FNSTSW AX. */
  public static void storeStatusAx(CpuState cpu, Instruction i) {
    cpu.gpr[CpuState.RAX] = cpu.gpr[CpuState.RAX] & ~0xFFFFL | statusWord(cpu.fpu);
  }

  /** FTW: two bits a physical register: valid, zero, special, empty. */
  static int tagWord(FpuState f) {
    int tags = 0;
    for (int p = 7; p >= 0; p--) {
      int x = f.signExponent[p] & Float80.MAX;
      long significand = f.significand[p];
      int tag;
      if ((f.empty >>> p & 1) != 0) {
        tag = 3;
      } else if (x == 0 && significand == 0) {
        tag = 1;
      } else {
        tag = x == 0 || x == Float80.MAX || significand >= 0 ? 2 : 0;
      }
      tags = tags << 2 | tag;
    }
    return tags;
  }

  private static void setTagWord(FpuState f, int tags) {
    int empty = 0;
    for (int p = 0; p < 8; p++) {
      if ((tags >>> 2 * p & 3) == 3) {
        empty |= 1 << p;
      }
    }
    f.empty = empty;
  }

  // The environment: 14 bytes with a 16-bit operand size, 28 with a larger one (SDM volume 1,
  // figures 8-9 to 8-12). Real-address and virtual-8086 mode have linear pointers.

  private static int environmentSize(Instruction i) {
    return i.operandSize == 2 ? 14 : 28;
  }

  private static void checkStore(CpuState cpu, Instruction i, int size) {
    for (int offset = 0; offset < size; offset += 2) {
      Operands.checkStore(cpu, i, offset, 2);
    }
  }

  private static void writeEnvironment(CpuState cpu, Instruction i) {
    FpuState f = cpu.fpu;
    int width = i.operandSize == 2 ? 2 : 4;
    // The upper half of the words in the 32-bit format reads as ones.
    long upper = width == 2 ? 0 : 0xFFFF_0000L;
    Operands.store(cpu, i, 0, width, upper | f.controlWord);
    Operands.store(cpu, i, width, width, upper | statusWord(f));
    Operands.store(cpu, i, 2 * width, width, upper | tagWord(f));
    long code = f.instructionPointer;
    long data = f.operandPointer;
    if (cpu.protectedMode()) {
      long selector = f.instructionSelector;
      if (width == 4) {
        selector |= (long) f.opcode << 16;
      }
      Operands.store(cpu, i, 3 * width, width, code);
      Operands.store(cpu, i, 4 * width, width, selector);
      Operands.store(cpu, i, 5 * width, width, data);
      Operands.store(cpu, i, 6 * width, width, upper | f.operandSelector);
      return;
    }
    code += (long) f.instructionSelector << 4;
    data += (long) f.operandSelector << 4;
    if (width == 2) {
      Operands.store(cpu, i, 6, 2, code);
      Operands.store(cpu, i, 8, 2, f.opcode | code >>> 4 & 0xF000);
      Operands.store(cpu, i, 10, 2, data);
      Operands.store(cpu, i, 12, 2, data >>> 4 & 0xF000);
    } else {
      Operands.store(cpu, i, 12, 4, upper | code & 0xFFFF);
      Operands.store(cpu, i, 16, 4, f.opcode | code >>> 4 & 0xFFF_F000);
      Operands.store(cpu, i, 20, 4, upper | data & 0xFFFF);
      Operands.store(cpu, i, 24, 4, data >>> 4 & 0xFFF_F000);
    }
  }

  /** FNSTENV: stores, then masks all exceptions. */
  public static void storeEnvironment(CpuState cpu, Instruction i) {
    checkStore(cpu, i, environmentSize(i));
    writeEnvironment(cpu, i);
    cpu.fpu.controlWord |= EXCEPTIONS;
    summarize(cpu);
  }

  /** FLDENV. */
  public static void loadEnvironment(CpuState cpu, Instruction i) {
    // A fault must leave all as it was.
    Operands.load(cpu, i, environmentSize(i) - 2, 2);
    FpuState f = cpu.fpu;
    int width = i.operandSize == 2 ? 2 : 4;
    int control = (int) Operands.load(cpu, i, 0, 2);
    int status = (int) Operands.load(cpu, i, width, 2);
    int tags = (int) Operands.load(cpu, i, 2 * width, 2);
    long code = Operands.load(cpu, i, 3 * width, width);
    long codeUpper = Operands.load(cpu, i, 4 * width, width);
    long data = Operands.load(cpu, i, 5 * width, width);
    long dataUpper = Operands.load(cpu, i, 6 * width, width);
    if (cpu.protectedMode()) {
      f.instructionPointer = code;
      f.instructionSelector = (int) codeUpper & 0xFFFF;
      f.operandPointer = data;
      f.operandSelector = (int) dataUpper & 0xFFFF;
      f.opcode = (int) (codeUpper >>> 16) & 0x7FF;
    } else {
      long upper = width == 2 ? 0xF000 : 0xFFF_F000;
      f.instructionPointer = code & 0xFFFF | (codeUpper & upper) << 4;
      f.instructionSelector = 0;
      f.operandPointer = data & 0xFFFF | (dataUpper & upper) << 4;
      f.operandSelector = 0;
      f.opcode = (int) codeUpper & 0x7FF;
    }
    setTagWord(f, tags);
    setControl(cpu, control);
    setStatus(cpu, status);
  }

  /** FNSAVE: the environment, ST(0) to ST(7), then FNINIT. */
  public static void save(CpuState cpu, Instruction i) {
    int size = environmentSize(i);
    checkStore(cpu, i, size + 80);
    writeEnvironment(cpu, i);
    FpuState f = cpu.fpu;
    for (int n = 0; n < 8; n++) {
      int p = physical(f, n);
      Operands.store(cpu, i, size + 10 * n, 8, f.significand[p]);
      Operands.store(cpu, i, size + 10 * n + 8, 2, f.signExponent[p]);
    }
    init(cpu);
  }

  /** FRSTOR. */
  public static void restore(CpuState cpu, Instruction i) {
    int size = environmentSize(i);
    Operands.load(cpu, i, size + 78, 2);
    loadEnvironment(cpu, i);
    FpuState f = cpu.fpu;
    for (int n = 0; n < 8; n++) {
      int p = physical(f, n);
      f.significand[p] = Operands.load(cpu, i, size + 10 * n, 8);
      f.signExponent[p] = (int) Operands.load(cpu, i, size + 10 * n + 8, 2);
    }
  }
}
