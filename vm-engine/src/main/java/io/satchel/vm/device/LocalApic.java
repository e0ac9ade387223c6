package io.satchel.vm.device;

import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.bus.IrqLine;
import io.satchel.vm.cpu.ApicRegisters;
import io.satchel.vm.cpu.InterruptAcknowledge;
import io.satchel.vm.time.EventQueue;
import io.satchel.vm.time.VirtualClock;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A processor's local APIC: Intel SDM volume 3, chapter 11 (APIC).
 *
 * <pre>
 *  020h ID    030h version   080h TPR   090h APR   0A0h PPR   0B0h EOI
 *  0D0h LDR   0E0h DFR       0F0h SVR   100h-170h ISR   180h-1F0h TMR   200h-270h IRR
 *  280h ESR   300h, 310h ICR
 *  320h-370h  LVT: timer, thermal, performance, LINT0, LINT1, error
 *  380h initial count   390h current count   3E0h divide configuration
 * </pre>
 *
 * <p>The window is at FEE00000h until IA32_APIC_BASE moves it. In x2APIC mode (section 11.12) there
 * is none: register {@code r0h} is MSR {@code 800h + r}, the ICR is one of 64 bits, the logical ID
 * follows from the ID, and 83Fh sends to oneself.
 *
 * <p>The timer counts a bus clock of 1 GHz, or waits for the time stamp of IA32_TSC_DEADLINE. LINT0
 * carries the 8259's INT: after RESET the bootstrap processor's LINT0 is ExtINT and not masked,
 * which real boards leave to their BIOS, so that software without APIC code gets its interrupts
 * from the first instruction on.
 */
public final class LocalApic
    implements Device<LocalApic.State>, IoHandler, InterruptAcknowledge, ApicRegisters {

  /** IA32_APIC_BASE after RESET, without the BSP flag. */
  public static final long RESET_BASE = 0xFEE0_0800L;

  /** IA32_APIC_BASE: this is the bootstrap processor. */
  public static final long BASE_BSP = 1 << 8;

  /** IA32_APIC_BASE: x2APIC mode. */
  public static final long BASE_EXTD = 1 << 10;

  /** IA32_APIC_BASE: global enable. */
  public static final long BASE_ENABLE = 1 << 11;

  private static final long BASE_ADDRESS = 0xF_FFFF_F000L;

  private static final int ID = 0x02;
  private static final int VERSION = 0x03;
  private static final int TPR = 0x08;
  private static final int APR = 0x09;
  private static final int PPR = 0x0A;
  private static final int EOI = 0x0B;
  private static final int LDR = 0x0D;
  private static final int DFR = 0x0E;
  private static final int SVR = 0x0F;
  private static final int ISR = 0x10;
  private static final int TMR = 0x18;
  private static final int IRR = 0x20;
  private static final int ESR = 0x28;
  private static final int ICR_LOW = 0x30;
  private static final int ICR_HIGH = 0x31;
  private static final int LVT = 0x32;
  private static final int INITIAL_COUNT = 0x38;
  private static final int CURRENT_COUNT = 0x39;
  private static final int DIVIDE = 0x3E;
  private static final int SELF_IPI = 0x3F;

  private static final int LVT_TIMER = 0;
  private static final int LVT_LINT0 = 3;
  private static final int LVT_LINT1 = 4;
  private static final int LVT_ERROR = 5;
  private static final int LVT_COUNT = 6;

  /** Version 14h with six LVT entries. */
  private static final int VERSION_VALUE = LVT_COUNT - 1 << 16 | 0x14;

  private static final int SVR_ENABLE = 1 << 8;
  private static final int SVR_WRITABLE = 0x3FF;
  private static final int LVT_REMOTE_IRR = 1 << 14;
  private static final int LVT_LEVEL = 1 << 15;
  private static final int LVT_MASKED = 1 << 16;
  private static final int LVT_PERIODIC = 1 << 17;
  private static final int LVT_DEADLINE = 1 << 18;
  private static final int LVT_TIMER_MODE = LVT_PERIODIC | LVT_DEADLINE;

  /** Delivery status and remote IRR, which writes do not change. */
  private static final int LVT_READ_ONLY = 1 << 12 | LVT_REMOTE_IRR;

  private static final int[] LVT_WRITABLE = {0x700FF, 0x107FF, 0x107FF, 0x1A7FF, 0x1A7FF, 0x100FF};

  private static final int ICR_LOGICAL = 1 << 11;
  private static final int ICR_ASSERT = 1 << 14;
  private static final int ICR_LEVEL = 1 << 15;
  private static final int ICR_WRITABLE = 0xC_CFFF;
  private static final int DIVIDE_WRITABLE = 0x0B;

  private static final int ESR_SEND_ILLEGAL_VECTOR = 1 << 5;
  private static final int ESR_RECEIVED_ILLEGAL_VECTOR = 1 << 6;
  private static final int ESR_ILLEGAL_REGISTER = 1 << 7;

  private static final int DFR_CLUSTER = 0;
  private static final int FIRST_LEGAL_VECTOR = 16;
  private static final int NONE = -1;
  private static final long NEVER = Long.MAX_VALUE;

  /**
   * Nanoseconds; a periodic timer does not fire sooner again than this, lest the host stand still.
   */
  private static final long SHORTEST_PERIOD = 10_000;

  /** The processor that this APIC belongs to. */
  public interface Core {
    /** The level of its interrupt request. */
    void intr(boolean level);

    void nmi();

    void init();

    /** Starts a processor that waits after INIT, at physical address {@code page << 12}. */
    void startUp(int page);

    /** What is added to virtual nanoseconds to get the time stamp counter. */
    default long timeStampOffset() {
      return 0;
    }

    /** Whether the timer has the mode that waits for a time stamp. */
    default boolean hasDeadline() {
      return true;
    }
  }

  /**
   * The registers.
   *
   * @param base IA32_APIC_BASE
   * @param deadline IA32_TSC_DEADLINE
   * @param timerStart virtual time at which the initial count was loaded, in nanoseconds
   * @param due when the timer fires next, or {@link Long#MAX_VALUE}
   * @param lines bit 0: LINT0, bit 1: LINT1
   */
  public record State(
      long base,
      int id,
      int tpr,
      int ldr,
      int dfr,
      int svr,
      int[] isr,
      int[] tmr,
      int[] irr,
      int esr,
      int esrPending,
      int icrLow,
      int icrHigh,
      int[] lvt,
      int initialCount,
      @Default("false") boolean ranOut,
      int divide,
      long deadline,
      long timerStart,
      long due,
      int lines) {}

  private final Board board;
  private final VirtualClock clock;
  private final ApicBus bus;
  private final int initialId;
  private final Core core;
  private final InterruptAcknowledge pic;
  private final Runnable timerDue = this::timerDue;
  private final IrqLine lint0 = level -> pin(LVT_LINT0, 1, level);
  private final IrqLine lint1 = level -> pin(LVT_LINT1, 2, level);

  private long base;
  private long window = NONE;
  private int id;
  private int tpr;
  private int ldr;
  private int dfr;
  private int svr;
  private final int[] isr = new int[8];
  private final int[] tmr = new int[8];
  private final int[] irr = new int[8];
  private int esr;
  private int esrPending;
  private int icrLow;
  private int icrHigh;
  private final int[] lvt = new int[LVT_COUNT];
  private int initialCount;

  /** A one-shot has reached zero, where it stays in every mode until a count is loaded. */
  private boolean ranOut;

  private int divide;
  private long deadline;
  private long timerStart;
  private long due = NEVER;
  private int lines;
  private boolean intr;
  private EventQueue.@Nullable Event pending;

  /**
   * @param id the initial APIC ID, 0 to 254; 0 is the bootstrap processor
   * @param pic answers for LINT0 in ExtINT mode
   */
  public LocalApic(Board board, ApicBus bus, int id, Core core, InterruptAcknowledge pic) {
    this.board = board;
    this.clock = board.clock();
    this.bus = bus;
    this.initialId = id;
    this.core = core;
    this.pic = pic;
    bus.join(this);
    reset();
  }

  /** The 8259's INT. */
  public IrqLine lint0() {
    return lint0;
  }

  /** NMI from the board. */
  public IrqLine lint1() {
    return lint1;
  }

  /** IA32_APIC_BASE as it stands. */
  public long base() {
    return base;
  }

  /** The processor has written IA32_APIC_BASE. */
  public void setBase(long value) {
    boolean wasEnabled = enabled();
    base = value;
    if (wasEnabled && !enabled()) {
      // SDM 11.4.3: disabling it loses its state.
      resetRegisters();
    }
    if (extended()) {
      id = initialId;
      ldr = (id & 0xF_FFF0) << 12 | 1 << (id & 15);
      icrHigh = 0;
    } else if (!enabled()) {
      id = initialId;
    }
    remap();
    update();
  }

  @Override
  public int taskPriority() {
    return tpr >>> 4;
  }

  @Override
  public void setTaskPriority(int priorityClass) {
    tpr = (priorityClass & 15) << 4;
    update();
  }

  private boolean enabled() {
    return (base & BASE_ENABLE) != 0;
  }

  private boolean extended() {
    return enabled() && (base & BASE_EXTD) != 0;
  }

  private boolean softwareEnabled() {
    return enabled() && (svr & SVR_ENABLE) != 0;
  }

  /** Where the processor sees the registers, or -1. */
  long window() {
    return window;
  }

  private void remap() {
    long target = enabled() && !extended() ? base & BASE_ADDRESS : NONE;
    if (target > 0xFFFF_F000L) {
      target = NONE;
    }
    if (target != window) {
      long from = window;
      window = target;
      bus.move(from, target);
    }
  }

  /** Whether a message to {@code destination} means this processor (SDM 11.6.2). */
  boolean isAddressed(int destination, boolean logical) {
    if (!enabled()) {
      return false;
    }
    if (!logical) {
      return destination == id || destination == ApicBus.BROADCAST;
    }
    if (extended()) {
      return destination >>> 16 == ldr >>> 16 && (destination & ldr & 0xFFFF) != 0;
    }
    int mine = ldr >>> 24;
    if (dfr >>> 28 == DFR_CLUSTER) {
      return (destination >>> 4 == mine >>> 4 || destination >>> 4 == 15)
          && (destination & mine & 15) != 0;
    }
    return (destination & mine) != 0;
  }

  int arbitrationPriority() {
    int requested = highest(irr);
    return Math.max(Math.max(tpr, highest(isr)), requested);
  }

  /** A message from the bus. */
  void accept(int mode, int vector, boolean level) {
    if (!enabled()) {
      return;
    }
    switch (mode) {
      case ApicBus.FIXED, ApicBus.LOWEST_PRIORITY -> request(vector, level);
      case ApicBus.NMI -> core.nmi();
      case ApicBus.INIT -> {
        init();
        core.init();
      }
      case ApicBus.START_UP -> core.startUp(vector);
      default -> {
        // SMI: there is no system management mode. ExtINT: comes by LINT0.
      }
    }
  }

  private void request(int vector, boolean level) {
    if (vector < FIRST_LEGAL_VECTOR) {
      error(ESR_RECEIVED_ILLEGAL_VECTOR);
      return;
    }
    if (!softwareEnabled()) {
      return;
    }
    int bit = 1 << (vector & 31);
    irr[vector >>> 5] |= bit;
    if (level) {
      tmr[vector >>> 5] |= bit;
    } else {
      tmr[vector >>> 5] &= ~bit;
    }
    update();
  }

  private void error(int bit) {
    if ((esrPending & bit) == 0) {
      esrPending |= bit;
      local(LVT_ERROR);
    }
  }

  /** A local source fires. */
  private void local(int entry) {
    int word = lvt[entry];
    if ((word & LVT_MASKED) != 0) {
      return;
    }
    // Timer and error have no delivery mode field: those bits are not writable and read 0, fixed.
    switch (word >>> 8 & 7) {
      case ApicBus.FIXED -> {
        if ((word & 0xFF) >= FIRST_LEGAL_VECTOR || entry != LVT_ERROR) {
          request(word & 0xFF, (word & LVT_LEVEL) != 0 && entry == LVT_LINT0);
        }
      }
      case ApicBus.NMI -> core.nmi();
      case ApicBus.INIT -> core.init();
      default -> {
        // ExtINT is a level, seen by update(); SMI does not exist.
      }
    }
  }

  private void pin(int entry, int bit, boolean level) {
    if (level == ((lines & bit) != 0)) {
      return;
    }
    lines ^= bit;
    if (!enabled()) {
      // SDM 11.4.3: the pins are then the processor's INTR and NMI.
      if (entry == LVT_LINT1 && level) {
        core.nmi();
      }
    } else if (level) {
      local(entry);
    }
    update();
  }

  private boolean extInt() {
    if ((lines & 1) == 0) {
      return false;
    }
    int word = lvt[LVT_LINT0];
    return !enabled() || (word & LVT_MASKED) == 0 && (word >>> 8 & 7) == ApicBus.EXT_INT;
  }

  private static int highest(int[] bits) {
    for (int i = 7; i >= 0; i--) {
      if (bits[i] != 0) {
        return (i << 5) + 31 - Integer.numberOfLeadingZeros(bits[i]);
      }
    }
    return NONE;
  }

  private int processorPriority() {
    int serving = Math.max(highest(isr), 0) & 0xF0;
    return (tpr & 0xF0) >= serving ? tpr : serving;
  }

  private void update() {
    boolean level = extInt();
    if (!level && softwareEnabled()) {
      int vector = highest(irr);
      level = vector != NONE && vector >>> 4 > processorPriority() >>> 4;
    }
    if (level != intr) {
      intr = level;
      core.intr(level);
    }
  }

  @Override
  public int acknowledge() {
    if (softwareEnabled()) {
      int vector = highest(irr);
      if (vector != NONE) {
        if (vector >>> 4 > processorPriority() >>> 4) {
          irr[vector >>> 5] &= ~(1 << (vector & 31));
          isr[vector >>> 5] |= 1 << (vector & 31);
          update();
          return vector;
        }
      }
      if (!extInt()) {
        return svr & 0xFF;
      }
    }
    int vector = pic.acknowledge();
    update();
    return vector;
  }

  private void endOfInterrupt() {
    int vector = highest(isr);
    if (vector == NONE) {
      return;
    }
    int bit = 1 << (vector & 31);
    isr[vector >>> 5] &= ~bit;
    if ((tmr[vector >>> 5] & bit) != 0) {
      bus.endOfInterrupt(vector);
      if (vector == (lvt[LVT_LINT0] & 0xFF)
          && (lvt[LVT_LINT0] & LVT_LEVEL) != 0
          && (lines & 1) != 0) {
        local(LVT_LINT0);
      }
    }
    update();
  }

  @Override
  public int read(int offset, int width) {
    return register(offset >>> 4) >>> 8 * (offset & 3);
  }

  private int register(int register) {
    if (register >= ISR && register < IRR + 8) {
      int[] bits = register < TMR ? isr : register < IRR ? tmr : irr;
      return bits[register & 7];
    }
    if (register >= LVT && register < LVT + LVT_COUNT) {
      return lvt[register - LVT];
    }
    return switch (register) {
      case ID -> extended() ? id : id << 24;
      case VERSION -> VERSION_VALUE;
      case TPR -> tpr;
      case APR -> Math.max(arbitrationPriority(), 0);
      case PPR -> processorPriority();
      case LDR -> ldr;
      case DFR -> dfr;
      case SVR -> svr;
      case ESR -> esr;
      case ICR_LOW -> icrLow;
      case ICR_HIGH -> icrHigh;
      case INITIAL_COUNT -> initialCount;
      case CURRENT_COUNT -> currentCount();
      case DIVIDE -> divide;
      case EOI -> 0;
      default -> {
        error(ESR_ILLEGAL_REGISTER);
        yield 0;
      }
    };
  }

  @Override
  public void write(int offset, int width, int value) {
    if ((offset & 15) != 0) {
      return;
    }
    int register = offset >>> 4;
    if (register >= LVT && register < LVT + LVT_COUNT) {
      writeLvt(register - LVT, value);
      return;
    }
    switch (register) {
      case ID -> id = value >>> 24;
      case TPR -> {
        tpr = value & 0xFF;
        update();
      }
      case EOI -> endOfInterrupt();
      case LDR -> ldr = value & 0xFF00_0000;
      case DFR -> dfr = value | 0x0FFF_FFFF;
      case SVR -> writeSvr(value & SVR_WRITABLE);
      case ESR -> {
        esr = esrPending;
        esrPending = 0;
      }
      case ICR_LOW -> {
        icrLow = value & ICR_WRITABLE;
        int destination = icrHigh >>> 24;
        boolean everyone = destination == ApicBus.BROADCAST_8 && (icrLow & ICR_LOGICAL) == 0;
        send(everyone ? ApicBus.BROADCAST : destination);
      }
      case ICR_HIGH -> icrHigh = value & 0xFF00_0000;
      case INITIAL_COUNT -> {
        if (!waitsForDeadline()) {
          initialCount = value;
          ranOut = false;
          startTimer();
        }
      }
      case DIVIDE -> {
        divide = value & DIVIDE_WRITABLE;
        startTimer();
      }
      case VERSION, APR, PPR, CURRENT_COUNT -> {
        // Read only.
      }
      default -> {
        if (register < ISR || register >= IRR + 8) {
          error(ESR_ILLEGAL_REGISTER);
        }
      }
    }
  }

  private int writable(int entry) {
    return entry == LVT_TIMER && !core.hasDeadline()
        ? LVT_WRITABLE[entry] & ~LVT_DEADLINE
        : LVT_WRITABLE[entry];
  }

  private void writeLvt(int entry, int value) {
    int before = lvt[entry];
    lvt[entry] = value & writable(entry) | before & LVT_REMOTE_IRR;
    if ((svr & SVR_ENABLE) == 0) {
      lvt[entry] |= LVT_MASKED;
    }
    if (entry == LVT_TIMER) {
      int changed = before ^ lvt[entry];
      if ((changed & LVT_DEADLINE) != 0) {
        // SDM 11.5.4.1: this change of mode disarms the timer.
        initialCount = 0;
        deadline = 0;
      }
      if ((changed & LVT_TIMER_MODE) != 0) {
        long now = clock.nanos();
        if ((before & LVT_TIMER_MODE) == LVT_PERIODIC && initialCount != 0) {
          // A one-shot goes on counting from where the period was.
          timerStart = now - (now - timerStart) % period();
        }
        scheduleTimer(now);
      }
    }
    update();
  }

  private void writeSvr(int value) {
    boolean disables = (svr & ~value & SVR_ENABLE) != 0;
    svr = value;
    if (disables) {
      for (int i = 0; i < LVT_COUNT; i++) {
        lvt[i] |= LVT_MASKED;
      }
    }
    update();
  }

  /** Sends the interprocessor interrupt that the ICR describes (SDM 11.6.1). */
  private void send(int destination) {
    int mode = icrLow >>> 8 & 7;
    int vector = icrLow & 0xFF;
    boolean level = (icrLow & ICR_LEVEL) != 0;
    if (mode == ApicBus.INIT && level && (icrLow & ICR_ASSERT) == 0) {
      // INIT level de-assert only sets arbitration IDs, which this bus has not.
      return;
    }
    if (mode <= ApicBus.LOWEST_PRIORITY && vector < FIRST_LEGAL_VECTOR) {
      error(ESR_SEND_ILLEGAL_VECTOR);
      return;
    }
    switch (icrLow >>> 18 & 3) {
      case 0 -> bus.send(destination, (icrLow & ICR_LOGICAL) != 0, mode, vector, false);
      case 1 -> accept(mode, vector, false);
      case 2 -> bus.sendToAll(this, true, mode, vector, false);
      default -> bus.sendToAll(this, false, mode, vector, false);
    }
  }

  /** log2 of the divisor (SDM figure 11-10). */
  private int divideShift() {
    return ((divide & 3 | divide >>> 1 & 4) + 1) & 7;
  }

  @Override
  public boolean readable(int register) {
    return switch (register) {
      case ID, VERSION, TPR, PPR, LDR, SVR, ESR, ICR_LOW, INITIAL_COUNT, CURRENT_COUNT, DIVIDE ->
          true;
      default ->
          register >= ISR && register < IRR + 8 || register >= LVT && register < LVT + LVT_COUNT;
    };
  }

  @Override
  public long read(int register) {
    return register == ICR_LOW
        ? (long) icrHigh << 32 | icrLow & 0xFFFF_FFFFL
        : register(register) & 0xFFFF_FFFFL;
  }

  @Override
  public boolean write(int register, long value) {
    long allowed =
        switch (register) {
          case TPR, SELF_IPI -> 0xFF;
          case EOI, ESR -> 0;
          case SVR -> 0xFF | SVR_ENABLE;
          case ICR_LOW -> 0xFFFF_FFFFL << 32 | ICR_WRITABLE;
          case INITIAL_COUNT -> 0xFFFF_FFFFL;
          case DIVIDE -> DIVIDE_WRITABLE;
          default ->
              register >= LVT && register < LVT + LVT_COUNT
                  ? writable(register - LVT) | LVT_READ_ONLY
                  : -1;
        };
    if (allowed == -1 || (value & ~allowed) != 0) {
      return false;
    }
    switch (register) {
      case ICR_LOW -> {
        icrHigh = (int) (value >>> 32);
        icrLow = (int) value;
        send(icrHigh);
      }
      case SELF_IPI -> {
        if (value < FIRST_LEGAL_VECTOR) {
          error(ESR_SEND_ILLEGAL_VECTOR);
        } else {
          request((int) value, false);
        }
      }
      default -> write(register << 4, 4, (int) value);
    }
    return true;
  }

  private boolean periodic() {
    return (lvt[LVT_TIMER] & LVT_TIMER_MODE) == LVT_PERIODIC;
  }

  private boolean waitsForDeadline() {
    return (lvt[LVT_TIMER] & LVT_DEADLINE) != 0;
  }

  @Override
  public long deadline() {
    return deadline;
  }

  @Override
  public void setDeadline(long timeStamp) {
    if (waitsForDeadline()) {
      deadline = timeStamp;
      scheduleTimer(clock.nanos());
    }
  }

  private int currentCount() {
    long initial = initialCount & 0xFFFF_FFFFL;
    if (initial == 0 || ranOut) {
      return 0;
    }
    long elapsed = clock.nanos() - timerStart >>> divideShift();
    if (periodic()) {
      return (int) (initial - elapsed % initial);
    }
    return (int) Math.max(0, initial - elapsed);
  }

  private void startTimer() {
    timerStart = clock.nanos();
    scheduleTimer(timerStart);
  }

  /**
   * Enters the next expiry. {@code now} is read once by the caller: a host that comes back late
   * between two readings would find a short one-shot already over, and it would never fire.
   */
  private void scheduleTimer(long now) {
    due = NEVER;
    if (waitsForDeadline()) {
      long timeStamp = now + core.timeStampOffset();
      long left = deadline - timeStamp;
      if (deadline != 0 && Long.compareUnsigned(deadline, timeStamp) <= 0) {
        due = now;
      } else if (deadline != 0 && left > 0 && left < NEVER - now) {
        due = now + left;
      }
    } else if (initialCount != 0 && !ranOut) {
      long period = period();
      if (periodic()) {
        due = timerStart + ((now - timerStart) / period + 1) * period;
      } else if (timerStart + period > now) {
        due = timerStart + period;
      }
    }
    reschedule();
  }

  private void reschedule() {
    if (pending != null) {
      board.events().cancel(pending);
      pending = null;
    }
    if (due != NEVER) {
      pending = board.events().at(due, name() + " timer", timerDue);
    }
  }

  private void timerDue() {
    pending = null;
    long fired = due;
    due = NEVER;
    local(LVT_TIMER);
    if (waitsForDeadline()) {
      deadline = 0;
    } else if (periodic() && initialCount != 0) {
      // Periods that a slow host has missed are one.
      long period = period();
      due = fired + period;
      long earliest = Math.max(clock.nanos(), fired + SHORTEST_PERIOD);
      if (due < earliest) {
        due += (earliest - due + period - 1) / period * period;
      }
      reschedule();
    } else {
      ranOut = true;
    }
  }

  /** Nanoseconds in which the initial count is counted down. */
  private long period() {
    return (initialCount & 0xFFFF_FFFFL) << divideShift();
  }

  @Override
  public String name() {
    return "lapic" + initialId;
  }

  @Override
  public void reset() {
    base = RESET_BASE | (initialId == 0 ? BASE_BSP : 0);
    id = initialId;
    resetRegisters();
    remap();
    update();
  }

  /** INIT leaves the ID and the base alone (SDM 11.4.7.3). */
  private void init() {
    resetRegisters();
    update();
  }

  private void resetRegisters() {
    tpr = 0;
    ldr = 0;
    dfr = -1;
    svr = 0xFF;
    Arrays.fill(isr, 0);
    Arrays.fill(tmr, 0);
    Arrays.fill(irr, 0);
    esr = esrPending = 0;
    icrLow = icrHigh = 0;
    Arrays.fill(lvt, LVT_MASKED);
    if (initialId == 0) {
      lvt[LVT_LINT0] = ApicBus.EXT_INT << 8;
    }
    initialCount = 0;
    ranOut = false;
    divide = 0;
    deadline = 0;
    timerStart = clock.nanos();
    scheduleTimer(timerStart);
  }

  @Override
  public State state() {
    return new State(
        base,
        id,
        tpr,
        ldr,
        dfr,
        svr,
        isr.clone(),
        tmr.clone(),
        irr.clone(),
        esr,
        esrPending,
        icrLow,
        icrHigh,
        lvt.clone(),
        initialCount,
        ranOut,
        divide,
        deadline,
        timerStart,
        due,
        lines);
  }

  @Override
  public void restore(State state) {
    base = state.base();
    id = state.id();
    tpr = state.tpr();
    ldr = state.ldr();
    dfr = state.dfr();
    svr = state.svr();
    System.arraycopy(Arrays.copyOf(state.isr(), 8), 0, isr, 0, 8);
    System.arraycopy(Arrays.copyOf(state.tmr(), 8), 0, tmr, 0, 8);
    System.arraycopy(Arrays.copyOf(state.irr(), 8), 0, irr, 0, 8);
    esr = state.esr();
    esrPending = state.esrPending();
    icrLow = state.icrLow();
    icrHigh = state.icrHigh();
    System.arraycopy(Arrays.copyOf(state.lvt(), LVT_COUNT), 0, lvt, 0, LVT_COUNT);
    initialCount = state.initialCount();
    ranOut = state.ranOut();
    divide = state.divide();
    deadline = state.deadline();
    timerStart = state.timerStart();
    due = state.due();
    lines = state.lines();
    remap();
    reschedule();
    intr = !intr;
    update();
    if (!intr) {
      core.intr(false);
    }
  }
}
