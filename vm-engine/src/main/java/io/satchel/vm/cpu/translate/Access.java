package io.satchel.vm.cpu.translate;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.LazyFlags;
import io.satchel.vm.cpu.Mmu;
import io.satchel.vm.cpu.Mode;
import io.satchel.vm.cpu.decode.Effect;
import io.satchel.vm.cpu.decode.Instruction;
import io.satchel.vm.cpu.semantics.Checks;
import io.satchel.vm.cpu.semantics.Conditions;
import io.satchel.vm.memory.SoftTlb;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * A machine's memory at one privilege, and what generated code calls. It is a constant of the
 * generated classes: HotSpot folds the fields of a record that is one.
 *
 * <p>Memory is reached by linear address. What is not in the soft TLB, is no RAM, crosses a page or
 * holds code ends in {@link Miss}.
 */
record Access(
    CpuState cpu,
    byte[] ram,
    long[] readTags,
    int[] readAddends,
    long[] writeTags,
    int[] writeAddends) {

  private static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private static final long LOW = 0xFFFF_FFFFL;

  static Access of(CpuState cpu, boolean user) {
    Mmu mmu = cpu.mmu;
    SoftTlb read = mmu.readTlb(user);
    SoftTlb write = mmu.writeTlb(user);
    byte[] ram = mmu.map().memory().bytes();
    return new Access(cpu, ram, read.tags, read.addends, write.tags, write.addends);
  }

  // These are short enough for HotSpot's first compiler to inline them (35 bytes).

  private static int index(long at) {
    return (int) (at >>> 12) & SoftTlb.SIZE - 1;
  }

  private static long page(long at, int last) {
    return at + last & SoftTlb.PAGE;
  }

  /** The host offset to read {@code last + 1} bytes at. */
  static int forRead(long at, int last, Access m) {
    int index = index(at);
    if (m.readTags[index] != page(at, last)) {
      throw Miss.INSTANCE;
    }
    return (int) at + m.readAddends[index];
  }

  /** The host offset to write {@code last + 1} bytes at. */
  static int forWrite(long at, int last, Access m) {
    int index = index(at);
    if (m.writeTags[index] != page(at, last)) {
      throw Miss.INSTANCE;
    }
    return (int) at + m.writeAddends[index];
  }

  static int forWrite(int at, int last, Access m) {
    return forWrite(at & LOW, last, m);
  }

  static int read8(long at, Access m) {
    return m.ram[forRead(at, 0, m)] & 0xFF;
  }

  static int read16(long at, Access m) {
    return (short) SHORT.get(m.ram, forRead(at, 1, m)) & 0xFFFF;
  }

  static int read32(long at, Access m) {
    return (int) INT.get(m.ram, forRead(at, 3, m));
  }

  static long read64(long at, Access m) {
    return (long) LONG.get(m.ram, forRead(at, 7, m));
  }

  static int read8(int at, Access m) {
    return m.ram[forRead(at & LOW, 0, m)] & 0xFF;
  }

  static int read16(int at, Access m) {
    return (short) SHORT.get(m.ram, forRead(at & LOW, 1, m)) & 0xFFFF;
  }

  static int read32(int at, Access m) {
    return (int) INT.get(m.ram, forRead(at & LOW, 3, m));
  }

  static void write8(long at, int value, Access m) {
    m.ram[forWrite(at, 0, m)] = (byte) value;
  }

  static void write16(long at, int value, Access m) {
    SHORT.set(m.ram, forWrite(at, 1, m), (short) value);
  }

  static void write32(long at, int value, Access m) {
    INT.set(m.ram, forWrite(at, 3, m), value);
  }

  static void write64(long at, long value, Access m) {
    LONG.set(m.ram, forWrite(at, 7, m), value);
  }

  static void write8(int at, int value, Access m) {
    m.ram[forWrite(at & LOW, 0, m)] = (byte) value;
  }

  static void write16(int at, int value, Access m) {
    SHORT.set(m.ram, forWrite(at & LOW, 1, m), (short) value);
  }

  static void write32(int at, int value, Access m) {
    INT.set(m.ram, forWrite(at & LOW, 3, m), value);
  }

  // At a host offset that forWrite gave.

  static int get8(int host, Access m) {
    return m.ram[host] & 0xFF;
  }

  static int get16(int host, Access m) {
    return (short) SHORT.get(m.ram, host) & 0xFFFF;
  }

  static int get32(int host, Access m) {
    return (int) INT.get(m.ram, host);
  }

  static long get64(int host, Access m) {
    return (long) LONG.get(m.ram, host);
  }

  static void put8(int value, int host, Access m) {
    m.ram[host] = (byte) value;
  }

  static void put16(int value, int host, Access m) {
    SHORT.set(m.ram, host, (short) value);
  }

  static void put32(int value, int host, Access m) {
    INT.set(m.ram, host, value);
  }

  static void put64(long value, int host, Access m) {
    LONG.set(m.ram, host, value);
  }

  /**
   * The linear address in a segment that is not flat.
   *
   * @param description segment | last << 4 | write << 8
   */
  static int linear(int offset, int description, Access m) {
    CpuState cpu = m.cpu;
    int segment = description & 15;
    // Data that expands up, and writable for a write.
    int wanted = description >>> 7 & 2;
    int mask = CpuState.ATTR_UNUSABLE | 8 | 4 | wanted;
    if ((cpu.attributes[segment] & mask) != wanted
        || (offset & LOW) + (description >>> 4 & 15) > cpu.limit[segment]) {
      throw Miss.INSTANCE;
    }
    return (int) cpu.base[segment] + offset;
  }

  /** The linear address behind FS or GS in 64-bit code. */
  static long linear(long offset, int segment, Access m) {
    return m.cpu.base[segment] + offset;
  }

  /** A near target, when it is within CS's limit. */
  static int target(int offset, long limit) {
    if ((offset & LOW) > limit) {
      throw Miss.INSTANCE;
    }
    return offset;
  }

  /** A near target, when it is canonical. */
  static long canonical(long offset) {
    if (offset << 16 >> 16 != offset) {
      throw Miss.INSTANCE;
    }
    return offset;
  }

  /**
   * Executes an instruction by its effect. The processor's state is exact, but for rip and the
   * count.
   *
   * @param next offset of the next instruction
   * @param instructions retired so far
   * @return whether the next instruction of the region is to be executed next
   */
  static boolean effect(
      CompiledRegion region,
      CpuState cpu,
      Instruction i,
      Effect effect,
      boolean checks,
      int site,
      long next,
      long instructions) {
    region.site = site;
    cpu.instructions = instructions;
    cpu.rip = next;
    if (checks) {
      Checks.before(cpu, i.row());
    }
    effect.execute(cpu, i);
    if (cpu.rip != next || !region.valid) {
      cpu.instructions = instructions + 1;
      return false;
    }
    return true;
  }

  /**
   * Whether a region goes on behind an effect that may have changed the mode or raised something.
   *
   * @return what of {@code pending} ends loops from now on; 0 to leave
   */
  static int attention(CompiledRegion region, CpuState cpu, int mode) {
    int special = CpuState.TF | CpuState.RF;
    if (cpu.interruptShadow
        || (cpu.systemFlags & special) != 0
        || cpu.wantsInterrupt()
        || Mode.of(cpu) != mode
        || cpu.mmu.epoch() != region.epoch) {
      cpu.instructions++;
      return 0;
    }
    return cpu.attentionMask();
  }

  // Flags.

  static boolean condition(int rule, int a, int b, int result, int condition) {
    return Conditions.test(LazyFlags.all(rule, a, b, result), condition);
  }

  static boolean condition(int rule, long a, long b, long result, int condition) {
    return Conditions.test(LazyFlags.all(rule, a, b, result), condition);
  }

  static int carry(int rule, int a, int b, int result) {
    return keepsCarry(rule) ? a : LazyFlags.carry(rule, a, b, result);
  }

  static int carry(int rule, long a, long b, long result) {
    return keepsCarry(rule) ? (int) a : LazyFlags.carry(rule, a, b, result);
  }

  /** INC and DEC: those that count loops ask for the carry most. */
  private static boolean keepsCarry(int rule) {
    return rule >= LazyFlags.INC && rule < LazyFlags.SHL;
  }

  static int all(int rule, int a, int b, int result) {
    return LazyFlags.all(rule, a, b, result);
  }

  static int all(int rule, long a, long b, long result) {
    return LazyFlags.all(rule, a, b, result);
  }

  /** {@code flags} as a rotation with this result leaves them. */
  static int rotated(int flags, int result, int width, boolean left) {
    return rotated(flags, (long) result, width, left);
  }

  static int rotated(int flags, long result, int width, boolean left) {
    int top = 8 * width - 1;
    int high = (int) (result >>> top) & 1;
    int carry = left ? (int) result & 1 : high;
    int other = left ? high : (int) (result >>> top - 1) & 1;
    return flags & ~(CpuState.CF | CpuState.OF)
        | carry * CpuState.CF
        | (carry ^ other) * CpuState.OF;
  }

  // Division: quotient low, remainder high.

  static long divide(int high, int low, int divisor) {
    long dividend = (long) high << 32 | low & LOW;
    if (divisor == 0) {
      throw Miss.INSTANCE;
    }
    long quotient =
        high == 0
            ? Integer.divideUnsigned(low, divisor) & LOW
            : Long.divideUnsigned(dividend, divisor & LOW);
    if (quotient >>> 32 != 0) {
      throw Miss.INSTANCE;
    }
    return quotient | dividend - quotient * (divisor & LOW) << 32;
  }

  static long divideSigned(int high, int low, int divisor) {
    long dividend = (long) high << 32 | low & LOW;
    if (divisor == 0) {
      throw Miss.INSTANCE;
    }
    long quotient = high == low >> 31 && divisor != -1 ? low / divisor : dividend / divisor;
    if (quotient != (int) quotient) {
      throw Miss.INSTANCE;
    }
    return quotient & LOW | dividend - quotient * divisor << 32;
  }
}
