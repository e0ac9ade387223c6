package io.satchel.vm.device;

import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.bus.IrqLine;

/**
 * PS/2 system control port A, as the Intel 82371SB (PIIX3) data sheet 290550 has it, section 2.5.5.
 *
 * <pre>
 *  92h  bit 0  fast reset: a change from 0 to 1 resets the processor
 *       bit 1  fast A20: opens the gate whatever the 8042 says
 * </pre>
 */
public final class Port92 implements Device<Port92.State>, IoHandler {

  private static final int FAST_RESET = 1;
  private static final int FAST_A20 = 1 << 1;

  /** The register. */
  public record State(int value) {}

  private final IrqLine a20;
  private final Runnable resetLine;
  private int value;

  /**
   * @param a20 this port's driver of the A20 gate
   * @param resetLine pulses the processor's INIT, by way of the PIIX3
   */
  public Port92(Board board, IrqLine a20, Runnable resetLine) {
    this.a20 = a20;
    this.resetLine = resetLine;
    board.ports().map(0x92, 1, 1, "port 92h", this);
    reset();
  }

  @Override
  public int read(int offset, int width) {
    return value;
  }

  @Override
  public void write(int offset, int width, int newValue) {
    int changed = value ^ newValue;
    value = newValue & (FAST_RESET | FAST_A20);
    a20.set((value & FAST_A20) != 0);
    if ((changed & value & FAST_RESET) != 0) {
      resetLine.run();
    }
  }

  @Override
  public String name() {
    return "port92";
  }

  @Override
  public void reset() {
    value = 0;
    a20.lower();
  }

  @Override
  public State state() {
    return new State(value);
  }

  @Override
  public void restore(State state) {
    value = state.value();
    a20.set((value & FAST_A20) != 0);
  }
}
