package io.satchel.vm.device;

import io.satchel.image.block.BlockDevice;
import io.satchel.vm.bus.IoPorts;
import io.satchel.vm.bus.IrqLine;
import io.satchel.vm.bus.PciBus;
import io.satchel.vm.host.BlockBackend;
import io.satchel.vm.memory.AddressMap;
import io.satchel.vm.memory.GuestMemory;
import io.satchel.vm.snapshot.StateCodec;
import io.satchel.vm.snapshot.StateFormatException;
import io.satchel.vm.time.EventQueue;
import io.satchel.vm.time.VirtualClock;

/** A board with 1 MiB of RAM and a clock that the test moves. */
final class StorageRig {

  /** An interrupt line that counts its rising edges. */
  static final class Line implements IrqLine {
    boolean level;
    int rises;

    @Override
    public void set(boolean newLevel) {
      if (newLevel && !level) {
        rises++;
      }
      level = newLevel;
    }
  }

  static final int RAM = 1 << 20;

  final GuestMemory ram = new GuestMemory(RAM, 0);
  final AddressMap memory = new AddressMap(ram);
  final IoPorts ports = new IoPorts();
  final PciBus pci = new PciBus(ports, memory);
  final EventQueue events = new EventQueue();
  final VirtualClock clock = VirtualClock.following(() -> 0);
  final Board board = new Board(ports, memory, pci, clock, events);
  final BlockBackend.Traffic traffic = new BlockBackend.Traffic();

  StorageRig() {
    memory.mapMemory(0, RAM, 0);
  }

  BlockBackend backend(BlockDevice disk) {
    return BlockBackend.immediate(disk, traffic, events, clock);
  }

  /** Runs events until none is left. */
  void settle() {
    for (long next = events.next(); next != EventQueue.NEVER; next = events.next()) {
      run(next - clock.nanos());
    }
  }

  /** Lets time pass. */
  void run(long nanos) {
    clock.set(clock.nanos() + Math.max(0, nanos));
    events.runDue(clock.nanos());
  }

  int in(int port) {
    return ports.read(port, 1);
  }

  void out(int port, int value) {
    ports.write(port, 1, value);
  }

  /** Carries a device's state, by way of its bytes, into another. */
  static <S extends Record> void transplant(Device<S> from, Device<S> to) {
    try {
      StateCodec.load(to, StateCodec.save(from));
    } catch (StateFormatException e) {
      throw new AssertionError(e);
    }
  }
}
