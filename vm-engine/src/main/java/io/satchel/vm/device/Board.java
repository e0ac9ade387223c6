package io.satchel.vm.device;

import io.satchel.vm.bus.IoPorts;
import io.satchel.vm.bus.PciBus;
import io.satchel.vm.memory.AddressMap;
import io.satchel.vm.time.EventQueue;
import io.satchel.vm.time.VirtualClock;

/** What every slot of the mainboard offers to the device in it. */
public record Board(
    IoPorts ports, AddressMap memory, PciBus pci, VirtualClock clock, EventQueue events) {}
