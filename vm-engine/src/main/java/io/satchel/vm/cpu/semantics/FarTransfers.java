package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.AC;
import static io.satchel.vm.cpu.CpuState.ATTR_DB;
import static io.satchel.vm.cpu.CpuState.ATTR_L;
import static io.satchel.vm.cpu.CpuState.CS;
import static io.satchel.vm.cpu.CpuState.DS;
import static io.satchel.vm.cpu.CpuState.ES;
import static io.satchel.vm.cpu.CpuState.FS;
import static io.satchel.vm.cpu.CpuState.GS;
import static io.satchel.vm.cpu.CpuState.ID;
import static io.satchel.vm.cpu.CpuState.IF;
import static io.satchel.vm.cpu.CpuState.IOPL;
import static io.satchel.vm.cpu.CpuState.NT;
import static io.satchel.vm.cpu.CpuState.RF;
import static io.satchel.vm.cpu.CpuState.RSP;
import static io.satchel.vm.cpu.CpuState.SS;
import static io.satchel.vm.cpu.CpuState.VIF;
import static io.satchel.vm.cpu.CpuState.VIP;
import static io.satchel.vm.cpu.CpuState.VM;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;
import io.satchel.vm.cpu.decode.Instruction;

/**
 * Far JMP, CALL and RET, and IRET: transfers between code segments, privilege levels and tasks (SDM
 * volume 2, the instructions' pages; volume 3, section 5.8).
 */
public final class FarTransfers {

  private FarTransfers() {}

  // Instructions.

  /** JMP Ap. */
  public static void jumpDirect(CpuState cpu, Instruction i) {
    jump(cpu, i.immediate2 & 0xFFFF, i.immediate & mask(i.operandSize));
  }

  /** JMP Mp. */
  public static void jumpIndirect(CpuState cpu, Instruction i) {
    long offset = Operands.load(cpu, i, 0, i.operandSize);
    jump(cpu, (int) Operands.load(cpu, i, i.operandSize, 2), offset);
  }

  /** CALL Ap. */
  public static void callDirect(CpuState cpu, Instruction i) {
    call(cpu, i.immediate2 & 0xFFFF, i.immediate & mask(i.operandSize), i.operandSize);
  }

  /** CALL Mp. */
  public static void callIndirect(CpuState cpu, Instruction i) {
    long offset = Operands.load(cpu, i, 0, i.operandSize);
    call(cpu, (int) Operands.load(cpu, i, i.operandSize, 2), offset, i.operandSize);
  }

  /** RETF. */
  public static void returnFar(CpuState cpu, Instruction i) {
    returnFar(cpu, i.operandSize, 0);
  }

  /** RETF Iw. */
  public static void returnFarRelease(CpuState cpu, Instruction i) {
    returnFar(cpu, i.operandSize, (int) i.immediate & 0xFFFF);
  }

  /** IRET, IRETD, IRETQ. */
  public static void interruptReturn(CpuState cpu, Instruction i) {
    // An IRET lets NMIs in again even when it faults (SDM volume 3, section 6.7.1).
    cpu.nmiBlocked = false;
    if (cpu.realMode()) {
      returnFromRealInterrupt(cpu, i.operandSize);
    } else if (cpu.virtual8086()) {
      returnFromVirtual8086Interrupt(cpu, i.operandSize);
    } else {
      returnFromInterrupt(cpu, i.operandSize);
    }
  }

  private static long mask(int width) {
    return width == 8 ? -1 : (1L << (8 * width)) - 1;
  }

  // JMP and CALL.

  private static void jump(CpuState cpu, int selector, long offset) {
    if (!cpu.protectedMode()) {
      checkRealOffset(cpu, offset);
      enterRealCode(cpu, selector, offset);
      return;
    }
    long descriptor = target(cpu, selector);
    int attributes = Descriptors.attributes(descriptor);
    if (Descriptors.isSystem(attributes)) {
      systemTarget(cpu, selector, descriptor, false);
      return;
    }
    checkDirect(cpu, selector, attributes);
    checkOffset(cpu, descriptor, offset, 0);
    descriptor = Descriptors.markAccessed(cpu, selector, descriptor);
    Segments.enterCode(cpu, selector, descriptor, cpu.cpl, offset);
  }

  private static void call(CpuState cpu, int selector, long offset, int width) {
    if (!cpu.protectedMode()) {
      TargetStack stack = TargetStack.current(cpu, 0);
      stack.check(2, width);
      checkRealOffset(cpu, offset);
      pushReturn(cpu, stack, width);
      stack.commit();
      enterRealCode(cpu, selector, offset);
      return;
    }
    long descriptor = target(cpu, selector);
    int attributes = Descriptors.attributes(descriptor);
    if (Descriptors.isSystem(attributes)) {
      systemTarget(cpu, selector, descriptor, true);
      return;
    }
    checkDirect(cpu, selector, attributes);
    TargetStack stack =
        Descriptors.isLong(cpu, attributes)
            ? TargetStack.flat(cpu, cpu.cpl, 0, false, 0)
            : TargetStack.current(cpu, 0);
    stack.check(2, width);
    checkOffset(cpu, descriptor, offset, 0);
    descriptor = Descriptors.markAccessed(cpu, selector, descriptor);
    pushReturn(cpu, stack, width);
    stack.commit();
    Segments.enterCode(cpu, selector, descriptor, cpu.cpl, offset);
  }

  private static void pushReturn(CpuState cpu, TargetStack stack, int width) {
    stack.push(width, cpu.selector[CS]);
    stack.push(width, cpu.rip);
  }

  private static void checkRealOffset(CpuState cpu, long offset) {
    if (offset > cpu.limit[CS]) {
      throw cpu.gp(0);
    }
  }

  /** In real-address or virtual-8086 mode. */
  static void enterRealCode(CpuState cpu, int selector, long offset) {
    if (cpu.virtual8086()) {
      Segments.setVirtual8086(cpu, CS, selector);
    } else {
      Segments.setReal(cpu, CS, selector);
    }
    cpu.rip = offset;
  }

  private static long target(CpuState cpu, int selector) {
    if (Descriptors.isNull(selector)) {
      throw cpu.gp(0);
    }
    return Descriptors.read(cpu, selector, GuestFault.GP, 0);
  }

  /** The checks of a code segment that JMP or CALL names itself. */
  private static void checkDirect(CpuState cpu, int selector, int attributes) {
    int dpl = Descriptors.dpl(attributes);
    if (!Descriptors.isCode(attributes)
        || (Descriptors.isConforming(attributes)
            ? dpl > cpu.cpl
            : dpl != cpu.cpl || (selector & 3) > cpu.cpl)
        || badLong(cpu, attributes)) {
      throw cpu.gp(Descriptors.error(selector, 0));
    }
    if (!Descriptors.present(attributes)) {
      throw cpu.fault(GuestFault.NP, Descriptors.error(selector, 0));
    }
  }

  /** Long mode has no code segment with both L and D. */
  private static boolean badLong(CpuState cpu, int attributes) {
    return cpu.longMode() && (attributes & (ATTR_L | ATTR_DB)) == (ATTR_L | ATTR_DB);
  }

  /** #GP unless the offset lies in the code segment, or is canonical in 64-bit code. */
  static void checkOffset(CpuState cpu, long descriptor, long offset, int ext) {
    if (Descriptors.isLong(cpu, Descriptors.attributes(descriptor))
        ? !Descriptors.isCanonical(offset)
        : Long.compareUnsigned(offset, Descriptors.limit(descriptor)) > 0) {
      throw cpu.gp(ext);
    }
  }

  /** A call gate, a task gate or a TSS. */
  private static void systemTarget(CpuState cpu, int selector, long descriptor, boolean call) {
    int attributes = Descriptors.attributes(descriptor);
    int type = Descriptors.type(attributes);
    int dpl = Descriptors.dpl(attributes);
    boolean isTss = type == Descriptors.TSS16_AVAILABLE || type == Descriptors.TSS32_AVAILABLE;
    boolean isGate =
        type == Descriptors.CALL_GATE32
            || !cpu.longMode()
                && (type == Descriptors.CALL_GATE16 || type == Descriptors.TASK_GATE);
    if (!isGate && (!isTss || cpu.longMode()) || dpl < cpu.cpl || (selector & 3) > dpl) {
      throw cpu.gp(Descriptors.error(selector, 0));
    }
    if (isTss && (selector & 4) != 0) {
      throw cpu.gp(Descriptors.error(selector, 0));
    }
    if (!Descriptors.present(attributes)) {
      throw cpu.fault(GuestFault.NP, Descriptors.error(selector, 0));
    }
    Tasks.Cause cause = call ? Tasks.Cause.NEST : Tasks.Cause.JUMP;
    if (isTss) {
      Tasks.switchTo(cpu, selector, descriptor, cause);
    } else if (type == Descriptors.TASK_GATE) {
      int tss = Descriptors.gateSelector(descriptor);
      Tasks.switchTo(cpu, tss, Tasks.throughGate(cpu, tss, 0), cause);
    } else {
      throughCallGate(cpu, selector, descriptor, type, call);
    }
  }

  private static void throughCallGate(
      CpuState cpu, int selector, long gate, int type, boolean call) {
    int target = Descriptors.gateSelector(gate);
    long offset = Descriptors.gateOffset(gate, type == Descriptors.CALL_GATE32);
    int width = cpu.longMode() ? 8 : type == Descriptors.CALL_GATE32 ? 4 : 2;
    if (cpu.longMode()) {
      long upper = Descriptors.readUpper(cpu, selector, GuestFault.GP, 0);
      if ((upper >>> 40 & 0x1F) != 0) {
        throw cpu.gp(Descriptors.error(selector, 0));
      }
      offset |= upper << 32;
    }
    long descriptor = target(cpu, target);
    int attributes = Descriptors.attributes(descriptor);
    int dpl = Descriptors.dpl(attributes);
    boolean conforming = Descriptors.isConforming(attributes);
    if (!Descriptors.isCode(attributes)
        || (call || conforming ? dpl > cpu.cpl : dpl != cpu.cpl)
        || cpu.longMode() && (attributes & (ATTR_L | ATTR_DB)) != ATTR_L) {
      throw cpu.gp(Descriptors.error(target, 0));
    }
    if (!Descriptors.present(attributes)) {
      throw cpu.fault(GuestFault.NP, Descriptors.error(target, 0));
    }
    if (call && !conforming && dpl < cpu.cpl) {
      int parameters = cpu.longMode() ? 0 : (int) (gate >>> 32) & 0x1F;
      callInner(cpu, target, descriptor, dpl, offset, width, parameters);
      return;
    }
    checkOffset(cpu, descriptor, offset, 0);
    if (call) {
      TargetStack stack =
          cpu.longMode()
              ? TargetStack.flat(cpu, cpu.cpl, 0, false, 0)
              : TargetStack.current(cpu, 0);
      stack.check(2, width);
      descriptor = Descriptors.markAccessed(cpu, target, descriptor);
      pushReturn(cpu, stack, width);
      stack.commit();
    } else {
      descriptor = Descriptors.markAccessed(cpu, target, descriptor);
    }
    Segments.enterCode(cpu, target, descriptor, cpu.cpl, offset);
  }

  private static void callInner(
      CpuState cpu,
      int selector,
      long descriptor,
      int privilege,
      long offset,
      int width,
      int parameters) {
    TargetStack stack =
        cpu.longMode()
            ? TargetStack.flat(cpu, privilege, 4 + 8 * privilege, false, 0)
            : TargetStack.inner(cpu, privilege, 0);
    stack.check(4 + parameters, width);
    checkOffset(cpu, descriptor, offset, 0);
    // Reading the parameters can fault: it comes before the first push.
    for (int parameter = 0; parameter < parameters; parameter++) {
      TargetStack.peek(cpu, (long) parameter * width, width);
    }
    descriptor = Descriptors.markAccessed(cpu, selector, descriptor);
    stack.push(width, cpu.selector[SS]);
    stack.push(width, cpu.gpr[RSP]);
    for (int parameter = parameters - 1; parameter >= 0; parameter--) {
      stack.push(width, TargetStack.peek(cpu, (long) parameter * width, width));
    }
    pushReturn(cpu, stack, width);
    stack.commit();
    Segments.enterCode(cpu, selector, descriptor, privilege, offset);
  }

  // RET.

  private static void returnFar(CpuState cpu, int width, int release) {
    long offset = TargetStack.peek(cpu, 0, width);
    int selector = (int) TargetStack.peek(cpu, width, 2);
    if (!cpu.protectedMode()) {
      checkRealOffset(cpu, offset);
      TargetStack.release(cpu, 2L * width + release);
      enterRealCode(cpu, selector, offset);
      return;
    }
    long descriptor = returnTarget(cpu, selector);
    if ((selector & 3) == cpu.cpl) {
      checkOffset(cpu, descriptor, offset, 0);
      descriptor = Descriptors.markAccessed(cpu, selector, descriptor);
      TargetStack.release(cpu, 2L * width + release);
      Segments.enterCode(cpu, selector, descriptor, cpu.cpl, offset);
    } else {
      long at = 2L * width + release;
      long pointer = TargetStack.peek(cpu, at, width);
      int stack = (int) TargetStack.peek(cpu, at + width, 2);
      returnOuter(cpu, selector, descriptor, offset, stack, pointer);
      TargetStack.release(cpu, release);
    }
  }

  /** Reads and checks the code segment that RET or IRET goes back to. */
  private static long returnTarget(CpuState cpu, int selector) {
    if (Descriptors.isNull(selector)) {
      throw cpu.gp(0);
    }
    long descriptor = Descriptors.read(cpu, selector, GuestFault.GP, 0);
    int attributes = Descriptors.attributes(descriptor);
    int rpl = selector & 3;
    int dpl = Descriptors.dpl(attributes);
    if (!Descriptors.isCode(attributes)
        || rpl < cpu.cpl
        || (Descriptors.isConforming(attributes) ? dpl > rpl : dpl != rpl)
        || badLong(cpu, attributes)) {
      throw cpu.gp(Descriptors.error(selector, 0));
    }
    if (!Descriptors.present(attributes)) {
      throw cpu.fault(GuestFault.NP, Descriptors.error(selector, 0));
    }
    return descriptor;
  }

  private static void returnOuter(
      CpuState cpu, int selector, long descriptor, long offset, int stack, long pointer) {
    int privilege = selector & 3;
    boolean toLong = Descriptors.isLong(cpu, Descriptors.attributes(descriptor));
    boolean nullStack = Descriptors.isNull(stack);
    if (nullStack && !(toLong && privilege < 3 && (stack & 3) == privilege)) {
      throw cpu.gp(0);
    }
    long stackDescriptor =
        nullStack
            ? 0
            : Segments.stackDescriptor(cpu, stack, privilege, GuestFault.GP, GuestFault.SS, 0);
    checkOffset(cpu, descriptor, offset, 0);
    descriptor = Descriptors.markAccessed(cpu, selector, descriptor);
    Segments.enterCode(cpu, selector, descriptor, privilege, offset);
    if (nullStack) {
      Segments.set(cpu, SS, stack, 0, 0, CpuState.ATTR_UNUSABLE | privilege << 5);
    } else {
      Segments.set(cpu, SS, stack, stackDescriptor);
    }
    // A return to a 16-bit stack leaves the upper half of ESP as it is, whatever the frame holds.
    TargetStack.setPointer(cpu, cpu.stackWidth(), pointer);
    Segments.dropInnerSegments(cpu);
  }

  // IRET.

  private static void returnFromRealInterrupt(CpuState cpu, int width) {
    long offset = TargetStack.peek(cpu, 0, width);
    int selector = (int) TargetStack.peek(cpu, width, 2);
    int flags = (int) TargetStack.peek(cpu, 2L * width, width);
    checkRealOffset(cpu, offset);
    TargetStack.release(cpu, 3L * width);
    enterRealCode(cpu, selector, offset);
    cpu.setRflags(flags, width == 2 ? SystemFlags.LOW : SystemFlags.LOW | RF | AC | ID);
  }

  private static void returnFromVirtual8086Interrupt(CpuState cpu, int width) {
    boolean extended = (cpu.cr4 & CpuState.CR4_VME) != 0 && width == 2;
    if (cpu.iopl() < 3 && !extended) {
      throw cpu.gp(0);
    }
    long offset = TargetStack.peek(cpu, 0, width);
    int selector = (int) TargetStack.peek(cpu, width, 2);
    int flags = (int) TargetStack.peek(cpu, 2L * width, width);
    if (cpu.iopl() < 3) {
      SystemFlags.checkVirtual(cpu, flags);
    }
    checkRealOffset(cpu, offset);
    TargetStack.release(cpu, 3L * width);
    enterRealCode(cpu, selector, offset);
    if (cpu.iopl() == 3) {
      int mask = SystemFlags.LOW & ~IOPL;
      cpu.setRflags(flags, width == 2 ? mask : mask | RF | AC | ID);
    } else {
      SystemFlags.setVirtual(cpu, flags);
    }
  }

  private static void returnFromInterrupt(CpuState cpu, int width) {
    if ((cpu.systemFlags & NT) != 0) {
      if (cpu.longMode()) {
        throw cpu.gp(0);
      }
      Tasks.returnToLinkedTask(cpu);
      return;
    }
    long offset = TargetStack.peek(cpu, 0, width);
    int selector = (int) TargetStack.peek(cpu, width, 2);
    int flags = (int) TargetStack.peek(cpu, 2L * width, width);
    if (width == 4 && (flags & VM) != 0 && cpu.cpl == 0 && !cpu.longMode()) {
      returnToVirtual8086(cpu, offset, selector, flags);
      return;
    }
    long descriptor = returnTarget(cpu, selector);
    int mask = flagsMask(cpu, width);
    // 64-bit code always has SS:RSP in its frame.
    if ((selector & 3) == cpu.cpl && !cpu.code64()) {
      checkOffset(cpu, descriptor, offset, 0);
      descriptor = Descriptors.markAccessed(cpu, selector, descriptor);
      TargetStack.release(cpu, 3L * width);
      Segments.enterCode(cpu, selector, descriptor, cpu.cpl, offset);
    } else {
      long pointer = TargetStack.peek(cpu, 3L * width, width);
      int stack = (int) TargetStack.peek(cpu, 4L * width, 2);
      returnOuter(cpu, selector, descriptor, offset, stack, pointer);
    }
    cpu.setRflags(flags, mask);
  }

  /** The flags that IRET may change at the privilege level that executes it. */
  private static int flagsMask(CpuState cpu, int width) {
    int mask = SystemFlags.LOW & ~IF & ~IOPL;
    if (width >= 4) {
      mask |= RF | AC | ID;
    }
    if (cpu.cpl <= cpu.iopl()) {
      mask |= IF;
    }
    if (cpu.cpl == 0) {
      mask |= IOPL;
      if (width >= 4) {
        mask |= VIF | VIP;
      }
    }
    return mask;
  }

  private static void returnToVirtual8086(CpuState cpu, long offset, int selector, int flags) {
    long pointer = TargetStack.peek(cpu, 12, 4);
    int stack = (int) TargetStack.peek(cpu, 16, 2);
    int es = (int) TargetStack.peek(cpu, 20, 2);
    int ds = (int) TargetStack.peek(cpu, 24, 2);
    int fs = (int) TargetStack.peek(cpu, 28, 2);
    int gs = (int) TargetStack.peek(cpu, 32, 2);
    if (offset > 0xFFFF) {
      throw cpu.gp(0);
    }
    cpu.setRflags(flags, SystemFlags.ALL);
    cpu.cpl = 3;
    Segments.setVirtual8086(cpu, CS, selector);
    Segments.setVirtual8086(cpu, SS, stack);
    Segments.setVirtual8086(cpu, ES, es);
    Segments.setVirtual8086(cpu, DS, ds);
    Segments.setVirtual8086(cpu, FS, fs);
    Segments.setVirtual8086(cpu, GS, gs);
    cpu.gpr[RSP] = pointer;
    cpu.rip = offset;
  }
}
