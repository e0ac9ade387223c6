/** Tests of packed images. */
@NullMarked
package io.satchel.image.container;

import org.jspecify.annotations.NullMarked;
