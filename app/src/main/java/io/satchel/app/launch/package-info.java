/** The command line: how the program starts, with a window or without. */
@NullMarked
package io.satchel.app.launch;

import org.jspecify.annotations.NullMarked;
