package io.satchel.vm.accel;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.Conformance;
import io.satchel.vm.cpu.CpuState;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The translator against the interpreter, which is the specification. */
class LockStepTests {

  private static final int RAM = 1 << 20;

  /** What a program can reach with ease. */
  private static final int FILLED = 0x30000;

  private static final int ROUNDS = 12;

  private final BareMetal interpreted = new BareMetal(RAM, 0);
  private final BareMetal translated = new BareMetal(RAM, 2);

  @Test
  void randomLoopsOf32BitCodeEndAlike() {
    compare(1, 400, 4);
  }

  @Test
  void randomLoopsOfRealModeCodeEndAlike() {
    compare(1, 400, 2);
    assertThat(translated.tcg.statistics().instructions).isPositive();
  }

  @Test
  void randomLoopsOf64BitCodeEndAlike() {
    compare(1, 400, 8);
  }

  /** As many as {@code -Dsatchel.lockstep} says for each width; a thousand take some 12 seconds. */
  @ParameterizedTest(name = "{0}-byte code")
  @ValueSource(ints = {2, 4, 8})
  @Tag("conformance")
  void manyMoreRandomLoopsEndAlike(int codeWidth) {
    int programs = Integer.getInteger("satchel.lockstep", 10_000);
    compare(10_000, programs, codeWidth);
    String suite = "random loops of %d-bit code, translated beside interpreted";
    Conformance.report(suite.formatted(8 * codeWidth), programs, programs, List.of());
  }

  private void compare(long firstSeed, int programs, int codeWidth) {
    for (long seed = firstSeed; seed < firstSeed + programs; seed++) {
      RandomCode random = new RandomCode(seed, codeWidth);
      byte[] program = random.program();
      String expected = run(interpreted, program, random.base, codeWidth, seed, ROUNDS);
      String found = run(translated, program, random.base, codeWidth, seed, ROUNDS);
      if (!found.equals(expected)) {
        assertThat(found)
            .as("seed %d, %d-bit: %s", seed, 8 * codeWidth, HexFormat.of().formatHex(program))
            .isEqualTo(expected);
      }
    }
    long inRegions = translated.tcg.statistics().instructions;
    assertThat(inRegions).as("instructions in regions").isGreaterThan(programs * 10L);
  }

  /** Prints how far two runs of a seed are alike: by the number of rounds. */
  public static void main(String[] arguments) {
    long seed = Long.parseLong(arguments[0]);
    int codeWidth = Integer.parseInt(arguments[1]) / 8;
    RandomCode random = new RandomCode(seed, codeWidth);
    byte[] program = random.program();
    System.out.println(HexFormat.of().formatHex(program));
    for (int rounds = 1; rounds <= ROUNDS; rounds++) {
      String expected = run(new BareMetal(RAM, 0), program, random.base, codeWidth, seed, rounds);
      String found = run(new BareMetal(RAM, 2), program, random.base, codeWidth, seed, rounds);
      System.out.println(rounds + " " + expected);
      if (!found.equals(expected)) {
        System.out.println("! " + found);
      }
    }
  }

  /** Runs a program to its end, and says what the machine looks like then. */
  private static String run(
      BareMetal machine, byte[] program, long base, int codeWidth, long seed, int rounds) {
    CpuState cpu = machine.cpu;
    byte[] ram = new byte[FILLED];
    new Random(seed).nextBytes(ram);
    machine.map.write(0, ram, 0, FILLED);
    cpu.reset(cpu.model.signature());
    cpu.instructions = 0;
    machine.flat();
    cpu.cr4 = CpuState.CR4_OSFXSR | CpuState.CR4_OSXMMEXCPT;
    machine.handlers();
    if (codeWidth == 2) {
      machine.realMode();
    } else if (codeWidth == 8) {
      machine.longMode();
      cpu.cr4 |= CpuState.CR4_OSFXSR | CpuState.CR4_OSXMMEXCPT | CpuState.CR4_FSGSBASE;
      for (int vector = 0; vector < 32; vector++) {
        // The program's stack may be anywhere: handlers have IST1.
        machine.map.write(BareMetal.LONG_IDT + 4 + 16 * vector, 1, 1);
      }
    }
    machine.map.write(RandomCode.START, program, 0, program.length);
    machine.map.write(RandomCode.COUNTER, 4, rounds);
    cpu.rip = base + RandomCode.START;
    Random values = new Random(seed);
    for (int r = 0; r < (codeWidth == 8 ? 16 : 8); r++) {
      cpu.gpr[r] = codeWidth == 8 ? values.nextLong() : values.nextInt() & 0xFFFF_FFFFL;
    }
    cpu.gpr[CpuState.RSP] = 0x9F00;
    cpu.random = new Random(seed)::nextLong;
    Accelerator.Exit exit = machine.tcg.run(40_000);
    boolean stopped = exit == Accelerator.Exit.HALTED;
    StringBuilder text = new StringBuilder();
    text.append(exit);
    if (!stopped) {
      // Where a budget ends is the engines' own affair.
      return text.toString();
    }
    text.append(
        " rip %x instructions %d flags %x".formatted(cpu.rip, cpu.instructions, cpu.rflags()));
    for (int r = 0; r < 16; r++) {
      text.append(" %x".formatted(cpu.gpr[r]));
    }
    text.append(" fs %x gs %x".formatted(cpu.base[CpuState.FS], cpu.base[CpuState.GS]));
    for (int n = 0; n < 8; n++) {
      text.append(" %x:%x".formatted(cpu.fpu.significand[n], cpu.fpu.signExponent[n]));
    }
    text.append(" xmm %x mxcsr %x".formatted(Arrays.hashCode(cpu.xmm), cpu.mxcsr));
    machine.map.read(0, ram, 0, FILLED);
    text.append(" memory %x cr2 %x".formatted(Arrays.hashCode(ram), cpu.cr2));
    return text.toString();
  }
}
