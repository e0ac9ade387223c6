/** Tests. */
@NullMarked
package io.satchel.image.block;

import org.jspecify.annotations.NullMarked;
