package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.ATTR_DB;
import static io.satchel.vm.cpu.CpuState.ATTR_G;
import static io.satchel.vm.cpu.CpuState.ATTR_L;
import static io.satchel.vm.cpu.CpuState.ATTR_P;
import static io.satchel.vm.cpu.CpuState.ATTR_S;
import static io.satchel.vm.cpu.CpuState.CS;
import static io.satchel.vm.cpu.CpuState.EFER_SCE;
import static io.satchel.vm.cpu.CpuState.IF;
import static io.satchel.vm.cpu.CpuState.RCX;
import static io.satchel.vm.cpu.CpuState.RDX;
import static io.satchel.vm.cpu.CpuState.RF;
import static io.satchel.vm.cpu.CpuState.RSP;
import static io.satchel.vm.cpu.CpuState.SS;
import static io.satchel.vm.cpu.CpuState.VM;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.decode.Instruction;

/** SYSENTER and SYSEXIT, SYSCALL and SYSRET (SDM volume 2). */
public final class FastCalls {

  private static final long ALL = 0xFFFF_FFFFL;
  private static final int R11 = 11;

  /** A flat segment, without its type, DPL and size of code. */
  private static final int FLAT = ATTR_G | ATTR_P | ATTR_S;

  private static final int CODE = FLAT | 0xB;
  private static final int DATA = FLAT | ATTR_DB | 0x3;

  private FastCalls() {}

  /** SYSENTER. */
  public static void sysenter(CpuState cpu, Instruction i) {
    int selector = (int) cpu.sysenterCs & 0xFFFC;
    if (cpu.realMode() || selector == 0) {
      throw cpu.gp(0);
    }
    boolean longMode = cpu.longMode();
    cpu.setRflags(0, VM | IF | RF);
    Segments.set(cpu, CS, selector, 0, ALL, CODE | (longMode ? ATTR_L : ATTR_DB));
    Segments.set(cpu, SS, selector + 8, 0, ALL, DATA);
    cpu.cpl = 0;
    cpu.gpr[RSP] = longMode ? cpu.sysenterEsp : cpu.sysenterEsp & ALL;
    cpu.rip = longMode ? cpu.sysenterEip : cpu.sysenterEip & ALL;
  }

  /** SYSEXIT. */
  public static void sysexit(CpuState cpu, Instruction i) {
    int selector = (int) cpu.sysenterCs & 0xFFFC;
    if (cpu.realMode() || selector == 0 || cpu.cpl != 0) {
      throw cpu.gp(0);
    }
    boolean toLong = i.operandSize == 8;
    if (toLong
        && !(Descriptors.isCanonical(cpu.gpr[RDX]) && Descriptors.isCanonical(cpu.gpr[RCX]))) {
      throw cpu.gp(0);
    }
    int code = selector + (toLong ? 32 : 16) | 3;
    Segments.set(cpu, CS, code, 0, ALL, CODE | 3 << 5 | (toLong ? ATTR_L : ATTR_DB));
    Segments.set(cpu, SS, code + 8, 0, ALL, DATA | 3 << 5);
    cpu.cpl = 3;
    cpu.gpr[RSP] = toLong ? cpu.gpr[RCX] : cpu.gpr[RCX] & ALL;
    cpu.rip = toLong ? cpu.gpr[RDX] : cpu.gpr[RDX] & ALL;
  }

  /** What SYSRET takes over from R11: all of RFLAGS but RF and VM. */
  private static final int SYSRET_FLAGS = 0x3C_7FD7;

  /** SYSCALL; only in 64-bit code, as on Intel's processors. */
  public static void syscall(CpuState cpu, Instruction i) {
    requireSyscall(cpu);
    cpu.gpr[RCX] = cpu.rip;
    cpu.gpr[R11] = cpu.rflags() & ~RF;
    cpu.setRflags(0, (int) cpu.syscallMask | RF);
    int selector = (int) (cpu.star >>> 32) & 0xFFFC;
    Segments.set(cpu, CS, selector, 0, ALL, CODE | ATTR_L);
    Segments.set(cpu, SS, selector + 8, 0, ALL, DATA);
    cpu.cpl = 0;
    cpu.rip = cpu.lstar;
  }

  /** SYSRET. */
  public static void sysret(CpuState cpu, Instruction i) {
    requireSyscall(cpu);
    boolean toLong = i.operandSize == 8;
    long target = toLong ? cpu.gpr[RCX] : cpu.gpr[RCX] & ALL;
    if (cpu.cpl != 0 || !Descriptors.isCanonical(target)) {
      throw cpu.gp(0);
    }
    int selector = (int) (cpu.star >>> 48);
    cpu.setRflags((int) cpu.gpr[R11], SYSRET_FLAGS | RF | VM);
    cpu.systemFlags &= ~(RF | VM);
    Segments.set(
        cpu,
        CS,
        (toLong ? selector + 16 : selector) | 3,
        0,
        ALL,
        CODE | 3 << 5 | (toLong ? ATTR_L : ATTR_DB));
    Segments.set(cpu, SS, selector + 8 | 3, 0, ALL, DATA | 3 << 5);
    cpu.cpl = 3;
    cpu.rip = target;
  }

  private static void requireSyscall(CpuState cpu) {
    if ((cpu.efer & EFER_SCE) == 0 || !cpu.code64()) {
      throw cpu.ud();
    }
  }
}
