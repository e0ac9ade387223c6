package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.ATTR_DB;
import static io.satchel.vm.cpu.CpuState.ATTR_UNUSABLE;
import static io.satchel.vm.cpu.CpuState.RSP;
import static io.satchel.vm.cpu.CpuState.SS;
import static io.satchel.vm.cpu.CpuState.TR;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;

/**
 * The stack on which a call or an interrupt leaves its frame: the current one, or that of an inner
 * privilege level. Nothing of the processor changes before {@link #commit}, and nothing of memory
 * before the first {@link #push}: {@link #check} throws whatever the pushes would throw.
 */
final class TargetStack {

  private final CpuState cpu;
  private final int privilege;
  private final int selector;
  private final long base;
  private final long limit;
  private final int attributes;
  private final int pointerWidth;
  private final boolean flat;
  private final int errorCode;
  private final boolean switched;
  private long pointer;

  private TargetStack(
      CpuState cpu,
      int privilege,
      int selector,
      long base,
      long limit,
      int attributes,
      int pointerWidth,
      long pointer,
      boolean switched,
      int errorCode) {
    this.cpu = cpu;
    this.privilege = privilege;
    this.selector = selector;
    this.base = base;
    this.limit = limit;
    this.attributes = attributes;
    this.pointerWidth = pointerWidth;
    this.flat = pointerWidth == 8;
    this.pointer = pointer;
    this.switched = switched;
    this.errorCode = errorCode;
  }

  /** The current stack; without room it is #SS({@code ext}). */
  static TargetStack current(CpuState cpu, int ext) {
    return new TargetStack(
        cpu,
        cpu.cpl,
        cpu.selector[SS],
        cpu.base[SS],
        cpu.limit[SS],
        cpu.attributes[SS],
        cpu.stackWidth(),
        cpu.gpr[RSP],
        false,
        ext);
  }

  /**
   * The stack that the TSS holds for an inner level, with all checks of SS (SDM volume 2, INT n,
   * INTER-PRIVILEGE-LEVEL-INTERRUPT).
   *
   * @throws GuestFault #TS or #SS
   */
  static TargetStack inner(CpuState cpu, int privilege, int ext) {
    boolean wide = Tasks.isWide(cpu);
    int at = wide ? 8 * privilege + 4 : 4 * privilege + 2;
    if (at + (wide ? 6 : 4) - 1 > cpu.limit[TR] || (cpu.attributes[TR] & ATTR_UNUSABLE) != 0) {
      throw cpu.fault(GuestFault.TS, Descriptors.error(cpu.selector[TR], ext));
    }
    long pointer = Tasks.read(cpu, at, wide ? 4 : 2);
    int selector = (int) Tasks.read(cpu, at + (wide ? 4 : 2), 2);
    if (Descriptors.isNull(selector)) {
      throw cpu.fault(GuestFault.TS, ext);
    }
    long descriptor = Descriptors.read(cpu, selector, GuestFault.TS, ext);
    int attributes = Descriptors.attributes(descriptor);
    if ((selector & 3) != privilege
        || Descriptors.dpl(attributes) != privilege
        || !Descriptors.isWritableData(attributes)) {
      throw cpu.fault(GuestFault.TS, Descriptors.error(selector, ext));
    }
    if (!Descriptors.present(attributes)) {
      throw cpu.fault(GuestFault.SS, Descriptors.error(selector, ext));
    }
    descriptor = Descriptors.markAccessed(cpu, selector, descriptor);
    return new TargetStack(
        cpu,
        privilege,
        selector,
        Descriptors.base(descriptor),
        Descriptors.limit(descriptor),
        Descriptors.attributes(descriptor),
        (attributes & ATTR_DB) != 0 ? 4 : 2,
        pointer,
        true,
        Descriptors.error(selector, ext));
  }

  /**
   * The stack of a 64-bit call or interrupt.
   *
   * @param field offset in the 64-bit TSS of the stack pointer, or 0: the current pointer
   * @param aligned whether the processor aligns it to 16 bytes, as for interrupts
   * @param ext bit 0 of the error code
   */
  static TargetStack flat(CpuState cpu, int privilege, int field, boolean aligned, int ext) {
    long pointer = cpu.gpr[RSP];
    if (field != 0) {
      if (field + 7 > cpu.limit[TR]) {
        throw cpu.fault(GuestFault.TS, Descriptors.error(cpu.selector[TR], ext));
      }
      pointer = Tasks.read(cpu, field, 8);
      if (!Descriptors.isCanonical(pointer)) {
        throw cpu.fault(GuestFault.SS, ext);
      }
    }
    boolean changes = privilege != cpu.cpl;
    return new TargetStack(
        cpu,
        privilege,
        changes ? privilege : cpu.selector[SS],
        0,
        0,
        changes ? ATTR_UNUSABLE | privilege << 5 : cpu.attributes[SS],
        8,
        aligned ? pointer & -16 : pointer,
        changes,
        ext);
  }

  private long offset(long at) {
    return switch (pointerWidth) {
      case 2 -> at & 0xFFFF;
      case 4 -> at & 0xFFFF_FFFFL;
      default -> at;
    };
  }

  private long linear(long offset) {
    return flat ? offset : Descriptors.linear(cpu, base + offset);
  }

  /** Throws what {@code slots} pushes of {@code width} bytes would throw. */
  void check(int slots, int width) {
    for (int slot = 1; slot <= slots; slot++) {
      long offset = offset(pointer - (long) slot * width);
      if (flat
          ? !Descriptors.isCanonical(offset)
          : !Descriptors.within(limit, attributes, offset, width)) {
        throw cpu.fault(GuestFault.SS, errorCode);
      }
      if (privilege == 3) {
        cpu.mmu.checkWrite(linear(offset), width);
      } else {
        cpu.mmu.checkWriteSystem(linear(offset), width);
      }
    }
  }

  /** Pushes; {@link #check} was passed for it. */
  void push(int width, long value) {
    long offset = offset(pointer - width);
    if (privilege == 3) {
      cpu.mmu.write(linear(offset), width, value);
    } else {
      cpu.mmu.writeSystem(linear(offset), width, value);
    }
    // A 16-bit stack leaves the upper half of the pointer alone.
    pointer = pointerWidth == 2 ? pointer & ~0xFFFFL | offset : offset;
  }

  /** Makes it the processor's stack. */
  void commit() {
    if (switched) {
      Segments.set(cpu, SS, selector, base, limit, attributes);
    }
    cpu.gpr[RSP] = pointer;
  }

  /** Writes as much of the stack pointer as the stack's width says. */
  static void setPointer(CpuState cpu, int width, long value) {
    cpu.gpr[RSP] =
        switch (width) {
          case 2 -> cpu.gpr[RSP] & ~0xFFFFL | value & 0xFFFF;
          case 4 -> value & 0xFFFF_FFFFL;
          default -> value;
        };
  }

  /** Moves the current stack pointer up. */
  static void release(CpuState cpu, long bytes) {
    setPointer(cpu, cpu.stackWidth(), cpu.gpr[RSP] + bytes);
  }

  /** Reads the current stack {@code displacement} bytes above its top; moves nothing. */
  static long peek(CpuState cpu, long displacement, int width) {
    int pointerWidth = cpu.stackWidth();
    long offset = cpu.gpr[RSP] + displacement;
    if (pointerWidth == 8) {
      if (!Descriptors.isCanonical(offset)) {
        throw cpu.fault(GuestFault.SS, 0);
      }
      return cpu.mmu.read(offset, width);
    }
    offset &= pointerWidth == 4 ? 0xFFFF_FFFFL : 0xFFFF;
    if (!Descriptors.within(cpu.limit[SS], cpu.attributes[SS], offset, width)) {
      throw cpu.fault(GuestFault.SS, 0);
    }
    return cpu.mmu.read(Descriptors.linear(cpu, cpu.base[SS] + offset), width);
  }
}
