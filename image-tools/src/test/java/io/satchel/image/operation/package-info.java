/** Tests. */
@NullMarked
package io.satchel.image.operation;

import org.jspecify.annotations.NullMarked;
