/** The interpreter: the specification, and the engine of cold code. */
@NullMarked
package io.satchel.vm.cpu.interpret;

import org.jspecify.annotations.NullMarked;
