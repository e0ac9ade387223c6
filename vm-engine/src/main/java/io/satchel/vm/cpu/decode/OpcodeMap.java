package io.satchel.vm.cpu.decode;

import io.satchel.vm.cpu.CpuModel.Feature;
import io.satchel.vm.cpu.semantics.Value;
import io.satchel.vm.cpu.semantics.ValueEffect;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

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
 *   <li>{@code vex}: behind a VEX prefix; {@code W0}, {@code W1}, {@code L0}, {@code L1}: with this
 *       VEX.W, or a vector of 128 or of 256 bits. A row without {@code L} stands for both lengths.
 *       Without an operand of method H or B, VEX.vvvv has to be 1111b
 *   <li>{@code vsib}: the memory operand's index is a vector register
 *   <li>{@code +NAME}: only on a processor with that {@link Feature}; several may stand. Without it
 *       the row is as if it were not in the map, so that what an older processor makes of the bytes
 *       (TZCNT is BSF with a prefix that does not count) comes by itself, and else #UD
 * </ul>
 */
public final class OpcodeMap {

  /** What common code checks before a row's method runs, and what an engine must know of it. */
  public enum Trait {
    /** LOCK is allowed when the destination is memory; otherwise LOCK is #UD. */
    LOCK,
    /** #GP(0) unless CPL is 0 (real mode is CPL 0; virtual-8086 mode is 3). */
    CPL0,
    /** #UD unless CPL is 0. */
    CPL0_UD,
    /** #UD in real and virtual-8086 mode. */
    PROTECTED,
    /** #UD in 64-bit code. */
    NOT64,
    /** #UD outside 64-bit code. */
    ONLY64,
    /** The operand size is 64 in 64-bit code without REX.W. */
    DEFAULT64,
    /** The operand size is 64 in 64-bit code whatever the prefixes say: near transfers. */
    FORCE64,
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
    SSE,
    /**
     * AVX: #UD in real and virtual-8086 mode, and unless CR4.OSXSAVE and XCR0 allow SSE and AVX
     * state; #NM by CR0.TS.
     */
    AVX
  }

  /** One line of the map. */
  public static final class Row {

    private static final Set<String> PREFIXES = Set.of("np", "66", "F3", "F2");
    private static final Set<String> VEX_FIELDS = Set.of("W0", "W1", "L0", "L1");

    private final int opcode;
    private final String text;
    private final Effect effect;
    private final @Nullable Value value;
    private final Set<Trait> traits;
    private final String mnemonic;
    private final List<Operand> operands;
    private final Set<Feature> features;
    final boolean modrm;
    final boolean system;
    final int reg;
    final int rm;
    final boolean memoryOnly;
    final boolean registerOnly;
    final @Nullable String prefix;
    final boolean vex;
    final boolean vsib;

    /** Whether VEX.vvvv is an operand. */
    final boolean vvvv;

    /** VEX.W and the vector length that the row stands for: 0, 1, or -1 for both. */
    final int w;

    final int l;
    private final int traitBits;

    private Row(
        int opcode, String text, @Nullable Effect effect, @Nullable Value value, Trait... traits) {
      this.opcode = opcode;
      this.text = text;
      this.value = value;
      this.traits = Set.of(traits);
      String[] words = text.split(" ");
      mnemonic = words[0];
      List<Operand> parsed = new ArrayList<>();
      int regField = -1;
      int rmField = -1;
      boolean memory = false;
      boolean register = false;
      String mandatory = null;
      Set<Feature> needed = EnumSet.noneOf(Feature.class);
      Set<String> flags = new java.util.HashSet<>();
      for (int n = 1; n < words.length; n++) {
        String word = words[n];
        if (word.startsWith("+")) {
          needed.add(Feature.valueOf(word.substring(1)));
        } else if (word.startsWith("/")) {
          regField = Integer.parseInt(word.substring(1));
        } else if (word.startsWith("rm=")) {
          rmField = Integer.parseInt(word.substring(3));
        } else if (word.equals("vex") || word.equals("vsib") || VEX_FIELDS.contains(word)) {
          flags.add(word);
        } else if (word.equals("mem")) {
          memory = true;
        } else if (word.equals("reg")) {
          register = true;
        } else if (PREFIXES.contains(word)) {
          mandatory = word;
        } else if (n == 1) {
          for (String operand : word.split(",")) {
            parsed.add(Operand.parse(operand));
          }
        } else {
          throw new IllegalArgumentException("row " + text + ": " + word);
        }
      }
      operands = List.copyOf(parsed);
      features = Set.copyOf(needed);
      reg = regField;
      rm = rmField;
      memoryOnly = memory || operands.stream().anyMatch(o -> o.method() == 'M');
      registerOnly = register || operands.stream().anyMatch(o -> "NRU".indexOf(o.method()) >= 0);
      vex = flags.contains("vex");
      vsib = flags.contains("vsib");
      vvvv = operands.stream().anyMatch(o -> o.method() == 'H' || o.method() == 'B');
      w = flags.contains("W0") ? 0 : flags.contains("W1") ? 1 : -1;
      l = flags.contains("L0") ? 0 : flags.contains("L1") ? 1 : -1;
      int bits = 0;
      for (Trait trait : traits) {
        bits |= 1 << trait.ordinal();
      }
      traitBits = bits;
      prefix = mandatory;
      system = operands.stream().anyMatch(Operand::system);
      modrm = reg >= 0 || memory || register || operands.stream().anyMatch(Operand::needsModrm);
      this.effect = effect != null ? effect : ValueEffect.of(value, operands);
    }

    public int opcode() {
      return opcode;
    }

    public String text() {
      return text;
    }

    /** What it does; for a value, common code loads the operands and writes the result back. */
    public Effect effect() {
      return effect;
    }

    /** The pure function and flag rule of it, if it has that shape. */
    public @Nullable Value value() {
      return value;
    }

    public Set<Trait> traits() {
      return traits;
    }

    public boolean has(Trait trait) {
      return (traitBits >>> trait.ordinal() & 1) != 0;
    }

    public String mnemonic() {
      return mnemonic;
    }

    public List<Operand> operands() {
      return operands;
    }

    /** The ModRM.reg that the row is for, or -1. */
    public int reg() {
      return reg;
    }

    /** Whether it stands behind a VEX prefix. */
    public boolean vex() {
      return vex;
    }

    /** What a processor must have for the row to exist. */
    public Set<Feature> features() {
      return features;
    }

    /** Whether the two rows stand for the same bytes. */
    boolean sameForm(Row other) {
      return reg == other.reg
          && rm == other.rm
          && memoryOnly == other.memoryOnly
          && registerOnly == other.registerOnly
          && vex == other.vex
          && w == other.w
          && l == other.l
          && Objects.equals(prefix, other.prefix);
    }

    @Override
    public String toString() {
      return "%02X %s".formatted(opcode, text);
    }
  }

  private final List<Row> rows = new ArrayList<>();

  /** Adds a row whose method does everything itself. */
  public OpcodeMap effect(int opcode, String text, Effect effect, Trait... traits) {
    rows.add(new Row(opcode, text, effect, null, traits));
    return this;
  }

  /**
   * Adds a row whose result is a pure function of its operands: the first operand is the
   * destination, and the first source unless the value only copies.
   */
  public OpcodeMap value(int opcode, String text, Value value, Trait... traits) {
    rows.add(new Row(opcode, text, null, value, traits));
    return this;
  }

  public List<Row> rows() {
    return List.copyOf(rows);
  }
}
