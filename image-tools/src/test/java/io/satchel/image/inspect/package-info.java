/** Tests. */
@NullMarked
package io.satchel.image.inspect;

import org.jspecify.annotations.NullMarked;
