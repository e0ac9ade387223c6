/** The files inside a disk image, to be looked at and copied out. */
@NullMarked
package io.satchel.app.inside;

import org.jspecify.annotations.NullMarked;
