package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.ATTR_DB;
import static io.satchel.vm.cpu.CpuState.ATTR_G;
import static io.satchel.vm.cpu.CpuState.ATTR_L;
import static io.satchel.vm.cpu.CpuState.ATTR_P;
import static io.satchel.vm.cpu.CpuState.ATTR_S;
import static io.satchel.vm.cpu.CpuState.ATTR_UNUSABLE;
import static io.satchel.vm.cpu.CpuState.LDTR;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.GuestFault;

/**
 * Segment and gate descriptors as 8-byte values, and the tables that hold them (SDM volume 3,
 * sections 3.4.5, 3.5 and 5.8.3).
 */
final class Descriptors {

  // Types of system descriptors (SDM volume 3, table 3-2).
  static final int TSS16_AVAILABLE = 1;
  static final int LDT = 2;
  static final int TSS16_BUSY = 3;
  static final int CALL_GATE16 = 4;
  static final int TASK_GATE = 5;
  static final int INTERRUPT_GATE16 = 6;
  static final int TRAP_GATE16 = 7;
  static final int TSS32_AVAILABLE = 9;
  static final int TSS32_BUSY = 11;
  static final int CALL_GATE32 = 12;
  static final int INTERRUPT_GATE32 = 14;
  static final int TRAP_GATE32 = 15;

  // Bits of the type of code and data segments.
  static final int ACCESSED = 1;

  /** Data: writable. Code: readable. */
  static final int WRITABLE = 1 << 1;

  static final int READABLE = 1 << 1;

  /** Data: expands down. Code: conforming. */
  static final int EXPAND_DOWN = 1 << 2;

  static final int CONFORMING = 1 << 2;
  static final int CODE = 1 << 3;

  private Descriptors() {}

  /** Whether it names the first entry of the GDT, which is none. */
  static boolean isNull(int selector) {
    return (selector & 0xFFFC) == 0;
  }

  /** The error code that names a selector. */
  static int error(int selector, int ext) {
    return selector & 0xFFFC | ext;
  }

  /** Linear address of a selector's entry. */
  static long address(CpuState cpu, int selector) {
    long table = (selector & 4) != 0 ? cpu.base[LDTR] : cpu.gdtrBase;
    return linear(cpu, table + (selector & 0xFFF8));
  }

  /** Truncates to 32 bits outside long mode. */
  static long linear(CpuState cpu, long address) {
    return cpu.longMode() ? address : address & 0xFFFF_FFFFL;
  }

  /** Whether the table holds the selector's entry, {@code bytes} long. */
  static boolean inTable(CpuState cpu, int selector, int bytes) {
    int last = (selector & 0xFFF8) + bytes - 1;
    if ((selector & 4) == 0) {
      return last <= cpu.gdtrLimit;
    }
    return (cpu.attributes[LDTR] & ATTR_UNUSABLE) == 0 && last <= cpu.limit[LDTR];
  }

  /**
   * Reads a selector's descriptor.
   *
   * @throws GuestFault {@code vector} with the selector when the table has no such entry
   */
  static long read(CpuState cpu, int selector, int vector, int ext) {
    if (!inTable(cpu, selector, 8)) {
      throw cpu.fault(vector, error(selector, ext));
    }
    return cpu.mmu.readSystem(address(cpu, selector), 8);
  }

  /** Reads the second half of a 16-byte system descriptor of long mode. */
  static long readUpper(CpuState cpu, int selector, int vector, int ext) {
    if (!inTable(cpu, selector, 16)) {
      throw cpu.fault(vector, error(selector, ext));
    }
    return cpu.mmu.readSystem(address(cpu, selector) + 8, 8);
  }

  /** Sets the accessed bit of a code or data segment, in the table and in the result. */
  static long markAccessed(CpuState cpu, int selector, long descriptor) {
    if ((descriptor >>> 40 & ACCESSED) != 0) {
      return descriptor;
    }
    writeTypeByte(cpu, selector, (int) (descriptor >>> 40) | ACCESSED);
    return descriptor | 1L << 40;
  }

  /** Writes a descriptor's byte 5: type, S, DPL and P. */
  static void writeTypeByte(CpuState cpu, int selector, int value) {
    cpu.mmu.writeSystem(address(cpu, selector) + 5, 1, value & 0xFF);
  }

  static long base(long descriptor) {
    return descriptor >>> 16 & 0xFF_FFFF | descriptor >>> 32 & 0xFF00_0000L;
  }

  /** The last valid offset, granularity applied. */
  static long limit(long descriptor) {
    long limit = descriptor & 0xFFFF | descriptor >>> 32 & 0xF_0000;
    return (attributes(descriptor) & ATTR_G) != 0 ? limit << 12 | 0xFFF : limit;
  }

  /** In the form of {@link CpuState#attributes}. */
  static int attributes(long descriptor) {
    return (int) (descriptor >>> 40) & 0xFF | ((int) (descriptor >>> 52) & 0xF) << 12;
  }

  static int dpl(int attributes) {
    return attributes >>> 5 & 3;
  }

  static int type(int attributes) {
    return attributes & 0xF;
  }

  static boolean present(int attributes) {
    return (attributes & ATTR_P) != 0;
  }

  static boolean isSystem(int attributes) {
    return (attributes & ATTR_S) == 0;
  }

  static boolean isCode(int attributes) {
    return (attributes & (ATTR_S | CODE)) == (ATTR_S | CODE);
  }

  static boolean isConforming(int attributes) {
    return (attributes & (ATTR_S | CODE | CONFORMING)) == (ATTR_S | CODE | CONFORMING);
  }

  static boolean isWritableData(int attributes) {
    return (attributes & (ATTR_S | CODE | WRITABLE)) == (ATTR_S | WRITABLE);
  }

  /** Data, or code that may be read. */
  static boolean isReadable(int attributes) {
    return (attributes & ATTR_S) != 0 && (attributes & (CODE | READABLE)) != CODE;
  }

  /** Code for 64-bit mode; only long mode knows it. */
  static boolean isLong(CpuState cpu, int attributes) {
    return cpu.longMode() && (attributes & ATTR_L) != 0;
  }

  /** Whether {@code width} bytes at {@code offset} lie in a segment. */
  static boolean within(long limit, int attributes, long offset, int width) {
    if ((attributes & ATTR_UNUSABLE) != 0) {
      return false;
    }
    long last = offset + width - 1;
    if ((attributes & (CODE | EXPAND_DOWN)) == EXPAND_DOWN) {
      return offset > limit && last <= ((attributes & ATTR_DB) != 0 ? 0xFFFF_FFFFL : 0xFFFF);
    }
    // A limit of 4 GiB cannot be passed: what lies across its end wraps around.
    return last <= limit || limit == 0xFFFF_FFFFL;
  }

  /** The target's selector of a gate. */
  static int gateSelector(long gate) {
    return (int) (gate >>> 16) & 0xFFFF;
  }

  /** The target's offset of a gate; 16 bits of it when {@code wide} is false. */
  static long gateOffset(long gate, boolean wide) {
    return wide ? gate & 0xFFFF | gate >>> 32 & 0xFFFF_0000L : gate & 0xFFFF;
  }

  static boolean isCanonical(long address) {
    return address << 16 >> 16 == address;
  }
}
