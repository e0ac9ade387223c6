/** Files that remember what was done to them, and what a crash would leave of it. */
@NullMarked
package io.satchel.image.file;

import org.jspecify.annotations.NullMarked;
