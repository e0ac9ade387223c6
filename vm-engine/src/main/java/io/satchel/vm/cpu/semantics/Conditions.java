package io.satchel.vm.cpu.semantics;

import static io.satchel.vm.cpu.CpuState.CF;
import static io.satchel.vm.cpu.CpuState.OF;
import static io.satchel.vm.cpu.CpuState.PF;
import static io.satchel.vm.cpu.CpuState.SF;
import static io.satchel.vm.cpu.CpuState.ZF;

import io.satchel.vm.cpu.CpuState;

/** The sixteen conditions, by the low four bits of their opcodes (SDM volume 1, appendix B). */
public final class Conditions {

  /** The suffixes that the manual prints, by condition. */
  public static final String[] NAMES = {
    "O", "NO", "B", "NB", "Z", "NZ", "BE", "NBE", "S", "NS", "P", "NP", "L", "NL", "LE", "NLE"
  };

  private Conditions() {}

  /** Whether the condition holds. */
  public static boolean test(CpuState cpu, int condition) {
    return test(cpu.arithmeticFlags(), condition);
  }

  /** Whether the condition holds for these flags. */
  public static boolean test(int flags, int condition) {
    boolean positive =
        switch (condition >> 1) {
          case 0 -> (flags & OF) != 0;
          case 1 -> (flags & CF) != 0;
          case 2 -> (flags & ZF) != 0;
          case 3 -> (flags & (CF | ZF)) != 0;
          case 4 -> (flags & SF) != 0;
          case 5 -> (flags & PF) != 0;
          case 6 -> less(flags);
          default -> (flags & ZF) != 0 || less(flags);
        };
    return positive == ((condition & 1) == 0);
  }

  private static boolean less(int flags) {
    return (flags & SF) != 0 != ((flags & OF) != 0);
  }
}
