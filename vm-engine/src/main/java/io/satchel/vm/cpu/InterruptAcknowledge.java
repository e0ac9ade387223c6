package io.satchel.vm.cpu;

/** The interrupt acknowledge cycle: whoever drives INTR says which vector. */
@FunctionalInterface
public interface InterruptAcknowledge {

  /** The vector, 0 to 255; a spurious one when the request has gone. */
  int acknowledge();
}
