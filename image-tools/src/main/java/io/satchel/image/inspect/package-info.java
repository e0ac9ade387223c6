/** Tells what is in an image. */
@NullMarked
package io.satchel.image.inspect;

import org.jspecify.annotations.NullMarked;
