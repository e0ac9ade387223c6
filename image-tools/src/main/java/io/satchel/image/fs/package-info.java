/** File systems, as far as reading goes: what they are called and what is free in them. */
@NullMarked
package io.satchel.image.fs;

import org.jspecify.annotations.NullMarked;
