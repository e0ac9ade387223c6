package io.satchel.vm.cpu.decode;

import static io.satchel.vm.cpu.CpuState.CS;
import static io.satchel.vm.cpu.CpuState.DS;
import static io.satchel.vm.cpu.CpuState.ES;
import static io.satchel.vm.cpu.CpuState.FS;
import static io.satchel.vm.cpu.CpuState.GS;
import static io.satchel.vm.cpu.CpuState.SS;
import static io.satchel.vm.cpu.decode.OpcodeMap.Trait.CPL0;
import static io.satchel.vm.cpu.decode.OpcodeMap.Trait.CPL0_UD;
import static io.satchel.vm.cpu.decode.OpcodeMap.Trait.DEFAULT64;
import static io.satchel.vm.cpu.decode.OpcodeMap.Trait.ENDS_BLOCK;
import static io.satchel.vm.cpu.decode.OpcodeMap.Trait.NOT64;
import static io.satchel.vm.cpu.decode.OpcodeMap.Trait.ONLY64;
import static io.satchel.vm.cpu.decode.OpcodeMap.Trait.PROTECTED;

import io.satchel.vm.cpu.semantics.Cpuid;
import io.satchel.vm.cpu.semantics.FarTransfers;
import io.satchel.vm.cpu.semantics.FastCalls;
import io.satchel.vm.cpu.semantics.Interrupts;
import io.satchel.vm.cpu.semantics.Msrs;
import io.satchel.vm.cpu.semantics.SegmentBases;
import io.satchel.vm.cpu.semantics.Segments;
import io.satchel.vm.cpu.semantics.SystemFlags;
import io.satchel.vm.cpu.semantics.SystemRegisters;
import io.satchel.vm.cpu.semantics.Xsave;

/**
 * The rows of segment registers, far transfers, interrupts, flags and system registers.
 *
 * <p>Loads of segment registers end a block although they do not jump: they change what every
 * following address is made of, and SS holds interrupts off.
 */
public final class SystemRows {

  private SystemRows() {}

  /** Adds the rows. */
  public static void add(OpcodeMap map) {
    segments(map);
    transfers(map);
    flags(map);
    tables(map);
    registers(map);
    longMode(map);
  }

  private static void segments(OpcodeMap map) {
    map.effect(0x06, "PUSH ES", Segments.push(ES), NOT64)
        .effect(0x07, "POP ES", Segments.pop(ES), NOT64, ENDS_BLOCK)
        .effect(0x0E, "PUSH CS", Segments.push(CS), NOT64)
        .effect(0x16, "PUSH SS", Segments.push(SS), NOT64)
        .effect(0x17, "POP SS", Segments.pop(SS), NOT64, ENDS_BLOCK)
        .effect(0x1E, "PUSH DS", Segments.push(DS), NOT64)
        .effect(0x1F, "POP DS", Segments.pop(DS), NOT64, ENDS_BLOCK)
        .effect(0x0FA0, "PUSH FS", Segments.push(FS), DEFAULT64)
        .effect(0x0FA1, "POP FS", Segments.pop(FS), DEFAULT64, ENDS_BLOCK)
        .effect(0x0FA8, "PUSH GS", Segments.push(GS), DEFAULT64)
        .effect(0x0FA9, "POP GS", Segments.pop(GS), DEFAULT64, ENDS_BLOCK)
        .effect(0x8C, "MOV Ev,Sw", Segments::movFromSegment)
        .effect(0x8E, "MOV Sw,Ew", Segments::movToSegment, ENDS_BLOCK)
        .effect(0xC4, "LES Gv,Mp mem", Segments.loadPointer(ES), NOT64, ENDS_BLOCK)
        .effect(0xC5, "LDS Gv,Mp mem", Segments.loadPointer(DS), NOT64, ENDS_BLOCK)
        .effect(0x0FB2, "LSS Gv,Mp mem", Segments.loadPointer(SS), ENDS_BLOCK)
        .effect(0x0FB4, "LFS Gv,Mp mem", Segments.loadPointer(FS), ENDS_BLOCK)
        .effect(0x0FB5, "LGS Gv,Mp mem", Segments.loadPointer(GS), ENDS_BLOCK)
        .effect(0x63, "ARPL Ew,Gw", Segments::arpl, NOT64, PROTECTED)
        .effect(0x0F02, "LAR Gv,Ew", Segments::lar, PROTECTED)
        .effect(0x0F03, "LSL Gv,Ew", Segments::lsl, PROTECTED);
  }

  private static void transfers(OpcodeMap map) {
    map.effect(0x62, "BOUND Gv,Ma mem", Interrupts::bound, NOT64)
        .effect(0x9A, "CALL Ap", FarTransfers::callDirect, NOT64, ENDS_BLOCK)
        .effect(0xEA, "JMP Ap", FarTransfers::jumpDirect, NOT64, ENDS_BLOCK)
        .effect(0xFF, "CALL Mp /3 mem", FarTransfers::callIndirect, ENDS_BLOCK)
        .effect(0xFF, "JMP Mp /5 mem", FarTransfers::jumpIndirect, ENDS_BLOCK)
        .effect(0xCA, "RETF Iw", FarTransfers::returnFarRelease, ENDS_BLOCK)
        .effect(0xCB, "RETF", FarTransfers::returnFar, ENDS_BLOCK)
        .effect(0xCC, "INT3", Interrupts::int3, ENDS_BLOCK)
        .effect(0xCD, "INT Ib", Interrupts::intImmediate, ENDS_BLOCK)
        .effect(0xCE, "INTO", Interrupts::into, NOT64, ENDS_BLOCK)
        .effect(0xCF, "IRET", FarTransfers::interruptReturn, ENDS_BLOCK)
        .effect(0xF1, "INT1", Interrupts::int1, ENDS_BLOCK)
        .effect(0x0F34, "SYSENTER +SEP", FastCalls::sysenter, ENDS_BLOCK)
        .effect(0x0F35, "SYSEXIT +SEP", FastCalls::sysexit, ENDS_BLOCK);
  }

  private static void flags(OpcodeMap map) {
    map.effect(0x9C, "PUSHF", SystemFlags::pushf, DEFAULT64)
        .effect(0x9D, "POPF", SystemFlags::popf, DEFAULT64, ENDS_BLOCK)
        .effect(0xF4, "HLT", SystemFlags::hlt, CPL0, ENDS_BLOCK)
        .effect(0xFA, "CLI", SystemFlags::cli, ENDS_BLOCK)
        .effect(0xFB, "STI", SystemFlags::sti, ENDS_BLOCK);
  }

  private static void tables(OpcodeMap map) {
    map.effect(0x0F00, "SLDT Ev /0", Segments::sldt, PROTECTED)
        .effect(0x0F00, "STR Ev /1", Segments::str, PROTECTED)
        .effect(0x0F00, "LLDT Ew /2", Segments::lldt, PROTECTED, CPL0)
        .effect(0x0F00, "LTR Ew /3", Segments::ltr, PROTECTED, CPL0)
        .effect(0x0F00, "VERR Ew /4", Segments::verr, PROTECTED)
        .effect(0x0F00, "VERW Ew /5", Segments::verw, PROTECTED)
        .effect(0x0F01, "SGDT Ms /0 mem", SystemRegisters::sgdt)
        .effect(0x0F01, "SIDT Ms /1 mem", SystemRegisters::sidt)
        .effect(0x0F01, "LGDT Ms /2 mem", SystemRegisters::lgdt, CPL0)
        .effect(0x0F01, "LIDT Ms /3 mem", SystemRegisters::lidt, CPL0)
        .effect(0x0F01, "SMSW Ev /4", SystemRegisters::smsw)
        .effect(0x0F01, "LMSW Ew /6", SystemRegisters::lmsw, CPL0, ENDS_BLOCK)
        .effect(0x0F01, "INVLPG Mb /7 mem", SystemRegisters::invlpg, CPL0, ENDS_BLOCK);
  }

  private static void registers(OpcodeMap map) {
    map.effect(0x0F06, "CLTS", SystemRegisters::clts, CPL0, ENDS_BLOCK)
        .effect(0x0F08, "INVD", SystemRegisters::invalidateCaches, CPL0)
        .effect(0x0F09, "WBINVD", SystemRegisters::invalidateCaches, CPL0)
        .effect(0x0F20, "MOV Rd,Cd", SystemRegisters::movFromControl, CPL0)
        .effect(0x0F21, "MOV Rd,Dd", SystemRegisters::movFromDebug)
        .effect(0x0F22, "MOV Cd,Rd", SystemRegisters::movToControl, CPL0, ENDS_BLOCK)
        .effect(0x0F23, "MOV Dd,Rd", SystemRegisters::movToDebug, ENDS_BLOCK)
        .effect(0x0F30, "WRMSR +MSR", Msrs::wrmsr, CPL0, ENDS_BLOCK)
        .effect(0x0F31, "RDTSC +TSC", Msrs::rdtsc)
        .effect(0x0F32, "RDMSR +MSR", Msrs::rdmsr, CPL0)
        .effect(0x0F33, "RDPMC", Msrs::rdpmc)
        .effect(0x0FA2, "CPUID", Cpuid::cpuid);
  }

  private static void longMode(OpcodeMap map) {
    map.effect(0x0F05, "SYSCALL +SYSCALL", FastCalls::syscall, ENDS_BLOCK)
        .effect(0x0F07, "SYSRET +SYSCALL", FastCalls::sysret, ENDS_BLOCK)
        .effect(0x0F01, "SWAPGS /7 reg rm=0 +LM", SegmentBases::swapgs, ONLY64, CPL0)
        .effect(0x0F01, "RDTSCP /7 reg rm=1 +RDTSCP", Msrs::rdtscp)
        .effect(0x0FC7, "RDPID Rd F3 /7 reg +RDPID", Msrs::rdpid)
        .effect(0x0FAE, "RDFSBASE Ry F3 /0 reg +FSGSBASE", SegmentBases.read(FS), ONLY64)
        .effect(0x0FAE, "RDGSBASE Ry F3 /1 reg +FSGSBASE", SegmentBases.read(GS), ONLY64)
        .effect(0x0FAE, "WRFSBASE Ry F3 /2 reg +FSGSBASE", SegmentBases.write(FS), ONLY64)
        .effect(0x0FAE, "WRGSBASE Ry F3 /3 reg +FSGSBASE", SegmentBases.write(GS), ONLY64)
        .effect(0x0F01, "CLAC np /1 reg rm=2 +SMAP", SystemFlags::clac, CPL0_UD, ENDS_BLOCK)
        .effect(0x0F01, "STAC np /1 reg rm=3 +SMAP", SystemFlags::stac, CPL0_UD, ENDS_BLOCK)
        .effect(
            0x0F3882, "INVPCID Gy,Mdq mem 66 +INVPCID", SystemRegisters::invpcid, CPL0, ENDS_BLOCK)
        .effect(0x0FAE, "CLFLUSH Mb np /7 mem +CLFSH", SystemRegisters::flushLine)
        .effect(0x0FAE, "CLFLUSHOPT Mb 66 /7 mem +CLFLUSHOPT", SystemRegisters::flushLine)
        .effect(0x0F01, "XGETBV np /2 reg rm=0 +XSAVE", Xsave::xgetbv)
        .effect(0x0F01, "XSETBV np /2 reg rm=1 +XSAVE", Xsave::xsetbv, CPL0, ENDS_BLOCK)
        .effect(0x0FAE, "XSAVE M np /4 mem +XSAVE", Xsave::xsave)
        .effect(0x0FAE, "XRSTOR M np /5 mem +XSAVE", Xsave::xrstor)
        .effect(0x0FAE, "XSAVEOPT M np /6 mem +XSAVEOPT", Xsave::xsaveopt)
        .effect(0x0FC7, "XSAVEC M np /4 mem +XSAVEC", Xsave::xsavec);
  }
}
