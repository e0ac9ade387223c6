/** What each instruction does, as plain methods that every engine calls. */
@NullMarked
package io.satchel.vm.cpu.semantics;

import org.jspecify.annotations.NullMarked;
