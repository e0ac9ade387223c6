/** Raw images: the disk's bytes, one after the other. */
@NullMarked
package io.satchel.image.format.raw;

import org.jspecify.annotations.NullMarked;
