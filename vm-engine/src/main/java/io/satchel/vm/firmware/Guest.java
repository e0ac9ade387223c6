package io.satchel.vm.firmware;

import io.satchel.vm.bus.IoPorts;
import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.device.Board;
import io.satchel.vm.memory.AddressMap;

/**
 * The caller of a service: its registers, and memory as it sees it. Under paging (a virtual-8086
 * monitor) an address is translated as the caller's own access would be; a page fault then leaves
 * the service and the stub's OUT is done again.
 */
final class Guest {

  /** The processor whose program calls. */
  CpuState cpu;

  final AddressMap memory;
  final IoPorts ports;

  Guest(CpuState cpu, Board board) {
    this.cpu = cpu;
    memory = board.memory();
    ports = board.ports();
  }

  private boolean paging() {
    return (cpu.cr0 & CpuState.CR0_PG) != 0;
  }

  private long physical(long linear) {
    return (cpu.a20 ? linear : linear & ~0x10_0000L) & 0xFFFF_FFFFL;
  }

  private int read(long linear, int width) {
    return (int)
        (paging() ? cpu.mmu.readSystem(linear, width) : memory.read(physical(linear), width));
  }

  private void write(long linear, int width, int value) {
    if (paging()) {
      cpu.mmu.writeSystem(linear, width, value);
    } else {
      memory.write(physical(linear), width, value);
    }
  }

  int read8(long linear) {
    return read(linear, 1) & 0xFF;
  }

  int read16(long linear) {
    return read(linear, 2) & 0xFFFF;
  }

  int read32(long linear) {
    return read(linear, 4);
  }

  void write8(long linear, int value) {
    write(linear, 1, value);
  }

  void write16(long linear, int value) {
    write(linear, 2, value);
  }

  void write32(long linear, int value) {
    write(linear, 4, value);
  }

  void write64(long linear, long value) {
    write32(linear, (int) value);
    write32(linear + 4, (int) (value >>> 32));
  }

  long read64(long linear) {
    return read32(linear) & 0xFFFF_FFFFL | (long) read32(linear + 4) << 32;
  }

  void read(long linear, byte[] target, int from, int length) {
    if (paging()) {
      for (int i = 0; i < length; i++) {
        target[from + i] = (byte) cpu.mmu.readSystem(linear + i, 1);
      }
    } else if (cpu.a20) {
      memory.read(linear, target, from, length);
    } else {
      for (int i = 0; i < length; i++) {
        target[from + i] = (byte) memory.read(physical(linear + i), 1);
      }
    }
  }

  void write(long linear, byte[] source, int from, int length) {
    if (paging()) {
      for (int i = 0; i < length; i++) {
        cpu.mmu.writeSystem(linear + i, 1, source[from + i]);
      }
    } else if (cpu.a20) {
      memory.write(linear, source, from, length);
    } else {
      for (int i = 0; i < length; i++) {
        memory.write(physical(linear + i), 1, source[from + i]);
      }
    }
  }

  void fill(long linear, int value, int length) {
    for (int i = 0; i < length; i++) {
      write8(linear + i, value);
    }
  }

  // The BIOS data area at segment 40h.

  int bda8(int offset) {
    return read8(Bda.BASE + offset);
  }

  int bda16(int offset) {
    return read16(Bda.BASE + offset);
  }

  int bda32(int offset) {
    return read32(Bda.BASE + offset);
  }

  void bda8(int offset, int value) {
    write8(Bda.BASE + offset, value);
  }

  void bda16(int offset, int value) {
    write16(Bda.BASE + offset, value);
  }

  void bda32(int offset, int value) {
    write32(Bda.BASE + offset, value);
  }

  // Ports.

  int in8(int port) {
    return ports.read(port, 1) & 0xFF;
  }

  void out8(int port, int value) {
    ports.write(port, 1, value);
  }

  int in16(int port) {
    return ports.read(port, 2) & 0xFFFF;
  }

  void out16(int port, int value) {
    ports.write(port, 2, value);
  }

  /** Reads a register of an index and data pair at {@code port} and the next. */
  int indexed(int port, int index) {
    out8(port, index);
    return in8(port + 1);
  }

  void indexed(int port, int index, int value) {
    out8(port, index);
    out8(port + 1, value);
  }

  int cmos(int index) {
    return indexed(0x70, index);
  }

  void cmos(int index, int value) {
    indexed(0x70, index, value);
  }

  // Registers.

  private int low(int register) {
    return (int) cpu.gpr[register] & 0xFF;
  }

  private int high(int register) {
    return (int) cpu.gpr[register] >>> 8 & 0xFF;
  }

  private int word(int register) {
    return (int) cpu.gpr[register] & 0xFFFF;
  }

  private void set(int register, long mask, int value) {
    cpu.gpr[register] = cpu.gpr[register] & ~mask | value & mask;
  }

  int al() {
    return low(CpuState.RAX);
  }

  int ah() {
    return high(CpuState.RAX);
  }

  int ax() {
    return word(CpuState.RAX);
  }

  int eax() {
    return (int) cpu.gpr[CpuState.RAX];
  }

  int bl() {
    return low(CpuState.RBX);
  }

  int bh() {
    return high(CpuState.RBX);
  }

  int bx() {
    return word(CpuState.RBX);
  }

  int ebx() {
    return (int) cpu.gpr[CpuState.RBX];
  }

  int cl() {
    return low(CpuState.RCX);
  }

  int ch() {
    return high(CpuState.RCX);
  }

  int cx() {
    return word(CpuState.RCX);
  }

  int ecx() {
    return (int) cpu.gpr[CpuState.RCX];
  }

  int dl() {
    return low(CpuState.RDX);
  }

  int dh() {
    return high(CpuState.RDX);
  }

  int dx() {
    return word(CpuState.RDX);
  }

  int edx() {
    return (int) cpu.gpr[CpuState.RDX];
  }

  int si() {
    return word(CpuState.RSI);
  }

  int di() {
    return word(CpuState.RDI);
  }

  int bp() {
    return word(CpuState.RBP);
  }

  void al(int value) {
    set(CpuState.RAX, 0xFF, value);
  }

  void ah(int value) {
    set(CpuState.RAX, 0xFF00, value << 8);
  }

  void ax(int value) {
    set(CpuState.RAX, 0xFFFF, value);
  }

  void eax(int value) {
    set(CpuState.RAX, 0xFFFF_FFFFL, value);
  }

  void bl(int value) {
    set(CpuState.RBX, 0xFF, value);
  }

  void bh(int value) {
    set(CpuState.RBX, 0xFF00, value << 8);
  }

  void bx(int value) {
    set(CpuState.RBX, 0xFFFF, value);
  }

  void ebx(int value) {
    set(CpuState.RBX, 0xFFFF_FFFFL, value);
  }

  void cl(int value) {
    set(CpuState.RCX, 0xFF, value);
  }

  void ch(int value) {
    set(CpuState.RCX, 0xFF00, value << 8);
  }

  void cx(int value) {
    set(CpuState.RCX, 0xFFFF, value);
  }

  void ecx(int value) {
    set(CpuState.RCX, 0xFFFF_FFFFL, value);
  }

  void dl(int value) {
    set(CpuState.RDX, 0xFF, value);
  }

  void dh(int value) {
    set(CpuState.RDX, 0xFF00, value << 8);
  }

  void dx(int value) {
    set(CpuState.RDX, 0xFFFF, value);
  }

  void edx(int value) {
    set(CpuState.RDX, 0xFFFF_FFFFL, value);
  }

  void si(int value) {
    set(CpuState.RSI, 0xFFFF, value);
  }

  void esi(int value) {
    set(CpuState.RSI, 0xFFFF_FFFFL, value);
  }

  void di(int value) {
    set(CpuState.RDI, 0xFFFF, value);
  }

  void edi(int value) {
    set(CpuState.RDI, 0xFFFF_FFFFL, value);
  }

  void bp(int value) {
    set(CpuState.RBP, 0xFFFF, value);
  }

  /** The linear address of ES:offset, the offset taken to 16 bits. */
  long es(int offset) {
    return cpu.base[CpuState.ES] + (offset & 0xFFFF);
  }

  long ds(int offset) {
    return cpu.base[CpuState.DS] + (offset & 0xFFFF);
  }

  /** Loads a data segment register as real or virtual-8086 mode does. */
  void segment(int register, int selector) {
    cpu.selector[register] = selector;
    cpu.base[register] = (long) selector << 4;
  }

  // The frame that INT left, above the word that the stub pushed. All in 16-bit stack slots.

  private int sp() {
    return word(CpuState.RSP);
  }

  private long stack(int offset) {
    return cpu.base[CpuState.SS] + (sp() + offset & 0xFFFF);
  }

  /** The word that the stub pushed: the trap, then the offset to go on at. */
  int stubWord() {
    return read16(stack(0));
  }

  void stubWord(int value) {
    write16(stack(0), value);
  }

  /** Makes room for {@code values} above the stub's word, the last one lowest. */
  void push(int... values) {
    int stub = stubWord();
    set(CpuState.RSP, 0xFFFF, sp() - 2 * values.length);
    for (int i = 0; i < values.length; i++) {
      write16(stack(2 * (values.length - i)), values[i]);
    }
    stubWord(stub);
  }

  /** Puts the caller's stack at 0:{@code top}, for who never returns. */
  void stackTop(int top) {
    int stub = stubWord();
    set(CpuState.RSP, 0xFFFF, top - 2);
    stubWord(stub);
  }

  int frameFlags() {
    return read16(stack(6));
  }

  /** Sets the bits of {@code mask} in the flags that IRET will load. */
  void frameFlags(int mask, boolean value) {
    int flags = frameFlags();
    write16(stack(6), value ? flags | mask : flags & ~mask);
  }

  void carry(boolean set) {
    frameFlags(CpuState.CF, set);
  }

  void zero(boolean set) {
    frameFlags(CpuState.ZF, set);
  }

  // The frame of a 32-bit stub: the trap, then the flags.

  private long wideStack(int offset) {
    long esp = cpu.gpr[CpuState.RSP];
    long at = cpu.stackWidth() == 2 ? esp + offset & 0xFFFF : esp + offset & 0xFFFF_FFFFL;
    return cpu.base[CpuState.SS] + at & 0xFFFF_FFFFL;
  }

  int wideStubWord() {
    return read32(wideStack(0));
  }

  void wideCarry(boolean set) {
    int flags = read32(wideStack(4));
    write32(wideStack(4), set ? flags | CpuState.CF : flags & ~CpuState.CF);
  }
}
