package io.satchel.vm.bus;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * PCI bus 0: who answers to which device and function number (PCI Local Bus Specification 2.1,
 * chapter 6).
 */
public final class PciBus {

  /** Where a function's INTA# to INTD# go. */
  @FunctionalInterface
  public interface IntxRouter {
    /**
     * @param source the device and function number of the driver, so that shared lines stay high
     *     until all have let go
     * @param pin 0 for INTA# to 3 for INTD#, as the device sees it
     */
    void drive(int source, int pin, boolean level);
  }

  private final IoPorts ports;
  private final PciMappings memory;
  private final @Nullable PciFunction[] functions = new @Nullable PciFunction[256];
  private IntxRouter router = (source, pin, level) -> {};

  public PciBus(IoPorts ports, PciMappings memory) {
    this.ports = ports;
    this.memory = memory;
  }

  IoPorts ports() {
    return ports;
  }

  PciMappings memory() {
    return memory;
  }

  /** The south bridge says where interrupts go. */
  public void routeIntx(IntxRouter intxRouter) {
    router = intxRouter;
  }

  /** Puts a function into a slot. */
  public void plug(int device, int function, PciFunction card) {
    int number = device << 3 | function;
    if (functions[number] != null) {
      throw new IllegalArgumentException("PCI slot %d.%d is taken".formatted(device, function));
    }
    functions[number] = card;
    card.plugged(this, number);
  }

  void drive(int source, int pin, boolean level) {
    router.drive(source, pin, level);
  }

  /**
   * The function at a device and function number ({@code device << 3 | function}), or {@code null}.
   */
  public @Nullable PciFunction at(int number) {
    return functions[number & 0xFF];
  }

  /** All functions in order of their numbers. */
  public List<PciFunction> functions() {
    List<PciFunction> present = new ArrayList<>();
    for (PciFunction function : functions) {
      if (function != null) {
        present.add(function);
      }
    }
    return Collections.unmodifiableList(present);
  }

  /** A configuration read of {@code width} 1, 2 or 4 bytes; an empty slot reads as all ones. */
  public int readConfig(int number, int register, int width) {
    PciFunction function = at(number);
    return function == null ? -1 : function.readConfig(register, width);
  }

  /** A configuration write of {@code width} 1, 2 or 4 bytes. */
  public void writeConfig(int number, int register, int width, int value) {
    PciFunction function = at(number);
    if (function != null) {
      function.writeConfig(register, width, value);
    }
  }
}
