/** Texts, icons and presets. */
@NullMarked
package io.satchel.resources;

import org.jspecify.annotations.NullMarked;
