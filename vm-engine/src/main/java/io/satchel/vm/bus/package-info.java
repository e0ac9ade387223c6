/** The wires between devices: ports, interrupt lines, ISA DMA and PCI. */
@NullMarked
package io.satchel.vm.bus;

import org.jspecify.annotations.NullMarked;
