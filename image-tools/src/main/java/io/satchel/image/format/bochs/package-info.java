/** Growing disks of the Bochs emulator. */
@NullMarked
package io.satchel.image.format.bochs;

import org.jspecify.annotations.NullMarked;
