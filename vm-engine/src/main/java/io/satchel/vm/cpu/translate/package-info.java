/** Hot guest code as JVM bytecode. */
@NullMarked
package io.satchel.vm.cpu.translate;

import org.jspecify.annotations.NullMarked;
