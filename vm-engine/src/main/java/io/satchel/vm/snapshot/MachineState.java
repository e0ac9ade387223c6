package io.satchel.vm.snapshot;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.device.Device;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;

/**
 * A machine's state without its memory and its disks.
 *
 * @param clockNanos virtual time
 * @param turns of the processors
 * @param devices in the order of the wiring list
 */
public record MachineState(
    long clockNanos, List<CpuSnapshot> cpus, Turns turns, List<DeviceState> devices) {

  /**
   * Where several processors are in taking turns and in the protocol of their start.
   *
   * @param last whose turn was last
   * @param processors one each
   */
  public record Turns(int last, List<Start> processors) {}

  /**
   * @param waiting for a start-up message
   * @param initWanted INIT takes effect at its next turn
   * @param page that a start-up message has named, or -1
   */
  public record Start(boolean waiting, boolean initWanted, int page) {}

  /** A device's state, as {@link StateCodec} encodes it. */
  public record DeviceState(String name, byte[] state) {}

  /**
   * The state of a machine that stands; the devices' records are taken and not yet encoded, so that
   * the machine stands for as short a time as possible.
   */
  public static Taken take(
      long clockNanos, List<CpuState> cpus, Turns turns, List<Device<?>> devices) {
    List<CpuSnapshot> processors = new ArrayList<>();
    for (CpuState cpu : cpus) {
      processors.add(CpuSnapshot.of(cpu));
    }
    List<String> names = new ArrayList<>();
    List<Record> states = new ArrayList<>();
    for (Device<?> device : devices) {
      names.add(device.name());
      states.add(device.state());
    }
    return new Taken(clockNanos, processors, turns, names, states);
  }

  /** What {@link #take} has taken. */
  public record Taken(
      long clockNanos,
      List<CpuSnapshot> cpus,
      Turns turns,
      List<String> names,
      List<Record> states) {

    /** Encodes the devices' records. */
    public MachineState encoded() {
      List<DeviceState> devices = new ArrayList<>();
      for (int i = 0; i < names.size(); i++) {
        devices.add(new DeviceState(names.get(i), StateCodec.encode(states.get(i))));
      }
      return new MachineState(clockNanos, cpus, turns, devices);
    }
  }

  /**
   * Makes a machine this one. Its shape has been compared, and its memory is restored already.
   *
   * @param setClock sets virtual time, before any device asks for it
   * @throws StateFormatException a state does not fit its device; the machine is then of no use
   */
  public void restore(LongConsumer setClock, List<CpuState> processors, List<Device<?>> present)
      throws StateFormatException {
    if (cpus.size() != processors.size()
        || turns.processors.size() != processors.size()
        || turns.last < 0
        || turns.last >= processors.size()
        || devices.size() != present.size()) {
      throw new StateFormatException("The saved state is of another machine");
    }
    setClock.accept(clockNanos);
    for (int i = 0; i < devices.size(); i++) {
      DeviceState saved = devices.get(i);
      if (!saved.name.equals(present.get(i).name())) {
        throw new StateFormatException("The saved state is of another machine");
      }
      StateCodec.load(present.get(i), saved.state);
    }
    for (int i = 0; i < cpus.size(); i++) {
      cpus.get(i).restore(processors.get(i));
    }
  }
}
