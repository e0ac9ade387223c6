package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.ATTR_DB;
import static io.satchel.vm.cpu.CpuState.ATTR_G;
import static io.satchel.vm.cpu.CpuState.ATTR_P;
import static io.satchel.vm.cpu.CpuState.ATTR_S;
import static io.satchel.vm.cpu.CpuState.ATTR_UNUSABLE;
import static io.satchel.vm.cpu.CpuState.CS;
import static io.satchel.vm.cpu.CpuState.DS;
import static io.satchel.vm.cpu.CpuState.ES;
import static io.satchel.vm.cpu.CpuState.FS;
import static io.satchel.vm.cpu.CpuState.GS;
import static io.satchel.vm.cpu.CpuState.LDTR;
import static io.satchel.vm.cpu.CpuState.SS;
import static io.satchel.vm.cpu.CpuState.TR;
import static io.satchel.vm.cpu.CpuState.ZF;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;
import io.satchel.vm.cpu.decode.Effect;
import io.satchel.vm.cpu.decode.Instruction;

/**
 * Loading and storing segment registers, LDTR and TR, and the instructions that ask about a
 * selector (SDM volume 3, chapters 3 and 5).
 */
public final class Segments {

  /** Read/write data, accessed, present, DPL 0: what a load in real-address mode leaves. */
  private static final int REAL_MODE = 0x3 | ATTR_S | ATTR_P;

  private static final int VIRTUAL_8086 = REAL_MODE | 3 << 5;

  private static final int[] DATA_SEGMENTS = {ES, DS, FS, GS};

  private Segments() {}

  static void set(CpuState cpu, int segment, int selector, long base, long limit, int attributes) {
    cpu.selector[segment] = selector & 0xFFFF;
    cpu.base[segment] = base;
    cpu.limit[segment] = limit;
    cpu.attributes[segment] = attributes;
  }

  static void set(CpuState cpu, int segment, int selector, long descriptor) {
    set(
        cpu,
        segment,
        selector,
        Descriptors.base(descriptor),
        Descriptors.limit(descriptor),
        Descriptors.attributes(descriptor));
  }

  /** The register holds a null selector: any access through it faults. */
  static void setNull(CpuState cpu, int segment, int selector) {
    set(cpu, segment, selector, 0, 0, ATTR_UNUSABLE);
  }

  /**
   * Loads a segment register in real-address mode. Limit and default size stay as they were, which
   * is how programs get at 4 GiB from real mode.
   */
  static void setReal(CpuState cpu, int segment, int selector) {
    int old = cpu.attributes[segment];
    cpu.selector[segment] = selector & 0xFFFF;
    cpu.base[segment] = (long) (selector & 0xFFFF) << 4;
    if ((old & ATTR_UNUSABLE) != 0) {
      cpu.limit[segment] = 0xFFFF;
      cpu.attributes[segment] = REAL_MODE;
    } else {
      cpu.attributes[segment] = REAL_MODE | old & (ATTR_G | ATTR_DB);
    }
  }

  /** Loads a segment register in virtual-8086 mode, or on the way into it. */
  static void setVirtual8086(CpuState cpu, int segment, int selector) {
    set(cpu, segment, selector, (long) (selector & 0xFFFF) << 4, 0xFFFF, VIRTUAL_8086);
  }

  /**
   * Makes a checked code segment the current one.
   *
   * @param privilege the new CPL, which becomes the selector's RPL
   */
  static void enterCode(CpuState cpu, int selector, long descriptor, int privilege, long offset) {
    set(cpu, CS, selector & ~3 | privilege, descriptor);
    cpu.cpl = privilege;
    cpu.rip = offset;
  }

  /**
   * Loads ES, SS, DS, FS or GS as the mode demands.
   *
   * @throws GuestFault #GP, #NP or #SS with the selector; the register is then unchanged
   */
  public static void load(CpuState cpu, int segment, int selector) {
    selector &= 0xFFFF;
    if (cpu.realMode()) {
      setReal(cpu, segment, selector);
    } else if (cpu.virtual8086()) {
      setVirtual8086(cpu, segment, selector);
    } else if (segment == SS) {
      loadStack(cpu, selector);
    } else {
      loadData(cpu, segment, selector);
    }
  }

  private static void loadStack(CpuState cpu, int selector) {
    if (Descriptors.isNull(selector)) {
      if (cpu.code64() && cpu.cpl < 3 && (selector & 3) == cpu.cpl) {
        set(cpu, SS, selector, 0, 0, ATTR_UNUSABLE | cpu.cpl << 5);
        return;
      }
      throw cpu.gp(0);
    }
    long descriptor = stackDescriptor(cpu, selector, cpu.cpl, GuestFault.GP, GuestFault.SS, 0);
    set(cpu, SS, selector, descriptor);
  }

  /**
   * Reads and checks a descriptor for SS at a privilege level; marks it accessed.
   *
   * @param bad the vector for a descriptor that is no stack of that level
   * @param absent the vector for one that is not present
   */
  static long stackDescriptor(
      CpuState cpu, int selector, int privilege, int bad, int absent, int ext) {
    long descriptor = Descriptors.read(cpu, selector, bad, ext);
    int attributes = Descriptors.attributes(descriptor);
    if ((selector & 3) != privilege
        || !Descriptors.isWritableData(attributes)
        || Descriptors.dpl(attributes) != privilege) {
      throw cpu.fault(bad, Descriptors.error(selector, ext));
    }
    if (!Descriptors.present(attributes)) {
      throw cpu.fault(absent, Descriptors.error(selector, ext));
    }
    return Descriptors.markAccessed(cpu, selector, descriptor);
  }

  private static void loadData(CpuState cpu, int segment, int selector) {
    if (Descriptors.isNull(selector)) {
      setNull(cpu, segment, selector);
      return;
    }
    set(cpu, segment, selector, dataDescriptor(cpu, selector, GuestFault.GP, 0));
  }

  /** Reads and checks a descriptor for ES, DS, FS or GS; marks it accessed. */
  static long dataDescriptor(CpuState cpu, int selector, int bad, int ext) {
    long descriptor = Descriptors.read(cpu, selector, bad, ext);
    int attributes = Descriptors.attributes(descriptor);
    int dpl = Descriptors.dpl(attributes);
    if (!Descriptors.isReadable(attributes)
        || !Descriptors.isConforming(attributes) && (dpl < cpu.cpl || dpl < (selector & 3))) {
      throw cpu.fault(bad, Descriptors.error(selector, ext));
    }
    if (!Descriptors.present(attributes)) {
      throw cpu.fault(GuestFault.NP, Descriptors.error(selector, ext));
    }
    return Descriptors.markAccessed(cpu, selector, descriptor);
  }

  /**
   * After a return to an outer level: data segments that the level may not use become null (SDM
   * volume 3, section 5.8.6).
   */
  static void dropInnerSegments(CpuState cpu) {
    for (int segment : DATA_SEGMENTS) {
      int attributes = cpu.attributes[segment];
      if ((attributes & ATTR_UNUSABLE) == 0
          && !Descriptors.isConforming(attributes)
          && Descriptors.dpl(attributes) < cpu.cpl) {
        // Long mode leaves the base, which 64-bit code goes on to use in FS and GS.
        set(cpu, segment, 0, cpu.longMode() ? cpu.base[segment] : 0, 0, ATTR_UNUSABLE);
      }
    }
  }

  // Instructions.

  /** The segment register that ModRM.reg names: 0 to 5, or #UD. */
  private static int segmentField(CpuState cpu, Instruction i) {
    int segment = i.modrm >> 3 & 7;
    if (segment > GS) {
      throw cpu.ud();
    }
    return segment;
  }

  /** MOV Sw,Ew. */
  public static void movToSegment(CpuState cpu, Instruction i) {
    int segment = segmentField(cpu, i);
    if (segment == CS) {
      throw cpu.ud();
    }
    load(cpu, segment, (int) Operands.loadRm(cpu, i, 2));
    if (segment == SS) {
      cpu.interruptShadow = true;
    }
  }

  /** MOV Ev,Sw: 16 bits to memory, zero-extended to a register. */
  public static void movFromSegment(CpuState cpu, Instruction i) {
    int segment = segmentField(cpu, i);
    Operands.storeRm(cpu, i, i.memory ? 2 : i.operandSize, cpu.selector[segment]);
  }

  public static Effect push(int segment) {
    return (cpu, i) -> Operands.push(cpu, i.operandSize, cpu.selector[segment]);
  }

  /** POP of a segment register; the stack pointer moves only when the load succeeded. */
  public static Effect pop(int segment) {
    return (cpu, i) -> {
      int width = cpu.stackWidth();
      int selector = (int) TargetStack.peek(cpu, 0, 2);
      load(cpu, segment, selector);
      TargetStack.setPointer(cpu, width, cpu.gpr[CpuState.RSP] + i.operandSize);
      if (segment == SS) {
        cpu.interruptShadow = true;
      }
    };
  }

  /** LES, LDS, LSS, LFS, LGS. */
  public static Effect loadPointer(int segment) {
    return (cpu, i) -> {
      long offset = Operands.load(cpu, i, 0, i.operandSize);
      load(cpu, segment, (int) Operands.load(cpu, i, i.operandSize, 2));
      Operands.setRegister(cpu, i, i.reg, i.operandSize, offset);
    };
  }

  /** SLDT. */
  public static void sldt(CpuState cpu, Instruction i) {
    SystemRegisters.checkUserMode(cpu);
    Operands.storeRm(cpu, i, i.memory ? 2 : i.operandSize, cpu.selector[LDTR]);
  }

  /** STR. */
  public static void str(CpuState cpu, Instruction i) {
    SystemRegisters.checkUserMode(cpu);
    Operands.storeRm(cpu, i, i.memory ? 2 : i.operandSize, cpu.selector[TR]);
  }

  /** LLDT. */
  public static void lldt(CpuState cpu, Instruction i) {
    int selector = (int) Operands.loadRm(cpu, i, 2);
    loadLdtr(cpu, selector, GuestFault.GP, GuestFault.NP, 0);
  }

  /** Loads LDTR; {@code bad} and {@code absent} are the vectors of its faults. */
  static void loadLdtr(CpuState cpu, int selector, int bad, int absent, int ext) {
    if (Descriptors.isNull(selector)) {
      setNull(cpu, LDTR, selector);
      return;
    }
    if ((selector & 4) != 0) {
      throw cpu.fault(bad, Descriptors.error(selector, ext));
    }
    long descriptor = Descriptors.read(cpu, selector, bad, ext);
    int attributes = Descriptors.attributes(descriptor);
    if (!Descriptors.isSystem(attributes) || Descriptors.type(attributes) != Descriptors.LDT) {
      throw cpu.fault(bad, Descriptors.error(selector, ext));
    }
    if (!Descriptors.present(attributes)) {
      throw cpu.fault(absent, Descriptors.error(selector, ext));
    }
    setSystem(cpu, LDTR, selector, descriptor, attributes);
  }

  /** LTR. */
  public static void ltr(CpuState cpu, Instruction i) {
    int selector = (int) Operands.loadRm(cpu, i, 2);
    if (Descriptors.isNull(selector)) {
      throw cpu.gp(0);
    }
    if ((selector & 4) != 0) {
      throw cpu.gp(Descriptors.error(selector, 0));
    }
    long descriptor = Descriptors.read(cpu, selector, GuestFault.GP, 0);
    int attributes = Descriptors.attributes(descriptor);
    int type = Descriptors.type(attributes);
    if (!Descriptors.isSystem(attributes)
        || type != Descriptors.TSS32_AVAILABLE
            && (type != Descriptors.TSS16_AVAILABLE || cpu.longMode())) {
      throw cpu.gp(Descriptors.error(selector, 0));
    }
    if (!Descriptors.present(attributes)) {
      throw cpu.fault(GuestFault.NP, Descriptors.error(selector, 0));
    }
    int busy = attributes | Tasks.BUSY;
    // In long mode the second half has to be read before anything changes.
    long upper = cpu.longMode() ? Descriptors.readUpper(cpu, selector, GuestFault.GP, 0) : 0;
    Descriptors.writeTypeByte(cpu, selector, busy);
    set(
        cpu,
        TR,
        selector,
        Descriptors.base(descriptor) | upper << 32,
        Descriptors.limit(descriptor),
        busy);
  }

  private static void setSystem(
      CpuState cpu, int segment, int selector, long descriptor, int attributes) {
    long upper = cpu.longMode() ? Descriptors.readUpper(cpu, selector, GuestFault.GP, 0) : 0;
    set(
        cpu,
        segment,
        selector,
        Descriptors.base(descriptor) | upper << 32,
        Descriptors.limit(descriptor),
        attributes);
  }

  /**
   * Reads the descriptor that LAR, LSL, VERR or VERW asks about.
   *
   * @return the descriptor, or 0, which no visible one is, when it is out of sight
   */
  private static long visible(CpuState cpu, int selector) {
    if (Descriptors.isNull(selector) || !Descriptors.inTable(cpu, selector, 8)) {
      return 0;
    }
    long descriptor = cpu.mmu.readSystem(Descriptors.address(cpu, selector), 8);
    int attributes = Descriptors.attributes(descriptor);
    int dpl = Descriptors.dpl(attributes);
    if (!Descriptors.isConforming(attributes) && (cpu.cpl > dpl || (selector & 3) > dpl)) {
      return 0;
    }
    return descriptor;
  }

  private static void setZero(CpuState cpu, boolean value) {
    cpu.setRflags(value ? ZF : 0, ZF);
  }

  /** LAR. */
  public static void lar(CpuState cpu, Instruction i) {
    int selector = (int) Operands.loadRm(cpu, i, 2);
    long descriptor = visible(cpu, selector);
    int attributes = Descriptors.attributes(descriptor);
    boolean known =
        descriptor != 0
            && (!Descriptors.isSystem(attributes)
                || switch (Descriptors.type(attributes)) {
                  case Descriptors.LDT,
                      Descriptors.TSS32_AVAILABLE,
                      Descriptors.TSS32_BUSY,
                      Descriptors.CALL_GATE32 ->
                      true;
                  case Descriptors.TSS16_AVAILABLE,
                      Descriptors.TSS16_BUSY,
                      Descriptors.CALL_GATE16,
                      Descriptors.TASK_GATE ->
                      !cpu.longMode();
                  default -> false;
                });
    setZero(cpu, known);
    if (known) {
      Operands.setRegister(cpu, i, i.reg, i.operandSize, descriptor >>> 32 & 0x00F0_FF00);
    }
  }

  /** LSL. */
  public static void lsl(CpuState cpu, Instruction i) {
    int selector = (int) Operands.loadRm(cpu, i, 2);
    long descriptor = visible(cpu, selector);
    int attributes = Descriptors.attributes(descriptor);
    boolean known =
        descriptor != 0
            && (!Descriptors.isSystem(attributes)
                || switch (Descriptors.type(attributes)) {
                  case Descriptors.LDT, Descriptors.TSS32_AVAILABLE, Descriptors.TSS32_BUSY -> true;
                  case Descriptors.TSS16_AVAILABLE, Descriptors.TSS16_BUSY -> !cpu.longMode();
                  default -> false;
                });
    setZero(cpu, known);
    if (known) {
      Operands.setRegister(cpu, i, i.reg, i.operandSize, Descriptors.limit(descriptor));
    }
  }

  /** VERR. */
  public static void verr(CpuState cpu, Instruction i) {
    long descriptor = visible(cpu, (int) Operands.loadRm(cpu, i, 2));
    setZero(cpu, Descriptors.isReadable(Descriptors.attributes(descriptor)));
  }

  /** VERW. */
  public static void verw(CpuState cpu, Instruction i) {
    long descriptor = visible(cpu, (int) Operands.loadRm(cpu, i, 2));
    setZero(cpu, Descriptors.isWritableData(Descriptors.attributes(descriptor)));
  }

  /** ARPL. */
  public static void arpl(CpuState cpu, Instruction i) {
    int destination = (int) Operands.loadRm(cpu, i, 2);
    int rpl = (int) Operands.register(cpu, i, i.reg, 2) & 3;
    boolean raise = (destination & 3) < rpl;
    if (raise) {
      Operands.storeRm(cpu, i, 2, destination & ~3 | rpl);
    }
    setZero(cpu, raise);
  }
}
