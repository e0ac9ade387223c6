package io.satchel.vm.machine;

import io.satchel.vm.accel.Tcg;
import io.satchel.vm.cpu.CpuModel.Feature;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.device.LocalApic;
import io.satchel.vm.snapshot.MachineState.Start;
import org.jspecify.annotations.Nullable;

/**
 * One of the machine's processors: its state, who executes it, and what INIT and start-up messages
 * ask of it (SDM volume 3, section 9.4: the multiple-processor initialization protocol).
 *
 * <p>The bootstrap processor, number 0, starts at the reset vector. The others wait for a start-up
 * message after RESET and after INIT.
 */
final class Processor implements LocalApic.Core {

  private static final int NOT_STARTED = -1;

  final CpuState cpu;
  final Tcg accelerator;
  private final int number;
  private final Runnable bootstrapInit;
  private @Nullable LocalApic apic;
  private boolean waiting;
  private boolean initWanted;
  private int startPage = NOT_STARTED;

  /**
   * @param repeatable whether every run has to be the same
   * @param bootstrapInit what INIT does to the bootstrap processor
   */
  Processor(int number, CpuState cpu, boolean repeatable, Runnable bootstrapInit) {
    this.number = number;
    this.cpu = cpu;
    this.bootstrapInit = bootstrapInit;
    accelerator = new Tcg(cpu, repeatable);
    cpu.apicId = number;
    waiting = number != 0;
  }

  /** Joins the processor and its local APIC. */
  void connect(LocalApic itsApic) {
    apic = itsApic;
    cpu.interruptController = itsApic::acknowledge;
    cpu.apicBaseChanged = () -> itsApic.setBase(cpu.apicBase);
    cpu.apic = itsApic;
  }

  LocalApic apic() {
    LocalApic connected = apic;
    if (connected == null) {
      throw new IllegalStateException("processor " + number + " without a local APIC");
    }
    return connected;
  }

  /** Whether there is nothing that it could do before another or a device acts on it. */
  boolean idle() {
    if (initWanted || waiting && startPage != NOT_STARTED) {
      return false;
    }
    return waiting
        || cpu.halted && (cpu.pending() & cpu.attentionMask() & ~CpuState.PENDING_KICK) == 0
        || cpu.dozing && (cpu.pending() & ~cpu.dozingThrough & ~CpuState.PENDING_KICK) == 0;
  }

  /** RESET; the local APIC has had its own. */
  void reset() {
    long executed = cpu.instructions;
    cpu.reset(cpu.model.signature());
    cpu.instructions = executed; // time that counts them does not go back
    cpu.apicBase = apic().base();
    initWanted = false;
    startPage = NOT_STARTED;
    waiting = number != 0;
  }

  /** Does what messages asked for since its last turn, and says whether it can execute. */
  boolean begin() {
    if (initWanted) {
      initWanted = false;
      cpu.init(cpu.model.signature());
      waiting = true;
    }
    if (waiting && startPage != NOT_STARTED) {
      waiting = false;
      cpu.selector[CpuState.CS] = startPage << 8;
      cpu.base[CpuState.CS] = (long) startPage << 12;
      cpu.rip = 0;
      startPage = NOT_STARTED;
    }
    return !waiting;
  }

  /** Where it is in the protocol of its start, for a snapshot. */
  Start start() {
    return new Start(waiting, initWanted, startPage);
  }

  void start(Start start) {
    waiting = start.waiting();
    initWanted = start.initWanted();
    startPage = start.page();
  }

  @Override
  public void intr(boolean level) {
    cpu.setIntr(level);
  }

  @Override
  public void nmi() {
    if (!waiting) {
      cpu.raiseNmi();
    }
  }

  @Override
  public void init() {
    if (number == 0) {
      bootstrapInit.run();
      return;
    }
    // Not at once: the message may be its own, from the middle of an instruction.
    initWanted = true;
    startPage = NOT_STARTED;
    cpu.kick();
  }

  @Override
  public void startUp(int page) {
    if ((waiting || initWanted) && startPage == NOT_STARTED) {
      startPage = page;
    }
  }

  @Override
  public long timeStampOffset() {
    return cpu.tscOffset;
  }

  @Override
  public boolean hasDeadline() {
    return cpu.model.has(Feature.TSC_DEADLINE);
  }
}
