package io.satchel.vm.cpu;

/** Guest code that an engine has compiled; it begins at one address under one {@link Mode}. */
public interface CompiledCode {

  /** False once it must not be entered again. */
  boolean valid();

  /**
   * Runs from {@code CpuState.rip}, which is its beginning, and goes on into other compiled code as
   * long as there is some. Leaves the processor's state exact, and delivers faults.
   *
   * @param end the value of {@code CpuState.instructions} not to pass; compiled code leaves early
   * @return whether compiled code may be looked for at once; otherwise the interpreter has to
   *     execute at least the instruction at rip
   */
  boolean run(long end);
}
