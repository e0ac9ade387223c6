package io.satchel.vm.cpu;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.satchel.vm.accel.Tcg;
import io.satchel.vm.bus.IoPorts;
import io.satchel.vm.memory.AddressMap;
import io.satchel.vm.memory.GuestMemory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * Runs 32-bit user-mode instructions on the host processor, in its compatibility mode, and the very
 * same bytes on ours, from the same registers and memory.
 *
 * <p>A batch is an array of records: registers and flags to begin with, those afterwards, and
 * memory that the registers point into. A loop of 32-bit code loads the registers from a record,
 * executes the instruction and stores them.
 */
final class IntegerHost implements AutoCloseable {

  static final int STRIDE = 0x400;
  static final int BATCH = 32;

  // In a record: POPAD's order, EFLAGS, ESP.
  static final int EFLAGS = 32;
  static final int ESP = 36;
  // Afterwards: PUSHAD's order, EFLAGS, ESP, and 1 when the jump was taken.
  static final int OUT = 0x40;
  static final int OUT_EFLAGS = OUT + 32;
  static final int OUT_ESP = OUT + 36;
  static final int OUT_TAKEN = OUT + 40;
  static final int MEMORY = 0x80;

  private static final int ENTRY64 = 0x800;
  private static final int DATA = 0x1000;
  private static final int POINTER = DATA;
  private static final int COUNT = DATA + 4;
  private static final int SAVED_ESP = DATA + 8;
  private static final int TAKEN = DATA + 12;
  private static final int FAR = DATA + 16;
  private static final int SAVED_RSP = DATA + 24;

  /** Memory that instructions name by its absolute address. */
  static final int SCRATCH = DATA + 0x100;

  static final int RECORDS = 0x2000;
  private static final int SIZE = RECORDS + BATCH * STRIDE;

  /** Bytes between a jump and its target. */
  static final int JUMP = 9;

  private final HostPage page = HostPage.open(SIZE);
  private final GuestMemory memory = new GuestMemory(SIZE, 0);
  private final CpuState cpu;
  private final Tcg tcg;

  /** Everything: code, data, records. Filled in by the test before a run. */
  final ByteBuffer image = ByteBuffer.allocate(SIZE).order(ByteOrder.LITTLE_ENDIAN);

  private int end;

  /** The address that a jump lands on. */
  int takenAddress;

  IntegerHost() {
    AddressMap map = new AddressMap(memory);
    map.mapMemory(page.address(), SIZE, 0);
    cpu = new CpuState(new Mmu(map), new IoPorts(), CpuModel.named("max"));
    tcg = new Tcg(cpu);
    page.write(ENTRY64, HexFormat.of().parseHex("B823000000" + "0F02C0" + "C3"));
    long rights = page.call(ENTRY64);
    // Present, user, code, 32 bits, not 64.
    assumeTrue(
        (rights & 0x60_F800) == 0x40_F800,
        "needs a kernel with a 32-bit user code segment at selector 23h");
  }

  /** The linear address of an offset in the image. */
  int address(int offset) {
    return (int) page.address() + offset;
  }

  /** Puts the loop around an instruction. */
  void instruction(byte[] bytes) {
    ByteBuffer code = ByteBuffer.allocate(256).order(ByteOrder.LITTLE_ENDIAN);
    code.put(hex("8B25")).putInt(address(POINTER)); // mov esp,[POINTER]
    code.put(hex("61 9D 5C")); // popad; popfd; pop esp
    code.put(bytes);
    code.put(hex("C605")).putInt(address(TAKEN)).put(hex("00 EB07")); // mov byte [TAKEN],0
    takenAddress = address(code.position());
    code.put(hex("C605")).putInt(address(TAKEN)).put((byte) 1);
    code.put(hex("8925")).putInt(address(SAVED_ESP)); // mov [SAVED_ESP],esp
    code.put(hex("8B25")).putInt(address(POINTER));
    code.put(hex("8DA424")).putInt(OUT_EFLAGS + 4); // lea esp,[esp+...]
    code.put(hex("9C 60 FC")); // pushfd; pushad; cld
    code.put(hex("8B0D")).putInt(address(POINTER)); // mov ecx,[POINTER]
    code.put((byte) 0xA1).putInt(address(SAVED_ESP)).put(hex("89 41")).put((byte) OUT_ESP);
    code.put((byte) 0xA0).putInt(address(TAKEN)).put(hex("88 41")).put((byte) OUT_TAKEN);
    code.put(hex("8105")).putInt(address(POINTER)).putInt(STRIDE);
    code.put(hex("FF0D")).putInt(address(COUNT)).put(hex("0F85"));
    code.putInt(-code.position() - 4);
    end = code.position();
    code.put((byte) 0xEA).putInt(address(ENTRY64 + 0x80)).putShort((short) 0x33);
    image.put(0, code.array(), 0, code.position());
  }

  private static byte[] hex(String text) {
    return HexFormat.of().parseHex(text.replace(" ", ""));
  }

  /** Runs the first {@code count} records natively and gives the image afterwards. */
  ByteBuffer runNative(int count) {
    prepare(count);
    ByteBuffer code = ByteBuffer.allocate(256).order(ByteOrder.LITTLE_ENDIAN);
    code.put(hex("53 55 4154 4155 4156 4157 8CC0 50 8CD8 50")); // push all; es; ds
    code.put(hex("B82B000000 8EC0 8ED8 48892425")).putInt(address(SAVED_RSP));
    code.put(hex("FF2C25")).putInt(address(FAR));
    image.put(ENTRY64, code.array(), 0, code.position());
    ByteBuffer back = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
    back.put(hex("488B2425")).putInt(address(SAVED_RSP));
    back.put(hex("58 8ED8 58 8EC0 415F 415E 415D 415C 5D 5B C3"));
    image.put(ENTRY64 + 0x80, back.array(), 0, back.position());
    image.putInt(FAR, address(0));
    image.putShort(FAR + 4, (short) 0x23);
    page.write(0, image.array());
    page.call(ENTRY64);
    return ByteBuffer.wrap(page.read(0, SIZE)).order(ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * Runs them on our processor.
   *
   * @param singly one instruction at a time, by its effect, rather than by micro-operations
   */
  ByteBuffer run(int count, boolean singly) {
    prepare(count);
    byte[] bytes = Arrays.copyOf(image.array(), SIZE);
    bytes[end] = (byte) 0xF4;
    memory.write(0, bytes, 0, SIZE);
    cpu.reset(0);
    cpu.cr0 = CpuState.CR0_PE | CpuState.CR0_ET;
    for (int n = 0; n < 6; n++) {
      cpu.base[n] = 0;
      cpu.limit[n] = 0xFFFF_FFFFL;
      cpu.attributes[n] = n == CpuState.CS ? 0xC09B : 0xC093;
    }
    if (singly) {
      // A breakpoint that is never met keeps the engine from its blocks.
      cpu.dr[7] |= 1;
    }
    cpu.rip = address(0);
    var exit = tcg.run(100_000);
    if (!cpu.halted || cpu.rip != address(end) + 1) {
      throw new AssertionError("%s at %x, code at %x".formatted(exit, cpu.rip, address(0)));
    }
    byte[] after = new byte[SIZE];
    memory.read(0, after, 0, SIZE);
    return ByteBuffer.wrap(after).order(ByteOrder.LITTLE_ENDIAN);
  }

  private void prepare(int count) {
    image.putInt(POINTER, address(RECORDS));
    image.putInt(COUNT, count);
  }

  @Override
  public void close() {
    page.close();
  }
}
