package io.satchel.vm.cpu.translate;

import static io.satchel.vm.cpu.CpuState.CF;
import static io.satchel.vm.cpu.CpuState.RAX;
import static io.satchel.vm.cpu.CpuState.RBP;
import static io.satchel.vm.cpu.CpuState.RCX;
import static io.satchel.vm.cpu.CpuState.RDX;
import static io.satchel.vm.cpu.CpuState.RSP;
import static io.satchel.vm.cpu.CpuState.ZF;
import static java.lang.constant.ConstantDescs.CD_boolean;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.decode.Effect;
import io.satchel.vm.cpu.decode.Instruction;
import io.satchel.vm.cpu.decode.Operand;
import io.satchel.vm.cpu.semantics.Checks;
import io.satchel.vm.cpu.semantics.MulDiv;
import io.satchel.vm.cpu.semantics.Operands;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The method of a region: registers and flags are loaded into locals, the nodes follow, and one end
 * stores what the region writes. An access that misses goes there too, by way of one handler.
 */
final class RegionWriter {

  private static final ClassDesc LONGS = ClassDesc.ofDescriptor("[J");
  private static final ClassDesc INSTRUCTION = ClassDesc.of(Instruction.class.getName());
  private static final ClassDesc EFFECT = ClassDesc.of(Effect.class.getName());
  private static final ClassDesc MULTIPLY = ClassDesc.of(MulDiv.class.getName());
  private static final ClassDesc MISS = ClassDesc.of(Miss.class.getName());

  /** What leads away from the main line of the code, written at its end. */
  private record Stub(Label label, long rip, int exit, @Nullable Label poll) {}

  private final Region region;
  private final Emitter e;
  private final CodeBuilder code;
  private final ValueWriter values;
  private final ConditionWriter conditions;
  private final Label finish;
  private final Label diverted;
  private final Map<Node, Label> labels = new HashMap<>();
  private final List<Stub> stubs = new ArrayList<>();
  private final List<Instruction> effects = new ArrayList<>();
  private final List<Long> siteRips = new ArrayList<>();
  private final List<Integer> siteCounts = new ArrayList<>();
  private final List<Integer> computedExits = new ArrayList<>();
  private final List<Long> computedRips = new ArrayList<>();
  private final boolean[] used = new boolean[16];
  private final boolean[] written = new boolean[16];
  private final boolean wide;
  private int exits;

  // Where in which node.
  private Node node;
  private int number;
  private long rip;
  private long next;
  private int known;

  @SuppressWarnings("NullAway.Init")
  RegionWriter(Region region, CodeBuilder code, ClassDesc self) {
    this.region = region;
    this.code = code;
    e = new Emitter(code, self, region.mode);
    wide = e.wide;
    values = new ValueWriter(e);
    conditions = new ConditionWriter(e);
    finish = code.newLabel();
    diverted = code.newLabel();
  }

  /** The instructions whose effects the code calls, in the order of their constants. */
  List<Instruction> effects() {
    return effects;
  }

  int exits() {
    return exits;
  }

  /**
   * By exit: the offset of the instruction that computes where it leads, or {@link
   * Region#CONSTANT}.
   */
  long[] exitRips() {
    long[] rips = new long[exits];
    Arrays.fill(rips, Region.CONSTANT);
    for (int n = 0; n < computedExits.size(); n++) {
      rips[computedExits.get(n)] = computedRips.get(n);
    }
    return rips;
  }

  long[] siteRips() {
    return siteRips.stream().mapToLong(Long::longValue).toArray();
  }

  int[] siteCounts() {
    return siteCounts.stream().mapToInt(Integer::intValue).toArray();
  }

  void write() {
    registers();
    prologue();
    Label start = code.newBoundLabel();
    for (Node each : region.nodes) {
      labels.put(each, code.newLabel());
    }
    for (Node each : region.nodes) {
      node(each);
    }
    Label end = code.newBoundLabel();
    stubs();
    Label handler = code.newBoundLabel();
    code.pop().loadConstant(CompiledRegion.MISSED).iload(Emitter.SITE).isub();
    code.istore(Emitter.SITE);
    code.labelBinding(finish);
    epilogue();
    code.labelBinding(diverted);
    code.loadConstant(CompiledRegion.DIVERTED).ireturn();
    code.exceptionCatch(start, end, handler, MISS);
  }

  // The ends of the method.

  private void registers() {
    for (Node each : region.nodes) {
      for (int n = 0; n < each.instructions.size(); n++) {
        registers(each.instructions.get(n), each.kinds.get(n));
      }
    }
    for (int r = 0; r < 16; r++) {
      used[r] |= written[r];
    }
  }

  private void uses(Instruction i, int register, int width) {
    used[width == 1 && i.rex == 0 && (register & 0xC) == 4 ? register - 4 : register] = true;
  }

  private void writes(Instruction i, int register, int width) {
    written[width == 1 && i.rex == 0 && (register & 0xC) == 4 ? register - 4 : register] = true;
  }

  private void registers(Instruction i, Kind kind) {
    if (kind == Kind.EFFECT || kind == Kind.SYSTEM) {
      return;
    }
    if (i.memory) {
      used[i.base & 15] |= i.base < 16;
      used[i.index & 15] |= i.index < 16;
    }
    switch (kind) {
      case VALUE -> {
        List<Operand> operands = i.row().operands();
        for (int n = 0; n < operands.size(); n++) {
          operand(i, operands.get(n), n == 0 && Kind.value(i).writes());
        }
      }
      case PUSH, CALL, RET, LEAVE, POP, INDIRECT -> {
        written[RSP] = true;
        if (kind == Kind.LEAVE) {
          written[RBP] = true;
        } else if (kind == Kind.POP) {
          written[i.rm] = true;
        } else if (!i.memory && kind != Kind.CALL && kind != Kind.RET) {
          used[i.rm] = true;
        }
      }
      case LEA -> written[i.reg] = true;
      case XCHG -> {
        int width = i.row().opcode() == 0x86 ? 1 : i.operandSize;
        writes(i, i.rm, width);
        writes(i, i.row().opcode() == 0x90 ? RAX : i.reg, width);
      }
      case WIDEN -> written[RAX] = true;
      case SIGN -> {
        used[RAX] = true;
        written[RDX] = true;
      }
      case MUL, DIV -> {
        written[RAX] = true;
        written[RDX] = true;
        if (!i.memory) {
          used[i.rm] = true;
        }
      }
      case BT -> {
        used[i.rm] = true;
        used[i.reg] = true;
      }
      case BSF, CMOV -> {
        written[i.reg] = true;
        if (!i.memory) {
          used[i.rm] = true;
        }
      }
      case BSWAP -> written[i.rm] = true;
      case SETCC -> {
        if (!i.memory) {
          writes(i, i.rm, 1);
        }
      }
      case LOOP -> written[RCX] = true;
      default -> {}
    }
  }

  private void operand(Instruction i, Operand operand, boolean destination) {
    if (Kind.isMemory(i, operand)) {
      return;
    }
    int register =
        switch (operand.method()) {
          case 'E', 'Z' -> i.rm;
          case 'G' -> i.reg;
          case 'r' -> operand.register();
          default -> -1;
        };
    if (register >= 0) {
      int width = operand.method() == 'r' ? 4 : operand.width(i);
      uses(i, register, width);
      if (destination) {
        writes(i, register, width);
      }
    }
  }

  private void prologue() {
    e.cpu();
    code.getfield(Emitter.CPU, "instructions", CD_long).lstore(Emitter.START);
    code.iconst_0().istore(Emitter.COUNT).iconst_0().istore(Emitter.SITE);
    e.constant(0, wide ? 8 : 4);
    e.storeWide(Emitter.NEXT, wide ? 8 : 4);
    reload();
  }

  private void reload() {
    for (int r = 0; r < 16; r++) {
      if (used[r]) {
        code.getstatic(e.self, "G", LONGS).loadConstant(r).laload();
        if (wide) {
          code.lstore(Emitter.local(r));
        } else {
          code.l2i().istore(Emitter.local(r));
        }
      }
    }
    e.cpu();
    code.getfield(Emitter.CPU, "flagRule", CD_int).istore(Emitter.RULE);
    reloadFlag("flagA", Emitter.A);
    reloadFlag("flagB", Emitter.B);
    reloadFlag("flagResult", Emitter.RESULT);
  }

  private void reloadFlag(String field, int local) {
    e.cpu();
    code.getfield(Emitter.CPU, field, CD_long);
    if (wide) {
      code.lstore(local);
    } else {
      code.l2i().istore(local);
    }
  }

  private void spill() {
    for (int r = 0; r < 16; r++) {
      if (written[r]) {
        code.getstatic(e.self, "G", LONGS).loadConstant(r);
        loadUnsigned(Emitter.local(r));
        code.lastore();
      }
    }
    e.cpu();
    code.iload(Emitter.RULE).putfield(Emitter.CPU, "flagRule", CD_int);
    spillFlag("flagA", Emitter.A);
    spillFlag("flagB", Emitter.B);
    spillFlag("flagResult", Emitter.RESULT);
  }

  private void spillFlag(String field, int local) {
    e.cpu();
    if (wide) {
      code.lload(local);
    } else {
      code.iload(local).i2l();
    }
    code.putfield(Emitter.CPU, field, CD_long);
  }

  private void loadUnsigned(int local) {
    if (wide) {
      code.lload(local);
    } else {
      code.iload(local).i2l().loadConstant(0xFFFF_FFFFL).land();
    }
  }

  /** SITE holds what to say, NEXT the offset, COUNT the instructions. */
  private void epilogue() {
    spill();
    e.cpu();
    loadUnsigned(Emitter.NEXT);
    code.putfield(Emitter.CPU, "rip", CD_long);
    e.cpu();
    code.lload(Emitter.START).iload(Emitter.COUNT).i2l().ladd();
    code.putfield(Emitter.CPU, "instructions", CD_long);
    code.iload(Emitter.SITE).ireturn();
  }

  private void leave(long target, int exit) {
    e.constant(target, wide ? 8 : 4);
    e.storeWide(Emitter.NEXT, wide ? 8 : 4);
    code.loadConstant(exit).istore(Emitter.SITE).goto_(finish);
  }

  private void stubs() {
    // Polls of back edges add nothing to the list.
    for (Stub stub : stubs) {
      code.labelBinding(stub.label);
      if (stub.poll != null) {
        Label out = code.newLabel();
        code.iload(Emitter.COUNT).iload(Emitter.LIMIT).if_icmpge(out);
        e.cpu();
        code.invokevirtual(Emitter.CPU, "pendingOpaque", MethodTypeDesc.of(CD_int));
        code.iload(Emitter.ATTENTION).iand().ifeq(stub.poll);
        code.labelBinding(out);
      }
      leave(stub.rip, stub.exit);
    }
  }

  // Nodes.

  private void node(Node current) {
    node = current;
    known = current.flagsBefore;
    rip = current.rip;
    code.labelBinding(label(current));
    int size = current.instructions.size();
    for (number = 0; number < size; number++) {
      Instruction i = current.instructions.get(number);
      next = rip + i.length;
      if (number == size - 1 && current.transfers) {
        transfer(i);
        return;
      }
      instruction(i);
      known = FlagFlow.after(known, current, number);
      rip = next;
    }
    count(size);
    if (current.next != null) {
      code.goto_(edge(current.next, current.next.rip));
    } else {
      leave(rip, current.stops ? CompiledRegion.STOPPED : exits++);
    }
  }

  private Label label(Node of) {
    Label label = labels.get(of);
    if (label == null) {
      throw new IllegalStateException("a node without a label");
    }
    return label;
  }

  private void count(int instructions) {
    if (instructions != 0) {
      code.iinc(Emitter.COUNT, instructions);
    }
  }

  /** Where to jump to reach a node, or to leave for {@code target} when there is none. */
  private Label edge(@Nullable Node to, long target) {
    if (to != null && !FlagFlow.backEdge(node, to)) {
      return label(to);
    }
    Label label = code.newLabel();
    stubs.add(new Stub(label, target, exits++, to == null ? null : label(to)));
    return label;
  }

  /** Notes where an access that misses goes on. */
  private void site() {
    code.loadConstant(siteRips.size()).istore(Emitter.SITE);
    siteRips.add(rip);
    siteCounts.add(number);
  }

  private void instruction(Instruction i) {
    Kind kind = node.kinds.get(number);
    if (kind.mayLeave(i) && kind != Kind.EFFECT && kind != Kind.SYSTEM) {
      site();
    }
    switch (kind) {
      case VALUE -> values.write(i, next, known, node.carryDead[number], node.othersDead[number]);
      case LEA -> {
        e.pushOffset(i, next);
        convertAddress(i.operandSize);
        e.popLow(i.reg, i.operandSize);
      }
      case PUSH -> push(i);
      case POP -> {
        e.pushStackAddress(RSP, 0, i.operandSize, false);
        e.read(i.operandSize);
        e.moveStack(RSP, i.operandSize);
        e.popLow(i.rm, i.operandSize);
      }
      case LEAVE -> {
        e.pushStackAddress(RBP, 0, i.operandSize, false);
        e.read(i.operandSize);
        e.moveStack(RBP, i.operandSize);
        e.popLow(RBP, i.operandSize);
      }
      case XCHG -> exchange(i);
      case WIDEN -> {
        int width = i.operandSize;
        e.pushLow(RAX, width / 2);
        e.signExtend(width / 2, width);
        e.popLow(RAX, width);
      }
      case SIGN -> sign(i);
      case MUL -> multiply(i);
      case DIV -> divide(i);
      case BT -> bitTest(i);
      case BSF -> bitScan(i);
      case BSWAP -> {
        e.pushLow(i.rm, 4);
        code.invokestatic(
            ClassDesc.of("java.lang.Integer"), "reverseBytes", MethodTypeDesc.of(CD_int, CD_int));
        e.popLow(i.rm, 4);
      }
      case CARRY_FLAG -> carryFlag(i);
      case DIRECTION_FLAG -> {
        boolean set = i.row().opcode() == 0xFD;
        e.cpu();
        code.dup().getfield(Emitter.CPU, "systemFlags", CD_int);
        code.loadConstant(set ? CpuState.DF : ~CpuState.DF);
        if (set) {
          code.ior();
        } else {
          code.iand();
        }
        code.putfield(Emitter.CPU, "systemFlags", CD_int);
      }
      case SETCC -> {
        if (i.memory) {
          e.pushAddress(i, next, 1, true);
          conditions.push(i.row().opcode() & 15, known);
          e.write(1);
        } else {
          conditions.push(i.row().opcode() & 15, known);
          e.popRegister(i, i.rm, 1);
        }
      }
      case CMOV -> conditionalMove(i);
      case NOP -> {}
      case SYSTEM -> {
        effect(i);
        code.aload(Emitter.THIS);
        e.cpu();
        code.loadConstant(region.mode);
        e.call("attention", CD_int, Emitter.REGION, Emitter.CPU, CD_int);
        code.dup().istore(Emitter.ATTENTION).ifeq(diverted);
        reload();
      }
      default -> {
        effect(i);
        if (!Kind.keepsRegisters(i)) {
          reload();
        }
      }
    }
  }

  /** From an address to a value of an operand's width. */
  private void convertAddress(int width) {
    if (wide && width != 8) {
      code.l2i();
    }
  }

  /** Pushes ModRM.rm's value. */
  private void pushRm(Instruction i, int width) {
    if (i.memory) {
      e.pushAddress(i, next, width, false);
      e.read(width);
    } else {
      e.pushRegister(i, i.rm, width);
    }
  }

  private void push(Instruction i) {
    int width = i.operandSize;
    if (i.row().opcode() == 0xFF && i.memory) {
      pushRm(i, width);
      e.store(Emitter.T0, width);
    }
    e.pushStackAddress(RSP, -width, width, true);
    switch (i.row().opcode()) {
      case 0x50 -> e.pushLow(i.rm, width);
      case 0xFF -> {
        if (i.memory) {
          e.load(Emitter.T0, width);
        } else {
          e.pushLow(i.rm, width);
        }
      }
      default -> e.constant(i.immediate, width);
    }
    e.write(width);
    e.moveStack(RSP, -width);
  }

  private void exchange(Instruction i) {
    int opcode = i.row().opcode();
    int width = opcode == 0x86 ? 1 : i.operandSize;
    int other = opcode == 0x90 ? RAX : i.reg;
    e.pushRegister(i, i.rm, width);
    e.pushRegister(i, other, width);
    e.popRegister(i, i.rm, width);
    e.popRegister(i, other, width);
  }

  private void sign(Instruction i) {
    int width = i.operandSize;
    e.pushLow(RAX, width);
    if (width == 8) {
      code.loadConstant(63).lshr();
    } else {
      e.signExtend(width, 4);
      code.loadConstant(31).ishr();
    }
    e.popLow(RDX, width);
  }

  private boolean flagsWanted() {
    return !node.carryDead[number] || !node.othersDead[number];
  }

  private void multiply(Instruction i) {
    boolean signed = i.row().mnemonic().equals("IMUL");
    pushRm(i, 4);
    extend(signed);
    e.pushLow(RAX, 4);
    extend(signed);
    code.lmul().lstore(Emitter.T0);
    code.lload(Emitter.T0).l2i();
    e.popLow(RAX, 4);
    code.lload(Emitter.T0).loadConstant(32).lshr().l2i();
    e.popLow(RDX, 4);
    if (!flagsWanted()) {
      return;
    }
    code.loadConstant(4).lload(Emitter.T0);
    Label lost = code.newLabel();
    Label end = code.newLabel();
    code.lload(Emitter.T0);
    if (signed) {
      code.l2i().i2l().lload(Emitter.T0).lcmp().ifne(lost);
    } else {
      code.loadConstant(32).lushr().lconst_0().lcmp().ifne(lost);
    }
    code.iconst_0().goto_(end).labelBinding(lost).iconst_1().labelBinding(end);
    code.invokestatic(MULTIPLY, "flags", MethodTypeDesc.of(CD_int, CD_int, CD_long, CD_boolean));
    e.popExplicit();
  }

  private void extend(boolean signed) {
    code.i2l();
    if (!signed) {
      code.loadConstant(0xFFFF_FFFFL).land();
    }
  }

  private void divide(Instruction i) {
    boolean signed = i.row().mnemonic().equals("IDIV");
    pushRm(i, 4);
    code.istore(Emitter.T0);
    e.pushLow(RDX, 4);
    e.pushLow(RAX, 4);
    code.iload(Emitter.T0);
    e.call(signed ? "divideSigned" : "divide", CD_long, CD_int, CD_int, CD_int);
    code.lstore(Emitter.T0);
    code.lload(Emitter.T0).l2i();
    e.popLow(RAX, 4);
    code.lload(Emitter.T0).loadConstant(32).lushr().l2i();
    e.popLow(RDX, 4);
  }

  private void bitTest(Instruction i) {
    if (!flagsWanted()) {
      return;
    }
    int width = i.operandSize;
    if (node.othersDead[number]) {
      code.iconst_0();
    } else {
      e.pushAll(known);
      code.loadConstant(~CF).iand();
    }
    e.pushLow(i.rm, width);
    if (i.row().opcode() == 0x0FA3) {
      e.pushLow(i.reg, width == 8 ? 4 : width);
      code.loadConstant(8 * width - 1).iand();
    } else {
      code.loadConstant((int) i.immediate & 8 * width - 1);
    }
    if (width == 8) {
      code.lushr().l2i();
    } else {
      code.iushr();
    }
    code.iconst_1().iand().ior();
    e.popExplicit();
  }

  private void bitScan(Instruction i) {
    pushRm(i, 4);
    code.istore(Emitter.T0);
    Label zero = code.newLabel();
    code.iload(Emitter.T0).ifeq(zero);
    ClassDesc integer = ClassDesc.of("java.lang.Integer");
    if (i.row().opcode() == 0x0FBC) {
      code.iload(Emitter.T0);
      code.invokestatic(integer, "numberOfTrailingZeros", MethodTypeDesc.of(CD_int, CD_int));
    } else {
      code.loadConstant(31).iload(Emitter.T0);
      code.invokestatic(integer, "numberOfLeadingZeros", MethodTypeDesc.of(CD_int, CD_int));
      code.isub();
    }
    e.popLow(i.reg, 4);
    code.labelBinding(zero);
    if (!flagsWanted()) {
      return;
    }
    e.pushAll(known);
    code.loadConstant(~ZF).iand();
    Label set = code.newLabel();
    Label end = code.newLabel();
    code.iload(Emitter.T0).ifeq(set).iconst_0().goto_(end);
    code.labelBinding(set).loadConstant(ZF).labelBinding(end).ior();
    e.popExplicit();
  }

  private void carryFlag(Instruction i) {
    if (!flagsWanted()) {
      return;
    }
    e.pushAll(known);
    switch (i.row().opcode()) {
      case 0xF5 -> code.loadConstant(CF).ixor();
      case 0xF8 -> code.loadConstant(~CF).iand();
      default -> code.loadConstant(CF).ior();
    }
    e.popExplicit();
  }

  private void conditionalMove(Instruction i) {
    int width = i.operandSize;
    pushRm(i, width);
    e.store(Emitter.T0, width);
    Label move = code.newLabel();
    Label end = code.newLabel();
    conditions.jump(i.row().opcode() & 15, known, move);
    e.pushLow(i.reg, width);
    code.goto_(end).labelBinding(move);
    e.load(Emitter.T0, width);
    code.labelBinding(end);
    e.popLow(i.reg, width);
  }

  private void effect(Instruction i) {
    spill();
    int constant = effects.size();
    effects.add(i);
    code.aload(Emitter.THIS);
    e.cpu();
    code.getstatic(e.self, "i" + constant, INSTRUCTION);
    code.getstatic(e.self, "e" + constant, EFFECT);
    code.loadConstant(Checks.needed(i.row()) ? 1 : 0);
    code.loadConstant(siteRips.size());
    siteRips.add(rip);
    siteCounts.add(number);
    code.loadConstant(next);
    code.lload(Emitter.START).iload(Emitter.COUNT);
    if (number != 0) {
      code.loadConstant(number).iadd();
    }
    code.i2l().ladd();
    e.call(
        "effect",
        CD_boolean,
        Emitter.REGION,
        Emitter.CPU,
        INSTRUCTION,
        EFFECT,
        CD_boolean,
        CD_int,
        CD_long,
        CD_long);
    code.ifeq(diverted);
  }

  // Control.

  private void transfer(Instruction i) {
    int size = node.instructions.size();
    Kind kind = node.kinds.get(number);
    if (kind.mayLeave(i)) {
      site();
    }
    switch (kind) {
      case JCC -> {
        count(size);
        conditions.jump(i.row().opcode() & 15, known, edge(node.taken, target(i)));
        straight();
      }
      case JUMP -> {
        count(size);
        code.goto_(edge(node.taken, target(i)));
      }
      case LOOP -> loop(i, size);
      case CALL -> {
        pushReturn(i);
        count(size);
        code.goto_(edge(node.taken, target(i)));
      }
      case RET -> ret(i, size);
      default -> indirect(i, size);
    }
  }

  private void straight() {
    code.goto_(edge(node.next, next));
  }

  private long target(Instruction i) {
    return Operands.truncate(next + i.immediate, i.operandSize);
  }

  private void pushReturn(Instruction i) {
    int width = i.operandSize;
    e.pushStackAddress(RSP, -width, width, true);
    e.constant(next, width);
    e.write(width);
    e.moveStack(RSP, -width);
  }

  private void loop(Instruction i, int size) {
    int width = i.addressSize;
    int opcode = i.row().opcode();
    count(size);
    Label taken = edge(node.taken, target(i));
    if (opcode != 0xE3) {
      e.pushLow(RCX, width);
      e.constant(1, width);
      if (width == 8) {
        code.lsub();
      } else {
        code.isub();
      }
      e.popLow(RCX, width);
    }
    Label straight = code.newLabel();
    e.pushLow(RCX, width);
    if (width == 8) {
      code.lconst_0().lcmp();
    }
    if (opcode == 0xE3) {
      code.ifeq(taken);
    } else {
      code.ifeq(straight);
      if (opcode == 0xE2) {
        code.goto_(taken);
      } else {
        // LOOPE goes on while ZF is set, LOOPNE while it is clear.
        conditions.jump(opcode == 0xE1 ? 4 : 5, known, taken);
      }
    }
    code.labelBinding(straight);
    straight();
  }

  private void ret(Instruction i, int size) {
    int width = i.operandSize;
    e.pushStackAddress(RSP, 0, width, false);
    e.read(width);
    checkTarget(width);
    e.storeWide(Emitter.NEXT, width);
    e.moveStack(RSP, width + ((int) i.immediate & 0xFFFF));
    count(size);
    computed();
  }

  /** Goes to NEXT: in the region where that was foreseen. */
  private void computed() {
    if (node.taken != null) {
      Label elsewhere = code.newLabel();
      e.loadWide(Emitter.NEXT, wide ? 8 : 4);
      e.constant(node.taken.rip, wide ? 8 : 4);
      if (wide) {
        code.lcmp().ifne(elsewhere);
      } else {
        code.if_icmpne(elsewhere);
      }
      code.goto_(edge(node.taken, node.taken.rip));
      code.labelBinding(elsewhere);
    }
    computedExits.add(exits);
    computedRips.add(rip);
    code.loadConstant(exits++).istore(Emitter.SITE).goto_(finish);
  }

  private void checkTarget(int width) {
    if (wide) {
      if (width == 8) {
        e.call("canonical", CD_long, CD_long);
      }
    } else if (region.csLimit < (width == 2 ? 0xFFFF : 0xFFFF_FFFFL)) {
      code.loadConstant(region.csLimit);
      e.call("target", CD_int, CD_int, CD_long);
    }
  }

  private void indirect(Instruction i, int size) {
    int width = i.operandSize;
    pushRm(i, width);
    checkTarget(width);
    e.storeWide(Emitter.NEXT, width);
    if (i.row().mnemonic().equals("CALL")) {
      // A miss behind this leaves NEXT changed, which says nothing then.
      pushReturn(i);
    }
    count(size);
    computed();
  }
}
