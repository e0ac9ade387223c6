package io.satchel.vm.machine;

import java.util.concurrent.locks.LockSupport;

/** The host's time, as a machine's thread goes by it; tests have one of their own. */
interface HostTime {

  /** The time of the computer that this runs on. */
  HostTime SYSTEM =
      new HostTime() {
        @Override
        public long nanos() {
          return System.nanoTime();
        }

        @Override
        public void park(Object blocker, long nanos) {
          LockSupport.parkNanos(blocker, nanos);
        }
      };

  /** Nanoseconds since some moment; never goes back. */
  long nanos();

  /** Has the thread wait for so long, until it is unparked, or for less. */
  void park(Object blocker, long nanos);
}
