/** Measures the commands as their users get them, beside the distribution's own tools. */
@NullMarked
package io.satchel.image.bench;

import org.jspecify.annotations.NullMarked;
