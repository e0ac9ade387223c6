package io.satchel.vm.accel;

/** Runs a virtual processor. */
public sealed interface Accelerator permits Tcg {

  /** Why a run ended. */
  enum Exit {
    /** The instructions asked for are done, give or take the rest of a block. */
    BUDGET,
    /** {@code CpuState.kick} was called; the mark is cleared. */
    KICKED,
    /** HLT, and nothing is pending that ends it. */
    HALTED,
    /** Triple fault: {@code CpuState.shutdownRip} says where. */
    SHUTDOWN
  }

  /**
   * Runs until {@code maxInstructions} have retired or something else ends the run. Deterministic
   * but for kicks from other threads.
   *
   * @param maxInstructions at least 1
   */
  Exit run(long maxInstructions);
}
