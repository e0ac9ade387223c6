package io.satchel.vm.device;

import io.satchel.vm.bus.IoHandler;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Ports for those who look into a machine: IBM PC/AT Technical Reference (port 80h); Bochs user
 * manual, "port_e9_hack"; QEMU documentation, isa-debugcon and isa-debug-exit.
 *
 * <pre>
 *  80h  power-on self test code; reads back
 *  E9h  debug console: a written byte goes to the host; reads E9h, by which software finds it
 *  402h the same, where SeaBIOS and OVMF write their log
 *  F4h  optional: a write ends the run with a status
 * </pre>
 */
public final class DebugPorts implements Device<DebugPorts.State> {

  private static final int CONSOLE = 0xE9;
  private static final int FIRMWARE_LOG = 0x402;

  /** The last self test code. */
  public record State(int post) {}

  private int post;

  /**
   * @param postCode told of each self test code
   * @param console told of each byte for the debug console
   * @param exit told of a value written to F4h; without one the port is not there
   */
  public DebugPorts(
      Board board, IntConsumer postCode, IntConsumer console, @Nullable IntConsumer exit) {
    board
        .ports()
        .map(
            0x80,
            1,
            1,
            "POST code",
            new IoHandler() {
              @Override
              public int read(int offset, int width) {
                return post;
              }

              @Override
              public void write(int offset, int width, int value) {
                post = value;
                postCode.accept(value);
              }
            });
    board.ports().map(CONSOLE, 1, 1, "debug console", sink(CONSOLE, console));
    board.ports().map(FIRMWARE_LOG, 1, 1, "debug console", sink(CONSOLE, console));
    if (exit != null) {
      board.ports().map(0xF4, 4, 4, "debug exit", sink(0, exit));
    }
  }

  private static IoHandler sink(int reads, IntConsumer consumer) {
    return new IoHandler() {
      @Override
      public int read(int offset, int width) {
        return reads;
      }

      @Override
      public void write(int offset, int width, int value) {
        consumer.accept(value);
      }
    };
  }

  @Override
  public String name() {
    return "debug";
  }

  @Override
  public void reset() {
    post = 0;
  }

  @Override
  public State state() {
    return new State(post);
  }

  @Override
  public void restore(State state) {
    post = state.post();
  }
}
