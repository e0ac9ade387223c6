package io.satchel.vm.cpu;

import io.satchel.vm.bus.IoPorts;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The architectural state of one virtual processor and its pins. Plain fields: engines and
 * semantics work on them directly.
 *
 * <p>While an instruction executes, {@link #rip} holds the offset of the <em>next</em> instruction.
 * When it throws {@link GuestFault} the engine puts {@code rip} back to the instruction's first
 * byte; everything else must be as before the instruction (a repeated string instruction keeps the
 * iterations that are done).
 */
public final class CpuState {

  // Register numbers as instructions encode them.
  public static final int RAX = 0;
  public static final int RCX = 1;
  public static final int RDX = 2;
  public static final int RBX = 3;
  public static final int RSP = 4;
  public static final int RBP = 5;
  public static final int RSI = 6;
  public static final int RDI = 7;

  /** A register that is always zero: keeps address arithmetic free of branches. */
  public static final int ZERO = 16;

  public static final int ES = 0;
  public static final int CS = 1;
  public static final int SS = 2;
  public static final int DS = 3;
  public static final int FS = 4;
  public static final int GS = 5;
  public static final int LDTR = 6;
  public static final int TR = 7;

  // RFLAGS (SDM volume 1, section 3.4.3).
  public static final int CF = 1;
  public static final int PF = 1 << 2;
  public static final int AF = 1 << 4;
  public static final int ZF = 1 << 6;
  public static final int SF = 1 << 7;
  public static final int TF = 1 << 8;
  public static final int IF = 1 << 9;
  public static final int DF = 1 << 10;
  public static final int OF = 1 << 11;
  public static final int IOPL = 3 << 12;
  public static final int NT = 1 << 14;
  public static final int RF = 1 << 16;
  public static final int VM = 1 << 17;
  public static final int AC = 1 << 18;
  public static final int VIF = 1 << 19;
  public static final int VIP = 1 << 20;
  public static final int ID = 1 << 21;

  /** CF, PF, AF, ZF, SF, OF. */
  public static final int ARITHMETIC = CF | PF | AF | ZF | SF | OF;

  public static final long CR0_PE = 1;
  public static final long CR0_MP = 1 << 1;
  public static final long CR0_EM = 1 << 2;
  public static final long CR0_TS = 1 << 3;
  public static final long CR0_ET = 1 << 4;
  public static final long CR0_NE = 1 << 5;
  public static final long CR0_WP = 1 << 16;
  public static final long CR0_AM = 1 << 18;
  public static final long CR0_NW = 1 << 29;
  public static final long CR0_CD = 1 << 30;
  public static final long CR0_PG = 1L << 31;

  public static final long CR4_VME = 1;
  public static final long CR4_PVI = 1 << 1;
  public static final long CR4_TSD = 1 << 2;
  public static final long CR4_DE = 1 << 3;
  public static final long CR4_PSE = 1 << 4;
  public static final long CR4_PAE = 1 << 5;
  public static final long CR4_MCE = 1 << 6;
  public static final long CR4_PGE = 1 << 7;
  public static final long CR4_PCE = 1 << 8;
  public static final long CR4_OSFXSR = 1 << 9;
  public static final long CR4_OSXMMEXCPT = 1 << 10;

  public static final long CR4_UMIP = 1 << 11;
  public static final long CR4_FSGSBASE = 1 << 16;
  public static final long CR4_PCIDE = 1 << 17;
  public static final long CR4_OSXSAVE = 1 << 18;
  public static final long CR4_SMEP = 1 << 20;
  public static final long CR4_SMAP = 1 << 21;

  /** XCR0's bits of the SSE and the AVX state (SDM volume 1, section 13.3). */
  public static final long XCR0_AVX_STATE = 6;

  public static final long EFER_SCE = 1;
  public static final long EFER_LME = 1 << 8;
  public static final long EFER_LMA = 1 << 10;
  public static final long EFER_NXE = 1 << 11;

  // Segment attributes: the descriptor's bits 8-15 in bits 0-7 and its bits 20-23 in bits 12-15
  // (the form of the VMCS).
  public static final int ATTR_TYPE = 0xF;
  public static final int ATTR_S = 1 << 4;
  public static final int ATTR_DPL = 3 << 5;
  public static final int ATTR_P = 1 << 7;
  public static final int ATTR_AVL = 1 << 12;
  public static final int ATTR_L = 1 << 13;
  public static final int ATTR_DB = 1 << 14;
  public static final int ATTR_G = 1 << 15;

  /** Set in {@link #attributes} when the register was loaded with a null selector. */
  public static final int ATTR_UNUSABLE = 1 << 16;

  // Bits of pending().
  public static final int PENDING_INTR = 1;
  public static final int PENDING_NMI = 1 << 1;

  /** The run is to end at the next block boundary. */
  public static final int PENDING_KICK = 1 << 2;

  /** MXCSR after RESET: all exceptions masked, round to nearest. */
  public static final int MXCSR_RESET = 0x1F80;

  private static final VarHandle PENDING = pendingHandle();

  /** RAX to R15, then the zero register and seven that are private to engines. */
  public final long[] gpr = new long[24];

  /** XMM0 to XMM15: bits 63-0 at {@code 2 * n}, bits 127-64 at {@code 2 * n + 1}. */
  public final long[] xmm = new long[32];

  /** Bits 255-128 of YMM0 to YMM15, as {@link #xmm}. */
  public final long[] ymmHigh = new long[32];

  /** MXCSR (SDM volume 1, section 10.2.3). */
  public int mxcsr = MXCSR_RESET;

  /**
   * SIMD floating-point exceptions that the instruction in hand has met so far, in the bits of
   * MXCSR's flags; 0 between instructions. Element functions add to it, and {@code Simd.finish}
   * moves it to {@link #mxcsr} or raises #XM.
   */
  public int simdExceptions;

  // The second half of a result whose first half a method returns; not state.
  public long resultHigh;

  /** Scratch space of the instruction in hand; not state. */
  public final long[] vectorScratch = new long[4];

  /** Offset in the code segment. */
  public long rip;

  /** RFLAGS without the arithmetic flags, which are kept lazily; bit 1 is set. */
  public int systemFlags = 2;

  public final int[] selector = new int[8];
  public final long[] base = new long[8];

  /** Last valid offset, granularity applied. */
  public final long[] limit = new long[8];

  public final int[] attributes = new int[8];
  public long gdtrBase;
  public int gdtrLimit;
  public long idtrBase;
  public int idtrLimit;
  public long cr0 = CR0_ET;
  public long cr2;
  public long cr3;
  public long cr4;
  public long efer;

  /** The components of the state that XSAVE manages; x87 (bit 0) always is. */
  public long xcr0 = 1;

  public final long[] dr = {0, 0, 0, 0, 0, 0, 0xFFFF_0FF0L, 0x400};

  /** Current privilege level, 0 to 3. Kept beside CS's attributes by who loads CS or SS. */
  public int cpl;

  /** Set by HLT, cleared by an interrupt, NMI, INIT or RESET. */
  public boolean halted;

  /**
   * The processor has shut down after a triple fault; {@link #shutdownRip} and {@link #shutdownCs}
   * say where.
   */
  public boolean shutdown;

  public long shutdownRip;
  public int shutdownCs;

  /**
   * Interrupts and single step are held off until the next instruction is done: after STI, MOV SS
   * and POP SS.
   */
  public boolean interruptShadow;

  /** DR6's B0 to B3 for the data and I/O breakpoints that the current instruction met. */
  public int debugHits;

  /** NMIs are blocked until IRET. */
  public boolean nmiBlocked;

  /**
   * Address line 20: when false, physical addresses have bit 20 cleared. Change it with {@link
   * #setA20}.
   */
  public boolean a20 = true;

  /** Instructions retired; engines add at the latest when a block ends. */
  public long instructions;

  // MSRs with storage (SDM volume 4).
  public long sysenterCs;
  public long sysenterEsp;
  public long sysenterEip;
  public long apicBase = 0xFEE0_0900L;
  public long pat = 0x0007_0406_0007_0406L;
  public long tscOffset;

  /** IA32_TSC_ADJUST: what WRMSR has added to the time stamp counter since the reset. */
  public long tscAdjust;

  public long miscEnable = 1;
  public final long[] mtrr = new long[32];
  public long star;
  public long lstar;
  public long cstar;
  public long syscallMask;
  public long kernelGsBase;
  public long tscAux;

  /** CTL, STATUS, ADDR and MISC of five machine-check banks. */
  public final long[] machineCheck = new long[20];

  /** IA32_PERFEVTSEL0 and 1. */
  public final long[] eventSelect = new long[2];

  /** The performance counters, less the instructions that have retired for those that count. */
  public final long[] counter = new long[2];

  public final FpuState fpu = new FpuState();
  public final Mmu mmu;
  public final IoPorts ports;
  public final CpuModel model;

  /** Whether PAUSE gives up the rest of the processor's turn: there are others to run. */
  public boolean yields;

  /** It waits by asking, or its system has said that it is idle: until an interrupt, or longer. */
  public boolean dozing;

  /** What was pending, and masked, when it began to doze: that does not wake it. */
  public int dozingThrough;

  /** Notices that a program waits by asking; null when nobody wants to know. */
  public @Nullable PollWatch polls;

  /**
   * Iterations of repeated string instructions, each of which retires as one instruction however
   * often it goes around.
   */
  public long iterations;

  /** The run is to end when {@link #iterations} reach this. */
  public long lastIteration = Long.MAX_VALUE;

  /** Ticks of the time stamp counter before {@link #tscOffset}. */
  public LongSupplier tsc = () -> 0;

  /** Where RDRAND and RDSEED have their numbers from; a guest makes keys of them. */
  public LongSupplier random = new SecureRandom()::nextLong;

  /** Answers the interrupt acknowledge cycle. */
  public InterruptAcknowledge interruptController = () -> 0xFF;

  /** FERR#: driven by an unmasked x87 error while CR0.NE is clear. */
  public io.satchel.vm.bus.IrqLine ferr = io.satchel.vm.bus.IrqLine.UNCONNECTED;

  /**
   * IGNNE#: while it is active and CR0.NE is clear, x87 instructions ignore a pending error. The
   * board asserts it by a write to port F0h; it goes when the error does.
   */
  public boolean ignne;

  /** {@link #apicBase} was written. */
  public Runnable apicBaseChanged = () -> {};

  public ApicRegisters apic = ApicRegisters.NONE;

  /** The initial APIC ID, as CPUID gives it: 0 is the bootstrap processor. */
  public int apicId;

  private final GuestFault fault = new GuestFault();
  private volatile int pending;

  // The arithmetic flags as the last instruction that wrote them left its operands; see
  // LazyFlags.
  public int flagRule = LazyFlags.EXPLICIT;
  public long flagA;
  public long flagB;
  public long flagResult;

  public CpuState(Mmu mmu, IoPorts ports, CpuModel model) {
    this.mmu = mmu;
    this.ports = ports;
    this.model = model;
    mmu.attach(this);
    mmu.walker().setPhysicalBits(model.physicalBits());
  }

  private static VarHandle pendingHandle() {
    try {
      return MethodHandles.lookup().findVarHandle(CpuState.class, "pending", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /** Bits PENDING_*; engines look at it at every block boundary. */
  public int pending() {
    return pending;
  }

  /** {@link #pending}, by an opaque read: for loops in compiled code. */
  public int pendingOpaque() {
    return (int) PENDING.getOpaque(this);
  }

  /** The bits of {@link #pending} that can have an effect now. */
  public int attentionMask() {
    return PENDING_KICK
        | (nmiBlocked ? 0 : PENDING_NMI)
        | ((systemFlags & IF) != 0 ? PENDING_INTR : 0);
  }

  /** Whether an interrupt or NMI could be delivered, or the run is to end. */
  public boolean wantsInterrupt() {
    return (pending & attentionMask()) != 0;
  }

  /** Whether a long instruction should stop for an interrupt, NMI, kick or single step. */
  public boolean wantsAttention() {
    return wantsInterrupt() || (systemFlags & TF) != 0;
  }

  /** Sets or clears the INTR pin. Only by the machine's holder. */
  public void setIntr(boolean level) {
    change(PENDING_INTR, level);
  }

  /** An edge on the NMI pin. */
  public void raiseNmi() {
    change(PENDING_NMI, true);
  }

  public void clearNmi() {
    change(PENDING_NMI, false);
  }

  /** Ends the run at the next block boundary; from any thread. */
  public void kick() {
    change(PENDING_KICK, true);
  }

  /** A repeated string instruction went around so often. */
  public void iterated(long times) {
    iterations += times;
    if (iterations >= lastIteration) {
      kick();
    }
  }

  public void clearKick() {
    change(PENDING_KICK, false);
  }

  private synchronized void change(int bit, boolean level) {
    pending = level ? pending | bit : pending & ~bit;
  }

  /** CF, PF, AF, ZF, SF and OF as they stand. */
  public int arithmeticFlags() {
    return LazyFlags.all(flagRule, flagA, flagB, flagResult);
  }

  /** Sets all six arithmetic flags from the bits of {@code flags}. */
  public void setArithmeticFlags(int flags) {
    flagRule = LazyFlags.EXPLICIT;
    flagResult = flags & ARITHMETIC;
  }

  /** CF, 0 or 1. */
  public int carry() {
    return LazyFlags.carry(flagRule, flagA, flagB, flagResult);
  }

  /** RFLAGS, bit 1 set. */
  public int rflags() {
    return systemFlags | arithmeticFlags() | 2;
  }

  /** Sets the bits of {@code mask} in RFLAGS. */
  public void setRflags(int value, int mask) {
    int flags = rflags() & ~mask | value & mask;
    systemFlags = flags & ~ARITHMETIC | 2;
    setArithmeticFlags(flags);
  }

  public boolean realMode() {
    return (cr0 & CR0_PE) == 0;
  }

  public boolean virtual8086() {
    return (systemFlags & VM) != 0;
  }

  /** Protected mode and not virtual-8086. */
  public boolean protectedMode() {
    return (cr0 & CR0_PE) != 0 && (systemFlags & VM) == 0;
  }

  public boolean longMode() {
    return (efer & EFER_LMA) != 0;
  }

  /** 64-bit code: long mode active and CS.L set. */
  public boolean code64() {
    return (efer & EFER_LMA) != 0 && (attributes[CS] & ATTR_L) != 0;
  }

  /** The stack pointer's width in bytes: 2, 4 or 8. */
  public int stackWidth() {
    return code64() ? 8 : (attributes[SS] & ATTR_DB) != 0 ? 4 : 2;
  }

  /** Whether the operating system lets AVX be used: CR4.OSXSAVE, and SSE and AVX in XCR0. */
  public boolean avxEnabled() {
    return (cr4 & CR4_OSXSAVE) != 0 && (xcr0 & XCR0_AVX_STATE) == XCR0_AVX_STATE;
  }

  /** Whether misaligned accesses raise #AC. */
  public boolean alignmentChecked() {
    return cpl == 3 && (cr0 & CR0_AM) != 0 && (systemFlags & AC) != 0;
  }

  public int iopl() {
    return systemFlags >>> 12 & 3;
  }

  /**
   * The state after RESET (SDM volume 3, table 9-1).
   *
   * @param signature what CPUID leaf 1 says in EAX, found in EDX
   */
  public void reset(int signature) {
    init(signature);
    cr0 = CR0_ET | CR0_CD | CR0_NW;
    apicBase = 0xFEE0_0900L;
    pat = 0x0007_0406_0007_0406L;
    miscEnable = 1;
    sysenterCs = sysenterEsp = sysenterEip = 0;
    star = lstar = cstar = syscallMask = kernelGsBase = tscAux = 0;
    Arrays.fill(machineCheck, 0);
    Arrays.fill(eventSelect, 0);
    Arrays.fill(counter, 0);
    xcr0 = 1;
    tscOffset = -tsc.getAsLong();
    tscAdjust = 0;
    Arrays.fill(mtrr, 0);
    fpu.reset();
    Arrays.fill(xmm, 0);
    Arrays.fill(ymmHigh, 0);
    mxcsr = MXCSR_RESET;
    xcr0 = 1;
    instructions = 0;
  }

  /** The state after INIT: x87, MSRs, CR0.CD and CR0.NW stay. */
  public void init(int signature) {
    Arrays.fill(gpr, 0);
    gpr[RDX] = signature;
    rip = 0xFFF0;
    systemFlags = 2;
    setArithmeticFlags(0);
    for (int n = 0; n < 8; n++) {
      selector[n] = 0;
      base[n] = 0;
      limit[n] = 0xFFFF;
      // Present, read/write data, accessed; LDT; busy 32-bit TSS.
      attributes[n] = n == LDTR ? 0x82 : n == TR ? 0x8B : 0x93;
    }
    selector[CS] = 0xF000;
    base[CS] = 0xFFFF_0000L;
    attributes[CS] = 0x9B;
    gdtrBase = idtrBase = 0;
    gdtrLimit = idtrLimit = 0xFFFF;
    cr0 = cr0 & (CR0_CD | CR0_NW) | CR0_ET;
    cr2 = cr3 = cr4 = efer = 0;
    Arrays.fill(dr, 0);
    dr[6] = 0xFFFF_0FF0L;
    dr[7] = 0x400;
    cpl = 0;
    halted = shutdown = false;
    interruptShadow = nmiBlocked = false;
    clearNmi();
    mmu.flushAll();
  }

  /** Opens or closes the A20 gate. */
  public void setA20(boolean open) {
    if (a20 != open) {
      a20 = open;
      mmu.flushAll();
    }
  }

  /** The fault to throw: {@code throw cpu.fault(GuestFault.GP, 0)}. */
  public GuestFault fault(int vector, int errorCode) {
    return fault.with(vector, errorCode);
  }

  public GuestFault gp(int errorCode) {
    return fault.with(GuestFault.GP, errorCode);
  }

  public GuestFault ud() {
    return fault.with(GuestFault.UD, 0);
  }
}
