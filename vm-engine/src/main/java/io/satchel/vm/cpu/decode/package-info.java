/** Opcode maps in the manual's notation, and the decoder that reads them. */
@NullMarked
package io.satchel.vm.cpu.decode;

import org.jspecify.annotations.NullMarked;
