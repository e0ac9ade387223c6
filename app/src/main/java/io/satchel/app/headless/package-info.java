/** A run without a window: a script types, waits for text and takes pictures. */
@NullMarked
package io.satchel.app.headless;

import org.jspecify.annotations.NullMarked;
