package io.satchel.vm.cpu.translate;

import org.jspecify.annotations.Nullable;

/** What the generated classes extend: one method that runs a region. */
abstract class CompiledRegion {

  // What run() says; from 0 on it is the number of the exit, whose target is a constant.

  /** Left for an address that was computed. */
  static final int COMPUTED = -1;

  /** The instruction at rip is for the interpreter. */
  static final int STOPPED = -2;

  /** An effect changed the course; rip and the count of instructions are set. */
  static final int DIVERTED = -3;

  /** This minus the number of a site: the instruction there missed; rip is not set. */
  static final int MISSED = -16;

  /** False once its bytes may have changed. Read and written by the machine's thread. */
  boolean valid = true;

  /** The site of the effect that is executing, for whoever catches its fault. */
  int site;

  /** The epoch of the translations under which it was entered. */
  int epoch;

  /** By exit: where it led. */
  @Nullable Region[] links = new @Nullable Region[0];

  /**
   * Runs from the region's beginning.
   *
   * @param limit loops end once this many instructions have retired
   * @param attention the bits of {@code CpuState.pending} that end a loop
   */
  abstract int run(int limit, int attention);
}
