/** Makes images smaller by knowing what is free inside them. */
@NullMarked
package io.satchel.image.compact;

import org.jspecify.annotations.NullMarked;
