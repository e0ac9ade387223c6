/** Ways to run a virtual processor. */
@NullMarked
package io.satchel.vm.accel;

import org.jspecify.annotations.NullMarked;
