package io.satchel.vm.cpu.interpret;

import static io.satchel.vm.cpu.CpuState.CS;

import io.satchel.vm.cpu.Breakpoints;
import io.satchel.vm.cpu.CompiledCode;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;
import io.satchel.vm.cpu.HotCode;
import io.satchel.vm.cpu.Mode;
import io.satchel.vm.cpu.decode.Decoder;
import io.satchel.vm.cpu.semantics.Interrupts;
import org.jspecify.annotations.Nullable;

/**
 * Runs a processor by interpreting: blocks of micro-operations where it can, one instruction at a
 * time where single step, breakpoints, an interrupt shadow or the place of the code ask for it.
 */
public final class Interpreter {

  private final CpuState cpu;
  private final SingleStep single;
  private final BlockCache blocks;
  private final Frame frame;

  public Interpreter(CpuState cpu, Decoder decoder, HotCode hotCode) {
    this.cpu = cpu;
    single = new SingleStep(cpu, decoder);
    blocks = new BlockCache(cpu, decoder, hotCode);
    frame = new Frame(cpu, blocks);
  }

  /** Delivers an NMI or an interrupt that is pending and allowed; it ends a HLT. */
  public void deliverPending() {
    int pending = cpu.pending();
    if ((pending & (CpuState.PENDING_NMI | CpuState.PENDING_INTR)) == 0 || cpu.interruptShadow) {
      return;
    }
    if ((pending & CpuState.PENDING_NMI) != 0 && !cpu.nmiBlocked) {
      cpu.halted = false;
      Interrupts.nmi(cpu);
    } else if ((pending & CpuState.PENDING_INTR) != 0 && (cpu.systemFlags & CpuState.IF) != 0) {
      cpu.halted = false;
      Interrupts.external(cpu, cpu.interruptController.acknowledge());
    }
  }

  /** Executes until {@code end} instructions have retired, or something wants attention. */
  public void run(long end) {
    boolean mayEnter = true;
    while (cpu.instructions < end && !cpu.halted && !cpu.shutdown) {
      Block block = singly() ? null : block();
      if (cpu.shutdown) {
        return;
      }
      if (block == null) {
        single.run();
      } else if (mayEnter && --block.patience <= 0) {
        CompiledCode code = blocks.compiled(block);
        mayEnter = code != null && code.run(end);
        if (code == null) {
          run(block, end);
        }
      } else {
        mayEnter = true;
        run(block, end);
      }
      if (cpu.wantsInterrupt() && !cpu.interruptShadow) {
        return;
      }
    }
  }

  private boolean singly() {
    return cpu.interruptShadow
        || (cpu.systemFlags & (CpuState.TF | CpuState.RF)) != 0
        || Breakpoints.any(cpu);
  }

  /** The block at rip; null when the instruction there is to be executed singly. */
  private @Nullable Block block() {
    long rip = cpu.rip;
    int mode = Mode.of(cpu);
    try {
      if ((mode & Mode.CODE64) != 0) {
        return blocks.at(rip, mode);
      }
      Block block = blocks.at(cpu.base[CS] + rip & 0xFFFF_FFFFL, mode);
      return block == null || rip + block.length - 1 > cpu.limit[CS] ? null : block;
    } catch (GuestFault fault) {
      // Fetching raises it again, singly, after a limit check that comes first.
      return null;
    }
  }

  private void run(Block block, long end) {
    try {
      frame.run(block, end);
    } catch (GuestFault fault) {
      cpu.rip = frame.faultRip;
      cpu.instructions++;
      Interrupts.exception(cpu, fault);
    }
  }
}
