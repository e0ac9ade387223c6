/** Copying, comparing and the rest of what is done with whole images. */
@NullMarked
package io.satchel.image.operation;

import org.jspecify.annotations.NullMarked;
