/** Virtual PC hard disk images (VHD), fixed and dynamic. */
@NullMarked
package io.satchel.image.format.vpc;

import org.jspecify.annotations.NullMarked;
