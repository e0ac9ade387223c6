/** Tests of the formats against qemu-img. */
@NullMarked
package io.satchel.image.format;

import org.jspecify.annotations.NullMarked;
