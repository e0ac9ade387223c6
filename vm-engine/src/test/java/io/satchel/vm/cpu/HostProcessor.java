package io.satchel.vm.cpu;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.jna.Function;
import com.sun.jna.Memory;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import io.satchel.vm.accel.Tcg;
import io.satchel.vm.bus.IoPorts;
import io.satchel.vm.cpu.decode.Decoder;
import io.satchel.vm.cpu.decode.Instruction;
import io.satchel.vm.cpu.semantics.Checks;
import io.satchel.vm.memory.AddressMap;
import io.satchel.vm.memory.GuestMemory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Set;

/**
 * Runs one user-mode instruction of 64-bit or of 32-bit code on the host processor, and the very
 * same bytes on ours, from the same registers, x87, MMX, SSE and AVX state and memory.
 *
 * <p>A batch is an array of records in {@link #records}: the state to begin with, memory that the
 * registers may point into, and room for the state afterwards. A loop of 64-bit code loads all of
 * it, executes the instruction and stores all of it. What the host raises is caught by a signal
 * handler and recorded like a result: divide errors, #UD, #GP, #PF, #AC and unmasked SIMD
 * exceptions are compared too. Debug traps are not: INT1, INT3 and TF must stay away.
 *
 * <p>32-bit code runs in the host's compatibility mode: the loop stays 64-bit code and makes a far
 * jump there and back. Segments other than CS and SS may be given the base {@link #segmentBase}, by
 * a descriptor in the process's LDT, so that addresses of 16 bits and overrides have something to
 * show; so may CS of 32-bit code, whose jumps of 16 bits then stay within it.
 */
final class HostProcessor implements AutoCloseable {

  static final int BATCH = 32;
  static final int STRIDE = 0x1000;

  // In a record. FX is an FXSAVE64 image, x87, MXCSR and XMM0 to XMM15; UPPER the high halves of
  // YMM0 to YMM15; GPR RAX to R15.
  static final int FX = 0;
  static final int UPPER = 0x200;
  static final int GPR = 0x300;
  static final int RFLAGS = 0x380;

  /** The distance from a field before to the same field afterwards. */
  static final int AFTER = 0x400;

  /** 1 when the jump was taken; only afterwards. */
  static final int TAKEN = AFTER + 0x388;

  /** The vector of the exception that was raised plus 1, or 0; only afterwards. */
  static final int FAULT = AFTER + 0x390;

  /** The exception's error code as the kernel passes it on; ours does not fill it in. */
  static final int ERROR = AFTER + 0x394;

  static final int MEMORY = 0x800;
  static final int MEMORY_SIZE = STRIDE - MEMORY;

  // In an FXSAVE64 image.
  static final int FCW = 0;
  static final int FSW = 2;
  static final int FTW = 4;
  static final int MXCSR = 24;
  static final int ST = 32;
  static final int XMM = 160;

  private static final int HANDLER = 0xC00;
  private static final byte HALT = (byte) 0xF4;

  /** Instructions; more than a repeated string instruction of a test takes. */
  private static final int ENOUGH = 100_000;

  private static final int DATA = 0xE00;
  private static final int POINTER = DATA;
  private static final int COUNT = DATA + 8;
  private static final int SAVED_RSP = DATA + 16;
  private static final int STACK_POINTER = DATA + 24;
  private static final int TAKEN_FLAG = DATA + 32;
  private static final int VECTOR = DATA + 36;
  private static final int ERROR_CODE = DATA + 40;
  private static final int FAR_POINTER = DATA + 48;
  private static final int OLD_FS_BASE = DATA + 56;
  private static final int OLD_HANDLERS = DATA + 64;

  // Selectors to load before the instruction and behind it, four bytes apart: ES, DS, FS, GS.
  private static final int SELECTORS = DATA + 0x180;
  private static final int OLD_SELECTORS = SELECTORS + 16;

  /** Memory that instructions name by its address; see {@link #scratchAddress}. */
  static final int SCRATCH = 0x1000;

  static final int SCRATCH_SIZE = 0x400;

  private static final int RECORDS = 0x2000;
  private static final int SIZE = RECORDS + BATCH * STRIDE + 0x1000;

  // Linux: struct sigaction and ucontext of x86-64.
  private static final int[] SIGNALS = {4, 7, 8, 11};
  private static final int SIGACTION_SIZE = 152;
  private static final int SIGACTION_FLAGS = 136;
  private static final int SA_SIGINFO = 4;
  private static final int SA_ONSTACK = 0x0800_0000;
  private static final int SA_NODEFER = 0x4000_0000;
  private static final int CONTEXT_RIP = 40 + 16 * 8;
  private static final int CONTEXT_ERROR = 40 + 19 * 8;
  private static final int CONTEXT_VECTOR = 40 + 20 * 8;

  // Linux: modify_ldt(2) and its struct user_desc.
  private static final int MODIFY_LDT_NEW_FORMAT = 0x11;
  private static final int DESCRIPTOR_SIZE = 16;
  private static final int DATA_DESCRIPTOR = 0x51;
  private static final int CODE_DESCRIPTOR = 0x55;
  private static final int DATA_SELECTOR = 0x07;
  private static final int CODE_SELECTOR = 0x0F;
  private static final int USER_DATA = 0x2B;
  private static final int USER_CODE_32 = 0x23;
  private static final int USER_CODE_64 = 0x33;

  private static final int[] LOADED = {CpuState.ES, CpuState.DS, CpuState.FS, CpuState.GS};

  private final HostPage page = HostPage.open(SIZE);
  private final NativeLibrary libc = NativeLibrary.getInstance("c");

  /**
   * What signals are handled on. Far from where an instruction's RSP points: Linux takes an RSP
   * within it for a handler that is running, and pushes the next frame below it.
   */
  private final Memory signalStack = new Memory(0x10000);

  private final boolean avx = hostFeatures().contains("avx");
  private final GuestMemory memory = new GuestMemory(SIZE, 0);
  private final Decoder decoder = new Decoder(Decoder.fullMap());

  /** Ours. */
  final CpuState cpu;

  /** The records of the batch; filled in by the test. */
  final ByteBuffer records = ByteBuffer.allocate(BATCH * STRIDE).order(ByteOrder.LITTLE_ENDIAN);

  /** The scratch memory; the same at the start of every batch. */
  final ByteBuffer scratch = ByteBuffer.allocate(SCRATCH_SIZE).order(ByteOrder.LITTLE_ENDIAN);

  private final boolean wide;
  private final Tcg engine;
  private final boolean[] based = new boolean[6];
  private byte[] instruction = {};
  private int at;
  private int notTaken;
  private int taken;

  /**
   * @param codeWidth bytes of an address in the code: 8 or 4
   */
  HostProcessor(int codeWidth) {
    wide = codeWidth == 8;
    AddressMap map = new AddressMap(memory);
    map.mapMemory(page.address(), SIZE, 0);
    cpu = new CpuState(new Mmu(map), new IoPorts(), CpuModel.named("max"));
    cpu.reset(0);
    // Without paging, which does not matter here: linear addresses are physical ones.
    cpu.cr0 = CpuState.CR0_PE | CpuState.CR0_ET | CpuState.CR0_NE;
    cpu.cr4 = CpuState.CR4_OSFXSR | CpuState.CR4_OSXMMEXCPT | CpuState.CR4_FSGSBASE;
    cpu.efer = CpuState.EFER_LME | CpuState.EFER_LMA | CpuState.EFER_SCE;
    for (int n = 0; n < 6; n++) {
      cpu.selector[n] = n == CpuState.CS ? 0x33 : 0x2B;
      cpu.base[n] = 0;
      cpu.limit[n] = 0xFFFF_FFFFL;
      cpu.attributes[n] = CpuState.ATTR_G | CpuState.ATTR_P | CpuState.ATTR_S | 0x63;
    }
    cpu.attributes[CpuState.CS] |= (wide ? CpuState.ATTR_L : CpuState.ATTR_DB) | 8;
    cpu.attributes[CpuState.SS] |= CpuState.ATTR_DB;
    cpu.cpl = 3;
    engine = new Tcg(cpu);
    base();
  }

  /** Whether segments can be given a base here: the host must let FS's be put back. */
  static boolean canBaseSegments() {
    return hostFeatures().contains("fsgsbase");
  }

  /**
   * Gives segments the base {@link #segmentBase} from now on, and the others 0; before {@link
   * #instruction}.
   *
   * @param segments some of ES, DS, FS, GS and, in 32-bit code, CS
   */
  void base(int... segments) {
    Arrays.fill(based, false);
    for (int segment : segments) {
      based[segment] = true;
    }
    loadSegments();
  }

  private void loadSegments() {
    for (int segment = 0; segment < 6; segment++) {
      boolean given = based[segment];
      boolean used = !wide || segment >= CpuState.FS;
      cpu.base[segment] =
          !given || !used ? 0 : segment == CpuState.CS ? page.address() : segmentBase();
      int flat = segment == CpuState.CS ? wide ? USER_CODE_64 : USER_CODE_32 : USER_DATA;
      int given32 = segment == CpuState.CS ? CODE_SELECTOR : DATA_SELECTOR;
      cpu.selector[segment] = given ? given32 : segment >= CpuState.FS ? 0 : flat;
    }
  }

  /** The base of segments but CS that have one: that of the first record. */
  long segmentBase() {
    return recordAddress(0);
  }

  /** The names in the flags line of /proc/cpuinfo. */
  static Set<String> hostFeatures() {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/cpuinfo"), StandardCharsets.US_ASCII)) {
        if (line.startsWith("flags")) {
          return Set.copyOf(Arrays.asList(line.split("\\s+")));
        }
      }
    } catch (IOException e) {
      // Then nothing is known of the host.
    }
    return Set.of();
  }

  /** The linear address of record {@code n}, below 2 GB. */
  long recordAddress(int n) {
    return page.address() + RECORDS + (long) n * STRIDE;
  }

  /** The linear address of the scratch memory, below 2 GB. */
  long scratchAddress() {
    return page.address() + SCRATCH;
  }

  /** The offset of the instruction in CS; valid behind {@link #instruction}. */
  long instructionAddress() {
    return page.address() - codeBase() + at;
  }

  /**
   * Where a jump has to go to count as taken: the distance is {@code takenAddress -
   * instructionAddress - length}. Valid behind {@link #instruction}.
   */
  long takenAddress() {
    return page.address() - codeBase() + taken;
  }

  /**
   * Puts the loop around an instruction. Its address does not depend on it, so one that names an
   * address may be given a second time.
   */
  void instruction(byte[] bytes) {
    instruction = bytes.clone();
    ByteBuffer code = ByteBuffer.allocate(HANDLER).order(ByteOrder.LITTLE_ENDIAN);
    put(code, "53 55 4154 4155 4156 4157 8CC0 50 8CD8 50 0FA8"); // save; ES, DS, GS
    put(code, "B8").putInt(USER_DATA);
    put(code, "8EC0 8ED8 4883EC10 D93C24 0FAE5C2404"); // FCW, MXCSR
    boolean bases = canBaseSegments();
    if (bases) {
      put(code, "F3480FAEC0"); // rdfsbase rax
      absolute(code, "48890425", OLD_FS_BASE);
    }
    absolute(code, "48892425", STACK_POINTER); // mov [],rsp
    int loop = code.position();
    absolute(code, "488B2425", POINTER); // mov rsp,[]
    put(code, "480FAE0C24"); // fxrstor64 [rsp]
    for (int n = 0; avx && n < 16; n++) {
      // vinsertf128 ymm n,ymm n,[rsp+],1
      code.put((byte) 0xC4).put((byte) (n < 8 ? 0xE3 : 0x63)).put((byte) (~n << 3 & 0x78 | 5));
      code.put((byte) 0x18).put((byte) (0x84 | (n & 7) << 3)).put((byte) 0x24);
      code.putInt(UPPER + 16 * n).put((byte) 1);
    }
    put(code, "488DA424").putInt(RFLAGS); // lea rsp,[rsp+]
    put(code, "9D"); // popfq
    for (int n = 0; n < 16; n++) {
      if (n != CpuState.RSP) {
        general(code, 0x8B, n, GPR + 8 * n - (RFLAGS + 8));
      }
    }
    general(code, 0x8B, CpuState.RSP, GPR + 8 * CpuState.RSP - (RFLAGS + 8));
    if (bases) {
      selectors(code, SELECTORS);
    }
    if (!wide) {
      absolute(code, "FF2C25", FAR_POINTER); // jmp far
    }
    at = code.position();
    code.put(instruction);
    code.position(at + 15);
    Arrays.fill(code.array(), at + bytes.length, at + 15, (byte) 0x90);
    // SS is flat whatever base DS has.
    String flag = wide ? "C60425" : "36C605";
    notTaken = code.position();
    absolute(code, flag, TAKEN_FLAG).put((byte) 0); // mov byte [],0
    put(code, "EB08"); // jmp behind
    taken = code.position();
    absolute(code, flag, TAKEN_FLAG).put((byte) 1);
    if (!wide) {
      put(code, "EA");
      code.putInt((int) page.address() + code.position() + 6).putShort((short) USER_CODE_64);
    }
    absolute(code, "48892425", SAVED_RSP);
    if (bases) {
      selectors(code, OLD_SELECTORS);
    }
    absolute(code, "488B2425", POINTER);
    for (int n = 0; n < 16; n++) {
      if (n != CpuState.RSP) {
        general(code, 0x89, n, AFTER + GPR + 8 * n);
      }
    }
    put(code, "488DA424").putInt(AFTER + RFLAGS + 8);
    put(code, "9C FC"); // pushfq; cld
    absolute(code, "488B2425", POINTER);
    if (bases) {
      absolute(code, "488B0425", OLD_FS_BASE);
      put(code, "F3480FAED0"); // wrfsbase rax
    }
    absolute(code, "488B0425", SAVED_RSP); // mov rax,[]
    general(code, 0x89, 0, AFTER + GPR + 8 * CpuState.RSP);
    absolute(code, "0FB60425", TAKEN_FLAG); // movzx eax,byte []
    general(code, 0x89, 0, TAKEN);
    absolute(code, "8B0425", VECTOR); // mov eax,[]
    put(code, "898424").putInt(FAULT);
    absolute(code, "8B0425", ERROR_CODE);
    put(code, "898424").putInt(ERROR);
    put(code, "480FAE8424").putInt(AFTER + FX); // fxsave64 [rsp+]
    for (int n = 0; avx && n < 16; n++) {
      // vextractf128 [rsp+],ymm n,1
      code.put((byte) 0xC4).put((byte) (n < 8 ? 0xE3 : 0x63)).put((byte) 0x7D);
      code.put((byte) 0x19).put((byte) (0x84 | (n & 7) << 3)).put((byte) 0x24);
      code.putInt(AFTER + UPPER + 16 * n).put((byte) 1);
    }
    absolute(code, "C70425", VECTOR).putInt(0); // mov dword [],0
    absolute(code, "48810425", POINTER).putInt(STRIDE); // add qword [],
    absolute(code, "FF0C25", COUNT); // dec dword []
    put(code, "0F85");
    code.putInt(loop - code.position() - 4); // jnz
    absolute(code, "488B2425", STACK_POINTER);
    if (avx) {
      put(code, "C5F877"); // vzeroupper
    }
    put(code, "DBE3 D92C24 0FAE542404 4883C410 0FA9 58 8ED8 58 8EC0");
    put(code, "415F 415E 415D 415C 5D 5B C3");
    page.write(0, code.array());
    page.write(HANDLER, handler());
  }

  /** Loads ES, DS, FS and GS from memory. */
  private void selectors(ByteBuffer code, int from) {
    String[] loads = {"8E0425", "8E1C25", "8E2425", "8E2C25"};
    for (int n = 0; n < loads.length; n++) {
      absolute(code, loads[n], from + 4 * n);
    }
  }

  /** What the address of an instruction has to be taken away from for its offset in CS. */
  private long codeBase() {
    return based[CpuState.CS] ? page.address() : 0;
  }

  /** A signal handler: records the exception of our instruction, leaves others to the old one. */
  private byte[] handler() {
    ByteBuffer code = ByteBuffer.allocate(128).order(ByteOrder.LITTLE_ENDIAN);
    put(code, "488B82").putInt(CONTEXT_RIP); // mov rax,[rdx+]
    put(code, "483D").putInt((int) (page.address() - codeBase()) + at); // cmp rax,
    put(code, "752C"); // jne other
    int from = code.position();
    put(code, "8B82").putInt(CONTEXT_VECTOR); // mov eax,[rdx+]
    put(code, "FFC0"); // inc eax
    absolute(code, "890425", VECTOR); // mov [],eax
    put(code, "8B82").putInt(CONTEXT_ERROR);
    absolute(code, "890425", ERROR_CODE);
    put(code, "48C782").putInt(CONTEXT_RIP);
    code.putInt((int) (page.address() - codeBase()) + notTaken);
    put(code, "C3");
    int length = code.position() - from;
    code.put(from - 1, (byte) length);
    put(code, "8BC7 488B04C5").putInt((int) page.address() + OLD_HANDLERS); // mov rax,[rax*8+]
    put(code, "FFE0"); // jmp rax
    return Arrays.copyOf(code.array(), code.position());
  }

  private ByteBuffer absolute(ByteBuffer code, String opcode, int offset) {
    return put(code, opcode).putInt((int) page.address() + offset);
  }

  /** MOV between a general register and [rsp+displacement]. */
  private static void general(ByteBuffer code, int opcode, int register, int displacement) {
    code.put((byte) (register < 8 ? 0x48 : 0x4C)).put((byte) opcode);
    code.put((byte) (0x84 | (register & 7) << 3)).put((byte) 0x24).putInt(displacement);
  }

  private static ByteBuffer put(ByteBuffer code, String hex) {
    return code.put(HexFormat.of().parseHex(hex.replace(" ", "")));
  }

  /** Runs the first {@code count} records natively and gives them as they are afterwards. */
  ByteBuffer runNative(int count) {
    page.write(RECORDS, records.array());
    page.write(SCRATCH, scratch.array());
    page.writeLong(POINTER, recordAddress(0));
    page.writeLong(COUNT, count);
    page.writeInt(VECTOR, 0);
    page.writeInt(FAR_POINTER, (int) instructionAddress());
    page.writeInt(FAR_POINTER + 4, cpu.selector[CpuState.CS]);
    for (int n = 0; n < LOADED.length; n++) {
      page.writeInt(SELECTORS + 4 * n, cpu.selector[LOADED[n]]);
      page.writeInt(OLD_SELECTORS + 4 * n, n < 2 ? USER_DATA : 0);
    }
    descriptor(0, segmentBase(), DATA_DESCRIPTOR);
    descriptor(1, page.address(), CODE_DESCRIPTOR);
    Memory[] old = new Memory[SIGNALS.length];
    Memory oldStack = new Memory(24);
    Memory stack = new Memory(24);
    stack.clear();
    stack.setPointer(0, signalStack);
    stack.setLong(16, signalStack.size());
    call("sigaltstack", stack, oldStack);
    for (int n = 0; n < SIGNALS.length; n++) {
      old[n] = new Memory(SIGACTION_SIZE);
      call("sigaction", SIGNALS[n], Pointer.NULL, old[n]);
      page.writeLong(OLD_HANDLERS + 8 * SIGNALS[n], old[n].getLong(0));
      Memory action = new Memory(SIGACTION_SIZE);
      action.clear();
      action.setLong(0, page.address() + HANDLER);
      action.setInt(SIGACTION_FLAGS, SA_SIGINFO | SA_ONSTACK | SA_NODEFER);
      call("sigaction", SIGNALS[n], action, Pointer.NULL);
    }
    try {
      page.call(0);
    } finally {
      for (int n = 0; n < SIGNALS.length; n++) {
        call("sigaction", SIGNALS[n], old[n], Pointer.NULL);
      }
      call("sigaltstack", oldStack, Pointer.NULL);
    }
    scratchAfter = page.read(SCRATCH, SCRATCH_SIZE);
    return ByteBuffer.wrap(page.read(RECORDS, BATCH * STRIDE)).order(ByteOrder.LITTLE_ENDIAN);
  }

  private void descriptor(int entry, long base, int flags) {
    Memory description = new Memory(DESCRIPTOR_SIZE);
    description.setInt(0, entry);
    description.setInt(4, (int) base);
    description.setInt(8, 0xFFFFF);
    description.setInt(12, flags);
    int result =
        libc.getFunction("modify_ldt")
            .invokeInt(new Object[] {MODIFY_LDT_NEW_FORMAT, description, (long) DESCRIPTOR_SIZE});
    assumeTrue(result == 0, "needs a kernel that gives processes an LDT (modify_ldt refused)");
  }

  /** The scratch memory as the last run left it. */
  byte[] scratchAfter = {};

  private void call(String name, Object... arguments) {
    Function function = libc.getFunction(name);
    if (function.invokeInt(arguments) != 0) {
      throw new IllegalStateException(name + " failed");
    }
  }

  /** The instruction, decoded by our decoder. */
  Instruction decode() {
    Instruction i =
        decoder.decode(n -> n < instruction.length ? instruction[n] & 0xFF : 0x90, wide ? 8 : 4);
    if (i.length != instruction.length) {
      throw new AssertionError(
          HexFormat.of().formatHex(instruction) + " decodes as " + i.length + " bytes: " + i.row());
    }
    return i;
  }

  /** Runs the first {@code count} records by the effect of the instruction's row. */
  ByteBuffer run(int count) {
    Instruction i = decode();
    byte[] code = page.read(0, HANDLER);
    memory.write(0, code, 0, code.length);
    memory.write(SCRATCH, scratch.array(), 0, SCRATCH_SIZE);
    memory.write(RECORDS, records.array(), 0, BATCH * STRIDE);
    ByteBuffer out = ByteBuffer.allocate(BATCH * STRIDE).order(ByteOrder.LITTLE_ENDIAN);
    for (int n = 0; n < count; n++) {
      int offset = n * STRIDE;
      load(records, offset);
      cpu.rip = instructionAddress() + i.length;
      int vector = 0;
      try {
        if (Checks.needed(i.row())) {
          Checks.before(cpu, i.row());
        }
        i.row().effect().execute(cpu, i);
      } catch (GuestFault fault) {
        vector = fault.vector() + 1;
        cpu.rip = instructionAddress();
      }
      store(out, offset + AFTER);
      out.putLong(offset + TAKEN, cpu.rip == takenAddress() ? 1 : 0);
      out.putInt(offset + FAULT, vector);
      if (vector == 0 && cpu.rip != takenAddress() && cpu.rip != instructionAddress() + i.length) {
        throw new AssertionError(i.row() + " went to " + Long.toHexString(cpu.rip));
      }
    }
    readBack(out);
    return out;
  }

  /**
   * Runs a record of the last batch on the engine as guests do, by micro-operations, one level
   * above the effects; gives what {@link #run} gives, but for the exception, of which only that
   * there was one is known.
   */
  ByteBuffer runByEngine(int count) {
    Instruction i = decode();
    memory.write(SCRATCH, scratch.array(), 0, SCRATCH_SIZE);
    memory.write(RECORDS, records.array(), 0, BATCH * STRIDE);
    byte[] code = page.read(0, HANDLER);
    code[notTaken] = HALT;
    code[taken] = HALT;
    memory.write(0, code, 0, code.length);
    ByteBuffer out = ByteBuffer.allocate(BATCH * STRIDE).order(ByteOrder.LITTLE_ENDIAN);
    cpu.cpl = 0; // for HLT
    cpu.idtrLimit = 0; // an exception shuts it down
    for (int n = 0; n < count; n++) {
      int offset = n * STRIDE;
      load(records, offset);
      cpu.systemFlags &= ~CpuState.IF;
      cpu.rip = instructionAddress();
      cpu.mmu.flushAll();
      engine.run(ENOUGH);
      boolean raised = cpu.shutdown;
      cpu.shutdown = false;
      boolean jumped = cpu.halted && cpu.rip == takenAddress() + 1;
      if (!raised && !jumped && !(cpu.halted && cpu.rip == notTakenAddress() + 1)) {
        throw new AssertionError(i.row() + " went to " + Long.toHexString(cpu.rip));
      }
      cpu.halted = false;
      store(out, offset + AFTER);
      out.putLong(offset + TAKEN, jumped ? 1 : 0);
      out.putInt(offset + FAULT, raised ? 1 : 0);
    }
    cpu.cpl = 3;
    readBack(out);
    return out;
  }

  /** The memory as it is behind the last record: an instruction may reach that of another. */
  private void readBack(ByteBuffer out) {
    for (int n = 0; n < BATCH; n++) {
      memory.read(RECORDS + n * STRIDE + MEMORY, out.array(), n * STRIDE + MEMORY, MEMORY_SIZE);
    }
    scratchAfter = new byte[SCRATCH_SIZE];
    memory.read(SCRATCH, scratchAfter, 0, SCRATCH_SIZE);
  }

  private long notTakenAddress() {
    return page.address() - codeBase() + notTaken;
  }

  private void load(ByteBuffer in, int at) {
    loadSegments();
    FpuState f = cpu.fpu;
    f.controlWord = in.getShort(at + FCW) & 0xFFFF;
    int status = in.getShort(at + FSW) & 0xFFFF;
    f.top = status >>> 11 & 7;
    f.statusWord = status & ~(7 << 11);
    f.empty = ~in.get(at + FTW) & 0xFF;
    cpu.mxcsr = in.getInt(at + MXCSR);
    for (int n = 0; n < 8; n++) {
      int p = f.top + n & 7;
      f.significand[p] = in.getLong(at + ST + 16 * n);
      f.signExponent[p] = in.getShort(at + ST + 8 + 16 * n) & 0xFFFF;
    }
    for (int n = 0; n < 32; n++) {
      cpu.xmm[n] = in.getLong(at + XMM + 8 * n);
      cpu.ymmHigh[n] = in.getLong(at + UPPER + 8 * n);
    }
    for (int n = 0; n < 16; n++) {
      cpu.gpr[n] = in.getLong(at + GPR + 8 * n);
    }
    int flags = in.getInt(at + RFLAGS);
    cpu.systemFlags = flags & ~CpuState.ARITHMETIC | CpuState.IF | 2;
    cpu.setArithmeticFlags(flags);
  }

  private void store(ByteBuffer out, int at) {
    FpuState f = cpu.fpu;
    out.putShort(at + FCW, (short) f.controlWord);
    out.putShort(at + FSW, (short) (f.statusWord | f.top << 11));
    out.put(at + FTW, (byte) ~f.empty);
    out.putInt(at + MXCSR, cpu.mxcsr);
    for (int n = 0; n < 8; n++) {
      int p = f.top + n & 7;
      out.putLong(at + ST + 16 * n, f.significand[p]);
      out.putShort(at + ST + 8 + 16 * n, (short) f.signExponent[p]);
    }
    for (int n = 0; n < 32; n++) {
      out.putLong(at + XMM + 8 * n, cpu.xmm[n]);
      out.putLong(at + UPPER + 8 * n, cpu.ymmHigh[n]);
    }
    for (int n = 0; n < 16; n++) {
      out.putLong(at + GPR + 8 * n, cpu.gpr[n]);
    }
    out.putLong(at + RFLAGS, cpu.rflags());
  }

  /**
   * What differs in record {@code n}, or nothing.
   *
   * @param flags the bits of RFLAGS to compare
   */
  String difference(ByteBuffer theirs, ByteBuffer ours, int n, long flags) {
    int start = n * STRIDE;
    StringBuilder out = new StringBuilder();
    if (theirs.getInt(start + FAULT) != ours.getInt(start + FAULT)) {
      out.append(
          "vector host %d ours %d; "
              .formatted(theirs.getInt(start + FAULT) - 1, ours.getInt(start + FAULT) - 1));
    }
    if (theirs.get(start + TAKEN) != ours.get(start + TAKEN)) {
      out.append("taken host %d; ".formatted(theirs.get(start + TAKEN)));
    }
    int at = start + AFTER;
    for (int r = 0; r < 16; r++) {
      compare(out, "r" + r, theirs.getLong(at + GPR + 8 * r), ours.getLong(at + GPR + 8 * r));
    }
    long flagsTheirs = theirs.getLong(at + RFLAGS) & flags;
    compare(out, "rflags", flagsTheirs, ours.getLong(at + RFLAGS) & flags);
    compare(out, "mxcsr", theirs.getInt(at + MXCSR), ours.getInt(at + MXCSR));
    compare(out, "fcw", theirs.getShort(at + FCW), ours.getShort(at + FCW));
    compare(out, "fsw", theirs.getShort(at + FSW), ours.getShort(at + FSW));
    compare(out, "ftw", theirs.get(at + FTW), ours.get(at + FTW));
    for (int r = 0; r < 8; r++) {
      int st = at + ST + 16 * r;
      compare(out, "st" + r, theirs.getLong(st), ours.getLong(st));
      compare(out, "st" + r + "x", theirs.getShort(st + 8), ours.getShort(st + 8));
    }
    for (int r = 0; r < 32; r++) {
      String name = r / 2 + ((r & 1) != 0 ? "h" : "l");
      compare(out, "xmm" + name, theirs.getLong(at + XMM + 8 * r), ours.getLong(at + XMM + 8 * r));
      if (avx) {
        long upper = theirs.getLong(at + UPPER + 8 * r);
        compare(out, "upper" + name, upper, ours.getLong(at + UPPER + 8 * r));
      }
    }
    for (int m = MEMORY; m < STRIDE; m += 8) {
      compare(out, "m+" + (m - MEMORY), theirs.getLong(start + m), ours.getLong(start + m));
    }
    return out.toString();
  }

  private static void compare(StringBuilder out, String name, long theirs, long ours) {
    if (theirs != ours) {
      out.append("%s host %x ours %x; ".formatted(name, theirs, ours));
    }
  }

  @Override
  public void close() {
    page.close();
  }
}
