/**
 * Guest memory: where its bytes live, the physical address map, and the way from linear to
 * physical.
 */
@NullMarked
package io.satchel.vm.memory;

import org.jspecify.annotations.NullMarked;
