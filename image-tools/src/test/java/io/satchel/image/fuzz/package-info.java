/** What damaged images of every kind may do: nothing but a typed error. */
@NullMarked
package io.satchel.image.fuzz;

import org.jspecify.annotations.NullMarked;
