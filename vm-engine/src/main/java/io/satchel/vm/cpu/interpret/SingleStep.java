package io.satchel.vm.cpu.interpret;

import static io.satchel.vm.cpu.CpuState.CS;

import io.satchel.vm.cpu.Breakpoints;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;
import io.satchel.vm.cpu.decode.CodeBytes;
import io.satchel.vm.cpu.decode.Decoder;
import io.satchel.vm.cpu.decode.Instruction;
import io.satchel.vm.cpu.semantics.Checks;
import io.satchel.vm.cpu.semantics.Interrupts;

/**
 * Executes one instruction at a time, decoding it afresh: for single step, breakpoints, interrupt
 * shadows, and code that is not in host memory or lies across pages.
 */
final class SingleStep {

  private static final int DR6_SINGLE_STEP = 1 << 14;
  private static final long LOW = 0xFFFF_FFFFL;
  private static final int STI = 0xFB;

  private final CpuState cpu;
  private final Decoder decoder;
  private final CodeBytes bytes = this::codeByte;
  private final long[] watched = new long[5];
  private long start;

  /** The last instruction loaded SS: debug exceptions wait for the next one, as interrupts do. */
  private boolean debugHeld;

  SingleStep(CpuState cpu, Decoder decoder) {
    this.cpu = cpu;
    this.decoder = decoder;
  }

  /** Executes the instruction at rip, or delivers what it raises. */
  void run() {
    start = cpu.rip;
    boolean singleStep = (cpu.systemFlags & CpuState.TF) != 0;
    // What MOV SS held off is reported behind the instruction that follows it.
    boolean held = debugHeld && cpu.interruptShadow;
    debugHeld = false;
    boolean debug = Breakpoints.any(cpu);
    if (debug) {
      watch();
    }
    cpu.interruptShadow = false;
    if (!held) {
      cpu.debugHits = 0;
    }
    if (debug && !held && (cpu.systemFlags & CpuState.RF) == 0 && instructionBreakpoints()) {
      return;
    }
    try {
      cpu.systemFlags &= ~CpuState.RF;
      Instruction i = decoder.decode(bytes, codeWidth(cpu));
      cpu.rip = start + i.length;
      if (Checks.needed(i.row())) {
        Checks.before(cpu, i.row());
      }
      i.row().effect().execute(cpu, i);
      cpu.instructions++;
      debugHeld = cpu.interruptShadow && i.row().opcode() != STI;
      singleStep &= !entersHandler(i);
    } catch (GuestFault fault) {
      cpu.rip = start;
      // Counted too, so that a guest that faults for ever uses up its budget.
      cpu.instructions++;
      Interrupts.exception(cpu, fault);
      return;
    }
    int hits = cpu.debugHits | (singleStep ? DR6_SINGLE_STEP : 0);
    if (hits != 0 && !debugHeld) {
      Interrupts.debug(cpu, hits);
    }
  }

  /** 2, 4 or 8, as CS says. */
  static int codeWidth(CpuState cpu) {
    return cpu.code64() ? 8 : (cpu.attributes[CS] & CpuState.ATTR_DB) != 0 ? 4 : 2;
  }

  private int codeByte(int index) {
    long offset = start + index;
    if (cpu.code64()) {
      return cpu.mmu.fetch(offset);
    }
    if (offset > cpu.limit[CS]) {
      throw cpu.gp(0);
    }
    return cpu.mmu.fetch(cpu.base[CS] + offset & LOW);
  }

  // The translations of watched pages carry a mark, which has to follow the registers.
  private void watch() {
    boolean changed = watched[4] != cpu.dr[7];
    watched[4] = cpu.dr[7];
    for (int n = 0; n < 4; n++) {
      changed |= watched[n] != cpu.dr[n];
      watched[n] = cpu.dr[n];
    }
    if (changed) {
      cpu.mmu.flushAll();
    }
  }

  /** Delivers the debug exception of a breakpoint on the instruction, if there is one. */
  private boolean instructionBreakpoints() {
    int hits = Breakpoints.instruction(cpu, cpu.code64() ? start : cpu.base[CS] + start & LOW);
    if (hits != 0) {
      cpu.instructions++;
      Interrupts.instructionBreakpoint(cpu, hits);
    }
    return hits != 0;
  }

  /**
   * Whether it was INT or its kin, and went to its handler: that begins with TF clear, and no trap
   * comes before it. An INTO without overflow is an instruction like any other.
   */
  private boolean entersHandler(Instruction i) {
    return switch (i.row().opcode()) {
      case 0xCC, 0xCD, 0xCE, 0xF1 -> (cpu.systemFlags & CpuState.TF) == 0;
      default -> false;
    };
  }
}
