package io.satchel.vm.cpu;

import io.satchel.vm.bus.IoPorts;
import io.satchel.vm.cpu.decode.Decoder;
import io.satchel.vm.cpu.decode.Instruction;
import io.satchel.vm.cpu.decode.OpcodeMap;
import io.satchel.vm.memory.AddressMap;
import io.satchel.vm.memory.GuestMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;

/**
 * Runs an x87, MMX or SSE instruction on the host processor and on ours from the same state.
 *
 * <p>A batch of cases is an array of records of {@link #STRIDE} bytes: the FXSAVE image to begin
 * with at 0, the image afterwards at 512, the memory operand at 1024, RAX at 1280, RFLAGS at 1288.
 * FXRSTOR and FXSAVE neither raise nor wait for x87 exceptions, so that unmasked ones are compared
 * too.
 */
final class FpuHost implements AutoCloseable {

  static final int BATCH = 64;
  static final int STRIDE = 0x800;
  static final int AFTER = 0x200;
  static final int MEMORY = 0x400;
  static final int RAX = 0x500;
  static final int RFLAGS = 0x508;

  private static final int CASES = 0x1000;
  private static final int ADDRESS = 0x2000;

  private final HostPage page = HostPage.open(CASES + BATCH * STRIDE);
  private final Decoder decoder = new Decoder(Decoder.fullMap());

  /** Ours. */
  final CpuState cpu;

  private final GuestMemory memory;

  /** The records of the batch. */
  final ByteBuffer cases = ByteBuffer.allocate(BATCH * STRIDE).order(ByteOrder.LITTLE_ENDIAN);

  FpuHost() {
    memory = new GuestMemory(0x10000, 0);
    AddressMap map = new AddressMap(memory);
    map.mapMemory(0, 0x10000, 0);
    cpu = new CpuState(new Mmu(map), new IoPorts(), CpuModel.named("max"));
    cpu.cr0 = CpuState.CR0_PE | CpuState.CR0_ET | CpuState.CR0_NE;
    cpu.cr4 = CpuState.CR4_OSFXSR | CpuState.CR4_OSXMMEXCPT;
    for (int n = 0; n < 6; n++) {
      cpu.limit[n] = 0xFFFF_FFFFL;
      cpu.attributes[n] = CpuState.ATTR_P | CpuState.ATTR_S | CpuState.ATTR_DB | 3;
    }
    cpu.attributes[CpuState.CS] |= 8;
  }

  /** The row's bytes; a memory operand is at [EDX], register operands are as {@code rm} says. */
  static byte[] encode(OpcodeMap.Row row, int reg, int rm, int immediate) {
    ByteBuffer bytes = ByteBuffer.allocate(16);
    String text = " " + row.text() + " ";
    for (String prefix : new String[] {"66", "F2", "F3"}) {
      if (text.contains(" " + prefix + " ")) {
        bytes.put((byte) Integer.parseInt(prefix, 16));
      }
    }
    int opcode = row.opcode();
    if (opcode > 0xFFF) {
      bytes.put((byte) 0x0F).put((byte) (opcode >>> 8));
    } else if (opcode > 0xFF) {
      bytes.put((byte) 0x0F);
    }
    bytes.put((byte) opcode);
    boolean hasModrm = opcode != 0x9B && opcode != 0x0F77;
    if (hasModrm) {
      bytes.put((byte) (reg << 3 | (rm < 0 ? 2 : 0xC0 | rm)));
    }
    if (text.contains("Ib")) {
      bytes.put((byte) immediate);
    }
    byte[] result = new byte[bytes.position()];
    bytes.flip().get(result);
    return result;
  }

  /** Runs the first {@code count} records natively. */
  void runNative(byte[] instruction, int count) {
    ByteBuffer code = ByteBuffer.allocate(256);
    put(code, "53 55 4883EC10 9BD93C24 0FAE5C2404"); // push rbx, rbp; save FCW, MXCSR
    int loop = code.position();
    put(code, "480FAE0F"); // fxrstor64 [rdi]
    put(code, "FFB708050000 9D"); // push [rdi+508h]; popfq
    put(code, "488B8700050000 488D9700040000"); // mov rax,[rdi+500h]; lea rdx,[rdi+400h]
    code.put(instruction);
    put(code, "480FAE8700020000"); // fxsave64 [rdi+200h]
    put(code, "48898700050000 9C 8F8708050000"); // mov [rdi+500h],rax; pushfq; pop [rdi+508h]
    put(code, "4881C700080000 48FFCE 0F85"); // add rdi,800h; dec rsi; jnz loop
    code.order(ByteOrder.LITTLE_ENDIAN).putInt(loop - code.position() - 4);
    put(code, "FC DBE3 D92C24 0FAE542404 4883C410 5D 5B C3"); // cld; fninit; restore; ret
    page.write(0, java.util.Arrays.copyOf(code.array(), code.position()));
    page.write(CASES, java.util.Arrays.copyOf(cases.array(), count * STRIDE));
    page.call(0, page.address() + CASES, (long) count);
  }

  /** What the host made of record {@code n}; its operand and registers are those afterwards. */
  ByteBuffer nativeResult(int n) {
    return ByteBuffer.wrap(page.read(CASES + n * STRIDE, STRIDE)).order(ByteOrder.LITTLE_ENDIAN);
  }

  Instruction decode(byte[] instruction) {
    Instruction i =
        decoder.decode(at -> at < instruction.length ? instruction[at] & 0xFF : 0x90, 4);
    if (i.length != instruction.length) {
      throw new AssertionError(
          HexFormat.of().formatHex(instruction) + " decodes as " + i.length + " bytes: " + i.row());
    }
    return i;
  }

  /** Runs record {@code n} on our processor. */
  ByteBuffer run(Instruction i, int n) {
    ByteBuffer in = cases.slice(n * STRIDE, STRIDE).order(ByteOrder.LITTLE_ENDIAN);
    load(in);
    for (int at = 0; at < 256; at += 8) {
      memory.put64(ADDRESS + at, in.getLong(MEMORY + at));
    }
    cpu.gpr[CpuState.RAX] = in.getLong(RAX);
    cpu.gpr[CpuState.RDX] = ADDRESS;
    cpu.setArithmeticFlags(in.getInt(RFLAGS));
    cpu.rip = 0x100 + i.length;
    i.row().effect().execute(cpu, i);
    ByteBuffer out = ByteBuffer.allocate(STRIDE).order(ByteOrder.LITTLE_ENDIAN);
    store(out);
    for (int at = 0; at < 256; at += 8) {
      out.putLong(MEMORY + at, memory.read64(ADDRESS + at));
    }
    out.putLong(RAX, cpu.gpr[CpuState.RAX]);
    out.putLong(RFLAGS, cpu.arithmeticFlags());
    return out;
  }

  /** Written apart from the semantics' own FXRSTOR, which is tested with it. */
  private void load(ByteBuffer in) {
    FpuState f = cpu.fpu;
    f.controlWord = in.getShort(0) & 0xFFFF;
    int status = in.getShort(2) & 0xFFFF;
    f.top = status >>> 11 & 7;
    f.statusWord = status & ~(7 << 11);
    f.empty = ~in.get(4) & 0xFF;
    cpu.mxcsr = in.getInt(24);
    for (int n = 0; n < 8; n++) {
      int p = f.top + n & 7;
      f.significand[p] = in.getLong(32 + 16 * n);
      f.signExponent[p] = in.getShort(40 + 16 * n) & 0xFFFF;
    }
    for (int n = 0; n < 32; n++) {
      cpu.xmm[n] = in.getLong(160 + 8 * n);
    }
  }

  private void store(ByteBuffer out) {
    FpuState f = cpu.fpu;
    out.putShort(AFTER, (short) f.controlWord);
    out.putShort(AFTER + 2, (short) (f.statusWord | f.top << 11));
    out.put(AFTER + 4, (byte) ~f.empty);
    out.putInt(AFTER + 24, cpu.mxcsr);
    for (int n = 0; n < 8; n++) {
      int p = f.top + n & 7;
      out.putLong(AFTER + 32 + 16 * n, f.significand[p]);
      out.putShort(AFTER + 40 + 16 * n, (short) f.signExponent[p]);
    }
    for (int n = 0; n < 32; n++) {
      out.putLong(AFTER + 160 + 8 * n, cpu.xmm[n]);
    }
  }

  private static void put(ByteBuffer code, String hex) {
    code.put(HexFormat.of().parseHex(hex.replace(" ", "")));
  }

  @Override
  public void close() {
    page.close();
  }
}
