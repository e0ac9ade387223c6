package io.satchel.vm.device;

import io.satchel.vm.bus.IoHandler;

/**
 * The AT's coprocessor error latch (IBM PC AT Technical Reference, "Math Coprocessor Control";
 * Intel 82371SB data sheet, "CERR, Coprocessor Error Register").
 *
 * <pre>
 * F0h  write, any value: lowers IRQ 13 and asserts IGNNE# until the error is gone
 * F1h  write 0: resets an external coprocessor; none is external
 * </pre>
 */
public final class CoprocessorErrorPort implements Device<CoprocessorErrorPort.State>, IoHandler {

  /** The latch itself is the processor's. */
  public record State() {}

  private final Runnable ignoreError;

  /**
   * @param ignoreError asserts IGNNE# and lowers IRQ 13
   */
  public CoprocessorErrorPort(Board board, Runnable ignoreError) {
    this.ignoreError = ignoreError;
    board.ports().map(0xF0, 2, 1, "coprocessor error", this);
  }

  @Override
  public int read(int offset, int width) {
    return 0xFF;
  }

  @Override
  public void write(int offset, int width, int value) {
    if (offset == 0) {
      ignoreError.run();
    }
  }

  @Override
  public String name() {
    return "coprocessor-error";
  }

  @Override
  public void reset() {}

  @Override
  public State state() {
    return new State();
  }

  @Override
  public void restore(State state) {}
}
