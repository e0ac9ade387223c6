package io.satchel.vm.machine;

/**
 * A host that executes in no time: its time goes on only while the machine's thread sleeps. For a
 * machine that is held to a speed, or that sleeps of itself; another's time would stand still.
 */
final class IdleHost implements HostTime {

  volatile long now;

  /** How often the machine's thread has slept. */
  volatile long parks;

  @Override
  public long nanos() {
    return now;
  }

  @Override
  @SuppressWarnings("NonAtomicOperationOnVolatileField") // only the machine's thread parks
  public void park(Object blocker, long nanos) {
    now += nanos;
    parks++;
  }
}
