package io.satchel.vm.api;

/** What a machine tells. Called on the machine's thread; a listener returns at once. */
public interface MachineEvents {

  /** The state has changed. */
  default void stateChanged(MachineState state) {}

  /**
   * The guest turned itself off, or the run ended by the exit port. Followed by {@link
   * MachineState#ENDED}.
   */
  default void ended(End end) {}

  /** A byte left the first serial port. */
  default void serial(int value) {}

  /** A byte was written to port E9h. */
  default void debug(int value) {}

  /** A power-on self test code was written to port 80h. */
  default void post(int value) {}

  /** Why a machine ended, in words for a person, and as an exit status for a script. */
  record End(Cause cause, String message, int status) {}

  /** The ways to end. */
  enum Cause {
    /** The guest asked the power management to turn off. */
    POWERED_OFF,
    /**
     * A write to port F4h; the status is {@code value << 1 | 1}, as QEMU's isa-debug-exit has it.
     */
    EXIT_PORT,
    /**
     * The processor shut down after a triple fault; the message gives the last instruction pointer.
     */
    TRIPLE_FAULT,
    /** {@code Machine.close}. */
    CLOSED,
    /** A host error that cannot be mended, such as a defect of ours. */
    FAILED
  }
}
