package io.satchel.vm.bus;

/** An interrupt line. Setting the level it already has does nothing. */
@FunctionalInterface
public interface IrqLine {

  /** A line that ends nowhere. */
  IrqLine UNCONNECTED = level -> {};

  /** Drives the line high ({@code true}) or low. */
  void set(boolean level);

  default void raise() {
    set(true);
  }

  default void lower() {
    set(false);
  }
}
