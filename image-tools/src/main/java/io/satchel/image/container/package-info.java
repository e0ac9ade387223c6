/** Images inside compressed files and archives, read at any place without unpacking the whole. */
@NullMarked
package io.satchel.image.container;

import org.jspecify.annotations.NullMarked;
