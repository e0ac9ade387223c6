/** A computer for another program: one file that holds its disks and says what it is. */
@NullMarked
package io.satchel.app.export;

import org.jspecify.annotations.NullMarked;
