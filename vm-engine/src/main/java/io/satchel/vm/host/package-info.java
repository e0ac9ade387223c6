/** The host's side of a device: screen, keys, disks, sound. It knows no guest register. */
@NullMarked
package io.satchel.vm.host;

import org.jspecify.annotations.NullMarked;
