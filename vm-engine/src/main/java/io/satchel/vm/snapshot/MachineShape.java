package io.satchel.vm.snapshot;

import java.util.ArrayList;
import java.util.List;

/**
 * What two machines must have in common for one to become what the other was.
 *
 * @param memoryMib RAM in MiB
 * @param memoryPages of 4 KiB, RAM and what adapters and firmware have beside it
 * @param devices their names, in the order of the wiring list
 */
public record MachineShape(
    int memoryMib, int memoryPages, String cpuModel, int processors, List<String> devices) {

  public MachineShape {
    devices = List.copyOf(devices);
  }

  /**
   * How {@code present} differs from this saved one, as a clause for a person; empty when it does
   * not.
   */
  public String difference(MachineShape present) {
    if (memoryMib != present.memoryMib) {
      return "it was saved with %d MiB of memory and this machine has %d MiB"
          .formatted(memoryMib, present.memoryMib);
    }
    if (!cpuModel.equals(present.cpuModel)) {
      return "it was saved with a %s processor and this machine has a %s"
          .formatted(cpuModel, present.cpuModel);
    }
    if (processors != present.processors) {
      return "it was saved with %d processors and this machine has %d"
          .formatted(processors, present.processors);
    }
    List<String> missing = new ArrayList<>(devices);
    missing.removeAll(present.devices);
    if (!missing.isEmpty()) {
      return "it was saved with " + String.join(", ", missing) + ", which this machine lacks";
    }
    List<String> added = new ArrayList<>(present.devices);
    added.removeAll(devices);
    if (!added.isEmpty()) {
      return "it was saved without " + String.join(", ", added) + ", which this machine has";
    }
    if (!devices.equals(present.devices) || memoryPages != present.memoryPages) {
      return "it was saved with other firmware or adapters";
    }
    return "";
  }
}
