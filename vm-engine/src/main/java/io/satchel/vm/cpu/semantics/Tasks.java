package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.CS;
import static io.satchel.vm.cpu.CpuState.DS;
import static io.satchel.vm.cpu.CpuState.ES;
import static io.satchel.vm.cpu.CpuState.FS;
import static io.satchel.vm.cpu.CpuState.GS;
import static io.satchel.vm.cpu.CpuState.LDTR;
import static io.satchel.vm.cpu.CpuState.NT;
import static io.satchel.vm.cpu.CpuState.SS;
import static io.satchel.vm.cpu.CpuState.TR;
import static io.satchel.vm.cpu.CpuState.VM;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;

/** Task-state segments and hardware task switches (SDM volume 3, chapter 7). */
public final class Tasks {

  /** How a switch came about, which decides on busy bits, NT and the back link. */
  enum Cause {
    /** JMP. */
    JUMP,
    /** CALL, an interrupt or an exception: the new task can return. */
    NEST,
    /** IRET with NT set. */
    RETURN
  }

  /** In the type of a TSS descriptor. */
  static final int BUSY = 1 << 1;

  /** In the type: the 32-bit format. */
  private static final int WIDE = 1 << 3;

  // 32-bit TSS (SDM volume 3, figure 7-2). The 64-bit TSS has its I/O map base at the same place.
  private static final int LINK = 0;
  private static final int CR3 = 0x1C;
  private static final int EIP = 0x20;
  private static final int EFLAGS = 0x24;
  private static final int EAX = 0x28;
  private static final int SEGMENTS = 0x48;
  private static final int LDT = 0x60;
  private static final int TRAP = 0x64;
  static final int IO_MAP_BASE = 0x66;
  static final int SIZE32 = 0x68;

  // 16-bit TSS (figure 7-10).
  private static final int IP16 = 0x0E;
  private static final int FLAGS16 = 0x10;
  private static final int AX16 = 0x12;
  private static final int SEGMENTS16 = 0x22;
  private static final int LDT16 = 0x2A;
  private static final int SIZE16 = 0x2C;

  /** DR7's local enables L0 to L3 and LE, which a switch clears. */
  private static final long DR7_LOCAL = 0x155;

  private static final int DR6_BT = 1 << 15;

  private Tasks() {}

  /** Whether the current TSS has the 32-bit format. */
  static boolean isWide(CpuState cpu) {
    return (cpu.attributes[TR] & WIDE) != 0;
  }

  /** Reads the current TSS. */
  static long read(CpuState cpu, int at, int width) {
    return cpu.mmu.readSystem(Descriptors.linear(cpu, cpu.base[TR] + at), width);
  }

  /**
   * Whether INT {@code vector} of virtual-8086 code stays in it: its bit in the software interrupt
   * redirection bitmap is clear (SDM volume 3, section 20.3.3).
   */
  static boolean redirects(CpuState cpu, int vector) {
    if (!isWide(cpu) || cpu.limit[TR] < SIZE32 - 1) {
      throw cpu.gp(0);
    }
    long at = read(cpu, IO_MAP_BASE, 2) - 32 + (vector >>> 3);
    if (at < 0 || at > cpu.limit[TR]) {
      throw cpu.gp(0);
    }
    return (read(cpu, (int) at, 1) >>> (vector & 7) & 1) == 0;
  }

  /**
   * A task switch by JMP, CALL, INT n or IRET. Faults that the new task's segments raise belong to
   * the new task and are delivered in it, before its first instruction.
   *
   * @param descriptor the new TSS's descriptor; its type and presence were checked
   * @throws GuestFault before anything changed
   */
  static void switchTo(CpuState cpu, int selector, long descriptor, Cause cause) {
    boolean trap = exchange(cpu, selector, descriptor, cause, 0, 0);
    try {
      loadContext(cpu, 0);
    } catch (GuestFault fault) {
      Interrupts.exception(cpu, fault);
      return;
    }
    if (trap) {
      Interrupts.debug(cpu, DR6_BT);
    }
  }

  /**
   * A task switch by the delivery of an exception or an interrupt.
   *
   * @param resume RF to set in the flags of the task that is left, or 0
   * @throws GuestFault before anything changed, or, when loading the new task's segments faults, in
   *     the new task
   */
  static void switchToHandler(CpuState cpu, int selector, long descriptor, int ext, int resume) {
    // A handler's T bit is not looked at: the event is still being delivered.
    exchange(cpu, selector, descriptor, Cause.NEST, ext, resume);
    loadContext(cpu, ext);
  }

  /** IRET with NT set: returns to the task that the back link names. */
  static void returnToLinkedTask(CpuState cpu) {
    int selector = (int) read(cpu, LINK, 2);
    if ((selector & 4) != 0 || !Descriptors.inTable(cpu, selector, 8)) {
      throw cpu.fault(GuestFault.TS, Descriptors.error(selector, 0));
    }
    long descriptor = Descriptors.read(cpu, selector, GuestFault.TS, 0);
    int attributes = Descriptors.attributes(descriptor);
    int type = Descriptors.type(attributes);
    if (!Descriptors.isSystem(attributes)
        || type != Descriptors.TSS16_BUSY && type != Descriptors.TSS32_BUSY) {
      throw cpu.fault(GuestFault.TS, Descriptors.error(selector, 0));
    }
    if (!Descriptors.present(attributes)) {
      throw cpu.fault(GuestFault.NP, Descriptors.error(selector, 0));
    }
    switchTo(cpu, selector, descriptor, Cause.RETURN);
  }

  /** Reads the descriptor of a TSS that a task gate names, with the checks of #GP and #NP. */
  static long throughGate(CpuState cpu, int selector, int ext) {
    if ((selector & 4) != 0) {
      throw cpu.gp(Descriptors.error(selector, ext));
    }
    long descriptor = Descriptors.read(cpu, selector, GuestFault.GP, ext);
    checkAvailable(cpu, selector, descriptor, ext);
    return descriptor;
  }

  /** #GP unless it is an available TSS, #NP unless it is present. */
  static void checkAvailable(CpuState cpu, int selector, long descriptor, int ext) {
    int attributes = Descriptors.attributes(descriptor);
    int type = Descriptors.type(attributes);
    if (!Descriptors.isSystem(attributes)
        || type != Descriptors.TSS16_AVAILABLE && type != Descriptors.TSS32_AVAILABLE) {
      throw cpu.gp(Descriptors.error(selector, ext));
    }
    if (!Descriptors.present(attributes)) {
      throw cpu.fault(GuestFault.NP, Descriptors.error(selector, ext));
    }
  }

  /**
   * Saves the old task and takes over the new one's registers; its segment registers hold their
   * selectors and are unusable until {@link #loadContext}.
   *
   * @return whether the new TSS has its T bit set
   * @throws GuestFault before anything changed
   */
  private static boolean exchange(
      CpuState cpu, int selector, long descriptor, Cause cause, int ext, int resume) {
    int attributes = Descriptors.attributes(descriptor);
    boolean wide = (attributes & WIDE) != 0;
    long base = Descriptors.base(descriptor);
    long limit = Descriptors.limit(descriptor);
    int size = wide ? SIZE32 : SIZE16;
    if (limit < size - 1) {
      throw cpu.fault(GuestFault.TS, Descriptors.error(selector, ext));
    }
    boolean oldWide = isWide(cpu);
    long oldBase = cpu.base[TR];
    int oldSelector = cpu.selector[TR];

    // Everything that memory could refuse is asked for first.
    int oldLast = (oldWide ? SIZE32 : SIZE16) - 1;
    cpu.mmu.checkWriteSystem(at(oldBase, 0), 1);
    cpu.mmu.checkWriteSystem(at(oldBase, oldLast), 1);
    cpu.mmu.readSystem(at(base, 0), 1);
    cpu.mmu.readSystem(at(base, size - 1), 1);
    if (cause != Cause.NEST) {
      cpu.mmu.checkWriteSystem(Descriptors.address(cpu, oldSelector) + 5, 1);
    } else {
      cpu.mmu.checkWriteSystem(at(base, LINK), 2);
    }
    if (cause != Cause.RETURN) {
      cpu.mmu.checkWriteSystem(Descriptors.address(cpu, selector) + 5, 1);
    }

    if (cause != Cause.NEST) {
      Descriptors.writeTypeByte(cpu, oldSelector, cpu.attributes[TR] & ~BUSY);
    }
    save(cpu, oldBase, oldWide, cpu.rflags() & (cause == Cause.RETURN ? ~NT : ~0) | resume);
    if (cause != Cause.RETURN) {
      Descriptors.writeTypeByte(cpu, selector, attributes | BUSY);
    }
    if (cause == Cause.NEST) {
      cpu.mmu.writeSystem(at(base, LINK), 2, oldSelector);
    }

    long newCr3 = wide ? cpu.mmu.readSystem(at(base, CR3), 4) : 0;
    boolean trap = wide && (cpu.mmu.readSystem(at(base, TRAP), 2) & 1) != 0;
    restore(cpu, base, wide, cause == Cause.NEST ? NT : 0);
    Segments.set(cpu, TR, selector, base, limit, attributes | BUSY);
    cpu.cr0 |= CpuState.CR0_TS;
    cpu.dr[7] &= ~DR7_LOCAL;
    if (wide && (cpu.cr0 & CpuState.CR0_PG) != 0) {
      SystemRegisters.loadCr3(cpu, newCr3);
    }
    return trap;
  }

  /** A TSS's field; task switches happen with 32-bit linear addresses only. */
  private static long at(long base, int field) {
    return base + field & 0xFFFF_FFFFL;
  }

  private static void save(CpuState cpu, long base, boolean wide, int flags) {
    int width = wide ? 4 : 2;
    cpu.mmu.writeSystem(at(base, wide ? EIP : IP16), width, cpu.rip);
    cpu.mmu.writeSystem(at(base, wide ? EFLAGS : FLAGS16), width, flags);
    for (int register = 0; register < 8; register++) {
      cpu.mmu.writeSystem(
          at(base, (wide ? EAX : AX16) + register * width), width, cpu.gpr[register]);
    }
    for (int segment = ES; segment <= (wide ? GS : DS); segment++) {
      cpu.mmu.writeSystem(
          at(base, (wide ? SEGMENTS : SEGMENTS16) + segment * width), 2, cpu.selector[segment]);
    }
  }

  private static void restore(CpuState cpu, long base, boolean wide, int moreFlags) {
    int width = wide ? 4 : 2;
    cpu.rip = cpu.mmu.readSystem(at(base, wide ? EIP : IP16), width);
    int flags = (int) cpu.mmu.readSystem(at(base, wide ? EFLAGS : FLAGS16), width);
    cpu.setRflags(flags | moreFlags, SystemFlags.ALL);
    // The manual does not say what a 16-bit TSS leaves in the upper halves: processors set them.
    long upper = wide ? 0 : 0xFFFF_0000L;
    for (int register = 0; register < 8; register++) {
      cpu.gpr[register] =
          upper | cpu.mmu.readSystem(at(base, (wide ? EAX : AX16) + register * width), width);
    }
    for (int segment = ES; segment <= GS; segment++) {
      int selector =
          segment <= DS || wide
              ? (int)
                  cpu.mmu.readSystem(at(base, (wide ? SEGMENTS : SEGMENTS16) + segment * width), 2)
              : 0;
      Segments.setNull(cpu, segment, selector);
    }
    Segments.setNull(cpu, LDTR, (int) cpu.mmu.readSystem(at(base, wide ? LDT : LDT16), 2));
    cpu.cpl = (cpu.systemFlags & VM) != 0 ? 3 : cpu.selector[CS] & 3;
    cpu.interruptShadow = false;
  }

  /** Loads the descriptors of a new task's segments (SDM volume 3, table 7-1). */
  private static void loadContext(CpuState cpu, int ext) {
    Segments.loadLdtr(cpu, cpu.selector[LDTR], GuestFault.TS, GuestFault.TS, ext);
    if (cpu.virtual8086()) {
      for (int segment = ES; segment <= GS; segment++) {
        Segments.setVirtual8086(cpu, segment, cpu.selector[segment]);
      }
    } else {
      Segments.set(cpu, CS, cpu.selector[CS], codeDescriptor(cpu, cpu.selector[CS], ext));
      int stack = cpu.selector[SS];
      if (Descriptors.isNull(stack)) {
        throw cpu.fault(GuestFault.TS, Descriptors.error(stack, ext));
      }
      Segments.set(
          cpu,
          SS,
          stack,
          Segments.stackDescriptor(cpu, stack, cpu.cpl, GuestFault.TS, GuestFault.SS, ext));
      loadData(cpu, ES, ext);
      loadData(cpu, DS, ext);
      loadData(cpu, FS, ext);
      loadData(cpu, GS, ext);
    }
    if (cpu.rip > cpu.limit[CS]) {
      throw cpu.gp(ext);
    }
  }

  private static void loadData(CpuState cpu, int segment, int ext) {
    int selector = cpu.selector[segment];
    if (!Descriptors.isNull(selector)) {
      Segments.set(
          cpu, segment, selector, Segments.dataDescriptor(cpu, selector, GuestFault.TS, ext));
    }
  }

  private static long codeDescriptor(CpuState cpu, int selector, int ext) {
    if (Descriptors.isNull(selector)) {
      throw cpu.fault(GuestFault.TS, Descriptors.error(selector, ext));
    }
    long descriptor = Descriptors.read(cpu, selector, GuestFault.TS, ext);
    int attributes = Descriptors.attributes(descriptor);
    int dpl = Descriptors.dpl(attributes);
    if (!Descriptors.isCode(attributes)
        || (Descriptors.isConforming(attributes) ? dpl > cpu.cpl : dpl != cpu.cpl)) {
      throw cpu.fault(GuestFault.TS, Descriptors.error(selector, ext));
    }
    if (!Descriptors.present(attributes)) {
      throw cpu.fault(GuestFault.NP, Descriptors.error(selector, ext));
    }
    return Descriptors.markAccessed(cpu, selector, descriptor);
  }
}
