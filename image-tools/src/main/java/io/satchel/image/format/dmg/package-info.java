/** Compressed images of Apple systems (UDIF, .dmg). */
@NullMarked
package io.satchel.image.format.dmg;

import org.jspecify.annotations.NullMarked;
