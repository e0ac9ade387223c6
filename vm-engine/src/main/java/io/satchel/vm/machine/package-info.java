/** The machine: which devices it has, how they are wired, and the loop that runs it. */
@NullMarked
package io.satchel.vm.machine;

import org.jspecify.annotations.NullMarked;
