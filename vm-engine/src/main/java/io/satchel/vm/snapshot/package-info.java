/** Saving a machine's state and becoming it again. */
@NullMarked
package io.satchel.vm.snapshot;

import org.jspecify.annotations.NullMarked;
