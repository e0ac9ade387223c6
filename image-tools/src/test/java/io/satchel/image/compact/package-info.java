/** Tests of the compacting and inspecting. */
@NullMarked
package io.satchel.image.compact;

import org.jspecify.annotations.NullMarked;
