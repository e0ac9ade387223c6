/** Image formats: what every one of them offers, and the list of them. */
@NullMarked
package io.satchel.image.format;

import org.jspecify.annotations.NullMarked;
