package io.satchel.vm.device;

import io.satchel.vm.bus.IrqLine;

/**
 * A line that is high while any of its drivers holds it high: the A20 gate (8042 or port 92h), or a
 * shared interrupt. It keeps no state of its own across a snapshot: its drivers drive it again.
 */
public final class OrGate {

  private final IrqLine output;
  private int inputs;
  private long levels;

  public OrGate(IrqLine output) {
    this.output = output;
  }

  /** One more driver, low until it says otherwise; at most 64. */
  public IrqLine input() {
    long bit = 1L << inputs++;
    return level -> drive(bit, level);
  }

  private void drive(long bit, boolean level) {
    boolean before = levels != 0;
    levels = level ? levels | bit : levels & ~bit;
    if (before != (levels != 0)) {
      output.set(levels != 0);
    }
  }
}
