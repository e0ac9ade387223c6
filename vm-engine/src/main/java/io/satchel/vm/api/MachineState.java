package io.satchel.vm.api;

/** What a machine is doing. */
public enum MachineState {
  /** Built and not yet started. */
  OFF,
  RUNNING,
  PAUSED,
  /** It has ended, whoever ended it; it does not start again. */
  ENDED
}
