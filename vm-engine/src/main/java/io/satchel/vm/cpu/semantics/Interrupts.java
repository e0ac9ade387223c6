package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.AC;
import static io.satchel.vm.cpu.CpuState.ATTR_DB;
import static io.satchel.vm.cpu.CpuState.ATTR_L;
import static io.satchel.vm.cpu.CpuState.CR4_VME;
import static io.satchel.vm.cpu.CpuState.CS;
import static io.satchel.vm.cpu.CpuState.DS;
import static io.satchel.vm.cpu.CpuState.ES;
import static io.satchel.vm.cpu.CpuState.FS;
import static io.satchel.vm.cpu.CpuState.GS;
import static io.satchel.vm.cpu.CpuState.IF;
import static io.satchel.vm.cpu.CpuState.NT;
import static io.satchel.vm.cpu.CpuState.OF;
import static io.satchel.vm.cpu.CpuState.RF;
import static io.satchel.vm.cpu.CpuState.RSP;
import static io.satchel.vm.cpu.CpuState.SS;
import static io.satchel.vm.cpu.CpuState.TF;
import static io.satchel.vm.cpu.CpuState.VIF;
import static io.satchel.vm.cpu.CpuState.VM;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;
import io.satchel.vm.cpu.decode.Instruction;

/**
 * Delivery of interrupts and exceptions (SDM volume 3, chapter 6; volume 2, INT n).
 *
 * <p>Engines call {@link #exception} with {@code rip} at the instruction that faulted, and the
 * others between instructions. A delivery that faults has changed nothing, so that the fault can be
 * delivered in its turn.
 */
public final class Interrupts {

  private static final int IDT = 2;
  private static final int NONE = -1;
  private static final int DR6_BREAKPOINTS = 0xF;
  private static final long DR7_GD = 1 << 13;

  /** Offset of IST1 in the 64-bit TSS, less one entry. */
  private static final int IST = 0x24 - 8;

  private Interrupts() {}

  /**
   * Delivers a fault that an instruction raised, and what its delivery raises: a double fault where
   * the manual says so, a shutdown when that fails too.
   */
  public static void exception(CpuState cpu, GuestFault fault) {
    deliverException(cpu, fault.vector(), fault.hasErrorCode() ? fault.errorCode() : NONE, RF);
  }

  private static void deliverException(CpuState cpu, int vector, int errorCode, int resume) {
    while (true) {
      try {
        deliver(cpu, vector, false, 1, errorCode, resume);
        return;
      } catch (GuestFault second) {
        if (vector == GuestFault.DF) {
          cpu.shutdown = true;
          cpu.shutdownRip = cpu.rip;
          cpu.shutdownCs = cpu.selector[CS];
          return;
        }
        boolean doubled = doubles(vector, second.vector());
        vector = doubled ? GuestFault.DF : second.vector();
        errorCode = doubled ? 0 : second.hasErrorCode() ? second.errorCode() : NONE;
        resume = RF;
      }
    }
  }

  /** Whether a second exception while the first is delivered is a double fault (table 6-5). */
  private static boolean doubles(int first, int second) {
    return contributory(second) && (contributory(first) || first == GuestFault.PF)
        || first == GuestFault.PF && second == GuestFault.PF;
  }

  private static boolean contributory(int vector) {
    return vector == GuestFault.DE || vector >= GuestFault.TS && vector <= GuestFault.GP;
  }

  /** Delivers an interrupt whose vector the interrupt controller gave. */
  public static void external(CpuState cpu, int vector) {
    try {
      deliver(cpu, vector, false, 1, NONE, 0);
    } catch (GuestFault fault) {
      deliverException(cpu, fault.vector(), fault.hasErrorCode() ? fault.errorCode() : NONE, RF);
    }
  }

  /** Delivers a non-maskable interrupt; further ones wait for an IRET. */
  public static void nmi(CpuState cpu) {
    cpu.clearNmi();
    cpu.nmiBlocked = true;
    external(cpu, GuestFault.NMI);
  }

  /**
   * Delivers a debug exception that is no fault of an instruction: single step, a breakpoint, a
   * task switch.
   *
   * @param dr6Bits B0 to B3, BS and BT as they apply
   */
  public static void debug(CpuState cpu, int dr6Bits) {
    cpu.dr[6] = cpu.dr[6] & ~DR6_BREAKPOINTS | dr6Bits;
    deliverException(cpu, GuestFault.DB, NONE, 0);
  }

  /**
   * Delivers the debug exception of breakpoints on the instruction at {@code rip}: a fault, so that
   * RF in the pushed flags lets the instruction run when the handler returns.
   *
   * @param hits B0 to B3
   */
  public static void instructionBreakpoint(CpuState cpu, int hits) {
    cpu.dr[6] = cpu.dr[6] & ~DR6_BREAKPOINTS | hits;
    deliverException(cpu, GuestFault.DB, NONE, RF);
  }

  // Instructions.

  /** INT Ib. */
  public static void intImmediate(CpuState cpu, Instruction i) {
    int vector = (int) i.immediate & 0xFF;
    if (cpu.virtual8086()) {
      if ((cpu.cr4 & CR4_VME) != 0 && Tasks.redirects(cpu, vector)) {
        redirect(cpu, vector);
        return;
      }
      if (cpu.iopl() < 3) {
        throw cpu.gp(0);
      }
    }
    software(cpu, vector);
  }

  /** INT3. */
  public static void int3(CpuState cpu, Instruction i) {
    software(cpu, GuestFault.BP);
  }

  /** INTO. */
  public static void into(CpuState cpu, Instruction i) {
    if ((cpu.arithmeticFlags() & OF) != 0) {
      software(cpu, GuestFault.OF);
    }
  }

  /**
   * INT1: a debug exception that no privilege stops. A breakpoint that MOV SS before it has held
   * off is reported with it, not once more behind it.
   */
  public static void int1(CpuState cpu, Instruction i) {
    if (cpu.debugHits != 0) {
      cpu.dr[6] = cpu.dr[6] & ~DR6_BREAKPOINTS | cpu.debugHits;
      cpu.debugHits = 0;
    }
    deliverException(cpu, GuestFault.DB, NONE, 0);
  }

  /** BOUND Gv,Ma. */
  public static void bound(CpuState cpu, Instruction i) {
    int width = i.operandSize;
    int shift = 64 - 8 * width;
    long index = Operands.register(cpu, i, i.reg, width) << shift >> shift;
    long lower = Operands.load(cpu, i, 0, width) << shift >> shift;
    long upper = Operands.load(cpu, i, width, width) << shift >> shift;
    if (index < lower || index > upper) {
      throw cpu.fault(GuestFault.BR, 0);
    }
  }

  private static void software(CpuState cpu, int vector) {
    deliver(cpu, vector, true, 0, NONE, 0);
  }

  // Delivery.

  /**
   * @param software by an instruction: the gate's DPL is checked
   * @param ext bit 0 of error codes that the delivery raises
   * @param errorCode to push, or {@link #NONE}
   * @param resume RF to set in the pushed flags, or 0
   */
  private static void deliver(
      CpuState cpu, int vector, boolean software, int ext, int errorCode, int resume) {
    if (cpu.realMode()) {
      throughVectorTable(cpu, vector, ext);
    } else if (cpu.longMode()) {
      throughLongGate(cpu, vector, software, ext, errorCode, resume);
    } else {
      throughGate(cpu, vector, software, ext, errorCode, resume);
    }
    if (vector == GuestFault.DB) {
      cpu.dr[7] &= ~DR7_GD;
    }
    cpu.halted = false;
    cpu.interruptShadow = false;
  }

  /** Real-address mode (SDM volume 3, section 20.1.4). */
  private static void throughVectorTable(CpuState cpu, int vector, int ext) {
    if (4 * vector + 3 > cpu.idtrLimit) {
      throw cpu.gp(IDT | vector << 3 | ext);
    }
    long entry = cpu.mmu.readSystem(Descriptors.linear(cpu, cpu.idtrBase + 4L * vector), 4);
    TargetStack stack = TargetStack.current(cpu, ext);
    stack.check(3, 2);
    stack.push(2, cpu.rflags());
    stack.push(2, cpu.selector[CS]);
    stack.push(2, cpu.rip);
    stack.commit();
    cpu.setRflags(0, IF | TF | AC | RF);
    Segments.setReal(cpu, CS, (int) (entry >>> 16));
    cpu.rip = entry & 0xFFFF;
  }

  /** INT n of virtual-8086 code through the program's own vector table, under VME. */
  private static void redirect(CpuState cpu, int vector) {
    boolean virtual = cpu.iopl() < 3;
    long entry = cpu.mmu.read(4L * vector, 4);
    TargetStack stack = TargetStack.current(cpu, 0);
    stack.check(3, 2);
    stack.push(2, virtual ? SystemFlags.virtualImage(cpu) : cpu.rflags());
    stack.push(2, cpu.selector[CS]);
    stack.push(2, cpu.rip);
    stack.commit();
    cpu.setRflags(0, TF | (virtual ? VIF : IF));
    Segments.setVirtual8086(cpu, CS, (int) (entry >>> 16));
    cpu.rip = entry & 0xFFFF;
  }

  private static void throughGate(
      CpuState cpu, int vector, boolean software, int ext, int errorCode, int resume) {
    int gateError = IDT | vector << 3 | ext;
    if (8 * vector + 7 > cpu.idtrLimit) {
      throw cpu.gp(gateError);
    }
    long gate = cpu.mmu.readSystem(Descriptors.linear(cpu, cpu.idtrBase + 8L * vector), 8);
    int gateAttributes = Descriptors.attributes(gate);
    int type = Descriptors.type(gateAttributes);
    boolean known =
        Descriptors.isSystem(gateAttributes)
            && switch (type) {
              case Descriptors.TASK_GATE,
                  Descriptors.INTERRUPT_GATE16,
                  Descriptors.TRAP_GATE16,
                  Descriptors.INTERRUPT_GATE32,
                  Descriptors.TRAP_GATE32 ->
                  true;
              default -> false;
            };
    if (!known || software && Descriptors.dpl(gateAttributes) < cpu.cpl) {
      throw cpu.gp(gateError);
    }
    if (!Descriptors.present(gateAttributes)) {
      throw cpu.fault(GuestFault.NP, gateError);
    }
    int selector = Descriptors.gateSelector(gate);
    if (type == Descriptors.TASK_GATE) {
      throughTaskGate(cpu, selector, software, ext, errorCode, resume);
      return;
    }
    long descriptor = handler(cpu, selector, ext);
    int attributes = Descriptors.attributes(descriptor);
    int dpl = Descriptors.dpl(attributes);
    boolean inner = !Descriptors.isConforming(attributes) && dpl < cpu.cpl;
    boolean virtual = cpu.virtual8086();
    if (virtual && (!inner || dpl != 0)) {
      throw cpu.gp(Descriptors.error(selector, ext));
    }
    boolean wide = type >= Descriptors.INTERRUPT_GATE32;
    int width = wide ? 4 : 2;
    TargetStack stack = inner ? TargetStack.inner(cpu, dpl, ext) : TargetStack.current(cpu, ext);
    stack.check((virtual ? 9 : inner ? 5 : 3) + (errorCode != NONE ? 1 : 0), width);
    long offset = Descriptors.gateOffset(gate, wide);
    FarTransfers.checkOffset(cpu, descriptor, offset, ext);
    descriptor = Descriptors.markAccessed(cpu, selector, descriptor);
    if (virtual) {
      stack.push(width, cpu.selector[GS]);
      stack.push(width, cpu.selector[FS]);
      stack.push(width, cpu.selector[DS]);
      stack.push(width, cpu.selector[ES]);
    }
    if (inner) {
      stack.push(width, cpu.selector[SS]);
      stack.push(width, cpu.gpr[RSP]);
    }
    stack.push(width, cpu.rflags() | resume);
    stack.push(width, cpu.selector[CS]);
    stack.push(width, cpu.rip);
    if (errorCode != NONE) {
      stack.push(width, errorCode);
    }
    clearFlags(cpu, type);
    stack.commit();
    if (virtual) {
      Segments.setNull(cpu, GS, 0);
      Segments.setNull(cpu, FS, 0);
      Segments.setNull(cpu, DS, 0);
      Segments.setNull(cpu, ES, 0);
    }
    Segments.enterCode(cpu, selector, descriptor, inner ? dpl : cpu.cpl, offset);
  }

  /** An interrupt gate, whose types are even, clears IF; a trap gate does not. */
  private static void clearFlags(CpuState cpu, int type) {
    cpu.setRflags(0, TF | NT | RF | VM | ((type & 1) == 0 ? IF : 0));
  }

  /** Reads and checks the code segment of a handler. */
  private static long handler(CpuState cpu, int selector, int ext) {
    if (Descriptors.isNull(selector)) {
      throw cpu.gp(ext);
    }
    long descriptor = Descriptors.read(cpu, selector, GuestFault.GP, ext);
    int attributes = Descriptors.attributes(descriptor);
    if (!Descriptors.isCode(attributes)
        || Descriptors.dpl(attributes) > cpu.cpl
        || cpu.longMode() && (attributes & (ATTR_L | ATTR_DB)) != ATTR_L) {
      throw cpu.gp(Descriptors.error(selector, ext));
    }
    if (!Descriptors.present(attributes)) {
      throw cpu.fault(GuestFault.NP, Descriptors.error(selector, ext));
    }
    return descriptor;
  }

  private static void throughTaskGate(
      CpuState cpu, int selector, boolean software, int ext, int errorCode, int resume) {
    long descriptor = Tasks.throughGate(cpu, selector, ext);
    if (software) {
      Tasks.switchTo(cpu, selector, descriptor, Tasks.Cause.NEST);
      return;
    }
    Tasks.switchToHandler(cpu, selector, descriptor, ext, resume);
    if (errorCode != NONE) {
      int width = Tasks.isWide(cpu) ? 4 : 2;
      TargetStack stack = TargetStack.current(cpu, ext);
      stack.check(1, width);
      stack.push(width, errorCode);
      stack.commit();
    }
  }

  /** IA-32e mode (SDM volume 3, section 6.14). */
  private static void throughLongGate(
      CpuState cpu, int vector, boolean software, int ext, int errorCode, int resume) {
    int gateError = IDT | vector << 3 | ext;
    if (16 * vector + 15 > cpu.idtrLimit) {
      throw cpu.gp(gateError);
    }
    long gate = cpu.mmu.readSystem(cpu.idtrBase + 16L * vector, 8);
    int gateAttributes = Descriptors.attributes(gate);
    int type = Descriptors.type(gateAttributes);
    if (!Descriptors.isSystem(gateAttributes)
        || type < Descriptors.INTERRUPT_GATE32
        || software && Descriptors.dpl(gateAttributes) < cpu.cpl) {
      throw cpu.gp(gateError);
    }
    if (!Descriptors.present(gateAttributes)) {
      throw cpu.fault(GuestFault.NP, gateError);
    }
    long offset =
        Descriptors.gateOffset(gate, true)
            | cpu.mmu.readSystem(cpu.idtrBase + 16L * vector + 8, 4) << 32;
    int selector = Descriptors.gateSelector(gate);
    long descriptor = handler(cpu, selector, ext);
    int attributes = Descriptors.attributes(descriptor);
    int dpl = Descriptors.dpl(attributes);
    int privilege = Descriptors.isConforming(attributes) ? cpu.cpl : dpl;
    int ist = (int) (gate >>> 32) & 7;
    int field = ist != 0 ? IST + 8 * ist : privilege < cpu.cpl ? 4 + 8 * privilege : 0;
    TargetStack stack = TargetStack.flat(cpu, privilege, field, true, ext);
    stack.check(errorCode != NONE ? 6 : 5, 8);
    FarTransfers.checkOffset(cpu, descriptor, offset, ext);
    descriptor = Descriptors.markAccessed(cpu, selector, descriptor);
    stack.push(8, cpu.selector[SS]);
    stack.push(8, cpu.gpr[RSP]);
    stack.push(8, cpu.rflags() | resume);
    stack.push(8, cpu.selector[CS]);
    stack.push(8, cpu.rip);
    if (errorCode != NONE) {
      stack.push(8, errorCode);
    }
    clearFlags(cpu, type);
    stack.commit();
    Segments.enterCode(cpu, selector, descriptor, privilege, offset);
  }
}
