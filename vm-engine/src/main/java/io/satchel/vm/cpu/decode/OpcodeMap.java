package io.satchel.vm.cpu.decode;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * The opcode maps, in the manual's notation (SDM volume 2, appendix A).
 *
 * <p>A row's opcode is its bytes without prefixes: {@code 0x01}, {@code 0x0FA2}, {@code 0x0F38F0}.
 * Its text is the mnemonic, its operands as the manual's opcode map prints them, then words that
 * narrow it:
 *
 * <ul>
 *   <li>{@code /0} to {@code /7}: this ModRM.reg only
 *   <li>{@code mem} or {@code reg}: ModRM names memory, or a register, only
 *   <li>{@code rm=0} to {@code rm=7}: with {@code reg}, this ModRM.rm only
 *   <li>{@code np}, {@code 66}, {@code F3}, {@code F2}: the mandatory prefix; a row without one
 *       does not care
 * </ul>
 */
public final class OpcodeMap {

  /** What common code checks before a row's method runs, and what an engine must know of it. */
  public enum Trait {
    /** LOCK is allowed when the destination is memory; otherwise LOCK is #UD. */
    LOCK,
    /** #GP(0) unless CPL is 0 (real mode is CPL 0; virtual-8086 mode is 3). */
    CPL0,
    /** #UD in real and virtual-8086 mode. */
    PROTECTED,
    /** #UD in 64-bit code. */
    NOT64,
    /** #UD outside 64-bit code. */
    ONLY64,
    /** The operand size is 64 in 64-bit code without REX.W. */
    DEFAULT64,
    /**
     * Changes rip, CS, the mode, paging, IF or TF, or asks for a look at pending(): the block ends
     * behind it.
     */
    ENDS_BLOCK,
    /**
     * x87 instruction: #NM by CR0.EM or CR0.TS; then a pending unmasked x87 error is #MF (or
     * FERR#).
     */
    X87,
    /** As X87 without the look at pending errors: the FN forms, FNINIT, FNSTSW … */
    X87_NO_WAIT,
    /**
     * MMX: #UD by CR0.EM, #NM by CR0.TS, then pending x87 errors; the method then sets TOP to 0 and
     * all tags valid.
     */
    MMX,
    /** SSE: #UD by CR0.EM or without CR4.OSFXSR, #NM by CR0.TS. */
    SSE
  }

  /** One line of the map. */
  public record Row(int opcode, String text, Effect effect, Set<Trait> traits) {}

  private final List<Row> rows = new ArrayList<>();

  /** Adds a row whose method does everything itself. */
  public OpcodeMap effect(int opcode, String text, Effect effect, Trait... traits) {
    rows.add(new Row(opcode, text, effect, Set.of(traits)));
    return this;
  }

  public List<Row> rows() {
    return List.copyOf(rows);
  }
}
