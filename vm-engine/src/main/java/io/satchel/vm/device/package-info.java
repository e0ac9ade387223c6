/** The devices of the PC, one file each. */
@NullMarked
package io.satchel.vm.device;

import org.jspecify.annotations.NullMarked;
