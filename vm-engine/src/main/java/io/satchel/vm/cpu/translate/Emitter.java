package io.satchel.vm.cpu.translate;

import static io.satchel.vm.cpu.CpuState.RSP;
import static java.lang.constant.ConstantDescs.CD_boolean;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;
import static java.lang.constant.ConstantDescs.CD_void;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.Mode;
import io.satchel.vm.cpu.decode.Instruction;
import io.satchel.vm.cpu.decode.Operand;
import java.lang.classfile.CodeBuilder;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;

/**
 * Bytecode for the parts that instructions are made of: registers, operands, addresses, memory.
 *
 * <p>A guest value of up to 4 bytes is a JVM {@code int}, zero-extended below 4; one of 8 bytes is
 * a {@code long}. In 64-bit code guest registers, the flags' operands and addresses are in {@code
 * long} locals, elsewhere in {@code int} ones.
 */
final class Emitter {

  static final ClassDesc ACCESS = ClassDesc.of(Access.class.getName());
  static final ClassDesc CPU = ClassDesc.of(CpuState.class.getName());
  static final ClassDesc REGION = ClassDesc.of(CompiledRegion.class.getName());

  // Locals of the generated method.
  static final int THIS = 0;
  static final int LIMIT = 1;
  static final int ATTENTION = 2;

  /** Instructions retired since the region was entered. */
  static final int COUNT = 3;

  /** The site that may miss next; then what run() says. */
  static final int SITE = 4;

  /** {@code CpuState.instructions} when the region was entered. */
  static final int START = 5;

  static final int RULE = 7;
  static final int A = 8;
  static final int B = 10;
  static final int RESULT = 12;

  /** Offset to leave for. */
  static final int NEXT = 14;

  // Temporaries; each has room for a long.
  static final int T0 = 16;
  static final int T1 = 18;
  static final int T2 = 20;
  static final int HOST = 22;
  private static final int REGISTERS = 24;

  final CodeBuilder code;
  final ClassDesc self;

  /** 64-bit code. */
  final boolean wide;

  private final int mode;

  Emitter(CodeBuilder code, ClassDesc self, int mode) {
    this.code = code;
    this.self = self;
    this.mode = mode;
    wide = (mode & Mode.CODE64) != 0;
  }

  static int local(int register) {
    return REGISTERS + 2 * register;
  }

  ClassDesc addressType() {
    return wide ? CD_long : CD_int;
  }

  // Constants.

  void constant(long value, int width) {
    if (width == 8) {
      code.loadConstant(value);
    } else {
      code.loadConstant((int) value);
    }
  }

  void access() {
    code.getstatic(self, "M", ACCESS);
  }

  void cpu() {
    code.getstatic(self, "C", CPU);
  }

  void call(String name, ClassDesc result, ClassDesc... arguments) {
    code.invokestatic(ACCESS, name, MethodTypeDesc.of(result, arguments));
  }

  static ClassDesc type(int width) {
    return width == 8 ? CD_long : CD_int;
  }

  // Temporaries hold what the width asks for.

  void store(int local, int width) {
    if (width == 8) {
      code.lstore(local);
    } else {
      code.istore(local);
    }
  }

  void load(int local, int width) {
    if (width == 8) {
      code.lload(local);
    } else {
      code.iload(local);
    }
  }

  // A, B, RESULT and NEXT have the mode's type.

  void storeWide(int local, int width) {
    if (!wide) {
      code.istore(local);
      return;
    }
    if (width != 8) {
      code.i2l();
    }
    code.lstore(local);
  }

  void loadWide(int local, int width) {
    if (!wide) {
      code.iload(local);
      return;
    }
    code.lload(local);
    if (width != 8) {
      code.l2i();
    }
  }

  void dup(int width) {
    if (width == 8) {
      code.dup2();
    } else {
      code.dup();
    }
  }

  void pop(int width) {
    if (width == 8) {
      code.pop2();
    } else {
      code.pop();
    }
  }

  /** Clears the bits above the width. */
  void mask(int width) {
    if (width < 4) {
      code.loadConstant(width == 1 ? 0xFF : 0xFFFF).iand();
    }
  }

  /** Extends the sign of a value of {@code from} bytes to that of its JVM type for {@code to}. */
  void signExtend(int from, int to) {
    if (from == 1) {
      code.i2b();
    } else if (from == 2) {
      code.i2s();
    }
    if (to == 8 && from != 8) {
      code.i2l();
    }
  }

  // Registers.

  /** Pushes the low bytes of a register by number, not of AH to BH. */
  void pushLow(int register, int width) {
    if (!wide) {
      code.iload(local(register));
      mask(width);
      return;
    }
    code.lload(local(register));
    if (width != 8) {
      code.l2i();
      mask(width);
    }
  }

  private static boolean high(Instruction i, int register, int width) {
    return width == 1 && i.rex == 0 && (register & 0xC) == 4;
  }

  void pushRegister(Instruction i, int register, int width) {
    if (high(i, register, width)) {
      pushLow(register - 4, 4);
      code.bipush(8).iushr();
      mask(1);
    } else {
      pushLow(register, width);
    }
  }

  /** Pops a value, whose bits above the width do not matter, into the low bytes of a register. */
  void popLow(int register, int width) {
    if (width == 8) {
      code.lstore(local(register));
    } else if (width == 4) {
      if (wide) {
        code.i2l().loadConstant(0xFFFF_FFFFL).land().lstore(local(register));
      } else {
        code.istore(local(register));
      }
    } else {
      merge(register, width == 1 ? 0xFF : 0xFFFF, 0);
    }
  }

  void popRegister(Instruction i, int register, int width) {
    if (high(i, register, width)) {
      merge(register - 4, 0xFF, 8);
    } else {
      popLow(register, width);
    }
  }

  private void merge(int register, int mask, int shift) {
    code.loadConstant(mask).iand();
    if (shift != 0) {
      code.bipush(shift).ishl();
    }
    if (wide) {
      code.i2l().lload(local(register)).loadConstant(~((long) mask << shift)).land().lor();
      code.lstore(local(register));
    } else {
      code.iload(local(register)).loadConstant(~(mask << shift)).iand().ior();
      code.istore(local(register));
    }
  }

  // Operands that are no memory.

  void push(Instruction i, Operand operand, int width) {
    switch (operand.method()) {
      case 'E', 'Z' -> pushRegister(i, i.rm, width);
      case 'G' -> pushRegister(i, i.reg, width);
      case 'I' -> {
        long value = i.immediate;
        constant(width == 1 ? value & 0xFF : width == 2 ? value & 0xFFFF : value, width);
      }
      case '1' -> constant(1, width);
      default -> pushLow(operand.register(), width);
    }
  }

  void pop(Instruction i, Operand operand, int width) {
    switch (operand.method()) {
      case 'E', 'Z' -> popRegister(i, i.rm, width);
      case 'G' -> popRegister(i, i.reg, width);
      default -> popLow(operand.register(), width);
    }
  }

  // Addresses.

  /** Pushes the memory operand's offset in its segment, in the mode's type. */
  void pushOffset(Instruction i, long next) {
    long displacement = i.displacement + (i.ripRelative ? next : 0);
    boolean any = false;
    if (i.base != CpuState.ZERO) {
      pushAddressPart(i.base);
      any = true;
    }
    if (i.index != CpuState.ZERO) {
      pushAddressPart(i.index);
      if (i.scale != 0) {
        code.loadConstant(i.scale);
        shiftLeft();
      }
      any = add(any);
    }
    if (displacement != 0 || !any) {
      constant(displacement, wide ? 8 : 4);
      add(any);
    }
    if (i.addressSize == 2) {
      mask(2);
    } else if (wide && i.addressSize == 4) {
      code.loadConstant(0xFFFF_FFFFL).land();
    }
  }

  private void pushAddressPart(int register) {
    if (wide) {
      code.lload(local(register));
    } else {
      code.iload(local(register));
    }
  }

  private void shiftLeft() {
    if (wide) {
      code.lshl();
    } else {
      code.ishl();
    }
  }

  private boolean add(boolean two) {
    if (two && wide) {
      code.ladd();
    } else if (two) {
      code.iadd();
    }
    return true;
  }

  /** Pushes the memory operand's linear address. May miss. */
  void pushAddress(Instruction i, long next, int width, boolean write) {
    pushOffset(i, next);
    linear(i.segment, width, write);
  }

  /** From an offset in a segment to the linear address. May miss. */
  private void linear(int segment, int width, boolean write) {
    if (wide) {
      if (segment >= CpuState.FS) {
        code.loadConstant(segment);
        access();
        call("linear", CD_long, CD_long, CD_int, ACCESS);
      }
    } else if (!flat(segment)) {
      code.loadConstant(segment | width - 1 << 4 | (write ? 1 << 8 : 0));
      access();
      call("linear", CD_int, CD_int, CD_int, ACCESS);
    }
  }

  private boolean flat(int segment) {
    int bit =
        switch (segment) {
          case CpuState.DS -> Mode.FLAT_DS;
          case CpuState.SS -> Mode.FLAT_SS;
          case CpuState.ES -> Mode.FLAT_ES;
          default -> 0;
        };
    return (mode & bit) != 0;
  }

  // Memory. The address is on the stack.

  void read(int width) {
    access();
    call("read" + 8 * width, type(width), addressType(), ACCESS);
  }

  /** Below the value lies the address. */
  void write(int width) {
    access();
    call("write" + 8 * width, CD_void, addressType(), type(width), ACCESS);
  }

  /** Leaves the host offset in HOST, for a value that is read, changed and written. */
  void claim(int width) {
    code.loadConstant(width - 1);
    access();
    call("forWrite", CD_int, addressType(), CD_int, ACCESS);
    code.istore(HOST);
  }

  void getClaimed(int width) {
    code.iload(HOST);
    access();
    call("get" + 8 * width, type(width), CD_int, ACCESS);
  }

  void putClaimed(int width) {
    code.iload(HOST);
    access();
    call("put" + 8 * width, CD_void, type(width), CD_int, ACCESS);
  }

  // The stack.

  int stackWidth() {
    return wide ? 8 : (mode & Mode.STACK32) != 0 ? 4 : 2;
  }

  /** Pushes the linear address of a register plus {@code distance}, in SS. May miss. */
  void pushStackAddress(int register, int distance, int width, boolean write) {
    int stackWidth = stackWidth();
    pushLow(register, stackWidth);
    if (distance != 0) {
      constant(distance, stackWidth);
      add(true);
      mask(stackWidth);
    }
    linear(CpuState.SS, width, write);
  }

  /** Sets the stack pointer to a register plus {@code distance}. */
  void moveStack(int register, int distance) {
    int stackWidth = stackWidth();
    pushLow(register, stackWidth);
    if (distance != 0) {
      constant(distance, stackWidth);
      add(true);
    }
    popLow(RSP, stackWidth);
  }

  // Flags.

  void pushFlags(int knownRule) {
    if (knownRule >= 0) {
      code.loadConstant(knownRule & ~FlagFlow.CARRY_IN);
    } else {
      code.iload(RULE);
    }
    loadWide(A, wide ? 8 : 4);
    loadWide(B, wide ? 8 : 4);
    loadWide(RESULT, wide ? 8 : 4);
  }

  private ClassDesc[] flagTypes() {
    ClassDesc each = wide ? CD_long : CD_int;
    return new ClassDesc[] {CD_int, each, each, each};
  }

  /** Pushes all six flags. */
  void pushAll(int knownRule) {
    pushFlags(knownRule);
    call("all", CD_int, flagTypes());
  }

  void callCarry(int knownRule) {
    pushFlags(knownRule);
    call("carry", CD_int, flagTypes());
  }

  void callCondition(int knownRule, int condition) {
    pushFlags(knownRule);
    code.loadConstant(condition);
    ClassDesc each = wide ? CD_long : CD_int;
    call("condition", CD_boolean, CD_int, each, each, each, CD_int);
  }

  /** Pops the six flags, which then stand by themselves. */
  void popExplicit() {
    storeWide(RESULT, 4);
    code.iconst_0().istore(RULE);
  }
}
