/** Tests. */
@NullMarked
package io.satchel.image.fs;

import org.jspecify.annotations.NullMarked;
