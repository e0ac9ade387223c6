/** Virtual time and the events that are due in it. */
@NullMarked
package io.satchel.vm.time;

import org.jspecify.annotations.NullMarked;
