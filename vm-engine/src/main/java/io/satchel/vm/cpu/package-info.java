/** The state of a virtual processor and the ways in which an instruction can fail. */
@NullMarked
package io.satchel.vm.cpu;

import org.jspecify.annotations.NullMarked;
