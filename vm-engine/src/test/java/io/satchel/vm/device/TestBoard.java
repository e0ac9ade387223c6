package io.satchel.vm.device;

import io.satchel.vm.bus.IoPorts;
import io.satchel.vm.bus.IrqLine;
import io.satchel.vm.bus.PciBus;
import io.satchel.vm.memory.AddressMap;
import io.satchel.vm.memory.GuestMemory;
import io.satchel.vm.time.EventQueue;
import io.satchel.vm.time.VirtualClock;

/** A board whose time a test moves by hand. */
public final class TestBoard {

  /** Bytes of RAM. */
  public static final int RAM = 4 << 20;

  public final GuestMemory memory = new GuestMemory(RAM, 1 << 20);
  public final AddressMap map = new AddressMap(memory);
  public final IoPorts ports = new IoPorts();
  public final PciBus pci = new PciBus(ports, map);
  public final EventQueue events = new EventQueue();
  private long nanos;

  /** Nanoseconds that pass at each reading of the clock, as on a host that is busy elsewhere. */
  public long lateness;

  public final VirtualClock clock = VirtualClock.following(() -> nanos += lateness);
  public final Board board = new Board(ports, map, pci, clock, events);

  public TestBoard() {
    clock.resume();
    map.mapMemory(0, RAM, 0);
  }

  public long nanos() {
    return clock.nanos();
  }

  /** Lets time pass and fires every event at its own moment. */
  public void advance(long by) {
    long target = clock.nanos() + by;
    while (events.next() <= target) {
      nanos += Math.max(0, events.next() - clock.nanos());
      events.runDue(clock.nanos());
    }
    nanos += target - clock.nanos();
  }

  /** Time jumps: what was due in between is found overdue, as on a host that was away. */
  public void stall(long by) {
    nanos += by;
    events.runDue(clock.nanos());
  }

  public int in(int port) {
    return ports.read(port, 1);
  }

  public void out(int port, int value) {
    ports.write(port, 1, value);
  }

  /** A line that remembers its level and counts its rises. */
  public static final class Probe implements IrqLine {
    public boolean level;
    public int rises;

    @Override
    public void set(boolean newLevel) {
      if (newLevel && !level) {
        rises++;
      }
      level = newLevel;
    }
  }
}
