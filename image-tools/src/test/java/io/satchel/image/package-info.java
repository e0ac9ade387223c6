/** Tests of the library as its users see it. */
@NullMarked
package io.satchel.image;

import org.jspecify.annotations.NullMarked;
