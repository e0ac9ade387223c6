package io.satchel.vm.cpu.interpret;

import static io.satchel.vm.cpu.CpuState.RAX;
import static io.satchel.vm.cpu.CpuState.RBP;
import static io.satchel.vm.cpu.CpuState.RCX;
import static io.satchel.vm.cpu.CpuState.RDX;
import static io.satchel.vm.cpu.CpuState.RSP;
import static io.satchel.vm.cpu.interpret.Frame.FALL_THROUGH;
import static io.satchel.vm.cpu.interpret.Frame.NONE;
import static io.satchel.vm.cpu.interpret.Frame.TAKEN;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.LazyFlags;
import io.satchel.vm.cpu.semantics.Alu;
import io.satchel.vm.cpu.semantics.Conditions;
import io.satchel.vm.cpu.semantics.FlagRule;
import io.satchel.vm.cpu.semantics.MulDiv;
import io.satchel.vm.cpu.semantics.Operands;
import io.satchel.vm.cpu.semantics.Shift;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * What micro-operations do. Each is compiled by HotSpot by itself, so that the first use of one
 * does not throw away the code of the others, as it does in one loop over a switch.
 *
 * <p>Those that touch memory compute a linear address from base, index, scale and displacement.
 * When the soft TLB misses they leave the whole instruction to its row's effect; so no
 * micro-operation of an instruction changes anything architectural before its last memory access.
 */
enum Operation {
  /** The instruction's own effect. */
  GENERIC {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      return f.generic(o);
    }
  },

  /** The instruction's own effect, which works on registers only and cannot fault. */
  EFFECT {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      f.effect(o);
      return o.next;
    }
  },

  /** r = r op r2, 32 or 64 bits; in the order of the opcodes, then TEST. */
  ALU_RR_ADD {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r];
      long b = gpr[o.r2];
      set(gpr, o, f.flags(ADD + o.log2, a, b, Alu.add(a, b)));
      return o.next;
    }
  },

  ALU_RR_OR {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r];
      long b = gpr[o.r2];
      set(gpr, o, f.flags(LOGIC + o.log2, a, b, Alu.or(a, b)));
      return o.next;
    }
  },

  ALU_RR_ADC {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      set(gpr, o, adc(f, o, gpr[o.r], gpr[o.r2]));
      return o.next;
    }
  },

  ALU_RR_SBB {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      set(gpr, o, sbb(f, o, gpr[o.r], gpr[o.r2]));
      return o.next;
    }
  },

  ALU_RR_AND {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r];
      long b = gpr[o.r2];
      set(gpr, o, f.flags(LOGIC + o.log2, a, b, Alu.and(a, b)));
      return o.next;
    }
  },

  ALU_RR_SUB {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r];
      long b = gpr[o.r2];
      set(gpr, o, f.flags(SUB + o.log2, a, b, Alu.sub(a, b)));
      return o.next;
    }
  },

  ALU_RR_XOR {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r];
      long b = gpr[o.r2];
      set(gpr, o, f.flags(LOGIC + o.log2, a, b, Alu.xor(a, b)));
      return o.next;
    }
  },

  ALU_RR_CMP {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r];
      long b = gpr[o.r2];
      f.flags(SUB + o.log2, a, b, Alu.sub(a, b));
      return o.next;
    }
  },

  ALU_RR_TEST {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r];
      long b = gpr[o.r2];
      f.flags(LOGIC + o.log2, a, b, Alu.and(a, b));
      return o.next;
    }
  },

  /** r = r op immediate, 32 or 64 bits. */
  ALU_RI_ADD {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r];
      long b = o.immediate;
      set(gpr, o, f.flags(ADD + o.log2, a, b, Alu.add(a, b)));
      return o.next;
    }
  },

  ALU_RI_OR {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r];
      long b = o.immediate;
      set(gpr, o, f.flags(LOGIC + o.log2, a, b, Alu.or(a, b)));
      return o.next;
    }
  },

  ALU_RI_ADC {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      set(gpr, o, adc(f, o, gpr[o.r], o.immediate));
      return o.next;
    }
  },

  ALU_RI_SBB {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      set(gpr, o, sbb(f, o, gpr[o.r], o.immediate));
      return o.next;
    }
  },

  ALU_RI_AND {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r];
      long b = o.immediate;
      set(gpr, o, f.flags(LOGIC + o.log2, a, b, Alu.and(a, b)));
      return o.next;
    }
  },

  ALU_RI_SUB {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r];
      long b = o.immediate;
      set(gpr, o, f.flags(SUB + o.log2, a, b, Alu.sub(a, b)));
      return o.next;
    }
  },

  ALU_RI_XOR {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r];
      long b = o.immediate;
      set(gpr, o, f.flags(LOGIC + o.log2, a, b, Alu.xor(a, b)));
      return o.next;
    }
  },

  ALU_RI_CMP {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r];
      long b = o.immediate;
      f.flags(SUB + o.log2, a, b, Alu.sub(a, b));
      return o.next;
    }
  },

  ALU_RI_TEST {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r];
      long b = o.immediate;
      f.flags(LOGIC + o.log2, a, b, Alu.and(a, b));
      return o.next;
    }
  },

  /** The same for 8 and 16 bits: the rest of r stays. */
  NARROW_RR_ADD {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      Narrow.classic(f.cpu, Narrow.ADD, o.r, gpr[o.r2], o.log2);
      return o.next;
    }
  },

  NARROW_RR_OR {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      Narrow.classic(f.cpu, Narrow.OR, o.r, gpr[o.r2], o.log2);
      return o.next;
    }
  },

  NARROW_RR_ADC {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      Narrow.classic(f.cpu, Narrow.ADC, o.r, gpr[o.r2], o.log2);
      return o.next;
    }
  },

  NARROW_RR_SBB {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      Narrow.classic(f.cpu, Narrow.SBB, o.r, gpr[o.r2], o.log2);
      return o.next;
    }
  },

  NARROW_RR_AND {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      Narrow.classic(f.cpu, Narrow.AND, o.r, gpr[o.r2], o.log2);
      return o.next;
    }
  },

  NARROW_RR_SUB {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      Narrow.classic(f.cpu, Narrow.SUB, o.r, gpr[o.r2], o.log2);
      return o.next;
    }
  },

  NARROW_RR_XOR {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      Narrow.classic(f.cpu, Narrow.XOR, o.r, gpr[o.r2], o.log2);
      return o.next;
    }
  },

  NARROW_RR_CMP {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      Narrow.classic(f.cpu, Narrow.CMP, o.r, gpr[o.r2], o.log2);
      return o.next;
    }
  },

  NARROW_RR_TEST {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      Narrow.classic(f.cpu, Narrow.TEST, o.r, gpr[o.r2], o.log2);
      return o.next;
    }
  },

  NARROW_RI_ADD {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      Narrow.classic(f.cpu, Narrow.ADD, o.r, o.immediate, o.log2);
      return o.next;
    }
  },

  NARROW_RI_OR {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      Narrow.classic(f.cpu, Narrow.OR, o.r, o.immediate, o.log2);
      return o.next;
    }
  },

  NARROW_RI_ADC {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      Narrow.classic(f.cpu, Narrow.ADC, o.r, o.immediate, o.log2);
      return o.next;
    }
  },

  NARROW_RI_SBB {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      Narrow.classic(f.cpu, Narrow.SBB, o.r, o.immediate, o.log2);
      return o.next;
    }
  },

  NARROW_RI_AND {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      Narrow.classic(f.cpu, Narrow.AND, o.r, o.immediate, o.log2);
      return o.next;
    }
  },

  NARROW_RI_SUB {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      Narrow.classic(f.cpu, Narrow.SUB, o.r, o.immediate, o.log2);
      return o.next;
    }
  },

  NARROW_RI_XOR {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      Narrow.classic(f.cpu, Narrow.XOR, o.r, o.immediate, o.log2);
      return o.next;
    }
  },

  NARROW_RI_CMP {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      Narrow.classic(f.cpu, Narrow.CMP, o.r, o.immediate, o.log2);
      return o.next;
    }
  },

  NARROW_RI_TEST {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      Narrow.classic(f.cpu, Narrow.TEST, o.r, o.immediate, o.log2);
      return o.next;
    }
  },

  /** Forms that leave the flags alone, where LEA cannot do. */
  OR_RR_QUIET {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      set(gpr, o, Alu.or(gpr[o.r], gpr[o.r2]));
      return o.next;
    }
  },

  OR_RI_QUIET {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      set(gpr, o, Alu.or(gpr[o.r], o.immediate));
      return o.next;
    }
  },

  AND_RR_QUIET {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      set(gpr, o, Alu.and(gpr[o.r], gpr[o.r2]));
      return o.next;
    }
  },

  AND_RI_QUIET {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      set(gpr, o, Alu.and(gpr[o.r], o.immediate));
      return o.next;
    }
  },

  SUB_RR_QUIET {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      set(gpr, o, Alu.sub(gpr[o.r], gpr[o.r2]));
      return o.next;
    }
  },

  XOR_RR_QUIET {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      set(gpr, o, Alu.xor(gpr[o.r], gpr[o.r2]));
      return o.next;
    }
  },

  XOR_RI_QUIET {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      set(gpr, o, Alu.xor(gpr[o.r], o.immediate));
      return o.next;
    }
  },

  SHL_QUIET {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      set(gpr, o, Shift.shl(gpr[o.r], o.immediate, 1 << o.log2));
      return o.next;
    }
  },

  SHR_QUIET {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      gpr[o.r] = Shift.shr(gpr[o.r] & o.mask(), o.immediate, 1 << o.log2);
      return o.next;
    }
  },

  SAR_QUIET {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      set(gpr, o, Shift.sar(gpr[o.r], o.immediate, 1 << o.log2));
      return o.next;
    }
  },

  INC {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      int carry = f.cpu.carry();
      set(gpr, o, f.flags(INC_RULE + o.log2, carry, 1, Alu.inc(gpr[o.r])));
      return o.next;
    }
  },

  DEC {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      int carry = f.cpu.carry();
      set(gpr, o, f.flags(DEC_RULE + o.log2, carry, 1, Alu.dec(gpr[o.r])));
      return o.next;
    }
  },

  NEG {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r];
      set(gpr, o, f.flags(SUB + o.log2, 0, a, Alu.neg(a)));
      return o.next;
    }
  },

  NOT {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      set(gpr, o, Alu.not(gpr[o.r]));
      return o.next;
    }
  },

  INC_NARROW {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      Narrow.other(f.cpu, this, o.r, o.immediate, o.log2);
      return o.next;
    }
  },

  DEC_NARROW {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      Narrow.other(f.cpu, this, o.r, o.immediate, o.log2);
      return o.next;
    }
  },

  NEG_NARROW {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      Narrow.other(f.cpu, this, o.r, o.immediate, o.log2);
      return o.next;
    }
  },

  NOT_NARROW {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      Narrow.other(f.cpu, this, o.r, o.immediate, o.log2);
      return o.next;
    }
  },

  SHL_NARROW {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      Narrow.other(f.cpu, this, o.r, o.immediate, o.log2);
      return o.next;
    }
  },

  SHR_NARROW {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      Narrow.other(f.cpu, this, o.r, o.immediate, o.log2);
      return o.next;
    }
  },

  SAR_NARROW {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      Narrow.other(f.cpu, this, o.r, o.immediate, o.log2);
      return o.next;
    }
  },

  /** r by immediate, 32 or 64 bits, count not 0. */
  SHL {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r];
      int count = o.immediate;
      set(gpr, o, f.flags(SHL_RULE + o.log2, a, count, Shift.shl(a, count, 1 << o.log2)));
      return o.next;
    }
  },

  SHR {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r];
      int count = o.immediate;
      long result = Shift.shr(a & o.mask(), count, 1 << o.log2);
      gpr[o.r] = f.flags(SHR_RULE + o.log2, a, count, result);
      return o.next;
    }
  },

  SAR {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r];
      int count = o.immediate;
      set(gpr, o, f.flags(SAR_RULE + o.log2, a, count, Shift.sar(a, count, 1 << o.log2)));
      return o.next;
    }
  },

  /** r by CL, 32 or 64 bits. */
  SHL_CL {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r];
      int count = (int) gpr[RCX] & (o.shift == 0 ? 63 : 31);
      if (count != 0) {
        set(gpr, o, f.flags(SHL_RULE + o.log2, a, count, Shift.shl(a, count, 1 << o.log2)));
      } else {
        // The upper half of a 32-bit register is cleared even so.
        set(gpr, o, a);
      }
      return o.next;
    }
  },

  SHR_CL {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r];
      int count = (int) gpr[RCX] & (o.shift == 0 ? 63 : 31);
      if (count != 0) {
        long result = Shift.shr(a & o.mask(), count, 1 << o.log2);
        gpr[o.r] = f.flags(SHR_RULE + o.log2, a, count, result);
      } else {
        // The upper half of a 32-bit register is cleared even so.
        set(gpr, o, a);
      }
      return o.next;
    }
  },

  SAR_CL {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r];
      int count = (int) gpr[RCX] & (o.shift == 0 ? 63 : 31);
      if (count != 0) {
        set(gpr, o, f.flags(SAR_RULE + o.log2, a, count, Shift.sar(a, count, 1 << o.log2)));
      } else {
        // The upper half of a 32-bit register is cleared even so.
        set(gpr, o, a);
      }
      return o.next;
    }
  },

  ROL {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      gpr[o.r] = rol(f.cpu, gpr[o.r] & o.mask(), o.immediate, 1 << o.log2);
      return o.next;
    }
  },

  ROR {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      gpr[o.r] = ror(f.cpu, gpr[o.r] & o.mask(), o.immediate, 1 << o.log2);
      return o.next;
    }
  },

  IMUL_RR {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r];
      long b = gpr[o.r2];
      set(gpr, o, f.flags(MUL_RULE + o.log2, a, b, MulDiv.imul(a, b)));
      return o.next;
    }
  },

  /** r = r2 * immediate. */
  IMUL_RI {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r2];
      long b = o.immediate;
      set(gpr, o, f.flags(MUL_RULE + o.log2, a, b, MulDiv.imul(a, b)));
      return o.next;
    }
  },

  MOV_RR {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      set(gpr, o, gpr[o.r2]);
      return o.next;
    }
  },

  MOV_RI {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      set(gpr, o, o.immediate);
      return o.next;
    }
  },

  /** The displacement is the upper half. */
  MOV_RI64 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      gpr[o.r] = (long) o.displacement << 32 | o.immediate & LOW;
      return o.next;
    }
  },

  MOV_NARROW_RR {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      merge(gpr, o.r, gpr[o.r2], o.log2);
      return o.next;
    }
  },

  MOV_NARROW_RI {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      merge(gpr, o.r, o.immediate, o.log2);
      return o.next;
    }
  },

  MOVZX8 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      gpr[o.r] = gpr[o.r2] & 0xFF;
      return o.next;
    }
  },

  MOVZX16 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      gpr[o.r] = gpr[o.r2] & 0xFFFF;
      return o.next;
    }
  },

  MOVSX8 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      set(gpr, o, (byte) gpr[o.r2]);
      return o.next;
    }
  },

  MOVSX16 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      set(gpr, o, (short) gpr[o.r2]);
      return o.next;
    }
  },

  MOVSX32 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      gpr[o.r] = (int) gpr[o.r2];
      return o.next;
    }
  },

  LEA {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      gpr[o.r] = f.address(o);
      return o.next;
    }
  },

  /** LEA of a 16-bit result. */
  LEA16 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      merge(f.gpr, o.r, f.address(o), 1);
      return o.next;
    }
  },

  /** r = bits 8 to 15 of r2. */
  EXTRACT_HIGH {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      gpr[o.r] = gpr[o.r2] >>> 8 & 0xFF;
      return o.next;
    }
  },

  /** Bits 8 to 15 of r = r2. */
  INSERT_HIGH {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      gpr[o.r] = gpr[o.r] & ~0xFF00L | (gpr[o.r2] & 0xFF) << 8;
      return o.next;
    }
  },

  LOAD32 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = f.address(o);
      int host = f.forRead(at, 3);
      if (host < 0) {
        return f.generic(o);
      }
      gpr[o.r] = (int) INT.get(f.ram, host) & LOW;
      return o.next;
    }
  },

  LOAD64 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = f.address(o);
      int host = f.forRead(at, 7);
      if (host < 0) {
        return f.generic(o);
      }
      gpr[o.r] = (long) LONG.get(f.ram, host);
      return o.next;
    }
  },

  LOADS32 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = f.address(o);
      int host = f.forRead(at, 3);
      if (host < 0) {
        return f.generic(o);
      }
      gpr[o.r] = (int) INT.get(f.ram, host);
      return o.next;
    }
  },

  LOADZ8 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = f.address(o);
      int host = f.forRead(at, 0);
      if (host < 0) {
        return f.generic(o);
      }
      gpr[o.r] = f.ram[host] & 0xFF;
      return o.next;
    }
  },

  LOADZ16 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = f.address(o);
      int host = f.forRead(at, 1);
      if (host < 0) {
        return f.generic(o);
      }
      gpr[o.r] = (short) SHORT.get(f.ram, host) & 0xFFFF;
      return o.next;
    }
  },

  LOADS8 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = f.address(o);
      int host = f.forRead(at, 0);
      if (host < 0) {
        return f.generic(o);
      }
      set(gpr, o, f.ram[host]);
      return o.next;
    }
  },

  LOADS16 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = f.address(o);
      int host = f.forRead(at, 1);
      if (host < 0) {
        return f.generic(o);
      }
      set(gpr, o, (short) SHORT.get(f.ram, host));
      return o.next;
    }
  },

  /** Into the low bits of r; the rest stays. */
  LOAD8 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = f.address(o);
      int host = f.forRead(at, 0);
      if (host < 0) {
        return f.generic(o);
      }
      gpr[o.r] = gpr[o.r] & ~0xFFL | f.ram[host] & 0xFF;
      return o.next;
    }
  },

  LOAD16 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = f.address(o);
      int host = f.forRead(at, 1);
      if (host < 0) {
        return f.generic(o);
      }
      gpr[o.r] = gpr[o.r] & ~0xFFFFL | (short) SHORT.get(f.ram, host) & 0xFFFF;
      return o.next;
    }
  },

  STORE64 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = f.address(o);
      int host = f.forWrite(at, 7);
      if (host < 0) {
        return f.generic(o);
      }
      LONG.set(f.ram, host, gpr[o.r]);
      return o.next;
    }
  },

  STORE32 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = f.address(o);
      int host = f.forWrite(at, 3);
      if (host < 0) {
        return f.generic(o);
      }
      INT.set(f.ram, host, (int) gpr[o.r]);
      return o.next;
    }
  },

  STORE16 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = f.address(o);
      int host = f.forWrite(at, 1);
      if (host < 0) {
        return f.generic(o);
      }
      SHORT.set(f.ram, host, (short) gpr[o.r]);
      return o.next;
    }
  },

  STORE8 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = f.address(o);
      int host = f.forWrite(at, 0);
      if (host < 0) {
        return f.generic(o);
      }
      f.ram[host] = (byte) gpr[o.r];
      return o.next;
    }
  },

  STORE64_I {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long at = f.address(o);
      int host = f.forWrite(at, 7);
      if (host < 0) {
        return f.generic(o);
      }
      LONG.set(f.ram, host, (long) o.immediate);
      return o.next;
    }
  },

  STORE8_I {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long at = f.address(o);
      int host = f.forWrite(at, 0);
      if (host < 0) {
        return f.generic(o);
      }
      f.ram[host] = (byte) o.immediate;
      return o.next;
    }
  },

  STORE32_I {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long at = f.address(o);
      int host = f.forWrite(at, 3);
      if (host < 0) {
        return f.generic(o);
      }
      INT.set(f.ram, host, o.immediate);
      return o.next;
    }
  },

  /** Loads for a STOREX to follow: they miss unless the page is writable. */
  LOADX64 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = f.address(o);
      int host = f.forWrite(at, 7);
      if (host < 0) {
        return f.generic(o);
      }
      f.host = host;
      gpr[o.r] = (long) LONG.get(f.ram, host);
      return o.next;
    }
  },

  LOADX32 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = f.address(o);
      int host = f.forWrite(at, 3);
      if (host < 0) {
        return f.generic(o);
      }
      f.host = host;
      gpr[o.r] = (int) INT.get(f.ram, host) & LOW;
      return o.next;
    }
  },

  LOADX16 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = f.address(o);
      int host = f.forWrite(at, 1);
      if (host < 0) {
        return f.generic(o);
      }
      f.host = host;
      gpr[o.r] = (short) SHORT.get(f.ram, host) & 0xFFFF;
      return o.next;
    }
  },

  LOADX8 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = f.address(o);
      int host = f.forWrite(at, 0);
      if (host < 0) {
        return f.generic(o);
      }
      f.host = host;
      gpr[o.r] = f.ram[host] & 0xFF;
      return o.next;
    }
  },

  /** Stores to where LOADX came from. */
  STOREX64 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      LONG.set(f.ram, f.host, gpr[o.r]);
      return o.next;
    }
  },

  STOREX32 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      INT.set(f.ram, f.host, (int) gpr[o.r]);
      return o.next;
    }
  },

  STOREX16 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      SHORT.set(f.ram, f.host, (short) gpr[o.r]);
      return o.next;
    }
  },

  STOREX8 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      f.ram[f.host] = (byte) gpr[o.r];
      return o.next;
    }
  },

  /**
   * ADDRESS = segment base + offset, checked; the immediate holds segment, width << 4, write << 8.
   */
  SEGMENT {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = f.segment(o);
      if (at < 0) {
        return f.generic(o);
      }
      gpr[MicroOp.ADDRESS] = at;
      return o.next;
    }
  },

  /** ADDRESS = base of segment r + offset: FS and GS in 64-bit code. */
  BASED {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      gpr[MicroOp.ADDRESS] = f.cpu.base[o.r] + f.address(o);
      return o.next;
    }
  },

  PUSH32 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = gpr[RSP] - 4 & LOW;
      int host = f.forWrite(at, 3);
      if (host < 0) {
        return f.generic(o);
      }
      INT.set(f.ram, host, (int) gpr[o.r]);
      gpr[RSP] = at;
      return o.next;
    }
  },

  PUSH32_I {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = gpr[RSP] - 4 & LOW;
      int host = f.forWrite(at, 3);
      if (host < 0) {
        return f.generic(o);
      }
      INT.set(f.ram, host, o.immediate);
      gpr[RSP] = at;
      return o.next;
    }
  },

  POP32 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = gpr[RSP] & LOW;
      int host = f.forRead(at, 3);
      if (host < 0) {
        return f.generic(o);
      }
      gpr[o.r] = (int) INT.get(f.ram, host) & LOW;
      gpr[RSP] = at + 4 & LOW;
      return o.next;
    }
  },

  LEAVE32 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = gpr[RBP] & LOW;
      int host = f.forRead(at, 3);
      if (host < 0) {
        return f.generic(o);
      }
      gpr[RSP] = at + 4 & LOW;
      gpr[RBP] = (int) INT.get(f.ram, host) & LOW;
      return o.next;
    }
  },

  PUSH64 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = gpr[RSP] - 8;
      int host = f.forWrite(at, 7);
      if (host < 0) {
        return f.generic(o);
      }
      LONG.set(f.ram, host, gpr[o.r]);
      gpr[RSP] = at;
      return o.next;
    }
  },

  PUSH64_I {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = gpr[RSP] - 8;
      int host = f.forWrite(at, 7);
      if (host < 0) {
        return f.generic(o);
      }
      LONG.set(f.ram, host, (long) o.immediate);
      gpr[RSP] = at;
      return o.next;
    }
  },

  POP64 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = gpr[RSP];
      int host = f.forRead(at, 7);
      if (host < 0) {
        return f.generic(o);
      }
      gpr[o.r] = (long) LONG.get(f.ram, host);
      gpr[RSP] = at + 8;
      return o.next;
    }
  },

  LEAVE64 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = gpr[RBP];
      int host = f.forRead(at, 7);
      if (host < 0) {
        return f.generic(o);
      }
      gpr[RSP] = at + 8;
      gpr[RBP] = (long) LONG.get(f.ram, host);
      return o.next;
    }
  },

  PUSH16 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      int stack = f.stack16(f.writeTlb, gpr[RSP] - 2, true);
      if (stack < 0) {
        return f.generic(o);
      }
      SHORT.set(f.ram, stack, (short) gpr[o.r]);
      merge(gpr, RSP, gpr[RSP] - 2, 1);
      return o.next;
    }
  },

  POP16 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      int stack = f.stack16(f.readTlb, gpr[RSP], false);
      if (stack < 0) {
        return f.generic(o);
      }
      merge(gpr, RSP, gpr[RSP] + 2, 1);
      merge(gpr, o.r, (short) SHORT.get(f.ram, stack), 1);
      return o.next;
    }
  },

  SETCC {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      merge(gpr, o.r, Conditions.test(f.cpu, o.immediate) ? 1 : 0, 0);
      return o.next;
    }
  },

  CMOV {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      // A 32-bit destination's upper half is cleared whatever the condition.
      set(gpr, o, gpr[Conditions.test(f.cpu, o.immediate) ? o.r2 : o.r]);
      return o.next;
    }
  },

  CDQ {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      gpr[RDX] = gpr[RAX] << o.shift >> 63 & o.mask();
      return o.next;
    }
  },

  XCHG {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r];
      set(gpr, o, gpr[o.r2]);
      gpr[o.r2] = a & o.mask();
      return o.next;
    }
  },

  /** Goes on behind the block. */
  END {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long nextRip = f.rip + f.block.length;
      return f.go(nextRip, FALL_THROUGH);
    }
  },

  /** Leaves the loop; rip and the count are set. */
  END_DYNAMIC {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      return f.leave();
    }
  },

  JMP {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      return f.jump(o);
    }
  },

  /** The immediate is the condition. */
  JCC {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      int link = Conditions.test(f.cpu, o.immediate) ? TAKEN : FALL_THROUGH;
      return f.branch(o, link);
    }
  },

  /** Flags stand as a subtraction of that width left them; the immediate is a mask of outcomes. */
  JCC_SUB {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      int outcome = outcome(o, f.cpu.flagA, f.cpu.flagB, f.cpu.flagResult);
      int link = o.immediate >>> outcome & 1;
      return f.branch(o, link);
    }
  },

  /** The result alone decides. */
  JCC_RESULT {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long result = f.cpu.flagResult;
      int link = o.immediate >>> outcome(o, result, 0, result) & 1;
      return f.branch(o, link);
    }
  },

  /** Compare and jump. */
  CMP_RR_JCC {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r];
      long b = gpr[o.r2];
      long result = f.flags(SUB + o.log2, a, b, Alu.sub(a, b));
      int link = o.outcomes >>> outcome(o, a, b, result) & 1;
      return f.branch(o, link);
    }
  },

  CMP_RI_JCC {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r];
      long b = o.immediate;
      long result = f.flags(SUB + o.log2, a, b, Alu.sub(a, b));
      int link = o.outcomes >>> outcome(o, a, b, result) & 1;
      return f.branch(o, link);
    }
  },

  TEST_RR_JCC {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r];
      long b = gpr[o.r2];
      long result = f.flags(LOGIC + o.log2, a, b, Alu.and(a, b));
      int link = o.outcomes >>> outcome(o, result, 0, result) & 1;
      return f.branch(o, link);
    }
  },

  TEST_RI_JCC {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long a = gpr[o.r];
      long b = o.immediate;
      long result = f.flags(LOGIC + o.log2, a, b, Alu.and(a, b));
      int link = o.outcomes >>> outcome(o, result, 0, result) & 1;
      return f.branch(o, link);
    }
  },

  LOOP {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long mask = o.addressMask();
      long count = gpr[RCX] - 1 & mask;
      if (count != 0 && f.beyondLimit(o)) {
        return f.generic(o);
      }
      gpr[RCX] = mask == 0xFFFF ? gpr[RCX] & ~mask | count : count;
      return f.branch(o, count != 0 ? TAKEN : FALL_THROUGH);
    }
  },

  CALL32 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = gpr[RSP] - 4 & LOW;
      long nextRip = f.rip + o.displacement & LOW;
      int host = f.forWrite(at, 3);
      if (host < 0 || nextRip > f.csLimit) {
        return f.generic(o);
      }
      INT.set(f.ram, host, (int) f.rip + o.immediate);
      gpr[RSP] = at;
      return f.go(nextRip, TAKEN);
    }
  },

  CALL32_R {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = gpr[RSP] - 4 & LOW;
      long nextRip = gpr[o.r] & LOW;
      int host = f.forWrite(at, 3);
      if (host < 0 || nextRip > f.csLimit) {
        return f.generic(o);
      }
      INT.set(f.ram, host, (int) f.rip + o.immediate);
      gpr[RSP] = at;
      return f.go(nextRip, NONE);
    }
  },

  RET32 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = gpr[RSP] & LOW;
      int host = f.forRead(at, 3);
      if (host < 0) {
        return f.generic(o);
      }
      long nextRip = (int) INT.get(f.ram, host) & LOW;
      if (nextRip > f.csLimit) {
        return f.generic(o);
      }
      gpr[RSP] = at + 4 + o.immediate & LOW;
      return f.go(nextRip, NONE);
    }
  },

  CALL64 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = gpr[RSP] - 8;
      long nextRip = f.rip + o.displacement;
      int host = f.forWrite(at, 7);
      if (host < 0 || !canonical(nextRip)) {
        return f.generic(o);
      }
      LONG.set(f.ram, host, f.rip + o.immediate);
      gpr[RSP] = at;
      return f.go(nextRip, TAKEN);
    }
  },

  CALL64_R {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = gpr[RSP] - 8;
      long nextRip = gpr[o.r];
      int host = f.forWrite(at, 7);
      if (host < 0 || !canonical(nextRip)) {
        return f.generic(o);
      }
      LONG.set(f.ram, host, f.rip + o.immediate);
      gpr[RSP] = at;
      return f.go(nextRip, NONE);
    }
  },

  RET64 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long at = gpr[RSP];
      int host = f.forRead(at, 7);
      if (host < 0) {
        return f.generic(o);
      }
      long nextRip = (long) LONG.get(f.ram, host);
      if (!canonical(nextRip)) {
        return f.generic(o);
      }
      gpr[RSP] = at + 8 + o.immediate;
      return f.go(nextRip, NONE);
    }
  },

  JMP64_R {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long nextRip = gpr[o.r];
      return canonical(nextRip) ? f.go(nextRip, NONE) : f.generic(o);
    }
  },

  JMP_R {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      long nextRip = gpr[o.r] & LOW;
      if (nextRip > f.csLimit) {
        return f.generic(o);
      }
      return f.go(nextRip, NONE);
    }
  },

  CALL16 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      int stack = f.stack16(f.writeTlb, gpr[RSP] - 2, true);
      long nextRip = f.rip + o.displacement & 0xFFFF;
      if (stack < 0 || nextRip > f.csLimit) {
        return f.generic(o);
      }
      SHORT.set(f.ram, stack, (short) (f.rip + o.immediate));
      merge(gpr, RSP, gpr[RSP] - 2, 1);
      return f.go(nextRip, TAKEN);
    }
  },

  RET16 {
    @Override
    @Nullable MicroOp execute(Frame f, MicroOp o) {
      long[] gpr = f.gpr;
      int stack = f.stack16(f.readTlb, gpr[RSP], false);
      if (stack < 0) {
        return f.generic(o);
      }
      long nextRip = (short) SHORT.get(f.ram, stack) & 0xFFFF;
      if (nextRip > f.csLimit) {
        return f.generic(o);
      }
      merge(gpr, RSP, gpr[RSP] + 2 + o.immediate, 1);
      return f.go(nextRip, NONE);
    }
  };

  private static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private static final Operation[] VALUES = values();

  private static final long LOW = 0xFFFF_FFFFL;
  // Flag rules, to which the log2 of the width is added.
  private static final int ADD = LazyFlags.ADD;
  private static final int SUB = LazyFlags.SUB;
  private static final int LOGIC = LazyFlags.LOGIC;
  private static final int INC_RULE = LazyFlags.INC;
  private static final int DEC_RULE = LazyFlags.DEC;
  private static final int SHL_RULE = LazyFlags.SHL;
  private static final int SHR_RULE = LazyFlags.SHR;
  private static final int SAR_RULE = LazyFlags.SAR;
  private static final int MUL_RULE = LazyFlags.MUL;

  /** Does it and gives the next, or null to leave the loop. */
  abstract @Nullable MicroOp execute(Frame f, MicroOp o);

  /** The operation {@code distance} behind this one in the list. */
  Operation plus(int distance) {
    return VALUES[ordinal() + distance];
  }

  /** An outcome of a comparison of the micro-operation's width, see {@link #outcomes}. */
  static int outcome(MicroOp o, long left, long right, long result) {
    // At the top of the word, the width does not matter.
    int shift = o.shift;
    long a = left << shift;
    long b = right << shift;
    return (a == b ? 1 : 0)
        | (a + Long.MIN_VALUE < b + Long.MIN_VALUE ? 2 : 0)
        | (a < b ? 4 : 0)
        | (int) (result << shift >>> 63) << 3;
  }

  /**
   * For a condition, the set of outcomes of a comparison for which it holds; 0 when the outcome
   * does not tell. An outcome is equal | below << 1 | less << 2 | negative << 3.
   */
  static int outcomes(int condition) {
    int mask = 0;
    for (int outcome = 0; outcome < 16; outcome++) {
      boolean equal = (outcome & 1) != 0;
      boolean below = (outcome & 2) != 0;
      boolean less = (outcome & 4) != 0;
      boolean negative = (outcome & 8) != 0;
      boolean holds =
          switch (condition >> 1) {
            case 1 -> below;
            case 2 -> equal;
            case 3 -> below || equal;
            case 4 -> negative;
            case 6 -> less;
            case 7 -> less || equal;
            default -> false;
          };
      if (holds == ((condition & 1) == 0)) {
        mask |= 1 << outcome;
      }
    }
    return condition >> 1 == 0 || condition >> 1 == 5 ? 0 : mask;
  }

  /** Writes 32 bits, clearing the upper half, or 64. */
  private static void set(long[] gpr, MicroOp o, long value) {
    gpr[o.r] = value & o.mask();
  }

  /** Writes 8 or 16 bits and leaves the others alone. */
  private static void merge(long[] gpr, int r, long value, int log2) {
    long mask = (1L << (8 << log2)) - 1;
    gpr[r] = gpr[r] & ~mask | value & mask;
  }

  private static long adc(Frame f, MicroOp o, long a, long b) {
    return f.flags(ADD + o.log2, a, b, Alu.adc(a, b, f.cpu.carry()));
  }

  private static long sbb(Frame f, MicroOp o, long a, long b) {
    return f.flags(SUB + o.log2, a, b, Alu.sbb(a, b, f.cpu.carry()));
  }

  private static long rol(CpuState cpu, long a, int count, int width) {
    long result = Operands.truncate(Shift.rol(a, count, width), width);
    FlagRule.ROL.apply(cpu, width, a, count, result);
    return result;
  }

  private static long ror(CpuState cpu, long a, int count, int width) {
    long result = Operands.truncate(Shift.ror(a, count, width), width);
    FlagRule.ROR.apply(cpu, width, a, count, result);
    return result;
  }

  private static boolean canonical(long address) {
    return address << 16 >> 16 == address;
  }
}
